//! JPEG: a scan of the headers that copies nothing, then `image`'s decoder in one piece.

use bytes::Bytes;
use image::metadata::Orientation;

use super::RowSource;
use super::whole::Whole;
use crate::{Depth, Error, Format, Header, Layout, cost};

/// More segments than any camera or editor writes before the picture (a 16 MB profile takes 256).
const MAX_SEGMENTS: usize = 10_000;

pub(super) fn open(input: Bytes) -> Result<Box<dyn RowSource>, Error> {
    let header = scan(&input)?;
    Ok(Box::new(Whole::new(input, header)))
}

/// Walks the segments up to the frame header.
pub(super) fn scan(bytes: &[u8]) -> Result<Header, Error> {
    let truncated = Error::Truncated(Format::Jpeg);
    let invalid = Error::Invalid(Format::Jpeg);
    let mut orientation = Orientation::NoTransforms;
    let mut rest = bytes.get(2..).ok_or(truncated)?;
    for _ in 0..MAX_SEGMENTS {
        // Any number of fill bytes may stand before a marker, and decoders forgive garbage there.
        let start = rest
            .windows(2)
            .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF))
            .ok_or(truncated)?;
        let marker = rest[start + 1];
        rest = &rest[start + 2..];
        match marker {
            0x01 | 0xD0..=0xD8 => continue,     // stand alone, without a length
            0xD9 | 0xDA => return Err(invalid), // the picture's data before its frame header
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk().ok_or(truncated)?));
        let segment = rest.get(2..length.max(2)).ok_or(truncated)?;
        rest = &rest[length.max(2)..];
        match marker {
            0xE1 => {
                if let Some(found) = segment.strip_prefix(b"Exif\0\0").and_then(Orientation::from_exif_chunk)
                {
                    orientation = found;
                }
            }
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let [precision, h1, h2, w1, w2, components] = *segment.first_chunk().ok_or(invalid)?;
                if !matches!(marker, 0xC0..=0xC2) || precision != 8 {
                    return Err(Error::Unsupported(Format::Jpeg));
                }
                let channels = match components {
                    1 => 1,
                    3 | 4 => 3,
                    _ => return Err(Error::Unsupported(Format::Jpeg)),
                };
                let mut header = Header {
                    format: Format::Jpeg,
                    width: u32::from(u16::from_be_bytes([w1, w2])),
                    height: u32::from(u16::from_be_bytes([h1, h2])),
                    layout: Layout::new(channels, Depth::U8),
                    premultiplied: false,
                    orientation,
                    by_rows: false,
                    decode_nanos: 0,
                };
                header.decode_nanos = match marker {
                    // Every scan goes over all of the picture, and there can be hundreds of them.
                    0xC2 => cost::UNKNOWN_NANOS.max(2 * cost::decode_nanos(&header)),
                    _ => cost::decode_nanos(&header) + bytes.len() as u64 * cost::NANOS_PER_BYTE,
                };
                return Ok(header);
            }
            _ => {}
        }
    }
    Err(invalid)
}
