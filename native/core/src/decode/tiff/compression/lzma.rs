//! LZMA2, in a stream of the format .xz for each chunk, as libtiff writes it: behind a filter that
//! keeps differences of bytes, or none. Specification: "The .xz File Format", version 1.2.1.

use lzma_rust2::{Action, Lzma2Stream};

use super::done::Done;
use crate::limits::Limit;
use crate::{Error, Format};

const INVALID: Error = Error::invalid(Format::Tiff);
const TRUNCATED: Error = Error::truncated(Format::Tiff);
const UNSUPPORTED: Error = Error::Unsupported(Format::Tiff);

pub(in super::super) struct Lzma {
    stream: Option<Lzma2Stream>,
    delta: Option<Delta>,
    /// The bytes of a chunk: no match can be farther away.
    chunk: u64,
}

/// How a byte differs from one before it, and the latest bytes.
struct Delta {
    distance: usize,
    at: usize,
    bytes: [u8; 256],
}

/// The window that the usual presets have.
const MAX_WINDOW: u64 = 8 << 20;

/// A byte may be worth a kilobyte of output, all of which is made at once.
const INPUT_TOGETHER: usize = 512;

const MAGIC: &[u8] = b"\xFD7zXZ\0";
const STREAM_HEADER_BYTES: usize = 12;

const DELTA: u64 = 0x03;
const LZMA2: u64 = 0x21;

impl Lzma {
    /// The window, which grows by doubling, and the models of an LZMA stream.
    pub(in super::super) fn memory(chunk: u64) -> u64 {
        2 * MAX_WINDOW.min(chunk) + (128 << 10)
    }

    pub(in super::super) fn new(chunk: u64) -> Self {
        Lzma { stream: None, delta: None, chunk }
    }

    /// Reads the headers of a chunk, and says how long they are.
    pub(in super::super) fn restart(&mut self, chunk: &[u8]) -> Result<usize, Error> {
        (self.stream, self.delta) = (None, None);
        let rest = match chunk.get(..STREAM_HEADER_BYTES) {
            Some(header) if header.starts_with(MAGIC) => &chunk[STREAM_HEADER_BYTES..],
            Some(_) => return Err(INVALID),
            None => return Err(TRUNCATED),
        };
        // A length of 0 is the index: there is nothing.
        let length = match rest.first().ok_or(TRUNCATED)? {
            0 => return Err(INVALID),
            &length => (usize::from(length) + 1) * 4,
        };
        let header = rest.get(1..length).ok_or(TRUNCATED)?;
        let (&flags, mut fields) = header.split_first().ok_or(INVALID)?;
        // The sizes of the block, packed and not.
        for flag in [0x40, 0x80] {
            if flags & flag != 0 {
                number(&mut fields)?;
            }
        }
        for left in (0..=flags & 3).rev() {
            let (filter, bytes) = (number(&mut fields)?, number(&mut fields)?);
            match (filter, bytes, fields.split_first()) {
                (DELTA, 1, Some((&distance, rest))) if left > 0 && self.delta.is_none() => {
                    let distance = usize::from(distance) + 1;
                    self.delta = Some(Delta { distance, at: 0, bytes: [0; 256] });
                    fields = rest;
                }
                (LZMA2, 1, Some((&size, _))) if left == 0 => {
                    let window = window(size)?.min(self.chunk);
                    Limit::MaxMemory.check(window, MAX_WINDOW)?;
                    self.stream = Some(Lzma2Stream::new(window as u32));
                }
                (_, _, None) => return Err(INVALID),
                _ => return Err(UNSUPPORTED),
            }
        }
        Ok(STREAM_HEADER_BYTES + length)
    }

    pub(in super::super) fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Done, Error> {
        let stream = self.stream.as_mut().ok_or(INVALID)?;
        let piece = &input[..input.len().min(INPUT_TOGETHER)];
        let done = stream.process(piece, out, Action::Run).map_err(|_| INVALID)?;
        if let Some(delta) = &mut self.delta {
            delta.undo(&mut out[..done.bytes_produced]);
        }
        Ok(Done { consumed: done.bytes_consumed, produced: done.bytes_produced })
    }
}

impl Delta {
    fn undo(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let before = &mut self.bytes[self.at % self.distance];
            *before = before.wrapping_add(*byte);
            *byte = *before;
            self.at = (self.at + 1) % self.distance;
        }
    }
}

/// A number, seven bits in a byte, the lowest first.
fn number(fields: &mut &[u8]) -> Result<u64, Error> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = fields.split_first().ok_or(INVALID)?;
        *fields = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(INVALID)
}

/// The bytes of the window: a power of two, or one and a half of it.
fn window(size: u8) -> Result<u64, Error> {
    match size {
        0..40 => Ok((2 | u64::from(size & 1)) << (size / 2 + 11)),
        40 => Ok(u32::MAX.into()),
        _ => Err(INVALID),
    }
}
