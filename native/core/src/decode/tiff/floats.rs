//! Floats that are shorter than those of a machine.

/// Of 16 bits: 5 of the exponent, 10 of the mantissa (IEEE 754's binary16).
pub(super) fn of_16_bits(bits: u16) -> f32 {
    widen(bits.into(), 5, 10)
}

/// Of 24 bits: 7 of the exponent, 16 of the mantissa (Adobe's Technical Note 3).
pub(super) fn of_24_bits(bits: u32) -> f32 {
    widen(bits, 7, 16)
}

fn widen(bits: u32, exponent_bits: u32, mantissa_bits: u32) -> f32 {
    let sign = bits >> (exponent_bits + mantissa_bits) & 1;
    let largest = (1 << exponent_bits) - 1;
    let exponent = bits >> mantissa_bits & largest;
    let mantissa = bits & ((1 << mantissa_bits) - 1);
    let bias = largest >> 1;
    let magnitude = if exponent == 0 {
        mantissa as f32 * ((1 - bias as i32 - mantissa_bits as i32) as f32).exp2()
    } else {
        let wide = if exponent == largest { 0xFF } else { exponent + 127 - bias };
        f32::from_bits(wide << 23 | mantissa << (23 - mantissa_bits))
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_floats_are_what_they_stand_for() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7BFF, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x7C00, f32::INFINITY),
        ] {
            assert_eq!(of_16_bits(bits), value, "{bits:x}");
        }
        assert!(of_16_bits(0x7E00).is_nan());
        for (bits, value) in [
            (0, 0.0),
            (0x3F_0000, 1.0),
            (0xC0_0000, -2.0),
            (0x3E_8000, 0.75),
            (0x7F_0000, f32::INFINITY),
        ] {
            assert_eq!(of_24_bits(bits), value, "{bits:x}");
        }
    }
}
