use bytes::Bytes;
use image::metadata::Orientation;

use crate::{Error, Format, Layout, Limits, cost, decode};

/// What a picture's header says. Sizes are as stored, before orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    /// What its rows will hold once decoded: a palette is RGB here.
    pub layout: Layout,
    /// Whether colors come multiplied by their alpha already.
    pub premultiplied: bool,
    pub orientation: Orientation,
    /// The estimated nanoseconds of decoding all of it on one core.
    pub(crate) decode_nanos: u64,
    /// How much of that is the same at any decode scale.
    pub(crate) input_nanos: u64,
    /// How much of it is left out at an eighth of the size, and at no other scale.
    pub(crate) detail_nanos: u64,
    /// Whether it can be decoded at a half, a quarter and an eighth of its size.
    pub(crate) scales: bool,
    /// Whether several threads decode it in less time than one, when it is decoded smaller.
    pub(crate) shares: bool,
    /// Whether the last row comes first. Only where the orientation says nothing.
    pub(crate) bottom_up: bool,
}

impl Header {
    /// A picture whose rows come from top to bottom, which is upright, and costs what its
    /// format does.
    pub(crate) fn new(format: Format, width: u32, height: u32, layout: Layout) -> Self {
        let mut header = Header {
            format,
            width,
            height,
            layout,
            premultiplied: false,
            orientation: Orientation::NoTransforms,
            decode_nanos: 0,
            input_nanos: 0,
            detail_nanos: 0,
            scales: false,
            shares: false,
            bottom_up: false,
        };
        header.decode_nanos = cost::decode_nanos(&header);
        header
    }

    /// Width and height as shown.
    pub fn upright(&self) -> (u32, u32) {
        if swaps_sides(self.orientation) { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// How rows are turned upright as they arrive.
    pub(crate) fn arrival(&self) -> Orientation {
        if self.bottom_up { Orientation::FlipVertical } else { self.orientation }
    }

    /// What it is when decoded at one `factor`th of its size.
    pub(crate) fn scaled(&self, factor: u32) -> Header {
        let detail_nanos = if factor < 8 { self.detail_nanos } else { 0 };
        let pixel_nanos = self.decode_nanos.saturating_sub(self.input_nanos + self.detail_nanos);
        Header {
            width: self.width.div_ceil(factor),
            height: self.height.div_ceil(factor),
            decode_nanos: self.input_nanos + detail_nanos + pixel_nanos / u64::from(factor * factor),
            detail_nanos,
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
/// [`Error::UnknownFormat`], [`Error::NotAllowed`], [`Error::Unsupported`], [`Error::Invalid`] or
/// [`Error::Truncated`], and [`Error::Limit`] where the input itself is too long.
pub fn probe(input: Bytes, limits: &Limits) -> Result<Header, Error> {
    decode::open(input, limits).map(|source| source.header())
}

/// Whether [`probe`] takes no longer than a piece of work on the yielding road may. A header can be
/// as long as its file.
pub fn is_probe_short(input: &[u8]) -> bool {
    decode::header_nanos(input, 2 * cost::PIECE_NANOS) <= cost::PIECE_NANOS
}

/// Whether upright width is stored height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
}
