//! TIFF, one strip or one tile at a time. Colours or arrangements that the `tiff` crate hands over
//! otherwise than as grey or RGB pixels (bilevel, CMYK, separate planes) are left to `image` whole.

use std::io::Cursor;

use bytes::Bytes;
use rayon::ThreadPool;
use tiff::ColorType;
use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::whole::Whole;
use super::{Position, Read, RowSource};
use crate::limits::{Limit, MAX_DECODED_BYTES};
use crate::{Error, Format, Header, Samples, cost};

pub(super) fn open(input: Bytes) -> Result<Box<dyn RowSource>, Error> {
    let whole = Whole::open(Format::Tiff, input.clone())?;
    check_jpegs(&input)?;
    Ok(match Chunks::open(input, whole.header())? {
        Some(chunks) => Box::new(chunks),
        None => Box::new(whole),
    })
}

const COMPRESSION_JPEG: u16 = 7;

/// Strips and tiles can be JPEGs, each with a size of its own that it is decoded at. None may be larger
/// than the chunk it stands for.
fn check_jpegs(input: &Bytes) -> Result<(), Error> {
    let mut decoder = Decoder::new(Cursor::new(input.clone())).map_err(error)?;
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(error)?;
    if compression != Some(COMPRESSION_JPEG) {
        return Ok(());
    }
    let (width, height) = decoder.chunk_dimensions();
    let offsets = match decoder.get_chunk_type() {
        ChunkType::Strip => Tag::StripOffsets,
        ChunkType::Tile => Tag::TileOffsets,
    };
    for offset in decoder.find_tag_unsigned_vec::<u64>(offsets).map_err(error)?.unwrap_or_default() {
        let offset = usize::try_from(offset).map_err(|_| Error::Invalid(Format::Tiff))?;
        if offset > input.len() {
            return Err(Error::Truncated(Format::Tiff));
        }
        let Header { width: w, height: h, .. } =
            super::jpeg::header(&input.slice(offset..)).map_err(|_| Error::Invalid(Format::Tiff))?;
        // Encoders round up to whole MCUs.
        if w > width.next_multiple_of(32) || h > height.next_multiple_of(32) {
            return Err(Error::Invalid(Format::Tiff));
        }
    }
    Ok(())
}

struct Chunks {
    decoder: Decoder<Cursor<Bytes>>,
    header: Header,
    /// Width and height of a whole chunk: a strip is as wide as the picture.
    chunk: (u32, u32),
    chunk_nanos: u64,
    /// Chunks that lie side by side.
    across: u32,
    next_chunk: u32,
    /// A band of rows, one chunk high.
    band: Samples,
    /// Rows of the picture that are complete in `band`, and what was handed over of them.
    ready: std::ops::Range<u32>,
    position: Position,
}

const ASSOCIATED_ALPHA: u16 = 1;

impl Chunks {
    /// `None` where the rows cannot be taken as they come.
    fn open(input: Bytes, whole: Header) -> Result<Option<Self>, Error> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_DECODED_BYTES as usize;
        limits.intermediate_buffer_size = MAX_DECODED_BYTES as usize;
        let mut decoder = Decoder::new(Cursor::new(input)).map_err(error)?.with_limits(limits);
        let bits = match (decoder.colortype().map_err(error)?, whole.layout.channels) {
            (ColorType::Gray(bits), 1)
            | (ColorType::GrayA(bits), 2)
            | (ColorType::RGB(bits), 3)
            | (ColorType::RGBA(bits), 4) => bits,
            _ => return Ok(None),
        };
        let planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(error)?;
        if usize::from(bits) != whole.layout.depth.bytes() * 8 || planar.is_some_and(|planar| planar != 1) {
            return Ok(None);
        }
        let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(error)?;
        let premultiplied =
            whole.layout.has_alpha() && extra.is_some_and(|extra| extra.first() == Some(&ASSOCIATED_ALPHA));
        let chunk = decoder.chunk_dimensions();
        if chunk.0 == 0 || chunk.1 == 0 {
            return Err(Error::Invalid(Format::Tiff));
        }
        let (count, across) = match decoder.get_chunk_type() {
            ChunkType::Strip => (decoder.strip_count().map_err(error)?, 1),
            ChunkType::Tile => (decoder.tile_count().map_err(error)?, whole.width.div_ceil(chunk.0)),
        };
        let header = Header { premultiplied, by_rows: true, ..whole };
        // What is decoded of a chunk is all of it, however little of it the picture shows.
        let chunk_nanos = cost::decode_nanos(&Header { width: chunk.0, height: chunk.1, ..header });
        if u64::from(count) < u64::from(across) * u64::from(header.height.div_ceil(chunk.1)) {
            return Err(Error::Invalid(Format::Tiff));
        }
        Ok(Some(Chunks {
            decoder,
            header,
            chunk: (chunk.0.min(header.width), chunk.1.min(header.height)),
            chunk_nanos,
            across,
            next_chunk: 0,
            band: Samples::zeroed(header.layout.depth, 0)?,
            ready: 0..0,
            position: Position::start(header.height),
        }))
    }

    /// Decodes the next chunk into the band. After the last one of a band its rows are ready.
    fn read_chunk(&mut self) -> Result<(), Error> {
        let Header { width, height, layout, .. } = self.header;
        let channels = usize::from(layout.channels);
        let band_row = width as usize * channels;
        let column = self.next_chunk % self.across;
        let top = self.ready.end;
        let rows = self.chunk.1.min(height - top);
        if column == 0 {
            let bytes = band_row as u64 * u64::from(rows) * layout.depth.bytes() as u64;
            Limit::DecodedBytes.check(bytes, MAX_DECODED_BYTES)?;
            let len = band_row * rows as usize;
            if self.band.bytes().len() != len * layout.depth.bytes() {
                self.band = Samples::zeroed(layout.depth, len)?;
            }
        }
        let (data_width, data_height) = self.decoder.chunk_data_dimensions(self.next_chunk);
        if data_height < rows {
            return Err(Error::Invalid(Format::Tiff));
        }
        if self.across == 1 && data_width == width {
            self.decoder.read_chunk_bytes(self.next_chunk, self.band.bytes_mut()).map_err(error)?;
        } else {
            let decoded = self.decoder.read_chunk(self.next_chunk).map_err(error)?;
            let left = column as usize * self.chunk.0 as usize * channels;
            let take = (data_width as usize * channels).min(band_row - left.min(band_row));
            let place = Place { left, take, chunk_row: data_width as usize * channels, band_row };
            match (&mut self.band, decoded) {
                (Samples::U8(band), DecodingResult::U8(chunk)) => place.copy(band, &chunk),
                (Samples::U16(band), DecodingResult::U16(chunk)) => place.copy(band, &chunk),
                (Samples::F32(band), DecodingResult::F32(chunk)) => place.copy(band, &chunk),
                _ => return Err(Error::Invalid(Format::Tiff)),
            }
        }
        self.next_chunk += 1;
        if column + 1 == self.across {
            self.ready = top..top + rows;
        }
        Ok(())
    }
}

/// Where a chunk's rows go in the band, counted in samples.
struct Place {
    left: usize,
    take: usize,
    chunk_row: usize,
    band_row: usize,
}

impl Place {
    fn copy<S: Copy>(&self, band: &mut [S], chunk: &[S]) {
        for (to, from) in band.chunks_exact_mut(self.band_row).zip(chunk.chunks_exact(self.chunk_row)) {
            to[self.left..][..self.take].copy_from_slice(&from[..self.take]);
        }
    }
}

impl RowSource for Chunks {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        if self.position.next < self.ready.end {
            return 0;
        }
        self.chunk_nanos
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        if self.position.next >= self.ready.end {
            self.read_chunk()?;
            return Ok(Read::Working);
        }
        let strip = self.position.strip(max_rows);
        let end = strip.end.min(self.ready.end);
        self.position.next = end;
        let row = self.header.width as usize * usize::from(self.header.layout.channels);
        let from = (strip.start - self.ready.start) as usize * row;
        let to = (end - self.ready.start) as usize * row;
        Ok(Read::Rows(self.band.rows().slice(from..to)))
    }
}

fn error(error: tiff::TiffError) -> Error {
    match error {
        tiff::TiffError::IoError(io) => Error::from_io(Format::Tiff, &io),
        tiff::TiffError::UnsupportedError(_) => Error::Unsupported(Format::Tiff),
        tiff::TiffError::LimitsExceeded => Error::decoded_bytes(),
        tiff::TiffError::FormatError(_) | tiff::TiffError::IntSizeError | tiff::TiffError::UsageError(_) => {
            Error::Invalid(Format::Tiff)
        }
    }
}
