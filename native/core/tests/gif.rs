//! Small GIFs written here, code by code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use maps::{Random, as_is};
use thumbelina_core::Format;

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
