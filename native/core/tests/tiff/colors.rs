//! Palettes, inks, L\*a\*b\*, YCbCr and alpha.

use bytes::Bytes;
use thumbelina_core::{ColorModel, Depth, Format, Limits, Output};

use crate::common::{decode, in_pieces, inks, probe};
use crate::samples::float_bits;
use crate::writer::{DEFLATE, LZW, NONE, PACK_BITS, SHORT, Writer};
use crate::{as_is, expected, read, sample};

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

/// The gray of sRGB, from 0 to 1, that has this L*.
fn gray_of(l: f64) -> f64 {
    let y = if l > 8.0 { ((l + 16.0) / 116.0).powi(3) } else { l / 903.3 };
    if y <= 0.003_130_8 { y * 12.92 } else { 1.055 * y.powf(1.0 / 2.4) - 0.055 }
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
                let gray = gray_of(f64::from(x) * 100.0 / 32.0);
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
            let gray = gray_of(f64::from(x) * 3.0);
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
pub(crate) fn ycbcr(
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
                    let ours = read(&bytes, &writer);
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
