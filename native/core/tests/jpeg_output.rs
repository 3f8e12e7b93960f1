//! JPEGs by their options: what is in them, and that they show the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{decode, encode, fixture, in_pieces, picture, psnr, sized, unbounded};
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{EncodeOptions, Format, Output, Request, Subsampling};

const ALL: [Subsampling; 3] = [Subsampling::None, Subsampling::Half, Subsampling::Quarter];

fn jpeg(options: EncodeOptions) -> Output {
    Output { format: Some(Format::Jpeg), options, ..Output::default() }
}

/// In pieces and in one go: the same.
fn written(source: &Bytes, options: &EncodeOptions) -> Bytes {
    let made = in_pieces(source, jpeg(options.clone())).unwrap();
    assert!(made == unbounded(source, jpeg(options.clone())).unwrap());
    made.bytes.into()
}

/// The kind of the frame, the factors of its components, and how many scans there are.
fn structure(jpeg: &[u8]) -> (u8, Vec<u8>, usize) {
    let (mut frame, mut scans, mut at) = ((0, Vec::new()), 0, 2);
    loop {
        let &[0xFF, marker, high, low] = jpeg[at..].first_chunk().unwrap() else {
            panic!("no marker at {at}")
        };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let content = &jpeg[at + 4..end];
        at = end;
        match marker {
            0xC0 | 0xC2 => frame = (marker, content[7..].iter().step_by(3).copied().collect()),
            0xDA => {
                scans += 1;
                let is_data = |pair: &[u8]| pair[0] != 0xFF || matches!(pair[1], 0 | 0xD0..=0xD7);
                at += jpeg[at..].windows(2).position(|pair| !is_data(pair)).unwrap();
                if jpeg[at..] == [0xFF, 0xD9] {
                    return (frame.0, frame.1, scans);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn options_show_in_the_frame() {
    let rgb = encode(&DynamicImage::from(picture(61, 47, 3)).to_rgb8().into(), ImageFormat::Png);
    let gray = encode(&DynamicImage::from(picture(61, 47, 3)).to_luma8().into(), ImageFormat::Png);
    for (progressive, optimize_coding) in [(false, false), (false, true), (true, false)] {
        let frame = if progressive { 0xC2 } else { 0xC0 };
        let with = |quality, subsampling| EncodeOptions {
            quality,
            progressive,
            optimize_coding,
            subsampling,
            ..EncodeOptions::default()
        };
        let factors = |quality, subsampling| {
            let (kind, factors, scans) = structure(&written(&rgb, &with(quality, subsampling)));
            assert_eq!((kind, scans), (frame, if progressive { 10 } else { 1 }));
            factors
        };
        assert_eq!(factors(80, Subsampling::None), [0x11, 0x11, 0x11]);
        assert_eq!(factors(80, Subsampling::Half), [0x21, 0x11, 0x11]);
        assert_eq!(factors(95, Subsampling::Quarter), [0x22, 0x11, 0x11]);
        assert_eq!(factors(89, Subsampling::Auto), [0x22, 0x11, 0x11]);
        assert_eq!(factors(90, Subsampling::Auto), [0x11, 0x11, 0x11]);
        let (kind, factors, scans) = structure(&written(&gray, &with(80, Subsampling::Half)));
        assert_eq!((kind, scans), (frame, if progressive { 6 } else { 1 }));
        assert_eq!(factors, [0x11]);
    }
}

/// How coefficients are written does not change them.
#[test]
fn progressive_and_optimized_ones_show_what_plain_ones_show() {
    let sizes = [(1, 1), (8, 8), (7, 33), (16, 17), (61, 47), (200, 133)];
    let noisy = |width, height| DynamicImage::from(picture(width, height, 3));
    let flat = DynamicImage::new_rgb8(300, 300);
    let pictures = sizes.map(|(width, height)| noisy(width, height));
    for image in pictures.iter().chain([&flat]) {
        for source in [DynamicImage::from(image.to_rgb8()), image.to_luma8().into()] {
            let source = encode(&source, ImageFormat::Png);
            for quality in [1, 30, 80, 100] {
                for subsampling in ALL {
                    let plain = EncodeOptions { quality, subsampling, ..EncodeOptions::default() };
                    let expected = decode(&written(&source, &plain));
                    let optimized = EncodeOptions { optimize_coding: true, ..plain.clone() };
                    let progressive = EncodeOptions { progressive: true, ..plain.clone() };
                    for options in [optimized, progressive] {
                        let bytes = written(&source, &options);
                        let same = decode(&bytes) == expected;
                        if !same {
                            std::fs::write("/tmp/h-output/a.jpg", written(&source, &plain))
                                .unwrap();
                            std::fs::write("/tmp/h-output/b.jpg", &bytes).unwrap();
                        }
                        assert!(same, "{}x{} {options:?}", image.width(), image.height());
                        // Our own decoder reads them, too.
                        let png = Output { format: Some(Format::Png), ..Output::default() };
                        let ours = in_pieces(&bytes, png).unwrap();
                        let limit = if quality == 1 { 30.0 } else { 40.0 };
                        let shown = decode(&ours.bytes);
                        let near = psnr(shown.as_bytes(), expected.as_bytes());
                        assert!(near > limit, "{near} {options:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn photographs_get_smaller() {
    let request = |options: EncodeOptions| Output { options, ..jpeg_sized() };
    fn jpeg_sized() -> Output {
        Output { format: Some(Format::Jpeg), ..sized(400, 400) }
    }
    let len = |options| in_pieces(&fixture("photo.png"), request(options)).unwrap().bytes.len();
    let plain = len(EncodeOptions::default()) as f64;
    let optimized = len(EncodeOptions { optimize_coding: true, ..EncodeOptions::default() }) as f64;
    let progressive = len(EncodeOptions { progressive: true, ..EncodeOptions::default() }) as f64;
    assert!(optimized < plain * 0.99, "{optimized} {plain}");
    assert!(progressive < optimized, "{progressive} {optimized}");
}

#[test]
fn coefficients_are_the_budgets() {
    let source =
        encode(&DynamicImage::from(picture(512, 512, 3)).to_rgb8().into(), ImageFormat::Png);
    let options = EncodeOptions { progressive: true, ..EncodeOptions::default() };
    let with = |max_memory| {
        in_pieces(&source, Request { max_memory, ..jpeg(options.clone()).into() }).is_ok()
    };
    // The picture and its coefficients have 786,432 bytes each.
    assert!(!with(1_500_000));
    assert!(with(3_000_000));
}
