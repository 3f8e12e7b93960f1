//! Pixels in memory: what a row holds, and buffers of them.

use crate::Error;

/// The kind of one sample. Integers are sRGB-encoded, floats are linear light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    U8,
    U16,
    F32,
}

impl Depth {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Depth::U8 => 1,
            Depth::U16 => 2,
            Depth::F32 => 4,
        }
    }
}

/// What one pixel is made of: 1 channel is gray, 2 gray and alpha, 3 RGB, 4 RGBA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub channels: u8,
    pub depth: Depth,
}

impl Layout {
    pub const fn new(channels: u8, depth: Depth) -> Self {
        Layout { channels, depth }
    }

    pub fn has_alpha(self) -> bool {
        self.channels.is_multiple_of(2)
    }

    pub fn is_gray(self) -> bool {
        self.channels < 3
    }

    pub(crate) fn pixel_bytes(self) -> usize {
        usize::from(self.channels) * self.depth.bytes()
    }
}

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
pub(crate) use each_depth;

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
    pub(crate) fn zeroed(width: u32, height: u32, layout: Layout) -> Result<Self, Error> {
        let mut picture = Picture { width, height, layout, samples: Samples::zeroed(layout.depth, 0)? };
        picture.samples = Samples::zeroed(layout.depth, picture.len())?;
        Ok(picture)
    }

    /// Memory for a picture, of which nothing is touched yet.
    pub(crate) fn reserved(width: u32, height: u32, layout: Layout) -> Result<Self, Error> {
        let mut picture = Picture { width, height, layout, samples: Samples::zeroed(layout.depth, 0)? };
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
}

/// A step of zeroing: with the page faults, some tens of microseconds.
const GROW_BYTES: usize = 256 << 10;

fn grow<T: bytemuck::Zeroable + Clone>(vec: &mut Vec<T>, len: usize) -> bool {
    let grown = vec.len() == len;
    vec.resize(len.min(vec.len() + GROW_BYTES / size_of::<T>()), T::zeroed());
    grown
}

/// A vector of zeros whose size a header may have asked for: where `vec!` would abort the node,
/// this is an error.
pub(crate) fn zeroed<T: bytemuck::Zeroable + Clone>(len: usize) -> Result<Vec<T>, Error> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    vec.resize(len, T::zeroed());
    Ok(vec)
}

/// A vector that is reserved at once, which touches nothing, and zeroed in steps, which takes time.
pub(crate) struct Growing<T> {
    vec: Vec<T>,
    len: usize,
}

impl<T: bytemuck::Zeroable + Clone> Growing<T> {
    pub(crate) fn new(len: usize) -> Result<Self, Error> {
        let mut vec = Vec::new();
        vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        Ok(Growing { vec, len })
    }

    /// Takes a step. `true` when the whole length was there before.
    pub(crate) fn grow(&mut self) -> bool {
        grow(&mut self.vec, self.len)
    }

    /// Makes the first `len` elements available.
    pub(crate) fn grow_to(&mut self, len: usize) {
        let len = len.min(self.len);
        if len > self.vec.len() {
            self.vec.resize(len, T::zeroed());
        }
    }

    pub(crate) fn get(&self) -> &[T] {
        &self.vec
    }

    pub(crate) fn get_mut(&mut self) -> &mut [T] {
        &mut self.vec
    }

    /// All of it.
    pub(crate) fn into_vec(mut self) -> Vec<T> {
        self.grow_to(self.len);
        self.vec
    }
}
