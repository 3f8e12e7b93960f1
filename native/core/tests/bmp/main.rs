//! BMP of every kind, from a writer of the tests' own, against the pixels that went in and `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "modules of a test binary")]

#[path = "../common/mod.rs"]
mod common;
mod file;
mod runs;

use bytes::Bytes;
use common::{assert_harmless, decode, invalid, probe, truncated};
use file::{File, as_is, numbers, of_pixels, palette};
use runs::{Runs, runs};
use thumbelina_core::{Error, Format, Limits};

#[test]
fn every_depth_in_every_header_both_ways_up() {
    for header_bytes in [12, 16, 40, 52, 56, 64, 108, 124] {
        for bits in [1u16, 2, 4, 8, 16, 24, 32] {
            for width in [1, 2, 3, 7, 8, 9, 16, 17, 33] {
                for top_down in [false, true] {
                    if header_bytes == 12 && top_down {
                        continue;
                    }
                    let colors = if bits > 8 { 0 } else { 1 << bits };
                    let rows = numbers(width, 3, 1 << bits, u64::from(width));
                    let colors = palette(colors);
                    let file = File {
                        header_bytes,
                        top_down,
                        palette: colors.clone(),
                        ..File::new(width, 3, bits)
                    };
                    let file = file.with_rows(&rows).write();
                    let expected = of_pixels(&rows, |n| match bits {
                        16 => {
                            let five = |shift: u32| ((n >> shift & 31) * 255 + 15) / 31;
                            [five(10) as u8, five(5) as u8, five(0) as u8, 255]
                        }
                        24 | 32 => [(n >> 16) as u8, (n >> 8) as u8, n as u8, 255],
                        _ => {
                            let [r, g, b] = colors[n as usize];
                            [r, g, b, 255]
                        }
                    });
                    let name =
                        format!("{bits} bits, header of {header_bytes}, {width} wide, {top_down}");
                    assert!(as_is(&file).unwrap() == expected, "{name}");
                    let header = probe(file.clone(), &Limits::default()).unwrap();
                    assert_eq!(
                        (header.width, header.height, header.layout.channels),
                        (width, 3, 3),
                        "{name}"
                    );
                    // It does neither OS/2's second header nor 2, 16 or 32 bits in the first.
                    let is_known = match header_bytes {
                        12 => !matches!(bits, 2 | 16 | 32),
                        _ => !matches!(header_bytes, 16 | 64),
                    };
                    if is_known {
                        assert!(decode(&file).to_rgba8() == expected, "{name}: image");
                    }
                }
            }
        }
    }
}

#[test]
fn masks_of_any_width_and_place() {
    let of_32 = [
        [0xFF_0000, 0xFF00, 0xFF, 0],
        [0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000],
        [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000],
        [0xFF00_0000, 0xFF_0000, 0xFF00, 0xFF],
        [0xFF00_0000, 0xFF_0000, 0xFF00, 0],
        [0xFFE0_0000, 0x1F_FC00, 0x3FF, 0],
        [0x3F, 0x40, 0x1FFF_FF80, 0xE000_0000],
        [0xFFFF_0000, 0xFFFF_0000, 0xFFFF, 1],
        [0xFFFF_FFFF, 0x8000_0000, 1, 0x7F_0000],
    ];
    let of_16 = [
        [0xF800, 0x7E0, 0x1F, 0],
        [0x7C00, 0x3E0, 0x1F, 0x8000],
        [0xF00, 0xF0, 0xF, 0xF000],
        [0xC000, 0x3800, 0x7, 0],
        [0x8000, 0x7FC0, 0x30, 0xF],
        [0xFE00, 0x1FC, 0x3, 0],
    ];
    let cases = of_32.map(|masks| (32, masks)).into_iter().chain(of_16.map(|masks| (16, masks)));
    for (bits, masks) in cases {
        for (header_bytes, compression) in
            [(40, 3), (40, 6), (52, 3), (56, 3), (108, 3), (124, 3), (124, 6)]
        {
            let rows = numbers(37, 5, 1 << bits, u64::from(masks[0]));
            let file = File { header_bytes, compression, masks, ..File::new(37, 5, bits) };
            let file = file.with_rows(&rows).write();
            let keeps_alpha = masks[3] != 0 && (header_bytes >= 56 || compression == 6);
            let sample = |n: u32, mask: u32| {
                let (len, value) = (mask.count_ones(), (n & mask) >> mask.trailing_zeros());
                let (len, value) = if len > 8 { (8, value >> (len - 8)) } else { (len, value) };
                (f64::from(value) * 255.0 / f64::from((1u32 << len) - 1)).round() as u8
            };
            let expected = of_pixels(&rows, |n| {
                let alpha = if keeps_alpha { sample(n, masks[3]) } else { 255 };
                [sample(n, masks[0]), sample(n, masks[1]), sample(n, masks[2]), alpha]
            });
            let name =
                format!("{masks:x?} in a header of {header_bytes}, compression {compression}");
            assert!(as_is(&file).unwrap() == expected, "{name}");
            assert_eq!(
                probe(file.clone(), &Limits::default()).unwrap().layout.has_alpha(),
                keeps_alpha,
                "{name}"
            );
            if compression == 3 {
                assert!(decode(&file).to_rgba8() == expected, "{name}: image");
            }
        }
    }
}

#[test]
fn masks_that_are_none_are_invalid() {
    let masks = [
        [0, 0xFF00, 0xFF, 0],
        [0xFF_0000, 0xFF00, 0, 0xFF00_0000],
        [0x55_0000, 0xFF00, 0xFF, 0],
        [0xFF_0000, 0xFF00, 0xFF, 0x8100_0000],
    ];
    for (bits, masks) in
        masks.map(|masks| (32, masks)).into_iter().chain([(16, [0xFF_0000, 0xFF00, 0xFF, 0])])
    {
        let file = File { header_bytes: 108, compression: 3, masks, ..File::new(4, 4, bits) };
        let file = file.with_rows(&numbers(4, 4, 1 << bits, 0)).write();
        assert_eq!(
            probe(file.clone(), &Limits::default()),
            Err(invalid(Format::Bmp)),
            "{masks:x?}"
        );
        assert!(image::load_from_memory(&file).is_err());
    }
}

#[test]
fn an_index_past_the_palette_is_black() {
    for bits in [2, 4, 8] {
        let rows = numbers(40, 10, 1 << bits, 5);
        let file = File { palette: palette(3), ..File::new(40, 10, bits) }.with_rows(&rows).write();
        let expected = of_pixels(&rows, |n| {
            let [r, g, b] = palette(3).get(n as usize).copied().unwrap_or([0; 3]);
            [r, g, b, 255]
        });
        assert!(as_is(&file).unwrap() == expected, "{bits} bits");
        assert!(decode(&file).to_rgba8() == expected, "{bits} bits: image");
    }
}

#[test]
fn more_colors_than_indices_are_passed_over() {
    let rows = numbers(9, 4, 4, 1);
    let file = File { palette: palette(300), ..File::new(9, 4, 2) }.with_rows(&rows);
    let few = File { palette: palette(4), ..file.clone() };
    assert!(as_is(&file.write()).unwrap() == as_is(&few.write()).unwrap());
}

#[test]
fn an_offset_before_the_pixels_is_none() {
    let rows = numbers(21, 6, 256, 3);
    let whole = File { palette: palette(200), ..File::new(21, 6, 8) }.with_rows(&rows).write();
    let with_offset = |offset: u32| {
        let mut bytes = whole.to_vec();
        bytes[10..14].copy_from_slice(&offset.to_le_bytes());
        as_is(&Bytes::from(bytes))
    };
    let expected = as_is(&whole).unwrap();
    for offset in [0, 1, 14, 53, 54, 54 + 800] {
        assert!(with_offset(offset).unwrap() == expected, "{offset}");
    }
    // In the middle of the palette, it is taken at its word.
    assert!(with_offset(54 + 400).unwrap() != expected);
    // The last row may lack its padding, of three bytes.
    for offset in [54 + 804, 1 << 20, u32::MAX] {
        assert_eq!(with_offset(offset), Err(truncated(Format::Bmp)), "{offset}");
    }
}

#[test]
fn what_is_another_format_inside_is_unsupported() {
    for (header_bytes, bits, compression) in
        [(40, 24, 4), (40, 24, 5), (108, 0, 4), (40, 32, 11), (64, 1, 3), (40, 64, 0), (200, 24, 0)]
    {
        let file = File { header_bytes, compression, ..File::new(3, 3, bits) }.write();
        assert_eq!(
            probe(file, &Limits::default()),
            Err(Error::Unsupported(Format::Bmp)),
            "{header_bytes} {bits} {compression}"
        );
    }
    for (header_bytes, bits, compression) in [
        (0, 24, 0),
        (11, 24, 0),
        (13, 24, 0),
        (40, 3, 0),
        (40, 4, 1),
        (40, 8, 2),
        (40, 24, 3),
        (40, 8, 7),
    ] {
        let mut file = File { compression, ..File::new(3, 3, bits) }.write().to_vec();
        file[14..18].copy_from_slice(&u32::to_le_bytes(header_bytes));
        assert_eq!(
            probe(Bytes::from(file), &Limits::default()),
            Err(invalid(Format::Bmp)),
            "{header_bytes} {bits} {compression}"
        );
    }
}

fn small_files() -> Vec<(Bytes, bool)> {
    let mut files = Vec::new();
    for bits in [1u16, 2, 4, 8, 16, 24, 32] {
        let colors = if bits > 8 { 0 } else { 1 << bits.min(4) };
        let file = File { palette: palette(colors), ..File::new(5, 4, bits) };
        files.push((file.with_rows(&numbers(5, 4, 1 << bits.min(4), 1)).write(), true));
    }
    for compression in [3, 6] {
        let masks = [0xF800, 0x7E0, 0x1F, 0];
        let file = File { compression, masks, ..File::new(5, 4, 16) };
        files.push((file.with_rows(&numbers(5, 4, 1 << 16, 1)).write(), true));
    }
    for kind in [Runs::Rle8, Runs::Rle4, Runs::Rle24] {
        let rows = runs(30, 9, kind.colors().min(16), 4);
        let mut file = kind.file(30, 9, kind.encode(&rows, 2));
        file.palette.truncate(16);
        files.push((file.write(), false));
    }
    files
}

#[test]
fn what_is_cut_off_anywhere_is_truncated() {
    for (file, is_plain) in small_files() {
        let whole = as_is(&file).unwrap();
        for end in 0..file.len() {
            let expected = match end {
                0 | 1 => Error::UnknownFormat,
                _ => truncated(Format::Bmp),
            };
            match as_is(&file.slice(..end)) {
                Err(error) => assert_eq!(error, expected, "{end} bytes of {}", file.len()),
                // What comes after the last pixel may be missing: padding, and codes that say
                // nothing.
                Ok(picture) => {
                    assert!(
                        picture == whole && end + if is_plain { 3 } else { 10 } >= file.len(),
                        "{end}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_field_can_do_harm() {
    for (file, _) in small_files() {
        // The offset, and all of the header and what follows it.
        for at in (10..70).step_by(2).filter(|&at| at + 4 <= file.len()) {
            let was = u32::from_le_bytes(*file[at..].first_chunk().unwrap());
            for value in [
                0,
                1,
                2,
                was.wrapping_add(1),
                was.wrapping_sub(1),
                0x7FFF_FFFF,
                0x8000_0000,
                u32::MAX,
            ] {
                for bytes in [2, 4] {
                    let mut lying = file.to_vec();
                    lying[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
                    assert_harmless(&lying.into(), Format::Bmp);
                }
            }
        }
    }
}

/// The clipboard's bitmaps have no header of a file, OS/2's arrays have one more.
#[test]
fn bitmaps_may_lie_in_other_things() {
    let colors = palette(16);
    let rows = numbers(9, 3, 16, 5);
    let plain = File { palette: colors, ..File::new(9, 3, 4) }.with_rows(&rows).write();
    let expected = as_is(&plain).unwrap();
    let bare = plain.slice(14..);
    assert_eq!(Format::of(&bare), Some(Format::Bmp));
    assert!(as_is(&bare).unwrap() == expected);
    // Masks that follow the header are none of the pixels.
    for (compression, masks) in
        [(3, [0xFF, 0xFF00, 0xFF_0000, 0]), (6, [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000])]
    {
        let masked = File { compression, masks, ..File::new(9, 3, 32) };
        let masked = masked.with_rows(&numbers(9, 3, 1 << 32, 6)).write();
        assert!(as_is(&masked.slice(14..)).unwrap() == as_is(&masked).unwrap());
    }
    let mut array = b"BA\x28\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let mut inner = plain.to_vec();
    // Offsets count from the beginning of the file.
    let offset = u32::from_le_bytes(*inner[10..].first_chunk().unwrap()) + 14;
    inner[10..14].copy_from_slice(&offset.to_le_bytes());
    array.extend(inner);
    let array = Bytes::from(array);
    assert_eq!(Format::of(&array), Some(Format::Bmp));
    assert!(as_is(&array).unwrap() == expected);
}
