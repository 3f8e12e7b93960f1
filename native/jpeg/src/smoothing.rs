//! Progressive pictures that end early: the lowest coefficients that no scan brought are estimated
//! from the averages of the blocks around, as T.81 proposes in K.8 and libjpeg-turbo does since
//! 2.1.

use std::ops::Range;

use crate::block::ZIGZAG;
use crate::coefficients::Coefficients;
use crate::frame::Frame;

/// Positions that are estimated, that of the average among them.
const COUNT: usize = 10;

/// Averages of a block and those around it, row by row, are multiplied by these and divided by 256.
type Weights = [[i8; 5]; 5];

/// By position, where no other coefficient is known.
#[rustfmt::skip]
const FROM_AVERAGES: [Weights; COUNT - 1] = [
    [
        [-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3], [-3, 13, 0, -13, 3],
        [-1, -1, 0, 1, 1],
    ],
    [[-1, -3, -3, -3, -1], [-1, 13, 38, 13, -1], [0; 5], [1, -13, -38, -13, 1], [1, 3, 3, 3, 1]],
    [[0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0], [0, 2, 7, 2, 0], [0, 0, 1, 0, 0]],
    [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], [0; 5], [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]],
    [[0; 5], [0, 2, -5, 2, 0], [1, 7, -14, 7, 1], [0, 2, -5, 2, 0], [0; 5]],
    [[0; 5], [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], [0; 5]],
    [[0; 5], [0, 1, -3, 1, 0], [0; 5], [0, -1, 3, -1, 0], [0; 5]],
    [[0; 5], [0, 1, 0, -1, 0], [0, -3, 0, 3, 0], [0, 1, 0, -1, 0], [0; 5]],
    [[0; 5], [0, 1, 2, 1, 0], [0; 5], [0, -1, -2, -1, 0], [0; 5]],
];

/// The average itself, where no other coefficient is known.
const AVERAGE: [[i16; 5]; 5] = [
    [-2, -6, -8, -6, -2],
    [-6, 6, 42, 6, -6],
    [-8, 42, 152, 42, -8],
    [-6, 6, 42, 6, -6],
    [-2, -6, -8, -6, -2],
];

/// By position, where others are known.
const BESIDE_OTHERS: [Weights; 5] = [
    [[0; 5], [0; 5], [-7, 50, 0, -50, 7], [0; 5], [0; 5]],
    [[0, 0, -7, 0, 0], [0, 0, 50, 0, 0], [0; 5], [0, 0, -50, 0, 0], [0, 0, 7, 0, 0]],
    [[0, 0, -1, 0, 0], [0, 0, 13, 0, 0], [0, 0, -24, 0, 0], [0, 0, 13, 0, 0], [0, 0, -1, 0, 0]],
    [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], [0; 5], [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]],
    [[0; 5], [0; 5], [-1, 13, -24, 13, -1], [0; 5], [0; 5]],
];

/// The bits that are missing of a coefficient that no scan brought.
const ALL: u8 = u8::MAX;

/// On its way through the blocks of a picture.
#[derive(Debug)]
pub(crate) struct Smoothing {
    /// Quantizers by component and position.
    quantizers: Vec<[i64; COUNT]>,
    /// Blocks of each component that show, in each direction.
    sizes: Vec<(usize, usize)>,
    component: usize,
    row: usize,
    column: usize,
    /// The averages of a row of blocks as they were, of the two rows before and of this one.
    before: [Vec<i16>; 2],
    current: Vec<i16>,
}

impl Smoothing {
    /// `None` where nothing that would be estimated is missing, or not even averages are known.
    /// `quantizers` are those of each component.
    pub(crate) fn new(
        frame: &Frame,
        stores: &[Coefficients],
        quantizers: &[Option<[u16; 64]>],
    ) -> Option<Self> {
        let missing = |store: &Coefficients| store.missing[1..COUNT].iter().any(|&bits| bits != 0);
        let is_known = |store: &Coefficients| store.missing[0] != ALL;
        if !stores.iter().all(is_known) || !stores.iter().any(missing) {
            return None;
        }
        let lowest = |table: &Option<[u16; 64]>| {
            let table = table.as_ref()?;
            let lowest: [i64; COUNT] =
                std::array::from_fn(|k| i64::from(table[usize::from(ZIGZAG[k])]));
            lowest.iter().all(|&quantizer| quantizer != 0).then_some(lowest)
        };
        let size = |component| {
            let (across, down) = frame.blocks(component);
            (across as usize, down as usize)
        };
        Some(Smoothing {
            quantizers: quantizers.iter().map(lowest).collect::<Option<_>>()?,
            sizes: frame.components.iter().map(size).collect(),
            component: 0,
            row: 0,
            column: 0,
            before: [Vec::new(), Vec::new()],
            current: Vec::new(),
        })
    }

    /// What it takes at the most.
    pub(crate) fn bytes(&self) -> u64 {
        let across = self.sizes.iter().map(|(across, _)| *across).max().unwrap_or(0);
        (across * size_of::<i16>() * 3) as u64
    }

    /// Goes over at most `most` (not 0) more blocks of a row. `false` once it is through.
    pub(crate) fn advance(&mut self, stores: &mut [Coefficients], most: usize) -> bool {
        let (Some(store), Some(&(across, down))) =
            (stores.get_mut(self.component), self.sizes.get(self.component))
        else {
            return false;
        };
        if self.column == 0 {
            self.current.clear();
            self.current.extend((0..across).map(|x| average(store, self.row, x)));
        }
        let end = across.min(self.column.saturating_add(most));
        self.smooth(store, self.column..end, down);
        self.column = end % across;
        if self.column == 0 {
            self.row += 1;
            self.before.rotate_right(1);
            if let Some(before) = self.before.first_mut() {
                std::mem::swap(before, &mut self.current);
            }
        }
        if self.row == down {
            (self.row, self.component) = (0, self.component + 1);
        }
        true
    }

    fn smooth(&self, store: &mut Coefficients, columns: Range<usize>, down: usize) {
        let (quantizers, y) = (self.quantizers[self.component], self.row);
        let missing = if y < store.sound_rows { store.missing } else { store.missing_before };
        if missing[1..COUNT].iter().all(|&bits| bits == 0) {
            return;
        }
        let alone = missing[1..COUNT].iter().all(|&bits| bits == ALL);
        let class = store.scaled.class;
        let last = self.current.len().saturating_sub(1);
        for x in columns {
            let around: [[i64; 5]; 5] = std::array::from_fn(|dy| {
                std::array::from_fn(|dx| {
                    let x = (x + dx).saturating_sub(2).min(last);
                    let dc = match dy {
                        0 if y > 1 => self.before[1][x],
                        0 | 1 if y > 0 => self.before[0][x],
                        0..=2 => self.current[x],
                        _ if y + 1 >= down => self.current[x],
                        _ => average(store, (y + dy - 2).min(down - 1), x),
                    };
                    i64::from(dc)
                })
            });
            let Some(row) = store.rows.get_mut(y) else { return };
            let Some(block) = row.coefficients.get_mut(x * class.len()..(x + 1) * class.len())
            else {
                return;
            };
            let weights = if alone { &FROM_AVERAGES[..] } else { &BESIDE_OTHERS };
            for (k, weights) in (1..).zip(weights) {
                let place = usize::from(class.places()[k]);
                let Some(coefficient) = block.get_mut(place) else { continue };
                if missing[k] != 0 && *coefficient == 0 {
                    let sum = weighted(&around, weights);
                    *coefficient = estimate(sum * quantizers[0], quantizers[k], missing[k]);
                }
            }
            if alone && let Some(dc) = block.first_mut() {
                *dc = estimate(weighted(&around, &AVERAGE), 1, ALL);
            }
        }
    }
}

/// The DC value of a block. Where no data has reached, it is 0.
fn average(store: &Coefficients, row: usize, column: usize) -> i16 {
    let row = store.rows.get(row);
    let dc = row.and_then(|row| row.coefficients.get(column * store.scaled.class.len()));
    dc.copied().unwrap_or_default()
}

fn weighted<T: Copy + Into<i64>>(around: &[[i64; 5]; 5], weights: &[[T; 5]; 5]) -> i64 {
    let pairs = around.as_flattened().iter().zip(weights.as_flattened());
    pairs.map(|(average, &weight)| average * weight.into()).sum()
}

/// A coefficient of 256 times what it stands for, rounded. It stays below what its known bits would
/// have shown.
fn estimate(sum: i64, quantizer: i64, missing: u8) -> i16 {
    let size = (quantizer * 128 + sum.abs()) / (quantizer * 256);
    let size = if missing == ALL { size } else { size.min((1 << (missing & 15)) - 1) };
    (size * sum.signum()) as i16
}
