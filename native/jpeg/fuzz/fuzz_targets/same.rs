//! Any bytes at all: cut up, at once, or on several threads, the rows and the errors are the same.
//! In `native/jpeg`:
//!
//!     cargo +nightly fuzz run same fuzz/corpus/same fuzz/corpus -- -create_missing_dirs=1
#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_jpeg::{Decoder, Effort, Error, Header, OnDamage, Options, Read, Scale};

/// So that every input is quick: each is decoded two dozen times.
const MOST_PIXELS: u32 = 1 << 17;

fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(3).build().expect("three threads can be had"))
}

/// All rows up to the end or the first error.
fn rows(input: &Bytes, options: &Options, most: usize, effort: Effort<'_>) -> (Vec<u8>, Option<Error>) {
    let mut samples = Vec::new();
    let mut decoder = match Decoder::new(input.clone(), options) {
        Ok(decoder) => decoder,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        match decoder.read(most, effort) {
            Ok(Read::Rows(rows)) => samples.extend_from_slice(rows),
            Ok(Read::Working) => {}
            Ok(Read::Done) => return (samples, None),
            Err(error) => return (samples, Some(error)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let input = Bytes::copy_from_slice(data);
    if !Header::read(input.clone()).is_ok_and(|header| header.width * header.height <= MOST_PIXELS) {
        return;
    }
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            // Pieces so short that small pictures have several.
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, max_memory: 64 << 20, piece: 48 };
            let (whole, error) = rows(&input, &options, usize::MAX, Effort::Mcus(usize::MAX));
            for (most, effort) in [(1, Effort::Mcus(1)), (usize::MAX, Effort::Pool(pool()))] {
                let (other, other_error) = rows(&input, &options, most, effort);
                let how = (scale, on_damage, effort);
                assert_eq!(error, other_error, "{how:?}");
                // Before an error, several threads may have finished fewer rows.
                let both = whole.len().min(other.len());
                assert!(error.is_some() || whole.len() == other.len(), "{how:?}");
                assert!(whole[..both] == other[..both], "{how:?}");
            }
        }
    }
});
