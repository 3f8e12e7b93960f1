//! One picture under observation: what it holds, how long its steps take, and whether that is in
//! proportion to the file. The tests of hostile inputs and the fuzz targets share it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every binary compiles this file and uses a part of it"
)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a trial fails by panicking")]

#[path = "counting.rs"]
pub mod counting;
#[allow(clippy::duplicate_mod, reason = "a binary may have use for both, this file and `mod.rs`")]
#[path = "cut.rs"]
mod cut;

use std::time::Duration;

use bytes::Bytes;
use counting::{freeing_of, peak_of};
use cpu_time::ThreadTime;
use cut::{pieces, sizes_by_chance};
use thumbelina_core::{Effort, Encoded, Error, Input, Job, Plan, Poll, Request, Step, Stop, probe};

/// How the input comes.
#[derive(Debug, Clone, Copy)]
pub enum Arrival {
    Whole,
    /// Cut as this has it by chance.
    Pieces(u64),
}

/// Where the steps are taken.
#[derive(Debug, Clone, Copy)]
pub enum Schedulers {
    Normal,
    Dirty,
    /// One or the other by turns, as the bits of this say.
    Mixed(u64),
}

#[derive(Debug)]
pub struct Trial {
    pub outcome: Result<Vec<Encoded>, Error>,
    /// The most bytes that the job held.
    pub peak: u64,
    pub steps: u64,
    /// Processor time: of all of it, and of the longest step that may run on a normal scheduler.
    pub total: Duration,
    pub longest_piece: Duration,
}

/// Steps of a job that does not end.
const MOST_STEPS: u64 = 20_000_000;

pub fn run(
    input: &Bytes,
    request: impl Into<Request>,
    arrival: Arrival,
    schedulers: Schedulers,
) -> Trial {
    let (mut trial, peak) = peak_of(|| steps(input, request.into(), arrival, schedulers));
    trial.peak = peak;
    trial
}

fn steps(input: &Bytes, request: Request, arrival: Arrival, schedulers: Schedulers) -> Trial {
    let started = ThreadTime::now();
    let mut longest_piece = Duration::ZERO;
    let mut steps = 0;
    let stop = Stop::new();
    let (whole, seed) = match arrival {
        Arrival::Whole => (Input::whole(input.clone()), 0),
        Arrival::Pieces(seed) => (Input::new(), seed),
    };
    let mut cuts = pieces(input, sizes_by_chance(seed));
    let mut job = Job::new(whole, request);
    let mut step_started = ThreadTime::now();
    let outcome = loop {
        assert!(steps < MOST_STEPS, "the job does not end");
        let pieces = match schedulers {
            Schedulers::Normal => true,
            Schedulers::Dirty => false,
            Schedulers::Mixed(bits) => bits >> (steps % 64) & 1 == 1,
        };
        let effort = if pieces { Effort::Bounded } else { Effort::Unbounded(None) };
        let (mut step, freeing) = freeing_of(|| {
            // Whoever has a scheduler to care for asks before every step.
            let _ = job.next_nanos();
            job.step(effort, &stop)
        });
        // The end of one step is the beginning of the next: asking for the time takes as long as a
        // small step.
        let ended = ThreadTime::now();
        if pieces {
            let step = ended.duration_since(step_started).saturating_sub(freeing);
            longest_piece = longest_piece.max(step);
        }
        step_started = ended;
        if matches!(step, Ok(Step::TooBig)) {
            step = job.step(Effort::Unbounded(None), &stop);
            step_started = ThreadTime::now();
        }
        steps += 1;
        match step {
            Ok(Step::Again) => {}
            Ok(Step::TooBig) => panic!("nothing is too big without a bound"),
            Ok(Step::NeedInput) => match cuts.next() {
                _ if matches!(arrival, Arrival::Whole) => panic!("all of the input is there"),
                Some(piece) => job.push(piece),
                None => job.finish_input(),
            },
            Ok(Step::Done(made)) => break Ok(made),
            Err(error) => break Err(error),
        }
    };
    Trial { outcome, peak: 0, steps, total: started.elapsed(), longest_piece }
}

/// How much slower than promised it may be: a build that is not optimized, or is instrumented.
pub const SLOWER: u32 = if cfg!(fuzzing) {
    60
} else if cfg!(debug_assertions) {
    15
} else {
    1
};

/// What a file may take, by its length and by its pixels, those of the thumbnail, and a constant
/// for what is done once. What is refused by its size has none.
pub fn allowed(input: &Bytes, request: &Request) -> Duration {
    let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
    let (mut decoded, mut made) = (0, 0);
    if let Ok(Poll::Ready(info)) = probe(&mut Input::whole(input.clone()), &request.limits) {
        decoded = pixels(info.width, info.height);
        match Plan::new(&info, request) {
            Ok(plan) => {
                made = plan.outputs.iter().map(|output| pixels(output.width, output.height)).sum()
            }
            Err(_) => decoded = 0,
        }
    }
    let nanos = 100 * input.len() as u64 + 50 * decoded + 500 * made;
    Duration::from_nanos(nanos) + Duration::from_millis(3)
}

/// A step that may run on a normal scheduler.
pub const PIECE: Duration = Duration::from_millis(1);

/// Runs a trial and fails where it breaks a promise. A machine that is busy makes anything slow:
/// what is too slow must be so every time.
pub fn observe(
    input: &Bytes,
    request: impl Into<Request>,
    arrival: Arrival,
    schedulers: Schedulers,
) -> Trial {
    let request = request.into();
    let allowed = allowed(input, &request) * SLOWER;
    let mut trial = run(input, request.clone(), arrival, schedulers);
    for _ in 0..4 {
        if trial.total <= allowed && trial.longest_piece <= PIECE * SLOWER {
            break;
        }
        let again = run(input, request.clone(), arrival, schedulers);
        trial.total = trial.total.min(again.total);
        trial.longest_piece = trial.longest_piece.min(again.longest_piece);
    }
    let max_memory = request.max_memory;
    assert!(
        trial.peak <= max_memory + max_memory / 10,
        "{} bytes were held, of {max_memory} allowed: {:?}",
        trial.peak,
        trial.outcome.as_ref().err()
    );
    assert!(
        trial.total <= allowed,
        "{:?} instead of {allowed:?}, in {} steps: {:?}",
        trial.total,
        trial.steps,
        trial.outcome.as_ref().err()
    );
    assert!(
        trial.longest_piece <= PIECE * SLOWER,
        "a step of {:?}: {:?}",
        trial.longest_piece,
        trial.outcome.as_ref().err()
    );
    assert!(!matches!(trial.outcome, Err(Error::Internal)), "an internal error");
    trial
}
