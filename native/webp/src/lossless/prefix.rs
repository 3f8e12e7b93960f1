//! Prefix codes: their lengths as the stream has them, and tables to look symbols up in.
//!
//! A table is `1 << min(longest code, 8)` entries, found by that many of the next bits, then tables
//! of the second level behind it for longer codes. An entry has the length in its lowest four bits
//! and the symbol above. A length above [`ROOT_BITS`] in the first level says that up to so many
//! bits count, and what is above is where the second level starts. The only symbol of a code has
//! length 0.

use super::bits::Bits;
use crate::Error;

/// Codes up to this length are found at the first look.
pub(super) const ROOT_BITS: u32 = 8;
/// The entries of the first level for longer codes.
pub(super) const ROOT_ENTRIES: usize = 1 << ROOT_BITS;
/// The longest code.
const MAX_LENGTH: usize = 15;
/// The largest alphabet: 256 values of green, 24 length prefixes and a color cache of 2^11 entries.
const MAX_ALPHABET: usize = 256 + 24 + (1 << 11);
/// The alphabet of the code of code lengths, and the order in which their own lengths are sent.
const LENGTH_ORDER: [u8; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Where the table of one code is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code {
    /// Which vector it is in.
    pub(super) segment: u16,
    start: u16,
    /// Selects the bits that the first level is indexed with.
    mask: u8,
}

/// The table of one code, to look symbols up in.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    /// The first level, and what follows it if it is smaller: an index of eight bits needs no
    /// check.
    root: &'a [u16; ROOT_ENTRIES],
    mask: u8,
    all: &'a [u16],
}

impl<'a> Table<'a> {
    /// The segment has at least [`ROOT_ENTRIES`] behind where any table starts.
    pub(super) fn new(code: Code, segment: &'a [u16]) -> Self {
        let all = segment.get(usize::from(code.start)..).unwrap_or(&[]);
        Table { root: all.first_chunk().unwrap_or(&[0; ROOT_ENTRIES]), mask: code.mask, all }
    }

    /// The symbol that bits begin with, and the length of its code.
    #[inline(always)]
    pub(super) fn look_up(&self, next: u64) -> (usize, u32) {
        let mut entry = self.root[usize::from(next as u8 & self.mask)];
        if u32::from(entry & 15) > ROOT_BITS {
            let second = (1 << (u32::from(entry & 15) - ROOT_BITS)) - 1;
            let at = usize::from(entry >> 4) + ((next >> ROOT_BITS) as usize & second);
            entry = self.all.get(at).copied().unwrap_or(0);
        }
        (usize::from(entry >> 4), u32::from(entry & 15))
    }

    /// Reads a symbol, of at most 15 bits that a refill made available.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits) -> usize {
        let (symbol, length) = self.look_up(bits.peek());
        bits.consume(length);
        symbol
    }
}

/// The lengths of one code.
#[derive(Default)]
pub(super) struct Lengths {
    /// Symbols whose length is not 0, in ascending order. Zeros are not listed, so that an alphabet
    /// of two thousand symbols costs nothing when a code has two.
    listed: Vec<(u16, u8)>,
    counts: [u16; MAX_LENGTH + 1],
    sorted: Vec<u16>,
    length_table: Vec<u16>,
}

impl Lengths {
    /// The most bytes that it takes, with vectors of twice the size needed.
    pub(super) const BYTES: usize =
        2 * (MAX_ALPHABET * (size_of::<(u16, u8)>() + size_of::<u16>()) + (2 << 9));

    fn clear(&mut self) {
        self.listed.clear();
        self.counts = [0; MAX_LENGTH + 1];
    }

    fn push(&mut self, symbol: usize, length: usize) {
        if length > 0 {
            self.listed.push((symbol as u16, length as u8));
            self.counts[length] += 1;
        }
    }

    /// The number of symbols that have codes.
    pub(super) fn len(&self) -> usize {
        self.listed.len()
    }

    /// The only symbol, which takes no bits.
    pub(super) fn single(&self) -> Option<u16> {
        if let [(symbol, _)] = self.listed[..] { Some(symbol) } else { None }
    }

    /// Reads the lengths of a code for symbols below `alphabet`.
    pub(super) fn read(&mut self, bits: &mut Bits, alphabet: usize) -> Result<(), Error> {
        self.clear();
        if bits.read(1)? == 1 {
            self.read_simple(bits, alphabet)?;
        } else {
            self.read_normal(bits, alphabet)?;
        }
        self.check(bits)
    }

    /// One or two symbols, of code length 1. The same symbol twice is one; symbols outside of the
    /// alphabet are none.
    fn read_simple(&mut self, bits: &mut Bits, alphabet: usize) -> Result<(), Error> {
        let two = bits.read(1)? == 1;
        let width = if bits.read(1)? == 1 { 8 } else { 1 };
        let first = bits.read(width)?;
        let second = if two { bits.read(8)? } else { first };
        for symbol in [first.min(second), first.max(second)] {
            if symbol < alphabet && self.listed.last() != Some(&(symbol as u16, 1)) {
                self.push(symbol, 1);
            }
        }
        Ok(())
    }

    fn read_normal(&mut self, bits: &mut Bits, alphabet: usize) -> Result<(), Error> {
        let sent = 4 + bits.read(4)?;
        let mut lengths = [0; LENGTH_ORDER.len()];
        for &symbol in &LENGTH_ORDER[..sent] {
            lengths[usize::from(symbol)] = bits.read(3)?;
        }
        for (symbol, &length) in lengths.iter().enumerate() {
            self.push(symbol, length);
        }
        self.check(bits)?;
        let mut table = std::mem::take(&mut self.length_table);
        table.clear();
        let code = self.append_table(&mut table);
        self.length_table = table;
        let single = self.single();
        self.clear();

        let mut most = alphabet;
        if bits.read(1)? == 1 {
            let width = 2 + 2 * bits.read(3)? as u32;
            most = 2 + bits.read(width)?;
            if most > alphabet {
                return Err(bits.invalid("a number of code lengths"));
            }
        }
        if let Some(length @ 1..=15) = single {
            // All at once, as two thousand of them take no bits.
            let count = most.min(alphabet) as u16;
            self.listed.extend((0..count).map(|symbol| (symbol, length as u8)));
            self.counts[usize::from(length)] = count;
            return Ok(());
        }
        let table = Table::new(code, &self.length_table);
        let mut symbol = 0;
        let mut repeated = 8;
        while symbol < alphabet && most > 0 {
            most -= 1;
            bits.refill();
            let length = table.symbol(bits);
            let (length, run) = match length {
                0 => (0, 1),
                1..=15 => {
                    repeated = length;
                    (length, 1)
                }
                16 => (repeated, 3 + bits.take(2)),
                17 => (0, 3 + bits.take(3)),
                _ => (0, 11 + bits.take(7)),
            };
            if run > alphabet - symbol || bits.overrun() {
                return Err(bits.invalid("a run of code lengths"));
            }
            if length > 0 {
                for symbol in symbol..symbol + run {
                    self.listed.push((symbol as u16, length as u8));
                }
                self.counts[length] += run as u16;
            }
            symbol += run;
        }
        Ok(())
    }

    /// Codes must be complete: every sequence of bits is one. A single symbol may have any length.
    fn check(&self, bits: &Bits) -> Result<(), Error> {
        let used: u32 = (1..=MAX_LENGTH)
            .map(|length| u32::from(self.counts[length]) << (MAX_LENGTH - length))
            .sum();
        if self.listed.len() == 1 || used == 1 << MAX_LENGTH {
            Ok(())
        } else {
            Err(bits.invalid("a prefix code"))
        }
    }

    /// The most entries that [`append_table`](Self::append_table) appends.
    ///
    /// As codes are sorted by length, all but seven tables of the second level hold codes of one
    /// length, as many as they have entries; and none has more than 128 entries.
    pub(super) fn most_entries(&self) -> usize {
        let long = self.counts[ROOT_BITS as usize + 1..]
            .iter()
            .map(|&count| usize::from(count))
            .sum::<usize>();
        match self.counts.iter().rposition(|&count| count > 0) {
            Some(longest) if long == 0 => ROOT_ENTRIES + (1 << longest),
            _ => 2 * ROOT_ENTRIES + long + 7 * 128,
        }
    }

    /// Appends the table of this code, which is complete. Its [`ROOT_ENTRIES`] of padding are those
    /// of the table before, if there is one.
    pub(super) fn append_table(&mut self, segment: &mut Vec<u16>) -> Code {
        segment.truncate(segment.len().saturating_sub(ROOT_ENTRIES));
        let start = segment.len();
        let mask = match self.single() {
            Some(symbol) => {
                segment.push(symbol << 4);
                0
            }
            None => self.append_levels(segment),
        };
        segment.resize(segment.len() + ROOT_ENTRIES, 0);
        Code { segment: 0, start: start as u16, mask }
    }

    fn append_levels(&mut self, segment: &mut Vec<u16>) -> u8 {
        let start = segment.len();
        self.sort();
        let longest = self.counts.iter().rposition(|&count| count > 0).unwrap_or(0) as u32;
        let root_bits = longest.min(ROOT_BITS);
        segment.resize(start + (1 << root_bits), 0);
        let (mut at, mut code) = (0, 0u32);
        for length in 1..=root_bits {
            code <<= 1;
            for &symbol in &self.sorted[at..][..usize::from(self.counts[length as usize])] {
                let entry = symbol << 4 | length as u16;
                fill(&mut segment[start..], reversed(code, length), length, entry);
                code += 1;
                at += 1;
            }
        }
        if longest > ROOT_BITS {
            self.append_second_levels(segment, start, at, code);
        }
        ((1 << root_bits) - 1) as u8
    }

    /// Symbols by the length of their codes, then by value.
    fn sort(&mut self) {
        let mut at = [0; MAX_LENGTH + 1];
        for length in 1..MAX_LENGTH {
            at[length + 1] = at[length] + usize::from(self.counts[length]);
        }
        self.sorted.resize(self.listed.len(), 0);
        for &(symbol, length) in &self.listed {
            let at = &mut at[usize::from(length)];
            self.sorted[*at] = symbol;
            *at += 1;
        }
    }

    /// Codes longer than [`ROOT_BITS`], from the `at`th symbol on; `code` is one more than the last
    /// shorter one. Those that begin alike follow each other, in a table as large as the longest of
    /// them takes.
    fn append_second_levels(
        &self,
        segment: &mut Vec<u16>,
        start: usize,
        mut at: usize,
        mut code: u32,
    ) {
        let mut length = ROOT_BITS;
        let mut left = 0;
        // The table being filled: where it is, the bits that it takes, and codes with what is
        // filled.
        let (mut second, mut second_bits, mut room) = (start, 0, 0u32);
        while at < self.sorted.len() {
            while left == 0 {
                length += 1;
                code <<= 1;
                left = usize::from(self.counts[length as usize]);
            }
            if room == 0 {
                second_bits = self.second_bits(length, left);
                second = segment.len();
                room = 1 << second_bits;
                segment.resize(second + (1 << second_bits), 0);
                let prefix = reversed(code >> (length - ROOT_BITS), ROOT_BITS);
                segment[start + prefix] =
                    ((second - start) << 4) as u16 | (ROOT_BITS + second_bits) as u16;
            }
            let rest = length - ROOT_BITS;
            let entry = self.sorted[at] << 4 | length as u16;
            fill(&mut segment[second..], reversed(code & ((1 << rest) - 1), rest), rest, entry);
            room -= 1 << (second_bits - rest);
            code += 1;
            at += 1;
            left -= 1;
        }
    }

    /// The bits of a table of the second level that begins with a code of this length, when there
    /// are `left` codes of that length to come.
    fn second_bits(&self, length: u32, left: usize) -> u32 {
        let mut bits = length - ROOT_BITS;
        let mut room = (1usize << bits).saturating_sub(left);
        while room > 0 && ((ROOT_BITS + bits) as usize) < MAX_LENGTH {
            bits += 1;
            room = (room * 2).saturating_sub(usize::from(self.counts[(ROOT_BITS + bits) as usize]));
        }
        bits
    }
}

/// A code in the order in which its bits are read.
fn reversed(code: u32, length: u32) -> usize {
    (code.reverse_bits() >> (32 - length)) as usize
}

/// Sets all entries of a table whose index ends with a code.
#[inline(always)]
fn fill(table: &mut [u16], code: usize, length: u32, entry: u16) {
    let mut at = code;
    while let Some(slot) = table.get_mut(at) {
        *slot = entry;
        at += 1 << length;
    }
}
