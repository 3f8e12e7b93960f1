use super::{cmyk, lab, to_linear};
use crate::picture::{Rows, Sample};
use crate::{Error, Layout};

/// Turns pixels into sRGB, one by one.
#[derive(Debug)]
pub(crate) enum Transform {
    /// CMYK of which nothing is known but that it is some.
    Cmyk,
    Lab,
}

impl Transform {
    /// Of pixels that are not multiplied by their alpha, to as many in `to`, as bytes of samples in
    /// the machine's own order.
    pub(crate) fn run(&self, from: Rows<'_>, layout: Layout, to: &mut [u8]) -> Result<(), Error> {
        match from {
            Rows::U8(from) => self.pixels(from, layout, to),
            Rows::U16(from) => self.pixels(from, layout, bytemuck::try_cast_slice_mut(to)?),
            Rows::F32(from) => self.pixels(from, layout, bytemuck::try_cast_slice_mut(to)?),
        }
        Ok(())
    }

    fn pixels<S: Sample>(&self, from: &[S], layout: Layout, to: &mut [S]) {
        let from = from.chunks_exact(layout.channels.into());
        let to = to.chunks_exact_mut(layout.srgb().channels.into());
        for (pixel, out) in from.zip(to) {
            let (color, alpha) = match (self, pixel) {
                (Transform::Cmyk, &[c, m, y, k]) => {
                    let color = cmyk::to_rgb([c, m, y, k].map(S::unit));
                    (if S::LINEAR { color.map(to_linear) } else { color }, None)
                }
                (Transform::Lab, &[l, a, b, ref alpha @ ..]) => {
                    let lab = [l, a, b].map(S::unit);
                    let color = if S::LINEAR { lab::to_linear_rgb(lab) } else { lab::to_rgb(lab) };
                    (color, alpha.first())
                }
                _ => continue,
            };
            for (out, color) in out.iter_mut().zip(color) {
                *out = S::from_unit(color);
            }
            if let (Some(&alpha), [_, _, _, out]) = (alpha, out) {
                *out = alpha;
            }
        }
    }
}
