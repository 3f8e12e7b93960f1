//! Bits into bytes, the lowest first.

#[derive(Default)]
pub(super) struct Bits {
    waiting: u64,
    count: u32,
}

/// The most bits that may be put at once.
pub(super) const MAX_BITS: u32 = 60;

impl Bits {
    /// The lowest `count` of `bits`; those above must be 0. At most eight bytes are pushed.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: u32, out: &mut Vec<u8>) {
        debug_assert!(count <= MAX_BITS && bits >> count == 0);
        self.waiting |= bits << self.count;
        let filled = self.count + count;
        if filled < 64 {
            self.count = filled;
        } else {
            out.extend_from_slice(&self.waiting.to_le_bytes());
            // At most 60 bits filled the 64, so that 4 or more were waiting.
            self.waiting = bits >> (64 - self.count);
            self.count = filled - 64;
        }
    }

    /// What is left, filled up with zeros to a whole byte.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.waiting.to_le_bytes()[..self.count.div_ceil(8) as usize]);
        (self.waiting, self.count) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_out_as_they_went_in_one_by_one() {
        let mut seed = 1u64;
        let (mut bits, mut out, mut expected) = (Bits::default(), Vec::new(), Vec::new());
        for _ in 0..5_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let count = (seed >> 40) as u32 % (MAX_BITS + 1);
            let value = (seed ^ seed << 21) & ((1 << count) - 1);
            bits.put(value, count, &mut out);
            expected.extend((0..count).map(|bit| value >> bit & 1));
        }
        bits.finish(&mut out);
        assert_eq!(out.len(), expected.len().div_ceil(8));
        let read = |at: usize| u64::from(out[at / 8] >> (at % 8) & 1);
        assert!(expected.iter().enumerate().all(|(at, &bit)| read(at) == bit));
    }
}
