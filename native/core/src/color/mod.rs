//! What a picture's numbers mean, and the way to sRGB.

mod cmyk;
mod conversion;
mod lab;
mod space;
mod transfer;
mod transform;

pub(crate) use conversion::Conversion;
pub use space::ColorSpace;
pub(crate) use transfer::{to_linear, to_srgb};
pub(crate) use transform::Transform;
