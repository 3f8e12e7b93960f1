//! The decoder against another one, on files of other encoders and of its own writer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broken;
mod writer;

use std::io::Cursor;

use bytes::Bytes;
use image_webp::{ColorType, WebPDecoder, WebPEncoder};
use proptest::prelude::*;

use thumbelina_codec::{Budget, Error as CodecError, Stop};

use self::writer::{BitWriter, Random, file, payload, plain};
use super::{Lossless, Start};
use crate::Error;
use crate::chunk::Chunk;

/// Where the payload of a file's only chunk is.
const AT: usize = 20;

/// The VP8L chunk of a file: its offset and payload.
fn chunk(file: &[u8]) -> Option<(usize, Bytes)> {
    let mut at = 12;
    loop {
        let header = file.get(at..at + 8)?;
        let len = u32::from_le_bytes(header[4..].try_into().ok()?) as usize;
        if &header[..4] == b"VP8L" {
            return Some((at + 8, Bytes::copy_from_slice(file.get(at + 8..at + 8 + len)?)));
        }
        at += 8 + len + (len & 1);
    }
}

/// A picture of a payload that the file may end within, and what it holds of a budget.
fn open(data: Bytes, budget: &Budget) -> Result<Lossless, Error> {
    let chunk = Chunk { data, at: AT, cut: true };
    Lossless::new(&chunk, &Start::read(&chunk)?, budget)
}

fn unlimited() -> Budget {
    Budget::new(u64::MAX)
}

/// All of the picture's rows, read in steps of so much work and so many rows.
fn decode(data: Bytes, rows: usize, work: usize) -> Result<Vec<u8>, Error> {
    let mut decoder = open(data, &unlimited())?;
    let (width, height) = decoder.size();
    let size = width as usize * height as usize * 4;
    let mut pixels = Vec::new();
    while pixels.len() < size {
        let mut left = work;
        if let Some(strip) = decoder.read(rows, &mut left, &Stop::new())? {
            assert!(!strip.is_empty() && strip.len() <= rows.saturating_mul(width as usize * 4));
            pixels.extend_from_slice(strip);
        }
    }
    assert_eq!(pixels.len(), size);
    Ok(pixels)
}

fn decode_all(data: Bytes) -> Result<Vec<u8>, Error> {
    decode(data, usize::MAX, usize::MAX)
}

/// What the other decoder makes of a file.
fn oracle(file: &[u8]) -> Vec<u8> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    pixels
}

/// A size that seldom is large, and sometimes is wide or high.
fn small_size(random: &mut Random) -> (usize, usize) {
    let [long, short] = [[40, 40], [300, 6], [3, 3]][random.below(3)];
    let (a, b) = (random.within(1, long), random.within(1, short));
    if random.one_in(2) { (a, b) } else { (b, a) }
}

fn small(seed: u64) -> Bytes {
    let (width, height) = small_size(&mut Random(seed ^ 0x5eed));
    payload(seed, width, height, false).into()
}

#[test]
fn drawn_files_decode_as_elsewhere() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1500);
    for seed in 0..seeds {
        let payload = small(seed);
        let ours =
            decode_all(payload.clone()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(ours == oracle(&file(&payload)), "seed {seed}");
    }
}

#[test]
fn pictures_larger_than_the_window_decode_as_elsewhere() {
    for (seed, width, height) in [(1, 1100, 2400), (2, 16383, 150), (3, 1500, 1500), (4, 1, 16383)]
    {
        let payload: Bytes = payload(seed, width, height, true).into();
        let ours =
            decode_all(payload.clone()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(ours == oracle(&file(&payload)), "seed {seed}");
        assert!(decode(payload, 3, 10_000) == Ok(ours), "seed {seed}");
    }
}

#[test]
fn pixels_without_transforms_are_as_drawn() {
    for seed in 0..500 {
        let (width, height) = small_size(&mut Random(seed));
        let (payload, pixels) = plain(seed, width, height);
        let rgba: Vec<u8> =
            pixels.iter().flat_map(|pixel| pixel.rotate_left(8).to_be_bytes()).collect();
        assert!(decode_all(payload.into()) == Ok(rgba), "seed {seed}");
    }
}

#[test]
fn every_cut_is_seen() {
    for seed in 0..150 {
        let payload = small(seed);
        for end in 0..payload.len().min(600) {
            let cut = decode_all(payload.slice(..end));
            assert_eq!(cut, Err(Error::Truncated { offset: AT + end }), "seed {seed} cut to {end}");
        }
    }
}

/// The encoder's pictures come back as they were.
#[test]
fn encoded_pictures_come_back() {
    let (width, height) = (97, 61);
    let mut random = Random(3);
    let noise: Vec<u8> = (0..width * height * 4).map(|_| random.below(256) as u8).collect();
    let smooth = |at: usize| (at / 4 % width * 2) as u8 ^ (at / 4 / width) as u8;
    let mixed: Vec<u8> =
        (0..noise.len()).map(|at| smooth(at).wrapping_add(noise[at] % 5)).collect();
    let flat = [1, 2, 3, 200].repeat(width * height);
    for pixels in [noise, mixed, flat] {
        let mut file = Vec::new();
        WebPEncoder::new(&mut file)
            .encode(&pixels, width as u32, height as u32, ColorType::Rgba8)
            .unwrap();
        let (_, payload) = chunk(&file).unwrap();
        assert!(decode_all(payload.slice(..)) == Ok(pixels.clone()));
        // The ALPH chunk has the same without the header.
        let mut headerless =
            Lossless::headerless(payload.slice(5..), AT, width as u32, height as u32, &unlimited())
                .unwrap();
        let rows = headerless.read(1, &mut usize::MAX.clone(), &Stop::new()).unwrap().unwrap();
        assert_eq!(rows, &pixels[..width * 4]);
    }
}

/// What is held is the budget's, and no less than the most of it will do.
#[test]
fn memory_is_the_budgets() {
    for seed in 0..300 {
        let payload = small(seed);
        let budget = unlimited();
        let mut decoder = open(payload.clone(), &budget).unwrap();
        let (width, height) = decoder.size();
        let mut rows = 0;
        while rows < height as usize {
            let strip = decoder.read(1, &mut 1, &Stop::new()).unwrap();
            rows += strip.map_or(0, |strip| strip.len() / 4 / width as usize);
            assert_eq!(decoder.held(), budget.held());
        }
        let most = decoder.held();
        drop(decoder);
        assert_eq!(budget.held(), 0);
        let limited = |most: u64| {
            let mut decoder = open(payload.clone(), &Budget::new(most))?;
            decoder.read(1, &mut usize::MAX.clone(), &Stop::new()).map(|_| ())
        };
        assert_eq!(limited(most), Ok(()), "seed {seed}");
        let allowed = most - 1;
        match limited(allowed).unwrap_err() {
            Error::Codec(CodecError::OverBudget { allowed: most, .. }) if most == allowed => {}
            error => panic!("seed {seed}: {error:?}"),
        }
    }
}

/// One call may read all groups of codes, or all of a small image, and is ended within.
#[test]
fn what_comes_before_the_pixels_is_stopped() {
    let payload: Bytes = payload(7, 2000, 2000, true).into();
    let stop = Stop::new();
    stop.ask();
    let mut decoder = open(payload, &unlimited()).unwrap();
    let mut work = usize::MAX;
    let result = decoder.read(1, &mut work, &stop).map(|_| ());
    assert_eq!(result, Err(Error::Codec(CodecError::Stopped)));
    assert!(usize::MAX - work < super::WORK_A_LOOK + super::MOST_WAITING, "{}", usize::MAX - work);
}

proptest! {
    #[test]
    fn steps_do_not_matter(seed: u64, rows in 1usize..20, work in 1usize..300) {
        let payload = small(seed);
        prop_assert!(decode(payload.clone(), rows, work) == decode_all(payload.clone()));
        prop_assert!(decode(payload.clone(), 1, 1) == decode_all(payload));
    }

    /// Damage leads to pixels or an error, whatever it is, and steps do not matter to it.
    #[test]
    fn damage_does_no_harm(seed: u64, hits: Vec<(u16, u8)>) {
        let mut payload = small(seed).to_vec();
        let len = payload.len();
        for (at, value) in hits {
            // Not the size: it may become very large.
            payload[5 + usize::from(at) % (len - 5)] = value;
        }
        let payload = Bytes::from(payload);
        prop_assert!(decode(payload.clone(), 2, 7) == decode_all(payload));
    }
}
