//! BMP: without compression, from the last row to the first. Grays go through a palette of grays,
//! and lose their alpha, for which BMP has no place beside a palette.

use super::sink::Sink;
use super::spans::SpanFormat;
use super::writer::within_u32;
use crate::{Error, Picture};

pub(super) struct Bmp {
    channels: usize,
    /// Zeros that fill each row up to a multiple of four bytes.
    padding: usize,
}

const FILE_HEADER: u32 = 14;
/// BITMAPINFOHEADER, and for alpha BITMAPV4HEADER, which has masks of the channels.
const INFO_HEADER: u32 = 40;
const V4_HEADER: u32 = 108;

const BITFIELDS: u32 = 3;
/// "sRGB" in the header's byte order.
const SRGB: u32 = u32::from_be_bytes(*b"sRGB");

impl Bmp {
    pub(super) fn new(picture: &Picture) -> Self {
        let channels = usize::from(picture.layout.channels);
        let row = picture.width as usize * written(channels);
        Bmp { channels, padding: row.next_multiple_of(4) - row }
    }
}

/// The bytes that a pixel has in the file.
fn written(channels: usize) -> usize {
    if channels < 3 { 1 } else { channels }
}

impl SpanFormat for Bmp {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        let pixel = written(self.channels);
        let (header, colors) = match pixel {
            1 => (INFO_HEADER, 256),
            3 => (INFO_HEADER, 0),
            _ => (V4_HEADER, 0),
        };
        let row = picture.width as usize * pixel + self.padding;
        let pixels = within_u32(row as u64 * u64::from(picture.height))?;
        let start = FILE_HEADER + header + colors * 4;
        let file = within_u32(u64::from(start) + u64::from(pixels))?;
        sink.check(file.into())?;

        sink.put(b"BM")?;
        let put = |sink: &mut Sink, fields: &[u32]| {
            fields.iter().try_for_each(|field| sink.put(&field.to_le_bytes()))
        };
        put(sink, &[file, 0, start, header, picture.width, picture.height])?;
        // One plane, and the bits of a pixel.
        put(sink, &[1 | (pixel as u32 * 8) << 16])?;
        let compression = if header == V4_HEADER { BITFIELDS } else { 0 };
        put(sink, &[compression, pixels, 0, 0, colors, 0])?;
        if header == V4_HEADER {
            // The masks of red, green, blue and alpha. End points and gamma are for other color
            // spaces.
            put(sink, &[0xFF << 16, 0xFF << 8, 0xFF, 0xFF << 24, SRGB])?;
            put(sink, &[0; 12])?;
        }
        (0..colors).try_for_each(|gray| put(sink, &[gray << 16 | gray << 8 | gray]))
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        let out = sink.room(pixels.len())?;
        match self.channels {
            1 => out.extend_from_slice(pixels),
            2 => out.extend(pixels.as_chunks().0.iter().map(|&[gray, _]| gray)),
            3 => swap_red_and_blue::<3>(pixels, out),
            _ => swap_red_and_blue::<4>(pixels, out),
        }
        Ok(())
    }

    fn end_row(&mut self, sink: &mut Sink) -> Result<(), Error> {
        sink.put(&[0; 3][..self.padding])
    }

    fn is_bottom_up(&self) -> bool {
        true
    }
}

fn swap_red_and_blue<const CHANNELS: usize>(pixels: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(pixels);
    for pixel in out[start..].as_chunks_mut::<CHANNELS>().0 {
        pixel.swap(0, 2);
    }
}
