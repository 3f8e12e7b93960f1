//! From the samples of a chunk's row to those of the picture's.

use std::ops::Range;

use super::description::{Alpha, Color, Description, Predictor};
use super::directory::{ByteOrder, Field};
use crate::{Error, Samples};

/// How a row becomes one of the picture.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    color: Color,
    bits: u32,
    order: ByteOrder,
    white_is_zero: bool,
    /// Samples of a pixel as they come, and of those that are shown.
    samples: usize,
    channels: usize,
    palette: Option<Box<[[u8; 3]; 256]>>,
}

/// A row of the picture, or a part of one.
pub(super) enum RowMut<'a> {
    U8(&'a mut [u8]),
    U16(&'a mut [u16]),
    F32(&'a mut [f32]),
}

impl<'a> RowMut<'a> {
    pub(super) fn of(samples: &'a mut Samples, range: Range<usize>) -> Self {
        match samples {
            Samples::U8(samples) => RowMut::U8(&mut samples[range]),
            Samples::U16(samples) => RowMut::U16(&mut samples[range]),
            Samples::F32(samples) => RowMut::F32(&mut samples[range]),
        }
    }
}

impl Conversion {
    /// `samples` of each pixel come side by side.
    pub(super) fn new(picture: &Description, samples: usize) -> Self {
        Conversion {
            color: picture.color,
            bits: picture.bits,
            // Undoing this predictor gives big-endian floats.
            order: if picture.predictor == Predictor::Float {
                ByteOrder::Big
            } else {
                picture.order
            },
            white_is_zero: picture.white_is_zero && picture.color == Color::Gray,
            samples,
            channels: picture.color.samples() + usize::from(picture.alpha != Alpha::None),
            palette: None,
        }
    }

    /// For rows that a JPEG decoder has made of three or four components.
    pub(super) fn into_rgb(mut self) -> Self {
        (self.color, self.samples, self.channels) = (Color::Rgb, 3, 3);
        self
    }

    /// Reads the color map: all reds, all greens, all blues.
    pub(super) fn with_palette(mut self, input: &[u8], map: &Field) -> Result<Self, Error> {
        let colors = 1u64 << self.bits.min(8);
        let value = |plane: u64, index: u64| map.get(input, plane * colors + index);
        let mut widest = 0;
        for index in 0..3 * colors {
            widest = widest.max(map.get(input, index)?);
        }
        // Old writers gave bytes where there should be words.
        let shift = if widest > 255 { 8 } else { 0 };
        let mut palette = Box::new([[0; 3]; 256]);
        for (color, index) in palette.iter_mut().zip(0..colors) {
            for (sample, plane) in color.iter_mut().zip(0..) {
                *sample = (value(plane, index)? >> shift).min(255) as u8;
            }
        }
        self.palette = Some(palette);
        Ok(self)
    }

    /// Converts as many pixels as there is room for.
    pub(super) fn row(&self, from: &[u8], to: RowMut<'_>) {
        match to {
            RowMut::U8(to) => self.bytes(from, to),
            RowMut::U16(to) => self.words(from, to),
            RowMut::F32(to) => {
                let order = self.order;
                let mask =
                    if self.white_is_zero { |white: f32| 1.0 - white } else { |black: f32| black };
                self.each(from.as_chunks().0, to, |bytes| f32::from_bits(order.u32(bytes)), mask);
            }
        }
    }

    fn bytes(&self, from: &[u8], to: &mut [u8]) {
        match (self.color, &self.palette) {
            (Color::Palette, Some(palette)) if self.bits == 8 => {
                let channels = self.channels + 2;
                let pixels = from.chunks_exact(self.samples).zip(to.chunks_exact_mut(channels));
                for (from, to) in pixels {
                    to[..3].copy_from_slice(&palette[usize::from(from[0])]);
                    if let (Some(to), Some(&alpha)) = (to.get_mut(3), from.get(1)) {
                        *to = alpha;
                    }
                }
            }
            (Color::Palette, Some(palette)) => {
                let pixels = to.as_chunks_mut::<3>().0;
                for (to, index) in pixels.iter_mut().zip(packed(from, self.bits)) {
                    *to = palette[usize::from(index)];
                }
            }
            (Color::Cmyk, _) => {
                for (from, to) in from.chunks_exact(self.samples).zip(to.as_chunks_mut().0) {
                    if let Some(&cmyk) = from.first_chunk() {
                        *to = rgb(cmyk.map(f32::from), 255.0).map(|sample| sample as u8);
                    }
                }
            }
            _ if self.bits < 8 => {
                let (flip, step) =
                    (if self.white_is_zero { 0xFF } else { 0 }, 255 / ((1 << self.bits) - 1));
                for (to, value) in to.iter_mut().zip(packed(from, self.bits)) {
                    *to = (value * step) ^ flip;
                }
            }
            _ if self.samples == self.channels && !self.white_is_zero => {
                to.copy_from_slice(&from[..to.len()])
            }
            _ => {
                let flip = if self.white_is_zero { 0xFF } else { 0 };
                self.each(from.as_chunks::<1>().0, to, |[byte]| byte, |color| color ^ flip);
            }
        }
    }

    fn words(&self, from: &[u8], to: &mut [u16]) {
        let order = self.order;
        if self.color == Color::Cmyk {
            let samples = from.as_chunks::<2>().0;
            for (from, to) in samples.chunks_exact(self.samples).zip(to.as_chunks_mut().0) {
                if let Some(&cmyk) = from.first_chunk() {
                    let cmyk = cmyk.map(|bytes| f32::from(order.u16(bytes)));
                    *to = rgb(cmyk, 65_535.0).map(|sample| sample as u16);
                }
            }
            return;
        }
        let flip = if self.white_is_zero { 0xFFFF } else { 0 };
        if self.bits == 32 {
            let high = |bytes| (order.u32(bytes) >> 16) as u16;
            self.each(from.as_chunks().0, to, high, |color| color ^ flip);
        } else {
            match order {
                ByteOrder::Little => {
                    self.each(from.as_chunks().0, to, u16::from_le_bytes, |c| c ^ flip)
                }
                ByteOrder::Big => {
                    self.each(from.as_chunks().0, to, u16::from_be_bytes, |c| c ^ flip)
                }
            }
        }
    }

    /// Takes the samples that are shown out of each pixel.
    fn each<const N: usize, S: Copy>(
        &self,
        from: &[[u8; N]],
        to: &mut [S],
        number: impl Fn([u8; N]) -> S,
        color: impl Fn(S) -> S,
    ) {
        // Only gray can be the other way round, which has one sample of color.
        if self.samples == self.channels && !self.white_is_zero {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = number(from);
            }
            return;
        }
        let pixels = from.chunks_exact(self.samples).zip(to.chunks_exact_mut(self.channels));
        for (from, to) in pixels {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = number(from);
            }
            to[0] = color(to[0]);
        }
    }
}

/// Samples of less than a byte, the first one in the highest bits.
fn packed(bytes: &[u8], bits: u32) -> impl Iterator<Item = u8> {
    let mask = ((1u32 << bits) - 1) as u8;
    let each = 8 / bits;
    bytes.iter().flat_map(move |&byte| (1..=each).map(move |nth| (byte >> (8 - bits * nth)) & mask))
}

/// What is left of white light.
fn rgb([c, m, y, k]: [f32; 4], full: f32) -> [f32; 3] {
    let light = 1.0 - k / full;
    [(full - c) * light, (full - m) * light, (full - y) * light]
}
