//! What a file says of its picture beside the pixels.

use bytes::Bytes;

/// Metadata as it lies in the file. Nobody has looked at it yet, but for the orientation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// From the byte order on: the header that JPEG has before it is cut off.
    pub exif: Option<Bytes>,
    /// An XMP packet.
    pub xmp: Option<Bytes>,
    /// IPTC-IIM records.
    pub iptc: Option<Bytes>,
}
