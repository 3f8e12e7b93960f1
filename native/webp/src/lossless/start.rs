//! The beginning of a VP8L chunk (RFC 9649, section 3.4).

use crate::Error;
use crate::chunk::Chunk;

const SIGNATURE: u8 = 0x2f;
/// The signature, two sides of 14 bits, whether alpha is used, and a version of 3 bits.
pub(super) const HEADER_LEN: usize = 5;
/// A side, less one.
const SIDE: u32 = (1 << 14) - 1;

/// What the first bytes of lossless data say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) has_alpha: bool,
}

impl Start {
    pub(crate) fn read(chunk: &Chunk) -> Result<Self, Error> {
        let Some(&[signature, a, b, c, d]) = chunk.data.first_chunk::<HEADER_LEN>() else {
            return Err(chunk.ends_early("a VP8L chunk without a header"));
        };
        let bits = u32::from_le_bytes([a, b, c, d]);
        if signature != SIGNATURE || bits >> 29 != 0 {
            return Err(Error::Invalid {
                what: "a VP8L chunk without its signature",
                offset: chunk.at,
            });
        }
        let (width, height) = ((bits & SIDE) + 1, (bits >> 14 & SIDE) + 1);
        Ok(Start { width, height, has_alpha: bits >> 28 & 1 != 0 })
    }
}
