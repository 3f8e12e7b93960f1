use rayon::ThreadPool;

use crate::budget::Budget;
use crate::stop::Stop;

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
