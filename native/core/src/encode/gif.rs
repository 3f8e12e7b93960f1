//! GIF of one frame.

use weezl::encode::Encoder as Lzw;
use weezl::{BitOrder, LzwStatus};

use thumbelina_codec::Context;

use super::indexed::{Indexed, Made, PaletteOptions};
use super::options::EncodeOptions;
use super::palette::{MAX_COLORS, Rgba};
use super::sink::Sink;
use super::writer::Writer;
use crate::{Error, Format, Picture, cost};

pub(super) struct Gif {
    indexed: Indexed,
    /// Set when there is a palette.
    compressor: Option<Compressor>,
    /// Width and height as they stand in the file.
    size: [u8; 4],
}

/// In the graphic control extension: back to the background after this frame, and whether there is
/// a transparent color.
const DISPOSE_TO_BACKGROUND: u8 = 2 << 2;
const HAS_TRANSPARENT: u8 = 1;
const HAS_COLOR_TABLE: u8 = 0x80;
const TRAILER: u8 = 0x3B;

impl Gif {
    pub(super) fn new(picture: &Picture, options: &EncodeOptions) -> Result<Self, Error> {
        let side =
            |side: u32| u16::try_from(side).map(u16::to_le_bytes).map_err(|_| Error::Internal);
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        let palette = PaletteOptions {
            colors: options.colors.map_or(MAX_COLORS, usize::from),
            dither: options.dither,
            translucent: false,
        };
        let nanos = cost::encode_row_nanos(Format::Gif, 1_000, picture.layout);
        Ok(Gif {
            indexed: Indexed::new(picture, palette, nanos)?,
            compressor: None,
            size: [width[0], width[1], height[0], height[1]],
        })
    }
}

/// Writes what stands between the size and the pixels.
fn begin_frame(
    size: [u8; 4],
    palette: &[Rgba],
    transparent: Option<u8>,
    sink: &mut Sink,
) -> Result<Compressor, Error> {
    let flags = DISPOSE_TO_BACKGROUND | if transparent.is_some() { HAS_TRANSPARENT } else { 0 };
    sink.put(&[0x21, 0xF9, 4, flags, 0, 0, transparent.unwrap_or(0), 0])?;
    // The frame covers the screen: its size is what was written first.
    let mut frame = [0x2C, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    frame[5..9].copy_from_slice(&size);
    // The table has a power of two of colors, at least 2: its logarithm less one.
    let colors = palette.len().clamp(2, MAX_COLORS).next_power_of_two();
    frame[9] = HAS_COLOR_TABLE | (colors.trailing_zeros() as u8 - 1);
    sink.put(&frame)?;
    palette.iter().try_for_each(|[rgb @ .., _]| sink.put(rgb))?;
    sink.put(&[0; 3 * MAX_COLORS][palette.len() * 3..colors * 3])?;
    Compressor::new(colors, sink)
}

/// LZW, in blocks of up to 255 bytes.
struct Compressor {
    lzw: Lzw,
    codes: Vec<u8>,
    filled: usize,
}

const BLOCK: usize = 255;
const BLOCKS: usize = 16;

impl Compressor {
    fn new(colors: usize, sink: &mut Sink) -> Result<Self, Error> {
        // At least 2, says the specification.
        let bits = colors.trailing_zeros().max(2) as u8;
        sink.put(&[bits])?;
        let codes = crate::picture::zeroed(BLOCKS * BLOCK)?;
        Ok(Compressor { lzw: Lzw::new(BitOrder::Lsb, bits), codes, filled: 0 })
    }

    fn compress(&mut self, mut indices: &[u8], sink: &mut Sink) -> Result<(), Error> {
        while !indices.is_empty() {
            let (consumed, _) = self.run(indices, sink)?;
            indices = &indices[consumed..];
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut Sink) -> Result<(), Error> {
        self.lzw.finish();
        while !self.run(&[], sink)?.1 {}
        self.put_blocks(sink)?;
        sink.put(&[0])
    }

    /// How many indices were consumed, and whether all is written.
    fn run(&mut self, indices: &[u8], sink: &mut Sink) -> Result<(usize, bool), Error> {
        let result = self.lzw.encode_bytes(indices, &mut self.codes[self.filled..]);
        self.filled += result.consumed_out;
        if self.filled == self.codes.len() {
            self.put_blocks(sink)?;
        }
        match result.status {
            Ok(LzwStatus::Done) => Ok((result.consumed_in, true)),
            Ok(_) if result.consumed_in + result.consumed_out > 0 => {
                Ok((result.consumed_in, false))
            }
            _ => Err(Error::Internal),
        }
    }

    fn put_blocks(&mut self, sink: &mut Sink) -> Result<(), Error> {
        for block in self.codes[..self.filled].chunks(BLOCK) {
            sink.put(&[block.len() as u8])?;
            sink.put(block)?;
        }
        self.filled = 0;
        Ok(())
    }
}

impl Writer for Gif {
    fn next_nanos(&self) -> u64 {
        self.indexed.next_nanos()
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        if sink.len() == 0 {
            sink.put(b"GIF89a")?;
            sink.put(&self.size)?;
            // Background 0, square pixels, and the smallest global color table there is: two
            // blacks.
            sink.put(&[HAS_COLOR_TABLE, 0, 0])?;
            sink.put(&[0; 6])?;
        }
        let Gif { indexed, compressor, size } = self;
        let done = indexed.step(picture, context.budget, |made| {
            match made {
                Made::Palette(palette, transparent) => {
                    *compressor = Some(begin_frame(*size, palette, transparent, sink)?);
                }
                Made::Indices(indices) => {
                    let compressor = compressor.as_mut().ok_or(Error::Internal)?;
                    compressor.compress(indices, sink)?;
                }
            }
            Ok(())
        })?;
        if done {
            compressor.as_mut().ok_or(Error::Internal)?.finish(sink)?;
            sink.put(&[TRAILER])?;
        }
        Ok(done)
    }
}
