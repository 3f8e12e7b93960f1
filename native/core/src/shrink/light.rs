//! Samples as light, so that their averages are those of what is seen from afar.

use std::sync::LazyLock;

use crate::color::to_linear;

/// The light of every byte. 16 bits tell all of them apart: the first is 20 of 65,535.
static BYTES: LazyLock<[u16; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| light_of_unit(byte as f32 / 255.0)));

fn light_of_unit(unit: f32) -> u16 {
    (to_linear(unit) * 65_535.0 + 0.5) as u16
}

/// Points of the curve of which straight lines are less than 1e-6 off.
const LINES: usize = 4096;
static POINTS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..=LINES + 1).map(|i| to_linear(i as f32 / LINES as f32)).collect());

/// Where the curve begins to be one. Straight lines would meet there at an angle.
const STRAIGHT: f32 = 0.040_45;

fn light_of(sample: u16) -> f32 {
    let unit = f32::from(sample) / 65_535.0;
    if unit <= STRAIGHT {
        return unit / 12.92;
    }
    let at = unit * LINES as f32;
    match POINTS.get(at as usize..).and_then(<[f32]>::first_chunk) {
        Some(&[this, next]) => this + (next - this) * at.fract(),
        None => 1.0,
    }
}

/// A sample that is sRGB-encoded, and the kind that holds its light.
pub(super) trait Encoded: Copy {
    type Light: Copy;

    /// Full alpha.
    const FULL: f32;
    fn light(self) -> Self::Light;
    fn alpha(self) -> Self::Light;
    /// The light of a color that was multiplied by its alpha when it was encoded, multiplied by it
    /// as light.
    fn light_of_premultiplied(self, alpha: Self) -> Self::Light;
}

impl Encoded for u8 {
    type Light = u16;
    const FULL: f32 = 255.0;

    fn light(self) -> u16 {
        BYTES[usize::from(self)]
    }

    fn alpha(self) -> u16 {
        u16::from(self) * 257
    }

    fn light_of_premultiplied(self, alpha: u8) -> u16 {
        (premultiplied(self.into(), alpha.into(), Self::FULL) * 65_535.0 + 0.5) as u16
    }
}

impl Encoded for u16 {
    type Light = f32;
    const FULL: f32 = 65_535.0;

    fn light(self) -> f32 {
        light_of(self)
    }

    fn alpha(self) -> f32 {
        f32::from(self) / Self::FULL
    }

    fn light_of_premultiplied(self, alpha: u16) -> f32 {
        premultiplied(self.into(), alpha.into(), Self::FULL)
    }
}

fn premultiplied(color: f32, alpha: f32, full: f32) -> f32 {
    if alpha == 0.0 { 0.0 } else { to_linear((color / alpha).min(1.0)) * alpha / full }
}

/// What a row's samples are besides their colors.
#[derive(Clone, Copy)]
pub(super) struct Pixels {
    pub channels: usize,
    pub alpha: bool,
    pub premultiplied: bool,
}

impl Pixels {
    pub(super) fn light<S: Encoded>(self, row: &[S], out: &mut [S::Light]) {
        if !self.alpha {
            for (out, &sample) in out.iter_mut().zip(row) {
                *out = sample.light();
            }
            return;
        }
        let pixels = row.chunks_exact(self.channels);
        for (out, pixel) in out.chunks_exact_mut(self.channels).zip(pixels) {
            let ([colors @ .., alpha], [lights @ .., light]) = (pixel, out) else { return };
            *light = alpha.alpha();
            for (light, &color) in lights.iter_mut().zip(colors) {
                *light = if self.premultiplied {
                    color.light_of_premultiplied(*alpha)
                } else {
                    color.light()
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::to_srgb;

    #[test]
    fn light_is_that_of_the_formula_and_comes_back() {
        for byte in 0..=255u8 {
            let light = f32::from(byte.light()) / 65_535.0;
            assert_eq!((to_srgb(light) * 255.0).round() as u8, byte);
        }
        for word in 0..=u16::MAX {
            let light = word.light();
            assert!((light - to_linear(f32::from(word) / 65_535.0)).abs() < 1e-6, "{word}");
            assert!((to_srgb(light) * 65_535.0 - f32::from(word)).abs() < 0.5, "{word}");
        }
    }

    #[test]
    fn alpha_is_no_light() {
        let straight = Pixels { channels: 2, alpha: true, premultiplied: false };
        let mut light = [0; 4];
        straight.light::<u8>(&[188, 128, 255, 0], &mut light);
        assert_eq!(light, [BYTES[188], 128 * 257, 65_535, 0]);
        // Half of a color that is all there.
        let premultiplied = Pixels { premultiplied: true, ..straight };
        premultiplied.light::<u8>(&[94, 128, 0, 0], &mut light);
        assert!(light[0].abs_diff(BYTES[187] / 2) < 200 && light[2] == 0, "{light:?}");
    }
}
