//! The pixels of an entropy-coded image: as far back as references reach, and what is not handed on
//! yet.

use thumbelina_codec::Error;

use crate::memory;

/// References reach back by a code up to 2^20, less the 120 that are for near pixels; 2^20 is more.
const REACH: usize = 1 << 20;
/// A reference copies at most so many pixels.
pub(super) const MOST_COPIED: usize = 1 << 12;
/// The most pixels that wait for being handed on, apart from a copy that has gone beyond.
pub(super) const MOST_WAITING: usize = 1 << 14;
/// Copies are made of blocks of four and may write three pixels more.
const SPILL: usize = 4;
/// The pixels of the ring, unless an image has fewer.
const RING: usize = REACH + MOST_WAITING + MOST_COPIED + SPILL;
/// The pixels by which the ring grows: zeroing them takes some microseconds.
const GROWTH: usize = 1 << 13;

/// A ring of pixels. Its memory is touched as far as it is filled, so that nothing zeroes megabytes
/// at once.
pub(super) struct Window {
    pixels: Vec<u32>,
    /// The size of the ring: all of the image, if it is small.
    ring: usize,
    /// Where in the ring the next pixel goes.
    at: usize,
    /// The pixels of the image, those decoded, and those handed on.
    total: usize,
    done: usize,
    taken: usize,
    /// Where in the ring the first pixel is that was not handed on.
    taken_at: usize,
}

impl Window {
    /// The pixels of the ring for an image of so many.
    fn ring(pixels: usize) -> usize {
        (pixels + SPILL).min(RING)
    }

    /// For images of at most so many pixels.
    pub(super) fn new(pixels: usize) -> Result<Self, Error> {
        Ok(Self::around(memory::room(Self::ring(pixels))?))
    }

    /// The bytes that one takes.
    pub(super) fn bytes(pixels: usize) -> u64 {
        (Self::ring(pixels) * size_of::<u32>()) as u64
    }

    /// Without an image yet.
    fn around(pixels: Vec<u32>) -> Self {
        Window { pixels, ring: 0, at: 0, total: 0, done: 0, taken: 0, taken_at: 0 }
    }

    /// Starts an image of so many pixels.
    pub(super) fn start(&mut self, pixels: usize) {
        *self = Window {
            ring: Self::ring(pixels),
            total: pixels,
            ..Self::around(std::mem::take(&mut self.pixels))
        };
    }

    pub(super) fn is_full(&self) -> bool {
        self.done == self.total
    }

    /// The pixels that were not handed on yet.
    pub(super) fn waiting(&self) -> usize {
        self.done - self.taken
    }

    /// Hands on the next pixels, which wait. They are in two pieces where the ring ends.
    pub(super) fn take(&mut self, count: usize) -> (&[u32], &[u32]) {
        let count = count.min(self.waiting());
        let start = self.taken_at;
        let first = count.min(self.ring - start);
        self.taken += count;
        self.taken_at =
            if start + count < self.ring { start + count } else { start + count - self.ring };
        (&self.pixels[start..start + first], &self.pixels[..count - first])
    }

    /// Room for the next pixels, at most so many and no more than the ring has in one piece, and
    /// for a copy that goes beyond.
    pub(super) fn next(&mut self, most: usize) -> Run<'_> {
        let count = most.min(self.total - self.done).min(self.ring - self.at);
        let needed = (self.at + count + MOST_COPIED + SPILL).min(self.ring);
        if self.pixels.len() < needed {
            self.pixels.resize((needed + GROWTH).min(self.ring), 0);
        }
        Run {
            pixels: &mut self.pixels,
            ring: self.ring,
            start: self.at,
            at: self.at,
            end: self.at + count,
            done: self.done,
            total: self.total,
        }
    }

    /// Counts what a run has written.
    pub(super) fn advance(&mut self, written: usize) {
        self.done += written;
        self.at += written;
        if self.at >= self.ring {
            self.at -= self.ring;
        }
    }
}

/// The next pixels being written.
pub(super) struct Run<'a> {
    pixels: &'a mut [u32],
    ring: usize,
    start: usize,
    /// Where the next pixel goes; past the end of the ring if a copy went there, and then the run
    /// is over.
    at: usize,
    end: usize,
    /// Pixels decoded before this run, and in all.
    done: usize,
    total: usize,
}

impl Run<'_> {
    /// Whether all pixels asked for are written.
    #[inline(always)]
    pub(super) fn is_over(&self) -> bool {
        self.at >= self.end
    }

    pub(super) fn written(&self) -> usize {
        self.at - self.start
    }

    /// Lets a loop write on in a copy of its own, which stays in registers as no reference to it
    /// leaves the loop.
    #[inline(always)]
    pub(super) fn locally(&mut self, write: impl FnOnce(&mut Run)) {
        let mut local = Run { pixels: &mut *self.pixels, ..*self };
        write(&mut local);
        self.at = local.at;
    }

    /// Writes one pixel of a run that is not over.
    #[inline(always)]
    pub(super) fn push(&mut self, pixel: u32) {
        self.pixels[self.at] = pixel;
        self.at += 1;
    }

    /// Writes the rest of the run.
    pub(super) fn fill(&mut self, pixel: u32) {
        self.pixels[self.at..self.end].fill(pixel);
        self.at = self.end;
    }

    /// Copies pixels from so far back. `false` if there are no such pixels, or too many.
    #[inline(always)]
    #[must_use]
    pub(super) fn copy(&mut self, distance: usize, length: usize) -> bool {
        let done = self.done + self.written();
        if distance > done || length > self.total - done {
            return false;
        }
        let to = self.at;
        self.at += length;
        let from = if distance <= to { to - distance } else { to + self.ring - distance };
        if from.max(to) + length + SPILL > self.pixels.len() {
            copy_wrapped(self.pixels, self.ring, from, to, length);
        } else if distance >= 4 {
            copy_blocks(self.pixels, from, to, length);
        } else {
            copy_pattern(self.pixels, from, to, distance, length);
        }
        true
    }

    /// Calls a function with each pixel from the `from`th of this run on.
    #[inline(always)]
    pub(super) fn each_from(&self, from: usize, mut f: impl FnMut(u32)) {
        let (from, to) = (self.start + from, self.at);
        let in_ring = &self.pixels[from.min(self.ring)..to.min(self.ring)];
        let wrapped = &self.pixels[from.saturating_sub(self.ring)..to.saturating_sub(self.ring)];
        in_ring.iter().chain(wrapped).for_each(|&pixel| f(pixel));
    }
}

/// A copy around the end of the ring.
#[cold]
#[inline(never)]
fn copy_wrapped(pixels: &mut [u32], ring: usize, from: usize, to: usize, length: usize) {
    let wrapped = |at: usize| if at < ring { at } else { at - ring };
    for i in 0..length {
        pixels[wrapped(to + i)] = pixels[wrapped(from + i)];
    }
}

/// Copies from at least four pixels back, or from ahead in the ring. Writes up to three pixels
/// more.
#[inline(always)]
fn copy_blocks(pixels: &mut [u32], from: usize, to: usize, length: usize) {
    // Far fewer calls of memmove: most copies are short.
    if length > 64 && from.abs_diff(to) >= length {
        return pixels.copy_within(from..from + length, to);
    }
    let (mut from, mut to, end) = (from, to, to + length);
    while to < end {
        let Some(&block) = pixels[from..].first_chunk::<4>() else { return };
        let Some(target) = pixels[to..].first_chunk_mut::<4>() else { return };
        *target = block;
        from += 4;
        to += 4;
    }
}

/// Copies from one to three pixels back, which is a pattern repeated. Writes up to three pixels
/// more.
#[inline(always)]
fn copy_pattern(pixels: &mut [u32], from: usize, to: usize, distance: usize, length: usize) {
    match distance {
        1 => {
            let pixel = pixels[from];
            pixels[to..to + length].fill(pixel);
        }
        _ => {
            for i in 0..length {
                pixels[to + i] = pixels[from + i];
            }
        }
    }
}
