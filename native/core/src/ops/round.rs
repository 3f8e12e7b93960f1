use std::ops::Range;

use super::op::{Bands, Op, Scratch};
use crate::operation::Corners;
use crate::picture::{Picture, Sample, Shape};
use crate::{Depth, Error, cost};

/// Makes what lies outside of round corners, or of a circle, clear. Pixels on the edge are clear in
/// part: by how far their middle lies outside. Colors come without their alpha.
pub(crate) struct Round(pub Corners);

impl Op for Round {
    fn shape(&self, from: &Shape) -> Shape {
        *from
    }

    fn bands(&self, from: &Shape) -> Bands {
        Bands::new(cost::overlay_nanos(from.width, from.layout), 0, from.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        out.copy_from_slice(from.row_bytes(rows.clone())?);
        match from.layout.depth {
            Depth::U8 => self.run::<u8>(from, rows, out),
            Depth::U16 => self.run::<u16>(from, rows, bytemuck::try_cast_slice_mut(out)?),
            Depth::F32 => self.run::<f32>(from, rows, bytemuck::try_cast_slice_mut(out)?),
        }
        Ok(())
    }
}

impl Round {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) {
        let channels = usize::from(from.layout.channels);
        for (y, out) in rows.zip(out.chunks_exact_mut(from.width as usize * channels)) {
            let (size, alphas) = ((from.width, from.height), out.iter_mut().skip(channels - 1));
            for (x, alpha) in (0..).zip(alphas.step_by(channels)) {
                let kept = self.0.coverage(size, (x, y));
                if kept < 1.0 {
                    *alpha = S::from_unit(alpha.unit() * kept);
                }
            }
        }
    }
}

impl Corners {
    /// How much of a pixel is inside.
    fn coverage(self, (width, height): (u32, u32), (x, y): (u32, u32)) -> f32 {
        let most = f64::from(width.min(height)) / 2.0;
        // From the middle of the picture to that of the pixel, without a sign.
        let from_middle = |at: u32, side: u32| (f64::from(at) + 0.5 - f64::from(side) / 2.0).abs();
        let (x, y) = (from_middle(x, width), from_middle(y, height));
        let (x, y, radius) = match self {
            Corners::Circle => (x, y, most),
            Corners::Radius(radius) => {
                let radius = radius.min(most);
                let past = |at: f64, side: u32| at - (f64::from(side) / 2.0 - radius);
                let (x, y) = (past(x, width), past(y, height));
                if x <= 0.0 || y <= 0.0 {
                    return 1.0;
                }
                (x, y, radius)
            }
        };
        (radius + 0.5 - x.hypot(y)).clamp(0.0, 1.0) as f32
    }
}
