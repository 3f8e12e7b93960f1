//! What is done to a picture that is small already, one operation after the other.
//!
//! What can be done while decoding is no operation: the shrink by whole factors, and the rows and
//! columns that are left out, are the decoder's and [`crate::shrink`]'s.

mod chain;
mod color_convert;
mod convert;
mod crop;
mod filter;
mod from_light;
mod op;
mod orient;
mod pad;
mod resize;
mod smart_crop;

pub(crate) use chain::Chain;
pub(crate) use color_convert::ColorConvert;
pub(crate) use convert::Convert;
pub(crate) use crop::Crop;
pub use filter::Filter;
pub(crate) use from_light::FromLight;
pub(crate) use op::Op;
pub(crate) use orient::Orient;
pub(crate) use pad::Pad;
pub use resize::CropBox;
pub(crate) use resize::Resize;
pub(crate) use smart_crop::{Interest, SmartCrop};
