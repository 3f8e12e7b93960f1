use std::ops::Range;

use super::convert::pixel;
use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape};
use crate::{Color, Error, Layout, cost};

/// Puts the picture on a canvas of one color, which is larger.
pub(crate) struct Pad {
    pub size: (u32, u32),
    pub left: u32,
    pub top: u32,
    /// A pixel of the canvas.
    pixel: Vec<u8>,
}

impl Pad {
    /// For a picture of such a layout. `multiply` where its colors are multiplied by their alpha.
    pub(crate) fn new(
        size: (u32, u32),
        (left, top): (u32, u32),
        color: Color,
        layout: Layout,
        multiply: bool,
    ) -> Self {
        Pad { size, left, top, pixel: pixel(color, layout, multiply) }
    }
}

impl Op for Pad {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { width: self.size.0, height: self.size.1, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        // Some nanoseconds for filling what is then written over.
        Bands::new(2 * cost::copy_nanos(self.size.0, from.layout), 0, self.size.1)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let bytes = self.pixel.len();
        let left = self.left as usize * bytes;
        let within = self.top..self.top + from.height;
        for (y, out) in rows.zip(out.chunks_exact_mut(self.size.0 as usize * bytes)) {
            for out in out.chunks_exact_mut(bytes) {
                out.copy_from_slice(&self.pixel);
            }
            if within.contains(&y) {
                let row = from.row_bytes(y - self.top..y - self.top + 1)?;
                let out = out.get_mut(left..left + row.len()).ok_or(Error::Internal)?;
                out.copy_from_slice(row);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Depth;
    use crate::picture::Samples;

    #[test]
    fn the_picture_lies_on_a_canvas_of_one_color() {
        let layout = Layout::new(3, Depth::U8);
        let from =
            Picture { width: 2, height: 1, layout, samples: Samples::U8(vec![1, 2, 3, 4, 5, 6]) };
        let op = Pad::new((4, 3), (1, 2), Color([7, 8, 9, 255]), layout, false);
        let shape = op.shape(&Shape { width: 2, height: 1, layout, premultiplied: false });
        assert_eq!((shape.width, shape.height), (4, 3));
        let mut out = vec![0; 36];
        let (first, rest) = out.split_at_mut(12);
        assert_eq!(op.band(&from, 0..1, &mut Scratch::new(), first), Ok(()));
        assert_eq!(op.band(&from, 1..3, &mut Scratch::new(), rest), Ok(()));
        let mut expected = [7, 8, 9].repeat(12);
        expected[27..33].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(out, expected);
    }
}
