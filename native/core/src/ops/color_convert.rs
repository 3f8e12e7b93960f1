use std::ops::Range;
use std::sync::Arc;

use super::op::{Bands, Op, Scratch};
use crate::color::Conversion;
use crate::picture::{Picture, Rows, Sample, Samples, Shape};
use crate::{Error, Layout, cost};

/// Brings colors to sRGB, in the depth that they have. They leave as they are by themselves,
/// whatever their alpha.
pub(crate) struct ColorConvert {
    pub conversion: Arc<Conversion>,
    /// Whether alpha is divided out of the colors, which come multiplied by it.
    pub divide: bool,
}

impl Op for ColorConvert {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { layout: from.layout.srgb(), premultiplied: false, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        Bands::new(cost::color_nanos(from.width, from.layout), 0, from.height)
    }

    fn prepare_nanos(&self) -> u64 {
        self.conversion.prepare_nanos()
    }

    fn prepare_memory(&self) -> u64 {
        self.conversion.prepare_memory()
    }

    fn prepare(&self, from: &Picture) {
        self.conversion.prepare(from);
    }

    /// A row whose alpha is divided out.
    fn memory(&self, from: &Shape) -> u64 {
        if self.divide { from.row_bytes() as u64 } else { 0 }
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let Picture { width, layout, .. } = *from;
        let samples = |pixels: usize| pixels * usize::from(layout.channels);
        let row = samples(width as usize);
        let transform = self.conversion.transform()?;
        let (top, bottom) = (rows.start as usize * row, rows.end as usize * row);
        if !self.divide {
            return transform.run(from.samples.rows().slice(top..bottom), layout, out);
        }
        let mut divided = Samples::zeroed(layout.depth, row)?;
        let out_row = width as usize * layout.srgb().pixel_bytes();
        for (start, out) in (top..bottom).step_by(row).zip(out.chunks_exact_mut(out_row)) {
            match (from.samples.rows().slice(start..start + row), &mut divided) {
                (Rows::U8(row), Samples::U8(divided)) => divide(row, layout, divided),
                (Rows::U16(row), Samples::U16(divided)) => divide(row, layout, divided),
                (Rows::F32(row), Samples::F32(divided)) => divide(row, layout, divided),
                _ => return Err(Error::Internal),
            }
            transform.run(divided.rows(), layout, out)?;
        }
        Ok(())
    }
}

/// Divides alpha out of the colors of a row. What is clear becomes 0.
fn divide<S: Sample>(row: &[S], layout: Layout, out: &mut [S]) {
    let channels = usize::from(layout.channels);
    for (pixel, out) in row.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        let (Some((&alpha, color)), Some((out_alpha, out))) =
            (pixel.split_last(), out.split_last_mut())
        else {
            continue;
        };
        *out_alpha = alpha;
        let alpha = alpha.unit().clamp(0.0, 1.0);
        let by = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
        for (out, color) in out.iter_mut().zip(color) {
            *out = S::from_unit(color.unit() * by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Depth, Format, Info, ProfileUse};

    fn convert_one(layout: Layout, samples: Samples, divide: bool) -> Samples {
        let from = Picture { width: 1, height: 1, layout, samples };
        let info = Info::new(Format::Tiff, 1, 1, layout);
        let (Some(conversion), ProfileUse::None) = Conversion::of(&info) else {
            unreachable!("no file has a profile here")
        };
        let op = ColorConvert { conversion, divide };
        op.prepare(&from);
        let to = op.shape(&Shape { width: 1, height: 1, layout, premultiplied: divide }).layout;
        let mut out = Samples::zeroed(to.depth, to.channels.into()).unwrap_or(Samples::U8(vec![]));
        assert_eq!(op.band(&from, 0..1, &mut Scratch::new(), out.bytes_mut()), Ok(()));
        out
    }

    #[test]
    fn paper_is_white_in_every_depth() {
        let paper = |depth, samples| convert_one(Layout::cmyk(depth), samples, false);
        assert_eq!(paper(Depth::U8, Samples::U8(vec![0; 4])), Samples::U8(vec![255; 3]));
        assert_eq!(paper(Depth::U16, Samples::U16(vec![0; 4])), Samples::U16(vec![65_535; 3]));
        assert_eq!(paper(Depth::F32, Samples::F32(vec![0.0; 4])), Samples::F32(vec![1.0; 3]));
    }

    #[test]
    fn alpha_is_divided_out_before() {
        let layout = Layout::lab(4, Depth::U8);
        // White, of which a third shows.
        let white = Samples::U8(vec![85, 43, 43, 85]);
        let shown = convert_one(layout, white, true);
        let Samples::U8(shown) = shown else { unreachable!("bytes stay bytes") };
        assert!(shown[..3].iter().all(|&c| c > 252) && shown[3] == 85, "{shown:?}");
    }
}
