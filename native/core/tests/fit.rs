//! Bars, backgrounds, crops that look at the picture, borders, and light: against the naive way,
//! and on every road.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{
    as_it_comes, decode, encode, fixture, in_pieces, job, mixture, picture, plan, psnr, run, sized,
    step, unbounded,
};
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use thumbelina_core::{
    Color, Effort, Encoded, Error, Filter, Fit, Format, Limit, Limits, Output, Position, Request,
    Step, Stop,
};

const PNG: Option<Format> = Some(Format::Png);

fn png(image: impl Into<DynamicImage>) -> Bytes {
    encode(&image.into(), ImageFormat::Png)
}

fn opaque(width: u32, height: u32, seed: u32) -> RgbImage {
    DynamicImage::ImageRgba8(picture(width, height, seed)).to_rgb8()
}

/// What comes out, on every road.
fn made(input: &Bytes, request: impl Into<Request>) -> Encoded {
    let request = request.into();
    let made = in_pieces(input, request.clone()).unwrap();
    assert!(unbounded(input, request.clone()) == Ok(made.clone()), "on the pool, {request:?}");
    assert!(as_it_comes(input, request.clone()) == Ok(made.clone()), "as it comes, {request:?}");
    assert!(run(input.clone(), request.clone(), mixture(9)) == Ok(made.clone()), "{request:?}");
    made
}

fn shown(input: &Bytes, request: impl Into<Request>) -> RgbaImage {
    decode(&made(input, request).bytes).to_rgba8()
}

#[test]
fn bars_are_around_the_picture_that_contain_makes() {
    for (source, size) in [((40, 30), (60, 20)), ((30, 40), (20, 60)), ((9, 7), (33, 30))] {
        let input = png(opaque(source.0, source.1, 3));
        for (x, y) in [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.25, 0.75)] {
            for enlarge in [false, true] {
                let contain = Output { format: PNG, enlarge, ..sized(size.0, size.1) };
                let inner = shown(&input, contain.clone());
                let pad = Output {
                    fit: Fit::Pad,
                    position: Position::Point(x, y),
                    background: Some(Color([1, 2, 3, 255])),
                    ..contain
                };
                let mut expected = RgbaImage::from_pixel(size.0, size.1, Rgba([1, 2, 3, 255]));
                let before = |side: u32, inner: u32, at: f64| {
                    let room = f64::from(side - inner) * at;
                    // Half a pixel is left out.
                    if room.fract() > 0.5 { room.ceil() as i64 } else { room.floor() as i64 }
                };
                let (left, top) =
                    (before(size.0, inner.width(), x), before(size.1, inner.height(), y));
                image::imageops::replace(&mut expected, &inner, left, top);
                assert_eq!(shown(&input, pad), expected, "{source:?} {size:?} {x},{y}");
            }
        }
    }
}

/// Sharp's and libvips' rounding: of an odd number of pixels, one more is below and to the right.
#[test]
fn of_odd_bars_the_second_is_wider() {
    let input = png(opaque(4, 2, 3));
    let pad = Output { fit: Fit::Pad, format: PNG, ..sized(7, 7) };
    let shown = shown(&input, pad);
    let is_clear = |x, y| shown.get_pixel(x, y).0[3] == 0;
    let clear: Vec<bool> = (0..7).map(|x| is_clear(x, 3)).collect();
    assert_eq!(clear, [true, false, false, false, false, true, true]);
    let clear: Vec<bool> = (0..7).map(|y| is_clear(3, y)).collect();
    assert_eq!(clear, [true, true, false, false, true, true, true]);
}

/// What is cut off without being resized keeps its pixels, also where their number is odd.
#[test]
fn the_middle_of_a_picture_is_copied() {
    let source = opaque(23, 15, 3);
    let input = png(source.clone());
    for (width, height) in [(23, 8), (12, 15), (40, 8), (12, 40)] {
        let cover = Output { fit: Fit::Cover, format: PNG, ..sized(width, height) };
        let shown = shown(&input, cover);
        let (width, height) = (width.min(23), height.min(15));
        let (left, top) = ((23 - width).div_ceil(2), (15 - height).div_ceil(2));
        let expected = image::imageops::crop_imm(&source, left, top, width, height).to_image();
        assert_eq!(DynamicImage::from(shown).to_rgb8(), expected, "{width}x{height}");
    }
}

#[test]
fn without_a_background_bars_are_clear_or_white() {
    let input = png(opaque(20, 10, 3));
    for format in [Format::Png, Format::Webp, Format::Bmp, Format::Tiff] {
        let pad = Output { fit: Fit::Pad, format: Some(format), ..sized(20, 30) };
        let shown = shown(&input, pad.clone());
        assert_eq!(shown.dimensions(), (20, 30));
        let bars = [shown.get_pixel(3, 9).0, shown.get_pixel(3, 20).0];
        assert_eq!((bars, shown.get_pixel(3, 10).0[3]), ([[0; 4]; 2], 255), "{format}");
        let half = Output { background: Some(Color([0, 0, 0, 128])), ..pad };
        assert_eq!(self::shown(&input, half).get_pixel(3, 9).0, [0, 0, 0, 128], "{format}");
    }
    let jpeg = Output { fit: Fit::Pad, format: Some(Format::Jpeg), ..sized(20, 90) };
    assert_eq!(shown(&input, jpeg).get_pixel(3, 3).0, [255; 4]);
    // A gray picture stays one with gray bars, and gets colors with others.
    let gray = png(DynamicImage::ImageRgb8(opaque(20, 10, 3)).to_luma8());
    for (bar, is_gray) in [([9, 9, 9, 255], true), ([9, 8, 9, 255], false)] {
        let background = Some(Color(bar));
        let pad = Output { fit: Fit::Pad, format: PNG, background, ..sized(20, 30) };
        let shown = decode(&made(&gray, pad).bytes);
        assert_eq!(shown.color().has_color(), !is_gray);
        assert_eq!((shown.color().has_alpha(), shown.get_pixel(0, 0).0), (false, bar));
    }
}

#[test]
fn a_background_is_behind_what_shows_through() {
    let source = RgbaImage::from_fn(8, 8, |x, _| Rgba([200, 100, 0, if x < 4 { 0 } else { 128 }]));
    let input = png(source);
    let onto = |background, format| {
        let output = Output { background: Some(Color(background)), format, ..sized(8, 8) };
        decode(&made(&input, output).bytes)
    };
    for format in [PNG, Some(Format::Bmp), Some(Format::Pnm)] {
        let shown = onto([0, 0, 255, 255], format);
        assert!(!shown.color().has_alpha(), "{format:?}");
        assert_eq!(shown.get_pixel(0, 0).0, [0, 0, 255, 255]);
        assert_eq!(shown.get_pixel(7, 7).0, [100, 50, 127, 255]);
    }
    let shown = onto([0, 0, 255, 128], PNG);
    assert_eq!(shown.get_pixel(0, 0).0, [0, 0, 255, 128]);
    assert_eq!(shown.get_pixel(7, 7).0[3], 192);
}

#[test]
fn outside_covers_the_box_and_cuts_nothing_off() {
    let input = png(opaque(64, 48, 1));
    let outside = |w, h, enlarge| Output { fit: Fit::Outside, enlarge, ..sized(w, h) };
    for (output, expected) in [
        (outside(20, 20, false), (27, 20)),
        (outside(32, 1, false), (32, 24)),
        (outside(200, 20, false), (64, 48)),
        (outside(200, 20, true), (200, 150)),
        (outside(1, 1, false), (1, 1)),
    ] {
        let planned = &plan(input.clone(), output).unwrap().outputs[0];
        assert_eq!(((planned.width, planned.height), planned.crop), (expected, None));
    }
}

/// What was chosen is a part of the picture that `Outside` makes.
#[test]
fn a_chosen_crop_is_a_part_of_the_covering_picture() {
    for name in ["photo.jpg", "photo-16bit.png", "alpha.png", "photo-float.tif", "alpha-gray.png"] {
        let input = fixture(name);
        for (width, height) in [(40, 90), (90, 40), (31, 31), (700, 20)] {
            let whole = Output { fit: Fit::Outside, format: PNG, ..sized(width, height) };
            let cover = Output { fit: Fit::Cover, ..whole.clone() };
            let whole = shown(&input, whole);
            for position in [Position::Attention, Position::Entropy] {
                let output = Output { position, ..cover.clone() };
                let planned = plan(input.clone(), output.clone()).unwrap();
                assert_eq!(planned.outputs[0].crop, None);
                let made = shown(&input, output);
                let found = (0..=whole.height() - made.height()).any(|top| {
                    (0..=whole.width() - made.width()).any(|left| {
                        let part = whole.view(left, top, made.width(), made.height());
                        part.pixels().all(|(x, y, pixel)| pixel == *made.get_pixel(x, y))
                    })
                });
                assert!(found, "{name} {width}x{height} {position:?}");
            }
        }
    }
}

#[test]
fn a_chosen_crop_follows_the_picture() {
    let at = |left: u32| {
        let flat = RgbImage::from_fn(600, 200, |x, y| {
            let within = (left..left + 120).contains(&x) && (40..160).contains(&y);
            if within && (x / 6 + y / 6) % 2 == 0 { Rgb([230, 60, 60]) } else { Rgb([70, 80, 90]) }
        });
        png(flat)
    };
    for left in [0, 200, 470] {
        for position in [Position::Attention, Position::Entropy] {
            let cover = Output { fit: Fit::Cover, position, format: PNG, ..sized(60, 60) };
            let shown = shown(&at(left), cover);
            let red = shown.pixels().filter(|pixel| pixel.0[0] > 130).count();
            assert!(red > 500, "{position:?} at {left}: {red} pixels");
        }
    }
}

#[test]
fn the_picture_before_a_chosen_crop_is_limited() {
    let input = png(opaque(500, 1, 3));
    let limits = Limits { max_pixels: 10_000, ..Limits::default() };
    let cover = |position| Output { fit: Fit::Cover, enlarge: true, position, ..sized(50, 50) };
    let made = in_pieces(&input, Request { limits, ..cover(Position::default()).into() });
    assert!(made.is_ok());
    let refused = in_pieces(&input, Request { limits, ..cover(Position::Attention).into() });
    let limit = Error::Limit { limit: Limit::MaxPixels, value: 1_250_000, maximum: 10_000 };
    assert_eq!(refused, Err(limit));
}

/// A patch in a border of one color.
fn framed(size: (u32, u32), patch: (u32, u32, u32, u32)) -> RgbImage {
    let inner = opaque(patch.2, patch.3, 5);
    let mut framed = RgbImage::from_pixel(size.0, size.1, Rgb([250, 249, 248]));
    image::imageops::replace(&mut framed, &inner, patch.0.into(), patch.1.into());
    framed
}

#[test]
fn a_border_is_cut_off_before_anything_else() {
    let (size, patch) = ((90, 70), (13, 9, 50, 40));
    let framed = framed(size, patch);
    let cut = png(framed.view(patch.0, patch.1, patch.2, patch.3).to_image());
    let kinds = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif];
    for kind in kinds {
        let input = encode(&framed.clone().into(), kind);
        for output in [
            sized(20, 20),
            sized(50, 40),
            Output { fit: Fit::Cover, ..sized(11, 30) },
            Output { fit: Fit::Cover, position: Position::Attention, ..sized(11, 30) },
            Output { fit: Fit::Pad, ..sized(30, 30) },
            Output { filter: Filter::Nearest, ..sized(17, 17) },
        ] {
            let output = Output { format: PNG, ..output };
            let trim = Some(10.0);
            let trimmed = shown(&input, Request { trim, ..output.clone().into() });
            let expected = shown(&cut, output.clone());
            // A palette of 256 is not quite the picture.
            let is_same = if kind == ImageFormat::Gif {
                trimmed.dimensions() == expected.dimensions() && psnr(&trimmed, &expected) > 20.0
            } else {
                trimmed == expected
            };
            assert!(is_same, "{kind:?} {output:?}");
        }
    }
}

#[test]
fn a_border_of_a_jpeg_is_found_at_its_full_size() {
    let (size, patch) = ((640, 480), (131, 75, 301, 333));
    let framed = framed(size, patch);
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
    framed.write_with_encoder(encoder).unwrap();
    let request = Request { trim: Some(20.0), ..Output { format: PNG, ..sized(60, 60) }.into() };
    let trimmed = shown(&Bytes::from(jpeg), request);
    let cut = png(framed.view(patch.0, patch.1, patch.2, patch.3).to_image());
    let expected = shown(&cut, Output { format: PNG, ..sized(60, 60) });
    assert_eq!(trimmed.dimensions(), expected.dimensions());
    assert!(psnr(&trimmed, &expected) > 30.0, "{}", psnr(&trimmed, &expected));
}

#[test]
fn nothing_but_a_border_is_left_as_it_is() {
    let input = png(RgbImage::from_pixel(30, 20, Rgb([7, 7, 7])));
    let request = Request { trim: Some(10.0), ..sized(10, 10).into() };
    let made = made(&input, request);
    assert_eq!((made.width, made.height), (10, 7));
}

#[test]
fn orientation_is_left_if_it_is_not_wanted() {
    let input = fixture("orientation-6.jpg");
    let output = Output { format: PNG, ..sized(30, 30) };
    let upright = shown(&input, output.clone());
    let stored = shown(&input, Request { autorotate: false, ..output.into() });
    assert_eq!(upright.dimensions(), (30, 20));
    let turned = DynamicImage::ImageRgba8(stored).rotate90().to_rgba8();
    assert_eq!(turned.dimensions(), (30, 20));
    assert!(psnr(&turned, &upright) > 40.0, "{}", psnr(&turned, &upright));
}

/// Stripes of black and white are half of the light, which is the gray 188 and not 128.
#[test]
fn light_is_averaged() {
    for stripe in [1, 2] {
        let stripes = RgbImage::from_fn(256, 256, |x, _| Rgb([(x / stripe % 2 * 255) as u8; 3]));
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 100);
        stripes.write_with_encoder(encoder).unwrap();
        let words = DynamicImage::ImageRgb8(stripes.clone()).to_rgb16();
        for input in [png(stripes), png(words), Bytes::from(jpeg)] {
            let output = Output { linear: true, format: PNG, ..sized(16, 16) };
            let linear = decode(&made(&input, output.clone()).bytes);
            assert!(!linear.color().has_alpha());
            let middle = linear.to_rgb8().get_pixel(8, 8).0;
            assert!(middle.iter().all(|&c| c.abs_diff(188) <= 1), "{middle:?}");
            let encoded = shown(&input, Output { linear: false, ..output });
            let middle = encoded.get_pixel(8, 8).0;
            assert!(middle[..3].iter().all(|&c| c.abs_diff(128) <= 1), "{middle:?}");
        }
    }
}

#[test]
fn light_keeps_alpha_and_depth() {
    let half = RgbaImage::from_fn(64, 64, |x, _| {
        if x % 2 == 0 { Rgba([255, 255, 255, 255]) } else { Rgba([255, 0, 0, 0]) }
    });
    let words = DynamicImage::ImageRgba8(half.clone()).to_rgba16();
    for (input, bytes) in [(png(half), 4), (png(words), 8)] {
        let output = Output { linear: true, format: PNG, ..sized(8, 8) };
        let shown = decode(&made(&input, output).bytes);
        assert_eq!(shown.color().bytes_per_pixel(), bytes);
        // What is clear has no color, and alpha is no light.
        let pixel = shown.to_rgba8().get_pixel(4, 4).0;
        assert!(pixel[..3] == [255; 3] && pixel[3].abs_diff(128) <= 1, "{pixel:?}");
    }
}

#[test]
fn where_nothing_is_resampled_light_changes_nothing() {
    let source = opaque(40, 30, 2);
    let input = png(source.clone());
    let output = Output { linear: true, format: PNG, ..sized(40, 30) };
    assert_eq!(decode(&made(&input, output).bytes).to_rgb8(), source);
}

/// No step of looking is longer than those of a normal scheduler may be.
#[test]
fn no_look_is_too_big() {
    for (width, height) in [(1_500, 700), (2_000, 3), (3, 9_000)] {
        let input = encode(&opaque(width, height, 3).into(), ImageFormat::Pnm);
        let side = width.min(height) / 2 + 1;
        for position in [Position::Attention, Position::Entropy] {
            let cover = Output { fit: Fit::Cover, position, format: PNG, ..sized(side, side) };
            let mut job = job(input.clone(), cover);
            loop {
                match job.step(Effort::Bounded, &Stop::new()).unwrap() {
                    Step::Again => {}
                    Step::Done(_) => break,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn requests() -> impl Strategy<Value = Request> {
    let fits =
        prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill, Fit::Pad, Fit::Outside]);
    let positions = prop_oneof![
        Just(Position::Attention),
        Just(Position::Entropy),
        (0.0..=1.0f64, 0.0..=1.0f64).prop_map(|(x, y)| Position::Point(x, y)),
    ];
    let backgrounds = prop::option::of(any::<[u8; 4]>().prop_map(Color));
    let filters = prop::sample::select(vec![Filter::Lanczos3, Filter::Nearest, Filter::Box]);
    let formats = prop::sample::select(vec![
        None,
        Some(Format::Jpeg),
        PNG,
        Some(Format::Tiff),
        Some(Format::Openexr),
        Some(Format::Farbfeld),
    ]);
    let side = || prop::option::of(1u32..120);
    let options = (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(0.0..40.0f32));
    (side(), side(), fits, positions, backgrounds, filters, formats, options).prop_map(
        |(width, height, fit, position, background, filter, format, options)| {
            let (enlarge, linear, autorotate, trim) = options;
            let output = Output {
                width,
                height,
                fit,
                position,
                background,
                filter,
                format,
                enlarge,
                linear,
                ..Output::default()
            };
            Request { autorotate, trim, ..output.into() }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// On every road the same, of the planned size.
    #[test]
    fn anything_together_is_the_same_on_every_scheduler(
        size in (1u32..100, 1u32..100),
        kind in 0..6,
        seed: u32,
        request in requests(),
    ) {
        let picture = DynamicImage::ImageRgba8(picture(size.0, size.1, seed));
        let picture = match kind {
            0 => picture,
            1 => picture.to_rgb8().into(),
            2 => picture.to_luma8().into(),
            3 => picture.to_luma_alpha8().into(),
            4 => picture.to_rgba16().into(),
            _ => picture.to_luma16().into(),
        };
        let input = png(picture);
        let made = made(&input, request.clone());
        if request.trim.is_none() {
            let planned = plan(input, request).unwrap();
            let output = &planned.outputs[0];
            prop_assert_eq!((made.width, made.height), (output.width, output.height));
        }
    }

    /// Fixtures in orientations, formats and depths of their own.
    #[test]
    fn so_are_fixtures(
        name in prop::sample::select(vec![
            "orientation-5.jpg", "orientation-6.png", "orientation-7.jpg", "photo-topdown.bmp",
            "photo.bmp", "photo.tga", "photo-float.tif", "alpha.tif", "alpha.gif", "photo.exr",
            "photo-16bit.png", "photo-progressive.jpg", "alpha-gray.png", "1x1.png",
        ]),
        request in requests(),
    ) {
        made(&fixture(name), request);
    }
}

/// Both pictures of a comparison are made by jobs, like thumbnails.
#[test]
fn a_comparison_takes_steps() {
    use thumbelina_core::{Comparison, Encoding, Reference};
    let input = png(opaque(300, 200, 4));
    let asked = |comparison| Output { comparison: Some(comparison), ..Output::default() };
    let plain = made(&input, asked(Comparison::Reference));
    assert_eq!((plain.width, plain.height, plain.encoding), (300, 200, Encoding::Comparison));
    assert_eq!(plain.bytes, opaque(300, 200, 4).into_raw());
    let reference = Reference { width: 300, height: 200, pixels: plain.bytes.into() };
    let same = made(&input, asked(Comparison::With(reference.clone())));
    let floats = |bytes: &[u8]| -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|&float| f64::from_be_bytes(float)).collect()
    };
    assert_eq!(floats(&same.bytes), [0.0, 1.0]);
    let other = made(&png(opaque(300, 200, 5)), asked(Comparison::With(reference.clone())));
    assert!(floats(&other.bytes)[0] > 1.0 && floats(&other.bytes)[1] < 0.99);
    let smaller = made(&png(opaque(30, 20, 5)), asked(Comparison::With(reference)));
    assert_eq!((smaller.width, smaller.height, smaller.bytes), (30, 20, vec![]));
    // Of an orientation, it is the picture as shown.
    let turned = made(&fixture("orientation-6.png"), asked(Comparison::Reference));
    assert_eq!((turned.width, turned.height), (60, 40));
    let mut job = job(input, asked(Comparison::Reference));
    while !matches!(step(&mut job, Effort::Bounded).unwrap(), Step::Done(_)) {}
}
