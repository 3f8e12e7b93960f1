//! Chunks that are WebPs of their own.

use std::ops::Range;

use bytes::Bytes;
use thumbelina_codec::{Budget, Context, Poll, Stop};
use thumbelina_webp::{self as webp, Decoder, Header};

use crate::limits::Limit;
use crate::{Error, Format};

pub(in super::super) struct Webp {
    /// Of a pixel as the directory has it: 3, or 4 with alpha.
    samples: usize,
    chunk: (u32, u32),
    budget: Budget,
    decoder: Option<Decoder>,
}

/// Longer headers are of animations, or made to take long.
const MAX_HEADER_NANOS: u64 = 200_000;

const INVALID: Error = Error::invalid(Format::Tiff);

impl Webp {
    /// The most that a chunk takes, apart from its data: all of its pixels, of which references may
    /// reach back to the first one, rows of macroblocks, and tables.
    pub(in super::super) fn memory((width, height): (u32, u32)) -> u64 {
        let pixels = u64::from(width).saturating_mul(height.into());
        pixels.saturating_mul(5).saturating_add(u64::from(width) * 256).saturating_add(4 << 20)
    }

    pub(in super::super) fn new(samples: usize, chunk: (u32, u32)) -> Self {
        Webp { samples, chunk, budget: Budget::new(Self::memory(chunk)), decoder: None }
    }

    /// Reads a chunk's header. `visible` are the columns and rows of it that are needed.
    pub(in super::super) fn restart(
        &mut self,
        input: &Bytes,
        chunk: Range<usize>,
        (columns, rows): (u32, u32),
    ) -> Result<(), Error> {
        // What the last one held is needed again.
        self.decoder = None;
        let data = input.slice(chunk);
        if Header::nanos(&data, MAX_HEADER_NANOS) >= MAX_HEADER_NANOS {
            return Err(INVALID);
        }
        let header = Header::read(&data).map_err(error)?;
        let fits = |side: u32, needed: u32, chunk: u32| (needed..=chunk).contains(&side);
        let (width, height) = self.chunk;
        if !fits(header.width, columns, width) || !fits(header.height, rows, height) {
            return Err(INVALID);
        }
        self.decoder = Some(Decoder::start(header, &self.budget).map_err(error)?);
        Ok(())
    }

    /// Writes at most one row: the columns of it that have room. `pixels` is how much may be done
    /// for it.
    pub(in super::super) fn run(&mut self, pixels: usize, out: &mut [u8]) -> Result<usize, Error> {
        let decoder = self.decoder.as_mut().ok_or(Error::Internal)?;
        let channels = decoder.channels();
        let context = Context { pool: None, stop: &Stop::new(), budget: &self.budget };
        match decoder.read(1, pixels, &context).map_err(error)? {
            Poll::Ready([]) | Poll::NeedInput => Err(Error::truncated(Format::Tiff)),
            Poll::Ready(row) => {
                let to = out.chunks_exact_mut(self.samples);
                for (to, from) in to.zip(row.chunks_exact(channels)) {
                    // Alpha that is not there is full.
                    for (place, to) in to.iter_mut().enumerate() {
                        *to = from.get(place).copied().unwrap_or(u8::MAX);
                    }
                }
                Ok(out.len())
            }
            Poll::Working => Ok(0),
        }
    }
}

fn error(error: webp::Error) -> Error {
    match error {
        webp::Error::Unsupported(_) => Error::Unsupported(Format::Tiff),
        webp::Error::Truncated { .. } => Error::truncated(Format::Tiff),
        webp::Error::Codec(error) => error.into(),
        webp::Error::Work { needed, allowed } => {
            Error::Limit { limit: Limit::MaxBytesIn, value: needed, maximum: allowed }
        }
        _ => INVALID,
    }
}
