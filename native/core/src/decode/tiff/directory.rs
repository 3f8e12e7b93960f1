//! The image file directory: which fields there are, and the numbers that they hold. Nothing is
//! collected: a field knows where in the file its values are, and they are read there one by one.

use bytes::Bytes;

use crate::{Error, Format};

/// What numbers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            ByteOrder::Little => u64::from_le_bytes(bytes),
            ByteOrder::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// A directory of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub order: ByteOrder,
    big: bool,
    /// Where the first entry is, and how many there are, all of them within the file.
    start: usize,
    pub entries: usize,
}

impl Directory {
    /// Finds the entries of the first one, and looks at none of them.
    pub(super) fn open(input: &[u8]) -> Result<Directory, Error> {
        let truncated = Error::truncated(Format::Tiff);
        let invalid = Error::invalid(Format::Tiff);
        let order = match input.first_chunk() {
            Some(b"II") => ByteOrder::Little,
            Some(b"MM") => ByteOrder::Big,
            Some(_) => return Err(invalid),
            None => return Err(truncated),
        };
        let big = match order.u16(bytes_at(input, 2)?) {
            42 => false,
            // With the size of an offset, and a zero.
            43 if order.u16(bytes_at(input, 4)?) == 8 && order.u16(bytes_at(input, 6)?) == 0 => {
                true
            }
            _ => return Err(invalid),
        };
        Directory::at(input, order, big, if big { 8 } else { 4 })
    }

    /// The one whose offset stands in some place.
    fn at(input: &[u8], order: ByteOrder, big: bool, place: usize) -> Result<Directory, Error> {
        let truncated = Error::truncated(Format::Tiff);
        let offset = if big {
            order.u64(bytes_at(input, place)?)
        } else {
            order.u32(bytes_at(input, place)?).into()
        };
        let offset = usize::try_from(offset).map_err(|_| truncated)?;
        let (count, start) = if big {
            (order.u64(bytes_at(input, offset)?), offset.saturating_add(8))
        } else {
            (order.u16(bytes_at(input, offset)?).into(), offset.saturating_add(2))
        };
        let there = input.len().saturating_sub(start) / entry_bytes(big);
        let entries = usize::try_from(count).map_err(|_| truncated)?;
        if entries > there {
            return Err(truncated);
        }
        Ok(Directory { order, big, start, entries })
    }

    /// The one behind it, if there is any.
    fn next(&self, input: &[u8]) -> Option<Directory> {
        let end = self.start + self.entries * entry_bytes(self.big);
        Directory::at(input, self.order, self.big, end).ok()
    }

    /// The first directory from this one on that is of a picture, and its fields. This one, where
    /// none is.
    pub(super) fn picture(self, input: &[u8]) -> Result<(Directory, Fields), Error> {
        let (mut directory, mut entries) = (self, 0);
        for _ in 0..MAX_DIRECTORIES {
            entries += directory.entries;
            if directory.start != self.start && entries > MAX_ENTRIES {
                break;
            }
            let fields = directory.fields(input)?;
            if fields.width.is_some() && fields.height.is_some() && fields.has_data() {
                return Ok((directory, fields));
            }
            match directory.next(input) {
                Some(next) => directory = next,
                None => break,
            }
        }
        Ok((self, self.fields(input)?))
    }

    /// Passes over the entries once. Of two with the same tag the later one counts.
    pub(super) fn fields(&self, input: &[u8]) -> Result<Fields, Error> {
        let mut fields = Fields::default();
        let size = entry_bytes(self.big);
        let entries = input.get(self.start..).unwrap_or_default().chunks_exact(size);
        for (index, entry) in entries.take(self.entries).enumerate() {
            let tag = self.order.u16([entry[0], entry[1]]);
            if let Some(field) = fields.of(tag)
                && let Some(found) = self.field(input, self.start + index * size)?
            {
                *field = Some(found);
            }
        }
        Ok(fields)
    }

    /// `None` for a type that is not known, which the specification says to skip.
    fn field(&self, input: &[u8], at: usize) -> Result<Option<Field>, Error> {
        let order = self.order;
        let Some(kind) = Kind::of(order.u16(bytes_at(input, at + 2)?)) else { return Ok(None) };
        let (count, value) = if self.big {
            (order.u64(bytes_at(input, at + 4)?), at + 12)
        } else {
            (order.u32(bytes_at(input, at + 4)?).into(), at + 8)
        };
        let inline = if self.big { 8 } else { 4 };
        let start = if count.saturating_mul(kind.bytes() as u64) <= inline {
            value
        } else if self.big {
            usize::try_from(order.u64(bytes_at(input, value)?)).unwrap_or(usize::MAX)
        } else {
            order.u32(bytes_at(input, value)?) as usize
        };
        Ok(Some(Field { kind, count, start, order }))
    }
}

/// Directories that are looked at, and their entries, where the first one is of no picture.
const MAX_DIRECTORIES: usize = 8;
const MAX_ENTRIES: usize = 1_000;

fn entry_bytes(big: bool) -> usize {
    if big { 20 } else { 12 }
}

fn bytes_at<const N: usize>(input: &[u8], at: usize) -> Result<[u8; N], Error> {
    let bytes = input.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or(Error::truncated(Format::Tiff))
}

/// The fields that a picture is decoded by.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub width: Option<Field>,
    pub height: Option<Field>,
    pub bits_per_sample: Option<Field>,
    pub compression: Option<Field>,
    pub photometric: Option<Field>,
    pub fill_order: Option<Field>,
    pub strip_offsets: Option<Field>,
    pub orientation: Option<Field>,
    pub samples_per_pixel: Option<Field>,
    pub rows_per_strip: Option<Field>,
    pub strip_byte_counts: Option<Field>,
    pub planar_configuration: Option<Field>,
    pub predictor: Option<Field>,
    pub color_map: Option<Field>,
    pub tile_width: Option<Field>,
    pub tile_length: Option<Field>,
    pub tile_offsets: Option<Field>,
    pub tile_byte_counts: Option<Field>,
    pub extra_samples: Option<Field>,
    pub sample_format: Option<Field>,
    pub jpeg_tables: Option<Field>,
    pub t4_options: Option<Field>,
    pub jpeg_stream: Option<Field>,
    pub jpeg_stream_length: Option<Field>,
    pub jpeg_restart_interval: Option<Field>,
    pub jpeg_q_tables: Option<Field>,
    pub jpeg_dc_tables: Option<Field>,
    pub jpeg_ac_tables: Option<Field>,
    pub ycbcr_coefficients: Option<Field>,
    pub ycbcr_subsampling: Option<Field>,
    pub reference_black_white: Option<Field>,
    pub xmp: Option<Field>,
    pub iptc: Option<Field>,
    pub icc: Option<Field>,
}

impl Fields {
    /// Whether it is said where the pixels are.
    fn has_data(&self) -> bool {
        self.strip_offsets.is_some() || self.tile_offsets.is_some() || self.jpeg_stream.is_some()
    }

    /// The fields of both sides of tiles, where there are any.
    pub(super) fn tile_size(&self) -> Option<(Field, Field)> {
        self.tile_width.zip(self.tile_length)
    }

    /// Where chunks are, and how long. Some writers give tiles in the fields of strips.
    pub(super) fn data(&self) -> (Option<Field>, Option<Field>) {
        match self.tile_size() {
            Some(_) => (
                self.tile_offsets.or(self.strip_offsets),
                self.tile_byte_counts.or(self.strip_byte_counts),
            ),
            None => (
                self.strip_offsets.or(self.tile_offsets),
                self.strip_byte_counts.or(self.tile_byte_counts),
            ),
        }
    }

    fn of(&mut self, tag: u16) -> Option<&mut Option<Field>> {
        Some(match tag {
            256 => &mut self.width,
            257 => &mut self.height,
            258 => &mut self.bits_per_sample,
            259 => &mut self.compression,
            262 => &mut self.photometric,
            266 => &mut self.fill_order,
            273 => &mut self.strip_offsets,
            274 => &mut self.orientation,
            277 => &mut self.samples_per_pixel,
            278 => &mut self.rows_per_strip,
            279 => &mut self.strip_byte_counts,
            284 => &mut self.planar_configuration,
            317 => &mut self.predictor,
            320 => &mut self.color_map,
            322 => &mut self.tile_width,
            323 => &mut self.tile_length,
            324 => &mut self.tile_offsets,
            325 => &mut self.tile_byte_counts,
            338 => &mut self.extra_samples,
            339 => &mut self.sample_format,
            347 => &mut self.jpeg_tables,
            292 => &mut self.t4_options,
            513 => &mut self.jpeg_stream,
            514 => &mut self.jpeg_stream_length,
            515 => &mut self.jpeg_restart_interval,
            519 => &mut self.jpeg_q_tables,
            520 => &mut self.jpeg_dc_tables,
            521 => &mut self.jpeg_ac_tables,
            529 => &mut self.ycbcr_coefficients,
            530 => &mut self.ycbcr_subsampling,
            532 => &mut self.reference_black_white,
            700 => &mut self.xmp,
            33_723 => &mut self.iptc,
            34_675 => &mut self.icc,
            _ => return None,
        })
    }
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unsigned(usize),
    Signed(usize),
    /// Two integers, of which the second one divides the first.
    Fraction,
    SignedFraction,
    Float,
    Double,
    Text,
}

impl Kind {
    fn of(code: u16) -> Option<Kind> {
        Some(match code {
            1 | 7 => Kind::Unsigned(1),
            3 => Kind::Unsigned(2),
            4 | 13 => Kind::Unsigned(4),
            16 | 18 => Kind::Unsigned(8),
            6 => Kind::Signed(1),
            8 => Kind::Signed(2),
            9 => Kind::Signed(4),
            17 => Kind::Signed(8),
            2 => Kind::Text,
            5 => Kind::Fraction,
            10 => Kind::SignedFraction,
            11 => Kind::Float,
            12 => Kind::Double,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) => bytes,
            Kind::Text => 1,
            Kind::Float => 4,
            Kind::Fraction | Kind::SignedFraction | Kind::Double => 8,
        }
    }
}

/// An array of values somewhere in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    kind: Kind,
    pub count: u64,
    start: usize,
    order: ByteOrder,
}

impl Field {
    /// Where one of the values is.
    fn place(&self, index: u64) -> Result<usize, Error> {
        if index >= self.count {
            return Err(Error::invalid(Format::Tiff));
        }
        usize::try_from(index)
            .ok()
            .and_then(|index| index.checked_mul(self.kind.bytes())?.checked_add(self.start))
            .ok_or(Error::truncated(Format::Tiff))
    }

    /// One of the values, if it is a whole number that is not negative.
    pub(super) fn get(&self, input: &[u8], index: u64) -> Result<u64, Error> {
        let invalid = Error::invalid(Format::Tiff);
        let at = self.place(index)?;
        let order = self.order;
        match self.kind {
            Kind::Unsigned(1) => Ok(bytes_at::<1>(input, at)?[0].into()),
            Kind::Unsigned(2) => Ok(order.u16(bytes_at(input, at)?).into()),
            Kind::Unsigned(4) => Ok(order.u32(bytes_at(input, at)?).into()),
            Kind::Unsigned(_) => Ok(order.u64(bytes_at(input, at)?)),
            Kind::Signed(bytes) => {
                let signed = match bytes {
                    1 => i64::from(i8::from_ne_bytes(bytes_at(input, at)?)),
                    2 => i64::from(order.u16(bytes_at(input, at)?) as i16),
                    4 => i64::from(order.u32(bytes_at(input, at)?) as i32),
                    _ => order.u64(bytes_at(input, at)?) as i64,
                };
                u64::try_from(signed).map_err(|_| invalid)
            }
            Kind::Text => Err(invalid),
            _ => match self.real(input, index)? {
                real if real >= 0.0 && real.fract() == 0.0 => Ok(real as u64),
                _ => Err(invalid),
            },
        }
    }

    /// One of the values, as a number of any kind.
    pub(super) fn real(&self, input: &[u8], index: u64) -> Result<f64, Error> {
        let at = self.place(index)?;
        let order = self.order;
        let word = |at| Ok::<u32, Error>(order.u32(bytes_at(input, at)?));
        Ok(match self.kind {
            Kind::Fraction => f64::from(word(at)?) / f64::from(word(at + 4)?),
            Kind::SignedFraction => f64::from(word(at)? as i32) / f64::from(word(at + 4)? as i32),
            Kind::Float => f32::from_bits(word(at)?).into(),
            Kind::Double => f64::from_bits(order.u64(bytes_at(input, at)?)),
            _ => self.get(input, index)? as f64,
        })
    }

    /// The only value, or the first one.
    pub(super) fn first<T: TryFrom<u64>>(&self, input: &[u8]) -> Result<T, Error> {
        T::try_from(self.get(input, 0)?).map_err(|_| Error::invalid(Format::Tiff))
    }

    /// All of its values, as they lie in the file, if all of them are there.
    pub(super) fn bytes(&self, input: &Bytes) -> Result<Bytes, Error> {
        let end = usize::try_from(self.count)
            .ok()
            .and_then(|count| count.checked_mul(self.kind.bytes())?.checked_add(self.start));
        match end {
            Some(end) if end <= input.len() => Ok(input.slice(self.start..end)),
            _ => Err(Error::truncated(Format::Tiff)),
        }
    }

    /// How many of the values lie within the file.
    pub(super) fn there(&self, input: &[u8]) -> u64 {
        let bytes = input.len().saturating_sub(self.start);
        self.count.min((bytes / self.kind.bytes()) as u64)
    }
}
