//! A WebP decoder for thumbnails: resumable, in bounded memory.
//!
//! ```no_run
//! use thumbelina_codec::{Budget, Context, Poll, Stop};
//! use thumbelina_webp::{Decoder, Header};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let header = Header::read(&std::fs::read("photo.webp")?.into())?;
//! let (stop, budget) = (Stop::new(), Budget::new(512 << 20));
//! let context = Context { pool: None, stop: &stop, budget: &budget };
//! let mut decoder = Decoder::start(header, &budget)?;
//! let mut rows_seen = 0;
//! loop {
//!     // At most four rows at a time, and no more work at a time than 10,000 pixels are.
//!     match decoder.read(4, 10_000, &context)? {
//!         Poll::Ready([]) => break,
//!         Poll::Ready(rows) => rows_seen += rows.len() / decoder.channels() / 640,
//!         Poll::Working | Poll::NeedInput => {} // a good moment to let others work
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
//! before; of a lossless one, as many pixels as references reach back. [`Decoder::memory`] says how
//! much that is, and all of it is held of a [`Budget`](thumbelina_codec::Budget).
//!
//! **Ended at any time.** A [`Stop`](thumbelina_codec::Stop) is looked at about every millisecond,
//! however much is asked for at a time.
//!
//! **Safe.** No input makes it panic, and there is no `unsafe` in it.
#![forbid(unsafe_code)]

mod alpha;
mod chunk;
mod container;
mod decoder;
mod error;
mod lossless;
mod lossy;
mod memory;

pub use container::Header;
pub use decoder::{Decoder, Image, decode};
pub use error::Error;
