//! How a picture is to be decoded.

use crate::Scale;

/// What to do about data that is missing or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Stop with an error that says where.
    #[default]
    Fail,
    /// Fill what is missing with gray: up to the next restart marker, or the end of the scan.
    Gray,
}

/// How a picture is to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub scale: Scale,
    /// Whether a progressive picture at 1/8 is made of its DC scans alone: a small part of the
    /// file. Chroma that has half as many samples on each side is enlarged then, instead of being
    /// taken from more coefficients. `true` by default.
    pub dc_only: bool,
    pub on_damage: OnDamage,
    /// Whether inks are stored inverted. `true` by default: Photoshop does so, and so does everyone
    /// after it, with Adobe's segment or without. JPEG inside of TIFF does not.
    pub inverted: bool,
    /// Bytes of entropy-coded data that a thread takes at a time, where there is a pool. 48 KiB by
    /// default, and at most; it makes no difference to the rows.
    pub piece: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            scale: Scale::Full,
            dc_only: true,
            on_damage: OnDamage::Fail,
            inverted: true,
            piece: 48 << 10,
        }
    }
}
