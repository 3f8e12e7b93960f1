use pulp::Simd;

use super::planes::mul_add;

/// From 0 to 1. What is no number is 0.
#[inline(always)]
pub(super) fn clamp(x: f32) -> f32 {
    if x > 0.0 { x.min(1.0) } else { 0.0 }
}

/// The sRGB transfer function, IEC 61966-2-1.
pub(crate) fn to_srgb(linear: f32) -> f32 {
    let linear = linear.clamp(0.0, 1.0);
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// The same but for 0.2 of a step of 16 bits, without a power: that is a polynomial of the fourth
/// root, which is a fit of our own.
#[inline(always)]
pub(super) fn to_srgb_nearly<V: Simd>(linear: f32) -> f32 {
    const COEFFICIENTS: [f32; 7] = [
        0.061_734_31,
        -0.294_247_63,
        0.621_002_26,
        -0.825_28,
        1.354_572_7,
        0.141_958_27,
        -0.059_739_01,
    ];
    let linear = clamp(linear);
    let root = linear.sqrt().sqrt();
    let power = COEFFICIENTS.iter().fold(0.0, |sum, &next| mul_add::<V>(sum, root, next));
    if linear <= 0.003_130_8 { linear * 12.92 } else { power.min(1.0) }
}

/// Its inverse.
pub(crate) fn to_linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;
    use crate::picture::Sample;

    #[test]
    fn the_polynomial_is_near_and_ends_where_it_should() {
        assert_eq!(
            [0.0, 1.0, 7.0, -1.0, f32::NAN].map(to_srgb_nearly::<Scalar>),
            [0.0, 1.0, 1.0, 0.0, 0.0]
        );
        for step in 0..=1_000_000 {
            let linear = step as f32 / 1e6;
            let error = (to_srgb_nearly::<Scalar>(linear) - to_srgb(linear)).abs();
            assert!(error < 0.2 / 65_535.0, "{linear}: {error}");
        }
    }

    #[test]
    fn the_transfer_functions_are_inverse_on_every_byte() {
        for byte in 0..=255u8 {
            assert_eq!(u8::from_unit(to_srgb(to_linear(byte.unit()))), byte);
        }
    }
}
