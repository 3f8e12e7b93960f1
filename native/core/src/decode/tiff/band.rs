//! The rows of tiles that lie side by side: one tile high, as wide as the picture.

use std::ops::Range;

use super::samples::RowMut;
use crate::picture::{Growing, Rows};
use crate::{Depth, Error};

pub(super) enum Band {
    U8(Growing<u8>),
    U16(Growing<u16>),
    F32(Growing<f32>),
}

impl Band {
    pub(super) fn new(depth: Depth, len: usize) -> Result<Self, Error> {
        Ok(match depth {
            Depth::U8 => Band::U8(Growing::new(len)?),
            Depth::U16 => Band::U16(Growing::new(len)?),
            Depth::F32 => Band::F32(Growing::new(len)?),
        })
    }

    /// Takes a step of zeroing. `true` when all of it was there before.
    pub(super) fn grow(&mut self) -> bool {
        match self {
            Band::U8(samples) => samples.grow(),
            Band::U16(samples) => samples.grow(),
            Band::F32(samples) => samples.grow(),
        }
    }

    pub(super) fn row_mut(&mut self, range: Range<usize>) -> RowMut<'_> {
        match self {
            Band::U8(samples) => RowMut::U8(&mut samples.get_mut()[range]),
            Band::U16(samples) => RowMut::U16(&mut samples.get_mut()[range]),
            Band::F32(samples) => RowMut::F32(&mut samples.get_mut()[range]),
        }
    }

    pub(super) fn rows(&self, range: Range<usize>) -> Rows<'_> {
        match self {
            Band::U8(samples) => Rows::U8(&samples.get()[range]),
            Band::U16(samples) => Rows::U16(&samples.get()[range]),
            Band::F32(samples) => Rows::F32(&samples.get()[range]),
        }
    }
}
