//! PNG, some rows at a time.
//!
//! Photographs are written by `fdeflate`, which is made for PNG and six to ten times faster than
//! zlib, for a file 5 % larger. It finds no repetitions, though, so that text and drawings come out
//! three times too large. They are told apart by what it made of them: what shrinks to less than
//! half is written again by zlib. Who names a level gets it.

mod chunks;
mod indices;

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use png::{BitDepth, ColorType, DeflateCompression, Filter, StreamWriter};

use thumbelina_codec::Context;

use super::options::{Compression, EncodeOptions};
use super::sink::{MAX_ROOM, Sink};
use super::writer::{Writer, row, rows_per_step};
use crate::{Depth, Error, Format, Picture};
use chunks::Chunks;
use indices::IndexedPng;

/// zlib's level for drawings: 6 takes half as long again and gains nothing on them.
const ZLIB: DeflateCompression = DeflateCompression::Level(4);

/// How much longer zlib takes for a row.
const ZLIB_TIMES: u32 = 3;

/// The signature and the first chunk.
const HEADER_BYTES: usize = 8 + 25;

pub(super) struct Png {
    options: EncodeOptions,
    /// `None` once the last row is written.
    attempt: Option<Attempt>,
    rows_per_step: u32,
    step_nanos: u64,
}

/// One go at the picture.
struct Attempt {
    compression: DeflateCompression,
    writer: StreamWriter<'static, Shared>,
    sink: Shared,
    chunks: Chunks,
    next_row: u32,
}

/// The writer drops what it writes to when it finishes, so that the bytes need a second owner.
#[derive(Clone)]
struct Shared(Arc<Mutex<Sink>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sink> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Attempt {
    fn new(
        picture: &Picture,
        options: &EncodeOptions,
        compression: DeflateCompression,
        sink: Sink,
    ) -> Result<Self, Error> {
        let shared = Shared(Arc::new(Mutex::new(sink)));
        let mut encoder = png::Encoder::new(shared.clone(), picture.width, picture.height);
        encoder.set_color(match picture.layout.channels {
            1 => ColorType::Grayscale,
            2 => ColorType::GrayscaleAlpha,
            3 => ColorType::Rgb,
            _ => ColorType::Rgba,
        });
        let sixteen = picture.layout.depth == Depth::U16;
        encoder.set_depth(if sixteen { BitDepth::Sixteen } else { BitDepth::Eight });
        encoder.set_deflate_compression(compression);
        let stored = matches!(compression, DeflateCompression::NoCompression);
        encoder.set_filter(if stored { Filter::NoFilter } else { Filter::Adaptive });
        Attempt::begin(encoder, options, compression, shared)
    }

    fn begin(
        encoder: png::Encoder<'_, Shared>,
        options: &EncodeOptions,
        compression: DeflateCompression,
        sink: Shared,
    ) -> Result<Self, Error> {
        let writer = encoder.write_header().and_then(png::Writer::into_stream_writer);
        let writer = writer.map_err(|_| sink.lock().take_error())?;
        let mut head = sink.lock();
        // A profile comes before the palette.
        let after = head.take_from(HEADER_BYTES);
        let chunks = Chunks::new(&options.attachments, &head, after)?;
        drop(head);
        Ok(Attempt { compression, writer, sink, chunks, next_row: 0 })
    }

    /// Writes some of the attachments. `true` where none is left.
    fn attach(&mut self) -> Result<bool, Error> {
        self.chunks.step(&mut self.sink.lock())
    }

    fn write_row(&mut self, row: &[u8], depth: Depth) -> Result<(), Error> {
        let written = if depth == Depth::U16 {
            let mut swapped = [0; MAX_ROOM];
            row.chunks(MAX_ROOM).try_for_each(|part| {
                let swapped = &mut swapped[..part.len()];
                for (to, from) in swapped.as_chunks_mut().0.iter_mut().zip(part.as_chunks().0) {
                    *to = u16::from_ne_bytes(*from).to_be_bytes();
                }
                self.writer.write_all(swapped)
            })
        } else {
            self.writer.write_all(row)
        };
        written.map_err(|_| self.sink.lock().take_error())
    }

    fn finish(self, sink: &mut Sink) -> Result<(), Error> {
        self.writer.finish().map_err(|_| self.sink.lock().take_error())?;
        std::mem::swap(sink, &mut self.sink.lock());
        Ok(())
    }

    fn is_fast(&self) -> bool {
        matches!(self.compression, DeflateCompression::FdeflateUltraFast)
    }
}

/// Of what is written without a palette, or with one.
pub(super) fn writer(
    picture: &Picture,
    options: &EncodeOptions,
    sink: &Sink,
) -> Result<Box<dyn Writer>, Error> {
    Ok(if options.colors.is_some() {
        Box::new(IndexedPng::new(picture, options)?)
    } else {
        Box::new(Png::new(picture, options, sink)?)
    })
}

/// The level that was asked for.
fn deflate(compression: Option<Compression>) -> Option<DeflateCompression> {
    match compression? {
        Compression::None | Compression::Level(0) => Some(DeflateCompression::NoCompression),
        Compression::Level(level) => Some(DeflateCompression::Level(level.min(9))),
        Compression::Lzw | Compression::Deflate | Compression::Packbits => None,
    }
}

/// How much longer than without a choice it takes.
pub(super) fn times(compression: Option<Compression>) -> u64 {
    deflate(compression).map_or(1, |compression| deflate_times(compression).into())
}

/// How much longer a level takes than `fdeflate`.
fn deflate_times(compression: DeflateCompression) -> u32 {
    match compression {
        DeflateCompression::Level(0..=4) => ZLIB_TIMES,
        DeflateCompression::Level(5..=6) => 6,
        DeflateCompression::Level(_) => 20,
        _ => 1,
    }
}

/// Fewer rows a step, and where there was but one, a longer step.
fn slower(rows_per_step: u32, step_nanos: u64, times: u32) -> (u32, u64) {
    let rows = (rows_per_step / times).max(1);
    let row_nanos = step_nanos / u64::from(rows_per_step.max(1));
    (rows, row_nanos * u64::from(rows) * u64::from(times))
}

impl Png {
    pub(super) fn new(
        picture: &Picture,
        options: &EncodeOptions,
        sink: &Sink,
    ) -> Result<Self, Error> {
        let chosen = deflate(options.compression);
        let compression = chosen.unwrap_or(DeflateCompression::FdeflateUltraFast);
        let attempt = Attempt::new(picture, options, compression, sink.empty_like()?)?;
        let (mut rows_per_step, mut step_nanos) = rows_per_step(Format::Png, picture);
        if let Some(compression) = chosen {
            (rows_per_step, step_nanos) =
                slower(rows_per_step, step_nanos, deflate_times(compression));
        }
        Ok(Png { options: options.clone(), attempt: Some(attempt), rows_per_step, step_nanos })
    }
}

impl Writer for Png {
    fn next_nanos(&self) -> u64 {
        self.step_nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        let mut attempt = self.attempt.take().ok_or(Error::Internal)?;
        if !attempt.attach()? {
            self.attempt = Some(attempt);
            return Ok(false);
        }
        let end = attempt.next_row.saturating_add(self.rows_per_step).min(picture.height);
        for y in attempt.next_row..end {
            attempt.write_row(row(picture, y)?, picture.layout.depth)?;
        }
        attempt.next_row = end;
        if end < picture.height {
            self.attempt = Some(attempt);
            return Ok(false);
        }
        let fast = attempt.is_fast();
        attempt.finish(sink)?;
        if fast && sink.len() < picture.samples.bytes().len() as u64 / 2 {
            *sink = sink.empty_like()?;
            self.attempt = Some(Attempt::new(picture, &self.options, ZLIB, sink.empty_like()?)?);
            (self.rows_per_step, self.step_nanos) =
                slower(self.rows_per_step, self.step_nanos, ZLIB_TIMES);
            return Ok(false);
        }
        Ok(true)
    }
}
