//! The coefficients of macroblocks (RFC 6386, section 13), dequantized (section 14.1).

use super::bools::Bools;
use super::header::{BlockProbabilities, FrameHeader, Segment};
use super::transform::{Filled, Group, walsh_hadamard};

/// The coefficients of a macroblock: four rows of luma blocks, the blocks of U and those of V.
/// Those of groups that are [`Filled::Nothing`] are zero.
pub(super) struct Coefficients {
    pub(super) groups: [Group; 6],
    pub(super) filled: [Filled; 6],
}

/// Whether the blocks above or to the left have coefficients: 4 of luma, 2 of U, 2 of V, and that
/// of the luma blocks' DC coefficients.
pub(super) type Neighbors = [u8; 9];

const LUMA_DC: usize = 8;

/// The kinds of blocks, which the probabilities differ by.
const LUMA_WITHOUT_DC: usize = 0;
const DC_OF_LUMA: usize = 1;
const CHROMA: usize = 2;
const WHOLE_LUMA: usize = 3;

/// What a macroblock without coefficients means to the next ones.
pub(super) fn skip(in_one_piece: bool, above: &mut Neighbors, left: &mut Neighbors) {
    for neighbors in [above, left] {
        // Those of macroblocks that do not have a block of DC coefficients are passed over.
        let dc = if in_one_piece { 0 } else { neighbors[LUMA_DC] };
        *neighbors = [0; 9];
        neighbors[LUMA_DC] = dc;
    }
}

impl Coefficients {
    pub(super) fn new() -> Self {
        Coefficients { groups: [[0; 64]; 6], filled: [Filled::Nothing; 6] }
    }

    /// Reads a macroblock's coefficients. All have been zero.
    pub(super) fn read(
        &mut self,
        bools: &mut Bools,
        header: &FrameHeader,
        segment: &Segment,
        in_one_piece: bool,
        above: &mut Neighbors,
        left: &mut Neighbors,
    ) {
        let probabilities = &*header.probabilities;
        let (kind, first) = if in_one_piece { (LUMA_WITHOUT_DC, 1) } else { (WHOLE_LUMA, 0) };
        if in_one_piece {
            let mut group = [0; 64];
            let context = above[LUMA_DC] + left[LUMA_DC];
            let probabilities = &probabilities[DC_OF_LUMA];
            let end = read_block(bools, probabilities, context, 0, segment.luma_dc, &mut group, 0);
            above[LUMA_DC] = u8::from(end > 0);
            left[LUMA_DC] = above[LUMA_DC];
            if end > 0 {
                let dcs = walsh_hadamard(&group);
                for (group, dcs) in self.groups.iter_mut().zip(dcs) {
                    for (i, dc) in dcs.into_iter().enumerate() {
                        group[4 * i] = dc;
                    }
                }
            }
        }
        for (i, (group, filled)) in self.groups.iter_mut().zip(&mut self.filled).enumerate() {
            // Where the neighbors of the first block are, and how many blocks there are to a row.
            let (kind, first, steps, [x, y], columns) = match i {
                0..4 => (kind, first, segment.luma, [0, i], 4),
                4 => (CHROMA, 0, segment.chroma, [4, 4], 2),
                _ => (CHROMA, 0, segment.chroma, [6, 6], 2),
            };
            for block in 0..4 {
                let (x, y) = (x + block % columns, y + block / columns);
                let context = above[x] + left[y];
                let end =
                    read_block(bools, &probabilities[kind], context, first, steps, group, block);
                above[x] = u8::from(end > first);
                left[y] = above[x];
                *filled = (*filled).max(Filled::up_to(end, group[4 * block]));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled.iter().all(|&filled| filled == Filled::Nothing)
    }

    /// Makes all of them zero again.
    pub(super) fn clear(&mut self) {
        for (group, filled) in self.groups.iter_mut().zip(&mut self.filled) {
            if *filled != Filled::Nothing {
                *group = [0; 64];
                *filled = Filled::Nothing;
            }
        }
    }
}

/// Reads the coefficients from the `first` on of one of the blocks of a group, and says where they
/// end. `context` is how many of its neighbors have some.
#[inline(never)]
fn read_block(
    reader: &mut Bools,
    probabilities: &BlockProbabilities,
    context: u8,
    first: usize,
    steps: [i32; 2],
    group: &mut Group,
    block: usize,
) -> usize {
    /// The zigzag order, in rows of four blocks.
    const ZIGZAG: [u8; 16] = [0, 1, 16, 32, 17, 2, 3, 18, 33, 48, 49, 34, 19, 35, 50, 51];
    let mut bools = *reader;
    let mut at = first;
    let mut probability = &probabilities[first][usize::from(context.min(2))];
    // What goes on at the next coefficient.
    let end = 'block: loop {
        if at >= 16 || !bools.bool(probability[0]) {
            break at;
        }
        while !bools.bool(probability[1]) {
            at += 1;
            if at >= 16 {
                break 'block 16;
            }
            probability = &probabilities[at][0];
        }
        let magnitude;
        let next = &probabilities[at + 1];
        if !bools.bool(probability[2]) {
            magnitude = 1;
            probability = &next[1];
        } else {
            magnitude = read_magnitude(&mut bools, probability);
            probability = &next[2];
        }
        let step = steps[usize::from(at > 0)];
        // Coefficients of samples of 8 bits fit into 16; those of no samples may not.
        group[(4 * block + usize::from(ZIGZAG[at])) & 63] = (bools.signed(magnitude) * step) as i16;
        at += 1;
    };
    *reader = bools;
    end
}

/// A magnitude over 1.
#[inline(always)]
fn read_magnitude(bools: &mut Bools, probability: &[u8; 11]) -> i32 {
    if !bools.bool(probability[3]) {
        return if !bools.bool(probability[4]) { 2 } else { 3 + bools.bit(probability[5]) as i32 };
    }
    if !bools.bool(probability[6]) {
        if !bools.bool(probability[7]) {
            return 5 + bools.bit(159) as i32;
        }
        let high = bools.bit(165);
        return (7 + 2 * high + bools.bit(145)) as i32;
    }
    let high = bools.bit(probability[8]) as usize;
    let category = 2 * high + bools.bit(probability[9 + high]) as usize;
    let rest =
        CATEGORIES[category].iter().fold(0, |rest, &probability| 2 * rest + bools.bit(probability));
    3 + (8 << category) + rest as i32
}

/// The probabilities of the bits of large magnitudes, from DCT_CAT3 on.
const CATEGORIES: [&[u8]; 4] = [
    &[173, 148, 140],
    &[176, 155, 140, 135],
    &[180, 157, 141, 134, 130],
    &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
];
