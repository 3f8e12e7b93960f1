use std::ops::Range;

use super::blur::weigh_across;
use super::gaussian::{Gaussian, clamped, pad};
use super::light::LUMA;
use super::op::{Bands, EachDepth, Op, Scratch};
use crate::operation::Sharpen;
use crate::picture::{Picture, Sample, Shape, zeroed};
use crate::{Error, cost};

/// Adds to each pixel by how much its luma differs from that of the blurred picture: to all colors
/// alike, so that edges get no other hue. Colors come multiplied by their alpha, and stay below it.
pub(crate) struct Unsharp {
    kernel: Gaussian,
    amount: f32,
    threshold: f32,
}

impl Unsharp {
    pub(crate) fn new(Sharpen { sigma, amount, threshold }: Sharpen) -> Self {
        let kernel = Gaussian::new(sigma);
        Unsharp { kernel, amount: amount as f32, threshold: threshold as f32 }
    }
}

impl Op for Unsharp {
    fn shape(&self, from: &Shape) -> Shape {
        *from
    }

    fn bands(&self, from: &Shape) -> Bands {
        let (radius, width) = (self.kernel.radius() as u64, from.width);
        let luma = cost::luma_nanos(width, from.layout);
        let row = cost::unsharp_nanos(width, from.layout, self.kernel.half.len()) + luma;
        // The rows around a band are looked at once more.
        Bands::new(row, 2 * radius.min(from.height.into()) * luma, from.height)
    }

    fn memory(&self, from: &Shape) -> u64 {
        let radius = self.kernel.radius() as u64;
        let rows = u64::from(self.bands(from).rows) + 2 * radius.min(from.height.into());
        ((rows + 2) * u64::from(from.width) + 2 * radius) * 4
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.at_its_depth(from, rows, out)
    }
}

impl EachDepth for Unsharp {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) -> Result<(), Error> {
        let samples: &[S] = bytemuck::try_cast_slice(from.samples.bytes())?;
        match from.layout.channels {
            1 => self.pixels::<S, 1>(from, samples, rows, out),
            2 => self.pixels::<S, 2>(from, samples, rows, out),
            3 => self.pixels::<S, 3>(from, samples, rows, out),
            _ => self.pixels::<S, 4>(from, samples, rows, out),
        }
    }
}

impl Unsharp {
    fn pixels<S: Sample, const CHANNELS: usize>(
        &self,
        from: &Picture,
        samples: &[S],
        rows: Range<u32>,
        out: &mut [S],
    ) -> Result<(), Error> {
        let (width, radius) = (from.width as usize, self.kernel.radius());
        let (pixels, _) = samples.as_chunks::<CHANNELS>();
        let (out, _) = out.as_chunks_mut::<CHANNELS>();
        // The luma of all rows that the band looks at.
        let top = (rows.start as usize).saturating_sub(radius);
        let bottom = (rows.end as usize + radius).min(from.height as usize);
        let mut lumas = zeroed::<f32>((bottom - top) * width)?;
        let seen = pixels.get(top * width..bottom * width).ok_or(Error::Internal)?;
        for (luma, pixel) in lumas.iter_mut().zip(seen) {
            *luma = self::luma(pixel);
        }
        let lumas = |at: usize| &lumas[(at - top) * width..][..width];
        let mut down = zeroed::<f32>(width + 2 * radius)?;
        let mut across = zeroed::<f32>(width)?;
        for (y, out) in rows.zip(out.chunks_exact_mut(width)) {
            let sums = &mut down[radius..radius + width];
            sums.fill(0.0);
            for (k, &weight) in self.kernel.half.iter().enumerate() {
                let above = lumas(clamped(y, -(k as isize), from.height));
                let below = lumas(clamped(y, k as isize, from.height));
                for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
                    *sum += (a + b) * weight;
                }
            }
            pad(&mut down, radius, 1);
            weigh_across(&self.kernel, &down, 1, &mut across);
            let row = &pixels[y as usize * width..][..width];
            for (((out, pixel), &luma), &blurred) in
                out.iter_mut().zip(row).zip(lumas(y as usize)).zip(&across)
            {
                let differs = luma - blurred;
                let by = if differs.abs() > self.threshold { differs * self.amount } else { 0.0 };
                *out = *pixel;
                let (colors, most) = if CHANNELS.is_multiple_of(2) {
                    (CHANNELS - 1, pixel[CHANNELS - 1].unit())
                } else {
                    // What is brighter than white stays so where it can be.
                    (CHANNELS, if S::LINEAR { f32::INFINITY } else { 1.0 })
                };
                for out in &mut out[..colors] {
                    *out = S::from_unit((out.unit() + by).max(0.0).min(most));
                }
            }
        }
        Ok(())
    }
}

fn luma<S: Sample, const CHANNELS: usize>(pixel: &[S; CHANNELS]) -> f32 {
    if CHANNELS < 3 {
        pixel[0].unit()
    } else {
        LUMA[0] * pixel[0].unit() + LUMA[1] * pixel[1].unit() + LUMA[2] * pixel[2].unit()
    }
}
