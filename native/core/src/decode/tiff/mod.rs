//! TIFF and BigTIFF, row by row, as they are decompressed.
//! Specifications: TIFF 6.0, Adobe's Technical Notes 1 to 3, and
//! <https://www.awaresystems.be/imaging/tiff/bigtiff.html>.
//!
//! A strip's rows are handed over as they come. Where tiles lie side by side, one row of tiles is
//! kept. Samples that lie in planes are decoded in all planes at once. Only the first picture of a
//! file is looked at.

mod band;
mod chunks;
mod compression;
mod description;
mod directory;
mod floats;
mod lane;
mod logs;
mod predictor;
mod rows;
mod samples;
mod unpack;
mod ycbcr;

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use self::band::Band;
use self::chunks::Chunks;
use self::compression::OldJpeg;
use self::description::{Color, Compression, Description};
use self::directory::{Directory, Field, Fields};
use self::lane::Quota;
use self::rows::ChunkRows;
use self::samples::{Conversion, RowMut};
use self::ycbcr::YCbCr;
use super::source::{Position, RowSource, Source};
use crate::limits::Limit;
use crate::picture::Rows;
use crate::{ColorSpace, Error, Format, Info, Metadata, Samples};

struct Tiff {
    info: Info,
    rows: ChunkRows,
    position: Position,
    memory: u64,
    /// Uncompressed bytes of one row of the picture.
    row_bytes: usize,
    kept: Kept,
}

enum Kept {
    /// The latest rows.
    Strip(Samples),
    Tiles(Tiles),
}

/// Tiles that lie side by side.
struct Tiles {
    band: Option<Band>,
    width: u32,
    height: u32,
    across: u32,
    /// The tile that is being decoded, and the next row of it.
    column: u32,
    row: u32,
    /// Rows of the picture before this one are complete.
    ready: u32,
}

/// Rows are handed over in strips of about so many bytes, or one at a time.
const STRIP_BYTES: usize = 64 << 10;

/// The most that one step decompresses on the way to its rows.
const STEP_BYTES: usize = 64 << 10;

/// What may be decompressed for a picture: this for a start, so much for each byte of the input,
/// and so much for each pixel. That holds four times the pixels of RGBA floats, where tiles reach
/// over the picture's edge, or a column of tiles of 512 by 512 for a picture that is next to
/// nothing wide.
const MAX_BYTES: u64 = 64 << 20;
const MAX_BYTES_PER_BYTE: u64 = 128;
const MAX_BYTES_PER_PIXEL: u64 = 64;

/// Reads the directory. What is said of the picture may be more than there is of it.
pub(super) fn open(input: Bytes) -> Result<Source, Error> {
    let mut tiff = Tiff::open(input)?;
    let info = tiff.info.clone();
    Ok(Source::new(info, move |options, _| {
        tiff.rows.on_damage(options.on_damage)?;
        Ok(Box::new(tiff))
    }))
}

impl Tiff {
    fn open(input: Bytes) -> Result<Self, Error> {
        let (directory, fields) = Directory::open(&input)?.picture(&input)?;
        let picture = Description::read(&input, &directory, &fields)?;
        let (chunks, old_jpeg) = chunks(&input, &fields, &picture)?;
        let decoded = decoded_bytes(&picture, &chunks);
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let most = MAX_BYTES
            .saturating_add((input.len() as u64).saturating_mul(MAX_BYTES_PER_BYTE))
            .saturating_add(pixels.saturating_mul(MAX_BYTES_PER_PIXEL));
        Limit::MaxMemory.check(decoded, most)?;
        let color = match metadata(&input, fields.icc) {
            Some(profile) => ColorSpace::Icc(profile),
            None => ColorSpace::default(),
        };
        let (xmp, iptc) = (metadata(&input, fields.xmp), metadata(&input, fields.iptc));
        let mut info = Info {
            premultiplied: picture.alpha == description::Alpha::Associated,
            orientation: picture.orientation,
            color,
            metadata: Metadata { exif: None, xmp, iptc },
            is_scene: matches!(picture.color, Color::LogL | Color::LogLuv),
            ..Info::new(Format::Tiff, picture.width, picture.height, picture.layout())
        };
        info.nanos.all = decode_nanos(&picture, &chunks, decoded);
        // It is EXIF itself: what a directory says of the picture stands in it.
        info.metadata.exif = Some(input.clone());
        let kept = if chunks.across > 1 {
            let (width, height) = (chunks.width, chunks.height.min(picture.height));
            let across = chunks.across;
            Kept::Tiles(Tiles { band: None, width, height, across, column: 0, row: 0, ready: 0 })
        } else {
            Kept::Strip(Samples::zeroed(info.layout.depth, 0)?)
        };
        let row_bytes =
            picture.chunk_row_bytes(picture.width).saturating_mul(picture.planes() as u64);
        let tables = match fields.jpeg_tables {
            Some(tables) if picture.compression == Compression::Jpeg => tables.bytes(&input)?,
            _ => Bytes::new(),
        };
        let conversion = conversion(&input, &fields, &picture)?;
        let rows = ChunkRows::new(input, picture, chunks, conversion).with_jpeg_tables(tables);
        let rows = match old_jpeg {
            Some(old_jpeg) => rows.of_old_jpeg(old_jpeg),
            None => rows,
        };
        let mut tiff = Tiff {
            position: Position::start(info.height),
            info,
            memory: 0,
            row_bytes: usize::try_from(row_bytes).unwrap_or(usize::MAX),
            kept,
            rows,
        };
        tiff.memory = tiff.rows.memory()?.saturating_add(tiff.kept_bytes());
        Ok(tiff)
    }

    /// Samples of a row of the picture.
    fn row_len(&self) -> usize {
        self.info.width as usize * usize::from(self.info.layout.channels)
    }

    /// Rows that are handed over together.
    fn rows_together(&self) -> u32 {
        let rows = STRIP_BYTES / self.info.row_bytes().max(1);
        rows.clamp(1, self.info.height as usize) as u32
    }

    fn kept_bytes(&self) -> u64 {
        let rows = match &self.kept {
            Kept::Strip(_) => self.rows_together(),
            Kept::Tiles(tiles) => tiles.height,
        };
        self.info.row_bytes() as u64 * u64::from(rows)
    }

    /// Decodes up to `rows` rows, as far as the quota goes.
    fn read_strip(&mut self, rows: u32, quota: &mut Quota) -> Result<Poll<Rows<'_>>, Error> {
        let row_len = self.row_len();
        let together = self.rows_together();
        let Kept::Strip(strip) = &mut self.kept else { return Err(Error::Internal) };
        let depth = self.info.layout.depth;
        let rows = self.position.strip(rows.min(together));
        if strip.bytes().len() < rows.len() * row_len * depth.bytes() {
            *strip = Samples::zeroed(depth, together as usize * row_len)?;
        }
        let mut read = 0;
        for row in rows {
            let to = RowMut::of(strip, read * row_len..(read + 1) * row_len);
            match self.rows.next(row, 0, quota, to) {
                Ok(true) => read += 1,
                Ok(false) => break,
                // Rows that are there count, however many were asked for: it comes again.
                Err(_) if read > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.position.next += read as u32;
        Ok(if read == 0 {
            Poll::Working
        } else {
            Poll::Ready(strip.rows().slice(0..read * row_len))
        })
    }

    /// Hands over rows of the tiles, or gets closer to having all tiles of a row.
    fn read_tiles(&mut self, rows: u32, quota: &mut Quota) -> Result<Poll<Rows<'_>>, Error> {
        let row_len = self.row_len();
        let &Info { width, height, layout, .. } = &self.info;
        let channels = usize::from(layout.channels);
        let Kept::Tiles(tiles) = &mut self.kept else { return Err(Error::Internal) };
        let next = self.position.next;
        if tiles.band.is_none() {
            tiles.band = Some(Band::new(layout.depth, row_len * tiles.height as usize)?);
        }
        let band = tiles.band.as_mut().ok_or(Error::Internal)?;
        if !band.grow() {
            return Ok(Poll::Working);
        }
        if next < tiles.ready {
            let top = next - next % tiles.height;
            let rows =
                self.position.strip(rows).start..self.position.strip(rows).end.min(tiles.ready);
            self.position.next = rows.end;
            let from = (rows.start - top) as usize * row_len;
            return Ok(Poll::Ready(band.rows(from..from + rows.len() * row_len)));
        }
        let band_rows = tiles.height.min(height - next);
        loop {
            let left = tiles.column * tiles.width;
            let columns = tiles.width.min(width - left);
            let start = tiles.row as usize * row_len + left as usize * channels;
            let to = band.row_mut(start..start + columns as usize * channels);
            if !self.rows.next(next + tiles.row, tiles.column, quota, to)? {
                return Ok(Poll::Working);
            }
            tiles.row += 1;
            if tiles.row == band_rows {
                (tiles.row, tiles.column) = (0, tiles.column + 1);
            }
            if tiles.column == tiles.across {
                (tiles.column, tiles.ready) = (0, next + band_rows);
                return Ok(Poll::Working);
            }
        }
    }
}

impl RowSource for Tiff {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        let (row, least) = (self.info.row_nanos(), self.rows.least_nanos());
        match &self.kept {
            Kept::Strip(_) => row.max(least),
            Kept::Tiles(tiles) if self.position.next < tiles.ready => 0,
            Kept::Tiles(tiles) => (row / u64::from(tiles.across)).max(least),
        }
    }

    fn memory(&self) -> u64 {
        self.memory
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.rows.prepare()? {
            return Ok(Poll::Working);
        }
        let rows = max_rows.max(1);
        let mut quota = Quota::new((rows as usize).saturating_mul(self.row_bytes).min(STEP_BYTES));
        match self.kept {
            Kept::Strip(_) => self.read_strip(rows, &mut quota),
            Kept::Tiles(_) => self.read_tiles(rows, &mut quota),
        }
    }
}

/// The chunks that are decoded: all of an old JPEG is one.
fn chunks(
    input: &[u8],
    fields: &Fields,
    picture: &Description,
) -> Result<(Chunks, Option<OldJpeg>), Error> {
    if picture.compression != Compression::OldJpeg {
        return Ok((Chunks::read(input, fields, picture)?, None));
    }
    let chunks = Chunks::read(input, fields, picture)?;
    if chunks.across > 1 {
        return Err(Error::Unsupported(Format::Tiff));
    }
    let size = (picture.width, picture.height);
    let components = picture.jpeg_color().components();
    let old_jpeg = OldJpeg::read(input, fields, chunks, size, components)?;
    Ok((chunks.whole(picture), Some(old_jpeg)))
}

/// The most of any metadata that is looked at.
const MAX_METADATA_BYTES: usize = 4 << 20;

/// The values of a field, if they are there and not too many.
fn metadata(input: &Bytes, field: Option<Field>) -> Option<Bytes> {
    let bytes = field?.bytes(input).ok()?;
    (!bytes.is_empty() && bytes.len() <= MAX_METADATA_BYTES).then_some(bytes)
}

fn conversion(input: &Bytes, fields: &Fields, picture: &Description) -> Result<Conversion, Error> {
    let samples = if picture.planar { picture.planes() } else { picture.samples };
    let conversion = Conversion::new(picture, samples);
    match picture.color {
        Color::Palette => {
            let map = fields.color_map.ok_or(Error::invalid(Format::Tiff))?;
            conversion.with_palette(input, &map)
        }
        Color::YCbCr if picture.is_jpeg_of_rgb() => Ok(conversion.of_rgb()),
        Color::YCbCr => Ok(conversion.with_ycbcr(YCbCr::new(input, fields))),
        _ => Ok(conversion),
    }
}

/// What all chunks that are seen hold, padding on their right included.
fn decoded_bytes(picture: &Description, chunks: &Chunks) -> u64 {
    picture
        .chunk_row_bytes(chunks.width)
        .saturating_mul(chunks.across.into())
        .saturating_mul(picture.planes() as u64)
        .saturating_mul(picture.height.div_ceil(picture.rows_together()).into())
}

fn decode_nanos(picture: &Description, chunks: &Chunks, decoded: u64) -> u64 {
    let (per_byte, per_chunk) = match picture.compression {
        Compression::None => (1, 100),
        Compression::PackBits | Compression::SgiLog => (2, 200),
        Compression::SgiLog24 => (1, 100),
        Compression::Lzw => (4, 200),
        Compression::Deflate => (5, 500),
        Compression::Fax(_) => (20, 200),
        Compression::Zstd => (4, 5_000),
        Compression::Webp => (10, 50_000),
        Compression::Jpeg | Compression::OldJpeg if picture.is_deep_jpeg => (40, 50_000),
        Compression::Jpeg | Compression::OldJpeg => (10, 50_000),
    };
    let each = |one: u32, other: u32, times: usize| {
        (u64::from(one) * u64::from(other)).saturating_mul(times as u64)
    };
    let per_sample = match picture.color {
        Color::LogL | Color::LogLuv => 40,
        _ => 2,
    };
    let chunks = each(chunks.across, chunks.down, picture.planes());
    let samples = each(picture.width, picture.height, picture.used_samples());
    decoded
        .saturating_mul(per_byte)
        .saturating_add(chunks.saturating_mul(per_chunk))
        .saturating_add(samples.saturating_mul(per_sample))
}

const OPEN_NANOS: u64 = 20_000;

/// Of an entry of the directory, and of the length of a chunk, where all of them are looked at.
const ENTRY_NANOS: u64 = 4;

/// The entries that may be looked at to estimate how long it takes to look at them.
const FEW_ENTRIES: usize = 1_000;

/// The estimated nanoseconds of [`Tiff::open`].
pub(super) fn header_nanos(input: &[u8]) -> u64 {
    let Ok(directory) = Directory::open(input) else { return OPEN_NANOS };
    let lengths = if directory.entries > FEW_ENTRIES {
        input.len() as u64 / 4
    } else {
        let fields = directory.picture(input).map(|(_, fields)| fields).unwrap_or_default();
        Chunks::byte_counts_to_read(input, &fields).map_or(0, |counts| counts.there(input))
    };
    OPEN_NANOS + (directory.entries as u64).saturating_add(lengths) * ENTRY_NANOS
}
