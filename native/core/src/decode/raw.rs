//! BMP whose rows lie in the file as they are: with 24 or 32 bits or a palette of 8. `image` reads the
//! header; what has another inside than these is left to it whole.

use bytes::Bytes;
use rayon::ThreadPool;

use super::whole::Whole;
use super::{Position, Read, RowSource};
use crate::pixels::zeroed;
use crate::{Depth, Error, Format, Header, Samples, cost};

pub(super) fn open(input: Bytes) -> Result<Box<dyn RowSource>, Error> {
    let whole = Whole::open(Format::Bmp, input.clone())?;
    let mut header = Header { by_rows: true, ..whole.header() };
    header.decode_nanos = cost::decode_nanos(&header);
    Ok(match bmp(&input, &header) {
        Some(stored) => Box::new(Raw {
            input,
            header,
            stored,
            position: Position::start(header.height),
            strip: Samples::zeroed(header.layout.depth, 0)?,
        }),
        None => Box::new(whole),
    })
}

struct Raw {
    input: Bytes,
    header: Header,
    stored: Stored,
    position: Position,
    strip: Samples,
}

/// How the rows lie in the file.
struct Stored {
    offset: usize,
    /// Bytes from one row to the next.
    stride: usize,
    bottom_up: bool,
    unpack: Unpack,
}

/// How bytes become samples.
enum Unpack {
    Bgr,
    /// The fourth byte means nothing.
    Bgrx,
    Palette(Box<[[u8; 3]; 256]>),
}

impl Unpack {
    fn bytes_per_pixel(&self, header: &Header) -> usize {
        match self {
            Unpack::Palette(_) => 1,
            Unpack::Bgrx => 4,
            _ => header.layout.pixel_bytes(),
        }
    }
}

impl RowSource for Raw {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        self.header.decode_nanos / u64::from(self.header.height)
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let strip = self.position.strip(max_rows);
        self.position.next = strip.end;
        let Header { format, width, height, layout, .. } = self.header;
        let row = width as usize * usize::from(layout.channels);
        let len = strip.len() * row;
        if self.strip.bytes().len() < len * layout.depth.bytes() {
            self.strip = match layout.depth {
                Depth::U8 => Samples::U8(zeroed(len)?),
                Depth::U16 => Samples::U16(zeroed(len)?),
                Depth::F32 => return Err(Error::Internal),
            };
        }
        let Stored { offset, stride, bottom_up, ref unpack } = self.stored;
        let stored_bytes = width as usize * unpack.bytes_per_pixel(&self.header);
        let out = self.strip.bytes_mut().chunks_exact_mut(row * layout.depth.bytes());
        for (y, out) in strip.zip(out) {
            let y = if bottom_up { height - 1 - y } else { y };
            let start = offset + y as usize * stride;
            let stored = self.input.get(start..start + stored_bytes).ok_or(Error::Truncated(format))?;
            match unpack {
                Unpack::Bgr => {
                    for (out, &[b, g, r]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                        *out = [r, g, b];
                    }
                }
                Unpack::Bgrx => {
                    for (out, &[b, g, r, _]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                        *out = [r, g, b];
                    }
                }
                Unpack::Palette(palette) => {
                    for (out, &index) in out.as_chunks_mut().0.iter_mut().zip(stored) {
                        *out = palette[usize::from(index)];
                    }
                }
            }
        }
        Ok(Read::Rows(self.strip.rows().slice(0..len)))
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// BITMAPINFOHEADER and its successors, uncompressed.
fn bmp(input: &[u8], header: &Header) -> Option<Stored> {
    let info_bytes = le32(input, 14)?;
    let uncompressed = info_bytes >= 40 && le32(input, 30)? == 0;
    let bits = le32(input, 26)? >> 16;
    if !uncompressed || header.layout.channels != 3 {
        return None;
    }
    let unpack = match bits {
        24 => Unpack::Bgr,
        32 => Unpack::Bgrx,
        8 => {
            let colours = match le32(input, 46)? {
                0 => 256,
                used => used.min(256) as usize,
            };
            let stored = input.get(14 + info_bytes as usize..)?.get(..4 * colours)?;
            let mut palette = Box::new([[0; 3]; 256]);
            for (entry, &[b, g, r, _]) in palette.iter_mut().zip(stored.as_chunks().0) {
                *entry = [r, g, b];
            }
            Unpack::Palette(palette)
        }
        _ => return None,
    };
    let stride = (header.width as usize * unpack.bytes_per_pixel(header)).next_multiple_of(4);
    // A negative height says that the first row in the file is the top one.
    let bottom_up = le32(input, 22)?.cast_signed() > 0;
    Some(Stored { offset: le32(input, 10)? as usize, stride, bottom_up, unpack })
}
