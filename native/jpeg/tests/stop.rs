//! A stop is obeyed soon, whatever a picture is at and on any number of threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Error, Headers, Options, Scale};

/// Of each kind; of these, half may be late, as machines do other things as well.
const MOMENTS: u64 = 12;
const LATE: Duration = Duration::from_millis(20);

fn large(progressive: bool, restart: u16) -> Bytes {
    let (width, height) = (2400u16, 1800u16);
    let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 27) as u8;
    let pixels: Vec<u8> = (0..u32::from(width) * u32::from(height) * 3)
        .map(|i| ((i / 3 % 2400 / 9 + i / 7200 / 3) as u8).wrapping_add(noise(i)))
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(restart);
    encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
    file.into()
}

/// Decodes until it is stopped, or to the end, and says when it returned.
fn decode(
    file: &Bytes,
    scale: Scale,
    pool: Option<&ThreadPool>,
    stop: &Stop,
) -> (Instant, Option<Error>) {
    let (mut input, budget) = (Input::whole(file.clone()), Budget::new(1 << 30));
    let context = Context { pool, stop, budget: &budget };
    let Poll::Ready(headers) = Headers::read(&mut input).unwrap() else { panic!("it is complete") };
    let options = Options { scale, dc_only: false, ..Options::default() };
    let mut decoder = Decoder::start(headers, &options, &budget).unwrap();
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context) {
            Ok(Poll::Ready([])) => return (Instant::now(), None),
            Ok(_) => {}
            Err(error) => return (Instant::now(), Some(error)),
        }
    }
}

#[test]
fn no_call_goes_on_for_long() {
    let pools =
        [2, 4].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for (progressive, restart) in [(false, 0), (false, 40), (true, 0)] {
        let file = large(progressive, restart);
        for scale in [Scale::Eighth, Scale::Full] {
            for pool in [None, Some(&pools[0]), Some(&pools[1])] {
                let started = Instant::now();
                assert_eq!(decode(&file, scale, pool, &Stop::new()).1, None);
                let whole = started.elapsed();
                let (mut late, mut stopped) = (Vec::new(), 0);
                for moment in 0..MOMENTS {
                    let stop = std::sync::Arc::new(Stop::new());
                    let wait = whole.mul_f64((moment * 7 % MOMENTS) as f64 / MOMENTS as f64);
                    let asking = spawn({
                        let stop = stop.clone();
                        move || {
                            sleep(wait);
                            let asked = Instant::now();
                            stop.ask();
                            asked
                        }
                    });
                    let (returned, error) = decode(&file, scale, pool, &stop);
                    let took = returned.saturating_duration_since(asking.join().unwrap());
                    if let Some(error) = error {
                        assert_eq!(error, Error::Codec(thumbelina_codec::Error::Stopped));
                        stopped += 1;
                        late.extend((took > LATE).then_some(took));
                    }
                }
                let threads = pool.map_or(1, ThreadPool::current_num_threads);
                let how = format!("{progressive}, {restart}, {scale:?}, {threads} threads");
                assert!(late.len() <= (stopped / 2).max(1), "{late:?}: {how}");
                assert!(stopped > 0, "it was never stopped: {how}");
            }
        }
    }
}
