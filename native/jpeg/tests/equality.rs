//! However a picture is cut up, and on however many threads, it comes out the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/decoding.rs"]
mod decoding;
#[path = "common/writer/mod.rs"]
mod writer;

use bytes::Bytes;
use decoding::{Effort, Rows, rows, rows_by, rows_of_pieces};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_jpeg::{Error, OnDamage, Options, Scale, decode};
use writer::{Huffman, Picture, Process, scripts};

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(3).build().unwrap()
}

/// The same by calls of every kind, in an order that changes with `seed`.
fn mixed(input: &Bytes, options: &Options, pools: &[&ThreadPool], mut seed: u64) -> Rows {
    rows_by(input, options, || {
        seed = (seed | 1).wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
        let effort = match seed % 4 {
            0 => Effort::Mcus(seed as usize / 4 % 200),
            1 => Effort::Mcus(1),
            _ => Effort::Pool(pools[seed as usize / 4 % pools.len()]),
        };
        (1 + seed as usize / 1024 % 50, effort)
    })
}

fn assert_same(input: &Bytes, options: &Options, pool: &ThreadPool) -> Option<Error> {
    let (whole, error) = rows(input, options, usize::MAX, Effort::Mcus(usize::MAX));
    let assert_is = |(other, other_error): Rows, how: &str| {
        assert_eq!(error, other_error, "{how}");
        // Before an error, several threads may have finished fewer rows.
        let len = if error.is_some() { whole.len().min(other.len()) } else { whole.len() };
        assert!(error.is_some() || other.len() == len, "{how}");
        assert!(whole[..len] == other[..len], "{how}");
    };
    for (most, effort) in [
        (1, Effort::Mcus(0)),
        (1, Effort::Mcus(1)),
        (3, Effort::Mcus(5)),
        (usize::MAX, Effort::Pool(pool)),
        (2, Effort::Pool(pool)),
    ] {
        assert_is(rows(input, options, most, effort), &format!("{most} rows, {effort:?}"));
    }
    assert_is(mixed(input, options, &[pool], input.len() as u64), "in a mixture");
    let third = [input.len() / 3 + 1];
    for sizes in [&[1][..], &[7, 31, 127], &[1021], &third] {
        let pieces = rows_of_pieces(input, options, sizes, None);
        assert!(pieces.0 == whole && pieces.1 == error, "in pieces of {sizes:?}: {:?}", pieces.1);
    }
    assert_is(rows_of_pieces(input, options, &third, Some(pool)), "in pieces, on several threads");
    error
}

/// Large enough that rows are handed over while pieces wait, and with details enough that these are
/// many.
#[test]
fn large_pictures_are_the_same_on_any_number_of_threads() {
    let pools =
        [2, 3, 8].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let (width, height) = (2000u16, 1500u16);
    let pixels: Vec<u8> = (0..u32::from(width) * u32::from(height) * 3)
        .map(|i| {
            ((i / 3 % 2000 / 5 + i / 6000 / 3) as u8)
                .wrapping_add((i.wrapping_mul(2_654_435_761) >> 27) as u8)
        })
        .collect();
    for (sampling, restart) in [
        (SamplingFactor::F_2_2, 0),
        (SamplingFactor::F_2_2, 50),
        // Some of these in a piece, most of a piece to one, and neither in step with the rows.
        (SamplingFactor::F_1_1, 17),
        (SamplingFactor::F_1_1, 3001),
        (SamplingFactor::F_1_1, 0),
    ] {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 85);
        encoder.set_sampling_factor(sampling);
        encoder.set_restart_interval(restart);
        encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
        let file = Bytes::from(file);
        for scale in [Scale::Eighth, Scale::Half, Scale::Full] {
            let options = Options { scale, piece: 4096, ..Options::default() };
            let whole = rows(&file, &options, usize::MAX, Effort::Mcus(usize::MAX));
            assert_eq!(whole.1, None);
            for pool in &pools {
                let other = rows(&file, &options, usize::MAX, Effort::Pool(pool));
                assert!(whole == other, "{restart}, {scale:?}, {pool:?}");
            }
            let all = pools.each_ref();
            assert!(whole == mixed(&file, &options, &all, 7), "{restart}, {scale:?}, in a mixture");
        }
    }
}

/// A tiny file must not be made to go over its picture any number of times.
#[test]
fn there_are_at_most_two_hundred_scans() {
    let with_scans = |count: usize| {
        let mut file = b"\xFF\xD8\xFF\xDB\x00\x43\x00".to_vec();
        file.extend([1; 64]);
        file.extend(b"\xFF\xC2\x00\x0B\x08\x00\x10\x00\x10\x01\x01\x11\x00");
        // One code in each table: no difference, and 2^14 blocks without anything.
        for (table, symbol) in [(0x00, 0), (0x10, 0xE0)] {
            file.extend([0xFF, 0xC4, 0, 20, table, 1]);
            file.extend([0; 15]);
            file.push(symbol);
        }
        file.extend(b"\xFF\xDA\x00\x08\x01\x01\x00\x00\x00\x00\x0F");
        for _ in 1..count {
            file.extend(b"\xFF\xDA\x00\x08\x01\x01\x00\x01\x3F\x00\x00\x01");
        }
        file.extend(b"\xFF\xD9");
        decode(file, &Options::default())
    };
    assert!(with_scans(200).unwrap().samples.iter().all(|&sample| sample == 128));
    let error = with_scans(201).unwrap_err();
    assert!(matches!(error, Error::Invalid { what: "too many scans", .. }), "{error}");
}

fn sampling() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let factor = (1u8..=4, 1u8..=4);
    prop_oneof![
        Just(vec![(1, 1)]),
        Just(vec![(1, 1), (2, 1)]),
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
    prop_oneof![Just(Huffman::Optimized), Just(Huffman::Long), Just(Huffman::Standard)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Interleaved,
    Separate,
    Progressive,
    RandomProgressive,
    ArithmeticSequential,
    ArithmeticProgressive,
    /// A progressive one that lacks its last scans.
    EndsEarly,
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
        Script::ArithmeticSequential => (Process::Extended, scripts::interleaved(&picture)),
        Script::Progressive | Script::ArithmeticProgressive => {
            (Process::Progressive, scripts::progressive(&picture))
        }
        Script::EndsEarly => {
            let mut scans = scripts::progressive(&picture);
            scans.truncate(1 + seed as usize % scans.len());
            (Process::Progressive, scans)
        }
        Script::RandomProgressive => {
            (Process::Progressive, scripts::random_progressive(&picture, seed))
        }
    };
    let options = writer::Options {
        process,
        scans,
        restart_intervals: vec![restart],
        huffman,
        arithmetic: matches!(script, Script::ArithmeticSequential | Script::ArithmeticProgressive)
            .then(writer::Conditioning::default),
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
        1 => Just(Script::ArithmeticSequential),
        1 => Just(Script::ArithmeticProgressive),
        1 => Just(Script::EndsEarly),
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
        let file = file(size, &sampling, 75, seed, script, restart, Huffman::Standard);
        let mut input = file.to_vec();
        for (at, byte) in hits {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if let Some(cut) = cut {
            input.truncate(cut.index(input.len()));
        }
        let input = Bytes::from(input);
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            let options =
                Options { scale, dc_only: seed % 2 == 0, on_damage, piece, ..Options::default() };
            assert_same(&input, &options, &pool);
        }
    }
}
