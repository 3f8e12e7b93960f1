//! Placeholders that are no pictures, each made in one go of at most 32 by 32 pixels.

mod blurhash;
mod colors;
mod dhash;
mod thumbhash;

use thumbelina_codec::Context;

use super::sink::Sink;
use super::writer::Writer;
use crate::{Error, Picture, Placeholder, cost};

/// What hashes and palettes are made with: at most the histogram of a palette.
pub(super) const WORKING_BYTES: u64 = 512 << 10;

pub(super) struct Hash {
    placeholder: Placeholder,
    nanos: u64,
}

impl Hash {
    pub(super) fn new(placeholder: Placeholder, picture: &Picture) -> Self {
        let size = (picture.width, picture.height);
        Hash { placeholder, nanos: cost::placeholder_nanos(placeholder, size, picture.layout) }
    }
}

impl Writer for Hash {
    fn next_nanos(&self) -> u64 {
        self.nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        let _held = context.budget.hold(WORKING_BYTES)?;
        match self.placeholder {
            Placeholder::Thumbhash => sink.put(&thumbhash::hash(picture)?)?,
            Placeholder::Blurhash => sink.put(blurhash::hash(picture)?.as_bytes())?,
            Placeholder::Color => sink.put(&colors::average(rgba(picture)?))?,
            Placeholder::Palette => sink.put(colors::palette(rgba(picture)?)?.as_flattened())?,
            Placeholder::Dhash => sink.put(&dhash::hash(picture)?)?,
            // A picture, which has a writer of its own.
            Placeholder::Lqip => return Err(Error::Internal),
        }
        Ok(true)
    }
}

fn rgba(picture: &Picture) -> Result<&[[u8; 4]], Error> {
    pixels::<4>(picture)
}

/// All pixels, if they have so many bytes.
fn pixels<const BYTES: usize>(picture: &Picture) -> Result<&[[u8; BYTES]], Error> {
    let (pixels, rest) = picture.samples.bytes().as_chunks();
    let expected = picture.width as usize * picture.height as usize;
    if rest.is_empty() && pixels.len() == expected { Ok(pixels) } else { Err(Error::Internal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    #[test]
    fn a_picture_of_another_layout_or_size_is_refused() {
        let picture = |width, height, channels, bytes| Picture {
            width,
            height,
            layout: Layout::new(channels, Depth::U8),
            samples: Samples::U8(vec![7; bytes]),
        };
        assert_eq!(thumbhash::hash(&picture(2, 1, 3, 6)).map(drop), Err(Error::Internal));
        assert_eq!(thumbhash::hash(&picture(101, 1, 4, 404)).map(drop), Err(Error::Internal));
        assert_eq!(thumbhash::hash(&picture(0, 0, 4, 0)).map(drop), Err(Error::Internal));
        assert_eq!(blurhash::hash(&picture(2, 1, 4, 8)).map(drop), Err(Error::Internal));
        assert_eq!(blurhash::hash(&picture(0, 0, 3, 0)).map(drop), Err(Error::Internal));
    }
}
