use std::ops::Range;

use super::light;
use super::op::{Bands, EachDepth, Op, Scratch};
use crate::Color;
use crate::picture::{Picture, Sample, Shape};
use crate::{Error, cost};

/// Pixels of one color around the picture. Colors come without their alpha.
pub(crate) struct Border {
    pub width: u32,
    pub color: Color,
}

impl Op for Border {
    fn shape(&self, from: &Shape) -> Shape {
        let side = |side: u32| side.saturating_add(self.width.saturating_mul(2));
        Shape { width: side(from.width), height: side(from.height), ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let to = self.shape(from);
        Bands::new(cost::copy_nanos(to.width, to.layout), 0, to.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.at_its_depth(from, rows, out)
    }
}

impl EachDepth for Border {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) -> Result<(), Error> {
        let channels = usize::from(from.layout.channels);
        let color = light::pixel::<S>(self.color, from.layout, false);
        let color = color.get(..channels).ok_or(Error::Internal)?;
        let samples: &[S] = bytemuck::try_cast_slice(from.samples.bytes())?;
        let (len, room) = (from.width as usize * channels, self.width as usize * channels);
        for (y, out) in rows.zip(out.chunks_exact_mut(len + 2 * room)) {
            for out in out.chunks_exact_mut(channels) {
                out.copy_from_slice(color);
            }
            if let Some(y) = y.checked_sub(self.width).filter(|&y| y < from.height) {
                let row = samples.get(y as usize * len..).and_then(|rows| rows.get(..len));
                let out = out.get_mut(room..room + len).ok_or(Error::Internal)?;
                out.copy_from_slice(row.ok_or(Error::Internal)?);
            }
        }
        Ok(())
    }
}
