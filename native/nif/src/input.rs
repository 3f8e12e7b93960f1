//! An Elixir binary that a job can keep: its bytes stay where they are, uncopied, for as long as the
//! job needs them, whatever becomes of the process that handed them in.

use bytes::Bytes;
use rustler::{Binary, OwnedEnv};

/// Binaries up to this long live on a process's heap and are copied with it; longer ones are
/// reference-counted. (`ERL_ONHEAP_BIN_LIMIT` of the VM.)
const HEAP_BINARY_BYTES: usize = 64;

pub(crate) fn pin(binary: Binary) -> Bytes {
    if binary.len() <= HEAP_BINARY_BYTES {
        return Bytes::copy_from_slice(&binary);
    }
    let keeper = OwnedEnv::new();
    let (start, len) = keeper.run(|env| {
        binary
            .to_term(env)
            .decode::<Binary>()
            .map_or((std::ptr::null(), 0), |kept| (kept.as_ptr(), kept.len()))
    });
    if start.is_null() {
        return Bytes::copy_from_slice(&binary);
    }
    Bytes::from_owner(Pinned { start, len, _keeper: keeper })
}

struct Pinned {
    start: *const u8,
    len: usize,
    /// Holds the term, and with it a reference to the binary.
    _keeper: OwnedEnv,
}

impl AsRef<[u8]> for Pinned {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `start` and `len` were read from a term of `_keeper`, which lives as long as `self`.
        // The binary is reference-counted (it is longer than any heap binary), so that its data
        // neither moves nor changes while that term refers to it; inspecting it has told the VM not
        // to append to it in place. Of a binary that does not start on a byte, the VM has made a
        // copy that belongs to `_keeper`'s environment.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

// SAFETY: the bytes behind `start` are never written to, and `_keeper` is only ever dropped: freeing
// a process-independent environment is allowed on any thread, and decrements an atomic count.
unsafe impl Send for Pinned {}
// SAFETY: a shared `Pinned` only allows reads of bytes that nobody writes to.
unsafe impl Sync for Pinned {}
