use super::rgba;
use crate::{Error, Picture};

/// The longest side that the crate takes.
const MAX_SIDE: u32 = 100;

pub(super) fn hash(picture: &Picture) -> Result<Vec<u8>, Error> {
    let Picture { width, height, .. } = *picture;
    let pixels = rgba(picture)?;
    // It panics at anything else.
    if pixels.is_empty() || width > MAX_SIDE || height > MAX_SIDE {
        return Err(Error::Internal);
    }
    Ok(::thumbhash::rgba_to_thumb_hash(width as usize, height as usize, pixels.as_flattened()))
}
