use image::metadata::Orientation;

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

/// A picture but for its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    /// Whether colors come multiplied by their alpha.
    pub premultiplied: bool,
}

impl Shape {
    pub(crate) fn row_bytes(&self) -> usize {
        self.width as usize * self.layout.pixel_bytes()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.row_bytes() as u64 * u64::from(self.height)
    }
}

/// Whether upright width is stored height.
pub(crate) fn side_swaps(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
}

/// Whether what is stored on the left, and whether what is stored at the top, is shown at the other
/// end of its side, whichever side that becomes.
pub(crate) fn sides_turn(orientation: Orientation) -> (bool, bool) {
    match orientation {
        Orientation::NoTransforms | Orientation::Rotate90FlipH => (false, false),
        Orientation::FlipHorizontal | Orientation::Rotate270 => (true, false),
        Orientation::FlipVertical | Orientation::Rotate90 => (false, true),
        Orientation::Rotate180 | Orientation::Rotate270FlipH => (true, true),
    }
}
