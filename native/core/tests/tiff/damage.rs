//! Files that are cut off, changed, or lie.

use bytes::Bytes;
use image::DynamicImage;
use thumbelina_core::{Encoded, Error, Format, Limits, OnDamage, Output, Request};

use crate::colors::ycbcr;
use crate::common::{as_it_comes, decode, in_pieces, sized, truncated, unbounded};
use crate::fax_rows::Fax;
use crate::jpegs::{self, slope};
use crate::writer::{
    DEFLATE, FAX3, FAX4, JPEG, LZMA, LZW, NONE, PACK_BITS, RLE, SHORT, WEBP, Writer, ZSTD,
};
use crate::{as_is, float, logs, number, sample, values};

/// Small pictures of all kinds.
fn small() -> Vec<(Writer, Bytes)> {
    let mut all = [less_usual(), logs::small(), jpegs::small()].concat();
    for compression in [NONE, PACK_BITS, LZW, DEFLATE, LZMA] {
        for (planar, tiles) in [(false, false), (true, false), (false, true), (true, true)] {
            for (big, big_endian) in [(false, true), (true, false)] {
                let writer = Writer {
                    compression,
                    planar,
                    tiles,
                    big,
                    big_endian,
                    chunk: (4, 3),
                    ..Writer::default()
                };
                let bytes = writer.write(|x, y, s| sample(8, x, y, s));
                all.push((writer, Bytes::from(bytes)));
            }
        }
    }
    let floats =
        Writer { bits: 32, format: 3, predictor: 3, compression: DEFLATE, ..Writer::default() };
    all.push((floats.clone(), Bytes::from(floats.write(float))));
    let map = (0..768).collect();
    let palette =
        Writer { photometric: 3, samples: 1, more: vec![(320, SHORT, map)], ..Writer::default() };
    all.push((palette.clone(), Bytes::from(palette.write(|x, y, s| sample(8, x, y, s)))));
    let fax =
        Writer { bits: 1, samples: 1, photometric: 0, compression: FAX4, ..Writer::default() };
    all.push((fax.clone(), Bytes::from(fax.write(|x, y, s| sample(1, x, y, s)))));
    // Tiles of which all is seen.
    for (tiles, size) in [(false, (20, 17)), (true, (32, 32))] {
        let writer = Writer { compression: JPEG, tiles, size, ..Writer::default() };
        all.push((writer.clone(), jpegs::jpegs(&writer, true)));
    }
    all
}

/// Those whose samples, colors or compression are less usual.
fn less_usual() -> Vec<(Writer, Bytes)> {
    let mut all = Vec::new();
    let mut add = |writer: Writer, bits| {
        let bytes = writer.write(|x, y, s| number(bits, x, y, s));
        all.push((writer, Bytes::from(bytes)));
    };
    for (bits, format) in [(3, 1), (12, 1), (24, 1), (64, 1), (16, 2), (64, 2)] {
        let writer = Writer { bits, format, compression: LZW, ..Writer::default() };
        add(writer.clone(), bits);
        add(Writer { planar: true, ..writer }, bits);
    }
    for (photometric, samples) in [(8, 3), (9, 3), (5, 4), (1, 2)] {
        add(Writer { photometric, samples, bits: 16, ..Writer::default() }, 16);
    }
    for (compression, by_the_row_above) in [(RLE, 0), (FAX3, 0), (FAX3, 2)] {
        let fax = Fax { by_the_row_above, ..Fax::default() };
        let (bits, samples, photometric) = (1, 1, 0);
        add(Writer { bits, samples, photometric, compression, fax, ..Writer::default() }, 1);
    }
    for compression in [ZSTD, WEBP] {
        add(Writer { compression, ..Writer::default() }, 8);
    }
    let more = vec![(530, SHORT, vec![2, 2])];
    let writer = Writer { photometric: 6, more, compression: LZW, ..Writer::default() };
    let bytes = ycbcr(&writer, (2, 2), |x, y, s| sample(8, x, y, s) as u8);
    all.push((writer, bytes));
    all
}

/// Both schedulers' answer, which has to be the same.
pub(crate) fn answer(bytes: &Bytes, what: &str) -> Result<Encoded, Error> {
    let limits = Limits { max_pixels: 100_000, ..Limits::default() };
    let request =
        Request { limits, ..Output { format: Some(Format::Png), ..Output::default() }.into() };
    let pieces = in_pieces(bytes, request.clone());
    assert!(pieces == unbounded(bytes, request.clone()), "{what}");
    assert!(pieces == as_it_comes(bytes, request), "{what}, as it comes");
    pieces
}

#[test]
fn what_is_cut_off_is_refused() {
    for (writer, bytes) in small() {
        assert!(answer(&bytes, "whole").is_ok(), "{writer:?}");
        for end in 0..bytes.len() {
            let answer = answer(&bytes.slice(..end), "cut");
            // The last rows may be complete without a checksum, or a code that says so; and what is
            // below the picture is not looked at.
            let spare = match writer.compression {
                NONE => 0,
                // A checksum, an index and a footer.
                LZMA => 40,
                _ => 8,
            };
            let spare = spare + if writer.tiles { 16 } else { 0 };
            if end + spare < bytes.len() {
                let error =
                    answer.err().unwrap_or_else(|| panic!("{end} of {} {writer:?}", bytes.len()));
                let known = matches!(
                    error,
                    Error::Truncated { format: Format::Tiff, .. } | Error::UnknownFormat
                );
                assert!(known || writer.compression == JPEG, "{error} {end} {writer:?}");
            }
        }
    }
}

#[test]
fn lies_are_seen_through() {
    // A third of them each time, which other files make up for.
    let some = |lies: &[u64], turn: usize| -> Vec<u64> {
        lies.iter().copied().skip(turn % 3).step_by(3).collect()
    };
    for (number, (writer, bytes)) in small().into_iter().enumerate() {
        let (first, entry, value) = if writer.big { (24, 20, 8) } else { (10, 12, 4) };
        let count = (bytes.len() - first) / entry;
        for index in 0..count.min(17) {
            let at = first + index * entry;
            let len = bytes.len() as u64;
            let lies = [
                0,
                1,
                2,
                3,
                len - 1,
                len,
                len + 1,
                0xFFFF,
                0x7FFF_FFFF,
                0xFFFF_FFFF,
                u64::MAX / 2,
                u64::MAX,
            ];
            for (offset, size) in [(0, 2), (2, 2), (4, value), (4 + value, value), (4 + value, 2)] {
                for lie in some(&lies, number + index) {
                    let mut damaged = bytes.to_vec();
                    damaged[at + offset..at + offset + size]
                        .copy_from_slice(&writer.number(lie, size));
                    let _ = answer(&Bytes::from(damaged), "a lie");
                }
            }
        }
        // The header, and all that is outside of the directory.
        for at in 2..bytes.len().min(600) {
            for lie in some(&[0, 1, 0x7F, 0x80, 0xFF], number + at) {
                let mut damaged = bytes.to_vec();
                damaged[at] = lie as u8;
                let _ = answer(&Bytes::from(damaged), "a byte");
            }
        }
    }
}

/// Bytes that are changed by chance, the same each time.
#[test]
fn mutations_are_harmless() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut chance = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % below
    };
    for (writer, bytes) in small() {
        for _ in 0..60 {
            let mut damaged = bytes.to_vec();
            for _ in 0..=chance(4) {
                let at = 2 + chance(damaged.len() - 2);
                damaged[at] = chance(256) as u8;
            }
            let damaged = Bytes::from(damaged);
            let _ = answer(&damaged, &format!("{writer:?}"));
            let output = Output { format: Some(Format::Png), ..sized(8, 8) };
            let limits = Limits { max_pixels: 100_000, ..Limits::default() };
            let request = Request { on_damage: OnDamage::Gray, limits, ..output.into() };
            assert!(in_pieces(&damaged, request.clone()) == unbounded(&damaged, request));
        }
    }
}

fn gray_where_missing(bytes: &Bytes) -> Result<DynamicImage, Error> {
    let output = Output { format: Some(Format::Png), ..Output::default() };
    let request = Request { on_damage: OnDamage::Gray, ..output.into() };
    let made = in_pieces(bytes, request.clone());
    assert!(made == unbounded(bytes, request));
    Ok(decode(&made?.bytes))
}

#[test]
fn what_is_missing_is_gray_if_asked() {
    for compression in [NONE, PACK_BITS, LZW, DEFLATE, JPEG] {
        for (tiles, chunk) in [(false, (0, 16)), (true, (16, 16))] {
            let writer = Writer { size: (48, 64), compression, tiles, chunk, ..Writer::default() };
            let bytes = match compression {
                JPEG => jpegs::jpegs(&writer, true),
                _ => Bytes::from(writer.write(|x, y, s| u32::from(slope(x, y, s)))),
            };
            let whole = as_is(&bytes).unwrap().to_rgb8();
            let cut = bytes.slice(..bytes.len() * 2 / 3);
            assert_eq!(as_is(&cut), Err(truncated(Format::Tiff)), "{writer:?}");
            let ours = gray_where_missing(&cut).unwrap().to_rgb8();
            let same = |y: u32| (0..48).all(|x| ours.get_pixel(x, y) == whole.get_pixel(x, y));
            assert!((0..16).all(same), "{writer:?}");
            assert_eq!(ours.get_pixel(47, 63).0, [128; 3], "{writer:?}");
        }
    }
    // A chunk in the middle that makes no sense.
    let writer =
        Writer { size: (48, 64), compression: DEFLATE, chunk: (0, 16), ..Writer::default() };
    let mut bytes = writer.write(|x, y, s| u32::from(slope(x, y, s)));
    let list = values(&bytes, 273);
    bytes[list + 4..list + 8].copy_from_slice(&0xFFFF_0000u32.to_le_bytes());
    let bytes = Bytes::from(bytes);
    assert!(as_is(&bytes).is_err());
    let ours = gray_where_missing(&bytes).unwrap().to_rgb8();
    for (x, y, pixel) in ours.enumerate_pixels() {
        let right = if y / 16 == 1 { [128; 3] } else { [0, 1, 2].map(|s| slope(x, y, s)) };
        assert_eq!(pixel.0, right, "{x} {y}");
    }
}
