//! Blocks of which each says its kind and its length: image resources, and what comes with layers.

use std::ops::Range;

/// The numbers of those that are of use here.
pub(super) const IPTC: u16 = 1028;
pub(super) const ICC: u16 = 1039;
pub(super) const EXIF: u16 = 1058;
pub(super) const XMP: u16 = 1060;

/// A signature, a number, a name of at least two bytes, and a length.
const LEAST_BYTES: usize = 12;

/// The resources in a part of the file: their numbers, and where their data is.
pub(super) fn of(input: &[u8], part: Range<usize>) -> impl Iterator<Item = (u16, Range<usize>)> {
    let mut at = part.start;
    std::iter::from_fn(move || {
        let rest = input.get(at..part.end)?;
        let header = rest.first_chunk::<LEAST_BYTES>()?;
        let kind = u16::from_be_bytes([header[4], header[5]]);
        // The name and its length take an even number of bytes.
        let name_bytes = (usize::from(header[6]) + 1).next_multiple_of(2);
        let &len = rest.get(6 + name_bytes..)?.first_chunk()?;
        let start = at + 6 + name_bytes + 4;
        let end = start.checked_add(u32::from_be_bytes(len) as usize)?;
        at = end.checked_add((end - start) & 1)?;
        (end <= part.end).then_some((kind, start..end))
    })
}

/// The kinds whose lengths have eight bytes in a PSB.
const LONG: [&[u8; 4]; 13] = [
    b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2",
    b"FEid", b"FXid", b"PxSD",
];

/// What comes behind the layers: four letters, and where their data is.
pub(super) fn tagged(
    input: &[u8],
    part: Range<usize>,
    is_long: bool,
) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
    let mut at = part.start;
    std::iter::from_fn(move || {
        let rest = input.get(at..part.end)?;
        let &[_, _, _, _, kind @ ..] = rest.first_chunk::<8>()?;
        let (len, start) = if is_long && LONG.contains(&&kind) {
            (usize::try_from(u64::from_be_bytes(*rest.get(8..)?.first_chunk()?)).ok()?, at + 16)
        } else {
            (u32::from_be_bytes(*rest.get(8..)?.first_chunk()?) as usize, at + 12)
        };
        let end = start.checked_add(len)?;
        // They are padded to four bytes, by most writers.
        at = end.checked_next_multiple_of(4)?;
        (end <= part.end).then_some((kind, start..end))
    })
}
