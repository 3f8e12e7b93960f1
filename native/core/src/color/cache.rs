//! Transforms that were made for pictures before: a thousand pictures of one camera have one
//! profile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Transform;
use crate::{ColorSpace, Layout, ProfileUse};

/// At most so many are kept, and with their profiles so many bytes.
const MOST: usize = 32;
const MOST_BYTES: u64 = 16 << 20;

/// The latest used is the last.
static CACHE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Entry {
    space: ColorSpace,
    layout: Layout,
    made: Made,
    hash: u64,
}

/// A transform, and whether it is the profile's.
pub(super) type Made = (Arc<Transform>, ProfileUse);

impl Entry {
    fn bytes(&self) -> u64 {
        let profile = match &self.space {
            ColorSpace::Icc(bytes) => bytes.len() as u64,
            _ => 0,
        };
        profile + Transform::bytes(&self.space, self.layout)
    }
}

fn entries() -> MutexGuard<'static, Vec<Entry>> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn get(space: &ColorSpace, layout: Layout) -> Option<Made> {
    let hash = hash(space);
    let mut entries = entries();
    let at = entries
        .iter()
        .rposition(|entry| entry.hash == hash && entry.layout == layout && entry.space == *space)?;
    let entry = entries.remove(at);
    let made = entry.made.clone();
    entries.push(entry);
    Some(made)
}

pub(super) fn put(space: &ColorSpace, layout: Layout, made: &Made) {
    // A profile that is a part of its file would keep all of that.
    let space = match space {
        ColorSpace::Icc(bytes) => ColorSpace::Icc(bytes::Bytes::copy_from_slice(bytes)),
        space => space.clone(),
    };
    let hash = hash(&space);
    let mut entries = entries();
    entries.retain(|entry| entry.hash != hash || entry.layout != layout || entry.space != space);
    entries.push(Entry { space, layout, made: made.clone(), hash });
    let mut dropped = Vec::new();
    while entries.len() > MOST || entries.iter().map(Entry::bytes).sum::<u64>() > MOST_BYTES {
        dropped.push(entries.remove(0));
    }
    drop(entries);
}

/// Tells profiles apart, most of which are as long as another. Those that it does not are compared.
fn hash(space: &ColorSpace) -> u64 {
    let ColorSpace::Icc(bytes) = space else { return 0 };
    let (words, rest) = bytes.as_chunks::<32>();
    let mut lanes = [bytes.len() as u64, 1, 2, 3];
    for word in words {
        for (lane, bytes) in lanes.iter_mut().zip(word.as_chunks::<8>().0) {
            *lane = mixed(*lane, u64::from_le_bytes(*bytes));
        }
    }
    let rest = rest.iter().fold(0, |hash, &byte| mixed(hash, byte.into()));
    lanes.into_iter().fold(rest, mixed)
}

fn mixed(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Depth;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let layout = Layout::new(3, Depth::U8);
        let space = |number: u16| ColorSpace::Measured {
            gamma: Some(f32::from(number)),
            chromaticities: None,
        };
        for number in 0..100 {
            put(&space(number), layout, &(Arc::new(Transform::None), ProfileUse::None));
            assert!(get(&space(number), layout).is_some());
            assert!(get(&space(number), Layout::new(1, Depth::U8)).is_none());
        }
        assert!(entries().len() <= MOST);
        assert!(get(&space(0), layout).is_none());
        let large = ColorSpace::Icc(vec![0; MOST_BYTES as usize / 3].into());
        put(&large, layout, &(Arc::new(Transform::None), ProfileUse::None));
        assert!(entries().iter().map(Entry::bytes).sum::<u64>() <= MOST_BYTES);
        assert!(get(&large, layout).is_some());
    }
}
