//! An Elixir binary that a job can keep: its bytes stay where they are, uncopied, for as long as
//! the job needs them, whatever becomes of the process that handed them in.

use bytes::Bytes;
use rustler::{Binary, NifResult, OwnedEnv, Term};

/// Binaries up to this long live on a process's heap and are copied with it; longer ones are
/// reference-counted. (`ERL_ONHEAP_BIN_LIMIT` of the VM.)
const HEAP_BINARY_BYTES: usize = 64;

/// Of a binary that does not start on a byte, the VM copies what is looked at: all of it, here.
/// Such a one belongs on a dirty scheduler.
pub(crate) fn pin(term: Term) -> NifResult<Bytes> {
    let keeper = OwnedEnv::new();
    let (start, len) = keeper.run(|env| {
        let kept: Binary = term.in_env(env).decode()?;
        Ok::<_, rustler::Error>((kept.as_ptr(), kept.len()))
    })?;
    if len <= HEAP_BINARY_BYTES {
        // SAFETY: the term that these bytes were read from is one of `keeper`'s, which lives on
        // here.
        return Ok(Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(start, len) }));
    }
    Ok(Bytes::from_owner(Pinned { start, len, _keeper: keeper }))
}

/// A piece of an input: as [`pin`] does, but for short ones, which are copied in less time.
pub(crate) fn copy_or_pin(term: Term) -> NifResult<Bytes> {
    let piece: Binary = term.decode()?;
    if piece.len() <= SHORT_PIECE_BYTES { Ok(Bytes::copy_from_slice(&piece)) } else { pin(term) }
}

/// Copied in about the time that it takes to keep a term.
const SHORT_PIECE_BYTES: usize = 8 << 10;

struct Pinned {
    start: *const u8,
    len: usize,
    /// Holds the term, and with it a reference to the binary.
    _keeper: OwnedEnv,
}

impl AsRef<[u8]> for Pinned {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `start` and `len` were read from a term of `_keeper`, which lives as long as
        // `self`. The binary is reference-counted (it is longer than any heap binary), so that its
        // data neither moves nor changes while that term refers to it; inspecting it has told the
        // VM not to append to it in place. Of a binary that does not start on a byte, the VM has
        // made a copy that belongs to `_keeper`'s environment.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

// SAFETY: the bytes behind `start` are never written to, and `_keeper` is only ever dropped:
// freeing a process-independent environment is allowed on any thread, and decrements an atomic
// count.
unsafe impl Send for Pinned {}
// SAFETY: a shared `Pinned` only allows reads of bytes that nobody writes to.
unsafe impl Sync for Pinned {}
