/// From 0 to 1. What is no number is 0.
pub(super) fn clamp(x: f32) -> f32 {
    if x > 0.0 { x.min(1.0) } else { 0.0 }
}

/// The sRGB transfer function, IEC 61966-2-1.
pub(crate) fn to_srgb(linear: f32) -> f32 {
    let linear = linear.clamp(0.0, 1.0);
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Its inverse.
pub(crate) fn to_linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Sample;

    #[test]
    fn the_transfer_functions_are_inverse_on_every_byte() {
        for byte in 0..=255u8 {
            assert_eq!(u8::from_unit(to_srgb(to_linear(byte.unit()))), byte);
        }
    }
}
