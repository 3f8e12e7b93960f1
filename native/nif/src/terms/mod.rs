//! Terms in, terms out.

mod input;
pub(crate) mod reply;
mod request;
mod step;

pub(crate) use input::{copy_or_pin, pin};
pub(crate) use request::{Call, Probe};
