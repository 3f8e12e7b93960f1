//! Huffman tables, and the look-up tables that are made of them.

/// Codes up to this length are decoded by one look-up. 4 KB a table, so that the tables of a scan
/// stay in the first cache together; 9 to 12 bits measured within a few percent of each other.
pub(crate) const LOOKUP_BITS: u32 = 10;
pub(crate) const LOOKUP_LEN: usize = 1 << LOOKUP_BITS;

/// A table as DHT gives it: how many codes there are of each length, and their symbols in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec<'a> {
    counts: [u8; 16],
    symbols: &'a [u8],
}

impl<'a> Spec<'a> {
    /// The table at the start of `bytes`, and what follows it. `None` where it is not whole, or has
    /// more codes than bits can tell apart. A file may have hundreds of thousands: nothing is
    /// copied.
    pub(crate) fn split_off(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (counts, rest) = bytes.split_first_chunk::<16>()?;
        let (mut free, mut len) = (1i32, 0);
        for &count in counts {
            free = free * 2 - i32::from(count);
            if free < 0 {
                return None;
            }
            len += usize::from(count);
        }
        let (symbols, rest) = rest.split_at_checked(len)?;
        Some((Spec { counts: *counts, symbols }, rest))
    }

    /// Every code with its length and symbol.
    fn codes(&self) -> impl Iterator<Item = (u32, u32, u8)> {
        let mut symbols = self.symbols.iter();
        let mut code = 0;
        (1u32..).zip(self.counts).flat_map(move |(length, count)| {
            let first = code;
            code = (code + u32::from(count)) << 1;
            symbols
                .by_ref()
                .take(count.into())
                .enumerate()
                .map(move |(i, &symbol)| (first + i as u32, length, symbol))
                .collect::<Vec<_>>()
        })
    }

    /// The tables of section K.3, which abbreviated MJPEG frames leave out.
    pub(crate) fn standard(kind: Kind, chroma: bool) -> Self {
        let (counts, symbols): (_, &'static [u8]) = match (kind, chroma) {
            (Kind::Dc, false) => (DC_LUMA, &DC_SYMBOLS),
            (Kind::Dc, true) => (DC_CHROMA, &DC_SYMBOLS),
            (Kind::Ac, false) => (AC_LUMA, &AC_LUMA_SYMBOLS),
            (Kind::Ac, true) => (AC_CHROMA, &AC_CHROMA_SYMBOLS),
        };
        Spec { counts, symbols }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Dc,
    Ac,
}

const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const DC_LUMA: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CHROMA: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const AC_LUMA: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];
const AC_CHROMA: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
#[rustfmt::skip]
const AC_LUMA_SYMBOLS: [u8; 162] = [
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
#[rustfmt::skip]
const AC_CHROMA_SYMBOLS: [u8; 162] = [
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

/// One symbol of any length: for progressive scans, and where the look-up tables have no answer.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    /// Length and symbol by the next bits; length 0 for longer codes.
    short: Box<[(u8, u8); LOOKUP_LEN]>,
    /// For each length, one past its last code, left-aligned in 16 bits, and what to add to a code
    /// to get its symbol's index.
    long: [(u32, i32); 16],
    symbols: Vec<u8>,
}

impl Symbols {
    pub(crate) fn new(spec: &Spec<'_>) -> Self {
        let mut short = Box::new([(0, 0); LOOKUP_LEN]);
        for (code, length, symbol) in spec.codes() {
            if length <= LOOKUP_BITS {
                let first = (code << (LOOKUP_BITS - length)) as usize;
                short[first..first + (1 << (LOOKUP_BITS - length))].fill((length as u8, symbol));
            }
        }
        let mut long = [(0, 0); 16];
        let (mut code, mut index) = (0u32, 0i32);
        for (i, &count) in spec.counts.iter().enumerate() {
            let end = code + u32::from(count);
            long[i] = (end << (15 - i), index - code as i32);
            index += i32::from(count);
            code = end << 1;
        }
        Symbols { short, long, symbols: spec.symbols.to_vec() }
    }

    /// Length and symbol of the code at the top of `bits`. `None` where there is none.
    #[inline(always)]
    pub(crate) fn find(&self, bits: u64) -> Option<(u32, u8)> {
        match self.short[(bits >> (64 - LOOKUP_BITS)) as usize] {
            (0, _) => self.find_long(bits),
            (length, symbol) => Some((length.into(), symbol)),
        }
    }

    #[cold]
    fn find_long(&self, bits: u64) -> Option<(u32, u8)> {
        let top = (bits >> 48) as u32;
        let i = self.long.iter().position(|&(end, _)| top < end)?;
        let index = (top >> (15 - i)) as i32 + self.long[i].1;
        Some((i as u32 + 1, *self.symbols.get(usize::try_from(index).ok()?)?))
    }
}

/// What a look-up says. Packed, because tables have to stay small.
///
/// | bits | |
/// |---|---|
/// | 0..6 | bits to consume, those of the value included |
/// | 6..10 | of these, the code's |
/// | 10..14 | the value's |
/// | 14..21 | how far from here the coefficient is, [`NOWHERE`](Self::NOWHERE) if there is none |
/// | 21..30 | how far the position moves on; [`END`](Self::END) is added at an end of block |
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry(u32);

impl Entry {
    /// Far enough to be outside of any block.
    const NOWHERE: u32 = 64;
    const END: u32 = 256;
    /// Moves on too far from everywhere: the caller decodes a single symbol instead.
    const LONG: Entry = Entry(100 << 21);

    fn new(length: u32, code: u32, size: u32, distance: u32, advance: u32) -> Self {
        Entry(length | code << 6 | size << 10 | distance << 14 | advance << 21)
    }

    /// An entry for one symbol of a DC table.
    fn dc((length, size): (u8, u8)) -> Self {
        if length == 0 || size > 15 {
            return Entry::LONG;
        }
        Entry::new(u32::from(length + size), length.into(), size.into(), 0, 1)
    }

    /// An entry for one symbol of an AC table.
    fn ac((length, symbol): (u8, u8)) -> Self {
        let code = u32::from(length);
        if length == 0 {
            return Entry::LONG;
        }
        match (u32::from(symbol >> 4), u32::from(symbol & 15)) {
            (15, 0) => Entry::new(code, code, 0, Entry::NOWHERE, 16),
            (_, 0) => Entry::new(code, code, 0, Entry::NOWHERE, 1 + Entry::END),
            (run, size) => Entry::new(code + size, code, size, run, run + 1),
        }
    }

    #[inline(always)]
    pub(crate) fn length(self) -> u32 {
        self.0 & 63
    }

    /// The coefficient's place, seen from position `k`.
    #[inline(always)]
    pub(crate) fn place(self, k: u32) -> usize {
        (k + (self.0 >> 14 & 127)) as usize
    }

    /// Where the position moves to from `k`: 64 or more at the end of the block. `None` if the
    /// entry does not hold here.
    #[inline(always)]
    pub(crate) fn next(self, k: u32) -> Option<u32> {
        let next = k + (self.0 >> 21);
        if next & (Entry::END - 1) > 64 { None } else { Some(next) }
    }

    /// The value, out of the bits that follow the code.
    #[inline(always)]
    pub(crate) fn value(self, bits: u64) -> i16 {
        value(bits << (self.0 >> 6 & 15), self.0 >> 10 & 15)
    }
}

/// The number of `size` bits at the top of `bits`, whose first bit tells the sign (F.2.2.1).
#[inline(always)]
pub(crate) fn value(bits: u64, size: u32) -> i16 {
    let magnitude = ((bits >> 1) >> (63 - size)) as i32;
    let negative = !((bits as i64 >> 63) as i32);
    (magnitude + (negative & (1 - (1 << size)))) as i16
}

type Lookup = [Entry; LOOKUP_LEN];

/// A DC table, ready to be used.
#[derive(Debug, Clone)]
pub(crate) struct Dc {
    pub lookup: Lookup,
    pub symbols: Symbols,
}

/// An AC table, ready to be used.
#[derive(Debug, Clone)]
pub(crate) struct Ac {
    /// One symbol with its value.
    pub lookup: Lookup,
    /// As many whole symbols as fit, without their values.
    pub skip: Lookup,
    pub symbols: Symbols,
}

impl Dc {
    pub(crate) fn new(spec: &Spec<'_>) -> Self {
        let symbols = Symbols::new(spec);
        Dc { lookup: lookup(|i| Entry::dc(symbols.short[i])), symbols }
    }
}

impl Ac {
    pub(crate) fn new(spec: &Spec<'_>) -> Self {
        let symbols = Symbols::new(spec);
        Ac {
            lookup: lookup(|i| Entry::ac(symbols.short[i])),
            skip: lookup(|i| skip(&symbols, i)),
            symbols,
        }
    }
}

fn lookup(entry: impl Fn(usize) -> Entry) -> Lookup {
    let mut table = [Entry::LONG; LOOKUP_LEN];
    for (i, slot) in table.iter_mut().enumerate() {
        *slot = entry(i);
    }
    table
}

/// The symbols whose codes are all within the bits `index`. The last one's value may reach beyond.
fn skip(symbols: &Symbols, index: usize) -> Entry {
    let (mut length, mut advance) = (0, 0);
    while length < LOOKUP_BITS {
        let (code, symbol) = symbols.short[index << length & (LOOKUP_LEN - 1)];
        if code == 0 || length + u32::from(code) > LOOKUP_BITS {
            break;
        }
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let moved = if size == 0 && run == 15 {
            16
        } else if size == 0 {
            1
        } else {
            run + 1
        };
        if advance + moved > 64 {
            break;
        }
        length += u32::from(code) + size;
        advance += moved;
        if size == 0 && run != 15 {
            advance += Entry::END;
            break;
        }
    }
    if advance == 0 { Entry::LONG } else { Entry::new(length, 0, 0, Entry::NOWHERE, advance) }
}
