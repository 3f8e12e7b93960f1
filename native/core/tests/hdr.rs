//! Radiance HDR, written here in every packing, against the pixels that went in and against
//! `image`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{invalid, probe, truncated};
use image::ImageFormat;
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small, steps};
use proptest::prelude::*;
use thumbelina_core::{Error, Format, Limit, Limits, Request, is_probe_short};

const INVALID: Error = invalid(Format::Hdr);
const TRUNCATED: Error = truncated(Format::Hdr);
const UNSUPPORTED: Error = Error::Unsupported(Format::Hdr);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Packing {
    Flat,
    Old,
    New,
}

fn header(width: usize, height: usize) -> Vec<u8> {
    let lines = "#?RADIANCE\n# made here\nFORMAT=32-bit_rle_rgbe\nEXPOSURE= 2.5 \n\n";
    format!("{lines}-Y {height} +X {width}\n").into()
}

/// Pixels in runs, none of them one that packings give a meaning to.
fn pixels(random: &mut Random, width: usize, height: usize) -> Vec<[u8; 4]> {
    let mut pixels: Vec<[u8; 4]> = Vec::new();
    for _ in 0..width * height {
        let pixel = match pixels.last() {
            Some(&last) if random.below(4) > 0 => last,
            _ => [random.byte(), random.byte() | 4, random.byte(), random.byte()],
        };
        pixels.push(pixel);
    }
    pixels
}

fn pack(packing: Packing, row: &[[u8; 4]], random: &mut Random, out: &mut Vec<u8>) {
    match packing {
        Packing::Flat => out.extend(row.concat()),
        Packing::Old => {
            let mut rest = row;
            while let Some(first) = rest.first() {
                let run = rest.iter().take_while(|&pixel| pixel == first).count();
                out.extend(first);
                // A number in as many bytes as it needs, with or without one of no worth.
                let mut more = run - 1;
                let spare = random.below(3) == 0;
                while more > 0 {
                    out.extend([1, 1, 1, more as u8]);
                    more >>= 8;
                }
                if spare {
                    out.extend([1, 1, 1, 0]);
                }
                rest = &rest[run..];
                if rest.is_empty() && spare {
                    // Nothing is read after a row's last pixel.
                    out.truncate(out.len() - 4);
                }
            }
        }
        Packing::New => {
            out.extend([2, 2, (row.len() >> 8) as u8, row.len() as u8]);
            for channel in 0..4 {
                let samples: Vec<u8> = row.iter().map(|pixel| pixel[channel]).collect();
                let mut rest = &samples[..];
                while let Some(first) = rest.first() {
                    let most = random.below(127) as usize + 1;
                    let run = rest.iter().take_while(|&sample| sample == first).count().min(most);
                    if run > 2 || random.below(8) == 0 {
                        out.extend([128 + run as u8, *first]);
                        rest = &rest[run..];
                    } else {
                        let any = rest.len().min(most + random.below(2) as usize);
                        out.push(any as u8);
                        out.extend(&rest[..any]);
                        rest = &rest[any..];
                    }
                }
            }
        }
    }
}

fn written(packing: Packing, width: usize, height: usize, seed: u64) -> (Bytes, Vec<f32>) {
    let mut random = Random(seed);
    let pixels = pixels(&mut random, width, height);
    let mut out = header(width, height);
    for row in pixels.chunks(width) {
        pack(packing, row, &mut random, &mut out);
    }
    let light = |&[r, g, b, e]: &[u8; 4]| {
        let unit = if e == 0 { 0.0 } else { 2f64.powi(i32::from(e) - 136) };
        [r, g, b].map(|mantissa| (f64::from(mantissa) * unit) as f32)
    };
    (Bytes::from(out), pixels.iter().flat_map(light).collect())
}

/// As floats of 32 bits, which hold every one of these.
fn floats(input: &Bytes) -> Result<Vec<f32>, Error> {
    Ok(as_is(input, Format::Openexr)?.to_rgb32f().into_raw())
}

/// No thumbnail is brighter: sums of its pixels stay within a float's precision.
fn clamped(light: &[f32]) -> Vec<f32> {
    light.iter().map(|sample| sample.min(1e6)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_packing_gives_its_pixels(
        packing in prop::sample::select(vec![Packing::Flat, Packing::Old, Packing::New]),
        width in prop::sample::select(vec![1usize, 2, 7, 8, 100, 300, 700]),
        height in 1usize..6,
        seed: u64,
    ) {
        let (input, expected) = written(packing, width, height, seed);
        let found = floats(&input).unwrap();
        prop_assert!(found == clamped(&expected));
        let theirs = image::load_from_memory_with_format(&input, ImageFormat::Hdr).unwrap();
        prop_assert_eq!((theirs.width() as usize, theirs.height() as usize), (width, height));
        prop_assert!(theirs.to_rgb32f().into_raw() == expected);
    }
}

/// The bytes of a length lie in as many pixels.
#[test]
fn old_runs_can_be_long() {
    let width = 1 + 0x01_02_03;
    let mut input = header(width, 1);
    input.extend([10, 20, 30, 136, 1, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1, 1]);
    let found = floats(&Bytes::from(input)).unwrap();
    assert!(found == [10.0, 20.0, 30.0].repeat(width));
}

#[test]
fn every_exponent_is_its_power_of_two() {
    let mut input = header(256, 1);
    let mut expected = Vec::new();
    for e in 0..=255u8 {
        input.extend([255, 128, 0, e]);
        let unit = if e == 0 { 0.0 } else { 2f64.powi(i32::from(e) - 136) };
        expected.extend([(255.0 * unit) as f32, (128.0 * unit) as f32, 0.0]);
    }
    assert!(floats(&Bytes::from(input)).unwrap() == clamped(&expected));
}

#[test]
fn rows_that_break_the_rules_are_invalid() {
    let result = |width: usize, row: &[u8]| {
        let input = Bytes::from([&header(width, 1)[..], row].concat());
        on_every_scheduler(&input, small()).map(|_| ())
    };
    // A run of nothing before it, past the row, of too many bytes; and without end.
    assert_eq!(result(2, &[1, 1, 1, 1, 9, 9, 9, 9]), Err(INVALID));
    assert_eq!(result(2, &[9, 9, 9, 9, 1, 1, 1, 2]), Err(INVALID));
    assert_eq!(result(2, &[9, 9, 9, 9, 1, 1, 1, 0, 1, 1, 1, 255]), Err(INVALID));
    assert_eq!(
        result(2, &[&[9, 9, 9, 9][..], &[1, 1, 1, 0].repeat(1 << 18)].concat()),
        Err(INVALID)
    );
    // Samples past the row, and none.
    assert_eq!(result(2, &[2, 2, 0, 2, 131, 5]), Err(INVALID));
    assert_eq!(result(2, &[2, 2, 0, 2, 3, 5, 5, 5]), Err(INVALID));
    assert_eq!(result(2, &[&[2, 2, 0, 2][..], &[0; 1 << 20]].concat()), Err(INVALID));
    assert_eq!(result(2, &[2, 2, 0, 2, 130, 5, 130, 5, 130, 5, 130, 128]), Ok(()));
}

#[test]
fn what_is_cut_off_is_truncated() {
    for packing in [Packing::Flat, Packing::Old, Packing::New] {
        let (input, _) = written(packing, 9, 4, 3);
        assert_eq!(
            errors_of_prefixes(&input, input.len()),
            [Error::UnknownFormat, TRUNCATED],
            "{packing:?}"
        );
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let result = |lines: &str, size: &str| {
        let input = Bytes::from(format!("#?RADIANCE\n{lines}\n{size}\n\u{9}\u{9}\u{9}\u{9}"));
        let ours = on_every_scheduler(&input, small()).map(|_| ());
        let theirs = image::load_from_memory_with_format(&input, ImageFormat::Hdr);
        // Limits aside: it has none here.
        if !matches!(ours, Err(Error::Limit { .. })) && !size.contains('0') {
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{lines:?} {size:?}: {ours:?}");
        }
        ours
    };
    let size = "-Y 1 +X 1";
    for (lines, expected) in [
        ("", Ok(())),
        ("FORMAT=32-bit_rle_rgbe\n", Ok(())),
        (" FORMAT\t=  32-bit_rle_rgbe \n", Ok(())),
        ("FORMAT=32-bit_rle_xyze\n", Err(UNSUPPORTED)),
        ("FORMAT=\n", Ok(())),
        ("#FORMAT=x\n", Ok(())),
        ("rpict -vu 0 0 1\n=\n", Ok(())),
        ("EXPOSURE=1e3\nEXPOSURE=2\nPIXASPECT=1\nCOLORCORR= 1 1.5 .5\n", Ok(())),
        ("EXPOSURE=x\n", Err(INVALID)),
        ("EXPOSURE= \n", Err(INVALID)),
        ("EXPOSURE=1 2\n", Err(INVALID)),
        ("PIXASPECT=1x\n", Err(INVALID)),
        ("COLORCORR=1 1\n", Err(INVALID)),
        ("COLORCORR=1 1 1 1\n", Err(INVALID)),
    ] {
        assert_eq!(result(lines, size), expected, "{lines:?}");
    }
    let limit = |value| Err(Error::Limit { limit: Limit::MaxPixels, value, maximum: 1_000_000 });
    for (size, expected) in [
        ("-Y 0 +X 1", Err(INVALID)),
        ("-Y 1 +X 0", Err(INVALID)),
        ("-Y 2 +X 1", Err(TRUNCATED)),
        ("-Y 1 +X 900000", Err(TRUNCATED)),
        ("-Y 1 +X 4294967295", limit(4_294_967_295)),
        ("-Y 4294967295 +X 4294967295", limit(u64::from(u32::MAX).pow(2))),
        ("-Y 4294967296 +X 1", Err(INVALID)),
        ("-Y -1 +X 1", Err(INVALID)),
        ("-Y 1 +X", Err(INVALID)),
        ("-Y 1 +X 1 1", Err(INVALID)),
        ("-Y 1 -Y 1", Err(INVALID)),
        ("Y 1 X 1", Err(INVALID)),
    ] {
        assert_eq!(result("", size), expected, "{size}");
    }
}

/// Rows and pixels may go any way along either axis: the first says where rows go, and Y goes up.
#[test]
fn rows_from_any_side_are_turned_upright() {
    let (width, height) = (5, 3);
    let pixel = |x: usize, y: usize| [x as u8 * 40, y as u8 * 70, 9, 128];
    let upright: Vec<f32> = (0..height)
        .flat_map(|y| (0..width).map(move |x| pixel(x, y)))
        .flat_map(|[r, g, b, _]| [r, g, b].map(|mantissa| f32::from(mantissa) / 256.0))
        .collect();
    for turned in [false, true] {
        for (down, across) in [(false, false), (false, true), (true, false), (true, true)] {
            let (y, x) = (if down { "-Y" } else { "+Y" }, if across { "+X" } else { "-X" });
            let columns = |n: usize| if across { n } else { width - 1 - n };
            let rows = |n: usize| if down { n } else { height - 1 - n };
            let (size, stored): (String, Vec<_>) = if turned {
                let place = |i: usize| pixel(columns(i / height), rows(i % height));
                (format!("{x} {width} {y} {height}"), (0..width * height).map(place).collect())
            } else {
                let place = |i: usize| pixel(columns(i % width), rows(i / width));
                (format!("{y} {height} {x} {width}"), (0..width * height).map(place).collect())
            };
            let mut file = format!("#?RADIANCE\n\n{size}\n").into_bytes();
            file.extend(stored.concat());
            assert_eq!(floats(&Bytes::from(file)).unwrap(), upright, "{size}");
        }
    }
}

#[test]
fn the_shorter_signature_is_known() {
    let (file, light) = written(Packing::New, 40, 3, 1);
    let short = [&b"#?RGBE"[..], &file["#?RADIANCE".len()..]].concat();
    assert_eq!(Format::of(&short), Some(Format::Hdr));
    assert_eq!(floats(&Bytes::from(short)).unwrap(), clamped(&light));
}

/// Nothing is kept of a header, and there is an end to it.
#[test]
fn a_long_header_is_refused_in_no_time() {
    let long = |lines| {
        let header = "A\n".repeat(lines);
        Bytes::from(format!("#?RADIANCE\n{header}\n-Y 1 +X 1\n\u{9}\u{9}\u{9}\u{9}"))
    };
    assert!(is_probe_short(&long(2_000)));
    assert!(floats(&long(2_000)).is_ok());
    assert!(!is_probe_short(&long(30_000)));
    assert!(floats(&long(30_000)).is_ok());
    assert_eq!(probe(long(10 << 20), &Limits::default()), Err(INVALID));
    assert_eq!(steps(&long(10 << 20), Request::default()), (1, Err(INVALID)));
}
