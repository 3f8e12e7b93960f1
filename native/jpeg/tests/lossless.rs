//! Lossless pictures come out as they went in, however they come.
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
use decoding::{Effort, header, rows, rows_of_pieces};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use thumbelina_jpeg::{Color, Error, OnDamage, Options, Process, Scale, decode};
use writer::Lossless;

fn sampling() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop_oneof![
        Just(vec![(1, 1)]),
        Just(vec![(1, 1); 2]),
        Just(vec![(1, 1); 3]),
        Just(vec![(1, 1); 4]),
        Just(vec![(2, 2), (1, 1), (1, 1)]),
        Just(vec![(1, 1), (2, 1), (1, 2)]),
    ]
}

/// All components in one scan, each in its own, the last one first, or some together.
fn scans(components: usize, way: u8) -> Vec<Vec<usize>> {
    match way {
        0 => vec![(0..components).collect()],
        1 => (0..components).map(|component| vec![component]).collect(),
        2 => (0..components).rev().map(|component| vec![component]).collect(),
        _ if components == 1 => vec![vec![0]],
        _ => vec![vec![0], (1..components).collect()],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn samples_are_those_that_went_in(
        size in (1u16..40, 1u16..40),
        precision in 2u8..=16,
        low in 0u8..4,
        predictor in 1u8..=7,
        sampling in sampling(),
        way in 0u8..4,
        restart_rows in 0u16..5,
        seed: u64,
        scale in prop::sample::select(Scale::ALL.to_vec()),
    ) {
        let low = low.min(precision - 1);
        let picture = Lossless::random(seed, size, precision, &sampling);
        let scans = scans(sampling.len(), way);
        let picture = Lossless { low, predictor, restart_rows, scans, ..picture };
        let file = Bytes::from(picture.write());
        let options = Options { scale, inverted: false, ..Options::default() };
        let image = decode(file.clone(), &options).unwrap();
        prop_assert_eq!((image.width, image.height), (size.0.into(), size.1.into()));
        let most = (1u64 << precision) - 1;
        // Others are enlarged.
        let is_plain = sampling.iter().all(|&factors| factors == (1, 1));
        for (component, samples) in picture.samples.iter().enumerate().filter(|_| is_plain) {
            for (pixel, &sample) in image.samples.chunks_exact(image.channels).zip(samples) {
                let sample = u64::from(sample >> low << low);
                let exact = sample as f64 * 255.0 / most as f64;
                prop_assert!((f64::from(pixel[component]) - exact).abs() <= 0.501);
            }
        }
        let whole = (image.samples, None);
        for most in [1, 7, usize::MAX] {
            prop_assert!(rows(&file, &options, most, Effort::Mcus(most)) == whole);
        }
        prop_assert!(rows_of_pieces(&file, &options, &[1], None) == whole);
        prop_assert!(rows_of_pieces(&file, &options, &[600, 3], None) == whole);
        let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        prop_assert!(rows(&file, &options, usize::MAX, Effort::Pool(&pool)) == whole);
        prop_assert!(rows_of_pieces(&file, &options, &[97], Some(&pool)) == whole);
    }

    #[test]
    fn what_is_cut_or_damaged_ends_there(
        sampling in sampling(),
        way in 0u8..4,
        restart_rows in 0u16..3,
        seed: u64,
        at: prop::sample::Index,
        byte: u8,
        cut: bool,
    ) {
        let picture = Lossless::random(seed, (20, 9), 8, &sampling);
        let scans = scans(sampling.len(), way);
        let mut file = Lossless { restart_rows, predictor: 4, scans, ..picture }.write();
        let at = at.index(file.len());
        if cut {
            file.truncate(at);
        } else {
            file[at] = byte;
        }
        let file = Bytes::from(file);
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            let options = Options { on_damage, ..Options::default() };
            let whole = rows(&file, &options, usize::MAX, Effort::Mcus(usize::MAX));
            let pieces = rows_of_pieces(&file, &options, &[1], None);
            prop_assert_eq!(&whole, &pieces);
            if cut && on_damage == OnDamage::Fail {
                prop_assert!(at + 2 >= file.len() || whole.1.is_some());
            }
        }
    }
}

#[test]
fn a_header_says_what_it_is() {
    let found = header(Lossless::random(1, (9, 7), 12, &[(1, 1); 3]).write()).unwrap();
    assert_eq!((found.process, found.precision), (Process::Lossless, 12));
    // Without a word of it, colors are what nothing was lost of.
    assert_eq!(found.color, Color::Rgb);
    assert_eq!(found.scale(Scale::Eighth), Scale::Full);
    assert_eq!(found.mcus(), 63);
}

/// A restart marker goes before a row, as nothing else is predicted from nothing.
#[test]
fn intervals_of_parts_of_rows_are_refused() {
    let mut file =
        Lossless { restart_rows: 1, ..Lossless::random(1, (9, 7), 8, &[(1, 1)]) }.write();
    let at = file.windows(2).position(|two| two == [0xFF, 0xDD]).unwrap();
    file[at + 5] = 10;
    let error = decode(file, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}

/// The last of each component's samples counts, in whatever scans they come.
#[test]
fn scans_make_no_difference() {
    let sampling = [(2, 2), (1, 1), (1, 2)];
    let picture = Lossless { predictor: 6, ..Lossless::random(3, (21, 13), 8, &sampling) };
    let whole = decode(picture.write(), &Options::default()).unwrap();
    for way in 1..4 {
        let file = Lossless { scans: scans(3, way), ..picture.clone() }.write();
        assert_eq!(decode(file, &Options::default()).unwrap().samples, whole.samples, "{way}");
    }
}

#[test]
fn scans_that_are_missing_or_come_twice_are_refused() {
    let picture = Lossless::random(1, (9, 7), 8, &[(1, 1); 3]);
    let gray = Options { on_damage: OnDamage::Gray, ..Options::default() };
    let missing = Lossless { scans: vec![vec![2], vec![0]], ..picture.clone() };
    let error = decode(missing.write(), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    let image = decode(missing.write(), &gray).unwrap();
    for (pixel, at) in image.samples.chunks_exact(3).zip(0..) {
        let [red, blue] = [0, 2].map(|component| picture.samples[component][at] as u8);
        assert_eq!(pixel, [red, 128, blue]);
    }
    let twice = Lossless { scans: vec![vec![0], vec![0, 1, 2]], ..picture };
    for options in [Options::default(), gray] {
        let error = decode(twice.write(), &options).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}
