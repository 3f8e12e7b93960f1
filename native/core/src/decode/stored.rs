//! Rows that lie in the file as they are, one after the other: found by their number, and unpacked
//! one by one.

use bytes::Bytes;
use rayon::ThreadPool;

use super::strip::Strip;
use super::{Position, Read, RowSource};
use crate::{Error, Header};

pub(super) struct Stored {
    input: Bytes,
    header: Header,
    place: Place,
    unpack: Unpack,
    position: Position,
    strip: Strip,
}

/// Where the rows are.
pub(super) struct Place {
    pub(super) offset: usize,
    /// The bytes of each, with nothing between one and the next.
    pub(super) row_bytes: usize,
    /// Whether the first in the file is the lowest.
    pub(super) last_first: bool,
}

/// Makes samples, in the machine's own order, of a row's bytes.
pub(super) type Unpack = Box<dyn Fn(&[u8], &mut [u8]) -> Result<(), Error> + Send>;

impl Stored {
    pub(super) fn new(input: Bytes, header: Header, place: Place, unpack: Unpack) -> Result<Self, Error> {
        let strip = Strip::new(&header)?;
        Ok(Stored { input, header, place, unpack, position: Position::start(header.height), strip })
    }
}

impl Place {
    /// A row's bytes, of a picture of `height` rows.
    fn row<'a>(&self, input: &'a [u8], y: u32, height: u32) -> Option<&'a [u8]> {
        let n = if self.last_first { height.checked_sub(y)?.checked_sub(1)? } else { y };
        let start = self.row_bytes.checked_mul(n as usize)?.checked_add(self.offset)?;
        input.get(start..start.checked_add(self.row_bytes)?)
    }
}

impl RowSource for Stored {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        self.header.decode_nanos / u64::from(self.header.height.max(1))
    }

    fn memory(&self) -> u64 {
        self.strip.memory()
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let Header { format, height, .. } = self.header;
        let strip = self.position.strip(self.strip.fit(max_rows));
        let rows = strip.len();
        self.position.next = strip.end;
        let out = self.strip.room(rows)?.chunks_exact_mut(self.header.row_bytes());
        for (y, out) in strip.zip(out) {
            let stored = self.place.row(&self.input, y, height).ok_or(Error::Truncated(format))?;
            (self.unpack)(stored, out)?;
        }
        Ok(Read::Rows(self.strip.rows(rows)))
    }
}

/// Big-endian samples of 16 bits.
pub(super) fn unpack_be16(stored: &[u8], out: &mut [u8]) {
    for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
        *out = u16::from_be_bytes(sample).to_ne_bytes();
    }
}
