//! Any bytes at all, in pieces of any sizes: the rows and the errors are those of the whole. The
//! last byte says how the others are cut. In `native/jpeg`:
//!
//!     cargo +nightly fuzz run pieces fuzz/corpus/pieces fuzz/corpus -- -create_missing_dirs=1
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Error, HeadersReader, OnDamage, Options, Scale};

/// So that every input is quick.
const MOST_PIXELS: u32 = 1 << 17;

/// An input that comes piece by piece, whenever more is needed.
struct Pieces {
    rest: Bytes,
    /// The next piece's size follows from it. Without one, all comes at once.
    seed: Option<u64>,
}

impl Pieces {
    fn feed(&mut self, input: &mut Input) {
        assert!(!input.is_finished(), "more is needed of an input that is finished");
        let size = self.seed.as_mut().map_or(usize::MAX, |seed| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1).rotate_left(23);
            // Many that are tiny, some that are not.
            1 + (*seed >> 8) as usize % (1 << (*seed % 11))
        });
        input.push(self.rest.split_to(size.min(self.rest.len())));
        if self.rest.is_empty() {
            input.finish();
        }
    }
}

/// All rows up to the end or the first error. `None` for pictures that are too large.
fn rows(bytes: &Bytes, options: &Options, seed: Option<u64>) -> Option<(Vec<u8>, Option<Error>)> {
    let (mut input, mut samples) = (Input::new(), Vec::new());
    let mut pieces = Pieces { rest: bytes.clone(), seed };
    let (stop, budget, mut reader) = (Stop::new(), Budget::new(64 << 20), HeadersReader::new());
    let context = Context { pool: None, stop: &stop, budget: &budget };
    let headers = loop {
        match reader.read(&mut input, &stop) {
            Ok(Poll::Ready(headers)) => break headers,
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => pieces.feed(&mut input),
            Err(error) => return Some((samples, Some(error))),
        }
    };
    if headers.header().width * headers.header().height > MOST_PIXELS {
        return None;
    }
    let mut decoder = match Decoder::start(headers, options, &budget) {
        Ok(decoder) => decoder,
        Err(error) => return Some((samples, Some(error))),
    };
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context) {
            Ok(Poll::Ready([])) => return Some((samples, None)),
            Ok(Poll::Ready(rows)) => samples.extend_from_slice(rows),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => pieces.feed(&mut input),
            Err(error) => return Some((samples, Some(error))),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let input = Bytes::copy_from_slice(data);
    let seed = data.last().map(|&last| u64::from(last) << 16 | 1);
    for scale in Scale::ALL {
        for on_damage in [OnDamage::Fail, OnDamage::Gray] {
            let dc_only = data.len().is_multiple_of(2);
            let options = Options { scale, dc_only, on_damage, ..Options::default() };
            let Some((whole, error)) = rows(&input, &options, None) else { return };
            let Some((pieces, pieces_error)) = rows(&input, &options, seed) else { return };
            assert_eq!(error, pieces_error, "{options:?}");
            assert!(whole == pieces, "{options:?}");
        }
    }
});
