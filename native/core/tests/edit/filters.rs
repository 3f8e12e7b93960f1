//! Blurs and sharpening.

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use thumbelina_core::{Fit, Operation, Output, Recolor, Sharpen};

use crate::common::sized;
use crate::{edited, pixels, rgb};

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
