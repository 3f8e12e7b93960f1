//! The last resampling, by `fast_image_resize`.

use std::ops::Range;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions};

use super::filter::Filter;
use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape};
use crate::{Depth, Error, Layout, cost};

/// A convolution of a part of the picture to another size.
pub(crate) struct Resize {
    pub filter: Filter,
    pub crop: CropBox,
    pub width: u32,
    pub height: u32,
}

/// A part of a picture, which may begin and end between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropBox {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Resize {
    /// By how much the input is larger on each side.
    fn ratio(&self) -> (f64, f64) {
        (self.crop.width / f64::from(self.width), self.crop.height / f64::from(self.height))
    }
}

impl Op for Resize {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { width: self.width, height: self.height, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let (width, ratio, support) = (self.width, self.ratio(), self.filter.support());
        let once = cost::coefficient_nanos(width, ratio.0, support);
        let row = cost::resample_nanos((width, 1), ratio, support, from.layout)
            + cost::coefficient_nanos(1, ratio.1, support)
            + cost::convert_nanos(width, from.layout);
        Bands::new(row, once, self.height)
    }

    /// The coefficients, and the picture between the two passes.
    fn memory(&self, from: &Shape) -> u64 {
        let rows = u64::from(self.bands(from).rows);
        let row = |width: u32| u64::from(width) * from.layout.pixel_bytes() as u64;
        let (across, down) = self.ratio();
        let taps = |ratio: f64| (2.0 * self.filter.support() * ratio.max(1.0)).ceil() as u64 + 2;
        // A float and its integer for each, and where they start.
        let coefficients = |length: u64, ratio: f64| length * (taps(ratio) * 12 + 32);
        // Integers go through the vertical pass first, at the full width; all others through the
        // horizontal one, of all the rows that the band looks at.
        let between = match from.layout.depth {
            Depth::U8 => row(from.width) * rows,
            _ => row(self.width) * ((rows as f64 * down) as u64 + taps(down) + 1),
        };
        coefficients(self.width.into(), across) + coefficients(rows, down) + between
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let crop = self.crop;
        let step = crop.height / f64::from(self.height);
        // A crop box that touches the edge must not pass it by a rounding error.
        let top = (crop.top + f64::from(rows.start) * step).min(f64::from(from.height));
        let height = (rows.len() as f64 * step).min(f64::from(from.height) - top);
        let width = crop.width.min(f64::from(from.width) - crop.left);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(self.filter.kernel()))
            .crop(crop.left, top, width, height)
            .use_alpha(false);
        let pixel = pixel_type(from.layout);
        let image = ImageRef::new(from.width, from.height, from.samples.bytes(), pixel);
        let image = image.map_err(|_| Error::Internal)?;
        let mut to = Image::from_slice_u8(self.width, rows.len() as u32, out, pixel)
            .map_err(|_| Error::Internal)?;
        scratch.resizer.resize(&image, &mut to, &options).map_err(|_| Error::Internal)
    }
}

fn pixel_type(layout: Layout) -> PixelType {
    match (layout.depth, layout.channels) {
        (Depth::U8, 1) => PixelType::U8,
        (Depth::U8, 2) => PixelType::U8x2,
        (Depth::U8, 3) => PixelType::U8x3,
        (Depth::U8, _) => PixelType::U8x4,
        (Depth::U16, 1) => PixelType::U16,
        (Depth::U16, 2) => PixelType::U16x2,
        (Depth::U16, 3) => PixelType::U16x3,
        (Depth::U16, _) => PixelType::U16x4,
        (Depth::F32, 1) => PixelType::F32,
        (Depth::F32, 2) => PixelType::F32x2,
        (Depth::F32, 3) => PixelType::F32x3,
        (Depth::F32, _) => PixelType::F32x4,
    }
}
