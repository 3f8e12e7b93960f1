//! A WebP decoder for thumbnails: resumable, in bounded memory.
#![forbid(unsafe_code)]

mod error;
mod lossless;

pub use error::Error;
