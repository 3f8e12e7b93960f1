//! What the five codes of a group are for, and what their symbols stand for.

pub(super) const GREEN: usize = 0;
pub(super) const RED: usize = 1;
pub(super) const BLUE: usize = 2;
pub(super) const ALPHA: usize = 3;
pub(super) const DISTANCE: usize = 4;

/// The 24 prefixes of lengths follow 256 values of green, then come places in the color cache.
pub(super) const FIRST_LENGTH: usize = 256;
pub(super) const FIRST_CACHED: usize = FIRST_LENGTH + 24;
/// The prefixes of distances.
pub(super) const DISTANCES: usize = 40;
