//! What comes out is what the coefficients say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/decoding.rs"]
mod decoding;
#[path = "common/writer/mod.rs"]
mod writer;

use proptest::prelude::*;
use thumbelina_jpeg::{Color, Options, Scale, decode};
use writer::{Conditioning, Huffman, Picture, Process, scripts};

fn arithmetic() -> impl Strategy<Value = Option<Conditioning>> {
    let one = (0u8..4, 0u8..5, 1u8..64).prop_map(|(small, more, lower)| Conditioning {
        small,
        large: small + more,
        lower,
    });
    prop_oneof![2 => Just(None), 1 => Just(Some(Conditioning::default())), 1 => one.prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Within 1 of the inverse transform in floats, at every scale, for every kind of file.
    #[test]
    fn samples_are_those_of_the_coefficients(
        size in (1u16..70, 1u16..70),
        components in 1usize..=3,
        half: bool,
        quality in 30u8..=100,
        seed: u64,
        script in 0..7,
        restart in prop_oneof![Just(0u16), 1u16..20],
        huffman in prop::sample::select(vec![
            Huffman::Optimized, Huffman::Long, Huffman::Standard,
        ]),
        arithmetic in arithmetic(),
        deep in prop::bool::weighted(0.2),
        wide_quantizers: bool,
        fill_bytes in 0usize..3,
        garbage in prop_oneof![Just(vec![]), Just(vec![0, 17, 254])],
        dnl: bool,
        without_eoi: bool,
    ) {
        // Adobe's flag 0 makes the components the output's colors.
        let sampling = match (components, half) {
            (3, true) => vec![(2, 2), (1, 1), (1, 1)],
            (count, _) => vec![(1, 1); count],
        };
        let picture = Picture::random(seed, size.0, size.1, &sampling, quality);
        let (process, scans) = match script {
            0 => (Process::Baseline, scripts::interleaved(&picture)),
            1 => (Process::Extended, scripts::one_per_component(&picture)),
            2 => (Process::Extended, scripts::random_sequential(&picture, seed)),
            3 => (Process::Progressive, scripts::progressive(&picture)),
            4 => (Process::Progressive, scripts::spectral_selection(&picture)),
            5 => (Process::Progressive, scripts::successive_approximation(&picture, 3)),
            _ => (Process::Progressive, scripts::random_progressive(&picture, seed)),
        };
        let picture = picture.decoded(&scans);
        let input = writer::write(&picture, &writer::Options {
            process,
            scans,
            restart_intervals: vec![restart],
            huffman,
            arithmetic,
            precision: if deep { 12 } else { 8 },
            wide_quantizers,
            fill_bytes,
            // Behind arithmetic codes it would be taken for zeros that were left out.
            garbage: if arithmetic.is_some() { vec![] } else { garbage },
            dnl,
            without_eoi,
            adobe: Some(0),
            ..writer::Options::default()
        });
        for scale in Scale::ALL {
            let options = Options { scale, dc_only: false, ..Options::default() };
            let image = decode(input.clone(), &options).unwrap();
            for component in 0..picture.components.len() {
                let eighths = 8 / scale.factor() as usize;
                // Halved components get the larger transform, where there is one and it is wanted.
                let halved = half && components == 3 && component > 0;
                if halved && scale == Scale::Full {
                    continue;
                }
                let plane = picture.plane_at(component, if halved { 2 * eighths } else { eighths });
                for y in 0..image.height as usize {
                    for x in 0..image.width as usize {
                        let sample = plane.samples[y * plane.stride + x];
                        // Those of 12 bits are from 0 to 4095, and 2048 is in the middle.
                        let sample =
                            if deep { (sample + 1920.0) * 255.0 / 4095.0 } else { sample };
                        let expected = sample.clamp(0.0, 255.0);
                        let pixel = y * image.width as usize + x;
                        let found = image.samples[pixel * image.channels + component];
                        let difference = (f64::from(found) - expected).abs();
                        prop_assert!(difference <= 1.0, "{found} is not {expected}");
                    }
                }
            }
        }
    }
}

/// A block's average is the average of its samples.
#[test]
fn an_eighth_is_the_average_of_blocks() {
    for (seed, flat) in [(1u32, true), (2, false)] {
        let picture = Picture::from_samples(64, 48, &[(1, 1)], 100, |_, x, y| {
            let (x, y) = if flat { (x / 8, y / 8) } else { (x, y) };
            let random = ((x * 31 + y * 57) as u32 ^ seed).wrapping_mul(0x9E37_79B1) >> 16;
            // Away from the ends of the range, where rounded samples would be clamped.
            64 + (random % 128) as u8
        });
        let scans = scripts::interleaved(&picture);
        let input =
            writer::write(&picture, &writer::Options { scans, ..writer::Options::default() });
        let full = decode(input.clone(), &Options::default()).unwrap();
        let eighth =
            decode(input, &Options { scale: Scale::Eighth, ..Options::default() }).unwrap();
        assert_eq!((eighth.width, eighth.height), (8, 6));
        for (i, &found) in eighth.samples.iter().enumerate() {
            let (x, y) = (i % 8 * 8, i / 8 * 8);
            let block = (0..64).map(|k| f64::from(full.samples[(y + k / 8) * 64 + x + k % 8]));
            let average = block.sum::<f64>() / 64.0;
            assert!((f64::from(found) - average).abs() <= 1.0, "{found} is not {average}");
        }
    }
}

#[test]
fn mjpeg_frames_have_the_standard_tables() {
    let picture = Picture::random(5, 40, 30, &[(2, 1), (1, 1), (1, 1)], 80);
    let write = |huffman| {
        let scans = scripts::interleaved(&picture);
        writer::write(&picture, &writer::Options { scans, huffman, ..writer::Options::default() })
    };
    let with = decode(write(Huffman::Standard), &Options::default()).unwrap();
    let without = decode(write(Huffman::Omitted), &Options::default()).unwrap();
    assert!(with == without);
}

#[test]
fn metadata_comes_out_as_it_went_in() {
    let picture = Picture::random(6, 9, 9, &[(1, 1); 3], 80);
    let profile: Vec<u8> = (0..1000u32).map(|i| (i * 7) as u8).collect();
    let input = writer::write(
        &picture,
        &writer::Options {
            scans: scripts::interleaved(&picture),
            jfif: true,
            adobe: Some(0),
            exif: Some(b"II*\0something".to_vec()),
            icc: Some(writer::Icc { profile: profile.clone(), chunk: 99, shuffle: Some(3) }),
            extra: [
                (0xE1, &b"Exif\0\0MM\0*another"[..]),
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
                (0xE1, b"http://ns.adobe.com/xmp/extension/\0more"),
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0<y/>"),
                (0xED, b"Photoshop 3.0\08BIM\x03\xED\0\0\0\0\0\x01x\0"),
                (
                    0xED,
                    b"Photoshop 3.0\08BIM\x03\xED\x02ab\0\0\0\0\x01x\0\
                      8BIM\x04\x04\0\0\0\0\0\x03xyz\0",
                ),
            ]
            .map(|(marker, payload)| (marker, payload.to_vec()))
            .to_vec(),
            ..writer::Options::default()
        },
    );
    let header = decoding::header(input).unwrap();
    // JFIF goes first: with it, three components are YCbCr.
    assert_eq!((header.adobe, header.color), (Some(0), Color::YCbCr));
    assert_eq!(header.exif.as_deref(), Some(&b"II*\0something"[..]));
    assert!(header.icc().as_deref() == Some(&profile[..]));
    assert!(header.jfif.is_some());
    assert_eq!(header.xmp.as_deref(), Some(&b"<x/>"[..]));
    assert_eq!(header.iptc.as_deref(), Some(&b"xyz"[..]));
}

/// Photoshop stores them inverted, and everybody reads them so, whatever else the file says. Not
/// even Adobe's segment has to be there.
#[test]
fn inks_are_stored_inverted() {
    let picture = Picture::from_samples(16, 16, &[(1, 1); 4], 100, |ink, _, _| 40 * ink as u8 + 10);
    let pixel = |adobe, inverted| {
        let scans = scripts::interleaved(&picture);
        let options = writer::Options { scans, adobe, ..Default::default() };
        let image =
            decode(writer::write(&picture, &options), &Options { inverted, ..Options::default() })
                .unwrap();
        assert_eq!((image.channels, image.samples.len()), (4, 16 * 16 * 4));
        *image.samples.first_chunk::<4>().unwrap()
    };
    for adobe in [None, Some(0)] {
        assert_eq!(pixel(adobe, false), [10, 50, 90, 130]);
        assert_eq!(pixel(adobe, true), [245, 205, 165, 125]);
    }
    // Y of 10, Cb of 50 and Cr of 90 are no red, 64 of green and no blue.
    for adobe in [Some(1), Some(2), Some(3)] {
        assert_eq!(pixel(adobe, false), [255, 191, 255, 130]);
        assert_eq!(pixel(adobe, true), [0, 64, 0, 125]);
    }
}
