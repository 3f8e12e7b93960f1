//! What a picture's numbers mean.

use bytes::Bytes;

/// The color space that a file says its numbers are in.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ColorSpace {
    /// It says sRGB, or nothing. Floats are linear light with sRGB's primaries.
    #[default]
    Srgb,
    /// An ICC profile, which nobody has looked at yet.
    Icc(Bytes),
    /// Code points of ITU-T H.273, as PNG's `cICP` has them.
    Coded { primaries: u8, transfer: u8, full_range: bool },
    /// PNG's `gAMA` (the exponent of encoding, 1 / 2.2 for most) and `cHRM` (x and y of white, red,
    /// green and blue).
    Measured { gamma: Option<f32>, chromaticities: Option<[f32; 8]> },
    /// Adobe RGB (1998), as EXIF says it without a profile.
    AdobeRgb,
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
