//! Pixels that are not in blocks: bits under masks, indices of a palette, or samples of two or four
//! bytes.

use super::super::half::widen;
use crate::{Depth, Error, Layout};

pub(super) enum Pixels {
    Masks(Masks),
    /// The same with three equal colors, of which one is handed over.
    Gray(Masks),
    Palette(Box<[[u8; 4]; 256]>),
    /// So many samples. Two are red and green.
    Wide(u8, Wide),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    U16,
    F16,
    F32,
}

/// Where the bits of red, green, blue and alpha are, in a pixel of some bytes.
pub(super) struct Masks {
    bytes: usize,
    color: [Channel; 3],
    alpha: Option<Channel>,
}

/// The bits from the lowest one of a mask to its highest.
#[derive(Clone, Copy)]
struct Channel {
    mask: u32,
    shift: u32,
    most: u32,
}

impl Pixels {
    pub(super) fn palette(stored: &[u8]) -> Self {
        let mut palette = Box::new([[0; 4]; 256]);
        for (entry, color) in palette.iter_mut().zip(stored.as_chunks().0) {
            *entry = *color;
        }
        Pixels::Palette(palette)
    }

    /// In the file.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Pixels::Masks(masks) | Pixels::Gray(masks) => masks.bytes,
            Pixels::Palette(_) => 1,
            &Pixels::Wide(channels, wide) => {
                usize::from(channels) * if wide == Wide::F32 { 4 } else { 2 }
            }
        }
    }

    pub(super) fn layout(&self) -> Layout {
        let with_alpha = |color: u8, masks: &Masks| color + u8::from(masks.alpha.is_some());
        match self {
            Pixels::Masks(masks) => Layout::new(with_alpha(3, masks), Depth::U8),
            Pixels::Gray(masks) => Layout::new(with_alpha(1, masks), Depth::U8),
            Pixels::Palette(_) => Layout::new(4, Depth::U8),
            &Pixels::Wide(channels, wide) => {
                let depth = if wide == Wide::U16 { Depth::U16 } else { Depth::F32 };
                Layout::new(if channels == 2 { 3 } else { channels }, depth)
            }
        }
    }

    /// Makes samples of a row.
    pub(super) fn row(&self, stored: &[u8], out: &mut [u8]) -> Result<(), Error> {
        match self {
            Pixels::Masks(masks) => match masks.alpha {
                Some(alpha) => masks.row(stored, out.as_chunks_mut().0, |pixel, color| {
                    [color(0), color(1), color(2), alpha.sample(pixel)]
                }),
                None => masks
                    .row(stored, out.as_chunks_mut().0, |_, color| [color(0), color(1), color(2)]),
            },
            Pixels::Gray(masks) => match masks.alpha {
                Some(alpha) => masks.row(stored, out.as_chunks_mut().0, |pixel, color| {
                    [color(0), alpha.sample(pixel)]
                }),
                None => masks.row(stored, out.as_chunks_mut().0, |_, color| [color(0)]),
            },
            Pixels::Palette(palette) => {
                for (out, &index) in out.as_chunks_mut().0.iter_mut().zip(stored) {
                    *out = palette[usize::from(index)];
                }
            }
            &Pixels::Wide(channels, wide) => {
                // What has no blue has none.
                let width = if channels == 2 { 3 } else { channels };
                let pixels = stored.chunks_exact(self.bytes());
                let sample_bytes = if wide == Wide::U16 { 2 } else { 4 };
                for (out, pixel) in
                    out.chunks_exact_mut(usize::from(width) * sample_bytes).zip(pixels)
                {
                    wide.pixel(pixel, out);
                }
            }
        }
        Ok(())
    }
}

impl Wide {
    /// The samples of one pixel, in the machine's own order; those that are not there are 0.
    fn pixel(self, stored: &[u8], out: &mut [u8]) {
        out.fill(0);
        match self {
            Wide::U16 => {
                for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                    *out = u16::from_le_bytes(sample).to_ne_bytes();
                }
            }
            Wide::F16 => {
                for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                    *out = widen(u16::from_le_bytes(sample)).to_ne_bytes();
                }
            }
            Wide::F32 => {
                for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                    *out = f32::from_le_bytes(sample).to_ne_bytes();
                }
            }
        }
    }
}

impl Masks {
    /// Of pixels of 8 to 32 bits. Without a mask for alpha, there is none.
    pub(super) fn new(bits: u32, color: [u32; 3], alpha: u32) -> Self {
        Masks {
            bytes: (bits / 8) as usize,
            color: color.map(Channel::new),
            alpha: (alpha != 0).then(|| Channel::new(alpha)),
        }
    }

    #[inline]
    fn row<const N: usize>(
        &self,
        stored: &[u8],
        out: &mut [[u8; N]],
        pixel: impl Fn(u32, &dyn Fn(usize) -> u8) -> [u8; N],
    ) {
        for (out, stored) in out.iter_mut().zip(stored.chunks_exact(self.bytes)) {
            let mut bytes = [0; 4];
            for (byte, &stored) in bytes.iter_mut().zip(stored) {
                *byte = stored;
            }
            let bits = u32::from_le_bytes(bytes);
            *out = pixel(bits, &|channel| self.color[channel].sample(bits));
        }
    }
}

impl Channel {
    fn new(mask: u32) -> Self {
        // A mask of nothing is always 0.
        let shift = if mask == 0 { 0 } else { mask.trailing_zeros() };
        Channel { mask, shift, most: (mask >> shift).max(1) }
    }

    #[inline]
    fn sample(self, pixel: u32) -> u8 {
        let bits = (pixel & self.mask) >> self.shift;
        match self.most {
            255 => bits as u8,
            most => ((u64::from(bits) * 255 + u64::from(most) / 2) / u64::from(most)) as u8,
        }
    }
}
