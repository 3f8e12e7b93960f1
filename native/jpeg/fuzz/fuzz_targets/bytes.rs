//! Any bytes at all: no panic, no overflow, and as many rows as there should be. In `native/jpeg`:
//!
//!     cargo +nightly fuzz run bytes fuzz/corpus/bytes fuzz/corpus -- -create_missing_dirs=1
//!
//! What it finds goes to the first folder, which git ignores.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thumbelina_jpeg::{Header, OnDamage, Options, Scale, decode};

/// So that every input is quick.
const MOST_PIXELS: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let input = bytes::Bytes::copy_from_slice(data);
    let _ = Header::lacks_height(&input);
    let header = Header::read(input.clone());
    if header.as_ref().is_ok_and(|header| header.width * header.height > MOST_PIXELS) {
        return;
    }
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Grey] {
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, max_memory: 64 << 20, ..Options::default() };
            let Ok(image) = decode(input.clone(), &options) else { continue };
            let header = header.as_ref().expect("what is decoded has a header");
            assert_eq!((image.width, image.height), (scale.apply(header.width), scale.apply(header.height)));
            let samples = image.width as usize * image.height as usize * image.channels;
            assert_eq!(image.samples.len(), samples);
            let _ = header.icc();
        }
    }
});
