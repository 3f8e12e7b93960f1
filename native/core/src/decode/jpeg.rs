//! JPEG, by a decoder that shrinks while it decodes.

use bytes::Bytes;
use image::metadata::Orientation;
use rayon::ThreadPool;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{self as jpeg, Decoder, Headers, OnDamage, Options, Process, Scale};

use super::{Read, RowSource};
use crate::limits::Limit;
use crate::{Depth, Error, Format, Header, Layout, Limits, cost};

/// Making look-up tables of the Huffman tables.
const TABLES_NANOS: u64 = 100_000;

/// The least that a block takes, however few bytes it has, and with its transform at full size.
const BLOCK_NANOS: u64 = 10;
const FULL_BLOCK_NANOS: u64 = 40;

/// MCUs are decoded in pieces of about this much work.
const STRIP_NANOS: u64 = 50_000;

/// Where so much is left to shrink, halved chroma in halves again does not show: 46.8 dB on a
/// photograph. With 2.6 left it does, at 41.8 dB.
const DC_ONLY_LEAVE: f64 = 3.5;

pub(super) struct Jpeg {
    input: Input,
    header: Header,
    found: jpeg::Header,
    /// Until the decoder is made of them.
    headers: Option<Headers>,
    /// Walking through the segments.
    open_nanos: u64,
    scale: Scale,
    /// Whether what is left to shrink is enough for chroma from DC values alone.
    dc_only: bool,
    on_damage: OnDamage,
    budget: Budget,
    /// An MCU at this scale.
    mcu_nanos: u64,
    decoder: Option<Box<Decoder>>,
}

impl Jpeg {
    pub(super) fn open(input: Bytes, limits: &Limits) -> Result<Self, Error> {
        let (bytes, open_nanos) = (input.len(), header_nanos(&input, 2 * cost::PIECE_NANOS));
        let mut input = Input::whole(input);
        let Poll::Ready(headers) = Headers::read(&mut input).map_err(error)? else {
            return Err(Error::Internal);
        };
        let found = headers.header().clone();
        let mut source = Jpeg {
            header: translated(&found, bytes),
            // Anything above is too long for a step.
            open_nanos,
            input,
            found,
            headers: Some(headers),
            scale: Scale::Full,
            dc_only: false,
            on_damage: OnDamage::Fail,
            budget: Budget::new(limits.max_memory),
            mcu_nanos: 0,
            decoder: None,
        };
        source.set_scale(1, 1.0);
        Ok(source)
    }

    fn options(&self) -> Options {
        Options { scale: self.scale, dc_only: self.dc_only, on_damage: self.on_damage, ..Options::default() }
    }
}

fn translated(found: &jpeg::Header, bytes: usize) -> Header {
    let orientation = found.exif.as_deref().and_then(Orientation::from_exif_chunk);
    let layout = Layout::new(if found.components.len() == 1 { 1 } else { 3 }, Depth::U8);
    let mut header = Header {
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        input_nanos: bytes as u64 * cost::JPEG_NANOS_PER_BYTE,
        scales: true,
        shares: found.process != Process::Progressive,
        ..Header::new(Format::Jpeg, found.width, found.height, layout)
    };
    if found.process == Process::Progressive {
        // Most bytes are corrections, of a bit for each of many coefficients. Averages of blocks
        // need none of them.
        header.detail_nanos = header.input_nanos * (cost::PROGRESSIVE_TIMES - 1);
    }
    header.decode_nanos = header.input_nanos + header.detail_nanos + cost::decode_nanos(&header);
    header
}

/// The estimated nanoseconds of [`Jpeg::open`]. Stops counting at `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    jpeg::Header::nanos(input, most)
}

fn error(error: jpeg::Error) -> Error {
    match error {
        jpeg::Error::Unsupported(_) => Error::Unsupported(Format::Jpeg),
        jpeg::Error::Truncated { offset } => {
            Error::TruncatedAt { format: Format::Jpeg, offset: offset as u64 }
        }
        jpeg::Error::Invalid { offset, .. } | jpeg::Error::Damaged { offset } => {
            Error::InvalidAt { format: Format::Jpeg, offset: offset as u64 }
        }
        jpeg::Error::Codec(thumbelina_codec::Error::OverBudget { needed, allowed }) => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        jpeg::Error::Codec(thumbelina_codec::Error::OutOfMemory) => Error::OutOfMemory,
        jpeg::Error::Codec(thumbelina_codec::Error::Stopped) => Error::Internal,
        _ => Error::Invalid(Format::Jpeg),
    }
}

impl RowSource for Jpeg {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        if self.decoder.is_none() { TABLES_NANOS + self.open_nanos } else { self.mcu_nanos.max(STRIP_NANOS) }
    }

    fn memory(&self) -> u64 {
        self.found.memory(&self.options())
    }

    fn set_scale(&mut self, factor: u32, left: f64) {
        self.dc_only = left >= DC_ONLY_LEAVE;
        self.scale = match factor {
            8 => Scale::Eighth,
            4 => Scale::Quarter,
            2 => Scale::Half,
            _ => Scale::Full,
        };
        let blocks = |component: &jpeg::Component| u64::from(component.horizontal * component.vertical);
        let each = if self.scale == Scale::Full { FULL_BLOCK_NANOS } else { BLOCK_NANOS };
        let least = self.found.components.iter().map(blocks).sum::<u64>() * each;
        let nanos = self.header.scaled(self.scale.factor()).decode_nanos / self.found.mcus();
        self.mcu_nanos = nanos.max(least).max(1);
    }

    fn tolerate_damage(&mut self) {
        self.on_damage = OnDamage::Gray;
    }

    fn read(&mut self, max_rows: u32, pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        if self.decoder.is_none() {
            let headers = self.headers.take().ok_or(Error::Internal)?;
            let decoder = Decoder::start(headers, &self.options(), &self.budget).map_err(error)?;
            self.decoder = Some(Box::new(decoder));
            return Ok(Read::Working);
        }
        let decoder = self.decoder.as_mut().ok_or(Error::Internal)?;
        let mcus = (STRIP_NANOS / self.mcu_nanos) as usize;
        let context = Context { pool, stop: &Stop::new(), budget: &self.budget };
        match decoder.read(&mut self.input, max_rows as usize, mcus, &context).map_err(error)? {
            Poll::Ready([]) | Poll::NeedInput => Err(Error::Internal),
            Poll::Ready(rows) => Ok(Read::Rows(crate::pixels::Rows::U8(rows))),
            Poll::Working => Ok(Read::Working),
        }
    }
}
