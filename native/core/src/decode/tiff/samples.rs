//! From the samples of a chunk's row to those of the picture's.

use std::ops::Range;

use bytes::Bytes;

use super::description::{Alpha, Color, Description, Numbers, Predictor};
use super::directory::{ByteOrder, Field};
use super::floats;
use super::logs;
use super::ycbcr::YCbCr;
use crate::picture::Sample;
use crate::{ColorModel, Error, Layout, Samples};

/// How a row becomes one of the picture.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    color: Color,
    numbers: Numbers,
    bits: u32,
    order: ByteOrder,
    white_is_zero: bool,
    signed_ab: bool,
    /// Samples of a pixel as they come, and of those that are shown.
    samples: usize,
    channels: usize,
    /// Whether alpha comes behind the inks, which is how much there is of them.
    thins: bool,
    palette: Option<Palette>,
    ycbcr: Option<Box<YCbCr>>,
}

#[derive(Debug, Clone)]
enum Palette {
    Bytes(Box<[[u8; 3]; 256]>),
    /// Of more colors than are worth a table: looked up where it lies.
    Words(Bytes, Field),
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

    /// Shows that nothing is known of it.
    pub(super) fn fill_gray(self, layout: Layout) {
        fn fill<S: Copy>(row: &mut [S], layout: Layout, [gray, light, none, full]: [S; 4]) {
            let color = match layout.model {
                ColorModel::Gray | ColorModel::Rgb => [gray; 4],
                ColorModel::Cmyk => [none, none, none, gray],
                ColorModel::Lab => [light, gray, gray, full],
            };
            let channels = usize::from(layout.channels);
            for pixel in row.chunks_exact_mut(channels) {
                pixel.copy_from_slice(&color[..channels]);
                if let (true, Some(alpha)) = (layout.has_alpha(), pixel.last_mut()) {
                    *alpha = full;
                }
            }
        }
        // The gray of 128 has an L* of 53.6, and reflects 21.6 % of the light.
        match self {
            RowMut::U8(row) => fill(row, layout, [128, 137, 0, 255]),
            RowMut::U16(row) => fill(row, layout, [128 * 257, 137 * 257, 0, 65_535]),
            RowMut::F32(row) => fill(row, layout, [0.216, 0.536, 0.0, 1.0]),
        }
    }
}

impl Conversion {
    /// `samples` of each pixel come side by side.
    pub(super) fn new(picture: &Description, samples: usize) -> Self {
        // Undoing the predictor of floats gives big-endian ones, and unpacking the other ones.
        let order = if picture.is_packed() {
            ByteOrder::Little
        } else if picture.predictor == Predictor::Float {
            ByteOrder::Big
        } else {
            picture.order
        };
        Conversion {
            color: picture.color,
            numbers: picture.numbers,
            bits: picture.bits,
            order,
            white_is_zero: picture.white_is_zero && picture.color == Color::Gray,
            signed_ab: picture.signed_ab,
            samples,
            channels: match picture.alpha {
                Alpha::None | Alpha::OfInk => picture.color.samples(),
                Alpha::Associated | Alpha::Unassociated => picture.color.samples() + 1,
            },
            thins: picture.alpha == Alpha::OfInk,
            palette: None,
            ycbcr: None,
        }
    }

    /// For rows that have become RGB already.
    pub(super) fn of_rgb(mut self) -> Self {
        self.color = Color::Rgb;
        self
    }

    pub(super) fn with_ycbcr(self, ycbcr: YCbCr) -> Self {
        Conversion { ycbcr: Some(Box::new(ycbcr)), ..self }
    }

    /// Reads the color map: all reds, all greens, all blues.
    pub(super) fn with_palette(self, input: &Bytes, map: &Field) -> Result<Self, Error> {
        let colors = 1u64 << self.bits;
        if self.bits > 8 {
            map.get(input, (3 << self.bits) - 1)?;
            let palette = Palette::Words(input.clone(), *map);
            return Ok(Conversion { palette: Some(palette), ..self });
        }
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
        Ok(Conversion { palette: Some(Palette::Bytes(palette)), ..self })
    }

    /// Converts as many pixels as there is room for.
    pub(super) fn row(&self, from: &[u8], to: RowMut<'_>) {
        match to {
            RowMut::U8(to) => match (&self.palette, &self.ycbcr) {
                (Some(palette), _) => self.colors(palette, from, to),
                (None, Some(ycbcr)) => {
                    let pixels = from.chunks_exact(self.samples).zip(to.as_chunks_mut().0);
                    for (from, to) in pixels {
                        if let Some(&color) = from.first_chunk() {
                            *to = ycbcr.rgb(color);
                        }
                    }
                }
                _ => self.bytes(from, to),
            },
            RowMut::U16(to) => self.words(from, to),
            RowMut::F32(to) => self.floats(from, to),
        }
    }

    /// Converts one row of those that share their chroma.
    pub(super) fn row_of_units(
        &self,
        units: &[u8],
        subsampling: (u32, u32),
        row: u32,
        to: RowMut<'_>,
    ) {
        if let (Some(ycbcr), RowMut::U8(to)) = (&self.ycbcr, to) {
            ycbcr.row(units, subsampling, row, to);
        }
    }

    /// Looks up colors.
    fn colors(&self, palette: &Palette, from: &[u8], to: &mut [u8]) {
        let channels = self.channels + 2;
        match palette {
            Palette::Bytes(palette) => {
                let pixels = from.chunks_exact(self.samples).zip(to.chunks_exact_mut(channels));
                for (from, to) in pixels {
                    to[..3].copy_from_slice(&palette[usize::from(from[0])]);
                    if let (Some(to), Some(&alpha)) = (to.get_mut(3), from.get(1)) {
                        *to = alpha;
                    }
                }
            }
            Palette::Words(input, map) => {
                let samples = from.as_chunks::<2>().0.chunks_exact(self.samples);
                for (from, to) in samples.zip(to.chunks_exact_mut(channels)) {
                    let index = u64::from(self.order.u16(from[0]));
                    for (to, plane) in to.iter_mut().zip(0..3) {
                        let value = map.get(input, (plane << self.bits) + index);
                        *to = (value.unwrap_or(0) >> 8).min(255) as u8;
                    }
                    if let (Some(to), Some(&alpha)) = (to.get_mut(3), from.get(1)) {
                        *to = (self.order.u16(alpha) >> 8) as u8;
                    }
                }
            }
        }
    }

    fn bytes(&self, from: &[u8], to: &mut [u8]) {
        let order = self.order;
        let flip = if self.white_is_zero { 0xFF } else { 0 };
        let flip = |color| color ^ flip;
        let clamped = |number: i64| number.clamp(0, 255) as u8;
        match (self.numbers, self.bits) {
            _ if self.color == Color::Lab => {
                self.each(from.as_chunks().0, to, |[byte]| byte, |byte| byte);
                if self.signed_ab {
                    for pixel in to.chunks_exact_mut(self.channels) {
                        (pixel[1], pixel[2]) = (pixel[1] ^ 0x80, pixel[2] ^ 0x80);
                    }
                }
            }
            (Numbers::Signed, 8) => {
                self.each(
                    from.as_chunks().0,
                    to,
                    |byte| clamped(i8::from_ne_bytes(byte).into()),
                    flip,
                );
            }
            (Numbers::Signed, 16) => {
                let number = |bytes| clamped((order.u16(bytes) as i16).into());
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Signed, 32) => {
                let number = |bytes| clamped((order.u32(bytes) as i32).into());
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Signed, _) => {
                let number = |bytes| clamped(order.u64(bytes) as i64);
                self.each(from.as_chunks().0, to, number, flip);
            }
            (_, 8) if self.samples == self.channels && !self.white_is_zero => {
                let len = to.len().min(from.len());
                to[..len].copy_from_slice(&from[..len]);
            }
            (_, 8) => self.each(from.as_chunks().0, to, |[byte]| byte, flip),
            (_, bits) => {
                let full = (1u32 << bits.min(8)) - 1;
                let mut scaled = [0; 256];
                for (number, scaled) in (0..).zip(&mut scaled) {
                    *scaled = ((number * 255 + full / 2) / full).min(255) as u8;
                }
                self.each(from.as_chunks().0, to, |[byte]| scaled[usize::from(byte)], flip);
            }
        }
    }

    fn words(&self, from: &[u8], to: &mut [u16]) {
        let (order, bits) = (self.order, self.bits);
        let flip = if self.white_is_zero { 0xFFFF } else { 0 };
        let flip = |color| color ^ flip;
        let ink = |light: f32| (light.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16;
        match (self.numbers, bits) {
            _ if self.color == Color::Lab => {
                self.each(from.as_chunks().0, to, |bytes| order.u16(bytes), |word| word);
                to.chunks_exact_mut(self.channels).for_each(|pixel| self.lab(pixel));
            }
            // Inks alone: other floats stay some.
            (Numbers::Float, 16) => {
                let number = |bytes| ink(floats::of_16_bits(order.u16(bytes)));
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Float, 24) => {
                let number = |bytes| ink(floats::of_24_bits(order.u32(bytes)));
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Float, 32) => {
                let number = |bytes| ink(f32::from_bits(order.u32(bytes)));
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Float, _) => {
                let number = |bytes| ink(f64::from_bits(order.u64(bytes)) as f32);
                self.each(from.as_chunks().0, to, number, flip);
            }
            (Numbers::Signed, _) => {
                let number = |bytes| (order.u16(bytes) as i16).max(0) as u16;
                self.each(from.as_chunks().0, to, number, flip);
            }
            (_, 16) => match order {
                ByteOrder::Little => self.each(from.as_chunks().0, to, u16::from_le_bytes, flip),
                ByteOrder::Big => self.each(from.as_chunks().0, to, u16::from_be_bytes, flip),
            },
            (_, 9..16) => {
                let full = (1u32 << bits) - 1;
                let scaled =
                    |bytes| ((u32::from(order.u16(bytes)) * 65_535 + full / 2) / full) as u16;
                self.each(from.as_chunks().0, to, scaled, flip);
            }
            // Of wide ones the highest bits count.
            (_, 64) => {
                self.each(from.as_chunks().0, to, |bytes| (order.u64(bytes) >> 48) as u16, flip);
            }
            _ => {
                let high = |bytes| (order.u32(bytes) >> (bits - 16)) as u16;
                self.each(from.as_chunks().0, to, high, flip);
            }
        }
    }

    /// From either of TIFF's encodings to that of the layout: 257 for each step of a* and b*.
    fn lab(&self, pixel: &mut [u16]) {
        let [l, ab @ ..] = pixel else { return };
        for ab in ab.iter_mut().take(2) {
            let steps =
                if self.signed_ab { i32::from(*ab as i16) + 128 * 256 } else { i32::from(*ab) };
            *ab = (steps * 257 / 256).clamp(0, 65_535) as u16;
        }
        if !self.signed_ab {
            // As ICC profiles of version 2 have it.
            *l = (u32::from(*l) * 65_535 / 65_280).min(65_535) as u16;
        }
    }

    fn floats(&self, from: &[u8], to: &mut [f32]) {
        let order = self.order;
        match (self.color, self.bits) {
            (Color::LogL, _) => {
                for (to, &bytes) in to.iter_mut().zip(from.as_chunks().0) {
                    *to = logs::luminance(order.u16(bytes));
                }
                return;
            }
            (Color::LogLuv, bits) => {
                for (to, &bytes) in to.as_chunks_mut().0.iter_mut().zip(from.as_chunks().0) {
                    let pixel = order.u32(bytes);
                    *to = if bits == 24 { logs::rgb_of_24(pixel) } else { logs::rgb_of_32(pixel) };
                }
                return;
            }
            _ => {}
        }
        let white_is_zero = self.white_is_zero;
        let flip = |color: f32| if white_is_zero { 1.0 - color } else { color };
        match self.bits {
            16 => {
                let number = |bytes| floats::of_16_bits(order.u16(bytes));
                self.each(from.as_chunks().0, to, number, flip);
            }
            24 => {
                let number = |bytes| floats::of_24_bits(order.u32(bytes));
                self.each(from.as_chunks().0, to, number, flip);
            }
            64 => {
                let number = |bytes| f64::from_bits(order.u64(bytes)) as f32;
                self.each(from.as_chunks().0, to, number, flip);
            }
            _ => self.each(from.as_chunks().0, to, |bytes| f32::from_bits(order.u32(bytes)), flip),
        }
        if self.color == Color::Lab {
            // From L* of 0 to 100, and a* and b* as they are.
            for pixel in to.chunks_exact_mut(self.channels) {
                pixel[0] /= 100.0;
                pixel[1] = (pixel[1] + 128.0) / 255.0;
                pixel[2] = (pixel[2] + 128.0) / 255.0;
            }
        }
    }

    /// Takes the samples that are shown out of each pixel.
    fn each<const N: usize, S: Sample>(
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
            if let (true, Some(&alpha)) = (self.thins, from.get(self.channels)) {
                let alpha = number(alpha).unit();
                to.iter_mut().for_each(|ink| *ink = S::from_unit(ink.unit() * alpha));
            }
        }
    }
}
