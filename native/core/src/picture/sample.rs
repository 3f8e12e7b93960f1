use bytemuck::Pod;

/// One number of a pixel.
pub(crate) trait Sample: Pod + Send + Sync {
    /// Whether it is linear light, rather than sRGB-encoded.
    const LINEAR: bool;
    /// 1.0 is white, and full alpha.
    fn unit(self) -> f32;
    fn from_unit(unit: f32) -> Self;
    /// Of what is from 0 to 1, or any float: compilers make vectors of it.
    fn from_clamped(unit: f32) -> Self;
}

/// The distance from here to the next float is 1: what is added to it is rounded to a whole number,
/// in its lowest bits.
const WHOLE: f32 = 8_388_608.0;

// A float cast to an integer saturates, so a value out of range needs no clamp of its own.
impl Sample for u8 {
    const LINEAR: bool = false;
    #[inline(always)]
    fn unit(self) -> f32 {
        f32::from(self) / 255.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 255.0 + 0.5) as u8
    }
    #[inline(always)]
    fn from_clamped(unit: f32) -> Self {
        (unit * 255.0 + WHOLE).to_bits() as u8
    }
}

impl Sample for u16 {
    const LINEAR: bool = false;
    #[inline(always)]
    fn unit(self) -> f32 {
        f32::from(self) / 65_535.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 65_535.0 + 0.5) as u16
    }
    #[inline(always)]
    fn from_clamped(unit: f32) -> Self {
        (unit * 65_535.0 + WHOLE).to_bits() as u16
    }
}

impl Sample for f32 {
    const LINEAR: bool = true;
    #[inline(always)]
    fn unit(self) -> f32 {
        self
    }
    fn from_unit(unit: f32) -> Self {
        unit
    }
    #[inline(always)]
    fn from_clamped(unit: f32) -> Self {
        unit
    }
}
