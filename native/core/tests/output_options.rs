//! Compression, palettes, the most bytes, and samples as they are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::HashSet;
use std::io::Cursor;

use bytes::Bytes;
use common::{decode, encode, fixture, in_pieces, picture, psnr, sized, unbounded};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use thumbelina_core::{
    Attachments, Compression, Depth, Effort, EncodeOptions, Encoding, Error, Format, Input, Job,
    Layout, Limit, Metadata, Output, Pixels, Request, Stop,
};

fn to(format: Format, options: &EncodeOptions) -> Output {
    Output { format: Some(format), options: options.clone(), ..Output::default() }
}

/// In pieces and in one go: the same.
fn written(source: &Bytes, output: &Output) -> Bytes {
    let made = in_pieces(source, output.clone()).unwrap();
    assert!(made == unbounded(source, output.clone()).unwrap());
    made.bytes.into()
}

fn colors(count: u16, dither: bool) -> EncodeOptions {
    EncodeOptions { colors: Some(count), dither, ..EncodeOptions::default() }
}

/// Kind of color, bits, and the lengths of PLTE and tRNS.
fn palette(png: &[u8]) -> (u8, u8, usize, usize) {
    let (bits, kind) = (png[24], png[25]);
    let (mut at, mut lengths) = (8, [0, 0]);
    while at < png.len() {
        let len = u32::from_be_bytes(*png[at..].first_chunk().unwrap()) as usize;
        match &png[at + 4..at + 8] {
            b"PLTE" => lengths[0] = len,
            b"tRNS" => lengths[1] = len,
            _ => {}
        }
        at += len + 12;
    }
    (kind, bits, lengths[0], lengths[1])
}

#[test]
fn few_colors_are_kept_exactly_and_packed() {
    for (count, bits) in [(1u32, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)] {
        for width in [1, 7, 61] {
            let color = |x, y| {
                let i = (x * 31 + y * 17) % count;
                // Half of them show a little, the first not at all.
                let alpha = if i == 0 { 0 } else { 255 - (i % 2 * 100) as u8 };
                Rgba([i as u8, (i * 7) as u8, (i * 3) as u8, alpha])
            };
            let image = DynamicImage::from(RgbaImage::from_fn(width, 300, color));
            let source = encode(&image, ImageFormat::Png);
            let png = written(&source, &to(Format::Png, &colors(256, true)));
            let used: HashSet<_> = image.to_rgba8().pixels().map(|pixel| pixel.0).collect();
            assert!(decode(&png).to_rgba8() == image.to_rgba8(), "{count} {width}");
            let (kind, depth, colors, alphas) = palette(&png);
            assert_eq!((kind, colors), (3, used.len() * 3));
            assert!(depth == bits || used.len() < count as usize);
            assert!(alphas > 0 && alphas <= used.len());
            let ours = in_pieces(&png, to(Format::Png, &EncodeOptions::default())).unwrap();
            assert!(decode(&ours.bytes).to_rgba8() == image.to_rgba8());
        }
    }
    let opaque = encode(&DynamicImage::new_rgb8(9, 9), ImageFormat::Png);
    assert_eq!(palette(&written(&opaque, &to(Format::Png, &colors(2, false)))), (3, 1, 3, 0));
}

#[test]
fn a_palette_has_no_more_colors_than_asked_for_and_shows_the_photograph() {
    let photo = fixture("photo.png");
    let source = decode(&photo).to_rgb8();
    for (count, limit) in [(2u16, 10.0), (16, 22.0), (256, 33.0)] {
        let plain = written(&photo, &to(Format::Png, &colors(count, false)));
        let dithered = written(&photo, &to(Format::Png, &colors(count, true)));
        for png in [&plain, &dithered] {
            let shown = decode(png).to_rgb8();
            let used: HashSet<_> = shown.pixels().map(|pixel| pixel.0).collect();
            assert!(used.len() <= count.into() && palette(png).2 <= usize::from(count) * 3);
            let near = psnr(shown.as_raw(), source.as_raw());
            assert!(near > limit - if png == &dithered { 3.0 } else { 0.0 }, "{count} {near}");
        }
        // Seen from afar, what is dithered is nearer.
        let small = |image: &[u8]| {
            let image = decode(image).to_rgb8();
            image::imageops::resize(&image, 40, 27, image::imageops::FilterType::Triangle)
        };
        let near = |png| psnr(small(png).as_raw(), small(&photo).as_raw());
        assert!(near(&dithered) > near(&plain), "{count}");
        let gif = written(&photo, &to(Format::Gif, &colors(count, true)));
        let used: HashSet<_> = decode(&gif).to_rgb8().pixels().map(|pixel| pixel.0).collect();
        assert!(used.len() <= count.into());
    }
}

#[test]
fn many_colors_with_alpha_keep_what_shows_and_what_does_not() {
    let image = DynamicImage::from(RgbaImage::from_fn(200, 90, |x, y| {
        Rgba([x as u8, y as u8, (x ^ y) as u8, if x < 50 { 0 } else { 255 }])
    }));
    let source = encode(&image, ImageFormat::Png);
    for options in [colors(64, false), colors(64, true), colors(2, true)] {
        let png = written(&source, &to(Format::Png, &options));
        let shown = decode(&png).to_rgba8();
        assert!(shown.enumerate_pixels().all(|(x, _, p)| p.0[3] == if x < 50 { 0 } else { 255 }));
    }
    // None of the few that show need be in the sample that the palette is made of.
    let hidden = DynamicImage::from(RgbaImage::from_fn(1_000, 1_000, |x, y| {
        Rgba([x as u8, y as u8, 9, u8::from(y == 999 && x < 300)])
    }));
    let source = encode(&hidden, ImageFormat::Png);
    for format in [Format::Png, Format::Gif] {
        assert!(in_pieces(&source, to(format, &colors(8, true))).is_ok());
    }
}

#[test]
fn a_profile_comes_before_the_palette() {
    let attachments = Attachments {
        icc: Some(Bytes::from_static(&[7; 500])),
        metadata: Metadata { xmp: Some(Bytes::from_static(b"<x/>")), ..Metadata::default() },
    };
    let options = EncodeOptions { attachments, ..colors(16, true) };
    let png = written(&fixture("photo.png"), &to(Format::Png, &options));
    let at = |kind: &[u8]| png.windows(4).position(|part| part == kind).unwrap();
    assert!(at(b"iCCP") < at(b"PLTE") && at(b"PLTE") < at(b"IDAT"));
    assert_eq!(decode(&png).width(), 640);
}

#[test]
fn levels_of_png_are_lossless_and_get_smaller() {
    let photo = fixture("photo.png");
    let level = |level| EncodeOptions {
        compression: Some(Compression::Level(level)),
        ..EncodeOptions::default()
    };
    let lengths = [0, 1, 6, 9].map(|number| {
        let png = written(&photo, &to(Format::Png, &level(number)));
        assert!(decode(&png).to_rgb8() == decode(&photo).to_rgb8());
        png.len()
    });
    assert!(lengths[0] > 640 * 427 * 3 && lengths[1] < lengths[0]);
    assert!(lengths[2] < lengths[1] && lengths[3] <= lengths[2], "{lengths:?}");
}

#[test]
fn every_compression_of_tiff_is_lossless() {
    let image = DynamicImage::from(picture(1_100, 120, 3));
    let images = [
        image.to_luma8().into(),
        image.to_rgb8().into(),
        image.to_rgb16().into(),
        image.to_luma16().into(),
        image.to_rgba16().into(),
        image,
    ];
    let methods = [
        (Compression::None, 1, None),
        (Compression::Packbits, 32_773, None),
        (Compression::Lzw, 5, Some(2)),
        (Compression::Deflate, 8, Some(2)),
        (Compression::Level(9), 8, Some(2)),
        (Compression::Level(0), 1, None),
    ];
    for image in &images {
        let source = encode(image, ImageFormat::Png);
        for (compression, tag, predictor) in methods {
            let options =
                EncodeOptions { compression: Some(compression), ..EncodeOptions::default() };
            let tiff = written(&source, &to(Format::Tiff, &options));
            let mut decoder = tiff::decoder::Decoder::new(Cursor::new(&tiff)).unwrap();
            let tag_of = |decoder: &mut tiff::decoder::Decoder<_>, tag| {
                let tag = tiff::tags::Tag::from_u16_exhaustive(tag);
                decoder.find_tag_unsigned::<u32>(tag).unwrap()
            };
            assert_eq!(tag_of(&mut decoder, 259), Some(tag));
            assert_eq!(tag_of(&mut decoder, 317), predictor);
            assert!(decode(&tiff) == *image, "{compression:?} {:?}", image.color());
            let back = in_pieces(&tiff, to(Format::Png, &EncodeOptions::default())).unwrap();
            assert!(decode(&back.bytes) == *image, "{compression:?} {:?}", image.color());
        }
    }
}

/// A result, and the encodes that it took: steps after which nothing was left to encode.
fn fitting(max_bytes: u64, format: Format, side: u32) -> Result<Bytes, Error> {
    fitting_from(95, max_bytes, format, side)
}

fn fitting_from(quality: u8, max_bytes: u64, format: Format, side: u32) -> Result<Bytes, Error> {
    let options = EncodeOptions { quality, max_bytes: Some(max_bytes), ..EncodeOptions::default() };
    let output = Output { options, format: Some(format), ..sized(side, side) };
    let made = in_pieces(&fixture("photo.png"), output.clone());
    assert!(made == unbounded(&fixture("photo.png"), output));
    made.map(|made| made.bytes.into())
}

#[test]
fn the_best_quality_that_fits_is_found() {
    let by_quality: Vec<Bytes> = (1..=100)
        .map(|quality| {
            let options = common::quality(quality);
            let output = Output { options, format: Some(Format::Jpeg), ..sized(200, 200) };
            in_pieces(&fixture("photo.png"), output).unwrap().bytes.into()
        })
        .collect();
    let (least, most) = (by_quality[0].len(), by_quality[99].len());
    // Small ones are as likely as large ones.
    let sizes =
        (0..=24).map(|i| least as f64 * (most as f64 / least as f64).powf(f64::from(i) / 24.0));
    for max_bytes in sizes.map(|size| size.round() as usize) {
        for quality in [100, 95, 80, 40] {
            let allowed = &by_quality[..usize::from(quality)];
            let made = fitting_from(quality, max_bytes as u64, Format::Jpeg, 200).unwrap();
            assert!(made.len() <= max_bytes);
            let found = allowed.iter().rposition(|jpeg| *jpeg == made).unwrap();
            let best = allowed.iter().rposition(|jpeg| jpeg.len() <= max_bytes).unwrap();
            assert!(
                best - found <= 3,
                "{} instead of {} for {max_bytes} from {quality}",
                found + 1,
                best + 1
            );
        }
    }
    let refused = fitting(least as u64 - 1, Format::Jpeg, 200);
    let (value, maximum) = (least as u64, least as u64 - 1);
    assert_eq!(refused, Err(Error::Limit { limit: Limit::MaxBytes, value, maximum }));
}

#[test]
fn avif_is_made_to_fit_and_what_is_lossless_is_refused() {
    let whole = fitting(1 << 20, Format::Avif, 32).unwrap().len() as u64;
    assert!(fitting(whole * 2 / 3, Format::Avif, 32).unwrap().len() as u64 <= whole * 2 / 3);
    for format in [Format::Png, Format::Webp, Format::Gif, Format::Tiff] {
        let len = fitting(1 << 20, format, 90).unwrap().len() as u64;
        assert_eq!(fitting(len, format, 90).unwrap().len() as u64, len);
        let (limit, maximum) = (Limit::MaxBytes, len - 1);
        assert_eq!(fitting(len - 1, format, 90), Err(Error::Limit { limit, value: len, maximum }));
    }
}

#[test]
fn a_stop_ends_what_is_fitted_between_two_encodes() {
    let options = EncodeOptions { quality: 95, max_bytes: Some(6_000), ..EncodeOptions::default() };
    let output = Output { options, format: Some(Format::Jpeg), ..sized(400, 400) };
    let steps = |stop_after: Option<u32>| {
        let mut job = Job::new(Input::whole(fixture("photo.png")), output.clone().into());
        let stop = Stop::new();
        for step in 0.. {
            if Some(step) == stop_after {
                stop.ask();
            }
            match job.step(Effort::Bounded, &stop) {
                Ok(thumbelina_core::Step::Done(_)) => return Ok(step),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("it ends")
    };
    let all = steps(None).unwrap();
    for stop_after in all - 20..all {
        assert_eq!(steps(Some(stop_after)), Err(Error::Stopped));
    }
}

#[test]
fn samples_come_as_they_are() {
    let image = DynamicImage::from(picture(61, 47, 3));
    let sources = [
        (DynamicImage::from(image.to_luma8()), 1, Depth::U8),
        (image.to_luma_alpha8().into(), 2, Depth::U8),
        (image.to_rgb8().into(), 3, Depth::U8),
        (image.to_rgb16().into(), 3, Depth::U16),
        (image.clone(), 4, Depth::U8),
    ];
    for (source, channels, depth) in sources {
        let input = encode(&source, ImageFormat::Png);
        let output = |pixels| Output { pixels: Some(pixels), ..Output::default() };
        let made = in_pieces(&input, output(Pixels::default())).unwrap();
        assert_eq!(made.encoding, Encoding::Pixels(Layout::new(channels, depth)));
        assert!(made.bytes == source.as_bytes());
        assert!(made == unbounded(&input, output(Pixels::default())).unwrap());
        for channels in 1..=4u8 {
            let wanted = Pixels { channels: Some(channels), depth: Some(Depth::U8) };
            let made = in_pieces(&input, output(wanted)).unwrap();
            assert_eq!(made.bytes.len(), 61 * 47 * usize::from(channels));
        }
    }
    // Red, green and blue by their share of what is seen.
    let rgb = DynamicImage::from(image::RgbImage::from_fn(3, 1, |x, _| {
        let mut pixel = image::Rgb([0; 3]);
        pixel.0[x as usize] = 255;
        pixel
    }));
    let gray = Pixels { channels: Some(1), depth: None };
    let output = Output { pixels: Some(gray), ..Output::default() };
    let made = in_pieces(&encode(&rgb, ImageFormat::Png), output).unwrap();
    assert_eq!(made.bytes, [54, 182, 18]);
}

#[test]
fn palettes_and_samples_are_the_budgets() {
    let source = fixture("photo.png");
    let outputs = [
        to(Format::Png, &colors(16, true)),
        Output { pixels: Some(Pixels::default()), ..Output::default() },
    ];
    for output in outputs {
        let with = |max_memory| {
            in_pieces(&source, Request { max_memory, ..output.clone().into() }).map(drop)
        };
        let refused = with(900_000);
        assert!(matches!(refused, Err(Error::Limit { limit: Limit::MaxMemory, .. })));
        assert_eq!(with(8 << 20), Ok(()));
    }
}
