//! Arithmetic codes (T.81, annexes D, F.1.4 and G.1.3).

#[path = "../../../src/arithmetic/estimates.rs"]
mod estimates;

use estimates::ESTIMATES;

use super::picture::{Block, Picture, ZIGZAG};
use super::scans::{Scan, point_transform};

/// What is small and what is large, for all tables: bits of DC differences, and the last position
/// of the lower AC coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditioning {
    pub small: u8,
    pub large: u8,
    pub lower: u8,
}

impl Default for Conditioning {
    fn default() -> Self {
        Conditioning { small: 0, large: 1, lower: 5 }
    }
}

/// What a scan consists of: the bytes of each restart interval, without stuffing.
pub(super) fn intervals(
    picture: &Picture,
    scan: &Scan,
    interval: usize,
    conditioning: Conditioning,
    slot: impl Fn(usize) -> u8,
) -> Vec<Vec<u8>> {
    let mcus = picture.mcus(scan);
    let interval = if interval == 0 { mcus.len() } else { interval };
    mcus.chunks(interval)
        .map(|mcus| {
            let mut encoder = Encoder::new(picture.components.len(), conditioning);
            for &(component, at) in mcus.iter().flatten() {
                let block = &picture.components[component].blocks[at];
                encoder.block(scan, component, usize::from(slot(component)), block);
            }
            encoder.finish()
        })
        .collect()
}

/// A probability estimate's number, and the more probable outcome.
type Bin = (u8, bool);

struct Encoder {
    bytes: Vec<u8>,
    code: u64,
    interval: u64,
    count: u32,
    dc: Vec<[Bin; 64]>,
    ac: Vec<[Bin; 256]>,
    predictions: Vec<i32>,
    contexts: Vec<usize>,
    conditioning: Conditioning,
}

impl Encoder {
    fn new(components: usize, conditioning: Conditioning) -> Self {
        Encoder {
            bytes: Vec::new(),
            code: 0,
            interval: 0x1_0000,
            count: 11,
            dc: vec![[(0, false); 64]; 4],
            ac: vec![[(0, false); 256]; 4],
            predictions: vec![0; components],
            contexts: vec![0; components],
            conditioning,
        }
    }

    fn put(&mut self, bin: impl Fn(&mut Self) -> &mut Bin, outcome: bool) {
        let (number, likely) = *bin(self);
        let (less, after_less, after_more, switch) = ESTIMATES[usize::from(number)];
        let less = u64::from(less);
        self.interval -= less;
        if outcome == likely && self.interval >= 0x8000 {
            return;
        }
        // The part of the less probable decision is above, unless it is the larger one.
        if (outcome == likely) == (self.interval < less) {
            self.code += self.interval;
            self.interval = less;
        }
        *bin(self) = match outcome == likely {
            true => (after_more, likely),
            false => (after_less, likely ^ (switch == 1)),
        };
        while self.interval < 0x8000 {
            self.interval <<= 1;
            self.code <<= 1;
            self.count -= 1;
            if self.count == 0 {
                self.push(self.code >> 19);
                self.code &= 0x7_FFFF;
                self.count = 8;
            }
        }
    }

    /// A byte, and what is carried over to those before.
    fn push(&mut self, byte: u64) {
        if byte > 0xFF {
            for before in self.bytes.iter_mut().rev() {
                *before = before.wrapping_add(1);
                if *before != 0 {
                    break;
                }
            }
        }
        self.bytes.push(byte as u8);
    }

    /// The shortest code in what is left of the interval.
    fn finish(mut self) -> Vec<u8> {
        let top = (self.interval - 1 + self.code) & !0xFFFF;
        self.code = if top < self.code { top + 0x8000 } else { top };
        self.code <<= self.count;
        self.push(self.code >> 19);
        self.push(self.code >> 11 & 0xFF);
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }

    fn toss(&mut self, outcome: bool) {
        // It never learns.
        let kept = std::mem::take(&mut self.ac[0][255]);
        self.put(|this| &mut this.ac[0][255], outcome);
        self.ac[0][255] = kept;
    }

    fn block(&mut self, scan: &Scan, component: usize, slot: usize, block: &Block) {
        let value = |k: usize| point_transform(block[ZIGZAG[k]], k, scan.al);
        if scan.ss == 0 && scan.ah > 0 {
            self.toss(value(0) & 1 == 1);
        } else if scan.ss == 0 {
            let prediction = std::mem::replace(&mut self.predictions[component], value(0));
            self.difference(component, slot, value(0) - prediction);
        }
        let band: Vec<(usize, i32)> =
            (usize::from(scan.ss.max(1))..=usize::from(scan.se)).map(|k| (k, value(k))).collect();
        if scan.se == 0 {
        } else if scan.ah == 0 {
            self.band(slot, &band);
        } else {
            self.refine(slot, &band);
        }
    }

    fn difference(&mut self, component: usize, slot: usize, difference: i32) {
        let first = self.contexts[component];
        self.put(|this| &mut this.dc[slot][first], difference != 0);
        if difference == 0 {
            self.contexts[component] = 0;
            return;
        }
        let negative = difference < 0;
        self.put(|this| &mut this.dc[slot][first + 1], negative);
        let side = if negative { 4 } else { 0 };
        let size = difference.unsigned_abs() - 1;
        let start = first + 2 + usize::from(negative);
        self.size(|this, bin| &mut this.dc[slot][bin], size, &[start], 20);
        let top = if size == 0 { 0 } else { 1 << size.ilog2() };
        self.contexts[component] = if top < (1 << self.conditioning.small) >> 1 {
            0
        } else if top > (1 << self.conditioning.large) >> 1 {
            12 + side
        } else {
            4 + side
        };
    }

    /// A magnitude less one: by the first bins as long as it is larger than their number, by those
    /// from `next` on for each further bit, and its bits.
    fn size(
        &mut self,
        bin: impl Fn(&mut Self, usize) -> &mut Bin,
        size: u32,
        first: &[usize],
        next: usize,
    ) {
        let bits = 32 - size.leading_zeros();
        let mut last = 0;
        for step in 0..15 {
            last = first.get(step).map_or_else(|| next + step - first.len(), |&bin| bin);
            self.put(|this| bin(this, last), bits as usize > step);
            if bits as usize <= step {
                break;
            }
        }
        for bit in (0..bits.saturating_sub(1)).rev() {
            self.put(|this| bin(this, last + 14), size >> bit & 1 == 1);
        }
    }

    fn band(&mut self, slot: usize, band: &[(usize, i32)]) {
        let count = band.iter().rposition(|&(_, value)| value != 0).map_or(0, |last| last + 1);
        let mut goes_on = false;
        for &(k, value) in &band[..count] {
            let first = 3 * (k - 1);
            if !goes_on {
                self.put(|this| &mut this.ac[slot][first], false);
            }
            self.put(|this| &mut this.ac[slot][first + 1], value != 0);
            goes_on = value == 0;
            if value != 0 {
                self.toss(value < 0);
                let next = if k <= usize::from(self.conditioning.lower) { 189 } else { 217 };
                let size = value.unsigned_abs() - 1;
                let bins = [first + 2, first + 2];
                self.size(|this, bin| &mut this.ac[slot][bin], size, &bins, next);
            }
        }
        if let Some(&(k, _)) = band.get(count) {
            self.put(|this| &mut this.ac[slot][3 * (k - 1)], true);
        }
    }

    fn refine(&mut self, slot: usize, band: &[(usize, i32)]) {
        let count = |least: i32| {
            let last = band.iter().rposition(|&(_, value)| value.abs() >= least);
            last.map_or(0, |last| last + 1)
        };
        let (known, count) = (count(2), count(1));
        let mut goes_on = false;
        for (i, &(k, value)) in band[..count].iter().enumerate() {
            let first = 3 * (k - 1);
            if i >= known && !goes_on {
                self.put(|this| &mut this.ac[slot][first], false);
            }
            goes_on = value == 0;
            if value.abs() > 1 {
                self.put(|this| &mut this.ac[slot][first + 2], value & 1 != 0);
            } else {
                self.put(|this| &mut this.ac[slot][first + 1], value != 0);
            }
            if value.abs() == 1 {
                self.toss(value < 0);
            }
        }
        if let Some(&(k, _)) = band.get(count) {
            self.put(|this| &mut this.ac[slot][3 * (k - 1)], true);
        }
    }
}
