//! What belongs to one loaded version of the module.

use rustler::Env;
use rustler::sys::{ErlNifResourceType, enif_priv_data};

pub(crate) struct Instance {
    pub(crate) jobs: *const ErlNifResourceType,
}

/// The type of the resources of the module that a call is made in.
pub(crate) fn job_type(env: Env) -> *const ErlNifResourceType {
    // SAFETY: `env` is the environment of a call.
    let instance = unsafe { enif_priv_data(env.as_c_arg()) }.cast::<Instance>();
    // SAFETY: `library` has put it there, and it lives as long as the module is loaded.
    unsafe { (*instance).jobs }
}
