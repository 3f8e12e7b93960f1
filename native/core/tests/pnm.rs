//! PNM of every kind, written here, against the samples that went in and against `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use bytes::Bytes;
use common::{invalid, probe, sized, truncated};
use image::{DynamicImage, ImageFormat};
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small, steps};
use proptest::prelude::*;
use thumbelina_core::{Error, Format, Limit, Limits, Output, Request, is_probe_short};

const INVALID: Error = invalid(Format::Pnm);
const TRUNCATED: Error = truncated(Format::Pnm);

/// The digit after `P`, the channels, and PAM's name for them.
type Kind = (u8, usize, &'static str);

const KINDS: [Kind; 16] = [
    (1, 1, ""),
    (2, 1, ""),
    (3, 3, ""),
    (4, 1, ""),
    (5, 1, ""),
    (6, 3, ""),
    (7, 1, ""),
    (7, 2, ""),
    (7, 3, ""),
    (7, 4, ""),
    (7, 1, "BLACKANDWHITE"),
    (7, 2, "BLACKANDWHITE_ALPHA"),
    (7, 1, "GRAYSCALE"),
    (7, 2, "GRAYSCALE_ALPHA"),
    (7, 3, "RGB"),
    (7, 4, "RGB_ALPHA"),
];

fn is_bits((digit, _, name): Kind) -> bool {
    matches!(digit, 1 | 4) || name.starts_with("BLACK")
}

/// A header and `samples`, of 0 to `maxval`. White is 0 in bit maps, as it is in the file.
fn written(
    kind: Kind,
    width: usize,
    maxval: u32,
    samples: &[u32],
    gap: &mut dyn FnMut() -> String,
) -> Bytes {
    let (digit, channels, name) = kind;
    let height = samples.len() / width / channels;
    let mut out = format!("P{digit}").into_bytes();
    if digit == 7 {
        out.extend(format!("\nWIDTH {width}\n# a comment\nHEIGHT {height}\n").bytes());
        if !name.is_empty() {
            out.extend(format!("TUPLTYPE {name}\n").bytes());
        }
        // `image` wants neither empty lines nor spaces before a name.
        let odd = if gap() == " " { "" } else { "\n\t " };
        out.extend(format!("{odd}MAXVAL\t{maxval}\nDEPTH {channels} \nENDHDR\n").bytes());
    } else {
        let mut numbers = vec![width as u32, height as u32];
        if !matches!(digit, 1 | 4) {
            numbers.push(maxval);
        }
        for number in numbers {
            out.extend(gap().bytes());
            out.extend(number.to_string().bytes());
        }
        out.push(b'\n');
    }
    match digit {
        1..=3 => {
            for sample in samples {
                out.extend(sample.to_string().bytes());
                out.extend(gap().bytes());
            }
        }
        4 => {
            for row in samples.chunks(width) {
                for eight in row.chunks(8) {
                    // What is past the row's end means nothing.
                    let bits = eight.iter().fold(1, |bits, sample| bits << 1 | sample);
                    out.push((bits << (8 - eight.len()) | (0xFF >> eight.len())) as u8);
                }
            }
        }
        _ if maxval > 255 => {
            out.extend(samples.iter().flat_map(|&sample| (sample as u16).to_be_bytes()))
        }
        _ => out.extend(samples.iter().map(|&sample| sample as u8)),
    }
    Bytes::from(out)
}

/// What the samples are in the decoded picture.
fn expected((digit, ..): Kind, maxval: u32, samples: &[u32]) -> Vec<u32> {
    let white = if maxval > 255 { 65_535 } else { 255 };
    let scaled = |sample: u32| match digit {
        1 | 4 => 255 * (1 - sample),
        _ => ((sample as f32 * (white as f32 / maxval as f32)).round() as u32).min(white),
    };
    samples.iter().map(|&sample| scaled(sample)).collect()
}

fn found(picture: &DynamicImage) -> Vec<u32> {
    match picture.color().bytes_per_pixel() / picture.color().channel_count() {
        1 => picture.as_bytes().iter().map(|&sample| sample.into()).collect(),
        _ => bytemuck_u16(picture.as_bytes()),
    }
}

fn bytemuck_u16(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|&sample| u16::from_ne_bytes(sample).into()).collect()
}

fn single_space() -> String {
    String::from(" ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_kind_gives_its_samples(
        kind in prop::sample::select(KINDS.to_vec()),
        width in 1usize..40,
        height in 1usize..20,
        maxval in prop::sample::select(vec![
            1u32, 2, 7, 15, 100, 254, 255, 256, 257, 1000, 4095, 65_534, 65_535,
        ]),
        seed: u64,
        commented: bool,
    ) {
        let mut random = Random(seed);
        let maxval = if is_bits(kind) { 1 } else { maxval };
        let samples: Vec<u32> =
            (0..width * height * kind.1).map(|_| random.below(maxval + 1)).collect();
        let gaps = ["\n", " ", "\t \r\n", " # 1 0\n", "#\r", "\n#\n# 12 \n ", "\x0B\x0C"];
        let mut gap = || {
            let any = gaps[random.below(gaps.len() as u32) as usize];
            String::from(if commented { any } else { " " })
        };
        let input = written(kind, width, maxval, &samples, &mut gap);
        let ours = as_is(&input, Format::Png).unwrap();
        prop_assert_eq!((ours.width() as usize, ours.height() as usize), (width, height));
        prop_assert_eq!(usize::from(ours.color().channel_count()), kind.1);
        prop_assert_eq!(found(&ours), expected(kind, maxval, &samples));
        // It reads no comments between samples, and takes all PAM without a name for bytes.
        let is_misread = kind.0 == 7 && kind.2.is_empty() && maxval > 255;
        if !commented && !is_misread {
            let theirs = image::load_from_memory_with_format(&input, ImageFormat::Pnm).unwrap();
            prop_assert_eq!(found(&ours), found(&theirs));
        }
    }
}

#[test]
fn bits_need_nothing_between_them() {
    let input = Bytes::from_static(b"P1 5 2\n0110#1\n1 10\n001");
    let ours = as_is(&input, Format::Png).unwrap();
    assert_eq!(found(&ours), [255, 0, 0, 255, 0, 0, 255, 255, 255, 0]);
}

#[test]
fn a_comment_ends_the_number_before_it() {
    let binary = Bytes::from_static(b"P5#\n2#x\r1#\n255#comment\n\x07#");
    assert_eq!(found(&as_is(&binary, Format::Png).unwrap()), [7, 35]);
    let plain = Bytes::from_static(b"P2 2 1 255\n1#2\n3");
    assert_eq!(found(&as_is(&plain, Format::Png).unwrap()), [1, 3]);
}

#[test]
fn more_than_white_is_white() {
    let eight = Bytes::from_static(b"P5 3 1 100\n\x64\x65\xFF");
    assert_eq!(found(&as_is(&eight, Format::Png).unwrap()), [255, 255, 255]);
    let sixteen = Bytes::from_static(b"P2 2 1 300 65535 300");
    assert_eq!(found(&as_is(&sixteen, Format::Png).unwrap()), [65_535, 65_535]);
    // What does not fit the samples' size is no sample.
    for input in
        ["P2 1 1 255 256", "P2 1 1 256 65536", "P1 1 1 2", "P2 1 1 255 -1", "P3 1 1 9 1 2 x"]
    {
        assert_eq!(as_is(&Bytes::from(input), Format::Png), Err(INVALID), "{input}");
    }
}

#[test]
fn what_is_cut_off_is_truncated() {
    for kind in KINDS {
        let maxval = if is_bits(kind) { 1 } else { 999 };
        let samples: Vec<u32> =
            (0..3 * 2 * kind.1 as u32).map(|n| (n * 7) % (maxval + 1)).collect();
        let mut samples = samples;
        // A number that nothing can be cut off.
        *samples.last_mut().unwrap() = 1;
        let input = written(kind, 3, maxval, &samples, &mut single_space);
        // The end of the file ends a number as white space does.
        let needed = input.len() - usize::from(kind.0 <= 3);
        assert_eq!(
            errors_of_prefixes(&input, needed),
            [Error::UnknownFormat, TRUNCATED],
            "{kind:?}"
        );
        assert!(on_every_scheduler(&input.slice(..needed), small()).is_ok());
        assert!(on_every_scheduler(&input, small()).is_ok());
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let too_many = |value| Error::Limit { limit: Limit::MaxPixels, value, maximum: 1_000_000 };
    for digit in 2..=3 {
        for kind in [digit, digit + 3] {
            let refused = |size: &str, error| {
                let input = Bytes::from(format!("P{kind} {size}\n{}", "1 ".repeat(40)));
                assert_eq!(on_every_scheduler(&input, small()), Err(error), "P{kind} {size}");
            };
            for size in
                ["0 1 255", "1 0 255", "1 1 0", "1 1 65536", "1 1 4294967295", "1 1 4294967296"]
            {
                refused(size, INVALID);
            }
            for size in [
                "4294967296 1 255",
                "1 99999999999999999999 255",
                "-1 1 255",
                "1 +1 255",
                "a 1 255",
            ] {
                refused(size, INVALID);
            }
            refused("4294967295 4294967295 255", too_many(u64::from(u32::MAX).pow(2)));
            refused("1000001 1 255", too_many(1_000_001));
            refused("1 81 255", TRUNCATED);
            refused("1 999999 65535", TRUNCATED);
        }
    }
    let largest = Bytes::from_static(b"P6 4294967295 4294967295 65535\n");
    assert_eq!(probe(largest, &Limits::default()).unwrap().width, u32::MAX);
}

#[test]
fn pam_is_as_strict_as_its_names() {
    let result = |header: &str| {
        let input =
            Bytes::from(format!("P7\n{header}ENDHDR\n\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}"));
        on_every_scheduler(&input, small()).map(|_| ())
    };
    let size = "WIDTH 1\nHEIGHT 1\n";
    let with = |rest: &str| result(&format!("{size}{rest}"));
    assert_eq!(with("DEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\n"), Ok(()));
    assert_eq!(with("DEPTH 3\nMAXVAL 255\nTUPLTYPE CMYK\n"), Err(Error::Unsupported(Format::Pnm)));
    assert_eq!(
        with("DEPTH 3\nMAXVAL 9\nTUPLTYPE RGB\nTUPLTYPE X\n"),
        Err(Error::Unsupported(Format::Pnm))
    );
    for invalid in [
        "DEPTH 4\nMAXVAL 255\nTUPLTYPE RGB\n",
        "DEPTH 3\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\n",
        "DEPTH 0\nMAXVAL 255\nTUPLTYPE GRAYSCALE\n",
        "DEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE\n",
        "DEPTH 1\nMAXVAL 255\nTUPLTYPE BLACKANDWHITE\n",
        "DEPTH 1\nMAXVAL 255\nTUPLTYPE BLACKANDWHITE_ALPHA\n",
        "DEPTH 0\nMAXVAL 255\n",
        "DEPTH 5\nMAXVAL 255\n",
        "DEPTH 4294967295\nMAXVAL 255\n",
        "DEPTH 1\nMAXVAL 0\n",
        "DEPTH 1\nMAXVAL 65536\n",
        "DEPTH 1\nMAXVAL\n",
        "DEPTH 1\n",
        "DEPTH 1\nMAXVAL 255\nWIDTH 1\n",
        "DEPTH 1\nMAXVAL 255\nCOLORS 1\n",
        "DEPTH 1\nMAXVAL 255\nTUPLTYPE \u{e9}\n",
    ] {
        assert_eq!(with(invalid), Err(INVALID), "{invalid}");
    }
    assert_eq!(result("WIDTH 1\nDEPTH 1\nMAXVAL 255\n"), Err(INVALID));
    assert_eq!(on_every_scheduler(&Bytes::from_static(b"P7 \nWIDTH 1\n"), small()), Err(INVALID));
    let truth = "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n";
    assert_eq!(
        on_every_scheduler(&Bytes::from(format!("{truth}\u{0}\u{2}")), small()),
        Err(INVALID)
    );
}

/// Comments, in the header and between samples, for as long as the file.
#[test]
fn what_gives_no_pixels_is_passed_in_steps() {
    let comments = "#\n".repeat(1 << 20);
    let header = Bytes::from(format!("P5 {comments} 1 1 255\n\u{7}"));
    assert!(!is_probe_short(&header));
    assert_eq!(found(&as_is(&header, Format::Png).unwrap()), [7]);
    let pam = Bytes::from(format!(
        "P7\n{comments}WIDTH 1\nHEIGHT 1\n{comments}DEPTH 1\nMAXVAL 255\nENDHDR\n\u{7}"
    ));
    assert!(!is_probe_short(&pam));
    assert_eq!(found(&as_is(&pam, Format::Png).unwrap()), [7]);

    for filling in ["#\n", " \n", "# ", "00"] {
        let filling = filling.repeat(1 << 20);
        let end = if filling.starts_with("# ") { "\n1" } else { "1" };
        let raster = Bytes::from(format!("P2 2 1 255\n1 {filling}{end}"));
        assert!(is_probe_short(&raster));
        assert_eq!(found(&as_is(&raster, Format::Png).unwrap()), [1, 1]);
        let (steps, result) = steps(&raster, Request::default());
        assert_eq!(result, Ok(()));
        // None of them took more than some thousand bytes.
        assert!(steps > raster.len() / (10 << 10), "{steps} steps");
    }
    // However long a picture is, its header is not.
    let mut long = b"P6 2000 1000 255\n".to_vec();
    long.resize(long.len() + 6_000_000, 9);
    assert!(is_probe_short(&Bytes::from(long)));
}

/// A narrow and a wide one, of more rows and longer ones than a strip holds.
#[test]
fn long_and_wide_pictures_are_the_same_in_digits() {
    for (width, height) in [(1, 40_000), (70_000, 3), (333, 411)] {
        let mut random = Random(width as u64);
        let samples: Vec<u32> = (0..width * height).map(|_| random.below(1000)).collect();
        let plain = written((2, 1, ""), width, 999, &samples, &mut single_space);
        let binary = written((5, 1, ""), width, 999, &samples, &mut single_space);
        let request = Output { format: Some(Format::Png), ..sized(50, 50) };
        let plain = on_every_scheduler(&plain, request.clone()).unwrap();
        assert!(plain == on_every_scheduler(&binary, request).unwrap(), "{width}x{height}");
    }
}

/// A map of floats, whose rows are given from the highest to the lowest.
fn written_floats(header: &str, width: usize, samples: &[f32]) -> Bytes {
    let channels = if header.starts_with("PF") { 3 } else { 1 };
    let is_little = header.contains('-');
    let mut out = header.as_bytes().to_vec();
    for row in samples.chunks(width * channels).rev() {
        for sample in row {
            out.extend(if is_little { sample.to_le_bytes() } else { sample.to_be_bytes() });
        }
    }
    Bytes::from(out)
}

#[test]
fn floats_are_shown_from_the_top() {
    let samples: Vec<f32> = (0..18).map(|n| n as f32 / 17.0).collect();
    for scale in ["-1.0", "1", "2.5", "-0.003"] {
        for space in ["\n", " ", "\r\n"] {
            let colors = format!("PF{space}3{space}2\n{scale}\n");
            let made = as_is(&written_floats(&colors, 3, &samples), Format::Openexr).unwrap();
            assert_eq!(made.into_rgb32f().into_raw(), samples, "{colors:?}");
            let gray = format!("Pf{space}9 2{space}{scale}\n");
            if space != "\r\n" {
                let made = as_is(&written_floats(&gray, 9, &samples), Format::Openexr).unwrap();
                let made = made.into_rgb32f();
                let red: Vec<f32> = made.pixels().map(|pixel| pixel.0[0]).collect();
                assert_eq!(red, samples, "{gray:?}");
            }
        }
    }
}

#[test]
fn floats_are_linear_light() {
    let half = as_is(&written_floats("Pf 1 1\n-1\n", 1, &[0.5]), Format::Png).unwrap();
    // 0.5 to the power of 1/2.4, times 1.055, less 0.055, is 0.7354.
    assert_eq!(half.into_luma8().into_raw(), [188]);
}

#[test]
fn headers_of_floats_are_checked() {
    for (header, expected) in [
        ("Pf 1 1\n-1.0\n", Ok(())),
        ("Pf 1 1\n+1e0 ", Ok(())),
        ("Pf 1 1\n0\n", Err(INVALID)),
        ("Pf 1 1\nnan\n", Err(INVALID)),
        ("Pf 1 1\ninf\n", Err(INVALID)),
        ("Pf 1 1\nx\n", Err(INVALID)),
        ("Pf 0 1\n1\n", Err(INVALID)),
        ("Pf 1 -1\n1\n", Err(INVALID)),
        ("Pf 2 1\n1\n", Err(TRUNCATED)),
    ] {
        let file = Bytes::from([header.as_bytes(), &[0; 4]].concat());
        assert_eq!(on_every_scheduler(&file, small()).map(|_| ()), expected, "{header:?}");
    }
    let long = format!("Pf 1 1\n{}\n", "1".repeat(100));
    assert_eq!(on_every_scheduler(&Bytes::from(long), small()).map(|_| ()), Err(INVALID));
    let file = written_floats("PF 2 2\n-1\n", 2, &[0.5; 12]);
    for len in 3..file.len() {
        let part = file.slice(..len);
        assert_eq!(on_every_scheduler(&part, small()).map(|_| ()), Err(TRUNCATED), "{len}");
    }
    // Something else, which only begins like one.
    assert_eq!(Format::of(b"PFxx 1 1"), None);
}
