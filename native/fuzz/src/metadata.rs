//! EXIF, XMP and IPTC: read, kept in an output, and read again.

use bytes::Bytes;
use thumbelina_core::{Details, Format, Formats, Keep, Limits, Output, Request};

use crate::{Choices, MOST_MEMORY, same_everywhere, tiff};

const XMP: u16 = 700;
const IPTC: u16 = 33_723;

pub fn observe(data: &[u8]) {
    let mut choices = Choices(data);
    let flags = choices.byte();
    let keep = Keep {
        exif: flags & 1 != 0,
        gps: flags & 2 != 0,
        copyright: flags & 4 != 0,
        xmp: flags & 8 != 0,
        iptc: flags & 16 != 0,
        icc: flags & 32 != 0,
    };
    let format = choices.one_of(&[Format::Jpeg, Format::Png, Format::Webp, Format::Tiff]);
    let file = match choices.below(4) {
        0 => with_exif(choices.0),
        1 => in_tiff(XMP, choices.0),
        2 => in_tiff(IPTC, choices.0),
        _ => in_jpeg(choices.0),
    };
    let file = Bytes::from(file);
    let limits = Limits { formats: Formats::all(), ..Limits::default() };
    let _ = Details::read(file.clone(), &limits);
    let output =
        Output { width: Some(8), format: Some(format), metadata: keep, ..Output::default() };
    let request = Request { limits: limits.clone(), max_memory: MOST_MEMORY, ..output.into() };
    let Ok(made) = same_everywhere(&file, &request, data.len() as u64) else { return };

    // What was written can be read, and is kept as it is.
    let [written] = &made[..] else { unreachable!("one was asked for") };
    let written = Bytes::copy_from_slice(written.bytes.as_ref());
    let first = Details::read(written.clone(), &limits).expect("it was written here");
    let again = same_everywhere(&written, &request, 0).expect("it was written here");
    let again = Bytes::copy_from_slice(again[0].bytes.as_ref());
    let second = Details::read(again, &limits).expect("it was written here");
    assert_eq!(first.exif, second.exif);
    assert_eq!(first.info.metadata.xmp, second.info.metadata.xmp);
    assert_eq!(first.info.metadata.iptc, second.info.metadata.iptc);
    if !keep.gps {
        assert!(first.exif.iter().all(|(name, _)| !name.starts_with("GPS")), "{:?}", first.exif);
    }
}

/// A PNG of one pixel with an `eXIf` chunk.
fn with_exif(exif: &[u8]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        out.extend((data.len() as u32).to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        out.extend(kind);
        out.extend(data);
        out.extend(crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
    chunk(b"eXIf", exif);
    // Filter 0 and a sample, stored.
    chunk(b"IDAT", &[0x78, 1, 1, 2, 0, 0xFD, 0xFF, 0, 90, 0, 0x5C, 0, 0x5B]);
    chunk(b"IEND", &[]);
    out
}

fn in_tiff(tag: u16, data: &[u8]) -> Vec<u8> {
    let mut tiff = tiff::Tiff::new(3, 8, false);
    tiff.bytes(tag, data.to_vec());
    tiff.write()
}

/// A JPEG whose segments the data are, up to its table of quantisation.
fn in_jpeg(data: &[u8]) -> Vec<u8> {
    const PICTURE: &[u8] = include_bytes!("../../../test/fixtures/orientation-6.jpg");
    let start = PICTURE.windows(2).position(|marker| marker == [0xFF, 0xDB]).unwrap_or(2);
    [&[0xFF, 0xD8], data, &PICTURE[start..]].concat()
}
