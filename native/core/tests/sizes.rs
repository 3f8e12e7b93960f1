//! Output sizes, against the rules written down once more in the plainest way.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{decode, in_pieces, plan, probe, sized};
use proptest::prelude::*;
use thumbelina_core::{Error, Filter, Fit, Format, Limit, Limits, Output, Plan, Request};

/// A gray picture of any size that takes next to no time to write.
fn gray(width: u32, height: u32) -> Bytes {
    let mut bytes = format!("P5 {width} {height} 255\n").into_bytes();
    bytes.resize(bytes.len() + (width * height) as usize, 99);
    Bytes::from(bytes)
}

fn size(source: (u32, u32), output: Output) -> (u32, u32) {
    let planned = &plan(gray(source.0, source.1), output).unwrap().outputs[0];
    (planned.width, planned.height)
}

#[test]
fn contain_fits_inside_and_keeps_proportions() {
    assert_eq!(size((640, 427), sized(200, 200)), (200, 133));
    assert_eq!(size((427, 640), sized(200, 200)), (133, 200));
    assert_eq!(size((640, 427), sized(10_000, 200)), (300, 200));
    assert_eq!(size((1, 1000), sized(200, 200)), (1, 200));
    assert_eq!(size((3, 1000), sized(10, 10)), (1, 10));
}

#[test]
fn nothing_is_enlarged_unless_asked() {
    for fit in [Fit::Contain, Fit::Cover, Fit::Fill] {
        assert_eq!(size((64, 48), Output { fit, ..sized(200, 200) }), (64, 48), "{fit:?}");
    }
    let enlarge = |fit| Output { fit, enlarge: true, ..sized(200, 200) };
    assert_eq!(size((64, 48), enlarge(Fit::Contain)), (200, 150));
    assert_eq!(size((64, 48), enlarge(Fit::Cover)), (200, 200));
    assert_eq!(size((64, 48), enlarge(Fit::Fill)), (200, 200));
}

#[test]
fn cover_fills_the_box_as_far_as_the_picture_reaches() {
    let cover = |w, h| Output { fit: Fit::Cover, ..sized(w, h) };
    assert_eq!(size((640, 427), cover(200, 200)), (200, 200));
    assert_eq!(size((640, 427), cover(640, 100)), (640, 100));
    // Wider than the picture: its own width, and the box's height.
    assert_eq!(size((100, 80), cover(200, 40)), (100, 40));
}

#[test]
fn a_free_side_follows_the_proportions() {
    let width = Output { width: Some(160), ..Output::default() };
    let height = Output { height: Some(107), ..Output::default() };
    for fit in [Fit::Contain, Fit::Cover, Fit::Fill] {
        assert_eq!(size((640, 427), Output { fit, ..width.clone() }), (160, 107));
        assert_eq!(size((640, 427), Output { fit, ..height.clone() }), (160, 107));
    }
    assert_eq!(size((64, 48), width.clone()), (64, 48));
    assert_eq!(size((64, 48), Output { enlarge: true, ..width }), (160, 120));
}

#[test]
fn limits_are_checked_before_anything_is_decoded() {
    let info = probe(gray(100, 100), &Limits::default()).unwrap();
    let limits = Limits { max_pixels: 9_999, ..Limits::default() };
    let refused = Err(Error::Limit { limit: Limit::MaxPixels, value: 10_000, maximum: 9_999 });
    assert_eq!(Plan::new(&info, &Request { limits, ..sized(10, 10).into() }), refused);

    // The output counts too: this would be 10 gigapixels.
    let enlarge = Output { enlarge: true, fit: Fit::Fill, ..sized(100_000, 100_000) };
    let limit = Error::Limit { limit: Limit::MaxPixels, value: 10_000_000_000, maximum: 1 << 28 };
    assert_eq!(Plan::new(&info, &enlarge.into()), Err(limit));
    // A free side that would not even fit a u32.
    let tall = probe(gray(1, 5_000), &Limits::default()).unwrap();
    let free = Output { width: Some(1_000_000), enlarge: true, ..Output::default() };
    assert!(matches!(
        Plan::new(&tall, &free.into()),
        Err(Error::Limit { limit: Limit::MaxPixels, .. })
    ));

    let limits = Limits { max_bytes_in: 1_000, ..Limits::default() };
    let input = gray(100, 100);
    let refused =
        Error::Limit { limit: Limit::MaxBytesIn, value: input.len() as u64, maximum: 1_000 };
    assert_eq!(in_pieces(&input, Request { limits, ..sized(10, 10).into() }), Err(refused));
}

#[test]
fn a_format_too_small_for_the_output_is_refused_or_replaced() {
    let info = probe(gray(1_000, 10), &Limits::default()).unwrap();
    let ico = Output { format: Some(Format::Ico), ..sized(400, 400) };
    let refused = Error::Limit { limit: Limit::Side, value: 400, maximum: 256 };
    assert_eq!(Plan::new(&info, &ico.into()), Err(refused));
    let ico = Output { format: Some(Format::Ico), ..sized(256, 256) };
    assert_eq!(Plan::new(&info, &ico.into()).unwrap().outputs[0].width, 256);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What the plan says is what comes out, within what the box allows.
    #[test]
    fn the_output_is_of_the_planned_size(
        source in (1u32..90, 1u32..90),
        wanted in (1u32..120, 1u32..120),
        fit in prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill]),
        filter in prop::sample::select(vec![Filter::Lanczos3, Filter::Nearest, Filter::Bilinear]),
        enlarge: bool,
    ) {
        let input = gray(source.0, source.1);
        let area = sized(wanted.0, wanted.1);
        let request = Output { fit, filter, enlarge, format: Some(Format::Pnm), ..area };
        let planned = &plan(input.clone(), request.clone()).unwrap().outputs[0];
        let made = in_pieces(&input, request).unwrap();
        prop_assert_eq!((made.width, made.height), (planned.width, planned.height));
        let shown = decode(&made.bytes).to_luma8();
        prop_assert_eq!(shown.dimensions(), (planned.width, planned.height));
        // A flat picture stays flat to the last bit: every kernel's weights sum to one.
        prop_assert!(shown.pixels().all(|pixel| pixel.0 == [99]));

        prop_assert!(planned.width <= wanted.0 && planned.height <= wanted.1);
        if !enlarge {
            prop_assert!(planned.width <= source.0 && planned.height <= source.1);
        }
        let (width, height) = (planned.width, planned.height);
        match fit {
            Fit::Contain if enlarge => prop_assert!(width == wanted.0 || height == wanted.1),
            Fit::Cover | Fit::Fill if enlarge => prop_assert_eq!((width, height), wanted),
            Fit::Fill => {
                let most = (wanted.0.min(source.0), wanted.1.min(source.1));
                prop_assert_eq!((width, height), most);
            }
            _ => {}
        }
    }
}
