//! Pictures as coefficients: drawn, random, of samples; and what a decoder has to make of them.

use super::random::Random;
use super::scans::{Scan, point_transform};

/// The quantized coefficients of 8 by 8 samples, row by row.
pub type Block = [i16; 64];

#[derive(Clone)]
pub struct Picture {
    pub width: u16,
    pub height: u16,
    /// Row by row, as in a `Block`; at most four. An entry over 255 is written with 16 bits.
    pub quantizers: Vec<[u16; 64]>,
    pub components: Vec<Component>,
}

#[derive(Clone)]
pub struct Component {
    pub id: u8,
    pub h: u8,
    pub v: u8,
    /// An index into `Picture::quantizers`.
    pub quantizer: usize,
    /// The grid is as large as interleaved scans make it: whole MCUs. A scan of one component
    /// leaves out the blocks that lie wholly beyond the picture; see `Picture::decoded`.
    pub blocks_wide: usize,
    pub blocks_high: usize,
    pub blocks: Vec<Block>,
}

/// The samples of one component. Rows are `stride` apart and go on beyond `width` to the end of the
/// grid of blocks, as rows go on beyond `height`.
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub stride: usize,
    pub samples: Vec<f64>,
}

impl Picture {
    /// All zero. Component 0 has quantizer 0 and the others have quantizer 1, both as in Annex K
    /// and scaled by `quality`, from 1 to 100. With quality 0 there are entries over 255.
    pub fn blank(width: u16, height: u16, sampling: &[(u8, u8)], quality: u8) -> Picture {
        let mut picture = Picture {
            width,
            height,
            quantizers: [&LUMINANCE, &CHROMINANCE].map(|table| scaled(table, quality)).to_vec(),
            components: Vec::new(),
        };
        for (index, &(h, v)) in sampling.iter().enumerate() {
            let (id, quantizer) = (index as u8 + 1, index.min(1));
            let component = Component {
                id,
                h,
                v,
                quantizer,
                blocks_wide: 0,
                blocks_high: 0,
                blocks: Vec::new(),
            };
            picture.components.push(component);
        }
        let (across, down) = picture.mcus_across_and_down();
        for component in &mut picture.components {
            component.blocks_wide = across * usize::from(component.h);
            component.blocks_high = down * usize::from(component.v);
            component.blocks = vec![[0; 64]; component.blocks_wide * component.blocks_high];
        }
        picture
    }

    /// Blocks of many kinds, from empty to full. Samples stay between -372 and 628 before they are
    /// clamped, because beyond that decoders rightly differ.
    pub fn random(
        seed: u64,
        width: u16,
        height: u16,
        sampling: &[(u8, u8)],
        quality: u8,
    ) -> Picture {
        let mut picture = Picture::blank(width, height, sampling, quality);
        let mut random = Random(seed);
        let basis = basis(8);
        for component in &mut picture.components {
            let quantizer = &picture.quantizers[component.quantizer];
            let mut dc = 0;
            for block in &mut component.blocks {
                *block = random_block(&mut random, quantizer, &mut dc);
                while inverse(block, quantizer, &basis, 8).iter().any(|sample| sample.abs() > 500.0)
                {
                    block[1..].iter_mut().filter(|_| random.one_in(2)).for_each(|ac| *ac = 0);
                }
            }
        }
        picture
    }

    /// Transforms and quantizes samples. `sample` takes a component, x and y, which stay within
    /// `Picture::size`: at the edges samples are repeated.
    pub fn from_samples(
        width: u16,
        height: u16,
        sampling: &[(u8, u8)],
        quality: u8,
        sample: impl Fn(usize, usize, usize) -> u8,
    ) -> Picture {
        let mut picture = Picture::blank(width, height, sampling, quality);
        let basis = basis(8);
        let sizes: Vec<_> = (0..sampling.len()).map(|index| picture.size(index)).collect();
        for (index, component) in picture.components.iter_mut().enumerate() {
            let quantizer = &picture.quantizers[component.quantizer];
            for (at, block) in component.blocks.iter_mut().enumerate() {
                let (left, top) = (at % component.blocks_wide * 8, at / component.blocks_wide * 8);
                let samples: [f64; 64] = std::array::from_fn(|i| {
                    let x = (left + i % 8).min(sizes[index].0 - 1);
                    let y = (top + i / 8).min(sizes[index].1 - 1);
                    f64::from(sample(index, x, y)) - 128.0
                });
                *block = forward(&samples, quantizer, &basis);
            }
        }
        picture
    }

    /// The width and height of a component in samples.
    pub fn size(&self, component: usize) -> (usize, usize) {
        let (h_max, v_max) = self.max_sampling();
        let Component { h, v, .. } = self.components[component];
        let width = (usize::from(self.width) * usize::from(h)).div_ceil(h_max);
        let height = (usize::from(self.height) * usize::from(v)).div_ceil(v_max);
        (width, height)
    }

    /// What a decoder should make of a component if it decodes every block to `n` by `n` samples,
    /// with `n` of 1, 2, 4 or 8: the inverse transform of that size, of that many of the lowest
    /// coefficients each way, scaled so that the mean stays. Neither rounded nor clamped.
    ///
    /// It shows every block of the grid; take it of `Picture::decoded` to see what the scans show.
    pub fn plane_at(&self, component: usize, n: usize) -> Plane {
        let (width, height) = self.size(component);
        let component = &self.components[component];
        let quantizer = &self.quantizers[component.quantizer];
        let basis = basis(n);
        let stride = component.blocks_wide * n;
        let mut samples = vec![0.0; stride * component.blocks_high * n];
        for (at, block) in component.blocks.iter().enumerate() {
            let (left, top) = (at % component.blocks_wide * n, at / component.blocks_wide * n);
            for (y, row) in inverse(block, quantizer, &basis, n).chunks(n).enumerate() {
                for (x, sample) in row.iter().enumerate() {
                    samples[(top + y) * stride + left + x] = sample + 128.0;
                }
            }
        }
        Plane { width: (width * n).div_ceil(8), height: (height * n).div_ceil(8), stride, samples }
    }

    /// The picture as these scans tell it, which may be the first few of those in the file. Even
    /// after all scans, blocks that a scan of one component leaves out lack the coefficients of
    /// that scan.
    pub fn decoded(&self, scans: &[Scan]) -> Picture {
        let mut picture = self.clone();
        for component in &mut picture.components {
            component.blocks.fill([0; 64]);
        }
        for scan in scans {
            for (component, at) in self.mcus(scan).into_iter().flatten() {
                let told = &mut picture.components[component].blocks[at];
                let block = &self.components[component].blocks[at];
                for k in usize::from(scan.ss)..=usize::from(scan.se) {
                    let value = block[ZIGZAG[k]];
                    if k == 0 && scan.ah > 0 {
                        told[0] |= value & 1 << scan.al;
                    } else {
                        told[ZIGZAG[k]] = (point_transform(value, k, scan.al) << scan.al) as i16;
                    }
                }
            }
        }
        picture
    }

    pub(super) fn max_sampling(&self) -> (usize, usize) {
        let h = self.components.iter().map(|component| component.h).max();
        let v = self.components.iter().map(|component| component.v).max();
        (usize::from(h.unwrap()), usize::from(v.unwrap()))
    }

    pub(super) fn mcus_across_and_down(&self) -> (usize, usize) {
        let (h_max, v_max) = self.max_sampling();
        (usize::from(self.width).div_ceil(8 * h_max), usize::from(self.height).div_ceil(8 * v_max))
    }

    /// The MCUs of a scan, in order, each a list of component and block.
    pub(super) fn mcus(&self, scan: &Scan) -> Vec<Vec<(usize, usize)>> {
        if let &[only] = &scan.components[..] {
            let (width, height) = self.size(only);
            let stride = self.components[only].blocks_wide;
            let row = |y| (0..width.div_ceil(8)).map(move |x| vec![(only, y * stride + x)]);
            return (0..height.div_ceil(8)).flat_map(row).collect();
        }
        let (across, down) = self.mcus_across_and_down();
        let mcu = |at: usize| {
            let mut blocks = Vec::new();
            for &index in &scan.components {
                let component = &self.components[index];
                let (h, v) = (usize::from(component.h), usize::from(component.v));
                for y in at / across * v..(at / across + 1) * v {
                    blocks.extend(
                        (0..h).map(|x| (index, y * component.blocks_wide + at % across * h + x)),
                    );
                }
            }
            blocks
        };
        (0..across * down).map(mcu).collect()
    }
}

/// The cosines of an orthonormal transform of `n` points: `n` rows of samples, a column a
/// frequency.
fn basis(n: usize) -> Vec<f64> {
    let cosine = |at: usize| {
        let (x, u) = ((at / n) as f64, (at % n) as f64);
        let norm = if at.is_multiple_of(n) { 1.0 } else { 2.0 } / n as f64;
        norm.sqrt() * ((2.0 * x + 1.0) * u * std::f64::consts::PI / (2.0 * n as f64)).cos()
    };
    (0..n * n).map(cosine).collect()
}

fn forward(samples: &[f64; 64], quantizer: &[u16; 64], basis: &[f64]) -> Block {
    // Of each row, then of each column.
    let sum = |terms: &dyn Fn(usize) -> f64| (0..8).map(terms).sum::<f64>();
    let rows: [f64; 64] =
        std::array::from_fn(|i| sum(&|x| samples[i / 8 * 8 + x] * basis[x * 8 + i % 8]));
    std::array::from_fn(|i| {
        let coefficient = sum(&|y| rows[y * 8 + i % 8] * basis[y * 8 + i / 8]);
        (coefficient / f64::from(quantizer[i])).round().clamp(-1023.0, 1023.0) as i16
    })
}

fn inverse(block: &Block, quantizer: &[u16; 64], basis: &[f64], n: usize) -> Vec<f64> {
    // Of each column, then of each row.
    let sum = |terms: &dyn Fn(usize) -> f64| (0..n).map(terms).sum::<f64>();
    let coefficient = |i: usize| f64::from(block[i]) * f64::from(quantizer[i]);
    let columns: Vec<f64> =
        (0..n * n).map(|i| sum(&|v| coefficient(v * 8 + i % n) * basis[i / n * n + v])).collect();
    let sample = |i: usize| sum(&|u| columns[i / n * n + u] * basis[i % n * n + u]);
    (0..n * n).map(|i| sample(i) * n as f64 / 8.0).collect()
}

fn random_block(random: &mut Random, quantizer: &[u16; 64], dc: &mut i16) -> Block {
    let mut block = [0; 64];
    let kind = random.below(10);
    let dc_limit = 1016 / quantizer[0].min(1016) as i16;
    match kind {
        0 => {}
        // From one end to the other.
        1 if random.one_in(8) => *dc = if *dc > 0 { -dc_limit } else { dc_limit },
        _ => *dc = (*dc + random.signed(dc_limit / 8 + 1)).clamp(-dc_limit, dc_limit),
    }
    block[0] = *dc;
    let mut k = 0;
    loop {
        k += match kind {
            0 => 64,
            1 => 63,
            // Runs of over 16 and of over 32 zeros.
            2 => 17 + random.below(40),
            3 => 1,
            4 => 1 + random.below(4),
            // Ever fewer.
            _ => 1 + random.below(1 + k + k * k / 4),
        };
        if k > 63 {
            break;
        }
        let at = ZIGZAG[k];
        // Most are small, and the more so the higher the frequency.
        let loud =
            if random.one_in(50) { 1023 } else { 400 / (1 + k / 3) / (1 + random.below(20)) };
        let limit = (loud / usize::from(quantizer[at])).max(1) as i16;
        let value = random.signed(limit);
        block[at] = if value == 0 { limit } else { value };
    }
    block
}

/// Where in a block the coefficients lie, in the order of the file: diagonals, up and down in turn.
pub(super) const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

fn scaled(table: &[u16; 64], quality: u8) -> [u16; 64] {
    let percent =
        if quality < 50 { 5000 / u32::from(quality.max(1)) } else { 200 - 2 * u32::from(quality) };
    let limit = if quality == 0 { u32::from(u16::MAX) } else { 255 };
    table.map(|entry| (u32::from(entry) * percent).div_ceil(100).clamp(1, limit) as u16)
}

/// Tables K.1 and K.2.
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];
