//! Attachments, written and read back by `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Cursor;

use bytes::Bytes;
use common::{decode, encode, in_pieces, picture, probe, unbounded};
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageFormat};
use thumbelina_core::{
    Attachments, EncodeOptions, Error, Format, Limit, Limits, Metadata, Orientation, Output,
    Request,
};

/// Little endian, with one entry: the orientation.
fn exif(orientation: u8, len: usize) -> Bytes {
    let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    let mut exif = [&b"II\x2A\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat();
    exif.resize(len.max(exif.len()), 7);
    exif.into()
}

fn noise(len: usize) -> Bytes {
    let mut seed = 9u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn xmp(len: usize) -> Bytes {
    let mut packet = b"<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec();
    packet.resize(len.max(packet.len()), b' ');
    packet.into()
}

fn output(format: Format, attachments: &Attachments) -> Output {
    let options = EncodeOptions { attachments: attachments.clone(), ..EncodeOptions::default() };
    Output { format: Some(format), options, ..Output::default() }
}

/// In pieces and in one go: the same.
fn written(source: &Bytes, format: Format, attachments: &Attachments) -> Bytes {
    let made = in_pieces(source, output(format, attachments)).unwrap();
    assert!(made == unbounded(source, output(format, attachments)).unwrap(), "{format}");
    made.bytes.into()
}

/// All that `image` finds.
fn read(format: Format, bytes: &Bytes) -> Attachments {
    fn all(mut decoder: impl ImageDecoder) -> Attachments {
        Attachments {
            icc: decoder.icc_profile().unwrap().map(Bytes::from),
            metadata: Metadata {
                exif: decoder.exif_metadata().unwrap().map(Bytes::from),
                xmp: decoder.xmp_metadata().unwrap().map(Bytes::from),
                iptc: decoder.iptc_metadata().unwrap().map(Bytes::from),
            },
        }
    }
    let file = Cursor::new(bytes.clone());
    match format {
        Format::Jpeg => all(JpegDecoder::new(file).unwrap()),
        Format::Png => all(PngDecoder::new(file).unwrap()),
        Format::Webp => all(WebPDecoder::new(file).unwrap()),
        Format::Tiff => all(TiffDecoder::new(file).unwrap()),
        other => panic!("{other} has no attachments"),
    }
}

const HOLDERS: [Format; 4] = [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff];

#[test]
fn attachments_come_back_as_they_were() {
    let picture = DynamicImage::from(picture(97, 61, 3));
    let sources = [
        encode(&picture, ImageFormat::Png),
        encode(&picture.to_rgb8().into(), ImageFormat::Png),
        encode(&picture.to_luma8().into(), ImageFormat::Png),
    ];
    // Lengths of both kinds, of which one takes several segments of a JPEG and several steps.
    for (icc, exif_len, xmp_len) in [(3_144, 300, 2_001), (200_001, 60_001, 65_000), (129, 26, 60)]
    {
        let attachments = Attachments {
            icc: Some(noise(icc)),
            metadata: Metadata {
                exif: Some(exif(1, exif_len)),
                xmp: Some(xmp(xmp_len)),
                iptc: None,
            },
        };
        for format in HOLDERS {
            for source in &sources {
                let bytes = written(source, format, &attachments);
                let mut expected = attachments.clone();
                if format == Format::Tiff {
                    expected.metadata.exif = None;
                }
                assert!(read(format, &bytes) == expected, "{format} {icc}");
                // The pixels are those of the same file without them.
                let plain = written(source, format, &Attachments::default());
                assert!(read(format, &plain) == Attachments::default(), "{format}");
                assert!(decode(&bytes) == decode(&plain), "{format}");
                assert!(in_pieces(&bytes, output(Format::Qoi, &Attachments::default())).is_ok());
            }
        }
    }
}

#[test]
fn an_orientation_that_is_attached_is_found_by_our_own_probe() {
    let source = encode(&picture(9, 5, 1).into(), ImageFormat::Png);
    let metadata = Metadata { exif: Some(exif(6, 26)), ..Metadata::default() };
    for format in HOLDERS {
        let attachments = Attachments { metadata: metadata.clone(), ..Attachments::default() };
        let bytes = written(&source, format, &attachments);
        let info = probe(bytes, &Limits::default()).unwrap();
        assert_eq!((info.format, info.orientation), (format, Orientation::Rotate90));
        assert_eq!((info.width, info.height), (9, 5));
    }
}

/// IPTC is in a resource of Photoshop's in JPEG, and in TIFF said to be longs.
#[test]
fn iptc_is_where_photo_software_looks_for_it() {
    let source = encode(&picture(9, 5, 1).into(), ImageFormat::Png);
    for records in [&b"\x1C\x02\x78\0\x03abc"[..], b"\x1C\x02\x78\0\x04abcd"] {
        let metadata = Metadata { iptc: Some(Bytes::from_static(records)), ..Metadata::default() };
        let attachments = Attachments { metadata, ..Attachments::default() };
        let jpeg = written(&source, Format::Jpeg, &attachments);
        let header = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0";
        let even = records.len().next_multiple_of(2);
        let resource =
            [&header[..], &[records.len() as u8], records, &[0][..even - records.len()]].concat();
        let segment = [&[0xFF, 0xED, 0, resource.len() as u8 + 2], &resource[..]].concat();
        assert_eq!(jpeg.windows(segment.len()).filter(|&part| part == segment).count(), 1);
        assert_eq!(read(Format::Jpeg, &jpeg).metadata.iptc.as_deref(), Some(&resource[14..]));

        let tiff = written(&source, Format::Tiff, &attachments);
        let mut decoder = tiff::decoder::Decoder::new(Cursor::new(&tiff)).unwrap();
        let tag = tiff::tags::Tag::Unknown(33_723);
        let longs = decoder.get_tag_u32_vec(tag).unwrap();
        let mut padded = records.to_vec();
        padded.resize(records.len().next_multiple_of(4), 0);
        let bytes: Vec<u8> = longs.iter().flat_map(|long| long.to_ne_bytes()).collect();
        assert_eq!(bytes, padded);
    }
}

#[test]
fn what_is_too_long_is_left_out() {
    let source = encode(&picture(9, 5, 1).into(), ImageFormat::Png);
    // The longest that a JPEG's segment holds, and one byte more.
    let longest = [65_533 - 6, 65_533 - 29];
    let attachments = |more: usize| Attachments {
        icc: None,
        metadata: Metadata {
            exif: Some(exif(1, longest[0] + more)),
            xmp: Some(xmp(longest[1] + more)),
            iptc: None,
        },
    };
    let fits = written(&source, Format::Jpeg, &attachments(0));
    assert!(read(Format::Jpeg, &fits) == attachments(0));
    let refused = written(&source, Format::Jpeg, &attachments(1));
    assert!(read(Format::Jpeg, &refused) == Attachments::default());
    let png = written(&source, Format::Png, &attachments(1));
    assert!(read(Format::Png, &png) == attachments(1));

    for format in HOLDERS {
        let icc = |len| Attachments { icc: Some(noise(len)), metadata: Metadata::default() };
        let fits = written(&source, format, &icc(1 << 20));
        assert!(read(format, &fits) == icc(1 << 20), "{format}");
        for len in [0, (1 << 20) + 1] {
            let refused = written(&source, format, &icc(len));
            assert!(read(format, &refused) == Attachments::default(), "{format} {len}");
        }
    }
}

#[test]
fn attachments_are_the_budgets() {
    let source = encode(&picture(64, 64, 1).into(), ImageFormat::Png);
    let attachments = Attachments { icc: Some(noise(1 << 20)), metadata: Metadata::default() };
    for format in HOLDERS {
        let with = |max_memory| {
            let output = output(format, &attachments);
            in_pieces(&source, Request { max_memory, ..output.into() }).map(|made| made.bytes)
        };
        assert!(
            with(1 << 20)
                .is_err_and(|error| matches!(error, Error::Limit { limit: Limit::MaxMemory, .. }))
        );
        assert!(with(8 << 20).is_ok(), "{format}");
    }
}
