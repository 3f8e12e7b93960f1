//! Rows that lie in the file as they are, one after the other, and are unpacked one by one.

use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource};
use super::strip::Strip;
use crate::picture::Rows;
use crate::{Error, Info};

pub(super) struct Stored {
    info: Info,
    place: Place,
    unpack: Unpack,
    position: Position,
    strip: Strip,
}

/// Where the rows are.
pub(super) struct Place {
    pub(super) offset: u64,
    /// The bytes of each, with nothing between one and the next.
    pub(super) row_bytes: usize,
}

/// Makes samples, in the machine's own order, of a row's bytes.
pub(super) type Unpack = Box<dyn Fn(&[u8], &mut [u8]) -> Result<(), Error> + Send>;

impl Stored {
    pub(super) fn new(info: Info, place: Place, unpack: Unpack) -> Result<Self, Error> {
        let strip = Strip::new(&info)?;
        Ok(Stored { position: Position::start(info.height), info, place, unpack, strip })
    }
}

impl RowSource for Stored {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        self.strip.memory()
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let Place { offset, row_bytes } = self.place;
        let strip = self.position.strip(self.strip.fit(max_rows));
        let out = self.strip.room(strip.len())?.chunks_exact_mut(self.info.row_bytes());
        let bytes =
            input.bytes_from(offset.saturating_add(u64::from(strip.start) * row_bytes as u64))?;
        let mut rows = 0;
        for (stored, out) in bytes.chunks_exact(row_bytes).zip(out) {
            (self.unpack)(stored, out)?;
            rows += 1;
        }
        if rows == 0 {
            return Err(Error::truncated(self.info.format));
        }
        self.position.next += rows as u32;
        Ok(Poll::Ready(self.strip.rows(rows)))
    }
}

/// Big-endian samples of 16 bits.
pub(super) fn unpack_be16(stored: &[u8], out: &mut [u8]) {
    for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
        *out = u16::from_be_bytes(sample).to_ne_bytes();
    }
}
