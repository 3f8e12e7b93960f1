//! What a job says that it takes is what it takes: its limit on memory holds within a tenth,
//! counted by the allocator, and asks for no more than there is reason to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/trial.rs"]
mod trial;

use bytes::Bytes;
use common::{encode, fixture, in_pieces, picture};
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{Error, Format, Formats, Limit, Limits, Output, Request};
use trial::counting::Counting;
use trial::{Arrival, Schedulers, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Pictures of one and a half megapixels in every format, and kinds that are kept whole.
fn pictures() -> Vec<(String, Bytes)> {
    let picture = DynamicImage::from(picture(1500, 1000, 1));
    let source = encode(&picture, ImageFormat::Png);
    let formats = Format::ALL.into_iter().filter(|&format| Formats::all().contains(format));
    let mut pictures: Vec<_> = formats
        .filter(|format| format.is_writable() && *format != Format::Ico)
        .map(|format| {
            let request = Output { format: Some(format), ..Output::default() };
            (format.to_string(), in_pieces(&source, request).unwrap().bytes.into())
        })
        .collect();
    for name in [
        "photo-interlaced.png",
        "photo-interlaced.gif",
        "photo-progressive.jpg",
        "photo-rle.tga",
        "photo-16bit.png",
        "photo.ico",
        "photo.dds",
        "photo.webp",
        "alpha.webp",
    ] {
        pictures.push((name.to_owned(), fixture(name)));
    }
    pictures
}

#[test]
fn the_limit_on_memory_is_kept_within_a_tenth() {
    for (name, file) in pictures() {
        for (side, format) in [
            (Some(10), Format::Png),
            (Some(300), Format::Jpeg),
            (Some(300), Format::Bmp),
            (Some(300), Format::Gif),
            (Some(300), Format::Webp),
            (Some(100), Format::Avif),
            (None, Format::Bmp),
        ] {
            let with = |max_memory| Request {
                max_memory,
                limits: Limits { formats: Formats::all(), ..Limits::default() },
                ..Output { width: side, format: Some(format), ..Output::default() }.into()
            };
            // Decoders ask one after the other.
            let mut needed = 1;
            let trial = loop {
                let trial = run(&file, with(needed), Arrival::Whole, Schedulers::Dirty);
                match trial.outcome {
                    Err(Error::Limit { limit: Limit::MaxMemory, value, .. }) => {
                        assert!(
                            trial.peak <= needed + needed / 10 + (1 << 20),
                            "{name}: refused too late"
                        );
                        assert!(value > needed, "{name}: {value} is no more than {needed}");
                        needed = value;
                    }
                    Err(error) => panic!("{name}: {error}"),
                    Ok(_) => break trial,
                }
            };
            let peak = trial.peak;
            assert!(
                peak <= needed + needed / 10,
                "{name} to {side:?} {format}: {peak} held, {needed} said"
            );
            // A strip of 4 MiB is counted, which not every decoder fills. Which tables a lossless
            // WebP has is known when they are read: until then, the most is said.
            let unknown = if name.contains("webp") { 38 << 20 } else { 5 << 20 };
            assert!(
                needed <= 3 * peak + unknown,
                "{name} to {side:?} {format}: {peak} held, {needed} said"
            );
        }
    }
}
