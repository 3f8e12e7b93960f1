//! What files are made of beside their pictures, and what is wrong with some.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/writer.rs"]
mod writer;

use std::io::Cursor;

use bytes::Bytes;
use image_webp::{ColorType, WebPDecoder, WebPEncoder};
use thumbelina_codec::Budget;
use thumbelina_webp::{Decoder, Error, Header, Image, decode};
use writer::{ALPHA, ANIMATION, EXIF, ICC, Kind, Lots, XMP, anmf, chunk, frame, riff, vp8x};

fn oracle(file: &[u8]) -> Image {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
    let (width, height) = decoder.dimensions();
    let mut samples = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut samples).unwrap();
    Image { width, height, channels: if decoder.has_alpha() { 4 } else { 3 }, samples }
}

fn ours(file: &[u8]) -> Image {
    decode(file.to_vec(), &Budget::new(512 << 20)).unwrap()
}

fn header(file: &[u8]) -> Result<Header, Error> {
    Header::read(&Bytes::copy_from_slice(file))
}

fn vp8(width: u16, height: u16) -> Vec<u8> {
    let seed = u64::from(width) << 16 | u64::from(height);
    chunk(b"VP8 ", &frame(Kind { width, height, filled: 30, seed }))
}

/// Alpha that is not compressed: differences drawn by lot, mostly small ones.
fn alph(width: usize, height: usize, filter: u8, seed: u64) -> Vec<u8> {
    let mut lots = Lots::new(seed);
    let mut data = vec![filter << 2];
    for _ in 0..width * height {
        let change = if lots.percent(90) { lots.below(5) as u8 } else { lots.byte() };
        data.push(change.wrapping_sub(2));
    }
    chunk(b"ALPH", &data)
}

fn animation(chunks: &[Vec<u8>]) -> Vec<u8> {
    [vec![chunk(b"ANIM", &[1, 2, 3, 4, 0, 0])], chunks.to_vec()].concat().concat()
}

#[test]
fn alpha_of_every_filter_is_equal() {
    for (filter, (width, height)) in
        (0..4).flat_map(|filter| [(1, 1), (1, 20), (20, 1), (33, 41)].map(|size| (filter, size)))
    {
        let alpha = alph(width, height, filter, 7 + u64::from(filter));
        let canvas = vp8x(ALPHA, width as u32, height as u32);
        let file = riff(&[canvas, alpha, vp8(width as u16, height as u16)]);
        assert!(header(&file).unwrap().has_alpha);
        assert_eq!(ours(&file), oracle(&file), "{filter}, {width} x {height}");
    }
}

#[test]
fn alpha_counts_where_the_file_says_so() {
    let parts = [alph(20, 20, 1, 3), vp8(20, 20)];
    let opaque = riff(&[&[vp8x(0, 20, 20)], &parts[..]].concat());
    assert_eq!(ours(&opaque).channels, 3);
    assert_eq!(ours(&opaque), oracle(&opaque));
    // It says so, and there is none.
    let empty = riff(&[vp8x(ALPHA, 20, 20), parts[1].clone()]);
    assert_eq!(ours(&empty), ours(&opaque));
}

#[test]
fn alpha_of_a_kind_unknown_is_invalid() {
    for head in [0x20, 0x30, 2, 3] {
        let file = riff(&[vp8x(ALPHA, 20, 20), chunk(b"ALPH", &[head; 500]), vp8(20, 20)]);
        let error = Decoder::start(header(&file).unwrap(), &Budget::new(512 << 20)).unwrap_err();
        assert!(matches!(error, Error::Invalid { offset: 38, .. }), "{error:?}");
    }
}

#[test]
fn alpha_that_ends_early_is_invalid() {
    let mut short = alph(20, 20, 0, 1);
    short = chunk(b"ALPH", &short[8..8 + 381]);
    let file = riff(&[vp8x(ALPHA, 20, 20), short, vp8(20, 20)]);
    let error = decode(file, &Budget::new(512 << 20)).unwrap_err();
    assert_eq!(error, Error::Invalid { what: "alpha that ends early", offset: 38 + 381 });
}

#[test]
fn the_first_frame_of_an_animation_is_equal() {
    // Without blending, which would be with what is clear.
    let frames = [anmf(0, 0, 30, 40, 2, &[vp8(30, 40)]), anmf(0, 0, 30, 40, 2, &[vp8(30, 40)])];
    let file = riff(&[vp8x(ANIMATION, 30, 40), animation(&frames)]);
    assert!(header(&file).unwrap().is_animated);
    assert_eq!(ours(&file), oracle(&file));
    let transparent = [anmf(0, 0, 30, 40, 2, &[alph(30, 40, 2, 5), vp8(30, 40)])];
    let file = riff(&[vp8x(ANIMATION | ALPHA, 30, 40), animation(&transparent)]);
    assert_eq!(ours(&file), oracle(&file));
}

#[test]
fn a_frame_has_its_place_on_the_canvas() {
    for (left, top) in [(0, 0), (0, 20), (6, 0), (4, 18), (10, 24)] {
        for alpha in [None, Some(alph(20, 16, 3, 9))] {
            let chunks: Vec<_> = alpha.iter().cloned().chain([vp8(20, 16)]).collect();
            let frames = [anmf(left, top, 20, 16, 2, &chunks)];
            let file = riff(&[vp8x(ANIMATION | ALPHA, 30, 40), animation(&frames)]);
            let image = ours(&file);
            assert_eq!(image, oracle(&file), "{left}, {top}");
            // Also if the file says that there is no alpha.
            let file = riff(&[vp8x(ANIMATION, 30, 40), animation(&frames)]);
            assert_eq!(ours(&file), image);
        }
    }
}

#[test]
fn a_picture_is_as_large_as_its_place() {
    let larger = riff(&[vp8x(0, 20, 20), vp8(20, 21)]);
    let wider =
        riff(&[vp8x(ANIMATION, 20, 20), animation(&[anmf(0, 0, 10, 10, 0, &[vp8(12, 10)])])]);
    for file in [larger, wider] {
        let error = header(&file).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Invalid { what: "a picture that is not as large as its place", .. }
            ),
            "{error:?}"
        );
    }
    for (left, top) in [(12, 0), (0, 12), (0xFF_FFFF, 0)] {
        let frames = [anmf(left, top, 10, 10, 0, &[vp8(10, 10)])];
        let file = riff(&[vp8x(ANIMATION, 20, 20), animation(&frames)]);
        let error = header(&file).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { what: "a frame that leaves the canvas", .. }),
            "{error:?}"
        );
    }
}

#[test]
fn metadata_is_handed_out() {
    let exif = |data: &[u8]| chunk(b"EXIF", data);
    let read = |flags| {
        let file = riff(&[
            vp8x(flags, 8, 8),
            chunk(b"ICCP", b"profile"),
            chunk(b"what", b"ever"),
            vp8(8, 8),
            exif(b"Exif\0\0MM\0*"),
            exif(b"another"),
            chunk(b"XMP ", b"<x/>"),
        ]);
        header(&file).unwrap()
    };
    for flags in [ICC | EXIF | XMP, ICC, EXIF, XMP, 0] {
        let header = read(flags);
        let expected = |flag, data: &'static [u8]| (flags & flag != 0).then_some(data);
        assert_eq!(header.exif.as_deref(), expected(EXIF, b"MM\0*"));
        assert_eq!(header.icc.as_deref(), expected(ICC, b"profile"));
        assert_eq!(header.xmp.as_deref(), expected(XMP, b"<x/>"));
    }
}

#[test]
fn metadata_that_is_cut_off_does_no_harm() {
    let start = [vp8x(EXIF, 8, 8), vp8(8, 8)];
    let mut file = riff(&[&start[..], &[chunk(b"EXIF", b"II*\0abcdef")]].concat());
    file.truncate(file.len() - 4);
    assert_eq!(header(&file).unwrap().exif.as_deref(), Some(&b"II*\0ab"[..]));
    assert_eq!(ours(&file).samples, ours(&riff(&start)).samples);
    let mut file = riff(&[&start[..], &[chunk(b"ICCP", b"profile!")]].concat());
    file.truncate(file.len() - 4);
    assert_eq!(header(&file).unwrap().icc, None);
}

#[test]
fn the_length_of_the_file_may_be_wrong() {
    let mut file = riff(&[vp8x(EXIF, 8, 8), vp8(8, 8), chunk(b"EXIF", b"II*\0")]);
    let image = ours(&file);
    for length in [0, u32::MAX] {
        file[4..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(ours(&file), image);
        assert!(header(&file).unwrap().exif.is_some());
    }
    // What lies behind the end does not count.
    let mut file = riff(&[vp8x(0, 8, 8), vp8(8, 8)]);
    file.extend(chunk(b"EXIF", b"II*\0"));
    assert_eq!(header(&file).unwrap().exif, None);
}

#[test]
fn a_file_that_is_cut_off_is_truncated() {
    // High enough for every partition to be used.
    let kind = Kind { width: 20, height: 130, filled: 20, seed: 5 };
    let picture = chunk(b"VP8 ", &frame(kind));
    let still = riff(std::slice::from_ref(&picture));
    let transparent = riff(&[vp8x(ALPHA, 20, 130), alph(20, 130, 1, 2), picture.clone()]);
    let frames = [anmf(2, 4, 20, 130, 2, &[picture])];
    let animated = riff(&[vp8x(ANIMATION, 60, 140), animation(&frames)]);
    for file in [still, transparent, animated] {
        let whole = ours(&file);
        for len in 0..file.len() {
            match decode(file[..len].to_vec(), &Budget::new(512 << 20)) {
                Err(error) => assert_eq!(error, Error::Truncated { offset: len }),
                // The writer ends partitions by four bytes that need not be there.
                Ok(image) => {
                    assert!(len + 6 >= file.len() && image == whole, "{len}");
                }
            }
        }
    }
}

fn lossless(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 4).map(|at| ((at * at) >> 3) as u8).collect();
    let mut file = Vec::new();
    WebPEncoder::new(&mut file).encode(&pixels, width, height, ColorType::Rgba8).unwrap();
    file
}

/// Files, and where the header of their picture's data ends.
fn files_and_starts() -> Vec<(Vec<u8>, usize)> {
    let still = vp8(40, 30);
    let frame = |chunks: &[Vec<u8>]| {
        let frames = [anmf(2, 4, 40, 30, 2, chunks), anmf(0, 0, 40, 30, 0, &[vp8(40, 30)])];
        riff(&[vp8x(ANIMATION | ALPHA, 60, 60), animation(&frames)])
    };
    let extended = riff(&[
        vp8x(ALPHA | EXIF, 40, 30),
        chunk(b"ICCP", &[7; 301]),
        alph(40, 30, 1, 3),
        still.clone(),
        chunk(b"EXIF", b"II*\0abc"),
        chunk(b"XMP ", b"<x/>"),
    ]);
    let mut files = vec![
        riff(std::slice::from_ref(&still)),
        extended,
        frame(std::slice::from_ref(&still)),
        frame(&[alph(40, 30, 2, 5), still]),
        lossless(50, 20),
    ];
    for name in ["photo.webp", "alpha.webp"] {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/fixtures/");
        files.push(std::fs::read(format!("{fixtures}{name}")).unwrap());
    }
    // By those who do not know yet how long it becomes.
    for length in [0, u32::MAX] {
        let mut endless = files.clone();
        endless.iter_mut().for_each(|file| file[4..8].copy_from_slice(&length.to_le_bytes()));
        files.extend(endless.drain(..5));
    }
    let start = |file: &[u8]| {
        let is_start = |at: &usize| matches!(&file[*at..*at + 4], b"VP8 " | b"VP8L");
        let at = (12..file.len() - 4).find(is_start).unwrap();
        at + 8 + if file[at + 3] == b'L' { 5 } else { 10 }
    };
    files.into_iter().map(|file| (start(&file), file)).map(|(start, file)| (file, start)).collect()
}

#[test]
fn every_beginning_of_a_file_is_truncated_or_has_its_header() {
    for (file, start) in files_and_starts() {
        let file = Bytes::from(file);
        let whole = Header::read(&file).unwrap();
        let size_known = if &file[12..16] == b"VP8L" { 25 } else { 30 };
        for len in 0..file.len() {
            let beginning = file.slice(..len);
            let truncated = Error::Truncated { offset: len };
            match Header::read(&beginning) {
                Err(error) => {
                    assert!(len < start && error == truncated, "{len}, {start}: {error:?}")
                }
                Ok(header) => {
                    assert!(len >= start, "{len}, {start}");
                    let known = |header: &Header| {
                        let Header { width, height, has_alpha, is_lossless, is_animated, .. } =
                            *header;
                        (width, height, has_alpha, is_lossless, is_animated)
                    };
                    assert_eq!(known(&header), known(&whole), "{len}");
                }
            }
            let size =
                if len < size_known { Err(truncated) } else { Ok((whole.width, whole.height)) };
            assert_eq!(Header::size(&beginning), size, "{len}");
        }
    }
}

#[test]
fn a_size_is_refused_as_a_header_is() {
    for file in [
        &b"RIFX"[..],
        b"RIFF\0\0\0\0WEBPwhat\0\0\0\0",
        b"RIFF\0\0\0\0WEBPVP8X\x04\0\0\0abcdefghijkl",
    ] {
        let error = header(file).unwrap_err();
        assert!(!matches!(error, Error::Truncated { .. }), "{error:?}");
        assert_eq!(Header::size(file), Err(error));
    }
}

#[test]
fn partitions_that_end_early_are_invalid() {
    let data = frame(Kind { width: 100, height: 100, filled: 90, seed: 3 });
    // The chunk ends in the middle of the last partition, but the file goes on.
    let file = riff(&[chunk(b"VP8 ", &data[..data.len() - 100]), chunk(b"what", &[0; 200])]);
    let error = decode(file, &Budget::new(512 << 20)).unwrap_err();
    assert!(
        matches!(error, Error::Invalid { what: "a VP8 frame whose data ends early", .. }),
        "{error:?}"
    );
}

#[test]
fn what_is_no_picture_is_invalid() {
    assert_eq!(header(b"RIFX").unwrap_err(), Error::NotWebp);
    assert_eq!(header(b"RIFF\0\0\0\0WA").unwrap_err(), Error::NotWebp);
    assert_eq!(header(b"RIFF\0\0\0\0WAVEfmt ").unwrap_err(), Error::NotWebp);
    let invalid = |chunks: &[Vec<u8>]| {
        let error = header(&riff(chunks)).unwrap_err();
        let Error::Invalid { what, .. } = error else { panic!("{error:?}") };
        what
    };
    assert_eq!(invalid(&[chunk(b"what", b"ever")]), "a chunk that no WebP begins with");
    assert_eq!(invalid(&[vp8x(0, 8, 8)]), "no picture");
    assert_eq!(invalid(&[vp8x(ANIMATION, 8, 8), vp8(8, 8)]), "an animation without a frame");
    assert_eq!(invalid(&[chunk(b"VP8X", &[0; 9])]), "a VP8X chunk that is too small");
    assert_eq!(invalid(&[chunk(b"VP8 ", &[0; 9])]), "a VP8 frame without a header");
    assert_eq!(invalid(&[chunk(b"VP8 ", &[0; 10])]), "a VP8 frame without its start code");
    let mut empty = vp8(8, 8);
    empty[14..16].fill(0);
    assert_eq!(invalid(&[empty]), "a VP8 frame without pixels");
    let mut other = vp8(8, 8);
    other[8] |= 1;
    assert!(matches!(header(&riff(&[other])), Err(Error::Unsupported(_))));
}

#[test]
fn the_time_of_a_header_goes_by_its_chunks() {
    let few = riff(&[vp8x(0, 8, 8), vp8(8, 8)]);
    assert_eq!(Header::nanos(&few, u64::MAX), 1_040);
    let many = riff(&[vec![vp8x(0, 8, 8), vp8(8, 8)], vec![chunk(b"what", b""); 10_000]].concat());
    assert_eq!(Header::nanos(&many, u64::MAX), 201_040);
    assert_eq!(Header::nanos(&many, 5_000), 5_000);
    // Also within a frame.
    let inside = [vec![chunk(b"what", b""); 10_000], vec![vp8(8, 8)]].concat();
    let many = riff(&[vp8x(ANIMATION, 8, 8), anmf(0, 0, 8, 8, 0, &inside)]);
    assert_eq!(Header::nanos(&many, u64::MAX), 201_060);
    assert_eq!(Header::nanos(b"RIFF", u64::MAX), 1_000);
}
