use std::ops::Range;

use super::light;
use super::op::{Bands, EachDepth, Op, Scratch};
use crate::Color;
use crate::picture::{Picture, Sample, Shape};
use crate::{Error, cost};

/// Turns a picture clockwise about its middle, by bilinear interpolation. Colors come multiplied by
/// their alpha. What lies around the picture has the background's color, so that edges are smooth.
pub(crate) struct Rotate {
    sine: f64,
    cosine: f64,
    background: Color,
}

/// What is less is but a rounding error of the angle.
const PIXEL_PARTS: f64 = 1e-6;

impl Rotate {
    pub(crate) fn new(degrees: f64, background: Color) -> Self {
        let (sine, cosine) = degrees.rem_euclid(360.0).to_radians().sin_cos();
        Rotate { sine, cosine, background }
    }

    /// The least whole pixels that all corners are in.
    pub(crate) fn size(&self, (width, height): (u32, u32)) -> (f64, f64) {
        let (width, height) = (f64::from(width), f64::from(height));
        let (sine, cosine) = (self.sine.abs(), self.cosine.abs());
        let side = |a: f64, b: f64| (a + b - PIXEL_PARTS).ceil().max(1.0);
        (side(width * cosine, height * sine), side(width * sine, height * cosine))
    }
}

impl Op for Rotate {
    fn shape(&self, from: &Shape) -> Shape {
        let (width, height) = self.size((from.width, from.height));
        Shape { width: width as u32, height: height as u32, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let to = self.shape(from);
        Bands::new(cost::rotate_nanos(to.width, to.layout), 0, to.height)
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

impl EachDepth for Rotate {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) -> Result<(), Error> {
        let samples: &[S] = bytemuck::try_cast_slice(from.samples.bytes())?;
        match from.layout.channels {
            1 => self.pixels::<S, 1>(from, samples, rows, out),
            2 => self.pixels::<S, 2>(from, samples, rows, out),
            3 => self.pixels::<S, 3>(from, samples, rows, out),
            _ => self.pixels::<S, 4>(from, samples, rows, out),
        }
        Ok(())
    }
}

impl Rotate {
    fn pixels<S: Sample, const CHANNELS: usize>(
        &self,
        from: &Picture,
        samples: &[S],
        rows: Range<u32>,
        out: &mut [S],
    ) {
        let (pixels, _) = samples.as_chunks::<CHANNELS>();
        let (out, _) = out.as_chunks_mut::<CHANNELS>();
        let (width, height) = (i64::from(from.width), i64::from(from.height));
        let (across, down) = self.size((from.width, from.height));
        let background = light::pixel::<S>(self.background, from.layout, true);
        let background: [S; CHANNELS] = std::array::from_fn(|channel| background[channel]);
        let at = |x: i64, y: i64| {
            let inside = (0..width).contains(&x) && (0..height).contains(&y);
            let pixel = if inside { pixels.get((y * width + x) as usize) } else { None };
            pixel.unwrap_or(&background).map(S::unit)
        };
        for (y, out) in rows.zip(out.chunks_exact_mut(across as usize)) {
            let right = 0.5 - across / 2.0;
            let below = f64::from(y) + 0.5 - down / 2.0;
            // Where the middle of the row's first pixel lies in the picture.
            let first_x = right * self.cosine + below * self.sine + f64::from(from.width) / 2.0;
            let first_y = below * self.cosine - right * self.sine + f64::from(from.height) / 2.0;
            for (step, out) in out.iter_mut().enumerate() {
                let x = first_x + step as f64 * self.cosine - 0.5;
                let y = first_y - step as f64 * self.sine - 0.5;
                let (left, top) = (x.floor(), y.floor());
                let (x, y) = ((x - left) as f32, (y - top) as f32);
                let (left, top) = (left as i64, top as i64);
                if left < -1 || top < -1 || left >= width || top >= height {
                    *out = background;
                    continue;
                }
                let inside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height;
                let first = (top * width + left) as usize;
                let four = if inside {
                    let (above, below) =
                        (pixels.get(first..), pixels.get(first + width as usize..));
                    above.and_then(<[_]>::first_chunk::<2>).zip(below.and_then(<[_]>::first_chunk))
                } else {
                    None
                };
                let [a, b, c, d] = match four {
                    Some((&[a, b], &[c, d])) => [a, b, c, d].map(|pixel| pixel.map(S::unit)),
                    None => {
                        [at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1)]
                    }
                };
                *out = std::array::from_fn(|i| {
                    let above = a[i] + (b[i] - a[i]) * x;
                    let below = c[i] + (d[i] - c[i]) * x;
                    S::from_unit(above + (below - above) * y)
                });
            }
        }
    }
}
