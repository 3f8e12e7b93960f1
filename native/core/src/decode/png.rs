//! PNG, row by row through the `png` crate. An interlaced picture arrives in seven passes over all
//! of it, so that it alone is kept whole; its passes can be cut anywhere all the same.

use std::io::{BufRead, Cursor, ErrorKind, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use image::metadata::Orientation;
use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Reader, Transformations};
use rayon::ThreadPool;

use super::{Position, Read, RowSource};
use crate::limits::{Limit, MAX_ROW_BYTES};
use crate::pixels::{Growing, zeroed};
use crate::{Depth, Error, Format, Header, Layout, Samples};

pub(super) struct Png {
    reader: Reader<Metered>,
    /// What the reader may still take of the input in this step.
    meter: Arc<AtomicUsize>,
    header: Header,
    position: Position,
    kept: Kept,
}

enum Kept {
    /// The latest strip.
    Strip(Samples),
    /// The whole picture of an interlaced one, and one row of a pass.
    Passes { picture: Growing<u8>, row: Vec<u8>, rows_left: u64 },
    /// The same once the last pass is in, and the latest strip of it.
    Whole { picture: Vec<u8>, strip: Samples },
}

/// An input that is let out in portions. Data can go on for as long as the file without giving a
/// single row, in empty chunks or empty blocks; the decoder stops at `WouldBlock` wherever it is,
/// and goes on there in the next step.
struct Metered {
    input: Cursor<Bytes>,
    left: Arc<AtomicUsize>,
}

/// Let out in every step on top of what its rows hold uncompressed.
const BYTES_PER_STEP: usize = 4 << 10;

/// What the decoder may allocate for the first chunk, which is a fixed 13 bytes.
const HEADER_BYTES: usize = 4 << 10;

/// RGBA of 16 bits.
const MAX_PIXEL_BYTES: usize = 8;

/// The state and the windows of inflating.
const INFLATE_BYTES: u64 = 256 << 10;

/// What it may allocate on top of a row. Texts and profiles, which are the chunks that inflate, are
/// passed over; of the others only EXIF is as long as it likes, and it is kept twice.
const EXIF_BYTES: usize = 4 << 20;

impl BufRead for Metered {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let rest = self.input.fill_buf()?;
        Ok(&rest[..rest.len().min(left)])
    }

    fn consume(&mut self, bytes: usize) {
        self.left.fetch_sub(bytes, Ordering::Relaxed);
        self.input.consume(bytes);
    }
}

impl std::io::Read for Metered {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.input.seek(to)
    }
}

impl Png {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        // The header comes in one piece.
        let meter = Arc::new(AtomicUsize::new(usize::MAX));
        let input = Metered { input: Cursor::new(input), left: meter.clone() };
        let mut decoder = png::Decoder::new_with_limits(input, png::Limits { bytes: HEADER_BYTES });
        // A palette becomes RGB, tRNS becomes alpha, 1, 2 and 4 bits become 8.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let width = decoder.read_header_info().map_err(error)?.width as usize;
        let row_bytes = width.saturating_mul(MAX_PIXEL_BYTES).min(MAX_ROW_BYTES as usize);
        decoder.set_limits(png::Limits { bytes: row_bytes + EXIF_BYTES });
        let reader = decoder.read_info().map_err(error)?;
        let (color, bits) = reader.output_color_type();
        let channels = match color {
            ColorType::Grayscale => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb => 3,
            ColorType::Rgba => 4,
            ColorType::Indexed => return Err(Error::Invalid(Format::Png)),
        };
        let depth = if bits == BitDepth::Sixteen { Depth::U16 } else { Depth::U8 };
        let info = reader.info();
        let orientation = info
            .exif_metadata
            .as_deref()
            .and_then(Orientation::from_exif_chunk)
            .unwrap_or(Orientation::NoTransforms);
        let mut header = Header::new(Format::Png, info.width, info.height, Layout::new(channels, depth));
        header.orientation = orientation;
        let kept = if info.interlaced {
            let rows_left = pass_rows(header.width, header.height);
            Kept::Passes { picture: Growing::new(0)?, row: Vec::new(), rows_left }
        } else {
            Kept::Strip(Samples::U8(Vec::new()))
        };
        Ok(Png { reader, meter, header, position: Position::start(header.height), kept })
    }

    /// Decodes `rows` rows of the current pass into the picture.
    fn read_passes(&mut self, rows: u32) -> Result<(), Error> {
        let Kept::Passes { picture, row, rows_left } = &mut self.kept else { return Err(Error::Internal) };
        let layout = self.header.layout;
        let stride = self.header.row_bytes();
        if row.is_empty() {
            *picture = Growing::new(stride * self.header.height as usize)?;
            *row = zeroed(stride)?;
        }
        if !picture.grow() {
            return Ok(());
        }
        for _ in 0..u64::from(rows).min(*rows_left) {
            match self.reader.read_row(row) {
                Ok(Some(InterlaceInfo::Adam7(info))) => {
                    let bits = layout.pixel_bytes() as u8 * 8;
                    png::expand_interlaced_row(picture.get_mut(), stride, row, &info, bits);
                    *rows_left -= 1;
                }
                Ok(Some(InterlaceInfo::Null(_)) | None) => return Err(Error::Internal),
                Err(stop) if is_out_of_portion(&stop) => return Ok(()),
                Err(stop) => return Err(error(stop)),
            }
        }
        if *rows_left == 0 {
            check_end(self.reader.read_row(&mut []).map(|_| ()))?;
            let picture = std::mem::replace(picture, Growing::new(0)?).into_vec();
            self.kept = Kept::Whole { picture, strip: Samples::zeroed(layout.depth, 0)? };
        }
        Ok(())
    }

    /// Decodes up to `rows` rows into the strip. Fewer where the step's portion of input is used
    /// up.
    fn read_rows(&mut self, rows: usize) -> Result<usize, Error> {
        let Kept::Strip(samples) = &mut self.kept else { return Err(Error::Internal) };
        let row_bytes = self.header.row_bytes();
        let depth = self.header.layout.depth;
        if samples.bytes().len() < rows * row_bytes {
            *samples = Samples::zeroed(depth, rows * row_bytes / depth.bytes())?;
        }
        let mut read = 0;
        for row in samples.bytes_mut().chunks_exact_mut(row_bytes).take(rows) {
            match self.reader.read_row(row) {
                Ok(Some(_)) => read += 1,
                Ok(None) => return Err(Error::Truncated(Format::Png)),
                Err(stop) if is_out_of_portion(&stop) => break,
                Err(stop) => return Err(error(stop)),
            }
        }
        from_big_endian(samples);
        self.position.next += read as u32;
        if self.position.next == self.header.height {
            check_end(self.reader.read_row(&mut []).map(|_| ()))?;
        }
        Ok(read)
    }
}

impl RowSource for Png {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        match self.kept {
            Kept::Whole { .. } => 0,
            _ => self.header.decode_nanos / u64::from(self.header.height),
        }
    }

    fn memory(&self) -> u64 {
        let row = self.header.row_bytes() as u64;
        let picture =
            if matches!(self.kept, Kept::Strip(_)) { 0 } else { row * u64::from(self.header.height) };
        // Of the decoder: the row before, and those that are inflated and not taken yet.
        picture + 3 * row + INFLATE_BYTES
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let row_bytes = self.header.row_bytes();
        self.meter.store(max_rows as usize * row_bytes + BYTES_PER_STEP, Ordering::Relaxed);
        let strip = self.position.strip(max_rows);
        if matches!(self.kept, Kept::Passes { .. }) {
            self.read_passes(max_rows)?;
            return Ok(Read::Working);
        }
        let rows =
            if matches!(self.kept, Kept::Strip(_)) { self.read_rows(strip.len())? } else { strip.len() };
        if rows == 0 {
            return Ok(Read::Working);
        }
        let depth = self.header.layout.depth;
        let len = rows * row_bytes;
        let samples = match &mut self.kept {
            Kept::Passes { .. } => return Err(Error::Internal),
            Kept::Strip(samples) => samples,
            Kept::Whole { picture, strip: samples } => {
                if samples.bytes().len() < len {
                    *samples = Samples::zeroed(depth, len / depth.bytes())?;
                }
                let from = strip.start as usize * row_bytes;
                samples.bytes_mut()[..len].copy_from_slice(&picture[from..from + len]);
                from_big_endian(samples);
                self.position.next = strip.end;
                samples
            }
        };
        Ok(Read::Rows(samples.rows().slice(0..len / depth.bytes())))
    }
}

/// The rows of all seven passes: every pass takes each so-many-th column and row, from a first one.
fn pass_rows(width: u32, height: u32) -> u64 {
    [(0, 0, 8), (4, 0, 8), (0, 4, 8), (2, 0, 4), (0, 2, 4), (1, 0, 2), (0, 1, 2)]
        .into_iter()
        .filter(|&(column, ..)| width > column)
        .map(|(_, row, step)| u64::from(height.saturating_sub(row).div_ceil(step)))
        .sum()
}

/// Looks at how the data ends after the last row, the checksum above all. A file that ends there,
/// or goes on with more than a portion of nothing, has all its rows.
fn check_end(end: Result<(), DecodingError>) -> Result<(), Error> {
    match end {
        Err(stop) if is_out_of_portion(&stop) => Ok(()),
        Err(stop) => match error(stop) {
            Error::Truncated(_) => Ok(()),
            error => Err(error),
        },
        Ok(()) => Ok(()),
    }
}

fn is_out_of_portion(stop: &DecodingError) -> bool {
    matches!(stop, DecodingError::IoError(io) if io.kind() == ErrorKind::WouldBlock)
}

/// The estimated nanoseconds of the chunks before the picture's data, up to `most`: a file can have
/// as many of them as fit.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    let mut nanos = 5_000;
    let mut at = 8;
    while nanos < most {
        let Some(&[l1, l2, l3, l4, b1, b2, b3, b4]) = input.get(at..).and_then(|rest| rest.first_chunk())
        else {
            break;
        };
        if [b1, b2, b3, b4] == *b"IDAT" {
            break;
        }
        let len = u32::from_be_bytes([l1, l2, l3, l4]);
        nanos += 100 + u64::from(len);
        at = at.saturating_add(12 + len as usize);
    }
    nanos
}

/// PNG's 16-bit samples are big-endian.
fn from_big_endian(samples: &mut Samples) {
    if let Samples::U16(samples) = samples {
        for sample in samples {
            *sample = u16::from_be(*sample);
        }
    }
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(io) => Error::from_io(Format::Png, &io),
        DecodingError::LimitsExceeded => {
            Error::Limit { limit: Limit::DecodedBytes, value: MAX_ROW_BYTES + 1, maximum: MAX_ROW_BYTES }
        }
        DecodingError::Format(_) | DecodingError::Parameter(_) => Error::Invalid(Format::Png),
    }
}
