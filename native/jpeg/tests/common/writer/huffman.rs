//! Huffman tables, of the symbols of a scan or of the standard.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Token;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Huffman {
    /// The shortest codes, anew for every scan.
    #[default]
    Optimized,
    /// Codes of most lengths up to 16 bits, the longest for the most frequent symbols, anew for
    /// every scan.
    Long,
    /// The tables of Annex K, before the first scan.
    Standard,
    /// The tables of Annex K, but not in the file: a frame of a Motion JPEG.
    Omitted,
}

impl Huffman {
    pub(super) fn is_standard(self) -> bool {
        matches!(self, Huffman::Standard | Huffman::Omitted)
    }
}

#[derive(Clone, Default)]
pub(super) struct HuffmanTable {
    /// How many codes there are of each length from 1 to 16.
    pub(super) counts: [u8; 16],
    /// Shortest code first.
    pub(super) symbols: Vec<u8>,
}

impl HuffmanTable {
    pub(super) fn from_lengths(mut lengths: Vec<(usize, u8)>) -> HuffmanTable {
        lengths.sort();
        let mut table = HuffmanTable::default();
        for (length, symbol) in lengths {
            table.counts[length - 1] += 1;
            table.symbols.push(symbol);
        }
        table
    }

    /// The codes by Huffman's method. The counts are made more alike until none has over 16 bits.
    pub(super) fn optimized(mut counts: Vec<(u64, u8)>) -> HuffmanTable {
        loop {
            let mut lengths = vec![0; counts.len() + 1];
            let mut trees: BinaryHeap<_> = counts
                .iter()
                .enumerate()
                .map(|(leaf, count)| Reverse((count.0, vec![leaf])))
                .collect();
            // Less frequent than all others, so it takes the code of all ones, which no symbol may
            // have.
            trees.push(Reverse((0, vec![counts.len()])));
            while trees.len() > 1 {
                let (Reverse(a), Reverse(b)) = (trees.pop().unwrap(), trees.pop().unwrap());
                let leaves = [a.1, b.1].concat();
                leaves.iter().for_each(|&leaf| lengths[leaf] += 1);
                trees.push(Reverse((a.0 + b.0, leaves)));
            }
            if lengths.iter().all(|&length| length <= 16) {
                let lengths =
                    counts.iter().zip(lengths).map(|(&(_, symbol), length)| (length, symbol));
                return HuffmanTable::from_lengths(lengths.collect());
            }
            counts.iter_mut().for_each(|count| count.0 = count.0.div_ceil(2));
        }
    }

    /// The rarer half of the symbols has one code of each length but 8, and all others have 16
    /// bits. There is no room for so many if 8 has one too.
    pub(super) fn long(mut counts: Vec<(u64, u8)>) -> HuffmanTable {
        counts.sort();
        let rare = counts.len() / 2;
        let mut short = (1..8).chain(9..16).take(rare);
        let length = |(_, symbol)| (short.next().unwrap_or(16), symbol);
        HuffmanTable::from_lengths(counts.into_iter().map(length).collect())
    }

    /// The code of each symbol and its length.
    pub(super) fn codes(&self) -> [Option<(u32, u32)>; 256] {
        let mut codes = [None; 256];
        let mut symbols = self.symbols.iter();
        let mut code = 0;
        for (count, length) in self.counts.iter().zip(1..) {
            for &symbol in symbols.by_ref().take(usize::from(*count)) {
                codes[usize::from(symbol)] = Some((code, length));
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

/// The tables of the four slots for DC, then of those for AC.
pub(super) fn huffman_tables(huffman: Huffman, tokens: &[Token]) -> [HuffmanTable; 8] {
    let mut counts = vec![[0; 256]; 8];
    for token in tokens {
        if let Token::Symbol(slot, symbol) = *token {
            counts[usize::from(slot)][usize::from(symbol)] += 1;
        }
    }
    std::array::from_fn(|slot| {
        let used =
            counts[slot].iter().copied().zip(0..=255).filter(|&(count, _)| count > 0).collect();
        match huffman {
            Huffman::Optimized => HuffmanTable::optimized(used),
            Huffman::Long => HuffmanTable::long(used),
            _ if slot % 4 > 1 => HuffmanTable::default(),
            _ => {
                let (counts, symbols) = STANDARD[slot / 4 * 2 + slot % 4];
                HuffmanTable { counts, symbols: symbols.to_vec() }
            }
        }
    })
}

/// How many codes there are of each length, and their symbols: tables K.3 to K.6.
const STANDARD: [([u8; 16], &[u8]); 4] = [
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &LUMINANCE_AC),
    ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &CHROMINANCE_AC),
];
const LUMINANCE_AC: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];
const CHROMINANCE_AC: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];
