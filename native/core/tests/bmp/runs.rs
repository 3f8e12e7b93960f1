//! Run lengths.

use proptest::prelude::*;
use thumbelina_core::{
    Effort, Error, Filter, Fit, Format, Limits, Orientation, Output, Step, Stop,
};

use crate::common::{self, decode, in_pieces, mixture, probe, run, sized, truncated, unbounded};
use crate::file::{File, as_is, noise, of_pixels, packed, palette};

/// How pixels are counted, and with which compression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Runs {
    Rle8,
    Rle4,
    Rle24,
}

impl Runs {
    pub fn file(self, width: u32, height: u32, data: Vec<u8>) -> File {
        let (header_bytes, bits, compression) = match self {
            Runs::Rle8 => (40, 8, 1),
            Runs::Rle4 => (40, 4, 2),
            Runs::Rle24 => (64, 24, 4),
        };
        let palette =
            if self == Runs::Rle24 { Vec::new() } else { palette(self.colors() as usize) };
        File { header_bytes, compression, palette, data, ..File::new(width, height, bits) }
    }

    pub fn colors(self) -> u64 {
        match self {
            Runs::Rle8 => 256,
            Runs::Rle4 => 16,
            Runs::Rle24 => 1 << 24,
        }
    }

    /// Writes rows, given from the top, in every way that there is, by turns that look like
    /// nothing.
    pub fn encode(self, rows: &[Vec<u32>], seed: u64) -> Vec<u8> {
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
            let same =
                (0..rest.len()).take_while(|&i| rest[i] == rest[i % period]).count().min(255);
            let count = if same < 3 && rest.len() >= 3 && !next().is_multiple_of(3) {
                let count = 3 + next() as usize % (rest.len().min(255) - 2);
                out.extend([0, count as u8]);
                let start = out.len();
                out.extend(match self {
                    Runs::Rle4 => packed(&rest[..count], 4)[..count.div_ceil(2)].to_vec(),
                    Runs::Rle8 => rest[..count].iter().map(|&n| n as u8).collect(),
                    Runs::Rle24 => {
                        rest[..count].iter().flat_map(|n| n.to_le_bytes()[..3].to_vec()).collect()
                    }
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

    pub fn pixel(self, n: u32) -> [u8; 4] {
        if self == Runs::Rle24 {
            return [(n >> 16) as u8, (n >> 8) as u8, n as u8, 255];
        }
        let [r, g, b] = palette(self.colors() as usize)[n as usize];
        [r, g, b, 255]
    }
}

/// Pixels with runs, noise and nothing.
pub fn runs(width: u32, height: u32, colors: u64, seed: u64) -> Vec<Vec<u32>> {
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
    let mut rows: Vec<Vec<u32>> =
        (0..height).map(|_| (0..width).map(&mut number).collect()).collect();
    // Some rows of nothing.
    for row in rows.iter_mut().skip(seed as usize % 3).step_by(3 + seed as usize % 4) {
        row.fill(0);
    }
    rows
}

fn kinds() -> impl Strategy<Value = Runs> {
    prop::sample::select(vec![Runs::Rle8, Runs::Rle4, Runs::Rle24])
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
        let file = kind.file(width, height, kind.encode(&rows, seed ^ 7));
        let file = File { top_down, ..file }.write();
        prop_assert!(as_is(&file).unwrap() == expected);
        let header = probe(file.clone(), &Limits::default()).unwrap();
        prop_assert_eq!(header.orientation, Orientation::NoTransforms);
        // `image` shows black where nothing is said, and does not turn run lengths around.
        if !top_down && kind == Runs::Rle8 {
            let theirs = decode(&file).to_rgba8();
            let mut both = theirs.pixels().zip(expected.pixels());
            prop_assert!(both.all(|(a, b)| a == b || a.0 == [0, 0, 0, 255]));
        }
    }

    /// Rows that arrive from the bottom make the thumbnail that rows from the top make.
    #[test]
    fn thumbnails_of_run_lengths_are_upright(
        width in 1u32..90,
        height in 1u32..90,
        sides in (1u32..100, 1u32..100),
        fit in prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill]),
        filter in prop::sample::select(vec![
            Filter::Lanczos3, Filter::Box, Filter::Mitchell, Filter::Nearest,
        ]),
        enlarge: bool,
        seed in 0u64..1 << 40,
    ) {
        let rows = runs(width, height, 256, seed);
        let packed = Runs::Rle8.file(width, height, Runs::Rle8.encode(&rows, seed)).write();
        let area = sized(sides.0, sides.1);
        let request = Output { fit, filter, enlarge, format: Some(Format::Png), ..area };
        let made = in_pieces(&packed, request.clone()).unwrap();
        prop_assert!(made == unbounded(&packed, request.clone()).unwrap());
        let made = decode(&made.bytes).to_rgba8();
        let plain = File { top_down: true, palette: palette(256), ..File::new(width, height, 8) };
        let plain = in_pieces(&plain.with_rows(&rows).write(), request).unwrap();
        prop_assert!(made == decode(&plain.bytes).to_rgba8());
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
        let request = Output { format: Some(Format::Png), ..sized(60, 50) };
        let pieces = in_pieces(&file, request.clone());
        prop_assert!(pieces == run(file, request, mixture(seed)));
    }
}

/// Of these the rows that are needed lie a row nearer to one end than to the other, by a rounding
/// error.
#[test]
fn a_lopsided_window_is_mirrored() {
    for (width, height, box_width, box_height) in [(512, 1722, 312, 506), (120, 1026, 69, 413)] {
        let rows = runs(width, height, 256, 11);
        let plain = File { top_down: true, palette: palette(256), ..File::new(width, height, 8) };
        let plain = plain.with_rows(&rows).write();
        let packed = Runs::Rle8.file(width, height, Runs::Rle8.encode(&rows, 3)).write();
        let (fit, filter) = (Fit::Cover, Filter::Nearest);
        let request =
            Output { fit, filter, format: Some(Format::Png), ..sized(box_width, box_height) };
        let made = in_pieces(&packed, request.clone()).unwrap();
        assert_eq!((made.width, made.height), (box_width, box_height));
        assert!(made == in_pieces(&plain, request).unwrap(), "{width}x{height}");
    }
}

/// Compressed or not, the same picture is the same thumbnail.
#[test]
fn thumbnails_of_run_lengths_are_those_of_the_plain_picture() {
    let (width, height) = (203, 161);
    let rows: Vec<Vec<u32>> = (0..height)
        .map(|y| (0..width).map(|x| (x * 60 / width) + (y * 190 / height)).collect())
        .collect();
    let gray = (0..=255).map(|i| [i; 3]).collect::<Vec<_>>();
    let plain = File { top_down: true, palette: gray.clone(), ..File::new(width, height, 8) };
    let plain = plain.with_rows(&rows).write();
    let data = Runs::Rle8.encode(&rows, 1);
    let packed = File { palette: gray, ..Runs::Rle8.file(width, height, data) }.write();
    for (fit, side) in [(Fit::Contain, 203), (Fit::Contain, 70), (Fit::Cover, 90), (Fit::Fill, 19)]
    {
        let request = Output { fit, format: Some(Format::Png), ..sized(side, side) };
        let [a, b] = [&plain, &packed].map(|file| in_pieces(file, request.clone()).unwrap());
        assert!(a == b, "{fit:?} {side}");
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
    let mut job = common::job(file, sized(1, 1));
    let mut steps = 0;
    let error = loop {
        match job.step(Effort::Bounded, &Stop::new()) {
            Ok(Step::Again) => steps += 1,
            Ok(step) => panic!("{step:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, truncated(Format::Bmp));
    assert!(steps >= codes * 4 / (4_096 + 2 * 3 + 4), "{steps} steps");
    // And the picture is there as soon as it is complete, whatever follows.
    let mut data = vec![3, 1, 0, 0, 3, 2];
    data.extend([0, 0].repeat(codes));
    let file = Runs::Rle8.file(width, 2, data).write();
    let mut job = common::job(file, sized(1, 1));
    let steps = (1..100)
        .find(|_| matches!(job.step(Effort::Bounded, &Stop::new()), Ok(Step::Done(_))))
        .unwrap();
    assert!(steps < 10, "{steps}");
}
