//! In the lowest four bytes of a vector register, the others being zero. SSE2 is part of x86-64.

use safe_arch::{
    add_i8_m128i, add_i16_m128i, average_u8_m128i, bitand_m128i, bitandnot_m128i, bitor_m128i,
    bitxor_m128i, cmp_gt_mask_i16_m128i, cmp_gt_mask_i32_m128i, get_i32_from_m128i_s, m128i,
    pack_i16_to_u8_m128i, set_i32_m128i_s, set_splat_i8_m128i, shr_imm_i16_m128i, sub_i8_m128i,
    sub_i16_m128i, sum_of_u8_abs_diff_m128i, unpack_low_i8_m128i, zeroed_m128i,
};

pub(in super::super) type Pixel = m128i;

#[inline(always)]
pub(in super::super) fn unpack(pixel: u32) -> Pixel {
    set_i32_m128i_s(pixel as i32)
}

#[inline(always)]
pub(in super::super) fn pack(pixel: Pixel) -> u32 {
    get_i32_from_m128i_s(pixel) as u32
}

/// The sums, each by itself.
#[inline(always)]
pub(in super::super) fn add(a: Pixel, b: Pixel) -> Pixel {
    add_i8_m128i(a, b)
}

/// The averages, rounded down.
#[inline(always)]
pub(in super::super) fn average(a: Pixel, b: Pixel) -> Pixel {
    let odd = bitand_m128i(bitxor_m128i(a, b), set_splat_i8_m128i(1));
    sub_i8_m128i(average_u8_m128i(a, b), odd)
}

/// The left or the upper pixel, whichever is nearer to left + top - top left.
#[inline(always)]
pub(in super::super) fn select(l: Pixel, tl: Pixel, t: Pixel) -> Pixel {
    let left =
        cmp_gt_mask_i32_m128i(sum_of_u8_abs_diff_m128i(l, tl), sum_of_u8_abs_diff_m128i(t, tl));
    bitor_m128i(bitand_m128i(left, l), bitandnot_m128i(left, t))
}

/// Left + top - top left, each clamped to a byte.
#[inline(always)]
pub(in super::super) fn add_subtract(l: Pixel, tl: Pixel, t: Pixel) -> Pixel {
    // What does not depend on the left comes first: it is there before.
    let rest = sub_i16_m128i(widened(t), widened(tl));
    narrowed(add_i16_m128i(widened(l), rest))
}

/// As much on from `a` as half of the way that it is from the top left.
#[inline(always)]
pub(in super::super) fn add_subtract_half(a: Pixel, tl: Pixel) -> Pixel {
    let a = widened(a);
    let way = sub_i16_m128i(a, widened(tl));
    // Halves are rounded towards zero.
    let negative = cmp_gt_mask_i16_m128i(zeroed_m128i(), way);
    narrowed(add_i16_m128i(a, shr_imm_i16_m128i::<1>(sub_i16_m128i(way, negative))))
}

#[inline(always)]
fn widened(pixel: Pixel) -> Pixel {
    unpack_low_i8_m128i(pixel, zeroed_m128i())
}

#[inline(always)]
fn narrowed(wide: Pixel) -> Pixel {
    pack_i16_to_u8_m128i(wide, zeroed_m128i())
}
