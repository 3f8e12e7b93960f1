//! Which part of the picture `Fit::Cover` keeps, in every orientation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{decode, encode, fixture, in_pieces, job, only, picture, pieces, plan, psnr, sized};
use common::{step, streamed};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::codecs::png::PngEncoder;
use image::{DynamicImage, GenericImageView, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage};
use proptest::prelude::*;
use thumbelina_core::{
    CropBox, Effort, Encoded, Filter, Fit, Format, Orientation, Output, Position, Request, Step,
};

/// The compass from left to right, the rows from top to bottom.
const COMPASS: [(f64, f64); 9] = [
    (0.0, 0.0),
    (0.5, 0.0),
    (1.0, 0.0),
    (0.0, 0.5),
    (0.5, 0.5),
    (1.0, 0.5),
    (0.0, 1.0),
    (0.5, 1.0),
    (1.0, 1.0),
];

fn cover(width: u32, height: u32, (x, y): (f64, f64)) -> Output {
    let format = Some(Format::Png);
    Output { fit: Fit::Cover, position: Position::Point(x, y), format, ..sized(width, height) }
}

/// A PNG that is shown as `picture`, but stored the other way that an Exif orientation says.
fn stored(picture: &DynamicImage, exif: u8) -> Bytes {
    let undone = match exif {
        6 => 8,
        8 => 6,
        own_inverse => own_inverse,
    };
    let mut turned = picture.clone();
    turned.apply_orientation(Orientation::from_exif(undone).unwrap());
    let mut tag = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    tag[18] = exif;
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(tag).unwrap();
    turned.write_with_encoder(encoder).unwrap();
    Bytes::from(bytes)
}

fn crop_of(input: &Bytes, output: Output) -> Option<CropBox> {
    plan(input.clone(), output).unwrap().outputs[0].crop
}

/// Every pixel has a color of its own.
fn distinct(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8])).into()
}

/// Where only pixels are left out, the others are those of the picture.
#[test]
fn a_crop_alone_keeps_the_pixels_of_its_place() {
    let points = [(0.3, 0.7), (0.75, 0.2), (0.21, 0.99), (1.0, 0.4), (0.01, 0.01)];
    for (source, size) in [((16, 10), (10, 10)), ((16, 10), (16, 6)), ((10, 16), (30, 6))] {
        let shown = distinct(source.0, source.1);
        for exif in 1..=8 {
            let input = stored(&shown, exif);
            for at in COMPASS.into_iter().chain(points) {
                let made = in_pieces(&input, cover(size.0, size.1, at)).unwrap();
                // Without enlarging, a side of the box that is too long is the picture's.
                let (width, height) = (size.0.min(source.0), size.1.min(source.1));
                let place = |side: u32, part: u32, at: f64| {
                    let first = f64::from(side) * at - f64::from(part) / 2.0;
                    first.clamp(0.0, f64::from(side - part)).round() as u32
                };
                let (left, top) = (place(source.0, width, at.0), place(source.1, height, at.1));
                let expected = shown.crop_imm(left, top, width, height);
                assert_eq!(
                    decode(&made.bytes).to_rgb8(),
                    expected.to_rgb8(),
                    "{source:?} to {size:?} at {at:?}, {exif}"
                );
                let crop = crop_of(&input, cover(size.0, size.1, at)).unwrap();
                assert_eq!((crop.left, crop.top), (left.into(), top.into()));
                assert_eq!((crop.width, crop.height), (width.into(), height.into()));
            }
        }
    }
}

/// Four colors, one for each quarter.
fn quarters(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (right, below) = (u8::from(x >= width / 2), u8::from(y >= height / 2));
        Rgb([right * 200, below * 200, 90])
    })
    .into()
}

/// A square out of a picture that is twice as long shows the quarters on its side.
#[test]
fn every_direction_shows_its_quarters() {
    for exif in 1..=8 {
        for enlarge in [false, true] {
            for (wide, side) in [(true, 8), (false, 8), (true, 31), (false, 31)] {
                let (width, height) = if wide { (64, 32) } else { (32, 64) };
                let input = stored(&quarters(width, height), exif);
                for at in COMPASS {
                    let output = Output { enlarge, filter: Filter::Box, ..cover(side, side, at) };
                    let shown = decode(&in_pieces(&input, output).unwrap().bytes).to_rgb8();
                    let along = if wide { at.0 } else { at.1 };
                    // The first and the last of four pixels along the cut.
                    let [first, last] = match along {
                        0.0 => [0, 0],
                        0.5 => [0, 200],
                        _ => [200, 200],
                    };
                    let (near, far) = (side / 4, side - 1 - side / 4);
                    for (x, y) in [(near, near), (far, near), (near, far), (far, far)] {
                        let (cut, other) = if wide { (x, y) } else { (y, x) };
                        let cut = if cut == near { first } else { last };
                        let other = if other == near { 0 } else { 200 };
                        let expected = if wide { [cut, other, 90] } else { [other, cut, 90] };
                        assert_eq!(
                            shown.get_pixel(x, y).0,
                            expected,
                            "{at:?} {exif} {width}x{height} to {side}"
                        );
                    }
                }
            }
        }
    }
}

/// The fixtures are quarters of 60x40 that are stored in the eight ways.
#[test]
fn so_it_does_of_a_jpeg_that_is_decoded_smaller() {
    let upright = decode(&fixture("orientation-1.jpg")).to_rgb8();
    let color = |x, y| upright.get_pixel(x, y).0;
    let colors = [[color(10, 10), color(50, 10)], [color(10, 30), color(50, 30)]];
    for exif in 1..=8 {
        let input = fixture(&format!("orientation-{exif}.jpg"));
        for at in COMPASS {
            // A third of the width.
            let output = cover(5, 10, at);
            let planned = &plan(input.clone(), output.clone()).unwrap().outputs[0];
            assert_eq!(planned.decode_scale, (2, 2));
            let left = at.0 * 40.0;
            let crop = CropBox { left, top: 0.0, width: 20.0, height: 40.0 };
            assert_eq!(planned.crop, Some(crop), "{at:?} {exif}");
            let shown = decode(&in_pieces(&input, output).unwrap().bytes).to_rgb8();
            for (x, y) in [(0, 1), (4, 1), (0, 8), (4, 8)] {
                let source = left + (f64::from(x) + 0.5) * 4.0;
                let expected = colors[usize::from(y > 4)][usize::from(source > 30.0)];
                let found = shown.get_pixel(x, y).0;
                let distance = found.iter().zip(expected).map(|(&a, b)| a.abs_diff(b)).max();
                // The kernel sees a little of the other quarters.
                assert!(distance <= Some(25), "{at:?} {exif} {x},{y}: {found:?} {expected:?}");
            }
        }
    }
}

/// A Lanczos pass over the full picture, of the window that the plan shows.
fn in_one_pass(source: &RgbImage, crop: CropBox, (width, height): (u32, u32)) -> Vec<u8> {
    let from =
        ImageRef::new(source.width(), source.height(), source.as_raw(), PixelType::U8x3).unwrap();
    let mut to = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().crop(crop.left, crop.top, crop.width, crop.height);
    Resizer::new().resize(&from, &mut to, &options).unwrap();
    to.into_vec()
}

/// Shrunk while decoding, by averages and by transforms.
#[test]
fn a_photograph_is_46_db_from_a_full_lanczos_pass_everywhere() {
    let mut least = f64::INFINITY;
    for name in ["photo.png", "photo.jpg"] {
        let input = fixture(name);
        let source = decode(&input).to_rgb8();
        for at in COMPASS.into_iter().chain([(0.31, 0.31), (0.62, 0.77)]) {
            for size in [(30, 60), (66, 33), (57, 57)] {
                let output = cover(size.0, size.1, at);
                let planned = &plan(input.clone(), output.clone()).unwrap().outputs[0];
                assert!(planned.decode_scale.0 >= 2 && planned.decode_scale.1 >= 2);
                let made = decode(&in_pieces(&input, output).unwrap().bytes).to_rgb8();
                let expected = in_one_pass(&source, planned.crop.unwrap(), size);
                least = least.min(psnr(made.as_raw(), &expected));
            }
        }
    }
    assert!(least >= 46.0, "{least:.1} dB");
}

#[test]
fn nothing_is_shown_as_cut_where_nothing_is() {
    let input = encode(&distinct(60, 40), ImageFormat::Png);
    for at in [(0.0, 0.0), (0.5, 0.5), (0.2, 0.9)] {
        let position = Position::Point(at.0, at.1);
        for output in [
            cover(60, 40, at),
            cover(30, 20, at),
            cover(7, 7 * 2 / 3 + 1, at),
            cover(100, 100, at),
            Output { height: None, ..cover(30, 1, at) },
            Output { fit: Fit::Contain, ..cover(20, 20, at) },
            Output { fit: Fit::Fill, ..cover(20, 20, at) },
        ] {
            let centered = Output { position: Position::default(), ..output.clone() };
            let is_cut = output.width == Some(7);
            assert_eq!(crop_of(&input, output.clone()).is_some(), is_cut, "{output:?}");
            if !is_cut {
                assert_eq!(in_pieces(&input, output), in_pieces(&input, centered), "{position:?}");
            }
        }
    }
    // Quotients that are not quite whole.
    for (width, height) in (1..30).flat_map(|width| [(width, 3), (width, 10), (13, width)]) {
        for (part, of) in [(3, 7), (1, 3), (10, 49)] {
            let input = encode(&distinct(width * of, height * of), ImageFormat::Qoi);
            let output = cover(width * part, height * part, (1.0, 1.0));
            assert_eq!(crop_of(&input, output), None, "{width}x{height} {part}/{of}");
        }
    }
}

#[test]
fn a_single_pixel_or_column_is_no_exception() {
    let one = encode(&distinct(1, 1), ImageFormat::Png);
    for at in COMPASS.into_iter().chain([(0.3, 0.99)]) {
        for enlarge in [false, true] {
            let output = Output { enlarge, ..cover(7, 3, at) };
            let crop = crop_of(&one, output.clone());
            let made = decode(&in_pieces(&one, output).unwrap().bytes);
            assert_eq!(made.dimensions(), if enlarge { (7, 3) } else { (1, 1) });
            assert_eq!(crop.is_some(), enlarge);
            assert!(made.to_rgb8().pixels().all(|pixel| pixel.0 == [0, 0, 0]));
        }
    }
    let column = |y: u32| Luma([(y % 251) as u8]);
    let tall = image::GrayImage::from_fn(1, 30_000, |_, y| column(y));
    for exif in 1..=8 {
        let input = stored(&tall.clone().into(), exif);
        for (y, top) in [(0.0, 0), (0.5, 14_995), (1.0, 29_990), (0.1, 2_995), (0.9999, 29_990)] {
            let output = Output { format: Some(Format::Pnm), ..cover(10, 10, (0.5, y)) };
            let made = decode(&in_pieces(&input, output.clone()).unwrap().bytes).to_luma8();
            assert_eq!(made.dimensions(), (1, 10));
            let expected: Vec<u8> = (top..top + 10).map(|y| column(y).0[0]).collect();
            assert_eq!(made.as_raw(), &expected, "{y} {exif}");
            // And one that is much enlarged, or much shrunk.
            for (width, height) in [(40, 40), (1, 1), (40, 1)] {
                let output = Output { width: Some(width), height: Some(height), ..output.clone() };
                let made = in_pieces(&input, Output { enlarge: true, ..output }).unwrap();
                assert_eq!((made.width, made.height), (width, height));
            }
        }
    }
}

/// How many bytes of a gray picture of 100x10000 are read in pieces of a row.
fn read(input: &Bytes, at: (f64, f64)) -> usize {
    let output = Output { format: Some(Format::Pnm), ..cover(100, 100, at) };
    let (made, pushed) = streamed(pieces(input, || 100), output, Effort::Bounded);
    assert_eq!(only(made.unwrap()).height, 100);
    pushed
}

#[test]
fn rows_behind_the_window_are_not_asked_for() {
    let mut pnm = b"P5 100 10000 255\n".to_vec();
    pnm.resize(pnm.len() + 1_000_000, 7);
    let pnm = Bytes::from(pnm);
    assert!(read(&pnm, (0.5, 0.0)) < 20_000);
    assert!((300_000..320_000).contains(&read(&pnm, (0.5, 0.3))));
    assert!((500_000..520_000).contains(&read(&pnm, (0.5, 0.5))));
    assert!(read(&pnm, (0.5, 1.0)) > 990_000);
    // A BMP begins with the last row.
    let gray = image::GrayImage::from_pixel(100, 10_000, Luma([7]));
    let bmp = encode(&gray.into(), ImageFormat::Bmp);
    assert!(read(&bmp, (0.5, 1.0)) < 30_000);
    assert!(read(&bmp, (0.5, 0.0)) > 990_000);
}

fn all(input: &Bytes, request: Request) -> Vec<Encoded> {
    let mut job = job(input.clone(), request);
    loop {
        match step(&mut job, Effort::Bounded).unwrap() {
            Step::Again => {}
            Step::Done(made) => return made,
            Step::TooBig | Step::NeedInput => panic!("all of the input is there"),
        }
    }
}

#[test]
fn each_output_has_its_own() {
    for name in ["photo.png", "photo.jpg", "orientation-6.jpg"] {
        let input = fixture(name);
        let outputs: Vec<_> = COMPASS.into_iter().map(|at| cover(30, 12, at)).collect();
        let made = all(&input, Request { outputs: outputs.clone(), ..Request::default() });
        for (output, made) in outputs.into_iter().zip(made) {
            let alone = in_pieces(&input, output.clone()).unwrap();
            assert!(alone == made, "{name}: {output:?}");
        }
    }
}

/// Sixteen bits that rise with the place, so that a pixel tells where it is from.
const RISE: f64 = 150.0;

fn slopes(width: u32, height: u32, across: bool) -> DynamicImage {
    let slope = |x: u32, y: u32| Luma([if across { x } else { y } as u16 * RISE as u16]);
    DynamicImage::ImageLuma16(image::ImageBuffer::from_fn(width, height, slope))
}

fn fraction() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(0.5),
        Just(1.0),
        (0u32..=1_000).prop_map(|parts| f64::from(parts) / 1_000.0),
        0.0..=1.0f64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// A thumbnail shows what lies in the window that the plan tells of: pixel by pixel it is from
    /// where it should be, and the same as if the window had been cut out beforehand.
    #[test]
    fn a_thumbnail_is_that_of_its_window(
        size in (1u32..40, 1u32..40),
        factor in 1u32..6,
        odd in any::<bool>(),
        more in 0u32..90,
        wide: bool,
        at in (fraction(), fraction()),
        exif in 1u8..=8,
        across: bool,
    ) {
        let longer = |side: u32, longer: bool| side * factor + if longer { more } else { 0 };
        // Either whole windows, or such as the proportions give.
        let width = longer(size.0, wide) + u32::from(odd);
        let height = longer(size.1, !wide);
        let shown = slopes(width, height, across);
        let input = stored(&shown, exif);
        let output = Output { filter: Filter::Bilinear, ..cover(size.0, size.1, at) };
        let made = decode(&in_pieces(&input, output.clone()).unwrap().bytes).to_luma16();
        let crop = crop_of(&input, output.clone());
        let window = crop.unwrap_or(CropBox {
            left: 0.0,
            top: 0.0,
            width: width.into(),
            height: height.into(),
        });
        prop_assert!(window.left >= 0.0 && window.left + window.width <= f64::from(width) + 1e-6);
        prop_assert!(window.top >= 0.0 && window.top + window.height <= f64::from(height) + 1e-6);
        // The point is in its middle, or it touches an edge.
        let copies = window.width == f64::from(made.width());
        let middle = |first: f64, part: f64, side: u32, at: f64| {
            let (side, rounding) = (f64::from(side), if copies { 0.5 } else { 0.0 });
            let off = side * at - (first + part / 2.0);
            off.abs() <= rounding + 1e-5
                || off < 0.0 && first == 0.0
                || off > 0.0 && first + part >= side - 1e-5
        };
        prop_assert!(middle(window.left, window.width, width, at.0), "{window:?}");
        prop_assert!(middle(window.top, window.height, height, at.1), "{window:?}");

        // Away from the edges, where kernels see less than they would like to.
        let ratio =
            (window.width / f64::from(made.width()), window.height / f64::from(made.height()));
        let inner = |x: u32, y: u32| {
            let (at, length) = if across { (x, made.width()) } else { (y, made.height()) };
            at >= 2 && at + 2 < length
        };
        for (x, y, pixel) in made.enumerate_pixels().filter(|&(x, y, _)| inner(x, y)) {
            let from = if across {
                window.left + (f64::from(x) + 0.5) * ratio.0
            } else {
                window.top + (f64::from(y) + 0.5) * ratio.1
            };
            let off = f64::from(pixel.0[0]) / RISE - (from - 0.5);
            prop_assert!(off.abs() < 0.1, "{x},{y} is {off} pixels off: {window:?} {output:?}");
        }

        let is_whole = [window.left, window.top, window.width, window.height]
            .iter()
            .all(|length| length.fract() == 0.0);
        if is_whole {
            let cut = shown.crop_imm(
                window.left as u32,
                window.top as u32,
                window.width as u32,
                window.height as u32,
            );
            let cut = encode(&cut, ImageFormat::Png);
            let fill = Output { fit: Fit::Fill, ..output };
            let cut = decode(&in_pieces(&cut, fill).unwrap().bytes).to_luma16();
            prop_assert_eq!(cut.dimensions(), made.dimensions());
            if ratio == (1.0, 1.0) {
                prop_assert_eq!(&cut, &made);
            }
            for (x, y, pixel) in cut.enumerate_pixels().filter(|&(x, y, _)| inner(x, y)) {
                let off = f64::from(pixel.0[0].abs_diff(made.get_pixel(x, y).0[0])) / RISE;
                prop_assert!(off < 0.1, "{x},{y} is {off} pixels off");
            }
        }
    }

    /// Of the planned size, and where pixels are only copied, those of the window.
    #[test]
    fn any_picture_at_any_place_is_made(
        source in (1u32..70, 1u32..70),
        size in (1u32..90, 1u32..90),
        at in (fraction(), fraction()),
        exif in 1u8..=8,
        filter in prop::sample::select(vec![Filter::Lanczos3, Filter::Nearest, Filter::Box]),
        enlarge: bool,
    ) {
        let shown = DynamicImage::ImageRgba8(picture(source.0, source.1, 3));
        let input = stored(&shown, exif);
        let output = Output { filter, enlarge, ..cover(size.0, size.1, at) };
        let planned = plan(input.clone(), output.clone()).unwrap();
        let made = in_pieces(&input, output).unwrap();
        let output = &planned.outputs[0];
        prop_assert_eq!((made.width, made.height), (output.width, output.height));
        let made = decode(&made.bytes).to_rgba8();
        if planned.outputs[0].crop.is_some_and(|crop| crop.width == f64::from(made.width())
            && [crop.left, crop.top].iter().all(|first| first.fract() == 0.0))
        {
            let crop = planned.outputs[0].crop.unwrap();
            let (left, top) = (crop.left as u32, crop.top as u32);
            let expected = shown.crop_imm(left, top, made.width(), made.height());
            prop_assert_eq!(made, expected.to_rgba8());
        }
    }
}
