//! What a picture's numbers mean, and the way to sRGB.
//!
//! The intent is relative colorimetric, as it is of libvips' thumbnails: a color that both can show
//! stays what it is, and paper is white. Profiles of cameras and screens have no other.

mod cache;
mod clut;
mod cmyk;
mod conversion;
mod curve;
mod lab;
mod matrix;
mod planes;
mod profile;
mod space;
mod spaces;
mod tone;
mod transfer;
mod transform;

pub(crate) use conversion::{Conversion, kept};
pub(crate) use profile::MAX_PROFILE_BYTES;
pub use space::{ColorSpace, ProfileUse};
pub(crate) use transfer::{to_linear, to_srgb};
pub(crate) use transform::Transform;
