//! What a job holds, in native bytes, before it holds it. Each stage's largest moment is added up
//! from what the plan says; the encoder counts its own output as it grows.

use crate::decode::RowSource;
use crate::plan::{Geometry, Plan};
use crate::resample::{Bands, support};
use crate::{Depth, Layout};

/// Look-up tables, states of decompressors, and what else does not grow with the picture.
const FIXED: u64 = 256 << 10;

/// What a decoder holds on top where it is shared out, and for each thread: JPEG's pieces of
/// samples.
pub(crate) const SHARED: u64 = 1 << 20;
pub(crate) const SHARED_BY_THREAD: u64 = 8 << 20;

/// The most that a job holds at any one time on one thread. `strip_rows` is how many rows are
/// decoded at a time.
pub(crate) fn needed(source: &dyn RowSource, plan: &Plan, strip_rows: u64) -> u64 {
    let strip = strip_rows.saturating_mul(plan.header.row_bytes() as u64);
    let reduced = reduced(plan);
    let decode = [source.memory(), strip, reduced, sums(plan)];
    let resample = [reduced, output(plan), band(plan)];
    let sum = |parts: [u64; 4]| parts.into_iter().fold(FIXED, u64::saturating_add);
    let [a, b, c] = resample;
    sum(decode).max(sum([a, b, c, 0]))
}

/// What one thread takes for a band of the resampling: its coefficients, the picture between its
/// two passes, and the rows before and after their conversion.
pub(crate) fn band(plan: &Plan) -> u64 {
    let Geometry { output: (width, _), reduced, .. } = plan.geometry;
    let layout = plan.header.layout;
    let rows = Bands::new(layout, &plan.geometry, plan.filter).rows.into();
    let row = |width: u32, layout: Layout| u64::from(width) * layout.pixel_bytes() as u64;
    let rows_out = (row(width, layout) + row(width, plan.output_layout)) * rows;
    if plan.geometry.is_identity() {
        return rows_out;
    }
    let (across, down) = plan.geometry.ratio();
    let taps = |ratio: f64| (2.0 * support(plan.filter) * ratio.max(1.0)).ceil() as u64 + 2;
    // A float and its integer for each, and where they start.
    let coefficients = |length: u64, ratio: f64| length * (taps(ratio) * 12 + 32);
    // Integers go through the vertical pass first, at the full width; all others through the
    // horizontal one, of all the rows that the band looks at.
    let between = match layout.depth {
        Depth::U8 => row(reduced.0, layout) * rows,
        _ => row(width, layout) * ((rows as f64 * down) as u64 + taps(down) + 1),
    };
    coefficients(width.into(), across) + coefficients(rows, down) + between + rows_out
}

pub(crate) fn output(plan: &Plan) -> u64 {
    let (width, height) = plan.geometry.output;
    u64::from(width) * u64::from(height) * plan.output_layout.pixel_bytes() as u64
}

pub(crate) fn reduced(plan: &Plan) -> u64 {
    let (width, height) = plan.geometry.reduced;
    u64::from(width) * u64::from(height) * plan.header.layout.pixel_bytes() as u64
}

/// The sums of one row of blocks: of columns, at most four times as wide as a sample, and of
/// blocks.
fn sums(plan: &Plan) -> u64 {
    if plan.geometry.is_identity() || plan.geometry.pick.is_some() {
        return 0;
    }
    let channels = u64::from(plan.header.layout.channels);
    let columns = u64::from(plan.geometry.window.right - plan.geometry.window.left) * channels;
    let blocks = u64::from(plan.geometry.reduced.0) * channels;
    columns * 4 * plan.header.layout.depth.bytes() as u64 + blocks * 8
}
