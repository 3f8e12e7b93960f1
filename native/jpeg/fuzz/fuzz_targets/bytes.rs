//! Any bytes at all: no panic, no overflow, as many rows as there should be, and no call that does
//! more than its share. In `native/jpeg`:
//!
//!     cargo +nightly fuzz run bytes fuzz/corpus/bytes fuzz/corpus -- -create_missing_dirs=1
//!
//! What it finds goes to the first folder, which git ignores.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{
    Decoder, Header, Headers, HeadersReader, MOST_LOOKED_AT, OnDamage, Options, Scale,
};

/// So that every input is quick.
const MOST_PIXELS: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let input = Bytes::copy_from_slice(data);
    let nanos = Header::nanos(&input, 800_000);
    assert!(nanos <= 800_000 && nanos <= Header::nanos(&input, u64::MAX));
    let headers = headers(&input);
    if headers
        .as_ref()
        .is_some_and(|headers| headers.header().width * headers.header().height > MOST_PIXELS)
    {
        return;
    }
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, ..Options::default() };
            let Some(headers) = headers.clone() else { continue };
            let header = headers.header().clone();
            let budget = Budget::new(64 << 20);
            let Ok(decoder) = Decoder::start(headers, &options, &budget) else { continue };
            let scale = header.scale(scale);
            let size = (scale.apply(header.width), scale.apply(header.height));
            assert_eq!(decoder.size(), size);
            let samples = size.0 as usize * size.1 as usize * decoder.channels();
            if let Some(decoded) = step(decoder, &input, &header, &budget) {
                assert_eq!(decoded, samples);
            }
            let _ = header.icc();
            assert_eq!(budget.held(), 0);
        }
    }
});

/// Reads the headers by the smallest steps, each of which gets on by a byte at least.
fn headers(bytes: &Bytes) -> Option<Headers> {
    let (stop, mut input, mut reader) =
        (Stop::new(), Input::whole(bytes.clone()), HeadersReader::new());
    for _ in 0..=bytes.len() {
        match reader.read(&mut input, &stop) {
            Ok(Poll::Ready(headers)) => return Some(headers),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => unreachable!("all is there"),
            Err(_) => return None,
        }
    }
    unreachable!("it makes no progress")
}

/// Decodes by the smallest steps, and says how many samples there were.
fn step(mut decoder: Decoder, bytes: &Bytes, header: &Header, budget: &Budget) -> Option<usize> {
    let (mut input, stop) = (Input::whole(bytes.clone()), Stop::new());
    let context = Context { pool: None, stop: &stop, budget };
    let each: u64 = header.components.iter().map(|c| u64::from(c.horizontal * c.vertical)).sum();
    // A call for each bit at the most, some for each block, which each of many scans may pass with
    // others, and to hand over the rows.
    let bits = 8 * bytes.len() as u64;
    let most = 1_000 + bits + 16 * each * header.mcus() + 2 * u64::from(header.height);
    let (mut calls, mut samples) = (0, 0);
    loop {
        calls += 1;
        assert!(calls <= most, "{calls} calls");
        let before = decoder.looked_at();
        let read = decoder.read(&mut input, usize::MAX, 1, &context).map(|poll| match poll {
            Poll::Ready([]) => None,
            Poll::Ready(rows) => Some(rows.len()),
            Poll::Working => Some(0),
            Poll::NeedInput => unreachable!("all is there"),
        });
        assert!(decoder.looked_at() - before <= MOST_LOOKED_AT);
        match read {
            Ok(Some(more)) => samples += more,
            Ok(None) => return Some(samples),
            Err(_) => return None,
        }
    }
}
