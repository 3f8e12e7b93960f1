//! OpenEXR by `exr` through `image`: in one go, but block by block (64 x 64 pixels), and each block
//! is written before the next is made. So it can be stopped at its writes, and holds a block beside
//! the picture and what is written.

use image::codecs::openexr::OpenExrEncoder;
use image::{ExtendedColorType, ImageEncoder};

use thumbelina_codec::Context;

use super::sink::{Sink, Watched};
use super::writer::Writer;
use crate::{Error, Format, Picture, cost};

pub(super) struct OpenExr {
    nanos: u64,
}

impl OpenExr {
    pub(super) fn new(picture: &Picture) -> Self {
        let nanos =
            cost::encode_nanos(Format::Openexr, (picture.width, picture.height), picture.layout);
        OpenExr { nanos }
    }
}

impl Writer for OpenExr {
    fn next_nanos(&self) -> u64 {
        self.nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        let color = if picture.layout.has_alpha() {
            ExtendedColorType::Rgba32F
        } else {
            ExtendedColorType::Rgb32F
        };
        let (bytes, width, height) = (picture.samples.bytes(), picture.width, picture.height);
        let watched = Watched::new(sink, context.stop);
        let written = OpenExrEncoder::new(watched).write_image(bytes, width, height, color);
        written.map_err(|_| sink.take_error())?;
        Ok(true)
    }
}
