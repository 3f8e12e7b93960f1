//! The bytes that come out depend on the input and the request alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{
    encode, fixtures, in_pieces, mixture, only, picture, run, sized, sizes_by_chance, streamed,
    unbounded,
};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use thumbelina_core::{
    Effort, Filter, Fit, Format, OnDamage, Output, Placeholder, Position, Request,
};

/// Pieces, the pool, and a mixture of both that changes with `seed`, as does an input that comes in
/// pieces.
fn assert_same(input: &Bytes, request: impl Into<Request>, seed: u64) {
    let request = request.into();
    let pieces = in_pieces(input, request.clone());
    // Not `assert_eq!`, which would print every byte.
    assert!(pieces == unbounded(input, request.clone()), "on the pool, {request:?}");
    let mixed = run(input.clone(), request.clone(), mixture(seed));
    assert!(pieces == mixed, "in a mixture, {request:?}");
    let streamed =
        streamed(common::pieces(input, sizes_by_chance(seed)), request.clone(), Effort::Bounded);
    assert!(pieces == streamed.0.map(only), "as it comes, {request:?}");
}

#[test]
fn every_fixture_gives_the_same_on_every_scheduler() {
    for (name, bytes) in fixtures() {
        println!("{name}");
        for fit in [Fit::Contain, Fit::Cover, Fit::Fill] {
            for side in [1, 50, 300] {
                let request = Request::from(Output { fit, ..sized(side, side) });
                assert_same(&bytes, request.clone(), u64::from(side));
                // Of what is cut off, what there is.
                assert_same(
                    &bytes,
                    Request { on_damage: OnDamage::Gray, ..request },
                    u64::from(side),
                );
            }
        }
    }
}

#[test]
fn every_placeholder_of_every_fixture_is_the_same_on_every_scheduler() {
    for (name, bytes) in fixtures() {
        println!("{name}");
        for placeholder in Placeholder::ALL {
            assert_same(&bytes, placeholder.output(), 3);
        }
    }
}

#[test]
fn large_outputs_cross_bands_alike() {
    let source =
        encode(&DynamicImage::ImageRgba8(picture(300, 200, 1)).to_rgb8().into(), ImageFormat::Bmp);
    for format in [Format::Jpeg, Format::Png, Format::Pnm] {
        let request = Output { enlarge: true, format: Some(format), ..sized(1700, 1700) };
        assert_same(&source, request.clone(), 7);
        assert_same(&source, Output { options: common::quality(95), ..request }, 7);
    }
}

fn layouts() -> impl Strategy<Value = fn(image::RgbaImage) -> DynamicImage> {
    let layouts: [fn(image::RgbaImage) -> DynamicImage; 8] = [
        |p| DynamicImage::ImageRgba8(p),
        |p| DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(p).to_rgb8()),
        |p| DynamicImage::ImageLuma8(DynamicImage::ImageRgba8(p).to_luma8()),
        |p| DynamicImage::ImageLumaA8(DynamicImage::ImageRgba8(p).to_luma_alpha8()),
        |p| DynamicImage::ImageRgba16(DynamicImage::ImageRgba8(p).to_rgba16()),
        |p| DynamicImage::ImageRgb16(DynamicImage::ImageRgba8(p).to_rgb16()),
        |p| DynamicImage::ImageLuma16(DynamicImage::ImageRgba8(p).to_luma16()),
        |p| DynamicImage::ImageLumaA16(DynamicImage::ImageRgba8(p).to_luma_alpha16()),
    ];
    prop::sample::select(layouts.to_vec())
}

fn requests() -> impl Strategy<Value = Output> {
    let fits = prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill]);
    let filters = prop::sample::select(vec![
        Filter::Lanczos3,
        Filter::Nearest,
        Filter::Box,
        Filter::Mitchell,
    ]);
    let formats = prop::sample::select(vec![
        None,
        Some(Format::Jpeg),
        Some(Format::Png),
        Some(Format::Tiff),
        Some(Format::Qoi),
        Some(Format::Farbfeld),
    ]);
    let side = || prop::option::of(1u32..120);
    let position = (0.0..=1.0f64, 0.0..=1.0f64);
    (side(), side(), fits, position, filters, formats, any::<bool>()).prop_map(
        |(width, height, fit, (x, y), filter, format, enlarge)| Output {
            width,
            height,
            fit,
            position: Position::Point(x, y),
            filter,
            format,
            enlarge,
            ..Output::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn generated_pictures_give_the_same_on_every_scheduler(
        width in 1u32..150,
        height in 1u32..150,
        layout in layouts(),
        request in requests(),
        seed: u64,
    ) {
        let picture = layout(picture(width, height, seed as u32));
        assert_same(&encode(&picture, ImageFormat::Png), request, seed);
    }
}
