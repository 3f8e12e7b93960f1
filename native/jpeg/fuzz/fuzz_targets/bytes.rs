//! Any bytes at all: no panic, no overflow, as many rows as there should be, and no call that does
//! more than its share. In `native/jpeg`:
//!
//!     cargo +nightly fuzz run bytes fuzz/corpus/bytes fuzz/corpus -- -create_missing_dirs=1
//!
//! What it finds goes to the first folder, which git ignores.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use thumbelina_jpeg::{Decoder, Effort, Header, MOST_LOOKED_AT, OnDamage, Options, Read, Scale};

/// So that every input is quick.
const MOST_PIXELS: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let input = Bytes::copy_from_slice(data);
    let nanos = Header::nanos(&input, 800_000);
    assert!(nanos <= 800_000 && nanos <= Header::nanos(&input, u64::MAX));
    let header = Header::read(input.clone());
    if header.as_ref().is_ok_and(|header| header.width * header.height > MOST_PIXELS) {
        return;
    }
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, max_memory: 64 << 20, ..Options::default() };
            let Ok(decoder) = Decoder::new(input.clone(), &options) else { continue };
            let header = header.as_ref().expect("what is decoded has a header");
            let size = (scale.apply(header.width), scale.apply(header.height));
            assert_eq!(decoder.size(), size);
            let samples = size.0 as usize * size.1 as usize * decoder.channels();
            if let Some(decoded) = step(decoder, header, data.len() as u64) {
                assert_eq!(decoded, samples);
            }
            let _ = header.icc();
        }
    }
});

/// Decodes by the smallest steps, and says how many samples there were.
fn step(mut decoder: Decoder, header: &Header, bytes: u64) -> Option<usize> {
    let each: u64 = header.components.iter().map(|c| u64::from(c.horizontal * c.vertical)).sum();
    // A call for each bit at the most, some for each block, which each of many scans may pass with
    // others, and to hand over the rows.
    let most = 1_000 + 8 * bytes + 16 * each * header.mcus() + 2 * u64::from(header.height);
    let (mut calls, mut samples) = (0, 0);
    loop {
        calls += 1;
        assert!(calls <= most, "{calls} calls");
        let before = decoder.looked_at();
        let read = decoder.read(usize::MAX, Effort::Mcus(1)).map(|read| match read {
            Read::Rows(rows) => Some(rows.len()),
            Read::Working => Some(0),
            Read::Done => None,
        });
        assert!(decoder.looked_at() - before <= MOST_LOOKED_AT);
        match read {
            Ok(Some(more)) => samples += more,
            Ok(None) => return Some(samples),
            Err(_) => return None,
        }
    }
}
