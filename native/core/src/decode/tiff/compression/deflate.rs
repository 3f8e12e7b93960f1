//! Deflate, in zlib's wrapping.

use flate2::{Decompress, FlushDecompress};

use super::done::Done;
use crate::{Error, Format};

#[derive(Debug)]
pub(in super::super) struct Deflate {
    inflater: Decompress,
}

impl Deflate {
    /// Its window, its tables, and what it keeps of its state.
    pub(in super::super) const MEMORY: u64 = 48 << 10;

    pub(in super::super) fn new() -> Self {
        Deflate { inflater: Decompress::new(true) }
    }

    pub(in super::super) fn restart(&mut self) {
        self.inflater.reset(true);
    }

    pub(in super::super) fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Done, Error> {
        let before = (self.inflater.total_in(), self.inflater.total_out());
        self.inflater
            .decompress(input, out, FlushDecompress::None)
            .map_err(|_| Error::invalid(Format::Tiff))?;
        Ok(Done {
            consumed: (self.inflater.total_in() - before.0) as usize,
            produced: (self.inflater.total_out() - before.1) as usize,
        })
    }
}
