//! A small copy of the picture, and how interesting each of its pixels is.

use super::Interest;
use crate::picture::{Picture, Sample, Shape, zeroed};
use crate::{Depth, Error, Layout};

/// The most pixels of the copy: 110 by 74 of a photograph, in which a face is still some pixels.
const MOST_PIXELS: u64 = 8 << 10;

/// A pixel that is averaged, and one whose interest is calculated, with the choice of a window.
const REDUCE_NANOS: u64 = 8;
const SCORE_NANOS: u64 = 80;
const STEP_NANOS: u64 = 100_000;

/// Everything that is a sum is kept by columns and by rows.
pub(super) struct Map {
    source: (u32, u32),
    /// So many pixels of the picture are one here, on each side.
    factor: u32,
    width: usize,
    height: usize,
    /// Sums of red, green and blue, from 0 to 1 each.
    colors: Vec<[f32; 3]>,
    /// The rows of the source that are added up, and those of the map that are scored.
    reduced: u32,
    scored: usize,
    /// The interest of every column and row.
    columns: Vec<f64>,
    rows: Vec<f64>,
    /// Grays, from 0 to 1.
    grays: Vec<f32>,
}

/// The factor that leaves at most [`MOST_PIXELS`].
fn factor(width: u32, height: u32) -> u32 {
    let pixels = u64::from(width) * u64::from(height);
    let mut factor = pixels.div_ceil(MOST_PIXELS).isqrt().max(1) as u32;
    // A long side of few rows is left with as many columns.
    while u64::from(width.div_ceil(factor)) * u64::from(height.div_ceil(factor)) > MOST_PIXELS {
        factor += factor / 8 + 1;
    }
    factor
}

pub(super) fn memory(_from: &Shape) -> u64 {
    // Colors, grays, and for each column and row its interest, and three sums or one and a term.
    MOST_PIXELS * (12 + 4 + 8 + 24)
}

pub(super) fn step_nanos(from: &Shape) -> u64 {
    u64::from(from.width) * REDUCE_NANOS + STEP_NANOS
}

impl Map {
    pub(super) fn new(from: &Shape) -> Result<Self, Error> {
        let factor = factor(from.width, from.height);
        let side = |side: u32| side.div_ceil(factor) as usize;
        let (width, height) = (side(from.width), side(from.height));
        Ok(Map {
            source: (from.width, from.height),
            factor,
            width,
            height,
            colors: zeroed(width * height)?,
            reduced: 0,
            scored: 0,
            columns: zeroed(width)?,
            rows: zeroed(height)?,
            grays: zeroed(width * height)?,
        })
    }

    /// Takes a step of a bounded time. `true` when a part can be chosen.
    pub(super) fn step(
        &mut self,
        from: &Picture,
        shape: &Shape,
        interest: Interest,
    ) -> Result<bool, Error> {
        if self.reduced < self.source.1 {
            let rows = STEP_NANOS / (u64::from(self.source.0) * REDUCE_NANOS).max(1);
            let end = self.source.1.min(self.reduced + rows.max(1) as u32);
            for y in self.reduced..end {
                self.add(y, from.row_bytes(y..y + 1)?, shape)?;
            }
            self.reduced = end;
            return Ok(false);
        }
        if self.scored < self.height && interest == Interest::Attention {
            let rows = STEP_NANOS as usize / (self.width * SCORE_NANOS as usize).max(1);
            let end = self.height.min(self.scored + rows.max(1));
            (self.scored..end).for_each(|y| self.score(y));
            self.scored = end;
            return Ok(false);
        }
        Ok(true)
    }

    fn add(&mut self, y: u32, row: &[u8], shape: &Shape) -> Result<(), Error> {
        let step = self.step_size();
        let is_last = (y + 1).is_multiple_of(self.factor) || y + 1 == self.source.1;
        let row_of = (y / self.factor) as usize * self.width;
        let out = &mut self.colors[row_of..row_of + self.width];
        if (y % self.factor).is_multiple_of(step) {
            let each = (self.factor, step);
            match shape.layout.depth {
                Depth::U8 => add_row::<u8>(row, shape, each, out),
                Depth::U16 => add_row::<u16>(bytemuck::try_cast_slice(row)?, shape, each, out),
                Depth::F32 => add_row::<f32>(bytemuck::try_cast_slice(row)?, shape, each, out),
            }
        }
        if is_last {
            let rows = (y % self.factor + 1).div_ceil(step);
            let last = self.width - 1;
            for (x, color) in out.iter_mut().enumerate() {
                let columns =
                    if x == last { (self.source.0 - 1) % self.factor + 1 } else { self.factor };
                let by = 1.0 / (columns.div_ceil(step) as f32 * rows as f32);
                *color = color.map(|sum| sum * by);
                self.grays[row_of + x] = gray(*color);
            }
        }
        Ok(())
    }

    /// Of large blocks, some pixels are enough: at least three on each side.
    fn step_size(&self) -> u32 {
        (self.factor / 3).max(1)
    }

    fn gray(&self, x: usize, y: usize) -> f32 {
        self.grays[y * self.width + x]
    }

    fn score(&mut self, y: usize) {
        let (above, below) = (y.saturating_sub(1), (y + 1).min(self.height - 1));
        for x in 0..self.width {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(self.width - 1));
            let around = self.gray(left, y) + self.gray(right, y);
            let around = around + self.gray(x, above) + self.gray(x, below);
            let edge = (4.0 * self.gray(x, y) - around).abs().min(1.0);
            let interest = f64::from(interest(edge, self.colors[y * self.width + x]));
            self.columns[x] += interest;
            self.rows[y] += interest;
        }
    }

    /// Where the part of such a size begins.
    pub(super) fn choose(&self, size: (u32, u32), interest: Interest) -> (u32, u32) {
        let side = |full: u32, kept: u32, cells: usize, best: &dyn Fn(usize) -> usize| {
            let kept_cells = (f64::from(kept) / f64::from(self.factor)).round() as usize;
            let kept_cells = kept_cells.clamp(1, cells);
            let (spare, spare_cells) = (full.saturating_sub(kept), cells - kept_cells);
            if spare == 0 || spare_cells == 0 {
                return spare / 2;
            }
            // The ends of the one are the ends of the other.
            let at = best(kept_cells) as f64 / spare_cells as f64;
            (at * f64::from(spare)).round() as u32
        };
        let column = |cells: usize| match interest {
            Interest::Attention => most_attractive(&self.columns, cells),
            Interest::Entropy => {
                let column = |x| (0..self.height).map(move |y| self.gray(x, y));
                most_various(self.width, cells, column)
            }
        };
        let row = |cells: usize| match interest {
            Interest::Attention => most_attractive(&self.rows, cells),
            Interest::Entropy => {
                let row = |y| (0..self.width).map(move |x| self.gray(x, y));
                most_various(self.height, cells, row)
            }
        };
        (
            side(self.source.0, size.0, self.width, &column),
            side(self.source.1, size.1, self.height, &row),
        )
    }
}

fn add_row<S: Sample>(row: &[S], shape: &Shape, (factor, step): (u32, u32), out: &mut [[f32; 3]]) {
    let Layout { channels, .. } = shape.layout;
    let channels = usize::from(channels);
    let weighs = shape.layout.has_alpha() && !shape.premultiplied;
    let is_gray = shape.layout.is_gray();
    let blocks = row.chunks(factor as usize * channels);
    for (sum, block) in out.iter_mut().zip(blocks) {
        for pixel in block.chunks_exact(channels).step_by(step as usize) {
            let color = match pixel {
                [gray, ..] if is_gray => [*gray; 3],
                [red, green, blue, ..] => [*red, *green, *blue],
                _ => continue,
            };
            let alpha = if weighs { pixel[channels - 1].unit().clamp(0.0, 1.0) } else { 1.0 };
            for (sum, sample) in sum.iter_mut().zip(color) {
                let unit = sample.unit().clamp(0.0, 1.0);
                // About what encoding would make of light.
                let unit = if S::LINEAR { unit.sqrt() } else { unit };
                *sum += unit * alpha;
            }
        }
    }
}

/// Luma of BT.709.
fn gray([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The numbers are those of smartcrop.js.
fn interest(edge: f32, color: [f32; 3]) -> f32 {
    const EDGE: f32 = 0.2;
    const SKIN: f32 = 1.8;
    const SKIN_BIAS: f32 = 0.01;
    const SATURATION: f32 = 0.1;
    const SATURATION_BIAS: f32 = 0.2;
    edge * EDGE
        + skin(color) * (edge + SKIN_BIAS) * SKIN
        + saturation(color) * (edge + SATURATION_BIAS) * SATURATION
}

/// How much like skin a color is.
fn skin(color: [f32; 3]) -> f32 {
    const DIRECTION: [f32; 3] = [0.78, 0.57, 0.44];
    const THRESHOLD: f32 = 0.8;
    let length = color.iter().map(|c| c * c).sum::<f32>().sqrt();
    if gray(color) < 0.2 || length == 0.0 {
        return 0.0;
    }
    let apart = color.iter().zip(DIRECTION).map(|(c, d)| (c / length - d).powi(2));
    let like = 1.0 - apart.sum::<f32>().sqrt();
    ((like - THRESHOLD) / (1.0 - THRESHOLD)).max(0.0)
}

/// That of HSL, above a threshold.
fn saturation([red, green, blue]: [f32; 3]) -> f32 {
    const THRESHOLD: f32 = 0.4;
    let most = red.max(green).max(blue);
    let least = red.min(green).min(blue);
    let sum = most + least;
    let lightness = sum / 2.0;
    if most == least || !(0.05..=0.9).contains(&lightness) {
        return 0.0;
    }
    let saturation = (most - least) / if lightness > 0.5 { 2.0 - sum } else { sum };
    ((saturation - THRESHOLD) / (1.0 - THRESHOLD)).max(0.0)
}

/// By how much less a window at the end of the picture counts than one in the middle, and what is
/// at the end of a window than what is in its middle: where there is something everywhere, people
/// look at the middle.
const OFF_CENTER: f64 = 0.1;
const OFF_WINDOW: f64 = 0.75;

/// Where the window of so many cells has the most interest in it.
fn most_attractive(interest: &[f64], cells: usize) -> usize {
    // What is i cells from the middle m of a window counts 1 - k (i - m)^2, which is a sum of three
    // sums of all windows.
    let half = cells as f64 / 2.0;
    let k = OFF_WINDOW / (half * half);
    let mut sums = vec![[0.0; 3]];
    let mut sum = [0.0; 3];
    for (i, interest) in interest.iter().enumerate() {
        let at = i as f64 + 0.5;
        for (power, sum) in sum.iter_mut().enumerate() {
            *sum += interest * at.powi(power as i32);
        }
        sums.push(sum);
    }
    let last = interest.len() - cells;
    best(last, |first| {
        let [s0, s1, s2] = [0, 1, 2].map(|power| sums[first + cells][power] - sums[first][power]);
        let middle = first as f64 + half;
        let score = s0 - k * (s2 - 2.0 * middle * s1 + middle * middle * s0);
        let off = (2.0 * first as f64 - last as f64) / last.max(1) as f64;
        score * (1.0 - OFF_CENTER * off * off)
    })
}

/// Grays are counted in so many bins.
const BINS: usize = 64;

/// Where the window of so many cells has the histogram of the highest entropy.
fn most_various<I: Iterator<Item = f32>>(
    length: usize,
    cells: usize,
    line: impl Fn(usize) -> I,
) -> usize {
    // The entropy of counts that are n together is log n - sum(c log c) / n.
    let most: usize = (0..cells).map(|first| line(first).count()).sum();
    let terms: Vec<f64> =
        (0..=most).map(|count| count as f64 * (count.max(1) as f64).log2()).collect();
    let term = |count: u32| terms.get(count as usize).copied().unwrap_or(0.0);
    let bin = |gray: f32| ((gray * BINS as f32) as usize).min(BINS - 1);
    let mut counts = [0u32; BINS];
    for gray in (0..cells).flat_map(&line) {
        counts[bin(gray)] += 1;
    }
    let mut sum = counts.iter().map(|&count| term(count)).sum::<f64>();
    let mut sums = vec![sum];
    for first in 0..length - cells {
        for gray in line(first) {
            let count = &mut counts[bin(gray)];
            sum += term(*count - 1) - term(*count);
            *count -= 1;
        }
        for gray in line(first + cells) {
            let count = &mut counts[bin(gray)];
            sum += term(*count + 1) - term(*count);
            *count += 1;
        }
        sums.push(sum);
    }
    best(length - cells, |first| -sums[first])
}

/// The place with the highest score. Of several it is the one nearest to the middle.
fn best(last: usize, score: impl Fn(usize) -> f64) -> usize {
    let off = |at: usize| (2 * at).abs_diff(last);
    let mut best = last / 2;
    let mut most = score(best);
    for at in 0..=last {
        let score = score(at);
        // What differs by a rounding is the same.
        let tolerance = most.abs() * 1e-9;
        if score > most + tolerance || score > most - tolerance && off(at) < off(best) {
            (best, most) = (at, score);
        }
    }
    best
}
