use std::ops::Range;

use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape};
use crate::shrink::Pick;
use crate::{Error, cost};

/// Takes a part of the picture, pixel by pixel.
pub(crate) struct Crop {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
    /// Set where rows are looked up among those that were picked while decoding.
    pub pick: Option<Pick>,
}

impl Op for Crop {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { width: self.width, height: self.height, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        Bands::new(cost::copy_nanos(self.width, from.layout), 0, self.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let pixel = from.layout.pixel_bytes();
        let (left, len) = (self.left as usize * pixel, self.width as usize * pixel);
        for (y, out) in rows.zip(out.chunks_exact_mut(len)) {
            let y = self.pick.as_ref().map_or(self.top + y, |pick| pick.kept_row(self.top + y));
            let row = from.row_bytes(y..y + 1)?;
            out.copy_from_slice(row.get(left..left + len).ok_or(Error::Internal)?);
        }
        Ok(())
    }
}
