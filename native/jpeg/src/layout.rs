//! Where the blocks of a sequential scan go: from its data to samples.

use std::sync::Arc;

use crate::Error;
use crate::kernels::Kernels;
use crate::quota::Quota;
use crate::rows::McuRow;
use crate::scan::{Predictions, Run, Scan};
use crate::scan_reader::{Found, ScanReader};
use crate::transform::Transform;
use crate::view::View;

/// Coefficients that are decoded before they are transformed: as many as stay in the first cache.
const COEFFICIENTS_TOGETHER: usize = 8 << 10;

/// Where the blocks of a scan go.
#[derive(Debug)]
pub(crate) struct Layout {
    pub scan: Arc<Scan>,
    /// For each component of the scan: which of the picture's it is, and its transform.
    pub components: Vec<(usize, Transform)>,
}

impl Layout {
    /// Decodes and transforms MCUs, at most `most` of a row from `column` on.
    #[inline(always)]
    pub(crate) fn decode(
        &self,
        kernels: &Kernels,
        reader: &mut ScanReader,
        coefficients: &mut Vec<i16>,
        (view, quota): (View<'_>, &mut Quota<'_>),
        row: &mut McuRow<'_>,
        (column, most): (usize, usize),
    ) -> Result<Found, Error> {
        let scan = &self.scan;
        let most = most.min((COEFFICIENTS_TOGETHER / scan.mcu_len).max(1));
        coefficients.clear();
        coefficients.resize(most * scan.mcu_len + 1, 0);
        let found = reader.decode(view, most, quota, |i, state, data| {
            let out = &mut coefficients[i * scan.mcu_len..];
            scan.decode(&mut state.bits, data, &mut state.predictions, out)
        })?;
        match found {
            Found::Mcus(count) => self.blocks(kernels, coefficients, [0; 4], count, row, column),
            Found::Lost(count) => self.lose(row, column, count),
            Found::Nothing | Found::Starved => {}
        }
        Ok(found)
    }

    /// Transforms what was decoded ahead.
    pub(crate) fn transform(
        &self,
        kernels: &Kernels,
        run: &Run,
        row: &mut McuRow<'_>,
        column: usize,
    ) {
        let coefficients = &run.coefficients[run.first * self.scan.mcu_len..];
        self.blocks(kernels, coefficients, run.offsets, run.count, row, column);
    }

    /// Transforms MCUs to their places in a row of MCUs, from a column on.
    fn blocks(
        &self,
        kernels: &Kernels,
        coefficients: &[i16],
        offsets: Predictions,
        count: usize,
        row: &mut McuRow<'_>,
        column: usize,
    ) {
        let scan = &self.scan;
        for at in &scan.blocks {
            let (component, transform) = &self.components[at.component];
            let (plane, stride) = (&mut row.planes[*component], row.strides[*component]);
            let side = at.class.side();
            let wide = stride / scan.across as usize;
            let first = at.row as usize * side * stride + at.column as usize * side + column * wide;
            let offset = offsets[at.component];
            // One block each of `count` MCUs; the last one's coefficients need not be followed by
            // more.
            let blocks = &coefficients[at.place..];
            let blocks = &blocks[..blocks.len().min(count * scan.mcu_len)];
            let samples = &mut plane[first..];
            transform.apply(kernels, (blocks, scan.mcu_len), offset, (samples, wide), stride);
        }
    }

    /// Fills MCUs with gray.
    fn lose(&self, row: &mut McuRow<'_>, column: usize, count: usize) {
        for (component, _) in &self.components {
            let (plane, stride) = (&mut row.planes[*component], row.strides[*component]);
            let wide = stride / self.scan.across as usize;
            for line in plane.chunks_exact_mut(stride) {
                line[column * wide..(column + count) * wide].fill(128);
            }
        }
    }
}
