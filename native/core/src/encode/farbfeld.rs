//! farbfeld: RGBA of 16 bits, high byte first.

use super::sink::Sink;
use super::spans::SpanFormat;
use crate::{Error, Picture};

pub(super) struct Farbfeld;

impl SpanFormat for Farbfeld {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        sink.check(picture.samples.bytes().len() as u64)?;
        sink.put(b"farbfeld")?;
        sink.put(&picture.width.to_be_bytes())?;
        sink.put(&picture.height.to_be_bytes())
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        put_big_endian(pixels, sink)
    }
}

/// Samples of 16 bits, at most a span of them, high byte first.
pub(super) fn put_big_endian(samples: &[u8], sink: &mut Sink) -> Result<(), Error> {
    let out = sink.room(samples.len())?;
    let start = out.len();
    out.extend_from_slice(samples);
    for sample in out[start..].as_chunks_mut().0 {
        *sample = u16::from_ne_bytes(*sample).to_be_bytes();
    }
    Ok(())
}
