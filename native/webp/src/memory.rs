//! Memory whose size a file has a say in, for what is held of the budget already.

use thumbelina_codec::Error;

/// Room for so many elements, none of which is touched yet.
pub(crate) fn room<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    Ok(vec)
}

/// So many zeros.
pub(crate) fn zeroed(len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = room(len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}
