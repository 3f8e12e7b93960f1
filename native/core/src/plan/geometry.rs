//! Which part of the source becomes what part of the output.

use std::ops::Range;

use super::fit::{Area, Fitted};
use crate::limits::{Limit, MAX_UNIT_BYTES};
use crate::ops::{CropBox, Filter};
use crate::picture::{side_swaps, sides_turn};
use crate::shrink::{Pick, Reduction, Window};
use crate::{Error, Info, Output, cost};

/// What the last resampling is left with at least, on each side, after the whole-factor shrink. On
/// photographs at 400 pixels, 2 keeps 48 dB against a single Lanczos pass over the full picture,
/// and 1.5 loses 4 dB of that. The smaller the thumbnail, the more the box average shows (42 dB at
/// 50 pixels) and the less it costs to leave more to the filter: a tenth of a millisecond at
/// `SMALL_SIDE`.
const LEAVE: f64 = 2.0;
const LEAVE_SMALL: f64 = 3.0;
const SMALL_SIDE: u32 = 256;

/// The factors that a decoder itself can shrink by, and what each leaves at least. A transform to
/// fewer samples keeps more than an average does: with these, no photograph at hand comes out below
/// 46 dB, most are above 50. At 1/8, which is an average again, 1.7 would leave 44.5.
const DECODED: [(u32, f64); 3] = [(8, 1.9), (4, 1.7), (2, 1.7)];

/// Sizes and places in the stored picture, that is before orientation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Geometry {
    pub reduction: Reduction,
    /// The part of the reduced picture that becomes the output.
    pub crop: CropBox,
    /// The output's size.
    pub output: (u32, u32),
}

/// An output as it lies in the stored picture.
pub(super) fn stored(info: &Info, fitted: Fitted) -> Fitted {
    let Fitted { size, part, before, within, kept, canvas } =
        if side_swaps(info.orientation) { swapped(fitted) } else { fitted };
    let turns = sides_turn(info.orientation);
    let from = |turns: bool, side: u32, part: f64, before: f64| {
        if turns { f64::from(side) - part - before } else { before }
    };
    let left = from(turns.0, info.width, part.0, before.0);
    let top = from(turns.1, info.height, part.1, before.1);
    let within = Area {
        left: from(turns.0, info.width, within.width.into(), within.left.into()) as u32,
        top: from(turns.1, info.height, within.height.into(), within.top.into()) as u32,
        ..within
    };
    Fitted { size, part, before: (left, top), within, kept, canvas }
}

/// All but the canvas, which is what is shown.
fn swapped(fitted: Fitted) -> Fitted {
    let Fitted { size, part, before, within, kept, canvas } = fitted;
    let Area { left, top, width, height } = within;
    Fitted {
        size: (size.1, size.0),
        part: (part.1, part.0),
        before: (before.1, before.0),
        within: Area { left: top, top: left, width: height, height: width },
        kept: kept.map(|(width, height)| (height, width)),
        canvas,
    }
}

/// The part of the picture that an output shows, as shown, if that is not all of it.
pub(super) fn crop(info: &Info, Fitted { part, before, .. }: Fitted) -> Option<CropBox> {
    // What is less than this is but the rounding of a quotient.
    const PARTS: f64 = 1e6;
    let near = |length: f64| (length * PARTS).round() / PARTS;
    let crop = CropBox {
        left: near(before.0),
        top: near(before.1),
        width: near(part.0),
        height: near(part.1),
    };
    let (width, height) = info.upright();
    let is_cut = crop.width < width.into() || crop.height < height.into();
    is_cut.then_some(crop)
}

/// The largest of the factors that the decoder can shrink by which leaves enough on both sides.
pub(super) fn decode_scale(part: (f64, f64), output: (u32, u32)) -> u32 {
    let ratio = (part.0 / f64::from(output.0)).min(part.1 / f64::from(output.1));
    let factor = DECODED.into_iter().find(|&(factor, leave)| ratio >= f64::from(factor) * leave);
    factor.map_or(1, |(factor, _)| factor)
}

impl Geometry {
    /// Of a picture that is decoded at one `scale`th of its size.
    pub(super) fn new(
        info: &Info,
        scale: u32,
        Fitted { size: output, part, before, within, .. }: Fitted,
        output_of: &Output,
    ) -> Result<Geometry, Error> {
        let filter = output_of.filter;
        let across = within.left..within.left + within.width;
        let down = within.top..within.top + within.height;
        let columns = Axis::new(across, scale, output.0, (before.0, part.0), filter);
        let rows = Axis::new(down, scale, output.1, (before.1, part.1), filter);
        let mut geometry = Geometry {
            reduction: Reduction {
                window: Window {
                    left: columns.start,
                    right: columns.end,
                    top: rows.start,
                    bottom: rows.end,
                },
                factors: (columns.shrink, rows.shrink),
                size: (columns.reduced, rows.reduced),
                pick: None,
                weigh: false,
                linear: false,
            },
            crop: CropBox {
                left: columns.crop_start,
                top: rows.crop_start,
                width: columns.crop_length,
                height: rows.crop_length,
            },
            output,
        };
        if filter == Filter::Nearest {
            geometry.pick(((columns.end - columns.start), (rows.end - rows.start)));
        }
        let resamples = !geometry.is_identity();
        geometry.reduction.weigh = info.layout.has_alpha() && !info.premultiplied && resamples;
        geometry.reduction.linear = output_of.linear
            && resamples
            && geometry.reduction.pick.is_none()
            && info.layout.can_be_linearized();
        check_row(&info.scaled(scale), &geometry.reduction)?;
        geometry.check_columns(filter)?;
        Ok(geometry)
    }

    /// Picks pixels while decoding, so that nothing is left to resample.
    fn pick(&mut self, window: (u32, u32)) {
        let pick = Pick { first: (self.crop.left, self.crop.top), ratio: self.ratio(), window };
        let (width, height) = self.output;
        self.reduction.size = (width, pick.kept(height));
        self.reduction.pick = Some(pick);
        self.crop = CropBox { left: 0.0, top: 0.0, width: width.into(), height: height.into() };
    }

    /// Whether the output's pixels are those of the reduced picture.
    pub(super) fn is_identity(&self) -> bool {
        self.reduction.factors == (1, 1)
            && self.crop.width == f64::from(self.output.0)
            && self.crop.height == f64::from(self.output.1)
            && self.crop.left.fract() == 0.0
            && self.crop.top.fract() == 0.0
    }

    /// By how much the reduced picture is larger than the output, on each side.
    pub(super) fn ratio(&self) -> (f64, f64) {
        (self.crop.width / f64::from(self.output.0), self.crop.height / f64::from(self.output.1))
    }

    /// By how much the decoded picture is larger than the output, on the side where that is less.
    pub(super) fn left(&self) -> f64 {
        let (x, y) = self.ratio();
        let factors = self.reduction.factors;
        (x * f64::from(factors.0)).min(y * f64::from(factors.1))
    }

    fn check_columns(&self, filter: Filter) -> Result<(), Error> {
        if self.is_identity() {
            return Ok(());
        }
        let columns = |count| cost::coefficient_nanos(count, self.ratio().0, filter.support());
        let most = COEFFICIENT_NANOS / columns(1).max(1);
        Limit::Side.check(self.output.0.into(), most)
    }
}

/// One side of the picture.
struct Axis {
    start: u32,
    end: u32,
    shrink: u32,
    reduced: u32,
    crop_start: f64,
    crop_length: f64,
}

impl Axis {
    /// `first` and `part` are where the piece of the source begins that becomes `output`, and its
    /// length. Nothing is looked at outside of `source`. Everything is counted in what one
    /// `scale`th of the source is decoded to.
    fn new(
        source: Range<u32>,
        scale: u32,
        output: u32,
        (first, part): (f64, f64),
        filter: Filter,
    ) -> Axis {
        let decoded = source.start / scale..source.end.div_ceil(scale);
        let (first, part) = (first / f64::from(scale), part / f64::from(scale));
        let ratio = part / f64::from(output);
        let leave = if output <= SMALL_SIDE { LEAVE_SMALL } else { LEAVE };
        // Nearest picks pixels of the source itself: an average of them would be another filter.
        let shrink = if filter == Filter::Nearest { 1.0 } else { (ratio / leave).floor().max(1.0) };
        // The kernel looks past the crop box, as it would in the full picture.
        let margin = filter.support() * ratio.max(1.0) + shrink;
        let start = (first - margin).floor().max(f64::from(decoded.start));
        let end = (first + part + margin).ceil().min(f64::from(decoded.end));
        Axis {
            start: start as u32,
            end: end as u32,
            shrink: shrink as u32,
            reduced: ((end - start) / shrink).ceil() as u32,
            crop_start: (first - start) / shrink,
            crop_length: part / shrink,
        }
    }
}

/// What one row takes, decoded and summed up. A picture may be a single row of a hundred
/// megapixels.
fn check_row(info: &Info, reduction: &Reduction) -> Result<(), Error> {
    let Window { left, right, .. } = reduction.window;
    let channels = u64::from(info.layout.channels);
    // Light is held in samples of twice the size, and once more for a row.
    let times = if reduction.linear { 2 + 1 } else { 1 };
    let depth = info.layout.depth.bytes() as u64;
    let sums = u64::from(right - left) * channels * 4 * depth * times;
    let blocks = u64::from(reduction.size.0) * channels * 8;
    Limit::MaxMemory.check(info.row_bytes() as u64 * 2 + sums + blocks, MAX_UNIT_BYTES)
}

/// The coefficients of all columns are computed in one go. As a bound for output that nobody calls
/// a thumbnail, what that takes may not hold up whoever waits for the job to stop.
const COEFFICIENT_NANOS: u64 = 40_000_000;
