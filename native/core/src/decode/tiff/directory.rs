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

    fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            ByteOrder::Little => u64::from_le_bytes(bytes),
            ByteOrder::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// The first directory of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub order: ByteOrder,
    big: bool,
    /// Where the first entry is, and how many there are, all of them within the file.
    start: usize,
    pub entries: usize,
}

impl Directory {
    /// Finds the entries, and looks at none of them.
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
        let offset = if big {
            order.u64(bytes_at(input, 8)?)
        } else {
            order.u32(bytes_at(input, 4)?).into()
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
}

impl Fields {
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
            _ => return None,
        })
    }
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unsigned(usize),
    Signed(usize),
    /// Text, fractions and floats, which are no number that is asked for here.
    Other(usize),
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
            2 => Kind::Other(1),
            11 => Kind::Other(4),
            5 | 10 | 12 => Kind::Other(8),
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) | Kind::Other(bytes) => bytes,
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
    /// One of the values.
    pub(super) fn get(&self, input: &[u8], index: u64) -> Result<u64, Error> {
        let invalid = Error::invalid(Format::Tiff);
        let truncated = Error::truncated(Format::Tiff);
        if index >= self.count {
            return Err(invalid);
        }
        let at = usize::try_from(index)
            .ok()
            .and_then(|index| index.checked_mul(self.kind.bytes())?.checked_add(self.start))
            .ok_or(truncated)?;
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
            Kind::Other(_) => Err(invalid),
        }
    }

    /// The only value, or the first one.
    pub(super) fn first<T: TryFrom<u64>>(&self, input: &[u8]) -> Result<T, Error> {
        T::try_from(self.get(input, 0)?).map_err(|_| Error::invalid(Format::Tiff))
    }

    /// Values of one byte each.
    pub(super) fn bytes(&self, input: &Bytes) -> Result<Bytes, Error> {
        if self.kind != Kind::Unsigned(1) {
            return Err(Error::invalid(Format::Tiff));
        }
        let end = usize::try_from(self.count).ok().and_then(|count| self.start.checked_add(count));
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
