use std::ops::Range;

use super::op::{Bands, Op, Scratch};
use crate::color::{to_linear, to_srgb};
use crate::picture::{Picture, Sample, Shape};
use crate::{Color, Depth, Error, Layout, cost};

/// Brings samples to another layout, and puts a background behind the picture. Where that layout
/// holds no alpha, white shows behind everything.
pub(crate) struct Convert {
    pub to: Layout,
    /// Whether alpha is divided out of the colors, which come multiplied by it.
    pub divide: bool,
    /// Whether colors leave multiplied by their alpha.
    pub multiply: bool,
    pub background: Option<Color>,
}

impl Op for Convert {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { layout: self.to, premultiplied: self.multiply, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        Bands::new(cost::convert_nanos(from.width, from.layout), 0, from.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (bytes, channels) = (from.row_bytes(rows)?, from.layout.channels);
        match from.layout.depth {
            Depth::U8 => self.to_depth::<u8>(channels, bytes, out),
            Depth::U16 => self.to_depth::<u16>(channels, bytemuck::try_cast_slice(bytes)?, out),
            Depth::F32 => self.to_depth::<f32>(channels, bytemuck::try_cast_slice(bytes)?, out),
        }
    }
}

impl Convert {
    fn to_depth<A: Sample>(&self, channels: u8, from: &[A], out: &mut [u8]) -> Result<(), Error> {
        match self.to.depth {
            Depth::U8 => self.run::<A, u8>(channels, from, out),
            Depth::U16 => self.run::<A, u16>(channels, from, bytemuck::try_cast_slice_mut(out)?),
            Depth::F32 => self.run::<A, f32>(channels, from, bytemuck::try_cast_slice_mut(out)?),
        }
        Ok(())
    }

    fn run<A: Sample, B: Sample>(&self, channels: u8, from: &[A], to: &mut [B]) {
        let gray = channels < 3;
        let background = self.background.map(|color| backdrop::<B>(color));
        let from_alpha = channels.is_multiple_of(2);
        let from = from.chunks_exact(usize::from(channels));
        for (pixel, out) in from.zip(to.chunks_exact_mut(usize::from(self.to.channels))) {
            let mut alpha =
                if from_alpha { pixel[pixel.len() - 1].unit().clamp(0.0, 1.0) } else { 1.0 };
            let mut color = if gray {
                [pixel[0].unit(); 3]
            } else {
                [pixel[0].unit(), pixel[1].unit(), pixel[2].unit()]
            };
            if self.divide && from_alpha {
                let by = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
                color = color.map(|c| c * by);
            }
            color = match (A::LINEAR, B::LINEAR) {
                (true, false) => color.map(to_srgb),
                (false, true) => color.map(to_linear),
                _ => color,
            };
            if from_alpha && let Some(background) = background {
                (color, alpha) = over((color, alpha), background);
            }
            self.put(color, alpha, out);
        }
    }

    fn put<B: Sample>(&self, mut color: [f32; 3], alpha: f32, out: &mut [B]) {
        if alpha < 1.0 && !self.to.has_alpha() {
            // Onto white: what a page or a mail most often has behind a picture.
            color = color.map(|c| c * alpha + (1.0 - alpha));
        }
        if self.multiply && self.to.has_alpha() {
            color = color.map(|c| c * alpha);
        }
        let [r, g, b] = color;
        if out.len() < 3 && (r != g || g != b) {
            color[0] = r * LUMA[0] + g * LUMA[1] + b * LUMA[2];
        }
        match out {
            [y] => *y = B::from_unit(color[0]),
            [y, a] => (*y, *a) = (B::from_unit(color[0]), B::from_unit(alpha)),
            [r, g, b] => {
                (*r, *g, *b) =
                    (B::from_unit(color[0]), B::from_unit(color[1]), B::from_unit(color[2]));
            }
            [r, g, b, a] => {
                (*r, *g, *b, *a) = (
                    B::from_unit(color[0]),
                    B::from_unit(color[1]),
                    B::from_unit(color[2]),
                    B::from_unit(alpha),
                );
            }
            _ => {}
        }
    }
}

/// A color as one pixel of a layout, in the machine's own order.
pub(super) fn pixel(color: Color, to: Layout, multiply: bool) -> Vec<u8> {
    let op = Convert { to, divide: false, multiply, background: None };
    let mut out = vec![0u8; to.pixel_bytes()];
    fn put<B: Sample>(op: &Convert, color: Color, out: &mut [u8]) {
        let (color, alpha) = backdrop::<B>(color);
        let mut samples = [B::from_unit(0.0); 4];
        let samples = &mut samples[..usize::from(op.to.channels).min(4)];
        op.put(color, alpha, samples);
        out.copy_from_slice(bytemuck::cast_slice(samples));
    }
    match to.depth {
        Depth::U8 => put::<u8>(&op, color, &mut out),
        Depth::U16 => put::<u16>(&op, color, &mut out),
        Depth::F32 => put::<f32>(&op, color, &mut out),
    }
    out
}

/// A color as the output has it, and its alpha.
fn backdrop<B: Sample>(Color(color): Color) -> ([f32; 3], f32) {
    let [red, green, blue, alpha] = color.map(|sample| f32::from(sample) / 255.0);
    let color = [red, green, blue];
    (if B::LINEAR { color.map(to_linear) } else { color }, alpha)
}

/// Porter and Duff's "over", of colors that are not multiplied by their alpha.
fn over((color, alpha): ([f32; 3], f32), (back, behind): ([f32; 3], f32)) -> ([f32; 3], f32) {
    let shows = behind * (1.0 - alpha);
    let both = alpha + shows;
    // As a white background is where there is no other.
    let by = if behind == 1.0 || both == 0.0 { 1.0 } else { 1.0 / both };
    let mix = |color: f32, back: f32| (color * alpha + back * shows) * by;
    let [red, green, blue] = color;
    let color = [mix(red, back[0]), mix(green, back[1]), mix(blue, back[2])];
    (color, if behind == 1.0 { 1.0 } else { both })
}

/// How much red, green and blue add to what is seen: ITU-R BT.709, whose primaries are sRGB's.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;

    fn convert_one(layout: Layout, samples: Samples, divide: bool, to: Layout) -> Samples {
        convert_onto(None, layout, samples, divide, to)
    }

    fn convert_onto(
        background: Option<Color>,
        layout: Layout,
        samples: Samples,
        divide: bool,
        to: Layout,
    ) -> Samples {
        let from = Picture { width: 1, height: 1, layout, samples };
        let op = Convert { to, divide, multiply: false, background };
        let mut out = Samples::zeroed(to.depth, to.channels.into()).unwrap_or(Samples::U8(vec![]));
        assert_eq!(op.band(&from, 0..1, &mut Scratch::new(), out.bytes_mut()), Ok(()));
        out
    }

    #[test]
    fn alpha_is_divided_out_of_the_colors_and_clear_is_black() {
        let rgba = Layout::new(4, Depth::U8);
        assert_eq!(
            convert_one(rgba, Samples::U8(vec![64, 0, 128, 128]), true, rgba),
            Samples::U8(vec![128, 0, 255, 128])
        );
        assert_eq!(
            convert_one(rgba, Samples::U8(vec![0, 0, 0, 0]), true, rgba),
            Samples::U8(vec![0, 0, 0, 0])
        );
    }

    #[test]
    fn what_holds_no_alpha_shows_white_behind_it() {
        let rgb = Layout::new(3, Depth::U8);
        let half_black = Samples::U8(vec![0, 0, 0, 128]);
        assert_eq!(
            convert_one(Layout::new(4, Depth::U8), half_black, true, rgb),
            Samples::U8(vec![127, 127, 127])
        );
        let gray = Samples::U16(vec![0, 0]);
        assert_eq!(
            convert_one(Layout::new(2, Depth::U16), gray, true, rgb),
            Samples::U8(vec![255, 255, 255])
        );
    }

    #[test]
    fn a_background_is_behind_what_is_not_opaque() {
        let (rgba, rgb) = (Layout::new(4, Depth::U8), Layout::new(3, Depth::U8));
        let half_red = || Samples::U8(vec![128, 0, 0, 128]);
        let onto =
            |background, to| convert_onto(Some(Color(background)), rgba, half_red(), true, to);
        assert_eq!(onto([0, 0, 255, 255], rgb), Samples::U8(vec![128, 0, 127]));
        assert_eq!(onto([0, 0, 255, 255], rgba), Samples::U8(vec![128, 0, 127, 255]));
        // Half of the other half.
        assert_eq!(onto([0, 0, 255, 128], rgba), Samples::U8(vec![170, 0, 85, 192]));
        assert_eq!(onto([0, 0, 255, 0], rgba), Samples::U8(vec![255, 0, 0, 128]));
        // What still shows through is white.
        assert_eq!(onto([0, 0, 255, 0], rgb), Samples::U8(vec![255, 127, 127]));
    }

    #[test]
    fn a_color_is_a_pixel_of_any_layout() {
        let gray = Color([128, 128, 128, 128]);
        let bytes = |to, multiply| pixel(gray, to, multiply);
        assert_eq!(bytes(Layout::new(1, Depth::U8), false), [191]);
        assert_eq!(bytes(Layout::new(2, Depth::U8), false), [128, 128]);
        assert_eq!(bytes(Layout::new(4, Depth::U8), true), [64, 64, 64, 128]);
        let light = bytes(Layout::new(4, Depth::F32), false);
        let light: &[f32] = bytemuck::cast_slice(&light);
        assert!((light[0] - 0.2159).abs() < 1e-4 && (light[3] - 0.502).abs() < 1e-3, "{light:?}");
    }

    #[test]
    fn floats_are_linear_light() {
        let float = Layout::new(3, Depth::F32);
        let byte = Layout::new(3, Depth::U8);
        // 0.2140 linear is the sRGB gray 127.5; 0.5 is 188.
        let shown = convert_one(float, Samples::F32(vec![0.0, 0.5, 7.0]), false, byte);
        assert_eq!(shown, Samples::U8(vec![0, 188, 255]));
        let Samples::F32(back) = convert_one(byte, Samples::U8(vec![0, 188, 255]), false, float)
        else {
            unreachable!("floats were asked for")
        };
        assert!(back[0] == 0.0 && (back[1] - 0.5).abs() < 0.005 && back[2] == 1.0, "{back:?}");
    }
}
