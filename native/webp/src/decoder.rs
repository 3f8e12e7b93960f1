use std::fmt;

use bytes::Bytes;
use thumbelina_codec::{Budget, Context, Held, Poll, Stop};

use crate::Error;
use crate::alpha::{self, Alpha};
use crate::container::{Header, Picture, Start};
use crate::lossless::Lossless;
use crate::lossy::Lossy;
use crate::memory::zeroed;

/// Rows that are handed over at a time.
const ROWS_AT_A_TIME: usize = 8;

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
    /// What it is known to take from the start on.
    held: Held,
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
    /// Starts on the picture of a whole file, and holds the memory for it.
    ///
    /// # Errors
    /// [`thumbelina_codec::Error::OverBudget`] if it takes more than is left, and what is wrong
    /// with alpha.
    pub fn start(header: Header, budget: &Budget) -> Result<Self, Error> {
        let Picture { chunk, start, alpha, width, height, .. } = &header.picture;
        let alpha = match alpha {
            Some(chunk) if header.has_alpha => Some((chunk, alpha::Start::read(chunk)?)),
            _ => None,
        };
        let source_bytes = match start {
            Start::Lossy(start) => Lossy::bytes(start),
            Start::Lossless(start) => Lossless::bytes(start.width, start.height),
        };
        let alpha_bytes =
            alpha.map_or(0, |(_, start)| start.bytes(*width, *height, ROWS_AT_A_TIME));
        let held =
            budget.hold(source_bytes + alpha_bytes + (ROWS_AT_A_TIME * row_len(&header)) as u64)?;
        let source = match start {
            Start::Lossy(start) => Source::Lossy(Lossy::new(chunk.clone(), *start)),
            Start::Lossless(start) => {
                Source::Lossless(Box::new(Lossless::new(chunk, start, budget)?))
            }
        };
        let size = (*width, *height);
        let alpha =
            alpha.map(|(chunk, start)| Alpha::new(chunk, start, size, ROWS_AT_A_TIME, budget));
        let alpha = alpha.transpose()?;
        Ok(Decoder { header, source, alpha, next: 0, rows: Vec::new(), held })
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
        channels(&self.header)
    }

    /// The bytes that it holds of its budget, the input aside. Lossless data, that of alpha among
    /// them, asks for more while what comes before its pixels is read: its small images and prefix
    /// codes.
    pub fn memory(&self) -> u64 {
        self.held.bytes() + self.lossless().map(Lossless::held).sum::<u64>()
    }

    /// The picture if it is lossless, or its alpha if that is.
    fn lossless(&self) -> impl Iterator<Item = &Lossless> {
        let picture = match &self.source {
            Source::Lossy(_) => None,
            Source::Lossless(lossless) => Some(&**lossless),
        };
        picture.into_iter().chain(self.alpha.as_ref().and_then(Alpha::lossless))
    }

    /// Goes on, and hands over the next rows, from top to bottom: red, green and blue, and alpha if
    /// there is some. They are at most `most_rows` (which is not 0), and none once all have been
    /// handed over.
    ///
    /// It does what it takes to decode about so many pixels as `effort` says before it returns. A
    /// macroblock of 16 by 16 is the least, or what is needed for a row. It keeps to this thread,
    /// never needs more input, and asks the budget that it was started with.
    ///
    /// # Errors
    /// Whatever is wrong with the data, once it is come upon, and what is asked by way of the
    /// context. After an error, what further calls return is of no use.
    pub fn read(
        &mut self,
        most_rows: usize,
        effort: usize,
        context: &Context<'_>,
    ) -> Result<Poll<&[u8]>, Error> {
        let (canvas_height, row_len) = (self.header.height as usize, row_len(&self.header));
        if self.next == canvas_height {
            return Ok(Poll::Ready(&[]));
        }
        context.stop.check()?;
        if self.rows.is_empty() {
            self.rows = zeroed(ROWS_AT_A_TIME * row_len)?;
        }
        let most = most_rows.clamp(1, ROWS_AT_A_TIME);
        let (top, height) = (self.header.picture.top as usize, self.header.picture.height as usize);
        let count = if self.next < top {
            self.blank(most.min(top - self.next))
        } else if self.next >= top + height {
            self.blank(most.min(canvas_height - self.next))
        } else {
            self.read_picture(most, &mut effort.max(1), context.stop)?
        };
        if count == 0 {
            return Ok(Poll::Working);
        }
        self.next += count;
        Ok(Poll::Ready(&self.rows[..count * row_len]))
    }

    /// Rows above or below the frame.
    fn blank(&mut self, count: usize) -> usize {
        let len = count * row_len(&self.header);
        self.rows[..len].fill(0);
        count
    }

    /// Makes rows of the picture, and says how many.
    fn read_picture(&mut self, most: usize, work: &mut usize, stop: &Stop) -> Result<usize, Error> {
        let (row_len, channels) = (row_len(&self.header), self.channels());
        let Picture { left, width, .. } = self.header.picture;
        let (left, width) = (left as usize * channels, width as usize * channels);
        // Beside the frame, what rows of before have left there is blank too: all have the same
        // place.
        let mut rows = self.rows.chunks_exact_mut(row_len).map(|row| &mut row[left..left + width]);
        match &mut self.source {
            Source::Lossy(lossy) => {
                if lossy.ready() == 0 {
                    lossy.advance(work, stop)?;
                    return Ok(0);
                }
                let mut count = most.min(lossy.ready());
                let alpha = match &mut self.alpha {
                    Some(alpha) => match alpha.read(count, work, stop)? {
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
                    for (pixel, &alpha) in row.as_chunks_mut::<4>().0.iter_mut().zip(alpha.by_ref())
                    {
                        pixel[3] = alpha;
                    }
                }
                Ok(count)
            }
            Source::Lossless(lossless) => {
                let Some(pixels) = lossless.read(most, work, stop)? else { return Ok(0) };
                let from = pixels.chunks_exact(width / channels * 4);
                let count = from.len();
                for (row, from) in rows.zip(from) {
                    if channels == 4 {
                        row.copy_from_slice(from);
                        continue;
                    }
                    for (pixel, from) in
                        row.as_chunks_mut::<3>().0.iter_mut().zip(from.as_chunks::<4>().0)
                    {
                        *pixel = [from[0], from[1], from[2]];
                    }
                }
                Ok(count)
            }
        }
    }
}

fn channels(header: &Header) -> usize {
    if header.has_alpha { 4 } else { 3 }
}

/// Bytes of a row of the output.
fn row_len(header: &Header) -> usize {
    header.width as usize * channels(header)
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

/// Decodes a whole picture. What is returned is not held of the budget.
///
/// # Errors
/// Those of [`Header::read`], [`Decoder::start`] and [`Decoder::read`].
pub fn decode(input: impl Into<Bytes>, budget: &Budget) -> Result<Image, Error> {
    let mut decoder = Decoder::start(Header::read(&input.into())?, budget)?;
    let ((width, height), channels) = (decoder.size(), decoder.channels());
    let context = Context { pool: None, stop: &Stop::new(), budget };
    let mut samples = Vec::new();
    loop {
        match decoder.read(usize::MAX, usize::MAX, &context)? {
            Poll::Ready([]) => return Ok(Image { width, height, channels, samples }),
            Poll::Ready(rows) => samples.extend_from_slice(rows),
            Poll::Working | Poll::NeedInput => {}
        }
    }
}
