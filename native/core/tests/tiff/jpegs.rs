//! JPEGs in TIFF that are not of 8 bits and in blocks, and tables that are not repeated.

use bytes::Bytes;

use crate::jpeg_writer::{self, Lossless, Picture, scripts};
use crate::writer::{JPEG, SHORT, Writer};
use crate::{as_is, expected, jpeg, jpegs, slope, split};

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
            let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
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
        let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error} {writer:?}"));
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
