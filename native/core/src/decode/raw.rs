//! Formats whose rows lie in the file as they are: PNM's binary maps, TGA without run lengths,
//! farbfeld. `image` reads the header of every one; what has another inside than these is left to
//! it whole.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::pnm::{PnmDecoder, PnmSubtype, SampleEncoding};
use rayon::ThreadPool;

use super::whole::Whole;
use super::{Position, Read, RowSource};
use crate::pixels::zeroed;
use crate::{Depth, Error, Format, Header, Samples, cost};

pub(super) fn open(format: Format, input: Bytes) -> Result<Box<dyn RowSource>, Error> {
    let whole = Whole::open(format, input.clone())?;
    let mut header = Header { by_rows: true, ..whole.header() };
    header.decode_nanos = cost::decode_nanos(&header);
    let rows = match format {
        Format::Pnm => pnm(&input, &header),
        Format::Tga => tga(&input, &header),
        Format::Farbfeld => Some(Stored {
            offset: 16,
            stride: header.width as usize * 8,
            bottom_up: false,
            unpack: Unpack::Be16,
        }),
        _ => None,
    };
    Ok(match rows {
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
    Copy,
    Bgr,
    Bgra,
    Be16,
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
        let stored_bytes = self.header.row_bytes();
        let out = self.strip.bytes_mut().chunks_exact_mut(row * layout.depth.bytes());
        for (y, out) in strip.zip(out) {
            let y = if bottom_up { height - 1 - y } else { y };
            let start = offset + y as usize * stride;
            let stored = self.input.get(start..start + stored_bytes).ok_or(Error::Truncated(format))?;
            match unpack {
                Unpack::Copy => out.copy_from_slice(stored),
                Unpack::Bgr => {
                    for (out, &[b, g, r]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                        *out = [r, g, b];
                    }
                }
                Unpack::Bgra => {
                    for (out, &[b, g, r, a]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                        *out = [r, g, b, a];
                    }
                }
                Unpack::Be16 => {
                    for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                        *out = u16::from_be_bytes(sample).to_ne_bytes();
                    }
                }
            }
        }
        Ok(Read::Rows(self.strip.rows().slice(0..len)))
    }
}

/// Binary grey and colour maps with samples of exactly 8 or 16 bits.
fn pnm(input: &Bytes, header: &Header) -> Option<Stored> {
    let (reader, pnm) = PnmDecoder::new(Cursor::new(input.clone())).ok()?.into_inner();
    if !matches!(
        pnm.subtype(),
        PnmSubtype::Graymap(SampleEncoding::Binary) | PnmSubtype::Pixmap(SampleEncoding::Binary)
    ) {
        return None;
    }
    let unpack = match (header.layout.depth, pnm.maximal_sample()) {
        (Depth::U8, 255) => Unpack::Copy,
        (Depth::U16, 65_535) => Unpack::Be16,
        _ => return None,
    };
    let stride = header.width as usize * header.layout.pixel_bytes();
    Some(Stored { offset: usize::try_from(reader.position()).ok()?, stride, bottom_up: false, unpack })
}

/// True colour and grey, left to right.
fn tga(input: &[u8], header: &Header) -> Option<Stored> {
    let tga = input.first_chunk::<18>()?;
    let (map, kind, bits, descriptor) = (tga[1], tga[2], tga[16], tga[17]);
    if map != 0 || descriptor & 0x10 != 0 {
        return None;
    }
    let unpack = match (kind, bits, header.layout.channels) {
        (2, 24, 3) => Unpack::Bgr,
        (2, 32, 4) => Unpack::Bgra,
        (3, 8, 1) => Unpack::Copy,
        _ => return None,
    };
    let stride = header.width as usize * header.layout.pixel_bytes();
    Some(Stored { offset: 18 + usize::from(tga[0]), stride, bottom_up: descriptor & 0x20 == 0, unpack })
}
