//! PNG, some rows at a time.
//!
//! Photographs are written by `fdeflate`, which is made for PNG and six to ten times faster than
//! zlib, for a file 5 % larger. It finds no repetitions, though, so that text and drawings come out
//! three times too large. They are told apart by what it made of them: what shrinks to less than
//! half is written again by zlib.

mod chunks;

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use png::{BitDepth, ColorType, DeflateCompression, Filter, StreamWriter};

use thumbelina_codec::Context;

use super::options::EncodeOptions;
use super::sink::{MAX_ROOM, Sink};
use super::writer::{Writer, row, rows_per_step};
use crate::{Depth, Error, Format, Picture};
use chunks::Chunks;

/// zlib's level for drawings: 6 takes half as long again and gains nothing on them.
const ZLIB: DeflateCompression = DeflateCompression::Level(4);

/// How much longer zlib takes for a row.
const ZLIB_TIMES: u32 = 3;

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
        let chunks = Chunks::new(&options.attachments, &sink)?;
        let sink = Shared(Arc::new(Mutex::new(sink)));
        let mut encoder = png::Encoder::new(sink.clone(), picture.width, picture.height);
        encoder.set_color(match picture.layout.channels {
            1 => ColorType::Grayscale,
            2 => ColorType::GrayscaleAlpha,
            3 => ColorType::Rgb,
            _ => ColorType::Rgba,
        });
        let sixteen = picture.layout.depth == Depth::U16;
        encoder.set_depth(if sixteen { BitDepth::Sixteen } else { BitDepth::Eight });
        encoder.set_deflate_compression(compression);
        encoder.set_filter(Filter::Adaptive);
        let writer = encoder.write_header().and_then(png::Writer::into_stream_writer);
        let writer = writer.map_err(|_| sink.lock().take_error())?;
        Ok(Attempt { compression, writer, sink, chunks, next_row: 0 })
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

impl Png {
    pub(super) fn new(
        picture: &Picture,
        options: &EncodeOptions,
        sink: &Sink,
    ) -> Result<Self, Error> {
        let fast = DeflateCompression::FdeflateUltraFast;
        let attempt = Attempt::new(picture, options, fast, sink.empty_like()?)?;
        let (rows_per_step, step_nanos) = rows_per_step(Format::Png, picture);
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
        if !attempt.chunks.step(&mut attempt.sink.lock())? {
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
            // Fewer rows a step, and where there was but one, a longer step.
            let rows = (self.rows_per_step / ZLIB_TIMES).max(1);
            let row_nanos = self.step_nanos / u64::from(self.rows_per_step);
            (self.rows_per_step, self.step_nanos) =
                (rows, row_nanos * u64::from(rows) * u64::from(ZLIB_TIMES));
            return Ok(false);
        }
        Ok(true)
    }
}
