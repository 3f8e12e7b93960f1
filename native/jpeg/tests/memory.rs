//! What a decoder holds, counted: `Header::memory` says it beforehand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/decoding.rs"]
mod decoding;
#[path = "common/writer/mod.rs"]
mod writer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use decoding::{Decoding, Effort, header};
use thumbelina_codec::Poll;
use thumbelina_jpeg::{Options, Scale};
use writer::{Picture, Process, Scan, scripts};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grown(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator, as it came.
#[allow(unsafe_code, reason = "there is no other way to count")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a while.
        grown(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that are held at a time while `work` is done, on top of what was held before.
fn peak(work: impl FnOnce()) -> u64 {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    work();
    (PEAK.load(Ordering::Relaxed) - before) as u64
}

fn decode(input: &Bytes, options: &Options) {
    let mut decoding = Decoding::of(input.clone(), options).unwrap();
    assert_eq!(decoding.budget.held(), decoding.decoder.header().memory(options));
    while decoding.read(usize::MAX, Effort::Mcus(500)).unwrap() != Poll::Ready(&[]) {}
}

/// With blocks of all kinds, made of a few.
fn picture(width: u16, height: u16, sampling: &[(u8, u8)]) -> Picture {
    let few = Picture::random(7, 64, 64, sampling, 75);
    let mut picture = Picture::blank(width, height, sampling, 75);
    for (to, from) in picture.components.iter_mut().zip(few.components) {
        let blocks = from.blocks.iter().cycle();
        to.blocks.iter_mut().zip(blocks).for_each(|(to, from)| *to = *from);
    }
    picture
}

fn write(
    picture: &Picture,
    process: Process,
    scans: Vec<Scan>,
    arithmetic: bool,
    adobe: Option<u8>,
) -> Bytes {
    let arithmetic = arithmetic.then(writer::Conditioning::default);
    let options = writer::Options { process, scans, adobe, arithmetic, ..Default::default() };
    writer::write(picture, &options).into()
}

/// One test, as others would be counted with it.
#[test]
fn memory_is_said_beforehand() {
    const GRAY: &[(u8, u8)] = &[(1, 1)];
    const HALVED: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];
    const WIDE: &[(u8, u8)] = &[(2, 1), (1, 1), (1, 1)];
    const FULL: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1)];
    const CMYK: &[(u8, u8)] = &[(1, 1); 4];
    for (width, height) in [(16, 16), (1500, 900), (16_000, 100), (100, 16_000)] {
        for sampling in [GRAY, HALVED, WIDE, FULL, CMYK] {
            let picture = picture(width, height, sampling);
            let adobe = (sampling.len() == 4).then_some(2);
            for (process, scans, arithmetic) in [
                (Process::Baseline, scripts::interleaved(&picture), false),
                (Process::Extended, scripts::one_per_component(&picture), false),
                (Process::Progressive, scripts::progressive(&picture), false),
                (Process::Extended, scripts::interleaved(&picture), true),
                (Process::Progressive, scripts::progressive(&picture), true),
            ] {
                let file = write(&picture, process, scans, arithmetic, adobe);
                let found = header(file.clone()).unwrap();
                for scale in Scale::ALL {
                    // It makes no difference elsewhere.
                    let ways: &[bool] =
                        if process == Process::Progressive { &[true, false] } else { &[true] };
                    for &dc_only in ways {
                        let options = Options { scale, dc_only, ..Options::default() };
                        let (said, held) =
                            (found.memory(&options), peak(|| decode(&file, &options)));
                        let what =
                            format!("{width} by {height}, {sampling:?}, {process:?}, {options:?}");
                        assert!(held <= said, "{held} of {said}: {what}");
                        assert!(said <= held + held / 2 + (1 << 20), "{held} of {said}: {what}");
                    }
                }
            }
        }
    }
    lossless_pictures_take_rows();
    metadata_takes_next_to_nothing();
}

fn lossless_pictures_take_rows() {
    for size in [(16, 16), (1500, 900), (16_000, 10), (10, 16_000)] {
        for sampling in [&[(1, 1)][..], &[(1, 1); 3], &[(2, 2), (1, 1), (1, 1)]] {
            let picture = writer::Lossless::random(1, size, 8, sampling);
            let scans = (0..sampling.len()).map(|component| vec![component]).collect();
            for picture in [picture.clone(), writer::Lossless { scans, ..picture }] {
                let file = Bytes::from(picture.write());
                let found = header(file.clone()).unwrap();
                let options = Options::default();
                let (said, held) = (found.memory(&options), peak(|| decode(&file, &options)));
                let what = format!("{size:?}, {sampling:?}, {:?}", picture.scans);
                assert!(held <= said, "{held} of {said}: {what}");
                assert!(said <= held + held / 2 + (1 << 20), "{held} of {said}: {what}");
            }
        }
    }
}

fn metadata_takes_next_to_nothing() {
    let picture = picture(16, 16, &[(1, 1)]);
    let file = write(&picture, Process::Progressive, scripts::progressive(&picture), false, None);
    for segment in [
        &b"\xFF\xE2\0\x12ICC_PROFILE\0\x01\x02ab"[..],
        b"\xFF\xC4\0\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let many = segment.repeat(9_900);
        let front = Bytes::from([&file[..2], &many, &file[2..]].concat());
        let held = peak(|| drop(header(front.clone())));
        assert!(held < 4 << 10, "{held}");
        // Between scans, too.
        let at = file.windows(2).rposition(|two| two == [0xFF, 0xC4]).unwrap();
        let behind = Bytes::from([&file[..at], &many, &file[at..]].concat());
        for file in [front, behind] {
            let options = Options::default();
            let said = header(file.clone()).unwrap().memory(&options);
            assert!(peak(|| decode(&file, &options)) <= said);
        }
    }
}
