use std::ops::Range;

use super::op::{Bands, Op, Scratch};
use crate::color::to_srgb;
use crate::picture::{Picture, Shape};
use crate::{Depth, Error, Layout, cost};

/// Encodes samples that are linear light, whatever their depth, as 16 bits of sRGB, and divides
/// alpha out of them.
pub(crate) struct FromLight {
    /// Whether colors come multiplied by their alpha.
    pub divide: bool,
}

impl Op for FromLight {
    fn shape(&self, from: &Shape) -> Shape {
        let layout = Layout { depth: Depth::U16, ..from.layout };
        Shape { layout, premultiplied: false, ..*from }
    }

    fn bands(&self, from: &Shape) -> Bands {
        let layout = Layout { depth: Depth::F32, ..from.layout };
        Bands::new(cost::convert_nanos(from.width, layout), 0, from.height)
    }

    fn band(
        &self,
        from: &Picture,
        rows: Range<u32>,
        _scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (bytes, out) = (from.row_bytes(rows)?, bytemuck::try_cast_slice_mut(out)?);
        match from.layout.depth {
            Depth::U8 => return Err(Error::Internal),
            Depth::U16 => {
                let samples: &[u16] = bytemuck::try_cast_slice(bytes)?;
                let unit = |sample| f32::from(sample) / 65_535.0;
                self.encode(from.layout, samples.iter().map(|&sample| unit(sample)), out);
            }
            Depth::F32 => {
                let samples: &[f32] = bytemuck::try_cast_slice(bytes)?;
                self.encode(from.layout, samples.iter().copied(), out);
            }
        }
        Ok(())
    }
}

impl FromLight {
    fn encode(&self, layout: Layout, mut light: impl Iterator<Item = f32>, out: &mut [u16]) {
        let channels = usize::from(layout.channels);
        let colors = channels - usize::from(layout.has_alpha());
        for out in out.chunks_exact_mut(channels) {
            let mut pixel = [0.0; 4];
            for (sample, light) in pixel.iter_mut().take(channels).zip(&mut light) {
                *sample = light;
            }
            let [.., alpha] = pixel[..channels] else { return };
            let by = if !self.divide || !layout.has_alpha() {
                1.0
            } else if alpha > 0.0 {
                1.0 / alpha
            } else {
                0.0
            };
            for (channel, out) in out.iter_mut().enumerate() {
                let sample = pixel[channel];
                let unit = if channel < colors { to_srgb(sample * by) } else { sample };
                *out = (unit * 65_535.0 + 0.5) as u16;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;

    #[test]
    fn light_is_encoded_and_alpha_is_not() {
        let layout = Layout::new(2, Depth::F32);
        let samples = Samples::F32(vec![0.107_02, 0.5, 0.0, 0.0, 2.0, 1.0]);
        let from = Picture { width: 3, height: 1, layout, samples };
        let mut out = Samples::U16(vec![0; 6]);
        let op = FromLight { divide: true };
        assert_eq!(op.band(&from, 0..1, &mut Scratch::new(), out.bytes_mut()), Ok(()));
        // 0.2140 of light is the gray of a half.
        let Samples::U16(words) = out else { unreachable!("words were asked for") };
        assert!(words[0].abs_diff(32_768) < 20, "{words:?}");
        assert_eq!(words[1..], [32_768, 0, 0, 65_535, 65_535]);
    }
}
