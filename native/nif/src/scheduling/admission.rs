//! Seats: as many thumbnails are made at a time as there are schedulers. More of them would rather
//! take each other's time. Further callers wait for their turn in a `receive`: who leaves a seat
//! sends `{reference, :turn}` to the first of them.
//!
//! Callers are to get their thumbnails about in the order in which they came. So each waits as if
//! it had come earlier by what its thumbnail is estimated to take.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustler::env::SavedTerm;
use rustler::sys::enif_send;
use rustler::{Encoder, Env, LocalPid, OwnedEnv, Term};

use super::seats::{Claim, Seats};
use crate::atoms;

/// Whether a claim has its seat already, or a message will tell.
pub(crate) enum Turn {
    Now(Claim),
    Later(Claim),
}

/// Who waits, and for which message.
struct Caller {
    pid: LocalPid,
    /// Holds the reference.
    message: OwnedEnv,
    reference: SavedTerm,
}

/// The most that a caller may seem to have come earlier: a header can claim more than there is.
const MOST_EARLIER: Duration = Duration::from_millis(25);

static SEATS: Mutex<Seats<Caller>> = Mutex::new(Seats::new());

fn seats() -> MutexGuard<'static, Seats<Caller>> {
    SEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one of `most` seats for the calling process, or a place in the queue for one. `estimate`
/// tells, in the second case, how long the thumbnail will take.
pub(crate) fn claim(
    env: Env,
    reference: Term,
    most: usize,
    estimate: impl FnOnce() -> Duration,
) -> Turn {
    if let Some(claim) = seats().take(most) {
        return Turn::Now(claim);
    }
    // An estimate is about twice the truth.
    let came = now() - micros((estimate() / 2).min(MOST_EARLIER));
    let message = OwnedEnv::new();
    let reference = message.save(reference);
    let caller = Caller { pid: env.pid(), message, reference };
    let mut seats = seats();
    // One may have been left meanwhile, when nobody was in the queue.
    match seats.take(most) {
        Some(claim) => Turn::Now(claim),
        None => Turn::Later(seats.wait(came, caller)),
    }
}

/// Leaves the seat to the first who waits, or the queue. Not on a dirty scheduler: there, a process
/// that has been killed can send nothing. Says whether the claim had its seat.
pub(crate) fn leave(env: Env, claim: Claim) -> bool {
    let mut seats = seats();
    if !seats.leave(claim) {
        return false;
    }
    while let Some(next) = seats.next() {
        drop(seats);
        // Should its caller have died just now, its job will leave the seat in turn.
        next.call(env);
        seats = self::seats();
    }
    true
}

impl Caller {
    fn call(self, env: Env) {
        self.message.run(|message| {
            let turn = (self.reference.load(message), atoms::turn()).encode(message);
            // SAFETY: `env` is that of the NIF or of the callback that runs, and the message is of
            // the environment that is given with it.
            unsafe {
                enif_send(env.as_c_arg(), self.pid.as_c_arg(), message.as_c_arg(), turn.as_c_arg())
            };
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
