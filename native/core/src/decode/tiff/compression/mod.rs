//! What chunks are packed with. Every decompressor goes on wherever its input or the room for its
//! output ended.

mod deflate;
mod fax;
mod jpeg;
mod lzw;
mod packbits;

pub(super) use deflate::Deflate;
pub(super) use fax::Fax4;
pub(super) use jpeg::{Jpeg, JpegColor};
pub(super) use lzw::Lzw;
pub(super) use packbits::PackBits;

/// What was taken of the input, and written of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub consumed: usize,
    pub produced: usize,
}
