//! What the file says of its picture.

use bytes::Bytes;

use crate::frame::{Coding, Component, Process};

/// What the file says of its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In samples. The height may come from a DNL segment behind the first scan.
    pub width: u32,
    pub height: u32,
    pub process: Process,
    pub coding: Coding,
    /// One, three or four.
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
        let most =
            |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().unwrap_or(1);
        let count =
            |length: u32, factor: u8| u64::from(length.div_ceil(8 * u32::from(factor)).max(1));
        count(self.width, most(|c| c.horizontal)) * count(self.height, most(|c| c.vertical))
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
    YCbCr,
    Rgb,
    Cmyk,
    /// CMYK whose first three components are stored as YCbCr.
    Ycck,
}

impl Color {
    /// What these components stand for, as libjpeg decides it: a JFIF segment tells before one of
    /// Adobe, and without either their names may.
    pub(crate) fn of(components: &[Component], has_jfif: bool, adobe: Option<u8>) -> Color {
        let names = components.iter().map(|component| component.id);
        match (components.len(), adobe) {
            (1, _) => Color::Gray,
            (3, _) if has_jfif => Color::YCbCr,
            (3, Some(0)) => Color::Rgb,
            (3, None) if names.eq(*b"RGB") => Color::Rgb,
            (3, _) => Color::YCbCr,
            (_, None | Some(0)) => Color::Cmyk,
            _ => Color::Ycck,
        }
    }

    /// Samples of a pixel of the output: 1 for gray, 3 for red, green and blue, 4 for inks.
    pub(crate) fn channels(self) -> usize {
        match self {
            Color::Gray => 1,
            Color::YCbCr | Color::Rgb => 3,
            Color::Cmyk | Color::Ycck => 4,
        }
    }
}
