use bytes::Bytes;
use image::metadata::Orientation;

use crate::{Error, Format, Layout, cost, decode};

/// What a picture's header says. Sizes are as stored, before orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    /// What its rows will hold once decoded: a palette is RGB here.
    pub layout: Layout,
    /// Whether colours come multiplied by their alpha already.
    pub premultiplied: bool,
    pub orientation: Orientation,
    /// The estimated nanoseconds of decoding all of it on one core.
    pub(crate) decode_nanos: u64,
    /// How much of that is the same at any decode scale.
    pub(crate) input_nanos: u64,
    /// Whether it can be decoded at a half, a quarter and an eighth of its size.
    pub(crate) scales: bool,
    /// Whether several threads decode it in less time than one, when it is decoded smaller.
    pub(crate) shares: bool,
    /// Whether rows arrive from the last to the first, because the file has them so and cannot be
    /// read any other way. Sizes and orientation are of the picture the right way up.
    pub(crate) bottom_up: bool,
    /// Whether rows can be pulled. Where not, the picture is decoded in one indivisible piece.
    pub by_rows: bool,
}

impl Header {
    /// Width and height as shown.
    pub fn upright(&self) -> (u32, u32) {
        if swaps_sides(self.orientation) { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// What it is when decoded at one `factor`th of its size.
    pub(crate) fn scaled(&self, factor: u32) -> Header {
        let pixel_nanos = self.decode_nanos.saturating_sub(self.input_nanos);
        Header {
            width: self.width.div_ceil(factor),
            height: self.height.div_ceil(factor),
            decode_nanos: self.decode_nanos - pixel_nanos + pixel_nanos / u64::from(factor * factor),
            shares: self.shares && factor > 1,
            ..*self
        }
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.width as usize * self.layout.pixel_bytes()
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Reads the header of an encoded picture. Decodes no pixel.
///
/// # Errors
/// [`Error::UnknownFormat`], [`Error::Unsupported`], [`Error::Invalid`] or [`Error::Truncated`].
pub fn probe(input: Bytes) -> Result<Header, Error> {
    decode::open(input).map(|source| source.header())
}

/// Whether [`probe`] takes no longer than a piece of work on the yielding road may. A header can be as
/// long as its file.
pub fn is_probe_short(input: &[u8]) -> bool {
    decode::header_nanos(input, 2 * cost::PIECE_NANOS) <= cost::PIECE_NANOS
}

/// Whether upright width is stored height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
}
