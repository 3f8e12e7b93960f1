//! The inverse transforms (RFC 6386, sections 14.3 and 14.4).
//!
//! They are done in 16 bits, which the coefficients of samples of 8 bits never leave, and for four
//! blocks at a time: so compilers make vector instructions of them.

/// Four blocks side by side: the first rows of all of them, then the second ones, and so on.
pub(super) type Group = [i16; 64];

/// How much of a block, or of several, is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Filled {
    #[default]
    Nothing,
    /// First coefficients, at most.
    Dc,
    Any,
}

impl Filled {
    /// By where the tokens of a block end, and its first coefficient.
    pub(super) fn up_to(end: usize, dc: i16) -> Self {
        match (end, dc) {
            (2.., _) => Filled::Any,
            (_, 0) => Filled::Nothing,
            _ => Filled::Dc,
        }
    }
}

/// The first coefficients of four times four blocks, from the block that stands for them: the first
/// one of a group.
pub(super) fn walsh_hadamard(group: &Group) -> [[i16; 4]; 4] {
    let butterfly = |[a, b, c, d]: [i32; 4]| {
        let (ad, bc) = (a + d, b + c);
        let (a_d, b_c) = (a - d, b - c);
        [ad + bc, a_d + b_c, ad - bc, a_d - b_c]
    };
    let columns: [[i32; 4]; 4] =
        std::array::from_fn(|x| butterfly([0, 16, 32, 48].map(|row| i32::from(group[row + x]))));
    std::array::from_fn(|y| {
        butterfly(columns.map(|column| column[y])).map(|sum| ((sum + 3) >> 3) as i16)
    })
}

/// What is to be added to the predictions of a group's blocks, in rows of all four.
pub(super) fn residuals(group: &Group, filled: Filled) -> [[i16; 16]; 4] {
    let mut rows = [[0; 16]; 4];
    match filled {
        Filled::Nothing => {}
        Filled::Dc => rows = [std::array::from_fn(|x| group[x & 12].saturating_add(4) >> 3); 4],
        Filled::Any => {
            let columns = butterfly(group, 0);
            // To shuffle is to turn the bits of each place around by one. There are two for the
            // row, two for the block, and two for the column: four times make it column, row and
            // block.
            let columns = shuffle(&shuffle(&shuffle(&shuffle(&columns))));
            let sums = shuffle(&shuffle(&butterfly(&columns, 4)));
            for (residual, sum) in rows.as_flattened_mut().iter_mut().zip(sums) {
                *residual = sum >> 3;
            }
        }
    }
    rows
}

/// Transforms each four values that are 16 apart.
#[inline(always)]
fn butterfly(group: &Group, rounding: i16) -> Group {
    let mut out = [0; 64];
    for i in 0..16 {
        let [a, b, c, d] = [0, 16, 32, 48].map(|row| group[row + i]);
        let a = a.saturating_add(rounding);
        let (sum, difference) = (a.saturating_add(c), a.saturating_sub(c));
        let odd = sine(b).saturating_sub(cosine(d));
        let even = cosine(b).saturating_add(sine(d));
        out[i] = sum.saturating_add(even);
        out[16 + i] = difference.saturating_add(odd);
        out[32 + i] = difference.saturating_sub(odd);
        out[48 + i] = sum.saturating_sub(even);
    }
    out
}

/// `value` times sqrt(2) * cos(pi / 8).
#[inline(always)]
fn cosine(value: i16) -> i16 {
    value.saturating_add(high_half(value, 20_091))
}

/// `value` times sqrt(2) * sin(pi / 8), which is 35,468 / 65,536.
#[inline(always)]
fn sine(value: i16) -> i16 {
    value.saturating_add(high_half(value, 35_468 - 65_536))
}

#[inline(always)]
fn high_half(value: i16, factor: i32) -> i16 {
    ((i32::from(value) * factor) >> 16) as i16
}

/// Takes values from either half by turns.
#[inline(always)]
fn shuffle(values: &Group) -> Group {
    let mut shuffled = [0; 64];
    let (a, b) = values.split_at(32);
    for ((to, a), b) in shuffled.as_chunks_mut::<2>().0.iter_mut().zip(a).zip(b) {
        *to = [*a, *b];
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One block, as RFC 6386 has it.
    fn naive(block: [i32; 16]) -> [i32; 16] {
        let cosine = |value: i32| value + ((value * 20_091) >> 16);
        let sine = |value: i32| (value * 35_468) >> 16;
        let butterfly = |[a, b, c, d]: [i32; 4]| {
            let (odd, even) = (sine(b) - cosine(d), cosine(b) + sine(d));
            [a + c + even, a - c + odd, a - c - odd, a + c - even]
        };
        let columns: [[i32; 4]; 4] =
            std::array::from_fn(|x| butterfly([0, 4, 8, 12].map(|y| block[y + x])));
        let rows: [[i32; 4]; 4] =
            std::array::from_fn(|y| butterfly(columns.map(|column| column[y])));
        std::array::from_fn(|i| (rows[i / 4][i % 4] + 4) >> 3)
    }

    #[test]
    fn four_blocks_at_a_time_are_as_each_alone() {
        let mut state = 1u64;
        let mut below = |n: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % n
        };
        for round in 0..5_000 {
            let most = [3, 100, 1_100][round % 3];
            let blocks: [[i32; 16]; 4] =
                [(); 4].map(|()| [(); 16].map(|()| (below(2 * most + 1) - most) as i32));
            let group: Group =
                std::array::from_fn(|i| blocks[i / 4 % 4][i / 16 * 4 + i % 4] as i16);
            let rows = residuals(&group, Filled::Any);
            for (i, block) in blocks.into_iter().enumerate() {
                let expected = naive(block);
                let actual: [i32; 16] = std::array::from_fn(|j| rows[j / 4][4 * i + j % 4].into());
                assert_eq!(actual, expected, "{block:?}");
            }
            // First coefficients alone have a shorter way.
            let firsts: Group =
                std::array::from_fn(|i| if i < 16 && i % 4 == 0 { group[i] } else { 0 });
            assert_eq!(residuals(&firsts, Filled::Dc), residuals(&firsts, Filled::Any));
        }
    }
}
