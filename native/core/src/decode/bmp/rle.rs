//! Run lengths: pairs of bytes, a count and what to repeat, or an escape. They fill rows in the
//! order of the file, and what they skip is index 0.

use thumbelina_codec::Input;

use crate::Error;
use crate::picture::zeroed;

/// What is counted: indices of a byte, indices of half a byte, or OS/2's three bytes of blue, green
/// and red.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pixels {
    Bytes,
    Nibbles,
    Triples,
}

pub(super) struct Rle {
    pixels: Pixels,
    width: usize,
    /// The next code's place in the input.
    at: u64,
    /// The row in the making: a byte for each pixel, or three.
    row: Vec<u8>,
    x: usize,
    /// Rows that end before the next code is read.
    ends: u32,
    /// Rows still to be ended, of all.
    rows_left: u32,
    /// Whether the data has come to its end: rows are what they are, or nothing.
    is_over: bool,
}

impl Rle {
    pub(super) fn new(pixels: Pixels, width: u32, height: u32, at: u64) -> Self {
        let row = Vec::new();
        Rle {
            pixels,
            width: width as usize,
            at,
            row,
            x: 0,
            ends: 0,
            rows_left: height,
            is_over: false,
        }
    }

    /// The bytes of a row.
    pub(super) fn row_bytes(&self) -> usize {
        self.width * self.pixel_bytes()
    }

    fn pixel_bytes(&self) -> usize {
        if self.pixels == Pixels::Triples { 3 } else { 1 }
    }

    /// Goes on with the current row until it is complete, and hands it to `take`. `false` if that
    /// takes more than `budget` bytes of input.
    pub(super) fn read_row(
        &mut self,
        input: &mut Input,
        budget: &mut usize,
        truncated: Error,
        take: impl FnOnce(&[u8]),
    ) -> Result<bool, Error> {
        if self.row.is_empty() {
            self.row = zeroed(self.row_bytes())?;
        }
        while !self.is_over && self.ends == 0 {
            // After the last pixel there may be anything.
            if self.rows_left == 1 && self.x == self.width {
                break;
            }
            if *budget == 0 {
                return Ok(false);
            }
            let length = self.code(input.bytes_from(self.at)?).ok_or(truncated)?;
            self.at += length as u64;
            *budget = budget.saturating_sub(length);
        }
        take(&self.row);
        self.row.fill(0);
        self.ends = self.ends.saturating_sub(1);
        self.rows_left = self.rows_left.saturating_sub(1);
        Ok(true)
    }

    /// Obeys the next code, and says how long it is. `None` where the input ends before it does.
    fn code(&mut self, rest: &[u8]) -> Option<usize> {
        let &[count, second] = rest.first_chunk()?;
        let mut length = 2;
        let pixels = self.pixels;
        match (count, second) {
            (0, 0) => {
                self.x = 0;
                self.ends = 1;
            }
            (0, 1) => self.is_over = true,
            (0, 2) => {
                let &[_, _, right, down] = rest.first_chunk()?;
                length = 4;
                self.x = self.width.min(self.x + usize::from(right));
                self.ends = down.into();
            }
            (0, count) => {
                let bytes = match pixels {
                    Pixels::Bytes => usize::from(count),
                    Pixels::Nibbles => usize::from(count).div_ceil(2),
                    Pixels::Triples => usize::from(count) * 3,
                };
                let stored = rest.get(2..2 + bytes)?;
                // Codes begin at even places.
                length = 2 + bytes.next_multiple_of(2);
                let out = self.room(count);
                match pixels {
                    Pixels::Nibbles => {
                        for (out, &byte) in out.chunks_mut(2).zip(stored) {
                            alternate(out, byte);
                        }
                    }
                    Pixels::Bytes | Pixels::Triples => out.copy_from_slice(&stored[..out.len()]),
                }
            }
            (count, byte) => match pixels {
                Pixels::Bytes => self.room(count).fill(byte),
                Pixels::Nibbles => alternate(self.room(count), byte),
                Pixels::Triples => {
                    let &[_, b, g, r] = rest.first_chunk()?;
                    length = 4;
                    self.room(count).as_chunks_mut().0.fill([b, g, r]);
                }
            },
        }
        Some(length)
    }

    /// The place of the next `count` pixels, or of as many as the row has room for: a run that goes
    /// past its end is cut off there.
    fn room(&mut self, count: u8) -> &mut [u8] {
        let bytes = self.pixel_bytes();
        let from = self.x;
        self.x = self.width.min(from + usize::from(count));
        &mut self.row[from * bytes..self.x * bytes]
    }
}

/// The two halves of a byte by turns.
fn alternate(out: &mut [u8], byte: u8) {
    for pair in out.chunks_mut(2) {
        for (out, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *out = half;
        }
    }
}
