//! Integers and floats of any number of bits.

use bytes::Bytes;
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{Format, Output};

use crate::common::{decode, in_pieces, inks};
use crate::writer::{DEFLATE, LZW, NONE, PACK_BITS, SHORT, Writer};
use crate::{as_is, each_way, expected, float, number, profile, read, sample, some_ways};

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
                    inks(&colors.collect::<Vec<_>>())
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
                let ours = read(&bytes, &writer);
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
            let ours = read(&bytes, &writer);
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
                let ours = read(&bytes, &writer).to_rgb8();
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

/// In 16 bits, or in 8 where that is enough.
pub(crate) fn shown(bits: u32, value: u64) -> u64 {
    let full = (1u64 << bits.min(32)) - 1;
    match bits {
        ..=8 => (value * 255 + full / 2) / full,
        9..=16 => (value * 65_535 + full / 2) / full,
        _ => value >> (bits - 16),
    }
}

pub(crate) fn numbers(picture: &DynamicImage) -> Vec<u64> {
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
                let ours = read(&bytes, &writer);
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
            let ours = read(&bytes, &writer);
            assert!(numbers(&ours) == theirs, "{writer:?}");
        });
    }
}

/// Bits of floats of 16, 24, 32 and 64 bits, all of which have room for them.
pub(crate) fn float_bits(bits: u32, x: u32, y: u32, s: u32) -> (u64, f32) {
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
                let ours = read(&bytes, &writer);
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
