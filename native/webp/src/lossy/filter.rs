//! The loop filter (RFC 6386, section 15).
//!
//! Each macroblock is filtered as soon as it is decoded, with the last samples of those above and
//! to its left, in a small piece of memory of its own. Sixteen places along an edge are filtered at
//! a time, without branches, so that compilers make vector instructions of it.

use super::predict::Reconstruction;
use super::strength::{Strength, Thresholds};

/// Eight samples across an edge, at sixteen places along it.
type Taps = [[u8; 16]; 8];

/// A macroblock's samples begin here, behind some of the one to the left.
const LEFT: usize = 8;
/// And behind so many rows of the one above.
const ABOVE: usize = 4;

/// A macroblock and what is changed with it.
pub(super) struct Tile {
    pub(super) luma: [[u8; LEFT + 16]; ABOVE + 16],
    pub(super) chroma: [[[u8; LEFT + 8]; ABOVE + 8]; 2],
}

/// What of a macroblock is filtered.
#[derive(Clone, Copy)]
pub(super) struct Filtering {
    pub(super) strength: Strength,
    pub(super) simple: bool,
    /// The left edge, the upper edge, and those between its blocks.
    pub(super) left: bool,
    pub(super) above: bool,
    pub(super) inside: bool,
}

impl Filtering {
    pub(super) fn is_none(&self) -> bool {
        self.strength.level == 0
    }
}

impl Tile {
    pub(super) fn new() -> Self {
        Tile { luma: [[0; LEFT + 16]; ABOVE + 16], chroma: [[[0; LEFT + 8]; ABOVE + 8]; 2] }
    }

    /// Takes the next macroblock in. What was here is to the left of it.
    pub(super) fn next(&mut self, macroblock: &Reconstruction) {
        for (y, row) in self.luma[ABOVE..].iter_mut().enumerate() {
            row.copy_within(16.., 0);
            row[LEFT..].copy_from_slice(macroblock.luma_row(y));
        }
        for (i, plane) in self.chroma.iter_mut().enumerate() {
            for (y, row) in plane[ABOVE..].iter_mut().enumerate() {
                row.copy_within(8.., 0);
                row[LEFT..].copy_from_slice(macroblock.chroma_row(i, y));
            }
        }
    }

    pub(super) fn filter(&mut self, filtering: Filtering) {
        let (outer, inner) = (filtering.strength.outer(), filtering.strength.inner());
        if filtering.simple {
            self.filter_simply(filtering, outer, inner);
            return;
        }
        if filtering.left {
            self.luma_across_columns::<LEFT>(|taps| filter_outer(taps, outer));
            self.chroma_across_columns::<LEFT>(|taps| filter_outer(taps, outer));
        }
        if filtering.inside {
            self.luma_across_columns::<{ LEFT + 4 }>(|taps| filter_inner(taps, inner));
            self.luma_across_columns::<{ LEFT + 8 }>(|taps| filter_inner(taps, inner));
            self.luma_across_columns::<{ LEFT + 12 }>(|taps| filter_inner(taps, inner));
            self.chroma_across_columns::<{ LEFT + 4 }>(|taps| filter_inner(taps, inner));
        }
        if filtering.above {
            self.luma_across_rows::<ABOVE>(|taps| filter_outer(taps, outer));
            self.chroma_across_rows::<ABOVE>(|taps| filter_outer(taps, outer));
        }
        if filtering.inside {
            self.luma_across_rows::<{ ABOVE + 4 }>(|taps| filter_inner(taps, inner));
            self.luma_across_rows::<{ ABOVE + 8 }>(|taps| filter_inner(taps, inner));
            self.luma_across_rows::<{ ABOVE + 12 }>(|taps| filter_inner(taps, inner));
            self.chroma_across_rows::<{ ABOVE + 4 }>(|taps| filter_inner(taps, inner));
        }
    }

    fn filter_simply(&mut self, filtering: Filtering, outer: Thresholds, inner: Thresholds) {
        if filtering.left {
            self.luma_across_columns::<LEFT>(|taps| filter_simply(taps, outer));
        }
        if filtering.inside {
            self.luma_across_columns::<{ LEFT + 4 }>(|taps| filter_simply(taps, inner));
            self.luma_across_columns::<{ LEFT + 8 }>(|taps| filter_simply(taps, inner));
            self.luma_across_columns::<{ LEFT + 12 }>(|taps| filter_simply(taps, inner));
        }
        if filtering.above {
            self.luma_across_rows::<ABOVE>(|taps| filter_simply(taps, outer));
        }
        if filtering.inside {
            self.luma_across_rows::<{ ABOVE + 4 }>(|taps| filter_simply(taps, inner));
            self.luma_across_rows::<{ ABOVE + 8 }>(|taps| filter_simply(taps, inner));
            self.luma_across_rows::<{ ABOVE + 12 }>(|taps| filter_simply(taps, inner));
        }
    }

    /// Filters across the edge to the left of column `X`.
    #[inline(always)]
    fn luma_across_columns<const X: usize>(&mut self, filter: impl Fn(&mut Taps)) {
        let mut rows = [0; 128];
        for (to, row) in rows.as_chunks_mut::<8>().0.iter_mut().zip(&self.luma[ABOVE..]) {
            to.copy_from_slice(&row[X - 4..X + 4]);
        }
        let rows = filter_columns(&rows, filter);
        for (from, row) in rows.as_chunks::<8>().0.iter().zip(&mut self.luma[ABOVE..]) {
            row[X - 4..X + 4].copy_from_slice(from);
        }
    }

    /// The same of both planes of chroma at once.
    #[inline(always)]
    fn chroma_across_columns<const X: usize>(&mut self, filter: impl Fn(&mut Taps)) {
        let mut rows = [0; 128];
        let planes = self.chroma.iter().flat_map(|plane| &plane[ABOVE..]);
        for (to, row) in rows.as_chunks_mut::<8>().0.iter_mut().zip(planes) {
            to.copy_from_slice(&row[X - 4..X + 4]);
        }
        let rows = filter_columns(&rows, filter);
        let planes = self.chroma.iter_mut().flat_map(|plane| &mut plane[ABOVE..]);
        for (from, row) in rows.as_chunks::<8>().0.iter().zip(planes) {
            row[X - 4..X + 4].copy_from_slice(from);
        }
    }

    /// Filters across the edge above row `Y`.
    #[inline(always)]
    fn luma_across_rows<const Y: usize>(&mut self, filter: impl Fn(&mut Taps)) {
        let mut taps = [[0; 16]; 8];
        for (tap, row) in taps.iter_mut().zip(&self.luma[Y - 4..Y + 4]) {
            tap.copy_from_slice(&row[LEFT..]);
        }
        filter(&mut taps);
        for (tap, row) in taps.iter().zip(&mut self.luma[Y - 4..Y + 4]) {
            row[LEFT..].copy_from_slice(tap);
        }
    }

    #[inline(always)]
    fn chroma_across_rows<const Y: usize>(&mut self, filter: impl Fn(&mut Taps)) {
        let [u, v] = &mut self.chroma;
        let mut taps = [[0; 16]; 8];
        for ((tap, u), v) in taps.iter_mut().zip(&u[Y - 4..Y + 4]).zip(&v[Y - 4..Y + 4]) {
            tap[..8].copy_from_slice(&u[LEFT..]);
            tap[8..].copy_from_slice(&v[LEFT..]);
        }
        filter(&mut taps);
        for ((tap, u), v) in taps.iter().zip(&mut u[Y - 4..Y + 4]).zip(&mut v[Y - 4..Y + 4]) {
            u[LEFT..].copy_from_slice(&tap[..8]);
            v[LEFT..].copy_from_slice(&tap[8..]);
        }
    }
}

/// Filters across the middle of sixteen rows of eight samples.
#[inline(always)]
fn filter_columns(rows: &[u8; 128], filter: impl Fn(&mut Taps)) -> [u8; 128] {
    // To shuffle is to turn the bits of each sample's place around by one: with four for the row
    // and three for the tap, they change places after four times, and change back after three more.
    let mut columns = shuffle(&shuffle(&shuffle(&shuffle(rows))));
    if let Some(taps) = columns.as_chunks_mut::<16>().0.first_chunk_mut() {
        filter(taps);
    }
    shuffle(&shuffle(&shuffle(&columns)))
}

/// Takes samples from either half by turns.
#[inline(always)]
fn shuffle(samples: &[u8; 128]) -> [u8; 128] {
    let mut shuffled = [0; 128];
    let (a, b) = samples.split_at(64);
    for ((to, a), b) in shuffled.as_chunks_mut::<2>().0.iter_mut().zip(a).zip(b) {
        *to = [*a, *b];
    }
    shuffled
}

#[inline(always)]
fn clamp(value: i16) -> i16 {
    value.clamp(-128, 127)
}

/// Filters at each place along an edge.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "a loop over places is what becomes vectors")]
fn along(taps: &mut Taps, filter: impl Fn([i16; 8]) -> [i16; 8]) {
    for i in 0..16 {
        let filtered = filter(taps.each_ref().map(|tap| i16::from(tap[i])));
        for (tap, sample) in taps.iter_mut().zip(filtered) {
            tap[i] = sample.clamp(0, 255) as u8;
        }
    }
}

impl Thresholds {
    /// Whether the difference at the edge is small enough to be one of quantization.
    #[inline(always)]
    fn is_smooth(self, [_, _, p1, p0, q0, q1, _, _]: [i16; 8]) -> bool {
        (p0 - q0).abs() * 2 + (p1 - q1).abs() / 2 <= self.edge
    }

    /// Whether those to either side of it are so too.
    #[inline(always)]
    fn is_smooth_around(self, taps @ [p3, p2, p1, p0, q0, q1, q2, q3]: [i16; 8]) -> bool {
        self.is_smooth(taps)
            & ((p3 - p2).abs() <= self.interior)
            & ((p2 - p1).abs() <= self.interior)
            & ((p1 - p0).abs() <= self.interior)
            & ((q1 - q0).abs() <= self.interior)
            & ((q2 - q1).abs() <= self.interior)
            & ((q3 - q2).abs() <= self.interior)
    }

    #[inline(always)]
    fn is_varied(self, [_, _, p1, p0, q0, q1, _, _]: [i16; 8]) -> bool {
        ((p1 - p0).abs() > self.high_variance) | ((q1 - q0).abs() > self.high_variance)
    }
}

/// The filter of frames that have the simple one.
#[inline(never)]
fn filter_simply(taps: &mut Taps, thresholds: Thresholds) {
    along(taps, |taps @ [p3, p2, p1, p0, q0, q1, q2, q3]| {
        let change = clamp(clamp(p1 - q1) + 3 * (q0 - p0));
        let change = if thresholds.is_smooth(taps) { change } else { 0 };
        [p3, p2, p1, p0 + (clamp(change + 3) >> 3), q0 - (clamp(change + 4) >> 3), q1, q2, q3]
    });
}

/// The filter between macroblocks.
#[inline(never)]
fn filter_outer(taps: &mut Taps, thresholds: Thresholds) {
    along(taps, |taps @ [p3, p2, p1, p0, q0, q1, q2, q3]| {
        let change = clamp(clamp(p1 - q1) + 3 * (q0 - p0));
        let change = if thresholds.is_smooth_around(taps) { change } else { 0 };
        // One of them is zero, and what comes of zero is zero.
        let narrow = if thresholds.is_varied(taps) { change } else { 0 };
        let wide = change - narrow;
        let (w0, w1, w2) = ((27 * wide + 63) >> 7, (18 * wide + 63) >> 7, (9 * wide + 63) >> 7);
        let (p0, q0) = (p0 + w0 + (clamp(narrow + 3) >> 3), q0 - w0 - (clamp(narrow + 4) >> 3));
        [p3, p2 + w2, p1 + w1, p0, q0, q1 - w1, q2 - w2, q3]
    });
}

/// The filter between the blocks of a macroblock.
#[inline(never)]
fn filter_inner(taps: &mut Taps, thresholds: Thresholds) {
    along(taps, |taps @ [p3, p2, p1, p0, q0, q1, q2, q3]| {
        let is_varied = thresholds.is_varied(taps);
        let outer = if is_varied { clamp(p1 - q1) } else { 0 };
        let change = clamp(outer + 3 * (q0 - p0));
        let change = if thresholds.is_smooth_around(taps) { change } else { 0 };
        let second = clamp(change + 4) >> 3;
        let half = if is_varied { 0 } else { (second + 1) >> 1 };
        [p3, p2, p1 + half, p0 + (clamp(change + 3) >> 3), q0 - second, q1 - half, q2, q3]
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_signed(sample: u8) -> i32 {
        i32::from(sample) - 128
    }

    fn to_sample(value: i32) -> u8 {
        (value.clamp(-128, 127) + 128) as u8
    }

    /// As RFC 6386 has it: one place, step by step.
    fn naive(taps: [u8; 8], level: u8, interior: u8, high_variance: u8, kind: &str) -> [u8; 8] {
        let c = |value: i32| value.clamp(-128, 127);
        let edge =
            (i32::from(level) + if kind == "outer" { 2 } else { 0 }) * 2 + i32::from(interior);
        let [.., p1, p0, q0, q1, _, _] = taps;
        let step = i32::from(p0.abs_diff(q0)) * 2 + i32::from(p1.abs_diff(q1)) / 2;
        let inside = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7)];
        let is_rough = inside.iter().any(|&(a, b)| taps[a].abs_diff(taps[b]) > interior);
        if step > edge || (kind != "simple" && is_rough) {
            return taps;
        }
        let is_varied = p1.abs_diff(p0) > high_variance || q1.abs_diff(q0) > high_variance;
        let mut out = taps;
        let [_, p2, p1, p0, q0, q1, q2, _] = taps.map(to_signed);
        if kind == "outer" && !is_varied {
            let w = c(c(p1 - q1) + 3 * (q0 - p0));
            for (factor, p, q, i) in [(27, p0, q0, 0), (18, p1, q1, 1), (9, p2, q2, 2)] {
                let a = c((factor * w + 63) >> 7);
                out[3 - i] = to_sample(p + a);
                out[4 + i] = to_sample(q - a);
            }
            return out;
        }
        let uses_outer = kind != "inner" || is_varied;
        let a = c((if uses_outer { c(p1 - q1) } else { 0 }) + 3 * (q0 - p0));
        let (b, a) = (c(a + 3) >> 3, c(a + 4) >> 3);
        out[3] = to_sample(p0 + b);
        out[4] = to_sample(q0 - a);
        if !uses_outer {
            let a = (a + 1) >> 1;
            out[2] = to_sample(p1 + a);
            out[5] = to_sample(q1 - a);
        }
        out
    }

    #[test]
    fn filters_are_as_the_specification_has_them() {
        let mut state = 1u64;
        let mut below = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let mut changed = 0;
        for _ in 0..20_000 {
            let (level, sharpness) = (1 + below(63) as u8, below(8) as u8);
            let strength = Strength::new(level, sharpness);
            // A walk by steps about as large as the limits, up or down.
            let most = 1 + below(u64::from(strength.interior) + 5);
            let (slope, mut value) = (below(3) as i64 - 1, below(256) as i64);
            let mut place = || {
                [(); 8].map(|()| {
                    let step = below(most + 1) as i64;
                    value += if slope == 0 { step - most as i64 / 2 } else { step * slope };
                    value = value.clamp(0, 255);
                    value as u8
                })
            };
            let places: [[u8; 8]; 16] = [(); 16].map(|()| place());
            for kind in ["simple", "outer", "inner"] {
                let mut taps: Taps = std::array::from_fn(|tap| places.map(|place| place[tap]));
                match kind {
                    "simple" => filter_simply(&mut taps, strength.inner()),
                    "outer" => filter_outer(&mut taps, strength.outer()),
                    _ => filter_inner(&mut taps, strength.inner()),
                }
                for (i, place) in places.iter().enumerate() {
                    let expected =
                        naive(*place, level, strength.interior, strength.high_variance, kind);
                    assert_eq!(
                        taps.map(|tap| tap[i]),
                        expected,
                        "{kind} of {place:?}, {strength:?}"
                    );
                    changed += usize::from(expected != *place);
                }
            }
        }
        assert!(changed > 150_000, "{changed}");
    }
}
