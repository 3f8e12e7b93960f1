//! The boolean entropy decoder (RFC 6386, section 7).

use bytes::Bytes;

/// A partition of the data, and how far it has been read.
pub(super) struct Partition {
    data: Bytes,
    /// Whether it should go on.
    is_cut: bool,
    state: State,
}

#[derive(Clone, Copy)]
struct State {
    /// The next bits, from the top. Below the first `bits` they are either right or zero.
    value: u64,
    bits: u32,
    /// 128 to 255 between two bools.
    range: u32,
    /// The next byte to load, which may lie past the end: there are zeros.
    next: usize,
}

impl Partition {
    /// The bytes from `start` to `end`, as far as they are there.
    pub(super) fn new(data: &Bytes, start: usize, end: usize) -> Self {
        let len = data.len();
        let is_cut = end > len;
        let data = data.slice(start.min(len)..end.clamp(start.min(len), len));
        Partition { data, is_cut, state: State { value: 0, bits: 0, range: 255, next: 0 } }
    }

    /// Goes on reading. What has been read counts once it is [kept](Self::keep).
    #[inline(always)]
    pub(super) fn bools(&self) -> Bools<'_> {
        Bools { data: &self.data, state: self.state }
    }

    #[inline(always)]
    pub(super) fn keep(&mut self, position: Position) {
        self.state = position.0;
    }

    /// Whether more has been read than there is. A writer may leave out a last byte of zeros; but
    /// where bytes are missing because the data ends early, who knows what they were.
    pub(super) fn overran(&self) -> bool {
        // Each bool depends on the next eight bits.
        let end = self.data.len() * 8;
        if self.is_cut { self.bits_read() + 8 > end } else { self.bits_read() > end + 7 }
    }

    /// Bytes that have been read.
    pub(super) fn position(&self) -> usize {
        self.bits_read() / 8
    }

    fn bits_read(&self) -> usize {
        self.state.next * 8 - self.state.bits as usize
    }
}

/// Where [`Bools`] stopped.
pub(super) struct Position(State);

/// Reads bools. Small, and best held in a local variable: then it lives in registers.
#[derive(Clone, Copy)]
pub(super) struct Bools<'a> {
    data: &'a [u8],
    state: State,
}

impl Bools<'_> {
    pub(super) fn position(self) -> Position {
        Position(self.state)
    }

    /// Makes sure of at least 56 bits, when less than 8 are left.
    #[inline(always)]
    fn refill(&mut self) {
        let word = match self.data.get(self.state.next..).and_then(<[u8]>::first_chunk) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => last_bytes(self.data, self.state.next),
        };
        self.state.value |= word >> self.state.bits;
        self.state.next += 7;
        self.state.bits += 56;
    }

    /// A bool that is `false` with a probability of `probability` / 256.
    #[inline(always)]
    pub(super) fn bool(&mut self, probability: u8) -> bool {
        if self.state.bits < 8 {
            self.refill();
        }
        let state = &mut self.state;
        let split = 1 + (((state.range - 1) * u32::from(probability)) >> 8);
        let threshold = u64::from(split) << 56;
        // Each way has all that follows to itself: what is one and the same for both, compilers
        // would rather compute than foresee.
        if state.value >= threshold {
            state.narrow(state.range - split, state.value - threshold);
            true
        } else {
            state.narrow(split, state.value);
            false
        }
    }

    #[inline(always)]
    pub(super) fn bit(&mut self, probability: u8) -> u32 {
        u32::from(self.bool(probability))
    }

    pub(super) fn flag(&mut self) -> bool {
        self.bool(128)
    }

    /// A number of `length` bits, at most 8.
    pub(super) fn literal(&mut self, length: u32) -> u8 {
        (0..length).fold(0, |value, _| (value << 1) | u8::from(self.flag()))
    }

    /// A number of `length` bits and its sign, or 0 if it is left out.
    pub(super) fn optional_signed(&mut self, length: u32) -> i32 {
        if !self.flag() {
            return 0;
        }
        let magnitude = i32::from(self.literal(length));
        if self.flag() { -magnitude } else { magnitude }
    }

    /// `magnitude` with the sign that follows. Not for the first bool of a partition: only from
    /// then on is the range less than 255, so that each half of it is less than 128.
    #[inline(always)]
    pub(super) fn signed(&mut self, magnitude: i32) -> i32 {
        if self.state.bits < 8 {
            self.refill();
        }
        let state = &mut self.state;
        let split = state.range.div_ceil(2);
        let threshold = u64::from(split) << 56;
        let negative = state.value >= threshold;
        // Signs cannot be foreseen, so this is free of branches.
        let mask = u64::from(negative).wrapping_neg();
        let half = split ^ ((split ^ (state.range - split)) & mask as u32);
        state.range = half << 1;
        state.value = (state.value - (threshold & mask)) << 1;
        state.bits -= 1;
        (magnitude ^ mask as i32) - mask as i32
    }
}

impl State {
    /// Goes on with a part of the range.
    #[inline(always)]
    fn narrow(&mut self, range: u32, value: u64) {
        // The range is not 0, which compilers do not know.
        let shift = (range | 1).leading_zeros() & 7;
        self.range = range << shift;
        self.value = value << shift;
        self.bits -= shift;
    }
}

/// Where there are not eight bytes any more.
#[cold]
fn last_bytes(data: &[u8], from: usize) -> u64 {
    let rest = data.get(from..).unwrap_or_default();
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_be_bytes(eight)
}
