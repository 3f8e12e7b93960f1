//! How far the shortcuts are from the long way.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{decode, encode, fixture, in_pieces, plan, psnr, sized};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::{ImageFormat, Rgb, RgbImage, RgbaImage};
use thumbelina_core::{Filter, Fit, Format, Output};

/// One Lanczos pass over the full picture.
fn full_resolution(source: &RgbImage, (width, height): (u32, u32), cover: bool) -> Vec<u8> {
    let from =
        ImageRef::new(source.width(), source.height(), source.as_raw(), PixelType::U8x3).unwrap();
    let mut to = Image::new(width, height, PixelType::U8x3);
    let options =
        if cover { ResizeOptions::new().fit_into_destination(None) } else { ResizeOptions::new() };
    Resizer::new().resize(&from, &mut to, &options).unwrap();
    to.into_vec()
}

/// The least distance of thumbnails of one picture, over all fits, and how many of them were
/// shrunk.
fn least_distance(input: &Bytes, sides: &[u32]) -> (f64, usize) {
    let source = decode(input).to_rgb8();
    let (mut least, mut shrunk) = (f64::INFINITY, 0);
    for fit in [Fit::Contain, Fit::Cover, Fit::Fill] {
        for &side in sides {
            let request = Output { fit, format: Some(Format::Png), ..sized(side, side) };
            let (across, down) =
                plan(input.clone(), request.clone()).unwrap().outputs[0].decode_scale;
            shrunk += usize::from(across > 1 && down > 1);
            let made = in_pieces(input, request).unwrap();
            let expected = full_resolution(&source, (made.width, made.height), fit == Fit::Cover);
            least = least.min(psnr(decode(&made.bytes).to_rgb8().as_raw(), &expected));
        }
    }
    (least, shrunk)
}

#[test]
fn a_shrunk_thumbnail_is_46_db_from_a_full_lanczos_pass() {
    let (least, shrunk) = least_distance(&fixture("photo.png"), &[71, 64, 57, 50, 43, 33, 25, 17]);
    assert_eq!(shrunk, 24, "this test is about pictures that are shrunk before the filter");
    assert!(least >= 46.0, "{least:.1} dB");
}

/// Larger thumbnails leave less to the filter.
#[test]
fn so_is_a_larger_one_from_a_larger_picture() {
    let request = Output { enlarge: true, format: Some(Format::Bmp), ..sized(2_600, 2_600) };
    let large = Bytes::from(in_pieces(&fixture("photo.png"), request).unwrap().bytes);
    let (least, shrunk) = least_distance(&large, &[257, 300, 400]);
    assert_eq!(shrunk, 9);
    assert!(least >= 46.0, "{least:.1} dB");
}

/// The last average of a side, of whatever is left, may not count as much as whole ones: a bright
/// edge would make all of the pixel bright.
#[test]
fn a_single_pixel_is_the_average() {
    let alone = |side: u32, format: ImageFormat| {
        let source = RgbImage::from_fn(side, side, |x, y| {
            Rgb([if x == side - 1 || y == side - 1 { 255 } else { 0 }; 3])
        });
        let input = encode(&source.clone().into(), format);
        let request = Output { format: Some(Format::Png), ..sized(1, 1) };
        let made = decode(&in_pieces(&input, request).unwrap().bytes).to_rgb8();
        i32::from(made.as_raw()[0]) - i32::from(full_resolution(&source, (1, 1), false)[0])
    };
    for side in [7, 13, 17, 25, 31, 64, 65, 97, 101, 193, 257, 301] {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let off = alone(side, format);
            assert!(off.abs() <= 16, "{side} {format:?}: {off}");
        }
    }
}

/// What is invisible must not be seen: the trap is green under a red disc's clear surroundings.
#[test]
fn hidden_colors_do_not_bleed() {
    for name in
        ["alpha.png", "alpha-16bit.png", "alpha.webp", "alpha.tga", "alpha.qoi", "alpha.tif"]
    {
        for side in [150, 97, 40, 12] {
            let request = Output { format: Some(Format::Png), ..sized(side, side) };
            let shown: RgbaImage =
                decode(&in_pieces(&fixture(name), request).unwrap().bytes).to_rgba8();
            for pixel in shown.pixels().filter(|pixel| pixel.0[3] > 8) {
                assert!(pixel.0[1] < 40, "{name} at {side}: {:?}", pixel.0);
            }
            let middle = shown.get_pixel(shown.width() / 2, shown.height() / 2).0;
            assert!(middle[0] > 200 && middle[3] == 255, "{name} at {side}: {middle:?}");
        }
    }
}

#[test]
fn a_picture_that_fits_keeps_every_pixel() {
    for name in ["photo-palette.png", "alpha.png", "alpha-gray.png", "photo.bmp"] {
        let request = Output { format: Some(Format::Png), ..sized(1_000, 1_000) };
        let made = in_pieces(&fixture(name), request).unwrap();
        assert!(decode(&made.bytes).to_rgba8() == decode(&fixture(name)).to_rgba8(), "{name}");
    }
}

/// Nearest takes pixels of the source and no others.
#[test]
fn nearest_makes_no_new_color() {
    let source = decode(&fixture("photo-palette.png")).to_rgb8();
    let palette: std::collections::HashSet<_> = source.pixels().map(|pixel| pixel.0).collect();
    for side in [300, 100, 31] {
        let request = Output {
            filter: Filter::Nearest,
            enlarge: true,
            format: Some(Format::Png),
            ..sized(side, side)
        };
        let shown =
            decode(&in_pieces(&fixture("photo-palette.png"), request).unwrap().bytes).to_rgb8();
        assert_eq!(shown.width(), side);
        assert!(shown.pixels().all(|pixel| palette.contains(&pixel.0)));
        // And those that a straight reading of the definition takes.
        let across = f64::from(source.width()) / f64::from(shown.width());
        let down = f64::from(source.height()) / f64::from(shown.height());
        let from = |at: u32, ratio: f64| ((f64::from(at) + 0.5) * ratio) as u32;
        for (x, y, &pixel) in shown.enumerate_pixels() {
            assert_eq!(
                &pixel,
                source.get_pixel(from(x, across), from(y, down)),
                "{x},{y} at {side}"
            );
        }
    }
}

/// A JPEG in bands is the same picture as one in one go.
#[test]
fn bands_of_a_jpeg_do_not_show() {
    for quality in [80, 95] {
        let request = Output {
            format: Some(Format::Jpeg),
            options: common::quality(quality),
            ..sized(640, 640)
        };
        let made = in_pieces(&fixture("photo.png"), request).unwrap();
        let restarts = made
            .bytes
            .windows(2)
            .filter(|pair| pair[0] == 0xFF && (0xD0..=0xD7).contains(&pair[1]));
        assert!(restarts.count() > 2, "this test is about a picture in several bands");

        let source = decode(&fixture("photo.png")).to_rgb8();
        let mut whole = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut whole, quality);
        encoder.set_chroma_subsampling_method(jpeg_encoder::ChromaSubsamplingMethod::Average);
        encoder.encode(source.as_raw(), 640, 427, jpeg_encoder::ColorType::Rgb).unwrap();
        assert!(decode(&made.bytes).to_rgb8() == decode(&whole).to_rgb8(), "{quality}");
    }
}

/// Every format that is written, read back by `image`.
#[test]
fn every_output_format_shows_the_picture() {
    let reference = Output { format: Some(Format::Png), ..sized(120, 120) };
    let reference = decode(&in_pieces(&fixture("photo.png"), reference).unwrap().bytes).to_rgb8();
    for format in Format::ALL.into_iter().filter(|format| format.is_writable()) {
        let request =
            Output { format: Some(format), options: common::quality(95), ..sized(120, 120) };
        let made = in_pieces(&fixture("photo.png"), request).unwrap();
        assert_eq!((made.encoding, made.width, made.height), (format.into(), 120, 80));
        let shown = match format {
            // Only written: its container's brand is all that can be checked here.
            Format::Avif => {
                assert_eq!(&made.bytes[4..12], b"ftypavif");
                continue;
            }
            Format::Tga => {
                image::load_from_memory_with_format(&made.bytes, image::ImageFormat::Tga).unwrap()
            }
            _ => decode(&made.bytes),
        };
        // Floats are linear light: through our own way back they are the picture again.
        let shown = match format {
            Format::Hdr | Format::Openexr => {
                let back = Output { format: Some(Format::Png), ..sized(120, 120) };
                decode(&in_pieces(&made.bytes.into(), back).unwrap().bytes).to_rgb8()
            }
            _ => shown.to_rgb8(),
        };
        let distance = psnr(shown.as_raw(), reference.as_raw());
        let least = match format {
            Format::Jpeg => 30.0,
            Format::Gif => 25.0,
            Format::Hdr => 40.0,
            Format::Openexr => 60.0,
            _ => f64::INFINITY,
        };
        assert!(distance >= least, "{format}: {distance:.1} dB");
    }
}
