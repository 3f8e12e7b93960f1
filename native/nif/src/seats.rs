//! Seats: as many thumbnails are made at a time as there are schedulers. More of them would not be
//! done sooner, but each would take as long as all together. Further callers wait for their turn in
//! a `receive`: who leaves a seat sends `{reference, :turn}` to the first of them.
//!
//! Callers are to get their thumbnails in the order in which they came. So each waits as if it had
//! come earlier by what its thumbnail is estimated to take.

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

struct Waiting {
    /// Microseconds. The least of them is the first.
    came: i64,
    is_seated: Arc<AtomicBool>,
    caller: LocalPid,
    /// Holds the reference.
    message: OwnedEnv,
    reference: SavedTerm,
}

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

/// The most that a caller may seem to have come earlier: some estimates are ten times too high.
const MOST_EARLIER: Duration = Duration::from_millis(25);

struct Seats {
    taken: usize,
    waiting: BinaryHeap<Waiting>,
}

static SEATS: Mutex<Seats> = Mutex::new(Seats { taken: 0, waiting: BinaryHeap::new() });

fn seats() -> MutexGuard<'static, Seats> {
    SEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one of so many seats for the calling process, or a place in the queue for one. Says which.
/// `takes` is asked in the second case, for how long the thumbnail is estimated to take.
pub(crate) fn claim(
    env: Env,
    reference: Term,
    most: usize,
    takes: impl FnOnce() -> Duration,
) -> (Claim, bool) {
    if let Some(claim) = seats().take(most) {
        return (claim, true);
    }
    let came = now() - micros(takes().min(MOST_EARLIER));
    let message = OwnedEnv::new();
    let reference = message.save(reference);
    let is_seated = Arc::new(AtomicBool::new(false));
    let waiting = Waiting { came, is_seated: Arc::clone(&is_seated), caller: env.pid(), message, reference };
    let mut seats = seats();
    // One may have been left meanwhile, when nobody was in the queue.
    if let Some(claim) = seats.take(most) {
        return (claim, true);
    }
    seats.waiting.push(waiting);
    (Claim { is_seated }, false)
}

impl Seats {
    fn take(&mut self, most: usize) -> Option<Claim> {
        if self.taken >= most {
            return None;
        }
        self.taken += 1;
        Some(Claim { is_seated: Arc::new(AtomicBool::new(true)) })
    }
}

fn now() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    micros(START.elapsed())
}

fn micros(duration: Duration) -> i64 {
    duration.as_micros() as i64
}

/// Leaves the seat to the first who waits, or the queue.
pub(crate) fn leave(env: Env, claim: Claim) {
    let mut seats = seats();
    if !claim.is_seated.load(Relaxed) {
        // Whoever comes upon what is left in the queue sees that nobody claims it any more.
        drop(claim);
        return;
    }
    let next = loop {
        match seats.waiting.pop() {
            Some(gone) if Arc::strong_count(&gone.is_seated) == 1 => {}
            next => break next,
        }
    };
    match next {
        // Should its caller have died just now, its job will leave the seat in turn.
        Some(next) => {
            next.is_seated.store(true, Relaxed);
            drop(seats);
            next.call(env);
        }
        None => seats.taken -= 1,
    }
}

impl Waiting {
    fn call(self, env: Env) {
        self.message.run(|message| {
            let turn = (self.reference.load(message), atoms::turn()).encode(message);
            // SAFETY: `env` is that of the NIF or of the destructor that runs, and the message is of
            // the environment that is given with it.
            unsafe { enif_send(env.as_c_arg(), self.caller.as_c_arg(), message.as_c_arg(), turn.as_c_arg()) };
        });
    }
}
