//! QOI, a format of one-byte operations, decoded as the rows are asked for.
//! Specification: <https://qoiformat.org/qoi-specification.pdf>.

use bytes::Bytes;
use rayon::ThreadPool;

use super::{Position, Read, RowSource};
use crate::pixels::{Rows, zeroed};
use crate::{Depth, Error, Format, Header, Layout};

const HEADER_BYTES: usize = 14;

pub(super) struct Qoi {
    input: Bytes,
    header: Header,
    position: Position,
    at: usize,
    run: u32,
    pixel: [u8; 4],
    seen: [[u8; 4]; 64],
    strip: Vec<u8>,
}

impl Qoi {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let Some(&[_, _, _, _, w1, w2, w3, w4, h1, h2, h3, h4, channels, color_space]) =
            input.first_chunk::<HEADER_BYTES>()
        else {
            return Err(Error::Truncated(Format::Qoi));
        };
        if !matches!(channels, 3 | 4) || color_space > 1 {
            return Err(Error::Invalid(Format::Qoi));
        }
        let (width, height) = (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
        let header = Header::new(Format::Qoi, width, height, Layout::new(channels, Depth::U8));
        Ok(Qoi {
            input,
            header,
            position: Position::start(header.height),
            at: HEADER_BYTES,
            run: 0,
            pixel: [0, 0, 0, 255],
            seen: [[0; 4]; 64],
            strip: Vec::new(),
        })
    }

    fn next_pixel(&mut self) -> Result<[u8; 4], Error> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(self.pixel);
        }
        let rest = self.input.get(self.at..).unwrap_or_default();
        let truncated = Error::Truncated(Format::Qoi);
        let &op = rest.first().ok_or(truncated)?;
        let [r, g, b, a] = self.pixel;
        let mut length = 1;
        self.pixel = match op {
            0xFE => {
                let &[_, r, g, b] = rest.first_chunk().ok_or(truncated)?;
                length = 4;
                [r, g, b, a]
            }
            0xFF => {
                let &[_, r, g, b, a] = rest.first_chunk().ok_or(truncated)?;
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
                let &[_, luma] = rest.first_chunk().ok_or(truncated)?;
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
        self.at += length;
        let [r, g, b, a] = self.pixel.map(usize::from);
        self.seen[(r * 3 + g * 5 + b * 7 + a * 11) % 64] = self.pixel;
        Ok(self.pixel)
    }
}

impl RowSource for Qoi {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        self.header.decode_nanos / u64::from(self.header.height)
    }

    // A strip is the caller's measure.
    fn memory(&self) -> u64 {
        0
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let strip = self.position.strip(max_rows);
        self.position.next = strip.end;
        let channels = usize::from(self.header.layout.channels);
        let len = strip.len() * self.header.width as usize * channels;
        let mut out = std::mem::take(&mut self.strip);
        if out.len() < len {
            out = zeroed(len)?;
        }
        for pixel in out[..len].chunks_exact_mut(channels) {
            pixel.copy_from_slice(&self.next_pixel()?[..channels]);
        }
        self.strip = out;
        Ok(Read::Rows(Rows::U8(&self.strip[..len])))
    }
}
