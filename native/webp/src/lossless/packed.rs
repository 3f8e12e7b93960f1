//! Whole pixels looked up at once.
//!
//! Each look-up in a table waits for the one before, so three of them for a pixel are what decoding
//! takes most of its time for. Where the codes of green, red and blue are often short enough
//! together, one table has the pixel.

use super::bits::Bits;
use super::prefix::Table;
use super::symbols::{BLUE, FIRST_LENGTH, GREEN, RED};

/// The bits that a packed table is indexed with.
const BITS: u32 = 10;
pub(super) const ENTRIES: usize = 1 << BITS;

/// A table is worth its making for at least so many pixels.
pub(super) const LEAST_PIXELS: usize = 8 * ENTRIES;
/// The most packed tables of a picture: one megabyte.
pub(super) const MOST_TABLES: usize = 256;

/// The share of pixels, as a part of this, that have to be in a table for it to be of use.
const USEFUL: (usize, usize) = (5, 8);

/// An entry has the length of all three codes in its highest byte, and red, green and blue below.
/// It is 0 for anything longer, and for what is not a literal.
pub(super) type Packed = [u32; ENTRIES];

/// The pixel that the next bits are, if it is here.
#[inline(always)]
pub(super) fn look_up(packed: &Packed, bits: &mut Bits) -> Option<u32> {
    let entry = packed[bits.peek() as usize & (ENTRIES - 1)];
    bits.consume(entry >> 24);
    (entry != 0).then_some(entry & 0x00ff_ffff)
}

/// Appends the table for codes, unless it has too few pixels.
pub(super) fn append(packed: &mut Vec<u32>, tables: &[Table; 5]) -> bool {
    let start = packed.len();
    let mut filled = 0;
    for index in 0..ENTRIES {
        let entry = entry(index as u64, tables);
        filled += usize::from(entry != 0);
        packed.push(entry);
    }
    let useful = filled * USEFUL.1 >= ENTRIES * USEFUL.0;
    if !useful {
        packed.truncate(start);
    }
    useful
}

fn entry(index: u64, tables: &[Table; 5]) -> u32 {
    let mut length = 0;
    let mut next = |code: usize| {
        let (symbol, taken) = tables[code].look_up(index >> length);
        length += taken;
        symbol
    };
    let green = next(GREEN);
    if green >= FIRST_LENGTH {
        return 0;
    }
    let (red, blue) = (next(RED), next(BLUE));
    if length > BITS { 0 } else { length << 24 | (red << 16 | green << 8 | blue) as u32 }
}
