//! The kernels in plain Rust: for any machine, and the measure of the others.

use super::{FACTOR_BITS, FIRST_SHIFT, Kernels, LEVEL, SECOND_SHIFT, doubled, write_block};

pub(super) const KERNELS: Kernels =
    Kernels { idct8, idct4, upsample_h2, upsample_h2v2, upsample_v2, ycc_to_rgb };

/// The 2x2 lowest coefficients as 2x2 samples, row by row.
#[inline]
pub(crate) fn idct2(coefficients: &[i16; 4], quantizers: &[i16; 4]) -> [u8; 4] {
    let [a, b, c, d] = std::array::from_fn(|i| dequantize(coefficients[i], quantizers[i]));
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d].map(sample)
}

/// The mean of a block, from its lowest coefficient.
#[inline]
pub(crate) fn idct1(dc: i16, quantizer: i16) -> u8 {
    sample(dequantize(dc, quantizer))
}

/// A sample from eight times what it is above 128.
#[inline]
fn sample(eightfold: i32) -> u8 {
    clamp(((eightfold + 4) >> 3) + 128)
}

#[inline]
fn dequantize(coefficient: i16, quantizer: i16) -> i32 {
    i32::from(coefficient.wrapping_mul(quantizer))
}

#[inline]
fn clamp(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

fn idct8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    let [dc, ac @ ..] = coefficients;
    let rows = if ac.iter().all(|&coefficient| coefficient == 0) {
        [[idct1(*dc, quantizers[0]); 8]; 8]
    } else {
        inverse(coefficients, quantizers, eight_point)
    };
    write_block(rows, out, stride);
}

fn idct4(coefficients: &[i16; 16], quantizers: &[i16; 16], out: &mut [u8], stride: usize) {
    write_block(inverse(coefficients, quantizers, four_point), out, stride);
}

/// Both passes of a transform: down the columns, then along the rows.
#[inline]
fn inverse<const N: usize>(
    coefficients: &[i16],
    quantizers: &[i16],
    transform: impl Fn([i32; N]) -> [i32; N],
) -> [[u8; N]; N] {
    let mut values = [[0; N]; N];
    for ((value, &coefficient), &quantizer) in
        values.as_flattened_mut().iter_mut().zip(coefficients).zip(quantizers)
    {
        *value = dequantize(coefficient, quantizer);
    }
    values[0][0] = (values[0][0] + i32::from(LEVEL)).min(i16::MAX.into());

    let mut between = [[0; N]; N];
    for column in 0..N {
        let sums = transform(std::array::from_fn(|row| values[row][column]));
        for (row, sum) in between.iter_mut().zip(sums) {
            let rounded = (sum + (1 << (FIRST_SHIFT - 1))) >> FIRST_SHIFT;
            row[column] = rounded.clamp(i16::MIN.into(), i16::MAX.into());
        }
    }
    between.map(|row| transform(row).map(|sum| clamp(sum >> SECOND_SHIFT)))
}

/// A factor of the transforms.
const fn factor(value: f64) -> i32 {
    (value * (1 << FACTOR_BITS) as f64 + 0.5) as i32
}

/// The eight-point inverse transform of C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical Fast
/// 1-D DCT Algorithms with 11 Multiplications" (1989), with the 12 multiplications and the factors
/// of 13 bits of the IJG's accurate method.
fn eight_point([x0, x1, x2, x3, x4, x5, x6, x7]: [i32; 8]) -> [i32; 8] {
    let [e0, e1, e2, e3] = four_point([x0, x2, x4, x6]);
    let [o0, o1, o2, o3] = odd_half([x1, x3, x5, x7]);
    [e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0]
}

/// The four-point transform, which is also the even half of the eight-point one.
pub(super) const fn four_point([x0, x1, x2, x3]: [i32; 4]) -> [i32; 4] {
    let shared = (x1 + x3) * factor(0.541_196_100);
    let outer = shared + x1 * factor(0.765_366_865);
    let inner = shared - x3 * factor(1.847_759_065);
    let sum = (x0 + x2) << FACTOR_BITS;
    let difference = (x0 - x2) << FACTOR_BITS;
    [sum + outer, difference + inner, difference - inner, sum - outer]
}

/// What coefficients 1, 3, 5 and 7 add to the first four samples and take from the last four, from
/// the middle.
pub(super) const fn odd_half([x1, x3, x5, x7]: [i32; 4]) -> [i32; 4] {
    let shared = (x1 + x3 + x5 + x7) * factor(1.175_875_602);
    let shared_17 = (x1 + x7) * factor(0.899_976_223);
    let shared_35 = (x3 + x5) * factor(2.562_915_447);
    let shared_37 = shared - (x3 + x7) * factor(1.961_570_560);
    let shared_15 = shared - (x1 + x5) * factor(0.390_180_644);
    [
        x1 * factor(1.501_321_110) - shared_17 + shared_15,
        x3 * factor(3.072_711_026) - shared_35 + shared_37,
        x5 * factor(2.053_119_869) - shared_35 + shared_15,
        x7 * factor(0.298_631_336) - shared_17 + shared_37,
    ]
}

pub(super) fn upsample_h2(input: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(input.len(), out.len());
    let samples = &input[..columns];
    for (column, out) in out[..len].chunks_mut(2).enumerate() {
        let (before, at, after) = neighbors(samples, column);
        let pair = [(3 * at + before + 1) >> 2, (3 * at + after + 2) >> 2];
        for (out, sample) in out.iter_mut().zip(pair) {
            *out = sample as u8;
        }
    }
}

pub(super) fn upsample_h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(near.len().min(far.len()), out.len());
    let (near, far) = (&near[..columns], &far[..columns]);
    for (column, out) in out[..len].chunks_mut(2).enumerate() {
        let (near_before, near_at, near_after) = neighbors(near, column);
        let (far_before, far_at, far_after) = neighbors(far, column);
        let at = 3 * near_at + far_at;
        let before = 3 * near_before + far_before;
        let after = 3 * near_after + far_after;
        let pair = [(3 * at + before + 8) >> 4, (3 * at + after + 7) >> 4];
        for (out, sample) in out.iter_mut().zip(pair) {
            *out = sample as u8;
        }
    }
}

/// A sample between the two next to it. At an end it is its own neighbor.
fn neighbors(samples: &[u8], at: usize) -> (u16, u16, u16) {
    let before = samples[at.saturating_sub(1)];
    let after = samples[(at + 1).min(samples.len() - 1)];
    (before.into(), samples[at].into(), after.into())
}

pub(super) fn upsample_v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    debug_assert!(near.len() == far.len() && near.len() == out.len());
    debug_assert!(bias == 1 || bias == 2);
    let bias = if bias == 1 { 1 } else { 2 };
    for ((out, &near), &far) in out.iter_mut().zip(near).zip(far) {
        *out = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
    }
}

pub(super) fn ycc_to_rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    debug_assert!(y.len() == cb.len() && y.len() == cr.len() && 3 * y.len() == out.len());
    const HALF: i32 = 1 << 15;
    let (pixels, _) = out.as_chunks_mut::<3>();
    for (((pixel, &y), &cb), &cr) in pixels.iter_mut().zip(y).zip(cb).zip(cr) {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        // 1.402, 0.34414, 0.71414 and 1.772.
        let red = y + ((91_881 * cr + HALF) >> 16);
        let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
        let blue = y + ((116_130 * cb + HALF) >> 16);
        *pixel = [clamp(red), clamp(green), clamp(blue)];
    }
}
