//! Large blocks that a normal scheduler has freed, and the thread that gives them back to the VM.
//!
//! They form a stack whose links stand in the blocks themselves: leaving one takes a write and an
//! exchange, and no memory.

use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread::{Builder, Thread};

use rustler::sys::{c_void, enif_free, enif_thread_type};

/// Smaller blocks are freed where they are: it takes no longer than waking a thread would.
const DEFERRED_BYTES: usize = 512 << 10;

/// What `enif_thread_type` calls a normal scheduler.
const NORMAL_SCHEDULER: i32 = 1;

struct Link {
    next: *mut Link,
}

static LEFT: AtomicPtr<Link> = AtomicPtr::new(null_mut());

/// Started by the first block that is left. `None` where the system refused.
static THREAD: OnceLock<Option<Thread>> = OnceLock::new();

/// Leaves a block to the thread, if it is large and this is a normal scheduler. `false` if not: the
/// block is still the caller's then.
///
/// # Safety
/// The block is one of `enif_alloc`'s, has at least `size` bytes, and is given up.
pub(crate) unsafe fn leave(block: *mut c_void, size: usize) -> bool {
    // SAFETY: it may be called on any thread.
    if size < DEFERRED_BYTES || unsafe { enif_thread_type() } != NORMAL_SCHEDULER {
        return false;
    }
    let start = || Builder::new().name("thumbelina-free".into()).spawn(free_for_ever).ok();
    let Some(thread) = THREAD.get_or_init(|| Some(start()?.thread().clone())) else { return false };
    let link = block.cast::<Link>();
    let mut next = LEFT.load(Ordering::Relaxed);
    loop {
        // SAFETY: the block is larger than a link and nobody else's, and `enif_alloc` aligns to a
        // word.
        unsafe { link.write(Link { next }) };
        match LEFT.compare_exchange_weak(next, link, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => break,
            Err(other) => next = other,
        }
    }
    thread.unpark();
    true
}

fn free_for_ever() {
    loop {
        let mut link = LEFT.swap(null_mut(), Ordering::Acquire);
        while !link.is_null() {
            // SAFETY: whoever left the block wrote this, and taking the stack made it this
            // thread's.
            let Link { next } = unsafe { link.read() };
            // SAFETY: it is a block of `enif_alloc`'s that was given up.
            unsafe { enif_free(link.cast()) };
            link = next;
        }
        std::thread::park();
    }
}
