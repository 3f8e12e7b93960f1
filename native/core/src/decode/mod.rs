//! Row sources: every format's decoder behind one trait that hands over strips of rows.

mod exr;
mod gif;
mod jpeg;
mod png;
mod qoi;
mod raw;
mod tiff;
mod whole;

use bytes::Bytes;
use rayon::ThreadPool;

use crate::pixels::Rows;
use crate::{Error, Format, Header, cost};

/// A decoder that hands over rows from top to bottom.
///
/// It owns its input, so that its state can rest between two calls, on whichever thread the next
/// one comes from.
pub(crate) trait RowSource: Send {
    fn header(&self) -> Header;

    /// The estimated nanoseconds of the smallest piece of work that the next [`read`](Self::read)
    /// can do.
    fn next_nanos(&self) -> u64;

    /// The most native bytes that this holds at any one time from now on, its input aside. Known before
    /// the first [`read`](Self::read), at the scale that was set.
    fn memory(&self) -> u64 {
        0
    }

    /// Decodes at one `factor`th of the size, which leaves a shrink by `left` for later. Called before
    /// the first [`read`](Self::read), and only where the header says that this can be done.
    fn set_scale(&mut self, _factor: u32, _left: f64) {}

    /// Makes grey of what is missing or damaged, where it can. Called before the first [`read`](Self::read).
    fn tolerate_damage(&mut self) {}

    /// Hands over at least one row and at most `max_rows` (which is not 0), or gets closer to it.
    /// Shares the work out over a pool, if there is one and it can.
    fn read(&mut self, max_rows: u32, pool: Option<&ThreadPool>) -> Result<Read<'_>, Error>;
}

pub(crate) enum Read<'a> {
    /// Whole rows, in the header's layout.
    Rows(Rows<'a>),
    /// Something was decoded, but no row is finished yet: call again.
    Working,
}

/// Recognises the format and reads the header.
pub(crate) fn open(input: Bytes) -> Result<Box<dyn RowSource>, Error> {
    let format = Format::of(&input).ok_or(Error::UnknownFormat)?;
    let source: Box<dyn RowSource> = match format {
        Format::Png => Box::new(png::Png::open(input)?),
        Format::Gif => Box::new(gif::Gif::open(input)?),
        Format::Qoi => Box::new(qoi::Qoi::open(input)?),
        Format::Tiff => tiff::open(input)?,
        Format::Bmp | Format::Pnm | Format::Tga | Format::Farbfeld => raw::open(format, input)?,
        Format::Jpeg => Box::new(jpeg::Jpeg::open(input)?),
        Format::Avif => return Err(Error::Unsupported(format)),
        Format::OpenExr => Box::new(exr::Exr::open(input)?),
        Format::Webp | Format::Ico | Format::Dds | Format::Hdr => {
            Box::new(whole::Whole::open(format, input)?)
        }
    };
    let header = source.header();
    if header.width == 0 || header.height == 0 {
        return Err(Error::Invalid(format));
    }
    Ok(source)
}

/// The estimated nanoseconds of [`open`], which does it in one piece. Stops counting at `most`.
pub(crate) fn header_nanos(input: &[u8], most: u64) -> u64 {
    let len = input.len() as u64;
    match Format::of(input) {
        Some(Format::Png) => png::header_nanos(input, most),
        Some(Format::Gif) => gif::header_bytes(input, (most / 10) as usize) as u64 * 10,
        Some(Format::Jpeg) => jpeg::header_nanos(input),
        Some(Format::OpenExr) => exr::header_nanos(input, most),
        // Of a fixed length.
        Some(Format::Qoi | Format::Farbfeld | Format::Bmp | Format::Tga | Format::Dds) | None => 5_000,
        // Comments of one byte a line.
        Some(Format::Hdr) => len * 3 * cost::HEADER_NANOS_PER_BYTE,
        Some(_) => len * cost::HEADER_NANOS_PER_BYTE,
    }
}

/// Where a source stands: the next row to hand over, and how many there are.
#[derive(Clone, Copy)]
struct Position {
    next: u32,
    height: u32,
}

impl Position {
    fn start(height: u32) -> Self {
        Position { next: 0, height }
    }

    /// The rows of the next strip. Empty after the last one, which is a caller's mistake.
    fn strip(&self, max_rows: u32) -> std::ops::Range<u32> {
        self.next..self.next.saturating_add(max_rows.max(1)).min(self.height)
    }
}
