//! What the format does not allow, written bit by bit.

use super::writer::Code;
use super::*;

const CODE: &str = "a prefix code";

/// A payload of a picture so wide and one high that goes on with these (value, bits).
fn payload_of(width: usize, parts: &[(usize, usize)]) -> Bytes {
    let mut out = BitWriter::default();
    for &(value, bits) in [(0x2f, 8), (width - 1, 14), (0, 14), (0, 4)].iter().chain(parts) {
        out.put(value, bits);
    }
    out.put(0, 64);
    out.bytes.into()
}

/// What is wrong with it.
fn fault(width: usize, parts: &[(usize, usize)]) -> &'static str {
    match decode_all(payload_of(width, parts)) {
        Err(Error::Invalid { what, offset }) => {
            assert!(offset >= AT);
            what
        }
        other => panic!("{other:?}"),
    }
}

/// No transforms, no color cache, one group.
const PLAIN: [(usize, usize); 3] = [(0, 1), (0, 1), (0, 1)];

/// The code of one symbol.
fn single(symbol: usize) -> [(usize, usize); 2] {
    [(0b101, 3), (symbol, 8)]
}

#[test]
fn headers() {
    let good = payload_of(3, &[]);
    let decoder = open(good.clone(), &unlimited()).unwrap();
    assert_eq!(decoder.size(), (3, 1));
    for end in 0..5 {
        let error = open(good.slice(..end), &unlimited()).err();
        assert_eq!(error, Some(Error::Truncated { offset: AT + end }));
    }
    let with = |at: usize, value: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = value;
        open(bytes.into(), &unlimited())
    };
    let wrong = Some(Error::Invalid { what: "a VP8L chunk without its signature", offset: AT });
    assert_eq!(with(0, 0x2e).err(), wrong);
    assert_eq!(with(4, 0x20).err(), wrong);
    // Alpha is the container's business.
    assert!(with(4, 0x10).is_ok());
    for (width, height) in [(0, 1), (1, 0), (16385, 1), (1, 16385)] {
        let error = Lossless::headerless(good.clone(), AT, width, height, &unlimited()).err();
        assert_eq!(error, Some(Error::Invalid { what: "a size", offset: AT }));
    }
    assert_eq!(
        Lossless::headerless(good, AT, 16384, 16384, &unlimited()).unwrap().size(),
        (16384, 16384)
    );
}

#[test]
fn transforms_and_caches() {
    let subtract_green = [(1, 1), (2, 2)];
    assert_eq!(fault(1, &[subtract_green, subtract_green].concat()), "the same transform again");
    for bits in [0, 12, 15] {
        assert_eq!(fault(1, &[(0, 1), (1, 1), (bits, 4)]), "the size of a color cache");
    }
}

#[test]
fn codes() {
    // Code lengths are coded by lengths for 17, 18, 0 and 1.
    let normal = |lengths: [usize; 4]| {
        [&PLAIN[..], &[(0, 1), (0, 4)], &lengths.map(|length| (length, 3))].concat()
    };
    assert_eq!(fault(1, &normal([0, 0, 0, 0])), CODE);
    assert_eq!(fault(1, &normal([0, 0, 2, 2])), CODE);
    assert_eq!(fault(1, &normal([1, 1, 1, 0])), CODE);
    // Zeros and ones by one bit each, for three symbols and for none.
    let of = |ones: usize| [normal([0, 0, 1, 1]), vec![(0, 1), (ones, 64), (0, 256)]].concat();
    assert_eq!(fault(1, &of(0b111)), CODE);
    assert_eq!(fault(1, &of(0)), CODE);
    // All lengths are zero, which takes no bits.
    assert_eq!(fault(1, &normal([0, 0, 1, 0])), CODE);
    // As many lengths as symbols, and one more.
    let lengths = |count: usize| {
        [normal([0, 0, 1, 1]), vec![(1, 1), (4, 3), (count - 2, 10), (1, 64), (0, 256)]].concat()
    };
    assert_eq!(fault(1, &lengths(281)), "a number of code lengths");
    // Here it is the next code, of zeros, that is wrong.
    assert_eq!(fault(1, &lengths(280)), CODE);
    // Runs of 18 (1) and of 0 (0): three of 138 go beyond 280.
    let runs = [normal([0, 1, 1, 0]), vec![(0, 1), (255, 8), (255, 8), (255, 8)]].concat();
    assert_eq!(fault(1, &runs), "a run of code lengths");
    // A distance that does not exist is no symbol.
    let far = [&PLAIN[..], &single(1), &single(2), &single(3), &single(4), &single(40)].concat();
    assert_eq!(fault(1, &far), CODE);
}

#[test]
fn the_same_symbol_twice_takes_no_bits() {
    let twice = [(0b111, 3), (7, 8), (7, 8)];
    let parts = [&PLAIN[..], &twice, &single(5), &single(9), &single(255), &single(0)].concat();
    assert_eq!(decode_all(payload_of(2, &parts)), Ok([5, 7, 9, 255].repeat(2)));
}

#[test]
fn references_stay_in_the_picture() {
    // Green is 7 (0) or a copy of two pixels (1), from one pixel back, which is the second near
    // code.
    let decode = |width: usize, pixels: &[(usize, usize)]| {
        let mut lengths = vec![0; 280];
        (lengths[7], lengths[257]) = (1, 1);
        let mut out = BitWriter::default();
        for &(value, bits) in [(0x2f, 8), (width - 1, 14), (0, 14), (0, 4)].iter().chain(&PLAIN) {
            out.put(value, bits);
        }
        Code::new(lengths).write(&mut Random(1), &mut out);
        for &(value, bits) in
            [single(5), single(9), single(255), single(1)].as_flattened().iter().chain(pixels)
        {
            out.put(value, bits);
        }
        decode_all(out.bytes.into())
    };
    let fault = |result| matches!(result, Err(Error::Invalid { what: "a reference back", .. }));
    assert!(fault(decode(3, &[(1, 1)])));
    assert!(fault(decode(2, &[(0, 1), (1, 1)])));
    assert_eq!(decode(3, &[(0, 1), (1, 1)]), Ok([5, 7, 9, 255].repeat(3)));
}

/// A picture of 256 by 256 pixels, each 4 by 4 of which have a group of their own, whose code of
/// 2,048 symbols takes nine bytes.
#[test]
fn codes_are_in_proportion_to_bytes_and_pixels() {
    const SIDE: usize = 256;
    const GROUPS: usize = SIDE * SIDE / 16;
    // Lengths that are all the same, of so many symbols: a code of the one length, at its place in
    // the order of the specification.
    let all_of = |place: usize, symbols: usize, bits: usize| {
        let mut parts = vec![(0, 1), (place - 3, 4)];
        parts.extend((0..=place).map(|at| (usize::from(at == place), 3)));
        parts.extend([(1, 1), (bits / 2 - 1, 3), (symbols - 2, bits)]);
        parts
    };
    let nothing = [(1, 4); 1];
    let mut out = BitWriter::default();
    let put = |out: &mut BitWriter, parts: &[(usize, usize)]| {
        parts.iter().for_each(|&(value, bits)| out.put(value, bits));
    };
    put(&mut out, &[(0x2f, 8), (SIDE - 1, 14), (SIDE - 1, 14), (0, 4)]);
    // No transforms, a cache of 2^11 colors, groups for tiles of 4 by 4: an image without a cache.
    put(&mut out, &[(0, 1), (1, 1), (11, 4), (1, 1), (0, 3), (0, 1)]);
    // 256 symbols of 8 bits in green, 16 of 4 bits in red, and nothing else.
    put(&mut out, &all_of(11, 256, 8));
    put(&mut out, &all_of(6, 16, 4));
    (0..3).for_each(|_| put(&mut out, &nothing));
    let reversed =
        |value: usize, bits: usize| value.reverse_bits() >> (usize::BITS as usize - bits);
    for group in 0..GROUPS {
        put(&mut out, &[(reversed(group & 255, 8), 8), (reversed(group >> 8, 4), 4)]);
    }
    for _ in 0..GROUPS {
        put(&mut out, &all_of(14, 2048, 12));
        (0..4).for_each(|_| put(&mut out, &nothing));
    }
    out.put(0, 64);
    let bytes = Bytes::from(out.bytes);
    let length = bytes.len() as u64;
    match decode_all(bytes) {
        Err(Error::Work { needed, allowed }) => {
            assert!(
                needed > allowed && allowed < 2 * length + (SIDE * SIDE) as u64,
                "{needed} of {allowed}"
            );
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}
