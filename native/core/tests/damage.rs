//! Pictures that are cut off or damaged: an error, or gray for what is missing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{decode, fixture};
use image::RgbaImage;
use maps::{Random, on_every_scheduler};
use thumbelina_core::{Error, Format, OnDamage, Output, Request};

const GRAY: [u8; 4] = [128, 128, 128, 255];

fn made(file: &Bytes, on_damage: OnDamage) -> Result<RgbaImage, Error> {
    let output = Output { format: Some(Format::Png), ..Output::default() };
    let request = Request { on_damage, ..output.into() };
    on_every_scheduler(file, request).map(|made| decode(&made.bytes).to_rgba8())
}

/// How many rows are as they should be, from the end that comes first. All others are gray.
fn rows_before_gray(file: &str, whole: &RgbaImage, damaged: &RgbaImage) -> usize {
    let is_bottom_up = *whole.rows().next().unwrap().next().unwrap()
        != *damaged.rows().next().unwrap().next().unwrap();
    let rows = |image: &RgbaImage| -> Vec<Vec<[u8; 4]>> {
        let rows = image.rows().map(|row| row.map(|pixel| pixel.0).collect());
        if is_bottom_up { rows.rev().collect() } else { rows.collect() }
    };
    let (whole, damaged) = (rows(whole), rows(damaged));
    let right = whole.iter().zip(&damaged).take_while(|(a, b)| a == b).count();
    let rest = damaged[right..].iter().flatten();
    assert!(rest.into_iter().all(|&pixel| pixel == GRAY), "{file}: {right} rows are right");
    right
}

const BY_ROWS: [&str; 12] = [
    "photo.png",
    "photo-16bit.png",
    "photo-palette.png",
    "photo.gif",
    "photo.webp",
    "photo.bmp",
    "photo-topdown.bmp",
    "photo.tga",
    "photo-rle.tga",
    "photo.qoi",
    "photo.ppm",
    "photo.dds",
];

#[test]
fn what_is_cut_off_is_gray() {
    for name in BY_ROWS {
        println!("{name}");
        let file = fixture(name);
        let whole = made(&file, OnDamage::Error).unwrap();
        assert!(made(&file, OnDamage::Gray).unwrap() == whole, "{name}: nothing is missing");
        let mut before = 0;
        for percent in [40, 60, 95] {
            let cut = file.slice(..file.len() * percent / 100);
            let error = made(&cut, OnDamage::Error);
            assert!(matches!(error, Err(Error::Truncated { .. })), "{name}: {error:?}");
            let damaged = made(&cut, OnDamage::Gray).unwrap();
            let right = rows_before_gray(name, &whole, &damaged);
            assert!(right >= before && right < whole.height() as usize, "{name}");
            before = right;
        }
        assert!(before > whole.height() as usize / 2, "{name}: {before}");
    }
}

#[test]
fn what_an_interlaced_picture_has_is_shown() {
    for name in ["photo-interlaced.png", "photo-interlaced.gif"] {
        println!("{name}");
        let file = fixture(name);
        let whole = made(&file, OnDamage::Error).unwrap();
        assert!(made(&file, OnDamage::Gray).unwrap() == whole, "{name}: nothing is missing");
        let mut before = 0;
        for percent in [20, 50, 95] {
            let cut = file.slice(..file.len() * percent / 100);
            let error = made(&cut, OnDamage::Error);
            assert!(matches!(error, Err(Error::Truncated { .. })), "{name}: {error:?}");
            let damaged = made(&cut, OnDamage::Gray).unwrap();
            let pairs = whole.pixels().zip(damaged.pixels());
            assert!(pairs.clone().all(|(a, b)| a == b || b.0 == GRAY), "{name}");
            let right = pairs.filter(|(a, b)| a == b).count();
            assert!(right > before, "{name}");
            before = right;
        }
        assert!(before > (whole.width() * whole.height() / 2) as usize, "{name}: {before}");
    }
}

#[test]
fn damage_in_the_middle_keeps_what_is_before() {
    for name in ["photo.png", "photo.gif", "photo-interlaced.png", "photo-interlaced.gif"] {
        println!("{name}");
        let file = fixture(name);
        let whole = made(&file, OnDamage::Error).unwrap();
        let mut random = Random(3);
        let mut shown = 0;
        for _ in 0..8 {
            let mut broken = file.to_vec();
            let middle = broken.len() / 2;
            for byte in &mut broken[middle..middle + 40] {
                *byte = random.byte();
            }
            let broken = Bytes::from(broken);
            let damaged = made(&broken, OnDamage::Gray).unwrap();
            // The data may still be some, of other pixels; what is before stays.
            let right = whole.pixels().zip(damaged.pixels()).filter(|(a, b)| a == b).count();
            shown += right;
        }
        let pixels = (whole.width() * whole.height()) as usize;
        assert!(shown / 8 > pixels / 8, "{name}: {} of {pixels}", shown / 8);
    }
}

/// The checksum behind the last row alone.
#[test]
fn a_wrong_end_costs_no_row() {
    let file = fixture("photo.png");
    let whole = made(&file, OnDamage::Error).unwrap();
    let mut broken = file.to_vec();
    let last = broken.len() - 13;
    broken[last] ^= 1;
    let broken = Bytes::from(broken);
    assert!(matches!(made(&broken, OnDamage::Error), Err(Error::Invalid { .. })));
    assert!(made(&broken, OnDamage::Gray).unwrap() == whole);
}

/// A header that is damaged is an error all the same.
#[test]
fn without_a_header_there_is_nothing_to_show() {
    for name in BY_ROWS {
        let file = fixture(name);
        let cut = file.slice(..12);
        assert!(made(&cut, OnDamage::Gray).is_err(), "{name}");
    }
}
