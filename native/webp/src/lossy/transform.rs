//! The inverse transforms (RFC 6386, sections 14.3 and 14.4).

/// The first coefficients of 16 blocks, from the block that stands for them.
pub(super) fn walsh_hadamard(block: &[i16; 16]) -> [i16; 16] {
    let mut sums = [0i32; 16];
    for i in 0..4 {
        let [a, b, c, d] = [0, 4, 8, 12].map(|row| i32::from(block[row + i]));
        let (ad, bc) = (a + d, b + c);
        let (a_d, b_c) = (a - d, b - c);
        sums[i] = ad + bc;
        sums[4 + i] = a_d + b_c;
        sums[8 + i] = ad - bc;
        sums[12 + i] = a_d - b_c;
    }
    let mut out = [0; 16];
    for (out, &[a, b, c, d]) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks::<4>().0) {
        let (ad, bc) = (a + d, b + c);
        let (a_d, b_c) = (a - d, b - c);
        *out = [ad + bc, a_d + b_c, ad - bc, a_d - b_c].map(|sum| ((sum + 3) >> 3) as i16);
    }
    out
}

/// `value` times sqrt(2) * cos(pi / 8).
#[inline(always)]
fn cosine(value: i32) -> i32 {
    value.wrapping_add(value.wrapping_mul(20_091) >> 16)
}

/// `value` times sqrt(2) * sin(pi / 8).
#[inline(always)]
fn sine(value: i32) -> i32 {
    value.wrapping_mul(35_468) >> 16
}

#[inline(always)]
fn butterfly([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let (sum, difference) = (a.wrapping_add(c), a.wrapping_sub(c));
    let odd = sine(b).wrapping_sub(cosine(d));
    let even = cosine(b).wrapping_add(sine(d));
    [
        sum.wrapping_add(even),
        difference.wrapping_add(odd),
        difference.wrapping_sub(odd),
        sum.wrapping_sub(even),
    ]
}

/// Adds to the prediction of 4x4 samples what the coefficients say.
#[inline]
pub(super) fn add(prediction: &mut [[u8; 4]; 4], block: &[i16; 16]) {
    let mut columns = [[0i32; 4]; 4];
    for (i, column) in columns.iter_mut().enumerate() {
        *column = butterfly([0, 4, 8, 12].map(|row| i32::from(block[row + i])));
    }
    for (y, row) in prediction.iter_mut().enumerate() {
        let residuals = butterfly([0, 1, 2, 3].map(|x| columns[x][y] + if x == 0 { 4 } else { 0 }));
        for (sample, residual) in row.iter_mut().zip(residuals) {
            *sample = (i32::from(*sample) + (residual >> 3)).clamp(0, 255) as u8;
        }
    }
}

/// The same, where only the first coefficient is not zero.
#[inline]
pub(super) fn add_dc(prediction: &mut [[u8; 4]; 4], dc: i16) {
    let residual = (i32::from(dc) + 4) >> 3;
    for sample in prediction.as_flattened_mut() {
        *sample = (i32::from(*sample) + residual).clamp(0, 255) as u8;
    }
}
