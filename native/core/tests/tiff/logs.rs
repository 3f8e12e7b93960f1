//! Light by its logarithm: LogL and LogLuv, written here by the formulas of their specification.

use bytes::Bytes;
use thumbelina_core::{Depth, Format, Limits, Output};

use crate::common::{decode, in_pieces, probe, sized};
use crate::writer::Writer;
use crate::{as_is, layouts};

const LOG_L: u16 = 32_844;
const LOG_LUV: u16 = 32_845;
const RUNS: u16 = 34_676;
const PLAIN: u16 = 34_677;

/// 16 bits of the light's logarithm.
fn log(light: f64) -> u32 {
    if light <= 0.0 {
        0
    } else {
        (256.0 * (light.log2() + 64.0)).floor().clamp(1.0, 32_767.0) as u32
    }
}

/// Grays, and a red, a green and a blue that are not as far from them as there are.
fn colors(x: u32, y: u32) -> [f64; 3] {
    let light = 2f64.powf(f64::from(x % 40) / 4.0 - 5.0);
    match y % 4 {
        0 => [light; 3],
        1 => [light, light / 8.0, light / 8.0],
        2 => [light / 8.0, light, light / 8.0],
        _ => [light / 8.0, light / 8.0, light],
    }
}

/// By the inverse of the matrix that the specification's implementation has.
fn xyz([r, g, b]: [f64; 3]) -> [f64; 3] {
    [
        0.497 * r + 0.339 * g + 0.164 * b,
        0.256 * r + 0.678 * g + 0.066 * b,
        0.023 * r + 0.113 * g + 0.864 * b,
    ]
}

fn log_luv(x: u32, y: u32) -> u32 {
    let [cx, cy, cz] = xyz(colors(x, y));
    let sum = cx + 15.0 * cy + 3.0 * cz;
    let (u, v) = (4.0 * cx / sum, 9.0 * cy / sum);
    log(cy) << 16 | ((u * 410.0) as u32) << 8 | (v * 410.0) as u32
}

/// A row's bytes, all first ones before all second ones, in runs and as they are.
fn packed(row: &[u32], bytes: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in (0..bytes).rev() {
        let plane: Vec<u8> = row.iter().map(|value| (value >> (8 * byte)) as u8).collect();
        let mut at = 0;
        while at < plane.len() {
            let run = plane[at..].iter().take(129).take_while(|&&b| b == plane[at]).count();
            if run > 1 {
                out.extend([126 + run as u8, plane[at]]);
                at += run;
            } else {
                let rest = &plane[at..];
                let literal = rest.windows(2).take(127).take_while(|two| two[0] != two[1]).count();
                let literal = if literal + 1 == rest.len() { rest.len() } else { literal.max(1) };
                let literal = literal.min(127);
                out.push(literal as u8);
                out.extend(&rest[..literal]);
                at += literal;
            }
        }
    }
    out
}

fn written(writer: &Writer, value: impl Fn(u32, u32) -> u32) -> Bytes {
    let bytes = if writer.photometric == LOG_L { 2 } else { 4 };
    let mut chunks = Vec::new();
    for ((left, top), (width, rows)) in writer.places() {
        let row = |y: u32| -> Vec<u8> {
            let row: Vec<u32> = (0..width).map(|x| value(left + x, top + y)).collect();
            match writer.compression {
                PLAIN => row.iter().flat_map(|v| v.to_be_bytes()[1..].to_vec()).collect(),
                _ => packed(&row, bytes),
            }
        };
        chunks.push((0..rows).flat_map(row).collect());
    }
    Bytes::from(writer.assemble(&chunks))
}

fn gray(size: (u32, u32), tiles: bool, chunk: (u32, u32)) -> Writer {
    Writer {
        size,
        bits: 16,
        samples: 1,
        format: 2,
        photometric: LOG_L,
        compression: RUNS,
        tiles,
        chunk,
        ..Writer::default()
    }
}

fn color(size: (u32, u32), tiles: bool, chunk: (u32, u32)) -> Writer {
    Writer { samples: 3, photometric: LOG_LUV, ..gray(size, tiles, chunk) }
}

/// Small ones for those who break them.
pub(crate) fn small() -> Vec<(Writer, Bytes)> {
    let luv = color((9, 5), false, (0, 3));
    let l = gray((9, 5), true, (5, 3));
    let plain = Writer { compression: PLAIN, ..color((9, 5), false, (0, 3)) };
    vec![
        (luv.clone(), written(&luv, log_luv)),
        (l.clone(), written(&l, |x, _| log(f64::from(x)))),
        (plain.clone(), written(&plain, |x, y| ((x * 64 + 600) << 14) | (y * 3_000))),
    ]
}

#[test]
fn light_is_what_was_written() {
    for size in [(1, 1), (7, 5), (300, 18)] {
        for (tiles, chunk) in layouts() {
            for big_endian in [false, true] {
                let light = |x: u32, y: u32| f64::from(x + 1) * 0.01 * f64::from(y % 3);
                let writer = Writer { big_endian, ..gray(size, tiles, chunk) };
                let bytes = written(&writer, |x, y| log(light(x, y)));
                let layout = probe(bytes.clone(), &Limits::default()).unwrap().layout;
                assert_eq!((layout.channels, layout.depth), (1, Depth::F32));
                let ours = as_is(&bytes).unwrap_or_else(|e| panic!("{e} {writer:?}")).to_rgb32f();
                for (x, y, pixel) in ours.enumerate_pixels() {
                    let off = (f64::from(pixel.0[0]) - light(x, y)).abs();
                    assert!(off <= 0.003 * light(x, y), "{x} {y} {pixel:?} {writer:?}");
                }
                let writer = Writer { big_endian, ..color(size, tiles, chunk) };
                let bytes = written(&writer, log_luv);
                let ours = as_is(&bytes).unwrap_or_else(|e| panic!("{e} {writer:?}")).to_rgb32f();
                for (x, y, pixel) in ours.enumerate_pixels() {
                    let rgb = colors(x, y);
                    let most = rgb.into_iter().fold(0.0, f64::max);
                    for (ours, light) in pixel.0.iter().zip(rgb) {
                        let off = (f64::from(*ours) - light).abs();
                        assert!(off < 0.05 * most, "{x} {y} {pixel:?} {rgb:?} {writer:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_short_form_is_light_and_the_number_of_a_color() {
    // Each square's number and its color, by the table's first row, and by white, which is none.
    for (tiles, chunk) in layouts() {
        let writer = Writer { compression: PLAIN, ..color((40, 9), tiles, chunk) };
        let bytes = written(&writer, |x, _| (640 + x * 8) << 14 | 0x3FFF);
        let ours = as_is(&bytes).unwrap_or_else(|e| panic!("{e} {writer:?}")).to_rgb32f();
        for (x, _, pixel) in ours.enumerate_pixels() {
            let light = 2f64.powf(f64::from(640 + x * 8) / 64.0 - 12.0);
            for ours in pixel.0 {
                let off = (f64::from(ours) - light).abs();
                assert!(off < 0.03 * light, "{x} {pixel:?} {light}");
            }
        }
    }
}

/// What is brighter than white is brought down to it, as with all HDR.
#[test]
fn bright_light_is_tone_mapped() {
    let writer = gray((64, 4), false, (0, 4));
    let bytes = written(&writer, |x, _| log(f64::from(x) / 8.0));
    let output = Output { format: Some(Format::Png), ..sized(64, 4) };
    let made = in_pieces(&bytes, output).unwrap();
    let ours = decode(&made.bytes).to_luma8();
    let row: Vec<u8> = (0..64).map(|x| ours.get_pixel(x, 1).0[0]).collect();
    assert!(row.is_sorted() && row[63] > 250, "{row:?}");
    // It goes on above what would be white.
    assert!(row[24] > row[8] && row[8] < 235, "{row:?}");
}

#[test]
fn other_ways_to_pack_them_are_refused() {
    for compression in [1, 5, 8, 32_773] {
        let writer = Writer { compression, ..color((9, 5), false, (0, 3)) };
        assert!(as_is(&written(&writer, log_luv)).is_err(), "{compression}");
    }
    let writer = Writer { photometric: 2, ..color((9, 5), false, (0, 3)) };
    assert!(as_is(&written(&writer, log_luv)).is_err());
}
