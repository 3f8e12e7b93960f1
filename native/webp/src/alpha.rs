//! The ALPH chunk: how opaque the pixels of a lossy picture are, row by row.

use thumbelina_codec::{Budget, Stop};

use crate::Error;
use crate::chunk::Chunk;
use crate::lossless::Lossless;
use crate::memory::zeroed;

/// What the first byte of the chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    is_compressed: bool,
    filter: Filter,
}

/// Alpha on its way.
pub(crate) struct Alpha {
    source: Source,
    filter: Filter,
    width: usize,
    /// The row before, and those that are read at a time. Not there until the first are read.
    rows: Vec<u8>,
    /// How many are read at a time.
    most_rows: usize,
    is_first: bool,
}

enum Source {
    Raw { chunk: Chunk, next: usize },
    Lossless(Box<Lossless>),
}

/// What a sample is the difference to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    None,
    /// The one to the left.
    Horizontal,
    /// The one above.
    Vertical,
    /// What the one to the left would be if the slope between the two above went on.
    Gradient,
}

impl Start {
    pub(crate) fn read(chunk: &Chunk) -> Result<Self, Error> {
        let Some(&head) = chunk.data.first() else {
            return Err(chunk.ends_early("an empty ALPH chunk"));
        };
        let invalid = |what| Err(Error::Invalid { what, offset: chunk.at });
        if head >> 4 & 3 > 1 {
            return invalid("preprocessing of alpha of a kind unknown");
        }
        let filter = match head >> 2 & 3 {
            0 => Filter::None,
            1 => Filter::Horizontal,
            2 => Filter::Vertical,
            _ => Filter::Gradient,
        };
        match head & 3 {
            kind @ 0..=1 => Ok(Start { is_compressed: kind == 1, filter }),
            _ => invalid("compression of alpha of a kind unknown"),
        }
    }

    /// The bytes that alpha of this size takes, of which so many rows are read at a time.
    pub(crate) fn bytes(self, width: u32, height: u32, most_rows: usize) -> u64 {
        let source = if self.is_compressed { Lossless::bytes(width, height) } else { 0 };
        source + (1 + most_rows as u64) * u64::from(width)
    }
}

impl Alpha {
    /// What it is known to take is held already, and the rest is held of the budget.
    pub(crate) fn new(
        chunk: &Chunk,
        start: Start,
        (width, height): (u32, u32),
        most_rows: usize,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let source = if start.is_compressed {
            let data = chunk.data.slice(1..);
            let lossless = Lossless::headerless(data, chunk.at + 1, width, height, budget)?;
            Source::Lossless(Box::new(lossless))
        } else {
            Source::Raw { chunk: chunk.clone(), next: 1 }
        };
        let (filter, width) = (start.filter, width as usize);
        Ok(Alpha { source, filter, width, rows: Vec::new(), most_rows, is_first: true })
    }

    /// The lossless picture that it is, if it is compressed.
    pub(crate) fn lossless(&self) -> Option<&Lossless> {
        match &self.source {
            Source::Raw { .. } => None,
            Source::Lossless(lossless) => Some(lossless),
        }
    }

    /// The next rows, at least one and at most `most` of them, of a byte a pixel. `None` if about
    /// so many pixels' worth of `work` was not enough for one.
    pub(crate) fn read(
        &mut self,
        most: usize,
        work: &mut usize,
        stop: &Stop,
    ) -> Result<Option<&[u8]>, Error> {
        let width = self.width;
        if self.rows.is_empty() {
            self.rows = zeroed((1 + self.most_rows) * width)?;
        }
        let most = most.clamp(1, self.most_rows);
        let count = match &mut self.source {
            Source::Raw { chunk, next } => {
                let missing = || chunk.ends_early("alpha that ends early");
                let from = chunk.data.get(*next..*next + most * width).ok_or_else(missing)?;
                self.rows[width..][..from.len()].copy_from_slice(from);
                *next += from.len();
                *work = work.saturating_sub(from.len());
                most
            }
            Source::Lossless(lossless) => {
                let Some(pixels) = lossless.read(most, work, stop)? else { return Ok(None) };
                let pixels = pixels.as_chunks::<4>().0;
                for (sample, [_, green, _, _]) in self.rows[width..].iter_mut().zip(pixels) {
                    *sample = *green;
                }
                (pixels.len() / width).min(most)
            }
        };
        for y in 0..count {
            let (above, row) = self.rows[y * width..].split_at_mut(width);
            self.filter.undo(if self.is_first { None } else { Some(above) }, &mut row[..width]);
            self.is_first = false;
        }
        // What is handed out stays in its place: the last row is looked up again below it.
        self.rows.copy_within(count * width..(count + 1) * width, 0);
        Ok(Some(&self.rows[width..(count + 1) * width]))
    }
}

impl Filter {
    /// Makes samples of differences.
    fn undo(self, above: Option<&[u8]>, row: &mut [u8]) {
        match (self, above) {
            (Filter::None, _) => {}
            // The first row has nothing above it, and the first sample of others has that instead
            // of what would be to its left.
            (_, None) => add_left(0, row),
            (Filter::Horizontal, Some(above)) => add_left(above.first().copied().unwrap_or(0), row),
            (Filter::Vertical, Some(above)) => {
                for (sample, above) in row.iter_mut().zip(above) {
                    *sample = sample.wrapping_add(*above);
                }
            }
            (Filter::Gradient, Some(above)) => {
                let mut left = above.first().copied().unwrap_or(0);
                let mut corner = left;
                for (sample, &above) in row.iter_mut().zip(above) {
                    let slope = i16::from(left) + i16::from(above) - i16::from(corner);
                    left = sample.wrapping_add(slope.clamp(0, 255) as u8);
                    corner = above;
                    *sample = left;
                }
            }
        }
    }
}

fn add_left(mut left: u8, row: &mut [u8]) {
    for sample in row {
        left = left.wrapping_add(*sample);
        *sample = left;
    }
}
