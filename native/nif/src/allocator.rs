//! Where memory comes from: large blocks from the VM, so that they show in `:erlang.memory/0`, small ones from
//! the system.
//!
//! All threads but the normal schedulers share one instance of the VM's allocator, behind a lock (OTP 25). Two
//! decoders that take a block for each row on dirty schedulers spent half of their time waiting for each
//! other. The system's allocator keeps blocks for each thread, but gives large ones back to the kernel at
//! once, which the VM does not.

use std::alloc::{GlobalAlloc, Layout, System};

use rustler::EnifAllocator;

#[global_allocator]
static ALLOCATOR: BySize = BySize;

/// Blocks from this size on are the VM's. Few are taken for a picture, and they are most of its memory.
const LARGE_BYTES: usize = 32 << 10;

struct BySize;

impl BySize {
    fn is_large(size: usize) -> bool {
        size >= LARGE_BYTES
    }
}

// SAFETY: a block goes back to the allocator that it is from, as both are chosen by the size in its layout,
// which is the same in `alloc` and `dealloc`. Both allocators keep the contract.
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_large(layout.size()) {
            // SAFETY: the caller's layout has a size, as this function's contract asks of it.
            unsafe { EnifAllocator.alloc(layout) }
        } else {
            // SAFETY: likewise.
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::is_large(layout.size()) {
            // SAFETY: likewise.
            unsafe { EnifAllocator.alloc_zeroed(layout) }
        } else {
            // SAFETY: likewise.
            unsafe { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if Self::is_large(layout.size()) {
            // SAFETY: a block of this size is from this allocator, and the caller's layout is that of `alloc`.
            unsafe { EnifAllocator.dealloc(block, layout) }
        } else {
            // SAFETY: likewise.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !Self::is_large(layout.size().max(size)) {
            // SAFETY: it is from this allocator, and is to stay there.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that the new size makes a layout with the old alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller promises that it is not zero.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks have as many bytes, and one has just been made, so that they do not overlap.
            unsafe { block.copy_to_nonoverlapping(moved, layout.size().min(size)) };
            // SAFETY: the caller gives the block up, with its layout.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
