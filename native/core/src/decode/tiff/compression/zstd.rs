//! Zstandard (RFC 8878), a frame for each chunk.

use std::io::Read;

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::done::Done;
use crate::limits::Limit;
use crate::{Error, Format};

pub(in super::super) struct Zstd {
    decoder: FrameDecoder,
    is_open: bool,
    /// What the chunk comes to.
    chunk_bytes: u64,
}

/// What every decoder is asked to support, and most that there are need.
const MAX_WINDOW: u64 = 8 << 20;

/// What stands for it in a frame's header: an exponent of 13 above 2^10.
const MAX_WINDOW_DESCRIPTOR: u8 = 13 << 3;

/// A frame's header is at most so long.
const HEADER_BYTES: usize = 18;

/// The most that a block holds.
const BLOCK_BYTES: usize = 128 << 10;

/// Blocks may hold nothing: of those that do not, so many are decoded together.
const BLOCKS_TOGETHER: usize = 32;
const INPUT_TOGETHER: usize = 1 << 10;

impl Zstd {
    /// The window and a block, in a buffer that grows by doubling, and tables.
    pub(in super::super) const MEMORY: u64 = 2 * (MAX_WINDOW + BLOCK_BYTES as u64) + (512 << 10);

    /// A block, which is decoded in one piece.
    pub(in super::super) const STEP_NANOS: u64 = 1_000_000;

    pub(in super::super) fn new(chunk_bytes: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Zstd { decoder, is_open: false, chunk_bytes }
    }

    pub(in super::super) fn restart(&mut self) {
        self.is_open = false;
    }

    /// The window that high levels ask for is larger than what any chunk refers back to: what the
    /// chunk comes to is enough.
    fn narrow(&self, header: &mut [u8]) {
        let &mut [_, _, _, _, descriptor, ref mut window, ..] = header else { return };
        let is_one_segment = descriptor & 0x20 != 0;
        if !is_one_segment && self.chunk_bytes <= MAX_WINDOW {
            *window = (*window).min(MAX_WINDOW_DESCRIPTOR);
        }
    }

    /// Writes what is there, or else decodes a block. `input` is all that is left of the chunk.
    pub(in super::super) fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Done, Error> {
        let mut rest = input;
        if !self.is_open {
            let mut header = input.iter().take(HEADER_BYTES).copied().collect::<Vec<_>>();
            self.narrow(&mut header);
            let mut unread = &header[..];
            self.decoder.reset(&mut unread).map_err(|e| error(&e, unread))?;
            rest = &input[header.len() - unread.len()..];
            self.is_open = true;
        }
        let read = |decoder: &mut FrameDecoder, out: &mut [u8]| {
            decoder.read(out).map_err(|_| Error::invalid(Format::Tiff))
        };
        let mut produced = read(&mut self.decoder, out)?;
        for _ in 0..BLOCKS_TOGETHER {
            let consumed = input.len() - rest.len();
            if produced > 0 || self.decoder.is_finished() || consumed > INPUT_TOGETHER {
                break;
            }
            let before = self.decoder.can_collect();
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut rest, one).map_err(|e| error(&e, rest))?;
            if self.decoder.can_collect() > before {
                produced = read(&mut self.decoder, out)?;
            }
        }
        Ok(Done { consumed: input.len() - rest.len(), produced })
    }
}

fn error(error: &FrameDecoderError, rest: &[u8]) -> Error {
    match *error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => {
            Error::Limit { limit: Limit::MaxMemory, value: requested, maximum: max }
        }
        FrameDecoderError::DictNotProvided { .. } => Error::Unsupported(Format::Tiff),
        _ if rest.is_empty() => Error::truncated(Format::Tiff),
        _ => Error::invalid(Format::Tiff),
    }
}
