//! The inverse transform of samples with more than 8 bits, in floats: such files are rare.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use crate::block::Class;

#[derive(Debug, Clone)]
pub(crate) struct Deep {
    side: usize,
    /// Those of the coefficients that are kept, row by row.
    quantizers: [f32; 64],
    /// For each sample of a row, what each coefficient of it adds.
    basis: [[f32; 8]; 8],
    /// What makes samples from 0 to 255 of those that are there: they are multiplied, and this is
    /// added.
    factor: f32,
    middle: f32,
}

impl Deep {
    /// Differences of color are 0 where the samples that are made of them are 128.
    pub(crate) fn new(
        class: Class,
        precision: u8,
        is_difference: bool,
        quantizers: &[u16; 64],
    ) -> Self {
        let side = class.side();
        let factor = 255.0 / ((1u32 << precision) - 1) as f32;
        let middle = (1u32 << (precision - 1)) as f32 * factor;
        let mut deep = Deep {
            side,
            quantizers: [0.0; 64],
            basis: [[0.0; 8]; 8],
            factor,
            middle: if is_difference { 128.0 } else { middle },
        };
        for (row, kept) in deep.quantizers.chunks_exact_mut(side).take(side).enumerate() {
            for (kept, &quantizer) in kept.iter_mut().zip(&quantizers[row * 8..]) {
                *kept = f32::from(quantizer);
            }
        }
        // A coefficient is what it is in a block of 8 samples a side.
        let scale = 0.5 * FRAC_1_SQRT_2;
        for (sample, basis) in deep.basis.iter_mut().enumerate().take(side) {
            for (frequency, basis) in basis.iter_mut().enumerate().take(side) {
                let angle = (2 * sample + 1) as f32 * frequency as f32 * PI / (2 * side) as f32;
                let even = if frequency == 0 { 1.0 } else { 1.0 / FRAC_1_SQRT_2 };
                *basis = scale * even * angle.cos();
            }
        }
        deep
    }

    /// One block, to samples that have rows `stride` apart. `offset` is added to the DC value.
    pub(crate) fn apply(&self, block: &[i16], offset: i16, out: &mut [u8], stride: usize) {
        let side = self.side;
        let mut values = [0.0; 64];
        for ((value, &coefficient), quantizer) in
            values.iter_mut().zip(block).zip(&self.quantizers).take(side * side)
        {
            *value = f32::from(coefficient) * quantizer;
        }
        if let [dc, ..] = block {
            values[0] = f32::from(dc.wrapping_add(offset)) * self.quantizers[0];
        }
        // Along the rows, then down the columns.
        let mut between = [[0.0; 8]; 8];
        for (row, between) in values.chunks_exact(side).zip(&mut between) {
            for (between, basis) in between.iter_mut().zip(&self.basis).take(side) {
                *between = row.iter().zip(basis).map(|(value, basis)| value * basis).sum();
            }
        }
        for (out, basis) in out.chunks_mut(stride.max(1)).zip(&self.basis).take(side) {
            for (x, out) in out.iter_mut().enumerate().take(side) {
                let sum: f32 =
                    between.iter().zip(basis).take(side).map(|(row, basis)| row[x] * basis).sum();
                *out = (sum * self.factor + self.middle).round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}
