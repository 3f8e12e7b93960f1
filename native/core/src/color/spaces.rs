//! RGB and gray that a file says without a profile, as profiles.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics,
};
use pulp::Scalar;

use super::planes::product;
use super::tone::Light;
use crate::ColorSpace;

/// Takes linear light of some primaries to that of sRGB's, with the white adapted by Bradford's
/// method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rgb(pub [[f32; 3]; 3]);

impl Rgb {
    pub(super) fn srgb() -> Rgb {
        Rgb([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    }

    pub(super) fn of(profile: &ColorProfile) -> Option<Rgb> {
        let matrix = profile.transform_matrix(&ColorProfile::new_srgb()).to_f32().v;
        matrix.iter().flatten().all(|c| c.is_finite()).then_some(Rgb(matrix))
    }

    pub(super) fn to_srgb(self, light: [f32; 3]) -> [f32; 3] {
        if self == Rgb::srgb() {
            return light;
        }
        product::<Scalar>(&self.0, light)
    }
}

/// The profile of sRGB, and that of its gray.
pub(super) fn srgb() -> ColorProfile {
    ColorProfile::new_srgb()
}

pub(super) fn gray(curve: Option<ToneReprCurve>) -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(2.2);
    profile.gray_trc = curve;
    profile
}

/// The profile of a color space that is told without one: `None` where it cannot be, or makes none.
pub(super) fn profile(space: &ColorSpace) -> Option<ColorProfile> {
    match *space {
        ColorSpace::Srgb | ColorSpace::Icc(_) => None,
        ColorSpace::AdobeRgb => Some(ColorProfile::new_adobe_rgb()),
        ColorSpace::Measured { gamma, chromaticities } => measured(gamma, chromaticities),
        ColorSpace::Coded { primaries, transfer, full_range } => {
            let profile = coded(primaries, transfer)?;
            if full_range { Some(profile) } else { narrowed(profile) }
        }
    }
}

/// The same as a file.
pub(super) fn written(space: &ColorSpace, is_gray: bool) -> Option<Vec<u8>> {
    let profile = profile(space)?;
    let profile = if is_gray { gray(profile.green_trc) } else { profile };
    profile.encode().ok()
}

/// How numbers become light where that is brighter than a screen's white, and the primaries.
pub(super) fn light(space: &ColorSpace) -> Option<(Light, Rgb)> {
    let &ColorSpace::Coded { primaries, transfer, full_range } = space else { return None };
    let light = match transfer {
        16 => Light::Pq { full_range },
        18 => Light::Hlg { full_range },
        _ => return None,
    };
    Some((light, Rgb::of(&coded(primaries, SRGB_TRANSFER)?)?))
}

/// Code points of sRGB.
const SRGB_PRIMARIES: u8 = 1;
const SRGB_TRANSFER: u8 = 13;

/// Whether it is sRGB by another name.
pub(super) fn is_srgb(space: &ColorSpace) -> bool {
    match *space {
        ColorSpace::Srgb => true,
        ColorSpace::Icc(_) | ColorSpace::AdobeRgb => false,
        ColorSpace::Coded { primaries, transfer, full_range } => {
            full_range && (primaries, transfer) == (SRGB_PRIMARIES, SRGB_TRANSFER)
        }
        ColorSpace::Measured { gamma, chromaticities } => {
            // 1 / 2.2 is what stands for sRGB where a chunk knows nothing else.
            let gamma = gamma.is_none_or(|gamma| (gamma - 1.0 / 2.2).abs() < 0.005);
            let near =
                |found: [f32; 8]| found.iter().zip(BT709).all(|(a, b)| (a - b).abs() < 0.003);
            gamma && chromaticities.is_none_or(near)
        }
    }
}

/// X and y of white, red, green and blue.
const BT709: [f32; 8] = [0.312_7, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];

/// What a number of the narrow range of BT.2100 is in all of the range.
pub(super) fn from_narrow(x: f32) -> f32 {
    ((x * 255.0 - 16.0) / 219.0).clamp(0.0, 1.0)
}

/// The same color space in the narrow range.
fn narrowed(mut profile: ColorProfile) -> Option<ColorProfile> {
    const ENTRIES: u16 = 4_096;
    let curve = profile.red_trc.as_ref()?.make_linear_evaluator().ok()?;
    let entry = |index: u16| {
        let x = from_narrow(f32::from(index) / f32::from(ENTRIES - 1));
        (curve.evaluate_value(x) * 65_535.0 + 0.5) as u16
    };
    let curve = ToneReprCurve::Lut((0..ENTRIES).map(entry).collect());
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    Some(profile)
}

fn measured(gamma: Option<f32>, chromaticities: Option<[f32; 8]>) -> Option<ColorProfile> {
    let mut profile = srgb();
    if let Some([wx, wy, rx, ry, gx, gy, bx, by]) = chromaticities {
        let point = |x: f32, y: f32| -> Option<Chromaticity> {
            let is_sane = (-0.5..1.5).contains(&x) && (0.001..1.5).contains(&y);
            is_sane.then_some(Chromaticity { x, y })
        };
        let primaries =
            ColorPrimaries { red: point(rx, ry)?, green: point(gx, gy)?, blue: point(bx, by)? };
        profile.update_rgb_colorimetry(point(wx, wy)?.to_xyyb(), primaries);
        Rgb::of(&profile)?;
    }
    if let Some(gamma) = gamma {
        if !(0.05..20.0).contains(&gamma) {
            return None;
        }
        let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
    }
    Some(profile)
}

fn coded(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let transfer_characteristics = match transfer {
        1 | 4..=6 | 8 | 13..=15 => TransferCharacteristics::try_from(transfer).ok()?,
        _ => return None,
    };
    let color_primaries = match primaries {
        1 | 4..=9 | 11 | 12 | 22 => CicpColorPrimaries::try_from(primaries).ok()?,
        _ => return None,
    };
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    (profile.color_space == DataColorSpace::Rgb && profile.red_trc.is_some()).then_some(profile)
}
