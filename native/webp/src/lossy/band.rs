//! The rows of macroblocks that are at work, and what is kept of the ones before.

use super::color::{Chroma, convert};
use super::filter::Tile;
use crate::Error;
use crate::memory::zeroed;

/// The filter changes the last rows of a macroblock once the one below is there: eight are not
/// final until then. One more waits for the chroma below it.
const KEPT: usize = 9;
const KEPT_CHROMA: usize = 5;

/// A row of macroblocks below the rows kept.
pub(super) struct Band {
    size: (usize, usize),
    /// Samples of a row of luma; half as many are one of chroma.
    stride: usize,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
    /// The row of the picture that the macroblocks begin with.
    top: usize,
    /// Rows that are complete, and the next one to be handed over.
    complete: usize,
    next: usize,
}

impl Band {
    /// Bytes that one takes.
    pub(super) fn bytes(width: u32) -> u64 {
        let stride = u64::from(width).next_multiple_of(16);
        stride * (KEPT + 16 + KEPT_CHROMA + 8) as u64
    }

    pub(super) fn new(width: usize, height: usize) -> Result<Self, Error> {
        let stride = width.next_multiple_of(16);
        let chroma_len = stride / 2 * (KEPT_CHROMA + 8);
        Ok(Band {
            size: (width, height),
            stride,
            luma: zeroed(stride * (KEPT + 16))?,
            chroma: [zeroed(chroma_len)?, zeroed(chroma_len)?],
            top: 0,
            complete: 0,
            next: 0,
        })
    }

    /// Rows that can be handed over.
    pub(super) fn ready(&self) -> usize {
        self.complete - self.next
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == self.size.1
    }

    /// Goes on to the next row of macroblocks. All that is complete has been handed over.
    pub(super) fn next_row(&mut self) {
        let stride = self.stride;
        self.luma.copy_within(16 * stride.., 0);
        for plane in &mut self.chroma {
            plane.copy_within(8 * stride / 2.., 0);
        }
        self.top += 16;
    }

    /// The row of macroblocks is there.
    pub(super) fn complete_row(&mut self) {
        let end = self.top + 16;
        self.complete = if end >= self.size.1 { self.size.1 } else { end - KEPT };
    }

    /// Puts the end of the rows above macroblock `x` into the tile.
    pub(super) fn load_above(&self, x: usize, tile: &mut Tile) {
        let at = |first: usize, row: usize, stride: usize, x: usize| (first + row) * stride + x;
        for (y, row) in tile.luma[..4].iter_mut().enumerate() {
            let from = at(KEPT - 4, y, self.stride, x * 16);
            row[8..].copy_from_slice(&self.luma[from..from + 16]);
        }
        for (samples, plane) in self.chroma.iter().zip(&mut tile.chroma) {
            for (y, row) in plane[..4].iter_mut().enumerate() {
                let from = at(KEPT_CHROMA - 4, y, self.stride / 2, x * 8);
                row[8..].copy_from_slice(&samples[from..from + 8]);
            }
        }
    }

    /// Takes macroblock `x` out of the tile, and what has changed with it: of the one above, and of
    /// the one to the left.
    pub(super) fn store(&mut self, x: usize, tile: &Tile, above: bool, left: bool) {
        let first = if above { 1 } else { 4 };
        let stride = self.stride;
        for (y, row) in tile.luma.iter().enumerate().skip(first) {
            let to = (KEPT - 4 + y) * stride + x * 16;
            if left && y >= 4 {
                self.luma[to - 8..to + 16].copy_from_slice(row);
            } else {
                self.luma[to..to + 16].copy_from_slice(&row[8..]);
            }
        }
        for (samples, plane) in self.chroma.iter_mut().zip(&tile.chroma) {
            for (y, row) in plane.iter().enumerate().skip(first) {
                let to = (KEPT_CHROMA - 4 + y) * stride / 2 + x * 8;
                if left && y >= 4 {
                    samples[to - 8..to + 8].copy_from_slice(row);
                } else {
                    samples[to..to + 8].copy_from_slice(&row[8..]);
                }
            }
        }
    }

    /// Makes the next row of color, of three bytes a pixel or of four with 255 as the last.
    pub(super) fn convert(&mut self, channels: usize, out: &mut [u8]) {
        let (width, height) = self.size;
        let row = self.next;
        let luma = &self.luma[(KEPT + row - self.top) * self.stride..][..width];
        let near = row / 2;
        let far = match row % 2 {
            0 => near.saturating_sub(1),
            _ => (near + 1).min((height - 1) / 2),
        };
        let [u, v] = self.chroma.each_ref().map(|plane| {
            let row = |row: usize| {
                &plane[(KEPT_CHROMA + row - self.top / 2) * (self.stride / 2)..]
                    [..width.div_ceil(2)]
            };
            Chroma { near: row(near), far: row(far) }
        });
        match channels {
            3 => convert::<3>(luma, u, v, out),
            _ => convert::<4>(luma, u, v, out),
        }
        self.next += 1;
    }
}
