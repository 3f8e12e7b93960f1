//! What it takes to bring the colors of a thumbnail of 200 by 150 pixels to sRGB, once the tables
//! of its profile are there: a job with the profile, and one of the same numbers without anything
//! to convert. Of a photograph, and of noise, of which no two pixels are near each other. Processor
//! time of one thread.
//!
//! `cargo run --release -p thumbelina-core --example colors`
#![allow(clippy::unwrap_used, clippy::panic, reason = "a tool fails by panicking")]

#[path = "../tests/common/profile.rs"]
mod profile;

use bytes::Bytes;
use cpu_time::ThreadTime;
use thumbelina_core::{Effort, Fit, Format, Input, Job, Output, Step, Stop};

const SIZE: (u32, u32) = (200, 150);
/// As RGB.
const BYTES: usize = (SIZE.0 * SIZE.1) as usize * 3;
const TIMES: usize = 1_000;

/// PhotometricInterpretation.
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const CMYK: u16 = 5;
const LAB: u16 = 8;

fn main() {
    let curve = profile::curve(|x| x.powf(1.8));
    let matrix = profile::matrix(2, profile::SRGB, &curve);
    let table = profile::table(3, |rgb| {
        let [r, g, b] = rgb else { unreachable!("three were asked for") };
        [100.0 * (r + g + b) / 3.0, 60.0 * (r - g), 60.0 * (g - b)]
    });
    let table = profile::profile(2, b"RGB ", b"Lab ", &[(*b"A2B0", table)]);
    let gray = profile::gray(b"XYZ ", curve);
    let cmyk = profile::cmyk();
    for (source, bytes) in [("a photograph", photograph()), ("noise", noise(BYTES))] {
        for (name, channels, photometric, icc) in [
            ("RGB by a matrix", 3, RGB, Some(&matrix)),
            ("RGB by a table", 3, RGB, Some(&table)),
            ("gray", 1, BLACK_IS_ZERO, Some(&gray)),
            ("CMYK by a table", 4, CMYK, Some(&cmyk)),
            ("CMYK without a profile", 4, CMYK, None),
            ("L*a*b*", 3, LAB, None),
        ] {
            for bits in [8, 16] {
                let samples = samples(&bytes, channels, bits);
                let plain = if channels == 1 { BLACK_IS_ZERO } else { RGB };
                let plain = tiff(channels, bits, plain, None, &samples);
                let icc = icc.map(Vec::as_slice);
                let colored = tiff(channels, bits, photometric, icc, &samples);
                let (mut less, mut more) = (Vec::new(), Vec::new());
                for _ in 0..TIMES {
                    less.push(nanos(&plain));
                    more.push(nanos(&colored));
                }
                less.sort_unstable();
                more.sort_unstable();
                let added = |at: usize| (more[at] as f64 - less[at] as f64) / 1e6;
                println!(
                    "{source}, {name}, {bits} bits: {:.3} ms at least, {:.3} ms in the median",
                    added(0),
                    added(TIMES / 2)
                );
            }
        }
    }
}

/// Bytes of RGB.
fn photograph() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/fixtures/photo.jpg");
    let output = Output {
        width: Some(SIZE.0),
        height: Some(SIZE.1),
        fit: Fit::Fill,
        format: Some(Format::Pnm),
        ..Output::default()
    };
    let pnm = thumbnail(&std::fs::read(path).unwrap().into(), output);
    pnm[pnm.len() - BYTES..].to_vec()
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// RGB as the numbers of a picture of so many channels, little-endian. What more there is in a
/// fourth channel and in 16 bits is noise.
fn samples(rgb: &[u8], channels: u16, bits: u16) -> Vec<u8> {
    let mut noise = noise(4 * rgb.len()).into_iter();
    let mut more = || noise.next().unwrap();
    let mut out = Vec::new();
    for pixel in rgb.chunks_exact(3) {
        let fourth = [pixel[1] / 2 + more() / 16];
        for &byte in pixel.iter().chain(&fourth).take(channels.into()) {
            if bits == 16 {
                out.push(more());
            }
            out.push(byte);
        }
    }
    out
}

/// What one thumbnail takes that is as large as its picture.
fn nanos(input: &Bytes) -> u128 {
    let output = Output { width: Some(SIZE.0), format: Some(Format::Pnm), ..Output::default() };
    let started = ThreadTime::now();
    thumbnail(input, output);
    started.elapsed().as_nanos()
}

fn thumbnail(input: &Bytes, output: Output) -> Vec<u8> {
    let mut job = Job::new(Input::whole(input.clone()), output.into());
    let stop = Stop::new();
    loop {
        match job.step(Effort::Unbounded(None), &stop).unwrap() {
            Step::Done(mut made) => break made.swap_remove(0).bytes,
            Step::Again => {}
            step => panic!("{step:?}"),
        }
    }
}

/// Without compression, in one strip. The fourth channel is an ink, or none that is known.
fn tiff(channels: u16, bits: u16, photometric: u16, icc: Option<&[u8]>, samples: &[u8]) -> Bytes {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const UNDEFINED: u16 = 7;
    let data_len = samples.len();
    let data_at = 8u32;
    let depths_at = data_at + data_len as u32;
    let icc_at = depths_at + 8;
    let icc_bytes = icc.unwrap_or(&[]);
    let directory_at = (icc_at + icc_bytes.len() as u32).next_multiple_of(2);

    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, LONG, 1, SIZE.0),
        (257, LONG, 1, SIZE.1),
        (258, SHORT, channels.into(), if channels > 2 { depths_at } else { bits.into() }),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, photometric.into()),
        (273, LONG, 1, data_at),
        (277, SHORT, 1, channels.into()),
        (278, LONG, 1, SIZE.1),
        (279, LONG, 1, data_len as u32),
    ];
    if channels == 4 && photometric == RGB {
        entries.push((338, SHORT, 1, 0));
    }
    if icc.is_some() {
        entries.push((34_675, UNDEFINED, icc_bytes.len() as u32, icc_at));
    }

    let mut out = b"II\x2A\0".to_vec();
    out.extend(directory_at.to_le_bytes());
    out.extend(samples);
    out.extend((0..4).flat_map(|_| bits.to_le_bytes()));
    out.extend(icc_bytes);
    out.resize(directory_at as usize, 0);
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out.into()
}
