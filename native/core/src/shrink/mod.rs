//! The shrink by a whole factor, as rows arrive: every `fx` by `fy` source pixels become their
//! average. Only one row of sums and the reduced picture are kept.
//!
//! Columns are summed first, row by row, because that is a plain vector addition over the whole
//! width; the sums of `fx` neighbors are taken once for `fy` rows. Colors are weighed by their
//! alpha, so that what is invisible does not bleed into what is seen: a picture with alpha leaves
//! this stage premultiplied, unless nothing is going to be resampled.

mod light;
mod pick;
mod sums;

use crate::picture::{Growing, Rows, Samples, Shape, zeroed};
use crate::{Depth, Error, Layout};

use light::{Encoded, Pixels};
pub(crate) use pick::Pick;
use sums::Summed;

/// What is made of the source's rows as they arrive. Sizes and places are those of the stored
/// picture, that is before orientation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reduction {
    /// The source rows and columns that matter.
    pub window: Window,
    /// The whole factors, horizontally and vertically.
    pub factors: (u32, u32),
    /// The size of the window after it.
    pub size: (u32, u32),
    /// Set where pixels are picked instead of averaged: the reduced picture then has the output's
    /// columns, and the rows that it needs.
    pub pick: Option<Pick>,
    /// Whether colors are multiplied by their alpha on the way.
    pub weigh: bool,
    /// Whether samples are made linear light before anything else. Then they have another depth.
    pub linear: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

impl Reduction {
    /// What comes of rows of such a picture.
    pub(crate) fn shape(&self, source: &Shape) -> Shape {
        let premultiplied = source.premultiplied || self.weigh;
        let layout = if self.linear { source.layout.linearized() } else { source.layout };
        Shape { width: self.size.0, height: self.size.1, layout, premultiplied }
    }

    fn depth(&self, source: Layout) -> Depth {
        if self.linear { source.linearized().depth } else { source.depth }
    }

    /// The bytes that it holds: the reduced picture, and the sums of one row of blocks: of columns,
    /// at most four times as wide as a sample, and of blocks.
    pub(crate) fn memory(&self, source: &Shape) -> u64 {
        let reduced = self.shape(source).bytes();
        if self.pick.is_some() || (self.factors, self.weigh, self.linear) == ((1, 1), false, false)
        {
            return reduced;
        }
        let channels = u64::from(source.layout.channels);
        let columns = u64::from(self.window.right - self.window.left) * channels;
        let blocks = u64::from(self.size.0) * channels;
        let depth = self.depth(source.layout).bytes() as u64;
        let line = if self.linear { columns * depth } else { 0 };
        reduced + columns * 4 * depth + blocks * 8 + line
    }
}

/// The picture between decoding and what is done to it then.
pub(crate) struct Shrink {
    reducer: Reducer,
    reduction: Reduction,
    layout: Layout,
    /// Whether colors come multiplied by their alpha.
    premultiplied: bool,
    /// A row as linear light.
    line: Samples,
    source_width: u32,
    source_height: u32,
    /// Whether the last row comes first.
    bottom_up: bool,
    /// How many source rows have arrived.
    arrived: u32,
}

enum Reducer {
    U8(Sums<u8>),
    U16(Sums<u16>),
    F32(Sums<f32>),
}

struct Sums<S: Summed> {
    /// Zeroed no further than rows have arrived.
    reduced: Growing<S>,
    scratch: Scratch<S>,
}

/// The sums of one row of blocks in the making.
struct Scratch<S: Summed> {
    /// One sum a column and channel, of at most `S::ROWS` rows.
    columns: Vec<S::Column>,
    weighed: Vec<S::Weighed>,
    /// One sum a block and channel.
    blocks: Vec<S::Block>,
    rows_in_columns: u32,
    rows_in_blocks: u32,
}

impl Shrink {
    /// For rows of a `source`, of which the last may come first.
    pub(crate) fn new(
        source: &Shape,
        reduction: Reduction,
        bottom_up: bool,
    ) -> Result<Self, Error> {
        let channels = usize::from(source.layout.channels);
        let len = reduction.size.0 as usize * reduction.size.1 as usize * channels;
        let depth = reduction.depth(source.layout);
        let reducer = match depth {
            Depth::U8 => {
                Reducer::U8(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() })
            }
            Depth::U16 => {
                Reducer::U16(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() })
            }
            Depth::F32 => {
                Reducer::F32(Sums { reduced: Growing::new(len)?, scratch: Scratch::empty() })
            }
        };
        Ok(Shrink {
            reducer,
            reduction,
            layout: source.layout,
            premultiplied: source.premultiplied,
            line: Samples::zeroed(depth, 0)?,
            source_width: source.width,
            source_height: source.height,
            bottom_up,
            arrived: 0,
        })
    }

    /// Takes a step towards being ready for rows. `true` when it is: at once, unless the last row
    /// comes first.
    pub(crate) fn prepare(&mut self) -> bool {
        !self.bottom_up
            || match &mut self.reducer {
                Reducer::U8(sums) => sums.reduced.grow(),
                Reducer::U16(sums) => sums.reduced.grow(),
                Reducer::F32(sums) => sums.reduced.grow(),
            }
    }

    /// The rows that matter, in the order in which they arrive.
    fn wanted(&self) -> std::ops::Range<u32> {
        let Window { top, bottom, .. } = self.reduction.window;
        if self.bottom_up {
            self.source_height - bottom..self.source_height - top
        } else {
            top..bottom
        }
    }

    /// How many rows are to arrive until none that comes after them matters.
    pub(crate) fn missing(&self) -> u32 {
        self.wanted().end.saturating_sub(self.arrived)
    }

    /// Takes the next rows.
    ///
    /// They have just been decoded and are in the cache of this core, and adding them up takes a
    /// tenth of what decoding took: sharing that out would gain nothing.
    pub(crate) fn push(&mut self, rows: Rows<'_>) -> Result<(), Error> {
        let channels = usize::from(self.layout.channels);
        let row_len = self.source_width as usize * channels;
        let arrived = self.arrived..self.arrived + (rows.len() / row_len) as u32;
        self.arrived = arrived.end;
        let wanted = self.wanted();
        let first = wanted.start.max(arrived.start);
        let last = wanted.end.min(arrived.end);
        if first >= last {
            return Ok(());
        }
        let range =
            (first - arrived.start) as usize * row_len..(last - arrived.start) as usize * row_len;
        let Reduction { window, factors, size, pick, weigh, .. } = &self.reduction;
        let work = Work {
            first_row: first - wanted.start,
            rows_in_window: window.bottom - window.top,
            bottom_up: self.bottom_up,
            row_len,
            left: window.left as usize * channels,
            width: (window.right - window.left) as usize * channels,
            channels,
            fx: factors.0,
            fy: factors.1,
            reduced: *size,
            weigh: *weigh,
            pick: pick.as_ref(),
        };
        let pixels =
            Pixels { channels, alpha: self.layout.has_alpha(), premultiplied: self.premultiplied };
        match (&mut self.reducer, rows.slice(range)) {
            (Reducer::U8(sums), Rows::U8(rows)) => work.run(sums, rows),
            (Reducer::U16(sums), Rows::U16(rows)) => work.run(sums, rows),
            (Reducer::F32(sums), Rows::F32(rows)) => work.run(sums, rows),
            (Reducer::U16(sums), Rows::U8(rows)) => {
                let line = grown(&mut self.line, work.width)?;
                work.run_light(sums, rows, bytemuck::try_cast_slice_mut(line)?, pixels)
            }
            (Reducer::F32(sums), Rows::U16(rows)) => {
                let line = grown(&mut self.line, work.width)?;
                work.run_light(sums, rows, bytemuck::try_cast_slice_mut(line)?, pixels)
            }
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

/// As bytes, once there is one.
fn grown(line: &mut Samples, len: usize) -> Result<&mut [u8], Error> {
    let depth = match line {
        Samples::U8(_) => Depth::U8,
        Samples::U16(_) => Depth::U16,
        Samples::F32(_) => Depth::F32,
    };
    if line.bytes().len() != len * depth.bytes() {
        *line = Samples::zeroed(depth, len)?;
    }
    Ok(line.bytes_mut())
}

/// One batch of rows. Lengths and offsets along a row are counted in samples.
#[derive(Clone, Copy)]
struct Work<'a> {
    /// The first row of the batch, counted from the first in the window to arrive.
    first_row: u32,
    rows_in_window: u32,
    bottom_up: bool,
    row_len: usize,
    left: usize,
    width: usize,
    channels: usize,
    fx: u32,
    fy: u32,
    reduced: (u32, u32),
    weigh: bool,
    pick: Option<&'a Pick>,
}

impl Work<'_> {
    /// The rows of the batch, each with its place in the window.
    fn rows<'r, S>(&self, rows: &'r [S]) -> impl Iterator<Item = (u32, &'r [S])> {
        let (bottom_up, last) = (self.bottom_up, self.rows_in_window - 1);
        let place = move |n| if bottom_up { last - n } else { n };
        rows.chunks_exact(self.row_len).zip(self.first_row..).map(move |(row, n)| (place(n), row))
    }

    /// Row by row: `line` is a row of the window as light.
    fn run_light<E, S>(
        &self,
        sums: &mut Sums<S>,
        rows: &[E],
        line: &mut [S],
        pixels: Pixels,
    ) -> Result<(), Error>
    where
        E: Encoded<Light = S>,
        S: Summed,
    {
        let mut row_work = Work { left: 0, row_len: self.width, ..*self };
        for row in rows.chunks_exact(self.row_len) {
            pixels.light(row.get(self.left..).ok_or(Error::Internal)?, line);
            row_work.run(sums, line)?;
            row_work.first_row += 1;
        }
        Ok(())
    }

    fn run<S: Summed>(&self, sums: &mut Sums<S>, rows: &[S]) -> Result<(), Error> {
        let out_row = self.reduced.0 as usize * self.channels;
        let arrived = self.first_row + (rows.len() / self.row_len) as u32;
        let Sums { reduced, scratch } = sums;
        if let Some(pick) = self.pick {
            if !self.bottom_up {
                reduced.grow_to(pick.kept_rows_until(arrived, self.reduced.1) as usize * out_row);
            }
            self.pick(pick, reduced.get_mut(), rows);
            return Ok(());
        }
        if (self.fx, self.fy, self.weigh) == (1, 1, false) {
            for (y, row) in self.rows(rows) {
                let row = &row[self.left..][..self.width];
                let out = if self.bottom_up {
                    let out = reduced.get_mut().get_mut(y as usize * out_row..);
                    let out = &mut out.ok_or(Error::Internal)?[..out_row];
                    out.copy_from_slice(row);
                    out
                } else {
                    reduced.append(row)
                };
                S::clean(out);
            }
            return Ok(());
        }
        if !self.bottom_up {
            reduced.grow_to(arrived.div_ceil(self.fy) as usize * out_row);
        }
        let reduced = reduced.get_mut();
        scratch.prepare(self.width, out_row, self.weigh)?;

        self.add_rows(scratch, rows, reduced, out_row);
        Ok(())
    }

    /// Adds rows one after the other, and finishes each block that they complete.
    fn add_rows<S: Summed>(
        &self,
        scratch: &mut Scratch<S>,
        rows: &[S],
        reduced: &mut [S],
        out_row: usize,
    ) {
        for (y, row) in self.rows(rows) {
            self.add_row(scratch, row);
            // Blocks are counted from the top, whichever way they are filled.
            let is_last = if self.bottom_up {
                y.is_multiple_of(self.fy)
            } else {
                (y + 1).is_multiple_of(self.fy) || y + 1 == self.rows_in_window
            };
            if is_last {
                self.finish_block(
                    scratch,
                    &mut reduced[(y / self.fy) as usize * out_row..][..out_row],
                );
            }
        }
    }

    fn add_row<S: Summed>(&self, scratch: &mut Scratch<S>, row: &[S]) {
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
    fn sum_blocks<S: Summed>(&self, scratch: &mut Scratch<S>) {
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
    fn finish_block<S: Summed>(&self, scratch: &mut Scratch<S>, out: &mut [S]) {
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

    fn pick<S: Summed>(&self, pick: &Pick, reduced: &mut [S], rows: &[S]) {
        let channels = self.channels;
        let out_row = self.reduced.0 as usize * channels;
        for (y, row) in self.rows(rows) {
            let row = &row[self.left..][..self.width];
            for kept in pick.kept_rows(y, self.reduced.1) {
                let out = &mut reduced[kept as usize * out_row..][..out_row];
                for (x, pixel) in (0..).zip(out.chunks_exact_mut(channels)) {
                    pixel.copy_from_slice(&row[pick.column(x) as usize * channels..][..channels]);
                }
                S::clean(out);
            }
        }
    }
}

impl<S: Summed> Scratch<S> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(width: u32, height: u32, layout: Layout) -> Shape {
        Shape { width, height, layout, premultiplied: false }
    }

    fn reduction(window: Window, factors: (u32, u32), layout: Layout) -> Reduction {
        let size = (
            (window.right - window.left).div_ceil(factors.0),
            (window.bottom - window.top).div_ceil(factors.1),
        );
        let weigh = layout.has_alpha();
        Reduction { window, factors, size, pick: None, weigh, linear: false }
    }

    /// Every sample of every block, one after the other, in floats.
    fn naive(samples: &[f64], source: &Shape, reduction: &Reduction, full: f64) -> Vec<f64> {
        let channels = usize::from(source.layout.channels);
        let Window { left, top, right, bottom } = reduction.window;
        let (fx, fy) = reduction.factors;
        let mut out = Vec::new();
        for y in (top..bottom).step_by(fy as usize) {
            for x in (left..right).step_by(fx as usize) {
                for channel in 0..channels {
                    let mut values = Vec::new();
                    for y in y..(y + fy).min(bottom) {
                        for x in x..(x + fx).min(right) {
                            let pixel =
                                &samples[(y * source.width + x) as usize * channels..][..channels];
                            let color = source.layout.has_alpha() && channel + 1 < channels;
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
            bottom_up: bool,
            seed: u32,
        ) {
            let (width, height) = size;
            let window = Window {
                left: corner.0.min(width - 1),
                top: corner.1.min(height - 1),
                right: width,
                bottom: height,
            };
            let layout = Layout::new(channels, depth);
            let source = shape(width, height, layout);
            let reduction = reduction(window, shrink, layout);
            let random: Vec<u32> = (0..width * height * u32::from(channels))
                .map(|i| (i ^ seed).wrapping_mul(0x9E37_79B1).rotate_left(13))
                .map(|mixed| mixed.wrapping_mul(0x85EB_CA77) >> 8)
                .collect();
            let bytes: Vec<u8> = random.iter().map(|&r| r as u8).collect();
            let words: Vec<u16> = random.iter().map(|&r| r as u16).collect();
            let floats: Vec<f32> = random.iter().map(|&r| r as f32 / 16_777_216.0).collect();
            let (full, exact): (f64, Vec<f64>) = match depth {
                Depth::U8 => (255.0, bytes.iter().map(|&s| s.into()).collect()),
                Depth::U16 => (65_535.0, words.iter().map(|&s| s.into()).collect()),
                Depth::F32 => (1.0, floats.iter().map(|&s| s.into()).collect()),
            };

            let mut subject = Shrink::new(&source, reduction.clone(), bottom_up).unwrap();
            while !subject.prepare() {}
            let row = width as usize * usize::from(channels);
            let order = |rows: usize| -> Vec<usize> {
                if bottom_up { (0..rows).rev().collect() } else { (0..rows).collect() }
            };
            for arriving in order(height as usize).chunks(strip) {
                fn these<T: Copy>(from: &[T], rows: &[usize], row: usize) -> Vec<T> {
                    rows.iter().flat_map(|&y| from[y * row..][..row].iter().copied()).collect()
                }
                match depth {
                    Depth::U8 => subject.push(Rows::U8(&these(&bytes, arriving, row))),
                    Depth::U16 => subject.push(Rows::U16(&these(&words, arriving, row))),
                    Depth::F32 => subject.push(Rows::F32(&these(&floats, arriving, row))),
                }
                .unwrap();
            }
            prop_assert_eq!(subject.missing(), 0);

            let found: Vec<f64> = match subject.into_reduced() {
                Samples::U8(v) => v.into_iter().map(f64::from).collect(),
                Samples::U16(v) => v.into_iter().map(f64::from).collect(),
                Samples::F32(v) => v.into_iter().map(f64::from).collect(),
            };
            let expected = naive(&exact, &source, &reduction, full);
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
        for (layout, rows) in
            [(Layout::new(1, Depth::U8), 1_000), (Layout::new(2, Depth::U8), 70_000)]
        {
            let window = Window { left: 0, top: 0, right: 1, bottom: rows };
            let reduction = reduction(window, (1, rows), layout);
            let mut subject = Shrink::new(&shape(1, rows, layout), reduction, false).unwrap();
            subject
                .push(Rows::U8(&vec![255; rows as usize * usize::from(layout.channels)]))
                .unwrap();
            assert_eq!(
                subject.into_reduced(),
                Samples::U8(vec![255; usize::from(layout.channels)])
            );
        }
    }

    #[test]
    fn floats_that_are_no_numbers_do_not_spread() {
        let layout = Layout::new(1, Depth::F32);
        let reduction = reduction(Window { left: 0, top: 0, right: 2, bottom: 1 }, (2, 1), layout);
        let mut subject = Shrink::new(&shape(2, 1, layout), reduction, false).unwrap();
        subject.push(Rows::F32(&[f32::NAN, 1.0])).unwrap();
        assert_eq!(subject.into_reduced(), Samples::F32(vec![0.5]));
    }
}
