//! The colors of a picture with a palette: all of them where there are at most 256, else clusters
//! of a sample of the pixels, by `quantette`: Wu's greedy cuts of a histogram, then k-means.

use quantette::PaletteSize;
use quantette::color_map::{IndexedColorMap, NearestNeighborColorMap};
use quantette::deps::palette::Srgb;
use quantette::kmeans::{Kmeans, KmeansOptions};
use quantette::wu::{BinnerU8x3, WuU8x3};

use crate::{Error, cost};

/// A color, and whether it shows: 255 or 0.
pub(super) type Rgba = [u8; 4];

pub(super) const MAX_COLORS: usize = 256;

/// Of a format without partial transparency: what shows at all is opaque, and all that does not is
/// one color, the first there was.
#[derive(Default)]
pub(super) struct Opacity {
    pub(super) transparent: Option<Rgba>,
}

impl Opacity {
    #[inline]
    pub(super) fn of(&mut self, [r, g, b, a]: Rgba) -> Rgba {
        if a != 0 { [r, g, b, 255] } else { *self.transparent.get_or_insert([r, g, b, 0]) }
    }
}

/// A few different colors, and the index of each.
pub(super) struct Colors {
    /// Open addressing: a color at the place of its hash, or the next that is free.
    slots: Vec<Option<(Rgba, u8)>>,
    len: usize,
    max: usize,
}

const SLOTS: usize = 1024;

fn hash(color: Rgba) -> usize {
    (u32::from_le_bytes(color).wrapping_mul(0x9E37_79B1) >> 16) as usize
}

impl Colors {
    /// With place for so many.
    pub(super) fn new(max: usize) -> Self {
        Colors { slots: vec![None; SLOTS], len: 0, max }
    }

    /// `false` where there is no place for one more.
    #[inline]
    pub(super) fn insert(&mut self, color: Rgba) -> bool {
        let mut at = hash(color) % SLOTS;
        loop {
            match self.slots[at] {
                Some((there, _)) if there == color => return true,
                Some(_) => at = (at + 1) % SLOTS,
                None if self.len == self.max => return false,
                None => {
                    self.slots[at] = Some((color, 0));
                    self.len += 1;
                    return true;
                }
            }
        }
    }

    /// All colors in order, which gives each its index.
    pub(super) fn sort(&mut self) -> Vec<Rgba> {
        let mut sorted: Vec<Rgba> = self.slots.iter().flatten().map(|&(color, _)| color).collect();
        sorted.sort_unstable();
        for (color, index) in self.slots.iter_mut().flatten() {
            *index = sorted.binary_search(color).unwrap_or_default() as u8;
        }
        sorted
    }

    fn index_of(&self, color: Rgba) -> u8 {
        let mut at = hash(color) % SLOTS;
        while let Some((there, index)) = self.slots[at] {
            if there == color {
                return index;
            }
            at = (at + 1) % SLOTS;
        }
        0
    }
}

/// Pixels from which a palette is made: all of them in order, or one of each `every`.
pub(super) struct Sample {
    every: u64,
    seen: u64,
    /// The next to be taken.
    next: u64,
    pixels: Vec<Srgb<u8>>,
}

/// The sample, and the histogram of 32 steps a channel that the clusters are made of.
pub(super) const SAMPLE_BYTES: u64 = cost::PALETTE_SAMPLE * 3 + (32 * 32 * 32) * 32;

impl Sample {
    pub(super) fn new(pixels: u64) -> Result<Self, Error> {
        let every = pixels.div_ceil(cost::PALETTE_SAMPLE).max(1);
        let mut sample = Vec::new();
        sample
            .try_reserve_exact(pixels.div_ceil(every) as usize)
            .map_err(|_| Error::OutOfMemory)?;
        Ok(Sample { every, seen: 0, next: 0, pixels: sample })
    }

    #[inline]
    pub(super) fn push(&mut self, [r, g, b, a]: Rgba) {
        if self.seen == self.next {
            if a != 0 {
                self.pixels.push(Srgb::new(r, g, b));
            }
            // One of each `every` pixels, but not always the same one: columns would line up.
            let block = self.seen / self.every + 1;
            self.next = block * self.every + (block.wrapping_mul(0x9E37_79B1) >> 7) % self.every;
        }
        self.seen += 1;
    }

    pub(super) fn cluster_nanos(&self) -> u64 {
        cost::palette_nanos(self.pixels.len() as u64)
    }

    /// At most so many clusters by Wu's cuts, which k-means moves to where their pixels are.
    pub(super) fn cluster(self, colors: usize) -> Result<Clusters, Error> {
        let size = PaletteSize::from_usize_clamped(colors);
        let mut pixels = self.pixels;
        if pixels.is_empty() {
            // Of the few that show, none was taken.
            pixels.push(Srgb::new(0, 0, 0));
        }
        let cut = WuU8x3::run_slice(&pixels, BinnerU8x3::rgb()).map_err(|_| Error::Internal)?;
        let looks = KmeansOptions::new()
            .sampling_factor(f32::INFINITY)
            .max_samples(cost::palette_looks(pixels.len() as u64) as u32);
        let moved =
            Kmeans::run_slice(&pixels, cut.palette(size), looks).map_err(|_| Error::Internal)?;
        Ok(Clusters { nearest: moved.into_color_map(), known: vec![None; KNOWN] })
    }
}

/// A palette, and the nearest of its colors.
pub(super) struct Clusters {
    nearest: NearestNeighborColorMap<Srgb<u8>, u8, 3>,
    /// Answers of late, at the place of the color's hash: a search takes far longer.
    known: Vec<Option<(Rgba, u8)>>,
}

const KNOWN: usize = 4096;

impl Clusters {
    /// The transparent color, if there is one, is the last.
    pub(super) fn palette(&self, transparent: Option<Rgba>) -> Vec<Rgba> {
        let opaque =
            self.nearest.palette().iter().map(|color| [color.red, color.green, color.blue, 255]);
        opaque.chain(transparent).collect()
    }

    /// An opaque color by its index.
    pub(super) fn color(&self, index: u8) -> [u8; 3] {
        let color = self.nearest.palette().get(usize::from(index));
        color.map_or([0; 3], |color| [color.red, color.green, color.blue])
    }

    #[inline]
    pub(super) fn index_of(&mut self, color: Rgba) -> u8 {
        let [r, g, b, a] = color;
        if a == 0 {
            return self.nearest.palette().len() as u8;
        }
        let known = &mut self.known[hash(color) % KNOWN];
        match known {
            Some((there, index)) if *there == color => *index,
            _ => {
                let index = self.nearest.palette_index(&Srgb::new(r, g, b));
                *known = Some((color, index));
                index
            }
        }
    }
}

/// Which index a color has.
pub(super) enum Indices {
    Exact(Colors),
    Nearest(Box<Clusters>),
}

impl Indices {
    #[inline]
    pub(super) fn of(&mut self, color: Rgba) -> u8 {
        match self {
            Indices::Exact(colors) => colors.index_of(color),
            Indices::Nearest(clusters) => clusters.index_of(color),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_told_apart_up_to_256() {
        let mut colors = Colors::new(MAX_COLORS);
        let all: Vec<Rgba> = (0..=255u8).map(|i| [i.wrapping_mul(37), i / 3, i % 5, 255]).collect();
        for _ in 0..2 {
            assert!(all.iter().all(|&color| colors.insert(color)));
        }
        assert!(!colors.insert([0, 0, 0, 0]));
        let sorted = colors.sort();
        assert!(sorted.is_sorted() && sorted.len() == 256);
        assert!(sorted.iter().enumerate().all(|(i, &color)| colors.index_of(color) == i as u8));
    }

    #[test]
    fn a_small_picture_is_its_own_sample_and_a_large_one_is_thinned_out() {
        let Ok(mut sample) = Sample::new(5) else { unreachable!("five pixels") };
        (0..5).for_each(|i| sample.push([i, 0, 0, 255 * u8::from(i != 3)]));
        assert_eq!(sample.pixels, [0, 1, 2, 4].map(|i| Srgb::new(i, 0, 0)));

        let pixels = 7 * cost::PALETTE_SAMPLE - 3;
        let Ok(mut sample) = Sample::new(pixels) else { unreachable!("a sample has a maximum") };
        let capacity = sample.pixels.capacity();
        (0..pixels as u32).for_each(|i| {
            let [r, g, b, _] = i.to_le_bytes();
            sample.push([r, g, b, 255]);
        });
        assert_eq!(sample.pixels.capacity(), capacity);
        let place = |color: &Srgb<u8>| u32::from_le_bytes([color.red, color.green, color.blue, 0]);
        let taken: Vec<u32> = sample.pixels.iter().map(place).collect();
        assert!((cost::PALETTE_SAMPLE - 1..=cost::PALETTE_SAMPLE).contains(&(taken.len() as u64)));
        assert!(taken.iter().enumerate().all(|(block, i)| i / 7 == block as u32));
        for rest in 0..7 {
            let share = taken.iter().filter(|i| *i % 7 == rest).count() as f64 / taken.len() as f64;
            assert!((share - 1.0 / 7.0).abs() < 0.02, "{share}");
        }
    }

    #[test]
    fn clusters_are_near_their_pixels_and_leave_an_index_for_what_is_transparent() {
        let Ok(mut sample) = Sample::new(4096) else { unreachable!("few pixels") };
        let color =
            |i: u32| [(i % 16 * 17) as u8, (i / 16 % 16 * 17) as u8, (i / 256 * 17) as u8, 255];
        (0..4096).for_each(|i| sample.push(color(i)));
        let Ok(mut clusters) = sample.cluster(255) else { unreachable!("there are pixels") };
        let clear = [9, 8, 7, 0];
        let palette = clusters.palette(Some(clear));
        assert!(palette.len() == MAX_COLORS && palette.ends_with(&[clear]));
        assert_eq!(clusters.index_of(clear), 255);
        for _ in 0..2 {
            let squares = |i| {
                let (color, index) = (color(i), usize::from(clusters.index_of(color(i))));
                assert!(index < 255);
                let near = palette[index];
                near[..3]
                    .iter()
                    .zip(color)
                    .map(|(&a, b)| f64::from(a.abs_diff(b)).powi(2))
                    .sum::<f64>()
            };
            // Boxes of 2 by 2 by 4 steps, whose sides vary by 72, 72 and 361.
            let error: f64 = (0..4096).map(squares).sum::<f64>() / (3.0 * 4096.0);
            assert!(error < (72.3 + 72.3 + 361.3) / 3.0, "{error}");
        }
    }
}
