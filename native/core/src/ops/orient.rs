use std::ops::Range;

use image::metadata::Orientation;

use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape, side_swaps};
use crate::{Error, cost};

/// Turns a picture upright.
pub(crate) struct Orient(pub Orientation);

impl Op for Orient {
    fn shape(&self, from: &Shape) -> Shape {
        let swaps = side_swaps(self.0);
        let (width, height) =
            if swaps { (from.height, from.width) } else { (from.width, from.height) };
        Shape { width, height, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let to = self.shape(from);
        Bands::new(cost::copy_nanos(to.width, to.layout) * 4, 0, to.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        match from.layout.pixel_bytes() {
            1 => self.pixels::<1>(from, rows, out),
            2 => self.pixels::<2>(from, rows, out),
            3 => self.pixels::<3>(from, rows, out),
            4 => self.pixels::<4>(from, rows, out),
            6 => self.pixels::<6>(from, rows, out),
            8 => self.pixels::<8>(from, rows, out),
            12 => self.pixels::<12>(from, rows, out),
            _ => self.pixels::<16>(from, rows, out),
        }
        Ok(())
    }
}

impl Orient {
    fn pixels<const PIXEL: usize>(&self, from: &Picture, rows: Range<u32>, out: &mut [u8]) {
        let (width, height) = (from.width as usize, from.height as usize);
        let (pixels, _) = from.samples.bytes().as_chunks::<PIXEL>();
        let (out, _) = out.as_chunks_mut::<PIXEL>();
        let across = if side_swaps(self.0) { height } else { width };
        for (y, out) in (rows.start as usize..).zip(out.chunks_exact_mut(across)) {
            // Where the row's first pixel comes from, and how far apart its pixels lie there.
            let (first, step) = match self.0 {
                Orientation::NoTransforms => (y * width, 1),
                Orientation::FlipHorizontal => (y * width + width - 1, -1),
                Orientation::FlipVertical => ((height - 1 - y) * width, 1),
                Orientation::Rotate180 => ((height - 1 - y) * width + width - 1, -1),
                Orientation::Rotate90FlipH => (y, width as isize),
                Orientation::Rotate90 => ((height - 1) * width + y, -(width as isize)),
                Orientation::Rotate270FlipH => (height * width - 1 - y, -(width as isize)),
                Orientation::Rotate270 => (width - 1 - y, width as isize),
            };
            if step == 1 {
                out.copy_from_slice(&pixels[first..first + across]);
                continue;
            }
            let mut at = first as isize;
            for pixel in out {
                *pixel = pixels[at as usize];
                at += step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    /// `image`'s own orientation code is the oracle.
    #[test]
    fn every_orientation_takes_pixels_from_where_image_does() {
        let (width, height) = (5u32, 3u32);
        let pixels: Vec<u8> = (0..15).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap_or(Orientation::NoTransforms);
            let layout = Layout::new(1, Depth::U8);
            let from = Picture { width, height, layout, samples: Samples::U8(pixels.clone()) };
            let op = Orient(orientation);
            let shape = op.shape(&Shape { width, height, layout, premultiplied: false });

            let mut expected = image::DynamicImage::ImageLuma8(
                image::GrayImage::from_raw(width, height, pixels.clone()).unwrap_or_default(),
            );
            expected.apply_orientation(orientation);
            assert_eq!(
                (expected.width(), expected.height()),
                (shape.width, shape.height),
                "{orientation:?}"
            );
            // In two bands.
            let mut out = vec![0; 15];
            let (top, rest) = out.split_at_mut(shape.width as usize);
            let scratch = &mut Scratch::new();
            assert_eq!(op.band(&from, 0..1, scratch, top), Ok(()));
            assert_eq!(op.band(&from, 1..shape.height, scratch, rest), Ok(()));
            assert_eq!(out, expected.as_bytes(), "{orientation:?}");
        }
    }
}
