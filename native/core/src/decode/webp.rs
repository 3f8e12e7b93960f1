//! WebP, by a decoder that goes by macroblocks, or by pixels.

use bytes::Bytes;
use image::metadata::Orientation;
use rayon::ThreadPool;
use thumbelina_codec::{Budget, Context, Error as CodecError, Poll, Stop};
use thumbelina_webp::{self as webp, Decoder};

use super::{Read, RowSource};
use crate::limits::Limit;
use crate::pixels::Rows;
use crate::{Depth, Error, Format, Header, Layout, Limits, cost};

/// Pixels are decoded in pieces of about this much work.
const STRIP_NANOS: u64 = 50_000;

pub(super) struct Webp {
    decoder: Decoder,
    budget: Budget,
    header: Header,
    /// About as many pixels as a piece may have.
    pixels: usize,
}

impl Webp {
    pub(super) fn open(input: Bytes, limits: &Limits) -> Result<Self, Error> {
        let input_nanos = input.len() as u64 * cost::NANOS_PER_BYTE;
        let budget = Budget::new(limits.max_memory);
        let header = webp::Header::read(&input).map_err(error)?;
        let decoder = Decoder::start(header, &budget).map_err(error)?;
        let found = decoder.header();
        let layout = Layout::new(decoder.channels() as u8, Depth::U8);
        let mut header = Header::new(Format::Webp, found.width, found.height, layout);
        let orientation = found.exif.as_deref().and_then(Orientation::from_exif_chunk);
        header.orientation = orientation.unwrap_or(Orientation::NoTransforms);
        header.decode_nanos += input_nanos;
        let pixel_nanos = (header.decode_nanos / header.pixels().max(1)).max(1);
        Ok(Webp { decoder, budget, header, pixels: (STRIP_NANOS / pixel_nanos).max(1) as usize })
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
        self.decoder.most_memory()
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let context = Context { pool: None, stop: &Stop::new(), budget: &self.budget };
        match self.decoder.read(max_rows as usize, self.pixels, &context).map_err(error)? {
            Poll::Ready([]) | Poll::NeedInput => Err(Error::Internal),
            Poll::Ready(rows) => Ok(Read::Rows(Rows::U8(rows))),
            Poll::Working => Ok(Read::Working),
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
        webp::Error::Codec(CodecError::OverBudget { needed, allowed }) => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        webp::Error::Codec(CodecError::OutOfMemory) => Error::OutOfMemory,
        webp::Error::Work { needed, allowed } => {
            Error::Limit { limit: Limit::MaxBytesIn, value: needed, maximum: allowed }
        }
        _ => Error::Invalid(Format::Webp),
    }
}
