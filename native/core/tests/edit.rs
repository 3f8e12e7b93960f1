//! Edits: each operation against a naive one of a few lines, and how they are put together.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;

use bytes::Bytes;
use common::{
    as_it_comes, decode, encode, in_pieces, mixture, picture, plan, psnr, run, sized, unbounded,
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use thumbelina_core::{
    At, Corners, Crop, EncodeOptions, Error, Filter, Fit, Format, Limit, Operation, Orientation,
    Output, Overlay, Place, Position, Recolor, Request, Sharpen,
};

fn edit(steps: impl Into<Vec<Operation>>) -> Output {
    Output { steps: steps.into(), format: Some(Format::Png), ..Output::default() }
}

fn edited(source: &DynamicImage, steps: impl Into<Vec<Operation>>) -> DynamicImage {
    let source = encode(source, ImageFormat::Png);
    decode(&in_pieces(&source, edit(steps)).unwrap().bytes)
}

fn rgb(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(picture(width, height, 3)).to_rgb8())
}

fn pixels(colors: &[[u8; 3]]) -> DynamicImage {
    let mut image = RgbImage::new(colors.len() as u32, 1);
    for (pixel, &color) in image.pixels_mut().zip(colors) {
        *pixel = Rgb(color);
    }
    image.into()
}

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

/// The weighted sum of all pixels within three sigmas, one after the other.
fn naive_blur(from: &RgbImage, sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma).ceil() as i64;
    let weight = |k: i64| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
    let total: f64 = (-reach..=reach).map(weight).sum();
    let (width, height) = (i64::from(from.width()), i64::from(from.height()));
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let mut sums = [0.0; 3];
            for v in -reach..=reach {
                for u in -reach..=reach {
                    let (x, y) = ((x + u).clamp(0, width - 1), (y + v).clamp(0, height - 1));
                    let pixel = from.get_pixel(x as u32, y as u32);
                    for (sum, &c) in sums.iter_mut().zip(&pixel.0) {
                        *sum += weight(u) * weight(v) * f64::from(c);
                    }
                }
            }
            out.extend(sums.map(|sum| sum / total / total));
        }
    }
    out
}

#[test]
fn a_blur_is_the_weighted_sum() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 3), (37, 23)] {
        let source = rgb(width, height);
        for sigma in [0.3, 1.0, 2.0, 3.0] {
            let made = edited(&source, [Operation::Blur { sigma }]).to_rgb8().into_raw();
            let naive = naive_blur(&source.to_rgb8(), sigma);
            let most = made.iter().zip(&naive).map(|(&a, b)| (f64::from(a) - b).abs());
            let most = most.fold(0.0, f64::max);
            assert!(most < 0.6, "{width}x{height}, {sigma}: {most}");
        }
    }
}

#[test]
fn a_wide_blur_is_close_to_the_weighted_sum() {
    let source = rgb(90, 70);
    for sigma in [3.1, 4.0, 6.5, 10.0] {
        let made = edited(&source, [Operation::Blur { sigma }]).to_rgb8().into_raw();
        let naive = naive_blur(&source.to_rgb8(), sigma);
        let differ: Vec<f64> =
            made.iter().zip(&naive).map(|(&a, b)| (f64::from(a) - b).abs()).collect();
        let mean = differ.iter().sum::<f64>() / differ.len() as f64;
        let most = differ.into_iter().fold(0.0, f64::max);
        assert!(mean < 0.6 && most < 3.0, "{sigma}: {mean} {most}");
    }
}

/// Three boxes over a single bright pixel: the variance is that of the Gaussian.
#[test]
fn the_variance_of_a_blur_is_sigma_squared() {
    for sigma in [3.5, 7.0, 12.3] {
        let mut point = image::ImageBuffer::<image::Luma<u16>, _>::new(201, 1);
        point.put_pixel(100, 0, image::Luma([65_535]));
        let made = edited(&DynamicImage::ImageLuma16(point), [Operation::Blur { sigma }]);
        let made = made.into_luma16();
        let at = |x: u32| (f64::from(x) - 100.0, f64::from(made.get_pixel(x, 0).0[0]));
        let (sum, squares) = (0..201)
            .map(at)
            .fold((0.0, 0.0), |(sum, squares), (x, value)| (sum + value, squares + x * x * value));
        assert!((sum / 65_535.0 - 1.0).abs() < 0.01, "{sigma}: {sum}");
        assert!((squares / sum / sigma / sigma - 1.0).abs() < 0.02, "{sigma}: {}", squares / sum);
    }
}

#[test]
fn one_color_stays_that_color() {
    for level in [0, 1, 77, 128, 254, 255] {
        let plain = DynamicImage::ImageRgb8(RgbImage::from_pixel(41, 29, Rgb([level; 3])));
        for step in [
            Operation::Blur { sigma: 0.4 },
            Operation::Blur { sigma: 2.9 },
            Operation::Blur { sigma: 3.1 },
            Operation::Blur { sigma: 300.0 },
            Operation::Sharpen(Sharpen { sigma: 2.0, amount: 9.0, threshold: 0.0 }),
            Operation::Rotate {
                degrees: 33.0,
                background: thumbelina_core::Color([level, level, level, 255]),
            },
        ] {
            let made = edited(&plain, [step.clone()]).into_rgb8();
            assert!(made.pixels().all(|pixel| pixel.0 == [level; 3]), "{level} {step:?}");
        }
    }
}

#[test]
fn what_is_clear_does_not_bleed() {
    // Red that is seen beside green that is not.
    let source = RgbaImage::from_fn(20, 20, |x, _| {
        if x < 10 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 255, 0, 0]) }
    });
    for step in [
        Operation::Blur { sigma: 2.0 },
        Operation::Blur { sigma: 5.0 },
        Operation::Rotate { degrees: 10.0, background: thumbelina_core::Color([0; 4]) },
        Operation::Resize(Box::new(Output { enlarge: true, fit: Fit::Fill, ..sized(33, 31) })),
    ] {
        // After a color, so that the resize is none of the decoding.
        let steps = [Operation::Recolor(Recolor::Gamma(2.0)), step];
        let made = edited(&source.clone().into(), steps.clone()).into_rgba8();
        let seen = made.pixels().filter(|pixel| pixel.0[3] > 8);
        for pixel in seen {
            assert!(pixel.0[1] <= 6 && pixel.0[0] >= 240, "{steps:?}: {pixel:?}");
        }
    }
}

#[test]
fn sharpening_adds_what_the_blur_took() {
    let source = rgb(40, 30).to_luma8();
    let (sigma, amount) = (1.5, 2.0);
    let as_rgb = DynamicImage::ImageLuma8(source.clone()).to_rgb8();
    let blurred = naive_blur(&as_rgb, sigma);
    let sharpened = |threshold: f64| {
        let sharpen = Sharpen { sigma, amount, threshold };
        let gray = DynamicImage::ImageLuma8(source.clone());
        edited(&gray, [Operation::Sharpen(sharpen)]).into_luma8().into_raw()
    };
    for threshold in [0.0, 0.1] {
        for ((&made, &level), blurred) in
            sharpened(threshold).iter().zip(source.as_raw()).zip(blurred.chunks(3))
        {
            let differs = f64::from(level) - blurred[0];
            // What is so close to the threshold may fall on either side.
            if (differs.abs() - threshold * 255.0).abs() < 0.01 {
                continue;
            }
            let by = if differs.abs() > threshold * 255.0 { differs * amount } else { 0.0 };
            let expected = (f64::from(level) + by).clamp(0.0, 255.0);
            assert!((f64::from(made) - expected).abs() < 0.6, "{made} {expected}");
        }
    }
    // Colors grow and shrink by the same.
    let source = pixels(&[[100, 50, 60], [100, 50, 60], [140, 90, 100], [140, 90, 100]]);
    let sharpen = Sharpen { sigma: 1.0, amount: 1.0, threshold: 0.0 };
    let made = edited(&source, [Operation::Sharpen(sharpen)]).into_rgb8();
    for (made, from) in made.pixels().zip(source.to_rgb8().pixels()) {
        let by: Vec<i32> =
            made.0.iter().zip(from.0).map(|(&a, b)| i32::from(a) - i32::from(b)).collect();
        assert!(by.iter().max().unwrap() - by.iter().min().unwrap() <= 1, "{by:?}");
    }
    assert!(made.get_pixel(1, 0).0[0] < 95 && made.get_pixel(2, 0).0[0] > 145, "{made:?}");
}

#[test]
fn quarter_turns_and_flips_move_pixels() {
    let source = rgb(5, 3);
    let turned = |by| edited(&source, [Operation::Turn(by)]).into_rgb8();
    assert_eq!(turned(Orientation::Rotate90), source.rotate90().into_rgb8());
    assert_eq!(turned(Orientation::Rotate180), source.rotate180().into_rgb8());
    assert_eq!(turned(Orientation::Rotate270), source.rotate270().into_rgb8());
    assert_eq!(turned(Orientation::FlipHorizontal), source.fliph().into_rgb8());
    assert_eq!(turned(Orientation::FlipVertical), source.flipv().into_rgb8());
}

fn rotate(degrees: f64) -> Operation {
    Operation::Rotate { degrees, background: thumbelina_core::Color([0, 0, 255, 255]) }
}

#[test]
fn an_angle_turns_clockwise_about_the_middle() {
    // As an angle, a quarter is what it is as a turn.
    let source = rgb(6, 4);
    assert_eq!(edited(&source, [rotate(90.0)]).into_rgb8(), source.rotate90().into_rgb8());
    assert_eq!(edited(&source, [rotate(-90.0)]).into_rgb8(), source.rotate270().into_rgb8());
    assert_eq!(edited(&source, [rotate(540.0)]).into_rgb8(), source.rotate180().into_rgb8());
    // 100 cos 30° + 60 sin 30° is 116.6, and the other side 101.96.
    let made = edited(&rgb(100, 60), [rotate(30.0)]).into_rgb8();
    assert_eq!(made.dimensions(), (117, 102));
    assert_eq!(made.get_pixel(0, 0).0, [0, 0, 255]);
    // The upper left corner lies 60 sin 30° to the right, at the top.
    let red = DynamicImage::ImageRgb8(RgbImage::from_pixel(100, 60, Rgb([255, 0, 0])));
    let made = edited(&red, [rotate(30.0)]).into_rgb8();
    assert_eq!(made.get_pixel(30, 3).0, [255, 0, 0]);
    assert_eq!(made.get_pixel(24, 3).0, [0, 0, 255]);
    assert_eq!(made.get_pixel(58, 51).0, [255, 0, 0]);
}

/// Bilinear interpolation, written down once more.
#[test]
fn an_angle_interpolates_between_four_pixels() {
    let source = rgb(31, 17).into_rgb8();
    for degrees in [1.0, 30.0, 45.0, 123.4, 269.0] {
        let made = edited(&source.clone().into(), [rotate(degrees)]).into_rgb8();
        let (sine, cosine) = f64::to_radians(degrees).sin_cos();
        let (width, height) = (f64::from(made.width()), f64::from(made.height()));
        for (x, y, pixel) in made.enumerate_pixels() {
            let (right, below) =
                (f64::from(x) + 0.5 - width / 2.0, f64::from(y) + 0.5 - height / 2.0);
            let x = right * cosine + below * sine + 15.5 - 0.5;
            let y = below * cosine - right * sine + 8.5 - 0.5;
            let at = |x: f64, y: f64, channel: usize| {
                let inside = (0.0..31.0).contains(&x) && (0.0..17.0).contains(&y);
                let background = [0.0, 0.0, 255.0][channel];
                if inside {
                    f64::from(source.get_pixel(x as u32, y as u32).0[channel])
                } else {
                    background
                }
            };
            for channel in 0..3 {
                let (left, top) = (x.floor(), y.floor());
                let mut sum = 0.0;
                for (u, v) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                    let weight =
                        |part: f64, second: f64| if second == 1.0 { part } else { 1.0 - part };
                    sum +=
                        weight(x - left, u) * weight(y - top, v) * at(left + u, top + v, channel);
                }
                assert!((f64::from(pixel.0[channel]) - sum).abs() < 0.51, "{degrees}");
            }
        }
    }
}

#[test]
fn a_clear_background_needs_alpha() {
    let step = Operation::Rotate { degrees: 45.0, background: thumbelina_core::Color([0; 4]) };
    let made = edited(&rgb(10, 10), [step.clone()]);
    assert_eq!(made.as_rgba8().unwrap().get_pixel(0, 0).0, [0; 4]);
    // Where the format has none, white shows behind it.
    let source = encode(&rgb(10, 10), ImageFormat::Png);
    let jpeg = Output {
        format: Some(Format::Jpeg),
        options: EncodeOptions { quality: 100, ..EncodeOptions::default() },
        ..edit([step])
    };
    let made = decode(&in_pieces(&source, jpeg).unwrap().bytes);
    assert!(made.to_rgb8().get_pixel(0, 0).0.iter().all(|&c| c > 245));
    let gray = edited(&DynamicImage::ImageLuma8(rgb(10, 10).to_luma8()), [rotate(45.0)]);
    assert_eq!(gray.as_rgb8().unwrap().get_pixel(0, 0).0, [0, 0, 255]);
}

/// As the other side sends it.
fn farbfeld(image: &RgbaImage) -> Bytes {
    encode(&DynamicImage::ImageRgba8(image.clone()).to_rgba16().into(), ImageFormat::Farbfeld)
}

fn over(picture: &RgbaImage, at: (f64, f64)) -> Overlay {
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

fn crop(left: u32, top: u32, width: u32, height: u32) -> Operation {
    Operation::Crop(Crop { width, height, place: Place::At(left, top) })
}

#[test]
fn a_crop_is_a_part_of_the_picture() {
    let source = rgb(9, 7);
    let made = edited(&source, [crop(2, 1, 5, 4)]).into_rgb8();
    assert_eq!(made, source.crop_imm(2, 1, 5, 4).into_rgb8());
    let around = |x, y| {
        let place = Place::Around(Position::Point(x, y));
        Operation::Crop(Crop { width: 4, height: 99, place })
    };
    let made = edited(&source, [around(0.5, 0.5)]).into_rgb8();
    assert_eq!(made, source.crop_imm(3, 0, 4, 7).into_rgb8());
    let made = edited(&source, [around(1.0, 0.0)]).into_rgb8();
    assert_eq!(made, source.crop_imm(5, 0, 4, 7).into_rgb8());
    let bytes = encode(&source, ImageFormat::Png);
    for outside in [crop(5, 0, 5, 1), crop(0, 7, 1, 1), crop(u32::MAX, 0, 2, 1)] {
        for before in [Operation::Turn(Orientation::FlipVertical), Operation::Blur { sigma: 1.0 }] {
            let steps = [before, outside.clone()];
            let refused = in_pieces(&bytes, edit(steps.clone())).map(drop);
            assert_eq!(refused, Err(Error::OutsidePicture { width: 9, height: 7 }), "{steps:?}");
        }
    }
}

#[test]
fn a_crop_around_a_point_is_what_cover_leaves_of_a_picture_of_that_size() {
    let source = rgb(23, 15);
    for (x, y) in [(0.5, 0.5), (0.3, 0.7), (0.123, 0.0), (1.0, 0.45)] {
        for (width, height) in [(23, 4), (23, 7), (6, 15), (11, 15)] {
            let position = Position::Point(x, y);
            let around = Operation::Crop(Crop { width, height, place: Place::Around(position) });
            let cover = Output { fit: Fit::Cover, position, ..sized(width, height) };
            let cover = edited(&source, [Operation::Resize(Box::new(cover))]);
            assert!(edited(&source, [around]) == cover, "{x},{y} {width}x{height}");
        }
    }
}

/// Any number of crops, flips and quarter turns are what they are one by one.
#[test]
fn what_is_folded_is_what_it_is_step_by_step() {
    let turns = [
        Orientation::FlipHorizontal,
        Orientation::FlipVertical,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
    ];
    let source = rgb(13, 11);
    let mut seed = 7u32;
    let mut chance = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    for _ in 0..200 {
        let (mut expected, mut steps) = (source.clone(), Vec::new());
        for _ in 0..5 {
            if chance(2) == 0 {
                let by = turns[chance(5) as usize];
                steps.push(Operation::Turn(by));
                expected.apply_orientation(by);
            } else if expected.width() > 3 && expected.height() > 3 {
                let (left, top) = (chance(2), chance(2));
                let (width, height) =
                    (expected.width() - left - chance(2), expected.height() - top - chance(2));
                steps.push(crop(left, top, width, height));
                expected = expected.crop_imm(left, top, width, height);
            }
        }
        let made = edited(&source, steps.clone());
        assert_eq!(made.into_rgb8(), expected.to_rgb8(), "{steps:?}");
        // Behind a step that looks around itself, they are operations of their own.
        let behind: Vec<_> =
            std::iter::once(Operation::Blur { sigma: 0.01 }).chain(steps).collect();
        let made = edited(&source, behind.clone());
        assert_eq!(made.into_rgb8(), expected.into_rgb8(), "{behind:?}");
    }
}

/// A photograph-like JPEG whose orientation is each of the eight.
#[test]
fn steps_see_the_upright_picture() {
    for exif in 1..=8u8 {
        let orientation = Orientation::from_exif(exif).unwrap();
        let upright = DynamicImage::ImageRgb8(RgbImage::from_fn(64, 48, |x, y| {
            Rgb(if x < 32 && y < 24 { [250, 10, 10] } else { [10, 10, 250] })
        }));
        // What is stored is what the orientation makes upright.
        let back = match orientation {
            Orientation::Rotate90 => Orientation::Rotate270,
            Orientation::Rotate270 => Orientation::Rotate90,
            other => other,
        };
        let mut stored = upright.clone();
        stored.apply_orientation(back);
        let mut bytes = encode(&stored, ImageFormat::Png).to_vec();
        // After the signature and the header, a chunk with EXIF.
        let tiff = [
            b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(),
            &[exif, 0, 0, 0, 0, 0, 0],
        ];
        let mut chunk = b"eXIf".to_vec();
        chunk.extend(tiff.concat());
        let mut with_length = ((chunk.len() - 4) as u32).to_be_bytes().to_vec();
        with_length.extend(&chunk);
        with_length.extend(crc(&chunk).to_be_bytes());
        bytes.splice(33..33, with_length);
        let made = in_pieces(&Bytes::from(bytes.clone()), edit([crop(0, 0, 32, 24)])).unwrap();
        let made = decode(&made.bytes).into_rgb8();
        assert_eq!(made.dimensions(), (32, 24), "{exif}");
        assert!(made.pixels().all(|pixel| pixel.0 == [250, 10, 10]), "{exif}");
        let steps = [Operation::Turn(Orientation::Rotate90), Operation::Blur { sigma: 0.5 }];
        let made = in_pieces(&Bytes::from(bytes), edit(steps)).unwrap();
        let made = decode(&made.bytes).into_rgb8();
        assert_eq!(made.dimensions(), (48, 64), "{exif}");
        assert_eq!(made.get_pixel(40, 5).0, [250, 10, 10], "{exif}");
        assert_eq!(made.get_pixel(5, 5).0, [10, 10, 250], "{exif}");
    }
}

/// The check sum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

fn resize(width: u32, height: u32) -> Operation {
    Operation::Resize(Box::new(Output { fit: Fit::Cover, enlarge: true, ..sized(width, height) }))
}

fn jpeg(width: u32, height: u32) -> Bytes {
    encode(&rgb(width, height), ImageFormat::Jpeg)
}

#[test]
fn a_resize_alone_is_the_thumbnail() {
    for source in [jpeg(640, 427), encode(&rgb(300, 200), ImageFormat::Png)] {
        let cover = Output { fit: Fit::Cover, format: Some(Format::Png), ..sized(80, 80) };
        let alone = in_pieces(&source, cover.clone()).unwrap();
        assert!(in_pieces(&source, edit([Operation::Resize(Box::new(cover))])).unwrap() == alone);
    }
}

/// The background of the step, of the call, or of both, which is once.
#[test]
fn a_resize_has_the_background_that_a_thumbnail_has() {
    let gray = DynamicImage::ImageLumaA8(DynamicImage::ImageRgba8(picture(30, 20, 4)).into());
    let sources = [rgb(30, 20), rgb(30, 20).into_luma8().into(), picture(30, 20, 4).into(), gray];
    let fits = [Fit::Contain, Fit::Cover, Fit::Pad];
    let colors = [[10, 20, 30, 255], [9, 9, 9, 255], [10, 20, 30, 128], [9, 9, 9, 77], [0; 4]];
    for (source, fit) in sources.iter().flat_map(|source| fits.map(|fit| (source, fit))) {
        let source = encode(source, ImageFormat::Png);
        for color in colors.map(thumbelina_core::Color) {
            let background = Some(color);
            let sized = Output { fit, background, format: Some(Format::Png), ..sized(13, 17) };
            let expected = in_pieces(&source, sized.clone()).unwrap();
            let steps = edit([Operation::Resize(Box::new(sized))]);
            for output in [Output { background, ..steps.clone() }, steps] {
                let made = in_pieces(&source, output.clone()).unwrap();
                assert!(made == expected, "{fit:?} {color:?} {:?}", output.background);
            }
        }
    }
}

#[test]
fn what_was_cropped_off_does_not_show_in_a_resize() {
    // White, with a black frame.
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let framed = RgbImage::from_fn(640, 480, |x, y| {
            let inside = (101..539).contains(&x) && (57..423).contains(&y);
            Rgb(if inside { [255; 3] } else { [0; 3] })
        });
        let source = encode(&framed.into(), format);
        // JPEG rings at the edge of the frame.
        let inner = if format == ImageFormat::Png { 0 } else { 8 };
        let cut = crop(101 + inner, 57 + inner, 438 - 2 * inner, 366 - 2 * inner);
        for size in [(20, 17), (50, 41), (200, 167)] {
            let made = in_pieces(&source, edit([cut.clone(), resize(size.0, size.1)])).unwrap();
            let made = decode(&made.bytes).into_rgb8();
            assert_eq!(made.dimensions(), size);
            let darkest = made.as_raw().iter().min().unwrap();
            assert!(*darkest >= 252, "{format:?} {size:?}: {darkest}");
        }
    }
}

#[test]
fn resize_then_crop_is_the_part_of_the_resized() {
    let source = jpeg(640, 427);
    let whole = decode(&in_pieces(&source, edit([resize(200, 133)])).unwrap().bytes);
    let part = in_pieces(&source, edit([resize(200, 133), crop(31, 22, 100, 80)])).unwrap();
    let part = decode(&part.bytes).into_rgb8();
    assert_eq!(part.dimensions(), (100, 80));
    let expected = whole.crop_imm(31, 22, 100, 80).into_rgb8();
    let close = psnr(part.as_raw(), expected.as_raw());
    assert!(close > 40.0, "{close}");
}

#[test]
fn the_plan_tells_where_each_step_is_done() {
    let source = jpeg(1_600, 1_200);
    let steps = |steps: &[Operation]| {
        let planned = plan(source.clone(), edit(steps)).unwrap().outputs.remove(0);
        let told: Vec<_> = planned
            .steps
            .iter()
            .map(|step| (step.name, step.width, step.height, step.at))
            .collect();
        (told, planned.decode_scale)
    };
    let blur = Operation::Blur { sigma: 2.0 };
    let (bright, dim) =
        (Operation::Recolor(Recolor::Brighten(1.5)), Operation::Recolor(Recolor::Brighten(0.5)));
    assert_eq!(
        steps(&[resize(100, 100), blur.clone()]),
        (vec![("resize", 100, 100, At::Decoding), ("blur", 100, 100, At::Resized)], (4, 4))
    );
    assert_eq!(
        steps(&[blur.clone(), resize(100, 100)]),
        (vec![("blur", 1600, 1200, At::FullSize), ("resize", 100, 100, At::FullSize)], (1, 1))
    );
    assert_eq!(
        steps(&[
            crop(0, 0, 1_200, 800),
            Operation::Turn(Orientation::Rotate90),
            dim,
            resize(80, 120),
            crop(0, 0, 80, 80),
            blur.clone()
        ])
        .0,
        [
            ("crop", 1200, 800, At::Decoding),
            ("rotate", 800, 1200, At::Decoding),
            ("brighten", 80, 80, At::Resized),
            ("resize", 80, 120, At::Decoding),
            ("crop", 80, 80, At::Decoding),
            ("blur", 80, 80, At::Resized)
        ]
    );
    // What is cut off at white is cut off before.
    assert_eq!(
        steps(&[bright, resize(100, 75)]).0,
        [("brighten", 1600, 1200, At::FullSize), ("resize", 100, 75, At::FullSize)]
    );
    assert_eq!(steps(&[blur.clone(), resize(100, 75), blur]).0[2], ("blur", 100, 75, At::Resized));
}

#[test]
fn a_second_resize_is_not_the_first() {
    let source = encode(&rgb(64, 64), ImageFormat::Png);
    let nearest = |side| {
        Operation::Resize(Box::new(Output {
            enlarge: true,
            filter: Filter::Box,
            ..sized(side, side)
        }))
    };
    let made = in_pieces(&source, edit([nearest(4), nearest(64)])).unwrap();
    let made = decode(&made.bytes).into_rgb8();
    let colors: HashMap<_, usize> = made.pixels().fold(HashMap::new(), |mut colors, pixel| {
        *colors.entry(pixel.0).or_default() += 1;
        colors
    });
    assert!(colors.len() <= 16, "{}", colors.len());
}

#[test]
fn limits_hold_for_what_is_in_between() {
    let source = jpeg(100, 80);
    let limited = |steps: &[Operation], max_pixels, max_memory| {
        let mut request = Request::from(edit(steps));
        (request.limits.max_pixels, request.max_memory) = (max_pixels, max_memory);
        in_pieces(&source, request).map(drop)
    };
    let color = thumbelina_core::Color([0; 4]);
    for grows in [
        Operation::Border { width: 100, color },
        Operation::Border { width: u32::MAX, color },
        resize(101, 100),
        Operation::Rotate { degrees: 45.0, background: color },
    ] {
        let steps = [Operation::Blur { sigma: 1.0 }, grows, crop(0, 0, 1, 1)];
        let refused = limited(&steps, 10_000, 1 << 30);
        let is_limit = matches!(refused, Err(Error::Limit { limit: Limit::MaxPixels, .. }));
        assert!(is_limit, "{steps:?}: {refused:?}");
    }
    let large = jpeg(1_600, 1_200);
    let blurred = Request {
        max_memory: 4 << 20,
        ..edit([Operation::Blur { sigma: 9.0 }, resize(9, 9)]).into()
    };
    let refused = in_pieces(&large, blurred).map(drop);
    assert!(matches!(refused, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{refused:?}");
    let blurred = Request {
        max_memory: 4 << 20,
        ..edit([resize(9, 9), Operation::Blur { sigma: 9.0 }]).into()
    };
    assert!(in_pieces(&large, blurred).is_ok());
}

fn operation() -> impl Strategy<Value = Operation> {
    let recolor = prop_oneof![
        (0.0..3.0f32).prop_map(Recolor::Brighten),
        (0.0..3.0f32).prop_map(Recolor::Contrast),
        (0.0..3.0f32).prop_map(Recolor::Saturate),
        (0.1..4.0f32).prop_map(Recolor::Gamma),
        Just(Recolor::Grayscale),
        Just(Recolor::Invert),
        (0.0..1.0f32).prop_map(Recolor::Threshold),
        any::<[u8; 3]>().prop_map(Recolor::Tint),
    ];
    let turn = prop_oneof![
        Just(Orientation::FlipHorizontal),
        Just(Orientation::Rotate90),
        Just(Orientation::Rotate180)
    ];
    let color = any::<[u8; 4]>().prop_map(thumbelina_core::Color);
    prop_oneof![
        (1..60u32, 1..60u32, 0..5usize, 0..4usize, any::<[bool; 3]>()).prop_map(
            |(width, height, fit, position, [enlarge, linear, has_background])| {
                let color = thumbelina_core::Color([9, 99, 199, 128]);
                Operation::Resize(Box::new(Output {
                    fit: [Fit::Contain, Fit::Cover, Fit::Fill, Fit::Pad, Fit::Outside][fit],
                    position: [
                        Position::Point(0.2, 0.7),
                        Position::Point(0.5, 0.5),
                        Position::Attention,
                        Position::Entropy,
                    ][position],
                    filter: [Filter::Lanczos3, Filter::Nearest, Filter::Box][(fit + position) % 3],
                    background: has_background.then_some(color),
                    enlarge,
                    linear,
                    ..sized(width, height)
                }))
            }
        ),
        (1..60u32, 1..60u32, 0.0..1.0, 0.0..1.0).prop_map(|(width, height, x, y)| {
            let place = Place::Around(Position::Point(x, y));
            Operation::Crop(Crop { width, height, place })
        }),
        turn.prop_map(Operation::Turn),
        (-400.0..400.0, color.clone())
            .prop_map(|(degrees, background)| Operation::Rotate { degrees, background }),
        (0.1..20.0).prop_map(|sigma| Operation::Blur { sigma }),
        (0.1..8.0, 0.0..4.0, 0.0..0.2).prop_map(|(sigma, amount, threshold)| {
            Operation::Sharpen(Sharpen { sigma, amount, threshold })
        }),
        recolor.prop_map(Operation::Recolor),
        (1..30u32, 1..30u32, any::<bool>(), 0.0..1.0f32, 0.0..1.0, 0..20u32).prop_map(
            |(width, height, tile, opacity, at, margin)| {
                let overlay = over(&picture(width, height, 9), (at, 1.0 - at));
                Operation::Overlay(Overlay { tile, opacity, margin, ..overlay })
            }
        ),
        prop_oneof![(0.0..40.0).prop_map(Corners::Radius), Just(Corners::Circle)]
            .prop_map(Operation::Round),
        (0..9u32, color).prop_map(|(width, color)| Operation::Border { width, color }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Of any picture, any steps give the same on every scheduler, in the size that was planned.
    #[test]
    fn any_steps_give_the_same_in_pieces(
        (width, height) in (1..70u32, 1..70u32),
        layout in 0..7,
        steps in proptest::collection::vec(operation(), 0..5),
        seed in any::<u64>(),
    ) {
        let rgba = DynamicImage::ImageRgba8(picture(width, height, seed as u32));
        let (source, format) = match layout {
            0 => (rgba.to_rgb8().into(), ImageFormat::Png),
            1 => (rgba, ImageFormat::Png),
            2 => (rgba.to_luma8().into(), ImageFormat::Png),
            3 => (rgba.to_luma_alpha8().into(), ImageFormat::Png),
            4 => (rgba.to_rgba16().into(), ImageFormat::Png),
            5 => (rgba.to_rgb8().into(), ImageFormat::Jpeg),
            _ => (rgba.to_rgb32f().into(), ImageFormat::Hdr),
        };
        let source = encode(&source, format);
        let output = Output { format: None, ..edit(steps) };
        let planned = plan(source.clone(), output.clone()).unwrap();
        let made = in_pieces(&source, output.clone()).unwrap();
        let plan = &planned.outputs[0];
        prop_assert_eq!((made.width, made.height), (plan.width, plan.height));
        prop_assert_eq!(made.encoding, plan.encoding);
        prop_assert!(made == unbounded(&source, output.clone()).unwrap());
        prop_assert!(made == run(source.clone(), output.clone(), mixture(seed)).unwrap());
        prop_assert!(made == as_it_comes(&source, output).unwrap());
    }
}
