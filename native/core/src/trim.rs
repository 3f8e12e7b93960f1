//! Where a picture is that has a border of one color, found as its rows go by.
//!
//! As in libvips' `find_trim`, the border is of the color of the upper left pixel, within a
//! threshold that every channel keeps. There, a median takes away the noise that it would stop at.
//! Here, a pixel that differs counts if two of the eight around it differ as well: that keeps a
//! line of one pixel, which is noise to a median, and leaves out specks of one or two.

use image::metadata::Orientation;

use crate::picture::{Rows, Sample, Shape, side_swaps, sides_turn, zeroed};
use crate::plan::Area;
use crate::{Error, Info};

/// Looks for the border's color first, if its row comes last, and then for what is within.
pub(crate) struct Trim {
    shape: Shape,
    orientation: Orientation,
    bottom_up: bool,
    /// Of samples from 0 to 1.
    threshold: f32,
    /// Where the upper left pixel is in its row.
    corner: usize,
    /// Whether that row comes last, and is waited for.
    looks_for_color: bool,
    /// The border's color, once it is known.
    color: Option<[f32; 4]>,
    /// Which pixels differ in the row before the last one, in the last one, and in the one that
    /// comes. 1 where one does, and nothing on both sides.
    differs: [Vec<u8>; 3],
    arrived: u32,
    found: Option<Found>,
}

/// What is within the border as far as rows have come: columns, and rows in the order in which
/// they came. All are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    left: u32,
    right: u32,
    first: u32,
    last: u32,
}

/// A sample that is compared, and whose pixel has its neighbors counted.
pub(crate) const NANOS_PER_SAMPLE: u64 = 2;

/// So many around a pixel that differs have to differ as well, and in a picture of one row or
/// column, where most have no more than two around them, the second number.
const NEIGHBORS: u8 = 2;
const NEIGHBORS_IN_LINE: u8 = 1;

/// Floats of the same integers apart are not exactly as far apart.
const ROUNDING: f32 = 1e-5;

impl Trim {
    /// What it holds.
    pub(crate) fn memory(info: &Info) -> u64 {
        3 * (u64::from(info.width) + 2)
    }

    /// `threshold` is of samples of 8 bits.
    pub(crate) fn new(info: &Info, threshold: f32) -> Result<Self, Error> {
        let row = || zeroed(info.width as usize + 2);
        let turns = sides_turn(info.orientation);
        Ok(Trim {
            shape: info.shape(),
            orientation: info.orientation,
            bottom_up: info.bottom_up,
            threshold: threshold / 255.0 + ROUNDING,
            corner: if turns.0 { info.width as usize - 1 } else { 0 },
            looks_for_color: info.height > 1 && turns.1 != info.bottom_up,
            color: None,
            differs: [row()?, row()?, row()?],
            arrived: 0,
            found: None,
        })
    }

    /// How many rows are still to come.
    pub(crate) fn missing(&self) -> u32 {
        self.shape.height - self.arrived
    }

    /// Takes the next rows.
    pub(crate) fn push(&mut self, rows: Rows<'_>) {
        match rows {
            Rows::U8(rows) => self.each(rows),
            Rows::U16(rows) => self.each(rows),
            Rows::F32(rows) => self.each(rows),
        }
    }

    /// What is within the border, as shown, when all rows have come. `None` where only its color is
    /// known now, and they have to come once more. A picture of one color is left as it is.
    pub(crate) fn finish(&mut self) -> Option<Area> {
        if self.looks_for_color {
            self.looks_for_color = false;
            self.arrived = 0;
            return None;
        }
        // What is below the last row does not differ.
        self.differs[2].fill(0);
        self.next_row();
        Some(self.area())
    }

    fn each<S: Sample>(&mut self, rows: &[S]) {
        let channels = usize::from(self.shape.layout.channels);
        for row in rows.chunks_exact(self.shape.width as usize * channels) {
            match channels {
                1 => self.row::<S, 1>(row),
                2 => self.row::<S, 2>(row),
                3 => self.row::<S, 3>(row),
                _ => self.row::<S, 4>(row),
            }
            self.arrived += 1;
        }
    }

    fn row<S: Sample, const CHANNELS: usize>(&mut self, row: &[S]) {
        let (pixels, _) = row.as_chunks::<CHANNELS>();
        let weighs = self.shape.layout.has_alpha() && !self.shape.premultiplied;
        if self.looks_for_color {
            if self.missing() == 1 {
                self.color = pixels.get(self.corner).map(|pixel| weighed(pixel, weighs));
            }
            return;
        }
        let corner = pixels.get(self.corner).map(|pixel| weighed(pixel, weighs));
        let color = *self.color.get_or_insert(corner.unwrap_or_default());
        let threshold = self.threshold;
        for (differs, pixel) in self.differs[2].iter_mut().skip(1).zip(pixels) {
            let pixel = weighed(pixel, weighs);
            let mut is_apart = false;
            for channel in 0..CHANNELS {
                is_apart |= (pixel[channel] - color[channel]).abs() > threshold;
            }
            *differs = is_apart.into();
        }
        if self.arrived > 0 {
            self.next_row();
        } else {
            self.differs.rotate_left(1);
        }
    }

    /// Looks at the last row, now that the one that comes after it is known.
    fn next_row(&mut self) {
        let [before, row, after] = &self.differs;
        let Shape { width, height, .. } = self.shape;
        let least = if width.min(height) == 1 { NEIGHBORS_IN_LINE } else { NEIGHBORS };
        let counts = |x: &usize| {
            let around = |row: &[u8]| row[x - 1] + row[*x] + row[x + 1];
            row[*x] == 1 && around(before) + around(row) + around(after) > least
        };
        let width = width as usize;
        if let Some(left) = (1..=width).find(counts)
            && let Some(right) = (1..=width).rev().find(counts)
        {
            let (left, right, y) = (left as u32 - 1, right as u32 - 1, self.arrived - 1);
            let found = self.found.unwrap_or(Found { left, right, first: y, last: y });
            self.found = Some(Found {
                left: found.left.min(left),
                right: found.right.max(right),
                first: found.first,
                last: y,
            });
        }
        self.differs.rotate_left(1);
    }

    fn area(&self) -> Area {
        let Shape { width, height, .. } = self.shape;
        let nothing = Found { left: 0, right: width - 1, first: 0, last: height - 1 };
        let Found { left, right, first, last } = self.found.unwrap_or(nothing);
        let turns = sides_turn(self.orientation);
        // What is left of it, or above, in the picture as shown.
        let before = |turns: bool, first: u32, last: u32, side: u32| {
            if turns { side - 1 - last } else { first }
        };
        let left_of = before(turns.0, left, right, width);
        let above = before(turns.1 != self.bottom_up, first, last, height);
        let (across, down) = (right - left + 1, last - first + 1);
        if side_swaps(self.orientation) {
            Area { left: above, top: left_of, width: down, height: across }
        } else {
            Area { left: left_of, top: above, width: across, height: down }
        }
    }
}

/// A pixel from 0 to 1. What is clear is the same in any color.
fn weighed<S: Sample, const CHANNELS: usize>(pixel: &[S; CHANNELS], weighs: bool) -> [f32; 4] {
    let mut out = [0.0; 4];
    for (out, sample) in out.iter_mut().zip(pixel) {
        *out = sample.unit();
    }
    if weighs {
        let alpha = out[CHANNELS - 1];
        out.iter_mut().take(CHANNELS - 1).for_each(|color| *color *= alpha);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Depth, Format, Layout};

    fn info(width: u32, height: u32, channels: u8) -> Info {
        Info::new(Format::Png, width, height, Layout::new(channels, Depth::U8))
    }

    /// `rows` at a time, and as often as is wanted.
    fn found(info: &Info, samples: &[u8], rows: usize) -> Area {
        let Ok(mut trim) = Trim::new(info, 10.0) else { unreachable!("there is room") };
        loop {
            for rows in samples.chunks(info.row_bytes() * rows) {
                trim.push(Rows::U8(rows));
            }
            assert_eq!(trim.missing(), 0);
            if let Some(area) = trim.finish() {
                return area;
            }
        }
    }

    /// All pixels that count, one after the other.
    fn naive(width: u32, height: u32, gray: &[u8]) -> Area {
        let differs = |x: i64, y: i64| {
            let within = (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y);
            within && gray[(y * i64::from(width) + x) as usize].abs_diff(gray[0]) > 10
        };
        let counts = |&(x, y): &(i64, i64)| {
            let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy)));
            let least = if width.min(height) == 1 { 1 } else { 2 };
            differs(x, y) && around.filter(|&(x, y)| differs(x, y)).count() > least
        };
        let all = (0..height.into()).flat_map(|y| (0..width.into()).map(move |x| (x, y)));
        let counted: Vec<(i64, i64)> = all.filter(counts).collect();
        let range = |side: fn(&(i64, i64)) -> i64| {
            let sides = || counted.iter().map(side);
            Some((sides().min()? as u32, sides().max()? as u32))
        };
        match (range(|at| at.0), range(|at| at.1)) {
            (Some((left, right)), Some((top, bottom))) => {
                Area { left, top, width: right - left + 1, height: bottom - top + 1 }
            }
            _ => Area::whole((width, height)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_found_is_what_the_naive_loop_finds(
            size in (1u32..24, 1u32..24),
            patch in (0u32..24, 0u32..24, 1u32..12, 1u32..12),
            specks in prop::collection::vec((0u32..24, 0u32..24), 0..4),
            rows in 1usize..9,
            orientation in 1u8..=8,
            bottom_up: bool,
        ) {
            let (width, height) = size;
            // As stored, and then as shown.
            let mut gray: Vec<u8> = (0..width * height)
                .map(|i| {
                    let (x, y) = (i % width, i / width);
                    let across = patch.0..patch.0 + patch.2;
                    let down = patch.1..patch.1 + patch.3;
                    if across.contains(&x) && down.contains(&y) { 200 } else { 90 + (i % 6) as u8 }
                })
                .collect();
            for (x, y) in specks {
                gray[((y % height) * width + x % width) as usize] = 20;
            }
            let orientation =
                Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms);
            let buffer =
                image::GrayImage::from_raw(width, height, gray.clone()).unwrap_or_default();
            let mut shown = image::DynamicImage::ImageLuma8(buffer);
            shown.apply_orientation(orientation);
            let expected = naive(shown.width(), shown.height(), shown.as_bytes());

            if bottom_up {
                gray = gray.chunks(width as usize).rev().flatten().copied().collect();
            }
            let info = Info { orientation, bottom_up, ..info(width, height, 1) };
            prop_assert_eq!(found(&info, &gray, rows), expected);
        }
    }

    #[test]
    fn what_is_clear_has_no_color() {
        let mut samples = [9, 200, 3, 0].repeat(5 * 5);
        for pixel in [6, 7, 8, 11, 12, 13] {
            samples[pixel * 4..][..4].copy_from_slice(&[255, 0, 0, 255]);
        }
        // Another color of nothing.
        samples[4 * 20..].fill(0);
        let area = found(&info(5, 5, 4), &samples, 2);
        assert_eq!(area, Area { left: 1, top: 1, width: 3, height: 2 });
    }

    #[test]
    fn a_line_keeps_its_ends() {
        let line = [9, 9, 200, 9, 200, 200, 200, 9];
        let across = found(&info(8, 1, 1), &line, 1);
        assert_eq!(across, Area { left: 4, top: 0, width: 3, height: 1 });
        let down = found(&info(1, 8, 1), &line, 3);
        assert_eq!(down, Area { left: 0, top: 4, width: 1, height: 3 });
    }

    #[test]
    fn one_color_and_one_pixel_are_left() {
        assert_eq!(found(&info(7, 3, 3), &[5; 63], 1), Area::whole((7, 3)));
        assert_eq!(found(&info(1, 1, 1), &[5], 1), Area::whole((1, 1)));
    }
}
