//! VP8L, the lossless bitstream (RFC 9649, section 3).
//!
//! What is held of a picture is as many of its pixels as references reach back (2^20, or all if
//! there are fewer), the row being undone and the one before, and the small images of its
//! transforms and of its groups of prefix codes. Everything is read in steps: an image by pixels,
//! groups by codes.

mod bits;
mod cache;
mod distance;
mod groups;
mod image;
mod lanes;
mod packed;
mod predictor;
mod prefix;
mod quota;
mod start;
mod symbols;
mod transform;
mod window;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use thumbelina_codec::{Budget, Stop};

use self::bits::{Bits, Cursor};
use self::cache::{Cache, MOST_COLORS};
use self::groups::Groups;
use self::image::{Image, Tiles};
use self::predictor::Predictor;
use self::prefix::Lengths;
use self::quota::Quota;
use self::start::HEADER_LEN;
pub(crate) use self::start::Start;
use self::transform::{Color, Palette, Transform, Transforms};
use self::window::{MOST_WAITING, Window};
use crate::chunk::Chunk;
use crate::{Error, memory};

/// 14 bits hold a side, less one.
const MOST_SIDE: u32 = 1 << 14;
/// The most colors of a palette.
const MOST_PALETTE: usize = 256;
/// Of what does not depend on the picture: the lengths of a code, the color cache, the tiles of
/// each group, the palette.
const SMALL_BYTES: usize = Lengths::BYTES + MOST_COLORS * 4 + 2 * (4 << 16) + 2 * MOST_PALETTE * 4;

/// What is kept of a tile's predictor, of its color transform, and of its group of prefix codes.
const PREDICTOR_BYTES: u64 = size_of::<u8>() as u64;
const COLOR_BYTES: u64 = size_of::<u32>() as u64;
const GROUP_BYTES: u64 = size_of::<u16>() as u64;

/// What prefix codes may take, in the units of work of [`Groups::read_code`], of about 5 ns: a code
/// of nine bytes can ask for a table of 2,048 symbols. So many for a byte and for a pixel, and for
/// any stream.
const WORK_A_BYTE: u64 = 20;
const WORK_A_PIXEL: u64 = 10;
const ANY_WORK: u64 = 1 << 18;

/// The work between two looks at the stop, in the same units: codes for colors that no pixel has
/// are read much more slowly than that. A look may be one at the clock.
const WORK_A_LOOK: usize = 1 << 10;

/// What the stream has next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another transform, or none.
    Transform,
    /// The size of an image's color cache, and for the picture, whether it has tiles of groups.
    Cache,
    /// The prefix codes of an image.
    Codes,
    /// The pixels of an image.
    Pixels,
}

/// The image being read, and what becomes of its pixels.
enum Part {
    Predictor { bits: u32, modes: Vec<u8> },
    Color { bits: u32, parts: Vec<u32> },
    Palette { colors: Vec<u32> },
    Tiles { bits: u32, groups: Vec<u16>, picture_cache_bits: u32 },
    Picture,
}

pub(crate) struct Lossless {
    data: Bytes,
    at: usize,
    cursor: Cursor,
    width: usize,
    height: usize,
    /// Of the small images.
    quota: Quota,
    next: Next,
    part: Part,
    image: Image,
    image_height: usize,
    cache_bits: u32,
    /// A bit for each type of transform that was there.
    transforms_seen: u32,
    /// The bytes for a tile that images take which may still come.
    unread: u64,
    /// The width of the picture as its pixels are sent: less than its own if several are packed
    /// into one.
    packed_width: usize,
    /// How many tiles of the picture have each group.
    group_tiles: Vec<u32>,
    groups: Groups,
    /// The work that prefix codes took.
    codes_work: u64,
    cache: Cache,
    window: Window,
    transforms: Transforms,
    strip: Vec<u8>,
    /// What went wrong behind rows that are still to be handed out.
    failed: Option<Error>,
}

impl Lossless {
    /// `start` is what the chunk begins with.
    pub(crate) fn new(chunk: &Chunk, start: &Start, budget: &Budget) -> Result<Self, Error> {
        let data = chunk.data.slice(HEADER_LEN.min(chunk.data.len())..);
        Self::headerless(data, chunk.at + HEADER_LEN, start.width, start.height, budget)
    }

    /// A stream without header, as the ALPH chunk has it: the size is the picture's, and alpha is
    /// in green. `at` is where it is in the file, for errors.
    ///
    /// What it is known to take, [`bytes`](Self::bytes), is held already; what it holds of the
    /// budget itself is for the small images and prefix codes that it comes upon.
    pub(crate) fn headerless(
        data: Bytes,
        at: usize,
        width: u32,
        height: u32,
        budget: &Budget,
    ) -> Result<Self, Error> {
        if !(1..=MOST_SIDE).contains(&width) || !(1..=MOST_SIDE).contains(&height) {
            return Err(Error::Invalid { what: "a size", offset: at });
        }
        let (width, height) = (width as usize, height as usize);
        Ok(Lossless {
            data,
            at,
            cursor: Cursor::default(),
            width,
            height,
            quota: Quota::new(budget, u64::MAX)?,
            next: Next::Transform,
            part: Part::Picture,
            image: Image::new(width, None),
            image_height: height,
            cache_bits: 0,
            transforms_seen: 0,
            unread: PREDICTOR_BYTES + COLOR_BYTES + GROUP_BYTES,
            packed_width: width,
            group_tiles: Vec::new(),
            groups: Groups::new(budget)?,
            codes_work: 0,
            cache: Cache::default(),
            window: Window::new(window_pixels(width, height))?,
            transforms: Transforms::new(width)?,
            strip: memory::room(strip_bytes(width, height))?,
            failed: None,
        })
    }

    /// The bytes that any picture of this size takes.
    pub(crate) fn bytes(width: u32, height: u32) -> u64 {
        let (width, height) = (width as usize, height as usize);
        let window = Window::bytes(window_pixels(width, height));
        window + Transforms::bytes(width) + (SMALL_BYTES + strip_bytes(width, height)) as u64
    }

    #[cfg(test)]
    fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// The bytes that the small images and prefix codes take which were read so far.
    pub(crate) fn held(&self) -> u64 {
        self.quota.held() + self.groups.held()
    }

    /// Whether the pixels of the picture are next, and all that comes before them was read.
    fn is_at_pixels(&self) -> bool {
        matches!(self.part, Part::Picture) && self.next == Next::Pixels
    }

    /// Does at most about `*work` pixels' worth of work, and takes what it did off it: decoding a
    /// pixel is one, and so is undoing the transforms of one, a picture twice its pixels.
    ///
    /// `Some(rows)`: the next rows, one to `most_rows`, as bytes of RGBA. `None`: none is finished
    /// yet.
    pub(crate) fn read(
        &mut self,
        most_rows: usize,
        work: &mut usize,
        stop: &Stop,
    ) -> Result<Option<&[u8]>, Error> {
        let mut unlooked = 0;
        // Behind this, a call reads few rows, in less than a millisecond.
        while !self.is_at_pixels() {
            if let Some(error) = self.failed {
                return Err(error);
            }
            if unlooked >= WORK_A_LOOK {
                stop.check()?;
                unlooked = 0;
            }
            match self.step(*work) {
                Ok(done) => {
                    *work = work.saturating_sub(done);
                    unlooked += done;
                }
                Err(error) => self.failed = Some(error),
            }
            if *work == 0 {
                return Ok(None);
            }
        }
        self.read_rows(most_rows, work)
    }

    /// Reads a piece of what comes before the pixels of the picture. Returns the work that it took.
    fn step(&mut self, most: usize) -> Result<usize, Error> {
        let data = self.data.clone();
        let mut bits = Bits::new(&data, self.at, self.cursor);
        let done = match self.next {
            Next::Transform => self.read_transform(&mut bits)?,
            Next::Cache => self.read_cache(&mut bits)?,
            Next::Codes => self.read_code(&mut bits)?,
            Next::Pixels => self.read_part(&mut bits, most)?,
        };
        self.cursor = bits.cursor();
        Ok(done)
    }

    fn read_transform(&mut self, bits: &mut Bits) -> Result<usize, Error> {
        if bits.read(1)? == 0 {
            self.unread = GROUP_BYTES;
            self.start(Part::Picture, self.packed_width, self.height);
            return Ok(1);
        }
        let kind = bits.read(2)?;
        if self.transforms_seen & 1 << kind != 0 {
            return Err(bits.invalid("the same transform again"));
        }
        self.transforms_seen |= 1 << kind;
        match kind {
            2 => self.transforms.push(Transform::SubtractGreen),
            3 => {
                let colors = bits.read(8)? + 1;
                self.start(Part::Palette { colors: Vec::new() }, colors, 1);
            }
            _ => {
                let bits = bits.read(3)? as u32 + 2;
                let (width, height) = self.tiles(bits);
                let part = if kind == 0 {
                    let mut modes = Vec::new();
                    self.quota.reserve(&mut modes, width * height)?;
                    self.unread -= PREDICTOR_BYTES;
                    Part::Predictor { bits, modes }
                } else {
                    let mut parts = Vec::new();
                    self.quota.reserve(&mut parts, width * height)?;
                    self.unread -= COLOR_BYTES;
                    Part::Color { bits, parts }
                };
                self.start(part, width, height);
            }
        }
        Ok(1)
    }

    /// The size of an image that has a pixel for each tile of the picture.
    fn tiles(&self, bits: u32) -> (usize, usize) {
        (self.packed_width.div_ceil(1 << bits), self.height.div_ceil(1 << bits))
    }

    fn start(&mut self, part: Part, width: usize, height: usize) {
        self.part = part;
        self.image = Image::new(width, None);
        self.image_height = height;
        self.group_tiles.clear();
        self.groups.clear();
        self.next = Next::Cache;
    }

    fn read_cache(&mut self, bits: &mut Bits) -> Result<usize, Error> {
        self.cache_bits = 0;
        if bits.read(1)? == 1 {
            self.cache_bits = bits.read(4)? as u32;
            if !(1..=MOST_COLORS.ilog2()).contains(&self.cache_bits) {
                return Err(bits.invalid("the size of a color cache"));
            }
        }
        self.next = Next::Codes;
        if !matches!(self.part, Part::Picture) {
            return Ok(1);
        }
        self.unread = 0;
        if bits.read(1)? == 1 {
            let bits = bits.read(3)? as u32 + 2;
            let (width, height) = self.tiles(bits);
            let mut groups = Vec::new();
            self.quota.reserve(&mut groups, width * height)?;
            self.start(
                Part::Tiles { bits, groups, picture_cache_bits: self.cache_bits },
                width,
                height,
            );
        }
        Ok(1)
    }

    fn read_code(&mut self, bits: &mut Bits) -> Result<usize, Error> {
        let cache_size = if self.cache_bits > 0 { 1 << self.cache_bits } else { 0 };
        let group = self.groups.groups.len();
        let count = self.group_tiles.len().max(1);
        self.groups.reserve(count - group)?;
        // Without tiles there is one group, which all pixels have.
        let pixels = match &self.image.tiles {
            Some(tiles) => {
                self.group_tiles.get(group).map_or(0, |&count| (count as usize) << (2 * tiles.bits))
            }
            None => usize::MAX,
        };
        let pixels = pixels.min(self.image.width * self.image_height);
        let done = self.groups.read_code(bits, cache_size, pixels)?;
        self.codes_work += done as u64;
        let worth =
            self.data.len() as u64 * WORK_A_BYTE + (self.width * self.height) as u64 * WORK_A_PIXEL;
        if self.codes_work > ANY_WORK + worth {
            let bytes = |work: u64| work / WORK_A_BYTE;
            return Err(Error::Work {
                needed: bytes(self.codes_work),
                allowed: bytes(ANY_WORK + worth),
            });
        }
        if self.groups.groups.len() == count {
            self.window.start(self.image.width * self.image_height);
            self.cache.start(self.cache_bits);
            self.next = Next::Pixels;
        }
        Ok(done)
    }

    /// Reads pixels of an image that is not the picture.
    fn read_part(&mut self, bits: &mut Bits, most: usize) -> Result<usize, Error> {
        let most = most.clamp(1, MOST_WAITING);
        let done =
            self.image.decode(bits, &self.groups, &mut self.cache, &mut self.window, most)?;
        let (first, second) = self.window.take(done);
        let pixels = first.iter().chain(second);
        match &mut self.part {
            // The values are in green, or in red and green.
            Part::Predictor { modes, .. } => {
                modes.extend(pixels.map(|pixel| (pixel >> 8 & 15) as u8))
            }
            Part::Color { parts, .. } => parts.extend(pixels),
            Part::Palette { colors } => colors.extend(pixels),
            Part::Tiles { groups, .. } => {
                for &pixel in pixels {
                    let group = (pixel >> 8) as u16;
                    groups.push(group);
                    let group = usize::from(group);
                    if self.group_tiles.len() <= group {
                        self.group_tiles.resize(group + 1, 0);
                    }
                    self.group_tiles[group] += 1;
                }
            }
            Part::Picture => {}
        }
        if self.window.is_full() {
            self.end_part();
        }
        Ok(done)
    }

    /// Puts an image to its use when all of it was read.
    fn end_part(&mut self) {
        self.next = Next::Transform;
        let tiles = self.image.width;
        let transform = match std::mem::replace(&mut self.part, Part::Picture) {
            Part::Predictor { bits, modes } => {
                Transform::Predictor(Predictor { bits, tiles, modes })
            }
            Part::Color { bits, parts } => Transform::Color(Color { bits, tiles, parts }),
            Part::Palette { colors } => {
                let packing = Palette::packing(colors.len());
                let width = self.packed_width;
                self.packed_width = width.div_ceil(1 << packing);
                Transform::Palette(Box::new(Palette::new(&colors, width)))
            }
            Part::Tiles { bits, groups, picture_cache_bits } => {
                self.image =
                    Image::new(self.packed_width, Some(Tiles { bits, width: tiles, groups }));
                self.image_height = self.height;
                self.groups.clear();
                self.cache_bits = picture_cache_bits;
                self.next = Next::Codes;
                return;
            }
            Part::Picture => return,
        };
        self.transforms.push(transform);
    }

    /// Decodes pixels of the picture, and hands out the rows that are finished.
    fn read_rows(&mut self, most_rows: usize, work: &mut usize) -> Result<Option<&[u8]>, Error> {
        let affordable = |work: usize, each: usize| (work / each).max(1);
        let most_rows = most_rows.clamp(1, strip_rows(self.width));
        let wanted = most_rows.min(affordable(*work, 2 * self.width)) * self.packed_width;
        let waiting = self.window.waiting();
        if waiting < wanted && self.failed.is_none() {
            let most = (wanted - waiting).min((*work).max(1));
            let data = self.data.clone();
            let mut bits = Bits::new(&data, self.at, self.cursor);
            let result =
                self.image.decode(&mut bits, &self.groups, &mut self.cache, &mut self.window, most);
            self.cursor = bits.cursor();
            *work = work.saturating_sub(self.window.waiting() - waiting);
            self.failed = result.err();
        }
        let rows = self.window.waiting() / self.packed_width;
        if rows == 0 {
            return match self.failed {
                Some(error) => Err(error),
                None if self.window.is_full() => {
                    Err(Error::Invalid { what: "a row too many", offset: self.at })
                }
                None => Ok(None),
            };
        }
        let rows = rows.min(most_rows).min(affordable(*work, self.width));
        self.strip.resize(strip_bytes(self.width, self.height), 0);
        for rgba in self.strip.chunks_exact_mut(self.width * 4).take(rows) {
            self.transforms.undo(self.window.take(self.packed_width), self.width, rgba);
        }
        *work = work.saturating_sub(rows * self.width);
        Ok(self.strip.get(..rows * self.width * 4))
    }
}

/// The most rows handed out at once.
fn strip_rows(width: usize) -> usize {
    (MOST_WAITING / width).max(1)
}

/// What they take.
fn strip_bytes(width: usize, height: usize) -> usize {
    strip_rows(width).min(height) * width * 4
}

/// The window is also for the palette.
fn window_pixels(width: usize, height: usize) -> usize {
    (width * height).max(MOST_PALETTE)
}
