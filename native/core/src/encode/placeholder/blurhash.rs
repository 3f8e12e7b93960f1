use fast_blurhash::{DCTResult, compute_dct};

use super::pixels;
use crate::{Error, Picture};

/// Components along the longer side, and along the shorter one.
const COMPONENTS: (usize, usize) = (4, 3);

pub(super) fn hash(picture: &Picture) -> Result<String, Error> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let pixels = pixels::<3>(picture)?;
    if pixels.is_empty() {
        return Err(Error::Internal);
    }
    let (x, y) = components(width, height);
    let mut components = compute_dct(pixels, width, height, x, y);
    if (x, y) == (1, 1) {
        // The crate takes the largest of no waves for 1. In other encoders it is next to 0.
        components = DCTResult::new(f32::MIN_POSITIVE, components.currents().to_vec(), x, y);
    }
    Ok(components.into_blurhash())
}

/// No more than pixels: of a single one, all waves are the same.
fn components(width: usize, height: usize) -> (usize, usize) {
    let (long, short) = COMPONENTS;
    let (x, y) = if width >= height { (long, short) } else { (short, long) };
    (x.min(width), y.min(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Samples;
    use crate::{Depth, Layout};

    /// Expected is what the reference implementation in C makes of them.
    #[test]
    fn a_single_color_is_the_references() {
        let picture = |width, height| {
            let samples = Samples::U8([255, 0, 0].repeat((width * height) as usize));
            hash(&Picture { width, height, layout: Layout::new(3, Depth::U8), samples })
        };
        assert_eq!(picture(1, 1), Ok("00TI:j".to_owned()));
        assert_eq!(picture(2, 2), Ok("A~TI:j|c|c|c".to_owned()));
    }

    #[test]
    fn the_longer_side_has_more_components_and_none_has_more_than_pixels() {
        let sizes = [(32, 21), (21, 32), (32, 32), (1, 32), (2, 2), (1, 1)];
        let components = sizes.map(|(width, height)| components(width, height));
        assert_eq!(components, [(4, 3), (3, 4), (4, 3), (1, 4), (2, 2), (1, 1)]);
    }
}
