//! RGB of 16 bits to sRGB by three curves, a matrix, and the curve of sRGB.

use moxcms::{ColorProfile, ToneReprCurve};
use pulp::Simd;

use super::planes::{ColorMap, each_pixel, product};
use super::spaces::Rgb;
use super::transfer::{clamp, to_srgb_nearly};

/// A curve is lines of so many samples, a fifth of a step of 16 bits away from it at most, if it is
/// that of a screen or a camera.
const SAMPLES: u16 = 32;
const LINES: usize = 65_536 / SAMPLES as usize;

/// What each line begins with, and what it adds a sample.
type Lines = [[f32; 2]; LINES];

pub(crate) struct MatrixTable {
    curves: [Box<Lines>; 3],
    matrix: Rgb,
}

impl MatrixTable {
    /// Of a profile that has no table of colors.
    pub(super) fn new(profile: &ColorProfile) -> Option<Self> {
        let curve = |curve: &Option<ToneReprCurve>| lines(curve.as_ref()?);
        let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc].map(curve);
        let [Some(red), Some(green), Some(blue)] = curves else { return None };
        Some(MatrixTable { curves: [red, green, blue], matrix: Rgb::of(profile)? })
    }

    /// Of three samples a pixel, or of four, the last of which is alpha.
    pub(super) fn run(&self, from: &[u16], channels: u8, to: &mut [u16]) {
        each_pixel(from, channels, to, self);
    }
}

impl ColorMap<u16> for MatrixTable {
    #[inline(always)]
    fn read(&self, channel: usize, sample: u16) -> f32 {
        let [first, more] = self.curves[channel][usize::from(sample / SAMPLES)];
        first + more * f32::from(sample % SAMPLES)
    }

    #[inline(always)]
    fn convert<V: Simd>(&self, light: [f32; 3]) -> [f32; 3] {
        product::<V>(&self.matrix.0, light).map(to_srgb_nearly::<V>)
    }
}

/// On the heap from the start: schedulers have small stacks.
fn lines(curve: &ToneReprCurve) -> Option<Box<Lines>> {
    let curve = curve.make_linear_evaluator().ok()?;
    // Some of the color management system's curves are far off at 0.
    let value = |sample: usize| clamp(curve.evaluate_value(sample as f32 / 65_535.0));
    let samples = usize::from(SAMPLES);
    let mut lines = vec![[0.0; 2]; LINES].into_boxed_slice();
    let mut first = value(0);
    for (index, line) in lines.iter_mut().enumerate() {
        let start = index * samples;
        // The last one ends at white, a sample short.
        let end = (start + samples).min(65_535);
        let next = value(end);
        *line = [first, (next - first) / (end - start) as f32];
        first = next;
    }
    lines.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::spaces;
    use moxcms::{Layout, TransformOptions};

    /// The color management system's own way for 16 bits, which rounds light to them.
    #[test]
    fn it_is_as_the_color_management_system_has_it() {
        let mut state = 1u32;
        let mut chance = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        };
        let mut from: Vec<u16> = (0..4 * 1_001).map(|_| chance()).collect();
        from.extend([[0; 4], [65_535; 4], [65_535, 0, 0, 1], [0, 65_535, 0, 2]].as_flattened());
        for profile in [
            ColorProfile::new_display_p3(),
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_pro_photo_rgb(),
            ColorProfile::new_bt2020(),
        ] {
            let table = MatrixTable::new(&profile).unwrap_or_else(|| unreachable!("it has curves"));
            let mut found = vec![0; from.len()];
            table.run(&from, 4, &mut found);
            let mut expected = vec![0; from.len()];
            profile
                .create_transform_16bit(
                    Layout::Rgba,
                    &spaces::srgb(),
                    Layout::Rgba,
                    TransformOptions::default(),
                )
                .and_then(|transform| transform.transform(&from, &mut expected))
                .unwrap_or_else(|error| unreachable!("{error}"));
            let pixels = |samples: &[u16]| samples.as_chunks::<4>().0.to_vec();
            for ((from, found), expected) in
                pixels(&from).iter().zip(pixels(&found)).zip(pixels(&expected))
            {
                let far = found.iter().zip(expected).any(|(a, b)| a.abs_diff(b) >= 24);
                assert!(!far, "{from:?} {found:?} {expected:?}");
            }
            let three: Vec<u16> =
                from.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
            let mut found_three = vec![0; three.len()];
            table.run(&three, 3, &mut found_three);
            let same = found.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]);
            assert!(same.eq(found_three));
        }
    }

    #[test]
    fn srgb_stays_as_it_is() {
        let table =
            MatrixTable::new(&spaces::srgb()).unwrap_or_else(|| unreachable!("it has curves"));
        let from: Vec<u16> = (0..=65_535).flat_map(|sample| [sample; 3]).collect();
        let mut found = vec![0; from.len()];
        table.run(&from, 3, &mut found);
        for (found, from) in found.iter().zip(from) {
            assert!(found.abs_diff(from) <= 2, "{found} {from}");
        }
    }
}
