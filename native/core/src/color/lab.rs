//! CIE L*a*b* to sRGB.

use pulp::Simd;

use super::planes::{ColorMap, each_pixel, product};
use super::transfer::to_srgb_nearly;
use crate::picture::Sample;

/// The white of the ICC's profile connection space, D50.
const WHITE: [f32; 3] = [0.964_2, 1.0, 0.824_9];

/// XYZ of D50 to linear sRGB, whose white is D65, adapted by Bradford's method.
const XYZ_TO_RGB: [[f32; 3]; 3] = [
    [3.134_113_6, -1.617_385_9, -0.490_633_3],
    [-0.978_795_5, 1.916_254_4, 0.033_442_9],
    [0.071_957_7, -0.228_976_7, 1.405_386],
];

/// Of pixels encoded as in [`ColorModel::Lab`](crate::ColorModel::Lab), with alpha or without, to
/// as many of RGB: encoded, or light where that is what the samples are.
pub(super) fn to_rgb<S: Sample>(from: &[S], channels: u8, to: &mut [S]) {
    each_pixel(from, channels, to, &Lab);
}

struct Lab;

impl<S: Sample> ColorMap<S> for Lab {
    #[inline(always)]
    fn read(&self, _channel: usize, sample: S) -> f32 {
        sample.unit()
    }

    #[inline(always)]
    fn convert<V: Simd>(&self, [lightness, a, b]: [f32; 3]) -> [f32; 3] {
        let y = (lightness * 100.0 + 16.0) * (1.0 / 116.0);
        let x = y + (a * 255.0 - 128.0) * (1.0 / 500.0);
        let z = y - (b * 255.0 - 128.0) * (1.0 / 200.0);
        let xyz = [cube(x) * WHITE[0], cube(y) * WHITE[1], cube(z) * WHITE[2]];
        let light = product::<V>(&XYZ_TO_RGB, xyz);
        if S::LINEAR { light } else { light.map(to_srgb_nearly::<V>) }
    }
}

/// The luminance of a lightness, both from 0 to 1.
pub(super) fn luminance(lightness: f32) -> f32 {
    cube((lightness * 100.0 + 16.0) / 116.0)
}

/// The inverse of CIE's f(t).
#[inline(always)]
fn cube(f: f32) -> f32 {
    const BEND: f32 = 6.0 / 29.0;
    if f > BEND { f * f * f } else { 3.0 * BEND * BEND * (f - 4.0 / 29.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(lab: [f32; 3]) -> [u8; 3] {
        let encoded = [lab[0] / 100.0, (lab[1] + 128.0) / 255.0, (lab[2] + 128.0) / 255.0];
        let words = encoded.map(u16::from_unit);
        let mut rgb = [0; 3];
        to_rgb(&words, 3, &mut rgb);
        rgb.map(|c| u8::from_unit(c.unit()))
    }

    /// The colors are those of sRGB's corners, as D50 has them.
    #[test]
    fn known_colors_are_what_they_are() {
        assert_eq!(bytes([100.0, 0.0, 0.0]), [255, 255, 255]);
        assert_eq!(bytes([0.0, 0.0, 0.0]), [0, 0, 0]);
        assert_eq!(bytes([53.585, 0.0, 0.0]), [128, 128, 128]);
        assert_eq!(bytes([54.29, 80.81, 69.89]), [255, 0, 0]);
        assert_eq!(bytes([87.82, -79.27, 80.99]), [0, 255, 0]);
        assert_eq!(bytes([29.57, 68.30, -112.03]), [0, 0, 255]);
    }
}
