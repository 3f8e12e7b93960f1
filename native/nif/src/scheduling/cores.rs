//! How many thumbnails want the cores.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Thumbnails that are being made, or wait for their turn.
static JOBS: AtomicUsize = AtomicUsize::new(0);

/// One of them, until dropped.
pub(crate) struct Counted;

impl Counted {
    pub(crate) fn new() -> Counted {
        JOBS.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        JOBS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether each of them can have two cores. Where not, sharing one out would take from the others
/// what it gains.
pub(crate) fn are_spare(schedulers: usize) -> bool {
    let jobs = JOBS.load(Ordering::Relaxed);
    jobs < 2 || jobs * 2 <= schedulers
}
