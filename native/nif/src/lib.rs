//! The BEAM's side of Thumbelina: terms in, terms out, and the schedulers on which a job runs. What
//! happens to pixels is `thumbelina_core`'s business.

mod allocator;
mod atoms;
mod blocks;
mod freed;
mod handle;
mod instance;
mod library;
mod pool;
mod running;
mod scheduling;
mod terms;

use bytes::Bytes;
use rustler::{Binary, Encoder, Env, NifResult, Term};
use thumbelina_core::{Details, Error, Input, Plan, Poll, Scheduler, is_probe_short, probe};

use crate::scheduling::{Next, guard};
use crate::terms::reply::encode_error;
use crate::terms::{Call, Probe, pin, reply};

/// Reads the header of the bytes that have come, which are all if `complete`: `{:ok, header} |
/// {:error, error} | :more | :too_big`, the last where that may take longer than a slice.
#[rustler::nif(name = "probe")]
fn probe_on_normal<'a>(env: Env<'a>, input: Binary<'a>, complete: bool, call: Probe) -> Term<'a> {
    if is_probe_short(&input) {
        probe_header(env, input.to_term(env), complete, &call)
    } else {
        atoms::too_big().encode(env)
    }
}

#[rustler::nif(name = "probe_dirty", schedule = "DirtyCpu")]
fn probe_on_dirty<'a>(env: Env<'a>, input: Term<'a>, complete: bool, call: Probe) -> Term<'a> {
    probe_header(env, input, complete, &call)
}

fn probe_header<'a>(env: Env<'a>, input: Term<'a>, complete: bool, call: &Probe) -> Term<'a> {
    let limits = call.limits();
    guard(env, || {
        let input = pin(input).map(|bytes| arrived(bytes, complete));
        polled(env, input, |input| probe(input, &limits), reply::info)
    })
}

/// Reads what a picture that is there as a whole says of itself: `{:ok, details}`, or else
/// `{:error, error} | :too_big`, as above.
#[rustler::nif(name = "details")]
fn details_on_normal<'a>(env: Env<'a>, input: Binary<'a>, call: Probe) -> Term<'a> {
    if Details::are_read_shortly(&input) {
        read_details(env, input.to_term(env), &call, MAX_COPIED_BYTES)
    } else {
        atoms::too_big().encode(env)
    }
}

#[rustler::nif(name = "details_dirty", schedule = "DirtyCpu")]
fn details_on_dirty<'a>(env: Env<'a>, input: Term<'a>, call: Probe) -> Term<'a> {
    read_details(env, input, &call, usize::MAX)
}

/// As many bytes are copied in a tenth of a millisecond, into memory that is new.
const MAX_COPIED_BYTES: usize = 128 << 10;

fn read_details<'a>(env: Env<'a>, input: Term<'a>, call: &Probe, most: usize) -> Term<'a> {
    let limits = call.limits();
    guard(env, || {
        Ok(match Details::read(pin(input)?, &limits) {
            Ok(details) if details.packet_bytes() > most => atoms::too_big().encode(env),
            Ok(details) => (atoms::ok(), reply::details(env, details)).encode(env),
            Err(error) => encode_error(env, error),
        })
    })
}

/// Plans a thumbnail: `{:ok, plan} | {:error, error} | :more | :too_big`, as above.
#[rustler::nif(name = "plan")]
fn plan_on_normal<'a>(env: Env<'a>, input: Binary<'a>, complete: bool, call: Call) -> Term<'a> {
    if is_probe_short(&input) {
        plan(env, input.to_term(env), complete, &call)
    } else {
        atoms::too_big().encode(env)
    }
}

#[rustler::nif(name = "plan_dirty", schedule = "DirtyCpu")]
fn plan_on_dirty<'a>(env: Env<'a>, input: Term<'a>, complete: bool, call: Call) -> Term<'a> {
    plan(env, input, complete, &call)
}

fn plan<'a>(env: Env<'a>, input: Term<'a>, complete: bool, call: &Call) -> Term<'a> {
    let request = call.request();
    guard(env, || {
        let input = pin(input).map(|bytes| arrived(bytes, complete));
        polled(env, input, |input| Plan::of(input, &request), reply::plan)
    })
}

/// An input of which so much has come.
fn arrived(bytes: Bytes, complete: bool) -> Input {
    let mut input = Input::new();
    input.push(bytes);
    if complete {
        input.finish();
    }
    input
}

/// The answer of what is asked until it has one.
fn polled<'a, T, U: Encoder>(
    env: Env<'a>,
    input: NifResult<Input>,
    mut poll: impl FnMut(&mut Input) -> Result<Poll<T>, Error>,
    reply: impl FnOnce(Env<'a>, T) -> U,
) -> NifResult<Term<'a>> {
    let mut input = input?;
    loop {
        match poll(&mut input) {
            Ok(Poll::Ready(value)) => return Ok((atoms::ok(), reply(env, value)).encode(env)),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => return Ok(atoms::more().encode(env)),
            Err(error) => return Ok(encode_error(env, error)),
        }
    }
}

/// Makes thumbnails: `{:ok, [{bytes, format, width, height}], stats} | {:error, error}`, or
/// `{:wait, job}` where the job is to be handed to `resume` when the message `{reference, :turn}`
/// comes.
#[rustler::nif(name = "start")]
fn start_on_normal<'a>(env: Env<'a>, input: Term<'a>, call: Call, reference: Term<'a>) -> Next<'a> {
    scheduling::start(env, Scheduler::Normal, input, &call, reference)
}

/// The same for an input that the VM copies.
#[rustler::nif(name = "start_dirty", schedule = "DirtyCpu")]
fn start_on_dirty<'a>(env: Env<'a>, input: Term<'a>, call: Call, reference: Term<'a>) -> Next<'a> {
    scheduling::start(env, Scheduler::Dirty, input, &call, reference)
}

/// Goes on with a job that has waited for its turn.
#[rustler::nif]
fn resume<'a>(env: Env<'a>, job: Term<'a>) -> Next<'a> {
    scheduling::resume_waiting(env, job)
}

/// A job whose input comes in pieces.
#[rustler::nif]
fn open_stream<'a>(env: Env<'a>, call: Call) -> Term<'a> {
    guard(env, || scheduling::open_stream(env, &call))
}

/// Hands a piece of the input to a job, and works on with it: `:more`, or what `start` answers.
#[rustler::nif]
fn feed<'a>(env: Env<'a>, job: Term<'a>, piece: Term<'a>) -> Next<'a> {
    scheduling::feed(env, job, piece)
}

/// Tells a job that its input is complete: what `start` answers.
#[rustler::nif]
fn finish<'a>(env: Env<'a>, job: Term<'a>, reference: Term<'a>) -> Next<'a> {
    scheduling::finish(env, job, reference)
}

/// Ends a job that nobody will go on with. `true` if it had a seat: if it has waited for one, the
/// message is on its way.
#[rustler::nif]
fn abandon<'a>(env: Env<'a>, job: Term<'a>) -> bool {
    scheduling::abandon(env, job)
}

/// How many bytes apart two parts of one binary are in memory. Parts of a binary that starts on a
/// byte are where they are in it. Of one that does not, the VM copies whatever is looked at, each
/// part to a place of its own: which tells such a binary at the price of a short copy.
#[rustler::nif]
fn distance(first: Binary, last: Binary) -> u64 {
    last.as_ptr().addr().wrapping_sub(first.as_ptr().addr()) as u64
}
