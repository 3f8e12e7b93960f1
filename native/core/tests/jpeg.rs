//! JPEGs that are not what cameras write, written by the tests of the decoder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;
#[path = "../../jpeg/tests/common/writer/mod.rs"]
mod writer;

use bytes::Bytes;
use common::{decode, sized};
use maps::{as_is, errors_of_prefixes, on_every_scheduler};
use thumbelina_core::{Error, Format, Output};
use writer::{Lossless, Picture, scripts};

/// Black with a white right half of which nothing is seen.
fn gray_and_alpha() -> Bytes {
    let half = |x: usize| x >= 32;
    let picture = Picture::from_samples(64, 64, &[(1, 1); 2], 100, |component, x, _| {
        if half(x) == (component == 0) { 255 } else { 0 }
    });
    let scans = scripts::interleaved(&picture);
    writer::write(&picture, &writer::Options { scans, ..writer::Options::default() }).into()
}

/// What cannot be seen does not shine through.
#[test]
fn two_components_are_gray_and_alpha() {
    let image = as_is(&gray_and_alpha(), Format::Png).unwrap().into_luma_alpha8();
    assert_eq!(image.get_pixel(3, 3).0, [0, 255]);
    assert_eq!(image.get_pixel(60, 60).0[1], 0);
    // The one in the middle is made of both.
    let output = Output { format: Some(Format::Png), ..sized(3, 3) };
    let made = on_every_scheduler(&gray_and_alpha(), output).unwrap();
    let image = decode(&made.bytes).into_luma_alpha8();
    assert!((110..145).contains(&image.get_pixel(1, 1).0[1]), "{:?}", image.get_pixel(1, 1));
    assert!(image.get_pixel(1, 1).0[0] < 8, "{:?}", image.get_pixel(1, 1));
}

#[test]
fn lossless_pictures_in_several_scans_come_out_in_any_pieces() {
    let picture = Lossless::random(5, (40, 30), 8, &[(1, 1); 3]);
    let scans = vec![vec![1], vec![0], vec![2]];
    let file = Bytes::from(Lossless { scans, ..picture.clone() }.write());
    let image = as_is(&file, Format::Png).unwrap().into_rgb8();
    for (pixel, at) in image.pixels().zip(0..) {
        assert_eq!(pixel.0.map(u16::from), [0, 1, 2].map(|c: usize| picture.samples[c][at]));
    }
}

#[test]
fn prefixes_are_truncated_or_invalid() {
    let picture = Lossless::random(5, (9, 7), 8, &[(1, 1); 3]);
    let scans = vec![vec![0], vec![1, 2]];
    let file = Bytes::from(Lossless { scans, ..picture }.write());
    for error in errors_of_prefixes(&file, file.len() - 2) {
        let is_known = matches!(
            error,
            Error::Truncated { format: Format::Jpeg, .. }
                | Error::Invalid { format: Format::Jpeg, .. }
                | Error::UnknownFormat
        );
        assert!(is_known, "{error}");
    }
}
