//! What the file says of its picture.

use bytes::Bytes;

use crate::frame::{Coding, Component, Frame, Process, Scale};

/// What the file says of its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In samples. The height may come from a DNL segment behind the first scan.
    pub width: u32,
    pub height: u32,
    pub process: Process,
    pub coding: Coding,
    /// Bits of a sample: 8 or 12, and 2 to 16 where it is lossless. Rows have 8.
    pub precision: u8,
    /// One to four.
    pub components: Vec<Component>,
    pub color: Color,
    /// The transform flag of an Adobe APP14 segment, if there is one.
    pub adobe: Option<u8>,
    /// The JFIF APP0 segment, from its version on.
    pub jfif: Option<Bytes>,
    /// The TIFF structure inside of the first EXIF APP1 segment that begins with a byte order.
    pub exif: Option<Bytes>,
    /// The first packet of XMP, without those that extend it.
    pub xmp: Option<Bytes>,
    /// The IPTC-IIM records of the first Photoshop APP13 segment that has them.
    pub iptc: Option<Bytes>,
    pub(crate) icc: Vec<IccSegment>,
    /// Whether the first scan has all components.
    pub(crate) interleaved: bool,
}

const MAX_PROFILE_BYTES: usize = 4 << 20;

/// A part of an ICC profile: its number, how many there are, and its data.
pub(crate) type IccSegment = (u8, u8, Bytes);

impl Header {
    /// How many MCUs the picture has, when all components are interleaved:
    /// [`Decoder::read`](crate::Decoder::read) counts in these. At least one.
    pub fn mcus(&self) -> u64 {
        let (across, down) = self.frame().mcus();
        u64::from(across.max(1)) * u64::from(down.max(1))
    }

    /// The scale that it is decoded at where this one is asked for. Lossless ones have but one.
    pub fn scale(&self, scale: Scale) -> Scale {
        if self.process == Process::Lossless { Scale::Full } else { scale }
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame {
            process: self.process,
            coding: self.coding,
            precision: self.precision,
            width: self.width,
            height: self.height,
            components: self.components.clone(),
        }
    }

    /// The ICC profile, put together from its APP2 segments. `None` if one is missing, or if they
    /// are more than 4 MiB, which no profile that is in use takes.
    pub fn icc(&self) -> Option<Bytes> {
        let &(_, count, ref first) = self.icc.first()?;
        if self.icc.iter().map(|(_, _, data)| data.len()).sum::<usize>() > MAX_PROFILE_BYTES {
            return None;
        }
        if count == 1 {
            return Some(first.clone());
        }
        let mut profile = Vec::new();
        for number in 1..=count {
            let (_, _, data) = self.icc.iter().find(|segment| segment.0 == number)?;
            profile.extend_from_slice(data);
        }
        (count > 0).then(|| profile.into())
    }

    /// Whether a picture comes in one scan, whose rows are made as its data goes in. Arithmetic
    /// codes are rare enough to take the way of several.
    pub(crate) fn is_in_one_scan(&self) -> bool {
        self.process != Process::Progressive && self.coding == Coding::Huffman && self.interleaved
    }
}

/// What the components stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Gray,
    /// Two components, of which no segment says what they are. Gray and its alpha is what
    /// readers take them for that say what they do (Java's Image I/O).
    GrayAlpha,
    YCbCr,
    Rgb,
    Cmyk,
    /// CMYK whose first three components are stored as YCbCr.
    Ycck,
}

impl Color {
    /// What these components stand for, as libjpeg decides it: a JFIF segment tells before one of
    /// Adobe, and without either their names may.
    pub(crate) fn of(frame: &Frame, has_jfif: bool, adobe: Option<u8>) -> Color {
        let names = frame.components.iter().map(|component| component.id);
        let is_lossless = frame.process == Process::Lossless;
        match (frame.components.len(), adobe) {
            (1, _) => Color::Gray,
            (2, _) => Color::GrayAlpha,
            // Other colors would cost what nobody wants to lose.
            (3, None | Some(0)) if is_lossless => Color::Rgb,
            (3, _) if has_jfif => Color::YCbCr,
            (3, Some(0)) => Color::Rgb,
            (3, None) if names.eq(*b"RGB") => Color::Rgb,
            (3, _) => Color::YCbCr,
            (_, None | Some(0)) => Color::Cmyk,
            _ => Color::Ycck,
        }
    }

    /// Whether the samples of a component are differences of color, and no color or light.
    pub(crate) fn is_difference(self, component: usize) -> bool {
        matches!(self, Color::YCbCr | Color::Ycck) && matches!(component, 1 | 2)
    }

    /// Samples of a pixel of the output: 1 for gray, 2 with alpha, 3 for red, green and blue, 4
    /// for inks.
    pub(crate) fn channels(self) -> usize {
        match self {
            Color::Gray => 1,
            Color::GrayAlpha => 2,
            Color::YCbCr | Color::Rgb => 3,
            Color::Cmyk | Color::Ycck => 4,
        }
    }
}
