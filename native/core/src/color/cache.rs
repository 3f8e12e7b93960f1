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

/// What was made for a color space of this [hash](hash()), if that is the same. Profiles may be
/// long, so that nobody waits while they are compared.
pub(super) fn get(space: &ColorSpace, layout: Layout, hash: u64) -> Option<Made> {
    let is_it = |entry: &Entry| entry.hash == hash && entry.layout == layout;
    let found = entries().iter().find(|entry| is_it(entry)).cloned()?;
    if found.space != *space {
        return None;
    }
    let mut entries = entries();
    if let Some(at) = entries.iter().position(is_it) {
        let entry = entries.remove(at);
        entries.push(entry);
    }
    Some(found.made)
}

pub(super) fn put(space: &ColorSpace, layout: Layout, hash: u64, made: &Made) {
    // A profile that is a part of its file would keep all of that.
    let space = match space {
        ColorSpace::Icc(bytes) => ColorSpace::Icc(bytes::Bytes::copy_from_slice(bytes)),
        space => space.clone(),
    };
    let mut entries = entries();
    let mut dropped = Vec::new();
    // One of each hash: whoever makes others of the same has them made anew, and compares one.
    dropped.extend(entries.extract_if(.., |entry| entry.hash == hash && entry.layout == layout));
    entries.push(Entry { space, layout, made: made.clone(), hash });
    while entries.len() > MOST || entries.iter().map(Entry::bytes).sum::<u64>() > MOST_BYTES {
        dropped.push(entries.remove(0));
    }
    drop(entries);
}

/// Tells color spaces apart, and profiles, most of which are as long as another.
pub(super) fn hash(space: &ColorSpace) -> u64 {
    match *space {
        ColorSpace::Srgb => 0,
        ColorSpace::AdobeRgb => 1,
        ColorSpace::Coded { primaries, transfer, full_range } => {
            [primaries, transfer, full_range.into()].into_iter().map(u64::from).fold(2, mixed)
        }
        ColorSpace::Measured { gamma, chromaticities } => {
            let numbers = gamma.into_iter().chain(chromaticities.into_iter().flatten());
            numbers.map(|number| number.to_bits().into()).fold(3, mixed)
        }
        ColorSpace::Icc(ref bytes) => {
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
    }
}

fn mixed(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Depth;

    fn keep(space: &ColorSpace, layout: Layout) {
        put(space, layout, hash(space), &(Arc::new(Transform::None), ProfileUse::None));
    }

    fn is_kept(space: &ColorSpace, layout: Layout) -> bool {
        get(space, layout, hash(space)).is_some()
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let layout = Layout::new(3, Depth::U8);
        let space = |number: u16| ColorSpace::Measured {
            gamma: Some(f32::from(number)),
            chromaticities: None,
        };
        for number in 0..100 {
            keep(&space(number), layout);
            assert!(is_kept(&space(number), layout));
            assert!(!is_kept(&space(number), Layout::new(1, Depth::U8)));
        }
        assert!(entries().len() <= MOST);
        assert!(!is_kept(&space(0), layout));
        let large = ColorSpace::Icc(vec![0; MOST_BYTES as usize / 3].into());
        keep(&large, layout);
        assert!(entries().iter().map(Entry::bytes).sum::<u64>() <= MOST_BYTES);
        assert!(is_kept(&large, layout));
    }

    #[test]
    fn profiles_of_one_hash_are_not_taken_for_each_other() {
        let layout = Layout::new(4, Depth::F32);
        let [first, second] = [b"first", b"other"].map(|name| ColorSpace::Icc(name[..].into()));
        let made = (Arc::new(Transform::Lab), ProfileUse::Applied);
        put(&first, layout, 7, &made);
        assert!(get(&first, layout, 7).is_some());
        assert!(get(&second, layout, 7).is_none());
        put(&second, layout, 7, &made);
        assert!(get(&second, layout, 7).is_some());
        assert!(get(&first, layout, 7).is_none());
        let found = |entries: &[Entry]| entries.iter().filter(|entry| entry.hash == 7).count();
        assert_eq!(found(&entries()), 1);
    }
}
