//! Draws every picture the tests read, and writes them into a folder:
//!
//! ```text
//! cargo run --release -p thumbelina-core --example draw_fixtures -- test/fixtures
//! ```
//!
//! Nothing is copied from anywhere: most files are one [`photo`] in another size and format. The
//! tables in [`main`] say which file is what.
//!
//! The same pixels are drawn on every machine: floats meet only arithmetic that rounds alike
//! everywhere (no `sin`, no `powf`), and all chance is a hash of coordinates.

mod formats;
mod photo;

use std::{env, error::Error, fs, path::Path};

use formats::{
    Indexed, app1, ascii_ppm, dds, deep_pgm, encode, exif, exr, frame, gif, interlaced_png, jpeg,
    palette_bmp, palette_png, patch, png, png_of, rle_tga, tga, tif,
};
use gif::Frame;
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Rgb32FImage, RgbImage,
    RgbaImage, imageops::FilterType::Triangle,
};
use image::{Luma, LumaA, Rgb, Rgba};
use jpeg_encoder::SamplingFactor;
use photo::photo;
use tiff::encoder::colortype;
use tiff::tags::{ExtraSamples, Predictor};

/// Red, green, blue and yellow
const COLORS: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("into which folder?")?;
    fs::create_dir_all(&folder)?;
    let write_all = |files: &[(&str, Vec<u8>)]| {
        files.iter().try_for_each(|(name, bytes)| fs::write(Path::new(&folder).join(name), bytes))
    };

    // The photo in all its sizes, and in the kinds of samples that formats ask for.
    let exact = DynamicImage::from(photo());
    let sized = |width, height| exact.resize_exact(width, height, Triangle);
    let large = DynamicImage::from(exact.to_rgb8());
    let medium = DynamicImage::from(sized(320, 214).to_rgb8());
    let deep = sized(160, 107);
    let small = DynamicImage::from(deep.to_rgb8());
    let linear = linear(small.to_rgb32f());
    let few = Indexed::new(&small.to_rgb8(), 4);
    let many = Indexed::new(&small.to_rgb8(), 6);

    let photo_jpg = jpeg(&large, 85, |_| ())?;
    let photo_gif = gif(160, 107, &many.palette, &[many.frame(false)])?;
    write_all(&[
        ("truncated.jpg", first_half(&photo_jpg)),
        ("truncated.png", first_half(&png(&small, None)?)),
        ("truncated.gif", first_half(&photo_gif)),
        // 640x427
        ("photo.jpg", photo_jpg),
        ("photo.png", png(&large, None)?),
        // 320x214
        (
            "photo-444.jpg",
            jpeg(&medium, 85, |jpeg| jpeg.set_sampling_factor(SamplingFactor::R_4_4_4))?,
        ),
        ("photo-gray.jpg", jpeg(&medium.grayscale(), 85, |_| ())?),
        ("photo-progressive.jpg", jpeg(&medium, 85, |jpeg| jpeg.set_progressive(true))?),
        ("photo-restart.jpg", jpeg(&medium, 85, |jpeg| jpeg.set_restart_interval(7))?),
        // 160x107
        ("photo-16bit.png", png(&deep.to_rgb16().into(), None)?),
        ("photo-gray.png", png(&small.grayscale(), None)?),
        ("photo-palette.png", palette_png(&few)?),
        ("photo-interlaced.png", interlaced_png(&small.to_rgb8())?),
        ("photo.gif", photo_gif),
        ("photo-interlaced.gif", gif(160, 107, &many.palette, &[many.frame(true)])?),
        ("photo.webp", encode(&small, ImageFormat::WebP)?),
        ("photo.tif", tif::<colortype::RGB8>(160, small.as_bytes(), &[], Predictor::Horizontal)?),
        (
            "photo-16bit.tif",
            tif::<colortype::RGB16>(160, &deep.to_rgb16(), &[], Predictor::Horizontal)?,
        ),
        ("photo-float.tif", tif::<colortype::RGB32Float>(160, &linear, &[], Predictor::None)?),
        ("photo.bmp", encode(&small, ImageFormat::Bmp)?),
        (
            "photo-topdown.bmp",
            patch(encode(&small.flipv(), ImageFormat::Bmp)?, 22, &(-107i32).to_le_bytes()),
        ),
        ("palette.bmp", palette_bmp(&many)?),
        ("photo.tga", tga(&small)?),
        ("photo-rle.tga", rle_tga(&small)?),
        ("photo.ppm", [b"P6\n160 107\n255\n", small.as_bytes()].concat()),
        ("photo.pgm", deep_pgm(&deep)),
        ("photo.qoi", encode(&small, ImageFormat::Qoi)?),
        ("photo.ff", encode(&deep.to_rgba16().into(), ImageFormat::Farbfeld)?),
        ("photo.hdr", encode(&linear.clone().into(), ImageFormat::Hdr)?),
        ("photo.exr", exr(&linear)?),
        // Smaller still
        ("photo.ico", encode(&sized(64, 64).to_rgba8().into(), ImageFormat::Ico)?),
        ("photo.dds", dds(&sized(64, 48).to_rgb8())),
        ("photo-ascii.ppm", ascii_ppm(&sized(32, 21).to_rgb8())),
    ])?;

    // A soft red disc, 200x150. The transparent pixels around it hide a bright green, or white
    // where there is no color: whoever resamples without premultiplying gets a seam of it.
    let rgba =
        DynamicImage::from(RgbaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
            0 => Rgba([0, 255, 0, 0]),
            alpha => Rgba([255, 0, 0, alpha]),
        }));
    let gray = GrayAlphaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
        0 => LumaA([255, 0]),
        alpha => LumaA([64, alpha]),
    });
    let deep_rgba = ImageBuffer::from_fn(200, 150, |x, y| match disc(x, y) {
        0 => Rgba([0, u16::MAX, 0, 0]),
        alpha => Rgba([u16::MAX, 0, 0, alpha]),
    });
    let (opaque, clear) = (0, 1); // red, and a hidden green
    let hard =
        rgba.to_rgba8().pixels().map(|pixel| if pixel[3] < 128 { clear } else { opaque }).collect();
    let hard = Frame { transparent: Some(clear), ..frame(200, 150, hard) };
    let alpha = [ExtraSamples::UnassociatedAlpha];
    write_all(&[
        ("alpha.png", png(&rgba, None)?),
        ("alpha-gray.png", png(&gray.into(), None)?),
        ("alpha-16bit.png", png(&deep_rgba.into(), None)?),
        ("alpha.webp", encode(&rgba, ImageFormat::WebP)?),
        ("alpha.tga", rle_tga(&rgba)?),
        ("alpha.qoi", encode(&rgba, ImageFormat::Qoi)?),
        ("alpha.tif", tif::<colortype::RGB8>(200, rgba.as_bytes(), &alpha, Predictor::None)?),
        ("alpha.gif", gif(200, 150, &COLORS, &[hard])?),
    ])?;

    // Quadrants, 60x40, that look the same under each of the eight orientations.
    for orientation in 1..=8 {
        let mut bytes = jpeg(&quadrants(orientation).into(), 95, |_| ())?;
        bytes.splice(2..2, app1(orientation)); // right behind the start of the image
        write_all(&[(&format!("orientation-{orientation}.jpg"), bytes)])?;
    }

    // Frames, bounds and oddities
    let solid = |color, width: u16, height: u16| {
        frame(width, height, vec![color; usize::from(width) * usize::from(height)])
    };
    let dot = DynamicImage::from(RgbImage::from_pixel(1, 1, Rgb(COLORS[0])));
    let ramp =
        |width, height| GrayImage::from_fn(width, height, |x, y| Luma([((x + y) / 118) as u8]));
    write_all(&[
        ("orientation-6.png", png(&quadrants(6).into(), Some(exif(6)))?),
        (
            "animated.gif",
            gif(64, 48, &COLORS, &[solid(0, 64, 48), solid(1, 64, 48), solid(2, 64, 48)])?,
        ),
        ("offset.gif", gif(64, 48, &COLORS, &[Frame { left: 16, top: 12, ..solid(1, 40, 24) }])?),
        // Headers that promise far more pixels than follow; 0x7530 is 30 000.
        (
            "huge-header.png",
            png_of(50_000, 50_000, |info| info.color_type = png::ColorType::Rgb, &[0; 64])?,
        ),
        (
            "huge-header.bmp",
            patch(encode(&dot, ImageFormat::Bmp)?, 18, &[0x30, 0x75, 0, 0, 0x30, 0x75]),
        ),
        ("1x1.png", png(&dot, None)?),
        ("1x1.gif", gif(1, 1, &COLORS, &[solid(0, 1, 1)])?),
        ("1x1.jpg", jpeg(&dot, 95, |_| ())?),
        ("tall.png", png(&ramp(1, 30_000).into(), None)?),
        ("wide.png", png(&ramp(30_000, 1).into(), None)?),
    ])?;
    Ok(())
}

fn first_half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// How opaque the disc is: fully, then fading out over its rim.
fn disc(x: u32, y: u32) -> u16 {
    let from = |a: u32, center: i64| (2 * i64::from(a) + 1 - 2 * center).pow(2);
    let distance = from(x, 100) + from(y, 75);
    let (inner, outer) = (4 * 54 * 54, 4 * 66 * 66);
    ((outer - distance) * 65535 / (outer - inner)).clamp(0, 65535) as u16
}

/// Quarters as they must be stored to show in the order of [`COLORS`] under an Exif orientation.
fn quadrants(orientation: u8) -> RgbImage {
    let turned = orientation > 4;
    let (width, height) = if turned { (40, 60) } else { (60, 40) };
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = if turned { (y, x) } else { (x, y) };
        let right = (x >= 30) ^ matches!(orientation, 2 | 3 | 6 | 7);
        let below = (y >= 20) ^ matches!(orientation, 3 | 4 | 7 | 8);
        Rgb(COLORS[2 * usize::from(below) + usize::from(right)])
    })
}

/// From sRGB to linear light.
fn linear(mut picture: Rgb32FImage) -> Rgb32FImage {
    for value in picture.iter_mut() {
        // x^2.4 is x² times the fifth root of x², which Newton finds the same on every machine.
        let square = ((*value + 0.055) / 1.055) * ((*value + 0.055) / 1.055);
        let root =
            (0..40).fold(1.0, |root, _| root - (root - square / (root * root * root * root)) / 5.0);
        *value = if *value <= 0.04045 { *value / 12.92 } else { square * root };
    }
    picture
}
