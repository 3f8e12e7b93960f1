//! However a picture is cut up, and on however many threads, it comes out the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/writer.rs"]
mod writer;

use bytes::Bytes;
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_jpeg::{Decoder, Effort, Error, OnDamage, Options, Read, Scale};
use writer::{Huffman, Picture, Process, scripts};

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(3).build().unwrap()
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

fn assert_same(input: &Bytes, options: &Options, pool: &ThreadPool) -> Option<Error> {
    let (whole, error) = rows(input, options, usize::MAX, Effort::Mcus(usize::MAX));
    for (most, effort) in [
        (1, Effort::Mcus(1)),
        (3, Effort::Mcus(5)),
        (usize::MAX, Effort::Pool(pool)),
        (2, Effort::Pool(pool)),
    ] {
        let (other, other_error) = rows(input, options, most, effort);
        assert_eq!(error, other_error, "{most} rows, {effort:?}");
        // Before an error, several threads may have finished fewer rows.
        let len = if error.is_some() { whole.len().min(other.len()) } else { whole.len() };
        assert!(error.is_some() || other.len() == len, "{most} rows, {effort:?}");
        assert!(whole[..len] == other[..len], "{most} rows, {effort:?}");
    }
    error
}

fn sampling() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let factor = (1u8..=4, 1u8..=4);
    prop_oneof![
        Just(vec![(1, 1)]),
        Just(vec![(2, 2), (1, 1), (1, 1)]),
        Just(vec![(2, 1), (1, 1), (1, 1)]),
        Just(vec![(1, 1), (1, 1), (1, 1)]),
        Just(vec![(1, 2), (1, 1), (1, 1)]),
        Just(vec![(4, 1), (1, 1), (1, 1)]),
        Just(vec![(1, 1), (2, 2), (2, 2)]),
        prop::collection::vec(factor.clone(), 3..=4),
        prop::collection::vec(factor, 1..=1),
    ]
}

/// Pieces so short that small pictures have several.
fn piece() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(48), 1 => 0usize..200]
}

fn huffman() -> impl Strategy<Value = Huffman> {
    prop_oneof![Just(Huffman::Optimised), Just(Huffman::Long), Just(Huffman::Standard)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Interleaved,
    Separate,
    Progressive,
    RandomProgressive,
}

fn file(
    (width, height): (u16, u16),
    sampling: &[(u8, u8)],
    quality: u8,
    seed: u64,
    script: Script,
    restart: u16,
    huffman: Huffman,
) -> Bytes {
    let picture = Picture::random(seed, width, height, sampling, quality);
    let (process, scans) = match script {
        Script::Interleaved => (Process::Baseline, scripts::interleaved(&picture)),
        Script::Separate => (Process::Extended, scripts::one_per_component(&picture)),
        Script::Progressive => (Process::Progressive, scripts::progressive(&picture)),
        Script::RandomProgressive => (Process::Progressive, scripts::random_progressive(&picture, seed)),
    };
    let options = writer::Options {
        process,
        scans,
        restart_intervals: vec![restart],
        huffman,
        ..writer::Options::default()
    };
    writer::write(&picture, &options).into()
}

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![
        3 => Just(Script::Interleaved),
        1 => Just(Script::Separate),
        1 => Just(Script::Progressive),
        1 => Just(Script::RandomProgressive),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn sliced_is_whole_is_parallel(
        size in (1u16..70, 1u16..70),
        sampling in sampling(),
        quality in 0u8..=100,
        seed: u64,
        script in script(),
        restart in prop_oneof![Just(0u16), 1u16..20],
        huffman in huffman(),
        piece in piece(),
    ) {
        let pool = pool();
        let input = file(size, &sampling, quality, seed, script, restart, huffman);
        for scale in Scale::ALL {
            let options = Options { scale, dc_only: seed % 2 == 0, piece, ..Options::default() };
            prop_assert_eq!(assert_same(&input, &options, &pool), None);
        }
    }

    /// Also when they are damaged.
    #[test]
    fn damaged_pictures_are_the_same_too(
        size in (1u16..70, 1u16..70),
        sampling in sampling(),
        seed: u64,
        script in script(),
        restart in prop_oneof![Just(0u16), 1u16..20],
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        scale in prop::sample::select(Scale::ALL.to_vec()),
        piece in piece(),
    ) {
        let pool = pool();
        let mut input = file(size, &sampling, 75, seed, script, restart, Huffman::Standard).to_vec();
        for (at, byte) in hits {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if let Some(cut) = cut {
            input.truncate(cut.index(input.len()));
        }
        let input = Bytes::from(input);
        for on_damage in [OnDamage::Fail, OnDamage::Grey] {
            let options = Options { scale, dc_only: seed % 2 == 0, on_damage, piece, max_memory: 16 << 20 };
            assert_same(&input, &options, &pool);
        }
    }
}
