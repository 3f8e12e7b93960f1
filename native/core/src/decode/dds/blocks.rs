//! Blocks of four by four pixels. A row of blocks is decoded at a time. BC1, BC2 and BC3 are also
//! known as DXT1, DXT3 and DXT5. Specification: Khronos' S3TC; what is newer, `bcdec_rs` decodes.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use super::super::half::widen;
use super::super::source::{Position, RowSource};
use super::super::strip::Strip;
use super::TRUNCATED;
use crate::picture::Rows;
use crate::{Depth, Error, Info, Layout};

/// Pixels on each side of a block.
const SIDE: usize = 4;

/// A pixel of BC6H or BC7, whose blocks have many modes.
const MODES_NANOS_PER_PIXEL: u64 = 25;

/// The most that a block's samples take: three floats a pixel.
const MOST_BYTES: usize = SIDE * SIDE * 12;

pub(super) struct Blocks {
    input: Bytes,
    info: Info,
    coding: BlockCoding,
    position: Position,
    at: usize,
    strip: Strip,
    /// The rows in the strip that were not handed over yet.
    left: std::ops::Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockCoding {
    /// Four colors, or three and clear black.
    Bc1,
    /// Four colors, and alpha of four bits each.
    Bc2,
    /// Four colors, and eight alphas.
    Bc3,
    /// Eight grays.
    Bc4 {
        signed: bool,
    },
    /// The same for red and for green.
    Bc5 {
        signed: bool,
    },
    /// Floats of red, green and blue.
    Bc6h {
        signed: bool,
    },
    Bc7,
}

impl BlockCoding {
    fn block_bytes(self) -> usize {
        match self {
            BlockCoding::Bc1 | BlockCoding::Bc4 { .. } => 8,
            _ => 16,
        }
    }

    pub(super) fn layout(self) -> Layout {
        match self {
            BlockCoding::Bc4 { .. } => Layout::new(1, Depth::U8),
            BlockCoding::Bc5 { .. } => Layout::new(3, Depth::U8),
            BlockCoding::Bc6h { .. } => Layout::new(3, Depth::F32),
            _ => Layout::new(4, Depth::U8),
        }
    }

    /// The pixels of a block as samples, row after row.
    fn decode(self, block: &[u8], out: &mut [u8; MOST_BYTES]) {
        match self {
            BlockCoding::Bc1 | BlockCoding::Bc2 | BlockCoding::Bc3 => {
                let pixels = decode_block(self, block);
                for (out, pixel) in out.as_chunks_mut().0.iter_mut().zip(pixels) {
                    *out = pixel;
                }
            }
            BlockCoding::Bc4 { signed } => {
                for (out, gray) in out.iter_mut().zip(steps(block, signed)) {
                    *out = gray;
                }
            }
            BlockCoding::Bc5 { signed } => {
                let (red, green) = block.split_at_checked(8).unwrap_or_default();
                // Of a signed picture, 0 lies in the middle.
                let blue = if signed { 128 } else { 0 };
                let pixels = steps(red, signed).zip(steps(green, signed));
                for (out, (red, green)) in out.as_chunks_mut().0.iter_mut().zip(pixels) {
                    *out = [red, green, blue];
                }
            }
            BlockCoding::Bc6h { signed } => {
                let mut halves = [0; SIDE * SIDE * 3];
                bcdec_rs::bc6h_half(block, &mut halves, SIDE * 3, signed);
                for (out, half) in out.as_chunks_mut().0.iter_mut().zip(halves) {
                    *out = widen(half).to_ne_bytes();
                }
            }
            BlockCoding::Bc7 => bcdec_rs::bc7(block, out, SIDE * 4),
        }
    }
}

impl Blocks {
    /// Of blocks that begin at `at`.
    pub(super) fn new(
        input: Bytes,
        mut info: Info,
        coding: BlockCoding,
        at: usize,
    ) -> Result<Self, Error> {
        if matches!(coding, BlockCoding::Bc6h { .. } | BlockCoding::Bc7) {
            info.nanos.all = info.pixels().saturating_mul(MODES_NANOS_PER_PIXEL);
        }
        let mut strip = Strip::new(&info)?;
        strip.hold_whole(SIDE);
        let position = Position::start(info.height);
        Ok(Blocks { input, info, coding, position, at, strip, left: 0..0 })
    }

    /// Decodes rows of blocks, each of them into four rows of pixels, and says how many there were
    /// before the end of the file.
    fn decode(&mut self, block_rows: usize) -> Result<usize, Error> {
        let block_bytes = self.coding.block_bytes();
        let row_bytes = self.info.row_bytes();
        let piece_bytes = SIDE * self.info.layout.pixel_bytes();
        let stored_bytes = (self.info.width as usize).div_ceil(SIDE) * block_bytes;
        let rows = self.strip.room(block_rows * SIDE)?;
        let mut samples = [0; MOST_BYTES];
        let mut decoded = 0;
        for rows in rows.chunks_exact_mut(row_bytes * SIDE) {
            let end = self.at.checked_add(stored_bytes).ok_or(TRUNCATED)?;
            let Some(stored) = self.input.get(self.at..end) else { break };
            self.at = end;
            decoded += 1;
            for (n, block) in stored.chunks_exact(block_bytes).enumerate() {
                self.coding.decode(block, &mut samples);
                for (row, piece) in
                    rows.chunks_exact_mut(row_bytes).zip(samples.chunks_exact(piece_bytes))
                {
                    // The last block may reach past the picture.
                    let out = row.get_mut(n * piece_bytes..).unwrap_or_default();
                    let len = out.len().min(piece_bytes);
                    out[..len].copy_from_slice(&piece[..len]);
                }
            }
        }
        if decoded == 0 { Err(TRUNCATED) } else { Ok(decoded) }
    }
}

impl RowSource for Blocks {
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
            let block_rows = self.decode((rows / SIDE).max(1))?;
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

/// The sixteen pixels of a block, row after row. Of one that is too short, none.
fn decode_block(coding: BlockCoding, block: &[u8]) -> [[u8; 4]; SIDE * SIDE] {
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
    if coding == BlockCoding::Bc2 {
        let mut bits = u64::from_le_bytes(alphas);
        for pixel in &mut pixels {
            pixel[3] = (bits & 15) as u8 * 17;
            bits >>= 4;
        }
    } else {
        for (pixel, alpha) in pixels.iter_mut().zip(steps(&alphas, false)) {
            pixel[3] = alpha;
        }
    }
    pixels
}

/// The two colors of a block, and two between them; or one, and clear black, which only BC1 has.
fn palette(a: u16, b: u16, coding: BlockCoding) -> [[u8; 4]; 4] {
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
    if a > b || coding != BlockCoding::Bc1 {
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

/// The sixteen samples of eight bytes: two, and for each the number of one between them.
fn steps(block: &[u8], signed: bool) -> impl Iterator<Item = u8> {
    let &[a, b, ..] = block.first_chunk::<8>().unwrap_or(&[0; 8]);
    // From -128 to 127, of which 0 is shown as 128.
    let [a, b] = if signed { [a ^ 0x80, b ^ 0x80] } else { [a, b] };
    let steps = alpha_steps(a, b);
    let numbers = block.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes) >> 16);
    (0..SIDE * SIDE).map(move |n| steps[(numbers >> (3 * n) & 7) as usize])
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
