//! The library as the VM loads it: its functions, what happens when it is loaded or takes the place
//! of an older one, and the type of the resources that hold its jobs.
//!
//! `rustler::init!` would do, but it knows no upgrade: the VM refuses a new version of the module
//! then. Jobs of the old version go on in the old library. Each has a resource type of its own,
//! found through the private data of the module that a call is made in, so that two versions never
//! touch each other's jobs, be they from one file or from two.

use std::ffi::{CString, c_int, c_void};
use std::ptr::null;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use rustler::Nif;
use rustler::codegen_runtime::{ErlNifEntry, inventory};
use rustler::sys::{
    ErlNifEnv, ErlNifResourceFlags, ErlNifResourceTypeInit, ErlNifTerm, enif_open_resource_type_x,
};

use crate::handle;
use crate::instance::Instance;

const MODULE: &std::ffi::CStr = c"Elixir.Thumbelina.Native";

unsafe extern "C" fn load(env: *mut ErlNifEnv, data: *mut *mut c_void, _info: ErlNifTerm) -> c_int {
    // SAFETY: the VM calls this with the environment of loading, and a place for the private data.
    unsafe { install(env, data) }
}

unsafe extern "C" fn upgrade(
    env: *mut ErlNifEnv,
    data: *mut *mut c_void,
    _old: *mut *mut c_void,
    _info: ErlNifTerm,
) -> c_int {
    // SAFETY: as above.
    unsafe { install(env, data) }
}

unsafe extern "C" fn unload(_env: *mut ErlNifEnv, data: *mut c_void) {
    // SAFETY: `install` put a boxed instance there, and the VM unloads a module once.
    drop(unsafe { Box::from_raw(data.cast::<Instance>()) });
}

/// # Safety
/// To be called by `load` and `upgrade`, with their arguments.
unsafe fn install(env: *mut ErlNifEnv, data: *mut *mut c_void) -> c_int {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    // No type of an older version has this name, whether that is of this file or of another.
    let loads = LOADS.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let Ok(name) = CString::new(format!("job-{:x}-{loads}", now.as_nanos())) else { return 1 };
    let init = ErlNifResourceTypeInit {
        dtor: handle::drop_job as *const _,
        stop: null(),
        down: handle::caller_is_down as *const _,
    };
    let mut tried = ErlNifResourceFlags::ERL_NIF_RT_CREATE;
    // SAFETY: the environment is that of loading, and the functions are for what `handle` puts
    // into resources of this type.
    let jobs = unsafe {
        enif_open_resource_type_x(
            env,
            name.as_ptr(),
            &init,
            ErlNifResourceFlags::ERL_NIF_RT_CREATE,
            &mut tried,
        )
    };
    if jobs.is_null() {
        return 1;
    }
    // SAFETY: it is the place for the private data.
    unsafe { *data = Box::into_raw(Box::new(Instance { jobs })).cast() };
    0
}

struct Entry(ErlNifEntry);

// SAFETY: it is written once, and its pointers are to what lives for ever.
unsafe impl Send for Entry {}
// SAFETY: likewise.
unsafe impl Sync for Entry {}

fn entry() -> *const ErlNifEntry {
    static ENTRY: OnceLock<Entry> = OnceLock::new();
    let entry = ENTRY.get_or_init(|| {
        // A decoder that panics gives an error to its caller; the node's standard error is not
        // ours. The hook is that of this library's own copy of the standard library.
        std::panic::set_hook(Box::new(|_| {}));
        let functions: Vec<_> = inventory::iter::<Nif>().map(Nif::get_def).collect();
        let mut entry = ErlNifEntry::new(MODULE, functions.leak(), load);
        entry.upgrade = Some(upgrade);
        entry.unload = Some(unload);
        Entry(entry)
    });
    &entry.0
}

/// What the VM looks for in the library.
#[cfg(not(windows))]
#[unsafe(no_mangle)]
extern "C" fn nif_init() -> *const ErlNifEntry {
    // SAFETY: it is called before any other function of the VM's is.
    unsafe { rustler::codegen_runtime::internal_write_symbols() };
    entry()
}

#[cfg(windows)]
#[unsafe(no_mangle)]
extern "C" fn nif_init(
    callbacks: *mut rustler::codegen_runtime::DynNifCallbacks,
) -> *const ErlNifEntry {
    // SAFETY: they are the VM's, and it is called before any of them is.
    unsafe { rustler::codegen_runtime::internal_set_symbols(callbacks) };
    stay();
    entry()
}

/// Keeps the library in memory once it is loaded, as build.rs does elsewhere.
#[cfg(windows)]
fn stay() {
    unsafe extern "system" {
        fn GetModuleHandleExW(
            flags: u32,
            address: *const c_void,
            module: *mut *mut c_void,
        ) -> c_int;
    }
    const PIN: u32 = 1;
    const FROM_ADDRESS: u32 = 4;
    let mut module = std::ptr::null_mut();
    // SAFETY: the address is of a function of this library, and the handle has a place. Should it
    // fail, the library is unloaded with the module.
    unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, stay as *const c_void, &mut module) };
}
