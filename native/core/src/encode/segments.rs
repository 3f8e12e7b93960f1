//! Attachments as the segments of a JPEG.

use bytes::Bytes;

use super::blocks::Blocks;
use super::options::{Attachments, within};

const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP13: u8 = 0xED;

/// A segment's length has two bytes, and counts them.
const MAX_CONTENT: usize = 0xFFFF - 2;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
/// A resource of Photoshop's: its signature, its number (IPTC-NAA) and an empty name.
const IPTC: &[u8] = b"Photoshop 3.0\08BIM\x04\x04\0\0";

/// In the order in which Exif wants them: itself first.
pub(super) fn segments(attachments: &Attachments) -> Blocks {
    let mut blocks = Blocks::default();
    let mut put = |marker: u8, header: &[u8], content: &Bytes, after: &'static [u8]| {
        let len = (2 + header.len() + content.len() + after.len()) as u16;
        let [high, low] = len.to_be_bytes();
        blocks.push([&[0xFF, marker, high, low], header].concat());
        blocks.push(content.clone());
        blocks.push(after);
    };
    let metadata = &attachments.metadata;
    if let Some(exif) = within(&metadata.exif, MAX_CONTENT - EXIF.len()) {
        put(APP1, EXIF, exif, b"");
    }
    if let Some(xmp) = within(&metadata.xmp, MAX_CONTENT - XMP.len()) {
        put(APP1, XMP, xmp, b"");
    }
    if let Some(iptc) = within(&metadata.iptc, MAX_CONTENT - IPTC.len() - 5) {
        let header = [IPTC, &(iptc.len() as u32).to_be_bytes()].concat();
        // Resources have even lengths.
        put(APP13, &header, iptc, if iptc.len() % 2 == 1 { b"\0" } else { b"" });
    }
    if let Some(icc) = attachments.icc() {
        const PIECE: usize = MAX_CONTENT - ICC.len() - 2;
        // At most 17, as long as a profile has at most a megabyte.
        let pieces = icc.len().div_ceil(PIECE) as u8;
        for number in 0..pieces {
            let start = usize::from(number) * PIECE;
            let header = [ICC, &[number + 1, pieces]].concat();
            put(APP2, &header, &icc.slice(start..icc.len().min(start + PIECE)), b"");
        }
    }
    blocks
}
