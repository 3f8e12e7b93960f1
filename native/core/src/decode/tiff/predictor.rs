//! Undoes what rows were prepared with before they were packed.

use super::description::{Description, Predictor};
use super::directory::ByteOrder;

/// Undoes it in place. The bytes of floats, which stood apart, are in big-endian order afterwards;
/// that takes a `spare` row.
pub(super) fn undo(picture: &Description, row: &mut [u8], spare: &mut [u8]) {
    let samples = picture.chunk_samples();
    match picture.predictor {
        Predictor::None => {}
        // Those that share bytes are added once they do not.
        Predictor::Horizontal if picture.is_packed() => {}
        Predictor::Horizontal => undo_horizontal(row, picture.bits, samples, picture.order),
        Predictor::Float | Predictor::Planes => {
            if picture.predictor == Predictor::Float {
                add_bytes(row, samples);
            }
            let spare = &mut spare[..row.len()];
            spare.copy_from_slice(row);
            match picture.bits {
                16 => interleave::<2>(spare, row),
                24 => interleave::<3>(spare, row),
                32 => interleave::<4>(spare, row),
                _ => interleave::<8>(spare, row),
            }
        }
    }
}

/// Puts the bytes of each sample together.
fn interleave<const N: usize>(from: &[u8], to: &mut [u8]) {
    let (to, _) = to.as_chunks_mut::<N>();
    for (place, bytes) in from.chunks_exact(to.len().max(1)).take(N).enumerate() {
        for (sample, &byte) in to.iter_mut().zip(bytes) {
            sample[place] = byte;
        }
    }
}

fn undo_horizontal(row: &mut [u8], bits: u32, samples: usize, order: ByteOrder) {
    match (bits, order) {
        (8, _) => add_bytes(row, samples),
        (16, ByteOrder::Little) => {
            add(row, samples, |a, b| {
                u16::from_le_bytes(a).wrapping_add(u16::from_le_bytes(b)).to_le_bytes()
            });
        }
        (16, ByteOrder::Big) => {
            add(row, samples, |a, b| {
                u16::from_be_bytes(a).wrapping_add(u16::from_be_bytes(b)).to_be_bytes()
            });
        }
        (64, ByteOrder::Little) => {
            add(row, samples, |a, b| {
                u64::from_le_bytes(a).wrapping_add(u64::from_le_bytes(b)).to_le_bytes()
            });
        }
        (64, ByteOrder::Big) => {
            add(row, samples, |a, b| {
                u64::from_be_bytes(a).wrapping_add(u64::from_be_bytes(b)).to_be_bytes()
            });
        }
        (_, ByteOrder::Little) => {
            add(row, samples, |a, b| {
                u32::from_le_bytes(a).wrapping_add(u32::from_le_bytes(b)).to_le_bytes()
            });
        }
        (_, ByteOrder::Big) => {
            add(row, samples, |a, b| {
                u32::from_be_bytes(a).wrapping_add(u32::from_be_bytes(b)).to_be_bytes()
            });
        }
    }
}

fn add_bytes(row: &mut [u8], samples: usize) {
    match samples {
        1 => add_pixels::<1>(row),
        2 => add_pixels::<2>(row),
        3 => add_pixels::<3>(row),
        4 => add_pixels::<4>(row),
        _ => add(row, samples, |[a], [b]| [a.wrapping_add(b)]),
    }
}

/// The common case: the pixel on the left stays in registers.
fn add_pixels<const N: usize>(row: &mut [u8]) {
    let mut left = [0u8; N];
    let (pixels, rest) = row.as_chunks_mut::<N>();
    for pixel in pixels {
        for (sample, left) in pixel.iter_mut().zip(&mut left) {
            *left = sample.wrapping_add(*left);
            *sample = *left;
        }
    }
    for (sample, left) in rest.iter_mut().zip(left) {
        *sample = sample.wrapping_add(left);
    }
}

/// Adds to each sample of `B` bytes the one that stands so many samples before it.
fn add<const B: usize>(row: &mut [u8], samples: usize, sum: impl Fn([u8; B], [u8; B]) -> [u8; B]) {
    let row = row.as_chunks_mut::<B>().0;
    for index in samples..row.len() {
        row[index] = sum(row[index], row[index - samples]);
    }
}
