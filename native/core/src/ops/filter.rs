use fast_image_resize::{self as fir, FilterType};

/// The kernel of the last resampling step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    Nearest,
    Box,
    Bilinear,
    Hamming,
    CatmullRom,
    Mitchell,
    Gaussian,
    #[default]
    Lanczos3,
}

impl Filter {
    /// The kernel's radius in pixels of the coarser of the two pictures.
    pub(crate) fn support(self) -> f64 {
        match self {
            Filter::Nearest | Filter::Box => 0.5,
            Filter::Bilinear | Filter::Hamming => 1.0,
            Filter::CatmullRom | Filter::Mitchell => 2.0,
            Filter::Gaussian | Filter::Lanczos3 => 3.0,
        }
    }

    pub(super) fn kernel(self) -> FilterType {
        match self {
            // Pixels were picked while decoding; what is left to do here is to copy them.
            Filter::Nearest | Filter::Box => FilterType::Box,
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Hamming => FilterType::Hamming,
            Filter::CatmullRom => FilterType::CatmullRom,
            Filter::Mitchell => FilterType::Mitchell,
            Filter::Gaussian => FilterType::Gaussian,
            // It is computed for every band anew, and its own takes two sines a tap: half of the
            // time of wide outputs.
            Filter::Lanczos3 => fir::Filter::new("Lanczos3", lanczos3, 3.0)
                .map_or(FilterType::Lanczos3, FilterType::Custom),
        }
    }
}

/// sinc(x) sinc(x / 3) within 3 of zero. Straight lines between points so close are off by less
/// than 1e-6: nothing where samples have 8 bits, for which coefficients are rounded to 16, and
/// below what 16 bits show.
fn lanczos3(x: f64) -> f64 {
    let at = x.abs() * f64::from(POINTS);
    let below = at as usize;
    match LANCZOS3.get(below..).and_then(<[f64]>::first_chunk) {
        Some(&[this, next]) => this + (next - this) * (at - below as f64),
        None => 0.0,
    }
}

/// How many points of the kernel there are for a unit of its argument.
const POINTS: u32 = 1024;

static LANCZOS3: [f64; 3 * POINTS as usize + 1] = {
    let mut points = [0.0; 3 * POINTS as usize + 1];
    points[0] = 1.0;
    let mut i = 1;
    while i < points.len() {
        let turn = std::f64::consts::PI * i as f64 / POINTS as f64;
        points[i] = 3.0 * sine(turn) * sine(turn / 3.0) / (turn * turn);
        i += 1;
    }
    points
};

/// By its series around zero, of as many terms as 3π takes; the standard library's is not `const`.
const fn sine(angle: f64) -> f64 {
    let (mut term, mut sum) = (angle, 0.0);
    let mut k = 1;
    while k < 40 {
        sum += term;
        term *= -angle * angle / ((2 * k) * (2 * k + 1)) as f64;
        k += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanczos_is_that_of_the_formula() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
        for i in -4000..=4000 {
            let x = f64::from(i) / 1000.0;
            let turn = x * std::f64::consts::PI;
            let expected = if x.abs() < 3.0 { sinc(turn) * sinc(turn / 3.0) } else { 0.0 };
            assert!((lanczos3(x) - expected).abs() < 1e-6, "at {x}");
        }
    }
}
