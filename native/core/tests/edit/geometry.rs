//! Turns, flips and crops.

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use thumbelina_core::{
    Crop, EncodeOptions, Error, Fit, Format, Operation, Orientation, Output, Place, Position,
};

use crate::common::{decode, encode, in_pieces, sized};
use crate::{crop, edit, edited, rgb, rotate};

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
