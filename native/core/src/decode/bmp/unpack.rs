//! How a row's bytes become pixels.

pub(super) enum Unpack {
    /// Indices of so many bits, the first in the highest ones.
    Indexed(u32, Palette),
    Bgr,
    /// The fourth byte means nothing.
    Bgrx,
    Bgra,
    Masks(Box<Masks>),
}

impl Unpack {
    /// Writes a row of RGB, or of RGBA.
    pub(super) fn row(&self, stored: &[u8], out: &mut [u8], has_alpha: bool) {
        if has_alpha {
            self.pixels::<4>(stored, out.as_chunks_mut().0);
        } else {
            self.pixels::<3>(stored, out.as_chunks_mut().0);
        }
    }

    fn pixels<const N: usize>(&self, stored: &[u8], out: &mut [[u8; N]]) {
        match self {
            Unpack::Indexed(8, palette) => {
                write(out, stored.iter().map(|&index| palette.color(index)));
            }
            Unpack::Indexed(bits, palette) => {
                let bits = *bits;
                let mask = (1u8 << bits).wrapping_sub(1);
                for (out, &byte) in out.chunks_mut(8 / bits as usize).zip(stored) {
                    let indices = (1..=8 / bits).map(|i| byte >> (8 - i * bits) & mask);
                    write(out, indices.map(|index| palette.color(index)));
                }
            }
            Unpack::Bgr => {
                write(out, stored.as_chunks().0.iter().map(|&[b, g, r]| [r, g, b, 255]));
            }
            Unpack::Bgrx => {
                write(out, stored.as_chunks().0.iter().map(|&[b, g, r, _]| [r, g, b, 255]));
            }
            Unpack::Bgra => {
                write(out, stored.as_chunks().0.iter().map(|&[b, g, r, a]| [r, g, b, a]));
            }
            Unpack::Masks(masks) if masks.bits == 16 => {
                let pixels = stored.as_chunks().0.iter();
                write(out, pixels.map(|&pixel| masks.pixel(u16::from_le_bytes(pixel).into())));
            }
            Unpack::Masks(masks) => {
                let pixels = stored.as_chunks().0.iter();
                write(out, pixels.map(|&pixel| masks.pixel(u32::from_le_bytes(pixel))));
            }
        }
    }
}

#[inline]
fn write<const N: usize>(out: &mut [[u8; N]], pixels: impl Iterator<Item = [u8; 4]>) {
    for (out, pixel) in out.iter_mut().zip(pixels) {
        out.copy_from_slice(&pixel[..N]);
    }
}

/// The color of each index: black where the file has none.
pub(super) struct Palette(Box<[[u8; 4]; 256]>);

impl Palette {
    /// Of colors that take so many bytes each.
    pub(super) fn new(stored: &[u8], color_bytes: usize) -> Self {
        let mut palette = Box::new([[0, 0, 0, 255]; 256]);
        for (entry, color) in palette.iter_mut().zip(stored.chunks_exact(color_bytes)) {
            *entry = [color[2], color[1], color[0], 255];
        }
        Palette(palette)
    }

    fn color(&self, index: u8) -> [u8; 4] {
        self.0[usize::from(index)]
    }
}

/// Where the bits of red, green, blue and alpha are.
pub(super) struct Masks {
    bits: u32,
    channels: [Channel; 4],
}

struct Channel {
    shift: u32,
    /// What the eight bits from there on mean. Of a channel of more bits these are the highest, of
    /// one of fewer they are spread over all of a byte's range.
    samples: [u8; 256],
}

impl Masks {
    /// `None` unless red, green and blue have some bits each, and all four have theirs side by side
    /// within the pixel.
    pub(super) fn new(masks: [u32; 4], bits: u32) -> Option<Box<Self>> {
        if masks[..3].contains(&0) {
            return None;
        }
        let [r, g, b, a] = masks.map(|mask| Channel::new(mask, bits));
        Some(Box::new(Masks { bits, channels: [r?, g?, b?, a?] }))
    }

    fn pixel(&self, pixel: u32) -> [u8; 4] {
        let sample = |channel: &Channel| channel.samples[(pixel >> channel.shift & 0xFF) as usize];
        let [r, g, b, a] = &self.channels;
        [sample(r), sample(g), sample(b), sample(a)]
    }
}

impl Channel {
    fn new(mask: u32, bits: u32) -> Option<Self> {
        if mask == 0 {
            return Some(Channel { shift: 0, samples: [255; 256] });
        }
        let (shift, len) = (mask.trailing_zeros(), mask.count_ones());
        if u64::from(mask) >> shift != (1 << len) - 1 || shift + len > bits {
            return None;
        }
        let kept = len.min(8);
        let most = (1 << kept) - 1;
        let samples =
            std::array::from_fn(|bits| ((bits & most) * 255 + most / 2).checked_div(most))
                .map(|sample| sample.unwrap_or(0) as u8);
        Some(Channel { shift: shift + len - kept, samples })
    }
}
