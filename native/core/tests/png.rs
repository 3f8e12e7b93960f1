//! PNG: what `tRNS` makes clear, and metadata.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::probe;
use maps::as_is;
use thumbelina_core::{Format, Limits};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = (data.len() as u32).to_be_bytes().to_vec();
    out.extend(name);
    out.extend(data);
    let mut sum = flate2::Crc::new();
    sum.update(&out[4..]);
    out.extend(sum.sum().to_be_bytes());
    out
}

/// Rows without filters, as many bits a pixel as there are; all in the first pass if interlaced.
fn png(
    (width, height): (u32, u32),
    (bits, color): (u8, u8),
    is_interlaced: bool,
    chunks: &[Vec<u8>],
    rows: &[&[u8]],
) -> Bytes {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([bits, color, 0, 0, is_interlaced.into()]);
    let mut data = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for row in rows {
        std::io::Write::write_all(&mut data, &[&[0], *row].concat()).unwrap();
    }
    let data = chunk(b"IDAT", &data.finish().unwrap());
    let parts =
        [SIGNATURE.to_vec(), chunk(b"IHDR", &header), chunks.concat(), data, chunk(b"IEND", &[])];
    Bytes::from(parts.concat())
}

#[test]
fn bits_above_those_of_a_gray_mean_nothing() {
    // All grays of each depth, the clear one once as it is and once with bits above.
    for (bits, row, scale) in [
        (1, &[0b0100_0000][..], 255),
        (2, &[0b0001_1011], 85),
        (4, &[0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF], 17),
    ] {
        let count = 1u8 << bits;
        for clear in 0..count {
            for above in [0u16, 0x00F0, 0xFF00, 0xFFF0 | u16::from(count)] {
                let mask = u16::from(count) - 1;
                let gray = (above & !mask) | u16::from(clear);
                let trns = chunk(b"tRNS", &gray.to_be_bytes());
                let file = png((count.into(), 1), (bits, 0), false, &[trns], &[row]);
                let made = as_is(&file, Format::Png).unwrap().to_luma_alpha8();
                for (x, _, pixel) in made.enumerate_pixels() {
                    let alpha = if x == u32::from(clear) { 0 } else { 255 };
                    // What is clear has no color.
                    let shown = if alpha == 0 { [pixel.0[0], 0] } else { [x as u8 * scale, 255] };
                    assert_eq!(pixel.0, shown, "{bits} bits, {gray:#x}");
                }
            }
        }
    }
    // Interlaced, a single pixel is a pass.
    let trns = chunk(b"tRNS", &[0xFF, 0xFF]);
    let file = png((1, 1), (1, 0), true, &[trns], &[&[0x80]]);
    assert_eq!(as_is(&file, Format::Png).unwrap().to_luma_alpha8().get_pixel(0, 0).0[1], 0);
}

#[test]
fn of_deeper_grays_and_colors_all_bits_count() {
    let alphas = |depth: (u8, u8), trns: &[u8], row: &[u8], width: u32| {
        let file = png((width, 1), depth, false, &[chunk(b"tRNS", trns)], &[row]);
        let made = as_is(&file, Format::Png).unwrap().to_rgba8();
        made.pixels().map(|pixel| pixel.0[3]).collect::<Vec<_>>()
    };
    assert_eq!(alphas((8, 0), &[0, 7], &[7, 8], 2), [0, 255]);
    assert_eq!(alphas((16, 0), &[1, 2], &[1, 2, 1, 3], 2), [0, 255]);
    assert_eq!(alphas((8, 2), &[0, 1, 0, 2, 0, 3], &[1, 2, 3, 1, 2, 4], 2), [0, 255]);
    let row = [1, 0, 2, 0, 3, 0, 1, 0, 2, 0, 3, 1];
    assert_eq!(alphas((16, 2), &[1, 0, 2, 0, 3, 0], &row, 2), [0, 255]);
}

#[test]
fn xmp_is_kept_where_it_is_not_compressed() {
    let text = |flag: u8, keyword: &str| {
        let data = [keyword.as_bytes(), &[0, flag, 0], b"en\0word\0<x/>"].concat();
        let file = png((1, 1), (8, 0), false, &[chunk(b"iTXt", &data)], &[&[9]]);
        probe(file, &Limits::default()).unwrap().metadata.xmp
    };
    assert_eq!(text(0, "XML:com.adobe.xmp").as_deref(), Some(&b"<x/>"[..]));
    assert_eq!((text(1, "XML:com.adobe.xmp"), text(0, "Comment")), (None, None));
    let long = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], &vec![b'x'; (1 << 20) + 1]].concat();
    let file = png((1, 1), (8, 0), false, &[chunk(b"iTXt", &long)], &[&[9]]);
    assert_eq!(probe(file, &Limits::default()).unwrap().metadata.xmp, None);
}

/// Checksums of chunks that a picture does not need.
#[test]
fn wrong_sums_of_other_chunks_are_no_damage() {
    let mut other = chunk(b"pHYs", &[0, 0, 0, 1, 0, 0, 0, 1, 1]);
    let last = other.len() - 1;
    other[last] ^= 1;
    let file = png((1, 1), (8, 0), false, &[other], &[&[9]]);
    assert_eq!(as_is(&file, Format::Png).unwrap().to_luma8().get_pixel(0, 0).0, [9]);
}
