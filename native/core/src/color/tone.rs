//! High dynamic range to what a screen shows.
//!
//! The curve is the EETF of Report ITU-R BT.2390, section 5.4.1: up to a knee nothing changes, and
//! what is brighter is bent by a Hermite spline, so that the brightest becomes the screen's white.
//! It is taken of the largest of the three components and scales all of them, which keeps the hue.
//! White is 203 cd/m², as Report ITU-R BT.2408 has it for graphics; floats have it at 1. A picture
//! that is no brighter is left as it is.

use super::spaces::{Rgb, from_narrow};
use super::transfer::{clamp, to_srgb};

/// The luminance of white in cd/m².
const WHITE: f32 = 203.0;

/// What PQ can say at most, in whites, and what HLG says on the screen that its curve is for.
const PQ_PEAK: f32 = 10_000.0 / WHITE;
const HLG_PEAK: f32 = 1_000.0 / WHITE;

/// How many points there are of a function, with straight lines in between.
const POINTS: usize = 4_096;

/// How many pixels are looked at to know how bright a picture is, and the share of them that may be
/// brighter: a lamp or the sun is not worth darkening all the rest.
pub(super) const LOOKED_AT: usize = 1 << 14;
const BRIGHTER: f32 = 0.005;

/// How numbers become light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Light {
    /// They are light.
    Linear,
    /// SMPTE ST 2084.
    Pq { full_range: bool },
    /// ARIB STD-B67, on a screen of 1,000 cd/m².
    Hlg { full_range: bool },
}

/// A function from 0 to 1, or the next thing to it.
#[derive(Debug)]
struct Table(Vec<f32>);

impl Table {
    fn of(function: impl Fn(f32) -> f32) -> Table {
        Table((0..=POINTS).map(|point| function(point as f32 / POINTS as f32)).collect())
    }

    fn at(&self, x: f32) -> f32 {
        let at = clamp(x) * POINTS as f32;
        match self.0.get(at as usize..) {
            Some(&[low, high, ..]) => low + (high - low) * at.fract(),
            Some(&[last]) => last,
            _ => 0.0,
        }
    }
}

/// The way of one picture.
#[derive(Debug)]
pub(crate) struct ToneMap {
    light: Light,
    /// Where numbers are not light.
    decoded: Option<Table>,
    primaries: Rgb,
    /// The brightest, in whites, and what everything is multiplied by, by the square root of how
    /// near it comes to that.
    peak: f32,
    scale: Option<Table>,
}

impl ToneMap {
    /// For a picture of which these are some pixels.
    pub(super) fn new(
        light: Light,
        primaries: Rgb,
        pixels: impl Iterator<Item = [f32; 3]>,
    ) -> ToneMap {
        let full = |x: f32, full_range: bool| if full_range { x } else { from_narrow(x) };
        let decoded = match light {
            Light::Linear => None,
            Light::Pq { full_range } => {
                Some(Table::of(|x| pq_to_nits(full(x, full_range)) / WHITE))
            }
            Light::Hlg { full_range } => Some(Table::of(|x| hlg_to_scene(full(x, full_range)))),
        };
        let mut map = ToneMap { light, decoded, primaries, peak: 1.0, scale: None };
        let mut brightest: Vec<f32> = pixels.map(|pixel| largest(map.to_light(pixel))).collect();
        let brighter = (brightest.len() as f32 * BRIGHTER) as usize;
        if brighter < brightest.len() {
            let at = brightest.len() - 1 - brighter;
            let (_, &mut peak, _) = brightest.select_nth_unstable_by(at, f32::total_cmp);
            map.peak = peak.clamp(1.0, PQ_PEAK);
        }
        // Less does not show.
        if map.peak > 1.004 {
            let peak = map.peak;
            map.scale = Some(Table::of(|root| {
                let x = (root * root * peak).max(1e-6);
                bent(x, peak) / x
            }));
        }
        map
    }

    /// Encoded numbers to linear sRGB from 0 to 1.
    pub(super) fn map(&self, pixel: [f32; 3]) -> [f32; 3] {
        let light = self.to_light(pixel);
        let Some(scale) = &self.scale else { return light.map(clamp) };
        let by = scale.at((largest(light).max(0.0) / self.peak).sqrt());
        light.map(|c| clamp(c * by))
    }

    /// The same, encoded.
    pub(super) fn map_encoded(&self, pixel: [f32; 3]) -> [f32; 3] {
        self.map(pixel).map(to_srgb)
    }

    /// In whites, of sRGB's primaries.
    fn to_light(&self, pixel: [f32; 3]) -> [f32; 3] {
        let light = match &self.decoded {
            None => pixel.map(|c| if c.is_nan() { 0.0 } else { c }),
            Some(table) => pixel.map(|c| table.at(c)),
        };
        let light = if matches!(self.light, Light::Hlg { .. }) { shown(light) } else { light };
        self.primaries.to_srgb(light)
    }
}

fn largest([r, g, b]: [f32; 3]) -> f32 {
    r.max(g).max(b)
}

/// The EETF, of light in whites.
fn bent(x: f32, peak: f32) -> f32 {
    let most = nits_to_pq(peak * WHITE);
    let white = nits_to_pq(WHITE) / most;
    let knee = 1.5 * white - 0.5;
    let e = (nits_to_pq(x * WHITE) / most).min(1.0);
    if e < knee {
        return x;
    }
    let t = (e - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let e = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * white;
    pq_to_nits(e * most) / WHITE
}

const M1: f32 = 2_610.0 / 16_384.0;
const M2: f32 = 2_523.0 / 32.0;
const C1: f32 = 3_424.0 / 4_096.0;
const C2: f32 = 2_413.0 / 128.0;
const C3: f32 = 2_392.0 / 128.0;

/// SMPTE ST 2084, both ways.
fn pq_to_nits(e: f32) -> f32 {
    let e = e.max(0.0).powf(1.0 / M2);
    10_000.0 * ((e - C1).max(0.0) / (C2 - C3 * e)).powf(1.0 / M1)
}

fn nits_to_pq(nits: f32) -> f32 {
    let y = (nits / 10_000.0).max(0.0).powf(M1);
    ((C1 + C2 * y) / (1.0 + C3 * y)).powf(M2)
}

/// The inverse OETF of Recommendation ITU-R BT.2100: light of the scene, from 0 to 1.
fn hlg_to_scene(e: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 1.0 - 4.0 * A;
    const C: f32 = 0.559_910_7;
    if e <= 0.5 { e * e / 3.0 } else { (((e - C) / A).exp() + B) / 12.0 }
}

/// The OOTF of the same, with a gamma of 1.2 on the luminance that BT.2020's primaries have.
fn shown([r, g, b]: [f32; 3]) -> [f32; 3] {
    let luminance = 0.262_7 * r + 0.678 * g + 0.059_3 * b;
    let by = HLG_PEAK * luminance.max(1e-6).powf(0.2);
    [r * by, g * by, b * by]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pq_is_that_of_its_table() {
        // Report ITU-R BT.2408 has white at 58 % of PQ, and 1,000 cd/m² at 75 %.
        assert!((nits_to_pq(203.0) - 0.581).abs() < 0.001);
        assert!((nits_to_pq(1_000.0) - 0.752).abs() < 0.001);
        for nits in [0.1, 1.0, 100.0, 4_000.0, 10_000.0] {
            assert!((pq_to_nits(nits_to_pq(nits)) / nits - 1.0).abs() < 0.01, "{nits}");
        }
    }

    /// And 75 % of HLG is white, too.
    #[test]
    fn hlg_has_its_white_at_three_quarters() {
        let [r, ..] = shown([hlg_to_scene(0.75); 3]);
        assert!((r - 1.0).abs() < 0.01, "{r}");
    }

    #[test]
    fn what_is_no_brighter_than_white_is_left_as_it_is() {
        let pixels = [[0.0, 0.5, 1.0], [0.2, 0.1, 0.9]];
        let map = ToneMap::new(Light::Linear, Rgb::srgb(), pixels.into_iter());
        for pixel in pixels {
            assert_eq!(map.map(pixel), pixel);
        }
    }

    #[test]
    fn the_brightest_is_white_and_nothing_changes_places() {
        for peak in [1.1, 2.0, 5.0, 40.0] {
            let ramp = (0..=1_000).map(|i| peak * i as f32 / 1_000.0);
            let map = ToneMap::new(Light::Linear, Rgb::srgb(), ramp.clone().map(|c| [c; 3]));
            let mapped: Vec<f32> = ramp.map(|c| map.map([c; 3])[0]).collect();
            // Near the top it is almost flat.
            let is_sorted = mapped.windows(2).all(|pair| pair[1] >= pair[0] - 1e-3);
            assert!(is_sorted, "{peak}");
            assert!(mapped[1_000] > 0.98, "{peak}: {}", mapped[1_000]);
            assert!(mapped[1_000 / 4 / peak as usize] > 0.15, "{peak}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_black() {
        let map = ToneMap::new(Light::Linear, Rgb::srgb(), std::iter::once([f32::NAN; 3]));
        assert_eq!(map.map([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]), [0.0, 1.0, 0.0]);
    }
}
