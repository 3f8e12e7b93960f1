//! TIFFs of every kind, written here sample by sample, against what was written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod fax_rows;
#[path = "../../../jpeg/tests/common/writer/mod.rs"]
mod jpeg_writer;
mod jpegs;
mod kinds;
mod logs;
#[path = "../common/profile.rs"]
mod profile;
mod writer;

use bytes::Bytes;
use common::{
    POOL, as_it_comes, decode, in_pieces, invalid, job, probe, run, sized, truncated, unbounded,
};
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{
    Depth, Effort, Encoded, Error, Fit, Format, Limit, Limits, Orientation, Output, Request, Step,
    Stop,
};
use writer::{DEFLATE, FAX4, JPEG, LZW, NONE, OLD_DEFLATE, PACK_BITS, SHORT, Writer};

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

/// Photometric interpretation, samples, extra samples, channels that are shown.
fn integer_kinds() -> Vec<(u16, u32, Vec<u16>, u32)> {
    vec![
        (1, 1, vec![], 1),
        (0, 1, vec![], 1),
        (1, 2, vec![2], 2),
        (1, 3, vec![0, 0], 1),
        (2, 3, vec![], 3),
        (2, 4, vec![2], 4),
        (2, 4, vec![], 4),
        (2, 4, vec![0], 3),
        (2, 5, vec![2, 0], 4),
        (5, 4, vec![], 3),
    ]
}

#[test]
fn integers_are_what_was_written() {
    for (photometric, samples, extra, channels) in integer_kinds() {
        for bits in [8, 16] {
            each_way(&[1, 2], |writer| {
                let writer = Writer { bits, photometric, samples, extra: extra.clone(), ..writer };
                let bytes = Bytes::from(writer.write(|x, y, s| sample(bits, x, y, s)));
                let full = (1u32 << bits) - 1;
                let to_16 = 65_535 / full;
                let (width, height) = writer.size;
                let inks = if photometric == 5 {
                    let at = |n| [0, 1, 2, 3].map(|s| sample(bits, n % width, n / width, s));
                    let colors = (0..width * height).map(|n| at(n).map(|ink| (ink * to_16) as u16));
                    common::inks(&colors.collect::<Vec<_>>())
                } else {
                    vec![]
                };
                let shown = |x, y, channel| {
                    let value = sample(bits, x, y, channel);
                    match photometric {
                        0 if channel == 0 => full - value,
                        5 => {
                            let shown = inks[(y * width + x) as usize][channel as usize];
                            (u32::from(shown) + to_16 / 2) / to_16
                        }
                        _ => value,
                    }
                };
                let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
                let theirs = expected(writer.size, channels, shown);
                // Inks are shown with 16 bits here.
                let spare = if photometric == 5 { 1 } else { 0 };
                let same = ours.as_bytes().len() * 8 == theirs.len() * bits as usize;
                let same = same
                    && match &ours {
                        DynamicImage::ImageLuma8(_)
                        | DynamicImage::ImageLumaA8(_)
                        | DynamicImage::ImageRgb8(_)
                        | DynamicImage::ImageRgba8(_) => {
                            bits == 8
                                && ours
                                    .as_bytes()
                                    .iter()
                                    .map(|&v| u32::from(v))
                                    .zip(&theirs)
                                    .all(|(a, &b)| a.abs_diff(b) <= spare)
                        }
                        _ => {
                            let words = ours.as_bytes().chunks_exact(2);
                            let words = words.map(|v| u32::from(u16::from_ne_bytes([v[0], v[1]])));
                            bits == 16 && words.zip(&theirs).all(|(a, &b)| a.abs_diff(b) <= spare)
                        }
                    };
                assert!(same && u32::from(ours.color().channel_count()) == channels, "{writer:?}");
                // Where the other decoder goes wrong it is with these.
                if !writer.planar
                    && photometric != 5
                    && extra.iter().all(|&extra| extra == 2)
                    && writer.fill_order == 1
                    && let Ok(theirs) =
                        image::load_from_memory_with_format(&bytes, ImageFormat::Tiff)
                {
                    assert!(ours == theirs, "{writer:?}");
                }
            });
        }
    }
}

#[test]
fn what_the_other_decoder_does_it_does() {
    // The test above passes over what it cannot do: not these.
    for bits in [8, 16] {
        for (photometric, samples) in [(1, 1), (0, 1), (2, 3), (2, 4)] {
            for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
                let writer =
                    Writer { bits, photometric, samples, compression, ..Writer::default() };
                let bytes = Bytes::from(writer.write(|x, y, s| sample(bits, x, y, s)));
                let theirs =
                    image::load_from_memory_with_format(&bytes, ImageFormat::Tiff).unwrap();
                assert!(as_is(&bytes).unwrap() == theirs, "{writer:?}");
            }
        }
    }
}

#[test]
fn floats_are_what_was_written() {
    for (photometric, samples, extra, channels) in
        [(2, 3, vec![], 3), (2, 4, vec![2], 4), (2, 4, vec![0], 3)]
    {
        each_way(&[1, 2, 3], |writer| {
            let extra = extra.clone();
            let writer = Writer { bits: 32, format: 3, photometric, samples, extra, ..writer };
            let bytes = Bytes::from(writer.write(float));
            let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
            let theirs = expected(writer.size, channels, |x, y, channel| {
                f32::from_bits(float(x, y, channel))
            });
            let same = match &ours {
                DynamicImage::ImageRgb32F(ours) => channels == 3 && *ours.as_raw() == theirs,
                DynamicImage::ImageRgba32F(ours) => channels == 4 && *ours.as_raw() == theirs,
                _ => false,
            };
            assert!(same, "{writer:?}");
        });
    }
    let gray = Writer { bits: 32, format: 3, photometric: 1, samples: 1, ..Writer::default() };
    let ours = as_is(&Bytes::from(gray.write(float))).unwrap().to_rgb32f();
    let theirs = expected(gray.size, 3, |x, y, _| f32::from_bits(float(x, y, 0)));
    assert_eq!(*ours.as_raw(), theirs);
}

#[test]
fn of_wide_integers_the_high_half_counts() {
    each_way(&[1, 2], |writer| {
        let writer = Writer { bits: 32, ..writer };
        let bytes = Bytes::from(writer.write(|x, y, s| sample(32, x, y, s)));
        let ours = as_is(&bytes).unwrap().to_rgb16();
        let theirs = expected(writer.size, 3, |x, y, s| (sample(32, x, y, s) >> 16) as u16);
        assert!(*ours.as_raw() == theirs, "{writer:?}");
    });
}

#[test]
fn packed_bits_are_what_was_written() {
    for bits in [1, 2, 4] {
        for photometric in [0, 1, 3] {
            each_way(&[1], |writer| {
                let colors = 1u64 << bits;
                let map = (0..3 * colors).map(|i| i * 5003 % 65_536).collect::<Vec<_>>();
                let more = vec![(320, SHORT, map.clone())];
                let writer = Writer { bits, photometric, samples: 1, more, ..writer };
                let bytes = Bytes::from(writer.write(|x, y, s| sample(bits, x, y, s)));
                let ours =
                    as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}")).to_rgb8();
                let theirs = expected(writer.size, 3, |x, y, channel| {
                    let value = sample(bits, x, y, 0);
                    let full = (1 << bits) - 1;
                    match photometric {
                        0 => (255 - value * 255 / full) as u8,
                        1 => (value * 255 / full) as u8,
                        _ => {
                            (map[(u64::from(channel) * colors) as usize + value as usize] >> 8)
                                as u8
                        }
                    }
                });
                assert!(*ours.as_raw() == theirs, "{writer:?}");
            });
        }
    }
}

#[test]
fn a_palette_may_have_alpha_and_be_of_bytes() {
    let map: Vec<u64> = (0..768).map(|i| i * 7 % 256).collect();
    for planar in [false, true] {
        let more = vec![(320, SHORT, map.clone())];
        let writer = Writer {
            photometric: 3,
            samples: 2,
            extra: vec![2],
            planar,
            more,
            ..Writer::default()
        };
        let bytes = Bytes::from(writer.write(|x, y, s| sample(8, x, y, s)));
        let theirs = expected(writer.size, 4, |x, y, channel| match channel {
            3 => sample(8, x, y, 1) as u8,
            _ => map[(channel * 256 + sample(8, x, y, 0)) as usize] as u8,
        });
        assert!(*as_is(&bytes).unwrap().to_rgba8().as_raw() == theirs);
    }
}

#[test]
fn fax_rows_are_what_was_written() {
    for size in [(1, 1), (8, 3), (61, 40), (2600, 30)] {
        for (tiles, chunk) in layouts() {
            for fill_order in [1, 2] {
                for kind in 0..4 {
                    let pixel = |x: u32, y: u32, _: u32| match kind {
                        0 => u32::from((x / 9 + y / 2).is_multiple_of(2)),
                        1 => sample(1, x, y, 0),
                        2 => u32::from(x > 700 * y),
                        _ => y % 2,
                    };
                    let writer = Writer {
                        size,
                        bits: 1,
                        samples: 1,
                        photometric: 0,
                        compression: FAX4,
                        tiles,
                        chunk,
                        fill_order,
                        ..Writer::default()
                    };
                    let ours = as_is(&Bytes::from(writer.write(pixel)))
                        .unwrap_or_else(|e| panic!("{e} {writer:?}"));
                    let theirs =
                        expected(size, 1, |x, y, s| if pixel(x, y, s) == 1 { 0 } else { 255 });
                    assert!(*ours.to_luma8().as_raw() == theirs, "{kind} {writer:?}");
                }
            }
        }
    }
}

/// A JPEG of components as they are, and its tables apart if asked.
fn jpeg(size: (u32, u32), components: usize, value: impl Fn(u32, u32, u32) -> u8) -> Vec<u8> {
    let color = match components {
        1 => jpeg_encoder::ColorType::Luma,
        3 => jpeg_encoder::ColorType::Ycbcr,
        _ => jpeg_encoder::ColorType::Cmyk,
    };
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 100);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_4_4);
    // Four components are written inverted.
    let flip = if components == 4 { 255 } else { 0 };
    let data = expected(size, components as u32, |x, y, s| value(x, y, s) ^ flip);
    encoder.encode(&data, size.0 as u16, size.1 as u16, color).unwrap();
    out
}

/// Tables and the rest, each a stream of its own.
fn split(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8]);
    let mut at = 2;
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let to = if matches!(jpeg[at + 1], 0xC4 | 0xDB) { &mut tables } else { &mut rest };
        to.extend(&jpeg[at..end]);
        at = end;
    }
    tables.extend([0xFF, 0xD9]);
    rest.extend(&jpeg[at..]);
    (tables, rest)
}

fn slope(x: u32, y: u32, s: u32) -> u8 {
    (x * 3 + y * 2 + s * 60).min(250) as u8
}

/// Chunks of `slope`, each a JPEG.
fn jpegs(writer: &Writer, shared: bool) -> Bytes {
    let planes = if writer.planar { writer.samples } else { 1 };
    let components = if writer.planar { 1 } else { writer.samples as usize };
    let mut chunks = Vec::new();
    let mut tables = Vec::new();
    for plane in 0..planes {
        for down in 0..writer.size.1.div_ceil(writer.chunk.1) {
            for across in 0..writer.across() {
                let (left, top) = (across * writer.chunk.0, down * writer.chunk.1);
                let rows = writer.chunk.1.min(writer.size.1 - top);
                let size = if writer.tiles { writer.chunk } else { (writer.size.0, rows) };
                let whole = jpeg(size, components, |x, y, s| slope(left + x, top + y, s + plane));
                let (shared_tables, rest) = split(&whole);
                chunks.push(if shared { rest } else { whole });
                tables = shared_tables;
            }
        }
    }
    let mut writer = writer.clone();
    if shared {
        writer.more.push((347, 7, tables.iter().map(|&byte| byte.into()).collect()));
    }
    Bytes::from(writer.assemble(&chunks))
}

#[test]
fn jpegs_are_of_the_colors_that_the_directory_says() {
    for (photometric, samples) in [(1, 1), (0, 1), (2, 3), (6, 3), (5, 4)] {
        for (tiles, chunk) in
            [(false, (0, 16)), (false, (0, 100)), (true, (16, 16)), (true, (64, 48))]
        {
            for (shared, planar) in [(false, false), (true, false), (true, true)] {
                if planar && photometric == 6 {
                    continue;
                }
                let size = (37, 29);
                let writer = Writer {
                    size,
                    photometric,
                    samples,
                    compression: JPEG,
                    tiles,
                    chunk,
                    planar,
                    ..Writer::default()
                };
                let bytes = jpegs(&writer, shared);
                let ours =
                    as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}")).to_rgb8();
                let colors: Vec<_> = (0..size.0 * size.1)
                    .map(|n| {
                        [0, 1, 2, 3].map(|s| u16::from(slope(n % size.0, n / size.0, s)) * 257)
                    })
                    .collect();
                let inks = common::inks(&colors);
                let theirs = expected(size, 3, |x, y, channel| {
                    let value = |s| f32::from(slope(x, y, s));
                    let (cb, cr) = (value(1) - 128.0, value(2) - 128.0);
                    match (photometric, channel) {
                        (0, _) => 255.0 - value(0),
                        (1, _) => value(0),
                        (2, _) => value(channel),
                        (5, _) => {
                            f32::from(inks[(y * size.0 + x) as usize][channel as usize]) / 257.0
                        }
                        (_, 0) => value(0) + 1.402 * cr,
                        (_, 1) => value(0) - 0.344 * cb - 0.714 * cr,
                        _ => value(0) + 1.772 * cb,
                    }
                });
                let off = ours.as_raw().iter().zip(&theirs);
                let off =
                    off.map(|(&ours, theirs)| (f32::from(ours) - theirs.clamp(0.0, 255.0)).abs());
                let most = off.fold(0.0, f32::max);
                assert!(most < 5.0, "{most} {shared} {writer:?}");
            }
        }
    }
}

#[test]
fn progressive_jpegs_are_decoded_if_their_scans_are_few() {
    let size = (37, 29);
    let data = expected(size, 3, slope);
    let mut chunk = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut chunk, 100);
    encoder.set_progressive(true);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_4_4);
    encoder.encode(&data, 37, 29, jpeg_encoder::ColorType::Ycbcr).unwrap();
    let writer = Writer { size, compression: JPEG, chunk: (0, 29), ..Writer::default() };
    let ours = as_is(&Bytes::from(writer.assemble(&[chunk.clone()]))).unwrap();
    let off = ours.as_bytes().iter().zip(&data).map(|(a, &b)| a.abs_diff(b)).max();
    assert!(off < Some(5), "{off:?}");
    // What would be the starts of scans, wherever they are.
    chunk.extend([0xFF, 0xDA].repeat(65));
    assert_eq!(as_is(&Bytes::from(writer.assemble(&[chunk]))), Err(invalid(Format::Tiff)));
}

#[test]
fn associated_alpha_is_told() {
    for (photometric, samples) in [(1, 2), (2, 4)] {
        for (extra, premultiplied) in [(1, true), (2, false)] {
            let writer = Writer { photometric, samples, extra: vec![extra], ..Writer::default() };
            let bytes = Bytes::from(
                writer.write(|x, y, s| if s == samples - 1 { 255 } else { sample(8, x, y, s) }),
            );
            assert_eq!(
                probe(bytes.clone(), &Limits::default()).unwrap().premultiplied,
                premultiplied
            );
            let theirs = expected(writer.size, samples, |x, y, s| {
                if s == samples - 1 { 255 } else { sample(8, x, y, s) as u8 }
            });
            assert!(as_is(&bytes).unwrap().as_bytes() == theirs);
        }
    }
}

#[test]
fn orientation_and_doubled_fields() {
    let with = |more| {
        let writer = Writer { more, ..Writer::default() };
        probe(Bytes::from(writer.write(|x, y, s| sample(8, x, y, s))), &Limits::default()).unwrap()
    };
    let six = with(vec![(274, SHORT, vec![6])]);
    assert_eq!(six.orientation, Orientation::from_exif(6).unwrap());
    assert_eq!(with(vec![(274, SHORT, vec![77])]).orientation, Orientation::NoTransforms);
    // Fields are sorted by their values as well: the larger one comes last, and counts.
    let doubled = with(vec![(274, SHORT, vec![3]), (274, SHORT, vec![8])]);
    assert_eq!(doubled.orientation, Orientation::from_exif(8).unwrap());
}

#[test]
fn byte_counts_may_be_missing() {
    for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
        let writer = Writer { compression, chunk: (0, 2), ..Writer::default() };
        let mut bytes = writer.write(|x, y, s| sample(8, x, y, s));
        let at = (10..).step_by(12).find(|&at| bytes[at..at + 2] == [0x17, 1]).unwrap();
        bytes[at] = 0xFF;
        bytes[at + 1] = 0xFF;
        let theirs = expected(writer.size, 3, |x, y, s| sample(8, x, y, s) as u8);
        assert!(as_is(&Bytes::from(bytes)).unwrap().as_bytes() == theirs, "{compression}");
    }
}

/// Small pictures of all kinds.
fn small() -> Vec<(Writer, Bytes)> {
    let mut all = [kinds::small(), logs::small(), jpegs::small()].concat();
    for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
        for (planar, tiles) in [(false, false), (true, false), (false, true), (true, true)] {
            for (big, big_endian) in [(false, true), (true, false)] {
                let writer = Writer {
                    compression,
                    planar,
                    tiles,
                    big,
                    big_endian,
                    chunk: (4, 3),
                    ..Writer::default()
                };
                let bytes = writer.write(|x, y, s| sample(8, x, y, s));
                all.push((writer, Bytes::from(bytes)));
            }
        }
    }
    let floats =
        Writer { bits: 32, format: 3, predictor: 3, compression: DEFLATE, ..Writer::default() };
    all.push((floats.clone(), Bytes::from(floats.write(float))));
    let map = (0..768).collect();
    let palette =
        Writer { photometric: 3, samples: 1, more: vec![(320, SHORT, map)], ..Writer::default() };
    all.push((palette.clone(), Bytes::from(palette.write(|x, y, s| sample(8, x, y, s)))));
    let fax =
        Writer { bits: 1, samples: 1, photometric: 0, compression: FAX4, ..Writer::default() };
    all.push((fax.clone(), Bytes::from(fax.write(|x, y, s| sample(1, x, y, s)))));
    // Tiles of which all is seen.
    for (tiles, size) in [(false, (20, 17)), (true, (32, 32))] {
        let writer = Writer { compression: JPEG, tiles, size, ..Writer::default() };
        all.push((writer.clone(), jpegs(&writer, true)));
    }
    all
}

/// Both schedulers' answer, which has to be the same.
fn answer(bytes: &Bytes, what: &str) -> Result<Encoded, Error> {
    let limits = Limits { max_pixels: 100_000, ..Limits::default() };
    let request =
        Request { limits, ..Output { format: Some(Format::Png), ..Output::default() }.into() };
    let pieces = in_pieces(bytes, request.clone());
    assert!(pieces == unbounded(bytes, request.clone()), "{what}");
    assert!(pieces == as_it_comes(bytes, request), "{what}, as it comes");
    pieces
}

#[test]
fn what_is_cut_off_is_refused() {
    for (writer, bytes) in small() {
        assert!(answer(&bytes, "whole").is_ok(), "{writer:?}");
        for end in 0..bytes.len() {
            let answer = answer(&bytes.slice(..end), "cut");
            // The last rows may be complete without a checksum, or a code that says so; and what is
            // below the picture is not looked at.
            let spare =
                if writer.compression == NONE { 0 } else { 8 } + if writer.tiles { 16 } else { 0 };
            if end + spare < bytes.len() {
                let error =
                    answer.err().unwrap_or_else(|| panic!("{end} of {} {writer:?}", bytes.len()));
                let known = matches!(
                    error,
                    Error::Truncated { format: Format::Tiff, .. } | Error::UnknownFormat
                );
                assert!(known || writer.compression == JPEG, "{error} {end} {writer:?}");
            }
        }
    }
}

#[test]
fn lies_are_seen_through() {
    for (writer, bytes) in small() {
        let (first, entry, value) = if writer.big { (24, 20, 8) } else { (10, 12, 4) };
        let count = (bytes.len() - first) / entry;
        for index in 0..count.min(17) {
            let at = first + index * entry;
            let len = bytes.len() as u64;
            let lies = [
                0,
                1,
                2,
                3,
                len - 1,
                len,
                len + 1,
                0xFFFF,
                0x7FFF_FFFF,
                0xFFFF_FFFF,
                u64::MAX / 2,
                u64::MAX,
            ];
            for (offset, size) in [(0, 2), (2, 2), (4, value), (4 + value, value), (4 + value, 2)] {
                for lie in lies {
                    let mut damaged = bytes.to_vec();
                    damaged[at + offset..at + offset + size]
                        .copy_from_slice(&writer.number(lie, size));
                    let _ = answer(&Bytes::from(damaged), "a lie");
                }
            }
        }
        // The header, and all that is outside of the directory.
        for at in 2..bytes.len().min(600) {
            for lie in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut damaged = bytes.to_vec();
                damaged[at] = lie;
                let _ = answer(&Bytes::from(damaged), "a byte");
            }
        }
    }
}

/// How many steps it takes, and how it ends.
fn steps(input: Vec<u8>) -> (usize, Result<(), Error>) {
    let mut job = job(Bytes::from(input), sized(8, 8));
    for count in 1.. {
        match job.step(Effort::Bounded, &Stop::new()) {
            Ok(Step::Done(_)) => return (count, Ok(())),
            Ok(Step::Again) => {}
            Ok(Step::NeedInput) => panic!("all of the input is there"),
            Ok(Step::TooBig) => {
                let _ = job.step(Effort::Unbounded(Some(&POOL)), &Stop::new());
            }
            Err(error) => return (count, Err(error)),
        }
    }
    unreachable!()
}

/// Data that goes on without a pixel is taken in small bites.
#[test]
fn nothing_is_decoded_in_small_steps() {
    let size = (16, 16);
    let writer = |compression| Writer { size, compression, ..Writer::default() };
    let pixels = vec![vec![0; 16 * 3]; 16];
    const LEN: usize = 200_000;
    let mut clears = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00].repeat(LEN / 9);
    clears.extend(writer(LZW).compress(&pixels, 16));
    let mut empty = vec![0x78, 0x01];
    empty.extend([0, 0, 0, 0xFF, 0xFF].repeat(LEN / 5));
    empty.extend(&writer(DEFLATE).compress(&pixels, 16)[2..]);
    let mut nothing = vec![0x80; LEN];
    nothing.extend(writer(PACK_BITS).compress(&pixels, 16));
    for (compression, data) in [(LZW, clears), (DEFLATE, empty), (PACK_BITS, nothing)] {
        let (count, end) = steps(writer(compression).assemble(&[data]));
        assert_eq!(end, Ok(()), "{compression}");
        assert!(count > LEN / 8_192, "{compression} in {count} steps");
    }
}

#[test]
fn more_padding_than_picture_is_refused() {
    let tall = |chunk, size, data: Vec<u8>| {
        let writer = Writer { size, tiles: true, chunk, compression: DEFLATE, ..Writer::default() };
        let count = size.1.div_ceil(chunk.1) as usize;
        // All tiles are the same one.
        let bytes = writer.assemble(&vec![Vec::new(); count]);
        let bytes = [bytes, data.clone()].concat();
        let at = bytes.len() - data.len();
        let mut bytes = bytes;
        let all = |bytes: &mut Vec<u8>, tag: u16, value: usize| {
            let entry = (10..).step_by(12).find(|&e| bytes[e..e + 2] == tag.to_le_bytes()).unwrap();
            let start =
                u32::from_le_bytes(bytes[entry + 8..entry + 12].try_into().unwrap()) as usize;
            for index in 0..count {
                bytes[start + index * 4..][..4].copy_from_slice(&(value as u32).to_le_bytes());
            }
        };
        all(&mut bytes, 324, at);
        all(&mut bytes, 325, data.len());
        bytes
    };
    let blank = |chunk: (u32, u32)| {
        let rows = vec![vec![0; chunk.0 as usize * 3]; chunk.1 as usize];
        Writer { compression: DEFLATE, ..Writer::default() }.compress(&rows, chunk.0)
    };
    let bomb = tall((400_000, 16), (1, 100_000), blank((400_000, 16)));
    let (_, end) = steps(bomb);
    assert!(matches!(end, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{end:?}");
    // Thin pictures in tiles of a usual size.
    for (chunk, size) in
        [((512, 512), (1, 30_000)), ((256, 256), (3, 20_000)), ((512, 512), (30_000, 1))]
    {
        let writer = Writer { size, tiles: true, chunk, compression: DEFLATE, ..Writer::default() };
        let tile = blank(chunk);
        let count = size.0.div_ceil(chunk.0) * size.1.div_ceil(chunk.1);
        let (_, end) = steps(writer.assemble(&vec![tile; count as usize]));
        assert_eq!(end, Ok(()), "{size:?}");
    }
}

/// One JPEG that all strips share, with a header that is long.
#[test]
fn shared_data_is_bounded() {
    let one = jpeg((16, 16), 3, slope);
    for comments in [0, 800, 20_000] {
        let mut shared = vec![0xFF, 0xD8];
        shared.extend([0xFF, 0xFE, 0, 2].repeat(comments));
        shared.extend(&one[2..]);
        let strips = 3_000;
        let writer = Writer {
            size: (16, 16 * strips),
            compression: JPEG,
            chunk: (0, 16),
            ..Writer::default()
        };
        let mut bytes = writer.assemble(&vec![Vec::new(); strips as usize]);
        let end = bytes.len();
        for tag in [273u16, 279] {
            let entry = (10..).step_by(12).find(|&e| bytes[e..e + 2] == tag.to_le_bytes()).unwrap();
            let start =
                u32::from_le_bytes(bytes[entry + 8..entry + 12].try_into().unwrap()) as usize;
            let value = if tag == 273 { end } else { shared.len() } as u32;
            for index in 0..strips as usize {
                bytes[start + index * 4..][..4].copy_from_slice(&value.to_le_bytes());
            }
        }
        bytes.extend(&shared);
        let (_, end) = steps(bytes);
        let refused = if comments == 20_000 {
            end == Err(invalid(Format::Tiff))
        } else {
            matches!(end, Err(Error::Limit { limit: Limit::MaxBytesIn, .. }))
        };
        assert!(refused, "{comments}: {end:?}");
    }
}

/// Tiles of billions of pixels, for a picture of a hundred.
#[test]
fn no_tile_is_allocated_by_its_claim() {
    let float = Writer { size: (100, 1), bits: 32, format: 3, predictor: 3, ..Writer::default() };
    let extra = Writer { size: (100, 1), samples: 16, extra: vec![0; 13], ..Writer::default() };
    for writer in [float, extra] {
        let writer = Writer { tiles: true, chunk: (4_000_000_000, 1), ..writer };
        let (_, end) = steps(writer.assemble(&[vec![0; 100]]));
        assert!(matches!(end, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{end:?}");
    }
}

#[test]
fn rows_below_the_crop_are_not_asked_for() {
    let writer =
        Writer { size: (40, 400), chunk: (0, 8), compression: DEFLATE, ..Writer::default() };
    let bytes = Bytes::from(writer.write(|x, y, s| sample(8, x, y, s)));
    // The lower half is not there, and is not seen.
    let cut = bytes.slice(..bytes.len() * 3 / 4);
    let request = Output { fit: Fit::Cover, ..sized(20, 20) };
    assert_eq!(in_pieces(&cut, request.clone()), in_pieces(&bytes, request));
    assert_eq!(in_pieces(&cut, sized(20, 20)), Err(truncated(Format::Tiff)));
}
