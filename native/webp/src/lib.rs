//! A WebP decoder for thumbnails: resumable, in bounded memory.
#![forbid(unsafe_code)]

mod alpha;
mod container;
mod decoder;
mod error;
mod lossless;
mod lossy;
mod memory;

pub use container::Header;
pub use decoder::{Decoder, Effort, Image, Options, Read, decode};
pub use error::Error;
