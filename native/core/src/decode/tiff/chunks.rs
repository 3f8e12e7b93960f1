//! Strips and tiles: where they lie in the picture, and in the file.

use std::ops::Range;

use super::description::Description;
use super::directory::{Field, Fields};
use crate::{Error, Format};

/// A strip is a tile as wide as the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks {
    pub width: u32,
    pub height: u32,
    /// How many lie side by side, and one above the other.
    pub across: u32,
    pub down: u32,
    offsets: Field,
    byte_counts: Option<Field>,
}

/// The compression whose chunks are copied.
const JPEG: u64 = 7;

const INVALID: Error = Error::invalid(Format::Tiff);

impl Chunks {
    pub(super) fn read(
        input: &[u8],
        fields: &Fields,
        picture: &Description,
    ) -> Result<Self, Error> {
        let side = |field: Option<Field>| field.ok_or(INVALID)?.first::<u32>(input);
        let (width, height, offsets, byte_counts) = match fields.tile_offsets {
            Some(offsets) => (
                side(fields.tile_width)?,
                side(fields.tile_length)?,
                offsets,
                fields.tile_byte_counts,
            ),
            None => {
                let offsets = fields.strip_offsets.ok_or(INVALID)?;
                let height = match fields.rows_per_strip {
                    // "Infinity" is the usual word for all of them.
                    Some(rows) => rows.first::<u64>(input)?.min(picture.height.into()) as u32,
                    None => picture.height,
                };
                (picture.width, height, offsets, fields.strip_byte_counts)
            }
        };
        if width == 0 || height == 0 {
            return Err(INVALID);
        }
        let across = picture.width.div_ceil(width);
        let down = picture.height.div_ceil(height);
        let chunks = Chunks { width, height, across, down, offsets, byte_counts };
        let needed = chunks.in_a_plane().saturating_mul(picture.planes() as u64);
        for field in [Some(offsets), byte_counts].into_iter().flatten() {
            if field.count < needed {
                return Err(INVALID);
            }
            if field.there(input) < needed {
                return Err(Error::truncated(Format::Tiff));
            }
        }
        Ok(chunks)
    }

    fn in_a_plane(&self) -> u64 {
        u64::from(self.across) * u64::from(self.down)
    }

    /// Where in the file a chunk is, as far as it is there.
    pub(super) fn range(
        &self,
        input: &[u8],
        plane: usize,
        row: u32,
        column: u32,
    ) -> Result<Range<usize>, Error> {
        let place = u64::from(row) * u64::from(self.across) + u64::from(column);
        let index = plane as u64 * self.in_a_plane() + place;
        let start = usize::try_from(self.offsets.get(input, index)?).unwrap_or(usize::MAX);
        if start > input.len() {
            return Err(Error::truncated(Format::Tiff));
        }
        let bytes = match self.byte_counts {
            Some(counts) => usize::try_from(counts.get(input, index)?).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        Ok(start..start.saturating_add(bytes).min(input.len()))
    }

    /// The lengths that will be looked at one by one, to know how much memory it takes to copy one.
    pub(super) fn byte_counts_to_read(input: &[u8], fields: &Fields) -> Option<Field> {
        let compression = fields.compression?.first::<u64>(input).ok()?;
        if compression != JPEG {
            return None;
        }
        match fields.tile_offsets {
            Some(_) => fields.tile_byte_counts,
            None => fields.strip_byte_counts,
        }
    }

    /// The length of the longest chunk.
    pub(super) fn longest(&self, input: &[u8]) -> usize {
        let Some(counts) = self.byte_counts else { return input.len() };
        let longest =
            (0..counts.there(input)).filter_map(|index| counts.get(input, index).ok()).max();
        usize::try_from(longest.unwrap_or(0)).unwrap_or(usize::MAX).min(input.len())
    }
}
