use crate::{Error, Format, Formats};

/// What a picture may be. Checked on the header, before a pixel is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, of the source and of the output alike.
    pub max_pixels: u64,
    /// Length of the encoded input.
    pub max_bytes_in: u64,
    /// What may be read.
    pub formats: Formats,
}

/// Which limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    MaxPixels,
    MaxBytesIn,
    /// Native bytes that one job holds at a time, its input aside.
    MaxMemory,
    /// Length of an output.
    MaxBytes,
    /// The longest side that the output format can hold.
    Side,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Limit::MaxPixels => "max_pixels",
            Limit::MaxBytesIn => "max_bytes_in",
            Limit::MaxMemory => "max_memory",
            Limit::MaxBytes => "max_bytes",
            Limit::Side => "side",
        })
    }
}

/// The most that one row, or anything else that is decoded in one piece, may take, whatever a job
/// may hold: so that a stop is noticed in time.
pub(crate) const MAX_UNIT_BYTES: u64 = 64 << 20;

/// By default. Decoders that go row by row hold the same for any number of pixels, and those that
/// hold the whole picture count it against the budget: this bounds time alone. The largest sensors
/// of telephones and cameras have 200 megapixels.
const MAX_PIXELS: u64 = 1 << 28;

impl Default for Limits {
    fn default() -> Self {
        Limits { max_pixels: MAX_PIXELS, max_bytes_in: 256 << 20, formats: Formats::default() }
    }
}

impl Limit {
    pub(crate) fn check(self, value: u64, maximum: u64) -> Result<(), Error> {
        if value > maximum { Err(Error::Limit { limit: self, value, maximum }) } else { Ok(()) }
    }
}

impl Limits {
    pub(crate) fn check_input(&self, bytes: u64) -> Result<(), Error> {
        Limit::MaxBytesIn.check(bytes, self.max_bytes_in)
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Error> {
        Limit::MaxPixels.check(u64::from(width) * u64::from(height), self.max_pixels)
    }

    pub(crate) fn check_format(&self, format: Format) -> Result<(), Error> {
        if self.formats.contains(format) { Ok(()) } else { Err(Error::NotAllowed(format)) }
    }
}
