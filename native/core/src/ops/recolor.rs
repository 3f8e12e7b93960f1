//! What depends on a pixel's color alone.

use std::ops::Range;

use super::light::{self, LUMA, luma};
use super::op::{Bands, Op, Scratch};
use crate::operation::Recolor;
use crate::picture::{Picture, Sample, Shape};
use crate::{Depth, Error, Layout, cost};

/// Colors come without their alpha. Curves are looked up where samples have 8 bits.
pub(crate) struct Recoloring {
    recolor: Recolor,
    curve: Option<Box<[u8; 256]>>,
    tint: Option<Tint>,
}

impl Recoloring {
    pub(crate) fn new(recolor: Recolor, depth: Depth) -> Self {
        let looked_up = depth == Depth::U8;
        let curve = (looked_up && recolor.is_curve()).then(|| {
            let mut curve = Box::new([0; 256]);
            for (from, to) in (0..=u8::MAX).zip(curve.iter_mut()) {
                *to = light::sample(recolor.curve(from.unit()));
            }
            curve
        });
        let tint = match recolor {
            Recolor::Tint(color) => Some(Tint::new(color)),
            _ => None,
        };
        Recoloring { recolor, curve, tint }
    }

    fn run<S: Sample>(&self, layout: Layout, from: &[S], out: &mut [S]) {
        match layout.channels {
            1 => self.pixels::<S, 1>(from, out),
            2 => self.pixels::<S, 2>(from, out),
            3 => self.pixels::<S, 3>(from, out),
            _ => self.pixels::<S, 4>(from, out),
        }
    }

    fn pixels<S: Sample, const CHANNELS: usize>(&self, from: &[S], out: &mut [S]) {
        let (from, _) = from.as_chunks::<CHANNELS>();
        let color = |pixel: &[S; CHANNELS]| {
            let at = |channel: usize| light::srgb(pixel[if CHANNELS < 3 { 0 } else { channel }]);
            [at(0), at(1), at(2)]
        };
        match self.recolor {
            Recolor::Grayscale => gray(from, out, |pixel| luma(color(pixel))),
            Recolor::Threshold(least) => gray(from, out, |pixel| {
                // The luma as it would be seen; what is as bright but for an error is bright.
                let seen: S = light::sample(luma(color(pixel)));
                if light::srgb(seen) >= least - 1e-6 { 1.0 } else { 0.0 }
            }),
            Recolor::Tint(_) => {
                let Some(tint) = &self.tint else { return };
                if CHANNELS.is_multiple_of(2) {
                    let (out, _) = out.as_chunks_mut::<4>();
                    for (pixel, out) in from.iter().zip(out) {
                        let [r, g, b] = tint.of(color(pixel)).map(light::sample);
                        *out = [r, g, b, pixel[CHANNELS - 1]];
                    }
                } else {
                    let (out, _) = out.as_chunks_mut::<3>();
                    for (pixel, out) in from.iter().zip(out) {
                        *out = tint.of(color(pixel)).map(light::sample);
                    }
                }
            }
            Recolor::Saturate(factor) => {
                let (out, _) = out.as_chunks_mut::<CHANNELS>();
                for (pixel, out) in from.iter().zip(out) {
                    *out = *pixel;
                    // Gray has no other saturation.
                    if CHANNELS >= 3 {
                        let color = color(pixel);
                        let luma = luma(color);
                        for (out, c) in out.iter_mut().zip(color) {
                            *out = light::sample(luma + (c - luma) * factor);
                        }
                    }
                }
            }
            curve => {
                let (out, _) = out.as_chunks_mut::<CHANNELS>();
                let colors = if CHANNELS.is_multiple_of(2) { CHANNELS - 1 } else { CHANNELS };
                for (pixel, out) in from.iter().zip(out) {
                    *out = *pixel;
                    for out in &mut out[..colors] {
                        *out = light::sample(curve.curve(light::srgb(*out)));
                    }
                }
            }
        }
    }
}

/// One channel of each pixel's color, and alpha beside it where there is some.
fn gray<S: Sample, const CHANNELS: usize>(
    from: &[[S; CHANNELS]],
    out: &mut [S],
    value: impl Fn(&[S; CHANNELS]) -> f32,
) {
    if CHANNELS.is_multiple_of(2) {
        let (out, _) = out.as_chunks_mut::<2>();
        for (pixel, out) in from.iter().zip(out) {
            *out = [light::sample(value(pixel)), pixel[CHANNELS - 1]];
        }
    } else {
        for (pixel, out) in from.iter().zip(out) {
            *out = light::sample(value(pixel));
        }
    }
}

impl Op for Recoloring {
    fn shape(&self, from: &Shape) -> Shape {
        let alpha = u8::from(from.layout.has_alpha());
        let depth = from.layout.depth;
        let layout = match self.recolor {
            Recolor::Grayscale | Recolor::Threshold(_) => Layout::new(1 + alpha, depth),
            Recolor::Tint(_) => Layout::new(3 + alpha, depth),
            _ => from.layout,
        };
        Shape { layout, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let slow = self.tint.is_some() || matches!(self.recolor, Recolor::Gamma(_));
        let row = cost::recolor_nanos(from.width, from.layout, slow && self.curve.is_none());
        Bands::new(row, 0, from.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (bytes, layout) = (from.row_bytes(rows)?, from.layout);
        if let Some(curve) = &self.curve {
            look_up(curve, layout, bytes, out);
            return Ok(());
        }
        match layout.depth {
            Depth::U8 => self.run::<u8>(layout, bytes, out),
            Depth::U16 => self.run::<u16>(
                layout,
                bytemuck::try_cast_slice(bytes)?,
                bytemuck::try_cast_slice_mut(out)?,
            ),
            Depth::F32 => self.run::<f32>(
                layout,
                bytemuck::try_cast_slice(bytes)?,
                bytemuck::try_cast_slice_mut(out)?,
            ),
        }
        Ok(())
    }
}

fn look_up(curve: &[u8; 256], layout: Layout, from: &[u8], out: &mut [u8]) {
    for (from, out) in from.iter().zip(&mut *out) {
        *out = curve[usize::from(*from)];
    }
    if layout.has_alpha() {
        let channels = usize::from(layout.channels);
        for (from, out) in from.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            out[channels - 1] = from[channels - 1];
        }
    }
}

impl Recolor {
    /// Whether each channel becomes what it is by itself.
    fn is_curve(self) -> bool {
        match self {
            Recolor::Brighten(_) | Recolor::Contrast(_) | Recolor::Gamma(_) | Recolor::Invert => {
                true
            }
            Recolor::Saturate(_)
            | Recolor::Grayscale
            | Recolor::Threshold(_)
            | Recolor::Tint(_) => false,
        }
    }

    fn curve(self, c: f32) -> f32 {
        match self {
            Recolor::Brighten(factor) => c * factor,
            Recolor::Contrast(factor) => (c - 0.5) * factor + 0.5,
            Recolor::Gamma(exponent) => c.powf(1.0 / exponent),
            Recolor::Invert => 1.0 - c,
            _ => c,
        }
    }
}

/// The colors of one hue and chroma, by lightness, as many as 8 bits can tell apart.
struct Tint {
    /// Values of sRGB from black to white, in steps of L*.
    colors: Vec<[f32; 3]>,
    /// L* in those steps, by luminance, which is close to linear above the first few.
    steps: Vec<u16>,
}

/// How many there are.
const STEPS: u16 = 1_024;
const LUMINANCES: u16 = 8_192;

/// D65, the white of sRGB.
const WHITE: [f32; 3] = [0.950_47, 1.0, 1.088_83];

impl Tint {
    fn new(color: [u8; 3]) -> Tint {
        let [_, a, b] = lab(color.map(|c| light::decode(c.unit())));
        let colors = (0..=STEPS)
            .map(|step| srgb([f32::from(step) * 100.0 / f32::from(STEPS), a, b]))
            .collect();
        let steps = (0..=LUMINANCES)
            .map(|y| {
                let lightness = 116.0 * cube_root(f32::from(y) / f32::from(LUMINANCES)) - 16.0;
                (lightness / 100.0 * f32::from(STEPS) + 0.5) as u16
            })
            .collect();
        Tint { colors, steps }
    }

    fn of(&self, color: [f32; 3]) -> [f32; 3] {
        let luminance = luma(color.map(decoded)).clamp(0.0, 1.0);
        let at = (luminance * f32::from(LUMINANCES) + 0.5) as usize;
        let step = self.steps.get(at).copied().unwrap_or(STEPS);
        self.colors.get(usize::from(step)).copied().unwrap_or([1.0; 3])
    }
}

/// Linear light of a value of sRGB, off by less than a hundredth of what 8 bits show.
fn decoded(srgb: f32) -> f32 {
    let at = srgb.clamp(0.0, 1.0) * f32::from(DECODED);
    let below = at as usize;
    let part = at - below as f32;
    match TABLE.get(below..).and_then(<[f32]>::first_chunk) {
        Some(&[this, next]) => this + (next - this) * part,
        None => 1.0,
    }
}

const DECODED: u16 = 510;

static TABLE: std::sync::LazyLock<Vec<f32>> = std::sync::LazyLock::new(|| {
    (0..=DECODED).map(|i| light::decode(f32::from(i) / f32::from(DECODED))).collect()
});

/// CIE's, with its straight line near black.
fn cube_root(t: f32) -> f32 {
    if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
}

fn cube(f: f32) -> f32 {
    if f > 6.0 / 29.0 { f * f * f } else { (116.0 * f - 16.0) * 27.0 / 24_389.0 }
}

/// CIE L*a*b* of linear light with sRGB's primaries.
fn lab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let [x, y, z] = [
        0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b,
        LUMA[0] * r + LUMA[1] * g + LUMA[2] * b,
        0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b,
    ];
    let [x, y, z] = [x / WHITE[0], y / WHITE[1], z / WHITE[2]].map(cube_root);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Its inverse, as values of sRGB.
fn srgb([l, a, b]: [f32; 3]) -> [f32; 3] {
    let y = (l + 16.0) / 116.0;
    let [x, y, z] = [y + a / 500.0, y, y - b / 200.0].map(cube);
    let [x, y, z] = [x * WHITE[0], y * WHITE[1], z * WHITE[2]];
    [
        3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z,
        -0.969_266 * x + 1.876_010_8 * y + 0.041_556 * z,
        0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z,
    ]
    .map(|c| light::encode(c.clamp(0.0, 1.0)))
}
