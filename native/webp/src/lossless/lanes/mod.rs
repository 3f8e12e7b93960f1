//! Arithmetic on the four colors of a pixel at once.
//!
//! Each pixel of a row depends on the one before, so what counts is how long one takes, and it
//! takes half the time in a vector register, though it fills but a fourth of it. The two versions
//! have the same names, and a test holds them equal.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use scalar::{
    Pixel, add, add_subtract, add_subtract_half, average, pack, select, unpack,
};
#[cfg(target_arch = "x86_64")]
pub(super) use sse2::{Pixel, add, add_subtract, add_subtract_half, average, pack, select, unpack};

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::{scalar, sse2};

    proptest! {
        #[test]
        fn both_versions_are_equal(l: u32, tl: u32, t: u32) {
            let [l2, tl2, t2] = [l, tl, t].map(sse2::unpack);
            let [l, tl, t] = [l, tl, t].map(scalar::unpack);
            prop_assert_eq!(sse2::pack(sse2::add(l2, t2)), scalar::pack(scalar::add(l, t)));
            prop_assert_eq!(sse2::pack(sse2::average(l2, t2)), scalar::pack(scalar::average(l, t)));
            prop_assert_eq!(
                sse2::pack(sse2::select(l2, tl2, t2)),
                scalar::pack(scalar::select(l, tl, t))
            );
            prop_assert_eq!(
                sse2::pack(sse2::add_subtract(l2, tl2, t2)),
                scalar::pack(scalar::add_subtract(l, tl, t))
            );
            prop_assert_eq!(
                sse2::pack(sse2::add_subtract_half(l2, tl2)),
                scalar::pack(scalar::add_subtract_half(l, tl))
            );
        }
    }
}
