//! Entropy coding of blocks, whole or progressively (ITU-T T.81, F.1 and G.1). Each coder goes over
//! the blocks twice: once to count its symbols, once to write their codes.

use super::tables::Huffman;
use super::transform::Block;

/// Takes symbols, and the bits that follow them.
pub(super) trait Symbols {
    fn symbol(&mut self, table: usize, symbol: u8, bits: u32, count: u32);
    fn bits(&mut self, bits: u32, count: u32);
}

/// Two tables for DC, two for AC.
pub(super) const TABLES: usize = 4;
pub(super) const DC: usize = 0;
pub(super) const AC: usize = 2;

/// How often each symbol comes.
pub(super) struct Counts(pub(super) [[u32; 256]; TABLES]);

impl Symbols for Counts {
    #[inline]
    fn symbol(&mut self, table: usize, symbol: u8, _bits: u32, _count: u32) {
        self.0[table][usize::from(symbol)] += 1;
    }

    #[inline]
    fn bits(&mut self, _bits: u32, _count: u32) {}
}

/// Writes codes, the highest bit first, and a zero after each byte of ones.
pub(super) struct Codes {
    pub(super) tables: [Option<Huffman>; TABLES],
    waiting: u64,
    count: u32,
    pub(super) out: Vec<u8>,
}

impl Codes {
    pub(super) fn new(tables: [Option<Huffman>; TABLES]) -> Self {
        Codes { tables, waiting: 0, count: 0, out: Vec::new() }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(&mut self) {
        self.bits(0x7F, 7);
        let whole = self.count / 8;
        for byte in (0..whole).rev() {
            self.byte((self.waiting >> (self.count % 8 + byte * 8)) as u8);
        }
        (self.waiting, self.count) = (0, 0);
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xFF {
            self.out.push(0);
        }
    }

    #[cold]
    fn stuffed(&mut self, bytes: [u8; 4]) {
        bytes.into_iter().for_each(|byte| self.byte(byte));
    }
}

impl Symbols for Codes {
    #[inline]
    fn symbol(&mut self, table: usize, symbol: u8, bits: u32, count: u32) {
        let Some(huffman) = &self.tables[table] else { return };
        let (code, len) = huffman.code(symbol);
        // At most 16 bits each.
        self.bits(u32::from(code) << count | bits, u32::from(len) + count);
    }

    #[inline]
    fn bits(&mut self, bits: u32, count: u32) {
        self.waiting = self.waiting << count | u64::from(bits);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            let bytes = ((self.waiting >> self.count) as u32).to_be_bytes();
            if bytes.contains(&0xFF) {
                self.stuffed(bytes);
            } else {
                self.out.extend_from_slice(&bytes);
            }
        }
    }
}

/// How many bits a value takes, and these: as they are, or one less for a negative one.
#[inline]
fn magnitude(value: i32) -> (u32, u32) {
    let count = 32 - value.unsigned_abs().leading_zeros();
    let bits = (value + (value >> 31)) as u32 & ((1 << count) - 1);
    (count, bits)
}

const RUN_OF_16: u8 = 0xF0;
const END_OF_BLOCK: u8 = 0;

/// A whole block.
#[inline]
pub(super) fn sequential(
    block: &Block,
    previous: &mut i16,
    component: usize,
    symbols: &mut impl Symbols,
) {
    let table = usize::from(component > 0);
    dc(block[0], previous, table, symbols);
    let mut run = 0;
    let mut nonzero = nonzero(block) & !1;
    let mut at = 0;
    while nonzero != 0 {
        let next = nonzero.trailing_zeros();
        nonzero &= nonzero - 1;
        run += next - at - 1;
        at = next;
        while run > 15 {
            symbols.symbol(AC + table, RUN_OF_16, 0, 0);
            run -= 16;
        }
        let (count, bits) = magnitude(block[next as usize].into());
        symbols.symbol(AC + table, (run << 4 | count) as u8, bits, count);
        run = 0;
    }
    if at < 63 {
        symbols.symbol(AC + table, END_OF_BLOCK, 0, 0);
    }
}

#[inline]
fn nonzero(block: &Block) -> u64 {
    let bits = block.iter().enumerate().map(|(at, &value)| u64::from(value != 0) << at);
    bits.fold(0, |all, bit| all | bit)
}

fn dc(value: i16, previous: &mut i16, table: usize, symbols: &mut impl Symbols) {
    let (count, bits) = magnitude(i32::from(value) - i32::from(*previous));
    symbols.symbol(DC + table, count as u8, bits, count);
    *previous = value;
}

/// The first coefficient but for its lowest bits.
pub(super) fn dc_first(
    block: &Block,
    low: u32,
    previous: &mut i16,
    component: usize,
    symbols: &mut impl Symbols,
) {
    dc(block[0] >> low, previous, usize::from(component > 0), symbols);
}

/// One more bit of the first coefficient.
pub(super) fn dc_refine(block: &Block, low: u32, symbols: &mut impl Symbols) {
    symbols.bits((block[0] >> low) as u32 & 1, 1);
}

/// What is said once for several blocks: that they are over, and bits of coefficients that were
/// known not to be 0.
#[derive(Default)]
pub(super) struct Pending {
    blocks: u32,
    corrections: Vec<u8>,
    /// The current block's own corrections.
    own: Vec<u8>,
}

/// The most blocks that one symbol ends, and the most corrections that wait.
const MAX_BLOCKS: u32 = 0x7FFF;
const MAX_CORRECTIONS: usize = 1000 - 63;

impl Pending {
    /// Says it.
    pub(super) fn flush(&mut self, table: usize, symbols: &mut impl Symbols) {
        if let Some(count) = self.blocks.checked_ilog2() {
            symbols.symbol(table, (count << 4) as u8, self.blocks & ((1 << count) - 1), count);
            self.blocks = 0;
        }
        put_all(&mut self.corrections, symbols);
    }
}

fn put_all(bits: &mut Vec<u8>, symbols: &mut impl Symbols) {
    bits.drain(..).for_each(|bit| symbols.bits(bit.into(), 1));
}

/// Some coefficients but for their lowest bits.
pub(super) fn ac_first(
    block: &Block,
    (first, last): (usize, usize),
    low: u32,
    table: usize,
    pending: &mut Pending,
    symbols: &mut impl Symbols,
) {
    let mut run = 0;
    for &value in &block[first..=last] {
        let size = value.unsigned_abs() >> low;
        if size == 0 {
            run += 1;
            continue;
        }
        pending.flush(table, symbols);
        while run > 15 {
            symbols.symbol(table, RUN_OF_16, 0, 0);
            run -= 16;
        }
        let signed = if value < 0 { -i32::from(size) } else { i32::from(size) };
        let (count, bits) = magnitude(signed);
        symbols.symbol(table, (run << 4) as u8 | count as u8, bits, count);
        run = 0;
    }
    if run > 0 {
        pending.blocks += 1;
        if pending.blocks == MAX_BLOCKS {
            pending.flush(table, symbols);
        }
    }
}

/// One more bit of some coefficients.
pub(super) fn ac_refine(
    block: &Block,
    (first, last): (usize, usize),
    low: u32,
    table: usize,
    pending: &mut Pending,
    symbols: &mut impl Symbols,
) {
    let size = |at: usize| block[at].unsigned_abs() >> low;
    let last_new = (first..=last).rev().find(|&at| size(at) == 1).unwrap_or(0);
    let mut run = 0;
    for (at, &coefficient) in block.iter().enumerate().take(last + 1).skip(first) {
        let size = coefficient.unsigned_abs() >> low;
        if size == 0 {
            run += 1;
            continue;
        }
        while run > 15 && at <= last_new {
            pending.flush(table, symbols);
            symbols.symbol(table, RUN_OF_16, 0, 0);
            run -= 16;
            put_all(&mut pending.own, symbols);
        }
        if size > 1 {
            // It was known before: one bit more.
            pending.own.push((size & 1) as u8);
            continue;
        }
        pending.flush(table, symbols);
        symbols.symbol(table, (run << 4) as u8 | 1, u32::from(coefficient > 0), 1);
        put_all(&mut pending.own, symbols);
        run = 0;
    }
    if run > 0 || !pending.own.is_empty() {
        pending.blocks += 1;
        let Pending { corrections, own, .. } = pending;
        corrections.append(own);
        if pending.blocks == MAX_BLOCKS || pending.corrections.len() > MAX_CORRECTIONS {
            pending.flush(table, symbols);
        }
    }
}
