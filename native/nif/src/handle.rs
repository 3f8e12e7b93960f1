//! The term that a job travels in: a resource that holds a pointer to it, and monitors the process
//! that waits for it. When the last reference is gone, the job is dropped.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use rustler::sys::{
    ErlNifEnv, ErlNifMonitor, ErlNifPid, enif_alloc_resource, enif_get_resource,
    enif_make_resource, enif_monitor_process, enif_release_resource,
};
use rustler::{Env, Term};

use crate::instance::job_type;
use crate::running::Running;

/// A job, and the term that keeps it.
#[derive(Clone, Copy)]
pub(crate) struct Handle<'a> {
    pub(crate) term: Term<'a>,
    pub(crate) running: &'a Running,
}

impl<'a> Handle<'a> {
    pub(crate) fn new(env: Env<'a>, running: Running) -> Option<Self> {
        // SAFETY: the type was opened when the module was loaded.
        let object = unsafe { enif_alloc_resource(job_type(env), size_of::<*mut Running>()) };
        if object.is_null() {
            return None;
        }
        let running = Box::into_raw(Box::new(running));
        // SAFETY: the object has room for a pointer, and the VM aligns it to a word.
        unsafe { object.cast::<*mut Running>().write(running) };
        // SAFETY: the object is of this library and has just been made.
        let term = unsafe { enif_make_resource(env.as_c_arg(), object) };
        // SAFETY: the environment is that of a call by this process. If it is dead already, there
        // is nothing to monitor, and the job ends when its term is dropped.
        unsafe { enif_monitor_process(env.as_c_arg(), object, env.pid().as_c_arg(), null_mut()) };
        // SAFETY: the term keeps the object now.
        unsafe { enif_release_resource(object) };
        // SAFETY: the term was made in this environment.
        let term = unsafe { Term::new(env, term) };
        // SAFETY: the term keeps the job for as long as its environment lives, which is 'a.
        Some(Handle { term, running: unsafe { &*running } })
    }

    /// `None` for a term that is no job.
    pub(crate) fn of(term: Term<'a>) -> Option<Self> {
        let env = term.get_env();
        let mut object: *const c_void = null();
        // SAFETY: the term is of this environment, and `object` is a place for the address.
        let is_job = unsafe {
            enif_get_resource(env.as_c_arg(), term.as_c_arg(), job_type(env), &mut object) != 0
        };
        if !is_job {
            return None;
        }
        // SAFETY: an object of this type holds a pointer that `new` wrote.
        let running = unsafe { object.cast::<*const Running>().read() };
        // SAFETY: the term keeps the job for as long as its environment lives, which is 'a.
        Some(Handle { term, running: unsafe { &*running } })
    }
}

/// The destructor of the resources.
pub(crate) unsafe extern "C" fn drop_job(env: *mut ErlNifEnv, object: *mut c_void) {
    // SAFETY: an object of this type holds a pointer that `new` wrote.
    let running = unsafe { object.cast::<*mut Running>().read() };
    // SAFETY: `new` made it of a box, and the VM destroys an object once.
    let running = unsafe { Box::from_raw(running) };
    // SAFETY: the VM calls this with an environment.
    unsafe {
        quietly(env, |env| {
            running.state().leave(env);
            drop(running);
        });
    }
}

/// What happens when the process dies that waits for a job.
pub(crate) unsafe extern "C" fn caller_is_down(
    env: *mut ErlNifEnv,
    object: *mut c_void,
    _caller: *const ErlNifPid,
    _monitor: *const ErlNifMonitor,
) {
    // SAFETY: an object of this type holds a pointer that `new` wrote.
    let running = unsafe { object.cast::<*const Running>().read() };
    // SAFETY: the VM keeps the object, and with it the job, during this call.
    let running = unsafe { &*running };
    // SAFETY: the VM calls this with an environment.
    unsafe {
        quietly(env, |env| {
            running.abandon(env);
        });
    }
}

/// Runs what may panic. Nobody is there to hear of it.
///
/// # Safety
/// To be called by a callback with its own `env`.
unsafe fn quietly(env: *mut ErlNifEnv, run: impl FnOnce(Env<'_>)) {
    let lifetime = ();
    // SAFETY: `env` is this call's, and no other `Env` has the lifetime of the local above.
    let env = unsafe { Env::new(&lifetime, env) };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(env)));
}
