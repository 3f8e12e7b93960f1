use crate::Error;

/// What a caller allows a picture to cost. Checked on the header, before a pixel is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, of the source and of the output alike.
    pub max_pixels: u64,
    /// Length of the encoded input.
    pub max_bytes_in: u64,
}

/// Which limit was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    MaxPixels,
    MaxBytesIn,
    /// Bytes of a picture that can only be decoded whole, or of one row of any.
    DecodedBytes,
    /// The longest side that the output format can hold.
    Side,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Limit::MaxPixels => "max_pixels",
            Limit::MaxBytesIn => "max_bytes_in",
            Limit::DecodedBytes => "decoded_bytes",
            Limit::Side => "side",
        })
    }
}

/// The most that a decoder which knows no rows may allocate for one picture: 100 megapixels of
/// RGBA with 8 bits, 32 megapixels of RGBA floats.
pub(crate) const MAX_DECODED_BYTES: u64 = 512 << 20;

/// The most that one row may take, with the sums made of it: rows of two million pixels.
pub(crate) const MAX_ROW_BYTES: u64 = 64 << 20;

impl Default for Limits {
    fn default() -> Self {
        Limits { max_pixels: 100_000_000, max_bytes_in: 256 << 20 }
    }
}

impl Limit {
    pub(crate) fn check(self, value: u64, maximum: u64) -> Result<(), Error> {
        if value > maximum { Err(Error::Limit { limit: self, value, maximum }) } else { Ok(()) }
    }
}

impl Limits {
    pub(crate) fn check_input(&self, bytes: usize) -> Result<(), Error> {
        Limit::MaxBytesIn.check(bytes as u64, self.max_bytes_in)
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Error> {
        Limit::MaxPixels.check(u64::from(width) * u64::from(height), self.max_pixels)
    }
}
