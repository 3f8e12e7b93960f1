//! What depends on the color of a pixel alone.

use image::DynamicImage;
use thumbelina_core::{Operation, Recolor};

use crate::{edited, pixels};

fn recolored(recolor: Recolor, colors: &[[u8; 3]]) -> DynamicImage {
    edited(&pixels(colors), [Operation::Recolor(recolor)])
}

const COLORS: [[u8; 3]; 5] =
    [[0, 0, 0], [255, 255, 255], [100, 150, 200], [255, 0, 0], [10, 128, 250]];

#[test]
fn colors_are_those_of_the_formulas() {
    let rgb = |recolor| recolored(recolor, &COLORS).into_rgb8().into_raw();
    assert_eq!(
        rgb(Recolor::Brighten(1.5)),
        [[0, 0, 0], [255, 255, 255], [150, 225, 255], [255, 0, 0], [15, 192, 255]].concat()
    );
    assert_eq!(
        rgb(Recolor::Contrast(0.5)),
        [[64, 64, 64], [191, 191, 191], [114, 139, 164], [191, 64, 64], [69, 128, 189]].concat()
    );
    assert_eq!(
        rgb(Recolor::Saturate(0.0)),
        // 0.2126 * 100 + 0.7152 * 150 + 0.0722 * 200 is 142.98.
        [[0, 0, 0], [255, 255, 255], [143, 143, 143], [54, 54, 54], [112, 112, 112]].concat()
    );
    assert_eq!(
        rgb(Recolor::Saturate(2.0)),
        [[0, 0, 0], [255, 255, 255], [57, 157, 255], [255, 0, 0], [0, 144, 255]].concat()
    );
    assert_eq!(
        rgb(Recolor::Gamma(2.2)),
        // 255 * (100 / 255) ^ (1 / 2.2) is 166.6.
        [[0, 0, 0], [255, 255, 255], [167, 200, 228], [255, 0, 0], [59, 186, 253]].concat()
    );
    assert_eq!(
        rgb(Recolor::Invert),
        [[255, 255, 255], [0, 0, 0], [155, 105, 55], [0, 255, 255], [245, 127, 5]].concat()
    );
}

#[test]
fn grays_have_one_channel() {
    let DynamicImage::ImageLuma8(gray) = recolored(Recolor::Grayscale, &COLORS) else {
        unreachable!("a gray PNG is gray")
    };
    assert_eq!(gray.into_raw(), [0, 255, 143, 54, 112]);
    let DynamicImage::ImageLuma8(gray) = recolored(Recolor::Threshold(112.0 / 255.0), &COLORS)
    else {
        unreachable!("a gray PNG is gray")
    };
    assert_eq!(gray.into_raw(), [0, 255, 255, 0, 255]);
    // The luma itself is white already.
    let gray: Vec<[u8; 3]> = (126..130).map(|level| [level; 3]).collect();
    let made = recolored(Recolor::Threshold(128.0 / 255.0), &gray).into_luma8().into_raw();
    assert_eq!(made, [0, 0, 255, 255]);
}

/// Figures of a color calculator: L* of the pixel, a* and b* of the tint.
#[test]
fn a_tint_has_the_lightness_of_the_picture() {
    let made = recolored(Recolor::Tint([255, 200, 120]), &[[0; 3], [255; 3], [119; 3]]);
    let [black, white, middle] = [0, 1, 2].map(|x| made.to_rgb8().get_pixel(x, 0).0);
    // L* 0 and 100 leave no room for a color but in the channels that are not cut off.
    assert_eq!((black[1], black[2]), (0, 0));
    assert_eq!(white[0], 255);
    // L* 50.03 with a* 10.44 and b* 47.16.
    assert_eq!(middle, [155, 111, 34]);
    // A tint of gray is the picture's lightness alone, as is a tint of a gray picture.
    let gray = recolored(Recolor::Tint([128; 3]), &[[77; 3], [200; 3]]).to_rgb8().into_raw();
    assert!(gray.iter().zip([77, 77, 77, 200, 200, 200]).all(|(&a, b)| a.abs_diff(b) <= 1));
}

#[test]
fn deep_samples_keep_their_depth_and_alpha_stays() {
    let source = image::ImageBuffer::from_fn(2, 1, |x, _| {
        image::Rgba([[1_000u16, 30_001, 65_535, 40_000], [0, 7, 300, 0]][x as usize])
    });
    let made = edited(&DynamicImage::ImageRgba16(source), [Operation::Recolor(Recolor::Invert)]);
    assert_eq!(
        made.as_rgba16().unwrap().as_raw(),
        &[64_535, 35_534, 0, 40_000, 65_535, 65_528, 65_235, 0]
    );
}
