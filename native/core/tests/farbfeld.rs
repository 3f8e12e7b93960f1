//! Farbfeld, written here, against the samples that went in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{invalid, truncated};
use image::{DynamicImage, ImageFormat};
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small};
use thumbelina_core::{Error, Format, Limit};

fn written(width: u32, height: u32, samples: &[u16]) -> Bytes {
    let mut out = b"farbfeld".to_vec();
    out.extend(width.to_be_bytes());
    out.extend(height.to_be_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
    Bytes::from(out)
}

#[test]
fn pixels_are_those_that_went_in() {
    for (width, height) in [(1, 1), (7, 5), (1, 3_000), (40_000, 2)] {
        let mut random = Random(u64::from(width));
        let samples: Vec<u16> =
            (0..width * height * 4).map(|_| random.below(65_536) as u16).collect();
        let input = written(width, height, &samples);
        let DynamicImage::ImageRgba16(ours) = as_is(&input, Format::Png).unwrap() else {
            unreachable!("RGBA with 16 bits")
        };
        assert_eq!(ours.dimensions(), (width, height));
        assert!(ours.as_raw() == &samples);
        let theirs = image::load_from_memory_with_format(&input, ImageFormat::Farbfeld).unwrap();
        assert!(theirs.as_bytes() == DynamicImage::ImageRgba16(ours).as_bytes());
    }
}

#[test]
fn what_is_cut_off_is_truncated() {
    let input = written(3, 2, &[77; 24]);
    let errors = [Error::UnknownFormat, truncated(Format::Farbfeld)];
    assert_eq!(errors_of_prefixes(&input, input.len()), errors);
}

#[test]
fn headers_that_lie_are_refused() {
    let result =
        |width, height| on_every_scheduler(&written(width, height, &[0; 24]), small()).map(|_| ());
    assert_eq!(result(3, 2), Ok(()));
    assert_eq!(result(0, 2), Err(invalid(Format::Farbfeld)));
    assert_eq!(result(3, 0), Err(invalid(Format::Farbfeld)));
    assert_eq!(result(7, 1), Err(truncated(Format::Farbfeld)));
    assert_eq!(result(3, 3), Err(truncated(Format::Farbfeld)));
    assert_eq!(result(1, 1_000_000), Err(truncated(Format::Farbfeld)));
    let most = u64::from(u32::MAX);
    let limit = |value| Error::Limit { limit: Limit::MaxPixels, value, maximum: 1_000_000 };
    assert_eq!(result(u32::MAX, u32::MAX), Err(limit(most * most)));
    assert_eq!(result(1, u32::MAX), Err(limit(most)));
}
