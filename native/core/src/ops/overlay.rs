use std::ops::Range;

use super::light;
use super::op::{Bands, Op, Scratch};
use crate::operation::Overlay;
use crate::picture::{Picture, Sample, Shape};
use crate::{Depth, Error, Limit, cost};

/// Another picture over this one, by the operator "source over" of Porter and Duff, on values of
/// sRGB, or linear light where that is what the samples are. Colors come without their alpha.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Over {
    overlay: Overlay,
    width: u32,
    height: u32,
}

const HEADER: usize = 16;
const PIXEL: usize = 8;

impl Over {
    pub(crate) fn new(overlay: Overlay) -> Result<Self, Error> {
        let header = overlay.picture.first_chunk::<HEADER>().ok_or(Error::Internal)?;
        let [b'f', b'a', b'r', b'b', b'f', b'e', b'l', b'd', width @ .., h0, h1, h2, h3] = *header
        else {
            return Err(Error::Internal);
        };
        let (width, height) = (u32::from_be_bytes(width), u32::from_be_bytes([h0, h1, h2, h3]));
        let pixels = u64::from(width) * u64::from(height);
        let len = (overlay.picture.len() - HEADER) as u64;
        // It has come from an encoder that knows what it does, but maybe of another node.
        Limit::MaxPixels.check(pixels, len / PIXEL as u64)?;
        if pixels == 0 {
            return Err(Error::Internal);
        }
        Ok(Over { overlay, width, height })
    }

    /// Where the overlay begins: before the picture, where it is larger.
    fn place(&self, (width, height): (u32, u32)) -> (i64, i64) {
        let (x, y) = self.overlay.position.point();
        let margin = i64::from(self.overlay.margin);
        let start = |side: u32, of: u32, at: f64| {
            let room = i64::from(of) - i64::from(side) - 2 * margin;
            margin + (room as f64 * at).round() as i64
        };
        (start(self.width, width, x), start(self.height, height, y))
    }

    /// A row of the overlay, if there is one at this place of the picture.
    fn row(&self, at: i64) -> Option<&[[u8; PIXEL]]> {
        let row = if self.overlay.tile {
            at.rem_euclid(i64::from(self.height))
        } else if (0..i64::from(self.height)).contains(&at) {
            at
        } else {
            return None;
        };
        let (pixels, _) = self.overlay.picture.get(HEADER..)?.as_chunks::<PIXEL>();
        pixels.get(row as usize * self.width as usize..)?.get(..self.width as usize)
    }
}

impl Op for Over {
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

impl Over {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) {
        match from.layout.channels {
            1 => self.pixels::<S, 1>(from, rows, out),
            2 => self.pixels::<S, 2>(from, rows, out),
            3 => self.pixels::<S, 3>(from, rows, out),
            _ => self.pixels::<S, 4>(from, rows, out),
        }
    }

    fn pixels<S: Sample, const CHANNELS: usize>(
        &self,
        from: &Picture,
        rows: Range<u32>,
        out: &mut [S],
    ) {
        let (out, _) = out.as_chunks_mut::<CHANNELS>();
        let (left, top) = self.place((from.width, from.height));
        for (y, out) in rows.zip(out.chunks_exact_mut(from.width as usize)) {
            let Some(row) = self.row(i64::from(y) - top) else { continue };
            if self.overlay.tile {
                let first = (-left).rem_euclid(i64::from(self.width)) as usize;
                let pixels = row.iter().cycle().skip(first);
                out.iter_mut().zip(pixels).for_each(|(out, over)| self.blend(over, out));
            } else {
                // One of the two begins later.
                let (skipped, room) = ((-left).max(0) as usize, left.max(0) as usize);
                let pixels = row.iter().skip(skipped);
                out.iter_mut().skip(room).zip(pixels).for_each(|(out, over)| self.blend(over, out));
            }
        }
    }

    fn blend<S: Sample, const CHANNELS: usize>(
        &self,
        &[r0, r1, g0, g1, b0, b1, a0, a1]: &[u8; PIXEL],
        out: &mut [S; CHANNELS],
    ) {
        let unit = |high, low| u16::from_be_bytes([high, low]).unit();
        let over = unit(a0, a1) * self.overlay.opacity;
        if over <= 0.0 {
            return;
        }
        let color = [unit(r0, r1), unit(g0, g1), unit(b0, b1)];
        let color = if S::LINEAR { color.map(light::decode) } else { color };
        let under = match CHANNELS {
            2 | 4 => out[CHANNELS - 1].unit().clamp(0.0, 1.0),
            _ => 1.0,
        };
        let under = under * (1.0 - over);
        let all = over + under;
        let colors = if CHANNELS < 3 { 1 } else { 3 };
        for (out, color) in out[..colors].iter_mut().zip(color) {
            *out = S::from_unit((color * over + out.unit() * under) / all);
        }
        if CHANNELS.is_multiple_of(2) {
            out[CHANNELS - 1] = S::from_unit(all);
        }
    }
}
