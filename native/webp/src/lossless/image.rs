//! Entropy-coded images: the pixels of the picture, and of the small images that the transforms and
//! the groups of prefix codes are in.

use super::bits::Bits;
use super::cache::Cache;
use super::distance::to_distance;
use super::groups::{Group, Groups, Kind};
use super::packed::{self, Packed};
use super::prefix::Table;
use super::symbols::{ALPHA, BLUE, DISTANCE, FIRST_CACHED, FIRST_LENGTH, GREEN, RED};
use super::window::{Run, Window};
use crate::Error;

/// Which group of codes each tile of the picture uses.
pub(super) struct Tiles {
    pub(super) bits: u32,
    /// Tiles in a row.
    pub(super) width: usize,
    pub(super) groups: Vec<u16>,
}

/// The image being decoded.
pub(super) struct Image {
    pub(super) width: usize,
    pub(super) tiles: Option<Tiles>,
    /// Where the next pixel is.
    x: usize,
    y: usize,
}

impl Image {
    pub(super) fn new(width: usize, tiles: Option<Tiles>) -> Self {
        Image { width, tiles, x: 0, y: 0 }
    }

    /// The group of the next pixels, and how many there are, up to `most`, until it may be another
    /// one.
    fn next_group(&self, most: usize) -> (usize, usize) {
        let Some(tiles) = &self.tiles else { return (0, most) };
        let row = &tiles.groups[(self.y >> tiles.bits) * tiles.width..][..tiles.width];
        let tile = self.x >> tiles.bits;
        let group = row[tile];
        let mut end = tile + 1;
        while row.get(end) == Some(&group) && (end << tiles.bits) - self.x < most {
            end += 1;
        }
        (usize::from(group), most.min((end << tiles.bits).min(self.width) - self.x))
    }

    /// Decodes at most so many pixels, or some more if a copy goes further. Returns how many it
    /// were.
    pub(super) fn decode(
        &mut self,
        bits: &mut Bits,
        groups: &Groups,
        cache: &mut Cache,
        window: &mut Window,
        most: usize,
    ) -> Result<usize, Error> {
        let mut decoded = 0;
        while decoded < most && !window.is_full() {
            let (group, count) = self.next_group(most - decoded);
            let group =
                groups.groups.get(group).ok_or_else(|| bits.invalid("a group of prefix codes"))?;
            let mut run = window.next(count);
            let result = decode_run(bits, group, groups, self.width, cache, &mut run);
            cache.end_run(&run);
            let written = run.written();
            window.advance(written);
            self.advance(written);
            decoded += written;
            result?;
        }
        Ok(decoded)
    }

    fn advance(&mut self, pixels: usize) {
        self.x += pixels;
        while self.x >= self.width {
            self.x -= self.width;
            self.y += 1;
        }
    }
}

/// What the codes of one run are read with.
struct Codes<'a> {
    literal: u32,
    tables: [Table<'a>; 5],
    packed: Option<&'a Packed>,
    width: usize,
}

/// What the stream does that it may not, or [`MISSING`].
type Fault = &'static str;

/// Bits are missing.
const MISSING: Fault = "bits beyond the end";

/// Decodes a run of pixels that have one group. What is in the run when an error is returned is
/// right.
fn decode_run(
    bits: &mut Bits,
    group: &Group,
    groups: &Groups,
    width: usize,
    cache: &mut Cache,
    run: &mut Run,
) -> Result<(), Error> {
    let codes = &Codes {
        literal: group.literal,
        tables: groups.tables(group),
        packed: groups.packed(group),
        width,
    };
    let result = match group.kind {
        Kind::Constant => {
            run.fill(group.literal);
            Ok(())
        }
        Kind::GreenOnly => pixels::<0>(bits, codes, cache, run),
        Kind::Opaque => pixels::<2>(bits, codes, cache, run),
        Kind::Full => pixels::<3>(bits, codes, cache, run),
    };
    result.map_err(|fault| bits.invalid(fault))
}

/// Reads pixels whose literals have green and so many other colors to be read.
fn pixels<const OTHERS: usize>(
    bits: &mut Bits,
    codes: &Codes,
    cache: &mut Cache,
    run: &mut Run,
) -> Result<(), Fault> {
    while !run.is_over() {
        let green = literals::<OTHERS>(bits, codes, run)?;
        if green >= FIRST_CACHED {
            let color =
                cache.color(run, green - FIRST_CACHED).ok_or("a place in the color cache")?;
            run.push(color);
        } else if green >= FIRST_LENGTH {
            copy(bits, codes, run, green - FIRST_LENGTH)?;
        }
    }
    Ok(())
}

/// Reads literals to the end of the run, or until green is something else, which is returned.
#[inline(never)]
fn literals<const OTHERS: usize>(
    bits: &mut Bits,
    codes: &Codes,
    run: &mut Run,
) -> Result<usize, Fault> {
    let other = match codes.packed {
        Some(packed) => {
            far_literals::<OTHERS>(bits, codes, run, |bits| packed::look_up(packed, bits))
        }
        None => far_literals::<OTHERS>(bits, codes, run, |_| None),
    };
    if let Some(green) = other {
        return Ok(green);
    }
    while !run.is_over() {
        bits.refill();
        let read = literal::<OTHERS, false>(bits, codes.literal, &codes.tables);
        if bits.overrun() {
            return Err(MISSING);
        }
        match read {
            Ok(pixel) => run.push(pixel),
            Err(green) => return Ok(green),
        }
    }
    Ok(0)
}

/// Reads literals as long as the end of the data is far.
#[inline(always)]
fn far_literals<const OTHERS: usize>(
    bits: &mut Bits,
    codes: &Codes,
    run: &mut Run,
    packed: impl Fn(&mut Bits) -> Option<u32>,
) -> Option<usize> {
    let tables = codes.tables;
    // No reference to these leaves the loop, so that they stay in registers.
    let mut local = *bits;
    let mut other = None;
    run.locally(|run| {
        while !run.is_over() && local.is_far_from_end() {
            local.refill_far();
            if let Some(pixel) = packed(&mut local) {
                run.push(codes.literal | pixel);
                continue;
            }
            match literal::<OTHERS, true>(&mut local, codes.literal, &tables) {
                Ok(pixel) => run.push(pixel),
                Err(green) => {
                    other = Some(green);
                    break;
                }
            }
        }
    });
    *bits = local;
    other
}

/// Reads a literal after a refill, `FAR` from the end or not. `Err(green)` if it is something else.
#[inline(always)]
fn literal<const OTHERS: usize, const FAR: bool>(
    bits: &mut Bits,
    mut pixel: u32,
    tables: &[Table; 5],
) -> Result<u32, usize> {
    let green = tables[GREEN].symbol(bits);
    if green >= FIRST_LENGTH {
        return Err(green);
    }
    pixel |= (green as u32) << 8;
    if OTHERS >= 2 {
        pixel |= (tables[RED].symbol(bits) as u32) << 16;
        pixel |= tables[BLUE].symbol(bits) as u32;
    }
    if OTHERS == 3 {
        // Three codes take 45 bits at most.
        if bits.left() < 15 {
            if FAR { bits.refill_far() } else { bits.refill() }
        }
        pixel |= (tables[ALPHA].symbol(bits) as u32) << 24;
    }
    Ok(pixel)
}

/// Reads the rest of a reference back, and copies what it refers to.
#[inline(always)]
fn copy(bits: &mut Bits, codes: &Codes, run: &mut Run, prefix: usize) -> Result<(), Fault> {
    let mut local = *bits;
    local.refill();
    let length = prefixed(&mut local, prefix);
    let prefix = codes.tables[DISTANCE].symbol(&mut local);
    local.refill();
    let distance = to_distance(prefixed(&mut local, prefix), codes.width);
    *bits = local;
    if local.overrun() || !run.copy(distance, length) { Err("a reference back") } else { Ok(()) }
}

/// A number of which the prefix was read: a length up to 4096, or the code of a distance up to
/// 2^20.
#[inline(always)]
fn prefixed(bits: &mut Bits, prefix: usize) -> usize {
    if prefix < 4 {
        return prefix + 1;
    }
    let more = (prefix as u32 - 2) >> 1;
    ((2 + (prefix & 1)) << more) + bits.take(more) + 1
}
