//! The transforms, undone a row at a time.

use thumbelina_codec::Error;

use super::predictor::{Predictor, sum};
use crate::memory;

/// The color transform: red and blue are differences from parts of green, and blue from part of
/// red.
pub(super) struct Color {
    pub(super) bits: u32,
    /// Tiles in a row.
    pub(super) tiles: usize,
    /// For each tile, the three parts as a pixel: red to blue, green to blue, green to red.
    pub(super) parts: Vec<u32>,
}

impl Color {
    fn undo(&self, row: &mut [u32], y: usize) {
        let parts = &self.parts[(y >> self.bits) * self.tiles..][..self.tiles];
        for (tile, &parts) in row.chunks_mut(1 << self.bits).zip(parts) {
            let part = |shift: u32| i32::from((parts >> shift) as i8);
            let (red_to_blue, green_to_blue, green_to_red) = (part(16), part(8), part(0));
            for pixel in tile {
                let signed = |color: u32| i32::from(color as i8);
                let green = signed(*pixel >> 8);
                let red = (*pixel >> 16).wrapping_add(((green_to_red * green) >> 5) as u32) & 255;
                let blue = pixel
                    .wrapping_add(((green_to_blue * green) >> 5) as u32)
                    .wrapping_add(((red_to_blue * signed(red)) >> 5) as u32);
                *pixel = *pixel & 0xff00_ff00 | red << 16 | blue & 255;
            }
        }
    }
}

/// Color indexing: pixels are places in a palette, in green, or several of them if the palette is
/// small.
pub(super) struct Palette {
    /// Each pixel holds `1 << packing` places.
    pub(super) packing: u32,
    /// The colors, and transparent black beyond.
    pub(super) colors: [u32; 256],
    /// The width before this transform.
    pub(super) width: usize,
}

impl Palette {
    /// `sent` has the differences of the colors, each from the one before.
    pub(super) fn new(sent: &[u32], width: usize) -> Self {
        let mut colors = [0; 256];
        let mut last = 0;
        for (color, &difference) in colors.iter_mut().zip(sent) {
            last = sum(last, difference);
            *color = last;
        }
        Palette { packing: Self::packing(sent.len()), colors, width }
    }

    /// The packing for a number of colors.
    pub(super) fn packing(colors: usize) -> u32 {
        match colors {
            0..=2 => 3,
            3..=4 => 2,
            5..=16 => 1,
            _ => 0,
        }
    }

    /// The row begins with packed pixels.
    fn undo(&self, row: &mut [u32]) {
        match self.packing {
            0 => {
                for pixel in row {
                    *pixel = self.colors[(*pixel >> 8 & 255) as usize];
                }
            }
            1 => self.unpack::<2>(row),
            2 => self.unpack::<4>(row),
            _ => self.unpack::<8>(row),
        }
    }

    /// From the end on, so that what is unpacked does not hit what is packed.
    fn unpack<const PLACES: usize>(&self, row: &mut [u32]) {
        let width = 8 / PLACES;
        let color = |packed: u32, place: usize| {
            self.colors[(packed >> (8 + place * width)) as usize & ((1 << width) - 1)]
        };
        for at in (0..row.len().div_ceil(PLACES)).rev() {
            let packed = row[at];
            for (place, pixel) in row[at * PLACES..].iter_mut().take(PLACES).enumerate() {
                *pixel = color(packed, place);
            }
        }
    }
}

pub(super) enum Transform {
    Predictor(Predictor),
    Color(Color),
    SubtractGreen,
    Palette(Box<Palette>),
}

/// All transforms of a picture, and what undoing them needs to remember.
pub(super) struct Transforms {
    /// In the order of the stream; the last is undone first.
    list: Vec<Transform>,
    /// The row being undone.
    row: Vec<u32>,
    /// The row before as the predictor left it, and one pixel.
    above: Vec<u32>,
    y: usize,
}

impl Transforms {
    /// For a picture so wide.
    pub(super) fn new(width: usize) -> Result<Self, Error> {
        let (row, above) = (memory::room(width)?, memory::room(width + 1)?);
        Ok(Transforms { list: Vec::new(), row, above, y: 0 })
    }

    /// The bytes that it takes, those of the transforms aside.
    pub(super) fn bytes(width: usize) -> u64 {
        ((2 * width + 1) * size_of::<u32>()) as u64
    }

    /// Adds the next one of the stream.
    pub(super) fn push(&mut self, transform: Transform) {
        self.list.push(transform);
    }

    /// Undoes a row of `width` pixels into bytes of RGBA. The pixels of the stream come in two
    /// pieces.
    pub(super) fn undo(
        &mut self,
        (first, second): (&[u32], &[u32]),
        width: usize,
        rgba: &mut [u8],
    ) {
        self.row.resize(width, 0);
        self.above.resize(width + 1, 0);
        let mut now = first.len() + second.len();
        self.row[..first.len()].copy_from_slice(first);
        self.row[first.len()..now].copy_from_slice(second);
        for transform in self.list.iter().rev() {
            match transform {
                Transform::Predictor(predictor) => {
                    predictor.undo(&mut self.row[..now], &mut self.above[..=now], self.y);
                }
                Transform::Color(color) => color.undo(&mut self.row[..now], self.y),
                Transform::SubtractGreen => add_green(&mut self.row[..now]),
                Transform::Palette(palette) => {
                    now = palette.width;
                    palette.undo(&mut self.row[..now]);
                }
            }
        }
        self.y += 1;
        for (rgba, pixel) in rgba.chunks_exact_mut(4).zip(&self.row) {
            rgba.copy_from_slice(&pixel.rotate_left(8).to_be_bytes());
        }
    }
}

/// Undoes the subtraction of green from red and blue.
fn add_green(row: &mut [u32]) {
    for pixel in row {
        let green = *pixel >> 8 & 255;
        let others = (*pixel & 0x00ff_00ff).wrapping_add(green << 16 | green) & 0x00ff_00ff;
        *pixel = *pixel & 0xff00_ff00 | others;
    }
}
