use thumbelina_codec as codec;

use crate::{Format, Limit};

/// Why a picture was refused. Carries data, never prose: the caller words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes begin like no format known here.
    #[error("unknown picture format")]
    UnknownFormat,
    /// A known format, in a variant that its decoder does not do.
    #[error("unsupported kind of {0}")]
    Unsupported(Format),
    /// A format that the caller does not allow.
    #[error("{0} is not among the formats that may be read")]
    NotAllowed(Format),
    /// The bytes break the rules of their format: around a byte of the input, where the decoder
    /// tells.
    #[error("invalid {format}{}", Byte("around", *offset))]
    Invalid { format: Format, offset: Option<u64> },
    /// The bytes end before the picture does: at a byte of the input, where the decoder tells.
    #[error("truncated {format}{}", Byte("at", *offset))]
    Truncated { format: Format, offset: Option<u64> },
    /// A limit is exceeded.
    #[error("{limit} is {value}, at most {maximum} are allowed")]
    Limit { limit: Limit, value: u64, maximum: u64 },
    /// A crop does not lie in the picture, which has this size by then.
    #[error("the crop is not inside of {width} by {height} pixels")]
    OutsidePicture { width: u32, height: u32 },
    /// The machine has no more memory.
    #[error("out of memory")]
    OutOfMemory,
    /// Nobody waits for the result any more.
    #[error("stopped")]
    Stopped,
    /// A stage broke a promise to another. Always a bug here.
    #[error("internal error")]
    Internal,
}

/// The end of a message that tells where.
struct Byte(&'static str, Option<u64>);

impl std::fmt::Display for Byte {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Byte(preposition, Some(offset)) => write!(f, " {preposition} byte {offset}"),
            Byte(_, None) => Ok(()),
        }
    }
}

impl Error {
    pub(crate) const fn invalid(format: Format) -> Self {
        Error::Invalid { format, offset: None }
    }

    pub(crate) const fn truncated(format: Format) -> Self {
        Error::Truncated { format, offset: None }
    }

    pub(crate) fn from_io(format: Format, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::truncated(format),
            std::io::ErrorKind::OutOfMemory => Error::OutOfMemory,
            _ => Error::invalid(format),
        }
    }
}

impl From<codec::Error> for Error {
    fn from(error: codec::Error) -> Self {
        match error {
            codec::Error::Stopped => Error::Stopped,
            codec::Error::OverBudget { needed, allowed } => {
                Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
            }
            codec::Error::OutOfMemory => Error::OutOfMemory,
        }
    }
}

/// Samples that are not aligned to what they are.
impl From<bytemuck::PodCastError> for Error {
    fn from(_: bytemuck::PodCastError) -> Self {
        Error::Internal
    }
}
