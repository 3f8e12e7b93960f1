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

/// What the color channels of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorModel {
    Gray,
    Rgb,
    /// 0 is no ink. There is no alpha beside it.
    Cmyk,
    /// CIE L*a*b* as ICC profiles encode it: the largest integer is L* of 100, and 128 of 255, or
    /// 128 * 257 of 65,535, is a* or b* of 0, of which one step of 255 is 1.
    Lab,
}

/// What one pixel is made of: its color channels, and alpha behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub model: ColorModel,
    /// Alpha included.
    pub channels: u8,
    pub depth: Depth,
}

impl Layout {
    /// 1 channel is gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub const fn new(channels: u8, depth: Depth) -> Self {
        let model = if channels < 3 { ColorModel::Gray } else { ColorModel::Rgb };
        Layout { model, channels, depth }
    }

    pub const fn cmyk(depth: Depth) -> Self {
        Layout { model: ColorModel::Cmyk, channels: 4, depth }
    }

    /// With 3 channels, or 4 with alpha.
    pub const fn lab(channels: u8, depth: Depth) -> Self {
        Layout { model: ColorModel::Lab, channels, depth }
    }

    pub fn has_alpha(self) -> bool {
        self.channels.is_multiple_of(2) && self.model != ColorModel::Cmyk
    }

    /// Whether sRGB's curve is to be undone before its numbers are light. Floats are light already,
    /// and of ink or lightness there is none.
    pub(crate) fn can_be_linearized(self) -> bool {
        self.depth != Depth::F32 && matches!(self.model, ColorModel::Gray | ColorModel::Rgb)
    }

    /// The depth that holds what its numbers are as light.
    pub(crate) fn linearized(self) -> Layout {
        let depth = if self.depth == Depth::U8 { Depth::U16 } else { Depth::F32 };
        Layout { depth, ..self }
    }

    /// The same with alpha, or without, of what is [`srgb`](Self::srgb).
    pub(crate) fn with_alpha(self, alpha: bool) -> Layout {
        let colors = if self.is_gray() { 1 } else { 3 };
        Layout::new(colors + u8::from(alpha), self.depth)
    }

    /// Gray as RGB.
    pub(crate) fn colored(self) -> Layout {
        if self.is_gray() { Layout::new(self.channels + 2, self.depth) } else { self }
    }

    /// What comes of it as sRGB: gray stays gray, and all else is RGB.
    pub(crate) fn srgb(self) -> Self {
        match self.model {
            ColorModel::Gray | ColorModel::Rgb => self,
            ColorModel::Cmyk => Layout::new(3, self.depth),
            ColorModel::Lab => Layout::new(self.channels, self.depth),
        }
    }

    pub fn is_gray(self) -> bool {
        self.model == ColorModel::Gray
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
