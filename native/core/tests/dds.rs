//! DDS: BC1, BC2 and BC3 of any bytes, against the plainest decoder and against `image`; the other
//! blocks by what is known of them; and pixels that lie there as they are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{invalid, truncated};
use image::{ImageFormat, RgbaImage};
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small};
use proptest::prelude::*;
use thumbelina_core::{Error, Format, Limit};

const INVALID: Error = invalid(Format::Dds);
const TRUNCATED: Error = truncated(Format::Dds);
const UNSUPPORTED: Error = Error::Unsupported(Format::Dds);

/// A header for one of `DXT1`, `DXT3` and `DXT5`, or for a number of the extension.
fn header(width: u32, height: u32, four_cc: &[u8; 4], extended: Option<u32>) -> Vec<u8> {
    let mut fields = [0u32; 31];
    fields[..6].copy_from_slice(&[124, 0x1007, height, width, 0, 0]);
    fields[18..21].copy_from_slice(&[32, 4, u32::from_le_bytes(*four_cc)]);
    fields[26] = 0x1000;
    let mut out = b"DDS ".to_vec();
    out.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    if let Some(kind) = extended {
        out.extend([kind, 3, 0, 1, 0].iter().flat_map(|field: &u32| field.to_le_bytes()));
    }
    out
}

/// One pixel of a block, each time from the beginning.
fn pixel(block: &[u8], n: usize) -> [u8; 4] {
    let colors = &block[block.len() - 8..];
    let bits = |bytes: &[u8], at: usize, len: usize| -> u32 {
        (0..len).map(|i| u32::from(bytes[(at + i) / 8] >> ((at + i) % 8) & 1) << i).sum()
    };
    let ends = [bits(colors, 0, 16), bits(colors, 16, 16)];
    let [first, last] =
        ends.map(|c| [(c >> 11) * 255 / 31, (c >> 5 & 63) * 255 / 63, (c & 31) * 255 / 31]);
    let opaque = block.len() == 16 || ends[0] > ends[1];
    let number = bits(colors, 32 + 2 * n, 2);
    if number == 3 && !opaque {
        return [0; 4];
    }
    let channel = |c: usize| match (number, opaque) {
        (0, _) => first[c],
        (1, _) => last[c],
        (2, true) => (2 * first[c] + last[c] + 1) / 3,
        (3, true) => (first[c] + 2 * last[c] + 1) / 3,
        _ => (first[c] + last[c]).div_ceil(2),
    };
    [channel(0) as u8, channel(1) as u8, channel(2) as u8, 255]
}

fn alpha(four_cc: &[u8; 4], block: &[u8], n: usize) -> Option<u8> {
    let number = u64::from_le_bytes(*block.first_chunk()?);
    match four_cc {
        b"DXT3" => Some((number >> (4 * n) & 15) as u8 * 17),
        b"DXT5" => {
            let (a, b) = (u32::from(block[0]), u32::from(block[1]));
            let step = (number >> (16 + 3 * n) & 7) as u32;
            Some(match (step, a > b) {
                (0, _) => a,
                (1, _) => b,
                (_, true) => ((8 - step) * a + (step - 1) * b) / 7,
                (6, false) => 0,
                (7, false) => 255,
                (_, false) => ((6 - step) * a + (step - 1) * b) / 5,
            } as u8)
        }
        _ => None,
    }
}

const KINDS: [(&[u8; 4], [u32; 3]); 3] =
    [(b"DXT1", [70, 71, 72]), (b"DXT3", [73, 74, 75]), (b"DXT5", [76, 77, 78])];

fn written(
    four_cc: &[u8; 4],
    extended: Option<u32>,
    (width, height): (u32, u32),
    seed: u64,
) -> (Bytes, RgbaImage) {
    let mut random = Random(seed);
    let mut out =
        header(width, height, if extended.is_some() { b"DX10" } else { four_cc }, extended);
    let start = out.len();
    let block_bytes = if four_cc == b"DXT1" { 8 } else { 16 };
    let across = width.div_ceil(4) as usize;
    let blocks = across * height.div_ceil(4) as usize;
    out.extend((0..blocks * block_bytes).map(|_| random.byte()));
    // Ends that are one color.
    let last = out.len() - 8;
    out.copy_within(last..last + 2, last + 2);
    let shown = RgbaImage::from_fn(width, height, |x, y| {
        let at = start + ((y / 4) as usize * across + (x / 4) as usize) * block_bytes;
        let block = &out[at..at + block_bytes];
        let n = (y % 4 * 4 + x % 4) as usize;
        let [r, g, b, a] = pixel(block, n);
        image::Rgba([r, g, b, alpha(four_cc, block, n).unwrap_or(a)])
    });
    // The smaller pictures that follow.
    out.extend([7; 5]);
    (Bytes::from(out), shown)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn blocks_of_any_bytes_give_their_pixels(
        (four_cc, numbers) in prop::sample::select(KINDS.to_vec()),
        extended in prop::option::of(0usize..3),
        size in (1u32..40, 1u32..40),
        whole: bool,
        seed: u64,
    ) {
        let blocks = (size.0.next_multiple_of(4), size.1.next_multiple_of(4));
        let size = if whole { blocks } else { size };
        let (input, shown) = written(four_cc, extended.map(|n| numbers[n]), size, seed);
        let ours = as_is(&input, Format::Png).unwrap();
        prop_assert_eq!(ours.as_rgba8(), Some(&shown));
        // It wants whole blocks, and of BC1 it gives no alpha.
        if size.0 % 4 == 0 && size.1 % 4 == 0 {
            let theirs = image::load_from_memory_with_format(&input, ImageFormat::Dds).unwrap();
            if four_cc == b"DXT1" {
                prop_assert_eq!(ours.to_rgb8(), theirs.to_rgb8());
            } else {
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}

#[test]
fn larger_pictures_are_the_same_on_every_scheduler() {
    for size in [(5, 9_001), (30_001, 7), (500, 300)] {
        for (four_cc, _) in KINDS {
            let (input, shown) = written(four_cc, None, size, 9);
            assert!(as_is(&input, Format::Png).unwrap().as_rgba8() == Some(&shown), "{size:?}");
        }
    }
}

#[test]
fn what_is_cut_off_is_truncated() {
    for (four_cc, [number, ..]) in KINDS {
        for extended in [None, Some(number)] {
            let (input, _) = written(four_cc, extended, (6, 5), 2);
            assert_eq!(
                errors_of_prefixes(&input, input.len() - 5),
                [Error::UnknownFormat, TRUNCATED]
            );
        }
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let result = |at: usize, field: u32| {
        let mut bytes = written(b"DXT5", Some(77), (8, 8), 1).0.to_vec();
        bytes[at..at + 4].copy_from_slice(&field.to_le_bytes());
        on_every_scheduler(&Bytes::from(bytes), small()).map(|_| ())
    };
    let (height, width) = (12, 16);
    assert_eq!(result(height, 8), Ok(()));
    for side in [height, width] {
        assert_eq!(result(side, 0), Err(INVALID));
        // The three rows or columns more of the same blocks, and then those of others.
        assert_eq!(result(side, 5), Ok(()));
        assert_eq!(result(side, 9), Err(TRUNCATED));
        let limit = Limit::MaxPixels;
        let most = Error::Limit { limit, value: u64::from(u32::MAX) * 8, maximum: 1_000_000 };
        assert_eq!(result(side, u32::MAX), Err(most));
    }
    let mut largest = header(u32::MAX, u32::MAX, b"DXT1", None);
    let limit = Error::Limit {
        limit: Limit::MaxPixels,
        value: u64::from(u32::MAX).pow(2),
        maximum: 1_000_000,
    };
    assert_eq!(on_every_scheduler(&Bytes::from(largest.clone()), small()), Err(limit));
    largest[84..88].copy_from_slice(b"DXT9");
    assert_eq!(on_every_scheduler(&Bytes::from(largest), small()), Err(UNSUPPORTED));
    for (at, field, error) in [
        (4, 0, INVALID),
        (4, u32::MAX, INVALID),
        (80, 0x41, UNSUPPORTED),
        (84, 0, UNSUPPORTED),
        (128, 0, UNSUPPORTED),
        (128, 118, UNSUPPORTED),
        (128, u32::MAX, UNSUPPORTED),
    ] {
        assert_eq!(result(at, field), Err(error), "{field} at {at}");
    }
    // What some leave empty.
    for at in [8, 76, 132, 136, 140, 144] {
        assert_eq!(result(at, 0), Ok(()));
    }
}

/// A header for pixels that are not in blocks: flags, bits, and masks.
fn masked(width: u32, height: u32, flags: u32, bits: u32, masks: [u32; 4]) -> Vec<u8> {
    let mut fields = [0u32; 31];
    fields[..4].copy_from_slice(&[124, 0x1007, height, width]);
    fields[18..21].copy_from_slice(&[32, flags, 0]);
    fields[21] = bits;
    fields[22..26].copy_from_slice(&masks);
    let mut out = b"DDS ".to_vec();
    out.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    out
}

const ALPHA_PIXELS: u32 = 1;
const ALPHA: u32 = 2;
const PALETTE: u32 = 0x20;
const RGB: u32 = 0x40;
const LUMINANCE: u32 = 0x2_0000;

#[test]
fn pixels_lie_under_their_masks() {
    for (bits, masks) in [
        (8, [0xE0, 0x1C, 0x03, 0]),
        (16, [0xF800, 0x07E0, 0x001F, 0]),
        (16, [0x7C00, 0x03E0, 0x001F, 0x8000]),
        (16, [0x0F00, 0x00F0, 0x000F, 0xF000]),
        (24, [0xFF_0000, 0xFF00, 0xFF, 0]),
        (24, [0xFF, 0xFF00, 0xFF_0000, 0]),
        (32, [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000]),
        (32, [0x3FF, 0xF_FC00, 0x3FF0_0000, 0xC000_0000]),
        (32, [0xFF00_0000, 0, 0xFF, 0]),
    ] {
        let alpha = if masks[3] == 0 { 0 } else { ALPHA_PIXELS };
        let mut file = masked(7, 5, RGB | alpha, bits, masks);
        let mut random = Random(bits.into());
        let pixels: Vec<u32> = (0..35)
            .map(|_| {
                let bytes = [random.byte(), random.byte(), random.byte(), random.byte()];
                u32::from_le_bytes(bytes) & u32::MAX >> (32 - bits)
            })
            .collect();
        file.extend(pixels.iter().flat_map(|p| p.to_le_bytes()[..bits as usize / 8].to_vec()));
        let made = as_is(&Bytes::from(file), Format::Png).unwrap();
        assert_eq!(made.color().has_alpha(), alpha > 0);
        let made = made.to_rgba8();
        for (n, pixel) in (0..).zip(&pixels) {
            let expected = masks.map(|mask: u32| match mask {
                0 => 0.0,
                _ => {
                    let shift = mask.trailing_zeros();
                    f64::from((pixel & mask) >> shift) * 255.0 / f64::from(mask >> shift)
                }
            });
            let mut expected = expected.map(|sample| sample.round() as u8);
            if alpha == 0 {
                expected[3] = 255;
            }
            assert_eq!(made.get_pixel(n % 7, n / 7).0, expected, "{bits} bits, {masks:x?}");
        }
    }
}

#[test]
fn gray_alpha_and_palettes_are_shown() {
    let shown = |mut file: Vec<u8>, data: &[u8]| {
        file.extend(data);
        as_is(&Bytes::from(file), Format::Png).unwrap().to_rgba8().into_raw()
    };
    let gray = [9, 9, 9, 255, 200, 200, 200, 255];
    for masks in [[0; 4], [0xFF, 0, 0, 0], [0xFF00_0000; 4]] {
        assert_eq!(shown(masked(2, 1, LUMINANCE, 8, masks), &[9, 200]), gray);
    }
    assert_eq!(shown(masked(2, 1, ALPHA, 8, [0, 0, 0, 0xFF]), &[9, 200]), gray);
    for masks in [[0; 4], [0xFF, 0, 0, 0xFF00]] {
        let file = masked(2, 1, LUMINANCE | ALPHA_PIXELS, 16, masks);
        assert_eq!(shown(file, &[9, 255, 200, 7]), [9, 9, 9, 255, 200, 200, 200, 7]);
    }
    let file = masked(1, 1, LUMINANCE, 16, [0xFFFF, 0, 0, 0]);
    assert_eq!(shown(file, &[0, 0x80]), [128, 128, 128, 255]);
    let mut palette = vec![0; 1024];
    palette[4..12].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    palette.extend([1, 2]);
    assert_eq!(shown(masked(2, 1, PALETTE, 8, [0; 4]), &palette), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn wide_samples_keep_their_depth() {
    let made = |kind: u32, data: &[u8]| {
        let mut file = header(1, 1, b"DX10", Some(kind));
        file.extend(data);
        as_is(&Bytes::from(file), Format::Png).unwrap()
    };
    let (r16g16b16a16, r16, r32g32b32a32_float, r16g16b16a16_float) = (11, 56, 2, 10);
    let deep = made(r16g16b16a16, &[1, 2, 3, 4, 5, 6, 0xFF, 0xFF]).into_rgba16();
    assert_eq!(deep.get_pixel(0, 0).0, [0x0201, 0x0403, 0x0605, 0xFFFF]);
    assert_eq!(made(r16, &[1, 2]).into_luma16().get_pixel(0, 0).0, [0x0201]);
    // Light is linear: a half of 0.5 is 188 of 255.
    let floats = [1.0f32, 0.5, 0.0, 1.0].map(f32::to_le_bytes).concat();
    let expected = [255, 188, 0, 255];
    assert_eq!(made(r32g32b32a32_float, &floats).to_rgba8().get_pixel(0, 0).0, expected);
    let halves = [0x3C00u16, 0x3800, 0, 0x3C00].map(u16::to_le_bytes).concat();
    assert_eq!(made(r16g16b16a16_float, &halves).to_rgba8().get_pixel(0, 0).0, expected);
}

/// A block whose two samples are given, and of which every pixel has one of the eight numbers.
fn steps_block(a: u8, b: u8) -> [u8; 8] {
    let numbers = (0..16u64).map(|n| (n % 8) << (3 * n)).sum::<u64>().to_le_bytes();
    let [n1, n2, n3, n4, n5, n6, ..] = numbers;
    [a, b, n1, n2, n3, n4, n5, n6]
}

#[test]
fn one_and_two_channels_are_gray_and_red_and_green() {
    let made = |four_cc: &[u8; 4], block: &[u8]| {
        let mut file = header(4, 4, four_cc, None);
        file.extend(block);
        let made = as_is(&Bytes::from(file), Format::Png).unwrap().to_rgb8();
        (0..8).map(|n| made.get_pixel(n % 4, n / 4).0).collect::<Vec<_>>()
    };
    let steps = [210, 0, 180, 150, 120, 90, 60, 30];
    let grays: Vec<_> = steps.map(|step| [step; 3]).into();
    assert_eq!(made(b"ATI1", &steps_block(210, 0)), grays);
    assert_eq!(made(b"BC4U", &steps_block(210, 0)), grays);
    // Signed: what is 0 lies at 128.
    assert_eq!(made(b"BC4S", &steps_block(210 ^ 0x80, 0x80)), grays);
    let two = [steps_block(210, 0), steps_block(0, 210)].concat();
    let others = [0, 210, 42, 84, 126, 168, 0, 255];
    let colors: Vec<_> = (0..8).map(|n| [steps[n], others[n], 0]).collect();
    assert_eq!(made(b"ATI2", &two), colors);
    assert_eq!(made(b"BC5U", &two), colors);
    let signed = [steps_block(210 ^ 0x80, 0x80), steps_block(0x80, 210 ^ 0x80)].concat();
    let colors: Vec<_> = (0..8).map(|n| [steps[n], others[n], 128]).collect();
    assert_eq!(made(b"BC5S", &signed), colors);
}

/// Blocks of the simplest modes, whose two ends are the same color.
#[test]
fn blocks_with_modes_are_decoded() {
    // BC7's mode 6: seven bits each of r0, r1, g0, g1, b0, b1, a0 and a1, and a bit more for both.
    let ends = [100u128, 100, 50, 50, 25, 25, 127, 127];
    let bits = ends.iter().enumerate().map(|(n, end)| end << (7 + 7 * n)).sum::<u128>();
    let block = bits | 1 << 6 | 0b11 << 63;
    for kind in [97, 98, 99] {
        let mut file = header(4, 4, b"DX10", Some(kind));
        file.extend(block.to_le_bytes());
        let made = as_is(&Bytes::from(file), Format::Png).unwrap().to_rgba8();
        assert!(made.pixels().all(|pixel| pixel.0 == [201, 101, 51, 255]), "{kind}");
    }
    // A reserved mode is black, and clear in BC7.
    for (kind, block, expected) in [(98, [0; 16], [0; 4]), (95, [0x13; 16], [0, 0, 0, 255])] {
        let mut file = header(4, 4, b"DX10", Some(kind));
        file.extend(block);
        let made = as_is(&Bytes::from(file), Format::Png).unwrap().to_rgba8();
        assert!(made.pixels().all(|pixel| pixel.0 == expected), "{kind}");
    }
}

#[test]
fn blocks_of_any_bytes_can_be_decoded() {
    for kind in [80, 81, 83, 84, 95, 96, 98] {
        for seed in 0..20 {
            let mut random = Random(seed);
            let mut file = header(37, 23, b"DX10", Some(kind));
            file.extend((0..10 * 6 * 16).map(|_| random.byte()));
            on_every_scheduler(&Bytes::from(file), small()).unwrap();
        }
    }
}
