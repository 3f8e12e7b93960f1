//! What files say of their colors: a profile, or what EXIF has in place of one.

use bytes::Bytes;

use super::exif;
use crate::ColorSpace;

/// Of a profile, and of EXIF from its byte order on, or behind the name of its segment.
pub(super) fn of(profile: Option<Bytes>, exif: Option<&[u8]>) -> ColorSpace {
    match profile {
        Some(profile) => ColorSpace::Icc(profile),
        None if exif.is_some_and(is_adobe_rgb) => ColorSpace::AdobeRgb,
        None => ColorSpace::Srgb,
    }
}

const EXIF_IFD: u16 = 0x8769;
const COLOR_SPACE: u16 = 0xA001;
const INTEROPERABILITY_IFD: u16 = 0xA005;
const INTEROPERABILITY_INDEX: u16 = 0x0001;

/// Cameras have it in two ways: DCF 2.0 says the color space is not calibrated, and names the
/// option file R03; others say that it is 2.
fn is_adobe_rgb(exif: &[u8]) -> bool {
    let is_it = || {
        let (block, first) = exif::block(exif)?;
        let directory = |from, tag| block.pointer(block.find(from, tag)?.value);
        let exif = directory(first, EXIF_IFD)?;
        match block.find(exif, COLOR_SPACE)?.integer(block.order)? {
            2 => Some(true),
            0xFFFF => {
                let interoperability = directory(exif, INTEROPERABILITY_IFD)?;
                let index = block.find(interoperability, INTEROPERABILITY_INDEX)?;
                Some(index.value.starts_with(b"R03"))
            }
            _ => Some(false),
        }
    };
    is_it().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of short or long values, without a next one.
    fn directory(big: bool, entries: &[(u16, u16, [u8; 4])]) -> Vec<u8> {
        let short = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let long = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut out = short(entries.len() as u16).to_vec();
        for (tag, kind, value) in entries {
            out.extend(short(*tag));
            out.extend(short(*kind));
            out.extend(long(if *kind == 2 { 4 } else { 1 }));
            out.extend(value);
        }
        out.extend(long(0));
        out
    }

    fn exif(big: bool, color_space: u16, index: &[u8; 4]) -> Vec<u8> {
        let short = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let long = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let [s1, s2] = short(color_space);
        let mut out = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        out.extend(long(8));
        out.extend(directory(big, &[(EXIF_IFD, 4, long(26))]));
        let space = [s1, s2, 0, 0];
        let entries = [(COLOR_SPACE, 3, space), (INTEROPERABILITY_IFD, 4, long(56))];
        out.extend(directory(big, &entries));
        out.extend(directory(big, &[(INTEROPERABILITY_INDEX, 2, *index)]));
        out
    }

    #[test]
    fn adobe_rgb_is_told_in_two_ways() {
        for big in [false, true] {
            assert!(is_adobe_rgb(&exif(big, 2, b"R98\0")));
            assert!(is_adobe_rgb(&exif(big, 0xFFFF, b"R03\0")));
            assert!(!is_adobe_rgb(&exif(big, 0xFFFF, b"R98\0")));
            assert!(!is_adobe_rgb(&exif(big, 1, b"R03\0")));
            let named = [b"Exif\0\0", &exif(big, 2, b"R98\0")[..]].concat();
            assert!(is_adobe_rgb(&named));
        }
    }

    #[test]
    fn what_is_cut_off_says_nothing() {
        let whole = exif(true, 0xFFFF, b"R03\0");
        for len in 0..whole.len() - 8 {
            assert!(!is_adobe_rgb(&whole[..len]), "{len}");
        }
        // A directory that is itself.
        let mut round = exif(false, 0xFFFF, b"R03\0");
        round[18..22].copy_from_slice(&8u32.to_le_bytes());
        assert!(!is_adobe_rgb(&round));
    }
}
