//! The Gaussian blur. Up to a few pixels each pixel is the weighted sum of those around it; beyond
//! that a box is averaged over three times, which takes as long for any sigma.

use std::ops::Range;

use super::gaussian::{Gaussian, clamped, pad};
use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Sample, Shape, zeroed};
use crate::{Depth, Error, Layout, cost};

/// The largest sigma for sums of weights.
pub(crate) const MAX_WEIGHED: f64 = 3.0;

/// A weighted sum, first down the columns of a row, then along it. Colors come multiplied by their
/// alpha.
pub(crate) struct Weigh {
    kernel: Gaussian,
}

impl Weigh {
    pub(crate) fn new(sigma: f64) -> Self {
        Weigh { kernel: Gaussian::new(sigma) }
    }
}

impl Op for Weigh {
    fn shape(&self, from: &Shape) -> Shape {
        *from
    }

    fn bands(&self, from: &Shape) -> Bands {
        let taps = self.kernel.half.len();
        Bands::new(cost::weigh_nanos(from.width, from.layout, taps), 0, from.height)
    }

    fn memory(&self, from: &Shape) -> u64 {
        let width = u64::from(from.width) + 2 * self.kernel.radius() as u64;
        2 * width * u64::from(from.layout.channels) * 4
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        match from.layout.depth {
            Depth::U8 => self.fixed(from, rows, out),
            Depth::U16 => self.float::<u16>(from, rows, bytemuck::try_cast_slice_mut(out)?),
            Depth::F32 => self.float::<f32>(from, rows, bytemuck::try_cast_slice_mut(out)?),
        }
    }
}

/// Bits behind the point of 8-bit samples between the two passes. A pair of them fits 16 bits.
const POINT: u32 = 7;

impl Weigh {
    /// In 16 bits, of which the processor adds and multiplies eight at a time.
    fn fixed(&self, from: &Picture, rows: Range<u32>, out: &mut [u8]) -> Result<(), Error> {
        let channels = usize::from(from.layout.channels);
        let (len, radius) = (from.width as usize * channels, self.kernel.radius());
        let (samples, room) = (from.samples.bytes(), radius * channels);
        let row = |at: usize| samples.get(at * len..(at + 1) * len).ok_or(Error::Internal);
        let mut down = zeroed::<u16>(len + 2 * room)?;
        let mut across = zeroed::<u16>(len)?;
        // Each product is rounded down: by half on the average.
        let lost = (self.kernel.fixed.len() as u16).div_ceil(2);
        for (y, out) in rows.zip(out.chunks_exact_mut(len)) {
            let sums = &mut down[room..room + len];
            sums.fill(lost);
            for (k, &weight) in self.kernel.fixed.iter().enumerate() {
                let (above, below) = (-(k as isize), k as isize);
                let above = row(clamped(y, above, from.height))?;
                let below = row(clamped(y, below, from.height))?;
                for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
                    *sum += times((u16::from(a) + u16::from(b)) << POINT, weight);
                }
            }
            // The middle of a white picture may not be more than white.
            for sum in &mut *sums {
                *sum = (*sum).min(255 << POINT);
            }
            pad(&mut down, radius, channels);
            across.fill(lost + (1 << (POINT - 1)));
            for (k, &weight) in self.kernel.fixed.iter().enumerate() {
                let left = &down[room - k * channels..][..len];
                let right = &down[room + k * channels..][..len];
                for ((sum, &a), &b) in across.iter_mut().zip(left).zip(right) {
                    *sum += times(a + b, weight);
                }
            }
            for (out, &sum) in out.iter_mut().zip(&across) {
                *out = (sum >> POINT).min(255) as u8;
            }
        }
        Ok(())
    }

    fn float<S: Sample>(
        &self,
        from: &Picture,
        rows: Range<u32>,
        out: &mut [S],
    ) -> Result<(), Error> {
        let channels = usize::from(from.layout.channels);
        let (len, radius) = (from.width as usize * channels, self.kernel.radius());
        let samples: &[S] = bytemuck::try_cast_slice(from.samples.bytes())?;
        let room = radius * channels;
        let row = |at: usize| samples.get(at * len..(at + 1) * len).ok_or(Error::Internal);
        let mut down = zeroed::<f32>(len + 2 * room)?;
        let mut across = zeroed::<f32>(len)?;
        for (y, out) in rows.zip(out.chunks_exact_mut(len)) {
            let sums = &mut down[room..room + len];
            sums.fill(0.0);
            for (k, &weight) in self.kernel.half.iter().enumerate() {
                let (above, below) = (-(k as isize), k as isize);
                let above = row(clamped(y, above, from.height))?;
                let below = row(clamped(y, below, from.height))?;
                for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
                    *sum += (a.unit() + b.unit()) * weight;
                }
            }
            pad(&mut down, radius, channels);
            weigh_across(&self.kernel, &down, channels, &mut across);
            for (out, &sum) in out.iter_mut().zip(&across) {
                *out = S::from_unit(sum);
            }
        }
        Ok(())
    }
}

/// The sums along a row that is padded on both sides.
pub(super) fn weigh_across(kernel: &Gaussian, padded: &[f32], pixel: usize, sums: &mut [f32]) {
    let (len, room) = (sums.len(), kernel.radius() * pixel);
    sums.fill(0.0);
    for (k, &weight) in kernel.half.iter().enumerate() {
        let left = &padded[room - k * pixel..][..len];
        let right = &padded[room + k * pixel..][..len];
        for ((sum, &a), &b) in sums.iter_mut().zip(left).zip(right) {
            *sum += (a + b) * weight;
        }
    }
}

fn times(value: u16, weight: u16) -> u16 {
    ((u32::from(value) * u32::from(weight)) >> 16) as u16
}

/// Three averages down the columns, each of which becomes a row: two of these are a blur of the
/// upright picture. Every band has all of its columns, so that none does another's work again.
///
/// A box whose two ends weigh less than the rest has any variance. Three of them are a Gaussian but
/// for a twentieth of its area: P. Gwosdek et al., Theoretical Foundations of Gaussian Convolution
/// by Extended Box Filtering, 2011.
pub(crate) struct Average {
    /// Pixels that weigh the same, on each side of the middle one.
    radius: usize,
    /// What each of them weighs, and what those behind both ends do.
    weight: f32,
    end: f32,
}

/// How many averages there are.
const PASSES: usize = 3;

impl Average {
    pub(crate) fn new(sigma: f64) -> Self {
        let variance = sigma * sigma / PASSES as f64;
        let radius = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0).floor();
        let full = 2.0 * radius + 1.0;
        let part = full * (radius * (radius + 1.0) - 3.0 * variance)
            / (6.0 * (variance - (radius + 1.0) * (radius + 1.0)));
        let weight = 1.0 / (full + 2.0 * part);
        Average { radius: radius as usize, weight: weight as f32, end: (weight * part) as f32 }
    }
}

impl Average {
    /// How far one average looks. As much of the first and the last pixel is repeated at the ends
    /// of a column, where a blur goes on; behind that an average of averages is one color.
    fn reach(&self) -> usize {
        self.radius + 1
    }

    fn tall(&self, from: &Shape) -> usize {
        from.height as usize + 2 * self.reach()
    }
}

/// Pixels next to each other whose columns are worked on together.
const TOGETHER: u32 = 16;

impl Op for Average {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { width: from.height, height: from.width, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let mut bands =
            Bands::new(cost::average_nanos(self.tall(from) as u32, from.layout), 0, from.width);
        // No band ends within those that belong together, if it is longer.
        if bands.rows > TOGETHER {
            let nanos = bands.nanos / u64::from(bands.rows);
            bands.rows -= bands.rows % TOGETHER;
            bands.nanos = nanos * u64::from(bands.rows);
        }
        bands
    }

    fn memory(&self, from: &Shape) -> u64 {
        let sample = if from.layout.depth == Depth::F32 { 8 } else { 4 };
        let lanes = u64::from(TOGETHER) * u64::from(from.layout.channels);
        (2 * self.tall(from) as u64 + 1) * lanes * sample
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        match from.layout.depth {
            Depth::U8 => self.columns::<u8, i32>(from, rows, out),
            Depth::U16 => self.columns::<u16, i32>(from, rows, bytemuck::try_cast_slice_mut(out)?),
            Depth::F32 => self.columns::<f32, f64>(from, rows, bytemuck::try_cast_slice_mut(out)?),
        }
    }
}

impl Average {
    fn columns<S: Sample, N: Number<S>>(
        &self,
        from: &Picture,
        columns: Range<u32>,
        out: &mut [S],
    ) -> Result<(), Error> {
        let Layout { channels, .. } = from.layout;
        let channels = usize::from(channels);
        let (len, height) = (from.width as usize * channels, from.height as usize);
        let samples: &[S] = bytemuck::try_cast_slice(from.samples.bytes())?;
        let most = TOGETHER as usize * channels;
        let (reach, tall) = (self.reach(), height + 2 * self.reach());
        let mut column = zeroed::<N>(tall * most)?;
        let mut averaged = zeroed::<N>(tall * most)?;
        let mut sums = zeroed::<N>(most)?;
        let columns = columns.start as usize..columns.end as usize;
        for (first, out) in columns
            .step_by(TOGETHER as usize)
            .zip(out.chunks_mut(TOGETHER as usize * channels * height))
        {
            let lanes = out.len() / height;
            let inside = column.chunks_exact_mut(lanes).skip(reach);
            for (row, to) in samples.chunks_exact(len).zip(inside) {
                let row = row.get(first * channels..first * channels + lanes);
                for (to, &sample) in to.iter_mut().zip(row.ok_or(Error::Internal)?) {
                    *to = N::of(sample);
                }
            }
            pad(&mut column[..tall * lanes], reach, lanes);
            for _ in 0..PASSES {
                let len = tall * lanes;
                self.pass(&column[..len], &mut sums[..lanes], &mut averaged[..len]);
                std::mem::swap(&mut column, &mut averaged);
            }
            for (pixel, out) in out.chunks_exact_mut(height * channels).enumerate() {
                let rows = column.chunks_exact(lanes).skip(reach);
                for (out, row) in out.chunks_exact_mut(channels).zip(rows) {
                    for (out, &number) in out.iter_mut().zip(&row[pixel * channels..]) {
                        *out = number.sample();
                    }
                }
            }
        }
        Ok(())
    }

    /// Averages as many columns as there are sums.
    fn pass<S: Sample, N: Number<S>>(&self, from: &[N], sums: &mut [N], out: &mut [N]) {
        let lanes = sums.len();
        let last = (from.len() / lanes - 1) as isize;
        let radius = self.radius as isize;
        let row = |at: isize| &from[at.clamp(0, last) as usize * lanes..][..lanes];
        sums.fill(N::default());
        for at in -radius..=radius {
            for (sum, &number) in sums.iter_mut().zip(row(at)) {
                *sum = sum.plus(number);
            }
        }
        for (at, out) in (0..).zip(out.chunks_exact_mut(lanes)) {
            let (before, after) = (row(at - radius - 1), row(at + radius + 1));
            let first = row(at - radius);
            for i in 0..lanes {
                let ends = before[i].plus(after[i]);
                out[i] = sums[i].weighed(self.weight, ends, self.end);
                sums[i] = sums[i].plus(after[i]).minus(first[i]);
            }
        }
    }
}

/// What samples are summed up in: without an error that grows with the picture.
trait Number<S>: bytemuck::Zeroable + Copy + Default {
    fn of(sample: S) -> Self;
    fn sample(self) -> S;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn weighed(self, weight: f32, ends: Self, end: f32) -> Self;
}

/// Integers of 16 bits, and sums of up to 32,768 of them.
macro_rules! integers {
    ($sample:ty, $scale:expr) => {
        impl Number<$sample> for i32 {
            fn of(sample: $sample) -> i32 {
                i32::from(sample) * $scale
            }
            fn sample(self) -> $sample {
                ((self + $scale / 2) / $scale) as $sample
            }
            fn plus(self, other: i32) -> i32 {
                self + other
            }
            fn minus(self, other: i32) -> i32 {
                self - other
            }
            fn weighed(self, weight: f32, ends: i32, end: f32) -> i32 {
                let number = self as f32 * weight + ends as f32 * end + 0.5;
                // Rounding may not make white whiter.
                (number as i32).min(65_535)
            }
        }
    };
}

integers!(u8, 257);
integers!(u16, 1);

impl Number<f32> for f64 {
    fn of(sample: f32) -> f64 {
        sample.into()
    }
    fn sample(self) -> f32 {
        self as f32
    }
    fn plus(self, other: f64) -> f64 {
        self + other
    }
    fn minus(self, other: f64) -> f64 {
        self - other
    }
    fn weighed(self, weight: f32, ends: f64, end: f32) -> f64 {
        self * f64::from(weight) + ends * f64::from(end)
    }
}
