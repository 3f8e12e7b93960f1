//! Pictures in memory.

mod growing;
mod layout;
mod sample;
mod samples;

pub(crate) use growing::{Growing, zeroed};
pub use layout::{ColorModel, Depth, Layout};
pub(crate) use layout::{Shape, side_swaps, sides_turn, turned};
pub(crate) use sample::Sample;
pub(crate) use samples::Rows;
pub use samples::{Picture, Samples};
