//! Whoever asks for the end of the work need not wait for it, whatever is being done.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/writer.rs"]
mod writer;

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use image_webp::{ColorType, WebPEncoder};
use thumbelina_codec::{Budget, Context, Error as CodecError, Poll, Stop};
use thumbelina_webp::{Decoder, Error, Header};
use writer::{ALPHA, Kind, Lots, chunk, frame, riff, vp8x};

/// Decodes a picture with all effort at once, again and again, until it is stopped.
fn decode_until_stopped(file: &Bytes, stop: &Stop) -> Error {
    let budget = Budget::new(512 << 20);
    let context = Context { pool: None, stop, budget: &budget };
    loop {
        let mut decoder = Decoder::start(Header::read(file).unwrap(), &budget).unwrap();
        loop {
            match decoder.read(usize::MAX, usize::MAX, &context) {
                Ok(Poll::Ready([])) => break,
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }
}

/// How long it takes to end, when it is asked for after a time.
fn time_to_end(file: &Bytes, after: Duration) -> Duration {
    let stop = Stop::new();
    thread::scope(|scope| {
        let ended = scope.spawn(|| {
            assert_eq!(decode_until_stopped(file, &stop), Error::Codec(CodecError::Stopped));
            Instant::now()
        });
        thread::sleep(after);
        let asked = Instant::now();
        stop.ask();
        ended.join().unwrap().saturating_duration_since(asked)
    })
}

fn lossless(width: u32, height: u32) -> Vec<u8> {
    let mut lots = Lots::new(3);
    let pixels: Vec<u8> =
        (0..width * height * 4).map(|at| (at >> 8) as u8 ^ (lots.byte() >> 3)).collect();
    let mut file = Vec::new();
    WebPEncoder::new(&mut file).encode(&pixels, width, height, ColorType::Rgba8).unwrap();
    file
}

#[test]
fn a_big_picture_ends_within_20_ms_of_being_asked_to() {
    const MOMENTS: usize = 30;
    let lossy = |width, height| chunk(b"VP8 ", &frame(Kind { width, height, filled: 60, seed: 9 }));
    let picture = lossless(3000, 2000);
    // Alpha is lossless data without its header, in green.
    let alpha = chunk(b"ALPH", &[&[1], &picture[25..]].concat());
    let pictures = [
        ("lossy", riff(&[lossy(1500, 1000)])),
        ("wide", riff(&[lossy(16383, 100)])),
        ("alpha", riff(&[vp8x(ALPHA, 3000, 2000), alpha, lossy(3000, 2000)])),
        ("lossless", picture),
    ];
    for (name, file) in pictures {
        let file = Bytes::from(file);
        let mut lots = Lots::new(1);
        let moments = (0..MOMENTS).map(|_| Duration::from_micros(lots.below(60_000) as u64));
        let mut times: Vec<_> = moments.map(|after| time_to_end(&file, after)).collect();
        times.sort();
        // Where all cores are busy, a thread may wait for one far longer now and then.
        assert!(times[MOMENTS / 2] < Duration::from_millis(20), "{name}: {times:?}");
        if std::env::var_os("SHOW").is_some() {
            eprintln!(
                "{name}: {:?} {:?} {:?}",
                times[MOMENTS / 2],
                times[MOMENTS * 9 / 10],
                times[MOMENTS - 1]
            );
        }
    }
}
