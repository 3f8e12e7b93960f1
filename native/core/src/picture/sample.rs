use bytemuck::Pod;

/// One number of a pixel.
pub(crate) trait Sample: Pod + Send + Sync {
    /// Whether it is linear light, rather than sRGB-encoded.
    const LINEAR: bool;
    /// 1.0 is white, and full alpha.
    fn unit(self) -> f32;
    fn from_unit(unit: f32) -> Self;
}

// A float cast to an integer saturates, so a value out of range needs no clamp of its own.
impl Sample for u8 {
    const LINEAR: bool = false;
    fn unit(self) -> f32 {
        f32::from(self) / 255.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 255.0 + 0.5) as u8
    }
}

impl Sample for u16 {
    const LINEAR: bool = false;
    fn unit(self) -> f32 {
        f32::from(self) / 65_535.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 65_535.0 + 0.5) as u16
    }
}

impl Sample for f32 {
    const LINEAR: bool = true;
    fn unit(self) -> f32 {
        self
    }
    fn from_unit(unit: f32) -> Self {
        unit
    }
}
