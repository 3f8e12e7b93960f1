//! The crop that looks at the picture: the part with the most to see, or with the most different
//! grays in it.
//!
//! Attention is that of smartcrop.js (Jonas Wagner, 2014): edges by a Laplacian, skin by its
//! distance from one direction in RGB, and saturation, the latter two counting more where there
//! are edges too. Its weights and thresholds are kept. Entropy is Shannon's, of a histogram of
//! grays, as in libvips' `smartcrop`, but of whole windows instead of strips that are cut off.

mod map;

use std::ops::Range;

use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape};
use crate::{Error, cost};
use map::Map;

/// What a part of the picture is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Attention,
    Entropy,
}

/// Takes the part of the picture that is the most interesting one, pixel by pixel.
pub(crate) struct SmartCrop {
    size: (u32, u32),
    stage: Stage,
    interest: Interest,
}

enum Stage {
    /// Nothing is known of the picture.
    New,
    /// It is being looked at.
    Look(Box<Map>),
    /// Where the part begins.
    Chosen { left: u32, top: u32 },
}

impl SmartCrop {
    pub(crate) fn new(size: (u32, u32), interest: Interest) -> Self {
        SmartCrop { size, stage: Stage::New, interest }
    }
}

impl Op for SmartCrop {
    fn shape(&self, from: &Shape) -> Shape {
        Shape { width: self.size.0, height: self.size.1, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        Bands::new(cost::copy_nanos(self.size.0, from.layout), 0, self.size.1)
    }

    fn memory(&self, from: &Shape) -> u64 {
        map::memory(from)
    }

    fn look_nanos(&self, from: &Shape) -> u64 {
        match self.stage {
            Stage::Chosen { .. } => 0,
            _ => map::step_nanos(from),
        }
    }

    fn look(&mut self, from: &Picture, shape: &Shape) -> Result<bool, Error> {
        match &mut self.stage {
            Stage::New => self.stage = Stage::Look(Box::new(Map::new(shape)?)),
            Stage::Look(map) => {
                if map.step(from, shape, self.interest)? {
                    let (left, top) = map.choose(self.size, self.interest);
                    self.stage = Stage::Chosen { left, top };
                }
            }
            Stage::Chosen { .. } => return Ok(true),
        }
        Ok(false)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let Stage::Chosen { left, top } = self.stage else { return Err(Error::Internal) };
        let pixel = from.layout.pixel_bytes();
        let (left, len) = (left as usize * pixel, self.size.0 as usize * pixel);
        for (y, out) in rows.zip(out.chunks_exact_mut(len)) {
            let row = from.row_bytes(top + y..top + y + 1)?;
            out.copy_from_slice(row.get(left..left + len).ok_or(Error::Internal)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    fn chosen(picture: &Picture, size: (u32, u32), interest: Interest) -> (u32, u32) {
        let &Picture { width, height, layout, .. } = picture;
        let shape = Shape { width, height, layout, premultiplied: false };
        let mut op = SmartCrop::new(size, interest);
        for _ in 0..100_000 {
            match op.look(picture, &shape) {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => unreachable!("{error}"),
            }
        }
        let Stage::Chosen { left, top } = op.stage else { unreachable!("it ends") };
        (left, top)
    }

    /// Gray, with a patch of something else in a square.
    fn patched(
        (width, height): (u32, u32),
        (x, y, side): (u32, u32, u32),
        patch: impl Fn(u32, u32) -> [u8; 3],
    ) -> Picture {
        let within = |at: u32, first: u32| (first..first + side).contains(&at);
        let pixel = |i: u32| {
            let (px, py) = (i % width, i / width);
            if within(px, x) && within(py, y) { patch(px, py) } else { [90, 90, 90] }
        };
        let samples = (0..width * height).flat_map(pixel).collect();
        Picture { width, height, layout: Layout::new(3, Depth::U8), samples: Samples::U8(samples) }
    }

    #[test]
    fn both_find_the_patch_wherever_it_is() {
        let noise = |x: u32, y: u32| {
            let mixed = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
            [(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8]
        };
        for (width, height) in [(300, 100), (100, 300), (90, 31), (2_000, 40)] {
            let side = width.min(height);
            for place in [0, 20, 45, 60] {
                let (x, y) = if width > height { (place, 0) } else { (0, place) };
                let picture = patched((width, height), (x, y, side / 2), noise);
                for interest in [Interest::Attention, Interest::Entropy] {
                    let (left, top) = chosen(&picture, (side, side), interest);
                    let (at, patch) = if width > height { (left, x) } else { (top, y) };
                    let range = at..=at + side - side / 2;
                    assert!(range.contains(&patch), "{interest:?} {width}x{height}: {at} {patch}");
                }
            }
        }
    }

    #[test]
    fn skin_counts_more_than_other_edges() {
        let stripes = |color: [u8; 3]| {
            move |x: u32, _y: u32| if x % 8 < 4 { color } else { color.map(|c| c / 4 * 3) }
        };
        let mut picture = patched((300, 100), (10, 20, 60), stripes([120, 160, 130]));
        let skin = patched((300, 100), (220, 20, 60), stripes([220, 170, 135]));
        if let (Samples::U8(into), Samples::U8(from)) = (&mut picture.samples, &skin.samples) {
            for (into, &from) in into.iter_mut().zip(from).filter(|(_, from)| **from != 90) {
                *into = from;
            }
        }
        assert!(chosen(&picture, (100, 100), Interest::Attention).0 >= 170);
    }

    #[test]
    fn where_nothing_is_to_be_seen_it_is_the_middle() {
        for (width, height) in [(300, 100), (101, 300), (1, 50), (7, 1)] {
            let picture = patched((width, height), (0, 0, 0), |_, _| [0; 3]);
            let side = width.min(height);
            for interest in [Interest::Attention, Interest::Entropy] {
                let (left, top) = chosen(&picture, (side, side), interest);
                let off = |at: u32, full: u32| (2 * at).abs_diff(full - side);
                assert!(off(left, width) <= 3 && off(top, height) <= 3, "{left} {top}");
            }
        }
    }

    #[test]
    fn every_layout_is_looked_at() {
        for (channels, depth) in
            [(1, Depth::U8), (2, Depth::U8), (4, Depth::U16), (3, Depth::F32), (4, Depth::F32)]
        {
            let layout = Layout::new(channels, depth);
            let each = usize::from(channels);
            // A line two thirds to the right.
            let sample = |i: usize| u8::from((i / each) % 60 == 40 || i % each + 1 == each);
            let bytes: Vec<u8> = (0..60 * 20 * each).map(sample).collect();
            let samples = match depth {
                Depth::U8 => Samples::U8(bytes.iter().map(|&b| b * 255).collect()),
                Depth::U16 => Samples::U16(bytes.iter().map(|&b| u16::from(b) * 65_535).collect()),
                Depth::F32 => Samples::F32(bytes.iter().map(|&b| b.into()).collect()),
            };
            let picture = Picture { width: 60, height: 20, layout, samples };
            for interest in [Interest::Attention, Interest::Entropy] {
                let found = chosen(&picture, (20, 20), interest).0;
                let range = if channels == 1 { 0..=40 } else { 21..=40 };
                assert!(range.contains(&found), "{interest:?} {layout:?}: {found}");
            }
        }
    }
}
