//! PNG, some rows at a time.
//!
//! Photographs are written by `fdeflate`, which is made for PNG and six to ten times faster than zlib,
//! for a file 5 % larger. It finds no repetitions, though, so that text and drawings come out three
//! times too large. They are told apart by what it made of them: what shrinks to less than half is
//! written again by zlib.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use png::{BitDepth, ColorType, DeflateCompression, Filter, StreamWriter};

use crate::{Depth, Error, Format, Picture, cost};

/// zlib's level for drawings: 6 takes half as long again and gains nothing on them.
const ZLIB: DeflateCompression = DeflateCompression::Level(4);

pub(crate) struct Png {
    picture: Picture,
    /// `None` once the last row is written.
    attempt: Option<Attempt>,
    rows_per_piece: u32,
    piece_nanos: u64,
    big_endian: Vec<u8>,
}

/// One go at the picture.
struct Attempt {
    compression: DeflateCompression,
    writer: StreamWriter<'static, Sink>,
    sink: Sink,
    next_row: u32,
}

/// The writer drops what it writes to when it finishes, so that the bytes need a second owner.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Attempt {
    fn new(picture: &Picture, compression: DeflateCompression) -> Result<Self, Error> {
        let sink = Sink::default();
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
        Ok(Attempt { compression, writer: writer.map_err(|_| Error::Internal)?, sink, next_row: 0 })
    }

    fn finish(self) -> Result<Vec<u8>, Error> {
        self.writer.finish().map_err(|_| Error::Internal)?;
        Ok(std::mem::take(&mut self.sink.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn is_fast(&self) -> bool {
        matches!(self.compression, DeflateCompression::FdeflateUltraFast)
    }
}

impl Png {
    pub(crate) fn new(picture: Picture) -> Result<Self, Error> {
        let attempt = Attempt::new(&picture, DeflateCompression::FdeflateUltraFast)?;
        let row = cost::encode_nanos(Format::Png, (picture.width, 1), picture.layout);
        let rows_per_piece = (cost::PIECE_NANOS / 4 / row.max(1)).max(1) as u32;
        let piece_nanos = row * u64::from(rows_per_piece);
        Ok(Png { picture, attempt: Some(attempt), rows_per_piece, piece_nanos, big_endian: Vec::new() })
    }

    pub(crate) fn next_nanos(&self) -> u64 {
        self.piece_nanos
    }

    pub(crate) fn step(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut attempt = self.attempt.take().ok_or(Error::Internal)?;
        let picture = &self.picture;
        let row = picture.width as usize * picture.layout.pixel_bytes();
        let end = attempt.next_row.saturating_add(self.rows_per_piece).min(picture.height);
        let bytes = &picture.samples.bytes()[attempt.next_row as usize * row..end as usize * row];
        let written = if picture.layout.depth == Depth::U16 {
            self.big_endian.clear();
            for &sample in bytes.as_chunks().0 {
                self.big_endian.extend_from_slice(&u16::from_ne_bytes(sample).to_be_bytes());
            }
            attempt.writer.write_all(&self.big_endian)
        } else {
            attempt.writer.write_all(bytes)
        };
        written.map_err(|_| Error::Internal)?;
        attempt.next_row = end;
        if end < picture.height {
            self.attempt = Some(attempt);
            return Ok(None);
        }
        let fast = attempt.is_fast();
        let encoded = attempt.finish()?;
        if fast && encoded.len() < picture.samples.bytes().len() / 2 {
            self.attempt = Some(Attempt::new(picture, ZLIB)?);
            return Ok(None);
        }
        Ok(Some(encoded))
    }
}
