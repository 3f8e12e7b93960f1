//! Icons and cursors: a directory of pictures, each a PNG or a bitmap with a mask. The largest is
//! taken, and of those the one with the most bits a pixel.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use super::bmp::{self, Bmp};
use super::png::{self, Png};
use super::source::{RowSource, Source};
use crate::picture::Rows;
use crate::{Error, Format, Info};

const HEADER_BYTES: usize = 6;
const ENTRY_BYTES: usize = 16;
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A directory of more than this is no icon's. It is read all the same, where that may take long.
const MANY_ENTRIES: usize = 1_024;
const ENTRY_NANOS: u64 = 5;

pub(super) fn open(input: Bytes) -> Result<Source, Error> {
    let truncated = Error::truncated(Format::Ico);
    let entry = best(&input).ok_or(truncated)?;
    if input.len() < entry.offset.saturating_add(PNG_SIGNATURE.len()) {
        return Err(truncated);
    }
    let end = entry.offset as u64 + u64::from(entry.bytes);
    Ok(match entry.png(&input) {
        // Where it ends, it says itself.
        Some(_) => {
            let png = Png::of(input.slice(entry.offset..), true).map_err(of_icon)?;
            let info = Info { format: Format::Ico, ..png.info().clone() };
            Source::of(Inner { png, info })
        }
        None => Source::of(Bmp::open_icon(input, entry.offset, end)?),
    })
}

/// The estimated nanoseconds of [`open`], up to `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    let entries = directory(input).map_or(0, <[_]>::len);
    if entries > MANY_ENTRIES {
        return most;
    }
    let nanos = 5_000 + entries as u64 * ENTRY_NANOS + bmp::ALPHA_BYTES.min(input.len()) as u64 / 8;
    let png = best(input).and_then(|entry| entry.png(input));
    nanos + png.map_or(0, |png| png::header_nanos(png, most))
}

/// Where a picture lies.
#[derive(Clone, Copy)]
struct Entry {
    offset: usize,
    bytes: u32,
    /// The area and bits a pixel, of which the larger is better.
    score: (u32, u16),
}

impl Entry {
    /// What begins at its place, if that is a PNG.
    fn png(self, input: &[u8]) -> Option<&[u8]> {
        input.get(self.offset..).filter(|rest| rest.starts_with(PNG_SIGNATURE))
    }
}

/// The entries that are there, of those that are claimed.
fn directory(input: &[u8]) -> Option<&[[u8; ENTRY_BYTES]]> {
    let &[_, _, _, _, c1, c2] = input.first_chunk::<HEADER_BYTES>()?;
    let entries = input[HEADER_BYTES..].as_chunks().0;
    Some(&entries[..entries.len().min(u16::from_le_bytes([c1, c2]).into())])
}

/// Of equals, the first.
fn best(input: &[u8]) -> Option<Entry> {
    let is_cursor = input.get(2) == Some(&2);
    let entry = |&[w, h, _, _, _, _, b1, b2, l1, l2, l3, l4, o1, o2, o3, o4]: &[u8;
                      ENTRY_BYTES]| {
        let side = |side: u8| if side == 0 { 256 } else { u32::from(side) };
        // A cursor has half of its hotspot there.
        let bits = if is_cursor { 0 } else { u16::from_le_bytes([b1, b2]) };
        Entry {
            offset: u32::from_le_bytes([o1, o2, o3, o4]) as usize,
            bytes: u32::from_le_bytes([l1, l2, l3, l4]),
            score: (side(w) * side(h), bits),
        }
    };
    let better = |best: Entry, other: Entry| if other.score > best.score { other } else { best };
    directory(input)?.iter().map(entry).reduce(better)
}

/// A PNG that is an icon to the outside.
struct Inner {
    png: Png,
    info: Info,
}

impl RowSource for Inner {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.png.next_nanos()
    }

    fn memory(&self) -> u64 {
        self.png.memory()
    }

    fn forgive(&mut self) {
        self.png.forgive();
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        // It has its part of the file.
        let nothing = &mut Input::whole(Bytes::new());
        self.png.read(nothing, max_rows, context).map_err(of_icon)
    }
}

fn of_icon(error: Error) -> Error {
    match error {
        Error::Invalid { .. } => Error::invalid(Format::Ico),
        Error::Truncated { .. } => Error::truncated(Format::Ico),
        Error::Unsupported(_) => Error::Unsupported(Format::Ico),
        error => error,
    }
}
