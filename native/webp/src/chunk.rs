//! A chunk of a RIFF file.

use bytes::Bytes;

use crate::Error;

/// The payload of a chunk, as far as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) data: Bytes,
    /// Where it begins in the file.
    pub(crate) at: usize,
    /// Whether the file ends before the chunk does.
    pub(crate) cut: bool,
}

impl Chunk {
    /// The error to be had when more is wanted than there is: what is wrong if the chunk is
    /// complete.
    pub(crate) fn ends_early(&self, what: &'static str) -> Error {
        let offset = self.at + self.data.len();
        if self.cut { Error::Truncated { offset } } else { Error::Invalid { what, offset } }
    }
}
