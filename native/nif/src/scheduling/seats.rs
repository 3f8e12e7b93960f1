//! Who has a seat, and who is next: the queue alone, whatever it is that waits in it.

use std::cmp::Ordering::{self, Equal};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A right to a seat, now or later. To be given back with [`Seats::leave`]; one that waits may just
/// as well be dropped.
pub(crate) struct Claim {
    /// Written by whoever leaves the seat to this claim.
    is_seated: Arc<AtomicBool>,
}

/// Seats, and the callers who wait for one.
pub(crate) struct Seats<C> {
    /// As the last caller has seen it: schedulers can be taken off line.
    most: usize,
    taken: usize,
    waiting: BinaryHeap<Waiting<C>>,
}

struct Waiting<C> {
    came: i64,
    is_seated: Arc<AtomicBool>,
    caller: C,
}

impl<C> Seats<C> {
    pub(crate) const fn new() -> Self {
        Seats { most: 1, taken: 0, waiting: BinaryHeap::new() }
    }

    /// Takes one of `most` seats, if there is one for which nobody waits.
    pub(crate) fn take(&mut self, most: usize) -> Option<Claim> {
        self.most = most;
        while self.waiting.peek().is_some_and(Waiting::is_gone) {
            self.waiting.pop();
        }
        if self.taken >= most || !self.waiting.is_empty() {
            return None;
        }
        self.taken += 1;
        Some(Claim { is_seated: Arc::new(AtomicBool::new(true)) })
    }

    /// Takes a place in the queue, behind those who `came` earlier.
    pub(crate) fn wait(&mut self, came: i64, caller: C) -> Claim {
        let is_seated = Arc::new(AtomicBool::new(false));
        self.waiting.push(Waiting { came, is_seated: Arc::clone(&is_seated), caller });
        Claim { is_seated }
    }

    /// Leaves the seat, or the queue. Says whether it was a seat: if so, call [`next`](Self::next)
    /// until there is nobody.
    pub(crate) fn leave(&mut self, claim: Claim) -> bool {
        // Whoever comes upon what is left in the queue sees that it is gone.
        let is_seated = claim.is_seated.load(Relaxed);
        self.taken -= usize::from(is_seated);
        is_seated
    }

    /// The next caller who has a seat now, and is to be told. More than one, where there are more
    /// seats than before.
    pub(crate) fn next(&mut self) -> Option<C> {
        while self.taken < self.most {
            let next = self.waiting.pop()?;
            if !next.is_gone() {
                next.is_seated.store(true, Relaxed);
                self.taken += 1;
                return Some(next.caller);
            }
        }
        None
    }
}

impl<C> Waiting<C> {
    /// Whether nobody claims it any more.
    fn is_gone(&self) -> bool {
        Arc::strong_count(&self.is_seated) == 1
    }
}

/// The first is the greatest, as a heap wants it.
impl<C> Ord for Waiting<C> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.came.cmp(&self.came)
    }
}

impl<C> PartialOrd for Waiting<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> PartialEq for Waiting<C> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Equal
    }
}

impl<C> Eq for Waiting<C> {}
