//! Entropy-coded images: the pixels of the picture, and of the small images that the transforms and the
//! groups of prefix codes are in.

use super::bits::Bits;
use super::cache::Cache;
use super::distance::to_distance;
use super::groups::{ALPHA, BLUE, DISTANCE, FIRST_CACHED, FIRST_LENGTH, GREEN, Group, Groups, Kind, RED};
use super::prefix::look_up;
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

    /// The group of the next pixels, and how many there are, up to `most`, until it may be another one.
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

    /// Decodes at most so many pixels, or some more if a copy goes further. Returns how many it were.
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
            let group = groups.groups.get(group).ok_or_else(|| bits.invalid("a group of prefix codes"))?;
            let mut run = window.next(count);
            let result = decode_run(bits, group, &groups.tables, self.width, cache, &mut run);
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
    group: &'a Group,
    tables: [&'a [u16]; 5],
    width: usize,
}

/// Decodes a run of pixels that have one group. What is in the run when an error is returned is right.
fn decode_run(
    bits: &mut Bits,
    group: &Group,
    tables: &[u16],
    width: usize,
    cache: &mut Cache,
    run: &mut Run,
) -> Result<(), Error> {
    let codes = &Codes { group, tables: group.codes.map(|code| &tables[code.start as usize..]), width };
    match group.kind {
        Kind::Constant => run.fill(group.literal),
        Kind::GreenOnly => pixels::<0>(bits, codes, cache, run)?,
        Kind::Opaque => pixels::<2>(bits, codes, cache, run)?,
        Kind::Full => pixels::<3>(bits, codes, cache, run)?,
    }
    Ok(())
}

/// Reads pixels whose literals have green and so many other colors to be read.
fn pixels<const OTHERS: usize>(
    bits: &mut Bits,
    codes: &Codes,
    cache: &mut Cache,
    run: &mut Run,
) -> Result<(), Error> {
    while !run.is_over() && bits.refill_fast() {
        pixel::<OTHERS, true>(bits, codes, cache, run)?;
    }
    while !run.is_over() {
        bits.refill();
        pixel::<OTHERS, false>(bits, codes, cache, run)?;
    }
    Ok(())
}

/// Reads one pixel, or a copy, with at least 56 bits in the reader. If they are `THERE`, none of them is made up.
#[inline(always)]
fn pixel<const OTHERS: usize, const THERE: bool>(
    bits: &mut Bits,
    codes: &Codes,
    cache: &mut Cache,
    run: &mut Run,
) -> Result<(), Error> {
    let green = codes.symbol(bits, GREEN);
    if green < FIRST_LENGTH {
        let mut pixel = codes.group.literal | (green as u32) << 8;
        if OTHERS >= 2 {
            pixel |= (codes.symbol(bits, RED) as u32) << 16;
            pixel |= codes.symbol(bits, BLUE) as u32;
        }
        if OTHERS == 3 {
            // Three codes take 45 bits at most.
            if bits.left() < 15 {
                bits.refill();
            }
            pixel |= (codes.symbol(bits, ALPHA) as u32) << 24;
        }
        if (!THERE || OTHERS == 3) && bits.overrun() {
            return bits.check();
        }
        run.push(pixel);
    } else if green < FIRST_CACHED {
        let length = prefixed(bits, green - FIRST_LENGTH);
        bits.refill();
        let prefix = codes.symbol(bits, DISTANCE);
        let distance = to_distance(prefixed(bits, prefix), codes.width);
        if bits.overrun() || !run.copy(distance, length) {
            return Err(bits.invalid("a reference back"));
        }
    } else {
        let Some(color) = cache.color(run, green - FIRST_CACHED) else {
            return Err(bits.invalid("a place in the color cache"));
        };
        if !THERE {
            bits.check()?;
        }
        run.push(color);
    }
    Ok(())
}

impl Codes<'_> {
    #[inline(always)]
    fn symbol(&self, bits: &mut Bits, code: usize) -> usize {
        let (symbol, length) =
            look_up(self.tables[code], usize::from(self.group.codes[code].mask), bits.peek());
        bits.consume(length);
        symbol
    }
}

/// A number of which the prefix was read: a length up to 4096, or the code of a distance up to 2^20.
#[inline(always)]
fn prefixed(bits: &mut Bits, prefix: usize) -> usize {
    if prefix < 4 {
        return prefix + 1;
    }
    let more = (prefix as u32 - 2) >> 1;
    ((2 + (prefix & 1)) << more) + bits.take(more) + 1
}
