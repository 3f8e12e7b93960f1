//! What will be done with a picture, decided by arithmetic on its header alone.

mod costs;
mod fit;
mod geometry;
mod line;
mod route;
mod view;

use image::metadata::Orientation;
use thumbelina_codec::{Input, Poll};

use crate::decode::probe;
use crate::limits::Limit;
use crate::ops::{Chain, Crop, CropBox, Filter, Op, Orient, Resize};
use crate::picture::{Shape, side_swaps};
use crate::request::{Output, Request, Scheduler};
use crate::{Encoding, Error, Format, Info, Layout, Limits};

pub use costs::Costs;
use geometry::Geometry;
use line::Line;
pub use route::Reason;
pub use view::{At, PlanStep};
use view::{Stage, View};

/// Everything that is decided before a pixel is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the order asked for. There is at least one.
    pub outputs: Vec<OutputPlan>,
    /// The estimated cost of all of it.
    pub costs: Costs,
    /// Where the work starts, and why there.
    pub scheduler: Scheduler,
    pub reason: Reason,

    /// The source, decoded at one `scale`th of its size.
    pub(crate) info: Info,
    pub(crate) scale: u32,
    /// By how much the decoded picture is larger than the largest output.
    pub(crate) left: f64,
}

/// What becomes of the decoded rows in one output.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputPlan {
    /// As shown.
    pub width: u32,
    pub height: u32,
    pub encoding: Encoding,
    /// The part of the picture that is kept, in its pixels as shown, where some is cut off.
    pub crop: Option<CropBox>,
    /// Source pixels that become one while decoding, horizontally and vertically, as shown.
    pub decode_scale: (u32, u32),
    /// What an edit does, in the order asked for.
    pub steps: Vec<PlanStep>,

    pub(crate) geometry: Geometry,
    filter: Filter,
    /// What is given to the encoder.
    layout: Layout,
    orientation: Orientation,
    /// What is done to the picture when it is upright.
    stages: Vec<Stage>,
    pub(crate) quality: u8,
}

impl Plan {
    /// Reads the header of an encoded picture and plans with it.
    ///
    /// # Errors
    /// Those of [`probe`] and [`Plan::new`].
    pub fn of(input: &mut Input, request: &Request) -> Result<Poll<Plan>, Error> {
        Ok(match probe(input, &request.limits)? {
            Poll::Ready(info) => Poll::Ready(Plan::new(&info, request)?),
            Poll::Working => Poll::Working,
            Poll::NeedInput => Poll::NeedInput,
        })
    }

    /// Decides on sizes, crops, decode scale, formats and scheduler.
    ///
    /// # Errors
    /// [`Error::Limit`] where the source or an output is larger than allowed.
    pub fn new(info: &Info, request: &Request) -> Result<Plan, Error> {
        request.limits.check_size(info.width, info.height)?;
        let view = |output| View::new(info, output, &request.limits);
        let views: Vec<_> = request.outputs.iter().map(view).collect::<Result<_, _>>()?;
        // What the largest output needs is enough for all.
        let scale = |view: &View| {
            let picks = view.filter == Filter::Nearest;
            let fit::Fitted { size, part, .. } = view.fitted;
            if info.scales && !picks { geometry::decode_scale(part, size) } else { 1 }
        };
        let scale = views.iter().map(scale).min().ok_or(Error::Internal)?;
        let outputs = request.outputs.iter().zip(views);
        let outputs: Vec<_> = outputs
            .map(|(output, view)| OutputPlan::new(info, scale, output, view, &request.limits))
            .collect::<Result<_, _>>()?;
        let left =
            outputs.iter().map(|output| output.geometry.left()).fold(f64::INFINITY, f64::min);
        let info = info.scaled(scale);
        // Rows behind all windows are never decoded.
        let rows = outputs.iter().map(|output| output.rows(&info)).max().unwrap_or(info.height);
        let decode = Costs::of_rows(&info, rows);
        let costs =
            std::iter::once(decode).chain(outputs.iter().map(|output| output.costs(&info))).sum();
        let (scheduler, reason) = route::route(&info, &costs, &request.run);
        Ok(Plan { outputs, costs, scheduler, reason, info, scale, left })
    }

    /// The estimated nanoseconds of a row of the source, on its way into all outputs.
    pub(crate) fn row_nanos(&self) -> u64 {
        let picked = self.outputs.iter().filter(|output| output.geometry.reduction.pick.is_some());
        let picked: u64 = picked.map(|output| u64::from(output.geometry.output.0) * 2).sum();
        self.info.rows_nanos(1).max(1) + picked
    }

    /// The most that is held at any one time of what comes after decoding, but for the encoders'
    /// output.
    pub(crate) fn memory_after_decoding(&self) -> u64 {
        let source = self.info.shape();
        let reduced =
            self.outputs.iter().map(|output| output.geometry.reduction.shape(&source).bytes());
        let chain = |output: &OutputPlan| {
            let shape = output.geometry.reduction.shape(&source);
            Chain::memory(&output.ops(&self.info), &shape)
        };
        reduced.sum::<u64>() + self.outputs.iter().map(chain).max().unwrap_or(0)
    }
}

impl OutputPlan {
    fn new(
        info: &Info,
        scale: u32,
        output: &Output,
        view: View,
        limits: &Limits,
    ) -> Result<OutputPlan, Error> {
        let View { fitted, within, orientation, filter, stages, steps, size, .. } = view;
        let (width, height) = size;
        let geometry = Geometry::new(info, scale, fitted, within, filter)?;
        let mut line = Line::new(geometry.reduction.shape(&info.shape()));
        line.color(info);
        stages.iter().for_each(|stage| line.add(stage));
        let layout = line.shape.layout.srgb();
        let encoding = match (output.placeholder, output.format) {
            (Some(placeholder), _) => Encoding::Placeholder(placeholder),
            (None, Some(format)) => Encoding::Format(format),
            (None, None) => Encoding::Format(default_format(info, layout, size)),
        };
        Limit::Side.check(width.max(height).into(), encoding.max_side().into())?;
        Limit::MaxPixels
            .check(pixels((width, height)), encoding.max_pixels().min(limits.max_pixels))?;
        let factors = geometry.reduction.factors;
        let (across, down) = (scale * factors.0, scale * factors.1);
        let swaps = side_swaps(info.orientation);
        Ok(OutputPlan {
            width,
            height,
            encoding,
            crop: geometry::crop(info, fitted),
            steps,
            decode_scale: if swaps { (down, across) } else { (across, down) },
            geometry,
            filter,
            layout: encoding.layout(layout),
            orientation,
            stages,
            quality: output.quality,
        })
    }

    /// How many rows of the source have to be decoded.
    fn rows(&self, info: &Info) -> u32 {
        let window = self.geometry.reduction.window;
        if info.bottom_up { info.height - window.top } else { window.bottom }
    }

    fn costs(&self, info: &Info) -> Costs {
        let size = (self.width, self.height);
        let mut costs =
            Costs::of_output(info, &self.geometry, self.filter, self.encoding, (size, self.layout));
        costs.resample += self.stage_nanos(info) / 1_000;
        costs
    }

    fn stage_nanos(&self, info: &Info) -> u64 {
        if self.stages.is_empty() {
            return 0;
        }
        let mut shape = self.reduced(info);
        let mut nanos = 0;
        for op in self.ops(info) {
            let bands = op.bands(&shape);
            shape = op.shape(&shape);
            nanos += bands.nanos * u64::from(shape.height.div_ceil(bands.rows));
        }
        nanos
    }

    /// What decoding leaves.
    fn reduced(&self, info: &Info) -> Shape {
        self.geometry.reduction.shape(&info.shape())
    }

    /// What is done to the reduced picture.
    pub(crate) fn ops(&self, info: &Info) -> Vec<Box<dyn Op>> {
        let Geometry { reduction, crop, output: (width, height) } = &self.geometry;
        let (&width, &height) = (width, height);
        let mut line = Line::new(self.reduced(info));
        if !self.geometry.is_identity() {
            line.push(Resize { filter: self.filter, crop: *crop, width, height });
        } else if reduction.size != (width, height) || reduction.pick.is_some() {
            let (left, top) = (crop.left as u32, crop.top as u32);
            line.push(Crop { left, top, width, height, pick: reduction.pick });
        }
        line.color(info);
        // OpenEXR's colors are multiplied by their alpha.
        let multiply = self.encoding == Encoding::Format(Format::Openexr);
        if self.stages.is_empty() {
            // The less a sample takes, the less is moved.
            line.convert(self.layout, multiply);
        }
        if self.orientation != Orientation::NoTransforms {
            line.push(Orient(self.orientation));
        }
        self.stages.iter().for_each(|stage| line.add(stage));
        line.convert(self.layout, multiply);
        line.ops
    }
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The source's format where it can hold the output, else JPEG, or PNG for alpha.
fn default_format(info: &Info, layout: Layout, (width, height): (u32, u32)) -> Format {
    let fits = width.max(height) <= info.format.max_side()
        && pixels((width, height)) <= info.format.max_pixels();
    if info.format.is_writable() && fits {
        info.format
    } else if layout.has_alpha() {
        Format::Png
    } else {
        Format::Jpeg
    }
}
