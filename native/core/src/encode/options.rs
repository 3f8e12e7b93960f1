//! How a picture is written.

use bytes::Bytes;

use crate::Metadata;

/// What a caller may choose beside the format.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// 1..=100, for the lossy formats.
    pub quality: u8,
    pub attachments: Attachments,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions { quality: 80, attachments: Attachments::default() }
    }
}

/// What goes along with the pixels, where the format has a place for it: all of it in JPEG, all
/// but IPTC in PNG and WebP, all but EXIF in TIFF, EXIF in AVIF, nothing in the others. What is
/// longer than [`MAX_ATTACHMENT`], or than the format can hold, is left out.
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
