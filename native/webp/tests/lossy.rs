//! Lossy pictures come out as image-webp makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/writer.rs"]
mod writer;

use std::io::Cursor;

use image_webp::WebPDecoder;
use thumbelina_codec::Budget;
use thumbelina_webp::{Image, decode};
use writer::{Kind, Lots, chunk, frame, riff};

/// The picture by another decoder.
fn oracle(file: &[u8]) -> Image {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
    let (width, height) = decoder.dimensions();
    let mut samples = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut samples).unwrap();
    Image { width, height, channels: if decoder.has_alpha() { 4 } else { 3 }, samples }
}

fn assert_equal(file: Vec<u8>, what: &str) {
    let theirs = oracle(&file);
    let ours = decode(file, &Budget::new(512 << 20)).unwrap();
    assert_eq!(
        (ours.width, ours.height, ours.channels),
        (theirs.width, theirs.height, theirs.channels)
    );
    let (row, channels) = (ours.width as usize * ours.channels, ours.channels);
    if let Some(at) =
        ours.samples.iter().zip(&theirs.samples).position(|(ours, theirs)| ours != theirs)
    {
        panic!("{what}: {} x {}, row {}", at % row / channels, ours.width, at / row);
    }
    assert_eq!(ours.samples.len(), theirs.samples.len());
}

#[test]
fn frames_of_all_kinds_are_equal() {
    for seed in 0..400 {
        let mut lots = Lots::new(seed + 1_000_000);
        let most = if seed % 10 == 0 { 200 } else { 70 };
        let kind = Kind {
            width: 1 + lots.below(most) as u16,
            height: 1 + lots.below(most) as u16,
            filled: [5, 30, 90][lots.below(3)],
            seed,
        };
        assert_equal(riff(&[chunk(b"VP8 ", &frame(kind))]), &format!("{kind:?}"));
    }
}

#[test]
fn the_smallest_sizes_are_equal() {
    for width in 1..=18 {
        for height in 1..=18 {
            let kind = Kind {
                width,
                height,
                filled: 50,
                seed: u64::from(width) * 100 + u64::from(height),
            };
            assert_equal(riff(&[chunk(b"VP8 ", &frame(kind))]), &format!("{kind:?}"));
        }
    }
}
