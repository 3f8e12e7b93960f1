//! The samples themselves, in the machine's own byte order.

use super::sink::Sink;
use super::spans::SpanFormat;
use crate::{Error, Picture};

pub(super) struct Pixels;

impl SpanFormat for Pixels {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        sink.check(picture.samples.bytes().len() as u64)
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        sink.put(pixels)
    }
}
