//! The BEAM's side of Thumbelina: terms in, terms out, and the two roads on which a job runs. What
//! happens to pixels is `thumbelina_core`'s business.

mod allocator;
mod freed;
mod handle;
mod input;
mod library;
mod pool;
mod reply;
mod request;
mod roads;
mod seats;

use rustler::{Binary, Encoder, Env, Term};
use thumbelina_core::{Plan, Road, is_probe_short, probe};

use crate::request::{Call, Probe};
use crate::roads::Next;

mod atoms {
    rustler::atoms! {
        ok,
        error,
        too_big,
        wait,
        turn,
        normal,
        dirty,
        // Reasons.
        unsupported_format,
        format_not_allowed,
        invalid_image,
        truncated,
        limit_exceeded,
        enomem,
        internal_error,
        // Limits.
        max_pixels,
        max_bytes_in,
        max_memory,
        decoded_bytes,
        side,
        // Why a plan takes its road.
        asked,
        within_yield_limit,
        above_yield_limit,
        shared,
        // Formats.
        jpeg,
        png,
        gif,
        webp,
        tiff,
        bmp,
        ico,
        tga,
        dds,
        pnm,
        qoi,
        hdr,
        openexr,
        farbfeld,
        avif,
    }
}

/// Reads the header: `{:ok, header} | {:error, error} | :too_big`, the last where that may take
/// longer than a slice.
#[rustler::nif(name = "probe")]
fn probe_on_normal<'a>(env: Env<'a>, input: Binary<'a>, call: Probe) -> Term<'a> {
    if is_probe_short(&input) {
        probe_header(env, input.to_term(env), &call)
    } else {
        atoms::too_big().encode(env)
    }
}

#[rustler::nif(name = "probe_dirty", schedule = "DirtyCpu")]
fn probe_on_dirty<'a>(env: Env<'a>, input: Term<'a>, call: Probe) -> Term<'a> {
    probe_header(env, input, &call)
}

fn probe_header<'a>(env: Env<'a>, input: Term<'a>, call: &Probe) -> Term<'a> {
    roads::guard(env, || Ok(reply::result(env, probe(input::pin(input)?, &call.limits()).map(reply::header))))
}

/// Plans a thumbnail: `{:ok, plan} | {:error, error} | :too_big`, as above.
#[rustler::nif(name = "plan")]
fn plan_on_normal<'a>(env: Env<'a>, input: Binary<'a>, call: Call) -> Term<'a> {
    if is_probe_short(&input) { plan(env, input.to_term(env), &call) } else { atoms::too_big().encode(env) }
}

#[rustler::nif(name = "plan_dirty", schedule = "DirtyCpu")]
fn plan_on_dirty<'a>(env: Env<'a>, input: Term<'a>, call: Call) -> Term<'a> {
    plan(env, input, &call)
}

fn plan<'a>(env: Env<'a>, input: Term<'a>, call: &Call) -> Term<'a> {
    roads::guard(env, || {
        Ok(reply::result(env, Plan::of(input::pin(input)?, &call.request()).map(reply::plan)))
    })
}

/// Makes a thumbnail: `{:ok, {bytes, format, width, height}, stats} | {:error, error}`, or
/// `{:wait, job}` where the job is to be handed to `resume` when the message `{reference, :turn}`
/// comes.
#[rustler::nif(name = "start")]
fn start_on_normal<'a>(env: Env<'a>, input: Term<'a>, call: Call, reference: Term<'a>) -> Next<'a> {
    roads::start(env, Road::Yielding, input, &call, reference)
}

/// The same for an input that the VM copies.
#[rustler::nif(name = "start_dirty", schedule = "DirtyCpu")]
fn start_on_dirty<'a>(env: Env<'a>, input: Term<'a>, call: Call, reference: Term<'a>) -> Next<'a> {
    roads::start(env, Road::Dirty, input, &call, reference)
}

/// Goes on with a job that has waited for its turn.
#[rustler::nif]
fn resume<'a>(env: Env<'a>, job: Term<'a>) -> Next<'a> {
    roads::resume_waiting(env, job)
}

/// How many bytes apart two parts of one binary are in memory. Parts of a binary that starts on a
/// byte are where they are in it. Of one that does not, the VM copies whatever is looked at, each
/// part to a place of its own: which tells such a binary at the price of a short copy.
#[rustler::nif]
fn distance(first: Binary, last: Binary) -> u64 {
    last.as_ptr().addr().wrapping_sub(first.as_ptr().addr()) as u64
}

fn encode_error<'a>(env: Env<'a>, error: impl Encoder) -> Term<'a> {
    (atoms::error(), error).encode(env)
}
