//! A job between two slices, and what is kept of it: where it ran, for how long, and what it holds
//! of what others wait for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustler::{Env, Term};
use thumbelina_core::{Effort, Encoded, Error, Input, Job, Phase, Scheduler, Step, Stop, Taken};

use crate::pool;
use crate::scheduling::admission;
use crate::scheduling::cores::{self, Counted};
use crate::scheduling::seats::Claim;
use crate::terms::Call;
use crate::terms::reply::{self, StatsTerm};

/// What lives in a job's resource.
pub(crate) struct Running {
    /// Asked for when the caller dies. Whoever works reads it, whichever thread that is.
    pub(crate) stop: Stop,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) job: Job,
    /// Only `auto` has one, and gives it back at the end: the resource may live on for a while.
    pub(crate) claim: Option<Claim>,
    /// When the work was begun.
    pub(crate) begun: Option<Instant>,
    /// While it wants a core, or waits for its turn.
    counted: Option<Counted>,
    /// Set where there is nothing left but to reply.
    pub(crate) end: Option<End>,
    pub(crate) is_auto: bool,
    pub(crate) steps_per_slice: Option<u32>,
    /// For tests: how many steps are left before one panics.
    panic_after: Option<u32>,
    threads: Option<usize>,
    pub(crate) schedulers: usize,
    ran_on: Vec<Scheduler>,
    pub(crate) slices: u64,
    pub(crate) longest_slice: Duration,
    /// When the last step ended, or the work on this scheduler was begun.
    pub(crate) since: Instant,
    phases: [Duration; 3],
}

/// What a job comes to.
pub(crate) type End = Result<Vec<Encoded>, Error>;

/// Why a job does not take the next step at once.
pub(crate) enum Pause {
    /// It is for others to go on.
    Again,
    /// The next step belongs on a dirty scheduler, or on a normal one again.
    Elsewhere,
    NeedInput,
    End(End),
}

impl Running {
    pub(crate) fn new(input: Input, call: &Call) -> Self {
        let deadline = call.timeout().and_then(|timeout| Instant::now().checked_add(timeout));
        let state = State {
            job: Job::new(input, call.request()),
            claim: None,
            begun: None,
            counted: Some(Counted::new()),
            end: None,
            is_auto: call.is_auto(),
            steps_per_slice: call.steps_per_slice,
            panic_after: call.panic_after,
            threads: call.threads,
            schedulers: call.schedulers,
            ran_on: Vec::new(),
            slices: 0,
            longest_slice: Duration::ZERO,
            since: Instant::now(),
            phases: [Duration::ZERO; 3],
        };
        Running { stop: deadline.map_or_else(Stop::new, Stop::at), state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work as soon as it looks, and drops what is held, unless somebody is at it. Says
    /// whether the job had a seat.
    pub(crate) fn abandon(&self, env: Env) -> bool {
        self.stop.ask();
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        state.job.abandon();
        state.leave(env)
    }
}

impl State {
    /// For when the job will not go on. Says whether it had a seat.
    pub(crate) fn leave(&mut self, env: Env) -> bool {
        self.counted = None;
        self.leave_seat(env)
    }

    pub(crate) fn leave_seat(&mut self, env: Env) -> bool {
        self.claim.take().is_some_and(|claim| admission::leave(env, claim))
    }

    /// For a job that waits for its input. It shares no work out: its producer is slower than one
    /// core, or as fast.
    pub(crate) fn wait_for_input(&mut self) {
        self.counted = None;
        self.job.keep_to_itself();
    }

    /// To be called before each slice and stint.
    pub(crate) fn begin(&mut self, scheduler: Scheduler) {
        self.counted.get_or_insert_with(Counted::new);
        if self.begun.is_none() {
            self.begun = Some(Instant::now());
            if !cores::are_spare(self.schedulers) {
                self.job.keep_to_itself();
            }
        }
        if self.ran_on.last() != Some(&scheduler) {
            self.ran_on.push(scheduler);
        }
    }

    /// Takes a step, and keeps the time.
    fn step(&mut self, effort: Effort<'_>, stop: &Stop) -> Result<Step, Error> {
        let phase = match self.job.phase() {
            Phase::Decode => 0,
            Phase::Resample => 1,
            Phase::Encode => 2,
        };
        self.panic_if_wanted(effort);
        let step = self.job.step(effort, stop);
        // Read once a step: a short one takes no longer than a look at the clock.
        let now = Instant::now();
        self.phases[phase] += now - self.since;
        self.since = now;
        step
    }

    /// As a decoder would that has a bug: on a thread of the pool, where there is one.
    #[expect(clippy::panic, reason = "it is what is wanted")]
    fn panic_if_wanted(&mut self, effort: Effort<'_>) {
        match (&mut self.panic_after, effort) {
            (None, _) => {}
            (Some(0), Effort::Unbounded(Some(pool))) => pool.install(|| panic!()),
            (Some(0), _) => panic!(),
            (Some(left), _) => *left -= 1,
        }
    }

    /// Takes steps of a piece each until `is_over` says so of the next one.
    pub(crate) fn pieces(&mut self, stop: &Stop, mut is_over: impl FnMut(&State) -> bool) -> Pause {
        ended(|| {
            loop {
                match self.step(Effort::Bounded, stop)? {
                    Step::Again => {}
                    Step::NeedInput => return Ok(Pause::NeedInput),
                    Step::TooBig => return Ok(Pause::Elsewhere),
                    Step::Done(outputs) => return Ok(Pause::End(Ok(outputs))),
                }
                if self.job.scheduler() == Scheduler::Dirty {
                    return Ok(Pause::Elsewhere);
                }
                if is_over(self) {
                    return Ok(Pause::Again);
                }
            }
        })
    }

    /// Takes steps that may block, as long as they belong on a dirty scheduler.
    pub(crate) fn stint(&mut self, stop: &Stop) -> Pause {
        // Asked once: a decoder that shares its work out has pieces under way, which are lost when
        // it goes on alone.
        let pool = if cores::are_spare(self.schedulers) { pool::pool(self.threads) } else { None };
        self.since = Instant::now();
        ended(|| {
            loop {
                match self.step(Effort::Unbounded(pool), stop)? {
                    Step::Again if self.job.scheduler() == Scheduler::Dirty => {}
                    Step::Again | Step::TooBig => return Ok(Pause::Elsewhere),
                    Step::NeedInput => return Ok(Pause::NeedInput),
                    Step::Done(outputs) => return Ok(Pause::End(Ok(outputs))),
                }
            }
        })
    }

    /// Reads the header, if that is short, and estimates how long the job will take.
    pub(crate) fn estimate(&mut self, stop: &Stop) -> Duration {
        // It is one of many.
        self.job.keep_to_itself();
        while self.end.is_none() && self.job.plan().is_none() {
            match ended(|| {
                self.step(Effort::Bounded, stop).map(|step| match step {
                    Step::Again => Pause::Again,
                    _ => Pause::Elsewhere,
                })
            }) {
                Pause::Again => {}
                Pause::End(end) => self.end = Some(end),
                Pause::Elsewhere | Pause::NeedInput => break,
            }
        }
        self.job.plan().map_or(Duration::ZERO, |plan| Duration::from_micros(plan.costs.total()))
    }

    /// The NIF's value.
    pub(crate) fn reply<'a>(&self, env: Env<'a>, end: &End) -> Term<'a> {
        match end {
            Ok(outputs) => reply::encoded(env, outputs, &self.stats(outputs)),
            Err(error) => reply::encode_error(env, *error),
        }
    }

    fn stats(&self, outputs: &[Encoded]) -> StatsTerm {
        let Taken { bytes, pixels } = self.job.source();
        let micros = |duration: Duration| duration.as_micros() as u64;
        StatsTerm {
            schedulers: self.ran_on.iter().map(|&scheduler| reply::scheduler(scheduler)).collect(),
            slices: self.slices,
            longest_slice: micros(self.longest_slice),
            decode: micros(self.phases[0]),
            resample: micros(self.phases[1]),
            encode: micros(self.phases[2]),
            bytes_in: bytes,
            pixels_in: pixels,
            bytes_out: outputs.iter().map(|output| output.bytes.len() as u64).sum(),
            pixels_out: outputs
                .iter()
                .map(|output| u64::from(output.width) * u64::from(output.height))
                .sum(),
            profile: reply::profile(self.job.profile_use()),
        }
    }
}

/// Runs what may fail or panic, both of which is an end.
fn ended(run: impl FnOnce() -> Result<Pause, Error>) -> Pause {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(pause)) => pause,
        Ok(Err(error)) => Pause::End(Err(error)),
        Err(_) => Pause::End(Err(Error::Internal)),
    }
}
