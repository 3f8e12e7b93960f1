//! DDS in BC1, BC2 and BC3, of any bytes, against the plainest decoder and against `image`.
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
        (8, 0, INVALID),
        (76, 31, INVALID),
        (80, 0x41, UNSUPPORTED),
        (84, 0, UNSUPPORTED),
        (128, 0, UNSUPPORTED),
        (128, 95, UNSUPPORTED),
        (128, u32::MAX, UNSUPPORTED),
    ] {
        assert_eq!(result(at, field), Err(error), "{field} at {at}");
    }
    // What some leave empty.
    for at in [132, 136, 140, 144] {
        assert_eq!(result(at, 0), Ok(()));
    }
}
