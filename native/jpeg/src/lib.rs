//! A JPEG decoder for thumbnails: scaled, resumable, parallel.
//!
//! ```
//! use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
//! use thumbelina_jpeg::{Decoder, HeadersReader, Options, Scale};
//!
//! # fn main() -> Result<(), thumbelina_jpeg::Error> {
//! # let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/fixtures/photo.jpg");
//! # let bytes = bytes::Bytes::from(std::fs::read(fixture).unwrap());
//! let mut pieces = bytes.chunks(4096).map(bytes::Bytes::copy_from_slice);
//! let mut input = Input::new();
//! let mut feed = |input: &mut Input| match pieces.next() {
//!     Some(piece) => input.push(piece),
//!     None => input.finish(),
//! };
//! let (stop, budget) = (Stop::new(), Budget::new(64 << 20));
//!
//! let mut reader = HeadersReader::new();
//! let headers = loop {
//!     match reader.read(&mut input, &stop)? {
//!         Poll::Ready(headers) => break headers,
//!         Poll::Working => {} // a good moment to let others work
//!         Poll::NeedInput => feed(&mut input),
//!     }
//! };
//! assert_eq!((headers.header().width, headers.header().height), (640, 427));
//!
//! let options = Options { scale: Scale::Quarter, ..Options::default() };
//! let mut decoder = Decoder::start(headers, &options, &budget)?;
//! assert_eq!(decoder.size(), (160, 107));
//! let context = Context { pool: None, stop: &stop, budget: &budget };
//! let mut rows_seen = 0;
//! loop {
//!     // At most four rows at a time, and no more work at a time than 100 MCUs.
//!     match decoder.read(&mut input, 4, 100, &context)? {
//!         Poll::Ready([]) => break,
//!         Poll::Ready(rows) => rows_seen += rows.len() / (160 * decoder.channels()),
//!         Poll::Working => {}
//!         Poll::NeedInput => feed(&mut input),
//!     }
//! }
//! assert_eq!(rows_seen, 107);
//! # Ok(())
//! # }
//! ```
//!
//! [`decode`] is all of that in one call, where nobody waits.
//!
//! **What it decodes.** Baseline, extended sequential and progressive JPEGs of Huffman or
//! arithmetic codes with samples of 8 or 12 bits, and lossless ones of Huffman codes with 2 to 16
//! (ITU-T T.81), of one to four components with any sampling factors; restart intervals, DNL,
//! frames without Huffman tables (MJPEG), and the liberties that files take: fill bytes, garbage
//! between segments, no EOI. Hierarchical JPEGs are refused [by name](Unsupported). Rows are gray,
//! gray with alpha, RGB or CMYK of 8 bits, to which YCbCr and Adobe's YCCK are converted, without
//! regard to profiles, which [`Header`] hands out as they are.
//!
//! **Scaled.** A block of 8 by 8 samples becomes one of 8, 4, 2 or 1 by as many, by the inverse
//! transform of that size on its lowest coefficients. Codes of the other coefficients are skipped,
//! as many at a time as a look-up finds. 4:2:0 chroma gets the transform that makes it as large as
//! luma, so that it is only enlarged at full size, by libjpeg's triangle filter. Full size is that
//! of libjpeg-turbo with its accurate transform, sample for sample; 1/8 is the blocks' averages.
//!
//! **As the bytes come.** The [`Headers`] are read once, by a [`HeadersReader`] that goes on where
//! it was when more has come. A picture in one scan is decoded as far as its data has come, and
//! lets go of what was used. So are the DC scans of a progressive picture at 1/8, and its other
//! scans are passed. Other pictures in several scans are kept until all of them is there.
//!
//! **Resumable.** [`Decoder::read`] can stop behind any MCU. A call without a pool is bounded in
//! bytes of the input too, whatever they are: data that makes no MCU, metadata between scans, scans
//! that are not wanted. Every call ends soon after its [`Stop`](thumbelina_codec::Stop) is asked,
//! on any number of threads.
//!
//! **Progressive, early.** Only those scans are decoded on which the wanted coefficients depend: at
//! 1/8, the DC scans. Memory is taken for wanted coefficients alone, plus one bit for each
//! coefficient where corrections depend on which are zero.
//!
//! **Parallel.** With a pool, sequential pictures whose bytes have all come are decoded by as many
//! threads as it has, the calling one among them: at restart markers or, where there are none, from
//! guessed starts, as Huffman codes fall in step by themselves. The result is that of one thread,
//! for damaged files too. At full size it takes three threads to gain anything, and two leave it to
//! one.
//!
//! **Safe.** No input makes it panic, and a [`Budget`](thumbelina_codec::Budget) bounds what one
//! makes it take. `unsafe` is in the three modules of SIMD kernels alone.
#![deny(unsafe_code)]

mod arithmetic;
mod bits;
mod block;
mod coefficients;
mod decoder;
mod deep;
mod error;
mod frame;
mod header;
mod headers;
mod huffman;
mod image;
mod kernels;
mod layout;
mod lossless;
mod memory;
mod multiscan;
mod nanos;
mod options;
mod piece;
mod progressive;
mod quota;
mod rows;
mod scan;
mod scan_decoding;
mod scan_header;
mod scan_reader;
mod segments;
mod sequential;
mod sharing;
mod smoothing;
mod speculation;
mod tables;
mod transform;
mod view;

pub use decoder::Decoder;
pub use error::{Error, Unsupported};
pub use frame::{Coding, Component, Process, Scale};
pub use header::{Color, Header};
pub use headers::{Headers, HeadersReader};
pub use image::{Image, decode};
pub use options::{OnDamage, Options};
#[doc(hidden)]
pub use quota::MOST_LOOKED_AT;
