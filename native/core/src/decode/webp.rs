//! WebP, by a decoder that goes by macroblocks, or by pixels.

use bytes::Bytes;
use image::metadata::Orientation;
use rayon::ThreadPool;
use thumbelina_webp::{self as webp, Decoder, Effort, Options};

use super::{Read, RowSource};
use crate::limits::Limit;
use crate::pixels::Rows;
use crate::{Depth, Error, Format, Header, Layout, Limits, cost};

/// Pixels are decoded in pieces of about this much work.
const STRIP_NANOS: u64 = 50_000;

pub(super) struct Webp {
    decoder: Decoder,
    header: Header,
    /// About as many pixels as a piece may have.
    pixels: usize,
}

impl Webp {
    pub(super) fn open(input: Bytes, limits: &Limits) -> Result<Self, Error> {
        let input_nanos = input.len() as u64 * cost::NANOS_PER_BYTE;
        let decoder = Decoder::new(input, &Options { max_memory: limits.max_memory }).map_err(error)?;
        let found = decoder.header();
        let layout = Layout::new(decoder.channels() as u8, Depth::U8);
        let mut header = Header::new(Format::Webp, found.width, found.height, layout);
        let orientation = found.exif.as_deref().and_then(Orientation::from_exif_chunk);
        header.orientation = orientation.unwrap_or(Orientation::NoTransforms);
        header.decode_nanos += input_nanos;
        let pixel_nanos = (header.decode_nanos / header.pixels().max(1)).max(1);
        Ok(Webp { decoder, header, pixels: (STRIP_NANOS / pixel_nanos).max(1) as usize })
    }
}

/// The estimated nanoseconds of [`Webp::open`], up to `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    webp::Header::nanos(input, most)
}

impl RowSource for Webp {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        STRIP_NANOS
    }

    fn memory(&self) -> u64 {
        self.decoder.memory()
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        match self.decoder.read(max_rows as usize, Effort::Pixels(self.pixels)).map_err(error)? {
            webp::Read::Rows(rows) => Ok(Read::Rows(Rows::U8(rows))),
            webp::Read::Working => Ok(Read::Working),
            webp::Read::Done => Err(Error::Internal),
        }
    }
}

fn error(error: webp::Error) -> Error {
    match error {
        webp::Error::Unsupported(_) => Error::Unsupported(Format::Webp),
        webp::Error::Truncated { offset } => {
            Error::TruncatedAt { format: Format::Webp, offset: offset as u64 }
        }
        webp::Error::Invalid { offset, .. } => {
            Error::InvalidAt { format: Format::Webp, offset: offset as u64 }
        }
        webp::Error::Memory { needed, allowed } => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        webp::Error::Work { needed, allowed } => {
            Error::Limit { limit: Limit::MaxBytesIn, value: needed, maximum: allowed }
        }
        _ => Error::Invalid(Format::Webp),
    }
}
