//! Pictures decode as their bytes come, and let go of them.
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
use decoding::{header, rows_of_pieces};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rayon::ThreadPoolBuilder;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Error, Headers, OnDamage, Options, Scale, decode};
use writer::{Picture, Process, scripts};

const WIDTH: u16 = 1600;
const HEIGHT: u16 = 1200;
const PIECE: usize = 16 << 10;

fn large(progressive: bool, restart: u16) -> Bytes {
    let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 26) as u8;
    let pixels: Vec<u8> = (0..u32::from(WIDTH) * u32::from(HEIGHT) * 3)
        .map(|i| ((i / 3 % 1600 / 7 + i / 4800 / 3) as u8).wrapping_add(noise(i)))
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(restart);
    encoder.encode(&pixels, WIDTH, HEIGHT, ColorType::Rgb).unwrap();
    assert!(file.len() > 40 * PIECE, "{} bytes", file.len());
    file.into()
}

/// What decoding in pieces came to.
struct Followed {
    samples: Vec<u8>,
    /// The longest window, and the most that was held of the budget.
    window: usize,
    held: u64,
    /// Bytes that had come when the first rows were there.
    first_rows: usize,
}

fn follow(file: &Bytes, options: &Options) -> Followed {
    let (stop, budget) = (Stop::new(), Budget::new(64 << 20));
    let context = Context { pool: None, stop: &stop, budget: &budget };
    let (mut input, mut rest) = (Input::new(), file.clone());
    let mut followed = Followed { samples: Vec::new(), window: 0, held: 0, first_rows: 0 };
    let feed = |input: &mut Input, rest: &mut Bytes| {
        input.push(rest.split_to(PIECE.min(rest.len())));
        if rest.is_empty() {
            input.finish();
        }
    };
    let headers = loop {
        match Headers::read(&mut input).unwrap() {
            Poll::Ready(headers) => break headers,
            _ => feed(&mut input, &mut rest),
        }
    };
    let mut decoder = Decoder::start(headers, options, &budget).unwrap();
    loop {
        match decoder.read(&mut input, usize::MAX, 100, &context).unwrap() {
            Poll::Ready([]) => break,
            Poll::Ready(rows) => {
                if followed.samples.is_empty() {
                    followed.first_rows = file.len() - rest.len();
                }
                followed.samples.extend_from_slice(rows);
            }
            Poll::Working => {}
            Poll::NeedInput => feed(&mut input, &mut rest),
        }
        followed.window = followed.window.max(input.bytes().len());
        followed.held = followed.held.max(budget.held());
    }
    drop((decoder, input));
    assert_eq!(budget.held(), 0);
    followed
}

#[test]
fn a_large_picture_takes_little_more_than_a_piece() {
    for restart in [0, 100] {
        let file = large(false, restart);
        for scale in Scale::ALL {
            let options = Options { scale, ..Options::default() };
            let followed = follow(&file, &options);
            assert!(
                followed.samples == decode(file.clone(), &options).unwrap().samples,
                "{scale:?}"
            );
            assert!(followed.window <= 2 * PIECE, "{} bytes", followed.window);
            assert!(followed.first_rows <= 4 * PIECE, "{} bytes", followed.first_rows);
            assert_eq!(followed.held, header(file.clone()).unwrap().memory(&options));
            assert!(followed.held < 512 << 10, "{} bytes", followed.held);
        }
    }
}

/// Scans of other coefficients go as they come.
#[test]
fn averages_of_a_progressive_picture_are_followed_too() {
    let file = large(true, 0);
    let options = Options { scale: Scale::Eighth, ..Options::default() };
    let followed = follow(&file, &options);
    assert!(followed.samples == decode(file.clone(), &options).unwrap().samples);
    assert!(followed.window <= 2 * PIECE, "{} bytes", followed.window);
    assert_eq!(followed.held, header(file).unwrap().memory(&options));
}

/// All of a picture in several scans is kept, and held.
#[test]
fn other_pictures_are_put_together() {
    let file = large(true, 0);
    let followed = follow(&file, &Options::default());
    assert!(followed.samples == decode(file.clone(), &Options::default()).unwrap().samples);
    assert_eq!(followed.window, file.len());
    let needed = header(file.clone()).unwrap().memory(&Options::default());
    assert_eq!(followed.held, needed + file.len() as u64);
}

#[test]
fn several_threads_take_over_what_is_left() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for restart in [0, 100] {
        let file = large(false, restart);
        for scale in [Scale::Eighth, Scale::Full] {
            let options = Options { scale, piece: 4096, ..Options::default() };
            let whole = decode(file.clone(), &options).unwrap().samples;
            for sizes in [&[file.len() / 2 + 1][..], &[PIECE, 3 * file.len() / 4], &[1001]] {
                let (samples, error) = rows_of_pieces(&file, &options, sizes, Some(&pool));
                assert!(
                    error.is_none() && samples == whole,
                    "{restart}, {scale:?}, {sizes:?}: {error:?}"
                );
            }
        }
    }
}

/// What has come when the input ends is all that there is.
#[test]
fn a_cut_picture_ends_where_it_was_cut() {
    let picture = Picture::random(1, 60, 50, &[(2, 2), (1, 1), (1, 1)], 80);
    let codes = Some(writer::Conditioning::default());
    for (process, scans, arithmetic) in [
        (Process::Baseline, scripts::interleaved(&picture), None),
        (Process::Extended, scripts::one_per_component(&picture), None),
        (Process::Progressive, scripts::progressive(&picture), None),
        (Process::Extended, scripts::interleaved(&picture), codes),
        (Process::Progressive, scripts::progressive(&picture), codes),
    ] {
        let file = writer::write(
            &picture,
            &writer::Options { process, scans, arithmetic, ..Default::default() },
        );
        let file = Bytes::from(file);
        for end in (0..file.len()).step_by(7) {
            let cut = file.slice(..end);
            for scale in [Scale::Eighth, Scale::Full] {
                for on_damage in [OnDamage::Fail, OnDamage::Gray] {
                    let options = Options { scale, on_damage, ..Options::default() };
                    let (samples, error) = rows_of_pieces(&cut, &options, &[11], None);
                    match decode(cut.clone(), &options) {
                        Ok(image) => assert!(error.is_none() && samples == image.samples, "{end}"),
                        Err(expected) => assert_eq!(error, Some(expected), "{end}"),
                    }
                    let is_late =
                        matches!(error, Some(Error::Truncated { offset }) if offset != end);
                    assert!(!is_late, "{error:?} of {end}");
                }
            }
        }
    }
}
