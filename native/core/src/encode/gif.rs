//! GIF of one frame, in three or four goes over the pixels: colors are counted; if there are too
//! many, a palette is made of a sample; then every pixel's index is looked up and compressed.

use weezl::encode::Encoder as Lzw;
use weezl::{BitOrder, LzwStatus};

use thumbelina_codec::{Budget, Context, Held};

use super::palette::{self, Colors, Indices, MAX_COLORS, Opacity, Rgba, Sample};
use super::sink::Sink;
use super::writer::{STEP_NANOS, Writer};
use crate::{Error, Format, Picture, cost};

pub(super) struct Gif {
    stage: Stage,
    /// The next pixel of this stage.
    next: usize,
    pixels: usize,
    /// Width and height as they stand in the file.
    size: [u8; 4],
    opacity: Opacity,
    /// What a thousand pixels take in the last stage.
    index_nanos: u64,
}

enum Stage {
    Count(Colors),
    Sample(Sample, Held),
    Cluster(Sample, Held),
    Index { indices: Indices, compressor: Compressor },
    Over,
}

/// What a thousand pixels take to be counted or sampled.
const COUNT_NANOS: u64 = 5_000;

/// In the graphic control extension: back to the background after this frame, and whether there is
/// a transparent color.
const DISPOSE_TO_BACKGROUND: u8 = 2 << 2;
const HAS_TRANSPARENT: u8 = 1;
const HAS_COLOR_TABLE: u8 = 0x80;
const TRAILER: u8 = 0x3B;

impl Gif {
    pub(super) fn new(picture: &Picture) -> Result<Self, Error> {
        let side =
            |side: u32| u16::try_from(side).map(u16::to_le_bytes).map_err(|_| Error::Internal);
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        Ok(Gif {
            stage: Stage::Count(Colors::new()),
            next: 0,
            pixels: picture.width as usize * picture.height as usize,
            size: [width[0], width[1], height[0], height[1]],
            opacity: Opacity::default(),
            index_nanos: cost::encode_row_nanos(Format::Gif, 1_000, picture.layout).max(1),
        })
    }

    /// How many pixels the next step takes, and how long.
    fn next_step(&self) -> (usize, u64) {
        let nanos = match &self.stage {
            Stage::Cluster(sample, _) => return (0, sample.cluster_nanos()),
            Stage::Count(_) | Stage::Sample(..) => COUNT_NANOS,
            Stage::Index { .. } | Stage::Over => self.index_nanos,
        };
        let pixels = ((STEP_NANOS * 1_000 / nanos).max(1) as usize).min(self.pixels - self.next);
        (pixels, nanos * pixels as u64 / 1_000)
    }

    fn step_from(
        &mut self,
        stage: Stage,
        pixels: Pixels<'_>,
        sink: &mut Sink,
        budget: &Budget,
    ) -> Result<Stage, Error> {
        let opacity = &mut self.opacity;
        Ok(match stage {
            Stage::Count(mut colors) => {
                if !pixels.all(|pixel| colors.insert(opacity.of(pixel))) {
                    self.next = 0;
                    let held = budget.hold(palette::SAMPLE_BYTES)?;
                    Stage::Sample(Sample::new(self.pixels as u64)?, held)
                } else if self.next < self.pixels {
                    Stage::Count(colors)
                } else {
                    let sorted = colors.sort();
                    let palette: Vec<u8> =
                        sorted.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
                    self.begin_index(Indices::Exact(colors), &palette, sink)?
                }
            }
            Stage::Sample(mut sample, held) => {
                pixels.all(|pixel| {
                    sample.push(opacity.of(pixel));
                    true
                });
                if self.next < self.pixels {
                    Stage::Sample(sample, held)
                } else {
                    Stage::Cluster(sample, held)
                }
            }
            Stage::Cluster(sample, _held) => {
                let transparent = opacity.transparent;
                let clusters = sample.cluster(transparent.is_some())?;
                let palette = clusters.palette(transparent);
                self.begin_index(Indices::Nearest(Box::new(clusters)), &palette, sink)?
            }
            Stage::Index { mut indices, mut compressor } => {
                let mut chunk = Vec::new();
                chunk.try_reserve(CHUNK).map_err(|_| Error::OutOfMemory)?;
                let mut failed = Ok(());
                pixels.all(|pixel| {
                    chunk.push(indices.of(opacity.of(pixel)));
                    if chunk.len() == CHUNK {
                        failed = compressor.compress(&chunk, sink);
                        chunk.clear();
                    }
                    failed.is_ok()
                });
                failed?;
                compressor.compress(&chunk, sink)?;
                if self.next < self.pixels {
                    Stage::Index { indices, compressor }
                } else {
                    compressor.finish(sink)?;
                    sink.put(&[TRAILER])?;
                    Stage::Over
                }
            }
            Stage::Over => return Err(Error::Internal),
        })
    }

    /// Writes what stands between the size and the pixels.
    fn begin_index(
        &mut self,
        mut indices: Indices,
        palette: &[u8],
        sink: &mut Sink,
    ) -> Result<Stage, Error> {
        let transparent = self.opacity.transparent.map(|color| indices.of(color));
        let flags = DISPOSE_TO_BACKGROUND | if transparent.is_some() { HAS_TRANSPARENT } else { 0 };
        sink.put(&[0x21, 0xF9, 4, flags, 0, 0, transparent.unwrap_or(0), 0])?;
        // The frame covers the screen: its size is what was written first.
        let mut frame = [0x2C, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        frame[5..9].copy_from_slice(&self.size);
        // The table has a power of two of colors, at least 2: its logarithm less one.
        let colors = (palette.len() / 3).clamp(2, MAX_COLORS).next_power_of_two();
        frame[9] = HAS_COLOR_TABLE | (colors.trailing_zeros() as u8 - 1);
        sink.put(&frame)?;
        sink.put(palette)?;
        sink.put(&[0; 3 * MAX_COLORS][palette.len()..colors * 3])?;
        self.next = 0;
        Ok(Stage::Index { indices, compressor: Compressor::new(colors, sink)? })
    }
}

/// Indices that are looked up before they are compressed.
const CHUNK: usize = 4096;

#[derive(Clone, Copy)]
enum Pixels<'a> {
    Rgb(&'a [[u8; 3]]),
    Rgba(&'a [Rgba]),
}

impl<'a> Pixels<'a> {
    fn of(picture: &'a Picture, range: std::ops::Range<usize>) -> Result<Self, Error> {
        let bytes = picture.samples.bytes();
        if picture.layout.has_alpha() {
            bytes.as_chunks().0.get(range).map(Pixels::Rgba).ok_or(Error::Internal)
        } else {
            bytes.as_chunks().0.get(range).map(Pixels::Rgb).ok_or(Error::Internal)
        }
    }

    /// Whether `accept` took all of them.
    #[inline]
    fn all(self, mut accept: impl FnMut(Rgba) -> bool) -> bool {
        match self {
            Pixels::Rgb(pixels) => pixels.iter().all(|&[r, g, b]| accept([r, g, b, 255])),
            Pixels::Rgba(pixels) => pixels.iter().all(|&pixel| accept(pixel)),
        }
    }
}

/// LZW, in blocks of up to 255 bytes.
struct Compressor {
    lzw: Lzw,
    codes: Vec<u8>,
    filled: usize,
}

const BLOCK: usize = 255;
const BLOCKS: usize = 16;

impl Compressor {
    fn new(colors: usize, sink: &mut Sink) -> Result<Self, Error> {
        // At least 2, says the specification.
        let bits = colors.trailing_zeros().max(2) as u8;
        sink.put(&[bits])?;
        let codes = crate::picture::zeroed(BLOCKS * BLOCK)?;
        Ok(Compressor { lzw: Lzw::new(BitOrder::Lsb, bits), codes, filled: 0 })
    }

    fn compress(&mut self, mut indices: &[u8], sink: &mut Sink) -> Result<(), Error> {
        while !indices.is_empty() {
            let (consumed, _) = self.run(indices, sink)?;
            indices = &indices[consumed..];
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut Sink) -> Result<(), Error> {
        self.lzw.finish();
        while !self.run(&[], sink)?.1 {}
        self.put_blocks(sink)?;
        sink.put(&[0])
    }

    /// How many indices were consumed, and whether all is written.
    fn run(&mut self, indices: &[u8], sink: &mut Sink) -> Result<(usize, bool), Error> {
        let result = self.lzw.encode_bytes(indices, &mut self.codes[self.filled..]);
        self.filled += result.consumed_out;
        if self.filled == self.codes.len() {
            self.put_blocks(sink)?;
        }
        match result.status {
            Ok(LzwStatus::Done) => Ok((result.consumed_in, true)),
            Ok(_) if result.consumed_in + result.consumed_out > 0 => {
                Ok((result.consumed_in, false))
            }
            _ => Err(Error::Internal),
        }
    }

    fn put_blocks(&mut self, sink: &mut Sink) -> Result<(), Error> {
        for block in self.codes[..self.filled].chunks(BLOCK) {
            sink.put(&[block.len() as u8])?;
            sink.put(block)?;
        }
        self.filled = 0;
        Ok(())
    }
}

impl Writer for Gif {
    fn next_nanos(&self) -> u64 {
        self.next_step().1
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        if sink.len() == 0 {
            sink.put(b"GIF89a")?;
            sink.put(&self.size)?;
            // Background 0, square pixels, and the smallest global color table there is: two
            // blacks.
            sink.put(&[HAS_COLOR_TABLE, 0, 0])?;
            sink.put(&[0; 6])?;
        }
        let range = self.next..self.next + self.next_step().0;
        self.next = range.end;
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        self.stage = self.step_from(stage, Pixels::of(picture, range)?, sink, context.budget)?;
        Ok(matches!(self.stage, Stage::Over))
    }
}
