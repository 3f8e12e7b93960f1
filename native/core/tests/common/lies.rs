//! Files whose headers lie, made of a file that does not: without knowing a format, every place
//! where a length, a count, an offset or a dimension could stand is taken for one.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every binary compiles this file and uses a part of it"
)]

use std::ops::Range;

/// Every number of 1, 2, 4 or 8 bytes, in both byte orders, at every place of `range`, set to 0, to
/// 1, to its maximum and half of it, and to the places around the file's end, as seen from the
/// file's start and from behind the number.
pub fn numbers(file: &[u8], range: Range<usize>, mut found: impl FnMut(Vec<u8>)) {
    for at in range.start..range.end.min(file.len()) {
        for size in [1, 2, 4, 8].into_iter().filter(|size| at + size <= file.len()) {
            for value in values(file.len(), at, size) {
                let mut little = file.to_vec();
                write(&mut little, at, size, value, false);
                let mut big = file.to_vec();
                write(&mut big, at, size, value, true);
                if little != big && big != file {
                    found(big);
                }
                if little != file {
                    found(little);
                }
            }
        }
    }
}

fn write(file: &mut [u8], at: usize, size: usize, value: u64, big_endian: bool) {
    let place = &mut file[at..][..size];
    if big_endian {
        place.copy_from_slice(&value.to_be_bytes()[8 - size..]);
    } else {
        place.copy_from_slice(&value.to_le_bytes()[..size]);
    }
}

fn values(len: usize, at: usize, size: usize) -> Vec<u64> {
    let most = u64::MAX >> (64 - 8 * size);
    let len = len as u64;
    let rest = len - at as u64;
    let mut values = vec![0, 1, 2, 255, most / 2, most / 2 + 1, most - 1, most, len, len + 1, rest];
    values.extend([rest.saturating_sub(size as u64), rest + 1, 1_000_000_000, 65_535]);
    values.retain(|&value| value <= most);
    values.sort_unstable();
    values.dedup();
    values
}

/// Two numbers of a file at a time, chosen by a seed.
pub fn pairs(
    file: &[u8],
    range: Range<usize>,
    seed: u64,
    count: usize,
    mut found: impl FnMut(Vec<u8>),
) {
    let mut state = seed;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let range = range.start..range.end.min(file.len());
    for _ in 0..count {
        let mut lie = file.to_vec();
        for _ in 0..2 {
            let size = [1, 2, 4][next(3)];
            let at = range.start + next(range.len());
            if at + size > file.len() {
                continue;
            }
            let values = values(file.len(), at, size);
            write(&mut lie, at, size, values[next(values.len())], next(2) == 0);
        }
        found(lie);
    }
}

/// The lines and words of a header of text, every word of digits replaced.
pub fn words(file: &[u8], range: Range<usize>, mut found: impl FnMut(Vec<u8>)) {
    let range = range.start..range.end.min(file.len());
    let mut at = range.start;
    while at < range.end {
        if !file[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let len = file[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        for word in [
            "0",
            "1",
            "255",
            "65535",
            "65536",
            "4294967295",
            "4294967296",
            "99999999999999999999",
            "",
        ] {
            found([&file[..at], word.as_bytes(), &file[at + len..]].concat());
        }
        at += len;
    }
}

/// The file with a piece of itself repeated until it is about `len` bytes longer: what is allowed
/// once is often allowed any number of times. For pieces of every length in `lens`, from every
/// place in `range`.
pub fn repetitions(
    file: &[u8],
    range: Range<usize>,
    lens: &[usize],
    len: usize,
    mut found: impl FnMut(Vec<u8>),
) {
    for at in range.start..range.end.min(file.len()) {
        for &piece in lens {
            if let Some(piece) = file.get(at..at + piece) {
                let mut long = file[..at].to_vec();
                long.extend(piece.iter().cycle().take(len.next_multiple_of(piece.len())));
                long.extend_from_slice(&file[at..]);
                found(long);
            }
        }
    }
}

/// Puts right the checksums of a PNG's chunks, wherever one begins in the file (an icon has one
/// inside): without it, no decoder would look at what was changed.
pub fn repair_png(file: &mut [u8]) {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    let Some(start) = file.windows(8).position(|bytes| bytes == SIGNATURE) else { return };
    let mut at = start + 8;
    while let Some(&[a, b, c, d]) = file.get(at..).and_then(|rest| rest.first_chunk()) {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(data) = file.get(at + 4..).and_then(|rest| rest.get(..4 + len)) else { return };
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let sum = crc.sum().to_be_bytes();
        let Some(place) = file.get_mut(at + 8 + len..).and_then(|rest| rest.get_mut(..4)) else {
            return;
        };
        place.copy_from_slice(&sum);
        at += 12 + len;
    }
}
