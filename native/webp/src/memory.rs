//! Memory whose size a file has a say in.

use crate::Error;

/// So many zeros, or an error if there is no room for them.
pub(crate) fn zeroed(len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Error::Memory { needed: len as u64, allowed: 0 })?;
    bytes.resize(len, 0);
    Ok(bytes)
}
