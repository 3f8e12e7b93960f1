//! What can be wrong with a JPEG.

/// Why a picture, or a part of it, could not be decoded.
///
/// Offsets are counted in bytes from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input does not start with SOI.
    #[error("not a JPEG")]
    NotJpeg,
    /// A process that exists but is not done here.
    #[error("{0} is not supported")]
    Unsupported(Unsupported),
    /// A segment that contradicts the standard, or the segments before it.
    #[error("{what} at byte {offset}")]
    Invalid { what: &'static str, offset: usize },
    /// The input ends before the picture does.
    #[error("the input ends at byte {offset}, before the picture does")]
    Truncated { offset: usize },
    /// Entropy-coded data that is not what the tables and the frame make possible: a bit pattern
    /// that is no code, coefficients past the last, a marker where data should be. What is wrong
    /// may have come some bytes before it showed.
    #[error("damaged data around byte {offset}")]
    Damaged { offset: usize },
    /// The work was to stop, or memory is missing.
    #[error(transparent)]
    Codec(#[from] thumbelina_codec::Error),
}

/// What exists in the standard but not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// SOF11.
    #[error("lossless JPEG with arithmetic codes")]
    Lossless,
    /// SOF5 to SOF7, SOF13 to SOF15, and DHP.
    #[error("hierarchical JPEG")]
    Hierarchical,
    /// Samples of neither 8 nor 12 bits, nor of 2 to 16 where they are lossless; this is their
    /// number.
    #[error("a precision of {0} bits")]
    Precision(u8),
    /// More than four components, or none; this is their number.
    #[error("a picture of {0} components")]
    Components(u8),
}
