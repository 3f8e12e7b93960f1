//! The last resampling, by `fast_image_resize`, in bands of output rows: the same bands on both
//! roads, so that both give the same bytes.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{self as fir, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::pixels::{Picture, Samples};
use crate::plan::{CropBox, Geometry};
use crate::{Depth, Error, Filter, Layout, cost};

/// The kernel's radius in pixels of the coarser of the two pictures.
pub(crate) fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear | Filter::Hamming => 1.0,
        Filter::CatmullRom | Filter::Mitchell => 2.0,
        Filter::Gaussian | Filter::Lanczos3 => 3.0,
    }
}

fn kernel(filter: Filter) -> FilterType {
    match filter {
        // Pixels were picked while decoding; what is left to do here is to copy them.
        Filter::Nearest | Filter::Box => FilterType::Box,
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Hamming => FilterType::Hamming,
        Filter::CatmullRom => FilterType::CatmullRom,
        Filter::Mitchell => FilterType::Mitchell,
        Filter::Gaussian => FilterType::Gaussian,
        // It is computed for every band anew, and its own takes two sines a tap: half of the time
        // of wide outputs.
        Filter::Lanczos3 => {
            fir::Filter::new("Lanczos3", lanczos3, 3.0).map_or(FilterType::Lanczos3, FilterType::Custom)
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

/// The reduced picture and what is to be made of it.
pub(crate) struct Resample {
    reduced: Samples,
    layout: Layout,
    geometry: Geometry,
    filter: Filter,
    bands: Bands,
}

/// How the output is cut up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands {
    /// Output rows of a band.
    pub rows: u32,
    /// The estimated nanoseconds of one.
    pub nanos: u64,
}

impl Bands {
    pub(crate) fn new(layout: Layout, geometry: &Geometry, filter: Filter) -> Self {
        let (width, height) = geometry.output;
        let once = cost::coefficient_nanos(width, geometry.ratio().0, support(filter));
        let row = cost::resample_nanos((width, 1), geometry.ratio(), support(filter), layout)
            + cost::coefficient_nanos(1, geometry.ratio().1, support(filter))
            + cost::finish_nanos(width, layout);
        let rest = cost::BAND_NANOS.saturating_sub(once).max(once);
        let rows = (rest / row.max(1)).clamp(1, height.into());
        Bands { rows: rows as u32, nanos: once + row * rows }
    }
}

impl Resample {
    pub(crate) fn new(reduced: Samples, layout: Layout, geometry: Geometry, filter: Filter) -> Self {
        Resample { reduced, layout, geometry, filter, bands: Bands::new(layout, &geometry, filter) }
    }

    /// The estimated nanoseconds of one band.
    pub(crate) fn band_nanos(&self) -> u64 {
        self.bands.nanos
    }

    pub(crate) fn bands(&self) -> u32 {
        self.geometry.output.1.div_ceil(self.bands.rows)
    }

    /// The output rows of one band.
    pub(crate) fn rows(&self, band: u32) -> std::ops::Range<u32> {
        let top = band * self.bands.rows;
        top..(top + self.bands.rows).min(self.geometry.output.1)
    }

    /// Computes one band.
    pub(crate) fn band(&self, resizer: &mut Resizer, band: u32) -> Result<Picture, Error> {
        let rows = self.rows(band);
        let Geometry { crop, reduced, output, .. } = self.geometry;
        let mut out = Picture::zeroed(output.0, rows.len() as u32, self.layout)?;
        if self.geometry.is_identity() {
            self.copy(crop, rows, &mut out);
            return Ok(out);
        }
        let step = crop.height / f64::from(output.1);
        // A crop box that touches the edge must not pass it by a rounding error.
        let top = (crop.top + f64::from(rows.start) * step).min(f64::from(reduced.1));
        let height = (rows.len() as f64 * step).min(f64::from(reduced.1) - top);
        let width = crop.width.min(f64::from(reduced.0) - crop.left);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(kernel(self.filter)))
            .crop(crop.left, top, width, height)
            .use_alpha(false);
        let pixel = pixel_type(self.layout);
        let (out_width, out_height) = (out.width, out.height);
        let from =
            ImageRef::new(reduced.0, reduced.1, self.reduced.bytes(), pixel).map_err(|_| Error::Internal)?;
        let mut to = Image::from_slice_u8(out_width, out_height, out.samples.bytes_mut(), pixel)
            .map_err(|_| Error::Internal)?;
        resizer.resize(&from, &mut to, &options).map_err(|_| Error::Internal)?;
        Ok(out)
    }

    fn copy(&self, crop: CropBox, rows: std::ops::Range<u32>, out: &mut Picture) {
        let pixel = self.layout.pixel_bytes();
        let from_row = self.geometry.reduced.0 as usize * pixel;
        let to_row = self.geometry.output.0 as usize * pixel;
        let left = crop.left as usize * pixel;
        let top = crop.top as usize + rows.start as usize;
        let to = out.samples.bytes_mut().chunks_exact_mut(to_row);
        for (y, to) in (top as u32..).zip(to) {
            let y = self.geometry.pick.map_or(y, |pick| pick.kept_row(y));
            to.copy_from_slice(&self.reduced.bytes()[y as usize * from_row + left..][..to_row]);
        }
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
