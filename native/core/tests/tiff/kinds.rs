//! Kinds of samples and packings that are less usual.

use bytes::Bytes;
use image::DynamicImage;
use thumbelina_core::{
    ColorModel, ColorSpace, Depth, Error, Format, Limits, OnDamage, Output, Request,
};

use crate::common::{decode, in_pieces, inks, probe, sized, truncated, unbounded};
use crate::fax_rows::Fax;
use crate::writer::{
    DEFLATE, FAX3, FAX4, JPEG, LONG, LZMA, LZW, NONE, OLD_JPEG, PACK_BITS, RLE, RLE_WORDS, SHORT,
    WEBP, Writer, ZSTD,
};
use crate::{as_is, each_way, expected, float, jpeg, layouts, profile, sample, slope, split};

/// Of any number of bits up to 64.
fn number(bits: u32, x: u32, y: u32, s: u32) -> u64 {
    if bits <= 32 {
        return sample(bits, x, y, s).into();
    }
    (u64::from(sample(32, x, y, s)) << 32 | u64::from(sample(32, y, x, s))) >> (64 - bits)
}

/// In 16 bits, or in 8 where that is enough.
fn shown(bits: u32, value: u64) -> u64 {
    let full = (1u64 << bits.min(32)) - 1;
    match bits {
        ..=8 => (value * 255 + full / 2) / full,
        9..=16 => (value * 65_535 + full / 2) / full,
        _ => value >> (bits - 16),
    }
}

fn numbers(picture: &DynamicImage) -> Vec<u64> {
    match picture {
        DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_) => picture.as_bytes().iter().map(|&v| v.into()).collect(),
        _ => {
            let words = picture.as_bytes().chunks_exact(2);
            words.map(|word| u16::from_ne_bytes([word[0], word[1]]).into()).collect()
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

#[test]
fn numbers_of_any_bits_are_what_was_written() {
    let all = (1..=16).chain([17, 20, 24, 31, 32, 64]);
    for (turn, bits) in all.enumerate() {
        for (photometric, samples, extra, channels) in
            [(0, 1, vec![], 1), (1, 2, vec![2], 2), (2, 3, vec![], 3), (2, 5, vec![0, 0], 3)]
        {
            let predictors: &[u16] = if turn % 2 == 0 { &[1, 2] } else { &[2, 1] };
            some_ways(predictors, turn as u32, |writer| {
                let extra = extra.clone();
                let writer = Writer { bits, photometric, samples, extra, ..writer };
                let bytes = Bytes::from(writer.write(|x, y, s| number(bits, x, y, s)));
                let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
                let theirs = expected(writer.size, channels, |x, y, channel| {
                    let value = shown(bits, number(bits, x, y, channel));
                    match photometric {
                        0 if bits <= 8 => 255 - value,
                        0 => 65_535 - value,
                        _ => value,
                    }
                });
                assert!(numbers(&ours) == theirs, "{writer:?}");
            });
        }
    }
}

#[test]
fn zstandard_lzma_and_webp_are_what_was_written() {
    for (compression, bits, samples, predictor) in [
        (ZSTD, 8, 3, 1),
        (ZSTD, 8, 4, 2),
        (ZSTD, 12, 3, 1),
        (ZSTD, 16, 3, 2),
        (LZMA, 8, 3, 1),
        (LZMA, 8, 4, 2),
        (LZMA, 12, 3, 1),
        (LZMA, 16, 3, 2),
        (WEBP, 8, 3, 1),
        (WEBP, 8, 4, 1),
    ] {
        for size in [(1, 1), (7, 5), (300, 170)] {
            for (tiles, chunk) in layouts() {
                for planar in [false, compression != WEBP] {
                    let writer = Writer {
                        size,
                        compression,
                        bits,
                        samples,
                        predictor,
                        tiles,
                        chunk,
                        planar,
                        extra: if samples == 4 { vec![2] } else { vec![] },
                        ..Writer::default()
                    };
                    // Of what is clear no color is kept.
                    let value = |x, y, s| match s {
                        3 => 255 - number(bits, x, y, s) / 2,
                        _ => number(bits, x, y, s),
                    };
                    let bytes = Bytes::from(writer.write(value));
                    let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
                    let theirs = expected(size, samples, |x, y, s| shown(bits, value(x, y, s)));
                    assert!(numbers(&ours) == theirs, "{writer:?}");
                }
            }
        }
    }
}

/// A window that is larger than any should be, filters for programs, and streams of nothing.
#[test]
fn lzma_is_bounded() {
    let writer =
        Writer { size: (6000, 600), compression: LZMA, chunk: (0, 600), ..Writer::default() };
    let bytes = Bytes::from(writer.write(|_, _, _| 7u8));
    // 10.8 MB in one strip, of a window of 8 MiB.
    assert!(in_pieces(&bytes, sized(8, 8)).is_ok());
    let at = bytes.windows(6).position(|six| six == b"\xFD7zXZ\0").unwrap();
    // The delta filter with its distance, and LZMA2 with its window.
    assert_eq!(bytes[at + 14..at + 20], [3, 1, 0, 0x21, 1, 22]);
    let with = |place: usize, byte: u8| {
        let mut lie = bytes.to_vec();
        lie[at + place] = byte;
        in_pieces(&Bytes::from(lie), sized(8, 8)).err()
    };
    assert!(matches!(with(19, 30), Some(Error::Limit { .. })));
    assert!(matches!(with(19, 40), Some(Error::Limit { .. })));
    let invalid = Some(crate::common::invalid(Format::Tiff));
    assert_eq!(with(19, 41), invalid);
    assert_eq!(with(14, 4), Some(Error::Unsupported(Format::Tiff)));
    assert_eq!(with(12, 0), invalid);
    assert_eq!(with(0, 0), invalid);
}

/// Blocks that hold nothing, and a window that is larger than any should be where it is needed.
#[test]
fn zstandard_is_bounded() {
    let writer = Writer { size: (16, 16), compression: ZSTD, ..Writer::default() };
    let mut empty = vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x50];
    empty.extend([0; 3].repeat(100_000));
    let made = |data| in_pieces(&Bytes::from(writer.assemble(&[data])), sized(8, 8));
    assert_eq!(made(empty), Err(truncated(Format::Tiff)));
    let wide = [0x28, 0xB5, 0x2F, 0xFD, 0, 0xA0];
    let large = Writer { size: (4_000, 1_000), chunk: (4_000, 1_000), ..writer.clone() };
    let large = large.assemble(&[[&wide[..], &[1, 0, 0]].concat()]);
    assert!(matches!(in_pieces(&Bytes::from(large), sized(8, 8)), Err(Error::Limit { .. })));
    // One stored block, the last one.
    let block = (768u32 << 3 | 1).to_le_bytes();
    let stored = [&wide[..], &block[..3], &[77; 768]].concat();
    let plain = Writer { compression: 1, ..writer.clone() };
    let plain = in_pieces(&Bytes::from(plain.write(|_, _, _| 77u32)), sized(8, 8));
    assert_eq!(made(stored).unwrap().bytes, plain.unwrap().bytes);
}

/// What is below zero is black.
#[test]
fn signed_numbers_are_cut_off() {
    for (bits, samples) in [(8, 1), (8, 3), (16, 1), (16, 3), (32, 1), (32, 3), (64, 1)] {
        let (photometric, format) = (if samples == 1 { 1 } else { 2 }, 2);
        let value = |x: u32, y: u32, s: u32| {
            let wide = number(bits, x, y, s) as i64;
            (wide << (64 - bits) >> (64 - bits)) / if bits > 16 { 1 << (bits - 10) } else { 1 }
        };
        some_ways(&[1, 2], bits, |writer| {
            let writer = Writer { bits, samples, photometric, format, ..writer };
            let mask = u64::MAX >> (64 - bits);
            let bytes = Bytes::from(writer.write(|x, y, s| value(x, y, s) as u64 & mask));
            let most = if (bits, samples) == (16, 1) { 65_535 } else { 255 };
            let theirs =
                expected(writer.size, samples, |x, y, s| value(x, y, s).clamp(0, most) as u64);
            let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
            assert!(numbers(&ours) == theirs, "{writer:?}");
        });
    }
}

/// Bits of floats of 16, 24, 32 and 64 bits, all of which have room for them.
fn float_bits(bits: u32, x: u32, y: u32, s: u32) -> (u64, f32) {
    let short = f32::from_bits(float(x, y, s) & 0xFFFF_E000).clamp(0.001, 1.0);
    let short = f32::from_bits(short.to_bits() & 0xFFFF_E000);
    let (sign, exponent) = (0u64, u64::from(short.to_bits() >> 23));
    let mantissa = u64::from(short.to_bits() & 0x7F_FFFF);
    let packed = match bits {
        16 => (exponent - 112) << 10 | mantissa >> 13,
        24 => (exponent - 64) << 16 | mantissa >> 7,
        32 => u64::from(short.to_bits()),
        _ => f64::from(short).to_bits(),
    };
    (sign | packed, short)
}

#[test]
fn floats_of_any_bits_are_what_was_written() {
    for bits in [16, 24, 32, 64] {
        for (photometric, samples, extra, channels) in
            [(1, 1, vec![], 1), (0, 1, vec![], 1), (2, 3, vec![], 3), (2, 4, vec![2], 4)]
        {
            some_ways(&[1, 2, 3], bits, |writer| {
                let extra = extra.clone();
                let writer = Writer { bits, format: 3, photometric, samples, extra, ..writer };
                let bytes = Bytes::from(writer.write(|x, y, s| float_bits(bits, x, y, s).0));
                let value = |x, y, s| match photometric {
                    0 => 1.0 - float_bits(bits, x, y, s).1,
                    _ => float_bits(bits, x, y, s).1,
                };
                let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
                let (ours, channels) = match channels {
                    1 => (ours.to_rgb32f().into_raw(), 3),
                    4 => (ours.to_rgba32f().into_raw(), 4),
                    _ => (ours.to_rgb32f().into_raw(), 3),
                };
                let gray = samples == 1;
                let theirs = expected(writer.size, channels, |x, y, channel| {
                    value(x, y, if gray { 0 } else { channel })
                });
                assert!(ours == theirs, "{writer:?}");
            });
        }
    }
}

/// Floats are light. Those of a profile are what it says, which is seldom light.
#[test]
fn floats_with_a_profile_are_encoded() {
    let half = Writer { bits: 32, format: 3, ..Writer::default() };
    let srgb = profile::matrix(4, profile::SRGB, &profile::srgb_curve());
    let icc = vec![(34_675, 7, srgb.into_iter().map(u64::from).collect())];
    for (more, shown) in [(Vec::new(), 203), (icc, 153)] {
        let bytes = Bytes::from(Writer { more, ..half.clone() }.write(|_, _, _| 0.6f32.to_bits()));
        let request = Output { format: Some(Format::Png), ..Output::default() };
        let ours = decode(&in_pieces(&bytes, request).unwrap().bytes).to_rgb8();
        assert!(ours.pixels().all(|pixel| pixel.0 == [shown; 3]), "{:?}", ours.get_pixel(0, 0));
    }
}

#[test]
fn inks_may_be_floats() {
    for bits in [16, 24, 32, 64] {
        let writer = Writer {
            bits,
            format: 3,
            photometric: 5,
            samples: 4,
            compression: DEFLATE,
            predictor: 3,
            ..Writer::default()
        };
        let bytes = Bytes::from(writer.write(|x, y, s| float_bits(bits, x, y, s).0));
        let info = probe(bytes.clone(), &Limits::default()).unwrap();
        assert_eq!((info.layout.model, info.layout.depth), (ColorModel::Cmyk, Depth::U16));
        let ours = as_is(&bytes).unwrap().to_rgb16();
        let (width, height) = writer.size;
        let at = |n| [0, 1, 2, 3].map(|s| float_bits(bits, n % width, n / width, s).1);
        let colors = (0..width * height).map(|n| at(n).map(|ink| (ink * 65_535.0).round() as u16));
        let shown = inks(&colors.collect::<Vec<_>>());
        let theirs = shown.into_iter().flatten().map(f32::from);
        let off = ours.as_raw().iter().zip(theirs).map(|(&a, b)| (f32::from(a) - b).abs());
        assert!(off.fold(0.0, f32::max) <= 2.0, "{bits}");
    }
}

/// What is not there of an ink is paper.
#[test]
fn inks_are_as_thin_as_their_alpha() {
    let alphas = [0, 64, 128, 255];
    let ink = |x: u32, s: u32| if s == 4 { alphas[x as usize] } else { 40 * (s + 1) };
    let writer = Writer {
        size: (4, 2),
        photometric: 5,
        samples: 5,
        extra: vec![2],
        compression: LZW,
        predictor: 2,
        ..Writer::default()
    };
    for bits in [8, 16] {
        let full = (1 << bits) - 1;
        let writer = Writer { bits, ..writer.clone() };
        let scaled = |x, _, s| ink(x, s) * full / 255;
        let ours = as_is(&Bytes::from(writer.write(scaled))).unwrap().to_rgb16();
        let thin =
            |x, s| (f64::from(ink(x, s) * alphas[x as usize]) / 255.0 * 257.0).round() as u16;
        let theirs = inks(&[0, 1, 2, 3].map(|x| [0, 1, 2, 3].map(|s| thin(x, s))));
        for (x, y, ours) in ours.enumerate_pixels() {
            let near = ours.0.iter().zip(theirs[x as usize]).all(|(a, b)| a.abs_diff(b) <= 400);
            assert!(near, "{bits} {x} {y} {ours:?} {theirs:?}");
        }
        // Alpha that is in them already is not put there twice, and other samples are not alpha.
        let plain = Writer { samples: 4, extra: Vec::new(), ..writer.clone() };
        let plain = as_is(&Bytes::from(plain.write(scaled))).unwrap();
        for extra in [vec![1], vec![0], vec![]] {
            let same = Writer { extra, ..writer.clone() };
            assert!(as_is(&Bytes::from(same.write(scaled))).unwrap() == plain);
        }
    }
}

/// The bits of a whole number that has some, in 16.
fn half(value: f32) -> u64 {
    let bits = u64::from(value.to_bits());
    if bits == 0 { 0 } else { ((bits >> 23) - 112) << 10 | (bits >> 13 & 0x3FF) }
}

/// Grays are gray, whichever of the encodings they are in.
#[test]
fn lab_is_told_by_its_encoding() {
    for bits in [8, 16] {
        for photometric in [8, 9] {
            let grays = |x: u32, _: u32, s: u32| match (s, photometric, bits) {
                // L* of 0 to 100.
                (0, 8, 8) | (0, 9, 8) => x * 255 / 32,
                (0, 8, _) => x * 65_535 / 32,
                (0, ..) => x * 0xFF00 / 32,
                (_, 8, _) => 0,
                (_, _, 8) => 128,
                _ => 128 << 8,
            };
            let writer = Writer {
                size: (33, 4),
                bits,
                photometric,
                compression: LZW,
                predictor: 2,
                ..Writer::default()
            };
            let bytes = Bytes::from(writer.write(grays));
            let info = probe(bytes.clone(), &Limits::default()).unwrap();
            assert_eq!(info.layout.model, ColorModel::Lab);
            let ours = as_is(&bytes).unwrap().to_rgb8();
            for (x, _, pixel) in ours.enumerate_pixels() {
                // An L* of 53.6 is the gray of 128.
                let l = f64::from(x) * 100.0 / 32.0;
                let y = if l > 8.0 { ((l + 16.0) / 116.0).powi(3) } else { l / 903.3 };
                let gray =
                    if y <= 0.003_130_8 { y * 12.92 } else { 1.055 * y.powf(1.0 / 2.4) - 0.055 };
                let off = pixel.0.map(|c| (f64::from(c) - gray * 255.0).abs());
                assert!(off.iter().all(|&off| off < 3.0), "{x} {pixel:?} {writer:?}");
            }
        }
    }
    // Floats are L*, a* and b* themselves.
    for bits in [16, 32, 64] {
        let value = |x: u32, _: u32, s: u32| if s == 0 { x as f32 * 3.0 } else { 0.0 };
        let bits_of = |x, y, s| match bits {
            16 => half(value(x, y, s)),
            32 => value(x, y, s).to_bits().into(),
            _ => f64::from(value(x, y, s)).to_bits(),
        };
        let writer = Writer { size: (33, 4), bits, format: 3, photometric: 8, ..Writer::default() };
        let bytes = Bytes::from(writer.write(bits_of));
        let info = probe(bytes.clone(), &Limits::default()).unwrap();
        assert_eq!((info.layout.model, info.layout.depth), (ColorModel::Lab, Depth::F32));
        let output = Output { format: Some(Format::Png), ..Output::default() };
        let ours = decode(&in_pieces(&bytes, output).unwrap().bytes).to_rgb8();
        for (x, _, pixel) in ours.enumerate_pixels() {
            let l = f64::from(x) * 3.0;
            let y = if l > 8.0 { ((l + 16.0) / 116.0).powi(3) } else { l / 903.3 };
            let gray = if y <= 0.003_130_8 { y * 12.92 } else { 1.055 * y.powf(1.0 / 2.4) - 0.055 };
            let off = pixel.0.map(|c| (f64::from(c) - gray * 255.0).abs());
            assert!(off.iter().all(|&off| off < 1.6), "{x} {pixel:?} {bits}");
        }
    }
    // A green that all know: L* 87.8, a* -79.3, b* 81.0.
    let green = |l: u32, a: u32, b: u32, photometric, bits| {
        let writer = Writer { photometric, bits, ..Writer::default() };
        let bytes = Bytes::from(writer.write(|_, _, s| [l, a, b][s as usize]));
        as_is(&bytes).unwrap().to_rgb8().get_pixel(0, 0).0
    };
    for pixel in [
        green(224, (-79i32) as u32 & 255, 81, 8, 8),
        green(224, 128 - 79, 128 + 81, 9, 8),
        green(57_540, (-79i32 * 256) as u32 & 0xFFFF, 81 * 256, 8, 16),
        green(57_320, (128 - 79) * 256, (128 + 81) * 256, 9, 16),
    ] {
        assert!(pixel[0] < 20 && pixel[1] > 250 && pixel[2] < 20, "{pixel:?}");
    }
}

/// Rows of units: their lumas, then a Cb and a Cr.
fn ycbcr(
    writer: &Writer,
    (across, down): (u32, u32),
    value: impl Fn(u32, u32, u32) -> u8,
) -> Bytes {
    let mut chunks = Vec::new();
    for ((left, top), (width, rows)) in writer.places() {
        let mut units = Vec::new();
        for y in (0..rows).step_by(down as usize) {
            let mut row = Vec::new();
            for x in (0..width).step_by(across as usize) {
                for dy in 0..down {
                    row.extend((0..across).map(|dx| value(left + x + dx, top + y + dy, 0)));
                }
                row.extend([1, 2].map(|s| value(left + x, top + y, s)));
            }
            units.push(row);
        }
        chunks.push(writer.compress(&units, width));
    }
    Bytes::from(writer.assemble(&chunks))
}

#[test]
fn chroma_is_shared_by_as_many_as_it_is_said() {
    for subsampling in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)] {
        for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
            for (tiles, chunk) in [(false, (0, 4)), (false, (0, 100)), (true, (16, 16))] {
                for size in [(1, 1), (7, 5), (33, 18)] {
                    let (across, down) = subsampling;
                    let writer = Writer {
                        size,
                        photometric: 6,
                        compression,
                        tiles,
                        chunk,
                        more: vec![(530, SHORT, vec![across.into(), down.into()])],
                        ..Writer::default()
                    };
                    // Of each unit the chroma is that of its first pixel.
                    let value = |x: u32, y: u32, s: u32| sample(8, x, y, s) as u8;
                    let bytes = ycbcr(&writer, subsampling, value);
                    let ours = as_is(&bytes).unwrap_or_else(|e| panic!("{e} {writer:?}"));
                    let theirs = expected(size, 3, |x, y, channel| {
                        let chroma = |s| f64::from(value(x - x % across, y - y % down, s)) - 128.0;
                        let (luma, cb, cr) = (f64::from(value(x, y, 0)), chroma(1), chroma(2));
                        match channel {
                            0 => luma + 1.402 * cr,
                            1 => luma - 0.344_136 * cb - 0.714_136 * cr,
                            _ => luma + 1.772 * cb,
                        }
                    });
                    let off = ours.as_bytes().iter().zip(theirs);
                    let off = off.map(|(&a, b)| (f64::from(a) - b.clamp(0.0, 255.0)).abs());
                    assert!(off.fold(0.0, f64::max) < 1.1, "{writer:?}");
                }
            }
        }
    }
}

#[test]
fn chroma_may_have_planes_of_its_own() {
    let writer = Writer {
        photometric: 6,
        planar: true,
        compression: LZW,
        more: vec![(530, SHORT, vec![1, 1])],
        ..Writer::default()
    };
    let value = |x: u32, y: u32, s: u32| sample(8, x, y, s);
    let ours = as_is(&Bytes::from(writer.write(value))).unwrap();
    let apart = as_is(&Bytes::from(Writer { planar: false, ..writer }.write(value))).unwrap();
    assert!(ours == apart);
}

#[test]
fn black_and_white_are_where_it_is_said() {
    let range = [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1];
    let fraction = range.chunks(2).map(|pair: &[u64]| pair[1] << 32 | pair[0]).collect();
    let more = vec![(530, SHORT, vec![1, 1]), (532, 5, fraction)];
    let writer = Writer { photometric: 6, more, ..Writer::default() };
    let ends = |x: u32, _: u32, s: u32| if s > 0 { 128u32 } else { 16 + x % 2 * 219 };
    let ours = as_is(&Bytes::from(writer.write(ends))).unwrap();
    assert!(ours.as_bytes() == expected(writer.size, 3, |x, _, _| (x % 2 * 255) as u8));
}

#[test]
fn faxes_of_all_groups_are_what_was_written() {
    let groups = [
        (RLE, Fax::default()),
        (RLE_WORDS, Fax::default()),
        (FAX3, Fax::default()),
        (FAX3, Fax { without_ends: true, ..Fax::default() }),
        (FAX3, Fax { filled: true, returns: true, ..Fax::default() }),
        (FAX3, Fax { by_the_row_above: 1, ..Fax::default() }),
        (FAX3, Fax { by_the_row_above: 3, filled: true, returns: true, ..Fax::default() }),
        (FAX4, Fax::default()),
    ];
    for (compression, fax) in groups {
        for size in [(1, 1), (8, 3), (61, 40), (5300, 9)] {
            for (tiles, chunk) in layouts() {
                for kind in 0..4 {
                    let pixel = |x: u32, y: u32, _: u32| match kind {
                        0 => u32::from((x / 9 + y / 2).is_multiple_of(2)),
                        1 => sample(1, x, y, 0),
                        2 => u32::from(x > 700 * y),
                        _ => y % 2,
                    };
                    let (photometric, fill_order) = (kind % 2, 1 + kind / 2);
                    let writer = Writer {
                        size,
                        bits: 1,
                        samples: 1,
                        photometric,
                        compression,
                        tiles,
                        chunk,
                        fill_order,
                        fax,
                        ..Writer::default()
                    };
                    let ours = as_is(&Bytes::from(writer.write(pixel)))
                        .unwrap_or_else(|error| panic!("{error} {writer:?}"));
                    let theirs = expected(size, 1, |x, y, s| {
                        if pixel(x, y, s) == u32::from(photometric) { 255 } else { 0 }
                    });
                    assert!(*ours.to_luma8().as_raw() == theirs, "{kind} {writer:?}");
                }
            }
        }
    }
}

/// A row that makes no sense, in the middle of others. Where its end is hit, too, those below move
/// up by one.
/// Runs of no pixels, with which some writers begin a row, are passed in the row below.
#[test]
fn runs_of_nothing_count_in_a_fax() {
    let (pass, horizontal, here) = ("0001", "001", "1");
    let nothing = ["00110101", "0000110111"].concat();
    let (white_4_black_3, white_5_black_2) = ("1011 10", "1100 11");
    let rows = |nothings: usize, passes: usize| {
        let bits = [
            [horizontal, &nothing].concat().repeat(nothings),
            [horizontal, white_4_black_3, here].concat(),
            pass.repeat(passes),
            [horizontal, white_5_black_2, here].concat(),
        ];
        let bits: Vec<u8> = bits.concat().bytes().filter(u8::is_ascii_digit).collect();
        let byte =
            |bits: &[u8]| (0..8).fold(0, |byte, i| byte << 1 | bits.get(i).map_or(0, |b| b & 1));
        let data = bits.chunks(8).map(byte).collect();
        let writer = Writer {
            size: (16, 2),
            bits: 1,
            samples: 1,
            photometric: 0,
            compression: FAX4,
            ..Writer::default()
        };
        let shown = as_is(&Bytes::from(writer.assemble(&[data]))).unwrap().to_luma8();
        [0, 1].map(|y| (0..16).filter(|&x| shown.get_pixel(x, y).0 == [0]).collect::<Vec<u32>>())
    };
    for nothings in 0..=3 {
        assert_eq!(rows(nothings, nothings.min(1)), [vec![4, 5, 6], vec![5, 6]], "{nothings}");
    }
    // More of them than any writer makes are harmless.
    assert_eq!(rows(10_000, 1)[0], vec![4, 5, 6]);
}

#[test]
fn a_bad_row_of_a_fax_is_borne() {
    for by_the_row_above in [0, 1, 3] {
        let writer = Writer {
            size: (61, 40),
            bits: 1,
            samples: 1,
            photometric: 0,
            compression: FAX3,
            chunk: (0, 40),
            fax: Fax { by_the_row_above, ..Fax::default() },
            ..Writer::default()
        };
        let pixel = |x: u32, y: u32, _: u32| u32::from((x / 9 + y / 4).is_multiple_of(2));
        let bytes = writer.write(pixel);
        let whole = as_is(&Bytes::from(bytes.clone())).unwrap().to_luma8();
        let mut damaged = bytes;
        let middle = damaged.len() - 60;
        // Too few zeros for an end of line, and too many for anything else.
        damaged[middle] = 0b1000_0000;
        damaged[middle + 1] = 0b0110_0000;
        let ours = as_is(&Bytes::from(damaged)).unwrap().to_luma8();
        let other = ours.rows().zip(whole.rows()).filter(|(a, b)| !a.clone().eq(b.clone()));
        assert!((1..=16).contains(&other.count()), "{by_the_row_above}");
    }
}

#[test]
fn profiles_and_packets_are_handed_out() {
    let bytes = |text: &str| text.bytes().map(u64::from).collect::<Vec<_>>();
    let more = vec![
        (34_675, 7, bytes("a profile")),
        (700, 1, bytes("<x:xmpmeta/>")),
        (33_723, 7, bytes("records of IPTC")),
    ];
    let writer = Writer { more, ..Writer::default() };
    let file = Bytes::from(writer.write(|x, y, s| sample(8, x, y, s)));
    let info = probe(file, &Limits::default()).unwrap();
    assert_eq!(info.color, ColorSpace::Icc(Bytes::from("a profile")));
    assert_eq!(info.metadata.xmp, Some(Bytes::from("<x:xmpmeta/>")));
    assert_eq!(info.metadata.iptc, Some(Bytes::from("records of IPTC")));
}

/// The tags of a directory in little-endian order, and where their entries are.
fn entry(bytes: &[u8], tag: u16) -> usize {
    (10..).step_by(12).find(|&at| bytes[at..at + 2] == tag.to_le_bytes()).unwrap()
}

#[test]
fn fields_may_be_missing_or_of_another_type() {
    let pixel = |x, y, s| sample(8, x, y, s);
    let theirs = expected((7, 5), 3, |x, y, s| sample(8, x, y, s) as u8);
    let is_right = |bytes: Vec<u8>, what: &str| {
        let ours = as_is(&Bytes::from(bytes)).unwrap_or_else(|error| panic!("{error} {what}"));
        assert!(ours.as_bytes() == theirs, "{what}");
    };
    for compression in [NONE, LZW, DEFLATE, PACK_BITS] {
        let writer = Writer { compression, chunk: (0, 100), ..Writer::default() };
        let whole = writer.write(pixel);
        for tag in [277u16, 278, 279, 317, 339, 266, 284] {
            let mut bytes = whole.clone();
            let at = entry(&bytes, tag);
            bytes[at..at + 2].copy_from_slice(&0xFFFFu16.to_le_bytes());
            is_right(bytes, &format!("{compression} without {tag}"));
        }
        let mut bytes = whole.clone();
        let at = entry(&bytes, 279);
        bytes[at + 8..at + 12].fill(0);
        is_right(bytes, "with a length of 0");
        let mut bytes = whole.clone();
        let at = entry(&bytes, 278);
        bytes[at + 8..at + 12].fill(0xFF);
        is_right(bytes, "with endless strips");
    }
}

fn gray_where_missing(bytes: &Bytes) -> Result<DynamicImage, Error> {
    let output = Output { format: Some(Format::Png), ..Output::default() };
    let request = Request { on_damage: OnDamage::Gray, ..output.into() };
    let made = in_pieces(bytes, request.clone());
    assert!(made == unbounded(bytes, request));
    Ok(decode(&made?.bytes))
}

#[test]
fn what_is_missing_is_gray_if_asked() {
    for compression in [NONE, PACK_BITS, LZW, DEFLATE, JPEG] {
        for (tiles, chunk) in [(false, (0, 16)), (true, (16, 16))] {
            let writer = Writer { size: (48, 64), compression, tiles, chunk, ..Writer::default() };
            let bytes = match compression {
                JPEG => crate::jpegs(&writer, true),
                _ => Bytes::from(writer.write(|x, y, s| u32::from(slope(x, y, s)))),
            };
            let whole = as_is(&bytes).unwrap().to_rgb8();
            let cut = bytes.slice(..bytes.len() * 2 / 3);
            assert_eq!(as_is(&cut), Err(truncated(Format::Tiff)), "{writer:?}");
            let ours = gray_where_missing(&cut).unwrap().to_rgb8();
            let same = |y: u32| (0..48).all(|x| ours.get_pixel(x, y) == whole.get_pixel(x, y));
            assert!((0..16).all(same), "{writer:?}");
            assert_eq!(ours.get_pixel(47, 63).0, [128; 3], "{writer:?}");
        }
    }
    // A chunk in the middle that makes no sense.
    let writer =
        Writer { size: (48, 64), compression: DEFLATE, chunk: (0, 16), ..Writer::default() };
    let mut bytes = writer.write(|x, y, s| u32::from(slope(x, y, s)));
    let offsets = entry(&bytes, 273);
    let list = u32::from_le_bytes(bytes[offsets + 8..offsets + 12].try_into().unwrap()) as usize;
    bytes[list + 4..list + 8].copy_from_slice(&0xFFFF_0000u32.to_le_bytes());
    let bytes = Bytes::from(bytes);
    assert!(as_is(&bytes).is_err());
    let ours = gray_where_missing(&bytes).unwrap().to_rgb8();
    for (x, y, pixel) in ours.enumerate_pixels() {
        let right = if y / 16 == 1 { [128; 3] } else { [0, 1, 2].map(|s| slope(x, y, s)) };
        assert_eq!(pixel.0, right, "{x} {y}");
    }
}

/// Old JPEGs of `slope`, in each way that they are written.
fn old_jpegs() -> Vec<(&'static str, Bytes)> {
    let size = (32, 32);
    let whole = jpeg(size, 3, slope);
    let (tables, rest) = split(&whole);
    let scan = rest.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let data = scan + 2 + usize::from(u16::from_be_bytes([rest[scan + 2], rest[scan + 3]]));
    let (frame, header, entropy) = (&rest[2..scan], &rest[scan..data], &rest[data..]);
    let writer = |more| Writer {
        size,
        photometric: 6,
        compression: OLD_JPEG,
        chunk: (0, 32),
        more,
        ..Writer::default()
    };
    // Fields that point behind all others: their values come first, and are put right then.
    let with = |fields: &[(u16, usize)], chunks: &[Vec<u8>], behind: &[u8]| {
        let more: Vec<_> = fields.iter().map(|&(tag, _)| (tag, LONG, vec![0])).collect();
        let mut more = more;
        more.push((530, SHORT, vec![1, 1]));
        let mut bytes = writer(more).assemble(chunks);
        let end = bytes.len();
        for &(tag, offset) in fields {
            let at = entry(&bytes, tag);
            let value = if tag == 514 { offset } else { end + offset } as u32;
            bytes[at + 8..at + 12].copy_from_slice(&value.to_le_bytes());
        }
        bytes.extend(behind);
        Bytes::from(bytes)
    };
    let tables = &tables[..tables.len() - 2];
    let in_front = [tables, frame].concat();
    // What the fields of tables point at: 64 bytes, or 16 counts and their codes.
    let mut parts = Vec::new();
    let mut places = Vec::new();
    let mut at = 2;
    while at < tables.len() {
        let end = at + 2 + usize::from(u16::from_be_bytes([tables[at + 2], tables[at + 3]]));
        places.push((tables[at + 1], tables[at + 4], parts.len()));
        parts.extend(&tables[at + 5..end]);
        at = end;
    }
    let place = |marker, id| places.iter().find(|p| (p.0, p.1) == (marker, id)).map(|p| p.2);
    let mut all = vec![
        ("a stream that is whole", with(&[(513, 0)], &[vec![0]], &whole)),
        ("a stream of known length", with(&[(513, 0), (514, whole.len())], &[vec![0]], &whole)),
        ("a strip that is a stream", with(&[], std::slice::from_ref(&whole), &[])),
        (
            "a stream up to its scan, and a strip from there on",
            with(&[(513, 0), (514, in_front.len())], &[[header, entropy].concat()], &in_front),
        ),
        (
            "a stream up to the data of its scan",
            with(
                &[(513, 0), (514, in_front.len() + header.len())],
                &[entropy.to_vec()],
                &[&in_front[..], header].concat(),
            ),
        ),
    ];
    // One table for all components: that of luma, if chroma has no other.
    if let (Some(q), Some(dc), Some(ac)) = (place(0xDB, 0), place(0xC4, 0), place(0xC4, 0x10)) {
        let gray = split(&jpeg(size, 1, slope)).1;
        let scan = gray.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let data = scan + 2 + usize::from(u16::from_be_bytes([gray[scan + 2], gray[scan + 3]]));
        let fields = [(519, q), (520, dc), (521, ac)];
        let mut bytes = with(&fields, &[gray[data..].to_vec()], &parts).to_vec();
        let at = entry(&bytes, 277);
        bytes[at + 8] = 1;
        let at = entry(&bytes, 262);
        bytes[at + 8] = 1;
        all.push(("tables in fields", Bytes::from(bytes)));
    }
    all
}

#[test]
fn old_jpegs_are_put_together() {
    for (what, bytes) in old_jpegs() {
        let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error}: {what}"));
        let is_gray = what == "tables in fields";
        let theirs = expected((32, 32), 3, |x, y, channel| {
            let value = |s| f32::from(slope(x, y, s));
            let (cb, cr) = (value(1) - 128.0, value(2) - 128.0);
            match channel {
                _ if is_gray => value(0),
                0 => value(0) + 1.402 * cr,
                1 => value(0) - 0.344 * cb - 0.714 * cr,
                _ => value(0) + 1.772 * cb,
            }
        });
        let off = ours.to_rgb8().into_raw().into_iter().zip(theirs);
        let off = off.map(|(ours, theirs)| (f32::from(ours) - theirs.clamp(0.0, 255.0)).abs());
        let most = off.fold(0.0, f32::max);
        assert!(most < 6.0, "{most}: {what}");
    }
}

/// Small ones, for tests of what happens if they lie.
pub(crate) fn small() -> Vec<(Writer, Bytes)> {
    let mut all = Vec::new();
    let mut add = |writer: Writer, bits| {
        let bytes = writer.write(|x, y, s| number(bits, x, y, s));
        all.push((writer, Bytes::from(bytes)));
    };
    for (bits, format) in [(3, 1), (12, 1), (24, 1), (64, 1), (16, 2), (64, 2)] {
        let writer = Writer { bits, format, compression: LZW, ..Writer::default() };
        add(writer.clone(), bits);
        add(Writer { planar: true, ..writer }, bits);
    }
    for (photometric, samples) in [(8, 3), (9, 3), (5, 4), (1, 2)] {
        add(Writer { photometric, samples, bits: 16, ..Writer::default() }, 16);
    }
    for (compression, by_the_row_above) in [(RLE, 0), (FAX3, 0), (FAX3, 2)] {
        let fax = Fax { by_the_row_above, ..Fax::default() };
        let (bits, samples, photometric) = (1, 1, 0);
        add(Writer { bits, samples, photometric, compression, fax, ..Writer::default() }, 1);
    }
    for compression in [ZSTD, WEBP] {
        add(Writer { compression, ..Writer::default() }, 8);
    }
    let more = vec![(530, SHORT, vec![2, 2])];
    let writer = Writer { photometric: 6, more, compression: LZW, ..Writer::default() };
    let bytes = ycbcr(&writer, (2, 2), |x, y, s| sample(8, x, y, s) as u8);
    all.push((writer, bytes));
    all
}

#[test]
fn old_jpegs_that_lie_are_seen_through() {
    for (what, bytes) in old_jpegs() {
        for end in (0..bytes.len()).step_by(7) {
            let _ = crate::answer(&bytes.slice(..end), what);
        }
        for at in 2..bytes.len().min(700) {
            for lie in [0, 1, 0x7F, 0xFF] {
                let mut damaged = bytes.to_vec();
                damaged[at] = lie;
                let _ = crate::answer(&Bytes::from(damaged), what);
            }
        }
    }
}

/// Bytes that are changed by chance, the same each time.
#[test]
fn mutations_are_harmless() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut chance = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % below
    };
    for (writer, bytes) in crate::small() {
        for _ in 0..60 {
            let mut damaged = bytes.to_vec();
            for _ in 0..=chance(4) {
                let at = 2 + chance(damaged.len() - 2);
                damaged[at] = chance(256) as u8;
            }
            let damaged = Bytes::from(damaged);
            let _ = crate::answer(&damaged, &format!("{writer:?}"));
            let output = Output { format: Some(Format::Png), ..sized(8, 8) };
            let limits = Limits { max_pixels: 100_000, ..Limits::default() };
            let request = Request { on_damage: OnDamage::Gray, limits, ..output.into() };
            assert!(in_pieces(&damaged, request.clone()) == unbounded(&damaged, request));
        }
    }
}
