//! WebP, by a decoder that goes by macroblocks, or by pixels.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};
use thumbelina_webp::{self as webp, Decoder, Header};

use super::source::{RowSource, Source, begin};
use super::{color, exif};
use crate::limits::Limit;
use crate::picture::Rows;
use crate::{Depth, Error, Format, Info, Layout, cost};

struct Webp {
    decoder: Decoder,
    info: Info,
    /// About as many pixels as a piece may have.
    pixels: usize,
}

pub(super) fn open(input: &Bytes) -> Result<Source, Error> {
    let header = Header::read(input).map_err(error)?;
    let layout = Layout::new(if header.has_alpha { 4 } else { 3 }, Depth::U8);
    let mut info = Info::new(Format::Webp, header.width, header.height, layout);
    if let Some(found) = &header.exif {
        info.orientation = exif::orientation(found);
    }
    info.metadata.exif = header.exif.clone().and_then(exif::kept);
    info.metadata.xmp = header.xmp.clone().filter(|xmp| xmp.len() <= exif::MOST_BYTES);
    info.color = color::of(header.icc.clone(), header.exif.as_deref());
    info.nanos.all += input.len() as u64 * cost::NANOS_PER_BYTE;
    let pixel_nanos = (info.nanos.all / info.pixels().max(1)).max(1);
    let pixels = (cost::STRIP_NANOS / pixel_nanos).max(1) as usize;
    let own = info.clone();
    Ok(Source::new(info, move |how, budget| {
        let decoder = Decoder::start(header, budget).map_err(error)?;
        begin(Webp { decoder, info: own, pixels }, how)
    }))
}

/// Width and height, as far as the first bytes tell.
pub(super) fn size(input: &[u8]) -> Option<(u32, u32)> {
    Header::size(input).ok()
}

/// The estimated nanoseconds of [`open`], up to `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    Header::nanos(input, most)
}

impl RowSource for Webp {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        cost::STRIP_NANOS
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        match self.decoder.read(max_rows as usize, self.pixels, context).map_err(error)? {
            Poll::Ready([]) => Err(Error::Internal),
            rows => Ok(rows.map(Rows::U8)),
        }
    }
}

fn error(error: webp::Error) -> Error {
    let format = Format::Webp;
    match error {
        webp::Error::Unsupported(_) => Error::Unsupported(format),
        webp::Error::Truncated { offset } => {
            Error::Truncated { format, offset: Some(offset as u64) }
        }
        webp::Error::Invalid { offset, .. } => {
            Error::Invalid { format, offset: Some(offset as u64) }
        }
        webp::Error::Codec(error) => error.into(),
        webp::Error::Work { needed, allowed } => {
            Error::Limit { limit: Limit::MaxBytesIn, value: needed, maximum: allowed }
        }
        _ => Error::invalid(format),
    }
}
