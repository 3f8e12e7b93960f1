use crate::{Error, Format, Formats};

/// What a caller allows. Checked on the header, before a pixel is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, of the source and of the output alike.
    pub max_pixels: u64,
    /// Length of the encoded input.
    pub max_bytes_in: u64,
    /// Native bytes that one job holds at a time, its input aside.
    pub max_memory: u64,
    /// What may be read.
    pub formats: Formats,
}

/// Which limit was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    MaxPixels,
    MaxBytesIn,
    MaxMemory,
    /// Bytes of one decoded row, with the sums made of it.
    DecodedBytes,
    /// The longest side that the output format can hold.
    Side,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Limit::MaxPixels => "max_pixels",
            Limit::MaxBytesIn => "max_bytes_in",
            Limit::MaxMemory => "max_memory",
            Limit::DecodedBytes => "decoded_bytes",
            Limit::Side => "side",
        })
    }
}

/// The most that one row may take, with the sums made of it: rows of two million pixels.
pub(crate) const MAX_ROW_BYTES: u64 = 64 << 20;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_pixels: 100_000_000,
            max_bytes_in: 256 << 20,
            max_memory: 512 << 20,
            formats: Formats::default(),
        }
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

    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), Error> {
        Limit::MaxMemory.check(bytes, self.max_memory)
    }

    pub(crate) fn check_format(&self, format: Format) -> Result<(), Error> {
        if self.formats.contains(format) { Ok(()) } else { Err(Error::NotAllowed(format)) }
    }
}
