//! Any bytes at all: cut up, at once, or on several threads, the rows and the errors are the same.
//! In `native/jpeg`:
//!
//!     cargo +nightly fuzz run same fuzz/corpus/same fuzz/corpus -- -create_missing_dirs=1
#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Error, Headers, OnDamage, Options, Scale};

/// So that every input is quick: each is decoded two dozen times.
const MOST_PIXELS: u32 = 1 << 17;

fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| {
        ThreadPoolBuilder::new().num_threads(3).build().expect("three threads can be had")
    })
}

/// Of an input that is all there.
fn headers(input: &mut Input) -> Result<Headers, Error> {
    match Headers::read(input)? {
        Poll::Ready(headers) => Ok(headers),
        Poll::Working | Poll::NeedInput => unreachable!("all is there"),
    }
}

/// All rows up to the end or the first error.
fn rows(
    bytes: &Bytes,
    options: &Options,
    (most, effort): (usize, usize),
    pool: Option<&ThreadPool>,
) -> (Vec<u8>, Option<Error>) {
    let (mut input, mut samples) = (Input::whole(bytes.clone()), Vec::new());
    let (stop, budget) = (Stop::new(), Budget::new(64 << 20));
    let context = Context { pool, stop: &stop, budget: &budget };
    let started = headers(&mut input).and_then(|headers| Decoder::start(headers, options, &budget));
    let mut decoder = match started {
        Ok(decoder) => decoder,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        match decoder.read(&mut input, most, effort, &context) {
            Ok(Poll::Ready([])) => return (samples, None),
            Ok(Poll::Ready(rows)) => samples.extend_from_slice(rows),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => unreachable!("all is there"),
            Err(error) => return (samples, Some(error)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let input = Bytes::copy_from_slice(data);
    let headers = headers(&mut Input::whole(input.clone()));
    if !headers.is_ok_and(|headers| headers.header().width * headers.header().height <= MOST_PIXELS)
    {
        return;
    }
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            // Pieces so short that small pictures have several.
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, piece: 48, ..Options::default() };
            let (whole, error) = rows(&input, &options, (usize::MAX, usize::MAX), None);
            for (most, pool) in [(1, None), (usize::MAX, Some(pool()))] {
                let (other, other_error) = rows(&input, &options, (most, 1), pool);
                let how = (scale, on_damage, pool);
                assert_eq!(error, other_error, "{how:?}");
                // Before an error, several threads may have finished fewer rows.
                let both = whole.len().min(other.len());
                assert!(error.is_some() || whole.len() == other.len(), "{how:?}");
                assert!(whole[..both] == other[..both], "{how:?}");
            }
        }
    }
});
