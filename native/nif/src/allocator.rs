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

use std::ffi::c_void;
use std::marker::PhantomData;

use rustler::sys::{enif_alloc, enif_free};

use crate::blocks::{BySize, Large};
use crate::freed;

#[global_allocator]
static ALLOCATOR: BySize<Vm> = BySize(PhantomData);

/// The VM's allocator.
struct Vm;

impl Large for Vm {
    fn alloc(size: usize) -> *mut c_void {
        // SAFETY: any size may be asked for.
        unsafe { enif_alloc(size) }
    }

    unsafe fn free(block: *mut c_void, size: usize) {
        // SAFETY: it is the VM's, of at least this size, and the caller gives it up.
        if !unsafe { freed::leave(block, size) } {
            // SAFETY: likewise.
            unsafe { enif_free(block) };
        }
    }
}
