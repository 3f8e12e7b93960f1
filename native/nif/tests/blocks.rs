//! The allocator without a VM: large blocks are from one that keeps count, and that aligns to 8
//! bytes and no more.

#[path = "../src/blocks.rs"]
mod blocks;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::Mutex;

use blocks::{BySize, LARGE_ALIGN, LARGE_BYTES, Large};

/// Blocks that are out, with their sizes.
static OUT: Mutex<Option<HashMap<usize, usize>>> = Mutex::new(None);

struct Counting;

fn around(size: usize) -> Layout {
    Layout::from_size_align(size + 64, 64).unwrap_or(Layout::new::<u8>())
}

impl Large for Counting {
    fn alloc(size: usize) -> *mut c_void {
        // SAFETY: the size is not zero.
        let block = unsafe { System.alloc(around(size)) };
        // Aligned to 8, and never to 16.
        let given = block.wrapping_add(LARGE_ALIGN).cast();
        let mut out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        out.get_or_insert_default().insert(block.addr() + LARGE_ALIGN, size);
        given
    }

    unsafe fn free(block: *mut c_void, size: usize) {
        let mut out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = out.get_or_insert_default().remove(&block.addr());
        assert!(
            known.is_some_and(|known| known >= size),
            "{known:?} bytes, of which {size} are freed"
        );
        // SAFETY: it was made in `alloc`, with this layout.
        unsafe {
            System.dealloc(block.cast::<u8>().wrapping_sub(LARGE_ALIGN), around(known.unwrap_or(0)))
        };
    }
}

fn is_out(block: *mut u8) -> bool {
    let out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    out.as_ref()
        .is_some_and(|out| out.keys().any(|&known| (known..known + 80).contains(&block.addr())))
}

#[test]
fn blocks_keep_what_is_in_them_across_the_two_allocators() {
    let allocator = BySize::<Counting>(PhantomData);
    let sizes = [1, 100, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 5 * LARGE_BYTES];
    for align in [1, 8, 16, 64] {
        for from in sizes {
            for to in sizes {
                let Ok(layout) = Layout::from_size_align(from, align) else {
                    unreachable!("a layout")
                };
                let Ok(moved) = Layout::from_size_align(to, align) else {
                    unreachable!("a layout")
                };
                // SAFETY: the size is not zero.
                let block = unsafe { allocator.alloc(layout) };
                assert!(
                    block.addr().is_multiple_of(align) && is_out(block) == (from >= LARGE_BYTES)
                );
                for i in 0..from {
                    // SAFETY: it is inside of the block.
                    unsafe { block.wrapping_add(i).write(i as u8) };
                }
                // SAFETY: the block has this layout, and the new size makes one.
                let block = unsafe { allocator.realloc(block, layout, to) };
                assert!(block.addr().is_multiple_of(align) && is_out(block) == (to >= LARGE_BYTES));
                for i in 0..from.min(to) {
                    // SAFETY: it is inside of the block.
                    let byte = unsafe { block.wrapping_add(i).read() };
                    assert_eq!(byte, i as u8, "{from} to {to}, {align}");
                }
                // SAFETY: the block has this layout by now.
                unsafe { allocator.dealloc(block, moved) };
            }
        }
        let Ok(zeros) = Layout::from_size_align(2 * LARGE_BYTES, align) else {
            unreachable!("a layout")
        };
        // SAFETY: the size is not zero.
        let block = unsafe { allocator.alloc_zeroed(zeros) };
        // SAFETY: the block has that many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(block, zeros.size()) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        // SAFETY: the block has this layout.
        unsafe { allocator.dealloc(block, zeros) };
    }
    let out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    assert_eq!(out.as_ref().map(HashMap::len), Some(0), "some blocks are still out");
}
