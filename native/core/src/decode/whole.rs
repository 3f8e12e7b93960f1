//! Decoders that know no rows: `image` decodes the picture in one piece, which is then handed over
//! in strips like any other.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageDecoder, ImageReader};
use rayon::ThreadPool;

use super::{Position, Read, RowSource};
use crate::limits::{Limit, MAX_DECODED_BYTES};
use crate::{Depth, Error, Format, Header, Layout, Samples, cost};

pub(super) struct Whole {
    input: Bytes,
    header: Header,
    decoded: Option<Samples>,
    position: Position,
}

impl Whole {
    /// Lets `image` read the header.
    pub(super) fn open(format: Format, input: Bytes) -> Result<Self, Error> {
        let mut decoder = decoder(format, &input)?;
        let (width, height) = decoder.dimensions();
        let layout = layout(&decoder, format)?;
        let orientation = decoder.orientation().map_err(|error| Error::from_image(format, error))?;
        let mut header = Header {
            // OpenEXR stores associated alpha by its specification, and `image` leaves it so.
            premultiplied: format == Format::OpenExr,
            orientation,
            by_rows: false,
            ..Header::new(format, width, height, layout)
        };
        header.decode_nanos = match format {
            // Its data window, which is decoded, can be larger than what is shown; nothing is known
            // of it here.
            Format::OpenExr => cost::UNKNOWN_NANOS,
            // A file can have more bytes than its pixels need, and all of them may be looked at.
            _ => cost::decode_nanos(&header) + input.len() as u64 * cost::NANOS_PER_BYTE,
        };
        Ok(Self::new(input, header))
    }

    /// With a header that is known already.
    pub(super) fn new(input: Bytes, header: Header) -> Self {
        Whole { input, header, decoded: None, position: Position::start(header.height) }
    }

    fn decode(&self) -> Result<Samples, Error> {
        let Header { format, width, height, layout: expected, .. } = self.header;
        let decoder = decoder(format, &self.input)?;
        if decoder.dimensions() != (width, height) || layout(&decoder, format)? != expected {
            return Err(Error::Invalid(format));
        }
        let bytes = decoder.total_bytes();
        Limit::DecodedBytes.check(bytes, MAX_DECODED_BYTES)?;
        let mut samples = Samples::zeroed(expected.depth, bytes as usize / expected.depth.bytes())?;
        decoder.read_image(samples.bytes_mut()).map_err(|error| Error::from_image(format, error))?;
        Ok(samples)
    }
}

fn decoder(format: Format, input: &Bytes) -> Result<impl ImageDecoder + use<>, Error> {
    let mut reader = ImageReader::with_format(Cursor::new(input.clone()), format.to_image());
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(2 * MAX_DECODED_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| Error::from_image(format, error))
}

fn layout(decoder: &impl ImageDecoder, format: Format) -> Result<Layout, Error> {
    use image::ColorType;
    Ok(match decoder.color_type() {
        ColorType::L8 => Layout::new(1, Depth::U8),
        ColorType::La8 => Layout::new(2, Depth::U8),
        ColorType::Rgb8 => Layout::new(3, Depth::U8),
        ColorType::Rgba8 => Layout::new(4, Depth::U8),
        ColorType::L16 => Layout::new(1, Depth::U16),
        ColorType::La16 => Layout::new(2, Depth::U16),
        ColorType::Rgb16 => Layout::new(3, Depth::U16),
        ColorType::Rgba16 => Layout::new(4, Depth::U16),
        ColorType::Rgb32F => Layout::new(3, Depth::F32),
        ColorType::Rgba32F => Layout::new(4, Depth::F32),
        _ => return Err(Error::Unsupported(format)),
    })
}

impl RowSource for Whole {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        if self.decoded.is_none() { self.header.decode_nanos } else { 0 }
    }

    // The decoder has it all twice for a while.
    fn memory(&self) -> u64 {
        2 * self.header.row_bytes() as u64 * u64::from(self.header.height)
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        if self.decoded.is_none() {
            self.decoded = Some(self.decode()?);
            return Ok(Read::Working);
        }
        let samples = self.decoded.as_ref().ok_or(Error::Internal)?;
        let strip = self.position.strip(max_rows);
        self.position.next = strip.end;
        let row = self.header.width as usize * usize::from(self.header.layout.channels);
        Ok(Read::Rows(samples.rows().slice(strip.start as usize * row..strip.end as usize * row)))
    }
}
