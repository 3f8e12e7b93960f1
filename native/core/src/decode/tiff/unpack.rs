//! Samples that are no number of a machine: of less than a byte, or not of one, two, four or eight.

use super::directory::ByteOrder;

/// Eight samples of one bit, the first one in the lowest byte.
const ONES: [u64; 256] = {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut nth = 0;
        while nth < 8 {
            all[byte] |= ((byte as u64 >> (7 - nth)) & 1) << (8 * nth);
            nth += 1;
        }
        byte += 1;
    }
    all
};

/// Gives each of as many samples as there is room for whole bytes: one, two or four, the lowest
/// first. Those of three bytes have an order; others stand one bit behind the other, the highest
/// first.
pub(super) fn unpack(from: &[u8], bits: u32, order: ByteOrder, to: &mut [u8]) {
    match bits {
        1 => {
            let (eights, rest) = to.as_chunks_mut::<8>();
            let last = from.get(eights.len()).copied().unwrap_or(0);
            for (eight, &byte) in eights.iter_mut().zip(from) {
                *eight = ONES[usize::from(byte)].to_le_bytes();
            }
            let len = rest.len();
            rest.copy_from_slice(&ONES[usize::from(last)].to_le_bytes()[..len]);
        }
        2..=7 => numbers(from, bits, to.as_chunks_mut::<1>().0, |number| [number as u8]),
        9..=15 => {
            numbers(from, bits, to.as_chunks_mut().0, |number| (number as u16).to_le_bytes());
        }
        24 => {
            for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<3>().0) {
                let &[a, b, c] = from;
                *to = match order {
                    ByteOrder::Little => [a, b, c, 0],
                    ByteOrder::Big => [c, b, a, 0],
                };
            }
        }
        _ => numbers(from, bits, to.as_chunks_mut().0, u32::to_le_bytes),
    }
}

fn numbers<const N: usize>(
    from: &[u8],
    bits: u32,
    to: &mut [[u8; N]],
    write: impl Fn(u32) -> [u8; N],
) {
    let (mut held, mut count) = (0u64, 0);
    let mut bytes = from.iter();
    for to in to {
        while count < bits {
            held = held << 8 | u64::from(bytes.next().copied().unwrap_or(0));
            count += 8;
        }
        count -= bits;
        *to = write((held >> count) as u32 & (u32::MAX >> (32 - bits)));
    }
}

/// Undoes the differences of neighbors among unpacked samples of so many bits.
pub(super) fn add(row: &mut [u8], bits: u32, samples: usize) {
    fn each<const N: usize>(row: &mut [u8], bits: u32, samples: usize) {
        let number = |bytes: [u8; N]| {
            let mut wide = [0; 4];
            wide[..N].copy_from_slice(&bytes);
            u32::from_le_bytes(wide)
        };
        let row = row.as_chunks_mut::<N>().0;
        for index in samples..row.len() {
            let sum = number(row[index]).wrapping_add(number(row[index - samples]));
            let bytes = (sum & (u32::MAX >> (32 - bits))).to_le_bytes();
            row[index].copy_from_slice(&bytes[..N]);
        }
    }
    match bits {
        ..=8 => each::<1>(row, bits, samples),
        9..=16 => each::<2>(row, bits, samples),
        _ => each::<4>(row, bits, samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_any_number_of_bits_are_what_was_packed() {
        for bits in (1..32).filter(|bits| !matches!(bits, 8 | 16 | 24)) {
            let values: Vec<u32> = (0..19u32)
                .map(|i| i.wrapping_mul(0x9E37_79B1) & (u32::MAX >> (32 - bits)))
                .collect();
            let mut packed = vec![0u8; (19u32 * bits).div_ceil(8) as usize];
            for (place, value) in values.iter().enumerate() {
                for bit in 0..bits {
                    let at = place as u32 * bits + bit;
                    packed[at as usize / 8] |=
                        ((value >> (bits - 1 - bit) & 1) as u8) << (7 - at % 8);
                }
            }
            let bytes = bits.next_power_of_two().max(8) as usize / 8;
            let mut out = vec![0; 19 * bytes];
            unpack(&packed, bits, ByteOrder::Little, &mut out);
            let found: Vec<u32> = out
                .chunks(bytes)
                .map(|sample| sample.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
                .collect();
            assert_eq!(found, values, "{bits} bits");
        }
    }

    #[test]
    fn three_bytes_have_an_order() {
        let mut out = [9; 4];
        unpack(&[1, 2, 3], 24, ByteOrder::Little, &mut out);
        assert_eq!(out, [1, 2, 3, 0]);
        unpack(&[1, 2, 3], 24, ByteOrder::Big, &mut out);
        assert_eq!(out, [3, 2, 1, 0]);
    }
}
