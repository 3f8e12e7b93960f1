//! The inverse transform of a component's blocks.

use crate::block::Class;
use crate::deep::Deep;
use crate::kernels::{Kernels, idct1, idct2};

/// What turns the blocks of a component into samples.
#[derive(Debug, Clone)]
pub(crate) struct Transform {
    class: Class,
    /// Those of the coefficients that are kept, row by row.
    quantizers: [i16; 64],
    /// Where samples have more than 8 bits.
    deep: Option<Box<Deep>>,
}

impl Transform {
    /// Of samples of so many bits. `is_difference` says whether these are differences of color.
    pub(crate) fn new(
        class: Class,
        (precision, is_difference): (u8, bool),
        quantizers: &[u16; 64],
    ) -> Self {
        let mut kept = [0; 64];
        let side = class.side();
        for (row, kept) in kept.chunks_exact_mut(side).take(side).enumerate() {
            for (kept, &quantizer) in kept.iter_mut().zip(&quantizers[row * 8..]) {
                // More than 15 bits only fit coefficients that no 8-bit picture has.
                *kept = quantizer as i16;
            }
        }
        let deep = (precision > 8)
            .then(|| Box::new(Deep::new(class, precision, is_difference, quantizers)));
        Transform { class, quantizers: kept, deep }
    }

    /// A row of blocks, to samples that begin at `out` and have rows `stride` apart. Each block's
    /// coefficients are the first of `each` in `coefficients`, and its samples begin `step` behind
    /// the last block's. `offset` is added to all DC values.
    pub(crate) fn apply(
        &self,
        kernels: &Kernels,
        (coefficients, each): (&[i16], usize),
        offset: i16,
        (out, step): (&mut [u8], usize),
        stride: usize,
    ) {
        let blocks = coefficients.chunks(each);
        if let Some(deep) = &self.deep {
            for (i, block) in blocks.enumerate() {
                deep.apply(block, offset, &mut out[i * step..], stride);
            }
            return;
        }
        match self.class {
            Class::One => {
                let quantizer = self.quantizers[0];
                for i in 0..blocks.len() {
                    if let (Some(dc), Some(out)) =
                        (coefficients.get(i * each), out.get_mut(i * step))
                    {
                        *out = idct1(dc.wrapping_add(offset), quantizer);
                    }
                }
            }
            Class::Two => {
                let &[q, r, s, t, ..] = &self.quantizers;
                let (above, below) = out.split_at_mut(stride);
                for i in 0..blocks.len() {
                    let block = coefficients.get(i * each..i * each + 4);
                    let pair = i * step..i * step + 2;
                    if let (Some(&[dc, a, b, c]), Some([v, w]), Some([x, y])) =
                        (block, above.get_mut(pair.clone()), below.get_mut(pair))
                    {
                        [*v, *w, *x, *y] =
                            idct2(&[dc.wrapping_add(offset), a, b, c], &[q, r, s, t]);
                    }
                }
            }
            Class::Four => {
                let Some(quantizers) = self.quantizers.first_chunk() else { return };
                for (i, block) in blocks.enumerate() {
                    if let Some(block) = raised(block, offset) {
                        (kernels.idct4)(&block, quantizers, &mut out[i * step..], stride);
                    }
                }
            }
            Class::Eight => {
                for (i, block) in blocks.enumerate() {
                    let out = &mut out[i * step..];
                    if offset == 0
                        && let Some(block) = block.first_chunk()
                    {
                        (kernels.idct8)(block, &self.quantizers, out, stride);
                    } else if let Some(block) = raised(block, offset) {
                        (kernels.idct8)(&block, &self.quantizers, out, stride);
                    }
                }
            }
        }
    }
}

fn raised<const N: usize>(coefficients: &[i16], offset: i16) -> Option<[i16; N]> {
    let mut block = *coefficients.first_chunk()?;
    let dc = block.first_mut()?;
    *dc = dc.wrapping_add(offset);
    Some(block)
}
