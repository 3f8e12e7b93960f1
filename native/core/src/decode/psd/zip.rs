//! A plane of a zlib stream that holds all of them, one after the other. Each is inflated on its
//! own, from the start on, so that all come at once.

use flate2::{Decompress, FlushDecompress, Status};

use super::{INVALID, TRUNCATED};
use crate::Error;

pub(super) struct Zip {
    inflater: Decompress,
    at: usize,
    /// Bytes that come before its next row.
    to_skip: u64,
    /// Bytes of the row that are there.
    filled: usize,
}

/// What a step may take and make. A byte of deflate's tables takes 50 ns, and one that it makes up
/// to 5.
pub(super) struct Quota {
    input: usize,
    output: usize,
}

/// What is passed over goes here.
const SINK_BYTES: usize = 4 << 10;

impl Quota {
    pub(super) fn of_a_step() -> Self {
        Quota { input: 4 << 10, output: 64 << 10 }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.input == 0 || self.output == 0
    }
}

impl Zip {
    /// A window, tables, and what is kept of its state.
    pub(super) const MEMORY: u64 = 48 << 10;

    /// The stream begins at a place, and so many bytes of other planes come first.
    pub(super) fn new(at: usize, to_skip: u64) -> Self {
        Zip { inflater: Decompress::new(true), at, to_skip, filled: 0 }
    }

    /// Gets closer to a whole row. `false` where that takes more than the quota.
    pub(super) fn fill(
        &mut self,
        input: &[u8],
        row: &mut [u8],
        quota: &mut Quota,
    ) -> Result<bool, Error> {
        while self.filled < row.len() {
            if quota.is_spent() {
                return Ok(false);
            }
            let rest = input.get(self.at..).unwrap_or_default();
            let piece = &rest[..rest.len().min(quota.input)];
            let mut sink = [0; SINK_BYTES];
            let skips = self.to_skip > 0;
            let out = if skips {
                &mut sink[..self.to_skip.min(SINK_BYTES as u64) as usize]
            } else {
                &mut row[self.filled..]
            };
            let room = out.len().min(quota.output);
            let before = (self.inflater.total_in(), self.inflater.total_out());
            let status = self
                .inflater
                .decompress(piece, &mut out[..room], FlushDecompress::None)
                .map_err(|_| INVALID)?;
            let consumed = (self.inflater.total_in() - before.0) as usize;
            let produced = (self.inflater.total_out() - before.1) as usize;
            if consumed == 0 && produced == 0 {
                let is_over = status == Status::StreamEnd || piece.len() < rest.len();
                return Err(if is_over { INVALID } else { TRUNCATED });
            }
            self.at += consumed;
            quota.input = quota.input.saturating_sub(consumed.max(1));
            quota.output = quota.output.saturating_sub(produced);
            if skips {
                self.to_skip -= produced as u64;
            } else {
                self.filled += produced;
            }
        }
        Ok(true)
    }

    /// The row has been taken.
    pub(super) fn next_row(&mut self) {
        self.filled = 0;
    }
}

/// Undoes the differences of a row's samples, of so many bits. The bytes of floats stand apart, all
/// first ones before all second ones; they are put together in `spare`.
pub(super) fn undo(row: &mut [u8], bits: u16, spare: &mut [u8]) {
    if bits == 16 {
        let mut left = 0u16;
        for sample in row.as_chunks_mut().0 {
            left = left.wrapping_add(u16::from_be_bytes(*sample));
            *sample = left.to_be_bytes();
        }
        return;
    }
    let mut left = 0u8;
    for byte in row.iter_mut() {
        left = left.wrapping_add(*byte);
        *byte = left;
    }
    if bits == 32 {
        let samples = row.len() / 4;
        for (n, sample) in spare.as_chunks_mut::<4>().0.iter_mut().enumerate().take(samples) {
            *sample = [0, 1, 2, 3].map(|byte| row[byte * samples + n]);
        }
        let len = row.len().min(spare.len());
        row[..len].copy_from_slice(&spare[..len]);
    }
}
