//! Fields of the directory that say more, or less, than where pixels are.

use bytes::Bytes;
use thumbelina_core::{ColorSpace, Limits, Orientation};

use crate::common::probe;
use crate::writer::{DEFLATE, LZW, NONE, PACK_BITS, SHORT, Writer};
use crate::{as_is, entry, expected, sample};

#[test]
fn orientation_and_doubled_fields() {
    let with = |more| {
        let writer = Writer { more, ..Writer::default() };
        probe(Bytes::from(writer.write(|x, y, s| sample(8, x, y, s))), &Limits::default()).unwrap()
    };
    let six = with(vec![(274, SHORT, vec![6])]);
    assert_eq!(six.orientation, Orientation::from_exif(6).unwrap());
    assert_eq!(with(vec![(274, SHORT, vec![77])]).orientation, Orientation::NoTransforms);
    // Fields are sorted by their values as well: the larger one comes last, and counts.
    let doubled = with(vec![(274, SHORT, vec![3]), (274, SHORT, vec![8])]);
    assert_eq!(doubled.orientation, Orientation::from_exif(8).unwrap());
}

#[test]
fn byte_counts_may_be_missing() {
    for compression in [NONE, PACK_BITS, LZW, DEFLATE] {
        let writer = Writer { compression, chunk: (0, 2), ..Writer::default() };
        let mut bytes = writer.write(|x, y, s| sample(8, x, y, s));
        let at = entry(&bytes, 279);
        bytes[at..at + 2].fill(0xFF);
        let theirs = expected(writer.size, 3, |x, y, s| sample(8, x, y, s) as u8);
        assert!(as_is(&Bytes::from(bytes)).unwrap().as_bytes() == theirs, "{compression}");
    }
}

#[test]
fn profiles_and_packets_are_handed_out() {
    let bytes = |text: &str| text.bytes().map(u64::from).collect::<Vec<_>>();
    let more = vec![
        (34_675, 7, bytes("a profile")),
        (700, 1, bytes("<x:xmpmeta/>")),
        (33_723, 7, bytes("records of IPTC")),
    ];
    let writer = Writer { more, ..Writer::default() };
    let file = Bytes::from(writer.write(|x, y, s| sample(8, x, y, s)));
    let info = probe(file, &Limits::default()).unwrap();
    assert_eq!(info.color, ColorSpace::Icc(Bytes::from("a profile")));
    assert_eq!(info.metadata.xmp, Some(Bytes::from("<x:xmpmeta/>")));
    assert_eq!(info.metadata.iptc, Some(Bytes::from("records of IPTC")));
}

#[test]
fn fields_may_be_missing_or_of_another_type() {
    let pixel = |x, y, s| sample(8, x, y, s);
    let theirs = expected((7, 5), 3, |x, y, s| sample(8, x, y, s) as u8);
    let is_right = |bytes: Vec<u8>, what: &str| {
        let ours = as_is(&Bytes::from(bytes)).unwrap_or_else(|error| panic!("{error} {what}"));
        assert!(ours.as_bytes() == theirs, "{what}");
    };
    for compression in [NONE, LZW, DEFLATE, PACK_BITS] {
        let writer = Writer { compression, chunk: (0, 100), ..Writer::default() };
        let whole = writer.write(pixel);
        for tag in [277u16, 278, 279, 317, 339, 266, 284] {
            let mut bytes = whole.clone();
            let at = entry(&bytes, tag);
            bytes[at..at + 2].copy_from_slice(&0xFFFFu16.to_le_bytes());
            is_right(bytes, &format!("{compression} without {tag}"));
        }
        let mut bytes = whole.clone();
        let at = entry(&bytes, 279);
        bytes[at + 8..at + 12].fill(0);
        is_right(bytes, "with a length of 0");
        let mut bytes = whole.clone();
        let at = entry(&bytes, 278);
        bytes[at + 8..at + 12].fill(0xFF);
        is_right(bytes, "with endless strips");
    }
}
