//! Entropy-coded bytes without their stuffing, bit by bit.

use crate::huffman::LOOKUP_BITS;

/// Reads bits from bytes that have no stuffing any more. Past their end it reads zeros, and
/// [`overran`](Self::overran) tells.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bits {
    /// The next bits, from the top. Below the first `count` they are either right or zero.
    bits: u64,
    count: u32,
    /// The next byte to load.
    next: usize,
}

impl Bits {
    /// So many can be taken after a [`refill`](Self::refill).
    pub(crate) const REFILLED: usize = 56;

    /// Starts at a bit of `data`.
    pub(crate) fn at(data: &[u8], bit: usize) -> Self {
        let mut bits = Bits { bits: 0, count: 0, next: bit / 8 };
        bits.refill(data);
        bits.skip((bit % 8) as u32);
        bits
    }

    /// Makes sure of at least 56 bits.
    #[inline(always)]
    pub(crate) fn refill(&mut self, data: &[u8]) {
        let word = match data.get(self.next..).and_then(<[u8]>::first_chunk) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => last_bytes(data, self.next),
        };
        self.bits |= word >> self.count;
        self.next += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
    }

    /// The next bits, from the top; as many of them as the last refill and skips left.
    #[inline(always)]
    pub(crate) fn peek(&self) -> u64 {
        self.bits
    }

    /// The place of the next bits in a look-up table.
    #[inline(always)]
    pub(crate) fn index(&self) -> usize {
        (self.bits >> (64 - LOOKUP_BITS)) as usize
    }

    /// Moves on by less than 64 bits.
    #[inline(always)]
    pub(crate) fn skip(&mut self, length: u32) {
        self.bits <<= length;
        self.count -= length;
    }

    /// The next `length` bits, 0 to 32.
    #[inline(always)]
    pub(crate) fn take(&mut self, length: u32) -> u32 {
        let taken = ((self.bits >> 1) >> (63 - length)) as u32;
        self.skip(length);
        taken
    }

    /// The next bit to be read.
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.next * 8 - self.count as usize
    }

    /// Whether more was read than there is.
    #[inline(always)]
    pub(crate) fn overran(&self, data: &[u8]) -> bool {
        self.position() > data.len() * 8
    }
}

#[cold]
fn last_bytes(data: &[u8], from: usize) -> u64 {
    let mut eight = [0; 8];
    let rest = data.get(from..).unwrap_or_default();
    for (to, from) in eight.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_be_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_and_zeros_follow() {
        let data: Vec<u8> = (0..40).map(|i: u8| i.wrapping_mul(37)).collect();
        let mut bits = Bits::at(&data, 3);
        let mut at = 3;
        for length in [1, 7, 0, 13, 32, 5, 19, 31, 2, 8].into_iter().cycle().take(40) {
            let bit =
                |i: usize| data.get(i / 8).map_or(0, |byte| u32::from(byte >> (7 - i % 8) & 1));
            let expected = (at..at + length).fold(0u32, |bits, i| bits << 1 | bit(i));
            bits.refill(&data);
            assert_eq!(bits.take(length as u32), expected);
            at += length;
            assert_eq!(bits.position(), at);
            assert_eq!(bits.overran(&data), at > data.len() * 8);
        }
    }
}
