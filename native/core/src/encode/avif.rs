//! AVIF by `rav1e` through `image`: in one go, which nothing can stop. What bounds it is the number
//! of pixels, see [`cost::avif_speed`].
//!
//! Bands that are encoded one by one do not become one picture that everything reads. Tiles of one
//! AV1 frame share its header, in which `rav1e` puts what it chose for the whole frame (segments,
//! filters). Pictures of their own in a HEIF grid are not read by all browsers.

use bytes::Bytes;
use image::codecs::avif::AvifEncoder;
use image::{ExtendedColorType, ImageEncoder};

use thumbelina_codec::Context;

use super::options::EncodeOptions;
use super::sink::Sink;
use super::writer::Writer;
use crate::{Error, Format, Picture, cost};

/// What `rav1e` holds: 1.8 MB were measured, and 50 bytes a pixel at quality 80, 130 at 100.
pub(super) fn working_bytes(pixels: u64) -> u64 {
    (2 << 20) + pixels * 150
}

pub(super) struct Avif {
    quality: u8,
    exif: Option<Bytes>,
    speed: u8,
    nanos: u64,
}

impl Avif {
    pub(super) fn new(picture: &Picture, options: &EncodeOptions) -> Self {
        let nanos =
            cost::encode_nanos(Format::Avif, (picture.width, picture.height), picture.layout);
        let (speed, _) = cost::avif_speed(u64::from(picture.width) * u64::from(picture.height));
        let exif = options.attachments.exif().cloned();
        Avif { quality: options.quality, exif, speed, nanos }
    }
}

impl Writer for Avif {
    fn next_nanos(&self) -> u64 {
        self.nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        context.stop.check()?;
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let _held = context.budget.hold(working_bytes(pixels))?;
        let color = if picture.layout.has_alpha() {
            ExtendedColorType::Rgba8
        } else {
            ExtendedColorType::Rgb8
        };
        let (bytes, width, height) = (picture.samples.bytes(), picture.width, picture.height);
        let encoder = AvifEncoder::new_with_speed_quality(&mut *sink, self.speed, self.quality);
        let mut encoder = encoder.with_num_threads(Some(1));
        if let Some(exif) = &self.exif {
            encoder.set_exif_metadata(exif.to_vec()).map_err(|_| Error::Internal)?;
        }
        let written = encoder.write_image(bytes, width, height, color);
        written.map_err(|_| sink.take_error())?;
        Ok(true)
    }
}
