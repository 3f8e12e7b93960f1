//! What can be wrong with a WebP.

/// Why a picture could not be decoded. Offsets are counted in bytes from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input does not start as a WebP file does.
    #[error("not a WebP")]
    NotWebp,
    /// What exists in the format but is not done here.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// Something that the format does not allow.
    #[error("{what} around byte {offset}")]
    Invalid { what: &'static str, offset: usize },
    /// The input ends before the picture does.
    #[error("the input ends at byte {offset}, before the picture does")]
    Truncated { offset: usize },
    /// The picture takes more work than its bytes and pixels are worth; both are counted in bytes.
    #[error("decoding takes the work of {needed} bytes, more than the {allowed} that it is worth")]
    Work { needed: u64, allowed: u64 },
    /// What can happen to any work.
    #[error(transparent)]
    Codec(#[from] thumbelina_codec::Error),
}
