//! The first picture of a DirectDraw Surface, in blocks of BC1, BC2 or BC3, also known as DXT1,
//! DXT3 and DXT5. A row of blocks is decoded at a time. Specifications: Microsoft's "Programming
//! Guide for DDS" and Khronos' S3TC.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource};
use super::strip::Strip;
use crate::picture::Rows;
use crate::{Depth, Error, Format, Info, Layout};

const INVALID: Error = Error::invalid(Format::Dds);
const TRUNCATED: Error = Error::truncated(Format::Dds);
const UNSUPPORTED: Error = Error::Unsupported(Format::Dds);

/// Pixels on each side of a block.
const SIDE: usize = 4;

/// With the signature, without the extension.
const HEADER_BYTES: usize = 128;
const EXTENSION_BYTES: usize = 20;

pub(super) struct Dds {
    input: Bytes,
    info: Info,
    coding: Coding,
    position: Position,
    at: usize,
    strip: Strip,
    /// The rows in the strip that were not handed over yet.
    left: std::ops::Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Four colors, or three and clear black.
    Bc1,
    /// Four colors, and alpha of four bits each.
    Bc2,
    /// Four colors, and eight alphas.
    Bc3,
}

impl Coding {
    fn block_bytes(self) -> usize {
        if self == Coding::Bc1 { 8 } else { 16 }
    }
}

impl Dds {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let mut at = HEADER_BYTES;
        if input.len() < at {
            return Err(TRUNCATED);
        }
        let field = |at: usize| le32(&input, at);
        // The sizes of the header and of its pixel format.
        if field(4)? != 124 || field(76)? != 32 {
            return Err(INVALID);
        }
        // Without height, width and pixel format there is nothing to read.
        if field(8)? & 0x1006 != 0x1006 {
            return Err(INVALID);
        }
        const FOUR_CC: u32 = 4;
        if field(80)? & FOUR_CC == 0 {
            return Err(UNSUPPORTED);
        }
        let coding = match &field(84)?.to_le_bytes() {
            b"DXT1" => Coding::Bc1,
            b"DXT3" => Coding::Bc2,
            b"DXT5" => Coding::Bc3,
            b"DX10" => {
                at += EXTENSION_BYTES;
                extended_coding(&input)?
            }
            _ => return Err(UNSUPPORTED),
        };
        let (height, width) = (field(12)?, field(16)?);
        let info = Info::new(Format::Dds, width, height, Layout::new(4, Depth::U8));
        let mut strip = Strip::new(&info)?;
        strip.hold_whole(SIDE);
        Ok(Dds { input, info, coding, position: Position::start(height), at, strip, left: 0..0 })
    }

    /// Decodes rows of blocks, each of them into four rows of pixels.
    fn decode(&mut self, block_rows: usize) -> Result<(), Error> {
        let block_bytes = self.coding.block_bytes();
        let row_bytes = self.info.row_bytes();
        let stored_bytes = (self.info.width as usize).div_ceil(SIDE) * block_bytes;
        let rows = self.strip.room(block_rows * SIDE)?;
        for rows in rows.chunks_exact_mut(row_bytes * SIDE) {
            let end = self.at.checked_add(stored_bytes).ok_or(TRUNCATED)?;
            let stored = self.input.get(self.at..end).ok_or(TRUNCATED)?;
            self.at = end;
            for (n, block) in stored.chunks_exact(block_bytes).enumerate() {
                let pixels = decode_block(self.coding, block);
                for (row, pixels) in
                    rows.chunks_exact_mut(row_bytes).zip(pixels.as_chunks::<SIDE>().0)
                {
                    // The last block may reach past the picture.
                    let out = row.as_chunks_mut::<4>().0.get_mut(n * SIDE..).unwrap_or_default();
                    for (out, pixel) in out.iter_mut().zip(pixels) {
                        *out = *pixel;
                    }
                }
            }
        }
        Ok(())
    }
}

impl RowSource for Dds {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        let row = self.info.row_nanos();
        if self.left.is_empty() { row * SIDE as u64 } else { 0 }
    }

    fn memory(&self) -> u64 {
        self.strip.memory()
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.left.is_empty() {
            let rows = self.position.strip(self.strip.fit(max_rows)).len();
            let block_rows = (rows / SIDE).max(1);
            self.decode(block_rows)?;
            let rest = self.info.height - self.position.next;
            self.left = 0..(block_rows * SIDE).min(rest as usize);
        }
        let first = self.left.start;
        let rows = self.left.len().min(max_rows.max(1) as usize);
        self.left.start += rows;
        self.position.next += rows as u32;
        Ok(Poll::Ready(self.strip.part(first, rows)))
    }
}

fn le32(input: &[u8], at: usize) -> Result<u32, Error> {
    let field = input.get(at..).and_then(<[u8]>::first_chunk).ok_or(TRUNCATED)?;
    Ok(u32::from_le_bytes(*field))
}

/// What the extension of `DX10` says, which numbers far more kinds. The rest of it some writers
/// leave empty.
fn extended_coding(input: &[u8]) -> Result<Coding, Error> {
    if input.len() < HEADER_BYTES + EXTENSION_BYTES {
        return Err(TRUNCATED);
    }
    match le32(input, HEADER_BYTES)? {
        70..=72 => Ok(Coding::Bc1),
        73..=75 => Ok(Coding::Bc2),
        76..=78 => Ok(Coding::Bc3),
        _ => Err(UNSUPPORTED),
    }
}

/// The sixteen pixels of a block, row after row. Of one that is too short, none.
fn decode_block(coding: Coding, block: &[u8]) -> [[u8; 4]; SIDE * SIDE] {
    let mut pixels = [[0; 4]; SIDE * SIDE];
    let Some((colors, alphas)) =
        block.split_last_chunk::<8>().map(|(alphas, colors)| (colors, alphas))
    else {
        return pixels;
    };
    let [a1, a2, b1, b2, n1, n2, n3, n4] = *colors;
    let palette = palette(u16::from_le_bytes([a1, a2]), u16::from_le_bytes([b1, b2]), coding);
    let mut numbers = u32::from_le_bytes([n1, n2, n3, n4]);
    for pixel in &mut pixels {
        *pixel = palette[(numbers & 3) as usize];
        numbers >>= 2;
    }
    let Some(&alphas) = alphas.first_chunk() else { return pixels };
    if coding == Coding::Bc2 {
        let mut bits = u64::from_le_bytes(alphas);
        for pixel in &mut pixels {
            pixel[3] = (bits & 15) as u8 * 17;
            bits >>= 4;
        }
    } else {
        let steps = alpha_steps(alphas[0], alphas[1]);
        let mut numbers = u64::from_le_bytes(alphas) >> 16;
        for pixel in &mut pixels {
            pixel[3] = steps[(numbers & 7) as usize];
            numbers >>= 3;
        }
    }
    pixels
}

/// The two colors of a block, and two between them; or one, and clear black, which only BC1 has.
fn palette(a: u16, b: u16, coding: Coding) -> [[u8; 4]; 4] {
    let (first, last) = (color(a), color(b));
    let mix = |of_first: u16, of_last: u16| {
        let parts = of_first + of_last;
        let mut mixed = [255; 4];
        for ((out, &first), &last) in mixed.iter_mut().zip(&first).zip(&last).take(3) {
            *out = ((u16::from(first) * of_first + u16::from(last) * of_last + parts / 2) / parts)
                as u8;
        }
        mixed
    };
    if a > b || coding != Coding::Bc1 {
        [first, last, mix(2, 1), mix(1, 2)]
    } else {
        [first, last, mix(1, 1), [0; 4]]
    }
}

/// Five bits of red, six of green, five of blue.
fn color(bits: u16) -> [u8; 4] {
    let five = |bits: u16| ((bits & 31) * 255 / 31) as u8;
    [five(bits >> 11), ((bits >> 5 & 63) * 255 / 63) as u8, five(bits), 255]
}

/// The two alphas of a block, and six between them; or four, and the extremes.
fn alpha_steps(a: u8, b: u8) -> [u8; 8] {
    let mut steps = [a, b, 0, 0, 0, 0, 0, 255];
    let parts = if a > b { 7 } else { 5 };
    for (n, step) in (1..parts).zip(steps.iter_mut().skip(2)) {
        *step = ((u16::from(a) * (parts - n) + u16::from(b) * n) / parts) as u8;
    }
    steps
}
