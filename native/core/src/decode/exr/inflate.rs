//! Zlib streams, in steps.

use flate2::{Decompress, FlushDecompress, Status};

use super::header::INVALID;
use crate::Error;
use crate::picture::zeroed;

/// A zlib stream on its way, which is cut into steps: blocks that hold next to nothing take sixty
/// nanoseconds a byte.
pub(super) struct Inflate {
    decompress: Decompress,
    /// What it holds.
    pub bytes: Vec<u8>,
    is_open: bool,
}

/// How much of a zlib stream is taken in a step.
const STREAM_STEP: usize = 8 << 10;

/// zlib's window and its tables.
pub(super) const INFLATE_BYTES: u64 = 64 << 10;

impl Inflate {
    /// For streams of up to `len` bytes.
    pub(super) fn new(len: usize) -> Result<Self, Error> {
        Ok(Inflate { decompress: Decompress::new(true), bytes: zeroed(len)?, is_open: false })
    }

    /// Takes a step towards the `len` bytes that the stream holds, exactly. `true` when all are
    /// there.
    pub(super) fn step(&mut self, input: &[u8], len: usize) -> Result<bool, Error> {
        if !std::mem::replace(&mut self.is_open, true) {
            self.decompress.reset(true);
        }
        let (taken, made) = (self.decompress.total_in(), self.decompress.total_out());
        let rest = input.get(taken as usize..).unwrap_or(&[]);
        let rest = &rest[..rest.len().min(STREAM_STEP)];
        let out = self.bytes.get_mut(made as usize..len).ok_or(Error::Internal)?;
        let status =
            self.decompress.decompress(rest, out, FlushDecompress::None).map_err(|_| INVALID)?;
        let is_stuck = (taken, made) == (self.decompress.total_in(), self.decompress.total_out());
        match status {
            Status::StreamEnd if self.decompress.total_out() == len as u64 => {
                self.is_open = false;
                Ok(true)
            }
            Status::Ok | Status::BufError if !is_stuck => Ok(false),
            _ => Err(INVALID),
        }
    }
}
