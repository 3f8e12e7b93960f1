//! Placeholders: what they are made of, beside pictures and in small steps.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{encode, fixture, in_pieces, job, only, picture, plan, sized, step, unbounded};
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{
    Effort, Encoded, Encoding, Error, Format, Limit, Output, Placeholder, Request, Step, Stop,
};

fn made(input: &Bytes, placeholder: Placeholder) -> Vec<u8> {
    in_pieces(input, placeholder.output()).unwrap().bytes
}

fn png(image: impl Into<DynamicImage>) -> Bytes {
    encode(&image.into(), ImageFormat::Png)
}

/// All outputs of one job.
fn all(input: &Bytes, outputs: Vec<Output>) -> Vec<Encoded> {
    let mut job = job(input.clone(), Request { outputs, ..Request::default() });
    loop {
        if let Step::Done(made) = step(&mut job, Effort::Bounded).unwrap() {
            return made;
        }
    }
}

#[test]
fn beside_thumbnails_they_are_made_of_the_same_rows() {
    for name in ["photo.png", "alpha.png", "photo-16bit.png", "orientation-6.png"] {
        let input = fixture(name);
        let thumbnail = Output { format: Some(Format::Png), ..sized(60, 60) };
        let mut outputs = vec![thumbnail.clone()];
        outputs.extend(Placeholder::ALL.map(Placeholder::output));
        outputs.push(thumbnail.clone());
        let alone: Vec<_> =
            outputs.iter().map(|output| in_pieces(&input, output.clone()).unwrap()).collect();
        let together = all(&input, outputs.clone());
        assert!(together == alone, "{name}");
        // Decoding is paid for once.
        let cost = |outputs| plan(input.clone(), Request { outputs, ..Request::default() });
        let (one, many) = (cost(vec![thumbnail]).unwrap().costs, cost(outputs).unwrap().costs);
        assert!(many.decode < one.decode * 2, "{name}: {one:?} and {many:?}");
    }
}

#[test]
fn no_step_is_too_big_for_a_normal_scheduler() {
    let noise = |width, height| png(picture(width, height, 5));
    let mut inputs = vec![fixture("photo.jpg"), fixture("photo.png"), fixture("alpha-16bit.png")];
    inputs.extend([noise(32, 32), noise(100, 100), noise(1, 1)]);
    for input in inputs {
        for placeholder in Placeholder::ALL {
            let mut job = job(input.clone(), placeholder.output());
            let made = loop {
                match job.step(Effort::Bounded, &Stop::new()).unwrap() {
                    Step::Again => {}
                    Step::Done(made) => break only(made),
                    step => panic!("{placeholder:?}: {step:?}"),
                }
            };
            assert_eq!(made.encoding, Encoding::Placeholder(placeholder));
        }
    }
}

#[test]
fn narrow_pictures_have_them_too() {
    let column = |width, height| {
        png(image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([if (x + y) * 2 < width + height { 0 } else { 250 }, 50, 100])
        }))
    };
    for (width, height) in [(1, 1), (1, 30_000), (30_000, 1), (2, 3)] {
        let input = column(width, height);
        for placeholder in Placeholder::ALL {
            let by_steps = in_pieces(&input, placeholder.output());
            assert!(by_steps.as_ref().is_ok_and(|made| !made.bytes.is_empty()));
            assert!(by_steps == unbounded(&input, placeholder.output()), "{width}x{height}");
        }
    }
    assert_eq!(made(&column(1, 30_000), Placeholder::Color), [125, 50, 100]);
    // 1 by 4 components, 4 by 1, and 1 alone.
    let components = |width, height| made(&column(width, height), Placeholder::Blurhash).len();
    assert_eq!([components(1, 30_000), components(30_000, 1), components(1, 1)], [12, 12, 6]);
}

#[test]
fn colors_of_small_pictures_are_exact() {
    let of = |pixels: &[[u8; 4]], placeholder| {
        let bytes = pixels.concat();
        made(&png(image::RgbaImage::from_raw(pixels.len() as u32, 1, bytes).unwrap()), placeholder)
    };
    let [red, blue, clear] = [[255, 0, 0, 255], [0, 0, 255, 255], [0, 255, 0, 0]];
    assert_eq!(of(&[red, blue, blue], Placeholder::Color), [85, 0, 170]);
    assert_eq!(of(&[red, clear, clear], Placeholder::Color), [255, 0, 0]);
    assert_eq!(of(&[clear], Placeholder::Color), [255, 255, 255]);
    assert_eq!(of(&[red, blue, clear, blue], Placeholder::Palette), [0, 0, 255, 255, 0, 0]);
    assert_eq!(of(&[clear], Placeholder::Palette), []);
    // Of an area that is larger than what is looked at, too.
    let halves = image::RgbImage::from_fn(640, 320, |x, _| {
        image::Rgb(if x < 320 { [10, 200, 30] } else { [250, 0, 90] })
    });
    assert_eq!(made(&png(halves), Placeholder::Color), [130, 100, 60]);
}

#[test]
fn larger_ones_are_refused() {
    let large = Output { width: Some(33), height: None, ..Placeholder::Thumbhash.output() };
    let refused = Error::Limit { limit: Limit::Side, value: 33, maximum: 32 };
    assert_eq!(in_pieces(&fixture("photo.png"), large).map(drop), Err(refused));
}
