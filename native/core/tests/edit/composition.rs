//! Overlays, round corners and borders.

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use thumbelina_core::{Corners, Operation, Overlay, Position};

use crate::common::{encode, in_pieces};
use crate::{edit, edited, rgb};

/// As the other side sends it.
fn farbfeld(image: &RgbaImage) -> Bytes {
    encode(&DynamicImage::ImageRgba8(image.clone()).to_rgba16().into(), ImageFormat::Farbfeld)
}

pub(crate) fn over(picture: &RgbaImage, at: (f64, f64)) -> Overlay {
    let (picture, position) = (farbfeld(picture), Position::Point(at.0, at.1));
    Overlay { picture, position, margin: 0, opacity: 1.0, tile: false }
}

#[test]
fn an_overlay_lies_where_it_is_put() {
    let mark = RgbaImage::from_fn(2, 2, |x, y| Rgba([x as u8 * 200, y as u8 * 200, 9, 255]));
    let source = rgb(7, 5).into_rgb8();
    let place = |overlay: Overlay| edited(&source.clone().into(), [Operation::Overlay(overlay)]);
    let expected = |left: i64, top: i64| {
        let mut expected = source.clone();
        let mark = DynamicImage::ImageRgba8(mark.clone()).into_rgb8();
        image::imageops::replace(&mut expected, &mark, left, top);
        expected
    };
    assert_eq!(place(over(&mark, (0.0, 0.0))).into_rgb8(), expected(0, 0));
    assert_eq!(place(over(&mark, (1.0, 1.0))).into_rgb8(), expected(5, 3));
    // 2.5 pixels from the left: the next.
    assert_eq!(place(over(&mark, (0.5, 0.5))).into_rgb8(), expected(3, 2));
    let margin = Overlay { margin: 1, ..over(&mark, (1.0, 0.0)) };
    assert_eq!(place(margin).into_rgb8(), expected(4, 1));
    // Larger than the picture, the middle of it shows.
    let large = RgbaImage::from_fn(9, 9, |x, y| Rgba([x as u8, y as u8, 0, 255]));
    let made = place(over(&large, (0.5, 0.5))).into_rgb8();
    assert_eq!((made.get_pixel(0, 0).0, made.get_pixel(6, 4).0), ([1, 2, 0], [7, 6, 0]));
    // Repeated to all sides from where it is.
    let tiled = place(Overlay { tile: true, ..over(&mark, (0.5, 0.5)) }).into_rgb8();
    for (x, y, pixel) in tiled.enumerate_pixels() {
        assert_eq!(pixel.0, [(x + 1) as u8 % 2 * 200, y as u8 % 2 * 200, 9]);
    }
}

#[test]
fn an_overlay_is_composed_by_source_over() {
    let (under, over_it) = ([200, 100, 0, 204], [0, 50, 250, 128]);
    let source = RgbaImage::from_pixel(1, 1, Rgba(under));
    for opacity in [1.0, 0.5, 0.0] {
        let mark = RgbaImage::from_pixel(1, 1, Rgba(over_it));
        let overlay = Overlay { opacity: opacity as f32, ..over(&mark, (0.5, 0.5)) };
        let made = edited(&source.clone().into(), [Operation::Overlay(overlay)]).into_rgba8();
        let (a, b) = (f64::from(over_it[3]) / 255.0 * opacity, f64::from(under[3]) / 255.0);
        let alpha = a + b * (1.0 - a);
        for channel in 0..3 {
            let color = f64::from(over_it[channel]) * a + f64::from(under[channel]) * b * (1.0 - a);
            let expected = color / alpha;
            let made = f64::from(made.get_pixel(0, 0).0[channel]);
            assert!((made - expected).abs() < 0.51, "{channel} {opacity}: {made} {expected}");
        }
        let made = f64::from(made.get_pixel(0, 0).0[3]);
        assert!((made - alpha * 255.0).abs() < 0.51, "{opacity}: {made}");
    }
    // A picture without alpha has none after it, either, and gray becomes colored.
    let gray = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(1, 1, image::Luma([100])));
    let mark = RgbaImage::from_pixel(1, 1, Rgba([200, 0, 100, 255]));
    let overlay = Overlay { opacity: 0.5, ..over(&mark, (0.0, 0.0)) };
    let made = edited(&gray, [Operation::Overlay(overlay)]);
    assert_eq!(made.as_rgb8().unwrap().get_pixel(0, 0).0, [150, 50, 100]);
}

#[test]
fn an_overlay_that_is_no_farbfeld_is_refused() {
    let source = encode(&rgb(3, 3), ImageFormat::Png);
    let mark = farbfeld(&RgbaImage::from_pixel(2, 2, Rgba([1; 4])));
    for cut in 0..mark.len() {
        let overlay =
            Overlay { picture: mark.slice(..cut), ..over(&RgbaImage::new(1, 1), (0.0, 0.0)) };
        assert!(in_pieces(&source, edit([Operation::Overlay(overlay)])).is_err(), "{cut}");
    }
}

#[test]
fn corners_are_round() {
    let alphas = |(width, height), corners| {
        let source = DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb([9, 8, 7])));
        let made = edited(&source, [Operation::Round(corners)]).into_rgba8();
        assert!(made.pixels().all(|pixel| pixel.0[..3] == [9, 8, 7]));
        made.pixels().map(|pixel| pixel.0[3]).collect::<Vec<_>>()
    };
    // A radius of 2: the outermost pixel's middle is 2.12 away, the next ones' 1.58.
    assert_eq!(
        alphas((5, 4), Corners::Radius(2.0)),
        [
            97, 234, 255, 234, 97, 234, 255, 255, 255, 234, 234, 255, 255, 255, 234, 97, 234, 255,
            234, 97
        ]
    );
    assert_eq!(alphas((2, 2), Corners::Radius(0.0)), [255; 4]);
    // More than there is room for is as much as there is.
    assert_eq!(alphas((5, 4), Corners::Radius(99.0)), alphas((5, 4), Corners::Radius(2.0)));
    assert_eq!(alphas((4, 4), Corners::Circle), alphas((4, 4), Corners::Radius(2.0)));
    // A circle in the middle of a wide picture.
    let wide = alphas((10, 4), Corners::Circle);
    assert_eq!(wide[10..13], [0, 0, 0]);
    assert_eq!(wide[13..17], [234, 255, 255, 234]);
    assert_eq!(wide[17..20], [0, 0, 0]);
}

/// Against the share of 32 by 32 points in each pixel that lie inside.
#[test]
fn edges_are_smooth() {
    let source = DynamicImage::ImageRgb8(RgbImage::new(40, 40));
    let made = edited(&source, [Operation::Round(Corners::Circle)]).into_rgba8();
    for (x, y, pixel) in made.enumerate_pixels() {
        let inside = (0..1024).filter(|i| {
            let at = |pixel: u32, i: u32| f64::from(pixel) + (f64::from(i) + 0.5) / 32.0 - 20.0;
            at(x, i % 32).hypot(at(y, i / 32)) < 20.0
        });
        let share = inside.count() as f64 / 1024.0;
        assert!((f64::from(pixel.0[3]) / 255.0 - share).abs() < 0.09, "{x} {y}: {share}");
    }
}

#[test]
fn a_border_is_around_the_picture() {
    let source = rgb(4, 3);
    let border = |width, color| {
        edited(&source, [Operation::Border { width, color: thumbelina_core::Color(color) }])
    };
    let mut expected = RgbImage::from_pixel(8, 7, Rgb([1, 2, 3]));
    image::imageops::replace(&mut expected, &source.to_rgb8(), 2, 2);
    assert_eq!(border(2, [1, 2, 3, 255]).as_rgb8(), Some(&expected));
    assert_eq!(border(0, [1, 2, 3, 255]).into_rgb8(), source.to_rgb8());
    let made = border(1, [1, 2, 3, 100]);
    assert_eq!(made.as_rgba8().unwrap().get_pixel(0, 0).0, [1, 2, 3, 100]);
}
