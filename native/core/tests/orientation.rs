//! EXIF's orientation: all eight, in every type and byte order, in every format that has EXIF.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{encode, picture, probe};
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};
use maps::as_is;
use thumbelina_core::{Format, Limits};

/// EXIF with the orientation alone.
fn exif(is_big: bool, kind: u16, value: u32, prefix: &[u8]) -> Vec<u8> {
    let short = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let value = match kind {
        1 => [value as u8, 0, 0, 0],
        3 => [short(value as u16), [0; 2]].concat().try_into().unwrap(),
        _ => long(value),
    };
    let magic: &[u8] = if is_big { b"MM\0*" } else { b"II*\0" };
    let parts: [&[u8]; 9] = [
        prefix,
        magic,
        &long(8),
        &short(1),
        &short(0x0112),
        &short(kind),
        &long(1),
        &value,
        &long(0),
    ];
    parts.concat()
}

fn png(picture: &DynamicImage, exif: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::eXIf, exif).unwrap();
    writer.write_image_data(picture.as_bytes()).unwrap();
    writer.finish().unwrap();
    Bytes::from(out)
}

fn webp(picture: &DynamicImage, exif: &[u8], flags: u8) -> Bytes {
    let plain = encode(picture, ImageFormat::WebP);
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut chunk = name.to_vec();
        chunk.extend((data.len() as u32).to_le_bytes());
        chunk.extend(data);
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    let [w1, w2, w3, _] = (picture.width() - 1).to_le_bytes();
    let [h1, h2, h3, _] = (picture.height() - 1).to_le_bytes();
    let canvas = chunk(b"VP8X", &[flags, 0, 0, 0, w1, w2, w3, h1, h2, h3]);
    let body = [b"WEBP".to_vec(), canvas, plain[12..].to_vec(), chunk(b"EXIF", exif)].concat();
    Bytes::from(chunk(b"RIFF", &body))
}

fn jpeg(picture: &DynamicImage, exif: &[u8]) -> Bytes {
    let plain = encode(picture, ImageFormat::Jpeg);
    let mut out = plain[..2].to_vec();
    out.extend([0xFF, 0xE1]);
    out.extend((exif.len() as u16 + 2).to_be_bytes());
    out.extend(exif);
    out.extend(&plain[2..]);
    Bytes::from(out)
}

const EXIF_FLAG: u8 = 0x08;
const PREFIX: &[u8] = b"Exif\0\0";

/// What is written, and how it should be turned.
fn cases() -> impl Iterator<Item = (u8, bool, u16)> {
    (1..=8).flat_map(|value| {
        [false, true]
            .into_iter()
            .flat_map(move |is_big| [1, 3, 4].map(|kind| (value, is_big, kind)))
    })
}

fn turned(picture: &DynamicImage, value: u8) -> DynamicImage {
    let mut turned = picture.clone();
    turned.apply_orientation(Orientation::from_exif(value).unwrap());
    turned
}

#[test]
fn png_and_webp_are_turned() {
    let picture = DynamicImage::from(DynamicImage::from(picture(9, 5, 1)).to_rgb8());
    for (value, is_big, kind) in cases() {
        let expected = turned(&picture, value).to_rgb8();
        for prefix in [&b""[..], PREFIX] {
            let exif = exif(is_big, kind, value.into(), prefix);
            for file in [png(&picture, &exif), webp(&picture, &exif, EXIF_FLAG)] {
                let made = as_is(&file, Format::Png).unwrap().to_rgb8();
                assert!(made == expected, "{value}, {is_big}, {kind}, {prefix:?}");
                let info = probe(file, &Limits::default()).unwrap();
                assert_eq!(info.metadata.exif.as_deref(), Some(&exif[prefix.len()..]));
            }
        }
    }
}

#[test]
fn jpeg_is_turned() {
    let picture = DynamicImage::from(DynamicImage::from(picture(16, 8, 1)).to_rgb8());
    let upright = as_is(&encode(&picture, ImageFormat::Jpeg), Format::Png).unwrap();
    for (value, is_big, kind) in cases() {
        let exif = exif(is_big, kind, value.into(), PREFIX);
        let file = jpeg(&picture, &exif);
        assert!(as_is(&file, Format::Png).unwrap() == turned(&upright, value), "{value}, {kind}");
        let info = probe(file, &Limits::default()).unwrap();
        assert_eq!(info.metadata.exif.as_deref(), Some(&exif[PREFIX.len()..]));
    }
}

/// Readers of WebP go by the flags.
#[test]
fn what_a_webp_does_not_announce_is_not_there() {
    let picture = DynamicImage::from(DynamicImage::from(picture(9, 5, 1)).to_rgb8());
    let file = webp(&picture, &exif(true, 3, 6, b""), 0);
    let info = probe(file.clone(), &Limits::default()).unwrap();
    assert_eq!((info.metadata.exif, info.orientation), (None, Orientation::NoTransforms));
    assert!(as_is(&file, Format::Png).unwrap() == picture);
}
