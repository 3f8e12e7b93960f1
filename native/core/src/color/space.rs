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
