//! How many pictures a file has.

use std::collections::HashSet;

use crate::Format;
use crate::metadata::Block;

/// More pages than are counted.
const MAX_PAGES: usize = 65_535;

/// Looking at a block of a GIF, a chunk or a page, and the fewest bytes that each has.
const BLOCK_NANOS: u64 = 4;
const BLOCK_BYTES: u64 = 2;
const CHUNK_NANOS: u64 = 10;
const CHUNK_BYTES: u64 = 8;
const PAGE_NANOS: u64 = 80;
const PAGE_BYTES: u64 = 2;

/// The frames of an animation, the pages of a TIFF, the pictures of an icon; 1 in other formats.
/// Those that are there: a file that is cut off has the fewer.
pub(crate) fn count(format: Format, input: &[u8]) -> u64 {
    let found = match format {
        Format::Gif => gif(input),
        Format::Webp => webp(input),
        Format::Png => png(input),
        Format::Tiff => tiff(input),
        Format::Ico => ico(input),
        _ => None,
    };
    found.unwrap_or(1).max(1)
}

/// The estimated nanoseconds of [`count`].
pub(crate) fn nanos(format: Format, input: &[u8]) -> u64 {
    let bytes = input.len() as u64;
    match format {
        Format::Gif => bytes / BLOCK_BYTES * BLOCK_NANOS,
        Format::Webp | Format::Png => bytes / CHUNK_BYTES * CHUNK_NANOS,
        Format::Tiff => (bytes / PAGE_BYTES).min(MAX_PAGES as u64) * PAGE_NANOS,
        _ => 0,
    }
}

/// The image descriptors.
fn gif(input: &[u8]) -> Option<u64> {
    let palette = |flags: u8| if flags & 0x80 == 0 { 0 } else { 6_usize << (flags & 7) };
    let mut at = 13 + palette(*input.get(10)?);
    let mut frames = 0;
    while let Some(&introducer) = input.get(at) {
        at += match introducer {
            // Its label.
            0x21 => 2,
            0x2C => {
                let Some(&flags) = input.get(at + 9) else { break };
                frames += 1;
                // Its palette, and the size of the first codes.
                11 + palette(flags)
            }
            _ => break,
        };
        // Sub-blocks, of which the last is empty.
        while let Some(&length) = input.get(at) {
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
    Some(frames)
}

/// The chunks that frames are in.
fn webp(input: &[u8]) -> Option<u64> {
    let mut rest = input.get(12..)?;
    let mut frames = 0;
    while let Some((header, after)) = rest.split_first_chunk::<8>() {
        let &[a, b, c, d, lengths @ ..] = header;
        frames += u64::from([a, b, c, d] == *b"ANMF");
        let length = u32::from_le_bytes(lengths) as usize;
        rest = after.get(length.next_multiple_of(2)..).unwrap_or(&[]);
    }
    Some(frames)
}

/// What the chunk says that tells of an animation, which is before the picture's data.
fn png(input: &[u8]) -> Option<u64> {
    let mut rest = input.get(8..)?;
    while let Some((&[a, b, c, d, k0, k1, k2, k3], after)) = rest.split_first_chunk::<8>() {
        match &[k0, k1, k2, k3] {
            b"acTL" => {
                let claimed = after.first_chunk().map(|&count| u32::from_be_bytes(count));
                // Each has a chunk of its own, of 38 bytes at least.
                return claimed.map(|frames| u64::from(frames).min(input.len() as u64 / 38));
            }
            b"IDAT" => return None,
            _ => {}
        }
        rest = after.get((u32::from_be_bytes([a, b, c, d]) as usize).saturating_add(4)..)?;
    }
    None
}

/// The chain of directories, until it ends or comes back to where it was.
fn tiff(input: &[u8]) -> Option<u64> {
    let (block, first) = Block::of(input)?;
    let mut seen = HashSet::new();
    let mut next = Some(first);
    while let Some(at) = next.filter(|&at| at > 0 && seen.len() < MAX_PAGES) {
        if block.entries(at, 1).next().is_none() || !seen.insert(at) {
            break;
        }
        next = block.next_directory(at);
    }
    Some(seen.len() as u64)
}

/// The entries that are there.
fn ico(input: &[u8]) -> Option<u64> {
    let claimed = input.get(4..)?.first_chunk().map(|&count| u16::from_le_bytes(count))?;
    Some(u64::from(claimed).min((input.len() as u64).saturating_sub(6) / 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_gif_are_its_descriptors() {
        let mut file = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
        let frame = b"\x21\xF9\x04\0\0\0\0\0\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
        for frames in 0..4_u64 {
            let whole = [&file[..], b"\x3B"].concat();
            assert_eq!(count(Format::Gif, &whole), frames.max(1));
            file.extend(frame);
        }
        for length in 0..file.len() {
            assert!((1..=4).contains(&count(Format::Gif, &file[..length])));
        }
    }

    #[test]
    fn a_chain_of_directories_that_is_a_ring_ends() {
        let directory = |next: u32| {
            let mut directory = b"\x01\0\x00\x01\x03\0\x01\0\0\0\x05\0\0\0".to_vec();
            directory.extend(next.to_le_bytes());
            directory
        };
        let file = |last| {
            [&b"II\x2A\0\x08\0\0\0"[..], &directory(26), &directory(44), &directory(last)].concat()
        };
        assert_eq!(count(Format::Tiff, &file(0)), 3);
        assert_eq!(count(Format::Tiff, &file(8)), 3);
        assert_eq!(count(Format::Tiff, &file(44)), 3);
        assert_eq!(count(Format::Tiff, &file(u32::MAX)), 3);
        assert_eq!(count(Format::Tiff, &file(0)[..37]), 1);
    }

    #[test]
    fn what_a_header_claims_is_bounded_by_what_is_there() {
        let mut icon = vec![0, 0, 1, 0, 0xFF, 0xFF];
        icon.resize(6 + 3 * 16 + 5, 0);
        assert_eq!(count(Format::Ico, &icon), 3);
        let mut png = b"\x89PNG\r\n\x1A\n\0\0\0\x08acTL".to_vec();
        png.extend([0xFF; 4]);
        png.resize(100, 0);
        assert_eq!(count(Format::Png, &png), 2);
    }
}
