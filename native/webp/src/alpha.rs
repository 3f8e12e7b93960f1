//! The ALPH chunk: how opaque the pixels of a lossy picture are, row by row.

use crate::Error;
use crate::container::Chunk;
use crate::decoder::ROWS_AT_A_TIME;
use crate::lossless::Lossless;
use crate::memory::zeroed;

/// Alpha on its way.
pub(crate) struct Alpha {
    source: Source,
    filter: Filter,
    width: usize,
    /// The row before, and those that are read at a time. Not there until the first are read.
    rows: Vec<u8>,
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

impl Alpha {
    pub(crate) fn new(chunk: &Chunk, width: u32, height: u32, max_memory: u64) -> Result<Self, Error> {
        let Some(&head) = chunk.data.first() else {
            return Err(chunk.ends_early("an empty ALPH chunk"));
        };
        if head >> 4 & 3 > 1 {
            return Err(Error::Invalid {
                what: "preprocessing of alpha of a kind unknown",
                offset: chunk.at,
            });
        }
        let filter = match head >> 2 & 3 {
            0 => Filter::None,
            1 => Filter::Horizontal,
            2 => Filter::Vertical,
            _ => Filter::Gradient,
        };
        let source = match head & 3 {
            0 => Source::Raw { chunk: chunk.clone(), next: 1 },
            1 => {
                let data = chunk.data.slice(1..);
                let lossless = Lossless::headerless(data, chunk.at + 1, width, height, max_memory)?;
                Source::Lossless(Box::new(lossless))
            }
            _ => {
                return Err(Error::Invalid {
                    what: "compression of alpha of a kind unknown",
                    offset: chunk.at,
                });
            }
        };
        Ok(Alpha { source, filter, width: width as usize, rows: Vec::new(), is_first: true })
    }

    /// The most bytes it takes.
    pub(crate) fn memory(&self) -> u64 {
        let source = match &self.source {
            Source::Raw { .. } => 0,
            Source::Lossless(lossless) => lossless.memory(),
        };
        source + ((1 + ROWS_AT_A_TIME) * self.width) as u64
    }

    /// The next rows, at least one and at most `most` of them, of a byte a pixel. `None` if about
    /// so many pixels' worth of `work` was not enough for one.
    pub(crate) fn read(&mut self, most: usize, work: &mut usize) -> Result<Option<&[u8]>, Error> {
        let width = self.width;
        if self.rows.is_empty() {
            self.rows = zeroed((1 + ROWS_AT_A_TIME) * width)?;
        }
        let most = most.clamp(1, ROWS_AT_A_TIME);
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
                let Some(pixels) = lossless.read(most, work)? else { return Ok(None) };
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
