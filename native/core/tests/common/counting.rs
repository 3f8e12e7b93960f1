//! An allocator that counts what a thread holds.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every binary compiles this file and uses a part of it"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use cpu_time::ThreadTime;

/// Counts what each thread holds.
pub struct Counting;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    static FREEING: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// On a node, a thread of its own gives blocks from this size on back to the system (`freed.rs`):
/// what that takes is no step's.
const LARGE_BYTES: usize = 512 << 10;

fn count(bytes: i64) {
    // A thread that ends has no counters any more.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: everything is the system's allocator's, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's layout has a size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: likewise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        let started = (layout.size() >= LARGE_BYTES).then(ThreadTime::now);
        // SAFETY: the block is from this allocator, with this layout.
        unsafe { System.dealloc(block, layout) }
        if let Some(started) = started {
            let _ = FREEING.try_with(|freeing| freeing.set(freeing.get() + started.elapsed()));
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it is moved, both blocks are there.
        count(size as i64);
        // SAFETY: as above, and the caller answers for the new size.
        let moved = unsafe { System.realloc(block, layout, size) };
        count(-(layout.size() as i64));
        moved
    }
}

/// What it returns, and the most bytes that this thread held on the way.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = LIVE.get();
    PEAK.set(before);
    let done = work();
    (done, (PEAK.get() - before).max(0) as u64)
}

/// What it returns, and what giving large blocks back took on the way.
pub fn freeing_of<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    FREEING.set(Duration::ZERO);
    let done = work();
    (done, FREEING.get())
}
