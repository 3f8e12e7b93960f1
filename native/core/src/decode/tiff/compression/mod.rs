//! What chunks are packed with. Every decompressor goes on wherever its input or the room for its
//! output ended.

mod deflate;
mod done;
mod fax;
mod jpeg;
mod lzw;
mod packbits;

pub(super) use deflate::Deflate;
pub(super) use done::Done;
pub(super) use fax::Fax4;
pub(super) use jpeg::Jpeg;
pub(super) use lzw::Lzw;
pub(super) use packbits::PackBits;
