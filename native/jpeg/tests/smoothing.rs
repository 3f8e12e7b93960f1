//! Progressive pictures that end before their details came.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/writer/mod.rs"]
mod writer;

use thumbelina_jpeg::{Image, Options, Scale, decode};
use writer::{Picture, Process, Scan, scripts};

const SIDE: u16 = 128;

fn written(picture: &Picture, scans: Vec<Scan>) -> Vec<u8> {
    writer::write(
        picture,
        &writer::Options { process: Process::Progressive, scans, ..Default::default() },
    )
}

fn image(picture: &Picture, scans: Vec<Scan>, scale: Scale) -> Image {
    decode(written(picture, scans), &Options { scale, ..Options::default() }).unwrap()
}

/// The mean difference of samples away from the edges, where nothing tells how it goes on.
fn difference(one: &Image, other: &Image) -> f64 {
    let edge = (one.width / 6) as usize;
    let inner = edge..one.width as usize - edge;
    let places = inner.clone().flat_map(|y| inner.clone().map(move |x| (x, y)));
    let places: Vec<usize> = places.map(|(x, y)| y * one.width as usize + x).collect();
    let differences = places.iter().map(|&at| one.samples[at].abs_diff(other.samples[at]));
    differences.map(f64::from).sum::<f64>() / places.len() as f64
}

fn slope(x: usize, y: usize) -> u8 {
    (x + y / 2 + 20) as u8
}

fn waves(x: usize, y: usize) -> u8 {
    (128.0 + 60.0 * (x as f64 / 11.0).sin() + 50.0 * (y as f64 / 14.0).cos()) as u8
}

/// A smooth picture is as good as there. Averages alone would be off by 3 and by 11.
#[test]
fn what_is_missing_is_estimated_from_the_averages_around() {
    for (draw, most) in [(slope as fn(usize, usize) -> u8, 0.6), (waves, 4.5)] {
        let picture = Picture::from_samples(SIDE, SIDE, &[(1, 1)], 90, |_, x, y| draw(x, y));
        let dc = Scan::new(&[0], (0, 0), 0, 0);
        let coarse = Scan::new(&[0], (1, 63), 0, 4);
        for (scale, times) in [(Scale::Full, 1.0), (Scale::Half, 1.5), (Scale::Quarter, 2.0)] {
            let whole = image(&picture, scripts::progressive(&picture), scale);
            let averages = image(&picture, vec![dc.clone()], scale);
            let found = difference(&whole, &averages);
            assert!(found <= most * times, "{found} at {scale:?}");
            let more = image(&picture, vec![dc.clone(), coarse.clone()], scale);
            let found = difference(&whole, &more);
            assert!(found <= most * times, "{found} at {scale:?} with some bits");
        }
    }
}

/// Nothing is made up where there is nothing.
#[test]
fn flat_pictures_stay_flat() {
    let picture = Picture::from_samples(40, 56, &[(2, 2), (1, 1), (1, 1)], 90, |_, _, _| 90);
    let dc = Scan::new(&[0, 1, 2], (0, 0), 0, 0);
    for scale in Scale::ALL {
        let whole = image(&picture, scripts::progressive(&picture), scale);
        assert!(whole == image(&picture, vec![dc.clone()], scale), "{scale:?}");
    }
}

/// An edge that was told is not smoothed away: what is known to be zero, or not, stays.
#[test]
fn known_coefficients_stay() {
    let picture = Picture::random(3, 64, 64, &[(1, 1)], 80);
    let scans = vec![Scan::new(&[0], (0, 0), 0, 0), Scan::new(&[0], (1, 9), 0, 0)];
    let known = image(&picture.decoded(&scans), scripts::progressive(&picture), Scale::Full);
    assert!(image(&picture, scans, Scale::Full) == known);
}

/// Without a quantizer there is nothing to estimate with, and without averages nothing to estimate
/// from.
#[test]
fn nothing_is_divided_by_nothing() {
    let mut picture = Picture::random(4, 40, 40, &[(1, 1)], 80);
    picture.quantizers[0][8] = 0;
    let dc = Scan::new(&[0], (0, 0), 0, 0);
    let plain = image(&picture, vec![dc], Scale::Full);
    let blocks = plain.samples.chunks(40).map(|row| (row[8], row[15]));
    assert!(blocks.into_iter().all(|(first, last)| first == last));
    let ac = Scan::new(&[0], (1, 63), 0, 0);
    decode(written(&picture, vec![ac]), &Options::default()).unwrap();
}
