//! What reading a header is estimated to take, without reading it.

use crate::Header;

/// What the least header takes.
const LEAST: u64 = 5_000;

/// A segment: most of it waiting for memory, as each is far from the last.
const SEGMENT: u64 = 400;

/// A byte of Huffman tables, which may be hundreds of thousands, and of anything else that is
/// walked through.
const TABLE_BYTE: u64 = 2;
const EXIF_BYTE: u64 = 4;

/// A byte that is looked through for a DNL segment, stuffed or not.
const SEARCHED_BYTE: u64 = 3;

/// More bytes between segments than this are not looked at here, where that has to be quick.
const MOST_GARBAGE: usize = 256;

impl Header {
    /// The estimated nanoseconds of [`Headers::read`](crate::Headers::read), and of all that
    /// [`Decoder::start`](crate::Decoder::start) does but for its look-up tables, which is about
    /// 100 microseconds at the most. Stops counting at `most`, and takes a hundredth of what it has
    /// counted by then.
    pub fn nanos(input: &[u8], most: u64) -> u64 {
        let (mut nanos, mut at, mut garbage, mut exif) = (LEAST, 2, 0, false);
        let rest = |at: usize| input.len().saturating_sub(at) as u64;
        while nanos < most
            && let Some(&[fill, marker]) = input.get(at..).and_then(<[u8]>::first_chunk)
        {
            if garbage > MOST_GARBAGE {
                // Whatever is behind that.
                return most.min(nanos.saturating_add(rest(at).saturating_mul(SEGMENT)));
            }
            match (fill, marker) {
                (0xFF, 0x01 | 0xD0..=0xD8) => {
                    (at, garbage) = (at + 2, garbage + 2);
                    continue;
                }
                // Here the walk ends, or something is wrong.
                (0xFF, 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF | 0xD9 | 0xDA | 0xDE) => break,
                (0xFF, 0x02..=0xFE) => {}
                _ => {
                    (at, garbage) = (at + 1, garbage + 1);
                    continue;
                }
            }
            at += 2;
            let Some(body) = input.get(at..).filter(|body| body.len() > 1) else { break };
            let length = u16::from_be_bytes([body[0], body[1]]).max(2);
            nanos += SEGMENT;
            match marker {
                0xC4 | 0xDB => nanos += u64::from(length) * TABLE_BYTE,
                0xC0..=0xC3 | 0xC9 | 0xCA if body.get(3..5) == Some(&[0, 0]) => {
                    nanos += rest(at) * SEARCHED_BYTE
                }
                0xE1 if !exif && body[2..].starts_with(b"Exif\0") => {
                    exif = true;
                    nanos += u64::from(length) * EXIF_BYTE;
                }
                _ => {}
            }
            at += usize::from(length);
        }
        nanos.min(most)
    }
}
