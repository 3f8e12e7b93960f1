//! JPEG by `jpeg-encoder`, which writes a picture in one go. A picture that takes longer than a
//! piece is cut into bands of MCU rows; each is encoded as a picture of its own, and its entropy-coded
//! data becomes one restart interval of the whole. Restart intervals are made for this: they reset
//! the DC predictions and start on a byte. What it costs is two bytes and some bits a band.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::{Error, Format, Picture, cost};

pub(crate) struct Jpeg {
    picture: Picture,
    quality: u8,
    rows_per_band: u32,
    next_band: u32,
    out: Vec<u8>,
}

/// The height of an MCU with 4:2:0. With 4:4:4 it is two MCUs.
const MCU_ROWS: u32 = 16;
const BANDS_PER_THREAD: u32 = 8;
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

impl Jpeg {
    pub(crate) fn new(picture: Picture, quality: u8) -> Result<Self, Error> {
        let mcu_row = cost::encode_nanos(Format::Jpeg, (picture.width, MCU_ROWS), picture.layout);
        let mcu_rows = (cost::PIECE_NANOS / mcu_row.max(1)).max(1) as u32;
        let out = Vec::with_capacity(picture.width as usize * picture.height as usize / 4 + 1024);
        Ok(Jpeg { picture, quality, rows_per_band: mcu_rows * MCU_ROWS, next_band: 0, out })
    }

    fn bands(&self) -> u32 {
        self.picture.height.div_ceil(self.rows_per_band)
    }

    pub(crate) fn next_nanos(&self) -> u64 {
        let rows = self.rows_per_band.min(self.picture.height);
        cost::encode_nanos(Format::Jpeg, (self.picture.width, rows), self.picture.layout)
    }

    pub(crate) fn step(&mut self, pool: Option<&ThreadPool>) -> Result<Option<Vec<u8>>, Error> {
        let bands = self.bands();
        if let Some(pool) = pool.filter(|_| bands - self.next_band > 1) {
            // Not all at once: between two steps a dead caller is noticed.
            let together = pool.current_num_threads() as u32 * BANDS_PER_THREAD;
            let rest = (self.next_band..bands.min(self.next_band + together)).into_par_iter();
            let encoded: Result<Vec<_>, _> = pool.install(|| rest.map(|band| self.encode(band)).collect());
            for band in encoded? {
                self.append(&band)?;
            }
        } else {
            let band = self.encode(self.next_band)?;
            self.append(&band)?;
        }
        Ok((self.next_band == bands).then(|| std::mem::take(&mut self.out)))
    }

    /// One band as a JPEG file of its own.
    fn encode(&self, band: u32) -> Result<Vec<u8>, Error> {
        let Picture { width, height, layout, .. } = self.picture;
        let top = band * self.rows_per_band;
        let rows = self.rows_per_band.min(height - top);
        let row = width as usize * layout.pixel_bytes();
        let pixels = &self.picture.samples.bytes()[top as usize * row..][..rows as usize * row];
        let mut out = Vec::with_capacity(pixels.len() / 4 + 1024);
        let mut encoder = Encoder::new(&mut out, self.quality);
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        if self.bands() > 1 {
            encoder.set_restart_interval(self.mcus_per_band()?);
        }
        let colour = if layout.is_grey() { ColorType::Luma } else { ColorType::Rgb };
        let side = |side: u32| u16::try_from(side).map_err(|_| Error::Internal);
        encoder.encode(pixels, side(width)?, side(rows)?, colour).map_err(|_| Error::Internal)?;
        Ok(out)
    }

    fn mcus_per_band(&self) -> Result<u16, Error> {
        let rgb_420 = self.quality < 90 && !self.picture.layout.is_grey();
        let side = if rgb_420 { MCU_ROWS } else { MCU_ROWS / 2 };
        let mcus = self.picture.width.div_ceil(side) * (self.rows_per_band / side);
        u16::try_from(mcus).map_err(|_| Error::Internal)
    }

    /// Appends the next band: the first brings the headers, every later one its data alone.
    fn append(&mut self, band: &[u8]) -> Result<(), Error> {
        let segments = Segments::of(band).ok_or(Error::Internal)?;
        if self.next_band == 0 {
            self.out.extend_from_slice(&band[..segments.data_start]);
            let height = u16::try_from(self.picture.height).map_err(|_| Error::Internal)?;
            self.out[segments.height_at..][..2].copy_from_slice(&height.to_be_bytes());
        } else {
            let restart = ((self.next_band - 1) % 8) as u8;
            self.out.extend_from_slice(&[0xFF, 0xD0 + restart]);
        }
        let data = &band[segments.data_start..];
        self.out.extend_from_slice(data.strip_suffix(&END_OF_IMAGE).ok_or(Error::Internal)?);
        self.next_band += 1;
        if self.next_band == self.bands() {
            self.out.extend_from_slice(&END_OF_IMAGE);
        }
        Ok(())
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
