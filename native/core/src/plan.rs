//! What will be done with a picture, decided by arithmetic on its header alone.

use bytes::Bytes;

use crate::limits::{Limit, MAX_ROW_BYTES};
use crate::probe::{probe, swaps_sides};
use crate::resample::support;
use crate::{Error, Filter, Fit, Format, Header, Layout, Request, Road, Scheduler, cost, encode};

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

/// Everything that is decided before a pixel is decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The output as shown.
    pub width: u32,
    pub height: u32,
    /// The output's format.
    pub format: Format,
    /// Source pixels that become one while decoding, horizontally and vertically, as shown.
    pub decode_scale: (u32, u32),
    /// Estimated cost.
    pub costs: Costs,
    /// Where the work starts, and why there.
    pub road: Road,
    pub reason: Reason,

    /// The source, decoded at one `scale`th of its size.
    pub(crate) header: Header,
    pub(crate) scale: u32,
    pub(crate) geometry: Geometry,
    /// What is given to the encoder.
    pub(crate) output_layout: Layout,
    pub(crate) filter: Filter,
    pub(crate) quality: u8,
}

/// Estimated microseconds of one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    pub decode: u64,
    pub resample: u64,
    pub encode: u64,
}

impl Costs {
    pub fn total(&self) -> u64 {
        self.decode + self.resample + self.encode
    }
}

/// Why the plan takes its road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The caller named the scheduler.
    Asked,
    /// The estimated cost is within the yield limit.
    WithinYieldLimit,
    /// The estimated cost is above the yield limit.
    AboveYieldLimit,
    /// Several threads decode it in less time than one.
    Shared,
}

/// Sizes and places in the stored picture, that is before orientation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Geometry {
    /// The source rows and columns that the output depends on.
    pub window: Window,
    /// The whole factors of the box shrink.
    pub shrink: (u32, u32),
    /// The size of the window after it.
    pub reduced: (u32, u32),
    /// The part of the reduced picture that becomes the output.
    pub crop: CropBox,
    /// The output's size.
    pub output: (u32, u32),
    /// Set where pixels are picked instead of averaged: the reduced picture then has the output's
    /// columns, and the rows that it needs.
    pub pick: Option<Pick>,
}

/// Which source pixel each output pixel takes, counted from the window's corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pick {
    first: (f64, f64),
    ratio: (f64, f64),
    window: (u32, u32),
    /// How many output rows there are, where the last one arrives first.
    bottom_up_rows: Option<u32>,
}

impl Pick {
    pub(crate) fn column(&self, x: u32) -> u32 {
        Self::source(x, self.first.0, self.ratio.0, self.window.0)
    }

    fn row(&self, y: u32) -> u32 {
        let source = |y| Self::source(y, self.first.1, self.ratio.1, self.window.1);
        // Halves are rounded as they would be from the top.
        self.bottom_up_rows.map_or_else(|| source(y), |rows| self.window.1 - 1 - source(rows - 1 - y))
    }

    fn source(output: u32, first: f64, ratio: f64, length: u32) -> u32 {
        ((first + (f64::from(output) + 0.5) * ratio) as u32).min(length - 1)
    }

    /// Whether output rows are taken from fewer source rows. Then those are kept as they are, and
    /// an output row looks its own up; otherwise every output row keeps its own.
    fn repeats_rows(&self) -> bool {
        self.ratio.1 < 1.0
    }

    /// How many rows are kept for an output of `height` rows.
    fn kept(&self, height: u32) -> u32 {
        if self.repeats_rows() { self.window.1 } else { height }
    }

    /// The kept row that output row `y` is.
    pub(crate) fn kept_row(&self, y: u32) -> u32 {
        if self.repeats_rows() { self.row(y) } else { y }
    }

    /// The kept rows, of `kept`, that are source row `y`.
    pub(crate) fn kept_rows(&self, y: u32, kept: u32) -> std::ops::Range<u32> {
        if self.repeats_rows() {
            return y..y + 1;
        }
        let start = self.kept_rows_until(y, kept);
        let mut end = start;
        while end < kept && self.row(end) == y {
            end += 1;
        }
        start..end
    }

    /// How many kept rows, of `kept`, come from source rows before `y`.
    pub(crate) fn kept_rows_until(&self, y: u32, kept: u32) -> u32 {
        if self.repeats_rows() {
            return y.min(kept);
        }
        let guess = ((f64::from(y) - self.first.1) / self.ratio.1 - 1.5).max(0.0) as u32;
        let mut until = guess.min(kept);
        while until < kept && self.row(until) < y {
            until += 1;
        }
        until
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CropBox {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Geometry {
    /// Whether the reduced picture is the output already, pixel for pixel.
    pub(crate) fn is_identity(&self) -> bool {
        self.shrink == (1, 1)
            && self.crop.width == f64::from(self.output.0)
            && self.crop.height == f64::from(self.output.1)
            && self.crop.left.fract() == 0.0
            && self.crop.top.fract() == 0.0
    }

    pub(crate) fn ratio(&self) -> (f64, f64) {
        (self.crop.width / f64::from(self.output.0), self.crop.height / f64::from(self.output.1))
    }
}

impl Plan {
    /// Reads the header of an encoded picture and plans with it.
    ///
    /// # Errors
    /// Those of [`probe`] and [`Plan::new`].
    pub fn of(input: Bytes, request: &Request) -> Result<Plan, Error> {
        Plan::new(&probe(input, &request.limits)?, request)
    }

    /// Decides on size, crop, decode scale, format and road.
    ///
    /// # Errors
    /// [`Error::Limit`] where the source or the output is larger than allowed.
    pub fn new(header: &Header, request: &Request) -> Result<Plan, Error> {
        request.limits.check_size(header.width, header.height)?;
        let upright = header.upright();
        let (size, part) = fit(upright, request)?;
        request.limits.check_size(size.0, size.1)?;

        let swap = swaps_sides(header.orientation);
        let turn = |(a, b)| if swap { (b, a) } else { (a, b) };
        let (output, part) = if swap { ((size.1, size.0), (part.1, part.0)) } else { (size, part) };
        let nearest = request.filter == Filter::Nearest;
        let scale = if header.scales && !nearest { decode_scale(part, output) } else { 1 };
        let columns = Axis::new(header.width, scale, output.0, part.0, request.filter);
        let mut rows = Axis::new(header.height, scale, output.1, part.1, request.filter);
        let header = &header.scaled(scale);
        let first_row = rows.crop_start;
        if header.bottom_up {
            rows = rows.mirrored(header.height);
        }
        let window_size = (columns.end - columns.start, rows.end - rows.start);
        let mut geometry = Geometry {
            window: Window { left: columns.start, right: columns.end, top: rows.start, bottom: rows.end },
            shrink: (columns.shrink, rows.shrink),
            reduced: (columns.reduced, rows.reduced),
            crop: CropBox {
                left: columns.crop_start,
                width: columns.crop_length,
                top: rows.crop_start,
                height: rows.crop_length,
            },
            output,
            pick: None,
        };
        if nearest {
            let pick = Pick {
                first: (geometry.crop.left, first_row),
                ratio: geometry.ratio(),
                window: window_size,
                bottom_up_rows: header.bottom_up.then_some(output.1),
            };
            geometry.reduced = (output.0, pick.kept(output.1));
            geometry.pick = Some(pick);
            geometry.crop =
                CropBox { left: 0.0, top: 0.0, width: f64::from(output.0), height: f64::from(output.1) };
        }

        check_row(header, &geometry)?;
        check_columns(&geometry, request.filter)?;

        let format = request.format.unwrap_or_else(|| default_format(header, size));
        Limit::Side.check(size.0.max(size.1).into(), format.max_side().into())?;
        Limit::MaxPixels.check(pixels(size), format.max_pixels())?;
        let output_layout = encode::layout(format, header.layout);
        let costs = costs(header, &geometry, format, output_layout, request.filter);
        let (road, reason) = route(header, &costs, request);
        Ok(Plan {
            width: size.0,
            height: size.1,
            format,
            decode_scale: turn((scale * geometry.shrink.0, scale * geometry.shrink.1)),
            costs,
            road,
            reason,
            header: *header,
            scale,
            geometry,
            output_layout,
            filter: request.filter,
            quality: request.quality,
        })
    }
}

impl Plan {
    /// By how much the decoded picture is larger than the output, on the side where that is less.
    pub(crate) fn left(&self) -> f64 {
        let (x, y) = self.geometry.ratio();
        let shrink = self.geometry.shrink;
        (x * f64::from(shrink.0)).min(y * f64::from(shrink.1))
    }
}

/// The output's size, and the width and height of the centered part of the source that it shows.
type Fitted = ((u32, u32), (f64, f64));

fn fit(source: (u32, u32), request: &Request) -> Result<Fitted, Error> {
    let (width, height) = (f64::from(source.0), f64::from(source.1));
    let whole = (width, height);
    let most = if request.enlarge { f64::INFINITY } else { 1.0 };
    let scaled = |scale: f64| -> Result<(u32, u32), Error> {
        let side = |side: f64| (side * scale).round().max(1.0);
        let pixels = side(width) * side(height);
        // Checked in floats: a free side can overflow u32.
        Limit::MaxPixels.check(pixels as u64, request.limits.max_pixels)?;
        Ok((side(width) as u32, side(height) as u32))
    };
    let (w, h) = match (request.width, request.height) {
        (None, None) => return Ok((source, whole)),
        (Some(w), None) => return Ok((scaled((f64::from(w) / width).min(most))?, whole)),
        (None, Some(h)) => return Ok((scaled((f64::from(h) / height).min(most))?, whole)),
        (Some(w), Some(h)) => (w, h),
    };
    let (across, down) = (f64::from(w) / width, f64::from(h) / height);
    Ok(match request.fit {
        Fit::Contain => (scaled(across.min(down).min(most))?, whole),
        Fit::Fill if request.enlarge => ((w, h), whole),
        Fit::Fill => ((w.min(source.0), h.min(source.1)), whole),
        Fit::Cover => {
            let scale = across.max(down).min(most);
            // Without enlarging, a box larger than the picture on one side keeps the picture's.
            let visible = |side: u32, of: f64| {
                let full = (of * scale).round().max(1.0);
                if f64::from(side) >= full { full as u32 } else { side }
            };
            let size = if request.enlarge { (w, h) } else { (visible(w, width), visible(h, height)) };
            let part = |side: u32, of: f64| (f64::from(side) / scale).min(of);
            (size, (part(size.0, width), part(size.1, height)))
        }
    })
}

/// The largest of the factors that the decoder can shrink by which leaves enough on both sides.
fn decode_scale(part: (f64, f64), output: (u32, u32)) -> u32 {
    let ratio = (part.0 / f64::from(output.0)).min(part.1 / f64::from(output.1));
    let factor = DECODED.into_iter().find(|&(factor, leave)| ratio >= f64::from(factor) * leave);
    factor.map_or(1, |(factor, _)| factor)
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
    /// `part` is the length of the centered piece of `source` that becomes `output`. Everything is
    /// counted in what one `scale`th of the source is decoded to.
    fn new(source: u32, scale: u32, output: u32, part: f64, filter: Filter) -> Axis {
        let decoded = source.div_ceil(scale);
        // The last column may stand for fewer of the source's.
        let (source, part) = (f64::from(source) / f64::from(scale), part / f64::from(scale));
        let ratio = part / f64::from(output);
        let leave = if output <= SMALL_SIDE { LEAVE_SMALL } else { LEAVE };
        // Nearest picks pixels of the source itself: an average of them would be another filter.
        let shrink = if filter == Filter::Nearest { 1.0 } else { (ratio / leave).floor().max(1.0) };
        let first = (source - part) / 2.0;
        // The kernel looks past the crop box, as it would in the full picture.
        let margin = support(filter) * ratio.max(1.0) + shrink;
        let start = (first - margin).floor().max(0.0);
        let end = (first + part + margin).ceil().min(f64::from(decoded));
        Axis {
            start: start as u32,
            end: end as u32,
            shrink: shrink as u32,
            reduced: ((end - start) / shrink).ceil() as u32,
            crop_start: (first - start) / shrink,
            crop_length: part / shrink,
        }
    }

    /// The same piece of `decoded` rows, counted from the last one. It is centered, and so begins as
    /// far from there as it did from the first.
    fn mirrored(self, decoded: u32) -> Axis {
        let start = decoded - self.end;
        let moved = f64::from(self.start) - f64::from(start);
        Axis {
            start,
            end: decoded - self.start,
            crop_start: self.crop_start + moved / f64::from(self.shrink),
            ..self
        }
    }
}

/// What one row takes, decoded and summed up. A picture may be a single row of a hundred
/// megapixels.
fn check_row(header: &Header, geometry: &Geometry) -> Result<(), Error> {
    let Window { left, right, .. } = geometry.window;
    let channels = u64::from(header.layout.channels);
    let sums = u64::from(right - left) * channels * 4 * header.layout.depth.bytes() as u64;
    let blocks = u64::from(geometry.reduced.0) * channels * 8;
    Limit::DecodedBytes.check(header.row_bytes() as u64 * 2 + sums + blocks, MAX_ROW_BYTES)
}

/// The coefficients of all columns are computed in one go. As a bound for output that nobody calls
/// a thumbnail, what that takes may not hold up whoever waits for the job to stop.
const COEFFICIENT_NANOS: u64 = 40_000_000;

fn check_columns(geometry: &Geometry, filter: Filter) -> Result<(), Error> {
    if geometry.is_identity() {
        return Ok(());
    }
    let columns = |count| cost::coefficient_nanos(count, geometry.ratio().0, support(filter));
    let most = COEFFICIENT_NANOS / columns(1).max(1);
    Limit::Side.check(geometry.output.0.into(), most)
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The source's format where it can hold the output, else JPEG, or PNG for alpha.
fn default_format(header: &Header, (width, height): (u32, u32)) -> Format {
    let fits = width.max(height) <= header.format.max_side()
        && pixels((width, height)) <= header.format.max_pixels();
    if header.format.is_writable() && fits {
        header.format
    } else if header.layout.has_alpha() {
        Format::Png
    } else {
        Format::Jpeg
    }
}

fn costs(
    header: &Header,
    geometry: &Geometry,
    format: Format,
    output_layout: Layout,
    filter: Filter,
) -> Costs {
    // Rows below the window are never decoded.
    let decoded = geometry.window.bottom;
    let decode = (u128::from(header.decode_nanos) * u128::from(decoded) / u128::from(header.height)) as u64;
    let Window { left, right, top, bottom } = geometry.window;
    let shrink = cost::shrink_nanos(u64::from(right - left) * u64::from(bottom - top), header.layout);
    let resample = if geometry.is_identity() {
        0
    } else {
        cost::resample_nanos(geometry.output, geometry.ratio(), support(filter), header.layout)
            + cost::coefficient_nanos(geometry.output.0, geometry.ratio().0, support(filter))
            + cost::coefficient_nanos(geometry.output.1, geometry.ratio().1, support(filter))
            + cost::finish_nanos(geometry.output.0, header.layout) * u64::from(geometry.output.1)
    };
    let encode = cost::encode_nanos(format, geometry.output, output_layout);
    Costs { decode: (decode + shrink) / 1_000, resample: resample / 1_000, encode: encode / 1_000 }
}

fn route(header: &Header, costs: &Costs, request: &Request) -> (Road, Reason) {
    match request.scheduler {
        Scheduler::Normal => (Road::Yielding, Reason::Asked),
        Scheduler::Dirty => (Road::Dirty, Reason::Asked),
        Scheduler::Auto if costs.total() > request.yield_limit => (Road::Dirty, Reason::AboveYieldLimit),
        Scheduler::Auto if header.shares && costs.decode > request.share_limit => {
            (Road::Dirty, Reason::Shared)
        }
        Scheduler::Auto => (Road::Yielding, Reason::WithinYieldLimit),
    }
}
