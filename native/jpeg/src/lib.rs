//! A JPEG decoder for thumbnails: scaled, resumable, parallel.
//!
//! ```
//! use thumbelina_jpeg::{Decoder, Effort, Options, Read, Scale};
//!
//! # fn main() -> Result<(), thumbelina_jpeg::Error> {
//! # let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/fixtures/photo.jpg")).unwrap();
//! let options = Options { scale: Scale::Quarter, ..Options::default() };
//! let mut decoder = Decoder::new(bytes, &options)?;
//! assert_eq!(decoder.size(), (160, 107));
//! let mut rows_seen = 0;
//! loop {
//!     // At most four rows at a time, and no more work at a time than 100 MCUs.
//!     match decoder.read(4, Effort::Mcus(100))? {
//!         Read::Rows(rows) => rows_seen += rows.len() / (160 * decoder.channels()),
//!         Read::Working => {} // a good moment to let others work
//!         Read::Done => break,
//!     }
//! }
//! assert_eq!(rows_seen, 107);
//! # Ok(())
//! # }
//! ```
//!
//! **What it decodes.** Baseline, extended sequential and progressive Huffman-coded JPEGs with
//! samples of 8 bits (ITU-T T.81), of one, three or four components with any sampling factors;
//! restart intervals, DNL, frames without Huffman tables (MJPEG), and the liberties that files
//! take: fill bytes, garbage between segments, no EOI. Arithmetic coding, lossless and hierarchical
//! JPEGs and 12 bits are refused [by name](Unsupported). Rows are gray or RGB; YCbCr, Adobe's YCCK
//! and CMYK, inverted or not, are converted without regard to profiles, which [`Header`] hands out
//! as they are.
//!
//! **Scaled.** A block of 8 by 8 samples becomes one of 8, 4, 2 or 1 by as many, by the inverse
//! transform of that size on its lowest coefficients. Codes of the other coefficients are skipped,
//! as many at a time as a look-up finds. 4:2:0 chroma gets the transform that makes it as large as
//! luma, so that it is only enlarged at full size, by libjpeg's triangle filter. Full size is that
//! of libjpeg-turbo with its accurate transform, sample for sample; 1/8 is the blocks' averages.
//!
//! **Resumable.** [`Decoder::read`] can stop behind any MCU, and a [`Decoder`] owns its input. A
//! call is bounded in bytes of the input too, whatever they are: data that makes no MCU, metadata
//! between scans, scans that are not wanted. What happens in one piece, the segments in front of
//! the first scan, takes [`Header::nanos`].
//!
//! **Progressive, early.** Only those scans are decoded on which the wanted coefficients depend: at
//! 1/8, the DC scans. Memory is taken for wanted coefficients alone, plus one bit for each
//! coefficient where corrections depend on which are zero.
//!
//! **Parallel.** With a pool, sequential pictures are decoded by as many threads as it has, the
//! calling one among them: at restart markers or, where there are none, from guessed starts, as
//! Huffman codes fall in step by themselves. The result is that of one thread, for damaged files
//! too. At full size it takes three threads to gain anything, and two leave it to one.
//!
//! **Safe.** No input makes it panic, and [`Options::max_memory`] bounds what one makes it take.
//! `unsafe` is in the three modules of SIMD kernels alone.
#![deny(unsafe_code)]

mod bits;
mod block;
mod decoder;
mod error;
mod frame;
mod header;
mod headers;
mod huffman;
mod image;
mod kernels;
mod memory;
mod multiscan;
mod nanos;
mod options;
mod progressive;
mod quota;
mod rows;
mod scan;
mod scan_header;
mod scan_reader;
mod segments;
mod sequential;
mod speculation;
mod tables;
mod transform;
mod view;

pub use decoder::Decoder;
pub use error::{Error, Unsupported};
pub use frame::{Component, Process, Scale};
pub use header::{Color, Header};
pub use headers::{Headers, HeadersReader};
pub use image::{Image, decode};
pub use options::{OnDamage, Options};
#[doc(hidden)]
pub use quota::MOST_LOOKED_AT;
