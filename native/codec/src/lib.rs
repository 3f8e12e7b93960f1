//! What the decoders and whoever drives them share: an [`Input`] that comes in pieces, a [`Stop`]
//! that ends the work, a [`Budget`] of memory, and the threads to share work out over.
//!
//! A decoder is a state machine: each call does a bounded piece of work with what has come of its
//! input, within a [`Context`], and answers with a [`Poll`].
//!
//! ```
//! use bytes::Bytes;
//! use thumbelina_codec::{Budget, Context, Error, Input, Poll, Stop};
//!
//! /// Adds up bytes, of which the first says how many there are.
//! fn sum(input: &mut Input, context: &Context) -> Result<Poll<u32>, Error> {
//!     context.stop.check()?;
//!     if let Some((&count, rest)) = input.bytes().split_first()
//!         && let Some(counted) = rest.get(..usize::from(count))
//!     {
//!         return Ok(Poll::Ready(counted.iter().map(|&byte| u32::from(byte)).sum()));
//!     }
//!     Ok(if input.more()? { Poll::Working } else { Poll::NeedInput })
//! }
//!
//! let (stop, budget) = (Stop::new(), Budget::new(1 << 20));
//! let context = Context { pool: None, stop: &stop, budget: &budget };
//! let mut input = Input::new();
//! input.push(Bytes::from_static(&[2, 20]));
//! assert_eq!(sum(&mut input, &context), Ok(Poll::NeedInput));
//! input.push(Bytes::from_static(&[22]));
//! assert_eq!(sum(&mut input, &context), Ok(Poll::Working));
//! assert_eq!(sum(&mut input, &context), Ok(Poll::Ready(42)));
//! stop.ask();
//! assert_eq!(sum(&mut input, &context), Err(Error::Stopped));
//! ```
#![forbid(unsafe_code)]

mod budget;
mod context;
mod error;
mod input;
mod stop;
pub mod threads;

pub use budget::{Budget, Held};
pub use context::{Context, Poll};
pub use error::Error;
pub use input::Input;
pub use stop::Stop;
