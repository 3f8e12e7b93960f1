//! Where memory comes from: large blocks from the VM, so that they show in `:erlang.memory/0`,
//! small ones from the system.
//!
//! All threads but the normal schedulers share one instance of the VM's allocator, behind a lock
//! (OTP 25). Two decoders that take a block for each row on dirty schedulers spent half of their
//! time waiting for each other. The system's allocator keeps blocks for each thread, but gives
//! large ones back to the kernel at once, which the VM does not.
//!
//! Giving pages back takes the kernel 0.1 to 0.2 ms a megabyte. A normal scheduler has no such
//! time, so that large blocks that it frees are left to a thread of their own (`freed`).

use std::alloc::{GlobalAlloc, Layout, System};

use rustler::sys::{c_void, enif_alloc, enif_free};

use crate::freed;

#[global_allocator]
static ALLOCATOR: BySize = BySize;

/// Blocks from this size on are the VM's. Few are taken for a picture, and they are most of its
/// memory.
const LARGE_BYTES: usize = 32 << 10;

/// What `enif_alloc` aligns to.
const VM_ALIGN: usize = 8;

struct BySize;

impl BySize {
    fn is_large(size: usize) -> bool {
        size >= LARGE_BYTES
    }
}

/// A block of the VM's for a layout that may want more alignment than the VM gives: the address
/// that the VM gave stands right before it then. Null where there is no memory.
fn take(layout: Layout) -> *mut u8 {
    let aligned = layout.align() > VM_ALIGN;
    let padding = if aligned { layout.align() + size_of::<usize>() } else { 0 };
    let Some(size) = layout.size().checked_add(padding) else { return std::ptr::null_mut() };
    // SAFETY: any size may be asked for.
    let given = unsafe { enif_alloc(size) }.cast::<u8>();
    if given.is_null() || !aligned {
        return given;
    }
    let earliest = given.wrapping_add(size_of::<usize>());
    let block = earliest.wrapping_add(earliest.align_offset(layout.align()));
    let before = block.wrapping_sub(size_of::<usize>()).cast::<usize>();
    // SAFETY: the block starts at least a `usize` behind `given` and is aligned to more than one,
    // so that this place is inside of what was given, and aligned.
    unsafe { before.write(given.expose_provenance()) };
    block
}

/// The address that the VM gave for a block of [`take`].
///
/// # Safety
/// `block` is from `take`, with this layout.
unsafe fn given(block: *mut u8, layout: Layout) -> *mut c_void {
    if layout.align() <= VM_ALIGN {
        return block.cast();
    }
    let before = block.wrapping_sub(size_of::<usize>()).cast::<usize>();
    // SAFETY: `take` wrote it there.
    std::ptr::with_exposed_provenance_mut(unsafe { before.read() })
}

// SAFETY: a block goes back to the allocator that it is from, as both are chosen by the size in its
// layout, which is the same in `alloc` and `dealloc`. Both allocators keep the contract.
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_large(layout.size()) {
            take(layout)
        } else {
            // SAFETY: the caller's layout has a size, as this function's contract asks of it.
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !Self::is_large(layout.size()) {
            // SAFETY: likewise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let block = take(layout);
        if !block.is_null() {
            // SAFETY: the block has that many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !Self::is_large(layout.size()) {
            // SAFETY: a block of this size is from this allocator, and the caller's layout is that
            // of `alloc`.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: a block of this size is from `take`, and the caller's layout is that of `alloc`.
        let given = unsafe { given(block, layout) };
        // SAFETY: it is the VM's, of at least the layout's size, and the caller gives it up.
        if !unsafe { freed::leave(given, layout.size()) } {
            // SAFETY: likewise.
            unsafe { enif_free(given) };
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
            // SAFETY: both blocks have as many bytes, and one has just been made, so that they do
            // not overlap.
            unsafe { block.copy_to_nonoverlapping(moved, layout.size().min(size)) };
            // SAFETY: the caller gives the block up, with its layout.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
