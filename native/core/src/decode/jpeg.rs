//! JPEG, by a decoder that shrinks while it decodes.

use image::metadata::Orientation;
use thumbelina_codec::{Context, Input, Poll};
use thumbelina_jpeg::{self as jpeg, Coding, Decoder, Headers, Options, Process, Scale};

use super::source::{DecodeOptions, RowSource, Source};
use super::{color, exif};
use crate::picture::Rows;
use crate::{Depth, Error, Format, Info, Layout, Metadata, OnDamage, cost};

/// Making look-up tables of the Huffman tables.
const TABLES_NANOS: u64 = 100_000;

/// The least that a block takes, however few bytes it has, and with its transform at full size.
const BLOCK_NANOS: u64 = 10;
const FULL_BLOCK_NANOS: u64 = 40;

/// The same with samples of 12 bits, whose transform takes floats.
const DEEP_BLOCK_NANOS: u64 = 1_200;

/// Where so much is left to shrink, halved chroma in halves again does not show: 46.8 dB on a
/// photograph. With 2.6 left it does, at 41.8 dB.
const DC_ONLY_LEAVE: f64 = 3.5;

/// So many pixels are taken to have a byte, where the length of the input is not known.
const PIXELS_PER_BYTE: u64 = 4;

struct Jpeg {
    decoder: Decoder,
    info: Info,
    /// An MCU at this scale.
    mcu_nanos: u64,
}

pub(super) fn open(input: &mut Input) -> Result<Source, Error> {
    let Poll::Ready(headers) = Headers::read(input).map_err(error)? else {
        return Err(Error::truncated(Format::Jpeg));
    };
    let found = headers.header();
    let pixels = u64::from(found.width) * u64::from(found.height);
    let bytes = if input.is_complete() { input.len() } else { pixels / PIXELS_PER_BYTE };
    let info = info(found, bytes);
    let own = info.clone();
    let start = move |how: &DecodeOptions, budget: &_| -> Result<Box<dyn RowSource>, Error> {
        let options = options(how);
        let mcu_nanos = mcu_nanos(&own, headers.header(), options.scale);
        let decoder = Decoder::start(headers, &options, budget).map_err(error)?;
        Ok(Box::new(Jpeg { decoder, info: own, mcu_nanos }))
    };
    Ok(Source::new(info, start).that_starts_in(TABLES_NANOS))
}

fn options(how: &DecodeOptions) -> Options {
    Options {
        scale: match how.scale {
            8 => Scale::Eighth,
            4 => Scale::Quarter,
            2 => Scale::Half,
            _ => Scale::Full,
        },
        dc_only: how.left >= DC_ONLY_LEAVE,
        on_damage: match how.on_damage {
            OnDamage::Error => jpeg::OnDamage::Fail,
            OnDamage::Gray => jpeg::OnDamage::Gray,
        },
        ..Options::default()
    }
}

fn mcu_nanos(info: &Info, found: &jpeg::Header, scale: Scale) -> u64 {
    let blocks = |component: &jpeg::Component| u64::from(component.horizontal * component.vertical);
    let each = match scale {
        _ if found.process == Process::Lossless => BLOCK_NANOS,
        _ if found.precision > 8 => DEEP_BLOCK_NANOS,
        Scale::Full => FULL_BLOCK_NANOS,
        _ => BLOCK_NANOS,
    };
    let least = found.components.iter().map(blocks).sum::<u64>() * each;
    let nanos = info.scaled(scale.factor()).nanos.all / found.mcus();
    nanos.max(least).max(1)
}

fn info(found: &jpeg::Header, bytes: u64) -> Info {
    let orientation = found.exif.as_deref().map(exif::orientation);
    let exif = found.exif.clone().and_then(exif::kept);
    let layout = match found.components.len() {
        4 => Layout::cmyk(Depth::U8),
        count => Layout::new(count as u8, Depth::U8),
    };
    let mut info = Info {
        color: color::of(found.icc(), found.exif.as_deref()),
        metadata: Metadata { exif, xmp: found.xmp.clone(), iptc: found.iptc.clone() },
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        // Colors that have alpha are not averaged without it.
        scales: found.process != Process::Lossless && !layout.has_alpha(),
        shares: matches!(found.process, Process::Baseline | Process::Extended)
            && found.coding == Coding::Huffman,
        ..Info::new(Format::Jpeg, found.width, found.height, layout)
    };
    info.nanos.input = bytes * cost::JPEG_NANOS_PER_BYTE;
    let times = match (found.process, found.coding) {
        (_, Coding::Arithmetic) => cost::ARITHMETIC_TIMES,
        (Process::Lossless, _) => cost::LOSSLESS_TIMES,
        (Process::Progressive, Coding::Huffman) => cost::PROGRESSIVE_TIMES,
        (_, Coding::Huffman) => 1,
    };
    let more = info.nanos.input * (times - 1);
    if found.process == Process::Progressive {
        // Most bytes are corrections, of a bit for each of many coefficients. Averages of blocks
        // need none of them.
        info.nanos.detail = more;
    } else {
        info.nanos.input += more;
    }
    if found.precision > 8 && found.process != Process::Lossless {
        let samples = u64::from(found.width) * u64::from(found.height);
        info.nanos.all += samples * found.components.len() as u64 / 64 * DEEP_BLOCK_NANOS;
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
        jpeg::Error::Truncated { offset } => {
            Error::Truncated { format, offset: Some(offset as u64) }
        }
        jpeg::Error::Invalid { offset, .. } | jpeg::Error::Damaged { offset } => {
            Error::Invalid { format, offset: Some(offset as u64) }
        }
        jpeg::Error::Codec(error) => error.into(),
        _ => Error::invalid(format),
    }
}

impl RowSource for Jpeg {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.mcu_nanos.max(cost::STRIP_NANOS)
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let mcus = (cost::STRIP_NANOS / self.mcu_nanos) as usize;
        match self.decoder.read(input, max_rows as usize, mcus, context).map_err(error)? {
            Poll::Ready([]) => Err(Error::Internal),
            rows => Ok(rows.map(Rows::U8)),
        }
    }
}
