//! Writers: a small picture in, bytes of a format or a placeholder out.

mod avif;
mod bits;
mod blocks;
mod bmp;
mod comparison;
mod farbfeld;
mod fitting;
mod gif;
mod hdr;
mod ico;
mod indexed;
mod jpeg;
mod openexr;
mod options;
mod palette;
mod pixels;
mod placeholder;
mod png;
mod pnm;
mod prefix_code;
mod qoi;
mod segments;
mod sink;
mod spans;
mod strips;
mod tga;
mod tiff;
mod webp;
mod writer;

use thumbelina_codec::{Budget, Context, Held};

use crate::{Comparison, Encoding, Error, Format, Picture, Placeholder};
use fitting::{Fitting, Verdict};
pub(crate) use options::MAX_ATTACHMENT;
pub use options::{Attachments, Compression, EncodeOptions, Subsampling};
use sink::Sink;
use spans::Spans;
use writer::Writer;

/// An encoder at work, in pieces where the format allows.
pub(crate) struct Encoder {
    stage: Stage,
}

enum Stage {
    /// A piece of the picture is next.
    Write(Box<Write>),
    /// The picture is written, and its pieces are to be put together.
    Join { picture: Picture, held: Held, sink: Sink },
    /// The end, or an error: nothing is next.
    Over,
}

struct Write {
    writer: Box<dyn Writer>,
    picture: Picture,
    held: Held,
    sink: Sink,
    /// Set where the result may not be longer than something.
    fitting: Option<Box<Fitting>>,
}

/// Putting pieces together, with the page faults of new memory and the freeing of old: half a
/// nanosecond a byte, measured on tens of megabytes, and as much again for whoever copies the
/// result. Freeing a picture takes this fraction of a nanosecond a byte.
const JOINED_PER_NANO: u64 = 1;
const FREED_PER_NANO: u64 = 32;

/// What takes less is no step of its own.
const JOIN_AT_ONCE_NANOS: u64 = 50_000;

impl Encoder {
    /// `held` is what the picture takes of the budget. While encoded bytes are put together in the
    /// end, as much is reserved once more, but not touched before the pieces are freed.
    pub(crate) fn new(
        encoding: Encoding,
        options: &EncodeOptions,
        picture: Picture,
        held: Held,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let mut sink = Sink::new(budget)?;
        let mut fitting = None;
        let writer: Box<dyn Writer> = match encoding {
            Encoding::Format(format) => {
                fitting = Fitting::new(format, options).map(Box::new);
                writer(format, options, &picture, &mut sink)?
            }
            Encoding::Pixels(_) => {
                Box::new(Spans::new(pixels::Pixels, Format::Pnm, &picture, &mut sink)?)
            }
            // Of which there is more to be known.
            Encoding::Comparison => return Err(Error::Internal),
            Encoding::Placeholder(Placeholder::Lqip) => {
                Box::new(webp::Webp::new(&picture, &Attachments::default())?)
            }
            Encoding::Placeholder(placeholder) => {
                Box::new(placeholder::Hash::new(placeholder, &picture))
            }
        };
        let write = Write { writer, picture, held, sink, fitting };
        Ok(Encoder { stage: Stage::Write(Box::new(write)) })
    }

    /// The same for a comparison.
    pub(crate) fn comparing(
        comparison: &Comparison,
        picture: Picture,
        mut held: Held,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let sink = Sink::new(budget)?;
        let writer: Box<dyn Writer> = match comparison {
            Comparison::Reference => Box::new(comparison::Plain::new()),
            Comparison::With(reference) => {
                held.grow(comparison::WORKING_BYTES)?;
                Box::new(comparison::Comparison::new(reference.clone(), &picture))
            }
        };
        let write = Write { writer, picture, held, sink, fitting: None };
        Ok(Encoder { stage: Stage::Write(Box::new(write)) })
    }

    /// The estimated nanoseconds of the next [`step`](Self::step).
    pub(crate) fn next_nanos(&self) -> u64 {
        match &self.stage {
            Stage::Write(write) => write.writer.next_nanos(),
            Stage::Join { picture, sink, .. } => join_nanos(picture, sink),
            Stage::Over => 0,
        }
    }

    /// Encodes one piece, or with a pool as much as can be shared out over it. `Some` is the whole
    /// encoded picture, and what it takes of the budget.
    pub(crate) fn step(&mut self, context: &Context) -> Result<Option<(Vec<u8>, Held)>, Error> {
        context.stop.check()?;
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Write(mut write) => {
                let Write { writer: at_work, picture, sink, .. } = &mut *write;
                if !at_work.step(picture, sink, context)? {
                    self.stage = Stage::Write(write);
                    return Ok(None);
                }
                let Write { picture, held, mut sink, fitting, .. } = *write;
                if let Some(mut fitting) = fitting {
                    let again = sink.empty_like()?;
                    match fitting.judge(sink)? {
                        Verdict::Done(fits) => sink = fits,
                        Verdict::Again => {
                            let mut sink = again;
                            let Fitting { format, options, .. } = &*fitting;
                            let writer = writer(*format, options, &picture, &mut sink)?;
                            let fitting = Some(fitting);
                            let write = Write { writer, picture, held, sink, fitting };
                            self.stage = Stage::Write(Box::new(write));
                            return Ok(None);
                        }
                    }
                }
                if join_nanos(&picture, &sink) <= JOIN_AT_ONCE_NANOS {
                    return sink.join(context.stop).map(Some);
                }
                self.stage = Stage::Join { picture, held, sink };
                Ok(None)
            }
            Stage::Join { picture, held, sink } => {
                drop((picture, held));
                sink.join(context.stop).map(Some)
            }
            Stage::Over => Err(Error::Internal),
        }
    }
}

/// A format's way of writing, begun.
fn writer(
    format: Format,
    options: &EncodeOptions,
    picture: &Picture,
    sink: &mut Sink,
) -> Result<Box<dyn Writer>, Error> {
    let attachments = &options.attachments;
    Ok(match format {
        Format::Jpeg => jpeg::writer(picture, options, sink)?,
        Format::Png => png::writer(picture, options, sink)?,
        Format::Ico => Box::new(ico::Ico::new(picture, sink)?),
        Format::Gif => Box::new(gif::Gif::new(picture, options)?),
        Format::Webp => Box::new(webp::Webp::new(picture, attachments)?),
        Format::Tiff => {
            Box::new(Spans::new(tiff::Tiff::new(picture, options)?, format, picture, sink)?)
        }
        Format::Bmp => Box::new(Spans::new(bmp::Bmp::new(picture), format, picture, sink)?),
        Format::Tga => Box::new(Spans::new(tga::Tga::new(picture), format, picture, sink)?),
        Format::Pnm => Box::new(Spans::new(pnm::Pnm::new(picture), format, picture, sink)?),
        Format::Qoi => Box::new(Spans::new(qoi::Qoi::new(picture), format, picture, sink)?),
        Format::Farbfeld => Box::new(Spans::new(farbfeld::Farbfeld, format, picture, sink)?),
        Format::Hdr => hdr::writer(picture, sink)?,
        Format::Openexr => Box::new(openexr::OpenExr::new(picture)),
        Format::Avif => Box::new(avif::Avif::new(picture, options)),
        Format::Dds | Format::Psd => return Err(Error::Unsupported(format)),
    })
}

fn join_nanos(picture: &Picture, sink: &Sink) -> u64 {
    let joined = if sink.is_joined() { 0 } else { sink.len() / JOINED_PER_NANO };
    joined + picture.samples.bytes().len() as u64 / FREED_PER_NANO
}

#[cfg(test)]
mod tests {
    use thumbelina_codec::Stop;

    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    /// Noise, which no format makes smaller, in the format's own layout.
    fn noise(format: Format, width: u32, height: u32) -> Picture {
        let layout = format.layout(Layout::new(4, Depth::U8));
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

    fn encoder(format: Format, picture: Picture, budget: &Budget) -> Result<Encoder, Error> {
        let held = budget.hold(picture.samples.bytes().len() as u64)?;
        let options = EncodeOptions { quality: 90, ..EncodeOptions::default() };
        Encoder::new(format.into(), &options, picture, held, budget)
    }

    fn step(encoder: &mut Encoder, budget: &Budget) -> Result<Option<Vec<u8>>, Error> {
        let made = encoder.step(&Context { pool: None, stop: &Stop::new(), budget })?;
        Ok(made.map(|(bytes, held)| {
            assert!(held.bytes() >= bytes.len() as u64);
            bytes
        }))
    }

    fn run(format: Format, picture: Picture, max_memory: u64) -> Result<Vec<u8>, Error> {
        let budget = Budget::new(max_memory);
        let mut encoder = encoder(format, picture, &budget)?;
        loop {
            if let Some(bytes) = step(&mut encoder, &budget)? {
                drop(encoder);
                assert_eq!(budget.held(), 0);
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
            // With room for a piece that is not full, for one that an icon copies, for what is
            // asked for before it is used, and for what an encoder works with.
            let working = match format {
                Format::Avif => avif::working_bytes(64 * 64),
                Format::Gif => palette::SAMPLE_BYTES,
                _ => 0,
            };
            let room = made + (sink::PIECE + 2 * sink::MAX_ROOM) as u64 + working;
            let again = run(format, picture, held + made + room);
            assert_eq!(again.map(|bytes| bytes.len() as u64), Ok(made), "{format}");
        }
    }

    #[test]
    fn what_placeholders_are_made_with_is_the_budgets() {
        for placeholder in Placeholder::ALL {
            let layout = placeholder.layout(Layout::new(4, Depth::U8));
            // The size that a hash has, and any other may have.
            let samples = Samples::U8(vec![9; 72 * usize::from(layout.channels)]);
            let picture = Picture { width: 9, height: 8, layout, samples };
            let made = |max_memory| {
                let budget = Budget::new(max_memory);
                let encoding = Encoding::Placeholder(placeholder);
                let held = budget.hold(0)?;
                let mut encoder = Encoder::new(
                    encoding,
                    &EncodeOptions::default(),
                    picture.clone(),
                    held,
                    &budget,
                )?;
                loop {
                    if let Some(bytes) = step(&mut encoder, &budget)? {
                        return Ok(bytes);
                    }
                }
            };
            assert!(made(1 << 20).is_ok_and(|bytes| !bytes.is_empty()), "{placeholder:?}");
            let refused = made(1 << 10);
            assert!(matches!(refused, Err(Error::Limit { .. })), "{placeholder:?}: {refused:?}");
        }
    }

    #[test]
    fn nothing_comes_after_the_end_or_an_error() {
        let picture = noise(Format::Pnm, 3, 2);
        let budget = Budget::new(1 << 20);
        let Ok(mut pnm) = encoder(Format::Pnm, picture.clone(), &budget) else {
            unreachable!("six pixels fit")
        };
        assert!(matches!(step(&mut pnm, &budget), Ok(Some(_))));
        assert_eq!((pnm.next_nanos(), step(&mut pnm, &budget)), (0, Err(Error::Internal)));
        let refused = encoder(Format::Dds, picture, &budget).map(drop);
        assert_eq!(refused, Err(Error::Unsupported(Format::Dds)));
    }

    #[test]
    fn a_stop_ends_the_next_step() {
        let (budget, stop) = (Budget::new(1 << 20), Stop::new());
        stop.ask();
        for format in Format::ALL.into_iter().filter(|format| format.is_writable()) {
            let Ok(mut encoder) = encoder(format, noise(format, 3, 2), &budget) else {
                unreachable!("six pixels fit")
            };
            let ended = encoder.step(&Context { pool: None, stop: &stop, budget: &budget });
            assert_eq!(ended.map(drop), Err(Error::Stopped), "{format}");
        }
    }
}
