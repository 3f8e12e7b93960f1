//! The orientation that EXIF says, for JPEG, PNG, WebP and PSD. All else of it is for others.

use bytes::Bytes;
use image::metadata::Orientation;

use crate::metadata::Block;

/// What JPEG has before it, and a few writers of other formats, too.
const PREFIX: &[u8] = b"Exif\0\0";

/// What is kept of a file's metadata, of each kind.
pub(super) const MOST_BYTES: usize = 1 << 20;

const ORIENTATION: u16 = 0x0112;

/// Without its prefix, if it has some and is not too long.
pub(super) fn kept(exif: Bytes) -> Option<Bytes> {
    let exif = if exif.starts_with(PREFIX) { exif.slice(PREFIX.len()..) } else { exif };
    (!exif.is_empty() && exif.len() <= MOST_BYTES).then_some(exif)
}

/// The structure of TIFF that it is, and where the first directory of that is.
pub(super) fn block(exif: &[u8]) -> Option<(Block<'_>, u64)> {
    Block::of(exif.strip_prefix(PREFIX).unwrap_or(exif))
}

/// The orientation of the main picture, upright where nothing valid is said. It is a SHORT by the
/// standard; writers have every other type of whole numbers as well.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let number = || {
        let (block, first) = block(exif)?;
        u8::try_from(block.find(first, ORIENTATION)?.integer(block.order)?).ok()
    };
    number().and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Order;

    /// A directory with the entries of a camera's name and of the orientation.
    fn written(order: Order, kind: u16, value: u32, prefix: &[u8]) -> Vec<u8> {
        let (short, long) = (|value| order.short(value), |value| order.long(value));
        let value = match kind {
            1 | 6 => [value as u8, 9, 9, 9],
            3 | 8 => [short(value as u16), short(9)].concat().try_into().unwrap_or_default(),
            _ => long(value),
        };
        let magic: &[u8] = if matches!(order, Order::Little) { b"II*\0" } else { b"MM\0*" };
        let other = [short(0x010F), short(2)].concat();
        let tag = [short(ORIENTATION), short(kind)].concat();
        let parts: [&[u8]; 13] = [
            prefix,
            magic,
            &long(10),
            &[7, 7],
            &short(2),
            &other,
            &long(3),
            b"abc\0",
            &tag,
            &long(1),
            &value,
            &long(0),
            b"rest",
        ];
        parts.concat()
    }

    #[test]
    fn all_orientations_are_read_in_every_type_and_order() {
        for order in [Order::Little, Order::Big] {
            for kind in [1, 3, 4, 6, 8, 9] {
                for prefix in [&b""[..], PREFIX] {
                    for value in 1..=8 {
                        let exif = written(order, kind, value, prefix);
                        assert_eq!(orientation(&exif).to_exif(), value as u8);
                    }
                    for value in [0, 9, 255] {
                        let exif = written(order, kind, value, prefix);
                        assert_eq!(orientation(&exif), Orientation::NoTransforms);
                    }
                }
            }
        }
        // Neither of a type that has no whole numbers, nor past what a byte holds.
        for (kind, value) in [(2, 6), (5, 6), (4, 0x0106), (4, 0x0001_0006)] {
            let exif = written(Order::Little, kind, value, b"");
            assert_eq!(orientation(&exif), Orientation::NoTransforms);
        }
    }

    #[test]
    fn what_is_cut_off_or_lies_is_upright() {
        let whole = written(Order::Big, 3, 6, b"");
        for len in 0..whole.len() {
            let read = orientation(&whole[..len]).to_exif();
            assert_eq!(read, if len < whole.len() - 10 { 1 } else { 6 }, "{len}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut lie = whole.clone();
                lie[at] = byte;
                orientation(&lie);
            }
        }
    }

    #[test]
    fn what_is_kept_begins_with_the_byte_order_and_is_not_too_long() {
        let exif = Bytes::from(written(Order::Big, 3, 6, PREFIX));
        assert_eq!(kept(exif.clone()), Some(exif.slice(PREFIX.len()..)));
        assert_eq!(kept(Bytes::from_static(PREFIX)), None);
        assert_eq!(kept(Bytes::from(vec![0; MOST_BYTES + 1])), None);
    }
}
