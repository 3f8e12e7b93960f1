//! PIZ: values that are numbered by a bitmap of those that occur, a wavelet transform, and a
//! Huffman code.

use super::header::{INVALID, Kind};
use super::huffman::Huffman;
use crate::Error;
use crate::picture::zeroed;

/// The bitmap of all values of 16 bits.
const BITMAP: usize = 8192;

/// A decoder, whose memory is used again for the next chunk.
pub(super) struct Piz {
    huffman: Huffman,
    values: Vec<u16>,
    /// The value of each number; zero beyond `used`.
    table: Vec<u16>,
    used: usize,
}

impl Piz {
    /// What it holds at most, for chunks of so many bytes.
    pub(super) fn memory(chunk: u64) -> u64 {
        Huffman::BYTES + (2 << 16) + chunk
    }

    pub(super) fn new(chunk: usize) -> Result<Self, Error> {
        Ok(Piz {
            huffman: Huffman::new()?,
            values: zeroed(chunk / 2)?,
            table: zeroed(1 << 16)?,
            used: 0,
        })
    }

    /// Decodes a chunk of `width` pixels a line, and fills `out` with it.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        kinds: &[Kind],
        width: usize,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let rest = self.read_bitmap(input)?;
        let (length, rest) = rest.split_first_chunk().ok_or(INVALID)?;
        let packed = rest.get(..u32::from_le_bytes(*length) as usize).ok_or(INVALID)?;
        let values = self.values.get_mut(..out.len() / 2).ok_or(Error::Internal)?;
        self.huffman.decode(packed, values)?;

        let pixel_bytes: usize = kinds.iter().map(|kind| kind.bytes()).sum();
        let height = out.len() / (width * pixel_bytes);
        let is_wide = self.used > 1 << 14;
        let mut rest = &mut values[..];
        for kind in kinds {
            // A sample of 32 bits is two values side by side.
            let step = kind.bytes() / 2;
            let (channel, others) = rest.split_at_mut(width * height * step);
            for half in 0..step {
                let samples = &mut channel[half..];
                if is_wide {
                    restore::<true>(samples, step, width, height);
                } else {
                    restore::<false>(samples, step, width, height);
                }
            }
            rest = others;
        }
        self.arrange(kinds, width, height, out);
        Ok(())
    }

    /// Reads which values occur, and answers what comes next.
    fn read_bitmap<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], Error> {
        let (&[a, b, c, d], rest) = input.split_first_chunk().ok_or(INVALID)?;
        let first = usize::from(u16::from_le_bytes([a, b]));
        let last = usize::from(u16::from_le_bytes([c, d]));
        if first.max(last) >= BITMAP {
            return Err(INVALID);
        }
        let len = (last + 1).saturating_sub(first);
        let (bitmap, rest) = rest.split_at_checked(len).ok_or(INVALID)?;
        let before = std::mem::replace(&mut self.used, 1);
        // Zero always occurs, whatever its bit says.
        for (byte, &bits) in (first..).zip(bitmap) {
            let mut bits = if byte == 0 { bits & !1 } else { bits };
            while bits != 0 {
                self.table[self.used] = (byte * 8) as u16 + bits.trailing_zeros() as u16;
                self.used += 1;
                bits &= bits - 1;
            }
        }
        if self.used < before {
            self.table[self.used..before].fill(0);
        }
        Ok(rest)
    }

    /// From planes of numbers to lines of values, in which the channels follow one another.
    fn arrange(&self, kinds: &[Kind], width: usize, height: usize, out: &mut [u8]) {
        let mut lines = out.chunks_exact_mut(2);
        for y in 0..height {
            let mut plane = 0;
            for kind in kinds {
                let line = width * (kind.bytes() / 2);
                let numbers = &self.values[plane + y * line..plane + (y + 1) * line];
                for (&number, out) in numbers.iter().zip(&mut lines) {
                    out.copy_from_slice(&self.table[usize::from(number)].to_le_bytes());
                }
                plane += height * line;
            }
        }
    }
}

/// Undoes the wavelet transform of `width` by `height` samples that stand `step` apart, from the
/// coarsest level to the finest. `WIDE` for samples of more than 14 bits.
fn restore<const WIDE: bool>(samples: &mut [u16], step: usize, width: usize, height: usize) {
    let line = width * step;
    let mut size = 1 << width.min(height).max(1).ilog2();
    while size > 1 {
        let half = size / 2;
        let (right, below) = (half * step, half * line);
        let has_column = width & half != 0;
        for y in (0..=height - size).step_by(size) {
            let from = y * line;
            for x in (0..=width - size).step_by(size) {
                let at = from + x * step;
                let (a, b) = join::<WIDE>(samples[at], samples[at + below]);
                let (c, d) = join::<WIDE>(samples[at + right], samples[at + right + below]);
                (samples[at], samples[at + right]) = join::<WIDE>(a, c);
                (samples[at + below], samples[at + right + below]) = join::<WIDE>(b, d);
            }
            if has_column {
                let at = from + width / size * size * step;
                (samples[at], samples[at + below]) = join::<WIDE>(samples[at], samples[at + below]);
            }
        }
        if height & half != 0 {
            let from = height / size * size * line;
            for x in (0..=width - size).step_by(size) {
                let at = from + x * step;
                (samples[at], samples[at + right]) = join::<WIDE>(samples[at], samples[at + right]);
            }
        }
        size = half;
    }
}

/// Two samples from their mean and their difference.
#[inline]
fn join<const WIDE: bool>(mean: u16, difference: u16) -> (u16, u16) {
    if WIDE {
        let second = mean.wrapping_sub(difference >> 1);
        (difference.wrapping_add(second).wrapping_sub(1 << 15), second)
    } else {
        let difference = i32::from(difference as i16);
        let first = i32::from(mean as i16) + (difference & 1) + (difference >> 1);
        (first as u16, (first - difference) as u16)
    }
}
