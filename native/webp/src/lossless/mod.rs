//! VP8L, the lossless bitstream.

use bytes::Bytes;

use crate::Error;

/// A picture of a VP8L chunk on its way.
pub(crate) struct Lossless {
    never: std::convert::Infallible,
}

impl Lossless {
    pub(crate) fn new(_data: Bytes, _at: usize, _max_memory: u64) -> Result<Self, Error> {
        Err(Error::Unsupported("lossless"))
    }

    pub(crate) fn headerless(
        _data: Bytes,
        _at: usize,
        _width: u32,
        _height: u32,
        _max_memory: u64,
    ) -> Result<Self, Error> {
        Err(Error::Unsupported("lossless"))
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        match self.never {}
    }

    pub(crate) fn has_alpha(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn memory(&self) -> u64 {
        match self.never {}
    }

    pub(crate) fn read(&mut self, _most_rows: usize, _work: &mut usize) -> Result<Option<&[u8]>, Error> {
        match self.never {}
    }
}
