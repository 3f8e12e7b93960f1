//! The sRGB transfer function and CIE L*, for operations that are defined on the one and given the
//! other.

use crate::Color;
use crate::Layout;
pub(super) use crate::color::to_linear as decode;
use crate::picture::Sample;

/// What BT.709 weighs red, green and blue with, to as many digits as CSS has.
pub(super) const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

pub(super) fn luma([r, g, b]: [f32; 3]) -> f32 {
    LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
}

/// IEC 61966-2-1. What is brighter than white stays that.
pub(super) fn encode(linear: f32) -> f32 {
    let linear = linear.max(0.0);
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// A sample's value of sRGB.
pub(super) fn srgb<S: Sample>(sample: S) -> f32 {
    if S::LINEAR { encode(sample.unit()) } else { sample.unit() }
}

/// The sample of a value of sRGB.
pub(super) fn sample<S: Sample>(srgb: f32) -> S {
    if S::LINEAR { S::from_unit(decode(srgb)) } else { S::from_unit(srgb.clamp(0.0, 1.0)) }
}

/// A color as the samples of one pixel, of which as many matter as the layout has channels.
pub(super) fn pixel<S: Sample>(Color(color): Color, layout: Layout, premultiply: bool) -> [S; 4] {
    let [r, g, b, a] = color.map(|c| f32::from(c) / 255.0);
    let weight = if premultiply { a } else { 1.0 };
    let color = [r, g, b].map(|c| if S::LINEAR { decode(c) } else { c } * weight);
    let [r, g, b] = color.map(S::from_unit);
    let a = S::from_unit(a);
    if layout.is_gray() { [r, a, r, a] } else { [r, g, b, a] }
}
