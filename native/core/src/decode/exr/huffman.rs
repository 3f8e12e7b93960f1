//! The Huffman code of PIZ: up to 65,537 symbols of 16 bits, of which the last means a run.

use super::header::INVALID;
use crate::Error;
use crate::picture::zeroed;

/// Symbols are 16 bits, and one more for runs.
const SYMBOLS: u32 = (1 << 16) + 1;

/// Lengths that are looked up in one go.
const SHORT: u32 = 12;

/// The longest length that a table can spell. Longer ones would need more pixels than there are.
const LONGEST: usize = 56;

/// In the table of lengths: runs of lengths that are zero.
const SHORT_RUN: u64 = 59;
const LONG_RUN: u64 = 63;

/// A decoder, whose memory is used again for the next chunk.
pub(super) struct Huffman {
    /// Length and symbol of each code, in the order of symbols.
    coded: Vec<u32>,
    /// The symbols in the order of their codes, by lengths.
    sorted: Vec<u32>,
    /// For the next bits of the data, the length and the symbol of a short code, or 0.
    short: Vec<u32>,
    lengths: [Length; LONGEST + 1],
}

/// The codes of one length, which follow one another.
#[derive(Clone, Copy, Default)]
struct Length {
    first: u64,
    count: u64,
    /// Where its symbols begin.
    start: usize,
}

fn pack(length: u64, symbol: u32) -> u32 {
    (length as u32) << 17 | symbol
}

fn unpack(packed: u32) -> (u32, u32) {
    (packed >> 17, packed & 0x1_ffff)
}

/// Bits from the most significant one on; zeros after the end.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    bits: u64,
    held: u32,
    /// How many may still be taken.
    left: u64,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], left: u64) -> Self {
        Bits { bytes, at: 0, bits: 0, held: 0, left }
    }

    /// Holds 56 bits or more.
    fn fill(&mut self) {
        if let Some(word) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            self.bits |= u64::from_be_bytes(*word) >> self.held;
            let whole = (63 - self.held) >> 3;
            self.at += whole as usize;
            self.held += whole * 8;
            return;
        }
        while self.held <= 56 {
            let byte = self.bytes.get(self.at).copied().unwrap_or(0);
            self.bits |= u64::from(byte) << (56 - self.held);
            self.at += 1;
            self.held += 8;
        }
    }

    fn skip(&mut self, count: u32) -> Result<(), Error> {
        self.left = self.left.checked_sub(count.into()).ok_or(INVALID)?;
        self.bits <<= count;
        self.held -= count;
        Ok(())
    }

    /// The next 1 to 56 bits.
    fn take(&mut self, count: u32) -> Result<u64, Error> {
        self.fill();
        let taken = self.bits >> (64 - count);
        self.skip(count)?;
        Ok(taken)
    }
}

impl Huffman {
    /// What it holds at most.
    pub(super) const BYTES: u64 = 2 * 4 * SYMBOLS as u64 + (4 << SHORT) + 2048;

    pub(super) fn new() -> Result<Self, Error> {
        let lengths = [Length::default(); LONGEST + 1];
        Ok(Huffman { coded: Vec::new(), sorted: Vec::new(), short: zeroed(1 << SHORT)?, lengths })
    }

    /// Decodes as many values as `out` has.
    pub(super) fn decode(&mut self, input: &[u8], out: &mut [u16]) -> Result<(), Error> {
        let (header, rest) = input.split_first_chunk::<20>().ok_or(INVALID)?;
        let field =
            |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let (first, last, bits) = (field(0), field(4), field(12));
        if first > last || last >= SYMBOLS {
            return Err(INVALID);
        }
        let table = self.read_lengths(rest, first, last)?;
        self.build()?;
        let data = rest.get(table..).ok_or(INVALID)?;
        if u64::from(bits) > data.len() as u64 * 8 {
            return Err(INVALID);
        }
        self.decode_values(Bits::new(data, bits.into()), last, out)
    }

    /// Reads the lengths of all codes, and answers how many bytes they take.
    fn read_lengths(&mut self, input: &[u8], first: u32, last: u32) -> Result<usize, Error> {
        self.coded.clear();
        self.coded.try_reserve(SYMBOLS as usize).map_err(|_| Error::OutOfMemory)?;
        let most = input.len() as u64 * 8;
        let mut bits = Bits::new(input, most);
        let mut symbol = first;
        while symbol <= last {
            match bits.take(6)? {
                0 => symbol += 1,
                LONG_RUN => symbol += bits.take(8)? as u32 + 6,
                length @ SHORT_RUN.. => symbol += (length - SHORT_RUN) as u32 + 2,
                length if length > LONGEST as u64 => return Err(INVALID),
                length => {
                    self.coded.push(pack(length, symbol));
                    symbol += 1;
                }
            }
        }
        // A run may not go beyond the last symbol.
        if symbol > last + 1 { Err(INVALID) } else { Ok((most - bits.left).div_ceil(8) as usize) }
    }

    /// Gives every symbol its code. Of one length, codes rise with the symbols; the longest length
    /// has the lowest codes.
    fn build(&mut self) -> Result<(), Error> {
        self.lengths.fill(Length::default());
        for &coded in &self.coded {
            self.lengths[unpack(coded).0 as usize].count += 1;
        }
        let mut code = 0;
        let mut start = 0;
        for (bits, length) in self.lengths.iter_mut().enumerate().skip(1).rev() {
            (length.first, length.start) = (code, start);
            if code + length.count > 1 << bits {
                return Err(INVALID);
            }
            code = (code + length.count) >> 1;
            start += length.count as usize;
        }
        self.sorted.clear();
        self.sorted.try_reserve(SYMBOLS as usize).map_err(|_| Error::OutOfMemory)?;
        self.sorted.resize(start, 0);
        self.short.fill(0);
        let mut placed = [0u64; LONGEST + 1];
        for &coded in &self.coded {
            let (bits, symbol) = unpack(coded);
            let length = &self.lengths[bits as usize];
            let place = &mut placed[bits as usize];
            if bits <= SHORT {
                let spread = SHORT - bits;
                let from = ((length.first + *place) as usize) << spread;
                self.short[from..from + (1 << spread)].fill(coded);
            }
            self.sorted[length.start + *place as usize] = symbol;
            *place += 1;
        }
        Ok(())
    }

    fn decode_values(&self, mut bits: Bits<'_>, run: u32, out: &mut [u16]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < out.len() {
            bits.fill();
            let symbol = match self.short[(bits.bits >> (64 - SHORT)) as usize] {
                0 => {
                    let (length, symbol) = self.long(bits.bits)?;
                    bits.skip(length)?;
                    symbol
                }
                short => {
                    let (length, symbol) = unpack(short);
                    bits.skip(length)?;
                    symbol
                }
            };
            if symbol == run {
                let count = bits.take(8)? as usize;
                let &value = filled.checked_sub(1).and_then(|last| out.get(last)).ok_or(INVALID)?;
                out.get_mut(filled..filled + count).ok_or(INVALID)?.fill(value);
                filled += count;
            } else {
                out[filled] = symbol as u16;
                filled += 1;
            }
        }
        Ok(())
    }

    /// The length and the symbol of the code that `bits` begin with: the shortest length whose
    /// codes do not all lie above.
    fn long(&self, bits: u64) -> Result<(u32, u32), Error> {
        for (length, of) in self.lengths.iter().enumerate().skip(SHORT as usize + 1) {
            let code = bits >> (64 - length);
            if of.count > 0 && code >= of.first {
                if code - of.first >= of.count {
                    break;
                }
                let symbol =
                    self.sorted.get(of.start + (code - of.first) as usize).ok_or(INVALID)?;
                return Ok((length as u32, *symbol));
            }
        }
        Err(INVALID)
    }
}
