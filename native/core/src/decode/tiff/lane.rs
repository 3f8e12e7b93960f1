//! One chunk after another, decoded row by row.

use std::ops::Range;

use bytes::Bytes;

use super::compression::{Deflate, Done, Fax, Jpeg, Lzw, PackBits, Webp, Zstd};
use super::description::{Compression, Description, Predictor};
use super::predictor;
use crate::limits::{Limit, MAX_UNIT_BYTES};
use crate::picture::zeroed;
use crate::{Error, Format};

/// What a step may still take of the input, and make of it. Data can go on for as long as the file
/// without giving a single pixel, and tiles can be wider than what is seen of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub input: usize,
    pub output: usize,
}

/// Let out in every step on top of what its rows need.
const STEP_INPUT: usize = 1 << 10;
const STEP_OUTPUT: usize = 8 << 10;

/// The most of what rows need that is let out in one step: a byte of deflate's tables takes 50 ns.
const MOST_INPUT: usize = 4 << 10;

impl Quota {
    /// For rows that hold so many bytes uncompressed.
    pub(super) fn new(bytes: usize) -> Self {
        Quota {
            input: (bytes / 2).min(MOST_INPUT) + STEP_INPUT,
            output: bytes.saturating_add(STEP_OUTPUT),
        }
    }

    pub(super) fn spend_all(&mut self) {
        (self.input, self.output) = (0, 0);
    }

    pub(super) fn spend(&mut self, done: Done) {
        self.input = self.input.saturating_sub(done.consumed);
        self.output = self.output.saturating_sub(done.produced);
    }

    fn is_spent(&self) -> bool {
        self.input == 0 || self.output == 0
    }
}

/// What a pixel of a WebP is about worth, in bytes of rows.
const WEBP_PIXEL_BYTES: usize = 8;
const MAX_WEBP_PIXELS: usize = 2_000;

enum Decompressor {
    Stored,
    PackBits(PackBits),
    Lzw(Box<Lzw>),
    Deflate(Deflate),
    Fax(Box<Fax>),
    Zstd(Box<Zstd>),
    Webp(Box<Webp>),
    Jpeg(Box<Jpeg>),
}

/// Rows shorter than this are decoded several at a time.
const TOGETHER_BYTES: u64 = 8 << 10;

/// The most that is consumed before it turns out to make no sense.
const MOST_FAILED: usize = 128 << 10;

/// What is behind the visible part of a row goes here.
const SINK_BYTES: usize = 4 << 10;

/// What an MCU is about worth, in bytes of rows.
const MCU_BYTES: usize = 512;
const MCUS_PER_STEP: usize = 16;

/// The same of one that is a pixel.
const LOSSLESS_MCU_BYTES: usize = 16;

pub(super) struct Lane {
    decompressor: Decompressor,
    /// The data of the current chunk that is not consumed yet.
    data: Range<usize>,
    /// Whether it goes on behind the end of the file.
    cut: bool,
    /// Of all chunks, what their decompressors have taken so far.
    fed: u64,
    /// Rows of pixels that one is for.
    rows_together: u32,
    /// Bytes of a row, and those of them that are kept: the visible ones, or all.
    row: u64,
    kept: usize,
    /// Whether rows need not be copied.
    direct: bool,
    /// Complete rows, and the beginning of the next one.
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
    /// Bytes to pass over until the next row begins.
    to_skip: u64,
    /// Rows of the chunk that are not decoded into the buffer yet.
    rows: usize,
    /// What went wrong behind the rows that are complete.
    failed: Option<Error>,
    bits_reversed: bool,
    sink: Vec<u8>,
}

impl Lane {
    /// `visible` are pixels of a chunk's row.
    pub(super) fn new(
        picture: &Description,
        chunk: (u32, u32),
        visible: u32,
        jpeg: Option<Jpeg>,
    ) -> Result<Self, Error> {
        let (width, height) = chunk;
        let shape = Shape::new(picture, width, visible)?;
        let decompressor = match (jpeg, picture.compression) {
            (Some(jpeg), _) => Decompressor::Jpeg(Box::new(jpeg)),
            (None, Compression::None | Compression::SgiLog24) => Decompressor::Stored,
            (None, Compression::PackBits) => Decompressor::PackBits(PackBits::default()),
            (None, Compression::SgiLog) => Decompressor::PackBits(PackBits::of_logs()),
            (None, Compression::Lzw) => Decompressor::Lzw(Box::new(Lzw::new())),
            (None, Compression::Deflate) => Decompressor::Deflate(Deflate::new()),
            (None, Compression::Webp) => {
                Decompressor::Webp(Box::new(Webp::new(picture.samples, chunk)))
            }
            (None, Compression::Zstd) => {
                let bytes = shape.row.saturating_mul(height.into());
                Decompressor::Zstd(Box::new(Zstd::new(bytes)))
            }
            (None, Compression::Fax(coding)) => {
                Limit::MaxMemory.check(Fax::memory(width), MAX_UNIT_BYTES)?;
                Decompressor::Fax(Box::new(Fax::new(coding, width)?))
            }
            (None, Compression::Jpeg | Compression::OldJpeg) => return Err(Error::Internal),
        };
        let bits_reversed = picture.bits_reversed;
        let direct = picture.compression == Compression::None
            && picture.predictor == Predictor::None
            && !bits_reversed;
        let sinks = bits_reversed || shape.row > shape.kept as u64;
        Ok(Lane {
            decompressor,
            data: 0..0,
            cut: false,
            fed: 0,
            rows_together: picture.rows_together(),
            row: shape.row,
            kept: shape.kept,
            direct,
            buffer: zeroed(if direct { 0 } else { shape.kept * shape.together })?,
            filled: 0,
            taken: 0,
            to_skip: 0,
            rows: 0,
            failed: None,
            bits_reversed,
            sink: zeroed(if sinks && !direct { SINK_BYTES } else { 0 })?,
        })
    }

    /// The most that one takes, apart from a JPEG and its decoder.
    pub(super) fn memory(
        picture: &Description,
        chunk: (u32, u32),
        visible: u32,
    ) -> Result<u64, Error> {
        let (width, _) = chunk;
        let shape = Shape::new(picture, width, visible)?;
        let buffer = (shape.kept * shape.together + SINK_BYTES) as u64;
        let decompressor = match picture.compression {
            Compression::None | Compression::PackBits => 0,
            Compression::SgiLog | Compression::SgiLog24 => 0,
            Compression::Jpeg | Compression::OldJpeg => 0,
            Compression::Lzw => Lzw::MEMORY,
            Compression::Deflate => Deflate::MEMORY,
            Compression::Fax(_) => Fax::memory(width),
            Compression::Zstd => Zstd::MEMORY,
            Compression::Webp => Webp::memory(chunk),
        };
        Ok(buffer + decompressor)
    }

    /// The bytes that the decompressors of all chunks so far were fed.
    pub(super) fn fed(&self) -> u64 {
        self.fed
    }

    /// Starts on a chunk, of which so many columns and rows are needed. Its data may be said to go
    /// on behind the end of the file: up to nowhere, if that is not known.
    pub(super) fn restart(
        &mut self,
        input: &Bytes,
        data: Range<usize>,
        visible: (u32, u32),
        quota: &mut Quota,
    ) -> Result<(), Error> {
        (self.filled, self.taken, self.to_skip, self.failed) = (0, 0, 0, None);
        self.rows = visible.1.div_ceil(self.rows_together) as usize;
        self.cut = data.end > input.len() && data.end < usize::MAX;
        let data = data.start..data.end.min(input.len());
        self.data = data.clone();
        // About what it takes to look a chunk up and get ready for it.
        quota.spend(Done { consumed: 32, produced: 256 });
        match &mut self.decompressor {
            // The rows say how much of it there is: byte counts of unpacked data are often wrong.
            Decompressor::Stored => self.data.end = input.len(),
            Decompressor::PackBits(packbits) => packbits.restart(),
            Decompressor::Lzw(lzw) => {
                let beginning = input.get(data).and_then(|data| data.first_chunk());
                let beginning = *beginning.unwrap_or(&[0x80, 0]);
                lzw.restart(if self.bits_reversed {
                    beginning.map(u8::reverse_bits)
                } else {
                    beginning
                });
            }
            Decompressor::Deflate(deflate) => deflate.restart(),
            Decompressor::Fax(fax) => fax.restart(),
            Decompressor::Zstd(zstd) => zstd.restart(),
            Decompressor::Webp(webp) => {
                self.fed += data.len() as u64;
                quota.spend_all();
                webp.restart(input, data, visible)?;
            }
            Decompressor::Jpeg(jpeg) => {
                self.fed += data.len() as u64 + jpeg.open_bytes();
                quota.spend_all();
                jpeg.restart(input, data, visible)?;
            }
        }
        Ok(())
    }

    /// Sees to it that there is a whole row. `false` where that takes more than the quota.
    pub(super) fn fill(&mut self, input: &Bytes, quota: &mut Quota) -> Result<bool, Error> {
        if self.direct {
            let there = self.data.len() >= self.kept;
            return if there { Ok(!quota.is_spent()) } else { Err(Error::truncated(Format::Tiff)) };
        }
        while self.filled < self.taken + self.kept {
            if let Some(error) = self.failed {
                return Err(error);
            }
            if quota.is_spent() {
                return Ok(false);
            }
            if let Err(error) = self.decompress(input, quota) {
                // It was looked at, as far as it goes.
                self.fed += self.data.len().min(MOST_FAILED) as u64;
                quota.spend_all();
                self.failed = Some(error);
            }
        }
        Ok(true)
    }

    /// Hands over the row that there is.
    pub(super) fn take<'a>(
        &'a mut self,
        picture: &Description,
        input: &'a [u8],
        spare: &mut [u8],
        quota: &mut Quota,
    ) -> &'a [u8] {
        quota.spend(Done { consumed: 0, produced: if self.direct { self.kept } else { 0 } });
        if self.direct {
            let start = self.data.start;
            let next = start.saturating_add(usize::try_from(self.row).unwrap_or(usize::MAX));
            self.data.start = next.min(self.data.end);
            return &input[start..start + self.kept];
        }
        let range = self.taken..self.taken + self.kept;
        self.taken = range.end;
        if self.taken == self.buffer.len() {
            (self.taken, self.filled) = (0, 0);
        }
        let row = &mut self.buffer[range];
        predictor::undo(picture, row, spare);
        row
    }

    fn decompress(&mut self, input: &Bytes, quota: &mut Quota) -> Result<(), Error> {
        let end =
            self.buffer.len().min(self.filled + self.rows * self.kept - self.filled % self.kept);
        let skips = self.to_skip > 0;
        let most = quota.input.min(if self.bits_reversed { SINK_BYTES / 2 } else { usize::MAX });
        let piece = self.data.start..self.data.end.min(self.data.start.saturating_add(most));
        let last = piece.end == self.data.end;
        let (spare, sink) =
            self.sink.split_at_mut(if self.bits_reversed { SINK_BYTES / 2 } else { 0 });
        let bytes = if self.bits_reversed {
            let bytes = &mut spare[..piece.len()];
            for (to, from) in bytes.iter_mut().zip(&input[piece.clone()]) {
                *to = from.reverse_bits();
            }
            bytes
        } else {
            &input[piece]
        };
        let out = if skips {
            let most = usize::try_from(self.to_skip).unwrap_or(usize::MAX);
            let most = most.min(sink.len()).min(quota.output);
            &mut sink[..most]
        } else {
            &mut self.buffer[self.filled..end]
        };
        let room = out.len().min(quota.output);
        let done = match &mut self.decompressor {
            Decompressor::Stored => {
                let length = bytes.len().min(room);
                out[..length].copy_from_slice(&bytes[..length]);
                Done { consumed: length, produced: length }
            }
            Decompressor::PackBits(packbits) => packbits.run(bytes, &mut out[..room]),
            Decompressor::Lzw(lzw) => lzw.run(bytes, &mut out[..room])?,
            Decompressor::Deflate(deflate) => deflate.run(bytes, &mut out[..room])?,
            // These two make whole rows, whatever they cost.
            Decompressor::Zstd(zstd) => {
                let done = zstd.run(&input[self.data.clone()], &mut out[..room])?;
                if done.consumed > 0 {
                    quota.spend_all();
                } else if done.produced == 0 {
                    return Err(Error::truncated(Format::Tiff));
                }
                done
            }
            Decompressor::Fax(fax) => {
                let done = fax.run(bytes, last, out)?;
                // Where a page ends is for its sender to say.
                if self.cut && fax.is_at_end() {
                    return Err(Error::truncated(Format::Tiff));
                }
                done
            }
            Decompressor::Webp(webp) => {
                let pixels = (quota.output / WEBP_PIXEL_BYTES).clamp(1, MAX_WEBP_PIXELS);
                let produced = webp.run(pixels, &mut out[..self.kept])?;
                let bytes = (pixels * WEBP_PIXEL_BYTES).max(produced);
                quota.spend(Done { consumed: 0, produced: bytes });
                self.filled += produced;
                self.rows -= usize::from(produced > 0);
                return Ok(());
            }
            Decompressor::Jpeg(jpeg) => {
                if !jpeg.is_decoding() {
                    quota.spend_all();
                }
                let each = if jpeg.is_lossless() { LOSSLESS_MCU_BYTES } else { MCU_BYTES };
                let mcus = (quota.output / each).clamp(1, MCUS_PER_STEP * MCU_BYTES / each);
                let produced = jpeg.run(input, mcus, &mut out[..self.kept])?;
                quota.spend(Done { consumed: 0, produced: (mcus * each).max(produced) });
                self.filled += produced;
                self.rows -= usize::from(produced > 0);
                return Ok(());
            }
        };
        if done == (Done { consumed: 0, produced: 0 }) {
            return Err(if last {
                Error::truncated(Format::Tiff)
            } else {
                Error::invalid(Format::Tiff)
            });
        }
        quota.spend(done);
        self.data.start += done.consumed;
        if !matches!(self.decompressor, Decompressor::Stored) {
            self.fed += done.consumed as u64;
        }
        if skips {
            self.to_skip -= done.produced as u64;
        } else {
            let before = self.filled / self.kept;
            self.filled += done.produced;
            let complete = self.filled / self.kept - before;
            self.rows -= complete;
            if complete > 0 {
                self.to_skip = self.row - self.kept as u64;
            }
        }
        Ok(())
    }
}

/// How long rows are, and how many are decoded at a time.
struct Shape {
    row: u64,
    kept: usize,
    together: usize,
}

impl Shape {
    fn new(picture: &Description, width: u32, visible: u32) -> Result<Self, Error> {
        let (mut row, mut kept) =
            (picture.chunk_row_bytes(width), picture.chunk_row_bytes(visible));
        match picture.compression {
            // Its decoder cuts the rows itself.
            Compression::Jpeg | Compression::OldJpeg => {
                kept = Jpeg::row_bytes(picture.jpeg_color(), visible) as u64;
                row = kept;
            }
            Compression::Webp => {
                kept = picture.chunk_row_bytes(visible);
                row = kept;
            }
            // Made in whole rows.
            Compression::Fax(_) => kept = row,
            // The bytes of what is not visible are among those of what is.
            _ if picture.predictor.stands_apart() => kept = row,
            // Passing over a few bytes takes longer than keeping them.
            _ if row <= TOGETHER_BYTES => kept = row,
            _ => {}
        }
        Limit::MaxMemory.check(kept, MAX_UNIT_BYTES)?;
        let together = if row == kept { (TOGETHER_BYTES / row.max(1)).max(1) } else { 1 };
        Ok(Shape { row, kept: kept as usize, together: together as usize })
    }
}
