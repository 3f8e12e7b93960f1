//! The colors of a picture with a palette: all of them where there are at most 256, else the ones
//! that NeuQuant, a neural network, finds in a sample of the pixels.

use color_quant::NeuQuant;

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

/// Up to 256 different colors, and the index of each.
pub(super) struct Colors {
    /// Open addressing: a color at the place of its hash, or the next that is free.
    slots: Vec<Option<(Rgba, u8)>>,
    len: usize,
}

const SLOTS: usize = 1024;

fn hash(color: Rgba) -> usize {
    (u32::from_le_bytes(color).wrapping_mul(0x9E37_79B1) >> 16) as usize
}

impl Colors {
    pub(super) fn new() -> Self {
        Colors { slots: vec![None; SLOTS], len: 0 }
    }

    /// `false` where there is no place for one more.
    #[inline]
    pub(super) fn insert(&mut self, color: Rgba) -> bool {
        let mut at = hash(color) % SLOTS;
        loop {
            match self.slots[at] {
                Some((there, _)) if there == color => return true,
                Some(_) => at = (at + 1) % SLOTS,
                None if self.len == MAX_COLORS => return false,
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

/// Pixels for the network to learn from: all of them in order, or one of each `every`.
pub(super) struct Sample {
    every: u64,
    seen: u64,
    /// The next to be taken.
    next: u64,
    pixels: Vec<u8>,
}

/// The network looks at one pixel in this many of the sample; the crate's documentation calls 10 a
/// good compromise.
const SPARSITY: i32 = 10;

/// The sample from which the network learns as much as it ever does.
const MAX_SAMPLE: u64 = cost::GIF_MAX_LEARNED * SPARSITY as u64;

impl Sample {
    pub(super) fn new(pixels: u64) -> Result<Self, Error> {
        let every = pixels.div_ceil(MAX_SAMPLE).max(1);
        let mut sample = Vec::new();
        sample
            .try_reserve_exact(pixels.div_ceil(every) as usize * 4)
            .map_err(|_| Error::OutOfMemory)?;
        Ok(Sample { every, seen: 0, next: 0, pixels: sample })
    }

    #[inline]
    pub(super) fn push(&mut self, color: Rgba) {
        if self.seen == self.next {
            self.pixels.extend_from_slice(&color);
            // One of each `every` pixels, but not always the same one: columns would line up.
            let block = self.seen / self.every + 1;
            self.next = block * self.every + (block.wrapping_mul(0x9E37_79B1) >> 7) % self.every;
        }
        self.seen += 1;
    }

    /// One pixel of so many is learned: of a sample that was thinned out already, more of them.
    fn sparsity(&self) -> u64 {
        match self.every {
            1 => SPARSITY as u64,
            _ => (self.pixels.len() as u64 / 4).div_ceil(cost::GIF_MAX_LEARNED).max(1),
        }
    }

    pub(super) fn learn_nanos(&self) -> u64 {
        (self.pixels.len() as u64 / 4 / self.sparsity() + 100) * cost::GIF_LEARN_NANOS
    }

    pub(super) fn learn(mut self) -> Network {
        if self.every > 1 {
            shuffle(self.pixels.as_chunks_mut().0);
        }
        let neurons = NeuQuant::new(self.sparsity() as i32, MAX_COLORS, &self.pixels);
        Network { neurons, known: vec![None; KNOWN] }
    }
}

/// The network takes pixels a prime number apart. That is made for whole rows: where some hundred
/// samples are a row, it would go through the columns one by one, and what comes last counts most.
fn shuffle(pixels: &mut [Rgba]) {
    let mut seed = 1u64;
    for len in (2..=pixels.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pixels.swap(len - 1, (((seed >> 32) * len as u64) >> 32) as usize);
    }
}

/// What was learned.
pub(super) struct Network {
    neurons: NeuQuant,
    /// Answers of late, at the place of the color's hash: a search takes far longer.
    known: Vec<Option<(Rgba, u8)>>,
}

const KNOWN: usize = 4096;

impl Network {
    pub(super) fn palette(&self) -> Vec<u8> {
        self.neurons.color_map_rgb()
    }

    #[inline]
    fn index_of(&mut self, color: Rgba) -> u8 {
        let known = &mut self.known[hash(color) % KNOWN];
        match known {
            Some((there, index)) if *there == color => *index,
            _ => {
                let index = self.neurons.index_of(&color) as u8;
                *known = Some((color, index));
                index
            }
        }
    }
}

/// Which index a color has.
pub(super) enum Indices {
    Exact(Colors),
    Nearest(Box<Network>),
}

impl Indices {
    #[inline]
    pub(super) fn of(&mut self, color: Rgba) -> u8 {
        match self {
            Indices::Exact(colors) => colors.index_of(color),
            Indices::Nearest(network) => network.index_of(color),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_told_apart_up_to_256() {
        let mut colors = Colors::new();
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
        (0..5).for_each(|i| sample.push([i, 0, 0, 255]));
        assert_eq!(
            sample.pixels,
            [0, 0, 0, 255, 1, 0, 0, 255, 2, 0, 0, 255, 3, 0, 0, 255, 4, 0, 0, 255]
        );

        let pixels = 7 * MAX_SAMPLE - 3;
        let Ok(mut sample) = Sample::new(pixels) else { unreachable!("a sample has a maximum") };
        let capacity = sample.pixels.capacity();
        (0..pixels).for_each(|i| sample.push((i as u32).to_le_bytes()));
        assert_eq!(sample.pixels.capacity(), capacity);
        let taken: Vec<u32> =
            sample.pixels.as_chunks().0.iter().map(|&i| u32::from_le_bytes(i)).collect();
        assert!((MAX_SAMPLE - 1..=MAX_SAMPLE).contains(&(taken.len() as u64)));
        assert_eq!(sample.sparsity(), 10);
        assert!(taken.iter().enumerate().all(|(block, i)| i / 7 == block as u32));
        for rest in 0..7 {
            let share = taken.iter().filter(|i| *i % 7 == rest).count() as f64 / taken.len() as f64;
            assert!((share - 1.0 / 7.0).abs() < 0.02, "{share}");
        }
    }
}
