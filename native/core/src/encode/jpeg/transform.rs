//! From pixels to quantized coefficients, the way `jpeg-encoder` and libjpeg go: their rounding at
//! every step, so that a picture is the same however its coefficients are written.

use super::Sampling;
use super::tables::{Quantizer, ZIGZAG};
use crate::picture::zeroed;
use crate::{Error, Picture};

/// Coefficients in the order in which they are written.
pub(super) type Block = [i16; 64];

/// Gray, or the luma or one of the chromas of a picture.
pub(super) struct Component {
    /// Blocks of an MCU, across and down.
    pub(super) factors: (usize, usize),
    /// Blocks in whole MCUs.
    pub(super) across: usize,
    /// Blocks that show.
    pub(super) shown: (usize, usize),
    pub(super) blocks: Vec<Block>,
}

/// A picture's coefficients, made of one row of MCUs after the other.
pub(super) struct Transform {
    pub(super) components: Vec<Component>,
    quantizers: [Quantizer; 2],
    /// Pixels of an MCU, and the size of the picture in MCUs.
    mcu: (usize, usize),
    pub(super) mcus: (usize, usize),
    /// A row of MCUs, in the full width of whole MCUs: luma and both chromas.
    planes: Vec<Vec<u8>>,
    next_row: usize,
}

/// The bytes that a picture's coefficients take.
pub(super) fn coefficient_bytes(picture: &Picture, sampling: Sampling) -> u64 {
    let (components, (x, y)) = shape(picture, sampling);
    let mcus = u64::from(picture.width).div_ceil(x * 8) * u64::from(picture.height).div_ceil(y * 8);
    let blocks = if components == 1 { 1 } else { x * y + 2 };
    // And a row of samples.
    mcus * blocks * 128 + u64::from(picture.width).next_multiple_of(16) * 16 * 3
}

/// How many components there are, and the factors of the first.
fn shape(picture: &Picture, sampling: Sampling) -> (usize, (u64, u64)) {
    if picture.layout.is_gray() { (1, (1, 1)) } else { (3, sampling.factors()) }
}

impl Transform {
    pub(super) fn new(
        picture: &Picture,
        sampling: Sampling,
        quantizers: [Quantizer; 2],
    ) -> Result<Self, Error> {
        let (count, (x, y)) = shape(picture, sampling);
        let (width, height) = (picture.width as usize, picture.height as usize);
        let most = (x as usize, y as usize);
        let mcu = (most.0 * 8, most.1 * 8);
        let mcus = (width.div_ceil(mcu.0), height.div_ceil(mcu.1));
        let component = |index: usize| {
            let factors = if index == 0 { most } else { (1, 1) };
            let across = mcus.0 * factors.0;
            let shown = (
                (width * factors.0).div_ceil(most.0).div_ceil(8),
                (height * factors.1).div_ceil(most.1).div_ceil(8),
            );
            let mut blocks = Vec::new();
            let len = across * mcus.1 * factors.1;
            blocks.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
            Ok(Component { factors, across, shown, blocks })
        };
        let components = (0..count).map(component).collect::<Result<_, Error>>()?;
        let plane = |_| zeroed(mcus.0 * mcu.0 * mcu.1);
        let planes = (0..count).map(plane).collect::<Result<_, Error>>()?;
        Ok(Transform { components, quantizers, mcu, mcus, planes, next_row: 0 })
    }

    pub(super) fn is_done(&self) -> bool {
        self.next_row == self.mcus.1
    }

    /// Transforms the next row of MCUs.
    pub(super) fn step(&mut self, picture: &Picture) -> Result<(), Error> {
        let stride = self.mcus.0 * self.mcu.0;
        for y in 0..self.mcu.1 {
            // Below the last row it is repeated, as to the right of the last column it is.
            let from = (self.next_row * self.mcu.1 + y).min(picture.height as usize - 1) as u32;
            let row = picture.row_bytes(from..from + 1)?;
            self.split(row, y * stride..(y + 1) * stride);
        }
        let most = self.components.first().ok_or(Error::Internal)?.factors;
        for (index, component) in self.components.iter_mut().enumerate() {
            let plane = self.planes.get(index).ok_or(Error::Internal)?;
            let [luma, chroma] = &self.quantizers;
            let quantizer = if index == 0 { luma } else { chroma };
            let strides = (most.0 / component.factors.0, most.1 / component.factors.1);
            for by in 0..component.factors.1 {
                for bx in 0..component.across {
                    let top = &plane[by * 8 * strides.1 * stride + bx * 8 * strides.0..];
                    let samples = match strides {
                        (1, 1) => gather::<1, 1>(top, stride),
                        (2, 1) => gather::<2, 1>(top, stride),
                        _ => gather::<2, 2>(top, stride),
                    };
                    component.blocks.push(quantizer.quantize(&fdct(samples)));
                }
            }
        }
        self.next_row += 1;
        Ok(())
    }

    /// A row of pixels into the planes.
    fn split(&mut self, row: &[u8], range: std::ops::Range<usize>) {
        if let [gray] = &mut self.planes[..] {
            let to = &mut gray[range];
            to[..row.len()].copy_from_slice(row);
            let last = row.last().copied().unwrap_or(0);
            to[row.len()..].fill(last);
            return;
        }
        let [luma, blue, red] = &mut self.planes[..] else { return };
        let (luma, blue, red) =
            (&mut luma[range.clone()], &mut blue[range.clone()], &mut red[range]);
        let pixels = row.as_chunks::<3>().0;
        let planes = luma.iter_mut().zip(blue.iter_mut().zip(red.iter_mut()));
        for (&[r, g, b], (y, (cb, cr))) in pixels.iter().zip(planes) {
            let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
            let rounded = |sum: i32| ((sum + 0x7FFF) >> 16) as u8;
            *y = rounded(19_595 * r + 38_470 * g + 7_471 * b);
            *cb = rounded(-11_059 * r - 21_709 * g + 32_768 * b + (128 << 16));
            *cr = rounded(32_768 * r - 27_439 * g - 5_329 * b + (128 << 16));
        }
        let Some(last) = pixels.len().checked_sub(1) else { return };
        for plane in [luma, blue, red] {
            let sample = plane[last];
            plane[last + 1..].fill(sample);
        }
    }
}

/// A block of samples around 0, each the average of `X` by `Y`.
#[inline]
fn gather<const X: usize, const Y: usize>(top: &[u8], stride: usize) -> [i16; 64] {
    let mut block = [0; 64];
    let count = (X * Y) as u16;
    for (y, to) in block.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        if X * Y == 1 {
            let from = &top[y * stride..][..8];
            for (to, &from) in to.iter_mut().zip(from) {
                *to = i16::from(from) - 128;
            }
            continue;
        }
        let mut sums = [0u16; 8];
        for dy in 0..Y {
            let from = &top[(y * Y + dy) * stride..][..8 * X];
            for (sum, from) in sums.iter_mut().zip(from.as_chunks::<X>().0) {
                *sum += from.iter().map(|&sample| u16::from(sample)).sum::<u16>();
            }
        }
        for (x, (to, sum)) in to.iter_mut().zip(sums).enumerate() {
            // Halves are rounded down and up by turns.
            let bias = if x % 2 == 0 { (count - 1) / 2 } else { count / 2 };
            *to = ((sum + bias) / count) as i16 - 128;
        }
    }
    block
}

const FIX_0_298631336: i32 = 2_446;
const FIX_0_390180644: i32 = 3_196;
const FIX_0_541196100: i32 = 4_433;
const FIX_0_765366865: i32 = 6_270;
const FIX_0_899976223: i32 = 7_373;
const FIX_1_175875602: i32 = 9_633;
const FIX_1_501321110: i32 = 12_299;
const FIX_1_847759065: i32 = 15_137;
const FIX_1_961570560: i32 = 16_069;
const FIX_2_053119869: i32 = 16_819;
const FIX_2_562915447: i32 = 20_995;
const FIX_3_072711026: i32 = 25_172;

/// Fractional bits of these constants, and of what is between the two passes.
const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

/// The cosine transform of Loeffler, Ligtenberg and Moschytz ("Practical Fast 1-D DCT Algorithms
/// with 11 Multiplications", 1989) in fixed point, eight times as large as it should be.
fn fdct(samples: [i16; 64]) -> [i16; 64] {
    let mut between = [0i32; 64];
    for (from, to) in samples.as_chunks::<8>().0.iter().zip(between.as_chunks_mut::<8>().0) {
        let (even, odd) = fdct_8(from.map(i32::from));
        let [zero, four] = even.sums.map(|sum| sum << PASS1_BITS);
        let shift = CONST_BITS - PASS1_BITS;
        let [two, six] = even.products.map(|product| descale(product, shift));
        let [one, three, five, seven] = odd.map(|product| descale(product, shift));
        *to = [zero, one, two, three, four, five, six, seven];
    }
    let mut out = [0i16; 64];
    for x in 0..8 {
        let (even, odd) = fdct_8(std::array::from_fn(|y| between[y * 8 + x]));
        let [zero, four] = even.sums.map(|sum| descale(sum, PASS1_BITS));
        let shift = CONST_BITS + PASS1_BITS;
        let [two, six] = even.products.map(|product| descale(product, shift));
        let [one, three, five, seven] = odd.map(|product| descale(product, shift));
        let column = [zero, one, two, three, four, five, six, seven];
        for (y, value) in column.into_iter().enumerate() {
            out[y * 8 + x] = value as i16;
        }
    }
    out
}

/// The even results: 0 and 4 as they are, 2 and 6 with the constants' fractional bits.
struct Even {
    sums: [i32; 2],
    products: [i32; 2],
}

/// Results 1, 3, 5 and 7 have the constants' fractional bits.
#[inline(always)]
fn fdct_8(from: [i32; 8]) -> (Even, [i32; 4]) {
    let [a, b, c, d, e, f, g, h] = from;
    let (sum0, sum1, sum2, sum3) = (a + h, b + g, c + f, d + e);
    let (x7, x6, x5, x4) = (a - h, b - g, c - f, d - e);
    let (outer, outer_less) = (sum0 + sum3, sum0 - sum3);
    let (inner, inner_less) = (sum1 + sum2, sum1 - sum2);
    let turned = (inner_less + outer_less) * FIX_0_541196100;
    let even = Even {
        sums: [outer + inner, outer - inner],
        products: [turned + outer_less * FIX_0_765366865, turned - inner_less * FIX_1_847759065],
    };
    let (z1, z2, z3, z4) = (x4 + x7, x5 + x6, x4 + x6, x5 + x7);
    let z5 = (z3 + z4) * FIX_1_175875602;
    let (z1, z2) = (z1 * -FIX_0_899976223, z2 * -FIX_2_562915447);
    let (z3, z4) = (z3 * -FIX_1_961570560 + z5, z4 * -FIX_0_390180644 + z5);
    let odd = [
        x7 * FIX_1_501321110 + z1 + z4,
        x6 * FIX_3_072711026 + z2 + z3,
        x5 * FIX_2_053119869 + z2 + z4,
        x4 * FIX_0_298631336 + z1 + z3,
    ];
    (even, odd)
}

#[inline(always)]
fn descale(value: i32, bits: u32) -> i32 {
    (value + (1 << (bits - 1))) >> bits
}

impl Quantizer {
    #[inline]
    fn quantize(&self, coefficients: &[i16; 64]) -> Block {
        let mut quantized = [0i16; 64];
        let steps = self.corrections.iter().zip(&self.reciprocals);
        for ((to, &from), (&correction, &reciprocal)) in
            quantized.iter_mut().zip(coefficients).zip(steps)
        {
            let sum = u32::from(from.unsigned_abs() + correction);
            let magnitude = ((sum * u32::from(reciprocal)) >> 16) as i16;
            let sign = from >> 15;
            *to = (magnitude ^ sign) - sign;
        }
        ZIGZAG.map(|at| quantized[usize::from(at)])
    }
}
