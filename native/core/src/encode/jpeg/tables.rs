//! Tables of JPEG: steps of quantization, and codes.

use super::super::prefix_code::PrefixCode;

/// Where each coefficient stands in its block, in the order in which they are written.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// ITU-T T.81, tables K.1 and K.2.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// Divides by a step: adds half of it and multiplies with the 65,536th part of its reciprocal.
pub(super) struct Quantizer {
    steps: [u8; 64],
    pub(super) corrections: [u16; 64],
    pub(super) reciprocals: [u16; 64],
}

/// For luma and chroma, scaled by quality as libjpeg does.
pub(super) fn quantizers(quality: u8) -> [Quantizer; 2] {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5_000 / quality } else { 200 - quality * 2 };
    [LUMA, CHROMA].map(|table| {
        let steps = table.map(|step| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as u8);
        // The transform's results are eight times as large as they should be.
        let divisions = steps.map(|step| reciprocal(u32::from(step) * 8));
        Quantizer {
            steps,
            corrections: divisions.map(|(correction, _)| correction),
            reciprocals: divisions.map(|(_, reciprocal)| reciprocal),
        }
    })
}

/// What to add before the multiplication, and what to multiply with, so that the result is that of
/// `jpeg-encoder`.
fn reciprocal(divisor: u32) -> (u16, u16) {
    const ONE: u32 = 1 << 15;
    let (mut reciprocal, rest) = (ONE / divisor, ONE % divisor);
    let mut correction = divisor / 2;
    if rest != 0 {
        if rest <= correction {
            correction += 1;
        } else {
            reciprocal += 1;
        }
    }
    (correction as u16, reciprocal as u16 * 2)
}

impl Quantizer {
    /// The steps as they are written.
    pub(super) fn table(&self) -> [u8; 64] {
        ZIGZAG.map(|at| self.steps[usize::from(at)])
    }
}

/// A code for symbols that come so often.
pub(super) struct Huffman {
    /// Each symbol's bits and how many they are.
    codes: [(u16, u8); 256],
    /// How many codes there are of each length, and their symbols in order.
    counts: [u8; 16],
    symbols: Vec<u8>,
}

/// Not a symbol: it takes the code of nothing but ones, which JPEG leaves free.
const RESERVED: usize = 256;

impl Huffman {
    pub(super) fn new(frequencies: &[u32; 256]) -> Self {
        // Twice each, so that what is reserved is the rarest.
        let mut doubled: Vec<u32> =
            frequencies.iter().map(|count| count.saturating_mul(2)).collect();
        doubled.push(1);
        let prefix = PrefixCode::new(&doubled);
        let mut lengths: Vec<u8> = (0..=RESERVED).map(|symbol| prefix.code(symbol).len).collect();
        // It comes last of its length, which has to be the longest.
        let longest = (0..=RESERVED).max_by_key(|&symbol| lengths[symbol]).unwrap_or(RESERVED);
        lengths.swap(longest, RESERVED);
        let mut huffman = Huffman { codes: [(0, 0); 256], counts: [0; 16], symbols: Vec::new() };
        let mut next = 0u32;
        for (len, count) in (1u8..).zip(&mut huffman.counts) {
            for (symbol, _) in lengths.iter().enumerate().filter(|&(_, &length)| length == len) {
                if let Some(code) = huffman.codes.get_mut(symbol) {
                    *code = (next as u16, len);
                    huffman.symbols.push(symbol as u8);
                    *count += 1;
                }
                next += 1;
            }
            next <<= 1;
        }
        huffman
    }

    #[inline]
    pub(super) fn code(&self, symbol: u8) -> (u16, u8) {
        self.codes[usize::from(symbol)]
    }

    /// Its part of a DHT segment.
    pub(super) fn bytes(&self, class_and_index: u8) -> Vec<u8> {
        [&[class_and_index], &self.counts[..], &self.symbols].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_complete_but_for_the_one_of_ones() {
        let fibonacci =
            |i: usize| (0..i).fold((1u32, 1u32), |(a, b), _| (b, a.saturating_add(b))).0;
        let cases: [&dyn Fn(usize) -> u32; 5] = [
            &|_| 0,
            &|i| u32::from(i == 7),
            &|_| 1,
            &|i| (i as u32).wrapping_mul(2_654_435_761) >> 20,
            &|i| {
                if i < 44 { fibonacci(i) } else { 0 }
            },
        ];
        for frequency in cases {
            let frequencies: [u32; 256] = std::array::from_fn(frequency);
            let huffman = Huffman::new(&frequencies);
            let used: Vec<u8> = (0..=255).filter(|&s| frequencies[usize::from(s)] > 0).collect();
            let mut symbols = huffman.symbols.clone();
            symbols.sort_unstable();
            assert_eq!(symbols, used);
            let codes: Vec<(u16, u8)> = used.iter().map(|&symbol| huffman.code(symbol)).collect();
            assert!(codes.iter().all(|&(bits, len)| {
                (1..=16).contains(&len) && u32::from(bits) < (1 << len) - 1
            }));
            for &(bits, len) in &codes {
                let starts_with = |&&(other, other_len): &&(u16, u8)| {
                    other_len >= len && other >> (other_len - len) == bits
                };
                assert_eq!(codes.iter().filter(starts_with).count(), 1);
            }
            assert_eq!(
                huffman.counts.iter().map(|&count| usize::from(count)).sum::<usize>(),
                used.len()
            );
        }
    }
}
