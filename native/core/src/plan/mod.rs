//! What will be done with a picture, decided by arithmetic on its header alone.

mod costs;
mod fit;
mod geometry;
mod line;
mod route;
mod view;

use std::sync::Arc;

use image::metadata::Orientation;
use thumbelina_codec::{Input, Poll};

use crate::color::{self, Conversion};
use crate::decode::probe;
use crate::limits::Limit;
use crate::ops::{
    Chain, ColorConvert, Crop, CropBox, Filter, FromLight, Interest, Op, Orient, Pad, Resize,
    SmartCrop,
};
use crate::picture::{Shape, side_swaps};
use crate::request::{Color, Comparison, Output, Request, Scheduler};
use crate::{
    Depth, EncodeOptions, Encoding, Error, Format, Info, Keep, Layout, Limits, OutputColor,
    ProfileUse, cost,
};

pub use costs::Costs;
pub(crate) use fit::{Area, Canvas};
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
    /// How the outputs are still to be turned, which nobody has asked for.
    pub(crate) unturned: Orientation,
    /// What is known of the file's profile by its header.
    profile: ProfileUse,
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
    /// What is chosen of the resampled picture as it is stored, and by what.
    smart: Option<((u32, u32), Interest)>,
    canvas: Option<Canvas>,
    background: Option<Color>,
    pub(crate) comparison: Option<Comparison>,
    orientation: Orientation,
    /// What is done to the picture when it is upright.
    stages: Vec<Stage>,
    pub(crate) options: EncodeOptions,
    /// What goes along of the metadata.
    pub(crate) keep: Keep,
    /// Where colors are not sRGB's, and do not stay what they are.
    color: Option<Arc<Conversion>>,
    /// Whether they do.
    pub(crate) keeps_color: bool,
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
        Plan::within(info, None, request)
    }

    /// The same for a part of the picture as shown, where that is known.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn within(
        info: &Info,
        area: Option<Area>,
        request: &Request,
    ) -> Result<Plan, Error> {
        let upright = Orientation::NoTransforms;
        let unturned = if request.autorotate { upright } else { info.orientation };
        let info = &request.shown(info);
        let area = area.unwrap_or(Area::whole(info.upright()));
        request.limits.check_size(info.width, info.height)?;
        let view = |output| View::new(info, area, output, &request.limits);
        let views: Vec<_> = request.outputs.iter().map(view).collect::<Result<_, _>>()?;
        // What the largest output needs is enough for all.
        let scale = |view: &View| {
            let fit::Fitted { size, part, .. } = view.fitted;
            let picks = view.filter == Filter::Nearest;
            // A transform to fewer samples averages what is no light.
            let shrinks = info.scales && !picks && !view.linear;
            if shrinks { geometry::decode_scale(part, size) } else { 1 }
        };
        let scale = views.iter().map(scale).min().ok_or(Error::Internal)?;
        let (color, profile) = Conversion::of(info);
        let outputs = request.outputs.iter().zip(views);
        let outputs: Vec<_> = outputs
            .map(|(output, view)| {
                let color = color.as_ref().map(Conversion::for_output);
                OutputPlan::new(info, scale, output, view, (color, &request.limits))
            })
            .collect::<Result<_, _>>()?;
        let left =
            outputs.iter().map(|output| output.geometry.left()).fold(f64::INFINITY, f64::min);
        // To find a border, all of it is decoded at its full size first.
        let trimming = request.trim.map(|_| Costs::of_rows(info, info.height)).unwrap_or_default();
        let info = info.scaled(scale);
        // Rows behind all windows are never decoded.
        let rows = outputs.iter().map(|output| output.rows(&info)).max().unwrap_or(info.height);
        let decode = Costs::of_rows(&info, rows);
        let costs = [decode, trimming]
            .into_iter()
            .chain(outputs.iter().map(|output| output.costs(&info)))
            .sum();
        let (scheduler, reason) = route::route(&info, &costs, &request.run);
        Ok(Plan { outputs, costs, scheduler, reason, info, scale, left, unturned, profile })
    }

    /// What became of the file's profile, as far as that is known.
    pub(crate) fn profile_use(&self) -> ProfileUse {
        if self.profile == ProfileUse::Applied && self.outputs.iter().all(|o| o.keeps_color) {
            return ProfileUse::Kept;
        }
        let mut made = self.outputs.iter().filter_map(|output| output.color.as_ref());
        made.find_map(|color| color.profile_use()).unwrap_or(self.profile)
    }

    /// The metadata that goes along into one of the outputs at least.
    pub(crate) fn keep(&self) -> Keep {
        self.outputs.iter().fold(Keep::default(), |all, output| all.or(output.keep))
    }

    /// The estimated nanoseconds of a row of the source, on its way into all outputs.
    pub(crate) fn row_nanos(&self) -> u64 {
        let picked = self.outputs.iter().filter(|output| output.geometry.reduction.pick.is_some());
        let picked: u64 = picked.map(|output| u64::from(output.geometry.output.0) * 2).sum();
        let linear = self.outputs.iter().filter(|output| output.geometry.reduction.linear).count();
        let light = cost::light_nanos(self.info.width.into(), self.info.layout) * linear as u64;
        self.info.rows_nanos(1).max(1) + picked + light
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
        (color, limits): (Option<Arc<Conversion>>, &Limits),
    ) -> Result<OutputPlan, Error> {
        let View { fitted, orientation, filter, linear, stages, steps, size, .. } = view;
        let (width, height) = size;
        let geometry = Geometry::new(info, scale, fitted, (filter, linear))?;
        let layout = info.layout.srgb();
        let mut line = Line::new(Shape { layout, premultiplied: false, ..info.shape() });
        stages.iter().for_each(|stage| line.add(stage));
        let layout = line.shape.layout;
        let encoding = match (output.placeholder, output.format) {
            _ if output.comparison.is_some() => Encoding::Comparison,
            (Some(placeholder), _) => Encoding::Placeholder(placeholder),
            _ if output.pixels.is_some() => {
                Encoding::Pixels(output.pixels.unwrap_or_default().layout(layout))
            }
            (None, Some(format)) => Encoding::Format(format),
            (None, None) => Encoding::Format(default_format(info, layout, size)),
        };
        Limit::Side.check(width.max(height).into(), encoding.max_side().into())?;
        Limit::MaxPixels
            .check(pixels((width, height)), encoding.max_pixels().min(limits.max_pixels))?;
        let is_known = fitted.kept.is_none() && !chooses(&stages);
        let layout = encoding.layout(layout_of(layout, output, fitted.canvas.is_some()));
        let layout = output.options.layout(encoding, layout);
        // Light comes back with 16 bits.
        let color = if geometry.reduction.linear {
            let layout = Layout { depth: Depth::U16, ..info.layout };
            Conversion::of(&Info { layout, ..info.clone() }).0
        } else {
            color
        };
        let mut options = output.options.clone();
        let kept = match output.color {
            OutputColor::Srgb => None,
            OutputColor::Keep => color::kept(info, encoding, layout),
        };
        let keeps_color = kept.is_some();
        let color = color.filter(|_| !keeps_color);
        if keeps_color {
            options.attachments.icc = kept;
        }
        let factors = geometry.reduction.factors;
        let (across, down) = (scale * factors.0, scale * factors.1);
        let swaps = side_swaps(info.orientation);
        Ok(OutputPlan {
            width,
            height,
            encoding,
            crop: geometry::crop(info, fitted).filter(|_| is_known),
            steps,
            decode_scale: if swaps { (down, across) } else { (across, down) },
            geometry,
            filter,
            layout,
            smart: fitted.kept.map(|size| (size, Interest::of(output.position))),
            canvas: fitted.canvas,
            background: output.background_in_the_end(),
            comparison: output.comparison.clone(),
            orientation,
            stages,
            options,
            keep: match encoding {
                Encoding::Format(format) => output.metadata.within(format),
                Encoding::Placeholder(_) | Encoding::Comparison | Encoding::Pixels(_) => {
                    Keep::default()
                }
            },
            color,
            keeps_color,
        })
    }

    /// What is done to its colors.
    fn conversion(&self) -> Option<Arc<Conversion>> {
        // Floats stay what they are in floats.
        let is_wanted =
            |color: &Arc<Conversion>| !color.is_for_screens() || self.layout.depth != Depth::F32;
        self.color.clone().filter(is_wanted)
    }

    /// How many rows of the source have to be decoded.
    fn rows(&self, info: &Info) -> u32 {
        let window = self.geometry.reduction.window;
        if info.bottom_up { info.height - window.top } else { window.bottom }
    }

    fn costs(&self, info: &Info) -> Costs {
        let size = (self.width, self.height);
        let written = self.options.nanos(self.encoding, size, self.layout);
        let mut costs = Costs::of_output(info, &self.geometry, self.filter, written);
        if let Some(color) = self.conversion() {
            let (width, height) = self.geometry.output;
            let rows = cost::color_nanos(width, info.layout) * u64::from(height);
            costs.resample += (color.prepare_nanos() + rows) / 1_000;
        }
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
        if reduction.linear {
            let divide = line.divides();
            line.push(FromLight { divide });
        }
        if let Some(conversion) = self.conversion() {
            let divide = line.divides();
            line.push(ColorConvert { conversion, divide });
        }
        if let Some((size, interest)) = self.smart {
            line.push(SmartCrop::new(size, interest));
        }
        // OpenEXR's colors are multiplied by their alpha.
        let multiply = self.encoding == Encoding::Format(Format::Openexr);
        if self.stages.is_empty() {
            // The less a sample takes, the less is moved.
            line.convert_onto(self.background, self.layout, multiply);
        }
        if self.orientation != Orientation::NoTransforms {
            line.push(Orient(self.orientation));
        }
        if !self.stages.is_empty() {
            self.stages.iter().for_each(|stage| line.add(stage));
            line.convert_onto(self.background, self.layout, multiply);
        }
        if let Some(Canvas { size, left, top }) = self.canvas {
            let color = self.background.unwrap_or(Color::CLEAR);
            line.push(Pad::new(size, (left, top), color, self.layout, multiply));
        }
        line.ops
    }
}

/// What an output of such a source has to hold: bars and a background may bring colors and alpha
/// along, and an opaque background leaves no alpha.
fn layout_of(source: Layout, output: &Output, has_bars: bool) -> Layout {
    let source = source.srgb();
    let background = output.background_in_the_end();
    let shows = has_bars || source.has_alpha();
    let is_clear = match background {
        Some(color) => !color.is_opaque(),
        None => true,
    };
    let alpha = is_clear && shows;
    let is_colored = background.is_some_and(|color| !color.is_gray());
    let layout = source.with_alpha(alpha);
    if is_colored && shows { layout.colored() } else { layout }
}

/// Whether what is kept of the picture is known when it is there.
fn chooses(stages: &[Stage]) -> bool {
    stages.iter().any(|stage| matches!(stage, Stage::Choose { .. }))
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
