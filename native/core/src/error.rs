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
    /// The bytes break the rules of their format.
    #[error("invalid {0}")]
    Invalid(Format),
    /// The bytes end before the picture does.
    #[error("truncated {0}")]
    Truncated(Format),
    /// [`Invalid`](Error::Invalid), by a decoder that tells where: around this byte of the input.
    #[error("invalid {format} around byte {offset}")]
    InvalidAt { format: Format, offset: u64 },
    /// [`Truncated`](Error::Truncated), by one that tells where the input ends too soon.
    #[error("truncated {format} at byte {offset}")]
    TruncatedAt { format: Format, offset: u64 },
    /// A limit says no.
    #[error("{limit} is {value}, at most {maximum} are allowed")]
    Limit { limit: Limit, value: u64, maximum: u64 },
    /// The allocator said no.
    #[error("out of memory")]
    OutOfMemory,
    /// Nobody waits for it any more. What cannot be cut into steps asks, and ends with this.
    #[error("stopped")]
    Stopped,
    /// A stage broke a promise to another. Always a bug here.
    #[error("internal error")]
    Internal,
}

impl Error {
    pub(crate) fn from_io(format: Format, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::Truncated(format),
            std::io::ErrorKind::OutOfMemory => Error::OutOfMemory,
            _ => Error::Invalid(format),
        }
    }
}
