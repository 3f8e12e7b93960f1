//! The first frame of a GIF, row by row. An interlaced frame is kept whole as palette indices.

use std::io::Cursor;

use bytes::Bytes;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};
use image::metadata::Orientation;

use super::{Position, Read, RowSource};
use crate::limits::{Limit, MAX_DECODED_BYTES};
use crate::pixels::{Rows, zeroed};
use crate::{Depth, Error, Format, Header, Layout, cost};

pub(super) struct Gif {
    decoder: Decoder<Cursor<Bytes>>,
    header: Header,
    position: Position,
    frame: Frame,
    /// The colour of each index. Indices past the palette, and the transparent one, are clear black.
    palette: Box<[[u8; 4]; 256]>,
    /// Indices: one row of the frame, or all of them when it is interlaced.
    indices: Vec<u8>,
    /// Rows of `indices` that are decoded, in the order of the file.
    decoded: u32,
    strip: Vec<u8>,
}

/// Where the frame lies on the canvas.
#[derive(Clone, Copy)]
struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    interlaced: bool,
}

impl Gif {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        // Frames are read into buffers of ours.
        options.set_memory_limit(MemoryLimit::Unlimited);
        let mut decoder = options.read_info(Cursor::new(input)).map_err(error)?;
        let info = decoder.next_frame_info().map_err(error)?.ok_or(Error::Truncated(Format::Gif))?;
        let frame = Frame {
            left: info.left.into(),
            top: info.top.into(),
            width: info.width.into(),
            height: info.height.into(),
            interlaced: info.interlaced,
        };
        let transparent = info.transparent;
        // Some writers leave the canvas at 0x0.
        let (width, height) = match (decoder.width(), decoder.height()) {
            (0, _) | (_, 0) => (frame.left + frame.width, frame.top + frame.height),
            (width, height) => (width.into(), height.into()),
        };
        let mut palette = Box::new([[0; 4]; 256]);
        let colours = decoder.palette().map_err(error)?;
        for (entry, colour) in palette.iter_mut().zip(colours.as_chunks::<3>().0) {
            *entry = [colour[0], colour[1], colour[2], 255];
        }
        if let Some(index) = transparent {
            palette[usize::from(index)] = [0; 4];
        }
        let covers = frame.left == 0 && frame.top == 0 && frame.width >= width && frame.height >= height;
        let channels = if covers && transparent.is_none() { 3 } else { 4 };
        let header = Header {
            format: Format::Gif,
            width,
            height,
            layout: Layout::new(channels, Depth::U8),
            premultiplied: false,
            orientation: Orientation::NoTransforms,
            by_rows: true,
        };
        Ok(Gif {
            decoder,
            header,
            position: Position::start(height),
            frame,
            palette,
            indices: Vec::new(),
            decoded: 0,
            strip: Vec::new(),
        })
    }

    /// Decodes up to `rows` rows of an interlaced frame. `true` once all are there.
    fn decode_interlaced(&mut self, rows: u32) -> Result<bool, Error> {
        let Frame { width, height, .. } = self.frame;
        if self.indices.is_empty() {
            let bytes = u64::from(width) * u64::from(height);
            Limit::DecodedBytes.check(bytes, MAX_DECODED_BYTES)?;
            self.indices = zeroed(bytes as usize)?;
        }
        let width = width as usize;
        for _ in 0..rows {
            if self.decoded == height {
                return Ok(true);
            }
            let row = interlaced_row(self.decoded, height) as usize;
            fill(&mut self.decoder, &mut self.indices[row * width..][..width])?;
            self.decoded += 1;
        }
        Ok(self.decoded == height)
    }

    fn write_row(&mut self, y: u32, out: std::ops::Range<usize>) -> Result<(), Error> {
        let Frame { left, top, width, height, interlaced } = self.frame;
        let out = &mut self.strip[out];
        let channels = usize::from(self.header.layout.channels);
        if y < top || y - top >= height || width == 0 {
            out.fill(0);
            return Ok(());
        }
        let row = if interlaced {
            &self.indices[(y - top) as usize * width as usize..][..width as usize]
        } else {
            if self.indices.is_empty() {
                self.indices = zeroed(width as usize)?;
            }
            fill(&mut self.decoder, &mut self.indices)?;
            &self.indices[..]
        };
        if channels == 3 {
            for (pixel, &index) in out.as_chunks_mut::<3>().0.iter_mut().zip(row) {
                let [r, g, b, _] = self.palette[usize::from(index)];
                *pixel = [r, g, b];
            }
        } else {
            out.fill(0);
            for (pixel, &index) in out.as_chunks_mut::<4>().0.iter_mut().skip(left as usize).zip(row) {
                *pixel = self.palette[usize::from(index)];
            }
        }
        Ok(())
    }
}

impl RowSource for Gif {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        // A frame may be wider than the canvas.
        let wide = cost::decode_nanos(&Header {
            width: self.header.width.max(self.frame.width),
            height: 1,
            ..self.header
        });
        // A frame that begins above the canvas's first row does not exist: `top` is unsigned.
        wide.max(1)
    }

    fn read(&mut self, max_rows: u32) -> Result<Read<'_>, Error> {
        if self.frame.interlaced && self.decoded < self.frame.height && self.frame.width > 0 {
            self.decode_interlaced(max_rows)?;
            return Ok(Read::Working);
        }
        let strip = self.position.strip(max_rows);
        self.position.next = strip.end;
        let row = self.header.width as usize * usize::from(self.header.layout.channels);
        let len = strip.len() * row;
        if self.strip.len() < len {
            self.strip = zeroed(len)?;
        }
        for (i, y) in strip.enumerate() {
            self.write_row(y, i * row..(i + 1) * row)?;
        }
        Ok(Read::Rows(Rows::U8(&self.strip[..len])))
    }
}

/// The row that the `n`th one of an interlaced frame's data is, by the four passes of GIF89a.
fn interlaced_row(mut n: u32, height: u32) -> u32 {
    for (start, step) in [(0, 8), (4, 8), (2, 4), (1, 2)] {
        let rows = height.saturating_sub(start).div_ceil(step);
        if n < rows {
            return start + n * step;
        }
        n -= rows;
    }
    height.saturating_sub(1)
}

fn fill(decoder: &mut Decoder<Cursor<Bytes>>, row: &mut [u8]) -> Result<(), Error> {
    match decoder.fill_buffer(row) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Truncated(Format::Gif)),
        Err(e) => Err(error(e)),
    }
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::Io(io) => Error::from_io(Format::Gif, &io),
        DecodingError::UnexpectedEof => Error::Truncated(Format::Gif),
        DecodingError::OutOfMemory => Error::OutOfMemory,
        _ => Error::Invalid(Format::Gif),
    }
}

#[cfg(test)]
mod tests {
    use super::interlaced_row;

    #[test]
    fn interlaced_rows_are_a_permutation_in_the_order_of_the_passes() {
        assert_eq!(
            (0..10).map(|n| interlaced_row(n, 10)).collect::<Vec<_>>(),
            [0, 8, 4, 2, 6, 1, 3, 5, 7, 9]
        );
        for height in 1..40 {
            let mut rows: Vec<_> = (0..height).map(|n| interlaced_row(n, height)).collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..height).collect::<Vec<_>>());
        }
    }
}
