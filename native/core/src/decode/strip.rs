//! The buffer that decoders hand their rows over in.

use crate::picture::Rows;
use crate::{Depth, Error, Info, Samples, cost};

/// A strip is no more than this, which stays in a core's own cache, or one row.
const STRIP_BYTES: u64 = 256 << 10;

pub(super) struct Strip {
    depth: Depth,
    samples: Samples,
    row_samples: usize,
    row_bytes: usize,
    /// How many rows the picture has, and how many a strip holds.
    height: usize,
    most: usize,
}

impl Strip {
    /// Takes no memory yet. It does not take longer than a strip may by its decoder's own estimate:
    /// the caller's goes by the format alone.
    pub(super) fn new(info: &Info) -> Result<Self, Error> {
        let row_bytes = info.row_bytes();
        let depth = info.layout.depth;
        let row_nanos = info.row_nanos();
        let most =
            (STRIP_BYTES / (row_bytes as u64).max(1)).min(cost::STRIP_NANOS / row_nanos.max(1));
        Ok(Strip {
            depth,
            samples: Samples::zeroed(depth, 0)?,
            row_samples: row_bytes / depth.bytes(),
            row_bytes,
            height: info.height as usize,
            most: most.max(1) as usize,
        })
    }

    /// Makes it hold a number of rows that `rows` divides.
    pub(super) fn hold_whole(&mut self, rows: usize) {
        self.most = self.most.next_multiple_of(rows);
        self.height = self.height.next_multiple_of(rows);
    }

    /// How many of `wanted` rows it holds at a time.
    pub(super) fn fit(&self, wanted: u32) -> u32 {
        (wanted as usize).clamp(1, self.most) as u32
    }

    /// Room for as many rows, as bytes of samples in the machine's own order. What was in it may be
    /// lost.
    pub(super) fn room(&mut self, rows: usize) -> Result<&mut [u8], Error> {
        let len = rows * self.row_bytes;
        if self.samples.bytes().len() < len {
            // The old one goes first.
            self.samples = Samples::zeroed(self.depth, 0)?;
            self.samples = Samples::zeroed(self.depth, rows * self.row_samples)?;
        }
        self.samples.bytes_mut().get_mut(..len).ok_or(Error::Internal)
    }

    /// The first rows of it.
    pub(super) fn rows(&self, rows: usize) -> Rows<'_> {
        self.part(0, rows)
    }

    /// Some of the rows that there was room made for.
    pub(super) fn part(&self, first: usize, rows: usize) -> Rows<'_> {
        self.samples.rows().slice(first * self.row_samples..(first + rows) * self.row_samples)
    }

    /// The bytes that it takes at most.
    pub(super) fn memory(&self) -> u64 {
        self.row_bytes as u64 * self.most.min(self.height) as u64
    }
}
