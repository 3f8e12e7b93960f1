//! An input in pieces.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every binary compiles this file and uses a part of it"
)]

use bytes::Bytes;

/// The bytes in pieces of the sizes that come.
pub fn pieces<'a>(
    bytes: &'a Bytes,
    mut size: impl FnMut() -> usize + 'a,
) -> impl Iterator<Item = Bytes> + 'a {
    let mut rest = bytes.clone();
    std::iter::from_fn(move || {
        let len = size().min(rest.len());
        (!rest.is_empty()).then(|| rest.split_to(len))
    })
}

/// From a byte to some kilobytes, the small ones as often as the large.
pub fn sizes_by_chance(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    let mut next = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    move || {
        let most = 1 << next(14);
        1 + next(most) as usize
    }
}
