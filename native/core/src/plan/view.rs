//! Which steps of an edit are done while decoding, and what is left for then.
//!
//! The first resize, and all crops, flips and quarter turns up to the first step that looks at more
//! than a pixel, are one view of the stored picture: a window, a size and an orientation. So they
//! cost what a thumbnail does, in any order. Colors commute with them, but for a resize where they
//! would be cut off at black or white, or are no straight lines: then the order is kept, and the
//! resize is none of the view.

use image::metadata::Orientation;

use super::fit::{self, Area, Canvas, Fitted};
use super::geometry::{check_columns, stored};
use crate::limits::Limit;
use crate::operation::{Corners, Crop, Operation, Place, Recolor, Sharpen};
use crate::ops::{CropBox, Filter, Interest, MAX_WEIGHED, Over, Rotate};
use crate::picture::{side_swaps, turned};
use crate::{Color, Depth, Error, Info, Limits, Output};

/// What decoding and the first resampling make of the picture, and what is to be done with it then.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// In the stored picture.
    pub fitted: Fitted,
    pub orientation: Orientation,
    pub filter: Filter,
    pub linear: bool,
    pub stages: Vec<Stage>,
    pub steps: Vec<PlanStep>,
    /// The size as shown, after all stages.
    pub size: (u32, u32),
    is_resized: bool,
    /// What shows in the end behind what is clear.
    background: Option<Color>,
    /// Whether colors are averaged as what they are recolored by.
    averages_srgb: bool,
}

/// One step of an edit, as it will be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanStep {
    pub name: &'static str,
    /// The size of what it makes, as shown.
    pub width: u32,
    pub height: u32,
    pub at: At,
}

/// Where a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Together with decoding.
    Decoding,
    /// On a picture that is resized already.
    Resized,
    /// On the picture in its own size, which is decoded but for what was cropped before.
    FullSize,
}

/// A step that is left, with all that depends on the picture's size.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Resize { crop: CropBox, filter: Filter, linear: bool, width: u32, height: u32 },
    Choose { size: (u32, u32), interest: Interest },
    Onto(Color),
    Pad { canvas: Canvas, color: Color },
    Crop { left: u32, top: u32, width: u32, height: u32 },
    Turn(Orientation),
    Rotate { degrees: f64, background: Color },
    Weigh { sigma: f64 },
    Average { sigma: f64 },
    Sharpen(Sharpen),
    Recolor(Recolor),
    Overlay(Over),
    Round(Corners),
    Border { width: u32, color: Color },
}

/// The longest side of a picture that is left for steps, none of which cuts rows.
const MAX_SIDE: u64 = 1 << 20;

impl View {
    pub(super) fn new(
        info: &Info,
        area: Area,
        output: &Output,
        limits: &Limits,
    ) -> Result<View, Error> {
        let fitted = fit::fit(area, output, limits)?;
        let mut view = View {
            fitted: stored((info.width, info.height), info.orientation, fitted),
            orientation: info.orientation,
            filter: output.filter,
            linear: output.linear,
            stages: Vec::new(),
            steps: Vec::new(),
            size: fitted.size,
            is_resized: is_scaled(&fitted),
            background: output.background_in_the_end(),
            averages_srgb: info.layout.depth != Depth::F32,
        };
        if output.steps.is_empty() {
            view.size = fitted.output();
        } else {
            (view.fitted.kept, view.fitted.canvas) = (None, None);
            view.finish(&fitted, output);
        }
        for (width, height) in [fitted.size, view.size] {
            limits.check_size(width, height)?;
        }
        for step in &output.steps {
            view.add(step, limits)?;
        }
        Ok(view)
    }

    fn add(&mut self, step: &Operation, limits: &Limits) -> Result<(), Error> {
        let colors = |view: &View, passes: fn(Recolor) -> bool| {
            let passes = |stage: &Stage| matches!(stage, Stage::Recolor(color) if passes(*color));
            view.stages.iter().all(passes)
        };
        let is_folded = match step {
            Operation::Resize(output) => {
                let folds = !self.is_resized
                    && colors(self, Recolor::keeps_averages)
                    && (self.averages_srgb && !output.linear || self.stages.is_empty());
                if folds {
                    self.resize(output, limits)?;
                    (self.filter, self.linear) = (output.filter, output.linear);
                }
                folds
            }
            Operation::Crop(_) | Operation::Turn(_) if colors(self, |_| true) => {
                match step {
                    Operation::Crop(crop) => self.crop(crop)?,
                    Operation::Turn(by) => self.turn(*by),
                    _ => {}
                }
                true
            }
            _ => false,
        };
        if !is_folded {
            let is_resized = |stage: &Stage| matches!(stage, Stage::Resize { .. });
            let at = if self.is_resized || self.stages.iter().any(is_resized) {
                At::Resized
            } else {
                At::FullSize
            };
            self.stage(step, limits)?;
            let (width, height) = self.size;
            self.steps.push(PlanStep { name: step.name(), width, height, at });
            return Ok(());
        }
        let (width, height) = self.size;
        // Colors that have come before this are left for a picture of this size.
        for step in self.steps.iter_mut().filter(|step| step.at != At::Decoding) {
            (step.width, step.height) = self.size;
            step.at = if self.is_resized { At::Resized } else { At::FullSize };
        }
        self.steps.push(PlanStep { name: step.name(), width, height, at: At::Decoding });
        Ok(())
    }

    /// Makes a resize part of the view.
    fn resize(&mut self, output: &Output, limits: &Limits) -> Result<(), Error> {
        let fitted = fit::fit(Area::whole(self.size), output, limits)?;
        self.is_resized |= is_scaled(&fitted);
        self.show(fitted);
        self.finish(&fitted, output);
        for (width, height) in [fitted.size, self.size] {
            limits.check_size(width, height)?;
        }
        Ok(())
    }

    /// What is done to a picture that is resized, so that it fills its box.
    fn finish(&mut self, fitted: &Fitted, output: &Output) {
        self.size = fitted.size;
        if let Some(size) = fitted.kept {
            let interest = Interest::of(output.position);
            self.stages.push(Stage::Choose { size, interest });
            self.size = size;
        }
        // A color that is not there in the end shows from here on.
        let own = output.background.filter(|_| output.background != self.background);
        self.stages.extend(own.map(Stage::Onto));
        if let Some(canvas) = fitted.canvas {
            // Behind what is clear in part, the background would show once more in the end.
            let is_last = |color: Color| own.is_none() && !color.is_opaque();
            let color = output.background.filter(|&color| !is_last(color)).unwrap_or(Color::CLEAR);
            self.stages.push(Stage::Pad { canvas, color });
            self.size = canvas.size;
        }
    }

    fn crop(&mut self, crop: &Crop) -> Result<(), Error> {
        let (left, top, width, height) = cropped(self.size, crop)?;
        let before = (left.into(), top.into());
        let part = (width.into(), height.into());
        let whole = Area::whole(self.size);
        let cut = Fitted { size: (width, height), part, before, ..self.fitted };
        self.show(Fitted { within: whole, kept: None, canvas: None, ..cut });
        if !self.is_resized {
            // What was cut off is not there any more for a resize that comes later.
            let Fitted { part, before, .. } = self.fitted;
            let (left, top) = (before.0.floor(), before.1.floor());
            let width = ((before.0 + part.0).ceil() - left) as u32;
            let height = ((before.1 + part.1).ceil() - top) as u32;
            self.fitted.within = Area { left: left as u32, top: top as u32, width, height };
        }
        Ok(())
    }

    fn turn(&mut self, by: Orientation) {
        self.orientation = turned(self.orientation, by);
        if side_swaps(by) {
            self.size = (self.size.1, self.size.0);
        }
    }

    /// Narrows the view to a part of what it shows.
    fn show(&mut self, fitted: Fitted) {
        self.size = fitted.size;
        let Fitted { size, part, before, .. } = self.fitted;
        let scale = (part.0 / f64::from(size.0), part.1 / f64::from(size.1));
        let to = stored(size, self.orientation, fitted);
        self.fitted = Fitted {
            size: to.size,
            part: (to.part.0 * scale.0, to.part.1 * scale.1),
            before: (before.0 + to.before.0 * scale.0, before.1 + to.before.1 * scale.1),
            ..self.fitted
        };
    }

    /// Leaves a resize for after the view.
    fn resize_later(&mut self, output: &Output, limits: &Limits) -> Result<(), Error> {
        let fitted = fit::fit(Area::whole(self.size), output, limits)?;
        let Fitted { size: (width, height), part, before, .. } = fitted;
        limits.check_size(width, height)?;
        check_columns(width, part.0 / f64::from(width), output.filter)?;
        let crop = CropBox { left: before.0, top: before.1, width: part.0, height: part.1 };
        let &Output { filter, linear, .. } = output;
        self.stages.push(Stage::Resize { crop, filter, linear, width, height });
        self.finish(&fitted, output);
        limits.check_size(self.size.0, self.size.1)
    }

    /// Leaves a step for after the view.
    fn stage(&mut self, step: &Operation, limits: &Limits) -> Result<(), Error> {
        let (width, height) = self.size;
        Limit::Side.check(width.max(height).into(), MAX_SIDE)?;
        let stage = match step {
            Operation::Resize(output) => return self.resize_later(output, limits),
            Operation::Crop(crop) => {
                let (left, top, width, height) = cropped(self.size, crop)?;
                self.size = (width, height);
                Stage::Crop { left, top, width, height }
            }
            &Operation::Turn(by) => {
                if side_swaps(by) {
                    self.size = (height, width);
                }
                Stage::Turn(by)
            }
            &Operation::Rotate { degrees, background } => {
                let (width, height) = Rotate::new(degrees, background).size(self.size);
                Limit::MaxPixels.check((width * height) as u64, limits.max_pixels)?;
                self.size = (width as u32, height as u32);
                Stage::Rotate { degrees, background }
            }
            &Operation::Blur { sigma } => {
                let weighed = sigma <= MAX_WEIGHED;
                if weighed { Stage::Weigh { sigma } } else { Stage::Average { sigma } }
            }
            &Operation::Sharpen(sharpen) => Stage::Sharpen(sharpen),
            &Operation::Recolor(recolor) => Stage::Recolor(recolor),
            Operation::Overlay(overlay) => Stage::Overlay(Over::new(overlay.clone())?),
            &Operation::Round(corners) => Stage::Round(corners),
            &Operation::Border { width: border, color } => {
                let grown = |side: u32| side.checked_add(border.checked_mul(2)?);
                let (Some(width), Some(height)) = (grown(width), grown(height)) else {
                    let maximum = limits.max_pixels;
                    return Err(Error::Limit { limit: Limit::MaxPixels, value: u64::MAX, maximum });
                };
                self.size = (width, height);
                Stage::Border { width: border, color }
            }
        };
        limits.check_size(self.size.0, self.size.1)?;
        self.stages.push(stage);
        Ok(())
    }
}

fn is_scaled(fitted: &Fitted) -> bool {
    (f64::from(fitted.size.0), f64::from(fitted.size.1)) != fitted.part
}

/// Left, top, width and height of what a crop keeps.
fn cropped(size: (u32, u32), crop: &Crop) -> Result<(u32, u32, u32, u32), Error> {
    match crop.place {
        Place::At(left, top) => {
            let fits = |start: u32, len: u32, side: u32| {
                start.checked_add(len).is_some_and(|end| end <= side)
            };
            if !fits(left, crop.width, size.0) || !fits(top, crop.height, size.1) {
                return Err(Error::OutsidePicture { width: size.0, height: size.1 });
            }
            Ok((left, top, crop.width, crop.height))
        }
        Place::Around(position) => {
            let (x, y) = position.point();
            let (width, height) = (crop.width.min(size.0), crop.height.min(size.1));
            let start = |side: u32, part: u32, at: f64| {
                let first = (f64::from(side) * at - f64::from(part) / 2.0).round();
                first.clamp(0.0, f64::from(side - part)) as u32
            };
            Ok((start(size.0, width, x), start(size.1, height, y), width, height))
        }
    }
}
