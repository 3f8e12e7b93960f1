use std::ops::Range;

use fast_image_resize::Resizer;

use crate::picture::{Picture, Sample, Shape};
use crate::{Depth, Error, cost};

/// An operation. It makes its output in bands of rows, each from the whole input, so that they can
/// be made one at a time, or by as many threads as there are. The bands do not depend on how that
/// is, and nor do the pixels.
pub(crate) trait Op: Send + Sync {
    /// What comes of a picture of this shape.
    fn shape(&self, from: &Shape) -> Shape;

    /// The output rows of a band, and how long it takes.
    fn bands(&self, from: &Shape) -> Bands;

    /// The estimated nanoseconds of [`prepare`](Self::prepare), which cannot be cut. 0 where there
    /// is nothing to prepare, or not any more.
    fn prepare_nanos(&self) -> u64 {
        0
    }

    /// What that takes, and gives back.
    fn prepare_memory(&self) -> u64 {
        0
    }

    /// Makes what the bands look things up in. Done before the first of them.
    fn prepare(&self, _from: &Picture) {}

    /// What a thread takes for a band beside input and output.
    fn memory(&self, _from: &Shape) -> u64 {
        0
    }

    /// The estimated nanoseconds of the next [`look`](Self::look).
    fn look_nanos(&self, _from: &Shape) -> u64 {
        0
    }

    /// Takes a step of looking at the whole input before the first band, for an operation that
    /// depends on it. `true` when there is nothing more to look at.
    fn look(&mut self, _from: &Picture, _shape: &Shape) -> Result<bool, Error> {
        Ok(true)
    }

    /// Makes some rows of the output, as bytes of samples in the machine's own order.
    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error>;
}

/// How an output is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bands {
    pub rows: u32,
    /// The estimated nanoseconds of one.
    pub nanos: u64,
}

impl Bands {
    /// For rows that take so long each, and so much that is done but `once` a band.
    pub(super) fn new(row_nanos: u64, once: u64, height: u32) -> Self {
        let rest = cost::MAX_BAND_NANOS.saturating_sub(once).max(once);
        let rows = (rest / row_nanos.max(1)).clamp(1, height.max(1).into());
        Bands { rows: rows as u32, nanos: once + row_nanos * rows }
    }
}

/// What a thread uses again for its next band.
pub(crate) struct Scratch {
    pub(super) resizer: Resizer,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Scratch { resizer: Resizer::new() }
    }
}

/// What makes the rows of a band of an operation that is the same for samples of every depth.
pub(super) trait EachDepth {
    fn run<S: Sample>(&self, from: &Picture, rows: Range<u32>, out: &mut [S]) -> Result<(), Error>;

    fn at_its_depth(&self, from: &Picture, rows: Range<u32>, out: &mut [u8]) -> Result<(), Error> {
        match from.layout.depth {
            Depth::U8 => self.run::<u8>(from, rows, out),
            Depth::U16 => self.run::<u16>(from, rows, bytemuck::try_cast_slice_mut(out)?),
            Depth::F32 => self.run::<f32>(from, rows, bytemuck::try_cast_slice_mut(out)?),
        }
    }
}
