//! CMYK without a profile to sRGB.

/// Of inks from 0 to 1 to encoded sRGB.
pub(super) fn to_rgb([c, m, y, k]: [f32; 4]) -> [f32; 3] {
    [c, m, y].map(|ink| (1.0 - ink) * (1.0 - k))
}
