//! WebP without loss (VP8L), in two goes over the rows: the first counts how often each symbol
//! comes, the second writes their codes.
//!
//! Green is subtracted from red and blue, then every pixel is predicted to be the one above it. Of
//! repetitions only runs of one pixel are found. That is what `image-webp` does, and takes no
//! longer than PNG.

use bytes::Bytes;
use thumbelina_codec::Context;

use super::bits::Bits;
use super::blocks::Blocks;
use super::options::Attachments;
use super::prefix_code::{Code, PrefixCode, put_simple};
use super::sink::{MAX_ROOM, Sink};
use super::writer::{Writer, row, rows_per_step, within_u32};
use crate::picture::zeroed;
use crate::{Error, Format, Picture};

pub(super) struct Webp {
    channels: usize,
    next_row: u32,
    rows_per_step: u32,
    step_nanos: u64,
    residuals: Residuals,
    /// The pixel that came last, if any, and how many times it came again.
    previous: Option<[u8; 4]>,
    run: u32,
    counts: Box<Counts>,
    /// Set for the second go.
    codes: Option<Box<Codes>>,
    bits: Bits,
    /// Chunks before and after the pixels.
    before: Blocks,
    after: Blocks,
    /// Where the pixels' chunk begins.
    chunk_at: u64,
    written: bool,
}

/// How often each symbol comes. Green shares its alphabet with the lengths of runs.
struct Counts {
    green: [u32; GREENS],
    red: [u32; 256],
    blue: [u32; 256],
    alpha: [u32; 256],
}

struct Codes {
    green: [Code; GREENS],
    red: [Code; 256],
    blue: [Code; 256],
    alpha: [Code; 256],
}

const LENGTH_CODES: usize = 24;
const GREENS: usize = 256 + LENGTH_CODES;

const MAX_RUN: u32 = 4096;

const SIGNATURE: u64 = 0x2F;
const SUBTRACT_GREEN: u64 = 2;
const PREDICT: u64 = 0;
/// The predictor that takes the pixel above.
const ABOVE: usize = 2;
/// The distance code of the pixel to the left.
const LEFT: usize = 1;

/// Where the size of the file stands, and what comes before the first chunk.
const FILE_SIZE_AT: u64 = 4;
const FILE_HEADER: &[u8] = b"RIFF\0\0\0\0WEBP";

/// A chunk's kind and size.
const CHUNK_HEADER: u64 = 8;

/// Flags of the chunk that says what others there are.
const HAS_PROFILE: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

impl Webp {
    pub(super) fn new(picture: &Picture, attachments: &Attachments) -> Result<Self, Error> {
        let (rows_per_step, step_nanos) = rows_per_step(Format::Webp, picture);
        let counts = Counts { green: [0; GREENS], red: [0; 256], blue: [0; 256], alpha: [0; 256] };
        Ok(Webp {
            channels: usize::from(picture.layout.channels),
            next_row: 0,
            rows_per_step,
            step_nanos,
            residuals: Residuals::new(picture)?,
            previous: None,
            run: 0,
            counts: Box::new(counts),
            codes: None,
            bits: Bits::default(),
            before: before(picture, attachments),
            after: after(attachments),
            chunk_at: 0,
            written: false,
        })
    }

    fn count_row<const CHANNELS: usize>(&mut self, row: &[u8]) {
        for pixel in self.residuals.of::<CHANNELS>(row).as_chunks().0 {
            let pixel = padded::<CHANNELS>(pixel);
            if self.previous == Some(pixel) && self.run < MAX_RUN {
                self.run += 1;
                continue;
            }
            self.counts.run(self.run);
            self.counts.pixel::<CHANNELS>(pixel);
            (self.previous, self.run) = (Some(pixel), 0);
        }
    }

    fn begin_codes(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        self.counts.run(self.run);
        (self.previous, self.run, self.next_row) = (None, 0, 0);
        self.residuals.restart();

        self.chunk_at = sink.len();
        sink.put(b"VP8L\0\0\0\0")?;
        let out = sink.room(MAX_ROOM)?;
        let bits = &mut self.bits;
        bits.put(SIGNATURE, 8, out);
        bits.put(u64::from(picture.width) - 1, 14, out);
        bits.put(u64::from(picture.height) - 1, 14, out);
        bits.put(picture.layout.has_alpha().into(), 1, out);
        // Version 0.
        bits.put(0, 3, out);
        bits.put(1 | SUBTRACT_GREEN << 1, 3, out);
        // One predictor for blocks of 512 x 512 pixels: a picture of predictors that are all the
        // same, and take no bits. No color cache.
        bits.put(1 | PREDICT << 1 | 7 << 3, 6, out);
        bits.put(0, 1, out);
        [ABOVE, 0, 0, 0, 0].iter().for_each(|&symbol| put_simple(symbol, None, bits, out));
        // No more transforms, no color cache, one set of codes.
        bits.put(0, 3, out);

        let counts = &self.counts;
        let code = |counts: &[u32], bits: &mut Bits, out: &mut Vec<u8>| {
            let code = PrefixCode::new(counts);
            code.put(counts, bits, out);
            code
        };
        let green = code(&counts.green, bits, out);
        // Alphabets of which nothing was counted have the symbol 0 alone.
        let red = code(&counts.red, bits, out);
        let blue = code(&counts.blue, bits, out);
        let alpha = code(&counts.alpha, bits, out);
        put_simple(LEFT, None, bits, out);
        self.codes = Some(Box::new(Codes {
            green: std::array::from_fn(|symbol| green.code(symbol)),
            red: std::array::from_fn(|symbol| red.code(symbol)),
            blue: std::array::from_fn(|symbol| blue.code(symbol)),
            alpha: std::array::from_fn(|symbol| alpha.code(symbol)),
        }));
        Ok(())
    }

    fn code_row<const CHANNELS: usize>(
        &mut self,
        row: &[u8],
        sink: &mut Sink,
    ) -> Result<(), Error> {
        let codes = self.codes.as_deref().ok_or(Error::Internal)?;
        for span in self.residuals.of::<CHANNELS>(row).chunks(SPAN * CHANNELS) {
            let out = sink.room(SPAN * MAX_PIXEL)?;
            for pixel in span.as_chunks().0 {
                let pixel = padded::<CHANNELS>(pixel);
                if self.previous == Some(pixel) && self.run < MAX_RUN {
                    self.run += 1;
                    continue;
                }
                codes.put_run(self.run, &mut self.bits, out);
                codes.put_pixel::<CHANNELS>(pixel, &mut self.bits, out);
                (self.previous, self.run) = (Some(pixel), 0);
            }
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let codes = self.codes.as_deref().ok_or(Error::Internal)?;
        let out = sink.room(MAX_PIXEL + 8)?;
        codes.put_run(self.run, &mut self.bits, out);
        self.bits.finish(out);
        let chunk = within_u32(sink.len() - self.chunk_at - CHUNK_HEADER)?;
        if !chunk.is_multiple_of(2) {
            sink.put(&[0])?;
        }
        let file = within_u32(sink.len() + self.after.len() - FILE_SIZE_AT - 4)?;
        sink.patch(self.chunk_at + 4, &chunk.to_le_bytes())?;
        sink.patch(FILE_SIZE_AT, &file.to_le_bytes())
    }
}

/// What comes before the pixels: with attachments, a chunk that says which, and the profile.
fn before(picture: &Picture, attachments: &Attachments) -> Blocks {
    let mut blocks = Blocks::default();
    blocks.push(FILE_HEADER);
    let (icc, exif, xmp) = (attachments.icc(), attachments.exif(), attachments.xmp());
    let flag = |there, flag| if there { flag } else { 0 };
    let attached = flag(icc.is_some(), HAS_PROFILE)
        | flag(exif.is_some(), HAS_EXIF)
        | flag(xmp.is_some(), HAS_XMP);
    if attached != 0 {
        let flags = attached | flag(picture.layout.has_alpha(), HAS_ALPHA);
        // Three bytes each, less one.
        let side = |side: u32| side.saturating_sub(1).to_le_bytes();
        let (width, height) = (side(picture.width), side(picture.height));
        let content = [&[flags, 0, 0, 0], &width[..3], &height[..3]].concat();
        push_chunk(&mut blocks, b"VP8X", &content.into());
    }
    if let Some(icc) = icc {
        push_chunk(&mut blocks, b"ICCP", icc);
    }
    blocks
}

fn after(attachments: &Attachments) -> Blocks {
    let mut blocks = Blocks::default();
    for (kind, content) in [(b"EXIF", attachments.exif()), (b"XMP ", attachments.xmp())] {
        if let Some(content) = content {
            push_chunk(&mut blocks, kind, content);
        }
    }
    blocks
}

fn push_chunk(blocks: &mut Blocks, kind: &[u8; 4], content: &Bytes) {
    blocks.push([&kind[..], &(content.len() as u32).to_le_bytes()].concat());
    blocks.push(content.clone());
    if content.len() % 2 == 1 {
        blocks.push(&b"\0"[..]);
    }
}

/// Pixels that are coded between two looks at the room that is left, and the bytes that one takes
/// at most: up to 60 bits, and before them 25 for a run.
const SPAN: usize = 1024;
const MAX_PIXEL: usize = 16;
const _: () = assert!(SPAN * MAX_PIXEL <= MAX_ROOM);

#[inline]
fn padded<const CHANNELS: usize>(pixel: &[u8; CHANNELS]) -> [u8; 4] {
    let mut padded = [0; 4];
    padded[..CHANNELS].copy_from_slice(pixel);
    padded
}

/// The symbol of a run's length (not 0), and the bits that follow it.
fn run_symbol(run: u32) -> (usize, u64, u32) {
    let less_one = run - 1;
    if less_one < 4 {
        return (256 + less_one as usize, 0, 0);
    }
    let highest = less_one.ilog2();
    let second = less_one >> (highest - 1) & 1;
    let extra_bits = highest - 1;
    let extra = less_one & ((1 << extra_bits) - 1);
    (256 + (2 * highest + second) as usize, extra.into(), extra_bits)
}

impl Counts {
    fn run(&mut self, run: u32) {
        if run > 0 {
            self.green[run_symbol(run).0] += 1;
        }
    }

    #[inline]
    fn pixel<const CHANNELS: usize>(&mut self, pixel: [u8; 4]) {
        let [a, b, c, d] = pixel.map(usize::from);
        if CHANNELS < 3 {
            self.green[a] += 1;
            if CHANNELS == 2 {
                self.alpha[b] += 1;
            }
            return;
        }
        self.red[a] += 1;
        self.green[b] += 1;
        self.blue[c] += 1;
        if CHANNELS == 4 {
            self.alpha[d] += 1;
        }
    }
}

impl Codes {
    #[inline]
    fn put_run(&self, run: u32, bits: &mut Bits, out: &mut Vec<u8>) {
        if run > 0 {
            let (symbol, extra, extra_bits) = run_symbol(run);
            let code = self.green[symbol];
            bits.put(
                u64::from(code.bits) | extra << code.len,
                u32::from(code.len) + extra_bits,
                out,
            );
        }
    }

    #[inline]
    fn put_pixel<const CHANNELS: usize>(&self, pixel: [u8; 4], bits: &mut Bits, out: &mut Vec<u8>) {
        let [a, b, c, d] = pixel.map(usize::from);
        let (mut together, mut len) = (0, 0);
        let mut add = |code: Code| {
            together |= u64::from(code.bits) << len;
            len += u32::from(code.len);
        };
        if CHANNELS < 3 {
            add(self.green[a]);
            if CHANNELS == 2 {
                add(self.alpha[b]);
            }
        } else {
            add(self.green[b]);
            add(self.red[a]);
            add(self.blue[c]);
            if CHANNELS == 4 {
                add(self.alpha[d]);
            }
        }
        bits.put(together, len, out);
    }
}

/// What is left of a row when what is known is subtracted: green from red and blue, and the row
/// above.
struct Residuals {
    current: Vec<u8>,
    above: Vec<u8>,
    residuals: Vec<u8>,
    is_first: bool,
}

impl Residuals {
    fn new(picture: &Picture) -> Result<Self, Error> {
        let len = picture.width as usize * picture.layout.pixel_bytes();
        Ok(Residuals {
            current: zeroed(len)?,
            above: zeroed(len)?,
            residuals: zeroed(len)?,
            is_first: true,
        })
    }

    fn restart(&mut self) {
        self.is_first = true;
    }

    fn of<const CHANNELS: usize>(&mut self, row: &[u8]) -> &[u8] {
        std::mem::swap(&mut self.current, &mut self.above);
        self.current.copy_from_slice(row);
        if CHANNELS > 2 {
            for pixel in self.current.as_chunks_mut::<CHANNELS>().0 {
                pixel[0] = pixel[0].wrapping_sub(pixel[1]);
                pixel[2] = pixel[2].wrapping_sub(pixel[1]);
            }
        }
        if std::mem::take(&mut self.is_first) {
            // Nothing is above: the pixel to the left, and before the first an opaque black.
            self.above[..CHANNELS].fill(0);
            if CHANNELS.is_multiple_of(2) {
                self.above[CHANNELS - 1] = 255;
            }
            let rest = row.len() - CHANNELS;
            self.above[CHANNELS..].copy_from_slice(&self.current[..rest]);
        }
        for (residual, (current, above)) in
            self.residuals.iter_mut().zip(self.current.iter().zip(&self.above))
        {
            *residual = current.wrapping_sub(*above);
        }
        &self.residuals
    }
}

impl Writer for Webp {
    fn next_nanos(&self) -> u64 {
        self.step_nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        if !self.before.step(sink)? {
            return Ok(false);
        }
        if self.written {
            return self.after.step(sink);
        }
        let end = picture.height.min(self.next_row.saturating_add(self.rows_per_step));
        let counts = self.codes.is_none();
        for y in self.next_row..end {
            let row = row(picture, y)?;
            match (counts, self.channels) {
                (true, 1) => self.count_row::<1>(row),
                (true, 2) => self.count_row::<2>(row),
                (true, 3) => self.count_row::<3>(row),
                (true, _) => self.count_row::<4>(row),
                (false, 1) => self.code_row::<1>(row, sink)?,
                (false, 2) => self.code_row::<2>(row, sink)?,
                (false, 3) => self.code_row::<3>(row, sink)?,
                (false, _) => self.code_row::<4>(row, sink)?,
            }
        }
        self.next_row = end;
        if end < picture.height {
            return Ok(false);
        }
        if counts {
            self.begin_codes(picture, sink)?;
            return Ok(false);
        }
        self.finish(sink)?;
        self.written = true;
        Ok(self.after.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the specification, by its other reading: each symbol's first length and extra
    /// bits.
    #[test]
    fn every_run_has_the_symbol_that_covers_it() {
        let mut first = 1;
        let mut covered = 0;
        for symbol in 0..LENGTH_CODES {
            let extra_bits = if symbol < 4 { 0 } else { symbol as u32 / 2 - 1 };
            for extra in 0..1 << extra_bits {
                assert_eq!(run_symbol(first + extra as u32), (256 + symbol, extra, extra_bits));
                covered = first + extra as u32;
            }
            first += 1 << extra_bits;
        }
        assert_eq!(covered, MAX_RUN);
    }
}
