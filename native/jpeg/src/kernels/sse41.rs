//! The kernels in vectors of 16 bytes.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{
    CB_TO_BLUE, CB_TO_GREEN, CR_TO_GREEN, CR_TO_RED, FIRST_SHIFT, FOUR_POINT, Kernels, LEVEL,
    ODD_HALF, SECOND_SHIFT, doubled, in_vectors, scalar, write_block,
};

/// For machines with SSE4.1 (and so SSSE3) only.
pub(super) const KERNELS: Kernels =
    Kernels { idct8, idct4, upsample_h2, upsample_h2v2, upsample_v2, ycc_to_rgb };

fn idct8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { inverse_8(coefficients, quantizers, out, stride) }
}

pub(super) fn idct4(
    coefficients: &[i16; 16],
    quantizers: &[i16; 16],
    out: &mut [u8],
    stride: usize,
) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { inverse_4(coefficients, quantizers, out, stride) }
}

pub(super) fn upsample_h2(input: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { double(input, out) }
}

pub(super) fn upsample_h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { double_between(near, far, out) }
}

pub(super) fn upsample_v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { between(near, far, bias, out) }
}

pub(super) fn ycc_to_rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found SSE4.1.
    unsafe { colors(y, cb, cr, out) }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: there are 16 bytes to read, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn load_words(words: &[i16; 8]) -> __m128i {
    // SAFETY: there are 16 bytes to read, at any alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store(vector: __m128i, bytes: &mut [u8; 16]) {
    // SAFETY: there are 16 bytes to write, at any alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
}

/// Writes the rows of a block, if they fit. A vector has two of them.
#[inline]
#[target_feature(enable = "sse4.1")]
pub(super) fn store_rows(rows: [__m128i; 4], out: &mut [u8], stride: usize) {
    let fits = stride.saturating_mul(7).saturating_add(8) <= out.len();
    debug_assert!(stride >= 8 && fits);
    if !fits {
        return;
    }
    for (pair, rows) in rows.into_iter().enumerate() {
        // SAFETY: this is no further than the last row, which is inside.
        let upper = unsafe { out.as_mut_ptr().add(2 * pair * stride) };
        // SAFETY: and so is this.
        let lower = unsafe { upper.add(stride) };
        // SAFETY: 8 bytes from any row's start on are inside, at any alignment.
        unsafe { _mm_storel_epi64(upper.cast(), rows) };
        let rows = _mm_castsi128_pd(rows);
        // SAFETY: as before.
        unsafe { _mm_storeh_pd(lower.cast(), rows) };
    }
}

/// Both halves of a vector, as rows of a block.
#[inline]
#[target_feature(enable = "sse4.1")]
fn halves(vector: __m128i) -> [[u8; 8]; 2] {
    [_mm_cvtsi128_si64(vector).to_le_bytes(), _mm_extract_epi64::<1>(vector).to_le_bytes()]
}

/// Eight coefficients, dequantized.
#[inline]
#[target_feature(enable = "sse4.1")]
fn dequantized(coefficients: &[i16; 8], quantizers: &[i16; 8]) -> __m128i {
    _mm_mullo_epi16(load_words(coefficients), load_words(quantizers))
}

/// A pair of factors for every pair of words.
#[inline]
#[target_feature(enable = "sse4.1")]
fn pairs(first: i16, second: i16) -> __m128i {
    _mm_set1_epi32(i32::from(second) << 16 | i32::from(first as u16))
}

#[target_feature(enable = "sse4.1")]
fn inverse_8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    let (coefficient_rows, _) = coefficients.as_chunks::<8>();
    let (quantizer_rows, _) = quantizers.as_chunks::<8>();
    let dc = _mm_setr_epi16(-1, 0, 0, 0, 0, 0, 0, 0);
    let ac = _mm_andnot_si128(dc, load_words(&coefficient_rows[0]));
    let ac = coefficient_rows[1..].iter().fold(ac, |ac, row| _mm_or_si128(ac, load_words(row)));
    if _mm_testz_si128(ac, ac) != 0 {
        let mean = scalar::idct1(coefficients[0], quantizers[0]);
        return store_rows([_mm_set1_epi8(mean as i8); 4], out, stride);
    }

    let row = |row: usize| dequantized(&coefficient_rows[row], &quantizer_rows[row]);
    let r0 = _mm_adds_epi16(row(0), _mm_setr_epi16(LEVEL, 0, 0, 0, 0, 0, 0, 0));
    let [even_04, odd_04] = column_pairs(r0, row(4));
    let [even_15, odd_15] = column_pairs(row(1), row(5));
    let [even_26, odd_26] = column_pairs(row(2), row(6));
    let [even_37, odd_37] = column_pairs(row(3), row(7));
    // Only even columns or only odd ones side by side: what the second pass pairs.
    let [even_r01, even_r23, even_r45, even_r67] = first_pass(even_04, even_15, even_26, even_37);
    let [odd_r01, odd_r23, odd_r45, odd_r67] = first_pass(odd_04, odd_15, odd_26, odd_37);
    let [r01, r23] = second_pass(
        even_pairs(even_r01, even_r23),
        even_pairs(odd_r01, odd_r23),
        odd_pairs(even_r01, even_r23),
        odd_pairs(odd_r01, odd_r23),
    );
    let [r45, r67] = second_pass(
        even_pairs(even_r45, even_r67),
        even_pairs(odd_r45, odd_r67),
        odd_pairs(even_r45, even_r67),
        odd_pairs(odd_r45, odd_r67),
    );
    store_rows([r01, r23, r45, r67], out, stride);
}

/// Pairs of the coefficients of two rows: those of the even columns, and those of the odd ones.
#[inline]
#[target_feature(enable = "sse4.1")]
fn column_pairs(a: __m128i, b: __m128i) -> [__m128i; 2] {
    [
        _mm_blend_epi16::<0b1010_1010>(a, _mm_slli_epi32::<16>(b)),
        _mm_blend_epi16::<0b1010_1010>(_mm_srli_epi32::<16>(a), b),
    ]
}

/// The first, third, ... pairs of words of both.
#[inline]
#[target_feature(enable = "sse4.1")]
fn even_pairs(a: __m128i, b: __m128i) -> __m128i {
    _mm_castps_si128(_mm_shuffle_ps::<0b10_00_10_00>(_mm_castsi128_ps(a), _mm_castsi128_ps(b)))
}

/// The second, fourth, ... pairs of words of both.
#[inline]
#[target_feature(enable = "sse4.1")]
fn odd_pairs(a: __m128i, b: __m128i) -> __m128i {
    _mm_castps_si128(_mm_shuffle_ps::<0b11_01_11_01>(_mm_castsi128_ps(a), _mm_castsi128_ps(b)))
}

/// Four columns, two rows in a vector.
#[inline]
#[target_feature(enable = "sse4.1")]
fn first_pass(x04: __m128i, x15: __m128i, x26: __m128i, x37: __m128i) -> [__m128i; 4] {
    let even = four_point(x04, x26, _mm_set1_epi32(1 << (FIRST_SHIFT - 1)));
    let odd = ODD_HALF.map(|[f1, f3, f5, f7]| {
        _mm_add_epi32(_mm_madd_epi16(x15, pairs(f1, f5)), _mm_madd_epi16(x37, pairs(f3, f7)))
    });
    let sums = eight_sums(even, odd).map(|sum| _mm_srai_epi32::<FIRST_SHIFT>(sum));
    let [r0, r1, r2, r3, r4, r5, r6, r7] = sums;
    [
        _mm_packs_epi32(r0, r1),
        _mm_packs_epi32(r2, r3),
        _mm_packs_epi32(r4, r5),
        _mm_packs_epi32(r6, r7),
    ]
}

/// Four rows of samples, two in a vector.
#[inline]
#[target_feature(enable = "sse4.1")]
fn second_pass(x02: __m128i, x13: __m128i, x46: __m128i, x57: __m128i) -> [__m128i; 2] {
    let even = FOUR_POINT.map(|[f0, f2, f4, f6]| {
        _mm_add_epi32(_mm_madd_epi16(x02, pairs(f0, f2)), _mm_madd_epi16(x46, pairs(f4, f6)))
    });
    let odd = ODD_HALF.map(|[f1, f3, f5, f7]| {
        _mm_add_epi32(_mm_madd_epi16(x13, pairs(f1, f3)), _mm_madd_epi16(x57, pairs(f5, f7)))
    });
    let [c0, c1, c2, c3, c4, c5, c6, c7] = eight_sums(even, odd);
    let by_rows = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    let c0123 = _mm_shuffle_epi8(_mm_packus_epi16(samples(c0, c1), samples(c2, c3)), by_rows);
    let c4567 = _mm_shuffle_epi8(_mm_packus_epi16(samples(c4, c5), samples(c6, c7)), by_rows);
    [_mm_unpacklo_epi32(c0123, c4567), _mm_unpackhi_epi32(c0123, c4567)]
}

/// The samples of two columns, as words side by side. Of the shift, 16 are in taking the upper
/// halves.
#[inline]
#[target_feature(enable = "sse4.1")]
fn samples(left: __m128i, right: __m128i) -> __m128i {
    let upper = _mm_blend_epi16::<0b1010_1010>(_mm_srli_epi32::<16>(left), right);
    _mm_srai_epi16::<{ SECOND_SHIFT - 16 }>(upper)
}

/// A transform from its halves.
#[inline]
#[target_feature(enable = "sse4.1")]
fn eight_sums(even: [__m128i; 4], odd: [__m128i; 4]) -> [__m128i; 8] {
    let [e0, e1, e2, e3] = even;
    let [o0, o1, o2, o3] = odd;
    [
        _mm_add_epi32(e0, o0),
        _mm_add_epi32(e1, o1),
        _mm_add_epi32(e2, o2),
        _mm_add_epi32(e3, o3),
        _mm_sub_epi32(e3, o3),
        _mm_sub_epi32(e2, o2),
        _mm_sub_epi32(e1, o1),
        _mm_sub_epi32(e0, o0),
    ]
}

/// The four sums, each plus `rounding`, from pairs of coefficients 0 and 2, 1 and 3.
#[inline]
#[target_feature(enable = "sse4.1")]
fn four_point(x02: __m128i, x13: __m128i, rounding: __m128i) -> [__m128i; 4] {
    let [[f0, f1, f2, f3], [g0, g1, g2, g3], ..] = FOUR_POINT;
    let sum = _mm_add_epi32(_mm_madd_epi16(x02, pairs(f0, f2)), rounding);
    let difference = _mm_add_epi32(_mm_madd_epi16(x02, pairs(g0, g2)), rounding);
    let outer = _mm_madd_epi16(x13, pairs(f1, f3));
    let inner = _mm_madd_epi16(x13, pairs(g1, g3));
    [
        _mm_add_epi32(sum, outer),
        _mm_add_epi32(difference, inner),
        _mm_sub_epi32(difference, inner),
        _mm_sub_epi32(sum, outer),
    ]
}

#[target_feature(enable = "sse4.1")]
fn inverse_4(coefficients: &[i16; 16], quantizers: &[i16; 16], out: &mut [u8], stride: usize) {
    let (coefficients, _) = coefficients.as_chunks::<8>();
    let (quantizers, _) = quantizers.as_chunks::<8>();
    // As with the 8x8 block, columns are ordered for the second pass: 0, 2, 1, 3.
    let order = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    let r01 = dequantized(&coefficients[0], &quantizers[0]);
    let r01 = _mm_adds_epi16(r01, _mm_setr_epi16(LEVEL, 0, 0, 0, 0, 0, 0, 0));
    let r01 = _mm_shuffle_epi8(r01, order);
    let r23 = _mm_shuffle_epi8(dequantized(&coefficients[1], &quantizers[1]), order);
    let rounding = _mm_set1_epi32(1 << (FIRST_SHIFT - 1));
    let sums = four_point(_mm_unpacklo_epi16(r01, r23), _mm_unpackhi_epi16(r01, r23), rounding);
    let [r0, r1, r2, r3] = sums.map(|sum| _mm_srai_epi32::<FIRST_SHIFT>(sum));
    let r01 = _mm_packs_epi32(r0, r1);
    let r23 = _mm_packs_epi32(r2, r3);

    let [c0, c1, c2, c3] =
        four_point(even_pairs(r01, r23), odd_pairs(r01, r23), _mm_setzero_si128());
    let samples = _mm_packus_epi16(samples(c0, c1), samples(c2, c3));
    let by_rows = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    let [[r0, r1], [r2, r3]] = halves(_mm_shuffle_epi8(samples, by_rows)).map(|rows| {
        let [a, b, c, d, e, f, g, h] = rows;
        [[a, b, c, d], [e, f, g, h]]
    });
    write_block([r0, r1, r2, r3], out, stride);
}

/// The mean of two samples, rounded down; `_mm_avg_epu8` rounds up.
#[inline]
#[target_feature(enable = "sse4.1")]
fn mean_down(a: __m128i, b: __m128i) -> __m128i {
    let odd = _mm_and_si128(_mm_xor_si128(a, b), _mm_set1_epi8(1));
    _mm_sub_epi8(_mm_avg_epu8(a, b), odd)
}

/// (3 * near + far + 1) / 4. Rounding up once and down once comes to the same.
#[inline]
#[target_feature(enable = "sse4.1")]
fn quarter_rounding_1(near: __m128i, far: __m128i) -> __m128i {
    mean_down(near, _mm_avg_epu8(near, far))
}

/// (3 * near + far + 2) / 4.
#[inline]
#[target_feature(enable = "sse4.1")]
fn quarter_rounding_2(near: __m128i, far: __m128i) -> __m128i {
    _mm_avg_epu8(near, mean_down(near, far))
}

#[target_feature(enable = "sse4.1")]
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
    in_vectors(rows, &mut out[2..2 * columns - 2], |[before, at, after], [first, second]| {
        let at = load(at);
        let left = quarter_rounding_1(at, load(before));
        let right = quarter_rounding_2(at, load(after));
        store(_mm_unpacklo_epi8(left, right), first);
        store(_mm_unpackhi_epi8(left, right), second);
    });
}

#[target_feature(enable = "sse4.1")]
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
    in_vectors(rows, &mut out[2..2 * columns - 2], |rows, [first, second]| {
        let [near_before, near_at, near_after, far_before, far_at, far_after] =
            rows.map(|row| load(row));
        let low = sixteenths(
            _mm_unpacklo_epi8(near_before, far_before),
            _mm_unpacklo_epi8(near_at, far_at),
            _mm_unpacklo_epi8(near_after, far_after),
        );
        let high = sixteenths(
            _mm_unpackhi_epi8(near_before, far_before),
            _mm_unpackhi_epi8(near_at, far_at),
            _mm_unpackhi_epi8(near_after, far_after),
        );
        store(low, first);
        store(high, second);
    });
}

/// Sixteen samples, two for each pair of a near and a far one.
#[inline]
#[target_feature(enable = "sse4.1")]
fn sixteenths(before: __m128i, at: __m128i, after: __m128i) -> __m128i {
    let one_column = _mm_set1_epi16(0x01_03);
    let three_columns = _mm_set1_epi16(0x03_09);
    let at = _mm_add_epi16(_mm_maddubs_epi16(at, three_columns), _mm_set1_epi16(7));
    let left = _mm_add_epi16(at, _mm_maddubs_epi16(before, one_column));
    let left = _mm_srli_epi16::<4>(_mm_add_epi16(left, _mm_set1_epi16(1)));
    let right = _mm_add_epi16(at, _mm_maddubs_epi16(after, one_column));
    // Divided by 16 and moved to the upper byte.
    let right = _mm_and_si128(_mm_slli_epi16::<4>(right), _mm_set1_epi16(0xFF00_u16 as i16));
    _mm_or_si128(left, right)
}

#[target_feature(enable = "sse4.1")]
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

#[target_feature(enable = "sse4.1")]
fn colors(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let done = in_vectors([y, cb, cr], out, |[y, cb, cr], [first, second, third]| {
        let zero = _mm_setzero_si128();
        let middle = _mm_set1_epi8(-128);
        let y = load(y);
        let cb = _mm_xor_si128(load(cb), middle);
        let cr = _mm_xor_si128(load(cr), middle);
        let [red_low, green_low, blue_low] = rgb(
            _mm_unpacklo_epi8(y, zero),
            _mm_srai_epi16::<7>(_mm_unpacklo_epi8(zero, cb)),
            _mm_srai_epi16::<7>(_mm_unpacklo_epi8(zero, cr)),
        );
        let [red_high, green_high, blue_high] = rgb(
            _mm_unpackhi_epi8(y, zero),
            _mm_srai_epi16::<7>(_mm_unpackhi_epi8(zero, cb)),
            _mm_srai_epi16::<7>(_mm_unpackhi_epi8(zero, cr)),
        );
        let red = _mm_packus_epi16(red_low, red_high);
        let green = _mm_packus_epi16(green_low, green_high);
        let blue = _mm_packus_epi16(blue_low, blue_high);
        let [a, b, c] = interleave(red, green, blue);
        store(a, first);
        store(b, second);
        store(c, third);
    });
    if !done {
        scalar::ycc_to_rgb(y, cb, cr, out);
    }
}

/// Eight colors as words that are yet to be clamped, from `y` and twice the differences.
#[inline]
#[target_feature(enable = "sse4.1")]
fn rgb(y: __m128i, cb: __m128i, cr: __m128i) -> [__m128i; 3] {
    let red = _mm_mulhrs_epi16(cr, _mm_set1_epi16(CR_TO_RED));
    let blue = _mm_mulhrs_epi16(cb, _mm_set1_epi16(CB_TO_BLUE));
    let to_green = pairs(CB_TO_GREEN, CR_TO_GREEN);
    let half = _mm_set1_epi32(1 << 15);
    let low = _mm_madd_epi16(_mm_unpacklo_epi16(cb, cr), to_green);
    let high = _mm_madd_epi16(_mm_unpackhi_epi16(cb, cr), to_green);
    let green = _mm_packs_epi32(
        _mm_srai_epi32::<16>(_mm_add_epi32(low, half)),
        _mm_srai_epi32::<16>(_mm_add_epi32(high, half)),
    );
    [_mm_add_epi16(y, red), _mm_add_epi16(y, green), _mm_add_epi16(y, blue)]
}

/// Sixteen pixels. Each channel is put into an order in which every byte is where one of the three
/// vectors has it, and then they take turns.
#[inline]
#[target_feature(enable = "sse4.1")]
fn interleave(red: __m128i, green: __m128i, blue: __m128i) -> [__m128i; 3] {
    let red = _mm_shuffle_epi8(red, load(&EVERY_THIRD[0]));
    let green = _mm_shuffle_epi8(green, load(&EVERY_THIRD[1]));
    let blue = _mm_shuffle_epi8(blue, load(&EVERY_THIRD[2]));
    let second = load(&TURNS[1]);
    let third = load(&TURNS[2]);
    let turns = |a, b, c| _mm_blendv_epi8(_mm_blendv_epi8(a, b, second), c, third);
    [turns(red, green, blue), turns(green, blue, red), turns(blue, red, green)]
}

/// For each channel, which pixel's sample goes where. Three times 11 is 1 modulo 16, so every third
/// byte is the next pixel's.
pub(super) const EVERY_THIRD: [[u8; 16]; 3] = {
    let mut orders = [[0; 16]; 3];
    let mut at = 0;
    while at < 48 {
        orders[at % 3][at % 16] = (at / 3) as u8;
        at += 1;
    }
    orders
};

/// Every third byte, from the first, the second and the third on.
pub(super) const TURNS: [[u8; 16]; 3] = {
    let mut turns = [[0; 16]; 3];
    let mut at = 0;
    while at < 16 {
        turns[at % 3][at] = 0xFF;
        at += 1;
    }
    turns
};
