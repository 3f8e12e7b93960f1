//! JPEGs in TIFF: baseline, progressive, lossless and of 12 bits, and tables that are shared.

use bytes::Bytes;
use thumbelina_core::Format;

use crate::common::{inks, invalid};
use crate::jpeg_writer::{self, Lossless, Picture, scripts};
use crate::writer::{JPEG, SHORT, Writer};
use crate::{as_is, expected, read};

/// A JPEG of components as they are, and its tables apart if asked.
pub(crate) fn jpeg(
    size: (u32, u32),
    components: usize,
    value: impl Fn(u32, u32, u32) -> u8,
) -> Vec<u8> {
    let color = match components {
        1 => jpeg_encoder::ColorType::Luma,
        3 => jpeg_encoder::ColorType::Ycbcr,
        _ => jpeg_encoder::ColorType::Cmyk,
    };
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 100);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_4_4);
    // Four components are written inverted.
    let flip = if components == 4 { 255 } else { 0 };
    let data = expected(size, components as u32, |x, y, s| value(x, y, s) ^ flip);
    encoder.encode(&data, size.0 as u16, size.1 as u16, color).unwrap();
    out
}

/// Tables and the rest, each a stream of its own.
pub(crate) fn split(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8]);
    let mut at = 2;
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let to = if matches!(jpeg[at + 1], 0xC4 | 0xDB) { &mut tables } else { &mut rest };
        to.extend(&jpeg[at..end]);
        at = end;
    }
    tables.extend([0xFF, 0xD9]);
    rest.extend(&jpeg[at..]);
    (tables, rest)
}

pub(crate) fn slope(x: u32, y: u32, s: u32) -> u8 {
    (x * 3 + y * 2 + s * 60).min(250) as u8
}

/// Chunks of `slope`, each a JPEG.
pub(crate) fn jpegs(writer: &Writer, shared: bool) -> Bytes {
    let planes = if writer.planar { writer.samples } else { 1 };
    let components = if writer.planar { 1 } else { writer.samples as usize };
    let mut chunks = Vec::new();
    let mut tables = Vec::new();
    for plane in 0..planes {
        for down in 0..writer.size.1.div_ceil(writer.chunk.1) {
            for across in 0..writer.across() {
                let (left, top) = (across * writer.chunk.0, down * writer.chunk.1);
                let rows = writer.chunk.1.min(writer.size.1 - top);
                let size = if writer.tiles { writer.chunk } else { (writer.size.0, rows) };
                let whole = jpeg(size, components, |x, y, s| slope(left + x, top + y, s + plane));
                let (shared_tables, rest) = split(&whole);
                chunks.push(if shared { rest } else { whole });
                tables = shared_tables;
            }
        }
    }
    let mut writer = writer.clone();
    if shared {
        writer.more.push((347, 7, tables.iter().map(|&byte| byte.into()).collect()));
    }
    Bytes::from(writer.assemble(&chunks))
}

#[test]
fn jpegs_are_of_the_colors_that_the_directory_says() {
    for (photometric, samples) in [(1, 1), (0, 1), (2, 3), (6, 3), (5, 4)] {
        for (tiles, chunk) in
            [(false, (0, 16)), (false, (0, 100)), (true, (16, 16)), (true, (64, 48))]
        {
            for (shared, planar) in [(false, false), (true, false), (true, true)] {
                if planar && photometric == 6 {
                    continue;
                }
                let size = (37, 29);
                let writer = Writer {
                    size,
                    photometric,
                    samples,
                    compression: JPEG,
                    tiles,
                    chunk,
                    planar,
                    ..Writer::default()
                };
                let bytes = jpegs(&writer, shared);
                let ours = read(&bytes, &writer).to_rgb8();
                let colors: Vec<_> = (0..size.0 * size.1)
                    .map(|n| {
                        [0, 1, 2, 3].map(|s| u16::from(slope(n % size.0, n / size.0, s)) * 257)
                    })
                    .collect();
                let inks = inks(&colors);
                let theirs = expected(size, 3, |x, y, channel| {
                    let value = |s| f32::from(slope(x, y, s));
                    let (cb, cr) = (value(1) - 128.0, value(2) - 128.0);
                    match (photometric, channel) {
                        (0, _) => 255.0 - value(0),
                        (1, _) => value(0),
                        (2, _) => value(channel),
                        (5, _) => {
                            f32::from(inks[(y * size.0 + x) as usize][channel as usize]) / 257.0
                        }
                        (_, 0) => value(0) + 1.402 * cr,
                        (_, 1) => value(0) - 0.344 * cb - 0.714 * cr,
                        _ => value(0) + 1.772 * cb,
                    }
                });
                let off = ours.as_raw().iter().zip(&theirs);
                let off =
                    off.map(|(&ours, theirs)| (f32::from(ours) - theirs.clamp(0.0, 255.0)).abs());
                let most = off.fold(0.0, f32::max);
                assert!(most < 5.0, "{most} {shared} {writer:?}");
            }
        }
    }
}

#[test]
fn progressive_jpegs_are_decoded_if_their_scans_are_few() {
    let size = (37, 29);
    let data = expected(size, 3, slope);
    let mut chunk = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut chunk, 100);
    encoder.set_progressive(true);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_4_4);
    encoder.encode(&data, 37, 29, jpeg_encoder::ColorType::Ycbcr).unwrap();
    let writer = Writer { size, compression: JPEG, chunk: (0, 29), ..Writer::default() };
    let ours = as_is(&Bytes::from(writer.assemble(&[chunk.clone()]))).unwrap();
    let off = ours.as_bytes().iter().zip(&data).map(|(a, &b)| a.abs_diff(b)).max();
    assert!(off < Some(5), "{off:?}");
    // What would be the starts of scans, wherever they are.
    chunk.extend([0xFF, 0xDA].repeat(65));
    assert_eq!(as_is(&Bytes::from(writer.assemble(&[chunk]))), Err(invalid(Format::Tiff)));
}

/// Chunks of lossless JPEGs, and what is in them.
fn lossless(writer: &Writer) -> (Bytes, Vec<u16>) {
    let mut samples = vec![0; (writer.size.0 * writer.size.1 * writer.samples) as usize];
    let mut chunks = Vec::new();
    for ((left, top), (width, rows)) in writer.places() {
        let sampling = vec![(1, 1); writer.samples as usize];
        let size = (width as u16, rows as u16);
        let picture = Lossless::random(chunks.len() as u64, size, writer.bits as u8, &sampling);
        for (sample, plane) in picture.samples.iter().enumerate() {
            for (at, &value) in (0..).zip(plane) {
                let (x, y) = (left + at % width, top + at / width);
                if x < writer.size.0 && y < writer.size.1 {
                    let pixel = (y * writer.size.0 + x) as usize;
                    samples[pixel * writer.samples as usize + sample] = value;
                }
            }
        }
        chunks.push(Lossless { predictor: 1 + chunks.len() as u8 % 7, ..picture }.write());
    }
    (Bytes::from(writer.assemble(&chunks)), samples)
}

/// Small ones for those who break them.
pub(crate) fn small() -> Vec<(Writer, Bytes)> {
    let writer = Writer { compression: JPEG, chunk: (0, 3), bits: 12, ..Writer::default() };
    vec![(writer.clone(), lossless(&writer).0)]
}

#[test]
fn lossless_jpegs_are_what_was_written() {
    for (photometric, samples, bits) in
        [(1, 1, 8), (1, 2, 8), (2, 3, 8), (6, 3, 8), (2, 4, 8), (2, 3, 12), (1, 1, 16), (2, 3, 16)]
    {
        for (tiles, chunk) in [(false, (0, 16)), (false, (0, 100)), (true, (16, 16))] {
            let writer = Writer {
                size: (37, 29),
                photometric,
                samples,
                bits,
                extra: if matches!(samples, 2 | 4) { vec![2] } else { vec![] },
                compression: JPEG,
                tiles,
                chunk,
                ..Writer::default()
            };
            let (bytes, samples) = lossless(&writer);
            let ours = read(&bytes, &writer);
            let most = (1u32 << bits) - 1;
            // Those that are said to be YCbCr as well: without a word of the JPEG they are not.
            for (&ours, &sample) in ours.as_bytes().iter().zip(&samples) {
                let exact = f64::from(sample) * 255.0 / f64::from(most);
                assert!((f64::from(ours) - exact).abs() <= 0.501, "{writer:?}");
            }
            assert_eq!(ours.as_bytes().len(), samples.len());
        }
    }
}

#[test]
fn jpegs_of_12_bits_are_shown_in_8() {
    for (photometric, samples) in [(1, 1), (2, 3)] {
        let size = (37, 29);
        let writer =
            Writer { size, photometric, samples, bits: 12, compression: JPEG, ..Writer::default() };
        let mut chunks = Vec::new();
        for top in (0..29).step_by(16) {
            let rows = 16.min(29 - top);
            let sampling = vec![(1, 1); samples as usize];
            let value = |s: usize, x: usize, y: usize| slope(x as u32, top + y as u32, s as u32);
            let picture = Picture::from_samples(37, rows as u16, &sampling, 100, value);
            let scans = scripts::interleaved(&picture);
            let options = jpeg_writer::Options {
                scans,
                precision: 12,
                process: jpeg_writer::Process::Extended,
                ..Default::default()
            };
            chunks.push(jpeg_writer::write(&picture, &options));
        }
        let bytes = Bytes::from(writer.assemble(&chunks));
        let ours = read(&bytes, &writer);
        // 2048 is in the middle of 12 bits, where 128 is of 8.
        let theirs =
            expected(size, samples, |x, y, s| (f64::from(slope(x, y, s)) + 1920.0) / 4095.0);
        for (&ours, theirs) in ours.as_bytes().iter().zip(theirs) {
            assert!((f64::from(ours) - theirs * 255.0).abs() < 2.0, "{writer:?}");
        }
    }
}

/// As libjpeg does, whose tables stay from one stream to the next.
#[test]
fn tables_of_the_first_chunk_are_those_of_all() {
    let size = (37, 40);
    let writer = Writer { size, compression: JPEG, chunk: (0, 16), ..Writer::default() };
    let chunks: Vec<Vec<u8>> = (0..3)
        .map(|n| {
            let rows = 16.min(40 - n * 16);
            let whole = jpeg((37, rows), 3, |x, y, s| slope(x, n * 16 + y, s));
            if n == 0 { whole } else { split(&whole).1 }
        })
        .collect();
    let ours = as_is(&Bytes::from(writer.assemble(&chunks))).unwrap();
    let theirs = expected(size, 3, slope);
    let off = ours.as_bytes().iter().zip(theirs).map(|(&a, b)| a.abs_diff(b)).max();
    assert!(off < Some(5), "{off:?}");
    // Where the first one has none, there are none.
    let none: Vec<Vec<u8>> = chunks.iter().map(|chunk| split(chunk).1).collect();
    assert!(as_is(&Bytes::from(writer.assemble(&none))).is_err());
}

/// Each plane is gray to its JPEG.
#[test]
fn planes_of_chroma_may_be_jpegs() {
    let writer = Writer {
        size: (37, 29),
        photometric: 6,
        compression: JPEG,
        planar: true,
        more: vec![(530, SHORT, vec![1, 1])],
        ..Writer::default()
    };
    let ours = as_is(&jpegs(&writer, true)).unwrap();
    let theirs = expected(writer.size, 3, |x, y, channel| {
        let value = |s| f64::from(slope(x, y, s));
        let (cb, cr) = (value(1) - 128.0, value(2) - 128.0);
        match channel {
            0 => value(0) + 1.402 * cr,
            1 => value(0) - 0.344_136 * cb - 0.714_136 * cr,
            _ => value(0) + 1.772 * cb,
        }
    });
    for (&ours, theirs) in ours.as_bytes().iter().zip(theirs) {
        assert!((f64::from(ours) - theirs.clamp(0.0, 255.0)).abs() < 5.0);
    }
    // Planes that are smaller than the picture are not known here.
    let subsampled = Writer { more: vec![], ..writer };
    assert!(as_is(&jpegs(&subsampled, true)).is_err());
}
