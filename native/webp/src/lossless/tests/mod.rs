//! The decoder against another one, on files of other encoders and of its own writer.

use bytes::Bytes;

use super::Lossless;
use crate::Error;



/// The VP8L chunk of a file: its offset and payload.
fn chunk(file: &[u8]) -> Option<(usize, Bytes)> {
    let mut at = 12;
    loop {
        let header = file.get(at..at + 8)?;
        let len = u32::from_le_bytes(header[4..].try_into().ok()?) as usize;
        if &header[..4] == b"VP8L" {
            return Some((at + 8, Bytes::copy_from_slice(file.get(at + 8..at + 8 + len)?)));
        }
        at += 8 + len + (len & 1);
    }
}

/// All of the picture's rows, read in steps of so much work and so many rows.
fn decode(data: Bytes, at: usize, rows: usize, work: usize) -> Result<Vec<u8>, Error> {
    let mut decoder = Lossless::new(data, at, u64::MAX)?;
    let (width, height) = decoder.size();
    let size = width as usize * height as usize * 4;
    let mut pixels = Vec::new();
    while pixels.len() < size {
        let mut left = work;
        if let Some(strip) = decoder.read(rows, &mut left)? {
            assert!(!strip.is_empty() && strip.len() <= rows.saturating_mul(width as usize * 4));
            pixels.extend_from_slice(strip);
        }
    }
    assert_eq!(pixels.len(), size);
    Ok(pixels)
}

fn decode_all(data: Bytes, at: usize) -> Result<Vec<u8>, Error> {
    decode(data, at, usize::MAX, usize::MAX)
}
