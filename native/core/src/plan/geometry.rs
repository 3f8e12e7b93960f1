//! Which part of the source becomes what part of the output.

use std::ops::Range;

use image::metadata::Orientation;

use super::fit::{Area, Fitted};
use crate::limits::{Limit, MAX_UNIT_BYTES};
use crate::ops::{CropBox, Filter};
use crate::picture::{side_swaps, sides_turn};
use crate::shrink::{Pick, Reduction, Window};
use crate::{Error, Info, cost};

/// What the last resampling is left with at least, on each side, after the whole-factor shrink. On
/// photographs at 400 pixels, 2 keeps 48 dB against a single Lanczos pass over the full picture,
/// and 1.5 loses 4 dB of that. The smaller the thumbnail, the more the box average shows (42 dB at
/// 50 pixels) and the less it costs to leave more to the filter: a tenth of a millisecond at
/// `SMALL_SIDE`.
const LEAVE: f64 = 2.0;
const LEAVE_SMALL: f64 = 3.0;
const SMALL_SIDE: u32 = 256;

/// The pixels that are left of a side at least, if the source has as many. The last average of a
/// side is often one of fewer pixels, and counts as much as the others: of three, that is too much.
const LEAVE_PIXELS: f64 = 24.0;

/// The factors that a decoder itself can shrink by, and what each leaves at least. A transform to
/// fewer samples keeps more than an average does: with these, no photograph at hand comes out below
/// 46 dB, most are above 50. At 1/8, which is an average again, 1.7 would leave 44.5. The last are
/// the pixels that are left, as above; the last of a smaller factor is less wrong.
const DECODED: [(u32, f64, f64); 3] = [(8, 1.9, LEAVE_PIXELS), (4, 1.7, 12.0), (2, 1.7, 10.0)];

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
pub(super) fn stored(
    (width, height): (u32, u32),
    orientation: Orientation,
    fitted: Fitted,
) -> Fitted {
    let Fitted { size, part, before, within, kept, canvas } =
        if side_swaps(orientation) { swapped(fitted) } else { fitted };
    let turn = |part, before| turn_sides((width, height), orientation, part, before);
    let around = (within.width.into(), within.height.into());
    let (left, top) = turn(around, (within.left.into(), within.top.into()));
    let within = Area { left: left as u32, top: top as u32, ..within };
    Fitted { size, part, before: turn(part, before), within, kept, canvas }
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

/// How much lies before a part, counted from the other end of each side that turns.
fn turn_sides(
    (width, height): (u32, u32),
    orientation: Orientation,
    part: (f64, f64),
    before: (f64, f64),
) -> (f64, f64) {
    let turns = sides_turn(orientation);
    let from = |turns: bool, side: u32, part: f64, before: f64| {
        if turns { f64::from(side) - part - before } else { before }
    };
    (from(turns.0, width, part.0, before.0), from(turns.1, height, part.1, before.1))
}

/// The part of the picture that an output shows, as shown, if that is not all of it.
pub(super) fn crop(info: &Info, stored: Fitted) -> Option<CropBox> {
    let Fitted { part, before, .. } = stored;
    let before = turn_sides((info.width, info.height), info.orientation, part, before);
    let (part, before) = if side_swaps(info.orientation) {
        ((part.1, part.0), (before.1, before.0))
    } else {
        (part, before)
    };
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
    let is_left = |part: f64, output: u32, (factor, leave, pixels): (u32, f64, f64)| {
        let factor = f64::from(factor);
        part / f64::from(output) >= factor * leave && part / factor >= pixels
    };
    let factor = DECODED
        .into_iter()
        .find(|&scale| is_left(part.0, output.0, scale) && is_left(part.1, output.1, scale));
    factor.map_or(1, |(factor, ..)| factor)
}

impl Geometry {
    /// Of a picture that is decoded at one `scale`th of its size.
    pub(super) fn new(
        info: &Info,
        scale: u32,
        Fitted { size: output, part, before, within, .. }: Fitted,
        (filter, linear): (Filter, bool),
    ) -> Result<Geometry, Error> {
        let across = (info.width, within.left..within.left + within.width);
        let down = (info.height, within.top..within.top + within.height);
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
        geometry.reduction.linear = linear
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
        check_columns(self.output.0, self.ratio().0, filter)
    }
}

/// Whether the coefficients of so many columns are computed in a bounded time.
pub(super) fn check_columns(width: u32, ratio: f64, filter: Filter) -> Result<(), Error> {
    let most = COEFFICIENT_NANOS / cost::coefficient_nanos(1, ratio, filter.support()).max(1);
    Limit::Side.check(width.into(), most)
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
        (source, within): (u32, Range<u32>),
        scale: u32,
        output: u32,
        (first, part): (f64, f64),
        filter: Filter,
    ) -> Axis {
        let (lower, upper) = whole_pixels(source, within, scale);
        let (first, part) = (first / f64::from(scale), part / f64::from(scale));
        let (first, part) = narrowed((first, part), (lower, upper));
        let ratio = part / f64::from(output);
        let leave = if output <= SMALL_SIDE { LEAVE_SMALL } else { LEAVE };
        let leave = leave.max(LEAVE_PIXELS / f64::from(output));
        // Nearest picks pixels of the source itself: an average of them would be another filter.
        let shrink = if filter == Filter::Nearest { 1.0 } else { (ratio / leave).floor().max(1.0) };
        // The kernel looks past the crop box, as it would in the full picture.
        let margin = filter.support() * ratio.max(1.0) + shrink;
        let start = (first - margin).floor().max(lower);
        let end = (first + part + margin).ceil().min(upper);
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

/// Between which pixels of what is decoded nothing is seen of what lies outside of `within`: none
/// that lies in it in part, but for the last of the picture.
fn whole_pixels(source: u32, within: Range<u32>, scale: u32) -> (f64, f64) {
    let end = source.div_ceil(scale).into();
    let scaled = |at: u32| f64::from(at) / f64::from(scale);
    let Range { start: lower, end: upper } = within;
    let (first, last) = (scaled(lower).ceil(), scaled(upper).floor());
    let last = if upper < source { last } else { end };
    if first < last { (first, last) } else { (scaled(lower).floor(), scaled(upper).ceil()) }
}

/// A part without what lies outside.
fn narrowed((first, part): (f64, f64), (lower, upper): (f64, f64)) -> (f64, f64) {
    let (from, to) = (first.max(lower), (first + part).min(upper));
    // What is less than this is but the rounding of a sum.
    if from > first || to < first + part - 1e-6 { (from, to - from) } else { (first, part) }
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
