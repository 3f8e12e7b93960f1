//! The way of a picture: probe, plan, decode and shrink, resample, finish, encode.
//!
//! This crate knows nothing of the BEAM. A [`Job`] is the state machine that strings the stages
//! together: [`Job::step`] does one bounded piece of work and says what comes next, so that a
//! caller can stop anywhere, go on later, or move the rest to where blocking is allowed.
//!
//! ```
//! use thumbelina_core::{Budget, Format, Job, Request, Step};
//!
//! let pgm = bytes::Bytes::from_static(b"P5 2 1 255\n\x00\xff");
//! let request = Request { width: Some(1), height: Some(1), format: Some(Format::Png), ..Request::default() };
//! let mut job = Job::new(pgm, request);
//! let made = loop {
//!     match job.step(Budget::Piece).unwrap() {
//!         Step::Again => {}
//!         Step::TooBig => unreachable!("two pixels are never too big"),
//!         Step::Done(made) => break made,
//!     }
//! };
//! assert_eq!((made.width, made.height, made.format), (1, 1, Format::Png));
//! ```
#![forbid(unsafe_code)]

mod cost;
mod decode;
mod encode;
mod error;
mod finish;
mod format;
mod job;
mod limits;
mod memory;
mod options;
mod pixels;
mod plan;
mod probe;
mod resample;
mod shrink;

pub use error::Error;
pub use format::{Format, Formats};
pub use image::metadata::Orientation;
pub use job::{Budget, Encoded, Job, Phase, Road, Step};
pub use limits::{Limit, Limits};
pub use options::{Filter, Fit, OnDamage, Request, Scheduler};
pub use pixels::{Depth, Layout, Picture, Samples};
pub use plan::{Costs, Plan, Reason};
pub use probe::{Header, is_probe_short, probe};
