//! Floats of 16 bits.

/// A float of 16 bits as one of 32. Without branches, and without subnormal floats on the way, on
/// which processors are slow.
#[inline]
pub(super) fn widen(half: u16) -> f32 {
    const REBIAS: u32 = (127 - 15) << 23;
    // The least normal half, 2^-14.
    const LEAST: u32 = 113 << 23;
    let half = u32::from(half);
    let magnitude = (half & 0x7fff) << 13;
    let bits = match half & 0x7c00 {
        0 => (f32::from_bits(magnitude + LEAST) - f32::from_bits(LEAST)).to_bits(),
        // What is not a number becomes a quiet one.
        0x7c00 => magnitude | 0x7f80_0000 | if magnitude & 0x7f_ffff == 0 { 0 } else { 0x40_0000 },
        _ => magnitude + REBIAS,
    };
    f32::from_bits(bits | (half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_widened_as_by_the_reference() {
        for bits in 0..=u16::MAX {
            let expected = exr::prelude::f16::from_bits(bits).to_f32();
            assert_eq!(widen(bits).to_bits(), expected.to_bits(), "{bits:#x}");
        }
    }
}
