//! Writers: a small picture in, bytes of a format out.

mod avif;
mod bits;
mod bmp;
mod farbfeld;
mod gif;
mod hdr;
mod ico;
mod jpeg;
mod openexr;
mod palette;
mod png;
mod pnm;
mod prefix_code;
mod qoi;
mod sink;
mod spans;
mod tga;
mod tiff;
mod webp;
mod writer;

use rayon::ThreadPool;

use self::sink::Sink;
use self::spans::Spans;
use self::writer::{Work, Writer};
use crate::finish::depth_within;
use crate::{Depth, Error, Format, Layout, Picture};

/// The layout in which a format takes a picture of `source`'s.
pub(crate) fn layout(format: Format, source: Layout) -> Layout {
    use Depth::{F32, U8, U16};
    let (gray, alpha, depths): (bool, bool, &[Depth]) = match format {
        Format::Jpeg => (true, false, &[U8]),
        // A float source has no use for 16 bits on a screen.
        Format::Png if source.depth == F32 => (true, true, &[U8]),
        Format::Png => (true, true, &[U8, U16]),
        Format::Pnm if source.depth == F32 => (true, true, &[U8]),
        Format::Pnm => (true, true, &[U8, U16]),
        Format::Webp | Format::Bmp | Format::Tga => (true, true, &[U8]),
        Format::Tiff if source.is_gray() && !source.has_alpha() && source.depth != F32 => {
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
    let colors = if gray && source.is_gray() { 1 } else { 3 };
    let alphas = u8::from(alpha && source.has_alpha());
    Layout::new(colors + alphas, depth_within(source.depth, depths))
}

/// An encoder at work, in pieces where the format allows.
pub(crate) struct Encoder {
    stage: Stage,
}

enum Stage {
    /// A piece of the picture is next.
    Write { writer: Box<dyn Writer>, picture: Picture, sink: Sink },
    /// The picture is written, and its pieces are to be put together.
    Join { picture: Picture, sink: Sink },
    /// The end, or an error: nothing is next.
    Over,
}

/// Putting pieces together, with the page faults of new memory and the freeing of old: half a
/// nanosecond a byte, measured on tens of megabytes, and as much again for whoever copies the
/// result. Freeing a picture takes this fraction of a nanosecond a byte.
const JOINED_PER_NANO: u64 = 1;
const FREED_PER_NANO: u64 = 32;

/// What takes less is no step of its own.
const JOIN_AT_ONCE_NANOS: u64 = 50_000;

impl Encoder {
    /// `max_memory` is for the picture and the encoded bytes together. While those are put together
    /// in the end, as much is reserved once more, but not touched before the pieces are freed.
    pub(crate) fn new(format: Format, quality: u8, picture: Picture, max_memory: u64) -> Result<Self, Error> {
        let mut sink = Sink::new(max_memory, picture.samples.bytes().len() as u64)?;
        let writer: Box<dyn Writer> = match format {
            Format::Jpeg => Box::new(jpeg::Jpeg::new(&picture, quality)),
            Format::Png => Box::new(png::Png::new(&picture, &sink)?),
            Format::Ico => Box::new(ico::Ico::new(&picture, &sink)?),
            Format::Gif => Box::new(gif::Gif::new(&picture)?),
            Format::Webp => Box::new(webp::Webp::new(&picture)?),
            Format::Tiff => Box::new(Spans::new(tiff::Tiff::new(&picture), format, &picture, &mut sink)?),
            Format::Bmp => Box::new(Spans::new(bmp::Bmp::new(&picture), format, &picture, &mut sink)?),
            Format::Tga => Box::new(Spans::new(tga::Tga::new(&picture), format, &picture, &mut sink)?),
            Format::Pnm => Box::new(Spans::new(pnm::Pnm::new(&picture), format, &picture, &mut sink)?),
            Format::Qoi => Box::new(Spans::new(qoi::Qoi::new(&picture), format, &picture, &mut sink)?),
            Format::Farbfeld => Box::new(Spans::new(farbfeld::Farbfeld, format, &picture, &mut sink)?),
            Format::Hdr => hdr::writer(&picture, &mut sink)?,
            Format::OpenExr => Box::new(openexr::OpenExr::new(&picture)),
            Format::Avif => Box::new(avif::Avif::new(&picture, quality)),
            Format::Dds => return Err(Error::Unsupported(format)),
        };
        Ok(Encoder { stage: Stage::Write { writer, picture, sink } })
    }

    /// The estimated nanoseconds of the next [`step`](Self::step).
    pub(crate) fn next_nanos(&self) -> u64 {
        match &self.stage {
            Stage::Write { writer, .. } => writer.next_nanos(),
            Stage::Join { picture, sink } => join_nanos(picture, sink),
            Stage::Over => 0,
        }
    }

    /// Encodes one piece, or with a pool as much as can be shared out over it. `Some` is the whole
    /// encoded picture. What cannot be cut into pieces asks now and then whether it `is_stopped`,
    /// and then ends with [`Error::Stopped`].
    pub(crate) fn step(
        &mut self,
        pool: Option<&ThreadPool>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Write { mut writer, picture, mut sink } => {
                if !writer.step(&picture, &mut sink, Work { pool, is_stopped })? {
                    self.stage = Stage::Write { writer, picture, sink };
                    return Ok(None);
                }
                if join_nanos(&picture, &sink) <= JOIN_AT_ONCE_NANOS {
                    return sink.join(is_stopped).map(Some);
                }
                self.stage = Stage::Join { picture, sink };
                Ok(None)
            }
            Stage::Join { picture, sink } => {
                drop(picture);
                sink.join(is_stopped).map(Some)
            }
            Stage::Over => Err(Error::Internal),
        }
    }
}

fn join_nanos(picture: &Picture, sink: &Sink) -> u64 {
    let joined = if sink.is_joined() { 0 } else { sink.len() / JOINED_PER_NANO };
    joined + picture.samples.bytes().len() as u64 / FREED_PER_NANO
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Samples;

    /// Noise, which no format makes smaller, in the format's own layout.
    fn noise(format: Format, width: u32, height: u32) -> Picture {
        let layout = layout(format, Layout::new(4, Depth::U8));
        let len = width as usize * height as usize * usize::from(layout.channels);
        let mut seed = 1u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let samples = match layout.depth {
            Depth::U8 => Samples::U8((0..len).map(|_| next() as u8).collect()),
            Depth::U16 => Samples::U16((0..len).map(|_| next() as u16).collect()),
            Depth::F32 => Samples::F32((0..len).map(|_| next() as f32 / 65_536.0).collect()),
        };
        Picture { width, height, layout, samples }
    }

    fn run(format: Format, picture: Picture, max_memory: u64) -> Result<Vec<u8>, Error> {
        let mut encoder = Encoder::new(format, 90, picture, max_memory)?;
        loop {
            if let Some(bytes) = encoder.step(None, &|| false)? {
                return Ok(bytes);
            }
        }
    }

    #[test]
    fn picture_and_output_together_stay_below_the_maximum() {
        let writable = Format::ALL.into_iter().filter(|format| format.is_writable());
        for format in writable {
            let (width, height) = if format == Format::Avif { (64, 64) } else { (256, 256) };
            let picture = noise(format, width, height);
            let held = picture.samples.bytes().len() as u64;
            let made = run(format, picture.clone(), u64::MAX).map(|bytes| bytes.len() as u64);
            let made = made.unwrap_or_else(|error| unreachable!("{format}: {error}"));
            // A byte less than what is needed at least.
            let maximum = held + made - 1;
            let refused = run(format, picture.clone(), maximum);
            assert!(
                matches!(
                    refused,
                    Err(Error::Limit { limit: crate::Limit::MaxMemory, value, maximum: most })
                        if value > maximum && most == maximum
                ),
                "{format}: {:?}",
                refused.map(|bytes| bytes.len())
            );
            // With room for a piece that is not full, and for what is asked for before it is used.
            assert_eq!(
                run(format, picture, held + made * 2 + 2 * sink::MAX_ROOM as u64).map(|b| b.len() as u64),
                Ok(made)
            );
        }
    }

    #[test]
    fn nothing_comes_after_the_end_or_an_error() {
        let picture = noise(Format::Pnm, 3, 2);
        let Ok(mut encoder) = Encoder::new(Format::Pnm, 90, picture.clone(), 1 << 20) else {
            unreachable!("six pixels fit")
        };
        assert!(matches!(encoder.step(None, &|| false), Ok(Some(_))));
        assert_eq!((encoder.next_nanos(), encoder.step(None, &|| false)), (0, Err(Error::Internal)));
        assert!(matches!(
            Encoder::new(Format::Dds, 90, picture, 1 << 20),
            Err(Error::Unsupported(Format::Dds))
        ));
    }
}
