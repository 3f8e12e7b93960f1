//! What the tests of the plain formats share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary compiles this file and uses a part of it"
)]

use bytes::Bytes;
use image::DynamicImage;
use thumbelina_core::{Effort, Encoded, Error, Format, Limits, Output, Request, Step, Stop};

use crate::common::{as_it_comes, decode, in_pieces, job, mixture, run, sized, unbounded};

/// The picture as it is, in a format that loses nothing.
pub fn as_is(input: &Bytes, format: Format) -> Result<DynamicImage, Error> {
    let request = Output { format: Some(format), ..Output::default() };
    on_every_scheduler(input, request).map(|made| decode(&made.bytes))
}

/// In pieces, on the pool, in a mixture of both, and from an input that comes in pieces itself: the
/// same, error or not.
pub fn on_every_scheduler(input: &Bytes, request: impl Into<Request>) -> Result<Encoded, Error> {
    let request = request.into();
    let pieces = in_pieces(input, request.clone());
    // Not `assert_eq!`, which would print every byte.
    assert!(pieces == unbounded(input, request.clone()), "on the pool");
    let mixed = run(input.clone(), request.clone(), mixture(input.len() as u64));
    assert!(pieces == mixed, "in a mixture");
    assert!(pieces == as_it_comes(input, request), "as it comes");
    pieces
}

/// The steps that a job takes in pieces, and how it ends.
pub fn steps(input: &Bytes, request: impl Into<Request>) -> (usize, Result<(), Error>) {
    let mut job = job(input.clone(), request);
    for steps in 1.. {
        match job.step(Effort::Bounded, &Stop::new()) {
            Ok(Step::Again) => {}
            Ok(Step::NeedInput) => unreachable!("all of the input is there"),
            Ok(Step::TooBig) => {
                if let Err(error) = job.step(Effort::Unbounded(None), &Stop::new()) {
                    return (steps, Err(error));
                }
            }
            Ok(Step::Done(_)) => return (steps, Ok(())),
            Err(error) => return (steps, Err(error)),
        }
    }
    unreachable!("a job ends")
}

/// A small thumbnail, with limits that a lying header soon meets.
pub fn small() -> Request {
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    Request { limits, ..Output { format: Some(Format::Png), ..sized(5, 5) }.into() }
}

/// Every error that all prefixes shorter than `len` give, in their order and each once.
pub fn errors_of_prefixes(input: &Bytes, len: usize) -> Vec<Error> {
    let mut errors = Vec::new();
    for end in 0..len {
        let error = on_every_scheduler(&input.slice(..end), small()).err();
        let error = error.unwrap_or_else(|| unreachable!("{end} bytes are enough"));
        if errors.last() != Some(&error) {
            errors.push(error);
        }
    }
    errors
}

/// Random numbers that are the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % most
    }

    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}
