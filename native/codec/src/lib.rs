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
mod input;
mod stop;
pub mod threads;

use rayon::ThreadPool;

pub use budget::{Budget, Held};
pub use input::Input;
pub use stop::Stop;

/// What a call may use, and whom it asks whether to go on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Threads to share the work out over. Without any, a call keeps to a piece of work on the
    /// calling thread.
    pub pool: Option<&'a ThreadPool>,
    pub stop: &'a Stop,
    pub budget: &'a Budget,
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll<T> {
    Ready(T),
    /// Something was done, and there is more to do: call again.
    Working,
    /// Nothing can be done before more of the input is there. Never said of an input that is
    /// complete.
    NeedInput,
}

impl<T> Poll<T> {
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Poll<U> {
        match self {
            Poll::Ready(value) => Poll::Ready(map(value)),
            Poll::Working => Poll::Working,
            Poll::NeedInput => Poll::NeedInput,
        }
    }
}

/// Why a call ended early, whatever the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Somebody asked for it, or it took too long.
    #[error("stopped")]
    Stopped,
    /// More memory would be held than the budget allows.
    #[error("{needed} bytes of memory needed, and {allowed} are allowed")]
    OverBudget { needed: u64, allowed: u64 },
    /// The machine has no more of it.
    #[error("out of memory")]
    OutOfMemory,
}
