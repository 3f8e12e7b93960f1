/// Which source pixel each output pixel takes, counted from the window's corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pick {
    pub first: (f64, f64),
    pub ratio: (f64, f64),
    /// The window's size.
    pub window: (u32, u32),
}

impl Pick {
    pub(crate) fn column(&self, x: u32) -> u32 {
        Self::source(x, self.first.0, self.ratio.0, self.window.0)
    }

    fn row(&self, y: u32) -> u32 {
        Self::source(y, self.first.1, self.ratio.1, self.window.1)
    }

    fn source(output: u32, first: f64, ratio: f64, length: u32) -> u32 {
        ((first + (f64::from(output) + 0.5) * ratio) as u32).min(length - 1)
    }

    /// Whether output rows are taken from fewer source rows. Then those are kept as they are, and
    /// an output row looks its own up; otherwise every output row keeps its own.
    fn repeats_rows(&self) -> bool {
        self.ratio.1 < 1.0
    }

    /// How many rows are kept for an output of `height` rows.
    pub(crate) fn kept(&self, height: u32) -> u32 {
        if self.repeats_rows() { self.window.1 } else { height }
    }

    /// The kept row that output row `y` is.
    pub(crate) fn kept_row(&self, y: u32) -> u32 {
        if self.repeats_rows() { self.row(y) } else { y }
    }

    /// The kept rows, of `kept`, that are source row `y`.
    pub(super) fn kept_rows(&self, y: u32, kept: u32) -> std::ops::Range<u32> {
        if self.repeats_rows() {
            return y..y + 1;
        }
        let start = self.kept_rows_until(y, kept);
        let mut end = start;
        while end < kept && self.row(end) == y {
            end += 1;
        }
        start..end
    }

    /// How many kept rows, of `kept`, come from source rows before `y`.
    pub(super) fn kept_rows_until(&self, y: u32, kept: u32) -> u32 {
        if self.repeats_rows() {
            return y.min(kept);
        }
        let guess = ((f64::from(y) - self.first.1) / self.ratio.1 - 1.5).max(0.0) as u32;
        let mut until = guess.min(kept);
        while until < kept && self.row(until) < y {
            until += 1;
        }
        until
    }
}
