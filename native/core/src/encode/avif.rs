//! AVIF by `rav1e` through `image`: in one go, which nothing can stop. What bounds it is the number of
//! pixels, see [`Format::max_pixels`].

use image::codecs::avif::AvifEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::sink::Sink;
use super::{Work, Writer};
use crate::{Error, Format, Picture, cost};

pub(super) struct Avif {
    quality: u8,
    nanos: u64,
}

/// Of 1 to 10. 10 is a third faster and a fifth larger.
const SPEED: u8 = 8;

impl Avif {
    pub(super) fn new(picture: &Picture, quality: u8) -> Self {
        let nanos = cost::encode_nanos(Format::Avif, (picture.width, picture.height), picture.layout);
        Avif { quality, nanos }
    }
}

impl Writer for Avif {
    fn next_nanos(&self) -> u64 {
        self.nanos
    }

    fn step(&mut self, picture: &Picture, sink: &mut Sink, work: Work<'_>) -> Result<bool, Error> {
        if (work.is_stopped)() {
            return Err(Error::Stopped);
        }
        let color =
            if picture.layout.has_alpha() { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
        let (bytes, width, height) = (picture.samples.bytes(), picture.width, picture.height);
        let encoder = AvifEncoder::new_with_speed_quality(&mut *sink, SPEED, self.quality);
        let written = encoder.with_num_threads(Some(1)).write_image(bytes, width, height, color);
        written.map_err(|_| sink.take_error())?;
        Ok(true)
    }
}
