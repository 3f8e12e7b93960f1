//! Profiles and what stands for one, in the files that have them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "common/profile.rs"]
mod profile;

use bytes::Bytes;
use common::{Made, in_pieces, job, only, step_here, unbounded};
use image::{DynamicImage, ImageEncoder};
use thumbelina_core::{
    ColorSpace, Effort, Encoded, Format, Limits, Output, OutputColor, ProfileUse, Request, Step,
    Stop,
};

/// What a profile can be in.
#[derive(Debug, Clone, Copy)]
enum File {
    Png,
    Jpeg,
    Webp,
}

const FILES: [File; 3] = [File::Png, File::Jpeg, File::Webp];

/// A picture of one color with a profile.
fn file(file: File, picture: &DynamicImage, icc: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let (width, height) = (picture.width(), picture.height());
    let (bytes, color) = (picture.as_bytes(), picture.color().into());
    match file {
        File::Png => {
            let mut encoder = image::codecs::png::PngEncoder::new(&mut out);
            encoder.set_icc_profile(icc.to_vec()).unwrap();
            encoder.write_image(bytes, width, height, color).unwrap();
        }
        File::Jpeg => {
            let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 100);
            encoder.set_icc_profile(icc.to_vec()).unwrap();
            encoder.write_image(bytes, width, height, color).unwrap();
        }
        File::Webp => {
            let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut out);
            encoder.set_icc_profile(icc.to_vec()).unwrap();
            encoder.write_image(bytes, width, height, color).unwrap();
        }
    }
    out.into()
}

fn rgb(color: [u8; 3]) -> DynamicImage {
    image::RgbImage::from_pixel(40, 30, image::Rgb(color)).into()
}

fn png() -> Request {
    let output = Output { width: Some(10), format: Some(Format::Png), ..Output::default() };
    output.into()
}

/// The thumbnail, however it is made, and what became of the profile.
fn made(input: &Bytes, request: &Request) -> (DynamicImage, ProfileUse) {
    let pieces = in_pieces(input, request.clone()).unwrap();
    assert!(pieces == unbounded(input, request.clone()).unwrap());
    let mut job = job(input.clone(), request.clone());
    let again: Encoded = loop {
        match step_here(&mut job, Effort::Bounded).unwrap() {
            Step::Done(made) => break only(made),
            Step::Again => {}
            step => panic!("{step:?}"),
        }
    };
    assert!(pieces == again);
    (common::decode(&pieces.bytes), job.profile_use())
}

/// The color in the middle of the thumbnail.
fn shown(input: &Bytes) -> [u8; 3] {
    made(input, &png()).0.to_rgb8().get_pixel(5, 3).0
}

#[track_caller]
fn assert_near(found: [u8; 3], expected: [u8; 3], most: u8) {
    let is_near = found.iter().zip(expected).all(|(&a, b)| a.abs_diff(b) <= most);
    assert!(is_near, "{found:?} is not {expected:?}");
}

#[test]
fn a_swapped_profile_is_applied_in_every_file() {
    for kind in FILES {
        let input = file(kind, &rgb([200, 80, 30]), &profile::swapped());
        assert_near(shown(&input), [30, 80, 200], 3);
        assert_eq!(made(&input, &png()).1, ProfileUse::Applied);
    }
}

/// The colors are those that Little CMS makes of these.
#[test]
fn wide_gamuts_come_out_as_bright_as_they_are() {
    let gamma = profile::gamma(563.0 / 256.0);
    let cases = [
        (profile::matrix(4, profile::DISPLAY_P3, &profile::srgb_curve()), [217, 42, 39]),
        (profile::matrix(2, profile::ADOBE_RGB, &gamma), [231, 57, 46]),
        (profile::matrix(2, profile::PROPHOTO, &profile::gamma(1.8)), [255, 0, 60]),
    ];
    for (icc, expected) in cases {
        for kind in FILES {
            let input = file(kind, &rgb([200, 60, 50]), &icc);
            assert_near(shown(&input), expected, 5);
        }
    }
}

#[test]
fn words_keep_their_precision() {
    let icc = profile::swapped();
    let picture = image::ImageBuffer::from_pixel(40, 30, image::Rgb([50_001u16, 20_003, 8_009]));
    let input = file(File::Png, &picture.into(), &icc);
    let found = made(&input, &png()).0.to_rgb16().get_pixel(5, 3).0;
    for (found, expected) in found.into_iter().zip([8_009u16, 20_003, 50_001]) {
        assert!(found.abs_diff(expected) < 24, "{found} is not {expected}");
    }
}

#[test]
fn alpha_stays_as_it_is_and_is_no_part_of_the_color() {
    let picture = image::RgbaImage::from_pixel(40, 30, image::Rgba([200, 80, 30, 100]));
    for kind in [File::Png, File::Webp] {
        let input = file(kind, &picture.clone().into(), &profile::swapped());
        let [r, g, b, a] = made(&input, &png()).0.to_rgba8().get_pixel(5, 3).0;
        assert_near([r, g, b], [30, 80, 200], 3);
        assert_eq!(a, 100);
    }
}

#[test]
fn gray_has_profiles_too() {
    let picture: DynamicImage = image::GrayImage::from_pixel(40, 30, image::Luma([128])).into();
    // 0.5 to the power of 1.8 is the sRGB gray 145; L* of 50 is 119.
    let lightness = profile::gray(b"Lab ", profile::gamma(1.0));
    let cases = [(profile::gray(b"XYZ ", profile::gamma(1.8)), 146), (lightness, 119)];
    for (icc, expected) in cases {
        for kind in [File::Png, File::Jpeg] {
            let input = file(kind, &picture, &icc);
            let (shown, used) = made(&input, &png());
            assert_eq!(used, ProfileUse::Applied);
            assert_near([shown.to_luma8().get_pixel(5, 3).0[0]; 3], [expected; 3], 2);
            assert_eq!(shown.color(), image::ColorType::L8);
        }
    }
}

/// Not a byte of the output is another, and not a step is taken more.
#[test]
fn srgb_by_any_name_costs_nothing() {
    let picture: DynamicImage = common::picture(300, 200, 5).into();
    let picture: DynamicImage = picture.to_rgb8().into();
    let srgb = |x: f64| {
        if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    };
    for icc in [
        profile::matrix(4, profile::SRGB, &profile::srgb_curve()),
        profile::matrix(2, profile::SRGB, &profile::curve(srgb)),
    ] {
        let with = file(File::Png, &picture, &icc);
        let without = common::encode(&picture, image::ImageFormat::Png);
        let steps = |input: &Bytes| {
            let mut job = job(input.clone(), png());
            let stop = Stop::new();
            let mut steps = 0;
            loop {
                steps += 1;
                match job.step(Effort::Unbounded(None), &stop).unwrap() {
                    Step::Done(made) => return (only(made), steps, job.profile_use()),
                    Step::Again => {}
                    step => panic!("{step:?}"),
                }
            }
        };
        let (plain, plain_steps, none) = steps(&without);
        let (tagged, tagged_steps, used) = steps(&with);
        assert_eq!((none, used), (ProfileUse::None, ProfileUse::Applied));
        assert!(plain == tagged && plain_steps == tagged_steps);
    }
}

#[test]
fn a_profile_that_is_broken_or_for_other_numbers_is_ignored() {
    let swapped = profile::swapped();
    let mut cut = swapped.clone();
    cut.truncate(200);
    let mut other = swapped.clone();
    other[16..20].copy_from_slice(b"HSV ");
    let strange = [
        b"no profile".to_vec(),
        cut,
        other,
        profile::gray(b"XYZ ", profile::gamma(1.8)),
        profile::cmyk(),
    ];
    for icc in strange {
        let input = file(File::Png, &rgb([200, 80, 30]), &icc);
        assert_near(shown(&input), [200, 80, 30], 0);
        assert_eq!(made(&input, &png()).1, ProfileUse::Ignored);
    }
}

#[test]
fn a_table_is_looked_up() {
    // Every color becomes a gray of the lightness that its green has.
    let table = profile::table(3, |color| [100.0 * color[1], 0.0, 0.0]);
    let icc = profile::profile(2, b"RGB ", b"Lab ", &[(*b"A2B1", table)]);
    for kind in FILES {
        let input = file(kind, &rgb([200, 128, 30]), &icc);
        assert_near(shown(&input), [120; 3], 3);
    }
}

/// Chunks in front of the picture's data.
fn with_chunks(chunks: &[(&[u8; 4], &[u8])], color: [u8; 3]) -> Bytes {
    let plain = common::encode(&rgb(color), image::ImageFormat::Png);
    let mut out = plain[..33].to_vec();
    for (kind, data) in chunks {
        let named = [&kind[..], data].concat();
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(&named);
        let mut crc = flate2::Crc::new();
        crc.update(&named);
        out.extend(crc.sum().to_be_bytes());
    }
    out.extend(&plain[33..]);
    out.into()
}

fn color_of(input: &Bytes) -> ColorSpace {
    common::probe(input.clone(), &Limits::default()).unwrap().color
}

#[test]
fn chunks_of_png_have_their_order() {
    let gamma = (b"gAMA", &100_000u32.to_be_bytes()[..]);
    let srgb = (b"sRGB", &[0u8][..]);
    let p3 = (b"cICP", &[12u8, 13, 0, 1][..]);
    let shown_with = |chunks: &[(&[u8; 4], &[u8])]| shown(&with_chunks(chunks, [200, 60, 50]));
    assert_near(shown_with(&[]), [200, 60, 50], 0);
    // Linear light.
    assert_near(shown_with(&[gamma]), [228, 133, 122], 1);
    assert_near(shown_with(&[gamma, srgb]), [200, 60, 50], 0);
    assert_near(shown_with(&[gamma, srgb, p3]), [217, 42, 39], 1);
    // One that says nothing is passed over.
    let unknown = (b"cICP", &[2u8, 2, 0, 1][..]);
    assert_near(shown_with(&[gamma, unknown]), [228, 133, 122], 1);
}

#[test]
fn a_narrow_range_is_widened() {
    let narrow = (b"cICP", &[1u8, 13, 0, 0][..]);
    assert_near(shown(&with_chunks(&[narrow], [235, 16, 126])), [255, 0, 128], 1);
}

/// A profile that inflates to more than one may have is cut off, and takes no more memory.
#[test]
fn a_profile_that_inflates_without_end_is_ignored() {
    use std::io::Write;
    let mut packed = b"bomb\0\0".to_vec();
    let level = flate2::Compression::best();
    let mut encoder = flate2::write::ZlibEncoder::new(&mut packed, level);
    let mut start = profile::swapped();
    start[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    encoder.write_all(&start[..128]).unwrap();
    encoder.write_all(&vec![0xAA; 64 << 20]).unwrap();
    drop(encoder);
    let input = with_chunks(&[(b"iCCP", &packed)], [200, 60, 50]);
    let ColorSpace::Icc(profile) = color_of(&input) else { panic!("it is a profile") };
    assert!(profile.len() <= 4 << 20);
    assert_near(shown(&input), [200, 60, 50], 0);
}

/// The segments of a JPEG's profile.
fn in_segments(icc: &[u8], order: &[usize], of: usize) -> Bytes {
    let plain = common::encode(&rgb([200, 80, 30]), image::ImageFormat::Jpeg);
    let each = icc.len().div_ceil(of);
    let mut out = plain[..2].to_vec();
    for &number in order {
        let data = icc.chunks(each).nth(number).unwrap();
        out.extend([0xFF, 0xE2]);
        out.extend((data.len() as u16 + 16).to_be_bytes());
        out.extend(b"ICC_PROFILE\0");
        out.extend([number as u8 + 1, of as u8]);
        out.extend(data);
    }
    out.extend(&plain[2..]);
    out.into()
}

#[test]
fn segments_come_in_any_order_and_all_are_needed() {
    let icc = profile::swapped();
    for order in [&[0, 1, 2][..], &[2, 0, 1], &[1, 1, 0, 2]] {
        let input = in_segments(&icc, order, 3);
        assert_near(shown(&input), [30, 80, 200], 3);
    }
    let missing = in_segments(&icc, &[0, 2], 3);
    assert_near(shown(&missing), [200, 80, 30], 3);
}

/// As phones write it: a gain map behind the picture, and a segment that says where.
#[test]
fn a_picture_with_a_gain_map_shows_its_base() {
    let base = common::encode(&rgb([200, 80, 30]), image::ImageFormat::Jpeg);
    let map = common::encode(&rgb([9, 9, 9]), image::ImageFormat::Jpeg);
    let directory = [&b"MPF\0MM\0*\0\0\0\x08"[..], &[0; 64]].concat();
    let mut ultra = base[..2].to_vec();
    ultra.extend([0xFF, 0xE2]);
    ultra.extend((directory.len() as u16 + 2).to_be_bytes());
    ultra.extend(directory);
    ultra.extend(&base[2..]);
    ultra.extend(map);
    let ultra = Bytes::from(ultra);
    assert!(in_pieces(&ultra, png()).unwrap() == in_pieces(&base, png()).unwrap());
    assert_eq!(color_of(&ultra), ColorSpace::Srgb);
}

#[test]
fn bright_floats_are_bent_and_others_are_not() {
    let shown = |values: [f32; 3], brightest: f32| {
        let mut picture = image::Rgb32FImage::from_pixel(40, 30, image::Rgb(values));
        for x in 0..40 {
            picture.put_pixel(x, 0, image::Rgb([brightest; 3]));
        }
        let input = common::encode(&picture.into(), image::ImageFormat::OpenExr);
        made(&input, &png()).0.to_rgb8().get_pixel(5, 5).0
    };
    // 0.5 is the sRGB 188, 0.2 is 124.
    assert_near(shown([0.5, 0.2, 1.0], 1.0), [188, 124, 255], 1);
    let [r, g, b] = shown([0.5, 0.2, 1.0], 6.0);
    assert!((170..190).contains(&r) && (110..126).contains(&g) && (215..245).contains(&b));
    assert!(shown([6.0; 3], 6.0)[0] > 250);
}

#[test]
fn floats_stay_as_bright_in_floats() {
    let picture = image::Rgb32FImage::from_pixel(40, 30, image::Rgb([4.0, 0.5, 0.25]));
    let input = common::encode(&picture.into(), image::ImageFormat::OpenExr);
    let output = Output { width: Some(10), ..Output::default() };
    let made: Made = in_pieces(&input, output).map(|made| vec![made]);
    let shown = common::decode(&only(made.unwrap()).bytes).to_rgb32f();
    assert!((shown.get_pixel(5, 3).0[0] - 4.0).abs() < 0.01);
}

/// PQ has its white at 58 %.
#[test]
fn pq_is_tone_mapped() {
    let pq = (b"cICP", &[9u8, 16, 0, 1][..]);
    assert_near(shown(&with_chunks(&[pq], [148; 3])), [255; 3], 3);
    let bright = shown(&with_chunks(&[pq], [192; 3]));
    assert!(bright.iter().all(|&c| c > 250));
}

#[test]
fn numbers_and_their_profile_can_be_kept() {
    let icc = profile::swapped();
    for kind in FILES {
        let input = file(kind, &rgb([200, 80, 30]), &icc);
        for format in [Format::Png, Format::Jpeg, Format::Webp, Format::Tiff] {
            let output = Output {
                width: Some(10),
                format: Some(format),
                color: OutputColor::Keep,
                ..Output::default()
            };
            let kept = in_pieces(&input, output).unwrap();
            let shown = common::decode(&kept.bytes).to_rgb8().get_pixel(5, 3).0;
            assert_near(shown, [200, 80, 30], 4);
            let again = common::probe(kept.bytes.into(), &Limits::default()).unwrap();
            if format != Format::Tiff {
                assert_eq!(again.color, ColorSpace::Icc(icc.clone().into()), "{format}");
            }
        }
        // What has no place for a profile is converted.
        let output = Output {
            width: Some(10),
            format: Some(Format::Bmp),
            color: OutputColor::Keep,
            ..Output::default()
        };
        let made = in_pieces(&input, output).unwrap();
        assert_near(common::decode(&made.bytes).to_rgb8().get_pixel(5, 3).0, [30, 80, 200], 4);
    }
}

/// However a profile is changed, there is a picture, and no piece of work is a panic.
#[test]
fn changed_profiles_do_no_harm() {
    let table = profile::table(3, |color| [100.0 * color[1], 0.0, 0.0]);
    let kinds = [
        (rgb([200, 80, 30]), profile::swapped()),
        (rgb([200, 80, 30]), profile::matrix(2, profile::SRGB, &profile::curve(|x| x * x))),
        (rgb([200, 80, 30]), profile::profile(2, b"RGB ", b"Lab ", &[(*b"A2B0", table)])),
        (
            image::GrayImage::from_pixel(9, 9, image::Luma([128])).into(),
            profile::gray(b"Lab ", profile::gamma(1.8)),
        ),
    ];
    let mut seed = 0x9E37_79B9u32;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize % below
    };
    for (picture, icc) in kinds {
        for _ in 0..150 {
            let mut changed = icc.clone();
            for _ in 0..1 + next(4) {
                // Most of what matters stands at the front.
                let at =
                    if next(3) == 0 { next(changed.len()) } else { next(400.min(changed.len())) };
                changed[at] = [0, 1, 0x7F, 0x80, 0xFF, next(256) as u8][next(6)];
            }
            if next(8) == 0 {
                changed.truncate(next(changed.len()));
            }
            let input = file(File::Png, &picture, &changed);
            assert!(common::run(input, png(), || Effort::Unbounded(None)).is_ok());
        }
    }
}
