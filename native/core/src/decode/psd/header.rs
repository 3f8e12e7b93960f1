//! The fixed header, and where the sections are that follow it.

use std::ops::Range;

use super::resources::{self, tagged};
use super::{INVALID, TRUNCATED, UNSUPPORTED};
use crate::Error;

const HEADER_BYTES: usize = 26;
/// The red, green and blue of 256 colors.
const PALETTE_BYTES: usize = 768;

#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a sample: 1, 8, 16 or 32.
    pub(super) depth: u16,
    pub(super) mode: Mode,
    /// Planes that are in the file, and whether that behind the colors is alpha.
    pub(super) channels: u16,
    pub(super) has_alpha: bool,
    /// Whether colors are mixed with white, as far as they can be seen through.
    pub(super) is_matted: bool,
    /// All reds, all greens and all blues of an indexed picture.
    pub(super) palette: Option<Box<[u8; PALETTE_BYTES]>>,
    pub(super) resources: Range<usize>,
    pub(super) packing: Packing,
    /// Whether it is a PSB, whose numbers are longer.
    pub(super) is_big: bool,
    /// Where the planes, or the lengths of their rows, begin.
    pub(super) data: usize,
}

/// How planes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    PackBits,
    /// One zlib stream, of samples or of how they differ from those on their left.
    Zip {
        predicted: bool,
    },
}

/// What the colors are. Duotone is gray here, as it is to everyone but Photoshop, and the inks of a
/// multichannel picture have no colors that others would know: the first one is gray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Bitmap,
    Gray,
    Indexed,
    Rgb,
    Cmyk,
    Lab,
}

impl Mode {
    fn of(number: u16, depth: u16) -> Result<Self, Error> {
        Ok(match (number, depth) {
            (0, 1) => Mode::Bitmap,
            (1 | 7 | 8, 8 | 16 | 32) => Mode::Gray,
            (2, 8) => Mode::Indexed,
            (3, 8 | 16 | 32) => Mode::Rgb,
            (4, 8 | 16) => Mode::Cmyk,
            (9, 8 | 16) => Mode::Lab,
            // Others write what is black and white as gray of one bit.
            (1, 1) => Mode::Bitmap,
            (0..=9, 1 | 8 | 16 | 32) => return Err(UNSUPPORTED),
            _ => return Err(INVALID),
        })
    }

    /// How many planes the colors have.
    pub(super) fn colors(self) -> u16 {
        match self {
            Mode::Bitmap | Mode::Gray | Mode::Indexed => 1,
            Mode::Rgb | Mode::Lab => 3,
            Mode::Cmyk => 4,
        }
    }
}

/// Sections of the file, by where they are.
struct Sections {
    palette: Range<usize>,
    resources: Range<usize>,
    layers: Range<usize>,
}

impl Sections {
    /// `None` where the file ends before.
    fn of(input: &[u8], is_big: bool) -> Option<Self> {
        let palette = section(input, HEADER_BYTES, false)?;
        let resources = section(input, palette.end, false)?;
        let layers = section(input, resources.end, is_big)?;
        Some(Sections { palette, resources, layers })
    }
}

/// What a length of four bytes, or eight, at a place says is behind it.
fn section(input: &[u8], at: usize, is_long: bool) -> Option<Range<usize>> {
    let rest = input.get(at..)?;
    let (len, start) = if is_long {
        (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, at + 8)
    } else {
        (u32::from_be_bytes(*rest.first_chunk()?) as usize, at + 4)
    };
    Some(start..start.checked_add(len)?)
}

/// Width and height, in a file that begins as it should.
pub(super) fn size(input: &[u8]) -> Option<(u32, u32)> {
    let header = input.first_chunk::<HEADER_BYTES>()?;
    let long = |at: usize| header.get(at..)?.first_chunk().map(|&b| u32::from_be_bytes(b));
    Some((long(18)?, long(14)?))
}

/// Everything that [`Header::read`] and its caller go over, one by one.
pub(super) fn blocks(input: &[u8]) -> Option<impl Iterator<Item = ()>> {
    let is_big = input.get(5) == Some(&2);
    let Sections { resources, layers, .. } = Sections::of(input, is_big)?;
    let others = behind_layers(input, &layers, is_big).unwrap_or(0..0);
    let tagged = tagged(input, others, is_big).map(|_| ());
    Some(resources::of(input, resources).map(|_| ()).chain(tagged))
}

/// What is behind the layers and the mask of all.
fn behind_layers(input: &[u8], layers: &Range<usize>, is_big: bool) -> Option<Range<usize>> {
    let info = section(input, layers.start, is_big)?;
    let mask = section(input, info.end, false)?;
    Some(mask.end..layers.end)
}

/// Whether the first plane behind the colors is the picture's transparency: the number of layers is
/// negative then. That of deeper pictures is behind the layers.
fn is_transparent(input: &[u8], layers: &Range<usize>, is_big: bool) -> bool {
    let is_negative = |at: usize| input.get(at).is_some_and(|&high| high & 0x80 != 0);
    let Some(info) = section(input, layers.start, is_big) else { return false };
    if layers.len() < 4 {
        return false;
    }
    if info.len() >= 2 {
        return is_negative(info.start);
    }
    let Some(part) = behind_layers(input, layers, is_big) else { return false };
    tagged(input, part, is_big).any(|(kind, data)| match &kind {
        b"Mtrn" | b"Mt16" | b"Mt32" => true,
        b"Layr" | b"Lr16" | b"Lr32" => data.len() >= 2 && is_negative(data.start),
        _ => false,
    })
}

impl Header {
    /// The planes of what is shown.
    pub(super) fn shown(&self) -> u16 {
        self.mode.colors() + u16::from(self.has_alpha)
    }

    pub(super) fn read(input: &[u8]) -> Result<Self, Error> {
        let header = input.first_chunk::<HEADER_BYTES>().ok_or(TRUNCATED)?;
        let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (version, channels, depth) = (short(4), short(12), short(22));
        let is_big = match version {
            1 => false,
            2 => true,
            _ => return Err(INVALID),
        };
        let mode = Mode::of(short(24), depth)?;
        let (width, height) = size(input).ok_or(TRUNCATED)?;
        if channels < mode.colors() {
            return Err(INVALID);
        }
        let Sections { palette, resources, layers } =
            Sections::of(input, is_big).ok_or(TRUNCATED)?;
        let palette = if mode == Mode::Indexed {
            let colors = input.get(palette).ok_or(TRUNCATED)?.first_chunk().ok_or(INVALID)?;
            Some(Box::new(*colors))
        } else {
            None
        };
        let may_have_alpha =
            channels > mode.colors() && !matches!(mode, Mode::Bitmap | Mode::Indexed | Mode::Cmyk);
        let is_transparent = may_have_alpha && is_transparent(input, &layers, is_big);
        // A fourth channel of which nobody says what it is, most often is that, too.
        let has_alpha = is_transparent || may_have_alpha && mode == Mode::Rgb && channels == 4;
        let compression = input.get(layers.end..).and_then(<[u8]>::first_chunk).ok_or(TRUNCATED)?;
        let packing = match u16::from_be_bytes(*compression) {
            0 => Packing::None,
            1 => Packing::PackBits,
            2 => Packing::Zip { predicted: false },
            // There is nothing to predict a bit from.
            3 => Packing::Zip { predicted: depth > 1 },
            _ => return Err(INVALID),
        };
        Ok(Header {
            width,
            height,
            depth,
            mode,
            channels,
            has_alpha,
            is_matted: is_transparent && mode != Mode::Lab,
            palette,
            resources,
            packing,
            is_big,
            data: layers.end + 2,
        })
    }
}
