//! What can be done to a picture, one after the other, on its way to an output.

use bytes::Bytes;
use image::metadata::Orientation;

use crate::{Color, Output, Position};

/// One step of an edit. It sees the picture that the step before has made, the first one the
/// upright picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Another size. What it says of the encoding, and steps of its own, have no say.
    Resize(Box<Output>),
    Crop(Crop),
    /// Flips and quarter turns.
    Turn(Orientation),
    /// Clockwise about the middle. The picture grows by as much as its corners need.
    Rotate {
        degrees: f64,
        background: Color,
    },
    /// A Gaussian of this standard deviation in pixels.
    Blur {
        sigma: f64,
    },
    /// An unsharp mask of the luma.
    Sharpen(Sharpen),
    Recolor(Recolor),
    Overlay(Overlay),
    Round(Corners),
    /// As many pixels more on each side.
    Border {
        width: u32,
        color: Color,
    },
}

/// A part of the picture, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    pub width: u32,
    pub height: u32,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// The upper left corner.
    At(u32, u32),
    /// The part is not larger than the picture then.
    Around(Position),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpen {
    pub sigma: f64,
    /// By how much a difference from the blurred picture grows.
    pub amount: f64,
    /// Differences up to this are left alone. 1.0 is white.
    pub threshold: f64,
}

/// What depends on a pixel's color alone. Values of sRGB from 0 to 1; alpha stays what it is.
///
/// Brightness, contrast, saturation, grayscale and inversion are those of the Filter Effects Module
/// Level 1 of CSS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recolor {
    /// `c * factor`
    Brighten(f32),
    /// `(c - 0.5) * factor + 0.5`
    Contrast(f32),
    /// `luma + (c - luma) * factor`
    Saturate(f32),
    /// `c ^ (1 / exponent)`
    Gamma(f32),
    /// The luma, in one channel.
    Grayscale,
    /// `1 - c`
    Invert,
    /// White from this luma on, black below, in one channel.
    Threshold(f32),
    /// CIE L* of the pixel, with a* and b* of this color.
    Tint([u8; 3]),
}

/// Another picture, on top.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// As a farbfeld: 16 bits of red, green, blue and alpha.
    pub picture: Bytes,
    /// Which part of the room that is left lies to the left of it, and above it.
    pub position: Position,
    /// How far it stays away from the edges.
    pub margin: u32,
    pub opacity: f32,
    /// Whether it is repeated to all sides.
    pub tile: bool,
}

/// What is kept of the corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Corners {
    /// Quarters of a circle, at most as large as the shorter side allows.
    Radius(f64),
    /// The largest circle around the middle.
    Circle,
}

impl Operation {
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Resize(_) => "resize",
            Operation::Crop(_) => "crop",
            Operation::Turn(Orientation::FlipHorizontal | Orientation::FlipVertical) => "flip",
            Operation::Turn(_) | Operation::Rotate { .. } => "rotate",
            Operation::Blur { .. } => "blur",
            Operation::Sharpen(_) => "sharpen",
            Operation::Recolor(recolor) => recolor.name(),
            Operation::Overlay(_) => "overlay",
            Operation::Round(_) => "round",
            Operation::Border { .. } => "border",
        }
    }
}

impl Recolor {
    fn name(self) -> &'static str {
        match self {
            Recolor::Brighten(_) => "brighten",
            Recolor::Contrast(_) => "contrast",
            Recolor::Saturate(_) => "saturate",
            Recolor::Gamma(_) => "gamma",
            Recolor::Grayscale => "grayscale",
            Recolor::Invert => "invert",
            Recolor::Threshold(_) => "threshold",
            Recolor::Tint(_) => "tint",
        }
    }

    /// Whether averages come out the same before and after: where it is linear, and cuts nothing
    /// off.
    pub(crate) fn keeps_averages(self) -> bool {
        match self {
            Recolor::Brighten(factor) | Recolor::Contrast(factor) | Recolor::Saturate(factor) => {
                factor <= 1.0
            }
            Recolor::Grayscale | Recolor::Invert => true,
            Recolor::Gamma(exponent) => exponent == 1.0,
            Recolor::Threshold(_) | Recolor::Tint(_) => false,
        }
    }
}
