//! What the directory says of the picture, checked.

use image::metadata::Orientation;

use super::directory::{ByteOrder, Directory, Field, Fields};
use crate::{Depth, Error, Format, Layout};

/// How each chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Fax4,
    Jpeg,
}

/// What the components of a chunk stand for that is a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegColor {
    Gray,
    Rgb,
    YCbCr,
    Cmyk,
}

impl JpegColor {
    pub(super) fn components(self) -> u8 {
        match self {
            JpegColor::Gray => 1,
            JpegColor::Rgb | JpegColor::YCbCr => 3,
            JpegColor::Cmyk => 4,
        }
    }

    /// Of the decoder's output.
    pub(super) fn channels(self) -> usize {
        if self == JpegColor::Gray { 1 } else { 3 }
    }

    /// The Adobe segment's word for it. Without that segment four components are plain CMYK.
    pub(super) fn transform(self) -> Option<u8> {
        match self {
            JpegColor::Gray | JpegColor::Cmyk => None,
            JpegColor::Rgb => Some(0),
            JpegColor::YCbCr => Some(1),
        }
    }
}

/// What is stored instead of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Its difference from the sample of the pixel on the left.
    Horizontal,
    /// The differences of the bytes of floats, all first bytes of a row before all second ones.
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Unsigned,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    Palette,
    Rgb,
    Cmyk,
    /// In JPEGs alone, whose decoder makes RGB of it.
    YCbCr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    Associated,
    Unassociated,
}

#[derive(Debug, Clone)]
pub(super) struct Description {
    pub order: ByteOrder,
    pub width: u32,
    pub height: u32,
    /// Of each sample.
    pub bits: u32,
    pub numbers: Numbers,
    /// Of each pixel, those that are dropped included.
    pub samples: usize,
    pub color: Color,
    /// Whether the largest gray is black.
    pub white_is_zero: bool,
    pub alpha: Alpha,
    /// Whether each sample has chunks of its own.
    pub planar: bool,
    pub compression: Compression,
    pub predictor: Predictor,
    /// Whether the first bit of a byte is its lowest.
    pub bits_reversed: bool,
    pub orientation: Orientation,
}

/// More samples a pixel than any camera has bands.
const MAX_SAMPLES: usize = 1_024;

const UNSUPPORTED: Error = Error::Unsupported(Format::Tiff);
const INVALID: Error = Error::invalid(Format::Tiff);

impl Description {
    pub(super) fn read(
        input: &[u8],
        directory: &Directory,
        fields: &Fields,
    ) -> Result<Self, Error> {
        let number = |field: &Option<Field>, default: u16| match field {
            Some(field) => field.first::<u16>(input),
            None => Ok(default),
        };
        let required = |field: &Option<Field>| field.as_ref().ok_or(INVALID)?.first::<u32>(input);
        let (width, height) = (required(&fields.width)?, required(&fields.height)?);
        if width == 0 || height == 0 {
            return Err(INVALID);
        }
        let compression = match number(&fields.compression, 1)? {
            1 => Compression::None,
            4 => Compression::Fax4,
            5 => Compression::Lzw,
            7 => Compression::Jpeg,
            8 | 32_946 => Compression::Deflate,
            32_773 => Compression::PackBits,
            _ => return Err(UNSUPPORTED),
        };
        let samples = usize::from(number(&fields.samples_per_pixel, 1)?);
        match samples {
            0 => return Err(INVALID),
            1..=MAX_SAMPLES => {}
            _ => return Err(UNSUPPORTED),
        }
        let bits = same(input, &fields.bits_per_sample, samples, 1)?;
        let numbers = match same(input, &fields.sample_format, samples, 1)? {
            1 => Numbers::Unsigned,
            3 => Numbers::Float,
            _ => return Err(UNSUPPORTED),
        };
        let predictor = match number(&fields.predictor, 1)? {
            // These have no rows of samples to predict.
            1..=3 if matches!(compression, Compression::Jpeg | Compression::Fax4) => {
                Predictor::None
            }
            1 => Predictor::None,
            2 => Predictor::Horizontal,
            3 => Predictor::Float,
            _ => return Err(INVALID),
        };
        let planar = match number(&fields.planar_configuration, 1)? {
            1 => false,
            2 => samples > 1,
            _ => return Err(INVALID),
        };
        let bits_reversed = match number(&fields.fill_order, 1)? {
            // Bytes of a JPEG are what they are.
            2 => compression != Compression::Jpeg,
            _ => false,
        };
        // Some writers leave it out: what there is of samples says it.
        let presumed = match (compression, samples) {
            (Compression::Fax4, _) => 0,
            (_, 3..) => 2,
            _ => 1,
        };
        let photometric = number(&fields.photometric, presumed)?;
        let color = match photometric {
            0 | 1 => Color::Gray,
            2 => Color::Rgb,
            3 => Color::Palette,
            5 => Color::Cmyk,
            6 => Color::YCbCr,
            _ => return Err(UNSUPPORTED),
        };
        let extra = match &fields.extra_samples {
            Some(field) => field.count,
            None => 0,
        };
        let of_color = usize::try_from(extra).ok().and_then(|extra| samples.checked_sub(extra));
        let of_color = of_color.ok_or(INVALID)?;
        let first_extra = match &fields.extra_samples {
            Some(field) if extra > 0 => field.first::<u16>(input)?,
            _ => 0,
        };
        let named = match first_extra {
            1 => Alpha::Associated,
            2 => Alpha::Unassociated,
            _ => Alpha::None,
        };
        let alpha = match (color, of_color) {
            // Four samples that nothing is said of are taken for RGBA.
            (Color::Rgb, 4) if named == Alpha::None => Alpha::Unassociated,
            (Color::Cmyk, 4) if named == Alpha::None => Alpha::None,
            (Color::Rgb, 3 | 4) | (Color::Gray | Color::Palette, 1) => named,
            // What is not named extra, but cannot be color.
            (Color::Gray, _) if extra == 0 => Alpha::None,
            (Color::YCbCr, 3) if extra == 0 => Alpha::None,
            _ => return Err(UNSUPPORTED),
        };
        let orientation = match &fields.orientation {
            Some(field) => field.first::<u16>(input).ok().map(|exif| exif.min(255) as u8),
            None => None,
        };
        let description = Description {
            order: directory.order,
            width,
            height,
            bits,
            numbers,
            samples,
            color,
            white_is_zero: photometric == 0,
            alpha,
            planar,
            compression,
            predictor,
            bits_reversed,
            orientation: orientation
                .and_then(Orientation::from_exif)
                .unwrap_or(Orientation::NoTransforms),
        };
        description.check()?;
        Ok(description)
    }

    /// Refuses what cannot be decoded or shown.
    fn check(&self) -> Result<(), Error> {
        let shown = match (self.color, self.bits, self.numbers) {
            (Color::Gray | Color::Palette, 1 | 2 | 4, Numbers::Unsigned) => self.samples == 1,
            (Color::Palette | Color::YCbCr, 8, Numbers::Unsigned) => true,
            (Color::Gray | Color::Rgb, 8 | 16 | 32, Numbers::Unsigned) => true,
            (Color::Gray | Color::Rgb, 32, Numbers::Float) => true,
            (Color::Cmyk, 8 | 16, Numbers::Unsigned) => true,
            _ => false,
        };
        let predicted = match self.predictor {
            Predictor::None => true,
            Predictor::Horizontal => self.bits >= 8,
            Predictor::Float => self.numbers == Numbers::Float,
        };
        let packed = match self.compression {
            Compression::Fax4 => self.bits == 1 && self.samples == 1,
            // The JPEG's components are the samples.
            Compression::Jpeg if self.planar => self.bits == 8 && self.color != Color::YCbCr,
            Compression::Jpeg => self.bits == 8 && self.samples == self.color.samples(),
            _ => self.color != Color::YCbCr,
        };
        if shown && predicted && packed { Ok(()) } else { Err(UNSUPPORTED) }
    }

    /// What comes out of it.
    pub(super) fn layout(&self) -> Layout {
        let depth = match (self.bits, self.numbers) {
            _ if self.color == Color::Palette => Depth::U8,
            (32, Numbers::Float) => Depth::F32,
            (16 | 32, _) => Depth::U16,
            _ => Depth::U8,
        };
        let channels = if self.color == Color::Gray { 1 } else { 3 };
        Layout::new(channels + u8::from(self.alpha != Alpha::None), depth)
    }

    /// The samples that are shown: those of the color, and alpha behind them.
    pub(super) fn used_samples(&self) -> usize {
        self.color.samples() + usize::from(self.alpha != Alpha::None)
    }

    /// What the components of its JPEGs stand for.
    pub(super) fn jpeg_color(&self) -> JpegColor {
        match self.color {
            _ if self.planar => JpegColor::Gray,
            Color::Gray | Color::Palette => JpegColor::Gray,
            Color::Rgb => JpegColor::Rgb,
            Color::YCbCr => JpegColor::YCbCr,
            Color::Cmyk => JpegColor::Cmyk,
        }
    }

    /// The samples of a pixel that stand side by side in a chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// The chunks that are needed for one place of the picture.
    pub(super) fn planes(&self) -> usize {
        if self.planar { self.used_samples() } else { 1 }
    }

    /// The bytes of `width` pixels side by side in a chunk.
    pub(super) fn chunk_row_bytes(&self, width: u32) -> u64 {
        (u64::from(width) * u64::from(self.bits) * self.chunk_samples() as u64).div_ceil(8)
    }
}

impl Color {
    pub(super) fn samples(self) -> usize {
        match self {
            Color::Gray | Color::Palette => 1,
            Color::Rgb | Color::YCbCr => 3,
            Color::Cmyk => 4,
        }
    }
}

/// A value given for each sample, or once for all: they have to be the same.
fn same(input: &[u8], field: &Option<Field>, samples: usize, default: u32) -> Result<u32, Error> {
    let Some(field) = field else { return Ok(default) };
    let first = field.first::<u32>(input)?;
    for index in 1..field.count.min(samples as u64) {
        if field.get(input, index)? != u64::from(first) {
            return Err(UNSUPPORTED);
        }
    }
    Ok(first)
}
