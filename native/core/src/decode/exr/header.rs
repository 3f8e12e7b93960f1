//! The container of an OpenEXR file up to its tables of chunks, walked in place: of the attributes,
//! the few that decoding needs are read, and nothing of the others is kept.

use std::ops::Range;

use crate::{Error, Format};

pub(super) const INVALID: Error = Error::invalid(Format::Openexr);
pub(super) const TRUNCATED: Error = Error::truncated(Format::Openexr);
pub(super) const UNSUPPORTED: Error = Error::Unsupported(Format::Openexr);

/// Magic number, version and flags.
const START: usize = 8;

const TILED: u32 = 1 << 9;
const MULTI_PART: u32 = 1 << 12;
/// Bits that have no meaning yet.
const UNKNOWN_FLAGS: u32 = !0 << 13;

/// With long names, a name has 255 bytes.
const MAX_NAME: usize = 255;

/// All parts together. A picture has some dozens, and walking these takes milliseconds.
const MAX_ATTRIBUTES: usize = 50_000;

/// Renderers write some dozens of channels into a layer.
const MAX_CHANNELS: usize = 1024;

/// Coordinates lie within this on both sides of zero, so that none of their sums overflows.
const MAX_COORDINATE: i64 = i32::MAX as i64 / 2;

/// How a chunk's pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Rle,
    /// By single lines.
    Zips,
    Zip,
    Piz,
    Pxr24,
    B44,
    B44a,
    Dwaa,
    Dwab,
}

impl Compression {
    fn of(code: u8) -> Result<Self, Error> {
        use Compression::*;
        let all = [None, Rle, Zips, Zip, Piz, Pxr24, B44, B44a, Dwaa, Dwab];
        all.get(usize::from(code)).copied().ok_or(UNSUPPORTED)
    }

    pub(super) fn is_dwa(self) -> bool {
        matches!(self, Compression::Dwaa | Compression::Dwab)
    }

    /// The lines of a chunk, where there are no tiles.
    pub(super) fn lines(self) -> u32 {
        use Compression::*;
        match self {
            None | Rle | Zips => 1,
            Zip | Pxr24 => 16,
            Piz | B44 | B44a | Dwaa => 32,
            Dwab => 256,
        }
    }
}

/// The kind of a channel's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    U32,
    F16,
    F32,
}

impl Kind {
    fn of(code: u32) -> Result<Self, Error> {
        [Kind::U32, Kind::F16, Kind::F32].get(code as usize).copied().ok_or(INVALID)
    }

    pub(super) fn bytes(self) -> usize {
        if self == Kind::F16 { 2 } else { 4 }
    }
}

/// One channel of a chunk: in each line, all samples of the first channel come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channel {
    pub kind: Kind,
    /// The bytes of a pixel in the channels before this one.
    pub offset: usize,
}

/// The pixels that a channel list describes.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    /// In the order of the file.
    pub kinds: Vec<Kind>,
    pub pixel_bytes: usize,
    rgba: Rgba,
    luminance: Option<Channel>,
    /// Those of the first layer that has red, green and blue.
    layer: Option<Rgba>,
    /// Where the list stands in the file.
    pub list: Range<usize>,
}

/// Red, green, blue and alpha, as far as they are there.
type Rgba = [Option<Channel>; 4];

/// What a part has to show. Of several parts the one with the best is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Colors,
    Luminance,
    /// The colors of a layer, as Photoshop writes them.
    Layer,
    /// One or two colors. By the library of the format, the others are 0.
    SomeColors,
}

impl Channels {
    fn has(&self) -> Option<Shown> {
        let colors = self.rgba.iter().take(3).flatten().count();
        if colors == 3 {
            Some(Shown::Colors)
        } else if self.luminance.is_some() {
            Some(Shown::Luminance)
        } else if self.layer.is_some() {
            Some(Shown::Layer)
        } else {
            (colors > 0).then_some(Shown::SomeColors)
        }
    }

    /// The channels of the picture in their order, which end with alpha where there is one.
    pub(super) fn shown(&self) -> Option<Vec<Option<Channel>>> {
        let [red, green, blue, alpha] = match self.has()? {
            Shown::Luminance => {
                let alpha = self.rgba[3].map(Some);
                return Some([self.luminance].into_iter().chain(alpha).collect());
            }
            Shown::Layer => self.layer?,
            Shown::Colors | Shown::SomeColors => self.rgba,
        };
        Some([red, green, blue].into_iter().chain(alpha.map(Some)).collect())
    }
}

/// One entry of a channel list.
pub(super) struct Entry<'a> {
    pub name: &'a [u8],
    pub kind: Kind,
    /// A hint for lossy compression.
    pub linear: bool,
}

/// A rectangle of pixels somewhere in the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub x: i64,
    pub y: i64,
    pub width: u32,
    pub height: u32,
}

impl Window {
    fn of(value: &[u8]) -> Result<Self, Error> {
        let mut walk = Walk { bytes: value, at: 0 };
        let mut next = || walk.u32().map(|bits| i64::from(bits as i32));
        let (x0, y0, x1, y1) = (next()?, next()?, next()?, next()?);
        if [x0, y0, x1, y1].iter().any(|at| at.abs() >= MAX_COORDINATE) {
            return Err(INVALID);
        }
        // Both corners belong to it, in either order.
        let (x, y) = (x0.min(x1), y0.min(y1));
        Ok(Window { x, y, width: (x0.max(x1) - x + 1) as u32, height: (y0.max(y1) - y + 1) as u32 })
    }
}

/// The description of tiles.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    width: u32,
    height: u32,
    /// 0: none, 1: mip maps, 2: rip maps.
    levels: u8,
    round_up: bool,
}

impl Tiles {
    fn of(value: &[u8]) -> Result<Self, Error> {
        let mut walk = Walk { bytes: value, at: 0 };
        let (width, height, mode) = (walk.u32()?, walk.u32()?, walk.u8()?);
        let side = 1..MAX_COORDINATE as u32;
        if !side.contains(&width) || !side.contains(&height) || mode & 15 > 2 || mode >> 4 > 1 {
            return Err(INVALID);
        }
        Ok(Tiles { width, height, levels: mode & 15, round_up: mode >> 4 == 1 })
    }

    /// The chunks of all levels.
    fn chunks(&self, width: u32, height: u32) -> u64 {
        let tiles = |level: (u32, u32)| {
            let side = |side: u32, level: u32| {
                let side = u64::from(side);
                let round = if self.round_up { (1 << level) - 1 } else { 0 };
                ((side + round) >> level).max(1)
            };
            side(width, level.0).div_ceil(self.width.into())
                * side(height, level.1).div_ceil(self.height.into())
        };
        let count = |side: u32| {
            let up = self.round_up && !side.is_power_of_two();
            side.max(1).ilog2() + u32::from(up) + 1
        };
        match self.levels {
            0 => tiles((0, 0)),
            1 => (0..count(width.max(height))).map(|level| tiles((level, level))).sum(),
            _ => (0..count(height))
                .flat_map(|y| (0..count(width)).map(move |x| (x, y)))
                .map(tiles)
                .sum(),
        }
    }
}

/// The part of a file that is shown.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub compression: Compression,
    pub channels: Channels,
    pub data: Window,
    pub display: Window,
    pub tiled: bool,
    /// The size of a chunk that is not at an edge.
    pub chunk: (u32, u32),
    /// Its number, which chunks repeat in a file of several parts.
    pub number: Option<u32>,
    /// Where its table of chunks begins, the largest level first.
    pub table: usize,
}

/// The attributes of a part, as far as they matter.
#[derive(Default)]
struct Attributes {
    channels: Option<Channels>,
    compression: Option<Compression>,
    data: Option<Window>,
    display: Option<Window>,
    tiles: Option<Tiles>,
    is_tiled: Option<bool>,
}

/// The name, the kind and the place of an attribute's value.
type Attribute<'a> = (&'a [u8], &'a [u8], Range<usize>);

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let taken = rest.get(..len).ok_or(TRUNCATED)?;
        self.at += len;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?.first_chunk().ok_or(TRUNCATED)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// A text that ends with a zero.
    fn text(&mut self) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let most = rest.get(..=MAX_NAME).unwrap_or(rest);
        let missing = if rest.len() > MAX_NAME { INVALID } else { TRUNCATED };
        let len = most.iter().position(|&byte| byte == 0).ok_or(missing)?;
        self.at += len + 1;
        Ok(&most[..len])
    }

    /// Name, kind and value of the next attribute, or nothing after the last one.
    fn attribute(&mut self) -> Result<Option<Attribute<'a>>, Error> {
        let name = self.text()?;
        if name.is_empty() {
            return Ok(None);
        }
        let kind = self.text()?;
        let len = i32::try_from(self.u32()?).map_err(|_| INVALID)?;
        let start = self.at;
        self.take(len as usize)?;
        Ok(Some((name, kind, start..self.at)))
    }

    fn channel(&mut self) -> Result<Option<Entry<'a>>, Error> {
        let name = self.text()?;
        if name.is_empty() {
            return Ok(None);
        }
        let kind = Kind::of(self.u32()?)?;
        let linear = self.u8()? != 0;
        self.take(3)?;
        let sampling = (self.u32()?, self.u32()?);
        match sampling {
            (1, 1) => Ok(Some(Entry { name, kind, linear })),
            (0, _) | (_, 0) => Err(INVALID),
            _ => Err(UNSUPPORTED),
        }
    }
}

/// The entries of a channel list that was read before.
pub(super) fn entries(list: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut walk = Walk { bytes: list, at: 0 };
    std::iter::from_fn(move || walk.channel().ok().flatten())
}

fn channels(input: &[u8], list: Range<usize>) -> Result<Channels, Error> {
    // What ends in a list is not what ends the file.
    let within = |error| if error == TRUNCATED { INVALID } else { error };
    let mut walk = Walk { bytes: &input[list.clone()], at: 0 };
    let mut channels = Channels {
        kinds: Vec::new(),
        pixel_bytes: 0,
        rgba: [None; 4],
        luminance: None,
        layer: None,
        list,
    };
    let mut previous: &[u8] = &[];
    // By their names, the channels of a layer stand side by side.
    let mut layer: (&[u8], Rgba) = (&[], [None; 4]);
    while let Some(Entry { name, kind, .. }) = walk.channel().map_err(within)? {
        if previous > name {
            return Err(INVALID);
        }
        if channels.kinds.len() == MAX_CHANNELS {
            return Err(UNSUPPORTED);
        }
        let channel = Channel { kind, offset: channels.pixel_bytes };
        let dot = name.iter().rposition(|&byte| byte == b'.').map_or(0, |at| at + 1);
        let (of_layer, base) = name.split_at(dot);
        let of_color = [b"R", b"G", b"B", b"A"].iter().position(|&color| color == base);
        if layer.0 != of_layer {
            layer = (of_layer, [None; 4]);
        }
        match (of_color, of_layer.is_empty()) {
            (Some(color), true) => {
                channels.rgba[color].get_or_insert(channel);
            }
            (Some(color), false) => {
                layer.1[color].get_or_insert(channel);
                if layer.1.iter().take(3).all(Option::is_some) {
                    channels.layer.get_or_insert(layer.1);
                }
            }
            (None, true) if base == b"Y" => {
                channels.luminance.get_or_insert(channel);
            }
            (None, _) => {}
        }
        channels.kinds.push(kind);
        channels.pixel_bytes += kind.bytes();
        previous = name;
    }
    if channels.kinds.is_empty() { Err(INVALID) } else { Ok(channels) }
}

/// Reads one header. The attributes that it may have are counted down.
fn attributes(walk: &mut Walk<'_>, left: &mut usize) -> Result<Option<Attributes>, Error> {
    let mut found = Attributes::default();
    let mut is_empty = true;
    while let Some((name, kind, range)) = walk.attribute()? {
        is_empty = false;
        *left = left.checked_sub(1).ok_or(UNSUPPORTED)?;
        let value = &walk.bytes[range.clone()];
        let within = |error| if error == TRUNCATED { INVALID } else { error };
        match (name, kind) {
            (b"channels", b"chlist") => found.channels = Some(channels(walk.bytes, range)?),
            (b"compression", b"compression") => {
                found.compression = Some(Compression::of(*value.first().ok_or(INVALID)?)?);
            }
            (b"dataWindow", b"box2i") => found.data = Some(Window::of(value).map_err(within)?),
            (b"displayWindow", b"box2i") => {
                found.display = Some(Window::of(value).map_err(within)?)
            }
            (b"tiles", b"tiledesc") => found.tiles = Some(Tiles::of(value).map_err(within)?),
            (b"type", b"string") => {
                found.is_tiled = Some(match value {
                    b"scanlineimage" => false,
                    b"tiledimage" => true,
                    _ => return Err(UNSUPPORTED),
                });
            }
            _ => {}
        }
    }
    Ok((!is_empty).then_some(found))
}

/// Reads all headers, and finds the first part of those that have the best to show.
pub(super) fn read(input: &[u8]) -> Result<Part, Error> {
    let mut walk = Walk { bytes: input, at: 4 };
    let version = walk.u32()?;
    let flags = version & !0xff;
    if !matches!(version & 0xff, 1 | 2) || flags & UNKNOWN_FLAGS != 0 {
        return Err(UNSUPPORTED);
    }
    let is_multi_part = flags & MULTI_PART != 0;
    let mut left = MAX_ATTRIBUTES;
    // With what it has, and the entries of the tables before its own.
    let mut shown: Option<(Shown, u64, Part)> = None;
    let mut number = 0;
    // The entries of all tables so far.
    let mut before = 0u64;
    while let Some(found) = attributes(&mut walk, &mut left)? {
        let data = found.data.ok_or(INVALID)?;
        let compression = found.compression.ok_or(INVALID)?;
        let tiles = if found.is_tiled.unwrap_or(flags & TILED != 0 && !is_multi_part) {
            Some(found.tiles.ok_or(INVALID)?)
        } else {
            None
        };
        let chunk =
            tiles.map_or((data.width, compression.lines()), |tiles| (tiles.width, tiles.height));
        let chunks = tiles.map_or_else(
            || u64::from(data.height).div_ceil(chunk.1.into()),
            |tiles| tiles.chunks(data.width, data.height),
        );
        let channels = found.channels.ok_or(INVALID)?;
        if let Some(has) = channels.has()
            && shown.as_ref().is_none_or(|(best, ..)| has < *best)
        {
            let part = Part {
                compression,
                channels,
                data,
                display: found.display.ok_or(INVALID)?,
                tiled: tiles.is_some(),
                chunk: (chunk.0.min(data.width), chunk.1.min(data.height)),
                number: is_multi_part.then_some(number),
                table: 0,
            };
            shown = Some((has, before, part));
        }
        before = before.saturating_add(chunks);
        number += 1;
        if !is_multi_part {
            break;
        }
    }
    let (_, before, mut part) = shown.ok_or(if number == 0 { INVALID } else { UNSUPPORTED })?;
    let end = before.saturating_add(part.chunks()).saturating_mul(8).saturating_add(walk.at as u64);
    if end > input.len() as u64 {
        return Err(TRUNCATED);
    }
    part.table = walk.at + before as usize * 8;
    Ok(part)
}

impl Part {
    /// Its chunks from left to right and from top to bottom.
    pub(super) fn grid(&self) -> (u32, u32) {
        (self.data.width.div_ceil(self.chunk.0), self.data.height.div_ceil(self.chunk.1))
    }

    /// The chunks of the largest level.
    fn chunks(&self) -> u64 {
        let (across, down) = self.grid();
        u64::from(across) * u64::from(down)
    }
}

/// The estimated nanoseconds of [`read`]. Stops counting at `most`.
pub(super) fn nanos(input: &[u8], most: u64) -> u64 {
    const PER_ATTRIBUTE: u64 = 60;
    const PER_CHANNEL_BYTE: u64 = 3;
    // Counting takes a third of what reading does, and must itself be short.
    const COUNTED: usize = 1_000;
    let mut walk = Walk { bytes: input, at: START };
    let mut nanos = 5_000;
    let mut ends = 0;
    for _ in 0..COUNTED {
        match walk.attribute() {
            Ok(Some((b"channels", _, range))) => nanos += range.len() as u64 * PER_CHANNEL_BYTE,
            Ok(Some(_)) => {}
            // A file of one part ends its header once, of several with a second zero.
            Ok(None) if ends == 0 && input.get(walk.at).is_some_and(|&byte| byte != 0) => ends = 1,
            Ok(None) | Err(_) => return nanos.min(most),
        }
        nanos += PER_ATTRIBUTE;
    }
    most
}
