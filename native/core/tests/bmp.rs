//! BMP of every kind, from a writer of the tests' own, against the pixels that went in and `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{POOL, decode, in_pieces, run, sized, unbounded};
use image::RgbaImage;
use proptest::prelude::*;
use thumbelina_core::{Budget, Error, Filter, Fit, Format, Job, Limit, Limits, Request, Step, probe};

/// A file to be written.
#[derive(Clone)]
struct File {
    header_bytes: u32,
    width: u32,
    height: u32,
    top_down: bool,
    bits: u16,
    compression: u32,
    masks: [u32; 4],
    palette: Vec<[u8; 3]>,
    data: Vec<u8>,
}

impl File {
    fn new(width: u32, height: u32, bits: u16) -> Self {
        File {
            header_bytes: 40,
            width,
            height,
            top_down: false,
            bits,
            compression: 0,
            masks: [0; 4],
            palette: Vec::new(),
            data: Vec::new(),
        }
    }

    fn write(&self) -> Bytes {
        let mut header = self.header_bytes.to_le_bytes().to_vec();
        let color_bytes = if self.header_bytes == 12 { 3 } else { 4 };
        if self.header_bytes == 12 {
            header.extend((self.width as u16).to_le_bytes());
            header.extend((self.height as u16).to_le_bytes());
            header.extend([1, 0]);
            header.extend(self.bits.to_le_bytes());
        } else {
            let height = self.height.cast_signed();
            header.extend(self.width.to_le_bytes());
            header.extend((if self.top_down { -height } else { height }).to_le_bytes());
            header.extend([1, 0]);
            header.extend(self.bits.to_le_bytes());
            header.extend(self.compression.to_le_bytes());
            header.extend((self.data.len() as u32).to_le_bytes());
            header.extend([0; 8]);
            header.extend((self.palette.len() as u32).to_le_bytes());
            header.extend([0; 4]);
            for mask in self.masks {
                header.extend(mask.to_le_bytes());
            }
            let masks = match (self.header_bytes, self.compression) {
                (40, 3) => 12,
                (40, 6) => 16,
                _ => 0,
            };
            header.resize(self.header_bytes as usize + masks, 0);
        }
        for &[r, g, b] in &self.palette {
            header.extend(&[b, g, r, 0][..color_bytes]);
        }
        let offset = 14 + header.len() as u32;
        let mut file = b"BM".to_vec();
        file.extend((offset + self.data.len() as u32).to_le_bytes());
        file.extend([0; 4]);
        file.extend(offset.to_le_bytes());
        file.extend(header);
        file.extend(&self.data);
        Bytes::from(file)
    }

    /// Rows of `bits`-bit numbers, given from the top, into the file's order, padded to four bytes.
    fn with_rows(mut self, rows: &[Vec<u32>]) -> Self {
        let mut stored: Vec<Vec<u8>> = rows.iter().map(|row| packed(row, self.bits)).collect();
        if !self.top_down {
            stored.reverse();
        }
        self.data = stored.concat();
        self
    }
}

fn packed(row: &[u32], bits: u16) -> Vec<u8> {
    let mut out: Vec<u8> = if bits < 8 {
        row.chunks(8 / usize::from(bits))
            .map(|numbers| {
                numbers.iter().zip(1u16..).fold(0, |byte, (&n, i)| byte | (n as u8) << (8 - i * bits))
            })
            .collect()
    } else {
        row.iter().flat_map(|n| n.to_le_bytes()[..usize::from(bits / 8)].to_vec()).collect()
    };
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// Numbers that look like nothing, the same for the same seed.
fn noise(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed.wrapping_mul(2) + 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    }
}

fn numbers(width: u32, height: u32, below: u64, seed: u64) -> Vec<Vec<u32>> {
    let mut next = noise(seed);
    let mut number = || ((u64::from(next()) << 31 | u64::from(next())) % below) as u32;
    (0..height).map(|_| (0..width).map(|_| number()).collect()).collect()
}

fn palette(colors: usize) -> Vec<[u8; 3]> {
    (0..colors)
        .map(|i| {
            [(i as u8).wrapping_mul(7).wrapping_add(3), 255 - i as u8, (i as u8).wrapping_mul(29) ^ 0x55]
        })
        .collect()
}

fn lossless() -> Request {
    Request { format: Some(Format::Png), ..Request::default() }
}

/// The picture as it is, the same on every road.
fn as_is(file: &Bytes) -> Result<RgbaImage, Error> {
    let pieces = in_pieces(file, lossless());
    assert!(pieces == unbounded(file, lossless()));
    Ok(decode(&pieces?.bytes).to_rgba8())
}

fn of_pixels(rows: &[Vec<u32>], pixel: impl Fn(u32) -> [u8; 4]) -> RgbaImage {
    let (width, height) = (rows[0].len() as u32, rows.len() as u32);
    RgbaImage::from_fn(width, height, |x, y| image::Rgba(pixel(rows[y as usize][x as usize])))
}

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
                    let file =
                        File { header_bytes, top_down, palette: colors.clone(), ..File::new(width, 3, bits) };
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
                    let name = format!("{bits} bits, header of {header_bytes}, {width} wide, {top_down}");
                    assert!(as_is(&file).unwrap() == expected, "{name}");
                    let header = probe(file.clone()).unwrap();
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
        for (header_bytes, compression) in [(40, 3), (40, 6), (52, 3), (56, 3), (108, 3), (124, 3), (124, 6)]
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
            let name = format!("{masks:x?} in a header of {header_bytes}, compression {compression}");
            assert!(as_is(&file).unwrap() == expected, "{name}");
            assert_eq!(probe(file.clone()).unwrap().layout.has_alpha(), keeps_alpha, "{name}");
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
        assert_eq!(probe(file.clone()), Err(Error::Invalid(Format::Bmp)), "{masks:x?}");
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
        assert_eq!(with_offset(offset), Err(Error::Truncated(Format::Bmp)), "{offset}");
    }
}

#[test]
fn what_is_another_format_inside_is_unsupported() {
    for (header_bytes, bits, compression) in
        [(40, 24, 4), (40, 24, 5), (108, 0, 4), (40, 32, 11), (64, 1, 3), (40, 64, 0), (200, 24, 0)]
    {
        let file = File { header_bytes, compression, ..File::new(3, 3, bits) }.write();
        assert_eq!(probe(file), Err(Error::Unsupported(Format::Bmp)), "{header_bytes} {bits} {compression}");
    }
    for (header_bytes, bits, compression) in
        [(0, 24, 0), (11, 24, 0), (13, 24, 0), (40, 3, 0), (40, 4, 1), (40, 8, 2), (40, 24, 3), (40, 8, 7)]
    {
        let mut file = File { compression, ..File::new(3, 3, bits) }.write().to_vec();
        file[14..18].copy_from_slice(&u32::to_le_bytes(header_bytes));
        assert_eq!(
            probe(Bytes::from(file)),
            Err(Error::Invalid(Format::Bmp)),
            "{header_bytes} {bits} {compression}"
        );
    }
}

/// How pixels are counted, and with which compression.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Runs {
    Rle8,
    Rle4,
    Rle24,
}

impl Runs {
    fn file(self, width: u32, height: u32, data: Vec<u8>) -> File {
        let (header_bytes, bits, compression) = match self {
            Runs::Rle8 => (40, 8, 1),
            Runs::Rle4 => (40, 4, 2),
            Runs::Rle24 => (64, 24, 4),
        };
        let palette = if self == Runs::Rle24 { Vec::new() } else { palette(self.colors() as usize) };
        File { header_bytes, compression, palette, data, ..File::new(width, height, bits) }
    }

    fn colors(self) -> u64 {
        match self {
            Runs::Rle8 => 256,
            Runs::Rle4 => 16,
            Runs::Rle24 => 1 << 24,
        }
    }

    /// Writes rows, given from the top, in every way that there is, by turns that look like nothing.
    fn encode(self, rows: &[Vec<u32>], seed: u64) -> Vec<u8> {
        let mut next = noise(seed);
        let mut out = Vec::new();
        let mut y = rows.len();
        let mut x = 0;
        while y > 0 {
            let row = &rows[y - 1];
            let rest = &row[x..];
            let blank = rest.iter().take_while(|&&n| n == 0).count();
            if blank == rest.len() {
                // The next row that has something, if any, at a place not before this one.
                let filled = rows[..y - 1].iter().rposition(|row| row.iter().any(|&n| n != 0));
                let first = filled.and_then(|y| rows[y].iter().position(|&n| n != 0));
                match (filled, first) {
                    (None, _) if !next().is_multiple_of(4) => {
                        out.extend([0, 1]);
                        return out;
                    }
                    (Some(filled), Some(first))
                        if first >= x
                            && first - x < 256
                            && y - 1 - filled < 256
                            && next().is_multiple_of(2) =>
                    {
                        out.extend([0, 2, (first - x) as u8, (y - 1 - filled) as u8]);
                        (y, x) = (filled + 1, first);
                    }
                    _ if next().is_multiple_of(8) => out.extend([0, 2, 0, 0]),
                    _ => {
                        out.extend([0, 0]);
                        (y, x) = (y - 1, 0);
                    }
                }
                continue;
            }
            if blank > 0 && next().is_multiple_of(2) {
                let skipped = blank.min(255);
                out.extend([0, 2, skipped as u8, 0]);
                x += skipped;
                continue;
            }
            // Two by turns in RLE4, else one.
            let period = if self == Runs::Rle4 { 2 } else { 1 };
            let same = (0..rest.len()).take_while(|&i| rest[i] == rest[i % period]).count().min(255);
            let count = if same < 3 && rest.len() >= 3 && !next().is_multiple_of(3) {
                let count = 3 + next() as usize % (rest.len().min(255) - 2);
                out.extend([0, count as u8]);
                let start = out.len();
                out.extend(match self {
                    Runs::Rle4 => packed(&rest[..count], 4)[..count.div_ceil(2)].to_vec(),
                    Runs::Rle8 => rest[..count].iter().map(|&n| n as u8).collect(),
                    Runs::Rle24 => rest[..count].iter().flat_map(|n| n.to_le_bytes()[..3].to_vec()).collect(),
                });
                out.resize(start + (out.len() - start).next_multiple_of(2), 0xAA);
                count
            } else {
                out.push(same as u8);
                let second = rest.get(1).copied().unwrap_or(9);
                match self {
                    Runs::Rle8 => out.push(rest[0] as u8),
                    Runs::Rle4 => out.push((rest[0] << 4 | second) as u8),
                    Runs::Rle24 => out.extend(&rest[0].to_le_bytes()[..3]),
                }
                same
            };
            x += count;
        }
        out.extend([0, 1]);
        out
    }

    fn pixel(self, n: u32) -> [u8; 4] {
        if self == Runs::Rle24 {
            return [(n >> 16) as u8, (n >> 8) as u8, n as u8, 255];
        }
        let [r, g, b] = palette(self.colors() as usize)[n as usize];
        [r, g, b, 255]
    }
}

/// Pixels with runs, noise and nothing.
fn runs(width: u32, height: u32, colors: u64, seed: u64) -> Vec<Vec<u32>> {
    let mut next = noise(seed);
    let mut left = 0;
    let (mut kind, mut a, mut b) = (0, 0, 0);
    let mut number = |x: u32| {
        if left == 0 {
            left = 1 + next() % 90;
            kind = next() % 4;
            (a, b) = ((u64::from(next()) % colors) as u32, (u64::from(next()) % colors) as u32);
        }
        left -= 1;
        match kind {
            0 => 0,
            1 => a,
            2 => [a, b][x as usize % 2],
            _ => (u64::from(next()) % colors) as u32,
        }
    };
    let mut rows: Vec<Vec<u32>> = (0..height).map(|_| (0..width).map(&mut number).collect()).collect();
    // Some rows of nothing.
    for row in rows.iter_mut().skip(seed as usize % 3).step_by(3 + seed as usize % 4) {
        row.fill(0);
    }
    rows
}

fn kinds() -> impl Strategy<Value = Runs> {
    prop::sample::select(vec![Runs::Rle8, Runs::Rle4, Runs::Rle24])
}

fn flipped(mut image: RgbaImage) -> RgbaImage {
    image::imageops::flip_vertical_in_place(&mut image);
    image
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn run_lengths_give_the_pixels_that_went_in(
        width in 1u32..700,
        height in 1u32..40,
        kind in kinds(),
        top_down: bool,
        seed in 0u64..1 << 40,
    ) {
        let mut rows = runs(width, height, kind.colors(), seed);
        let expected = of_pixels(&rows, |n| kind.pixel(n));
        if top_down {
            rows.reverse();
        }
        let file = File { top_down, ..kind.file(width, height, kind.encode(&rows, seed ^ 7)) }.write();
        prop_assert!(as_is(&file).unwrap() == expected);
        let header = probe(file.clone()).unwrap();
        prop_assert_eq!(header.orientation, thumbelina_core::Orientation::NoTransforms);
        // `image` shows black where nothing is said, and does not turn run lengths around.
        if !top_down && kind == Runs::Rle8 {
            let theirs = decode(&file).to_rgba8();
            let agree = theirs.pixels().zip(expected.pixels()).all(|(a, b)| a == b || a.0 == [0, 0, 0, 255]);
            prop_assert!(agree);
        }
    }

    /// Rows that arrive from the bottom make the thumbnail that rows from the top make, turned over.
    #[test]
    fn thumbnails_of_run_lengths_are_upright(
        width in 1u32..90,
        height in 1u32..90,
        sides in (1u32..100, 1u32..100),
        fit in prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill]),
        filter in prop::sample::select(vec![Filter::Lanczos3, Filter::Box, Filter::Mitchell, Filter::Nearest]),
        enlarge: bool,
        seed in 0u64..1 << 40,
    ) {
        let rows = runs(width, height, 256, seed);
        let packed = Runs::Rle8.file(width, height, Runs::Rle8.encode(&rows, seed)).write();
        let request = Request { fit, filter, enlarge, format: Some(Format::Png), ..sized(sides.0, sides.1) };
        let made = in_pieces(&packed, request).unwrap();
        prop_assert!(made == unbounded(&packed, request).unwrap());
        let made = decode(&made.bytes).to_rgba8();
        let plain = |rows: &[Vec<u32>]| {
            let file = File { palette: palette(256), ..File::new(width, height, 8) }.with_rows(rows).write();
            decode(&in_pieces(&file, request).unwrap().bytes).to_rgba8()
        };
        if filter == Filter::Nearest {
            prop_assert!(made == plain(&rows));
        } else {
            let reversed: Vec<_> = rows.iter().rev().cloned().collect();
            prop_assert!(made == flipped(plain(&reversed)));
        }
    }

    #[test]
    fn steps_of_any_size_give_the_same(
        width in 1u32..300,
        height in 1u32..200,
        kind in kinds(),
        seed in 0u64..1 << 40,
    ) {
        let rows = runs(width, height, kind.colors(), seed);
        let file = kind.file(width, height, kind.encode(&rows, seed)).write();
        let request = Request { format: Some(Format::Png), ..sized(60, 50) };
        let pieces = in_pieces(&file, request);
        let mut next = noise(seed);
        let mixed = run(file, request, || match next() % 3 {
            0 => Budget::Unbounded(Some(&POOL)),
            1 => Budget::Unbounded(None),
            _ => Budget::Piece,
        });
        prop_assert!(pieces == mixed);
    }
}

/// Of these the rows that are needed lie a row nearer to one end than to the other, by a rounding error.
#[test]
fn a_lopsided_window_is_mirrored() {
    for (width, height, box_width, box_height) in [(512, 1722, 312, 506), (120, 1026, 69, 413)] {
        let rows = runs(width, height, 256, 11);
        let plain = File { palette: palette(256), ..File::new(width, height, 8) }.with_rows(&rows).write();
        let packed = Runs::Rle8.file(width, height, Runs::Rle8.encode(&rows, 3)).write();
        let (fit, filter) = (Fit::Cover, Filter::Nearest);
        let request = Request { fit, filter, format: Some(Format::Png), ..sized(box_width, box_height) };
        let made = in_pieces(&packed, request).unwrap();
        assert_eq!((made.width, made.height), (box_width, box_height));
        assert!(made == in_pieces(&plain, request).unwrap(), "{width}x{height}");
    }
}

/// Compressed or not, the same picture is the same thumbnail, up to where its blocks begin.
#[test]
fn thumbnails_of_run_lengths_are_those_of_the_plain_picture() {
    let (width, height) = (203, 161);
    let rows: Vec<Vec<u32>> =
        (0..height).map(|y| (0..width).map(|x| (x * 60 / width) + (y * 190 / height)).collect()).collect();
    let gray = (0..=255).map(|i| [i; 3]).collect::<Vec<_>>();
    let plain = File { palette: gray.clone(), ..File::new(width, height, 8) }.with_rows(&rows).write();
    let data = Runs::Rle8.encode(&rows, 1);
    let packed = File { palette: gray, ..Runs::Rle8.file(width, height, data) }.write();
    for (fit, side, most) in
        [(Fit::Contain, 203, 0), (Fit::Contain, 70, 1), (Fit::Cover, 90, 1), (Fit::Fill, 19, 2)]
    {
        let request = Request { fit, format: Some(Format::Png), ..sized(side, side) };
        let [a, b] =
            [&plain, &packed].map(|file| decode(&in_pieces(file, request).unwrap().bytes).to_rgba8());
        assert_eq!(a.dimensions(), b.dimensions());
        let difference = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(difference <= Some(most), "{fit:?} {side}: {difference:?}");
    }
}

/// Rows from the top, as indices.
fn indices(kind: Runs, width: u32, height: u32, data: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let file = File { palette: Vec::new(), ..kind.file(width, height, data.to_vec()) };
    let gray: Vec<[u8; 3]> = (0..kind.colors()).map(|i| [i as u8; 3]).collect();
    let picture = as_is(&File { palette: gray, ..file }.write())?;
    Ok(picture.rows().map(|row| row.map(|pixel| pixel.0[0]).collect()).collect())
}

#[test]
fn every_escape_does_what_it_says() {
    let rle8 = |data: &[u8]| indices(Runs::Rle8, 5, 3, data);
    let rle4 = |data: &[u8]| indices(Runs::Rle4, 5, 3, data);
    let rows = |top: [u8; 5], middle: [u8; 5], bottom: [u8; 5]| {
        Ok(vec![top.to_vec(), middle.to_vec(), bottom.to_vec()])
    };
    let none = [0; 5];
    // The end of a line, and of it all.
    assert_eq!(rle8(&[2, 7, 0, 0, 5, 8, 0, 1]), rows(none, [8; 5], [7, 7, 0, 0, 0]));
    assert_eq!(rle8(&[0, 1]), rows(none, none, none));
    assert_eq!(rle8(&[0, 0, 0, 0, 0, 0]), rows(none, none, none));
    // A row that is full does not end by itself; what goes past it is nowhere.
    assert_eq!(rle8(&[9, 7, 3, 8, 0, 0, 1, 9, 0, 1]), rows(none, [9, 0, 0, 0, 0], [7; 5]));
    assert_eq!(
        rle8(&[0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 1, 9, 0, 1]),
        rows(none, [9, 0, 0, 0, 0], [1, 2, 3, 4, 5])
    );
    assert_eq!(
        rle4(&[9, 0x12, 0, 0, 0, 7, 0x34, 0x56, 0x78, 0x90, 0, 1]),
        rows(none, [3, 4, 5, 6, 7], [1, 2, 1, 2, 1])
    );
    // Absolute runs are padded to two bytes.
    assert_eq!(rle8(&[0, 3, 1, 2, 3, 99, 2, 4, 0, 1]), rows(none, none, [1, 2, 3, 4, 4]));
    assert_eq!(rle8(&[0, 4, 1, 2, 3, 4, 1, 5, 0, 1]), rows(none, none, [1, 2, 3, 4, 5]));
    assert_eq!(rle4(&[0, 3, 0x12, 0x3F, 2, 0x45, 0, 1]), rows(none, none, [1, 2, 3, 4, 5]));
    assert_eq!(rle4(&[0, 5, 0x12, 0x34, 0x5F, 99, 0, 1]), rows(none, none, [1, 2, 3, 4, 5]));
    // Steps to the right and up, also out of the picture.
    assert_eq!(rle8(&[1, 7, 0, 2, 2, 0, 1, 8, 0, 1]), rows(none, none, [7, 0, 0, 8, 0]));
    assert_eq!(rle8(&[1, 7, 0, 2, 1, 2, 1, 8, 0, 1]), rows([0, 0, 8, 0, 0], none, [7, 0, 0, 0, 0]));
    assert_eq!(rle8(&[1, 7, 0, 2, 200, 1, 1, 8, 0, 1]), rows(none, none, [7, 0, 0, 0, 0]));
    assert_eq!(rle8(&[1, 7, 0, 2, 0, 200]), rows(none, none, [7, 0, 0, 0, 0]));
    // Nothing is read after the last pixel.
    assert_eq!(rle8(&[0, 2, 0, 2, 5, 6]), rows([6; 5], none, none));
}

#[test]
fn what_is_skipped_is_color_0() {
    let file = Runs::Rle8.file(3, 2, vec![1, 9, 0, 1]).write();
    let colors = palette(256);
    let expected = of_pixels(&[vec![0; 3], vec![9, 0, 0]], |n| {
        let [r, g, b] = colors[n as usize];
        [r, g, b, 255]
    });
    assert!(as_is(&file).unwrap() == expected);
}

/// Codes that give no pixel do not hold a step.
#[test]
fn a_step_takes_only_so_many_codes() {
    let codes = 1 << 20;
    let width = 3;
    let data = [0, 2, 0, 0].repeat(codes);
    let file = Runs::Rle8.file(width, 2, data).write();
    let mut job = Job::new(file, sized(1, 1));
    let mut steps = 0;
    let error = loop {
        match job.step(Budget::Piece) {
            Ok(Step::Again) => steps += 1,
            Ok(step) => panic!("{step:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::Truncated(Format::Bmp));
    assert!(steps >= codes * 4 / (4_096 + 2 * 3 + 4), "{steps} steps");
    // And the picture is there as soon as it is complete, whatever follows.
    let mut data = vec![3, 1, 0, 0, 3, 2];
    data.extend([0, 0].repeat(codes));
    let file = Runs::Rle8.file(width, 2, data).write();
    let mut job = Job::new(file, sized(1, 1));
    let steps = (1..100).find(|_| matches!(job.step(Budget::Piece), Ok(Step::Done(_)))).unwrap();
    assert!(steps < 10, "{steps}");
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
                _ => Error::Truncated(Format::Bmp),
            };
            match as_is(&file.slice(..end)) {
                Err(error) => assert_eq!(error, expected, "{end} bytes of {}", file.len()),
                // What comes after the last pixel may be missing: padding, and codes that say nothing.
                Ok(picture) => {
                    assert!(picture == whole && end + if is_plain { 3 } else { 10 } >= file.len(), "{end}");
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
            for value in
                [0, 1, 2, was.wrapping_add(1), was.wrapping_sub(1), 0x7FFF_FFFF, 0x8000_0000, u32::MAX]
            {
                for bytes in [2, 4] {
                    let mut lying = file.to_vec();
                    lying[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
                    let lying = Bytes::from(lying);
                    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
                    let request = Request { limits, format: Some(Format::Png), ..sized(20, 20) };
                    let made = in_pieces(&lying, request);
                    assert!(made == unbounded(&lying, request));
                    if let Err(error) = made {
                        let is_typed = matches!(
                            error,
                            Error::Truncated(Format::Bmp)
                                | Error::Invalid(Format::Bmp)
                                | Error::Unsupported(Format::Bmp)
                                | Error::Limit { limit: Limit::MaxPixels | Limit::DecodedBytes, .. }
                        );
                        assert!(is_typed, "{error:?}");
                    }
                }
            }
        }
    }
}
