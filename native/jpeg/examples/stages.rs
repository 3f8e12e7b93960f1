//! What each stage takes: `cargo run --release -p thumbelina-jpeg --example stages -- --bench`, and
//! `JPEG=some.jpg` in front of it for a file instead of drawn pictures. Criterion keeps the numbers
//! of the last run and compares.
#![allow(clippy::unwrap_used, reason = "a bench stops by panicking")]

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Headers, Options, Scale};

const WIDTH: u16 = 2048;
const HEIGHT: u16 = 1536;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    if let Some(path) = std::env::var_os("JPEG") {
        stages(&mut criterion, "file", &std::fs::read(path).unwrap().into(), &Scale::ALL);
    } else {
        let pixels = draw();
        let few = [Scale::Eighth, Scale::Full];
        stages(
            &mut criterion,
            "4:2:0",
            &encode(&pixels, SamplingFactor::F_2_2, false),
            &Scale::ALL,
        );
        stages(
            &mut criterion,
            "4:4:4",
            &encode(&pixels, SamplingFactor::F_1_1, false),
            &Scale::ALL,
        );
        stages(&mut criterion, "progressive", &encode(&pixels, SamplingFactor::F_2_2, true), &few);
    }
    criterion.final_summary();
}

fn stages(criterion: &mut Criterion, name: &str, file: &Bytes, scales: &[Scale]) {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let mut group = criterion.benchmark_group(name);
    group.bench_function("header", |bencher| bencher.iter(|| headers(&mut whole(black_box(file)))));
    let budget = Budget::new(u64::MAX);
    group.bench_function("tables", |bencher| {
        bencher.iter(|| {
            let headers = headers(&mut whole(black_box(file)));
            Decoder::start(headers, &Options::default(), &budget).unwrap()
        });
    });
    let headers = headers(&mut whole(file));
    let header = headers.header();
    group.throughput(Throughput::Elements(u64::from(header.width) * u64::from(header.height)));
    let mut samples = Vec::new();
    for &scale in scales {
        let eighths = format!("{} of 8", 8 / scale.factor());
        group.bench_function(BenchmarkId::new("one thread", &eighths), |bencher| {
            bencher.iter(|| decode(file, scale, None, &mut samples));
        });
        // Two leave full size to one.
        if scale != Scale::Full {
            group.bench_function(BenchmarkId::new("two threads", &eighths), |bencher| {
                bencher.iter(|| decode(file, scale, Some(&pool), &mut samples));
            });
        }
    }
    group.finish();
}

fn whole(file: &Bytes) -> Input {
    Input::whole(file.clone())
}

fn headers(input: &mut Input) -> Headers {
    let Poll::Ready(headers) = Headers::read(input).unwrap() else {
        unreachable!("it is complete")
    };
    headers
}

fn decode(file: &Bytes, scale: Scale, pool: Option<&ThreadPool>, samples: &mut Vec<u8>) {
    samples.clear();
    let (stop, budget) = (Stop::new(), Budget::new(u64::MAX));
    let context = Context { pool, stop: &stop, budget: &budget };
    let mut input = whole(file);
    let options = Options { scale, ..Options::default() };
    let mut decoder = Decoder::start(headers(&mut input), &options, &budget).unwrap();
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context).unwrap() {
            Poll::Ready([]) => break,
            Poll::Ready(rows) => samples.extend_from_slice(rows),
            Poll::Working | Poll::NeedInput => {}
        }
    }
    black_box(samples);
}

fn encode(pixels: &[u8], sampling: SamplingFactor, progressive: bool) -> Bytes {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    encoder.set_optimized_huffman_tables(progressive);
    encoder.encode(pixels, WIDTH, HEIGHT, ColorType::Rgb).unwrap();
    file.into()
}

/// Colored surfaces with edges between them, some of them smooth and some of them rough, and
/// grain: about as much to code as a photograph has.
fn draw() -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..u32::from(HEIGHT) {
        for x in 0..u32::from(WIDTH) {
            let surface = (noise(x, y, 300, 0) * 5.0).floor();
            let roughness = if (surface as u32).is_multiple_of(2) { 120.0 } else { 30.0 };
            let details = [(64, 0.5), (24, 0.25), (9, 0.15), (4, 0.1)];
            let texture: f32 =
                details.iter().map(|&(cell, part)| part * (noise(x, y, cell, 1) - 0.5)).sum();
            let grain = 12.0 * (noise(x, y, 1, 2) - 0.5);
            let light = 40.0 + 35.0 * surface + roughness * texture + grain;
            for channel in 3..6 {
                pixels.push((light + 60.0 * (noise(x, y, 200, channel) - 0.5)) as u8);
            }
        }
    }
    pixels
}

/// From 0 to 1, and smooth within `cell` pixels.
fn noise(x: u32, y: u32, cell: u32, seed: u32) -> f32 {
    let corner = |x: u32, y: u32| {
        let mixed = ((x * 0x9E37) ^ y.rotate_left(16) ^ (seed << 10)).wrapping_mul(0x85EB_CA6B);
        let mixed = (mixed ^ mixed >> 13).wrapping_mul(0xC2B2_AE35);
        ((mixed ^ mixed >> 16) & 0xFFFF) as f32 / 65535.0
    };
    let (left, top) = (x / cell, y / cell);
    let along = |at: u32| (at % cell) as f32 / cell as f32;
    let between = |a: f32, b: f32, at: f32| a + (b - a) * at * at * (3.0 - 2.0 * at);
    let upper = between(corner(left, top), corner(left + 1, top), along(x));
    let lower = between(corner(left, top + 1), corner(left + 1, top + 1), along(x));
    between(upper, lower, along(y))
}
