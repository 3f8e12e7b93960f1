//! QOI, a format of one-byte operations, decoded as the rows are asked for.
//! Specification: <https://qoiformat.org/qoi-specification.pdf>.

use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource};
use crate::picture::{Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout};

const TRUNCATED: Error = Error::truncated(Format::Qoi);

const HEADER_BYTES: usize = 14;

pub(super) struct Qoi {
    info: Info,
    position: Position,
    /// Where the next operation begins.
    at: u64,
    run: u32,
    pixel: [u8; 4],
    seen: [[u8; 4]; 64],
    /// The rows in the making, how many these are, and how many samples are there.
    strip: Vec<u8>,
    rows: usize,
    filled: usize,
}

impl Qoi {
    pub(super) fn open(input: &[u8]) -> Result<Self, Error> {
        let &[_, _, _, _, w1, w2, w3, w4, h1, h2, h3, h4, channels, color_space] =
            input.first_chunk::<HEADER_BYTES>().ok_or(TRUNCATED)?;
        if !matches!(channels, 3 | 4) || color_space > 1 {
            return Err(Error::invalid(Format::Qoi));
        }
        let (width, height) =
            (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
        let info = Info::new(Format::Qoi, width, height, Layout::new(channels, Depth::U8));
        Ok(Qoi {
            info,
            position: Position::start(height),
            at: HEADER_BYTES as u64,
            run: 0,
            pixel: [0, 0, 0, 255],
            seen: [[0; 4]; 64],
            strip: Vec::new(),
            rows: 0,
            filled: 0,
        })
    }

    /// The next pixel, and how many bytes it takes of these. `None` where they end before.
    fn next_pixel(&mut self, rest: &[u8]) -> Option<usize> {
        if self.run > 0 {
            self.run -= 1;
            return Some(0);
        }
        let &op = rest.first()?;
        let [r, g, b, a] = self.pixel;
        let mut length = 1;
        self.pixel = match op {
            0xFE => {
                let &[_, r, g, b] = rest.first_chunk()?;
                length = 4;
                [r, g, b, a]
            }
            0xFF => {
                let &[_, r, g, b, a] = rest.first_chunk()?;
                length = 5;
                [r, g, b, a]
            }
            0x00..=0x3F => self.seen[usize::from(op)],
            0x40..=0x7F => {
                let difference = |shift: u8| ((op >> shift) & 3).wrapping_sub(2);
                [
                    r.wrapping_add(difference(4)),
                    g.wrapping_add(difference(2)),
                    b.wrapping_add(difference(0)),
                    a,
                ]
            }
            0x80..=0xBF => {
                let &[_, luma] = rest.first_chunk()?;
                length = 2;
                let green = (op & 0x3F).wrapping_sub(32);
                [
                    r.wrapping_add(green).wrapping_add((luma >> 4).wrapping_sub(8)),
                    g.wrapping_add(green),
                    b.wrapping_add(green).wrapping_add((luma & 15).wrapping_sub(8)),
                    a,
                ]
            }
            0xC0..=0xFD => {
                self.run = u32::from(op & 0x3F);
                self.pixel
            }
        };
        let [r, g, b, a] = self.pixel.map(usize::from);
        self.seen[(r * 3 + g * 5 + b * 7 + a * 11) % 64] = self.pixel;
        Some(length)
    }

    /// Goes on with the rows in the making.
    fn fill(&mut self, input: &mut Input, len: usize) -> Result<(), Error> {
        let channels = usize::from(self.info.layout.channels);
        let bytes = input.bytes_from(self.at)?;
        let mut strip = std::mem::take(&mut self.strip);
        let mut used = 0;
        for pixel in strip[self.filled..len].chunks_exact_mut(channels) {
            let Some(length) = self.next_pixel(&bytes[used..]) else { break };
            used += length;
            pixel.copy_from_slice(&self.pixel[..channels]);
            self.filled += channels;
        }
        self.strip = strip;
        self.at += used as u64;
        if self.filled == len { Ok(()) } else { Err(TRUNCATED) }
    }
}

impl RowSource for Qoi {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let row = self.info.row_bytes();
        if self.rows == 0 {
            self.rows = self.position.strip(max_rows).len();
            if self.strip.len() < self.rows * row {
                self.strip = zeroed(self.rows * row)?;
            }
        }
        let len = self.rows * row;
        self.fill(input, len)?;
        self.position.next += self.rows as u32;
        (self.rows, self.filled) = (0, 0);
        Ok(Poll::Ready(Rows::U8(&self.strip[..len])))
    }
}
