//! The predictor transform: each pixel is the difference from what its neighbors suggest.

use super::lanes::{Pixel, add, add_subtract, add_subtract_half, average, pack, select, unpack};

/// What a pixel without neighbors is predicted to be.
const BLACK: u32 = 0xff00_0000;

/// The modes of all tiles, a byte each.
pub(super) struct Predictor {
    pub(super) bits: u32,
    /// Tiles in a row.
    pub(super) tiles: usize,
    pub(super) modes: Vec<u8>,
}

impl Predictor {
    /// Undoes the `y`th row. `above` is the row before, undone, and one pixel more.
    pub(super) fn undo(&self, row: &mut [u32], above: &mut [u32], y: usize) {
        let width = row.len();
        if y == 0 {
            row[0] = sum(row[0], BLACK);
            left_only(row, 1, width);
        } else {
            row[0] = sum(row[0], above[0]);
            // To the right above the last pixel is what follows in memory: the first of this row.
            above[width] = row[0];
            let modes = &self.modes[(y >> self.bits) * self.tiles..][..self.tiles];
            let mut tile = 0;
            while tile < modes.len() {
                let first = tile;
                while tile < modes.len() && modes[tile] == modes[first] {
                    tile += 1;
                }
                let (from, to) = ((first << self.bits).max(1), (tile << self.bits).min(width));
                undo_mode(modes[first], row, above, from, to);
            }
        }
        above[..width].copy_from_slice(row);
    }
}

/// Undoes one mode in part of a row, from the second pixel on at the earliest.
fn undo_mode(mode: u8, row: &mut [u32], above: &[u32], from: usize, to: usize) {
    if from >= to {
        return;
    }
    // Pixels above, and to the left and right of them.
    let (tl, t, tr) = (&above[from - 1..to - 1], &above[from..to], &above[from + 1..=to]);
    let chain = &mut row[from - 1..to];
    match mode {
        1 => left_only(row, from, to),
        2 => each(&mut chain[1..], t, t, |t, _| t),
        3 => each(&mut chain[1..], tr, tr, |tr, _| tr),
        4 => each(&mut chain[1..], tl, tl, |tl, _| tl),
        5 => along(chain, tl, t, tr, |l, _, t, tr| average(average(l, tr), t)),
        6 => along(chain, tl, t, tr, |l, tl, _, _| average(l, tl)),
        7 => along(chain, tl, t, tr, |l, _, t, _| average(l, t)),
        8 => each(&mut chain[1..], tl, t, mean),
        9 => each(&mut chain[1..], t, tr, mean),
        10 => along(chain, tl, t, tr, |l, tl, t, tr| average(average(l, tl), average(t, tr))),
        11 => along(chain, tl, t, tr, |l, tl, t, _| select(l, tl, t)),
        12 => along(chain, tl, t, tr, |l, tl, t, _| add_subtract(l, tl, t)),
        13 => along(chain, tl, t, tr, |l, tl, t, _| add_subtract_half(average(l, t), tl)),
        // Modes 14 and 15 do not exist; libwebp takes them for this.
        _ => each(&mut chain[1..], t, t, |_, _| BLACK),
    }
}

/// Predicts by the pixel to the left.
fn left_only(row: &mut [u32], from: usize, to: usize) {
    let mut left = unpack(row[from - 1]);
    for pixel in &mut row[from..to] {
        left = add(unpack(*pixel), left);
        *pixel = pack(left);
    }
}

/// Predicts by two pixels of the row above.
#[inline(always)]
fn each(row: &mut [u32], a: &[u32], b: &[u32], predict: impl Fn(u32, u32) -> u32) {
    for ((pixel, &a), &b) in row.iter_mut().zip(a).zip(b) {
        *pixel = sum(*pixel, predict(a, b));
    }
}

/// Predicts by the pixel to the left (the first of `chain` is there for that alone) and three
/// above.
#[inline(always)]
fn along(
    chain: &mut [u32],
    tl: &[u32],
    t: &[u32],
    tr: &[u32],
    predict: impl Fn(Pixel, Pixel, Pixel, Pixel) -> Pixel,
) {
    let Some((&mut first, row)) = chain.split_first_mut() else { return };
    let mut left = unpack(first);
    for (((pixel, &tl), &t), &tr) in row.iter_mut().zip(tl).zip(t).zip(tr) {
        left = add(unpack(*pixel), predict(left, unpack(tl), unpack(t), unpack(tr)));
        *pixel = pack(left);
    }
}

/// The sums of four colors, each by itself.
#[inline(always)]
pub(super) fn sum(a: u32, b: u32) -> u32 {
    let odd = (a & 0x00ff_00ff).wrapping_add(b & 0x00ff_00ff) & 0x00ff_00ff;
    let even = (a & 0xff00_ff00).wrapping_add(b & 0xff00_ff00) & 0xff00_ff00;
    odd | even
}

/// The averages of four colors, rounded down.
#[inline(always)]
fn mean(a: u32, b: u32) -> u32 {
    (((a ^ b) & 0xfefe_fefe) >> 1) + (a & b)
}
