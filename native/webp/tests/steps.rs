//! However a picture is cut up, it comes out the same, and no piece is large.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/writer.rs"]
mod writer;

use bytes::Bytes;
use proptest::prelude::*;
use thumbelina_codec::{Budget, Context, Error as CodecError, Poll, Stop};
use thumbelina_webp::{Decoder, Error, Header};
use writer::{ALPHA, ANIMATION, Kind, anmf, chunk, frame, riff, vp8x};

fn start(input: &Bytes, budget: &Budget) -> Result<Decoder, Error> {
    Decoder::start(Header::read(input)?, budget)
}

/// All rows up to the end or the first error, and the number of calls.
fn rows(input: &Bytes, most: usize, pixels: usize) -> (Vec<u8>, Option<Error>, usize) {
    let mut samples = Vec::new();
    let (stop, budget) = (Stop::new(), Budget::new(512 << 20));
    let context = Context { pool: None, stop: &stop, budget: &budget };
    let mut decoder = match start(input, &budget) {
        Ok(decoder) => decoder,
        Err(error) => return (samples, Some(error), 0),
    };
    let row = decoder.size().0 as usize * decoder.channels();
    for calls in 1.. {
        match decoder.read(most, pixels, &context) {
            Ok(Poll::Ready([])) => return (samples, None, calls),
            Ok(Poll::Ready(rows)) => {
                assert!((1..=most).contains(&(rows.len() / row)) && rows.len() % row == 0);
                samples.extend_from_slice(rows);
            }
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => panic!("all of it is there"),
            Err(error) => return (samples, Some(error), calls),
        }
        assert_eq!(budget.held(), decoder.memory());
    }
    unreachable!()
}

fn assert_same(file: Vec<u8>) {
    let input = Bytes::from(file);
    let (whole, error, _) = rows(&input, usize::MAX, usize::MAX);
    for (most, pixels) in [(1, 1), (1, usize::MAX), (3, 700), (usize::MAX, 1), (5, 0)] {
        let (samples, other, _) = rows(&input, most, pixels);
        assert_eq!(other, error, "{most}, {pixels}");
        // An error may hold more rows back when the steps are large.
        assert!(error.is_some() || samples.len() == whole.len());
        let len = samples.len().min(whole.len());
        assert!(samples[..len] == whole[..len], "{most}, {pixels}");
    }
}

fn file(kind: Kind, alpha: bool, placed: bool) -> Vec<u8> {
    let (width, height) = (u32::from(kind.width), u32::from(kind.height));
    let mut chunks = vec![chunk(b"VP8 ", &frame(kind))];
    if alpha {
        let samples = vec![12; 1 + (width * height) as usize];
        chunks.insert(0, chunk(b"ALPH", &samples));
    }
    let flags = if alpha { ALPHA } else { 0 };
    if placed {
        riff(&[
            vp8x(flags | ANIMATION, width + 6, height + 8),
            anmf(2, 4, width, height, 2, &chunks),
        ])
    } else {
        riff(&[vec![vp8x(flags, width, height)], chunks].concat())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn steps_make_no_difference(
        (width, height, filled) in (1u16..100, 1u16..100, 1usize..100),
        seed: u64,
        alpha: bool,
        placed: bool,
    ) {
        assert_same(file(Kind { width, height, filled, seed }, alpha, placed));
    }

    #[test]
    fn nor_do_they_in_damaged_files(
        (width, height, seed) in (1u16..100, 1u16..100, any::<u64>()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        alpha: bool,
    ) {
        let mut file = file(Kind { width, height, filled: 30, seed }, alpha, false);
        for (place, byte) in damage {
            let place = 12 + place.index(file.len() - 12);
            file[place] = byte;
        }
        assert_same(file);
    }
}

#[test]
fn a_step_is_a_macroblock_at_the_least() {
    let kind = Kind { width: 160, height: 160, filled: 5, seed: 1 };
    let input = Bytes::from(riff(&[chunk(b"VP8 ", &frame(kind))]));
    // One more to hand a row over, and one to say that it was the last.
    assert_eq!(rows(&input, 1, 1).2, 100 + 160 + 1);
    // A row of macroblocks is the most.
    assert_eq!(rows(&input, 1, usize::MAX).2, 10 + 160 + 1);
}

#[test]
fn data_counts_as_work() {
    let calls = |filled| {
        let kind = Kind { width: 160, height: 160, filled, seed: 4 };
        let input = Bytes::from(riff(&[chunk(b"VP8 ", &frame(kind))]));
        (input.len(), rows(&input, 1, 2560).2)
    };
    let (empty_len, empty) = calls(0);
    let (len, full) = calls(100);
    // By pixels alone it were as many calls; a byte is worth four pixels.
    assert!(len > 10 * empty_len && empty == 10 + 160 + 1);
    let least = (len - empty_len) * 4 / 2560 / 2;
    assert!(full - empty >= least, "{full}, {empty}, {least}");
}

#[test]
fn memory_is_allowed_or_refused_beforehand() {
    let input = Bytes::from(riff(&[chunk(
        b"VP8 ",
        &frame(Kind { width: 500, height: 9, filled: 1, seed: 1 }),
    )]));
    let budget = Budget::new(512 << 20);
    let decoder = start(&input, &budget).unwrap();
    let needed = decoder.memory();
    // 38 rows of samples, and eight of three bytes a pixel.
    assert!((500 * (38 + 24)..500 * (38 + 24) + 15_000).contains(&needed), "{needed}");
    assert_eq!((budget.held(), decoder.memory()), (needed, needed));
    drop(decoder);
    assert_eq!(budget.held(), 0);
    assert!(start(&input, &Budget::new(needed)).is_ok());
    let allowed = needed - 1;
    let error = start(&input, &Budget::new(allowed)).unwrap_err();
    assert_eq!(error, Error::Codec(CodecError::OverBudget { needed, allowed }));
}
