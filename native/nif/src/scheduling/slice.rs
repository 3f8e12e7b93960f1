//! The two kinds of schedulers. On a normal one a job takes steps until its slice is used up,
//! charges the slice to the process and lets the scheduler run others before it goes on. On a dirty
//! one it takes steps without a bound. A job changes schedulers between steps, by a reschedule with
//! the other flag.
//!
//! The job lives in a resource that travels in the continuation's only argument. When its process
//! is killed the continuation is never called, and the resource's monitor ends the job. While it
//! waits for a seat, or for input, the calling process holds the reference.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustler::codegen_runtime::{NifReturnable, NifReturned, c_int};
use rustler::schedule::consume_timeslice;
use rustler::sys::{ErlNifEnv, ErlNifTerm};
use rustler::{Encoder, Env, NifResult, SchedulerFlags, Term};
use thumbelina_core::{Encoded, Error, Input, Scheduler};

use super::admission::{self, Turn};
use crate::atoms;
use crate::handle::Handle;
use crate::running::{Pause, Running};
use crate::terms::reply::encode_error;
use crate::terms::{Call, copy_or_pin, pin};

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

/// What a NIF call ends with: its value, or a continuation.
pub(crate) enum Next<'a> {
    Return(Term<'a>),
    Continue(Scheduler, Term<'a>),
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
            Next::Continue(Scheduler::Normal, job) => {
                (SchedulerFlags::Normal, resume_on_normal, vec![job.as_c_arg()])
            }
            Next::Continue(Scheduler::Dirty, job) => {
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
/// no seat for it. On a dirty scheduler no step is taken: the job goes to where it belongs.
pub(crate) fn start<'a>(
    env: Env<'a>,
    scheduler: Scheduler,
    input: Term<'a>,
    call: &Call,
    reference: Term<'a>,
) -> Next<'a> {
    or_internal_error(env, || {
        let running = Running::new(Input::whole(pin(input)?), call);
        let job = Handle::new(env, running).ok_or(rustler::Error::BadArg)?;
        seated(env, job, reference, |job| match scheduler {
            Scheduler::Normal => slice(env, job),
            Scheduler::Dirty => Next::Continue(Scheduler::Normal, job.term),
        })
    })
}

/// A job whose input will come in pieces.
pub(crate) fn open_stream<'a>(env: Env<'a>, call: &Call) -> NifResult<Term<'a>> {
    let running = Running::new(Input::new(), call);
    running.state().wait_for_input();
    let job = Handle::new(env, running).ok_or(rustler::Error::BadArg)?;
    Ok(job.term)
}

/// Goes on with a job that gets more of its input. It has no seat: it waits for its producer often
/// enough.
pub(crate) fn feed<'a>(env: Env<'a>, job: Term<'a>, piece: Term<'a>) -> Next<'a> {
    or_internal_error(env, || {
        let job = Handle::of(job).ok_or(rustler::Error::BadArg)?;
        job.running.state().job.push(copy_or_pin(piece)?);
        Ok(slice(env, job))
    })
}

/// Goes on with a job whose input is complete. One whose decoder has waited for that is a job like
/// others from here on.
pub(crate) fn finish<'a>(env: Env<'a>, job: Term<'a>, reference: Term<'a>) -> Next<'a> {
    or_internal_error(env, || {
        let job = Handle::of(job).ok_or(rustler::Error::BadArg)?;
        let has_plan = {
            let mut state = job.running.state();
            state.job.finish_input();
            state.job.plan().is_some()
        };
        if has_plan {
            Ok(slice(env, job))
        } else {
            seated(env, job, reference, |job| slice(env, job))
        }
    })
}

/// Ends a job that nobody will go on with. Says whether it had a seat.
pub(crate) fn abandon(env: Env, job: Term) -> bool {
    Handle::of(job).is_some_and(|job| job.running.abandon(env))
}

/// Begins with a job that has a seat, if it takes one, or says that it waits for one.
fn seated<'a>(
    env: Env<'a>,
    job: Handle<'a>,
    reference: Term<'a>,
    begin: impl FnOnce(Handle<'a>) -> Next<'a>,
) -> NifResult<Next<'a>> {
    let mut state = job.running.state();
    if state.is_auto {
        let schedulers = state.schedulers;
        // It is sure to be given back, at the job's end or when that is dropped.
        match admission::claim(env, reference, schedulers, || state.estimate(&job.running.stop)) {
            Turn::Now(claim) => state.claim = Some(claim),
            Turn::Later(claim) => {
                state.claim = Some(claim);
                return Ok(Next::Return((atoms::wait(), job.term).encode(env)));
            }
        }
    }
    drop(state);
    Ok(begin(job))
}

/// The first slice of a job that has waited.
pub(crate) fn resume_waiting<'a>(env: Env<'a>, job: Term<'a>) -> Next<'a> {
    or_internal_error(env, || Ok(slice(env, Handle::of(job).ok_or(rustler::Error::BadArg)?)))
}

/// Runs what may panic. A panic becomes `{:error, %{reason: :internal_error}}`.
pub(crate) fn guard<'a>(env: Env<'a>, run: impl FnOnce() -> NifResult<Term<'a>>) -> Term<'a> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(term)) => term,
        Ok(Err(_)) | Err(_) => encode_error(env, Error::Internal),
    }
}

/// The same for what may be continued.
fn or_internal_error<'a>(env: Env<'a>, run: impl FnOnce() -> NifResult<Next<'a>>) -> Next<'a> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(next)) => next,
        Ok(Err(_)) | Err(_) => Next::Return(encode_error(env, Error::Internal)),
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

unsafe extern "C" fn deliver(
    env: *mut ErlNifEnv,
    argc: c_int,
    argv: *const ErlNifTerm,
) -> ErlNifTerm {
    // SAFETY: as above.
    unsafe {
        resume(env, argc, argv, |env, job, value| {
            job.running.state().leave(env);
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
        let (&[job, ..], &[.., last]) = (arguments, arguments) else {
            return Err(rustler::Error::BadArg);
        };
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
    if let Some(end) = state.end.take() {
        state.leave(env);
        return Next::Return(state.reply(env, &end));
    }
    if state.job.scheduler() == Scheduler::Dirty {
        return Next::Continue(Scheduler::Dirty, term);
    }
    state.begin(Scheduler::Normal);
    let is_alone = state.slices > 0 && start - state.since < RESCHEDULE;
    state.since = start;
    let most = if is_alone { LONG_SLICE } else { SLICE };
    let mut steps = 0;
    let pause = state.pieces(&running.stop, |state| {
        steps += 1;
        let next = Duration::from_nanos(state.job.next_nanos());
        state.since - start + next > most || state.steps_per_slice.is_some_and(|most| steps >= most)
    });
    let spent = start.elapsed();
    state.slices += 1;
    state.longest_slice = state.longest_slice.max(spent);
    let goes_on = matches!(pause, Pause::Again);
    // The last slice is charged as what it is, of the millisecond that the VM takes a timeslice to
    // be.
    let percent = if goes_on { 100 } else { (spent.as_micros() / 10).clamp(1, 100) as i32 };
    consume_timeslice(env, percent);
    match pause {
        Pause::Again => {
            if state.begun.is_some_and(|begun| start - begun > SEATED) {
                state.leave_seat(env);
            }
            Next::Continue(Scheduler::Normal, term)
        }
        Pause::Elsewhere => Next::Continue(Scheduler::Dirty, term),
        Pause::NeedInput => {
            state.wait_for_input();
            Next::Return(atoms::more().encode(env))
        }
        Pause::End(Ok(outputs)) if reply_bytes(&outputs) > SHORT_REPLY_BYTES => {
            state.end = Some(Ok(outputs));
            Next::Continue(Scheduler::Dirty, term)
        }
        Pause::End(end) => {
            state.leave(env);
            Next::Return(state.reply(env, &end))
        }
    }
}

fn reply_bytes(outputs: &[Encoded]) -> usize {
    outputs.iter().map(|output| output.bytes.len()).sum()
}

/// Steps on a dirty scheduler, to the end or to where a normal one is the plan's again.
fn stint<'a>(env: Env<'a>, Handle { term, running }: Handle<'a>) -> Next<'a> {
    let mut state = running.state();
    state.begin(Scheduler::Dirty);
    let end = match state.end.take() {
        Some(end) => end,
        None => match state.stint(&running.stop) {
            Pause::Again | Pause::Elsewhere => return Next::Continue(Scheduler::Normal, term),
            Pause::NeedInput => {
                state.wait_for_input();
                return Next::Return(atoms::more().encode(env));
            }
            Pause::End(end) => end,
        },
    };
    let value = state.reply(env, &end);
    if state.claim.is_some() {
        return Next::Deliver(term, value);
    }
    state.leave(env);
    Next::Return(value)
}
