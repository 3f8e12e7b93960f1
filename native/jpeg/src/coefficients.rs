//! The coefficients of a component, as scans bring them.

use std::ops::Range;

use thumbelina_codec::Error;

use crate::block::Class;
use crate::frame::{Frame, Process, Scaled};
use crate::kernels::Kernels;
use crate::rows::McuRow;
use crate::transform::Transform;

/// The coefficients of one component.
#[derive(Debug)]
pub(crate) struct Coefficients {
    pub scaled: Scaled,
    pub transform: Option<Transform>,
    /// Blocks of a row, those that only fill the last MCU included.
    across: usize,
    /// Rows of blocks, as far down as data has reached, and how many there will be. One in between
    /// that no data has reached is empty.
    pub rows: Vec<BlockRow>,
    down: usize,
    /// Whether it has to be known which coefficients are not zero, also among those not kept.
    pub traced: bool,
    /// For each position, the bits still missing.
    pub missing: [u8; 64],
    /// The same before the last scan of the component, and how many rows of blocks that scan
    /// reached.
    pub missing_before: [u8; 64],
    pub sound_rows: usize,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct BlockRow {
    pub coefficients: Vec<i16>,
    /// For each block, a bit for each position.
    pub nonzero: Vec<u64>,
}

impl Coefficients {
    pub(crate) fn new(scaled: Scaled, mcus: (u32, u32)) -> Self {
        let down = (mcus.1 * scaled.down) as usize;
        Coefficients {
            scaled,
            transform: None,
            across: (mcus.0 * scaled.across) as usize,
            rows: Vec::with_capacity(down),
            down,
            traced: false,
            missing: [u8::MAX; 64],
            missing_before: [u8::MAX; 64],
            sound_rows: usize::MAX,
        }
    }

    /// The bytes that those of all blocks take.
    pub(crate) fn bytes(frame: &Frame, scaled: &Scaled) -> u64 {
        let (across, down) = frame.mcus();
        let traces =
            if frame.process == Process::Progressive && scaled.class != Class::One { 8 } else { 0 };
        let block = scaled.class.len() as u64 * 2 + traces;
        u64::from(across * scaled.across) * u64::from(down * scaled.down) * block
    }

    /// What knowing of the rows of blocks takes, for so many rows of MCUs.
    pub(crate) fn rows_bytes(mcus: u32, scaled: &Scaled) -> u64 {
        u64::from(mcus * scaled.down) * size_of::<BlockRow>() as u64
    }

    /// Makes one row of blocks among these, if there is any that no data has reached so far, and
    /// says how many blocks that has.
    pub(crate) fn make_row(&mut self, rows: Range<usize>) -> Result<Option<usize>, Error> {
        let end = rows.end.min(self.down);
        if self.rows.len() < end {
            self.rows.resize_with(end, BlockRow::default);
        }
        let mut rows = self.rows.get_mut(rows).unwrap_or_default().iter_mut();
        let Some(row) = rows.find(|row| row.coefficients.is_empty()) else { return Ok(None) };
        row.coefficients = zeros(self.across * self.scaled.class.len())?;
        if self.traced {
            row.nonzero = zeros(self.across)?;
        }
        Ok(Some(self.across))
    }

    /// Makes the samples of these columns of a row of MCUs.
    pub(crate) fn transform_row(
        &self,
        kernels: &Kernels,
        (mcu_row, columns): (usize, Range<usize>),
        row: &mut McuRow<'_>,
        component: usize,
    ) {
        let (plane, stride) = (&mut row.planes[component], row.strides[component]);
        let (side, each) = (self.scaled.class.side(), self.scaled.class.len());
        let (wide, down) = (self.scaled.across as usize, self.scaled.down as usize);
        let blocks = columns.start * wide..columns.end * wide;
        let samples = blocks.start * side..blocks.end * side;
        for (y, lines) in plane.chunks_exact_mut(side * stride).enumerate() {
            let coefficients = self.rows.get(mcu_row * down + y);
            let coefficients = coefficients
                .and_then(|row| row.coefficients.get(blocks.start * each..blocks.end * each));
            let (Some(transform), Some(coefficients)) = (&self.transform, coefficients) else {
                for line in lines.chunks_exact_mut(stride) {
                    line[samples.clone()].fill(128);
                }
                continue;
            };
            let out = &mut lines[samples.start..];
            transform.apply(kernels, (coefficients, each), 0, (out, side), stride);
        }
    }
}

fn zeros<T: Copy + Default>(len: usize) -> Result<Vec<T>, Error> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    zeros.resize(len, T::default());
    Ok(zeros)
}
