//! As arrays.

pub(in super::super) type Pixel = [i16; 4];

#[inline(always)]
pub(in super::super) fn unpack(pixel: u32) -> Pixel {
    pixel.to_le_bytes().map(i16::from)
}

#[inline(always)]
pub(in super::super) fn pack(pixel: Pixel) -> u32 {
    u32::from_le_bytes(pixel.map(|color| color as u8))
}

#[inline(always)]
fn zip(a: Pixel, b: Pixel, f: impl Fn(i16, i16) -> i16) -> Pixel {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

/// The sums, each by itself.
#[inline(always)]
pub(in super::super) fn add(a: Pixel, b: Pixel) -> Pixel {
    zip(a, b, |a, b| (a + b) & 255)
}

/// The averages, rounded down.
#[inline(always)]
pub(in super::super) fn average(a: Pixel, b: Pixel) -> Pixel {
    zip(a, b, |a, b| (a + b) >> 1)
}

/// The left or the upper pixel, whichever is nearer to left + top - top left.
#[inline(always)]
pub(in super::super) fn select(l: Pixel, tl: Pixel, t: Pixel) -> Pixel {
    let far = |a, b| zip(a, b, |a, b| (a - b).abs()).iter().sum::<i16>();
    if far(t, tl) < far(l, tl) { l } else { t }
}

/// Left + top - top left, each clamped to a byte.
#[inline(always)]
pub(in super::super) fn add_subtract(l: Pixel, tl: Pixel, t: Pixel) -> Pixel {
    let rest = zip(t, tl, |t, tl| t - tl);
    zip(l, rest, |l, rest| (l + rest).clamp(0, 255))
}

/// As much on from `a` as half of the way that it is from the top left.
#[inline(always)]
pub(in super::super) fn add_subtract_half(a: Pixel, tl: Pixel) -> Pixel {
    zip(a, tl, |a, tl| (a + (a - tl) / 2).clamp(0, 255))
}
