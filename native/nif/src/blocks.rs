//! An allocator made of two: small blocks are the system's, large ones come from somewhere else,
//! which may align to less than is asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;

/// Where large blocks come from.
pub(crate) trait Large {
    /// A block aligned to [`LARGE_ALIGN`], or null where there is no memory.
    fn alloc(size: usize) -> *mut c_void;

    /// # Safety
    /// The block is one of `alloc`'s, has at least `size` bytes, and is given up.
    unsafe fn free(block: *mut c_void, size: usize);
}

/// Blocks from this size on are large. Few are taken for a picture, and they are most of its
/// memory.
pub(crate) const LARGE_BYTES: usize = 32 << 10;

pub(crate) const LARGE_ALIGN: usize = 8;

pub(crate) struct BySize<L>(pub(crate) std::marker::PhantomData<L>);

impl<L: Large> BySize<L> {
    fn is_large(size: usize) -> bool {
        size >= LARGE_BYTES
    }
}

/// A large block for a layout that may want more alignment than it has: the address that was given
/// stands right before it then. Null where there is no memory.
fn take<L: Large>(layout: Layout) -> *mut u8 {
    let aligned = layout.align() > LARGE_ALIGN;
    let padding = if aligned { layout.align() + size_of::<usize>() } else { 0 };
    let Some(size) = layout.size().checked_add(padding) else { return std::ptr::null_mut() };
    let given = L::alloc(size).cast::<u8>();
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

/// The address that was given for a block of [`take`].
///
/// # Safety
/// `block` is from `take`, with this layout.
unsafe fn given(block: *mut u8, layout: Layout) -> *mut c_void {
    if layout.align() <= LARGE_ALIGN {
        return block.cast();
    }
    let before = block.wrapping_sub(size_of::<usize>()).cast::<usize>();
    // SAFETY: `take` wrote it there.
    std::ptr::with_exposed_provenance_mut(unsafe { before.read() })
}

// SAFETY: a block goes back to the allocator that it is from, as both are chosen by the size in its
// layout, which is the same in `alloc` and `dealloc`. Both allocators keep the contract.
unsafe impl<L: Large> GlobalAlloc for BySize<L> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_large(layout.size()) {
            take::<L>(layout)
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
        let block = take::<L>(layout);
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
        // SAFETY: it has at least the layout's size, and the caller gives it up.
        unsafe { L::free(given, layout.size()) };
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
