//! How strong the loop filter is (RFC 6386, section 15.2).

/// How much a macroblock is filtered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Strength {
    pub(super) level: u8,
    /// The most that neighbors may differ by.
    pub(super) interior: u8,
    /// The difference from which on less of them is changed.
    pub(super) high_variance: u8,
}

impl Strength {
    pub(super) fn new(level: u8, sharpness: u8) -> Self {
        let mut interior = match sharpness {
            0 => level,
            1..=4 => level >> 1,
            _ => level >> 2,
        };
        if sharpness > 0 {
            interior = interior.min(9 - sharpness.min(7));
        }
        let high_variance = match level {
            0..15 => 0,
            15..40 => 1,
            40.. => 2,
        };
        Strength { level, interior: interior.max(1), high_variance }
    }

    /// What decides at the edges of macroblocks.
    pub(super) fn outer(self) -> Thresholds {
        self.thresholds(self.level + 2)
    }

    /// What decides between the blocks of one.
    pub(super) fn inner(self) -> Thresholds {
        self.thresholds(self.level)
    }

    fn thresholds(self, level: u8) -> Thresholds {
        Thresholds {
            edge: i16::from(level) * 2 + i16::from(self.interior),
            interior: self.interior.into(),
            high_variance: self.high_variance.into(),
        }
    }
}

/// The differences that decide whether and how much an edge is filtered.
#[derive(Clone, Copy)]
pub(super) struct Thresholds {
    pub(super) edge: i16,
    pub(super) interior: i16,
    pub(super) high_variance: i16,
}
