//! What an output is encoded as.

use crate::placeholder::HASHED_SIDE;
use crate::{Depth, Format, Layout, Placeholder};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Format(Format),
    Placeholder(Placeholder),
    /// How much it differs from a [`Reference`](crate::Reference), or what can be one.
    Comparison,
    /// Samples as they are, in this layout.
    Pixels(Layout),
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Format(format) => format.name(),
            Encoding::Placeholder(placeholder) => placeholder.name(),
            Encoding::Comparison => "comparison",
            Encoding::Pixels(_) => "pixels",
        }
    }

    /// The longest side that may be encoded.
    pub(crate) fn max_side(self) -> u32 {
        match self {
            Encoding::Format(format) => format.max_side(),
            Encoding::Placeholder(_) => HASHED_SIDE,
            Encoding::Comparison => u32::MAX,
            Encoding::Pixels(_) => u32::MAX,
        }
    }

    /// The most pixels that may be encoded.
    pub(crate) fn max_pixels(self) -> u64 {
        match self {
            Encoding::Format(format) => format.max_pixels(),
            Encoding::Placeholder(_) => u64::from(HASHED_SIDE) * u64::from(HASHED_SIDE),
            Encoding::Comparison => u64::MAX,
            Encoding::Pixels(_) => u64::MAX,
        }
    }

    /// The layout in which it takes a picture of `source`'s.
    pub(crate) fn layout(self, source: Layout) -> Layout {
        match self {
            Encoding::Format(format) => format.layout(source),
            Encoding::Placeholder(placeholder) => placeholder.layout(source),
            Encoding::Comparison => Layout::new(3, Depth::U8),
            Encoding::Pixels(layout) => layout,
        }
    }
}

impl From<Format> for Encoding {
    fn from(format: Format) -> Self {
        Encoding::Format(format)
    }
}
