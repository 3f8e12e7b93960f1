//! Entropy-coded bytes: without their stuffing, and bit by bit.

use memchr::memchr;

use crate::budget::Budget;
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

/// Appends entropy-coded bytes of `input` from `from` on to `out`, without stuffing, until about
/// `most` were taken. Returns where it stopped, and whether a marker or the end of the input is
/// there.
pub(crate) fn unstuff(input: &[u8], from: usize, most: usize, out: &mut Vec<u8>) -> (usize, bool) {
    let end = from.saturating_add(most).min(input.len());
    let mut at = from;
    while at < end {
        let rest = &input[at..end];
        let Some(until) = memchr(0xFF, rest) else {
            out.extend_from_slice(rest);
            return (end, end == input.len());
        };
        match input.get(at + until + 1) {
            Some(0) => {
                out.extend_from_slice(&rest[..=until]);
                at += until + 2;
            }
            _ => {
                out.extend_from_slice(&rest[..until]);
                return (at + until, true);
            }
        }
    }
    (at, at >= input.len())
}

/// The place in `input` of the byte that is the `unstuffed`th after `from`.
pub(crate) fn stuffed(input: &[u8], from: usize, mut unstuffed: usize) -> usize {
    let mut at = from;
    while let Some(rest) = input.get(at..(at + unstuffed).min(input.len())).filter(|rest| !rest.is_empty()) {
        match memchr(0xFF, rest) {
            None => return at + rest.len(),
            Some(until) => {
                // A 0xFF that belongs to the data has a stuffed byte behind it.
                at += until + 2;
                unstuffed -= until + 1;
            }
        }
    }
    at.min(input.len())
}

/// The first marker at or after `from`: where its 0xFF is, and its code. Fill bytes and whatever
/// else is no marker are passed over.
pub(crate) fn find_marker(input: &[u8], from: usize) -> Option<(usize, u8)> {
    let mut at = from;
    loop {
        at += memchr(0xFF, input.get(at..)?)?;
        match input.get(at + 1)? {
            0x00 => at += 2,
            // There may be any number of these.
            0xFF => at += input[at + 1..].iter().position(|&byte| byte != 0xFF)?,
            &code => return Some((at, code)),
        }
    }
}

/// What a search for a marker came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Where its 0xFF is, and its code.
    Marker(usize, u8),
    /// None before this place, from where to go on.
    Later(usize),
    /// There is none.
    Over,
}

/// Looks for the first marker at or after `from`, as far as `budget` goes.
pub(crate) fn search(input: &[u8], from: usize, budget: &mut Budget) -> Search {
    let end = from.saturating_add(budget.searchable()).min(input.len());
    let found = find_marker(&input[..end], from);
    budget.searched(found.map_or(end, |(at, _)| at + 2).saturating_sub(from));
    match found {
        Some((at, code)) => Search::Marker(at, code),
        None if end == input.len() => Search::Over,
        // Not between a 0xFF and what follows it.
        None => Search::Later(end - usize::from(input.get(end - 1) == Some(&0xFF))),
    }
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
            let bit = |i: usize| data.get(i / 8).map_or(0, |byte| u32::from(byte >> (7 - i % 8) & 1));
            let expected = (at..at + length).fold(0u32, |bits, i| bits << 1 | bit(i));
            bits.refill(&data);
            assert_eq!(bits.take(length as u32), expected);
            at += length;
            assert_eq!(bits.position(), at);
            assert_eq!(bits.overran(&data), at > data.len() * 8);
        }
    }

    #[test]
    fn stuffing_goes_and_markers_stop() {
        let input = [1, 0xFF, 0, 2, 0xFF, 0, 0xFF, 0, 3, 0xFF, 0xD9, 4];
        let mut out = Vec::new();
        assert_eq!(unstuff(&input, 0, 100, &mut out), (9, true));
        assert_eq!(out, [1, 0xFF, 2, 0xFF, 0xFF, 3]);
        for (unstuffed, at) in [0, 1, 3, 4, 6, 8, 9].into_iter().enumerate() {
            assert_eq!(stuffed(&input, 0, unstuffed), at);
        }
        // In two goes, wherever it is cut.
        for most in 1..9 {
            let mut out = Vec::new();
            let (at, over) = unstuff(&input, 0, most, &mut out);
            assert!(!over, "{most}");
            assert_eq!(unstuff(&input, at, 100, &mut out), (9, true));
            assert_eq!(out, [1, 0xFF, 2, 0xFF, 0xFF, 3]);
        }
        assert_eq!(find_marker(&input, 0), Some((9, 0xD9)));
        assert_eq!(find_marker(&[0xFF, 0xFF, 0xD0], 0), Some((1, 0xD0)));
        assert_eq!(find_marker(&[1, 0xFF], 0), None);
        assert_eq!(find_marker(&[0xFF; 9], 0), None);
        assert_eq!(find_marker(&[0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xC4], 0), Some((5, 0xC4)));
    }

    #[test]
    fn searches_go_on_where_they_stopped() {
        let bytes = [0, 0xFF, 1, 0xC4];
        for number in 0..4usize.pow(7) {
            let input: Vec<u8> = (0..7).map(|i| bytes[number >> (2 * i) & 3]).collect();
            let mut from = 0;
            let found = loop {
                let mut spent = Budget::of_a_call();
                spent.spent(usize::MAX);
                match search(&input, from, &mut spent) {
                    Search::Later(at) => {
                        assert!(at > from && at <= from + 2, "{input:?} at {from}");
                        from = at;
                    }
                    Search::Marker(at, code) => break Some((at, code)),
                    Search::Over => break None,
                }
            };
            assert_eq!(found, find_marker(&input, 0), "{input:?}");
        }
    }
}
