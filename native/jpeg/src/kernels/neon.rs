//! The kernels in vectors of 16 bytes, for ARM.
#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::{
    CB_TO_BLUE, CB_TO_GREEN, CR_TO_GREEN, CR_TO_RED, FACTOR_BITS, FIRST_SHIFT, FOUR_POINT, Kernels,
    LEVEL, ODD_HALF, SECOND_SHIFT, doubled, in_vectors, scalar, write_block,
};

/// For machines with NEON only, which all are that this is compiled for.
pub(super) const KERNELS: Kernels =
    Kernels { idct8, idct4, upsample_h2, upsample_h2v2, upsample_v2, ycc_to_rgb };

fn idct8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { inverse_8(coefficients, quantizers, out, stride) }
}

fn idct4(coefficients: &[i16; 16], quantizers: &[i16; 16], out: &mut [u8], stride: usize) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { inverse_4(coefficients, quantizers, out, stride) }
}

fn upsample_h2(input: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { double(input, out) }
}

fn upsample_h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { double_between(near, far, out) }
}

fn upsample_v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { between(near, far, bias, out) }
}

fn ycc_to_rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found NEON.
    unsafe { colors(y, cb, cr, out) }
}

#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: there are 16 bytes to read, at any alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_words(words: &[i16; 8]) -> int16x8_t {
    // SAFETY: there are 8 words to read.
    unsafe { vld1q_s16(words.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn store(vector: uint8x16_t, bytes: &mut [u8; 16]) {
    // SAFETY: there are 16 bytes to write, at any alignment.
    unsafe { vst1q_u8(bytes.as_mut_ptr(), vector) }
}

#[inline]
#[target_feature(enable = "neon")]
fn store_pairs(left: uint8x16_t, right: uint8x16_t, bytes: &mut [[u8; 16]; 2]) {
    // SAFETY: there are 32 bytes to write, at any alignment.
    unsafe { vst2q_u8(bytes.as_mut_ptr().cast(), uint8x16x2_t(left, right)) }
}

#[inline]
#[target_feature(enable = "neon")]
fn store_pixels(red: uint8x16_t, green: uint8x16_t, blue: uint8x16_t, bytes: &mut [[u8; 16]; 3]) {
    // SAFETY: there are 48 bytes to write, at any alignment.
    unsafe { vst3q_u8(bytes.as_mut_ptr().cast(), uint8x16x3_t(red, green, blue)) }
}

/// Both halves of a vector, as rows of a block.
#[inline]
#[target_feature(enable = "neon")]
fn halves(vector: uint8x16_t) -> [[u8; 8]; 2] {
    let vector = vreinterpretq_u64_u8(vector);
    [vgetq_lane_u64::<0>(vector).to_le_bytes(), vgetq_lane_u64::<1>(vector).to_le_bytes()]
}

#[target_feature(enable = "neon")]
fn inverse_8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    let (coefficient_rows, _) = coefficients.as_chunks::<8>();
    let (quantizer_rows, _) = quantizers.as_chunks::<8>();
    let ac = vsetq_lane_s16::<0>(0, load_words(&coefficient_rows[0]));
    let ac = coefficient_rows[1..].iter().fold(ac, |ac, row| vorrq_s16(ac, load_words(row)));
    if vmaxvq_u32(vreinterpretq_u32_s16(ac)) == 0 {
        let mean = scalar::idct1(coefficients[0], quantizers[0]);
        return write_block([[mean; 8]; 8], out, stride);
    }

    let row = |row: usize| {
        vmulq_s16(load_words(&coefficient_rows[row]), load_words(&quantizer_rows[row]))
    };
    let level = vsetq_lane_s16::<0>(LEVEL, vdupq_n_s16(0));
    let rows = [vqaddq_s16(row(0), level), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
    let rows = first_pass(rows);
    let [c0, c1, c2, c3, c4, c5, c6, c7] = second_pass(transposed(rows));

    // Transposed in steps of bytes, pairs of bytes and halves of rows.
    let [c04, c15, c26, c37] =
        [vcombine_u8(c0, c4), vcombine_u8(c1, c5), vcombine_u8(c2, c6), vcombine_u8(c3, c7)];
    let even_0145 = vreinterpretq_u16_u8(vtrn1q_u8(c04, c15));
    let odd_0145 = vreinterpretq_u16_u8(vtrn2q_u8(c04, c15));
    let even_2367 = vreinterpretq_u16_u8(vtrn1q_u8(c26, c37));
    let odd_2367 = vreinterpretq_u16_u8(vtrn2q_u8(c26, c37));
    let r04 = vreinterpretq_u32_u16(vtrn1q_u16(even_0145, even_2367));
    let r15 = vreinterpretq_u32_u16(vtrn1q_u16(odd_0145, odd_2367));
    let r26 = vreinterpretq_u32_u16(vtrn2q_u16(even_0145, even_2367));
    let r37 = vreinterpretq_u32_u16(vtrn2q_u16(odd_0145, odd_2367));
    let [r0, r1] = halves(vreinterpretq_u8_u32(vuzp1q_u32(r04, r15)));
    let [r4, r5] = halves(vreinterpretq_u8_u32(vuzp2q_u32(r04, r15)));
    let [r2, r3] = halves(vreinterpretq_u8_u32(vuzp1q_u32(r26, r37)));
    let [r6, r7] = halves(vreinterpretq_u8_u32(vuzp2q_u32(r26, r37)));
    write_block([r0, r1, r2, r3, r4, r5, r6, r7], out, stride);
}

#[inline]
#[target_feature(enable = "neon")]
fn first_pass(rows: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let left = eight_point(rows.map(|row| vget_low_s16(row)));
    let right = eight_point(rows.map(|row| vget_high_s16(row)));
    std::array::from_fn(|row| {
        let left = vqrshrn_n_s32::<FIRST_SHIFT>(left[row]);
        vqrshrn_high_n_s32::<FIRST_SHIFT>(left, right[row])
    })
}

/// Columns of samples.
#[inline]
#[target_feature(enable = "neon")]
fn second_pass(columns: [int16x8_t; 8]) -> [uint8x8_t; 8] {
    let upper = eight_point(columns.map(|column| vget_low_s16(column)));
    let lower = eight_point(columns.map(|column| vget_high_s16(column)));
    std::array::from_fn(|column| samples(upper[column], lower[column]))
}

/// Eight sums, shifted and clamped: 16 bits by taking the upper halves, and the rest.
#[inline]
#[target_feature(enable = "neon")]
fn samples(upper: int32x4_t, lower: int32x4_t) -> uint8x8_t {
    let sums = vuzp2q_s16(vreinterpretq_s16_s32(upper), vreinterpretq_s16_s32(lower));
    vqshrun_n_s16::<{ SECOND_SHIFT - 16 }>(sums)
}

#[inline]
#[target_feature(enable = "neon")]
fn transposed(rows: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let [a, b] = transposed_4(r0, r1, r2, r3);
    let [c, d] = transposed_4(r4, r5, r6, r7);
    let first = |upper, lower| {
        vreinterpretq_s16_s64(vtrn1q_s64(
            vreinterpretq_s64_s32(upper),
            vreinterpretq_s64_s32(lower),
        ))
    };
    let second = |upper, lower| {
        vreinterpretq_s16_s64(vtrn2q_s64(
            vreinterpretq_s64_s32(upper),
            vreinterpretq_s64_s32(lower),
        ))
    };
    [
        first(a[0], c[0]),
        first(a[1], c[1]),
        first(b[0], d[0]),
        first(b[1], d[1]),
        second(a[0], c[0]),
        second(a[1], c[1]),
        second(b[0], d[0]),
        second(b[1], d[1]),
    ]
}

/// Both 4x4 halves of four rows, transposed: columns 0 and 4, 1 and 5, then 2 and 6, 3 and 7.
#[inline]
#[target_feature(enable = "neon")]
fn transposed_4(r0: int16x8_t, r1: int16x8_t, r2: int16x8_t, r3: int16x8_t) -> [[int32x4_t; 2]; 2] {
    let even_01 = vreinterpretq_s32_s16(vtrn1q_s16(r0, r1));
    let odd_01 = vreinterpretq_s32_s16(vtrn2q_s16(r0, r1));
    let even_23 = vreinterpretq_s32_s16(vtrn1q_s16(r2, r3));
    let odd_23 = vreinterpretq_s32_s16(vtrn2q_s16(r2, r3));
    [
        [vtrn1q_s32(even_01, even_23), vtrn1q_s32(odd_01, odd_23)],
        [vtrn2q_s32(even_01, even_23), vtrn2q_s32(odd_01, odd_23)],
    ]
}

#[inline]
#[target_feature(enable = "neon")]
fn eight_point(coefficients: [int16x4_t; 8]) -> [int32x4_t; 8] {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = coefficients;
    let [e0, e1, e2, e3] = four_point([x0, x2, x4, x6]);
    let [o0, o1, o2, o3] = ODD_HALF.map(|[f1, f3, f5, f7]| {
        let sum = vmlal_n_s16(vmull_n_s16(x1, f1), x3, f3);
        vmlal_n_s16(vmlal_n_s16(sum, x5, f5), x7, f7)
    });
    [
        vaddq_s32(e0, o0),
        vaddq_s32(e1, o1),
        vaddq_s32(e2, o2),
        vaddq_s32(e3, o3),
        vsubq_s32(e3, o3),
        vsubq_s32(e2, o2),
        vsubq_s32(e1, o1),
        vsubq_s32(e0, o0),
    ]
}

#[inline]
#[target_feature(enable = "neon")]
fn four_point(coefficients: [int16x4_t; 4]) -> [int32x4_t; 4] {
    let [x0, x1, x2, x3] = coefficients;
    let [[_, f1, _, f3], [_, g1, _, g3], ..] = FOUR_POINT;
    let sum = vshlq_n_s32::<FACTOR_BITS>(vaddl_s16(x0, x2));
    let difference = vshlq_n_s32::<FACTOR_BITS>(vsubl_s16(x0, x2));
    let outer = vmlal_n_s16(vmull_n_s16(x1, f1), x3, f3);
    let inner = vmlal_n_s16(vmull_n_s16(x1, g1), x3, g3);
    [
        vaddq_s32(sum, outer),
        vaddq_s32(difference, inner),
        vsubq_s32(difference, inner),
        vsubq_s32(sum, outer),
    ]
}

#[target_feature(enable = "neon")]
fn inverse_4(coefficients: &[i16; 16], quantizers: &[i16; 16], out: &mut [u8], stride: usize) {
    let (coefficients, _) = coefficients.as_chunks::<8>();
    let (quantizers, _) = quantizers.as_chunks::<8>();
    let r01 = vmulq_s16(load_words(&coefficients[0]), load_words(&quantizers[0]));
    let r01 = vqaddq_s16(r01, vsetq_lane_s16::<0>(LEVEL, vdupq_n_s16(0)));
    let r23 = vmulq_s16(load_words(&coefficients[1]), load_words(&quantizers[1]));
    let rows = [vget_low_s16(r01), vget_high_s16(r01), vget_low_s16(r23), vget_high_s16(r23)];
    let [r0, r1, r2, r3] = four_point(rows).map(|sum| vqrshrn_n_s32::<FIRST_SHIFT>(sum));

    let even_01 = vreinterpret_s32_s16(vtrn1_s16(r0, r1));
    let odd_01 = vreinterpret_s32_s16(vtrn2_s16(r0, r1));
    let even_23 = vreinterpret_s32_s16(vtrn1_s16(r2, r3));
    let odd_23 = vreinterpret_s32_s16(vtrn2_s16(r2, r3));
    let columns = [
        vtrn1_s32(even_01, even_23),
        vtrn1_s32(odd_01, odd_23),
        vtrn2_s32(even_01, even_23),
        vtrn2_s32(odd_01, odd_23),
    ];
    let [c0, c1, c2, c3] = four_point(columns.map(|column| vreinterpret_s16_s32(column)));
    let by_columns = vcombine_u8(samples(c0, c1), samples(c2, c3));
    let by_rows =
        vqtbl1q_u8(by_columns, load(&[0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]));
    let [[r0, r1], [r2, r3]] = halves(by_rows).map(|rows| {
        let [a, b, c, d, e, f, g, h] = rows;
        [[a, b, c, d], [e, f, g, h]]
    });
    write_block([r0, r1, r2, r3], out, stride);
}

/// (3 * near + far + 1) / 4. Rounding up once and down once comes to the same.
#[inline]
#[target_feature(enable = "neon")]
fn quarter_rounding_1(near: uint8x16_t, far: uint8x16_t) -> uint8x16_t {
    vhaddq_u8(near, vrhaddq_u8(near, far))
}

/// (3 * near + far + 2) / 4.
#[inline]
#[target_feature(enable = "neon")]
fn quarter_rounding_2(near: uint8x16_t, far: uint8x16_t) -> uint8x16_t {
    vrhaddq_u8(near, vhaddq_u8(near, far))
}

#[target_feature(enable = "neon")]
fn double(input: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(input.len(), out.len());
    let (input, out) = (&input[..columns], &mut out[..len]);
    if columns < 18 {
        return scalar::upsample_h2(input, out);
    }
    // Of the four samples at each end, the inner ones are wrong for want of a neighbor; the
    // vectors overwrite them.
    scalar::upsample_h2(&input[..2], &mut out[..4]);
    scalar::upsample_h2(&input[columns - 2..], &mut out[2 * columns - 4..]);
    let rows = [&input[..columns - 2], &input[1..columns - 1], &input[2..]];
    in_vectors(rows, &mut out[2..2 * columns - 2], |[before, at, after], out| {
        let at = load(at);
        let left = quarter_rounding_1(at, load(before));
        let right = quarter_rounding_2(at, load(after));
        store_pairs(left, right, out);
    });
}

#[target_feature(enable = "neon")]
fn double_between(near: &[u8], far: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(near.len().min(far.len()), out.len());
    let (near, far, out) = (&near[..columns], &far[..columns], &mut out[..len]);
    if columns < 18 {
        return scalar::upsample_h2v2(near, far, out);
    }
    scalar::upsample_h2v2(&near[..2], &far[..2], &mut out[..4]);
    scalar::upsample_h2v2(&near[columns - 2..], &far[columns - 2..], &mut out[2 * columns - 4..]);
    let near_rows = [&near[..columns - 2], &near[1..columns - 1], &near[2..]];
    let far_rows = [&far[..columns - 2], &far[1..columns - 1], &far[2..]];
    let [near_before, near_at, near_after] = near_rows;
    let [far_before, far_at, far_after] = far_rows;
    let rows = [near_before, near_at, near_after, far_before, far_at, far_after];
    in_vectors(rows, &mut out[2..2 * columns - 2], |rows, out| {
        let [near_before, near_at, near_after, far_before, far_at, far_after] =
            rows.map(|row| load(row));
        let [before_low, before_high] = fourths(near_before, far_before);
        let [at_low, at_high] = fourths(near_at, far_at);
        let [after_low, after_high] = fourths(near_after, far_after);
        let [left_low, right_low] = sixteenths(before_low, at_low, after_low);
        let [left_high, right_high] = sixteenths(before_high, at_high, after_high);
        store_pairs(vcombine_u8(left_low, left_high), vcombine_u8(right_low, right_high), out);
    });
}

/// 3 * near + far.
#[inline]
#[target_feature(enable = "neon")]
fn fourths(near: uint8x16_t, far: uint8x16_t) -> [uint16x8_t; 2] {
    let three = vdupq_n_u8(3);
    let low = vmovl_u8(vget_low_u8(far));
    let high = vmovl_high_u8(far);
    [vmlal_u8(low, vget_low_u8(near), vget_low_u8(three)), vmlal_high_u8(high, near, three)]
}

/// Eight samples to the left and eight to the right of as many columns.
#[inline]
#[target_feature(enable = "neon")]
fn sixteenths(before: uint16x8_t, at: uint16x8_t, after: uint16x8_t) -> [uint8x8_t; 2] {
    let left = vmlaq_n_u16(before, at, 3);
    let right = vmlaq_n_u16(vaddq_u16(after, vdupq_n_u16(7)), at, 3);
    [vrshrn_n_u16::<4>(left), vshrn_n_u16::<4>(right)]
}

#[target_feature(enable = "neon")]
fn between(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    let done = if bias == 1 {
        in_vectors([near, far], out, |[near, far], [out]| {
            store(quarter_rounding_1(load(near), load(far)), out);
        })
    } else {
        in_vectors([near, far], out, |[near, far], [out]| {
            store(quarter_rounding_2(load(near), load(far)), out);
        })
    };
    if !done {
        scalar::upsample_v2(near, far, bias, out);
    }
}

#[target_feature(enable = "neon")]
fn colors(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let done = in_vectors([y, cb, cr], out, |[y, cb, cr], out| {
        let middle = vdupq_n_u8(128);
        let y = load(y);
        let cb = vreinterpretq_s8_u8(veorq_u8(load(cb), middle));
        let cr = vreinterpretq_s8_u8(veorq_u8(load(cr), middle));
        let [red_low, green_low, blue_low] = rgb(
            vmovl_u8(vget_low_u8(y)),
            vshll_n_s8::<1>(vget_low_s8(cb)),
            vshll_n_s8::<1>(vget_low_s8(cr)),
        );
        let [red_high, green_high, blue_high] =
            rgb(vmovl_high_u8(y), vshll_high_n_s8::<1>(cb), vshll_high_n_s8::<1>(cr));
        let red = vcombine_u8(red_low, red_high);
        let green = vcombine_u8(green_low, green_high);
        let blue = vcombine_u8(blue_low, blue_high);
        store_pixels(red, green, blue, out);
    });
    if !done {
        scalar::ycc_to_rgb(y, cb, cr, out);
    }
}

/// Eight colors, from `y` and twice the differences.
#[inline]
#[target_feature(enable = "neon")]
fn rgb(y: uint16x8_t, cb: int16x8_t, cr: int16x8_t) -> [uint8x8_t; 3] {
    let y = vreinterpretq_s16_u16(y);
    let red = vqrdmulhq_n_s16(cr, CR_TO_RED);
    let blue = vqrdmulhq_n_s16(cb, CB_TO_BLUE);
    let low = vmull_n_s16(vget_low_s16(cb), CB_TO_GREEN);
    let low = vmlal_n_s16(low, vget_low_s16(cr), CR_TO_GREEN);
    let high = vmull_high_n_s16(cb, CB_TO_GREEN);
    let high = vmlal_high_n_s16(high, cr, CR_TO_GREEN);
    let green = vrshrn_high_n_s32::<16>(vrshrn_n_s32::<16>(low), high);
    [red, green, blue].map(|difference| vqmovun_s16(vaddq_s16(y, difference)))
}
