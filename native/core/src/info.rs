use image::metadata::Orientation;

use crate::picture::{Shape, side_swaps};
use crate::{ColorSpace, Format, Layout, Metadata, cost};

/// What a picture's header says. Sizes are as stored, before orientation.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    /// What its rows will hold once decoded: a palette is RGB here.
    pub layout: Layout,
    /// Whether colors come multiplied by their alpha already.
    pub premultiplied: bool,
    pub orientation: Orientation,
    pub color: ColorSpace,
    pub metadata: Metadata,
    /// Whether floats that are brighter than white are more than noise.
    pub(crate) is_scene: bool,
    /// Whether the last row comes first.
    pub(crate) bottom_up: bool,
    /// Whether it can be decoded at a half, a quarter and an eighth of its size.
    pub(crate) scales: bool,
    /// Whether several threads decode it in less time than one, when it is decoded smaller.
    pub(crate) shares: bool,
    pub(crate) nanos: DecodeNanos,
}

/// The estimated nanoseconds of decoding a picture on one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DecodeNanos {
    /// All of it.
    pub all: u64,
    /// How much of that is the same at any decode scale.
    pub input: u64,
    /// How much of it is left out at an eighth of the size, and at no other scale.
    pub detail: u64,
}

impl Info {
    /// A picture whose rows come from top to bottom, which is upright, and costs what its format
    /// does.
    pub(crate) fn new(format: Format, width: u32, height: u32, layout: Layout) -> Self {
        let mut info = Info {
            format,
            width,
            height,
            layout,
            premultiplied: false,
            orientation: Orientation::NoTransforms,
            color: ColorSpace::default(),
            metadata: Metadata::default(),
            is_scene: matches!(format, Format::Hdr | Format::Openexr),
            bottom_up: false,
            scales: false,
            shares: false,
            nanos: DecodeNanos::default(),
        };
        info.nanos.all = info.rows_nanos(height);
        info
    }

    /// Width and height as shown.
    pub fn upright(&self) -> (u32, u32) {
        if side_swaps(self.orientation) {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// What it is when decoded at one `factor`th of its size.
    pub(crate) fn scaled(&self, factor: u32) -> Info {
        let DecodeNanos { all, input, detail } = self.nanos;
        let left = if factor < 8 { detail } else { 0 };
        let pixels = all.saturating_sub(input + detail) / u64::from(factor * factor);
        Info {
            width: self.width.div_ceil(factor),
            height: self.height.div_ceil(factor),
            shares: self.shares && factor > 1,
            nanos: DecodeNanos { all: input + left + pixels, input, detail: left },
            ..self.clone()
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        let &Info { width, height, layout, premultiplied, .. } = self;
        Shape { width, height, layout, premultiplied }
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.width as usize * self.layout.pixel_bytes()
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The estimated nanoseconds of decoding so many rows, by the format alone.
    pub(crate) fn rows_nanos(&self, rows: u32) -> u64 {
        cost::decode_nanos(self.format, self.layout, (self.width, rows))
    }

    /// The estimated nanoseconds of one row.
    pub(crate) fn row_nanos(&self) -> u64 {
        self.nanos.all / u64::from(self.height.max(1))
    }
}
