//! The way of a picture: probe, plan, decode and shrink, operations, encode.
//!
//! This crate knows nothing of the BEAM. A [`Job`] is the state machine that strings the stages
//! together: [`Job::step`] does one bounded piece of work and says what comes next, so that a
//! caller can stop anywhere, go on later, or move the rest to where blocking is allowed.
//!
//! ```
//! use thumbelina_core::{Effort, Encoding, Format, Input, Job, Output, Step, Stop};
//!
//! let mut input = Input::new();
//! input.push(bytes::Bytes::from_static(b"P5 2 1 255\n\x00"));
//! let (width, height, format) = (Some(1), Some(1), Some(Format::Png));
//! let output = Output { width, height, format, ..Output::default() };
//! let mut job = Job::new(input, output.into());
//! let stop = Stop::new();
//! let made = loop {
//!     match job.step(Effort::Bounded, &stop).unwrap() {
//!         Step::Again => {}
//!         Step::NeedInput => {
//!             job.push(bytes::Bytes::from_static(b"\xff"));
//!             job.finish_input();
//!         }
//!         Step::TooBig => unreachable!("two pixels are never too big"),
//!         Step::Done(made) => break made,
//!     }
//! };
//! assert_eq!((made[0].width, made[0].height), (1, 1));
//! assert_eq!(made[0].encoding, Encoding::Format(Format::Png));
//! ```
#![forbid(unsafe_code)]

mod color;
mod cost;
mod decode;
mod details;
mod encode;
mod encoding;
mod error;
mod format;
mod frames;
mod info;
mod job;
mod limits;
mod metadata;
mod ops;
mod picture;
mod placeholder;
mod plan;
mod request;
mod shrink;
mod trim;

pub use color::{ColorSpace, ProfileUse};
pub use decode::{is_probe_short, probe};
pub use details::Details;
pub use encode::{Attachments, Compression, EncodeOptions, Subsampling};
pub use encoding::Encoding;
pub use error::Error;
pub use format::{Format, Formats};
pub use image::metadata::Orientation;
pub use info::Info;
pub use job::{Effort, Encoded, Job, Phase, Step, Taken};
pub use limits::{Limit, Limits};
pub use metadata::{Keep, Metadata, Value};
pub use ops::{CropBox, Filter};
pub use picture::{ColorModel, Depth, Layout, Picture, Samples};
pub use placeholder::Placeholder;
pub use plan::{Costs, OutputPlan, Plan, Reason};
pub use request::{
    Color, Comparison, Fit, OnDamage, Output, OutputColor, Pixels, Position, Reference, Request,
    Run, Scheduler,
};
pub use thumbelina_codec::{Budget, Input, Poll, Stop};
