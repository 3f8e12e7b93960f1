use bytes::Bytes;

use super::spaces;

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

impl ColorSpace {
    /// Whether there is a way from it, as far as that is known without a look at its profile.
    pub(crate) fn is_known(&self) -> bool {
        match self {
            ColorSpace::Srgb | ColorSpace::Icc(_) | ColorSpace::AdobeRgb => true,
            space => {
                spaces::is_srgb(space)
                    || spaces::light(space).is_some()
                    || spaces::profile(space).is_some()
            }
        }
    }
}

/// What became of a profile that was found in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileUse {
    /// There was none.
    #[default]
    None,
    /// Colors were converted as it says. Where it is sRGB's, nothing was to be done.
    Applied,
    /// Colors were not converted, and it went along into the output.
    Kept,
    /// It is broken, or one for other numbers than the picture's.
    Ignored,
}
