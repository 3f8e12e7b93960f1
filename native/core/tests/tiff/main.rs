//! TIFFs of every kind, written here sample by sample, against what was written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
mod colors;
#[path = "../common/mod.rs"]
mod common;
mod compression;
mod damage;
mod fax;
mod fax_rows;
mod fields;
#[path = "../../../jpeg/tests/common/writer/mod.rs"]
mod jpeg_writer;
mod jpegs;
mod logs;
mod old_jpegs;
#[path = "../common/profile.rs"]
mod profile;
mod samples;
mod writer;

use bytes::Bytes;
use common::{decode, in_pieces, probe, run, unbounded};
use image::DynamicImage;
use thumbelina_core::{Depth, Effort, Error, Format, Limits, Output};
use writer::{DEFLATE, LZW, NONE, OLD_DEFLATE, PACK_BITS, Writer};

/// Slopes, runs and noise, of so many bits.
fn sample(bits: u32, x: u32, y: u32, sample: u32) -> u32 {
    let hash = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ sample)
        .wrapping_mul(0xC2B2_AE3D);
    let value = match (x / 5 + y) % 3 {
        0 => 0x2040_4040 * (sample % 7 + 1),
        1 => (x * 7 + y * 3 + sample * 40) << 24 | hash >> 8,
        _ => hash,
    };
    value >> (32 - bits)
}

/// Of any number of bits up to 64.
fn number(bits: u32, x: u32, y: u32, s: u32) -> u64 {
    if bits <= 32 {
        return sample(bits, x, y, s).into();
    }
    (u64::from(sample(32, x, y, s)) << 32 | u64::from(sample(32, y, x, s))) >> (64 - bits)
}

/// As float bits: some of any size, none that is no number.
fn float(x: u32, y: u32, s: u32) -> u32 {
    (sample(16, x, y, s) as f32 / 60_000.0).to_bits()
}

/// The picture as it is.
fn as_is(input: &Bytes) -> Result<DynamicImage, Error> {
    let depth = probe(input.clone(), &Limits::default())?.layout.depth;
    let format = if depth == Depth::F32 { Format::Tiff } else { Format::Png };
    let request = Output { format: Some(format), ..Output::default() };
    let pieces = in_pieces(input, request.clone());
    assert!(pieces == unbounded(input, request.clone()), "on the pool");
    assert!(pieces == run(input.clone(), request, || Effort::Unbounded(None)), "in one go");
    Ok(decode(&pieces?.bytes))
}

/// The same of what a writer has written, which can be read.
fn read(input: &Bytes, writer: &Writer) -> DynamicImage {
    as_is(input).unwrap_or_else(|error| panic!("{error} {writer:?}"))
}

/// Shown channels in reading order, each by `value(x, y, channel)`.
fn expected<T>(size: (u32, u32), channels: u32, value: impl Fn(u32, u32, u32) -> T) -> Vec<T> {
    let mut all = Vec::new();
    for y in 0..size.1 {
        for x in 0..size.0 {
            all.extend((0..channels).map(|channel| value(x, y, channel)));
        }
    }
    all
}

fn layouts() -> Vec<(bool, (u32, u32))> {
    vec![
        (false, (0, 1)),
        (false, (0, 4)),
        (false, (0, 100)),
        (true, (16, 16)),
        (true, (5, 3)),
        (true, (64, 48)),
    ]
}

/// Calls with every way of packing and cutting up.
fn each_way(predictors: &[u16], mut check: impl FnMut(Writer)) {
    let mut turn = 0;
    for size in [(1, 1), (7, 5), (33, 18)] {
        for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
            for &predictor in predictors {
                for planar in [false, true] {
                    for (tiles, chunk) in layouts() {
                        for big_endian in [false, true] {
                            turn += 1;
                            let big = turn % 3 == 0;
                            let fill_order = if turn % 5 == 0 { 2 } else { 1 };
                            let compression = match compression {
                                DEFLATE if turn % 4 == 0 => OLD_DEFLATE,
                                other => other,
                            };
                            let writer = Writer {
                                size,
                                compression,
                                predictor,
                                planar,
                                tiles,
                                chunk,
                                big_endian,
                                big,
                                fill_order,
                                ..Writer::default()
                            };
                            check(writer);
                        }
                    }
                }
            }
        }
    }
}

/// Some of all ways, other ones for each kind.
fn some_ways(predictors: &[u16], turn: u32, mut check: impl FnMut(Writer)) {
    let mut count = turn;
    each_way(predictors, |writer| {
        count += 1;
        if count.is_multiple_of(13) {
            check(writer);
        }
    });
}

/// Where the entry of a tag is, in a directory in little-endian order.
fn entry(bytes: &[u8], tag: u16) -> usize {
    (10..).step_by(12).find(|&at| bytes[at..at + 2] == tag.to_le_bytes()).unwrap()
}

/// Where the values of a tag are that are not in its entry.
fn values(bytes: &[u8], tag: u16) -> usize {
    let at = entry(bytes, tag);
    u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize
}
