//! How alike two pictures are: the mean of squared differences, of which PSNR is made, and SSIM.
//!
//! SSIM is that of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error
//! Visibility to Structural Similarity", 2004: a Gaussian window of 11 by 11 with a sigma of 1.5,
//! K1 = 0.01, K2 = 0.03, on luma (ITU-R BT.601, as in their code), averaged over all windows that
//! are within the picture. Of a side of less than 11 pixels there is no such window: then one is
//! put around every pixel, and what it sees past the edge is mirrored.

use std::ops::Range;
use std::sync::LazyLock;

use thumbelina_codec::Context;

use super::sink::Sink;
use super::writer::{STEP_NANOS, Writer};
use crate::{Error, Picture, Reference, cost};

const RADIUS: usize = 5;
const WINDOW: usize = 2 * RADIUS + 1;
const SIGMA: f32 = 1.5;
const C1: f32 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f32 = (0.03 * 255.0) * (0.03 * 255.0);

static GAUSS: LazyLock<[f32; WINDOW]> = LazyLock::new(|| {
    let weight = |i: usize| (-(i as f32 - RADIUS as f32).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let weights: [f32; WINDOW] = std::array::from_fn(weight);
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| weight / sum)
});

/// The pixels of RGB as they are: what another picture can be compared with.
pub(super) struct Plain {
    next: usize,
}

/// Bytes that are copied in a step.
const PLAIN_STEP: usize = 256 << 10;

impl Plain {
    pub(super) fn new() -> Self {
        Plain { next: 0 }
    }
}

impl Writer for Plain {
    fn next_nanos(&self) -> u64 {
        STEP_NANOS
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        let bytes = picture.samples.bytes();
        let end = bytes.len().min(self.next + PLAIN_STEP);
        sink.put(bytes.get(self.next..end).ok_or(Error::Internal)?)?;
        self.next = end;
        Ok(end == bytes.len())
    }
}

/// Compares RGB of 8 bits with other pixels of it. What it writes are two big-endian floats of 64
/// bits: the mean of squared differences, and SSIM. Nothing, if the sizes differ.
pub(super) struct Comparison {
    reference: Reference,
    tiles: Tiles,
    squares: u64,
    similarity: f64,
    windows: u64,
    work: Work,
}

/// So many windows are compared at a time, each way.
const TILE: usize = 48;
const SEEN: usize = TILE + 2 * RADIUS;

pub(super) const WORKING_BYTES: u64 = 256 << 10;

/// What a tile is compared in. Everything is a plane of rows.
struct Work {
    /// Luma of both.
    luma: [Vec<f32>; 2],
    /// The averages along a row of both, of their squares and of their product.
    averages: [Vec<f32>; 5],
}

/// Squares of pixels, one after the other.
struct Tiles {
    width: usize,
    height: usize,
    next: (usize, usize),
}

impl Tiles {
    fn next(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let (x, y) = self.next;
        if y >= self.height {
            return None;
        }
        self.next = if x + TILE < self.width { (x + TILE, y) } else { (0, y + TILE) };
        Some((x..self.width.min(x + TILE), y..self.height.min(y + TILE)))
    }
}

impl Comparison {
    pub(super) fn new(reference: Reference, picture: &Picture) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        Comparison {
            reference,
            tiles: Tiles { width, height, next: (0, 0) },
            squares: 0,
            similarity: 0.0,
            windows: 0,
            work: Work {
                luma: [(); 2].map(|()| vec![0.0; SEEN * SEEN]),
                averages: [(); 5].map(|()| vec![0.0; SEEN * TILE]),
            },
        }
    }

    fn tile(&mut self, picture: &[u8], (across, down): (Range<usize>, Range<usize>)) {
        let Tiles { width, height, .. } = self.tiles;
        let other = &self.reference.pixels;
        for y in down.clone() {
            let row = 3 * (y * width + across.start)..3 * (y * width + across.end);
            let rows = picture[row.clone()].iter().zip(&other[row]);
            self.squares += rows.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>();
        }
        // The middles of windows.
        let middles = |range: Range<usize>, side: usize| {
            if side < WINDOW {
                range
            } else {
                range.start.max(RADIUS)..range.end.min(side - RADIUS)
            }
        };
        let (across, down) = (middles(across, width), middles(down, height));
        if across.is_empty() || down.is_empty() {
            return;
        }
        for (luma, pixels) in self.work.luma.iter_mut().zip([picture, other]) {
            for (y, out) in (0..down.len() + 2 * RADIUS).zip(luma.chunks_exact_mut(SEEN)) {
                let row = mirrored(down.start + y, height) * width;
                for (x, out) in out.iter_mut().take(across.len() + 2 * RADIUS).enumerate() {
                    let at = 3 * (row + mirrored(across.start + x, width));
                    *out = self::luma(&pixels[at..at + 3]);
                }
            }
        }
        self.work.average_rows(across.len(), down.len() + 2 * RADIUS);
        self.similarity += self.work.similarity(across.len(), down.len());
        self.windows += (across.len() * down.len()) as u64;
    }
}

/// What is `at` less the radius, past an edge mirrored with it.
fn mirrored(at: usize, side: usize) -> usize {
    let at = (at as isize - RADIUS as isize).rem_euclid(2 * side as isize) as usize;
    if at < side { at } else { 2 * side - 1 - at }
}

/// Less the middle gray, which keeps small numbers exact.
fn luma(pixel: &[u8]) -> f32 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
    0.299 * red + 0.587 * green + 0.114 * blue - 128.0
}

impl Work {
    fn average_rows(&mut self, width: usize, rows: usize) {
        let [a, b] = &self.luma;
        let mut values = [[0.0f32; SEEN]; 5];
        for y in 0..rows {
            let (a, b) = (&a[y * SEEN..][..SEEN], &b[y * SEEN..][..SEEN]);
            for x in 0..SEEN {
                let (a, b) = (a[x], b[x]);
                for (value, of) in values.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                    value[x] = of;
                }
            }
            for (values, out) in values.iter().zip(&mut self.averages) {
                let out = &mut out[y * TILE..][..width];
                out.fill(0.0);
                for (i, weight) in GAUSS.iter().enumerate() {
                    for (out, value) in out.iter_mut().zip(&values[i..]) {
                        *out += value * weight;
                    }
                }
            }
        }
    }

    /// The sum over all windows.
    fn similarity(&self, width: usize, height: usize) -> f64 {
        let mut sum = 0.0;
        let mut means = [[0.0f32; TILE]; 5];
        for y in 0..height {
            for (averages, means) in self.averages.iter().zip(&mut means) {
                means.fill(0.0);
                for (i, weight) in GAUSS.iter().enumerate() {
                    let row = &averages[(y + i) * TILE..][..width];
                    for (mean, average) in means.iter_mut().zip(row) {
                        *mean += average * weight;
                    }
                }
            }
            let [a, b, aa, bb, ab] = &means;
            let windows = a.iter().zip(b).zip(aa).zip(bb).zip(ab).take(width);
            for ((((&a, &b), &aa), &bb), &ab) in windows {
                let (va, vb, vab) = (aa - a * a, bb - b * b, ab - a * b);
                let (a, b) = (a + 128.0, b + 128.0);
                let similar = (2.0 * a * b + C1) * (2.0 * vab + C2);
                sum += f64::from(similar / ((a * a + b * b + C1) * (va + vb + C2)));
            }
        }
        sum
    }
}

impl Writer for Comparison {
    fn next_nanos(&self) -> u64 {
        cost::compare_nanos((TILE * TILE) as u64)
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        let Reference { width, height, pixels } = &self.reference;
        if (*width, *height) != (picture.width, picture.height) {
            return Ok(true);
        }
        let bytes = picture.samples.bytes();
        let len = picture.width as usize * picture.height as usize * 3;
        if bytes.len() != len || pixels.len() != len {
            return Err(Error::Internal);
        }
        let Some(tile) = self.tiles.next() else {
            let mean = self.squares as f64 / len as f64;
            let similarity = self.similarity / self.windows as f64;
            sink.put(&mean.to_be_bytes())?;
            sink.put(&similarity.to_be_bytes())?;
            return Ok(true);
        };
        self.tile(bytes, tile);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use thumbelina_codec::{Budget, Stop};

    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    fn compared(width: u32, height: u32, a: &[u8], b: &[u8]) -> (f64, f64) {
        let layout = Layout::new(3, Depth::U8);
        let picture = Picture { width, height, layout, samples: Samples::U8(b.to_vec()) };
        let reference = Reference { width, height, pixels: Bytes::copy_from_slice(a) };
        let (budget, stop) = (Budget::new(1 << 20), Stop::new());
        let context = Context { pool: None, stop: &stop, budget: &budget };
        let Ok(mut sink) = Sink::new(&budget) else { unreachable!("there is room") };
        let mut comparison = Comparison::new(reference, &picture);
        while !comparison.step(&picture, &mut sink, &context).unwrap_or(true) {}
        let bytes = sink.join(&stop).map(|(bytes, _)| bytes).unwrap_or_default();
        let (floats, _) = bytes.as_chunks();
        (f64::from_be_bytes(floats[0]), f64::from_be_bytes(floats[1]))
    }

    /// Every window for itself, in doubles.
    fn naive(width: usize, height: usize, a: &[u8], b: &[u8]) -> f64 {
        let weight = |i: i64| (-((i - 5) as f64).powi(2) / 4.5).exp();
        let total: f64 = (0..11).map(weight).sum();
        let centers = |side: usize| if side < 11 { 0..side } else { 5..side - 5 };
        let mirror = |at: i64, side: usize| {
            let at = at.rem_euclid(2 * side as i64) as usize;
            if at < side { at } else { 2 * side - 1 - at }
        };
        let (mut sum, mut count) = (0.0, 0.0);
        for y in centers(height) {
            for x in centers(width) {
                let [mut ma, mut mb, mut aa, mut bb, mut ab] = [0.0; 5];
                for dy in 0..11 {
                    for dx in 0..11 {
                        let py = mirror(y as i64 + dy - 5, height);
                        let px = mirror(x as i64 + dx - 5, width);
                        let w = weight(dx) * weight(dy) / (total * total);
                        let luma = |pixels: &[u8]| {
                            let p = &pixels[3 * (py * width + px)..][..3];
                            0.299 * f64::from(p[0])
                                + 0.587 * f64::from(p[1])
                                + 0.114 * f64::from(p[2])
                        };
                        let (va, vb) = (luma(a), luma(b));
                        (ma, mb) = (ma + w * va, mb + w * vb);
                        (aa, bb, ab) = (aa + w * va * va, bb + w * vb * vb, ab + w * va * vb);
                    }
                }
                let (c1, c2) = (6.5025, 58.5225);
                let (va, vb, vab) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
                sum += (2.0 * ma * mb + c1) * (2.0 * vab + c2)
                    / ((ma * ma + mb * mb + c1) * (va + vb + c2));
                count += 1.0;
            }
        }
        sum / count
    }

    #[test]
    fn every_size_is_compared_as_the_naive_loop_does() {
        for (width, height) in
            [(1, 1), (3, 2), (10, 10), (11, 11), (12, 40), (5, 60), (60, 5), (59, 61), (100, 13)]
        {
            let noise = |seed: usize| -> Vec<u8> {
                (0..width * height * 3)
                    .map(|i| {
                        ((i * 31 + i / 7 * 13) % 200 + (i * seed).wrapping_mul(2_654_435_761) % 50)
                            as u8
                    })
                    .collect()
            };
            let (a, b) = (noise(3), noise(7));
            let (mean, similarity) = compared(width as u32, height as u32, &a, &b);
            let squares = a.iter().zip(&b).map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2));
            assert!((mean - squares.sum::<f64>() / a.len() as f64).abs() < 1e-9);
            let expected = naive(width, height, &a, &b);
            assert!(
                (similarity - expected).abs() < 1e-4,
                "{width}x{height} {similarity} {expected}"
            );
            let (mean, similarity) = compared(width as u32, height as u32, &a, &a);
            assert!(mean == 0.0 && (similarity - 1.0).abs() < 1e-6, "{similarity}");
        }
    }
}
