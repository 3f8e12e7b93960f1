//! The steps of an edit, as the Elixir side has them: atoms, or tuples of an atom and numbers.

use bytes::Bytes;
use rustler::{Decoder, NifMap, NifResult, NifTaggedEnum, NifUnitEnum, Term};
use thumbelina_core::{
    Color, Corners, Crop, Operation, Orientation, Overlay, Place, Position, Recolor, Sharpen,
};

use super::input::pin;
use super::request::ThumbnailTerm;

type ColorTerm = (u8, u8, u8, u8);

#[derive(NifTaggedEnum)]
#[rustler(decode)]
pub(super) enum StepTerm {
    /// Of a thumbnail, what says how large it is.
    Resize(ThumbnailTerm),
    /// Left, top, width and height.
    CropAt(u32, u32, u32, u32),
    /// Width, height and a point.
    CropAround(u32, u32, (f64, f64)),
    Flip(SideAtom),
    /// Quarters of a turn, clockwise.
    Turn(u8),
    /// Degrees, and the background.
    Rotate(f64, ColorTerm),
    Blur(f64),
    /// Sigma, amount and threshold.
    Sharpen(f64, f64, f64),
    Brighten(f64),
    Contrast(f64),
    Saturate(f64),
    Gamma(f64),
    Grayscale,
    Invert,
    Threshold(f64),
    Tint(ColorTerm),
    Overlay(OverlayTerm),
    Round(f64),
    Circle,
    Border(u32, ColorTerm),
}

#[derive(NifMap)]
#[rustler(decode)]
pub(super) struct OverlayTerm {
    picture: PinnedTerm,
    position: (f64, f64),
    margin: u32,
    opacity: f64,
    tile: bool,
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
pub(super) enum SideAtom {
    Horizontal,
    Vertical,
}

/// A binary whose bytes stay where they are.
struct PinnedTerm(Bytes);

impl<'a> Decoder<'a> for PinnedTerm {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        pin(term).map(PinnedTerm)
    }
}

impl StepTerm {
    pub(super) fn operation(&self) -> Operation {
        match self {
            StepTerm::Resize(term) => Operation::Resize(Box::new(term.output())),
            &StepTerm::CropAt(left, top, width, height) => {
                Operation::Crop(Crop { width, height, place: Place::At(left, top) })
            }
            &StepTerm::CropAround(width, height, (x, y)) => {
                let place = Place::Around(Position::Point(x, y));
                Operation::Crop(Crop { width, height, place })
            }
            StepTerm::Flip(SideAtom::Horizontal) => Operation::Turn(Orientation::FlipHorizontal),
            StepTerm::Flip(SideAtom::Vertical) => Operation::Turn(Orientation::FlipVertical),
            StepTerm::Turn(quarters) => Operation::Turn(match quarters % 4 {
                0 => Orientation::NoTransforms,
                1 => Orientation::Rotate90,
                2 => Orientation::Rotate180,
                _ => Orientation::Rotate270,
            }),
            &StepTerm::Rotate(degrees, background) => {
                Operation::Rotate { degrees, background: rgba(background) }
            }
            &StepTerm::Blur(sigma) => Operation::Blur { sigma },
            &StepTerm::Sharpen(sigma, amount, threshold) => {
                Operation::Sharpen(Sharpen { sigma, amount, threshold })
            }
            &StepTerm::Brighten(factor) => Operation::Recolor(Recolor::Brighten(factor as f32)),
            &StepTerm::Contrast(factor) => Operation::Recolor(Recolor::Contrast(factor as f32)),
            &StepTerm::Saturate(factor) => Operation::Recolor(Recolor::Saturate(factor as f32)),
            &StepTerm::Gamma(exponent) => Operation::Recolor(Recolor::Gamma(exponent as f32)),
            StepTerm::Grayscale => Operation::Recolor(Recolor::Grayscale),
            StepTerm::Invert => Operation::Recolor(Recolor::Invert),
            &StepTerm::Threshold(least) => Operation::Recolor(Recolor::Threshold(least as f32)),
            &StepTerm::Tint((r, g, b, _)) => Operation::Recolor(Recolor::Tint([r, g, b])),
            StepTerm::Overlay(term) => Operation::Overlay(term.overlay()),
            &StepTerm::Round(radius) => Operation::Round(Corners::Radius(radius)),
            StepTerm::Circle => Operation::Round(Corners::Circle),
            &StepTerm::Border(width, color) => Operation::Border { width, color: rgba(color) },
        }
    }
}

impl OverlayTerm {
    fn overlay(&self) -> Overlay {
        Overlay {
            picture: self.picture.0.clone(),
            position: Position::Point(self.position.0, self.position.1),
            margin: self.margin,
            opacity: self.opacity as f32,
            tile: self.tile,
        }
    }
}

fn rgba((r, g, b, a): ColorTerm) -> Color {
    Color([r, g, b, a])
}
