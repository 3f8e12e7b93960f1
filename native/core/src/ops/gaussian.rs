//! The weights of a Gaussian, for blurs and sharpening up to a few pixels.

/// A kernel around a pixel: `half[0]` is half of the weight of the pixel itself, `half[k]` that of
/// each of the two pixels `k` away. Twice the sum is 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gaussian {
    pub half: Vec<f32>,
    /// The same in 65,536ths, with a sum of exactly 32,768.
    pub fixed: Vec<u16>,
}

/// How many standard deviations are looked at on each side: what lies behind is a 370th of all.
const REACH: f64 = 3.0;

impl Gaussian {
    pub(super) fn new(sigma: f64) -> Gaussian {
        let radius = radius(sigma);
        let weight = |k: usize| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
        let sum = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
        let half: Vec<f64> =
            (0..=radius).map(|k| if k == 0 { 0.5 / sum } else { weight(k) / sum }).collect();
        let mut fixed: Vec<u16> = half.iter().map(|w| (w * 65_536.0).round() as u16).collect();
        let others: u16 = fixed.iter().skip(1).sum();
        if let Some(middle) = fixed.first_mut() {
            *middle = 32_768 - others;
        }
        Gaussian { half: half.into_iter().map(|w| w as f32).collect(), fixed }
    }

    pub(super) fn radius(&self) -> usize {
        self.half.len() - 1
    }
}

pub(super) fn radius(sigma: f64) -> usize {
    ((sigma * REACH).ceil() as usize).max(1)
}

/// The row that lies `by` rows from `row`, or the picture's first or last.
pub(super) fn clamped(row: u32, by: isize, height: u32) -> usize {
    (row as usize).saturating_add_signed(by).min(height as usize - 1)
}

/// Repeats the first and the last pixel of a row in the room on both sides of it.
pub(super) fn pad<T: Copy>(row: &mut [T], pad: usize, pixel: usize) {
    let len = row.len();
    for i in (0..pad * pixel).rev() {
        row[i] = row[i + pixel];
    }
    for i in len - pad * pixel..len {
        row[i] = row[i - pixel];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_those_of_the_formula_and_their_sum_is_one() {
        for sigma in [0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0] {
            let kernel = Gaussian::new(sigma);
            let sum: f32 = kernel.half.iter().sum();
            assert!((sum - 0.5).abs() < 1e-6, "{sigma}: {sum}");
            assert_eq!(kernel.fixed.iter().map(|&w| u32::from(w)).sum::<u32>(), 32_768, "{sigma}");
            let ratio = f64::from(kernel.half[1]) / f64::from(2.0 * kernel.half[0]);
            assert!((ratio - (-0.5 / (sigma * sigma)).exp()).abs() < 1e-6, "{sigma}: {ratio}");
        }
    }

    #[test]
    fn rows_go_on_with_their_last_pixels() {
        let mut row = [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0];
        pad(&mut row, 2, 2);
        assert_eq!(row, [1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4]);
    }
}
