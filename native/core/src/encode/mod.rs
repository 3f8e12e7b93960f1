//! Writers: a small picture in, bytes of a format out.

mod jpeg;
mod png;
mod whole;

use rayon::ThreadPool;

use crate::finish::depth_within;
use crate::{Depth, Error, Format, Layout, Picture};

/// The layout in which a format takes a picture of `source`'s.
pub(crate) fn layout(format: Format, source: Layout) -> Layout {
    use Depth::{F32, U8, U16};
    let (grey, alpha, depths): (bool, bool, &[Depth]) = match format {
        Format::Jpeg => (true, false, &[U8]),
        // A float source has no use for 16 bits on a screen.
        Format::Png if source.depth == F32 => (true, true, &[U8]),
        Format::Png => (true, true, &[U8, U16]),
        Format::Pnm if source.depth == F32 => (true, true, &[U8]),
        Format::Pnm => (true, true, &[U8, U16]),
        Format::Webp | Format::Bmp | Format::Tga => (true, true, &[U8]),
        Format::Tiff if source.is_grey() && !source.has_alpha() && source.depth != F32 => {
            (true, false, &[U8, U16])
        }
        Format::Tiff => (false, true, &[U8, U16, F32]),
        Format::Gif | Format::Qoi | Format::Avif | Format::Dds => (false, true, &[U8]),
        Format::Hdr => (false, false, &[F32]),
        Format::OpenExr => (false, true, &[F32]),
        // A PNG inside an icon must be RGBA.
        Format::Ico => return Layout::new(4, U8),
        Format::Farbfeld => return Layout::new(4, U16),
    };
    let colours = if grey && source.is_grey() { 1 } else { 3 };
    let alphas = u8::from(alpha && source.has_alpha());
    Layout::new(colours + alphas, depth_within(source.depth, depths))
}

/// An encoder at work, in pieces where the format allows.
pub(crate) enum Encoder {
    Jpeg(jpeg::Jpeg),
    Png(Box<png::Png>),
    Whole(whole::Whole),
}

impl Encoder {
    pub(crate) fn new(format: Format, quality: u8, picture: Picture) -> Result<Self, Error> {
        Ok(match format {
            Format::Jpeg => Encoder::Jpeg(jpeg::Jpeg::new(picture, quality)?),
            Format::Png => Encoder::Png(Box::new(png::Png::new(picture)?)),
            _ => Encoder::Whole(whole::Whole::new(format, quality, picture)),
        })
    }

    /// The estimated nanoseconds of the next [`step`](Self::step).
    pub(crate) fn next_nanos(&self) -> u64 {
        match self {
            Encoder::Jpeg(jpeg) => jpeg.next_nanos(),
            Encoder::Png(png) => png.next_nanos(),
            Encoder::Whole(whole) => whole.nanos(),
        }
    }

    /// Encodes one piece, or with a pool as much as can be shared out over it. `Some` is the whole
    /// encoded picture.
    pub(crate) fn step(&mut self, pool: Option<&ThreadPool>) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Encoder::Jpeg(jpeg) => jpeg.step(pool),
            Encoder::Png(png) => png.step(),
            Encoder::Whole(whole) => whole.encode().map(Some),
        }
    }
}
