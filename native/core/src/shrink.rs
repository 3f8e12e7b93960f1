//! The shrink by a whole factor, as rows arrive: every `fx` by `fy` source pixels become their
//! average. Only one row of sums and the reduced picture are kept.
//!
//! Columns are summed first, row by row, because that is a plain vector addition over the whole
//! width; the sums of `fx` neighbors are taken once for `fy` rows. Colors are weighed by their
//! alpha, so that what is invisible does not bleed into what is seen: a picture with alpha leaves
//! this stage premultiplied, unless nothing is going to be resampled.

use bytemuck::Pod;

use crate::pixels::{Growing, Rows, Samples, zeroed};
use crate::plan::{Geometry, Pick, Window};
use crate::{Depth, Error, Header};

/// The picture between decoding and resampling.
pub(crate) struct Shrink {
    reducer: Reducer,
    channels: usize,
    window: Window,
    shrink: (u32, u32),
    reduced: (u32, u32),
    pick: Option<Pick>,
    alpha: Alpha,
    source_width: u32,
    /// The next source row to arrive.
    row: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpha {
    /// There is none, it is in the colors already, or pixels stay as they are.
    Leave,
    /// Multiply colors by it.
    Weigh,
}

enum Reducer {
    U8(Sums<u8>),
    U16(Sums<u16>),
    F32(Sums<f32>),
}

struct Sums<S: Sample> {
    /// Zeroed no further than rows have arrived.
    reduced: Growing<S>,
    scratch: Scratch<S>,
}

/// The sums of one row of blocks in the making.
struct Scratch<S: Sample> {
    /// One sum a column and channel, of at most `S::ROWS` rows.
    columns: Vec<S::Column>,
    weighed: Vec<S::Weighed>,
    /// One sum a block and channel.
    blocks: Vec<S::Block>,
    rows_in_columns: u32,
    rows_in_blocks: u32,
}

impl Shrink {
    pub(crate) fn new(header: &Header, geometry: &Geometry) -> Result<Self, Error> {
        let channels = usize::from(header.layout.channels);
        let len = geometry.reduced.0 as usize * geometry.reduced.1 as usize * channels;
        let reducer = match header.layout.depth {
            Depth::U8 => Reducer::U8(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() }),
            Depth::U16 => Reducer::U16(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() }),
            Depth::F32 => Reducer::F32(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() }),
        };
        let weigh = header.layout.has_alpha() && !header.premultiplied && !geometry.is_identity();
        Ok(Shrink {
            reducer,
            channels,
            window: geometry.window,
            shrink: geometry.shrink,
            reduced: geometry.reduced,
            pick: geometry.pick,
            alpha: if weigh { Alpha::Weigh } else { Alpha::Leave },
            source_width: header.width,
            row: 0,
        })
    }

    /// Whether every row that matters has arrived.
    pub(crate) fn is_complete(&self) -> bool {
        self.row >= self.window.bottom
    }

    /// Takes the next rows.
    ///
    /// They have just been decoded and are in the cache of this core, and adding them up takes a
    /// tenth of what decoding took: sharing that out would gain nothing.
    pub(crate) fn push(&mut self, rows: Rows<'_>) -> Result<(), Error> {
        let row_len = self.source_width as usize * self.channels;
        let len = match rows {
            Rows::U8(rows) => rows.len(),
            Rows::U16(rows) => rows.len(),
            Rows::F32(rows) => rows.len(),
        };
        let arrived = self.row..self.row + (len / row_len) as u32;
        self.row = arrived.end;
        // The rows that matter, counted from the first that arrived.
        let first = self.window.top.max(arrived.start);
        let last = self.window.bottom.min(arrived.end);
        if first >= last {
            return Ok(());
        }
        let range = (first - arrived.start) as usize * row_len..(last - arrived.start) as usize * row_len;
        let work = Work {
            first_row: first - self.window.top,
            rows_in_window: self.window.bottom - self.window.top,
            row_len,
            left: self.window.left as usize * self.channels,
            width: (self.window.right - self.window.left) as usize * self.channels,
            channels: self.channels,
            fx: self.shrink.0,
            fy: self.shrink.1,
            reduced: self.reduced,
            weigh: self.alpha == Alpha::Weigh,
            pick: self.pick,
        };
        match (&mut self.reducer, rows.slice(range)) {
            (Reducer::U8(sums), Rows::U8(rows)) => work.run(sums, rows),
            (Reducer::U16(sums), Rows::U16(rows)) => work.run(sums, rows),
            (Reducer::F32(sums), Rows::F32(rows)) => work.run(sums, rows),
            _ => Err(Error::Internal),
        }
    }

    pub(crate) fn into_reduced(self) -> Samples {
        match self.reducer {
            Reducer::U8(sums) => Samples::U8(sums.reduced.into_vec()),
            Reducer::U16(sums) => Samples::U16(sums.reduced.into_vec()),
            Reducer::F32(sums) => Samples::F32(sums.reduced.into_vec()),
        }
    }
}

/// One batch of rows. Lengths and offsets along a row are counted in samples.
struct Work {
    /// The first row of the batch, counted from the window's top.
    first_row: u32,
    rows_in_window: u32,
    row_len: usize,
    left: usize,
    width: usize,
    channels: usize,
    fx: u32,
    fy: u32,
    reduced: (u32, u32),
    weigh: bool,
    pick: Option<Pick>,
}

impl Work {
    fn run<S: Sample>(&self, sums: &mut Sums<S>, rows: &[S]) -> Result<(), Error> {
        let out_row = self.reduced.0 as usize * self.channels;
        let arrived = self.first_row + (rows.len() / self.row_len) as u32;
        let Sums { reduced, scratch } = sums;
        if let Some(pick) = self.pick {
            let kept = pick.kept_rows_until(arrived, self.reduced.1);
            reduced.grow_to(kept as usize * out_row);
            self.pick(pick, reduced.get_mut(), rows);
            return Ok(());
        }
        reduced.grow_to(arrived.div_ceil(self.fy) as usize * out_row);
        let reduced = reduced.get_mut();
        if (self.fx, self.fy, self.weigh) == (1, 1, false) {
            let out = reduced[self.first_row as usize * out_row..].chunks_exact_mut(out_row);
            for (out, row) in out.zip(rows.chunks_exact(self.row_len)) {
                S::copy(&row[self.left..][..self.width], out);
            }
            return Ok(());
        }
        scratch.prepare(self.width, out_row, self.weigh)?;

        self.add_rows(scratch, rows, reduced, out_row);
        Ok(())
    }

    /// Adds rows one after the other, and finishes each block that they complete.
    fn add_rows<S: Sample>(&self, scratch: &mut Scratch<S>, rows: &[S], reduced: &mut [S], out_row: usize) {
        for (y, row) in (self.first_row..).zip(rows.chunks_exact(self.row_len)) {
            self.add_row(scratch, row);
            if (y + 1).is_multiple_of(self.fy) || y + 1 == self.rows_in_window {
                self.finish_block(scratch, &mut reduced[(y / self.fy) as usize * out_row..][..out_row]);
            }
        }
    }

    fn add_row<S: Sample>(&self, scratch: &mut Scratch<S>, row: &[S]) {
        let row = &row[self.left..][..self.width];
        if scratch.rows_in_columns == S::ROWS {
            self.sum_blocks(scratch);
        }
        if self.weigh {
            match self.channels {
                2 => S::weigh::<2>(&mut scratch.weighed, row),
                _ => S::weigh::<4>(&mut scratch.weighed, row),
            }
        } else {
            S::add(&mut scratch.columns, row);
        }
        scratch.rows_in_columns += 1;
    }

    /// Moves the columns' sums into the blocks'.
    fn sum_blocks<S: Sample>(&self, scratch: &mut Scratch<S>) {
        let Scratch { columns, weighed, blocks, .. } = scratch;
        let fx = self.fx as usize;
        match (self.weigh, self.channels) {
            (true, 2) => sum_neighbors::<_, _, 2>(weighed, blocks, fx),
            (true, _) => sum_neighbors::<_, _, 4>(weighed, blocks, fx),
            (false, 1) => sum_neighbors::<_, _, 1>(columns, blocks, fx),
            (false, 2) => sum_neighbors::<_, _, 2>(columns, blocks, fx),
            (false, 3) => sum_neighbors::<_, _, 3>(columns, blocks, fx),
            (false, _) => sum_neighbors::<_, _, 4>(columns, blocks, fx),
        }
        scratch.rows_in_blocks += scratch.rows_in_columns;
        scratch.rows_in_columns = 0;
    }

    /// Writes the averages of a finished row of blocks and clears the sums.
    fn finish_block<S: Sample>(&self, scratch: &mut Scratch<S>, out: &mut [S]) {
        self.sum_blocks(scratch);
        let rows = f64::from(scratch.rows_in_blocks);
        let scale = if self.weigh { S::WEIGHED_SCALE } else { 1.0 };
        let whole = 1.0 / (rows * f64::from(self.fx) * scale);
        // The last block may be narrower.
        let columns = self.width / self.channels;
        let last = (columns - 1) % self.fx as usize + 1;
        let narrow = 1.0 / (rows * last as f64 * scale);
        let split = out.len() - self.channels;
        let (most_out, last_out) = out.split_at_mut(split);
        let (most, last) = scratch.blocks.split_at(split);
        S::average(most, most_out, whole);
        S::average(last, last_out, narrow);
        scratch.blocks.fill(S::Block::default());
        scratch.rows_in_blocks = 0;
    }

    fn pick<S: Sample>(&self, pick: Pick, reduced: &mut [S], rows: &[S]) {
        let channels = self.channels;
        let out_row = self.reduced.0 as usize * channels;
        for (y, row) in (self.first_row..).zip(rows.chunks_exact(self.row_len)) {
            let row = &row[self.left..][..self.width];
            for kept in pick.kept_rows(y, self.reduced.1) {
                let out = &mut reduced[kept as usize * out_row..][..out_row];
                for (x, pixel) in (0..).zip(out.chunks_exact_mut(channels)) {
                    S::copy(&row[pick.column(x) as usize * channels..][..channels], pixel);
                }
            }
        }
    }
}

impl<S: Sample> Scratch<S> {
    fn empty() -> Self {
        Scratch {
            columns: Vec::new(),
            weighed: Vec::new(),
            blocks: Vec::new(),
            rows_in_columns: 0,
            rows_in_blocks: 0,
        }
    }

    fn prepare(&mut self, columns: usize, blocks: usize, weigh: bool) -> Result<(), Error> {
        if self.blocks.is_empty() {
            self.blocks = zeroed(blocks)?;
            if weigh {
                self.weighed = zeroed(columns)?;
            } else {
                self.columns = zeroed(columns)?;
            }
        }
        Ok(())
    }
}

/// Adds every `fx` neighboring columns to their block and clears them.
fn sum_neighbors<C, B, const CHANNELS: usize>(columns: &mut [C], blocks: &mut [B], fx: usize)
where
    C: Copy + Default + Into<B>,
    B: Copy + std::ops::AddAssign,
{
    let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
    let (blocks, _) = blocks.as_chunks_mut::<CHANNELS>();
    for (pixels, block) in columns.chunks_mut(fx).zip(blocks) {
        let mut sums = *block;
        for pixel in pixels {
            for (sum, column) in sums.iter_mut().zip(pixel) {
                *sum += std::mem::take(column).into();
            }
        }
        *block = sums;
    }
}

/// What the sums of a kind of sample need to be exact (integers) or close (floats).
trait Sample: Pod + Send + Sync {
    type Column: Copy + Default + bytemuck::Zeroable + Into<Self::Block> + Send;
    type Weighed: Copy + Default + bytemuck::Zeroable + Into<Self::Block> + Send;
    type Block: Copy + Default + bytemuck::Zeroable + std::ops::AddAssign + Send;
    /// The rows whose sum fits into a `Column` or `Weighed`.
    const ROWS: u32;
    /// What full alpha multiplies by.
    const WEIGHED_SCALE: f64;

    fn add(columns: &mut [Self::Column], row: &[Self]);
    /// Adds colors times alpha, and alpha times full alpha. Alpha is the last channel.
    fn weigh<const CHANNELS: usize>(columns: &mut [Self::Weighed], row: &[Self]);
    /// Takes samples as they are.
    fn copy(row: &[Self], out: &mut [Self]) {
        out.copy_from_slice(row);
    }
    /// Rounds sums times `factor`.
    fn average(sums: &[Self::Block], out: &mut [Self], factor: f64);
}

impl Sample for u8 {
    type Column = u16;
    type Weighed = u32;
    type Block = u64;
    const ROWS: u32 = 257;
    const WEIGHED_SCALE: f64 = 255.0;

    fn add(columns: &mut [u16], row: &[u8]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += u16::from(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [u32], row: &[u8]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = u32::from(pixel[CHANNELS - 1]);
            for channel in 0..CHANNELS - 1 {
                column[channel] += u32::from(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += 255 * alpha;
        }
    }

    fn average(sums: &[u64], out: &mut [u8], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum as f64 * factor + 0.5) as u8;
        }
    }
}

impl Sample for u16 {
    type Column = u32;
    type Weighed = u64;
    type Block = u64;
    const ROWS: u32 = 65_537;
    const WEIGHED_SCALE: f64 = 65_535.0;

    fn add(columns: &mut [u32], row: &[u16]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += u32::from(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [u64], row: &[u16]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = u64::from(pixel[CHANNELS - 1]);
            for channel in 0..CHANNELS - 1 {
                column[channel] += u64::from(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += 65_535 * alpha;
        }
    }

    fn average(sums: &[u64], out: &mut [u16], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum as f64 * factor + 0.5) as u16;
        }
    }
}

impl Sample for f32 {
    type Column = f32;
    type Weighed = f32;
    type Block = f64;
    const ROWS: u32 = 256;
    const WEIGHED_SCALE: f64 = 1.0;

    fn add(columns: &mut [f32], row: &[f32]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += finite(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [f32], row: &[f32]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = finite(pixel[CHANNELS - 1]).clamp(0.0, 1.0);
            for channel in 0..CHANNELS - 1 {
                column[channel] += finite(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += alpha;
        }
    }

    fn copy(row: &[f32], out: &mut [f32]) {
        for (out, &sample) in out.iter_mut().zip(row) {
            *out = finite(sample);
        }
    }

    fn average(sums: &[f64], out: &mut [f32], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum * factor) as f32;
        }
    }
}

/// The brightest float that is believed. A single infinity or NaN would otherwise spread over
/// everything that the kernel touches.
const BRIGHTEST: f32 = 1e6;

fn finite(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-BRIGHTEST, BRIGHTEST) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::CropBox;
    use crate::{Format, Layout};

    fn header(width: u32, height: u32, layout: Layout) -> Header {
        Header::new(Format::Png, width, height, layout)
    }

    fn geometry(window: Window, shrink: (u32, u32)) -> Geometry {
        let reduced = (
            (window.right - window.left).div_ceil(shrink.0),
            (window.bottom - window.top).div_ceil(shrink.1),
        );
        // Half of the reduced picture, so that this is never the identity.
        let (width, height) = (f64::from(reduced.0), f64::from(reduced.1));
        Geometry {
            window,
            shrink,
            reduced,
            crop: CropBox { left: 0.0, top: 0.0, width, height },
            output: (reduced.0 + 1, reduced.1),
            pick: None,
        }
    }

    /// Every sample of every block, one after the other, in floats.
    fn naive(samples: &[f64], header: &Header, geometry: &Geometry, full: f64) -> Vec<f64> {
        let channels = usize::from(header.layout.channels);
        let Window { left, top, right, bottom } = geometry.window;
        let (fx, fy) = geometry.shrink;
        let mut out = Vec::new();
        for y in (top..bottom).step_by(fy as usize) {
            for x in (left..right).step_by(fx as usize) {
                for channel in 0..channels {
                    let mut values = Vec::new();
                    for y in y..(y + fy).min(bottom) {
                        for x in x..(x + fx).min(right) {
                            let pixel = &samples[(y * header.width + x) as usize * channels..][..channels];
                            let color = header.layout.has_alpha() && channel + 1 < channels;
                            let weight = if color { pixel[channels - 1] / full } else { 1.0 };
                            values.push(pixel[channel] * weight);
                        }
                    }
                    out.push(values.iter().sum::<f64>() / values.len() as f64);
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// However the rows are cut, the averages are the naive ones.
        #[test]
        fn averages_are_those_of_the_naive_loop(
            size in (1u32..40, 1u32..40),
            shrink in (1u32..9, 1u32..9),
            corner in (0u32..8, 0u32..8),
            channels in 1u8..=4,
            depth in prop::sample::select(vec![Depth::U8, Depth::U16, Depth::F32]),
            strip in 1usize..12,
            seed: u32,
        ) {
            let (width, height) = size;
            let window = Window {
                left: corner.0.min(width - 1),
                top: corner.1.min(height - 1),
                right: width,
                bottom: height,
            };
            let header = header(width, height, Layout::new(channels, depth));
            let geometry = geometry(window, shrink);
            let random: Vec<u32> = (0..width * height * u32::from(channels))
                .map(|i| (i ^ seed).wrapping_mul(0x9E37_79B1).rotate_left(13).wrapping_mul(0x85EB_CA77) >> 8)
                .collect();
            let bytes: Vec<u8> = random.iter().map(|&r| r as u8).collect();
            let words: Vec<u16> = random.iter().map(|&r| r as u16).collect();
            let floats: Vec<f32> = random.iter().map(|&r| r as f32 / 16_777_216.0).collect();
            let (full, exact): (f64, Vec<f64>) = match depth {
                Depth::U8 => (255.0, bytes.iter().map(|&s| s.into()).collect()),
                Depth::U16 => (65_535.0, words.iter().map(|&s| s.into()).collect()),
                Depth::F32 => (1.0, floats.iter().map(|&s| s.into()).collect()),
            };

            let mut subject = Shrink::new(&header, &geometry).unwrap();
            let len = strip * width as usize * usize::from(channels);
            let rows: Vec<Rows> = match depth {
                Depth::U8 => bytes.chunks(len).map(Rows::U8).collect(),
                Depth::U16 => words.chunks(len).map(Rows::U16).collect(),
                Depth::F32 => floats.chunks(len).map(Rows::F32).collect(),
            };
            for rows in rows {
                subject.push(rows).unwrap();
            }
            prop_assert!(subject.is_complete());

            let found: Vec<f64> = match subject.into_reduced() {
                Samples::U8(v) => v.into_iter().map(f64::from).collect(),
                Samples::U16(v) => v.into_iter().map(f64::from).collect(),
                Samples::F32(v) => v.into_iter().map(f64::from).collect(),
            };
            let expected = naive(&exact, &header, &geometry, full);
            prop_assert_eq!(found.len(), expected.len());
            let tolerance = if depth == Depth::F32 { 1e-5 } else { 0.5 + 1e-6 };
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
            }
        }
    }

    /// The sums of more rows than a column holds.
    #[test]
    fn tall_blocks_do_not_overflow() {
        for (layout, rows) in [(Layout::new(1, Depth::U8), 1_000), (Layout::new(2, Depth::U8), 70_000)] {
            let header = header(1, rows, layout);
            let window = Window { left: 0, top: 0, right: 1, bottom: rows };
            let geometry = geometry(window, (1, rows));
            let mut subject = Shrink::new(&header, &geometry).unwrap();
            subject.push(Rows::U8(&vec![255; rows as usize * usize::from(layout.channels)])).unwrap();
            assert_eq!(subject.into_reduced(), Samples::U8(vec![255; usize::from(layout.channels)]));
        }
    }

    #[test]
    fn floats_that_are_no_numbers_do_not_spread() {
        let header = header(2, 1, Layout::new(1, Depth::F32));
        let geometry = geometry(Window { left: 0, top: 0, right: 2, bottom: 1 }, (2, 1));
        let mut subject = Shrink::new(&header, &geometry).unwrap();
        subject.push(Rows::F32(&[f32::NAN, 1.0])).unwrap();
        assert_eq!(subject.into_reduced(), Samples::F32(vec![0.5]));
    }
}
