//! A JPEG decoder for thumbnails: scaled, resumable, parallel.
#![deny(unsafe_code)]

mod bits;
mod block;
mod buffered;
mod cursor;
mod decoder;
mod error;
mod frame;
mod header;
mod huffman;
mod kernels;
mod parallel;
mod planes;
mod refine;
mod scan;
mod streaming;

pub use decoder::{Decoder, Effort, Image, OnDamage, Options, Read, decode};
pub use error::{Error, Unsupported};
pub use frame::{Component, Process, Scale};
pub use header::{Colour, Header};
