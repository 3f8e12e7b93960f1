use std::fmt;

use bytes::Bytes;

use crate::Error;
use crate::alpha::Alpha;
use crate::container::{Header, Picture};
use crate::lossless::Lossless;
use crate::lossy::Lossy;
use crate::memory::zeroed;

/// How a picture is to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes that a picture may take while it is decoded. The input is not included. 512 MiB by
    /// default.
    pub max_memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { max_memory: 512 << 20 }
    }
}

/// How much [`Decoder::read`] does before it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// What it takes to decode about so many pixels. A macroblock of 16 by 16 is the least, or what
    /// is needed for a row.
    Pixels(usize),
}

/// What [`Decoder::read`] hands over.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// The next rows, from top to bottom: red, green and blue, and alpha if there is some.
    Rows(&'a [u8]),
    /// Something was done, but there are no rows to hand over yet.
    Working,
    /// All rows have been handed over.
    Done,
}

/// Rows that are handed over at a time.
pub(crate) const ROWS_AT_A_TIME: usize = 8;

/// A picture on its way. It owns its input, so that it can rest between two calls, and go on on
/// another thread.
///
/// The rows are the same whatever the effort of each call. Where a frame does not cover its canvas,
/// pixels are clear black.
pub struct Decoder {
    header: Header,
    source: Source,
    alpha: Option<Alpha>,
    /// The next row of the canvas.
    next: usize,
    rows: Vec<u8>,
}

enum Source {
    Lossy(Lossy),
    Lossless(Box<Lossless>),
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Decoder {
    /// Reads the header.
    ///
    /// # Errors
    /// Those of [`Header::read`], and [`Error::Memory`].
    pub fn new(input: impl Into<Bytes>, options: &Options) -> Result<Self, Error> {
        let header = Header::read(&input.into())?;
        let Picture { chunk, alpha, width, height, .. } = &header.picture;
        let left = options.max_memory;
        let source = if header.is_lossless {
            Source::Lossless(Box::new(Lossless::new(chunk.data.clone(), chunk.at, left)?))
        } else {
            Source::Lossy(Lossy::new(chunk.clone(), left)?)
        };
        let alpha = alpha.as_ref().filter(|_| header.has_alpha);
        let alpha = alpha.map(|alpha| Alpha::new(alpha, *width, *height, left)).transpose()?;
        let decoder = Decoder { header, source, alpha, next: 0, rows: Vec::new() };
        let needed = decoder.memory();
        if needed > options.max_memory {
            return Err(Error::Memory { needed, allowed: options.max_memory });
        }
        Ok(decoder)
    }

    /// What the file says of its picture.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Width and height of the output.
    pub fn size(&self) -> (u32, u32) {
        (self.header.width, self.header.height)
    }

    /// Bytes of a pixel of the output: 4 with alpha, else 3.
    pub fn channels(&self) -> usize {
        if self.header.has_alpha { 4 } else { 3 }
    }

    /// The most bytes that it takes at any time, the input aside.
    pub fn memory(&self) -> u64 {
        let source = match &self.source {
            Source::Lossy(lossy) => lossy.memory(),
            Source::Lossless(lossless) => lossless.memory(),
        };
        let rows = (ROWS_AT_A_TIME * self.row_len()) as u64;
        source + self.alpha.as_ref().map_or(0, Alpha::memory) + rows
    }

    fn row_len(&self) -> usize {
        self.header.width as usize * self.channels()
    }

    /// Goes on, and hands over at most `most` rows (which is not 0).
    ///
    /// # Errors
    /// Whatever is wrong with the data, once it is come upon. After an error, what further calls
    /// return is of no use.
    pub fn read(&mut self, most: usize, Effort::Pixels(pixels): Effort) -> Result<Read<'_>, Error> {
        let (canvas_height, row_len) = (self.header.height as usize, self.row_len());
        if self.next == canvas_height {
            return Ok(Read::Done);
        }
        if self.rows.is_empty() {
            self.rows = zeroed(ROWS_AT_A_TIME * row_len)?;
        }
        let most = most.clamp(1, ROWS_AT_A_TIME);
        let (top, height) = (self.header.picture.top as usize, self.header.picture.height as usize);
        let count = if self.next < top {
            self.blank(most.min(top - self.next))
        } else if self.next >= top + height {
            self.blank(most.min(canvas_height - self.next))
        } else {
            self.read_picture(most, &mut pixels.max(1))?
        };
        if count == 0 {
            return Ok(Read::Working);
        }
        self.next += count;
        Ok(Read::Rows(&self.rows[..count * row_len]))
    }

    /// Rows above or below the frame.
    fn blank(&mut self, count: usize) -> usize {
        let len = count * self.row_len();
        self.rows[..len].fill(0);
        count
    }

    /// Makes rows of the picture, and says how many.
    fn read_picture(&mut self, most: usize, work: &mut usize) -> Result<usize, Error> {
        let (row_len, channels) = (self.row_len(), self.channels());
        let Picture { left, width, .. } = self.header.picture;
        let (left, width) = (left as usize * channels, width as usize * channels);
        // Beside the frame, what rows of before have left there is blank too: all have the same
        // place.
        let mut rows = self.rows.chunks_exact_mut(row_len).map(|row| &mut row[left..left + width]);
        match &mut self.source {
            Source::Lossy(lossy) => {
                if lossy.ready() == 0 {
                    lossy.advance(work)?;
                    return Ok(0);
                }
                let mut count = most.min(lossy.ready());
                let alpha = match &mut self.alpha {
                    Some(alpha) => match alpha.read(count, work)? {
                        Some(alpha) => {
                            count = alpha.len() * channels / width;
                            alpha
                        }
                        None => return Ok(0),
                    },
                    None => &[],
                };
                let mut alpha = alpha.iter();
                for row in rows.by_ref().take(count) {
                    lossy.convert(channels, row);
                    for (pixel, &alpha) in row.as_chunks_mut::<4>().0.iter_mut().zip(alpha.by_ref()) {
                        pixel[3] = alpha;
                    }
                }
                Ok(count)
            }
            Source::Lossless(lossless) => {
                let Some(pixels) = lossless.read(most, work)? else { return Ok(0) };
                let from = pixels.chunks_exact(width / channels * 4);
                let count = from.len();
                for (row, from) in rows.zip(from) {
                    if channels == 4 {
                        row.copy_from_slice(from);
                        continue;
                    }
                    for (pixel, from) in row.as_chunks_mut::<3>().0.iter_mut().zip(from.as_chunks::<4>().0) {
                        *pixel = [from[0], from[1], from[2]];
                    }
                }
                Ok(count)
            }
        }
    }
}

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    /// 3 for red, green and blue, 4 with alpha.
    pub channels: usize,
    /// Row by row.
    pub samples: Vec<u8>,
}

/// Decodes a whole picture.
///
/// # Errors
/// Those of [`Decoder::new`] and [`Decoder::read`].
pub fn decode(input: impl Into<Bytes>, options: &Options) -> Result<Image, Error> {
    let mut decoder = Decoder::new(input, options)?;
    let ((width, height), channels) = (decoder.size(), decoder.channels());
    let mut samples = Vec::new();
    loop {
        match decoder.read(usize::MAX, Effort::Pixels(usize::MAX))? {
            Read::Rows(rows) => samples.extend_from_slice(rows),
            Read::Working => {}
            Read::Done => return Ok(Image { width, height, channels, samples }),
        }
    }
}
