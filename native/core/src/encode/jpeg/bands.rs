//! JPEG by `jpeg-encoder`, which writes a picture in one go. A picture that takes longer than a
//! piece is cut into bands of MCU rows; each is encoded as a picture of its own, and its
//! entropy-coded data becomes one restart interval of the whole. Restart intervals are made for
//! this: they reset the DC predictions and start on a byte. What it costs is two bytes and some
//! bits a band.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use rayon::prelude::*;

use thumbelina_codec::Context;

use super::super::blocks::Blocks;
use super::super::options::EncodeOptions;
use super::super::segments::segments;
use super::super::sink::Sink;
use super::super::writer::Writer;
use super::{END_OF_IMAGE, START, Sampling};
use crate::{Error, Format, Picture, cost};

pub(super) struct Bands {
    quality: u8,
    sampling: Sampling,
    segments: Blocks,
    rows_per_band: u32,
    /// Of the picture, like the nanoseconds, which a band takes.
    bands: u32,
    band_nanos: u64,
    next_band: u32,
}

/// The height of an MCU with 4:2:0. With 4:2:2 and 4:4:4 it is two MCUs.
const MCU_ROWS: u32 = 16;

impl Bands {
    pub(super) fn new(picture: &Picture, options: &EncodeOptions) -> Self {
        let nanos = |rows| cost::encode_nanos(Format::Jpeg, (picture.width, rows), picture.layout);
        let mcu_rows = (cost::MAX_STEP_NANOS / nanos(MCU_ROWS).max(1)).max(1) as u32;
        let rows_per_band = mcu_rows * MCU_ROWS;
        Bands {
            quality: options.quality,
            sampling: options.sampling(),
            segments: segments(&options.attachments),
            rows_per_band,
            bands: picture.height.div_ceil(rows_per_band),
            band_nanos: nanos(rows_per_band.min(picture.height)),
            next_band: 0,
        }
    }

    /// One band as a JPEG file of its own.
    fn encode(&self, picture: &Picture, band: u32) -> Result<Vec<u8>, Error> {
        let Picture { width, height, layout, .. } = *picture;
        let top = band * self.rows_per_band;
        let rows = self.rows_per_band.min(height - top);
        let row = width as usize * layout.pixel_bytes();
        let pixels = &picture.samples.bytes()[top as usize * row..][..rows as usize * row];
        // A band is no longer than a piece of work, except where a row of MCUs is.
        let mut out = Vec::new();
        out.try_reserve(pixels.len() / 4 + 1024).map_err(|_| Error::OutOfMemory)?;
        let mut encoder = Encoder::new(&mut out, self.quality);
        encoder.set_sampling_factor(match self.sampling {
            Sampling::Each => SamplingFactor::R_4_4_4,
            Sampling::Two => SamplingFactor::R_4_2_2,
            Sampling::Four => SamplingFactor::R_4_2_0,
        });
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        if self.bands > 1 {
            encoder.set_restart_interval(self.mcus_per_band(picture)?);
        }
        let color = if layout.is_gray() { ColorType::Luma } else { ColorType::Rgb };
        let side = |side: u32| u16::try_from(side).map_err(|_| Error::Internal);
        encoder.encode(pixels, side(width)?, side(rows)?, color).map_err(|_| Error::Internal)?;
        Ok(out)
    }

    fn mcus_per_band(&self, picture: &Picture) -> Result<u16, Error> {
        let (x, y) = if picture.layout.is_gray() { (1, 1) } else { self.sampling.factors() };
        let across = u64::from(picture.width).div_ceil(x * 8);
        let mcus = across * (u64::from(self.rows_per_band) / (y * 8));
        u16::try_from(mcus).map_err(|_| Error::Internal)
    }

    /// Appends the next band: the first brings the headers, every later one its data alone.
    fn append(&mut self, mut band: Vec<u8>, height: u32, sink: &mut Sink) -> Result<(), Error> {
        let Segments { height_at, data_start } = Segments::of(&band).ok_or(Error::Internal)?;
        if self.next_band == 0 {
            let height = u16::try_from(height).map_err(|_| Error::Internal)?;
            band[height_at..][..2].copy_from_slice(&height.to_be_bytes());
            let headers = band[..data_start].strip_prefix(START).ok_or(Error::Internal)?;
            sink.put(headers)?;
        } else {
            let restart = ((self.next_band - 1) % 8) as u8;
            sink.put(&[0xFF, 0xD0 + restart])?;
        }
        sink.put(band[data_start..].strip_suffix(&END_OF_IMAGE).ok_or(Error::Internal)?)?;
        self.next_band += 1;
        if self.next_band == self.bands {
            sink.put(&END_OF_IMAGE)?;
        }
        Ok(())
    }
}

impl Writer for Bands {
    fn next_nanos(&self) -> u64 {
        self.band_nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        if sink.len() == 0 {
            sink.put(START)?;
        }
        if !self.segments.step(sink)? {
            return Ok(false);
        }
        let (next, bands) = (self.next_band, self.bands);
        // About as many bytes as its pixels are, at the most.
        let memory =
            u64::from(picture.width) * u64::from(self.rows_per_band.min(picture.height)) * 4;
        if let Some(pool) = context.pool.filter(|_| bands - next > 1) {
            // Not all at once: between two steps what is encoded goes to the sink.
            let threads = pool.current_num_threads() as u32;
            let room = context.budget.left() / memory.max(1);
            let together =
                (threads * cost::BANDS_PER_THREAD).min(room.clamp(1, u32::MAX.into()) as u32);
            let rest = (next..bands.min(next.saturating_add(together))).into_par_iter();
            let _held = context.budget.hold(memory * rest.len() as u64)?;
            let encode = |band| {
                context.stop.check()?;
                self.encode(picture, band)
            };
            let encoded: Result<Vec<_>, Error> = pool.install(|| rest.map(encode).collect());
            for band in encoded? {
                self.append(band, picture.height, sink)?;
            }
        } else {
            let _held = context.budget.hold(memory)?;
            let band = self.encode(picture, next)?;
            self.append(band, picture.height, sink)?;
        }
        Ok(self.next_band == bands)
    }
}

/// Where things are in a JPEG file that the encoder wrote.
struct Segments {
    /// The frame header's height.
    height_at: usize,
    /// The entropy-coded data.
    data_start: usize,
}

impl Segments {
    fn of(file: &[u8]) -> Option<Segments> {
        let mut at = 2;
        let mut height_at = None;
        loop {
            let &[0xFF, marker, high, low] = file.get(at..)?.first_chunk()? else { return None };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            match marker {
                0xC0..=0xC2 => height_at = Some(at + 5),
                0xDA => return Some(Segments { height_at: height_at?, data_start: end }),
                _ => {}
            }
            at = end;
        }
    }
}
