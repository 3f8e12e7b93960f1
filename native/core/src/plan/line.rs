//! The operations of an output, one after the other.

use super::view::Stage;
use crate::operation::Recolor;
use crate::ops::{
    Average, Border, Convert, Crop, Op, Orient, Pad, Recoloring, Resize, Rotate, Round, SmartCrop,
    Unsharp, Weigh,
};
use crate::picture::Shape;
use crate::{Color, Depth, Layout};

/// Operations, and what the last of them makes.
pub(super) struct Line {
    pub ops: Vec<Box<dyn Op>>,
    pub shape: Shape,
}

impl Line {
    pub(super) fn new(shape: Shape) -> Line {
        Line { ops: Vec::new(), shape }
    }

    pub(super) fn push(&mut self, op: impl Op + 'static) {
        self.shape = op.shape(&self.shape);
        self.ops.push(Box::new(op));
    }

    /// Whether alpha is to be divided out of the colors before they are looked at.
    pub(super) fn divides(&self) -> bool {
        self.shape.layout.has_alpha() && self.shape.premultiplied
    }

    /// Brings samples to a layout, and colors to be multiplied by their alpha or not.
    pub(super) fn convert(&mut self, to: Layout, multiply: bool) {
        self.convert_onto(None, to, multiply);
    }

    /// The same with a color behind what is clear.
    pub(super) fn convert_onto(&mut self, background: Option<Color>, to: Layout, multiply: bool) {
        let (alpha, divide) = (self.shape.layout.has_alpha(), self.divides());
        let background = background.filter(|_| alpha);
        if self.shape.layout != to || alpha && divide != multiply || background.is_some() {
            self.push(Convert { to, divide, multiply, background });
        }
    }

    /// What looks at several pixels weighs them by their alpha.
    fn premultiply(&mut self) {
        if self.shape.layout.has_alpha() {
            self.convert(self.shape.layout, true);
        }
    }

    fn unpremultiply(&mut self) {
        if self.shape.layout.has_alpha() {
            self.convert(self.shape.layout, false);
        }
    }

    /// Makes room for a color, and for alpha.
    fn hold(&mut self, is_gray: bool, is_opaque: bool) {
        let layout = self.shape.layout;
        let colors = if layout.is_gray() && is_gray { 1 } else { 3 };
        let alpha = u8::from(layout.has_alpha() || !is_opaque);
        let premultiplied = layout.has_alpha() && self.shape.premultiplied;
        self.convert(Layout::new(colors + alpha, layout.depth), premultiplied);
    }

    fn hold_color(&mut self, color: Color) {
        self.hold(color.is_gray(), color.is_opaque());
    }

    pub(super) fn add(&mut self, stage: &Stage) {
        match stage {
            &Stage::Resize { crop, filter, linear, width, height } => {
                let layout = self.shape.layout;
                if linear {
                    self.convert(Layout { depth: Depth::F32, ..layout }, layout.has_alpha());
                }
                self.premultiply();
                self.push(Resize { filter, crop, width, height });
                self.convert(layout, layout.has_alpha() && self.shape.premultiplied);
            }
            &Stage::Choose { size, interest } => self.push(SmartCrop::new(size, interest)),
            &Stage::Onto(color) => {
                let layout = self.shape.layout;
                if layout.has_alpha() {
                    let to = layout.with_alpha(!color.is_opaque());
                    let to = if color.is_gray() { to } else { to.colored() };
                    self.convert_onto(Some(color), to, false);
                }
            }
            &Stage::Pad { canvas, color } => {
                self.hold_color(color);
                let (layout, premultiplied) = (self.shape.layout, self.divides());
                let place = (canvas.left, canvas.top);
                self.push(Pad::new(canvas.size, place, color, layout, premultiplied));
            }
            &Stage::Crop { left, top, width, height } => {
                self.push(Crop { left, top, width, height, pick: None });
            }
            &Stage::Turn(by) => self.push(Orient(by)),
            &Stage::Rotate { degrees, background } => {
                self.hold_color(background);
                self.premultiply();
                self.push(Rotate::new(degrees, background));
            }
            &Stage::Weigh { sigma } => {
                self.premultiply();
                self.push(Weigh::new(sigma));
            }
            &Stage::Average { sigma } => {
                self.premultiply();
                self.push(Average::new(sigma));
                self.push(Average::new(sigma));
            }
            &Stage::Sharpen(sharpen) => {
                self.premultiply();
                self.push(Unsharp::new(sharpen));
            }
            &Stage::Recolor(recolor) => {
                // Alpha does not matter to what is linear, but that black is then clear.
                self.unpremultiply();
                if !matches!(recolor, Recolor::Saturate(_)) || !self.shape.layout.is_gray() {
                    self.push(Recoloring::new(recolor, self.shape.layout.depth));
                }
            }
            Stage::Overlay(over) => {
                // Whether the overlay is gray is not looked at.
                self.hold(false, true);
                self.unpremultiply();
                self.push(over.clone());
            }
            &Stage::Round(corners) => {
                self.hold(true, false);
                self.unpremultiply();
                self.push(Round(corners));
            }
            &Stage::Border { width, color } => {
                self.hold_color(color);
                self.unpremultiply();
                self.push(Border { width, color });
            }
        }
    }
}
