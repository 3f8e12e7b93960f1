//! WebP, by a decoder that goes by macroblocks, or by pixels.

use bytes::Bytes;
use image::metadata::Orientation;
use thumbelina_codec::{Budget, Context, Input, Poll};
use thumbelina_webp::{self as webp, Decoder, Effort, Options};

use super::source::{RowSource, Source};
use crate::limits::Limit;
use crate::picture::Rows;
use crate::{Depth, Error, Format, Info, Layout, cost};

struct Webp {
    decoder: Decoder,
    info: Info,
    /// About as many pixels as a piece may have.
    pixels: usize,
}

pub(super) fn open(input: Bytes, budget: &Budget) -> Result<Source, Error> {
    let input_nanos = input.len() as u64 * cost::NANOS_PER_BYTE;
    let decoder = Decoder::new(input, &Options { max_memory: budget.most() }).map_err(error)?;
    let found = decoder.header();
    let layout = Layout::new(decoder.channels() as u8, Depth::U8);
    let mut info = Info::new(Format::Webp, found.width, found.height, layout);
    let orientation = found.exif.as_deref().and_then(Orientation::from_exif_chunk);
    info.orientation = orientation.unwrap_or(Orientation::NoTransforms);
    info.nanos.all += input_nanos;
    let pixel_nanos = (info.nanos.all / info.pixels().max(1)).max(1);
    let pixels = (cost::STRIP_NANOS / pixel_nanos).max(1) as usize;
    Ok(Source::of(Webp { decoder, info, pixels }))
}

/// The estimated nanoseconds of [`open`], up to `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    webp::Header::nanos(input, most)
}

impl RowSource for Webp {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        cost::STRIP_NANOS
    }

    fn memory(&self) -> u64 {
        self.decoder.memory()
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        match self.decoder.read(max_rows as usize, Effort::Pixels(self.pixels)).map_err(error)? {
            webp::Read::Rows(rows) => Ok(Poll::Ready(Rows::U8(rows))),
            webp::Read::Working => Ok(Poll::Working),
            webp::Read::Done => Err(Error::Internal),
        }
    }
}

fn error(error: webp::Error) -> Error {
    let format = Format::Webp;
    match error {
        webp::Error::Unsupported(_) => Error::Unsupported(format),
        webp::Error::Truncated { offset } => Error::Truncated { format, offset: Some(offset as u64) },
        webp::Error::Invalid { offset, .. } => Error::Invalid { format, offset: Some(offset as u64) },
        webp::Error::Memory { needed, allowed } => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        webp::Error::Work { needed, allowed } => {
            Error::Limit { limit: Limit::MaxBytesIn, value: needed, maximum: allowed }
        }
        _ => Error::invalid(format),
    }
}
