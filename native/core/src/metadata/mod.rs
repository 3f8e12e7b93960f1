//! What a file says of its picture beside the pixels.

mod block;
mod fields;
mod iptc;
mod keep;
mod profile;
mod values;
mod xmp;

#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use block::{Block, Order};
pub(crate) use fields::Fields;
pub use keep::Keep;
pub(crate) use keep::{Carried, Shown};
pub(crate) use profile::name as profile_name;
pub use values::Value;
pub(crate) use values::named;

/// What reading EXIF and naming its fields takes at the most.
pub(crate) const NAMED_NANOS: u64 = fields::NANOS + values::NANOS;

/// Metadata as it lies in the file. Nobody has looked at it yet, but for the orientation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// From the byte order on: the header that JPEG has before it is cut off. Of a TIFF it is the
    /// file.
    pub exif: Option<Bytes>,
    /// An XMP packet.
    pub xmp: Option<Bytes>,
    /// IPTC-IIM records.
    pub iptc: Option<Bytes>,
}
