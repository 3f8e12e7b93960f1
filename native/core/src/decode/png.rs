//! PNG, row by row through the `png` crate. An interlaced picture arrives in seven passes over all
//! of it, so that it alone is kept whole; its passes can be cut anywhere all the same.

use std::io::Cursor;

use bytes::Bytes;
use image::metadata::Orientation;
use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Reader, Transformations};

use super::{Position, Read, RowSource};
use crate::limits::{Limit, MAX_DECODED_BYTES};
use crate::{Depth, Error, Format, Header, Layout, Samples, cost};

pub(super) struct Png {
    reader: Reader<Cursor<Bytes>>,
    header: Header,
    position: Position,
    kept: Kept,
}

enum Kept {
    /// The latest strip.
    Strip(Samples),
    /// The whole picture of an interlaced one, and one row of a pass.
    Passes { picture: Samples, row: Vec<u8> },
    /// The same once the last pass is in.
    Whole(Samples),
}

impl Png {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let limits = png::Limits { bytes: MAX_DECODED_BYTES as usize };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(input), limits);
        // A palette becomes RGB, tRNS becomes alpha, 1, 2 and 4 bits become 8.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let reader = decoder.read_info().map_err(error)?;
        let (colour, bits) = reader.output_color_type();
        let channels = match colour {
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
        let header = Header {
            format: Format::Png,
            width: info.width,
            height: info.height,
            layout: Layout::new(channels, depth),
            premultiplied: false,
            orientation,
            by_rows: true,
        };
        let kept = if info.interlaced {
            Kept::Passes { picture: Samples::U8(Vec::new()), row: Vec::new() }
        } else {
            Kept::Strip(Samples::U8(Vec::new()))
        };
        Ok(Png { reader, header, position: Position::start(header.height), kept })
    }

    /// Decodes `rows` rows of the current pass into the picture.
    fn read_passes(&mut self, rows: u32) -> Result<(), Error> {
        let Kept::Passes { picture, row } = &mut self.kept else { return Err(Error::Internal) };
        let Header { width, layout, .. } = self.header;
        let stride = width as usize * layout.pixel_bytes();
        if row.is_empty() {
            let bytes = self.header.pixels() * layout.pixel_bytes() as u64;
            Limit::DecodedBytes.check(bytes, MAX_DECODED_BYTES)?;
            *picture = Samples::zeroed(layout.depth, bytes as usize / layout.depth.bytes())?;
            *row = crate::pixels::zeroed(stride)?;
        }
        for _ in 0..rows {
            match self.reader.read_row(row).map_err(error)? {
                Some(InterlaceInfo::Adam7(info)) => png::expand_interlaced_row(
                    picture.bytes_mut(),
                    stride,
                    row,
                    &info,
                    layout.pixel_bytes() as u8 * 8,
                ),
                Some(InterlaceInfo::Null(_)) => return Err(Error::Internal),
                None => {
                    from_big_endian(picture);
                    let picture = std::mem::replace(picture, Samples::U8(Vec::new()));
                    self.kept = Kept::Whole(picture);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl RowSource for Png {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        match self.kept {
            Kept::Whole(_) => 0,
            _ => cost::decode_nanos(&self.header) / u64::from(self.header.height),
        }
    }

    fn read(&mut self, max_rows: u32) -> Result<Read<'_>, Error> {
        if matches!(self.kept, Kept::Passes { .. }) {
            self.read_passes(max_rows)?;
            return Ok(Read::Working);
        }
        let strip = self.position.strip(max_rows);
        self.position.next = strip.end;
        let layout = self.header.layout;
        let row = self.header.width as usize * usize::from(layout.channels);
        match &mut self.kept {
            Kept::Whole(picture) => {
                Ok(Read::Rows(picture.rows().slice(strip.start as usize * row..strip.end as usize * row)))
            }
            Kept::Strip(samples) => {
                let len = strip.len() * row;
                if samples.bytes().len() < len * layout.depth.bytes() {
                    *samples = Samples::zeroed(layout.depth, len)?;
                }
                let bytes = &mut samples.bytes_mut()[..len * layout.depth.bytes()];
                for row in bytes.chunks_exact_mut(row * layout.depth.bytes()) {
                    self.reader.read_row(row).map_err(error)?.ok_or(Error::Truncated(Format::Png))?;
                }
                from_big_endian(samples);
                if strip.end == self.header.height {
                    check_end(&mut self.reader)?;
                }
                Ok(Read::Rows(samples.rows().slice(0..len)))
            }
            Kept::Passes { .. } => Err(Error::Internal),
        }
    }
}

/// Reads what follows the last row, the checksum of the picture's data above all. A file that ends
/// there has all its rows.
fn check_end(reader: &mut Reader<Cursor<Bytes>>) -> Result<(), Error> {
    match reader.read_row(&mut []) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(Error::Internal),
        Err(end) => match error(end) {
            Error::Truncated(_) => Ok(()),
            error => Err(error),
        },
    }
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
        DecodingError::LimitsExceeded => Error::OutOfMemory,
        DecodingError::Format(_) | DecodingError::Parameter(_) => Error::Invalid(Format::Png),
    }
}
