//! Zstandard, LZMA and WebP.

use bytes::Bytes;
use thumbelina_core::{Error, Format};

use crate::common::{in_pieces, invalid, sized, truncated};
use crate::samples::{numbers, shown};
use crate::writer::{LZMA, WEBP, Writer, ZSTD};
use crate::{expected, layouts, number, read};

#[test]
fn zstandard_lzma_and_webp_are_what_was_written() {
    for (compression, bits, samples, predictor) in [
        (ZSTD, 8, 3, 1),
        (ZSTD, 8, 4, 2),
        (ZSTD, 12, 3, 1),
        (ZSTD, 16, 3, 2),
        (LZMA, 8, 3, 1),
        (LZMA, 8, 4, 2),
        (LZMA, 12, 3, 1),
        (LZMA, 16, 3, 2),
        (WEBP, 8, 3, 1),
        (WEBP, 8, 4, 1),
    ] {
        for size in [(1, 1), (7, 5), (33, 18), (300, 170)] {
            // Many chunks take long to write.
            let fits = |&(_, (_, rows)): &(bool, (u32, u32))| size.1 < 100 || rows > 40;
            for (tiles, chunk) in layouts().into_iter().filter(fits) {
                for planar in [false, compression != WEBP] {
                    let writer = Writer {
                        size,
                        compression,
                        bits,
                        samples,
                        predictor,
                        tiles,
                        chunk,
                        planar,
                        extra: if samples == 4 { vec![2] } else { vec![] },
                        ..Writer::default()
                    };
                    // Of what is clear no color is kept.
                    let value = |x, y, s| match s {
                        3 => 255 - number(bits, x, y, s) / 2,
                        _ => number(bits, x, y, s),
                    };
                    let bytes = Bytes::from(writer.write(value));
                    let ours = read(&bytes, &writer);
                    let theirs = expected(size, samples, |x, y, s| shown(bits, value(x, y, s)));
                    assert!(numbers(&ours) == theirs, "{writer:?}");
                }
            }
        }
    }
}

/// A window that is larger than any should be, filters for programs, and streams of nothing.
#[test]
fn lzma_is_bounded() {
    let writer =
        Writer { size: (6000, 600), compression: LZMA, chunk: (0, 600), ..Writer::default() };
    let bytes = Bytes::from(writer.write(|_, _, _| 7u8));
    // 10.8 MB in one strip, of a window of 8 MiB.
    assert!(in_pieces(&bytes, sized(8, 8)).is_ok());
    let at = bytes.windows(6).position(|six| six == b"\xFD7zXZ\0").unwrap();
    // The delta filter with its distance, and LZMA2 with its window.
    assert_eq!(bytes[at + 14..at + 20], [3, 1, 0, 0x21, 1, 22]);
    let with = |place: usize, byte: u8| {
        let mut lie = bytes.to_vec();
        lie[at + place] = byte;
        in_pieces(&Bytes::from(lie), sized(8, 8)).err()
    };
    assert!(matches!(with(19, 30), Some(Error::Limit { .. })));
    assert!(matches!(with(19, 40), Some(Error::Limit { .. })));
    let invalid = Some(invalid(Format::Tiff));
    assert_eq!(with(19, 41), invalid);
    assert_eq!(with(14, 4), Some(Error::Unsupported(Format::Tiff)));
    assert_eq!(with(12, 0), invalid);
    assert_eq!(with(0, 0), invalid);
}

/// Blocks that hold nothing, and a window that is larger than any should be where it is needed.
#[test]
fn zstandard_is_bounded() {
    let writer = Writer { size: (16, 16), compression: ZSTD, ..Writer::default() };
    let mut empty = vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x50];
    empty.extend([0; 3].repeat(100_000));
    let made = |data| in_pieces(&Bytes::from(writer.assemble(&[data])), sized(8, 8));
    assert_eq!(made(empty), Err(truncated(Format::Tiff)));
    let wide = [0x28, 0xB5, 0x2F, 0xFD, 0, 0xA0];
    let large = Writer { size: (4_000, 1_000), chunk: (4_000, 1_000), ..writer.clone() };
    let large = large.assemble(&[[&wide[..], &[1, 0, 0]].concat()]);
    assert!(matches!(in_pieces(&Bytes::from(large), sized(8, 8)), Err(Error::Limit { .. })));
    // One stored block, the last one.
    let block = (768u32 << 3 | 1).to_le_bytes();
    let stored = [&wide[..], &block[..3], &[77; 768]].concat();
    let plain = Writer { compression: 1, ..writer.clone() };
    let plain = in_pieces(&Bytes::from(plain.write(|_, _, _| 77u32)), sized(8, 8));
    assert_eq!(made(stored).unwrap().bytes, plain.unwrap().bytes);
}
