//! Farbfeld: sixteen bytes of header, then RGBA with 16 bits.
//! Specification: <https://tools.suckless.org/farbfeld/>.

use super::stored::{Place, Stored, unpack_be16};
use crate::{Depth, Error, Format, Info, Layout};

const HEADER_BYTES: usize = 16;

pub(super) fn open(input: &[u8]) -> Result<Stored, Error> {
    let &[_, _, _, _, _, _, _, _, w1, w2, w3, w4, h1, h2, h3, h4] =
        input.first_chunk::<HEADER_BYTES>().ok_or(Error::truncated(Format::Farbfeld))?;
    let (width, height) =
        (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
    let info = Info::new(Format::Farbfeld, width, height, Layout::new(4, Depth::U16));
    let place = Place { offset: HEADER_BYTES as u64, row_bytes: info.row_bytes() };
    let unpack = |stored: &[u8], out: &mut [u8]| {
        unpack_be16(stored, out);
        Ok(())
    };
    Stored::new(info, place, Box::new(unpack))
}
