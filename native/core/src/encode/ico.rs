//! ICO: an icon of one picture, which is a PNG.

use thumbelina_codec::Context;

use super::options::EncodeOptions;
use super::png::Png;
use super::sink::Sink;
use super::writer::{Writer, within_u32};
use crate::{Error, Picture};

pub(super) struct Ico {
    png: Png,
}

/// The directory of one entry.
const DIRECTORY_BYTES: u32 = 6 + 16;
const ICON: u16 = 1;

impl Ico {
    pub(super) fn new(picture: &Picture, sink: &Sink) -> Result<Self, Error> {
        Ok(Ico { png: Png::new(picture, &EncodeOptions::default(), sink)? })
    }
}

impl Writer for Ico {
    fn next_nanos(&self) -> u64 {
        self.png.next_nanos()
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        if !self.png.step(picture, sink, context)? {
            return Ok(false);
        }
        let empty = sink.empty_like()?;
        let png = std::mem::replace(sink, empty);
        // One byte each, in which 0 is 256.
        let (width, height) = (picture.width as u8, picture.height as u8);
        let bits = picture.layout.pixel_bytes() as u16 * 8;
        for field in [0, ICON, 1, u16::from_le_bytes([width, height]), 0, 0, bits] {
            sink.put(&field.to_le_bytes())?;
        }
        sink.put(&within_u32(png.len())?.to_le_bytes())?;
        sink.put(&DIRECTORY_BYTES.to_le_bytes())?;
        sink.append(png)?;
        Ok(true)
    }
}
