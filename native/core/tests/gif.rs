//! Small GIFs written here, code by code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{invalid, probe, truncated};
use maps::{Random, as_is};
use thumbelina_core::{ColorSpace, Format, Limits};

/// A file of one frame, with what comes before it and its data.
fn gif((width, height): (u16, u16), bits: u8, before: &[u8], data: &[u8]) -> Bytes {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let mut out = [b"GIF89a", &size[..], &[0x80 | (bits - 1), 0, 0]].concat();
    out.extend((0..1u32 << bits).flat_map(|n| [n as u8, (n * 3) as u8, (n * 7) as u8]));
    out.extend(before);
    out.extend([&[0x2C, 0, 0, 0, 0], &size[..], &[0, bits.max(2)]].concat());
    for block in data.chunks(255) {
        out.push(block.len() as u8);
        out.extend(block);
    }
    out.extend([0, 0x3B]);
    Bytes::from(out)
}

fn packed(indices: &[u8], bits: u8) -> Vec<u8> {
    weezl::encode::Encoder::new(weezl::BitOrder::Lsb, bits.max(2)).encode(indices).unwrap()
}

fn shown(file: &Bytes) -> Vec<[u8; 3]> {
    let made = as_is(file, Format::Png).unwrap().to_rgb8();
    made.pixels().map(|pixel| pixel.0).collect()
}

fn colors(indices: &[u8]) -> Vec<[u8; 3]> {
    let color = |&n: &u8| [n, (u32::from(n) * 3) as u8, (u32::from(n) * 7) as u8];
    indices.iter().map(color).collect()
}

#[test]
fn all_pixels_are_there_at_the_end_code() {
    let mut random = Random(1);
    for bits in 1..=8 {
        for (width, height) in
            [(1, 1), (2, 1), (3, 3), (11, 16), (16, 16), (64, 64), (255, 3), (300, 200)]
        {
            for most in [1, 2, 1 << bits] {
                let pixels = usize::from(width) * usize::from(height);
                let indices: Vec<u8> =
                    (0..pixels).map(|_| random.below(most.min(1 << bits)) as u8).collect();
                let file = gif((width, height), bits, &[], &packed(&indices, bits));
                assert!(shown(&file) == colors(&indices), "{width}x{height}, {bits} bits");
            }
        }
    }
}

#[test]
fn extensions_that_nobody_knows_are_passed_over() {
    let indices = [3, 2, 1, 0];
    let data = packed(&indices, 2);
    let unknown = b"\x21\x2A\x05Hello\x05World\0";
    let comment = b"\x21\xFE\x02ok\0";
    let control = b"\x21\xF9\x04\0\0\0\0\0";
    for before in [
        &unknown[..],
        &[&unknown[..], comment].concat(),
        &[&comment[..], unknown, unknown, control].concat(),
        b"\x21\0\0",
    ] {
        assert_eq!(shown(&gif((2, 2), 2, before, &data)), colors(&indices));
    }
}

/// As browsers have it.
#[test]
fn a_canvas_that_is_too_small_grows() {
    let indices = [3, 2, 1, 0, 1, 2];
    let plain = gif((3, 2), 2, &[], &packed(&indices, 2));
    let frame = plain.iter().position(|&byte| byte == 0x2C).unwrap();
    for (canvas, (left, top), shown) in [
        ((0, 0), (0, 0), (3, 2)),
        ((2, 1), (0, 0), (3, 2)),
        ((1, 9), (0, 0), (3, 9)),
        ((2, 2), (2, 1), (5, 3)),
        ((3, 2), (9, 7), (12, 9)),
    ] {
        for interlaced in [0, 0x40] {
            let mut file = plain.to_vec();
            (file[6], file[8], file[frame + 1], file[frame + 3]) = (canvas.0, canvas.1, left, top);
            file[frame + 9] |= interlaced;
            let made = as_is(&Bytes::from(file), Format::Png).unwrap().to_rgba8();
            assert_eq!(made.dimensions(), shown);
            let (left, top) = (u32::from(left), u32::from(top));
            for (x, y, pixel) in made.enumerate_pixels() {
                let inside = (left..left + 3).contains(&x) && (top..top + 2).contains(&y);
                let index = || indices[((y - top) * 3 + x - left) as usize];
                let [r, g, b] = if inside { colors(&[index()])[0] } else { [0; 3] };
                assert_eq!(pixel.0, [r, g, b, if inside { 255 } else { 0 }]);
            }
        }
    }
}

/// Codes one after the other, of as many bits as each is said to have.
fn codes(codes: &[(u32, u32)]) -> Vec<u8> {
    let (mut out, mut held, mut count) = (Vec::new(), 0u64, 0);
    for &(code, bits) in codes {
        held |= u64::from(code) << count;
        count += bits;
        while count >= 8 {
            out.push(held as u8);
            (held, count) = (held >> 8, count - 8);
        }
    }
    out.push(held as u8);
    out
}

/// More pixels than there is room for, and then what makes no sense: what was shown stays.
#[test]
fn what_is_behind_the_last_pixel_does_not_matter() {
    let indices = [3, 2, 1, 0];
    let good = [(4, 3), (3, 3), (2, 3), (1, 3), (0, 4)];
    for behind in [
        // A code that does not exist yet, more pixels before it, and no end.
        &[(15, 4)][..],
        &[(1, 4), (2, 4), (3, 4), (15, 4)],
        &[(1, 4), (1, 4), (4, 4), (7, 3), (7, 3)],
        &[],
    ] {
        let data = codes(&[&good[..], behind].concat());
        assert_eq!(shown(&gif((2, 2), 2, &[], &data)), colors(&indices), "{behind:?}");
    }
    // Before it, it does.
    let data = codes(&[(4, 3), (7, 3)]);
    let file = gif((2, 2), 2, &[], &data);
    assert_eq!(as_is(&file, Format::Png).err(), Some(invalid(Format::Gif)));
    let data = codes(&[(4, 3), (3, 3), (5, 3)]);
    assert_eq!(as_is(&gif((2, 2), 2, &[], &data), Format::Png).err(), Some(truncated(Format::Gif)));
}

#[test]
fn codes_that_clear_may_follow_each_other() {
    for bits in 1..=4u8 {
        let wide = u32::from(bits.max(2)) + 1;
        let (clear, end) = (1 << bits.max(2), (1 << bits.max(2)) + 1);
        for clears in [1, 2, 3, 21, 22, 64, 1000] {
            let data = [vec![(clear, wide); clears], vec![(1, wide), (end, wide)]].concat();
            let file = gif((1, 1), bits, &[], &codes(&data));
            assert_eq!(shown(&file), colors(&[1]), "{bits} {clears}");
        }
    }
}

#[test]
fn blocks_of_data_may_have_any_length() {
    let mut random = Random(3);
    let indices: Vec<u8> = (0..40 * 30).map(|_| random.byte() % 16).collect();
    let whole = gif((40, 30), 4, &[], &packed(&indices, 4));
    let start =
        whole.len() - packed(&indices, 4).chunks(255).map(|c| c.len() + 1).sum::<usize>() - 2;
    for length in [1, 2, 3, 17, 254] {
        let mut file = whole[..start].to_vec();
        for block in packed(&indices, 4).chunks(length) {
            file.push(block.len() as u8);
            file.extend(block);
        }
        file.extend([0, 0x3B]);
        assert!(shown(&Bytes::from(file)) == colors(&indices), "{length}");
    }
}

#[test]
fn a_profile_is_handed_out() {
    let profile: Vec<u8> = (0..700u32).map(|n| (n * 7) as u8).collect();
    let mut before = b"\x21\xFF\x0BICCRGBG1012".to_vec();
    for block in profile.chunks(255) {
        before.push(block.len() as u8);
        before.extend(block);
    }
    before.push(0);
    let data = packed(&[3, 2, 1, 0], 2);
    let file = gif((2, 2), 2, &before, &data);
    let info = probe(file.clone(), &Limits::default()).unwrap();
    assert_eq!(info.color, ColorSpace::Icc(Bytes::from(profile)));
    // It is none, so that colors are what they are.
    assert_eq!(shown(&file), colors(&[3, 2, 1, 0]));
    // Another's extension, and an empty one.
    for other in [&b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0"[..], b"\x21\xFF\x0BICCRGBG1012\0"] {
        let info = probe(gif((2, 2), 2, other, &data), &Limits::default()).unwrap();
        assert_eq!(info.color, ColorSpace::Srgb);
    }
    for end in 0..file.len() - 2 {
        assert!(as_is(&file.slice(..end), Format::Png).is_err(), "{end}");
    }
}
