//! JPEG, by a decoder that shrinks while it decodes.

use bytes::Bytes;
use image::metadata::Orientation;
use thumbelina_codec::{Budget, Context, Input, Poll};
use thumbelina_jpeg::{self as jpeg, Decoder, Effort, OnDamage, Options, Process, Scale};

use super::source::{DecodeOptions, RowSource, Source};
use crate::limits::Limit;
use crate::picture::Rows;
use crate::{Depth, Error, Format, Info, Layout, cost};

/// Making look-up tables of the Huffman tables.
const TABLES_NANOS: u64 = 100_000;

/// The least that a block takes, however few bytes it has, and with its transform at full size.
const BLOCK_NANOS: u64 = 10;
const FULL_BLOCK_NANOS: u64 = 40;

/// Where so much is left to shrink, halved chroma in halves again does not show: 46.8 dB on a
/// photograph. With 2.6 left it does, at 41.8 dB.
const DC_ONLY_LEAVE: f64 = 3.5;

struct Jpeg {
    input: Bytes,
    info: Info,
    found: jpeg::Header,
    /// Walking through the segments.
    open_nanos: u64,
    options: Options,
    /// An MCU at this scale.
    mcu_nanos: u64,
    decoder: Option<Box<Decoder>>,
}

pub(super) fn open(input: Bytes) -> Result<Source, Error> {
    let found = jpeg::Header::read(input.clone()).map_err(error)?;
    let info = info(&found, input.len());
    let decoder_info = info.clone();
    Ok(Source::new(info, move |options, budget| {
        Ok(Box::new(Jpeg::start(input, decoder_info, found, options, budget)))
    }))
}

impl Jpeg {
    fn start(input: Bytes, info: Info, found: jpeg::Header, how: &DecodeOptions, budget: &Budget) -> Self {
        let scale = match how.scale {
            8 => Scale::Eighth,
            4 => Scale::Quarter,
            2 => Scale::Half,
            _ => Scale::Full,
        };
        let options = Options {
            scale,
            dc_only: how.left >= DC_ONLY_LEAVE,
            on_damage: match how.on_damage {
                crate::OnDamage::Error => OnDamage::Fail,
                crate::OnDamage::Gray => OnDamage::Gray,
            },
            max_memory: budget.most(),
            ..Options::default()
        };
        let blocks = |component: &jpeg::Component| u64::from(component.horizontal * component.vertical);
        let each = if scale == Scale::Full { FULL_BLOCK_NANOS } else { BLOCK_NANOS };
        let least = found.components.iter().map(blocks).sum::<u64>() * each;
        let nanos = info.scaled(scale.factor()).nanos.all / found.mcus();
        Jpeg {
            // Anything above is too long for a step.
            open_nanos: header_nanos(&input, 2 * cost::PIECE_NANOS),
            mcu_nanos: nanos.max(least).max(1),
            input,
            info,
            found,
            options,
            decoder: None,
        }
    }
}

fn info(found: &jpeg::Header, bytes: usize) -> Info {
    let orientation = found.exif.as_deref().and_then(Orientation::from_exif_chunk);
    let layout = Layout::new(if found.components.len() == 1 { 1 } else { 3 }, Depth::U8);
    let mut info = Info {
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        scales: true,
        shares: found.process != Process::Progressive,
        ..Info::new(Format::Jpeg, found.width, found.height, layout)
    };
    info.nanos.input = bytes as u64 * cost::JPEG_NANOS_PER_BYTE;
    if found.process == Process::Progressive {
        // Most bytes are corrections, of a bit for each of many coefficients. Averages of blocks
        // need none of them.
        info.nanos.detail = info.nanos.input * (cost::PROGRESSIVE_TIMES - 1);
    }
    info.nanos.all += info.nanos.input + info.nanos.detail;
    info
}

/// The estimated nanoseconds of [`open`]. Stops counting at `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    jpeg::Header::nanos(input, most)
}

fn error(error: jpeg::Error) -> Error {
    let format = Format::Jpeg;
    match error {
        jpeg::Error::Unsupported(_) => Error::Unsupported(format),
        jpeg::Error::Truncated { offset } => Error::Truncated { format, offset: Some(offset as u64) },
        jpeg::Error::Invalid { offset, .. } | jpeg::Error::Damaged { offset } => {
            Error::Invalid { format, offset: Some(offset as u64) }
        }
        jpeg::Error::Memory { needed, allowed } => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        _ => Error::invalid(format),
    }
}

impl RowSource for Jpeg {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        if self.decoder.is_none() {
            TABLES_NANOS + self.open_nanos
        } else {
            self.mcu_nanos.max(cost::STRIP_NANOS)
        }
    }

    fn memory(&self) -> u64 {
        self.found.memory(&self.options)
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.decoder.is_none() {
            let decoder = Decoder::new(self.input.clone(), &self.options).map_err(error)?;
            self.decoder = Some(Box::new(decoder));
            return Ok(Poll::Working);
        }
        let decoder = self.decoder.as_mut().ok_or(Error::Internal)?;
        let effort = match context.pool {
            Some(pool) => Effort::Pool(pool),
            None => Effort::Mcus((cost::STRIP_NANOS / self.mcu_nanos) as usize),
        };
        match decoder.read(max_rows as usize, effort).map_err(error)? {
            jpeg::Read::Rows(rows) => Ok(Poll::Ready(Rows::U8(rows))),
            jpeg::Read::Working => Ok(Poll::Working),
            jpeg::Read::Done => Err(Error::Internal),
        }
    }
}
