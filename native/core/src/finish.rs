//! What is done to pixels that are few already: alpha divided out, samples brought to the output's
//! layout, the picture turned upright.

use image::metadata::Orientation;

use crate::pixels::{Picture, Samples, each_depth};
use crate::{Depth, Error, Layout};

/// How a band of resampled rows becomes part of the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    /// Whether the resampled colors are multiplied by their alpha, and whether the output's are.
    pub premultiplied: bool,
    pub premultiply: bool,
    pub layout: Layout,
    pub orientation: Orientation,
    /// The output's size before orientation.
    pub stored: (u32, u32),
}

impl Finish {
    pub(crate) fn output_size(&self) -> (u32, u32) {
        let (width, height) = self.stored;
        if crate::probe::swaps_sides(self.orientation) { (height, width) } else { (width, height) }
    }

    /// Brings a band to the output's layout.
    pub(crate) fn convert(&self, band: Picture) -> Result<Samples, Error> {
        let same_alpha = !band.layout.has_alpha() || self.premultiplied == self.premultiply;
        if band.layout == self.layout && same_alpha {
            return Ok(band.samples);
        }
        let pixels = band.width as usize * band.height as usize;
        let mut out = Samples::zeroed(self.layout.depth, pixels * usize::from(self.layout.channels))?;
        let conversion = Conversion {
            from: band.layout,
            to: self.layout,
            divide: self.premultiplied && band.layout.has_alpha(),
            multiply: self.premultiply && self.layout.has_alpha(),
        };
        each_depth!(Samples, &band.samples, from =>
            each_depth!(Samples, &mut out, to => conversion.run(from, to)));
        Ok(out)
    }

    /// Puts converted rows, from row `top` on, where orientation has them.
    pub(crate) fn place(&self, rows: &Samples, top: u32, out: &mut Picture) {
        let pixel = self.layout.pixel_bytes();
        let rows = rows.bytes();
        let out = out.samples.bytes_mut();
        match pixel {
            1 => self.place_pixels::<1>(rows, top, out),
            2 => self.place_pixels::<2>(rows, top, out),
            3 => self.place_pixels::<3>(rows, top, out),
            4 => self.place_pixels::<4>(rows, top, out),
            6 => self.place_pixels::<6>(rows, top, out),
            8 => self.place_pixels::<8>(rows, top, out),
            12 => self.place_pixels::<12>(rows, top, out),
            _ => self.place_pixels::<16>(rows, top, out),
        }
    }

    fn place_pixels<const PIXEL: usize>(&self, rows: &[u8], top: u32, out: &mut [u8]) {
        let (width, height) = (self.stored.0 as usize, self.stored.1 as usize);
        let (rows, _) = rows.as_chunks::<PIXEL>();
        let (out, _) = out.as_chunks_mut::<PIXEL>();
        for (y, row) in (top as usize..).zip(rows.chunks_exact(width)) {
            // Where the row's first pixel goes, and how far apart its pixels come to lie.
            let (first, step) = match self.orientation {
                Orientation::NoTransforms => {
                    out[y * width..][..width].copy_from_slice(row);
                    continue;
                }
                Orientation::FlipVertical => {
                    out[(height - 1 - y) * width..][..width].copy_from_slice(row);
                    continue;
                }
                Orientation::FlipHorizontal => (y * width + width - 1, -1),
                Orientation::Rotate180 => ((height - 1 - y) * width + width - 1, -1),
                Orientation::Rotate90FlipH => (y, height as isize),
                Orientation::Rotate90 => (height - 1 - y, height as isize),
                Orientation::Rotate270FlipH => ((width - 1) * height + height - 1 - y, -(height as isize)),
                Orientation::Rotate270 => ((width - 1) * height + y, -(height as isize)),
            };
            let mut at = first as isize;
            for pixel in row {
                out[at as usize] = *pixel;
                at += step;
            }
        }
    }
}

struct Conversion {
    from: Layout,
    to: Layout,
    divide: bool,
    multiply: bool,
}

impl Conversion {
    fn run<A: Sample, B: Sample>(&self, from: &[A], to: &mut [B]) {
        let gray = self.from.is_gray();
        let from_alpha = self.from.has_alpha();
        let from = from.chunks_exact(usize::from(self.from.channels));
        for (pixel, out) in from.zip(to.chunks_exact_mut(usize::from(self.to.channels))) {
            let alpha = if from_alpha { pixel[pixel.len() - 1].unit().clamp(0.0, 1.0) } else { 1.0 };
            let mut color =
                if gray { [pixel[0].unit(); 3] } else { [pixel[0].unit(), pixel[1].unit(), pixel[2].unit()] };
            if self.divide {
                let by = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
                color = color.map(|c| c * by);
            }
            color = match (A::LINEAR, B::LINEAR) {
                (true, false) => color.map(to_srgb),
                (false, true) => color.map(to_linear),
                _ => color,
            };
            if from_alpha && !self.to.has_alpha() {
                // Onto white: what a page or a mail most often has behind a picture.
                color = color.map(|c| c * alpha + (1.0 - alpha));
            }
            if self.multiply {
                color = color.map(|c| c * alpha);
            }
            match out {
                [y] => *y = B::from_unit(color[0]),
                [y, a] => (*y, *a) = (B::from_unit(color[0]), B::from_unit(alpha)),
                [r, g, b] => {
                    (*r, *g, *b) = (B::from_unit(color[0]), B::from_unit(color[1]), B::from_unit(color[2]));
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
}

trait Sample: Copy {
    const LINEAR: bool;
    /// 1.0 is white, and full alpha.
    fn unit(self) -> f32;
    fn from_unit(unit: f32) -> Self;
}

// A float cast to an integer saturates, so a value out of range needs no clamp of its own.
impl Sample for u8 {
    const LINEAR: bool = false;
    fn unit(self) -> f32 {
        f32::from(self) / 255.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 255.0 + 0.5) as u8
    }
}

impl Sample for u16 {
    const LINEAR: bool = false;
    fn unit(self) -> f32 {
        f32::from(self) / 65_535.0
    }
    fn from_unit(unit: f32) -> Self {
        (unit * 65_535.0 + 0.5) as u16
    }
}

impl Sample for f32 {
    const LINEAR: bool = true;
    fn unit(self) -> f32 {
        self
    }
    fn from_unit(unit: f32) -> Self {
        unit
    }
}

/// The sRGB transfer function, IEC 61966-2-1.
fn to_srgb(linear: f32) -> f32 {
    let linear = linear.clamp(0.0, 1.0);
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Its inverse.
fn to_linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

/// The deepest of the depths a format holds that does not go past the source's.
pub(crate) fn depth_within(source: Depth, held: &[Depth]) -> Depth {
    let mut best = None;
    for &depth in held {
        if depth <= source && best.is_none_or(|best| depth > best) {
            best = Some(depth);
        }
    }
    best.or_else(|| held.iter().min().copied()).unwrap_or(Depth::U8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_functions_are_inverse_on_every_byte() {
        for byte in 0..=255u8 {
            assert_eq!(u8::from_unit(to_srgb(to_linear(byte.unit()))), byte);
        }
    }

    /// `image`'s own orientation code is the oracle.
    #[test]
    fn every_orientation_places_pixels_where_image_does() {
        let (width, height) = (5u32, 3u32);
        let pixels: Vec<u8> = (0..15).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap_or(Orientation::NoTransforms);
            let layout = Layout::new(1, Depth::U8);
            let finish = Finish {
                premultiplied: false,
                premultiply: false,
                layout,
                orientation,
                stored: (width, height),
            };
            let (out_width, out_height) = finish.output_size();
            let mut out =
                Picture { width: out_width, height: out_height, layout, samples: Samples::U8(vec![0; 15]) };
            // In two bands.
            finish.place(&Samples::U8(pixels[..10].to_vec()), 0, &mut out);
            finish.place(&Samples::U8(pixels[10..].to_vec()), 2, &mut out);

            let mut expected = image::DynamicImage::ImageLuma8(
                image::GrayImage::from_raw(width, height, pixels.clone()).unwrap_or_default(),
            );
            expected.apply_orientation(orientation);
            assert_eq!((expected.width(), expected.height()), (out_width, out_height), "{orientation:?}");
            assert_eq!(out.samples.bytes(), expected.as_bytes(), "{orientation:?}");
        }
    }

    fn convert_one(from: Layout, pixel: Samples, premultiplied: bool, to: Layout) -> Samples {
        let finish = Finish {
            premultiplied,
            premultiply: false,
            layout: to,
            orientation: Orientation::NoTransforms,
            stored: (1, 1),
        };
        let band = Picture { width: 1, height: 1, layout: from, samples: pixel };
        finish.convert(band).unwrap_or(Samples::U8(vec![]))
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
    fn floats_are_linear_light() {
        let float = Layout::new(3, Depth::F32);
        let byte = Layout::new(3, Depth::U8);
        // 0.2140 linear is the sRGB gray 127.5; 0.5 is 188.
        let shown = convert_one(float, Samples::F32(vec![0.0, 0.5, 7.0]), false, byte);
        assert_eq!(shown, Samples::U8(vec![0, 188, 255]));
        let Samples::F32(back) = convert_one(byte, Samples::U8(vec![0, 188, 255]), false, float) else {
            unreachable!("floats were asked for")
        };
        assert!(back[0] == 0.0 && (back[1] - 0.5).abs() < 0.005 && back[2] == 1.0, "{back:?}");
    }

    #[test]
    fn a_format_gets_the_depth_nearest_below_the_source() {
        use Depth::{F32, U8, U16};
        assert_eq!(depth_within(U16, &[U8, U16, F32]), U16);
        assert_eq!(depth_within(U16, &[U8]), U8);
        assert_eq!(depth_within(U8, &[F32]), F32);
        assert_eq!(depth_within(F32, &[U8, U16]), U16);
    }
}
