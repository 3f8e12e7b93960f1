//! TGA of every kind, packed and not, from every corner, written here, against the pixels that went
//! in and against `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{decode, invalid, sized, truncated};
use image::ImageFormat;
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small};
use proptest::prelude::*;
use thumbelina_core::{Error, Fit, Format, Output};

const INVALID: Error = invalid(Format::Tga);
const TRUNCATED: Error = truncated(Format::Tga);
const UNSUPPORTED: Error = Error::Unsupported(Format::Tga);

/// How a picture is stored.
#[derive(Debug, Clone)]
struct Way {
    /// 1 color-mapped, 2 true-color, 3 gray.
    kind: u8,
    bits: u8,
    map_bits: u8,
    alpha_bits: u8,
    packed: bool,
    top_down: bool,
    right_to_left: bool,
    map_first: u16,
    id_bytes: u8,
}

const MAP_LEN: u16 = 200;

/// The kind, the bits of a pixel and of a color in the map, and those of alpha.
const KINDS: [(u8, u8, u8, u8); 21] = [
    (1, 8, 15, 0),
    (1, 8, 16, 0),
    (1, 8, 16, 1),
    (1, 8, 24, 0),
    (1, 8, 32, 0),
    (1, 8, 32, 8),
    (1, 16, 15, 0),
    (1, 16, 16, 0),
    (1, 16, 24, 0),
    (1, 16, 32, 8),
    (2, 15, 0, 0),
    (2, 16, 0, 0),
    (2, 16, 0, 1),
    (2, 24, 0, 0),
    (2, 32, 0, 0),
    (2, 32, 0, 8),
    (2, 24, 24, 0),
    (3, 8, 0, 0),
    (3, 8, 0, 8),
    (3, 16, 0, 8),
    (3, 16, 0, 0),
];

impl Way {
    fn header(&self, width: u16, height: u16) -> Vec<u8> {
        let [first, len] = if self.map_bits == 0 { [0, 0] } else { [self.map_first, MAP_LEN] };
        let mut out =
            vec![self.id_bytes, u8::from(self.map_bits > 0), self.kind + 8 * u8::from(self.packed)];
        out.extend(first.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend([self.map_bits, 9, 9, 9, 9]);
        out.extend(width.to_le_bytes());
        out.extend(height.to_le_bytes());
        let corner = u8::from(self.right_to_left) << 4 | u8::from(self.top_down) << 5;
        out.extend([self.bits, self.alpha_bits | corner]);
        out.extend(vec![0xA5; self.id_bytes.into()]);
        out
    }

    fn color_bits(&self) -> u8 {
        if self.kind == 1 { self.map_bits } else { self.bits }
    }

    /// What one pixel's bytes are as samples.
    fn shown(&self, stored: &[u8]) -> Vec<u8> {
        let five = |bits: u16| (f64::from(bits & 31) * 255.0 / 31.0).round() as u8;
        match (self.kind, self.color_bits(), stored) {
            (3, ..) => stored.to_vec(),
            (_, 15 | 16, &[low, high]) => {
                let bits = u16::from_le_bytes([low, high]);
                vec![five(bits >> 10), five(bits >> 5), five(bits)]
            }
            (_, 24, &[b, g, r]) => vec![r, g, b],
            (_, 32, &[b, g, r, a]) => vec![r, g, b, a],
            _ => panic!("{self:?}"),
        }
    }
}

/// A file of pixels that come in runs, and what is to be seen of it.
fn written(way: &Way, width: u16, height: u16, seed: u64) -> (Bytes, Vec<u8>) {
    let mut random = Random(seed);
    let mut out = way.header(width, height);
    let color_bytes = usize::from(way.map_bits.div_ceil(8));
    let map: Vec<u8> = match way.map_bits {
        0 => Vec::new(),
        _ => (0..usize::from(MAP_LEN) * color_bytes).map(|_| random.byte()).collect(),
    };
    out.extend(&map);
    let pixel_bytes = usize::from(way.bits.div_ceil(8));
    let mut stored: Vec<Vec<u8>> = Vec::new();
    let mut shown = vec![Vec::new(); usize::from(width) * usize::from(height)];
    let (columns, rows) = (usize::from(width), usize::from(height));
    for n in 0..columns * rows {
        let pixel = match stored.last() {
            Some(last) if random.below(3) > 0 => last.clone(),
            _ if way.kind == 1 && pixel_bytes == 1 => {
                vec![
                    (way.map_first + random.below((MAP_LEN).min(256 - way.map_first).into()) as u16)
                        as u8,
                ]
            }
            _ if way.kind == 1 => {
                (way.map_first + random.below(MAP_LEN.into()) as u16).to_le_bytes().to_vec()
            }
            _ => (0..pixel_bytes).map(|_| random.byte()).collect(),
        };
        let x = if way.right_to_left { columns - 1 - n % columns } else { n % columns };
        let y = if way.top_down { n / columns } else { rows - 1 - n / columns };
        shown[y * columns + x] = if way.kind == 1 {
            let index = pixel.iter().rev().fold(0, |index, &byte| index << 8 | usize::from(byte));
            let at = (index - usize::from(way.map_first)) * color_bytes;
            way.shown(&map[at..at + color_bytes])
        } else {
            way.shown(&pixel)
        };
        stored.push(pixel);
    }
    if way.packed {
        let mut rest = &stored[..];
        while let Some(first) = rest.first() {
            // Packets of any length, which take no notice of rows.
            let most =
                (random.below(128) + 1).min(if random.below(2) == 0 { 128 } else { 4 }) as usize;
            let run = rest.iter().take_while(|&pixel| pixel == first).count().min(most);
            if run > 1 || random.below(4) == 0 {
                out.push(0x80 | (run - 1) as u8);
                out.extend(first);
                rest = &rest[run..];
            } else {
                let raw = rest.len().min(most);
                out.push((raw - 1) as u8);
                out.extend(rest[..raw].concat());
                rest = &rest[raw..];
            }
        }
    } else {
        out.extend(stored.concat());
    }
    (Bytes::from(out), shown.concat())
}

prop_compose! {
    fn ways()(
        (kind, bits, map_bits, alpha_bits) in prop::sample::select(KINDS.to_vec()),
        packed: bool,
        top_down: bool,
        right_to_left: bool,
        map_first in prop::sample::select(vec![0u16, 1, 100]),
        id_bytes in prop::sample::select(vec![0u8, 1, 255]),
    ) -> Way {
        Way {
            kind,
            bits,
            map_bits,
            alpha_bits,
            packed,
            top_down,
            right_to_left,
            map_first,
            id_bytes,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_kind_gives_its_pixels(
        way in ways(),
        width in 1u16..50,
        height in 1u16..20,
        seed: u64,
    ) {
        let (input, shown) = written(&way, width, height, seed);
        prop_assert_eq!(Format::of(&input), Some(Format::Tga));
        let ours = as_is(&input, Format::Png).unwrap();
        prop_assert_eq!((ours.width(), ours.height()), (width.into(), height.into()));
        prop_assert_eq!(ours.as_bytes(), &shown);
        // Two kinds it does not read.
        let bits = (way.bits, way.map_bits, way.alpha_bits);
        let unread = matches!((way.kind, bits), (1, (16, 15, _)) | (3, (16, _, 0)));
        if !unread {
            let theirs = image::load_from_memory_with_format(&input, ImageFormat::Tga).unwrap();
            prop_assert_eq!(ours.color(), theirs.color());
            prop_assert_eq!(ours.as_bytes(), theirs.as_bytes());
        }
    }

    /// From whichever corner, packed or not: the same thumbnail.
    #[test]
    fn thumbnails_are_the_right_way_up(way in ways(), seed: u64, cover: bool) {
        let thumbnail = |way: &Way, format| {
            let (input, shown) = written(way, 90, 120, seed);
            let fit = if cover { Fit::Cover } else { Fit::Contain };
            let request = Output { fit, format: Some(format), ..sized(31, 27) };
            (decode(&on_every_scheduler(&input, request).unwrap().bytes), shown)
        };
        let way = Way { packed: true, kind: 2, bits: 24, map_bits: 0, alpha_bits: 0, ..way };
        let (ours, shown) = thumbnail(&way, Format::Png);
        let pnm = [&b"P6 90 120 255\n"[..], &shown].concat();
        let fit = if cover { Fit::Cover } else { Fit::Contain };
        let request = Output { fit, format: Some(Format::Png), ..sized(31, 27) };
        let upright = decode(&on_every_scheduler(&Bytes::from(pnm), request).unwrap().bytes);
        prop_assert_eq!((ours.width(), ours.height()), (upright.width(), upright.height()));
        prop_assert!(ours == upright);
    }
}

fn way() -> Way {
    Way {
        kind: 2,
        bits: 24,
        map_bits: 0,
        alpha_bits: 0,
        packed: true,
        top_down: true,
        right_to_left: false,
        map_first: 0,
        id_bytes: 0,
    }
}

/// Behind a picture: an extension that says what alpha is, and the footer.
fn with_extension(input: &[u8], kind_of_alpha: u8) -> Bytes {
    let extension = input.len() as u32;
    let mut input = input.to_vec();
    input.extend([0; 494]);
    input.push(kind_of_alpha);
    input.extend(extension.to_le_bytes());
    input.extend([0; 4]);
    input.extend(b"TRUEVISION-XFILE.\0");
    Bytes::from(input)
}

/// Colors that are multiplied by their alpha are divided by it.
#[test]
fn the_extension_may_say_that_colors_are_multiplied() {
    for alpha_bits in [0, 8] {
        let way = Way { packed: false, bits: 32, alpha_bits, ..way() };
        let pixels = [[20, 60, 100, 200], [0, 0, 0, 0], [255, 0, 7, 255], [50, 50, 50, 50]];
        let input = [way.header(4, 1), pixels.concat()].concat();
        let image = as_is(&with_extension(&input, 4), Format::Png).unwrap().into_rgba8();
        let shown = [[128, 77, 26, 200], [0; 4], [7, 0, 255, 255], [255, 255, 255, 50]];
        for (ours, theirs) in image.pixels().zip(shown) {
            let off = ours.0.iter().zip(theirs).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(1), "{ours:?} {theirs:?}");
        }
    }
}

/// Where nothing says that there is alpha, and nothing could be seen through it, there is none.
#[test]
fn what_would_be_invisible_is_shown() {
    for packed in [false, true] {
        for last in [0, 1] {
            let way = Way { packed, bits: 32, ..way() };
            let packets: &[u8] =
                if packed { &[0x81, 1, 2, 3, 0, 0] } else { &[1, 2, 3, 0, 1, 2, 3, 0] };
            let input = [&way.header(3, 1)[..], packets, &[7, 8, 9, last]].concat();
            let image = as_is(&Bytes::from(input.clone()), Format::Png).unwrap();
            if last == 0 {
                assert_eq!(image.as_bytes(), [3, 2, 1, 3, 2, 1, 9, 8, 7]);
            } else {
                assert_eq!(image.as_bytes()[8..], [9, 8, 7, 1]);
            }
            // It is alpha if somebody says so.
            let image = as_is(&with_extension(&input, 3), Format::Png).unwrap();
            assert_eq!(image.color().channel_count(), 4);
        }
    }
}

/// Alpha is shown where the header says that there is none, unless the extension says so too.
#[test]
fn the_extension_may_say_that_there_is_no_alpha() {
    for (alpha_bits, kind_of_alpha, channels) in
        [(0, 0, 3), (0, 3, 4), (8, 0, 4), (8, 3, 4), (0, 1, 3), (8, 1, 3), (0, 2, 3), (8, 2, 3)]
    {
        for kind in [1, 2] {
            for packed in [false, true] {
                let (bits, map_bits) = if kind == 1 { (8, 32) } else { (32, 0) };
                let way = Way { kind, bits, map_bits, alpha_bits, packed, ..way() };
                let (input, mut shown) = written(&way, 7, 3, 8);
                let input = with_extension(&input, kind_of_alpha);
                if channels == 3 {
                    shown = shown
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .flat_map(|&[r, g, b, _]| [r, g, b])
                        .collect();
                }
                assert_eq!(as_is(&input, Format::Png).unwrap().as_bytes(), shown);
            }
        }
    }
    // One that leads nowhere says nothing.
    for extension in [0, 1, 60, u32::MAX] {
        let (input, shown) = written(&Way { bits: 32, ..way() }, 4, 4, 8);
        let footer = [&extension.to_le_bytes()[..], &[0; 4], b"TRUEVISION-XFILE.\0"].concat();
        let input = Bytes::from([&input[..], &footer].concat());
        assert_eq!(as_is(&input, Format::Png).unwrap().as_bytes(), shown);
    }
}

/// Of 32 bits eight are alpha, even where the header says that fewer are.
#[test]
fn alpha_has_all_of_its_bits() {
    let made = |alpha_bits| {
        let (input, shown) = written(&Way { bits: 32, alpha_bits, ..way() }, 4, 4, 8);
        assert_eq!(as_is(&input, Format::Png).unwrap().as_bytes(), shown, "{alpha_bits}");
    };
    (0..=8).for_each(made);
}

/// A packet may reach past the last pixel: what it has there is not looked at, nor asked for.
#[test]
fn the_last_packet_may_be_too_long() {
    for (packet, pixels) in [
        (&[0xFF, 1, 2, 3][..], [3, 2, 1].repeat(2)),
        (&[127, 1, 2, 3, 4, 5, 6], vec![3, 2, 1, 6, 5, 4]),
    ] {
        let input = Bytes::from([&way().header(2, 1), packet].concat());
        assert_eq!(as_is(&input, Format::Png).unwrap().as_bytes(), pixels);
        let theirs = image::load_from_memory_with_format(&input, ImageFormat::Tga).unwrap();
        assert_eq!(theirs.as_bytes(), pixels);
    }
}

#[test]
fn what_is_cut_off_is_truncated() {
    for (kind, bits, map_bits, alpha_bits) in KINDS {
        for packed in [false, true] {
            for top_down in [false, true] {
                let way = Way {
                    kind,
                    bits,
                    map_bits,
                    alpha_bits,
                    packed,
                    top_down,
                    id_bytes: 3,
                    ..way()
                };
                let (input, _) = written(&way, 4, 3, 5);
                let start = way.header(4, 3).len();
                // A header without which nobody would know; and the rest, but for a map's middle.
                let errors = errors_of_prefixes(&input.slice(..start), start);
                assert_eq!(errors, [Error::UnknownFormat, TRUNCATED], "{way:?}");
                for end in start..input.len() {
                    if map_bits > 0 && (start + 20..input.len() - 10).contains(&end) {
                        continue;
                    }
                    let cut = on_every_scheduler(&input.slice(..end), small());
                    assert_eq!(cut, Err(TRUNCATED), "{way:?} up to {end} of {}", input.len());
                }
            }
        }
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let result = |change: &dyn Fn(&mut [u8]), way: &Way| {
        let mut bytes = written(way, 6, 5, 1).0.to_vec();
        change(&mut bytes);
        on_every_scheduler(&Bytes::from(bytes), small()).map(|_| ())
    };
    let mapped = Way { kind: 1, bits: 8, map_bits: 24, packed: false, ..way() };
    let plain = Way { packed: false, ..way() };
    assert_eq!(result(&|_| {}, &mapped), Ok(()));
    // A row or a column more than there is; the largest there can be.
    assert_eq!(result(&|tga| tga[12] = 7, &plain), Err(TRUNCATED));
    assert_eq!(result(&|tga| tga[14] = 6, &plain), Err(TRUNCATED));
    assert_eq!(result(&|tga| tga[12..14].fill(0xFF), &plain), Err(TRUNCATED));
    assert_eq!(result(&|tga| tga[14..16].fill(0xFF), &way()), Err(TRUNCATED));
    // Indices below the first color, and past the last one.
    assert_eq!(result(&|tga| tga[3..5].fill(0xFF), &mapped), Err(INVALID));
    assert_eq!(result(&|tga| *tga.last_mut().unwrap() = 200, &mapped), Err(INVALID));
    assert_eq!(result(&|tga| *tga.last_mut().unwrap() = 199, &mapped), Ok(()));
    assert_eq!(result(&|tga| tga[5..7].fill(0xFF), &mapped), Err(TRUNCATED));
    assert_eq!(result(&|tga| tga[0] = 0xFF, &plain), Err(TRUNCATED));
    // Alpha that there is no room for, or in a place of its own.
    for alpha_bits in [1, 7, 8, 9, 15] {
        assert_eq!(result(&|tga| tga[17] = alpha_bits, &plain), Err(UNSUPPORTED));
        assert_eq!(result(&|tga| tga[17] = alpha_bits, &mapped), Err(UNSUPPORTED));
    }
    // Whatever any byte of the header says.
    for at in 0..18 {
        for byte in [0, 1, 8, 16, 127, 128, 254, 255] {
            for way in [&mapped, &plain, &way()] {
                let _ = result(&|tga| tga[at] = byte, way);
            }
        }
    }
}
