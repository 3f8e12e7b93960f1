//! Bits of the stream, lowest bit of each byte first.

use crate::Error;

/// Where a reader stands, without the bytes that it reads.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    /// The first byte that is not in the buffer yet. It goes past the end of the data by as many bytes as
    /// were made up.
    at: usize,
    /// The next bits. Those above `left` may be there already, but do not count.
    buffer: u64,
    left: u32,
}

/// A reader of the bytes of one chunk.
///
/// Beyond the end it reads zeros, and [`overrun`](Self::overrun) tells: the loops that read pixels need
/// not look after every code.
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

    /// Makes at least 56 bits available, of which none are made up. `false` near the end of the data,
    /// where [`refill`](Self::refill) is needed.
    #[inline(always)]
    pub(super) fn refill_fast(&mut self) -> bool {
        let Some(next) = self.data.get(self.cursor.at..).and_then(|rest| rest.first_chunk()) else {
            return false;
        };
        let Cursor { at, buffer, left } = &mut self.cursor;
        *buffer |= u64::from_le_bytes(*next) << *left;
        *at += ((63 - *left) >> 3) as usize;
        *left |= 56;
        true
    }

    /// Makes at least 56 bits available, made up if need be.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if !self.refill_fast() {
            self.refill_slow();
        }
    }

    #[cold]
    fn refill_slow(&mut self) {
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
        if self.overrun() { Err(Error::Truncated { offset: self.base + self.data.len() }) } else { Ok(()) }
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
