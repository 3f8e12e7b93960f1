//! Formats that `image` writes in one piece.

use std::io::Cursor;

use image::codecs::avif::AvifEncoder;
use image::codecs::gif::GifEncoder;
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::{ExtendedColorType, ImageEncoder};

use crate::{Depth, Error, Format, Layout, Picture, cost};

pub(crate) struct Whole {
    format: Format,
    quality: u8,
    picture: Picture,
}

/// Of 1 to 10. 10 is a third faster and a fifth larger.
const AVIF_SPEED: u8 = 8;
/// Of 1 to 30: how thinly pixels are sampled for the palette. The encoder's documentation calls 10
/// a good compromise.
const GIF_SPEED: i32 = 10;

impl Whole {
    pub(crate) fn new(format: Format, quality: u8, picture: Picture) -> Self {
        Whole { format, quality, picture }
    }

    pub(crate) fn nanos(&self) -> u64 {
        cost::encode_nanos(self.format, (self.picture.width, self.picture.height), self.picture.layout)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let Picture { width, height, layout, ref samples } = self.picture;
        let colour = colour(layout);
        let bytes = samples.bytes();
        let mut out = Cursor::new(Vec::new());
        match self.format {
            Format::Avif => AvifEncoder::new_with_speed_quality(&mut out, AVIF_SPEED, self.quality)
                .with_num_threads(Some(1))
                .write_image(bytes, width, height, colour),
            Format::Gif => {
                GifEncoder::new_with_speed(&mut out, GIF_SPEED).encode(bytes, width, height, colour)
            }
            // Without alpha the plain maps, which everything reads; with it the arbitrary one.
            Format::Pnm if !layout.has_alpha() && layout.depth == Depth::U8 => {
                let subtype = if layout.is_grey() { PnmSubtype::Graymap } else { PnmSubtype::Pixmap };
                PnmEncoder::new(&mut out)
                    .with_subtype(subtype(SampleEncoding::Binary))
                    .write_image(bytes, width, height, colour)
            }
            format => {
                image::write_buffer_with_format(&mut out, bytes, width, height, colour, format.to_image())
            }
        }
        .map_err(|error| Error::from_image(self.format, error))?;
        Ok(out.into_inner())
    }
}

fn colour(layout: Layout) -> ExtendedColorType {
    match (layout.depth, layout.channels) {
        (Depth::U8, 1) => ExtendedColorType::L8,
        (Depth::U8, 2) => ExtendedColorType::La8,
        (Depth::U8, 3) => ExtendedColorType::Rgb8,
        (Depth::U8, _) => ExtendedColorType::Rgba8,
        (Depth::U16, 1) => ExtendedColorType::L16,
        (Depth::U16, 2) => ExtendedColorType::La16,
        (Depth::U16, 3) => ExtendedColorType::Rgb16,
        (Depth::U16, _) => ExtendedColorType::Rgba16,
        (Depth::F32, 4) => ExtendedColorType::Rgba32F,
        (Depth::F32, _) => ExtendedColorType::Rgb32F,
    }
}
