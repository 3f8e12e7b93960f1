//! What the directory says of the picture, checked.

use image::metadata::Orientation;

use super::compression::FaxCoding;
use super::directory::{ByteOrder, Directory, Field, Fields};
use crate::{Depth, Error, Format, Layout};

/// How each chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Fax(FaxCoding),
    Jpeg,
    /// One JPEG for all of the picture, of which tables may stand in fields of their own.
    OldJpeg,
    Zstd,
    Webp,
    /// Of logarithms, whose bytes stand apart, in runs.
    SgiLog,
    /// The same of 24 bits, as they are.
    SgiLog24,
}

impl Compression {
    fn of(code: u16, t4_options: u32) -> Option<Self> {
        Some(match code {
            1 => Compression::None,
            2 => Compression::Fax(FaxCoding::Runs { padded_to: 8 }),
            3 => Compression::Fax(FaxCoding::Group3 { two_dimensional: t4_options & 1 == 1 }),
            4 => Compression::Fax(FaxCoding::Group4),
            5 => Compression::Lzw,
            6 => Compression::OldJpeg,
            7 => Compression::Jpeg,
            8 | 32_946 => Compression::Deflate,
            32_771 => Compression::Fax(FaxCoding::Runs { padded_to: 16 }),
            32_773 => Compression::PackBits,
            34_676 => Compression::SgiLog,
            34_677 => Compression::SgiLog24,
            50_000 => Compression::Zstd,
            50_001 => Compression::Webp,
            _ => return None,
        })
    }

    pub(super) fn is_jpeg(self) -> bool {
        matches!(self, Compression::Jpeg | Compression::OldJpeg)
    }

    /// Whether chunks are pictures of their own, or rows of codes: nothing is predicted there.
    fn is_of_pictures(self) -> bool {
        self.is_jpeg() || matches!(self, Compression::Webp | Compression::Fax(_))
    }
}

/// What the components of a chunk stand for that is a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegColor {
    Gray,
    /// Two that are left as they are.
    Two,
    Rgb,
    YCbCr,
    /// Four that are left as they are.
    Four,
}

impl JpegColor {
    /// Of the JPEG, and of the decoder's output.
    pub(super) fn components(self) -> u8 {
        match self {
            JpegColor::Gray => 1,
            JpegColor::Two => 2,
            JpegColor::Rgb | JpegColor::YCbCr => 3,
            JpegColor::Four => 4,
        }
    }

    /// The Adobe segment's word for it. Without that segment four components are plain CMYK.
    pub(super) fn transform(self) -> Option<u8> {
        match self {
            JpegColor::Gray | JpegColor::Two | JpegColor::Four => None,
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
    /// The bytes of numbers in that order, and no differences.
    Planes,
}

impl Predictor {
    /// Whether the bytes of a number do not stand side by side.
    pub(super) fn stands_apart(self) -> bool {
        matches!(self, Predictor::Float | Predictor::Planes)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Unsigned,
    Signed,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    Palette,
    Rgb,
    Cmyk,
    /// Of a JPEG its decoder makes RGB.
    YCbCr,
    Lab,
    /// The logarithm of light, alone or with a color, as one number.
    LogL,
    LogLuv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    Associated,
    Unassociated,
    /// Of CMYK: how much of its inks there is. The rest is paper.
    OfInk,
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
    /// Whether a* and b* are signed.
    pub signed_ab: bool,
    /// How many pixels side by side, and one above the other, share a Cb and a Cr.
    pub subsampling: (u32, u32),
    pub alpha: Alpha,
    /// Whether each sample has chunks of its own.
    pub planar: bool,
    pub compression: Compression,
    /// Whether its JPEGs have samples of more than 8 bits, of which 8 come out.
    pub is_deep_jpeg: bool,
    pub predictor: Predictor,
    /// Whether the first bit of a byte is its lowest.
    pub bits_reversed: bool,
    pub orientation: Orientation,
}

/// More samples a pixel than any camera has bands.
const MAX_SAMPLES: usize = 1_024;

/// A photometric interpretation.
const YCBCR: u16 = 6;

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
        let t4_options = fields.t4_options.and_then(|field| field.first(input).ok());
        let compression = Compression::of(number(&fields.compression, 1)?, t4_options.unwrap_or(0))
            .ok_or(UNSUPPORTED)?;
        let listed = fields.bits_per_sample.map_or(1, |bits| bits.count.min(u16::MAX.into()));
        let samples = usize::from(number(&fields.samples_per_pixel, listed as u16)?);
        match samples {
            0 => return Err(INVALID),
            1..=MAX_SAMPLES => {}
            _ => return Err(UNSUPPORTED),
        }
        let bits_of_one = if compression.is_jpeg() { 8 } else { 1 };
        let bits = same(input, &fields.bits_per_sample, samples, bits_of_one)?;
        let numbers = match same(input, &fields.sample_format, samples, 1)? {
            // Undefined numbers are what they are with nothing said of them.
            1 | 4 => Numbers::Unsigned,
            2 => Numbers::Signed,
            3 => Numbers::Float,
            _ => return Err(UNSUPPORTED),
        };
        let predictor = match number(&fields.predictor, 1)? {
            // These have no rows of samples to predict.
            1..=3 if compression.is_of_pictures() => Predictor::None,
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
            2 => !compression.is_jpeg() && compression != Compression::Webp,
            _ => false,
        };
        // Some writers leave it out: what there is of samples says it.
        let presumed = match (compression, samples) {
            (Compression::Fax(_), _) => 0,
            (Compression::OldJpeg, 3) => YCBCR,
            (_, 3..) => 2,
            _ => 1,
        };
        let photometric = match number(&fields.photometric, presumed)? {
            // What such a file says is always this.
            2 if compression == Compression::OldJpeg && samples == 3 => YCBCR,
            photometric => photometric,
        };
        let color = match photometric {
            0 | 1 => Color::Gray,
            2 => Color::Rgb,
            3 if has_palette(&fields.color_map, bits) => Color::Palette,
            // Indexes of nothing are still a picture of some kind.
            3 => Color::Gray,
            5 => Color::Cmyk,
            YCBCR => Color::YCbCr,
            8 | 9 => Color::Lab,
            32_844 => Color::LogL,
            32_845 => Color::LogLuv,
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
            (Color::Cmyk, 4) if named == Alpha::Unassociated && !planar => Alpha::OfInk,
            (Color::Rgb | Color::Lab, 3) | (Color::Gray | Color::Palette, 1) => named,
            (Color::Rgb, 4) => named,
            // More ink than there is a profile for, and what cannot be color.
            (Color::Cmyk, 4..) | (Color::YCbCr, 3..) => Alpha::None,
            (Color::LogL | Color::LogLuv, _) => Alpha::None,
            (Color::Gray | Color::Palette | Color::Rgb | Color::Lab, 1..)
                if of_color >= color.samples() =>
            {
                Alpha::None
            }
            _ => return Err(UNSUPPORTED),
        };
        let orientation = match &fields.orientation {
            Some(field) => field.first::<u16>(input).ok().map(|exif| exif.min(255) as u8),
            None => None,
        };
        let subsampling = match (color, &fields.ycbcr_subsampling) {
            (Color::YCbCr, Some(field)) => {
                let side = |index| field.get(input, index).map(|side| side.min(16) as u32);
                (side(0)?, side(1)?)
            }
            (Color::YCbCr, None) => (2, 2),
            _ => (1, 1),
        };
        let is_deep_jpeg = compression.is_jpeg() && (9..=16).contains(&bits);
        let description = Description {
            order: directory.order,
            width,
            height,
            bits: if is_deep_jpeg { 8 } else { bits },
            // No ink has less than none.
            numbers: if color == Color::Cmyk && numbers == Numbers::Signed {
                Numbers::Unsigned
            } else {
                numbers
            },
            samples,
            color,
            white_is_zero: photometric == 0,
            signed_ab: photometric == 8,
            subsampling: if compression.is_jpeg() && !planar { (1, 1) } else { subsampling },
            alpha,
            planar,
            compression,
            is_deep_jpeg,
            predictor,
            bits_reversed,
            orientation: orientation
                .and_then(Orientation::from_exif)
                .unwrap_or(Orientation::NoTransforms),
        };
        let description = description.with_logs();
        description.check()?;
        Ok(description)
    }

    /// Logarithms are of one kind each, whatever is said of what they were made of.
    fn with_logs(self) -> Self {
        let (bits, predictor) = match (self.color, self.compression) {
            (Color::LogL, _) => (16, Predictor::Planes),
            (Color::LogLuv, Compression::SgiLog24) => (24, Predictor::None),
            (Color::LogLuv, _) => (32, Predictor::Planes),
            _ => return self,
        };
        let compression = match self.color {
            // There is but one way to pack them.
            Color::LogL if self.compression == Compression::SgiLog24 => Compression::SgiLog,
            _ => self.compression,
        };
        let (order, numbers) = (ByteOrder::Big, Numbers::Unsigned);
        Description { order, numbers, bits, samples: 1, compression, predictor, ..self }
    }

    /// Refuses what cannot be decoded or shown.
    fn check(&self) -> Result<(), Error> {
        let shown = match (self.color, self.numbers, self.bits) {
            (Color::YCbCr, Numbers::Unsigned, 8) => true,
            (Color::YCbCr, ..) => false,
            (Color::Lab, Numbers::Unsigned | Numbers::Signed, 8 | 16) => true,
            (Color::Lab, Numbers::Float, 16 | 24 | 32 | 64) => true,
            (Color::Lab, ..) => false,
            (Color::LogL | Color::LogLuv, ..) => true,
            (Color::Palette, Numbers::Unsigned, 1..=16) => true,
            (Color::Palette, ..) => false,
            (_, Numbers::Unsigned, 1..=32 | 64) => true,
            (_, Numbers::Signed, 8 | 16 | 32 | 64) => true,
            (_, Numbers::Float, 16 | 24 | 32 | 64) => true,
            _ => false,
        };
        let predicted = match self.predictor {
            Predictor::None => true,
            Predictor::Horizontal => self.subsampling == (1, 1) && self.bits <= 64,
            Predictor::Float => self.numbers == Numbers::Float,
            Predictor::Planes => true,
        };
        let is_log = matches!(self.color, Color::LogL | Color::LogLuv);
        let packed = match self.compression {
            Compression::Fax(_) => self.bits == 1 && self.chunk_samples() == 1,
            // The JPEG's components are the samples.
            Compression::Jpeg if self.planar => self.bits == 8,
            Compression::Jpeg | Compression::OldJpeg => {
                let most = if self.color == Color::YCbCr { 3 } else { 4 };
                self.bits == 8 && (1..=most).contains(&self.samples) && !self.planar
            }
            Compression::Webp => {
                self.color == Color::Rgb
                    && self.bits == 8
                    && matches!(self.samples, 3 | 4)
                    && !self.planar
            }
            // A frame is read in one piece.
            Compression::Zstd => !self.bits_reversed,
            Compression::SgiLog | Compression::SgiLog24 => is_log && !self.planar,
            _ => !is_log,
        };
        let (across, down) = self.subsampling;
        let subsampled = matches!(across, 1 | 2 | 4)
            && matches!(down, 1 | 2 | 4)
            && (self.subsampling == (1, 1) || (!self.planar && self.samples == 3));
        if shown && predicted && packed && subsampled { Ok(()) } else { Err(UNSUPPORTED) }
    }

    /// What comes out of it.
    pub(super) fn layout(&self) -> Layout {
        let depth = match (self.color, self.numbers) {
            (Color::Palette, _) => Depth::U8,
            (Color::Cmyk, Numbers::Float) => Depth::U16,
            (_, Numbers::Float) => Depth::F32,
            // No one knows which of them is white. Other readers take gray ones of 16 bits for
            // what they would be without a sign, and all else for numbers up to 255.
            (Color::Gray, Numbers::Signed) if self.bits == 16 => Depth::U16,
            (Color::Gray | Color::Rgb, Numbers::Signed) => Depth::U8,
            _ if self.bits > 8 => Depth::U16,
            _ => Depth::U8,
        };
        let alpha = u8::from(self.alpha != Alpha::None);
        match self.color {
            Color::LogL => Layout::new(1, Depth::F32),
            Color::LogLuv => Layout::new(3, Depth::F32),
            Color::Gray => Layout::new(1 + alpha, depth),
            Color::Rgb | Color::Palette | Color::YCbCr => Layout::new(3 + alpha, depth),
            Color::Lab => Layout::lab(3 + alpha, depth),
            Color::Cmyk => Layout::cmyk(depth),
        }
    }

    /// The samples that are shown: those of the color, and alpha behind them.
    pub(super) fn used_samples(&self) -> usize {
        self.color.samples() + usize::from(self.alpha != Alpha::None)
    }

    /// Whether its YCbCr becomes RGB in the decoder of JPEGs. Where old ones have black and white
    /// is said in the directory.
    pub(super) fn is_jpeg_of_rgb(&self) -> bool {
        self.color == Color::YCbCr && self.compression == Compression::Jpeg && !self.planar
    }

    /// What the components of its JPEGs stand for.
    pub(super) fn jpeg_color(&self) -> JpegColor {
        match self.chunk_samples() {
            1 => JpegColor::Gray,
            2 => JpegColor::Two,
            4.. => JpegColor::Four,
            _ if self.is_jpeg_of_rgb() => JpegColor::YCbCr,
            _ => JpegColor::Rgb,
        }
    }

    /// The samples of a pixel that stand side by side in a chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// The bytes of a sample where each has whole ones.
    pub(super) fn whole_bytes(&self) -> usize {
        self.bits.next_power_of_two().max(8) as usize / 8
    }

    /// Whether samples share bytes, or have a number of them that no machine has numbers of.
    pub(super) fn is_packed(&self) -> bool {
        !matches!(self.bits, 8 | 16 | 32 | 64)
    }

    /// The chunks that are needed for one place of the picture.
    pub(super) fn planes(&self) -> usize {
        if self.planar { self.used_samples() } else { 1 }
    }

    /// How many rows of pixels one row of a chunk is for.
    pub(super) fn rows_together(&self) -> u32 {
        self.subsampling.1
    }

    /// The bytes of `width` pixels side by side in a chunk: of a row, or of those that share their
    /// Cb and Cr.
    pub(super) fn chunk_row_bytes(&self, width: u32) -> u64 {
        let (across, down) = self.subsampling;
        if (across, down) != (1, 1) {
            return u64::from(width.div_ceil(across)) * u64::from(across * down + 2);
        }
        (u64::from(width) * u64::from(self.bits) * self.chunk_samples() as u64).div_ceil(8)
    }
}

impl Color {
    pub(super) fn samples(self) -> usize {
        match self {
            Color::Gray | Color::Palette | Color::LogL | Color::LogLuv => 1,
            Color::Rgb | Color::YCbCr | Color::Lab => 3,
            Color::Cmyk => 4,
        }
    }
}

/// Whether there is a color for each number.
fn has_palette(map: &Option<Field>, bits: u32) -> bool {
    map.is_some_and(|map| bits <= 16 && map.count >= 3 << bits)
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
