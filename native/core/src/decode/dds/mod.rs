//! The first picture of a DirectDraw Surface: blocks of BC1 to BC7, or pixels that lie there as
//! they are. Specifications: Microsoft's "Programming Guide for DDS" and its list of `DXGI_FORMAT`.

mod blocks;
mod header;
mod pixels;

use bytes::Bytes;

use self::blocks::Blocks;
use self::header::{Coding, Header};
use super::source::Source;
use super::stored::{Place, Stored};
use crate::{Error, Format, Info};

const TRUNCATED: Error = Error::truncated(Format::Dds);
const UNSUPPORTED: Error = Error::Unsupported(Format::Dds);

pub(super) fn open(input: Bytes) -> Result<Source, Error> {
    let Header { width, height, coding, premultiplied, offset } = Header::read(&input)?;
    let mut info = Info::new(Format::Dds, width, height, coding.layout());
    info.premultiplied = premultiplied;
    match coding {
        Coding::Blocks(coding) => Blocks::new(input, info, coding, offset).map(Source::of),
        Coding::Pixels(pixels) => {
            let row_bytes = (width as usize).saturating_mul(pixels.bytes());
            let place = Place { offset: offset as u64, row_bytes };
            let unpack = move |stored: &[u8], out: &mut [u8]| pixels.row(stored, out);
            Stored::new(info, place, Box::new(unpack)).map(Source::of)
        }
    }
}

fn le32(input: &[u8], at: usize) -> Result<u32, Error> {
    let field = input.get(at..).and_then(<[u8]>::first_chunk).ok_or(TRUNCATED)?;
    Ok(u32::from_le_bytes(*field))
}
