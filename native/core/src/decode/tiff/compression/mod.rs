//! What chunks are packed with. Every decompressor goes on wherever its input or the room for its
//! output ended.

mod deflate;
mod done;
mod fax;
mod jpeg;
mod lzma;
mod lzw;
mod old_jpeg;
mod packbits;
mod webp;
mod zstd;

pub(super) use deflate::Deflate;
pub(super) use done::Done;
pub(super) use fax::{Fax, FaxCoding};
pub(super) use jpeg::Jpeg;
pub(super) use lzma::Lzma;
pub(super) use lzw::Lzw;
pub(super) use old_jpeg::OldJpeg;
pub(super) use packbits::PackBits;
pub(super) use webp::Webp;
pub(super) use zstd::Zstd;
