//! VP8 key frames, the lossy bitstream (RFC 6386).
//!
//! A macroblock is decoded in one go: its modes and coefficients are read, it is predicted,
//! reconstructed and filtered. Of the picture, a row of macroblocks is held and a part of the one
//! before.

mod band;
mod bools;
mod color;
mod filter;
mod header;
mod modes;
mod predict;
mod start;
mod strength;
mod tables;
mod tokens;
mod transform;

use thumbelina_codec::Stop;

use self::band::Band;
use self::bools::Partition;
use self::filter::{Filtering, Tile};
use self::header::{BlockProbabilities, FrameHeader};
use self::modes::{BORDER, Edge, Luma, Macroblock};
use self::predict::{ABOVE_ALL, Above, Reconstruction};
use self::start::HEADER_LEN;
pub(crate) use self::start::Start;
use self::tokens::{Coefficients, Neighbors};
use crate::Error;
use crate::chunk::Chunk;

/// A picture of a VP8 chunk on its way.
pub(crate) struct Lossy {
    chunk: Chunk,
    start: Start,
    /// Not there until it is first asked for rows.
    frame: Option<Box<Frame>>,
}

/// A byte of input is worth as much work as so many pixels.
const PIXELS_PER_BYTE: usize = 4;

/// Macroblocks that are decoded between two looks at the stop: half a millisecond's, if they are
/// full of data. A look may be one at the clock.
const MACROBLOCKS_A_LOOK: usize = 64;

impl Lossy {
    /// `start` is what the chunk begins with.
    pub(crate) fn new(chunk: Chunk, start: Start) -> Self {
        Lossy { chunk, start, frame: None }
    }

    /// The most bytes that a picture takes.
    pub(crate) fn bytes(start: &Start) -> u64 {
        let columns = u64::from(start.width).div_ceil(16) * size_of::<Column>() as u64;
        let fixed = size_of::<Frame>() + size_of::<[BlockProbabilities; 4]>();
        Band::bytes(start.width) + columns + (fixed + 8 * size_of::<Partition>()) as u64
    }

    /// Rows that are there to be taken.
    pub(crate) fn ready(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.band.ready())
    }

    /// Does about so many pixels' worth of work, unless rows are ready before.
    pub(crate) fn advance(&mut self, work: &mut usize, stop: &Stop) -> Result<(), Error> {
        let frame = match &mut self.frame {
            Some(frame) => frame,
            none => none.insert(Box::new(Frame::new(&self.chunk, self.start)?)),
        };
        while frame.band.ready() == 0 && !frame.band.is_done() {
            if frame.x.is_multiple_of(MACROBLOCKS_A_LOOK) {
                stop.check()?;
            }
            let worth = frame.macroblock(&self.chunk)?;
            *work = work.saturating_sub(worth);
            if *work == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Makes the next row of color, which is ready.
    pub(crate) fn convert(&mut self, channels: usize, out: &mut [u8]) {
        if let Some(frame) = &mut self.frame {
            frame.band.convert(channels, out);
        }
    }
}

/// What a column of macroblocks hands down to the next row.
#[derive(Clone, Copy)]
struct Column {
    samples: Above,
    modes: Edge,
    neighbors: Neighbors,
}

/// A frame whose header has been read.
struct Frame {
    header: FrameHeader,
    modes: Partition,
    tokens: Vec<Partition>,
    columns: Vec<Column>,
    left: (Edge, Neighbors),
    reconstruction: Reconstruction,
    coefficients: Coefficients,
    tile: Tile,
    band: Band,
    /// The next macroblock.
    x: usize,
    y: usize,
}

impl Frame {
    fn new(chunk: &Chunk, start: Start) -> Result<Self, Error> {
        let data = &chunk.data;
        let first_end = HEADER_LEN + start.first_partition;
        let mut modes = Partition::new(data, HEADER_LEN, first_end);
        let mut bools = modes.bools();
        let header = FrameHeader::read(&mut bools)
            .ok_or(Error::Unsupported("a color space of the future"))?;
        let position = bools.position();
        modes.keep(position);
        if modes.overran() {
            return Err(chunk.ends_early("a VP8 frame whose header does not end"));
        }
        let tokens = token_partitions(chunk, first_end, header.partitions)?;
        let (width, height) = (start.width as usize, start.height as usize);
        let band = Band::new(width, height)?;
        let samples = Above { luma: [ABOVE_ALL; 16], chroma: [[ABOVE_ALL; 8]; 2] };
        let column = Column { samples, modes: BORDER, neighbors: [0; 9] };
        let mut reconstruction = Reconstruction::new();
        reconstruction.start_row(true);
        Ok(Frame {
            header,
            modes,
            tokens,
            columns: vec![column; width.div_ceil(16)],
            left: (BORDER, [0; 9]),
            reconstruction,
            coefficients: Coefficients::new(),
            tile: Tile::new(),
            band,
            x: 0,
            y: 0,
        })
    }

    /// Decodes the next macroblock, and says how many pixels' worth of work that was.
    fn macroblock(&mut self, chunk: &Chunk) -> Result<usize, Error> {
        if self.x == self.columns.len() {
            self.band.next_row();
            self.left = (BORDER, [0; 9]);
            self.reconstruction.start_row(false);
            self.x = 0;
            self.y += 1;
        }
        let right = match self.columns.get(self.x + 1) {
            Some(column) => column.samples.luma[..4].first_chunk().copied(),
            // There is nothing to the right: the last sample goes on, and the row above all is of
            // one kind.
            None => self.columns.last().map(|column| [column.samples.luma[15]; 4]),
        };
        let tokens = self.y % self.tokens.len().max(1);
        let (Some(column), Some(tokens)) =
            (self.columns.get_mut(self.x), self.tokens.get_mut(tokens))
        else {
            return Ok(usize::MAX);
        };
        let before = self.modes.position() + tokens.position();

        let mut bools = self.modes.bools();
        let macroblock =
            Macroblock::read(&mut bools, &self.header, &mut column.modes, &mut self.left.0);
        let position = bools.position();
        self.modes.keep(position);
        let segment = &self.header.segments[macroblock.segment & 3];
        let in_one_piece = matches!(macroblock.luma, Luma::Whole(_));
        if macroblock.skipped {
            tokens::skip(in_one_piece, &mut column.neighbors, &mut self.left.1);
        } else {
            let mut bools = tokens.bools();
            let (above, left) = (&mut column.neighbors, &mut self.left.1);
            self.coefficients.read(&mut bools, &self.header, segment, in_one_piece, above, left);
            let position = bools.position();
            tokens.keep(position);
        }
        if self.modes.overran() || tokens.overran() {
            return Err(chunk.ends_early("a VP8 frame whose data ends early"));
        }
        let bytes = self.modes.position() + tokens.position() - before;

        let empty = self.coefficients.is_empty();
        let is_inside = [self.x > 0, self.y > 0];
        self.reconstruction.next(&column.samples, right.unwrap_or_default());
        self.reconstruction.luma(&macroblock.luma, &self.coefficients, is_inside);
        self.reconstruction.chroma(macroblock.chroma, &self.coefficients, is_inside);
        column.samples = self.reconstruction.last_row();
        self.coefficients.clear();

        let filtering = Filtering {
            strength: segment.strengths[usize::from(!in_one_piece)],
            simple: self.header.simple_filter,
            left: self.x > 0,
            above: self.y > 0,
            inside: !in_one_piece || !empty,
        };
        self.tile.next(&self.reconstruction);
        if filtering.is_none() {
            self.band.store(self.x, &self.tile, false, false);
        } else {
            self.band.load_above(self.x, &mut self.tile);
            self.tile.filter(filtering);
            self.band.store(self.x, &self.tile, filtering.above, filtering.left);
        }

        self.x += 1;
        if self.x == self.columns.len() {
            self.band.complete_row();
        }
        Ok((bytes * PIXELS_PER_BYTE).max(256))
    }
}

/// The partitions of tokens, which follow a table of their lengths. What is missing of them is
/// missed when it is wanted.
fn token_partitions(chunk: &Chunk, at: usize, count: usize) -> Result<Vec<Partition>, Error> {
    let data = &chunk.data;
    let table = data.get(at..at + 3 * (count - 1));
    let table = table.ok_or_else(|| chunk.ends_early("a VP8 frame without its partitions"))?;
    let mut next = at + table.len();
    let mut take = |len: usize| {
        let start = next;
        next += len;
        Partition::new(data, start, next)
    };
    let lengths =
        table.as_chunks::<3>().0.iter().map(|&[a, b, c]| u32::from_le_bytes([a, b, c, 0]) as usize);
    let mut partitions: Vec<_> = lengths.map(&mut take).collect();
    // The last goes on to the end, wherever that is.
    let rest = data.len().saturating_sub(next) + usize::from(chunk.cut);
    partitions.push(Partition::new(data, next, next + rest));
    Ok(partitions)
}
