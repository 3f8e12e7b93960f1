//! Seats: as many thumbnails are made at a time as there are schedulers. More of them would rather
//! take each other's time. Further callers wait for their turn in a `receive`: who leaves a seat
//! sends `{reference, :turn}` to the first of them.
//!
//! Callers are to get their thumbnails about in the order in which they came. So each waits as if
//! it had come earlier by what its thumbnail is estimated to take.

use std::cmp::Ordering::{self, Equal};
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustler::env::SavedTerm;
use rustler::sys::enif_send;
use rustler::{Encoder, Env, LocalPid, OwnedEnv, Term};

use crate::atoms;

/// A job's right to a seat, now or later. To be given back by [`leave`].
pub(crate) struct Claim {
    /// Written by whoever leaves the seat to this claim.
    is_seated: Arc<AtomicBool>,
}

/// Whether a claim has its seat already, or a message will tell.
pub(crate) enum Turn {
    Now(Claim),
    Later(Claim),
}

struct Waiting {
    /// Microseconds, shifted by what the thumbnail takes.
    came: i64,
    is_seated: Arc<AtomicBool>,
    caller: LocalPid,
    /// Holds the reference.
    message: OwnedEnv,
    reference: SavedTerm,
}

/// The first is the greatest, as a heap wants it.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        other.came.cmp(&self.came)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Equal
    }
}

impl Eq for Waiting {}

/// The most that a caller may seem to have come earlier: a header can claim more than there is.
const MOST_EARLIER: Duration = Duration::from_millis(25);

struct Seats {
    /// As the last caller has seen it: schedulers can be taken off line.
    most: usize,
    taken: usize,
    waiting: BinaryHeap<Waiting>,
}

static SEATS: Mutex<Seats> = Mutex::new(Seats { most: 1, taken: 0, waiting: BinaryHeap::new() });

fn seats() -> MutexGuard<'static, Seats> {
    SEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one of `most` seats for the calling process, or a place in the queue for one. `estimate`
/// tells, in the second case, how long the thumbnail will take.
pub(crate) fn claim(env: Env, reference: Term, most: usize, estimate: impl FnOnce() -> Duration) -> Turn {
    if let Some(claim) = seats().take(most) {
        return Turn::Now(claim);
    }
    // An estimate is about twice the truth.
    let came = now() - micros((estimate() / 2).min(MOST_EARLIER));
    let message = OwnedEnv::new();
    let reference = message.save(reference);
    let is_seated = Arc::new(AtomicBool::new(false));
    let waiting = Waiting { came, is_seated: Arc::clone(&is_seated), caller: env.pid(), message, reference };
    let mut seats = seats();
    // One may have been left meanwhile, when nobody was in the queue.
    if let Some(claim) = seats.take(most) {
        return Turn::Now(claim);
    }
    seats.waiting.push(waiting);
    Turn::Later(Claim { is_seated })
}

/// Leaves the seat to the first who waits, or the queue. Not on a dirty scheduler: there, a process
/// that has been killed can send nothing. Says whether the claim had its seat.
pub(crate) fn leave(env: Env, claim: Claim) -> bool {
    let mut seats = seats();
    if !claim.is_seated.load(Relaxed) {
        // Whoever comes upon what is left in the queue sees that it is gone.
        drop(claim);
        return false;
    }
    seats.taken -= 1;
    // More than one, where there are more seats than before.
    while let Some(next) = seats.seat_next() {
        drop(seats);
        // Should its caller have died just now, its job will leave the seat in turn.
        next.call(env);
        seats = self::seats();
    }
    true
}

impl Seats {
    fn take(&mut self, most: usize) -> Option<Claim> {
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

    fn seat_next(&mut self) -> Option<Waiting> {
        while self.taken < self.most {
            let next = self.waiting.pop()?;
            if !next.is_gone() {
                next.is_seated.store(true, Relaxed);
                self.taken += 1;
                return Some(next);
            }
        }
        None
    }
}

impl Waiting {
    /// Whether nobody claims it any more.
    fn is_gone(&self) -> bool {
        Arc::strong_count(&self.is_seated) == 1
    }

    fn call(self, env: Env) {
        self.message.run(|message| {
            let turn = (self.reference.load(message), atoms::turn()).encode(message);
            // SAFETY: `env` is that of the NIF or of the destructor that runs, and the message is
            // of the environment that is given with it.
            unsafe { enif_send(env.as_c_arg(), self.caller.as_c_arg(), message.as_c_arg(), turn.as_c_arg()) };
        });
    }
}

fn now() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    micros(START.elapsed())
}

fn micros(duration: Duration) -> i64 {
    duration.as_micros() as i64
}
