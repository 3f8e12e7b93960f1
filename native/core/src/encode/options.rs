//! How a picture is written.

use bytes::Bytes;

use super::jpeg::Sampling;
use super::{png, strips};
use crate::{Depth, Encoding, Format, Layout, Metadata, cost};

/// What a caller may choose beside the format.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// 1..=100, for the lossy formats.
    pub quality: u8,
    /// JPEG in scans that get better and better.
    pub progressive: bool,
    /// How much color a JPEG keeps.
    pub subsampling: Subsampling,
    /// JPEG with codes made for the picture. Progressive ones always have them.
    pub optimize_coding: bool,
    /// Of PNG and TIFF.
    pub compression: Option<Compression>,
    /// PNG with a palette, and GIF, of at most so many colors: 2..=256.
    pub colors: Option<u16>,
    /// Whether a palette's errors are diffused.
    pub dither: bool,
    /// The most bytes of the result. What is lossy gets the best quality that fits, from what was
    /// asked for downwards.
    pub max_bytes: Option<u64>,
    pub attachments: Attachments,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions {
            quality: 80,
            progressive: false,
            subsampling: Subsampling::default(),
            optimize_coding: false,
            compression: None,
            colors: None,
            dither: false,
            max_bytes: None,
            attachments: Attachments::default(),
        }
    }
}

/// How what is lossless is made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// zlib's level, 0..=9: of PNG, and of TIFF's `Deflate`.
    Level(u8),
    /// The others are TIFF's alone, but for `None`, which is PNG's level 0.
    None,
    Lzw,
    Deflate,
    Packbits,
}

/// How many pixels of a JPEG share a sample of color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subsampling {
    /// 4:4:4 from a quality of 90 on, 4:2:0 below.
    #[default]
    Auto,
    /// 4:4:4: none.
    None,
    /// 4:2:2: two side by side.
    Half,
    /// 4:2:0: two by two.
    Quarter,
}

impl EncodeOptions {
    /// In which layout a picture is written that its format takes in `layout`: a palette has colors
    /// of eight bits.
    pub(crate) fn layout(&self, encoding: Encoding, layout: Layout) -> Layout {
        match encoding {
            Encoding::Format(Format::Png) if self.colors.is_some() => {
                Layout::new(3 + u8::from(layout.has_alpha()), Depth::U8)
            }
            _ => layout,
        }
    }

    /// The estimated nanoseconds of writing a picture once. A JPEG's coefficients that are kept are
    /// gone over twice for each of their scans, and a palette takes what that of a GIF takes.
    pub(crate) fn nanos(&self, encoding: Encoding, size: (u32, u32), layout: Layout) -> u64 {
        let nanos = cost::output_nanos(encoding, size, layout);
        match encoding {
            Encoding::Format(Format::Jpeg) if self.progressive => nanos * 3,
            Encoding::Format(Format::Jpeg) if self.optimize_coding => nanos * 3 / 2,
            Encoding::Format(Format::Png) if self.colors.is_some() => {
                cost::encode_nanos(Format::Gif, size, layout)
            }
            Encoding::Format(Format::Png) => nanos * png::times(self.compression),
            Encoding::Format(Format::Tiff) => nanos * strips::times(self.compression),
            _ => nanos,
        }
    }

    pub(super) fn sampling(&self) -> Sampling {
        match self.subsampling {
            Subsampling::None => Sampling::Each,
            Subsampling::Half => Sampling::Two,
            Subsampling::Quarter => Sampling::Four,
            Subsampling::Auto if self.quality < 90 => Sampling::Four,
            Subsampling::Auto => Sampling::Each,
        }
    }
}

/// What goes along with the pixels, where the format has a place for it: all of it in JPEG and
/// TIFF, all but IPTC in PNG and WebP, EXIF in AVIF, nothing in the others. What is longer than
/// 1 MiB, or than the format can hold, is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachments {
    /// An ICC profile.
    pub icc: Option<Bytes>,
    pub metadata: Metadata,
}

/// Profiles of a megabyte are tables for printing, packets of a megabyte an editor's history.
pub(crate) const MAX_ATTACHMENT: usize = 1 << 20;

impl Attachments {
    pub(super) fn icc(&self) -> Option<&Bytes> {
        within(&self.icc, MAX_ATTACHMENT)
    }

    pub(super) fn exif(&self) -> Option<&Bytes> {
        within(&self.metadata.exif, MAX_ATTACHMENT)
    }

    pub(super) fn xmp(&self) -> Option<&Bytes> {
        within(&self.metadata.xmp, MAX_ATTACHMENT)
    }

    pub(super) fn iptc(&self) -> Option<&Bytes> {
        within(&self.metadata.iptc, MAX_ATTACHMENT)
    }
}

/// What is there, and not too long.
pub(super) fn within(bytes: &Option<Bytes>, most: usize) -> Option<&Bytes> {
    bytes.as_ref().filter(|bytes| !bytes.is_empty() && bytes.len() <= most)
}
