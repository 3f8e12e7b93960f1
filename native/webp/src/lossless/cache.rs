//! The color cache: colors seen lately, found by a hash.

use super::window::Run;

/// The most entries.
pub(super) const MOST_COLORS: usize = 1 << 11;

#[derive(Default)]
pub(super) struct Cache {
    /// Empty if there is no cache.
    colors: Vec<u32>,
    shift: u32,
    /// How many pixels of the present run are in.
    entered: usize,
}

impl Cache {
    /// Starts with zeros; no bits is no cache.
    pub(super) fn start(&mut self, bits: u32) {
        self.colors.clear();
        if bits > 0 {
            self.colors.resize(1 << bits, 0);
        }
        self.shift = 31 & 32u32.wrapping_sub(bits);
        self.entered = 0;
    }

    /// The color at a place, after all pixels of a run so far.
    #[inline(always)]
    pub(super) fn color(&mut self, run: &Run, place: usize) -> Option<u32> {
        if place >= self.colors.len() {
            return None;
        }
        self.enter(run);
        self.colors.get(place).copied()
    }

    /// Enters the pixels of a run that are not in yet. It is done when somebody asks, and not for
    /// each pixel.
    #[inline(always)]
    fn enter(&mut self, run: &Run) {
        let (colors, shift) = (&mut self.colors[..], self.shift);
        run.each_from(self.entered, |pixel| {
            if let Some(color) = colors.get_mut((pixel.wrapping_mul(0x1e35_a7bd) >> shift) as usize)
            {
                *color = pixel;
            }
        });
        self.entered = run.written();
    }

    /// Enters what is left of a run.
    pub(super) fn end_run(&mut self, run: &Run) {
        if !self.colors.is_empty() {
            self.enter(run);
            self.entered = 0;
        }
    }
}
