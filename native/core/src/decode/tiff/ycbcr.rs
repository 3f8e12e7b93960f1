//! YCbCr that is no JPEG: some luma samples that share a pair of chroma samples, side by side.

use super::directory::{Field, Fields};

/// From Y, Cb and Cr to RGB, in 65,536ths.
#[derive(Debug, Clone)]
pub(super) struct YCbCr {
    luma: [i32; 256],
    red_by_cr: [i32; 256],
    green_by_cb: [i32; 256],
    green_by_cr: [i32; 256],
    blue_by_cb: [i32; 256],
}

/// What the fields default to: ITU-R BT.601, and no head- or footroom.
const COEFFICIENTS: [f64; 3] = [0.299, 0.587, 0.114];
const BLACK_WHITE: [f64; 6] = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];

impl YCbCr {
    /// What the fields say, as far as it makes sense.
    pub(super) fn new(input: &[u8], fields: &Fields) -> Self {
        let mut coefficients: [f64; 3] = numbers(input, &fields.ycbcr_coefficients, COEFFICIENTS);
        if coefficients.iter().any(|luma| !(0.001..1.0).contains(luma)) {
            coefficients = COEFFICIENTS;
        }
        let [red, green, blue] = coefficients;
        let range = numbers(input, &fields.reference_black_white, BLACK_WHITE);
        let range = if range.iter().all(|end| end.abs() < 65_536.0) { range } else { BLACK_WHITE };
        let table = |black: f64, white: f64, full: f64, factor: f64| {
            let span = if white == black { 1.0 } else { white - black };
            let value = |code: usize| (code as f64 - black) * full / span * factor * 65_536.0;
            // Far beyond what there is, and far from what no sum can hold.
            let most = f64::from(i32::MAX / 8);
            let mut all = [0; 256];
            for (code, value) in all.iter_mut().zip((0..).map(value)) {
                *code = value.clamp(-most, most) as i32;
            }
            all
        };
        let [y_black, y_white, cb_black, cb_white, cr_black, cr_white] = range;
        let (by_cr, by_cb) = (2.0 - 2.0 * red, 2.0 - 2.0 * blue);
        YCbCr {
            luma: table(y_black, y_white, 255.0, 1.0),
            red_by_cr: table(cr_black, cr_white, 127.0, by_cr),
            green_by_cb: table(cb_black, cb_white, 127.0, by_cb * blue / green),
            green_by_cr: table(cr_black, cr_white, 127.0, by_cr * red / green),
            blue_by_cb: table(cb_black, cb_white, 127.0, by_cb),
        }
    }

    pub(super) fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let (y, cb, cr) = (self.luma[usize::from(y)], usize::from(cb), usize::from(cr));
        let red = y + self.red_by_cr[cr];
        let green = y - self.green_by_cb[cb] - self.green_by_cr[cr];
        let blue = y + self.blue_by_cb[cb];
        [red, green, blue].map(|sample| ((sample + 32_768) >> 16).clamp(0, 255) as u8)
    }

    /// Makes the row of so many in a row of units, of `across` pixels each and `down` rows.
    pub(super) fn row(&self, units: &[u8], (across, down): (u32, u32), row: u32, to: &mut [u8]) {
        let (across, lumas) = (across as usize, (across * down) as usize);
        let pixels = to.as_chunks_mut::<3>().0;
        for (unit, pixels) in units.chunks_exact(lumas + 2).zip(pixels.chunks_mut(across)) {
            let (lumas, chroma) = unit.split_at(lumas);
            let &[cb, cr] = chroma else { continue };
            let lumas = lumas.chunks_exact(across).nth(row as usize).unwrap_or_default();
            for (pixel, &y) in pixels.iter_mut().zip(lumas) {
                *pixel = self.rgb([y, cb, cr]);
            }
        }
    }
}

fn numbers<const N: usize>(input: &[u8], field: &Option<Field>, default: [f64; N]) -> [f64; N] {
    let Some(field) = field else { return default };
    let mut found = default;
    for (number, index) in found.iter_mut().zip(0..) {
        match field.real(input, index) {
            Ok(real) if real.is_finite() => *number = real,
            _ => return default,
        }
    }
    found
}
