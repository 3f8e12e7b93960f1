//! The kernels in vectors of 32 bytes. Most instructions work on each half of a vector by itself,
//! so a block's halves are four columns each at first, and four rows each in the end.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::sse41::{self, EVERY_THIRD, TURNS, store_rows};
use super::{
    CB_TO_BLUE, CB_TO_GREEN, CR_TO_GREEN, CR_TO_RED, FIRST_SHIFT, FOUR_POINT, Kernels, LEVEL,
    ODD_HALF, SECOND_SHIFT, doubled, in_vectors, scalar,
};

/// For machines with AVX2 only.
pub(super) const KERNELS: Kernels =
    Kernels { idct8, idct4: sse41::idct4, upsample_h2, upsample_h2v2, upsample_v2, ycc_to_rgb };

fn idct8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    // SAFETY: `Kernels::detect` found AVX2.
    unsafe { inverse_8(coefficients, quantizers, out, stride) }
}

fn upsample_h2(input: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found AVX2.
    unsafe { double(input, out) }
}

fn upsample_h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found AVX2.
    unsafe { double_between(near, far, out) }
}

fn upsample_v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found AVX2.
    unsafe { between(near, far, bias, out) }
}

fn ycc_to_rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    // SAFETY: `Kernels::detect` found AVX2.
    unsafe { colors(y, cb, cr, out) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: there are 32 bytes to read, at any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_words(words: &[i16; 16]) -> __m256i {
    // SAFETY: there are 32 bytes to read, at any alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// The same 16 bytes in both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn load_twice(bytes: &[u8; 16]) -> __m256i {
    // SAFETY: there are 16 bytes to read, at any alignment.
    let half = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    _mm256_broadcastsi128_si256(half)
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m256i, bytes: &mut [u8; 32]) {
    // SAFETY: there are 32 bytes to write, at any alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn lower_halves(a: __m256i, b: __m256i) -> __m256i {
    _mm256_permute2x128_si256::<0x20>(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn upper_halves(a: __m256i, b: __m256i) -> __m256i {
    _mm256_permute2x128_si256::<0x31>(a, b)
}

/// A pair of factors for every pair of words.
#[inline]
#[target_feature(enable = "avx2")]
fn pairs(first: i16, second: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(second) << 16 | i32::from(first as u16))
}

#[target_feature(enable = "avx2")]
fn inverse_8(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize) {
    let (coefficient_rows, _) = coefficients.as_chunks::<16>();
    let (quantizer_rows, _) = quantizers.as_chunks::<16>();
    let r01 = load_words(&coefficient_rows[0]);
    let r23 = load_words(&coefficient_rows[1]);
    let r45 = load_words(&coefficient_rows[2]);
    let r67 = load_words(&coefficient_rows[3]);
    let dc = _mm256_setr_epi16(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    let ac = _mm256_or_si256(
        _mm256_or_si256(r23, r45),
        _mm256_or_si256(r67, _mm256_andnot_si256(dc, r01)),
    );
    if _mm256_testz_si256(ac, ac) != 0 {
        let mean = scalar::idct1(coefficients[0], quantizers[0]);
        return store_rows([_mm_set1_epi8(mean as i8); 4], out, stride);
    }

    let level = _mm256_setr_epi16(LEVEL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    let r01 = _mm256_adds_epi16(_mm256_mullo_epi16(r01, load_words(&quantizer_rows[0])), level);
    let r23 = _mm256_mullo_epi16(r23, load_words(&quantizer_rows[1]));
    let r45 = _mm256_mullo_epi16(r45, load_words(&quantizer_rows[2]));
    let r67 = _mm256_mullo_epi16(r67, load_words(&quantizer_rows[3]));

    let [x04, x15] = column_pairs(r01, r45);
    let [x26, x37] = column_pairs(r23, r67);
    let rows = first_pass(x04, x15, x26, x37);
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;

    // A half's columns are now the even or the odd ones, so that neighbors can be paired.
    let r01 = _mm256_packs_epi32(r0, r1);
    let r23 = _mm256_packs_epi32(r2, r3);
    let r45 = _mm256_packs_epi32(r4, r5);
    let r67 = _mm256_packs_epi32(r6, r7);
    let (upper_02_13, lower_02_13) = (even_pairs(r01, r23), even_pairs(r45, r67));
    let (upper_46_57, lower_46_57) = (odd_pairs(r01, r23), odd_pairs(r45, r67));
    let x02 = lower_halves(upper_02_13, lower_02_13);
    let x13 = upper_halves(upper_02_13, lower_02_13);
    let x46 = lower_halves(upper_46_57, lower_46_57);
    let x57 = upper_halves(upper_46_57, lower_46_57);
    let columns = second_pass(x02, x13, x46, x57);

    let [c0, c1, c2, c3, c4, c5, c6, c7] = columns;
    let c0123 = _mm256_packus_epi16(samples(c0, c1), samples(c2, c3));
    let c4567 = _mm256_packus_epi16(samples(c4, c5), samples(c6, c7));
    let by_rows = _mm256_setr_epi8(
        0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12,
        13, 6, 7, 14, 15,
    );
    let c0123 = _mm256_shuffle_epi8(c0123, by_rows);
    let c4567 = _mm256_shuffle_epi8(c4567, by_rows);
    let r0145 = _mm256_unpacklo_epi32(c0123, c4567);
    let r2367 = _mm256_unpackhi_epi32(c0123, c4567);
    store_rows(
        [
            _mm256_castsi256_si128(r0145),
            _mm256_castsi256_si128(r2367),
            _mm256_extracti128_si256::<1>(r0145),
            _mm256_extracti128_si256::<1>(r2367),
        ],
        out,
        stride,
    );
}

/// From two rows each, pairs of the first rows' and of the second rows' coefficients, those of the
/// even columns in one half and those of the odd ones in the other.
#[inline]
#[target_feature(enable = "avx2")]
fn column_pairs(a: __m256i, b: __m256i) -> [__m256i; 2] {
    let even = _mm256_blend_epi16::<0b1010_1010>(a, _mm256_slli_epi32::<16>(b));
    let odd = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(a), b);
    [lower_halves(even, odd), upper_halves(even, odd)]
}

/// The first, third, ... pairs of words of both.
#[inline]
#[target_feature(enable = "avx2")]
fn even_pairs(a: __m256i, b: __m256i) -> __m256i {
    let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b))
}

/// The second, fourth, ... pairs of words of both.
#[inline]
#[target_feature(enable = "avx2")]
fn odd_pairs(a: __m256i, b: __m256i) -> __m256i {
    let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b))
}

/// The samples of two columns, as words side by side. Of the shift, 16 are in taking the upper
/// halves.
#[inline]
#[target_feature(enable = "avx2")]
fn samples(left: __m256i, right: __m256i) -> __m256i {
    let upper = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(left), right);
    _mm256_srai_epi16::<{ SECOND_SHIFT - 16 }>(upper)
}

#[inline]
#[target_feature(enable = "avx2")]
fn first_pass(x04: __m256i, x15: __m256i, x26: __m256i, x37: __m256i) -> [__m256i; 8] {
    let rounding = _mm256_set1_epi32(1 << (FIRST_SHIFT - 1));
    let [[f0, f2, f4, f6], [g0, g2, g4, g6], ..] = FOUR_POINT;
    let sum = _mm256_add_epi32(_mm256_madd_epi16(x04, pairs(f0, f4)), rounding);
    let difference = _mm256_add_epi32(_mm256_madd_epi16(x04, pairs(g0, g4)), rounding);
    let outer = _mm256_madd_epi16(x26, pairs(f2, f6));
    let inner = _mm256_madd_epi16(x26, pairs(g2, g6));
    let even = [
        _mm256_add_epi32(sum, outer),
        _mm256_add_epi32(difference, inner),
        _mm256_sub_epi32(difference, inner),
        _mm256_sub_epi32(sum, outer),
    ];
    let odd = ODD_HALF.map(|[f1, f3, f5, f7]| {
        _mm256_add_epi32(
            _mm256_madd_epi16(x15, pairs(f1, f5)),
            _mm256_madd_epi16(x37, pairs(f3, f7)),
        )
    });
    eight_sums(even, odd).map(|sum| _mm256_srai_epi32::<FIRST_SHIFT>(sum))
}

#[inline]
#[target_feature(enable = "avx2")]
fn second_pass(x02: __m256i, x13: __m256i, x46: __m256i, x57: __m256i) -> [__m256i; 8] {
    let even = FOUR_POINT.map(|[f0, f2, f4, f6]| {
        _mm256_add_epi32(
            _mm256_madd_epi16(x02, pairs(f0, f2)),
            _mm256_madd_epi16(x46, pairs(f4, f6)),
        )
    });
    let odd = ODD_HALF.map(|[f1, f3, f5, f7]| {
        _mm256_add_epi32(
            _mm256_madd_epi16(x13, pairs(f1, f3)),
            _mm256_madd_epi16(x57, pairs(f5, f7)),
        )
    });
    eight_sums(even, odd)
}

/// A transform from its halves.
#[inline]
#[target_feature(enable = "avx2")]
fn eight_sums(even: [__m256i; 4], odd: [__m256i; 4]) -> [__m256i; 8] {
    let [e0, e1, e2, e3] = even;
    let [o0, o1, o2, o3] = odd;
    [
        _mm256_add_epi32(e0, o0),
        _mm256_add_epi32(e1, o1),
        _mm256_add_epi32(e2, o2),
        _mm256_add_epi32(e3, o3),
        _mm256_sub_epi32(e3, o3),
        _mm256_sub_epi32(e2, o2),
        _mm256_sub_epi32(e1, o1),
        _mm256_sub_epi32(e0, o0),
    ]
}

/// The mean of two samples, rounded down; `_mm256_avg_epu8` rounds up.
#[inline]
#[target_feature(enable = "avx2")]
fn mean_down(a: __m256i, b: __m256i) -> __m256i {
    let odd = _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_set1_epi8(1));
    _mm256_sub_epi8(_mm256_avg_epu8(a, b), odd)
}

/// (3 * near + far + 1) / 4. Rounding up once and down once comes to the same.
#[inline]
#[target_feature(enable = "avx2")]
fn quarter_rounding_1(near: __m256i, far: __m256i) -> __m256i {
    mean_down(near, _mm256_avg_epu8(near, far))
}

/// (3 * near + far + 2) / 4.
#[inline]
#[target_feature(enable = "avx2")]
fn quarter_rounding_2(near: __m256i, far: __m256i) -> __m256i {
    _mm256_avg_epu8(near, mean_down(near, far))
}

#[target_feature(enable = "avx2")]
fn double(input: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(input.len(), out.len());
    let (input, out) = (&input[..columns], &mut out[..len]);
    if columns < 34 {
        return sse41::upsample_h2(input, out);
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
        let low = _mm256_unpacklo_epi8(left, right);
        let high = _mm256_unpackhi_epi8(left, right);
        store(lower_halves(low, high), first);
        store(upper_halves(low, high), second);
    });
}

#[target_feature(enable = "avx2")]
fn double_between(near: &[u8], far: &[u8], out: &mut [u8]) {
    let (columns, len) = doubled(near.len().min(far.len()), out.len());
    let (near, far, out) = (&near[..columns], &far[..columns], &mut out[..len]);
    if columns < 34 {
        return sse41::upsample_h2v2(near, far, out);
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
            _mm256_unpacklo_epi8(near_before, far_before),
            _mm256_unpacklo_epi8(near_at, far_at),
            _mm256_unpacklo_epi8(near_after, far_after),
        );
        let high = sixteenths(
            _mm256_unpackhi_epi8(near_before, far_before),
            _mm256_unpackhi_epi8(near_at, far_at),
            _mm256_unpackhi_epi8(near_after, far_after),
        );
        store(lower_halves(low, high), first);
        store(upper_halves(low, high), second);
    });
}

/// Two samples for each pair of a near and a far one.
#[inline]
#[target_feature(enable = "avx2")]
fn sixteenths(before: __m256i, at: __m256i, after: __m256i) -> __m256i {
    let one_column = _mm256_set1_epi16(0x01_03);
    let three_columns = _mm256_set1_epi16(0x03_09);
    let at = _mm256_add_epi16(_mm256_maddubs_epi16(at, three_columns), _mm256_set1_epi16(7));
    let left = _mm256_add_epi16(at, _mm256_maddubs_epi16(before, one_column));
    let left = _mm256_srli_epi16::<4>(_mm256_add_epi16(left, _mm256_set1_epi16(1)));
    let right = _mm256_add_epi16(at, _mm256_maddubs_epi16(after, one_column));
    // Divided by 16 and moved to the upper byte.
    let right =
        _mm256_and_si256(_mm256_slli_epi16::<4>(right), _mm256_set1_epi16(0xFF00_u16 as i16));
    _mm256_or_si256(left, right)
}

#[target_feature(enable = "avx2")]
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
        sse41::upsample_v2(near, far, bias, out);
    }
}

#[target_feature(enable = "avx2")]
fn colors(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let done = in_vectors([y, cb, cr], out, |[y, cb, cr], [first, second, third]| {
        let zero = _mm256_setzero_si256();
        let middle = _mm256_set1_epi8(-128);
        let y = load(y);
        let cb = _mm256_xor_si256(load(cb), middle);
        let cr = _mm256_xor_si256(load(cr), middle);
        let [red_low, green_low, blue_low] = rgb(
            _mm256_unpacklo_epi8(y, zero),
            _mm256_srai_epi16::<7>(_mm256_unpacklo_epi8(zero, cb)),
            _mm256_srai_epi16::<7>(_mm256_unpacklo_epi8(zero, cr)),
        );
        let [red_high, green_high, blue_high] = rgb(
            _mm256_unpackhi_epi8(y, zero),
            _mm256_srai_epi16::<7>(_mm256_unpackhi_epi8(zero, cb)),
            _mm256_srai_epi16::<7>(_mm256_unpackhi_epi8(zero, cr)),
        );
        let red = _mm256_packus_epi16(red_low, red_high);
        let green = _mm256_packus_epi16(green_low, green_high);
        let blue = _mm256_packus_epi16(blue_low, blue_high);
        let [a, b, c] = interleave(red, green, blue);
        store(lower_halves(a, b), first);
        store(_mm256_blend_epi32::<0b1111_0000>(c, a), second);
        store(upper_halves(b, c), third);
    });
    if !done {
        sse41::ycc_to_rgb(y, cb, cr, out);
    }
}

/// Colors as words that are yet to be clamped, from `y` and twice the differences.
#[inline]
#[target_feature(enable = "avx2")]
fn rgb(y: __m256i, cb: __m256i, cr: __m256i) -> [__m256i; 3] {
    let red = _mm256_mulhrs_epi16(cr, _mm256_set1_epi16(CR_TO_RED));
    let blue = _mm256_mulhrs_epi16(cb, _mm256_set1_epi16(CB_TO_BLUE));
    let to_green = pairs(CB_TO_GREEN, CR_TO_GREEN);
    let half = _mm256_set1_epi32(1 << 15);
    let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(cb, cr), to_green);
    let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(cb, cr), to_green);
    let green = _mm256_packs_epi32(
        _mm256_srai_epi32::<16>(_mm256_add_epi32(low, half)),
        _mm256_srai_epi32::<16>(_mm256_add_epi32(high, half)),
    );
    [_mm256_add_epi16(y, red), _mm256_add_epi16(y, green), _mm256_add_epi16(y, blue)]
}

/// Sixteen pixels in each half, of 16 bytes from each vector. Each channel is put into an order in
/// which every byte is where one of the three has it, and then they take turns.
#[inline]
#[target_feature(enable = "avx2")]
fn interleave(red: __m256i, green: __m256i, blue: __m256i) -> [__m256i; 3] {
    let red = _mm256_shuffle_epi8(red, load_twice(&EVERY_THIRD[0]));
    let green = _mm256_shuffle_epi8(green, load_twice(&EVERY_THIRD[1]));
    let blue = _mm256_shuffle_epi8(blue, load_twice(&EVERY_THIRD[2]));
    let second = load_twice(&TURNS[1]);
    let third = load_twice(&TURNS[2]);
    let turns = |a, b, c| _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, second), c, third);
    [turns(red, green, blue), turns(green, blue, red), turns(blue, red, green)]
}
