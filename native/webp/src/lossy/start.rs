//! The beginning of a VP8 chunk (RFC 6386, section 9.1).

use crate::Error;
use crate::chunk::Chunk;

/// The tag of a frame, the start code, and the size.
pub(super) const HEADER_LEN: usize = 10;

/// What the first bytes of a key frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(super) first_partition: usize,
}

impl Start {
    pub(crate) fn read(chunk: &Chunk) -> Result<Self, Error> {
        let Some(&[t0, t1, t2, s0, s1, s2, w0, w1, h0, h1]) =
            chunk.data.first_chunk::<HEADER_LEN>()
        else {
            return Err(chunk.ends_early("a VP8 frame without a header"));
        };
        let tag = u32::from_le_bytes([t0, t1, t2, 0]);
        if tag & 1 != 0 {
            return Err(Error::Unsupported("a VP8 frame that depends on another one"));
        }
        if [s0, s1, s2] != [0x9D, 0x01, 0x2A] {
            return Err(Error::Invalid {
                what: "a VP8 frame without its start code",
                offset: chunk.at + 3,
            });
        }
        let [width, height] =
            [[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3FFF));
        if width == 0 || height == 0 {
            return Err(Error::Invalid {
                what: "a VP8 frame without pixels",
                offset: chunk.at + 6,
            });
        }
        Ok(Start { width, height, first_partition: (tag >> 5) as usize })
    }
}
