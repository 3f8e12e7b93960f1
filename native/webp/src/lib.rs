//! A WebP decoder for thumbnails: resumable, in bounded memory.
//!
//! ```no_run
//! use thumbelina_webp::{Decoder, Effort, Options, Read};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut decoder = Decoder::new(std::fs::read("photo.webp")?, &Options::default())?;
//! let mut rows_seen = 0;
//! loop {
//!     // At most four rows at a time, and no more work at a time than 10,000 pixels are.
//!     match decoder.read(4, Effort::Pixels(10_000))? {
//!         Read::Rows(rows) => rows_seen += rows.len() / decoder.channels() / 640,
//!         Read::Working => {} // a good moment to let others work
//!         Read::Done => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **What it decodes.** Lossy pictures (VP8 key frames, RFC 6386) with and without alpha, lossless
//! ones, and the first frame of animations, as RGB or RGBA. Pixels are those of libwebp, with its
//! smooth enlargement of chroma.
//!
//! **Resumable.** [`Decoder::read`] can stop behind any macroblock of 16 by 16 pixels, and a
//! [`Decoder`] owns its input. Data counts as work as pixels do, so that files of much data and few
//! pixels hold nobody up.
//!
//! **In bounded memory.** Of a lossy picture, a row of macroblocks is held and the end of the one
//! before. [`Decoder::memory`] says beforehand how much that is.
//!
//! **Safe.** No input makes it panic, and there is no `unsafe` in it.
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
