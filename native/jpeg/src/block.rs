//! Blocks of sequential scans.

use crate::bits::Bits;
use crate::huffman::{Ac, Dc, value};

/// How much of a block is wanted: the coefficients of an inverse transform to `n` by `n` samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    One,
    Two,
    Four,
    Eight,
}

impl Class {
    pub(crate) const fn side(self) -> usize {
        match self {
            Class::One => 1,
            Class::Two => 2,
            Class::Four => 4,
            Class::Eight => 8,
        }
    }

    /// How many coefficients are kept.
    pub(crate) const fn len(self) -> usize {
        self.side() * self.side()
    }

    /// One past the last position in zigzag order that is wanted.
    pub(crate) const fn limit(self) -> u32 {
        match self {
            Class::One => 1,
            Class::Two => 5,
            Class::Four => 25,
            Class::Eight => 64,
        }
    }

    /// A bit for each position in zigzag order that is wanted.
    pub(crate) fn wanted(self) -> u64 {
        let places = self.places();
        (0..64).filter(|&k| usize::from(places[k]) < self.len()).map(|k| 1 << k).sum()
    }

    /// Where the coefficient at each position in zigzag order is kept, row by row. Unwanted ones go
    /// one past the end, and so does everything past position 63.
    pub(crate) const fn places(self) -> &'static [u8; 128] {
        const fn places(class: Class) -> [u8; 128] {
            let side = class.side() as u8;
            let mut places = [side * side; 128];
            let mut k = 0;
            while k < 64 {
                let (row, column) = (ZIGZAG[k] / 8, ZIGZAG[k] % 8);
                if row < side && column < side {
                    places[k] = row * side + column;
                }
                k += 1;
            }
            places
        }
        const PLACES: [[u8; 128]; 4] =
            [places(Class::One), places(Class::Two), places(Class::Four), places(Class::Eight)];
        &PLACES[self as usize]
    }
}

/// The place of each coefficient in its block, row by row, in the order of the file (figure A.6).
pub(crate) const ZIGZAG: [u8; 64] = {
    let mut order = [0; 64];
    let (mut row, mut column) = (0u8, 0u8);
    let mut k = 0;
    while k < 64 {
        order[k] = row * 8 + column;
        let up = (row + column).is_multiple_of(2);
        if up && column == 7 {
            row += 1;
        } else if up && row == 0 {
            column += 1;
        } else if up {
            row -= 1;
            column += 1;
        } else if row == 7 {
            column += 1;
        } else if column == 0 {
            row += 1;
        } else {
            row += 1;
            column -= 1;
        }
        k += 1;
    }
    order
};

/// No block takes more bytes than this: 64 codes of 16 bits, each with a value of 15.
pub(crate) const MAX_BLOCK_BYTES: usize = 64 * 31 / 8 + 1;

/// Damaged data: no code, or a position past the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage;

/// Decodes one block: the DC difference to `out[0]`, wanted coefficients to their places. The rest
/// of `out` must be zero, and its last element takes what is not wanted: `out` is one longer than
/// the class keeps.
#[inline(always)]
pub(crate) fn decode(
    bits: &mut Bits,
    data: &[u8],
    dc: &Dc,
    ac: &Ac,
    class: Class,
    out: &mut [i16],
) -> Result<(), Damage> {
    bits.refill(data);
    let entry = dc.lookup[bits.index()];
    if entry.next(0).is_some() {
        out[0] = entry.value(bits.peek());
        bits.skip(entry.length());
    } else {
        (out[0], *bits) = long_dc(*bits, dc)?;
    }
    // A refill is enough for two symbols of a look-up, of 25 bits each. Longer codes see to their
    // own.
    let mut k = 1;
    if class.limit() > 1 {
        k = coefficient(bits, data, ac, class, k, out)?;
        while k < class.limit() {
            bits.refill(data);
            k = coefficient(bits, data, ac, class, k, out)?;
            if k >= class.limit() {
                break;
            }
            k = coefficient(bits, data, ac, class, k, out)?;
        }
    } else {
        k = skip(bits, data, ac, k)?;
    }
    while k < 64 {
        bits.refill(data);
        k = skip(bits, data, ac, k)?;
        if k >= 64 {
            break;
        }
        k = skip(bits, data, ac, k)?;
    }
    Ok(())
}

/// One AC symbol at position `k`. Returns the next position.
#[inline(always)]
fn coefficient(
    bits: &mut Bits,
    data: &[u8],
    ac: &Ac,
    class: Class,
    k: u32,
    out: &mut [i16],
) -> Result<u32, Damage> {
    let places = class.places();
    let entry = ac.lookup[bits.index()];
    if let Some(next) = entry.next(k) {
        out[usize::from(places[entry.place(k) & 127])] = entry.value(bits.peek());
        bits.skip(entry.length());
        return Ok(next);
    }
    let long = long_ac(*bits, data, ac, k)?;
    *bits = long.bits;
    out[usize::from(places[long.place as usize & 127])] = long.value;
    Ok(long.next)
}

/// As many AC symbols as one look-up finds, from position `k` on. Returns the next position.
#[inline(always)]
fn skip(bits: &mut Bits, data: &[u8], ac: &Ac, k: u32) -> Result<u32, Damage> {
    let entry = ac.skip[bits.index()];
    if let Some(next) = entry.next(k) {
        bits.skip(entry.length());
        return Ok(next);
    }
    let long = long_ac(*bits, data, ac, k)?;
    *bits = long.bits;
    Ok(long.next)
}

/// A DC difference by its code, whatever that one's length.
#[cold]
#[inline(never)]
fn long_dc(mut bits: Bits, dc: &Dc) -> Result<(i16, Bits), Damage> {
    let (length, size) = dc.symbols.find(bits.peek()).ok_or(Damage)?;
    if size > 15 {
        return Err(Damage);
    }
    bits.skip(length);
    let difference = value(bits.peek(), size.into());
    bits.skip(size.into());
    Ok((difference, bits))
}

/// What [`long_ac`] found. The bits are given and taken by value, so that they can stay in
/// registers where it is not called.
struct Long {
    bits: Bits,
    next: u32,
    place: u32,
    value: i16,
}

/// One AC symbol, whatever its length.
#[cold]
#[inline(never)]
fn long_ac(mut bits: Bits, data: &[u8], ac: &Ac, k: u32) -> Result<Long, Damage> {
    // Up to 31 bits, which need not be left of the last refill.
    bits.refill(data);
    let (length, symbol) = ac.symbols.find(bits.peek()).ok_or(Damage)?;
    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    bits.skip(length);
    let next = match (run, size) {
        (15, 0) => k + 16,
        (_, 0) => 64,
        _ => k + run + 1,
    };
    if next > 64 {
        return Err(Damage);
    }
    let value = value(bits.peek(), size);
    bits.skip(size);
    // Without a value there is no place for it.
    Ok(Long { bits, next, place: if size > 0 { k + run } else { 127 }, value })
}
