//! The two roads. On the yielding road a job takes steps until its slice is used up, charges the
//! slice to the process and lets the scheduler run others before it goes on. On the dirty road it
//! takes steps without a budget. A job changes roads between steps, by a reschedule with the other
//! flag.
//!
//! The job lives in a resource that travels in the continuation's only argument. When its process
//! is killed the continuation is never called, and the last reference frees the job. While it waits
//! for a seat the calling process holds that reference.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustler::codegen_runtime::{NifReturnable, NifReturned, c_int};
use rustler::schedule::consume_timeslice;
use rustler::sys::{ErlNifEnv, ErlNifTerm, enif_is_current_process_alive};
use rustler::{Encoder, Env, NifResult, SchedulerFlags, Term};
use thumbelina_core::{Budget, Encoded, Error, Job, Phase, Plan, Road, Scheduler, Step, is_probe_short};

use crate::handle::Handle;
use crate::reply::StatsTerm;
use crate::request::Call;
use crate::seats::{self, Claim, Turn};
use crate::{atoms, encode_error, input, pool, reply};

/// What a slice on a normal scheduler may use. The next piece is only begun if it is estimated to
/// end within it.
///
/// However short, it is charged as a whole timeslice: the process goes to the end of the run queue,
/// and whoever is ready goes first. Charged for what it is, it would be followed by the next one at
/// once.
const SLICE: Duration = Duration::from_micros(100);

/// The same where nobody was ready since the last slice: a reschedule takes some microseconds.
const LONG_SLICE: Duration = Duration::from_micros(250);

/// What a reschedule takes at most, if nobody runs in between.
const RESCHEDULE: Duration = Duration::from_micros(10);

/// Who holds a seat for longer gives it away, and goes on: nobody waits behind a picture that was
/// made to take long.
const SEATED: Duration = Duration::from_secs(1);

/// A reply up to this long is made on a normal scheduler: its bytes are copied.
const SHORT_REPLY_BYTES: usize = 512 << 10;

/// Thumbnails that are being made, or wait for their turn.
static JOBS: AtomicUsize = AtomicUsize::new(0);

/// One of them, until dropped.
struct Counted;

impl Counted {
    fn new() -> Counted {
        JOBS.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        JOBS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether each thumbnail, in the making or waiting, can have two cores. Where not, sharing one out
/// would take from the others what it gains.
fn has_spare_cores(schedulers: usize) -> bool {
    let jobs = JOBS.load(Ordering::Relaxed);
    jobs < 2 || jobs * 2 <= schedulers
}

/// A job between two slices.
pub(crate) struct Running(Mutex<State>);

struct State {
    job: Job,
    asked: Scheduler,
    /// Only `auto` has one, and gives it back at the end: the resource may live on for a while.
    claim: Option<Claim>,
    /// When the work was begun.
    begun: Option<Instant>,
    counted: Option<Counted>,
    /// Set where there is nothing left but to reply.
    end: Option<End>,
    steps_per_slice: Option<u32>,
    threads: Option<usize>,
    schedulers: usize,
    roads: Vec<Road>,
    slices: u64,
    longest_slice: Duration,
    /// When the last step ended, or the work on this scheduler was begun.
    since: Instant,
    phases: [Duration; 3],
}

impl Running {
    pub(crate) fn new(input: Bytes, call: &Call) -> Self {
        let request = call.request();
        Running(Mutex::new(State {
            asked: request.scheduler,
            job: Job::new(input, request),
            claim: None,
            begun: None,
            counted: Some(Counted::new()),
            end: None,
            steps_per_slice: call.steps_per_slice,
            threads: call.threads,
            schedulers: call.schedulers,
            roads: Vec::new(),
            slices: 0,
            longest_slice: Duration::ZERO,
            since: Instant::now(),
            phases: [Duration::ZERO; 3],
        }))
    }

    /// For when the job will not go on.
    pub(crate) fn leave(&self, env: Env) {
        self.state().leave(env);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn leave(&mut self, env: Env) {
        self.counted = None;
        self.leave_seat(env);
    }

    fn leave_seat(&mut self, env: Env) {
        if let Some(claim) = self.claim.take() {
            seats::leave(env, claim);
        }
    }

    /// To be called before each slice and stint.
    fn begin(&mut self) {
        if self.begun.is_none() {
            self.begun = Some(Instant::now());
            if !has_spare_cores(self.schedulers) {
                self.job.keep_to_itself();
            }
        }
    }

    fn step(&mut self, budget: Budget<'_>, is_stopped: &dyn Fn() -> bool) -> Result<Step, Error> {
        let phase = match self.job.phase() {
            Phase::Decode => 0,
            Phase::Resample => 1,
            Phase::Encode => 2,
        };
        let step = self.job.step_unless(budget, is_stopped);
        // Read once a step: a short one takes no longer than a look at the clock.
        let now = Instant::now();
        self.phases[phase] += now - self.since;
        self.since = now;
        step
    }

    fn enter(&mut self, road: Road) {
        if self.roads.last() != Some(&road) {
            self.roads.push(road);
        }
    }

    /// Steps without a budget.
    fn steps_unless(&mut self, is_stopped: &dyn Fn() -> bool) -> std::thread::Result<Result<Step, Error>> {
        // Asked once: a decoder that shares its work out has pieces under way, which are lost when
        // it goes on alone.
        let pool = if has_spare_cores(self.schedulers) { pool::pool(self.threads) } else { None };
        self.since = Instant::now();
        catch_unwind(AssertUnwindSafe(|| {
            loop {
                // Nobody waits for the picture of a dead process, and what is returned goes
                // nowhere. What the job holds is freed here rather than on the scheduler that
                // buries the process.
                if is_stopped() {
                    self.job.abandon();
                    return Err(Error::Stopped);
                }
                match self.step(Budget::Unbounded(pool), is_stopped) {
                    Ok(Step::Again) if self.job.road() == Road::Dirty => {}
                    other => return other,
                }
            }
        }))
    }

    /// The NIF's value.
    fn reply<'a>(&self, env: Env<'a>, end: &End) -> Term<'a> {
        match end {
            Ok(encoded) => reply::encoded(env, encoded, &self.stats()),
            Err(error) => encode_error(env, reply::error(*error)),
        }
    }

    fn stats(&self) -> StatsTerm {
        let micros = |duration: Duration| duration.as_micros() as u64;
        StatsTerm {
            roads: self.roads.iter().map(|&road| reply::road(road)).collect(),
            slices: self.slices,
            longest_slice: micros(self.longest_slice),
            decode: micros(self.phases[0]),
            resample: micros(self.phases[1]),
            encode: micros(self.phases[2]),
        }
    }
}

/// What a job comes to.
type End = Result<Encoded, Error>;

/// The end, if this is one. A panic is.
fn end(step: std::thread::Result<Result<Step, Error>>) -> Option<End> {
    match step {
        Ok(Ok(Step::Again | Step::TooBig)) => None,
        Ok(Ok(Step::Done(encoded))) => Some(Ok(encoded)),
        Ok(Err(error)) => Some(Err(error)),
        Err(_) => Some(Err(Error::Internal)),
    }
}

/// What a NIF call ends with: its value, or a continuation.
pub(crate) enum Next<'a> {
    Return(Term<'a>),
    Continue(Road, Term<'a>),
    /// The job leaves its seat on a normal scheduler, and the value is returned there.
    Deliver(Term<'a>, Term<'a>),
}

// SAFETY: the terms inside are of the environment that `into_returned` is called with, as the
// lifetimes of `start` and `resume` tie them to it. `resume_on_normal` and `resume_on_dirty` are
// NIFs of one argument, and `deliver` of two, which is what is put into `args`.
unsafe impl NifReturnable for Next<'_> {
    unsafe fn into_returned(self, _env: Env) -> NifReturned {
        let (flags, fun, args): (_, unsafe extern "C" fn(_, _, _) -> _, _) = match self {
            Next::Return(term) => return NifReturned::Term(term.as_c_arg()),
            Next::Continue(Road::Yielding, job) => {
                (SchedulerFlags::Normal, resume_on_normal, vec![job.as_c_arg()])
            }
            Next::Continue(Road::Dirty, job) => {
                (SchedulerFlags::DirtyCpu, resume_on_dirty, vec![job.as_c_arg()])
            }
            Next::Deliver(job, value) => {
                (SchedulerFlags::Normal, deliver, vec![job.as_c_arg(), value.as_c_arg()])
            }
        };
        NifReturned::Reschedule { fun_name: CString::from(c"thumbnail"), flags, fun, args }
    }
}

/// Makes a job of what a NIF is called with, and begins with it; or `{:wait, job}`, where there is
/// no seat for it. On a dirty scheduler no step is taken: the job goes to the road that it belongs
/// on.
pub(crate) fn start<'a>(
    env: Env<'a>,
    road: Road,
    input: Term<'a>,
    call: &Call,
    reference: Term<'a>,
) -> Next<'a> {
    or_internal_error(env, || {
        let bytes = input::pin(input)?;
        let running = Running::new(bytes.clone(), call);
        let job = Handle::new(env, running).ok_or(rustler::Error::BadArg)?;
        if call.is_auto() {
            // It is sure to be given back, at the job's end or when that is dropped.
            match seats::claim(env, reference, call.schedulers, || estimate(bytes, call)) {
                Turn::Now(claim) => job.running.state().claim = Some(claim),
                Turn::Later(claim) => {
                    job.running.state().claim = Some(claim);
                    return Ok(Next::Return((atoms::wait(), job.term).encode(env)));
                }
            }
        }
        Ok(match road {
            Road::Yielding => slice(env, job),
            Road::Dirty => Next::Continue(Road::Yielding, job.term),
        })
    })
}

/// How long a thumbnail takes, as far as its header says it without much ado.
fn estimate(input: Bytes, call: &Call) -> Duration {
    if !is_probe_short(&input) {
        return Duration::ZERO;
    }
    // What is wrong with the picture is told when it is its turn.
    Plan::of(input, &call.request()).map_or(Duration::ZERO, |plan| Duration::from_micros(plan.costs.total()))
}

/// The first slice of a job that has waited.
pub(crate) fn resume_waiting<'a>(env: Env<'a>, job: Term<'a>) -> Next<'a> {
    or_internal_error(env, || Ok(slice(env, Handle::of(job).ok_or(rustler::Error::BadArg)?)))
}

/// Runs what may panic. A panic becomes `{:error, %{reason: :internal_error}}`.
pub(crate) fn guard<'a>(env: Env<'a>, run: impl FnOnce() -> NifResult<Term<'a>>) -> Term<'a> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(term)) => term,
        Ok(Err(_)) | Err(_) => encode_error(env, reply::error(Error::Internal)),
    }
}

/// The same for what may be continued.
fn or_internal_error<'a>(env: Env<'a>, run: impl FnOnce() -> NifResult<Next<'a>>) -> Next<'a> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(next)) => next,
        Ok(Err(_)) | Err(_) => Next::Return(encode_error(env, reply::error(Error::Internal))),
    }
}

unsafe extern "C" fn resume_on_normal(
    env: *mut ErlNifEnv,
    argc: c_int,
    argv: *const ErlNifTerm,
) -> ErlNifTerm {
    // SAFETY: the VM calls this with the environment and the arguments of the call.
    unsafe { resume(env, argc, argv, |env, job, _| slice(env, job)) }
}

unsafe extern "C" fn resume_on_dirty(
    env: *mut ErlNifEnv,
    argc: c_int,
    argv: *const ErlNifTerm,
) -> ErlNifTerm {
    // SAFETY: as above.
    unsafe { resume(env, argc, argv, |env, job, _| stint(env, job)) }
}

unsafe extern "C" fn deliver(env: *mut ErlNifEnv, argc: c_int, argv: *const ErlNifTerm) -> ErlNifTerm {
    // SAFETY: as above.
    unsafe {
        resume(env, argc, argv, |env, job, value| {
            job.running.leave(env);
            Next::Return(value)
        })
    }
}

/// Runs what it is given with the job, which is the first argument, and with the last.
///
/// # Safety
/// To be called by a NIF with its own `env`, `argc` and `argv`, and to return what it returns.
unsafe fn resume(
    env: *mut ErlNifEnv,
    argc: c_int,
    argv: *const ErlNifTerm,
    run: for<'a> fn(Env<'a>, Handle<'a>, Term<'a>) -> Next<'a>,
) -> ErlNifTerm {
    let lifetime = ();
    // SAFETY: `env` is this call's, and no other `Env` has the lifetime of the local above.
    let env = unsafe { Env::new(&lifetime, env) };
    // SAFETY: the VM hands over `argc` terms at `argv`.
    let arguments = unsafe { std::slice::from_raw_parts(argv, argc as usize) };
    let next = or_internal_error(env, || {
        let (&[job, ..], &[.., last]) = (arguments, arguments) else { return Err(rustler::Error::BadArg) };
        // SAFETY: the arguments are terms of this call's environment.
        let [job, last] = [job, last].map(|argument| unsafe { Term::new(env, argument) });
        Ok(run(env, Handle::of(job).ok_or(rustler::Error::BadArg)?, last))
    });
    // SAFETY: `next` was made with this environment.
    let returned = unsafe { next.into_returned(env) };
    // SAFETY: likewise, and its value goes straight to the VM.
    unsafe { returned.apply(env) }
}

/// One slice on a normal scheduler.
fn slice<'a>(env: Env<'a>, Handle { term, running }: Handle<'a>) -> Next<'a> {
    let start = Instant::now();
    let mut state = running.state();
    if state.asked == Scheduler::Dirty && state.roads.is_empty() {
        return Next::Continue(Road::Dirty, term);
    }
    state.begin();
    state.enter(Road::Yielding);
    let is_alone = state.slices > 0 && start - state.since < RESCHEDULE;
    state.since = start;
    let most = if is_alone { LONG_SLICE } else { SLICE };
    let mut steps = 0;
    let step = catch_unwind(AssertUnwindSafe(|| {
        loop {
            match state.step(Budget::Piece, &|| false) {
                Ok(Step::Again) => {}
                other => return other,
            }
            steps += 1;
            if state.job.road() == Road::Dirty {
                return Ok(Step::TooBig);
            }
            let next = Duration::from_nanos(state.job.next_nanos());
            if state.since - start + next > most || state.steps_per_slice.is_some_and(|most| steps >= most) {
                return Ok(Step::Again);
            }
        }
    }));
    let spent = start.elapsed();
    state.slices += 1;
    state.longest_slice = state.longest_slice.max(spent);
    let goes_on = matches!(step, Ok(Ok(Step::Again)));
    // The last slice is charged as what it is, of the millisecond that the VM takes a timeslice to
    // be.
    let percent = if goes_on { 100 } else { (spent.as_micros() / 10).clamp(1, 100) as i32 };
    consume_timeslice(env, percent);
    if goes_on {
        if state.begun.is_some_and(|begun| start - begun > SEATED) {
            state.leave_seat(env);
        }
        return Next::Continue(Road::Yielding, term);
    }
    match end(step) {
        None => Next::Continue(Road::Dirty, term),
        Some(Ok(encoded)) if encoded.bytes.len() > SHORT_REPLY_BYTES => {
            state.end = Some(Ok(encoded));
            Next::Continue(Road::Dirty, term)
        }
        Some(end) => {
            state.leave(env);
            Next::Return(state.reply(env, &end))
        }
    }
}

/// Steps on a dirty scheduler, to the end or to where the yielding road is the plan's again.
fn stint<'a>(env: Env<'a>, Handle { term, running }: Handle<'a>) -> Next<'a> {
    let mut state = running.state();
    state.begin();
    state.enter(Road::Dirty);
    let end = match state.end.take() {
        Some(end) => end,
        None => match end(state.steps_unless(&|| !is_alive(env))) {
            Some(end) => end,
            None => return Next::Continue(Road::Yielding, term),
        },
    };
    let value = state.reply(env, &end);
    if state.claim.is_some() {
        return Next::Deliver(term, value);
    }
    state.leave(env);
    Next::Return(value)
}

fn is_alive(env: Env) -> bool {
    // SAFETY: `env` is the environment of the NIF call that is running.
    unsafe { enif_is_current_process_alive(env.as_c_arg()) != 0 }
}
