//! The difference hash of Neal Krawetz ("Kind of Like That", 2013): whether each of 8 pixels in
//! each of 8 rows is darker than the one to its right.

use super::pixels;
use crate::{Error, Picture};

/// 64 bits, row by row, the first in the highest bit of the first byte.
pub(super) fn hash(picture: &Picture) -> Result<[u8; 8], Error> {
    let pixels = pixels::<3>(picture)?;
    let mut bits = [0; 8];
    if pixels.len() != 9 * 8 {
        return Err(Error::Internal);
    }
    for (bits, row) in bits.iter_mut().zip(pixels.chunks_exact(9)) {
        for pair in row.windows(2) {
            *bits = *bits << 1 | u8::from(luma(&pair[0]) < luma(&pair[1]));
        }
    }
    Ok(bits)
}

/// Of ITU-R BT.601, in thousandths.
fn luma(&[red, green, blue]: &[u8; 3]) -> u32 {
    299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    #[test]
    fn a_bit_is_whether_it_gets_brighter() {
        let rows = |y: u8| (0..9u8).map(move |x| if x < y { 10 } else { 5 + 10 * (x % 2) });
        let samples = (0..8).flat_map(rows).flat_map(|gray| [gray; 3]).collect();
        let layout = Layout::new(3, Depth::U8);
        let picture = Picture { width: 9, height: 8, layout, samples: Samples::U8(samples) };
        let expected = [
            0b1010_1010,
            0b1010_1010,
            0b0010_1010,
            0b0010_1010,
            0b0000_1010,
            0b0000_1010,
            0b0000_0010,
            0b0000_0010,
        ];
        assert_eq!(hash(&picture), Ok(expected));
        let other = Picture { width: 8, samples: Samples::U8(vec![0; 8 * 8 * 3]), ..picture };
        assert_eq!(hash(&other), Err(Error::Internal));
    }
}
