//! Prediction from what is above and to the left (RFC 6386, section 12), and reconstruction.
//!
//! It goes by samples as they are before the loop filter, which are kept for the purpose: a row of
//! them above each macroblock, and the macroblock to the left.

use super::modes::{Luma, Mode, SubMode};
use super::tokens::Coefficients;
use super::transform::{Filled, residuals};

/// The last row of a macroblock.
#[derive(Clone, Copy)]
pub(super) struct Above {
    pub(super) luma: [u8; 16],
    pub(super) chroma: [[u8; 8]; 2],
}

/// What is above the first row of macroblocks.
pub(super) const ABOVE_ALL: u8 = 127;
/// What is to the left of the first column of them.
const LEFT_OF_ALL: u8 = 129;

/// Where samples begin in a row. What is to their left ends here.
const LEFT: usize = 8;
const LUMA_END: usize = LEFT + 16;

/// A macroblock in the making, below the row above it and to the right of the column to its left.
pub(super) struct Reconstruction {
    /// Samples go on for another four to the right: what is above the next macroblock, also in the
    /// rows that are above blocks.
    luma: [[u8; 32]; 17],
    chroma: [[[u8; 16]; 9]; 2],
}

impl Reconstruction {
    pub(super) fn new() -> Self {
        Reconstruction { luma: [[ABOVE_ALL; 32]; 17], chroma: [[[ABOVE_ALL; 16]; 9]; 2] }
    }

    /// Goes on to the first macroblock of a row.
    pub(super) fn start_row(&mut self, first: bool) {
        let corner = if first { ABOVE_ALL } else { LEFT_OF_ALL };
        for (y, row) in self.luma.iter_mut().enumerate() {
            row[LUMA_END - 1] = if y == 0 { corner } else { LEFT_OF_ALL };
        }
        for (y, row) in self.chroma.iter_mut().flat_map(|plane| plane.iter_mut().enumerate()) {
            row[LEFT + 7] = if y == 0 { corner } else { LEFT_OF_ALL };
        }
    }

    /// Goes on to the next macroblock of the row, below `above` and `right`.
    pub(super) fn next(&mut self, above: &Above, right: [u8; 4]) {
        for row in &mut self.luma {
            row[LEFT - 1] = row[LUMA_END - 1];
        }
        for row in self.chroma.as_flattened_mut() {
            row[LEFT - 1] = row[LEFT + 7];
        }
        self.luma[0][LEFT..LUMA_END].copy_from_slice(&above.luma);
        for y in [0, 4, 8, 12] {
            self.luma[y][LUMA_END..LUMA_END + 4].copy_from_slice(&right);
        }
        for (plane, above) in self.chroma.iter_mut().zip(&above.chroma) {
            plane[0][LEFT..].copy_from_slice(above);
        }
    }

    /// The last row.
    pub(super) fn last_row(&self) -> Above {
        let chroma = |plane: usize| std::array::from_fn(|x| self.chroma[plane][8][LEFT + x]);
        Above {
            luma: std::array::from_fn(|x| self.luma[16][LEFT + x]),
            chroma: [chroma(0), chroma(1)],
        }
    }

    #[inline(always)]
    pub(super) fn luma_row(&self, y: usize) -> &[u8; 16] {
        let (_, from) = self.luma[y + 1].split_at(LEFT);
        from.first_chunk().unwrap_or(&[0; 16])
    }

    #[inline(always)]
    pub(super) fn chroma_row(&self, plane: usize, y: usize) -> &[u8; 8] {
        let (_, from) = self.chroma[plane][y + 1].split_at(LEFT);
        from.first_chunk().unwrap_or(&[0; 8])
    }

    /// `is_inside` says whether there are macroblocks to the left and above.
    pub(super) fn luma(&mut self, mode: &Luma, coefficients: &Coefficients, is_inside: [bool; 2]) {
        if let Luma::Whole(mode) = mode {
            predict::<16, 32, 17>(&mut self.luma, *mode, is_inside);
        }
        let groups = coefficients.groups.iter().zip(&coefficients.filled);
        for (y, (group, &filled)) in groups.take(4).enumerate() {
            if let Luma::Blocks(modes) = mode {
                let residuals = residuals(group, filled);
                for (x, &mode) in modes[y].iter().enumerate() {
                    self.block(mode, x, y, &residuals);
                }
            } else if filled != Filled::Nothing {
                let rows = self.luma[1 + 4 * y..].iter_mut();
                for (row, residuals) in rows.zip(residuals(group, filled)) {
                    add::<16>(&mut row[LEFT..], &residuals);
                }
            }
        }
    }

    pub(super) fn chroma(&mut self, mode: Mode, coefficients: &Coefficients, is_inside: [bool; 2]) {
        for (i, plane) in self.chroma.iter_mut().enumerate() {
            predict::<8, 16, 9>(plane, mode, is_inside);
            let filled = coefficients.filled[4 + i];
            if filled != Filled::Nothing {
                // Two blocks are above the two others.
                for (y, row) in residuals(&coefficients.groups[4 + i], filled).iter().enumerate() {
                    let (upper, lower) = row.split_at(8);
                    add::<8>(&mut plane[1 + y][LEFT..], upper);
                    add::<8>(&mut plane[5 + y][LEFT..], lower);
                }
            }
        }
    }

    /// Predicts and reconstructs a block of luma.
    #[inline(always)]
    fn block(&mut self, mode: SubMode, x: usize, y: usize, residuals: &[[i16; 16]; 4]) {
        let (column, row) = (LEFT + 4 * x, 4 * y);
        let above: [u8; 9] = std::array::from_fn(|i| self.luma[row][column - 1 + i]);
        let left: [u8; 4] = std::array::from_fn(|i| self.luma[row + 1 + i][column - 1]);
        let block = predict_block(mode, above, left);
        let rows = self.luma[row + 1..row + 5].iter_mut();
        for ((row, mut samples), residuals) in rows.zip(block).zip(residuals) {
            add::<4>(&mut samples, &residuals[4 * x..]);
            row[column..column + 4].copy_from_slice(&samples);
        }
    }
}

/// Adds residuals to `N` samples.
#[inline(always)]
fn add<const N: usize>(samples: &mut [u8], residuals: &[i16]) {
    for (sample, residual) in samples[..N].iter_mut().zip(&residuals[..N]) {
        *sample = residual.saturating_add(i16::from(*sample)).clamp(0, 255) as u8;
    }
}

/// Predicts `N` by `N` samples in one piece.
fn predict<const N: usize, const W: usize, const H: usize>(
    plane: &mut [[u8; W]; H],
    mode: Mode,
    [has_left, has_above]: [bool; 2],
) {
    let [above, rows @ ..] = plane.as_mut_slice() else { return };
    let corner = i16::from(above[LEFT - 1]);
    let above: [u8; N] = std::array::from_fn(|x| above[LEFT + x]);
    match mode {
        Mode::Dc => {
            let sum_above: u32 = above.iter().map(|&sample| u32::from(sample)).sum();
            let sum_left: u32 = rows.iter().map(|row| u32::from(row[LEFT - 1])).sum();
            let n = N as u32;
            let dc = match (has_left, has_above) {
                (true, true) => (sum_left + sum_above + n) / (2 * n),
                (true, false) => (sum_left + n / 2) / n,
                (false, true) => (sum_above + n / 2) / n,
                (false, false) => 128,
            };
            for row in rows {
                row[LEFT..LEFT + N].fill(dc as u8);
            }
        }
        Mode::Vertical => {
            for row in rows {
                row[LEFT..LEFT + N].copy_from_slice(&above);
            }
        }
        Mode::Horizontal => {
            for row in rows {
                let left = row[LEFT - 1];
                row[LEFT..LEFT + N].fill(left);
            }
        }
        Mode::TrueMotion => {
            for row in rows {
                let change = i16::from(row[LEFT - 1]) - corner;
                for (sample, &above) in row[LEFT..LEFT + N].iter_mut().zip(&above) {
                    *sample = (i16::from(above) + change).clamp(0, 255) as u8;
                }
            }
        }
    }
}

#[inline(always)]
fn average2(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

#[inline(always)]
fn average3(a: u8, b: u8, c: u8) -> u8 {
    ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8
}

/// The averages of each three neighbors.
#[inline(always)]
fn smooth<const N: usize>(edge: &[u8], from: usize) -> [u8; N] {
    std::array::from_fn(|i| average3(edge[from + i], edge[from + i + 1], edge[from + i + 2]))
}

/// The averages of each two neighbors.
#[inline(always)]
fn halve<const N: usize>(edge: &[u8], from: usize) -> [u8; N] {
    std::array::from_fn(|i| average2(edge[from + i], edge[from + i + 1]))
}

/// Predicts 4x4 samples. `above` starts at the corner, and goes on to above the next block.
fn predict_block(mode: SubMode, above: [u8; 9], left: [u8; 4]) -> [[u8; 4]; 4] {
    let [corner, a0, a1, a2, a3, ..] = above;
    let [l0, l1, l2, l3] = left;
    // From the lower left to the upper right.
    let edge = [l3, l2, l1, l0, corner, a0, a1, a2, a3];
    match mode {
        SubMode::Dc => {
            let sum: u16 = [a0, a1, a2, a3, l0, l1, l2, l3].map(u16::from).iter().sum();
            [[((sum + 4) >> 3) as u8; 4]; 4]
        }
        SubMode::TrueMotion => left.map(|left| {
            let change = i16::from(left) - i16::from(corner);
            [a0, a1, a2, a3].map(|above| (i16::from(above) + change).clamp(0, 255) as u8)
        }),
        SubMode::Vertical => [smooth(&above, 0); 4],
        SubMode::Horizontal => {
            let [h0, h1, h2] = smooth(&[corner, l0, l1, l2, l3], 0);
            [h0, h1, h2, average3(l2, l3, l3)].map(|sample| [sample; 4])
        }
        SubMode::LeftDown => {
            let [d0, d1, d2, d3, d4, d5] = smooth(&above, 1);
            let d6 = average3(above[7], above[8], above[8]);
            [[d0, d1, d2, d3], [d1, d2, d3, d4], [d2, d3, d4, d5], [d3, d4, d5, d6]]
        }
        SubMode::RightDown => {
            let [d0, d1, d2, d3, d4, d5, d6] = smooth(&edge, 0);
            [[d3, d4, d5, d6], [d2, d3, d4, d5], [d1, d2, d3, d4], [d0, d1, d2, d3]]
        }
        SubMode::VerticalRight => {
            let [h0, h1, h2, h3] = halve(&edge, 4);
            let [s0, s1, s2, s3, s4, s5] = smooth(&edge, 1);
            [[h0, h1, h2, h3], [s2, s3, s4, s5], [s1, h0, h1, h2], [s0, s2, s3, s4]]
        }
        SubMode::VerticalLeft => {
            let [h0, h1, h2, h3] = halve(&above, 1);
            let [s0, s1, s2, s3, s4, s5] = smooth(&above, 1);
            [[h0, h1, h2, h3], [s0, s1, s2, s3], [h1, h2, h3, s4], [s1, s2, s3, s5]]
        }
        SubMode::HorizontalDown => {
            let [h0, h1, h2, h3] = halve(&edge, 0);
            let [s0, s1, s2, s3, s4, s5] = smooth(&edge, 0);
            [[h3, s3, s4, s5], [h2, s2, h3, s3], [h1, s1, h2, s2], [h0, s0, h1, s1]]
        }
        SubMode::HorizontalUp => {
            let [h0, h1, h2] = halve(&left, 0);
            let [s0, s1] = smooth(&left, 0);
            let s2 = average3(l2, l3, l3);
            [[h0, s0, h1, s1], [h1, s1, h2, s2], [h2, s2, l3, l3], [l3; 4]]
        }
    }
}
