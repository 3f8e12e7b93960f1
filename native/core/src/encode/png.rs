//! PNG, some rows at a time.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use png::{BitDepth, ColorType, Compression, StreamWriter};

use crate::{Depth, Error, Format, Picture, cost};

pub(crate) struct Png {
    picture: Picture,
    /// `None` once the last row is written.
    writer: Option<StreamWriter<'static, Sink>>,
    sink: Sink,
    next_row: u32,
    rows_per_piece: u32,
    big_endian: Vec<u8>,
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

impl Png {
    pub(crate) fn new(picture: Picture) -> Result<Self, Error> {
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
        encoder.set_compression(Compression::Balanced);
        let writer =
            encoder.write_header().and_then(png::Writer::into_stream_writer).map_err(|_| Error::Internal)?;
        let row = cost::encode_nanos(Format::Png, (picture.width, 1), picture.layout);
        let rows_per_piece = (cost::PIECE_NANOS / 2 / row.max(1)).max(1) as u32;
        Ok(Png { picture, writer: Some(writer), sink, next_row: 0, rows_per_piece, big_endian: Vec::new() })
    }

    pub(crate) fn step(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut writer = self.writer.take().ok_or(Error::Internal)?;
        let row = self.picture.width as usize * self.picture.layout.pixel_bytes();
        let end = (self.next_row + self.rows_per_piece).min(self.picture.height);
        let bytes = &self.picture.samples.bytes()[self.next_row as usize * row..end as usize * row];
        let written = if self.picture.layout.depth == Depth::U16 {
            self.big_endian.clear();
            for &sample in bytes.as_chunks().0 {
                self.big_endian.extend_from_slice(&u16::from_ne_bytes(sample).to_be_bytes());
            }
            writer.write_all(&self.big_endian)
        } else {
            writer.write_all(bytes)
        };
        written.map_err(|_| Error::Internal)?;
        self.next_row = end;
        if end < self.picture.height {
            self.writer = Some(writer);
            return Ok(None);
        }
        writer.finish().map_err(|_| Error::Internal)?;
        Ok(Some(std::mem::take(&mut self.sink.0.lock().unwrap_or_else(PoisonError::into_inner))))
    }
}
