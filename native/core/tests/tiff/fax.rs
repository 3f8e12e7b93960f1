//! CCITT RLE, Group 3 and Group 4.

use bytes::Bytes;

use crate::fax_rows::Fax;
use crate::writer::{FAX3, FAX4, RLE, RLE_WORDS, Writer};
use crate::{as_is, expected, layouts, read, sample};

/// A sample of one of four pictures.
fn drawn(kind: u16, x: u32, y: u32) -> u32 {
    match kind {
        0 => u32::from((x / 9 + y / 2).is_multiple_of(2)),
        1 => sample(1, x, y, 0),
        2 => u32::from(x > 700 * y),
        _ => y % 2,
    }
}

#[test]
fn fax_rows_are_what_was_written() {
    for size in [(1, 1), (8, 3), (61, 40), (2600, 30)] {
        for (tiles, chunk) in layouts() {
            for fill_order in [1, 2] {
                for kind in 0..4 {
                    let pixel = |x: u32, y: u32, _: u32| drawn(kind, x, y);
                    let writer = Writer {
                        size,
                        bits: 1,
                        samples: 1,
                        photometric: 0,
                        compression: FAX4,
                        tiles,
                        chunk,
                        fill_order,
                        ..Writer::default()
                    };
                    let ours = read(&Bytes::from(writer.write(pixel)), &writer);
                    let theirs =
                        expected(size, 1, |x, y, s| if pixel(x, y, s) == 1 { 0 } else { 255 });
                    assert!(*ours.to_luma8().as_raw() == theirs, "{kind} {writer:?}");
                }
            }
        }
    }
}

#[test]
fn faxes_of_all_groups_are_what_was_written() {
    let groups = [
        (RLE, Fax::default()),
        (RLE_WORDS, Fax::default()),
        (FAX3, Fax::default()),
        (FAX3, Fax { without_ends: true, ..Fax::default() }),
        (FAX3, Fax { filled: true, returns: true, ..Fax::default() }),
        (FAX3, Fax { by_the_row_above: 1, ..Fax::default() }),
        (FAX3, Fax { by_the_row_above: 3, filled: true, returns: true, ..Fax::default() }),
        (FAX4, Fax::default()),
    ];
    for (compression, fax) in groups {
        for size in [(1, 1), (8, 3), (61, 40), (5300, 9)] {
            for (tiles, chunk) in layouts() {
                for kind in 0..4 {
                    let pixel = |x: u32, y: u32, _: u32| drawn(kind, x, y);
                    let (photometric, fill_order) = (kind % 2, 1 + kind / 2);
                    let writer = Writer {
                        size,
                        bits: 1,
                        samples: 1,
                        photometric,
                        compression,
                        tiles,
                        chunk,
                        fill_order,
                        fax,
                        ..Writer::default()
                    };
                    let ours = read(&Bytes::from(writer.write(pixel)), &writer);
                    let theirs = expected(size, 1, |x, y, s| {
                        if pixel(x, y, s) == u32::from(photometric) { 255 } else { 0 }
                    });
                    assert!(*ours.to_luma8().as_raw() == theirs, "{kind} {writer:?}");
                }
            }
        }
    }
}

/// Runs of no pixels, with which some writers begin a row, are passed in the row below.
#[test]
fn runs_of_nothing_count_in_a_fax() {
    let (pass, horizontal, here) = ("0001", "001", "1");
    let nothing = ["00110101", "0000110111"].concat();
    let (white_4_black_3, white_5_black_2) = ("1011 10", "1100 11");
    let rows = |nothings: usize, passes: usize| {
        let bits = [
            [horizontal, &nothing].concat().repeat(nothings),
            [horizontal, white_4_black_3, here].concat(),
            pass.repeat(passes),
            [horizontal, white_5_black_2, here].concat(),
        ];
        group_4(&bits.concat(), (16, 2))
    };
    for nothings in 0..=3 {
        assert_eq!(rows(nothings, nothings.min(1)), ["....###.........", ".....##........."]);
    }
    // More of them than any writer makes are harmless.
    assert_eq!(rows(10_000, 1)[0], "....###.........");
}

/// What is shown of these bits of Group 4, black as `#`.
fn group_4(bits: &str, size: (u32, u32)) -> Vec<String> {
    group(FAX4, bits, size)
}

fn group(compression: u16, bits: &str, (width, height): (u32, u32)) -> Vec<String> {
    let bits: Vec<u8> = bits.bytes().filter(u8::is_ascii_digit).collect();
    let byte = |bits: &[u8]| (0..8).fold(0, |byte, i| byte << 1 | bits.get(i).map_or(0, |b| b & 1));
    let data = bits.chunks(8).map(byte).collect();
    let writer = Writer {
        size: (width, height),
        bits: 1,
        samples: 1,
        photometric: 0,
        compression,
        ..Writer::default()
    };
    let shown = as_is(&Bytes::from(writer.assemble(&[data]))).unwrap().to_luma8();
    let pixel = |x: u32, y: u32| if shown.get_pixel(x, y).0 == [0] { '#' } else { '.' };
    (0..height).map(|y| (0..width).map(|x| pixel(x, y)).collect()).collect()
}

/// What libtiff shows of them.
#[test]
fn damage_to_group_4_costs_no_bits_that_count() {
    const FIRST: &str = "001 0111 10 1";
    let rows = |bits: &[&str]| group_4(&[&[FIRST], bits].concat().concat(), (8, 3));
    let (here, left_3, pass, next) = ("1", "0000010", "0001", "001 000111 010 1");
    // To the left of the picture: the next row begins right behind that code.
    assert_eq!(rows(&[left_3, next]), ["..###...", "........", ".#......"]);
    // The same with black that was passed over, which is drawn.
    let two = "001 000111 010 001 000111 010 1";
    let passed = ["001 00110101 11", pass, pass, left_3].concat();
    assert_eq!(group_4(&[two, &passed].concat(), (8, 2)), [".#.#....", "##......"]);
    // A run that would end outside is white, but where it begins counts in the row below.
    let outside = "001 1110 011";
    assert_eq!(rows(&[outside, next]), ["..###...", "........", ".#....##"]);
    // An extension: the rest of the row keeps its color.
    assert_eq!(rows(&[here, "0000001", next]), ["..###...", "..######", ".#......"]);
    // Seven zeros are an end, and the rest of the row keeps its color, too.
    assert_eq!(rows(&[here, "0000000 1", next]), ["..###...", "..######", "........"]);
    assert_eq!(rows(&["0000000 1", next]), ["..###...", "........", "........"]);
    // No run begins so: the next row begins with the same bits.
    assert_eq!(rows(&["001 000000001", next]), ["..###...", "........", "........"]);
}

/// The same of rows behind ends of line.
#[test]
fn runs_that_would_end_outside_are_white_in_group_3() {
    const EOL: &str = "000000000001";
    let (white_1, white_6, black_1, black_4, black_64) =
        ("000111", "1110", "010", "011", "0000001111");
    let rows = |row: &[&str]| {
        let next = [EOL, white_1, black_1, white_6].concat();
        group(FAX3, &[EOL, &row.concat(), &next].concat(), (8, 2))
    };
    assert_eq!(rows(&[white_6, black_1, white_1]), ["......#.", ".#......"]);
    assert_eq!(rows(&[white_6, black_4]), ["........", ".#......"]);
    assert_eq!(rows(&[white_6, black_64, black_1]), ["........", ".#......"]);
    // A code of black that is none.
    assert_eq!(rows(&[white_6, "00000000 11"]), ["........", ".#......"]);
}

/// A row that makes no sense, in the middle of others. Where its end is hit, too, those below move
/// up by one.
#[test]
fn a_bad_row_of_a_fax_is_borne() {
    for by_the_row_above in [0, 1, 3] {
        let writer = Writer {
            size: (61, 40),
            bits: 1,
            samples: 1,
            photometric: 0,
            compression: FAX3,
            chunk: (0, 40),
            fax: Fax { by_the_row_above, ..Fax::default() },
            ..Writer::default()
        };
        let pixel = |x: u32, y: u32, _: u32| u32::from((x / 9 + y / 4).is_multiple_of(2));
        let bytes = writer.write(pixel);
        let whole = as_is(&Bytes::from(bytes.clone())).unwrap().to_luma8();
        let mut damaged = bytes;
        let middle = damaged.len() - 60;
        // Too few zeros for an end of line, and too many for anything else.
        damaged[middle] = 0b1000_0000;
        damaged[middle + 1] = 0b0110_0000;
        let ours = as_is(&Bytes::from(damaged)).unwrap().to_luma8();
        let other = ours.rows().zip(whole.rows()).filter(|(a, b)| !a.clone().eq(b.clone()));
        assert!((1..=16).contains(&other.count()), "{by_the_row_above}");
    }
}
