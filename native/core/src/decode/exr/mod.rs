//! OpenEXR, by chunks: the container is read here, and so are most compressions; the crate `exr` is
//! given single chunks of the others, whose sizes were checked.
//!
//! The first part that has red, green and blue is shown, in its largest level; if there is none,
//! one with luminance, with colors in a layer, or with some of the colors. A chunk is decompressed
//! in one step, so that one which takes long is refused; those that do not touch the display window
//! are not looked at.

mod chunk;
mod header;
mod huffman;
mod inflate;
mod lossy;
mod piz;

use std::ops::Range;

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use self::chunk::{Decompressor, convert};
use self::header::{Channel, Compression, INVALID, Part, TRUNCATED};
use super::source::{Position, RowSource};
use crate::limits::Limit;
use crate::picture::{Growing, Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout};

/// The estimated nanoseconds of [`Exr::open`]. Stops counting at `most`.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    header::nanos(input, most)
}

/// The longest that one chunk may be estimated to take: nothing can stop it in between.
const MAX_CHUNK_NANOS: u64 = 50_000_000;

/// What a file may take at most: so much for each of its bytes, and so much for each pixel shown.
const NANOS_PER_BYTE: u64 = 100;
const NANOS_PER_PIXEL: u64 = 50;
/// And this in any case, so that small pictures need not be looked at.
const ANY_NANOS: u64 = 2_000_000;

/// Rows that the data window does not fill are handed over in strips of this many samples.
const STRIP_SAMPLES: usize = 16 << 10;

/// The table that DWA has built once.
const PREPARE_NANOS: u64 = 5_000_000;

/// Nanoseconds of a chunk, of each byte of its pixels, and of each byte that it has in the file.
struct Rates {
    once: u64,
    pixel_byte: f64,
    file_byte: f64,
}

/// A stretch of one axis that both windows share.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// In the display window.
    display: u32,
    /// In the data window.
    data: u32,
    len: u32,
}

impl Shown {
    fn of(data: (i64, u32), display: (i64, u32)) -> Self {
        let start = data.0.max(display.0);
        let end = (data.0 + i64::from(data.1)).min(display.0 + i64::from(display.1));
        if end <= start {
            return Shown::default();
        }
        Shown {
            display: (start - display.0) as u32,
            data: (start - data.0) as u32,
            len: (end - start) as u32,
        }
    }

    fn data_end(&self) -> u32 {
        self.data + self.len
    }
}

pub(super) struct Exr {
    input: Bytes,
    info: Info,
    part: Part,
    /// What becomes of a pixel. A channel that is not there is 0.
    channels: Vec<Option<Channel>>,
    columns: Shown,
    rows: Shown,
    position: Position,
    decoding: Option<Decoding>,
}

/// What is held from the first step on.
struct Decoding {
    decompressor: Decompressor,
    /// The latest chunk, decompressed.
    chunk: Vec<u8>,
    /// The lines of a row of chunks, as far as they are shown.
    band: Growing<f32>,
    /// Rows of which a part or all is blank.
    strip: Vec<f32>,
    /// The row of chunks that the band is for, and the chunk of it that comes next.
    row: u32,
    next: u32,
}

impl Exr {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let part = header::read(&input)?;
        let channels = part.channels.shown().ok_or(Error::Internal)?;
        let (data, display) = (part.data, part.display);
        let layout = Layout::new(channels.len() as u8, Depth::F32);
        let mut info = Info::new(Format::Openexr, display.width, display.height, layout);
        // By the specification.
        info.premultiplied = true;
        let mut exr = Exr {
            info,
            channels,
            columns: Shown::of((data.x, data.width), (display.x, display.width)),
            rows: Shown::of((data.y, data.height), (display.y, display.height)),
            position: Position::start(display.height),
            decoding: None,
            part,
            input,
        };
        let of_bytes = exr.input.len() as f64 * exr.rates().file_byte;
        exr.info.nanos.all = exr.nanos().saturating_add(of_bytes as u64);
        Ok(exr)
    }

    /// The chunks that are shown, from the first to the one after the last, across and down.
    fn shown(&self) -> [Range<u32>; 2] {
        let range = |shown: Shown, size: u32| match shown.len {
            0 => 0..0,
            _ => shown.data / size..shown.data_end().div_ceil(size),
        };
        if self.columns.len == 0 || self.rows.len == 0 {
            return [0..0, 0..0];
        }
        [range(self.columns, self.part.chunk.0), range(self.rows, self.part.chunk.1)]
    }

    /// The bytes of a whole chunk's pixels.
    fn chunk_bytes(&self) -> u64 {
        let (width, height) = self.part.chunk;
        (u64::from(width) * u64::from(height)).saturating_mul(self.part.channels.pixel_bytes as u64)
    }

    fn band_bytes(&self) -> u64 {
        let rows = self.part.chunk.1.min(self.rows.len);
        u64::from(self.columns.len) * u64::from(rows) * self.info.layout.pixel_bytes() as u64
    }

    /// The rows of the data window that are shown of a row of chunks.
    fn band_rows(&self, row: u32) -> Range<u32> {
        let start = row * self.part.chunk.1;
        start.max(self.rows.data)..self.rows.data_end().min(start + self.part.chunk.1)
    }

    fn strip_samples(&self) -> usize {
        STRIP_SAMPLES.max(self.row_samples())
    }

    /// The samples of a row of the band.
    fn band_samples(&self) -> usize {
        self.columns.len as usize * self.channels.len()
    }

    fn row_samples(&self) -> usize {
        self.info.width as usize * self.channels.len()
    }

    fn rates(&self) -> Rates {
        // Measured on one core of a 2.6 GHz Xeon, on pictures of one color, of slopes with noise,
        // and of noise alone.
        let (once, pixel_byte, file_byte) = match self.part.compression {
            Compression::None => (300, 0.3, 0.0),
            Compression::Rle => (500, 1.2, 0.5),
            Compression::Zips | Compression::Zip | Compression::Pxr24 => (1_500, 1.2, 6.0),
            Compression::Piz => (3_000, 2.0, 6.0),
            Compression::B44 | Compression::B44a => (1_500, 3.0, 1.0),
            Compression::Dwaa | Compression::Dwab => (20_000, 2.5, 12.0),
        };
        Rates { once, pixel_byte, file_byte }
    }

    /// The estimated nanoseconds of a chunk of `packed` bytes in the file with `bytes` bytes of
    /// pixels, of which so many pixels are shown.
    fn chunk_nanos(&self, packed: u64, bytes: u64, pixels: u64) -> u64 {
        let Rates { once, pixel_byte, file_byte } = self.rates();
        let nanos = packed as f64 * file_byte + bytes as f64 * pixel_byte;
        (nanos as u64).saturating_add(once).saturating_add(self.convert_nanos(pixels))
    }

    /// The same of the longest one that may come. With noise, compressed chunks are about as large
    /// as their pixels.
    fn longest_nanos(&self) -> u64 {
        let (width, height) = self.part.chunk;
        let packed = match self.part.compression {
            Compression::Zips | Compression::Zip | Compression::Pxr24 | Compression::Piz => {
                self.chunk_bytes() / 3
            }
            Compression::Dwaa | Compression::Dwab => self.chunk_bytes() / 4,
            _ => self.chunk_bytes(),
        };
        self.chunk_nanos(packed, self.chunk_bytes(), u64::from(width) * u64::from(height))
    }

    fn convert_nanos(&self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.channels.len() as u64) / 2
    }

    /// What all chunks that are shown take whatever they hold.
    fn nanos(&self) -> u64 {
        let [across, down] = self.shown();
        let chunks = across.len() as u64 * down.len() as u64;
        // The last ones may be smaller.
        let (width, height) = self.part.chunk;
        let pixels = |range: &Range<u32>, size: u32, all: u32| {
            u64::from(range.end).saturating_mul(size.into()).min(all.into())
                - u64::from(range.start) * u64::from(size)
        };
        let data = self.part.data;
        let pixels = pixels(&across, width, data.width) * pixels(&down, height, data.height);
        let bytes = pixels.saturating_mul(self.part.channels.pixel_bytes as u64);
        let Rates { once, pixel_byte, .. } = self.rates();
        let nanos = chunks.saturating_mul(once).saturating_add((bytes as f64 * pixel_byte) as u64);
        nanos.saturating_add(self.convert_nanos(self.info.pixels()))
    }

    /// Refuses what takes too long or too much.
    fn check(&self) -> Result<(), Error> {
        let longest = self.longest_nanos();
        if longest > MAX_CHUNK_NANOS {
            // In bytes, as nearly as the rest of it allows.
            let maximum =
                (self.chunk_bytes() as f64 * MAX_CHUNK_NANOS as f64 / longest as f64) as u64;
            Limit::MaxMemory.check(self.chunk_bytes(), maximum)?;
        }
        // What each byte takes in any case is taken off what it allows.
        let per_byte = NANOS_PER_BYTE - self.rates().file_byte as u64;
        let most = (self.input.len() as u64 * per_byte)
            .saturating_add(self.info.pixels().saturating_mul(NANOS_PER_PIXEL))
            .max(ANY_NANOS);
        let nanos = self.nanos();
        if nanos > most {
            let (value, maximum) = (nanos / NANOS_PER_BYTE, most / NANOS_PER_BYTE);
            return Err(Error::Limit { limit: Limit::MaxBytesIn, value, maximum });
        }
        Ok(())
    }

    fn start(&self) -> Result<Decoding, Error> {
        self.check()?;
        let bytes = self.chunk_bytes() as usize;
        let [across, down] = self.shown();
        Ok(Decoding {
            decompressor: Decompressor::new(&self.part, &self.input, bytes)?,
            chunk: zeroed(bytes)?,
            band: Growing::new(self.band_bytes() as usize / 4)?,
            strip: zeroed(self.strip_samples())?,
            row: down.start,
            next: across.start,
        })
    }

    /// The bytes of a chunk in the file, whose place in the grid must be the one that it says.
    fn packed(&self, column: u32, row: u32) -> Result<&[u8], Error> {
        let index = row as usize * self.part.grid().0 as usize + column as usize;
        let field = |at: usize| -> Result<u32, Error> {
            let bytes =
                self.input.get(at..).and_then(|rest| rest.first_chunk()).ok_or(TRUNCATED)?;
            Ok(u32::from_le_bytes(*bytes))
        };
        let entry = self.part.table + index * 8;
        let offset = u64::from(field(entry)?) | u64::from(field(entry + 4)?) << 32;
        // Of an entry that was never written, there is no chunk.
        let mut at =
            usize::try_from(offset).ok().filter(|&at| at < self.input.len()).ok_or(TRUNCATED)?;
        let mut next = || {
            at += 4;
            field(at - 4)
        };
        if let Some(number) = self.part.number
            && next()? != number
        {
            return Err(INVALID);
        }
        let is_right = if self.part.tiled {
            [next()?, next()?, next()?, next()?] == [column, row, 0, 0]
        } else {
            i64::from(next()? as i32)
                == self.part.data.y + i64::from(row) * i64::from(self.part.chunk.1)
        };
        let len = next()?;
        // Where compression does not help, chunks are not compressed.
        if !is_right || u64::from(len) > self.chunk_bytes() {
            return Err(INVALID);
        }
        self.input.get(at..).and_then(|rest| rest.get(..len as usize)).ok_or(TRUNCATED)
    }

    /// The width and height of a chunk, less at the right and at the bottom.
    fn size(&self, column: u32, row: u32) -> (u32, u32) {
        let (width, height) = self.part.chunk;
        let data = self.part.data;
        (width.min(data.width - column * width), height.min(data.height - row * height))
    }

    /// Decompresses the next chunk of the band, or gets closer to it, and lays it into the band as
    /// far as it is shown.
    fn decode_chunk(&self, decoding: &mut Decoding) -> Result<(), Error> {
        let Decoding { decompressor, chunk, band, row, next, .. } = decoding;
        let (column, row) = (*next, *row);
        let (width, height) = self.size(column, row);
        let line = width as usize * self.part.channels.pixel_bytes;
        let pixels = chunk.get_mut(..line * height as usize).ok_or(Error::Internal)?;
        if !decompressor.decompress(self.packed(column, row)?, width as usize, pixels)? {
            return Ok(());
        }

        let left = column * self.part.chunk.0;
        let from = left.max(self.columns.data);
        let shown = (left + width).min(self.columns.data_end()).saturating_sub(from) as usize;
        let to = (from - self.columns.data) as usize * self.channels.len();
        let step = self.channels.len();
        let above = (self.band_rows(row).start - row * self.part.chunk.1) as usize;
        let lines = pixels.chunks_exact(line).skip(above);
        for (line, out) in lines.zip(band.get_mut().chunks_exact_mut(self.band_samples())) {
            let out = out.get_mut(to..to + shown * step).ok_or(Error::Internal)?;
            for (place, &channel) in self.channels.iter().enumerate() {
                let Some(channel) = channel else { continue };
                let out = out.get_mut(place..).unwrap_or(&mut []);
                convert(line, width as usize, channel, (from - left) as usize, out, step);
            }
        }
        *next += 1;
        Ok(())
    }

    /// The row of the data window that comes next, or how many rows of the display window are blank
    /// from here on.
    fn next_row(&self) -> Result<u32, u32> {
        let next = self.position.next;
        let Shown { display, data, len } = self.rows;
        if len == 0 || self.columns.len == 0 || next >= display + len {
            Err(self.info.height - next)
        } else if next < display {
            Err(display - next)
        } else {
            Ok(data + next - display)
        }
    }
}

impl RowSource for Exr {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        let [across, down] = self.shown();
        let (column, row) = match &self.decoding {
            None if self.part.compression.is_dwa() => return PREPARE_NANOS,
            None => return 20_000 + self.chunk_bytes() / 4,
            Some(decoding) => (decoding.next, decoding.row),
        };
        match self.next_row() {
            Ok(next)
                if row < down.end && (column < across.end || next / self.part.chunk.1 != row) =>
            {
                let (width, height) = self.size(across.start.max(column.min(across.end - 1)), row);
                let pixels = u64::from(width) * u64::from(height);
                let packed = self.packed(column.min(across.end - 1), row).map_or(0, <[u8]>::len);
                self.chunk_nanos(
                    packed as u64,
                    pixels * self.part.channels.pixel_bytes as u64,
                    pixels,
                )
            }
            _ => 0,
        }
    }

    fn memory(&self) -> u64 {
        Decompressor::memory(&self.part, self.chunk_bytes())
            .saturating_add(self.band_bytes())
            .saturating_add(self.strip_samples() as u64 * 4)
            .saturating_add(self.part.channels.kinds.len() as u64 * 2)
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let Some(mut decoding) = self.decoding.take() else {
            self.decoding = Some(self.start()?);
            return Ok(Poll::Working);
        };
        let samples = self.row_samples();
        let strip = self.position.strip(max_rows);
        let next = match self.next_row() {
            Err(blank) => {
                let rows = strip.len().min(blank as usize).min(self.strip_samples() / samples);
                self.position.next += rows as u32;
                let Decoding { strip, .. } = self.decoding.insert(decoding);
                let blank = &mut strip[..rows * samples];
                blank.fill(0.0);
                return Ok(Poll::Ready(Rows::F32(blank)));
            }
            Ok(next) => next,
        };
        let [across, _] = self.shown();
        let height = self.part.chunk.1;
        if next / height != decoding.row {
            (decoding.row, decoding.next) = (next / height, across.start);
        }
        if decoding.next < across.end {
            if decoding.band.grow() {
                self.decode_chunk(&mut decoding)?;
            }
            self.decoding = Some(decoding);
            return Ok(Poll::Working);
        }
        let band = self.band_rows(decoding.row);
        let rows = strip.len().min((band.end - next) as usize);
        let stride = self.band_samples();
        let from = (next - band.start) as usize * stride;
        if stride == samples {
            self.position.next += rows as u32;
            let Decoding { band, .. } = self.decoding.insert(decoding);
            return Ok(Poll::Ready(Rows::F32(&band.get()[from..from + rows * stride])));
        }
        // Beside the data window, rows are blank.
        let rows = rows.min(self.strip_samples() / samples);
        self.position.next += rows as u32;
        let left = self.columns.display as usize * self.channels.len();
        let Decoding { band, strip, .. } = self.decoding.insert(decoding);
        let strip = &mut strip[..rows * samples];
        strip.fill(0.0);
        for (row, shown) in
            strip.chunks_exact_mut(samples).zip(band.get()[from..].chunks_exact(stride))
        {
            row[left..left + stride].copy_from_slice(shown);
        }
        Ok(Poll::Ready(Rows::F32(strip)))
    }
}
