use super::growing::{grow, zeroed};
use super::layout::{Depth, Layout, Shape};
use crate::Error;

/// Interleaved samples, row after row without padding.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

/// Borrowed [`Samples`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    F32(&'a [f32]),
}

/// Calls one generic piece of code with whichever vector a [`Samples`] or [`Rows`] holds.
macro_rules! each_depth {
    ($kind:ident, $samples:expr, $s:ident => $body:expr) => {
        match $samples {
            $kind::U8($s) => $body,
            $kind::U16($s) => $body,
            $kind::F32($s) => $body,
        }
    };
}

impl Samples {
    pub(crate) fn zeroed(depth: Depth, len: usize) -> Result<Self, Error> {
        Ok(match depth {
            Depth::U8 => Samples::U8(zeroed(len)?),
            Depth::U16 => Samples::U16(zeroed(len)?),
            Depth::F32 => Samples::F32(zeroed(len)?),
        })
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        match self {
            Samples::U8(v) => Rows::U8(v),
            Samples::U16(v) => Rows::U16(v),
            Samples::F32(v) => Rows::F32(v),
        }
    }

    /// The same memory as bytes, in the machine's own order.
    pub fn bytes(&self) -> &[u8] {
        each_depth!(Samples, self, v => bytemuck::cast_slice(v))
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        each_depth!(Samples, self, v => bytemuck::cast_slice_mut(v))
    }
}

impl<'a> Rows<'a> {
    /// How many samples there are.
    pub(crate) fn len(self) -> usize {
        each_depth!(Rows, self, rows => rows.len())
    }

    pub(crate) fn slice(self, range: std::ops::Range<usize>) -> Rows<'a> {
        match self {
            Rows::U8(v) => Rows::U8(&v[range]),
            Rows::U16(v) => Rows::U16(&v[range]),
            Rows::F32(v) => Rows::F32(&v[range]),
        }
    }
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    pub samples: Samples,
}

impl Picture {
    /// Memory for a picture, of which nothing is touched yet.
    pub(crate) fn reserved(shape: &Shape) -> Result<Self, Error> {
        let &Shape { width, height, layout, .. } = shape;
        let mut picture =
            Picture { width, height, layout, samples: Samples::zeroed(layout.depth, 0)? };
        let len = picture.len();
        each_depth!(Samples, &mut picture.samples, v => v.try_reserve_exact(len))
            .map_err(|_| Error::OutOfMemory)?;
        Ok(picture)
    }

    /// Zeroes a step more of it. `true` when all of it was zeroed before.
    pub(crate) fn grow(&mut self) -> bool {
        let len = self.len();
        each_depth!(Samples, &mut self.samples, v => grow(v, len))
    }

    fn len(&self) -> usize {
        self.width as usize * self.height as usize * usize::from(self.layout.channels)
    }

    /// Some of its rows, as bytes.
    pub(crate) fn row_bytes(&self, rows: std::ops::Range<u32>) -> Result<&[u8], Error> {
        let row = self.width as usize * self.layout.pixel_bytes();
        let range = rows.start as usize * row..rows.end as usize * row;
        self.samples.bytes().get(range).ok_or(Error::Internal)
    }
}
