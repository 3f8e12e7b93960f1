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
        let (width, height) = match fields.tile_size() {
            Some((width, height)) => (width.first::<u32>(input)?, height.first::<u32>(input)?),
            None => {
                // "Infinity" is the usual word for all of them.
                let rows = fields.rows_per_strip.and_then(|rows| rows.first::<u64>(input).ok());
                let height = match rows {
                    Some(rows) if rows > 0 => rows.min(picture.height.into()) as u32,
                    _ => picture.height,
                };
                (picture.width, height)
            }
        };
        if width == 0 || height == 0 {
            return Err(INVALID);
        }
        let across = picture.width.div_ceil(width);
        let down = picture.height.div_ceil(height);
        let (offsets, byte_counts) = fields.data();
        let offsets = offsets.ok_or(INVALID)?;
        Ok(Chunks { width, height, across, down, offsets, byte_counts })
    }

    /// Refuses a file in which there are fewer chunks than the picture needs.
    pub(super) fn check(&self, input: &[u8], picture: &Description) -> Result<(), Error> {
        let needed = self.in_a_plane().saturating_mul(picture.planes() as u64);
        if self.offsets.count < needed {
            return Err(INVALID);
        }
        if self.offsets.there(input) < needed {
            return Err(Error::truncated(Format::Tiff));
        }
        Ok(())
    }

    /// One for the whole picture, where these are pieces of it.
    pub(super) fn whole(self, picture: &Description) -> Self {
        Chunks { width: picture.width, height: picture.height, across: 1, down: 1, ..self }
    }

    fn in_a_plane(&self) -> u64 {
        u64::from(self.across) * u64::from(self.down)
    }

    /// Where in the file a chunk is. Its end may be behind that of the file: nowhere at all where
    /// it is not known.
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
        let counted = self.byte_counts.and_then(|counts| counts.get(input, index).ok());
        let bytes = match counted {
            // Where it is not said how long it is, the rows say it.
            None | Some(0) => usize::MAX,
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
        Ok(start..start.saturating_add(bytes))
    }

    /// The lengths that will be looked at one by one, to know how much memory it takes to copy one.
    pub(super) fn byte_counts_to_read(input: &[u8], fields: &Fields) -> Option<Field> {
        let compression = fields.compression?.first::<u64>(input).ok()?;
        if compression == JPEG { fields.data().1 } else { None }
    }

    /// The length of the longest chunk: all of the file, where one is not known.
    pub(super) fn longest(&self, input: &[u8]) -> usize {
        let Some(counts) = self.byte_counts else { return input.len() };
        let length = |index| match counts.get(input, index) {
            Ok(0) | Err(_) => u64::MAX,
            Ok(bytes) => bytes,
        };
        let longest = (0..counts.there(input)).map(length).max();
        usize::try_from(longest.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(input.len())
    }
}
