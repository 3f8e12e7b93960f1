//! Bits of the stream, lowest bit of each byte first.

use crate::Error;

/// Where a reader stands, without the bytes that it reads.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    /// The first byte that is not in the buffer yet. It goes past the end of the data by as many
    /// bytes as were made up.
    at: usize,
    /// The next bits. Those above `left` may be there already, but do not count.
    buffer: u64,
    left: u32,
}

/// A reader of the bytes of one chunk.
///
/// Beyond the end it reads zeros, and [`overrun`](Self::overrun) tells: the loops that read pixels
/// need not look after every code.
///
/// It is copied to a place of its own in such loops, and no reference to it leaves them: so it
/// stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The chunk's offset in the file, for errors.
    base: usize,
    cursor: Cursor,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], base: usize, cursor: Cursor) -> Self {
        Bits { data, base, cursor }
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Whether the next two refills are sure to find data.
    #[inline(always)]
    pub(super) fn is_far_from_end(&self) -> bool {
        self.data.get(self.cursor.at..).is_some_and(|rest| rest.len() >= 16)
    }

    /// Makes at least 56 bits available, far from the end.
    #[inline(always)]
    pub(super) fn refill_far(&mut self) {
        if let Some(next) = self.data.get(self.cursor.at..).and_then(|rest| rest.first_chunk()) {
            let Cursor { at, buffer, left } = &mut self.cursor;
            *buffer |= u64::from_le_bytes(*next) << *left;
            *at += ((63 - *left) >> 3) as usize;
            *left |= 56;
        }
    }

    /// Makes at least 56 bits available, made up if need be.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.is_far_from_end() {
            self.refill_far();
        } else {
            self.refill_near();
        }
    }

    #[cold]
    #[inline(never)]
    fn refill_near(&mut self) {
        let Cursor { at, buffer, left } = &mut self.cursor;
        while *left < 56 {
            *buffer |= u64::from(self.data.get(*at).copied().unwrap_or(0)) << *left;
            *at += 1;
            *left += 8;
        }
    }

    /// The next bits, as many as [`left`](Self::left).
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.cursor.buffer
    }

    #[inline(always)]
    pub(super) fn left(&self) -> u32 {
        self.cursor.left
    }

    /// Passes at most as many bits as are left.
    #[inline(always)]
    pub(super) fn consume(&mut self, count: u32) {
        debug_assert!(count <= self.cursor.left);
        self.cursor.buffer >>= count;
        self.cursor.left -= count;
    }

    /// At most 24 bits that a refill made available.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> usize {
        let value = self.cursor.buffer & ((1 << count) - 1);
        self.consume(count);
        value as usize
    }

    /// At most 24 bits, which must be there.
    pub(super) fn read(&mut self, count: u32) -> Result<usize, Error> {
        if self.cursor.left < count {
            self.refill();
        }
        let value = self.take(count);
        self.check().map(|()| value)
    }

    /// The number of bits read so far.
    pub(super) fn position(&self) -> usize {
        (self.cursor.at * 8).saturating_sub(self.cursor.left as usize)
    }

    /// Whether bits were read that are not there.
    #[inline(always)]
    pub(super) fn overrun(&self) -> bool {
        self.cursor.at > self.data.len() && self.position() > self.data.len() * 8
    }

    /// An error when bits were read that are not there.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.overrun() {
            Err(Error::Truncated { offset: self.base + self.data.len() })
        } else {
            Ok(())
        }
    }

    /// The error of what the format does not allow, or of the missing bits from which it was made.
    #[cold]
    pub(super) fn invalid(&self, what: &'static str) -> Error {
        match self.check() {
            Err(truncated) => truncated,
            Ok(()) => Error::Invalid { what, offset: self.base + self.position() / 8 },
        }
    }
}
