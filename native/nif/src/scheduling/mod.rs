//! On which scheduler a job runs, for how long, and when it is its turn.

pub(crate) mod admission;
pub(crate) mod cores;
pub(crate) mod seats;
mod slice;

pub(crate) use slice::{Next, abandon, feed, finish, guard, open_stream, resume_waiting, start};
