//! The JPEG of TIFF 6.0, in each way that it is written.

use bytes::Bytes;

use crate::damage::answer;
use crate::jpegs::{jpeg, slope, split};
use crate::writer::{LONG, OLD_JPEG, SHORT, Writer};
use crate::{as_is, entry, expected};

/// Old JPEGs of `slope`, in each way that they are written.
fn old_jpegs() -> Vec<(&'static str, Bytes)> {
    let size = (32, 32);
    let whole = jpeg(size, 3, slope);
    let (tables, rest) = split(&whole);
    let scan = rest.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let data = scan + 2 + usize::from(u16::from_be_bytes([rest[scan + 2], rest[scan + 3]]));
    let (frame, header, entropy) = (&rest[2..scan], &rest[scan..data], &rest[data..]);
    let writer = |more| Writer {
        size,
        photometric: 6,
        compression: OLD_JPEG,
        chunk: (0, 32),
        more,
        ..Writer::default()
    };
    // Fields that point behind all others: their values come first, and are put right then.
    let with = |fields: &[(u16, usize)], chunks: &[Vec<u8>], behind: &[u8]| {
        let more: Vec<_> = fields.iter().map(|&(tag, _)| (tag, LONG, vec![0])).collect();
        let mut more = more;
        more.push((530, SHORT, vec![1, 1]));
        let mut bytes = writer(more).assemble(chunks);
        let end = bytes.len();
        for &(tag, offset) in fields {
            let at = entry(&bytes, tag);
            let value = if tag == 514 { offset } else { end + offset } as u32;
            bytes[at + 8..at + 12].copy_from_slice(&value.to_le_bytes());
        }
        bytes.extend(behind);
        Bytes::from(bytes)
    };
    let tables = &tables[..tables.len() - 2];
    let in_front = [tables, frame].concat();
    // What the fields of tables point at: 64 bytes, or 16 counts and their codes.
    let mut parts = Vec::new();
    let mut places = Vec::new();
    let mut at = 2;
    while at < tables.len() {
        let end = at + 2 + usize::from(u16::from_be_bytes([tables[at + 2], tables[at + 3]]));
        places.push((tables[at + 1], tables[at + 4], parts.len()));
        parts.extend(&tables[at + 5..end]);
        at = end;
    }
    let place = |marker, id| places.iter().find(|p| (p.0, p.1) == (marker, id)).map(|p| p.2);
    let mut all = vec![
        ("a stream that is whole", with(&[(513, 0)], &[vec![0]], &whole)),
        ("a stream of known length", with(&[(513, 0), (514, whole.len())], &[vec![0]], &whole)),
        ("a strip that is a stream", with(&[], std::slice::from_ref(&whole), &[])),
        (
            "a stream up to its scan, and a strip from there on",
            with(&[(513, 0), (514, in_front.len())], &[[header, entropy].concat()], &in_front),
        ),
        (
            "a stream up to the data of its scan",
            with(
                &[(513, 0), (514, in_front.len() + header.len())],
                &[entropy.to_vec()],
                &[&in_front[..], header].concat(),
            ),
        ),
    ];
    // One table for all components: that of luma, if chroma has no other.
    if let (Some(q), Some(dc), Some(ac)) = (place(0xDB, 0), place(0xC4, 0), place(0xC4, 0x10)) {
        let gray = split(&jpeg(size, 1, slope)).1;
        let scan = gray.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let data = scan + 2 + usize::from(u16::from_be_bytes([gray[scan + 2], gray[scan + 3]]));
        let fields = [(519, q), (520, dc), (521, ac)];
        let mut bytes = with(&fields, &[gray[data..].to_vec()], &parts).to_vec();
        let at = entry(&bytes, 277);
        bytes[at + 8] = 1;
        let at = entry(&bytes, 262);
        bytes[at + 8] = 1;
        all.push(("tables in fields", Bytes::from(bytes)));
    }
    all
}

#[test]
fn old_jpegs_are_put_together() {
    for (what, bytes) in old_jpegs() {
        let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{error}: {what}"));
        let is_gray = what == "tables in fields";
        let theirs = expected((32, 32), 3, |x, y, channel| {
            let value = |s| f32::from(slope(x, y, s));
            let (cb, cr) = (value(1) - 128.0, value(2) - 128.0);
            match channel {
                _ if is_gray => value(0),
                0 => value(0) + 1.402 * cr,
                1 => value(0) - 0.344 * cb - 0.714 * cr,
                _ => value(0) + 1.772 * cb,
            }
        });
        let off = ours.to_rgb8().into_raw().into_iter().zip(theirs);
        let off = off.map(|(ours, theirs)| (f32::from(ours) - theirs.clamp(0.0, 255.0)).abs());
        let most = off.fold(0.0, f32::max);
        assert!(most < 6.0, "{most}: {what}");
    }
}

#[test]
fn old_jpegs_that_lie_are_seen_through() {
    for (what, bytes) in old_jpegs() {
        for end in (0..bytes.len()).step_by(7) {
            let _ = answer(&bytes.slice(..end), what);
        }
        for at in 2..bytes.len().min(700) {
            // Two of them each time, which the bytes beside it make up for.
            let lies = if at % 2 == 0 { [0, 0x7F] } else { [1, 0xFF] };
            for lie in lies {
                let mut damaged = bytes.to_vec();
                damaged[at] = lie;
                let _ = answer(&Bytes::from(damaged), what);
            }
        }
    }
}
