//! Formats that are a header and one pixel after another: written in spans of a row, so that steps
//! stay short however wide the picture is.

use thumbelina_codec::Context;

use super::blocks::Blocks;
use super::sink::{MAX_ROOM, Sink};
use super::writer::{STEP_NANOS, Writer, row};
use crate::{Error, Format, Picture, cost};

/// A format of this kind.
pub(super) trait SpanFormat: Send {
    /// What comes before the pixels.
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error>;

    /// At most [`SPAN`] pixels of one row.
    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error>;

    /// How much longer a span takes than the format's estimate says.
    fn times(&self) -> u64 {
        1
    }

    /// More of what comes before the pixels, which takes steps of its own.
    fn blocks(&mut self) -> Blocks {
        Blocks::default()
    }

    fn end_row(&mut self, _sink: &mut Sink) -> Result<(), Error> {
        Ok(())
    }

    /// What comes after the pixels.
    fn end(&mut self, _sink: &mut Sink) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the last row comes first.
    fn is_bottom_up(&self) -> bool {
        false
    }
}

/// The most pixels of a span: none takes more than 16 bytes in any format.
pub(super) const SPAN: usize = MAX_ROOM / 16;

pub(super) struct Spans<F> {
    format: F,
    blocks: Blocks,
    /// The next span: its row, in the file's order, and its first pixel.
    next: (u32, usize),
    pixels_per_step: u64,
    step_nanos: u64,
}

impl<F: SpanFormat> Spans<F> {
    pub(super) fn new(
        mut writer: F,
        format: Format,
        picture: &Picture,
        sink: &mut Sink,
    ) -> Result<Self, Error> {
        writer.begin(picture, sink)?;
        let nanos = cost::encode_row_nanos(format, SPAN as u32, picture.layout);
        let span_nanos = (nanos * writer.times()).max(1);
        let spans = (STEP_NANOS / span_nanos).max(1);
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let pixels_per_step = (spans * SPAN as u64).min(pixels);
        let step_nanos = span_nanos * pixels_per_step / SPAN as u64;
        let blocks = writer.blocks();
        Ok(Spans { format: writer, blocks, next: (0, 0), pixels_per_step, step_nanos })
    }
}

impl<F: SpanFormat> Writer for Spans<F> {
    fn next_nanos(&self) -> u64 {
        self.step_nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        if !self.blocks.step(sink)? {
            return Ok(false);
        }
        let pixel = picture.layout.pixel_bytes();
        let width = picture.width as usize;
        let mut written = 0;
        while self.next.0 < picture.height {
            if written >= self.pixels_per_step {
                return Ok(false);
            }
            let (y, x) = self.next;
            let y = if self.format.is_bottom_up() { picture.height - 1 - y } else { y };
            let end = width.min(x + SPAN);
            let span = row(picture, y)?.get(x * pixel..end * pixel).ok_or(Error::Internal)?;
            self.format.span(span, sink)?;
            written += (end - x) as u64;
            self.next.1 = end;
            if end == width {
                self.format.end_row(sink)?;
                self.next = (self.next.0 + 1, 0);
            }
        }
        self.format.end(sink)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use thumbelina_codec::{Budget, Stop};

    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    struct Plain {
        bottom_up: bool,
    }

    impl SpanFormat for Plain {
        fn begin(&mut self, _: &Picture, sink: &mut Sink) -> Result<(), Error> {
            sink.put(b"<")
        }
        fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
            assert!(pixels.len() <= SPAN);
            sink.put(pixels)
        }
        fn end_row(&mut self, sink: &mut Sink) -> Result<(), Error> {
            sink.put(b"|")
        }
        fn end(&mut self, sink: &mut Sink) -> Result<(), Error> {
            sink.put(b">")
        }
        fn is_bottom_up(&self) -> bool {
            self.bottom_up
        }
    }

    fn write(width: u32, height: u32, bottom_up: bool) -> (Vec<u8>, u32) {
        let layout = Layout::new(1, Depth::U8);
        let samples = Samples::U8((0..width * height).map(|i| (i % 29) as u8 + b'a').collect());
        let picture = Picture { width, height, layout, samples };
        let run = || -> Result<_, Error> {
            let (budget, stop) = (Budget::new(u64::MAX), Stop::new());
            let context = Context { pool: None, stop: &stop, budget: &budget };
            let mut sink = Sink::new(&budget)?;
            let mut spans = Spans::new(Plain { bottom_up }, Format::Pnm, &picture, &mut sink)?;
            let mut steps = 1;
            while !spans.step(&picture, &mut sink, &context)? {
                steps += 1;
            }
            Ok((sink.join(&stop)?.0, steps))
        };
        run().unwrap_or_default()
    }

    #[test]
    fn rows_come_in_the_files_order() {
        assert_eq!(write(2, 3, false).0, b"<ab|cd|ef|>");
        assert_eq!(write(2, 3, true).0, b"<ef|cd|ab|>");
    }

    #[test]
    fn a_row_of_a_million_pixels_is_cut_into_steps() {
        let (bytes, steps) = write(1_000_000, 1, false);
        assert_eq!(
            (bytes.len(), bytes[1], bytes[1_000_000]),
            (1_000_003, b'a', (999_999 % 29) as u8 + b'a')
        );
        assert!(steps > 3, "{steps}");
    }
}
