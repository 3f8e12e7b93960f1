//! What will be done with a picture, decided by arithmetic on its header alone.

mod costs;
mod fit;
mod geometry;
mod route;

use image::metadata::Orientation;
use thumbelina_codec::{Input, Poll};

use crate::color::Conversion;
use crate::decode::probe;
use crate::limits::Limit;
use crate::ops::{Chain, ColorConvert, Convert, Crop, CropBox, Filter, Op, Orient, Resize};
use crate::picture::side_swaps;
use crate::request::{Output, Request, Scheduler};
use crate::{EncodeOptions, Encoding, Error, Format, Info, Layout, Limits};

pub use costs::Costs;
use geometry::Geometry;
pub use route::Reason;

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

    pub(crate) geometry: Geometry,
    filter: Filter,
    /// What is given to the encoder.
    layout: Layout,
    orientation: Orientation,
    pub(crate) options: EncodeOptions,
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
        let fitted = |output: &Output| {
            let fitted = fit::fit(info.upright(), output, &request.limits)?;
            let (width, height) = fitted.size;
            request.limits.check_size(width, height)?;
            Ok::<_, Error>(fitted)
        };
        let fitted: Vec<_> = request.outputs.iter().map(fitted).collect::<Result<_, _>>()?;
        // What the largest output needs is enough for all.
        let scale = |(output, &fitted): (&Output, &fit::Fitted)| {
            let fit::Fitted { size, part, .. } = geometry::stored(info, fitted);
            let picks = output.filter == Filter::Nearest;
            if info.scales && !picks { geometry::decode_scale(part, size) } else { 1 }
        };
        let scale = request.outputs.iter().zip(&fitted).map(scale).min().ok_or(Error::Internal)?;
        let outputs = request.outputs.iter().zip(fitted);
        let outputs: Vec<_> = outputs
            .map(|(output, fitted)| OutputPlan::new(info, scale, output, fitted, &request.limits))
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
        fitted: fit::Fitted,
        limits: &Limits,
    ) -> Result<OutputPlan, Error> {
        let (width, height) = fitted.size;
        let geometry = Geometry::new(info, scale, geometry::stored(info, fitted), output.filter)?;
        let encoding = match (output.placeholder, output.format) {
            (Some(placeholder), _) => Encoding::Placeholder(placeholder),
            _ if output.pixels.is_some() => {
                Encoding::Pixels(output.pixels.unwrap_or_default().layout(info.layout))
            }
            (None, Some(format)) => Encoding::Format(format),
            (None, None) => Encoding::Format(default_format(info, (width, height))),
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
            decode_scale: if swaps { (down, across) } else { (across, down) },
            geometry,
            filter: output.filter,
            layout: output.options.layout(encoding, encoding.layout(info.layout)),
            orientation: info.orientation,
            options: output.options.clone(),
        })
    }

    /// How many rows of the source have to be decoded.
    fn rows(&self, info: &Info) -> u32 {
        let window = self.geometry.reduction.window;
        if info.bottom_up { info.height - window.top } else { window.bottom }
    }

    fn costs(&self, info: &Info) -> Costs {
        Costs::of_output(info, &self.geometry, self.filter, self.encoding, self.layout)
    }

    /// What is done to the reduced picture.
    pub(crate) fn ops(&self, info: &Info) -> Vec<Box<dyn Op>> {
        let Geometry { reduction, crop, output: (width, height) } = &self.geometry;
        let (&width, &height) = (width, height);
        let mut ops: Vec<Box<dyn Op>> = Vec::new();
        if !self.geometry.is_identity() {
            ops.push(Box::new(Resize { filter: self.filter, crop: *crop, width, height }));
        } else if reduction.size != (width, height) || reduction.pick.is_some() {
            let (left, top) = (crop.left as u32, crop.top as u32);
            ops.push(Box::new(Crop { left, top, width, height, pick: reduction.pick }));
        }
        let mut layout = info.layout;
        let alpha = layout.has_alpha();
        let mut premultiplied = alpha && reduction.shape(&info.shape()).premultiplied;
        if let Some(transform) = Conversion::of(info).and_then(|color| color.transform()) {
            ops.push(Box::new(ColorConvert { transform, divide: premultiplied }));
            (layout, premultiplied) = (layout.srgb(), false);
        }
        // OpenEXR's colors are multiplied by their alpha.
        let multiply = self.encoding == Encoding::Format(Format::Openexr);
        if layout != self.layout || alpha && premultiplied != multiply {
            ops.push(Box::new(Convert { to: self.layout, divide: premultiplied, multiply }));
        }
        if self.orientation != Orientation::NoTransforms {
            ops.push(Box::new(Orient(self.orientation)));
        }
        ops
    }
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The source's format where it can hold the output, else JPEG, or PNG for alpha.
fn default_format(info: &Info, (width, height): (u32, u32)) -> Format {
    let fits = width.max(height) <= info.format.max_side()
        && pixels((width, height)) <= info.format.max_pixels();
    if info.format.is_writable() && fits {
        info.format
    } else if info.layout.has_alpha() {
        Format::Png
    } else {
        Format::Jpeg
    }
}
