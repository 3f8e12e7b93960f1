//! The inner loops, for what each machine can do.
//!
//! A transform is exact up to where its definition rounds, whatever the coefficients: dequantized
//! values wrap to 16 bits, the first pass saturates to 16 bits, and with that no sum of products
//! leaves 32 bits. So there is one right answer even for nonsense, and every machine gives it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse41;

pub(crate) use scalar::{idct1, idct2};

/// The inner loops, chosen once for the machine. Every choice gives the same samples.
///
/// Wrong lengths are a caller's mistake. They cost samples, never memory safety.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    /// The 8x8 inverse transform of coefficients (row by row) times their quantizers, as the IJG's
    /// accurate integer method defines it. Writes 8 rows of 8 samples, `stride` bytes apart.
    pub idct8: fn(coefficients: &[i16; 64], quantizers: &[i16; 64], out: &mut [u8], stride: usize),
    /// The same for half the size: the four-point transform of the 4x4 lowest coefficients.
    pub idct4: fn(coefficients: &[i16; 16], quantizers: &[i16; 16], out: &mut [u8], stride: usize),
    /// Twice the width: each sample becomes two, a quarter of the way to its neighbors. An odd
    /// `out` goes without the last one.
    pub upsample_h2: fn(input: &[u8], out: &mut [u8]),
    /// Twice the width of a row between two: a quarter of the way from `near` to `far`.
    pub upsample_h2v2: fn(near: &[u8], far: &[u8], out: &mut [u8]),
    /// A row a quarter of the way from `near` to `far`. `bias` is what is added before the
    /// division: 1 if `far` is above, 2 if it is below.
    pub upsample_v2: fn(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]),
    /// JFIF's colors to interleaved RGB, as the IJG's tables of 16 fractional bits have it.
    #[expect(clippy::type_complexity, reason = "three planes in, pixels out")]
    pub ycc_to_rgb: fn(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]),
}

impl Kernels {
    /// The fastest that this machine can run.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                return avx2::KERNELS;
            }
            if std::arch::is_x86_feature_detected!("sse4.1") {
                return sse41::KERNELS;
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            return neon::KERNELS;
        }
        Self::scalar()
    }

    pub(crate) fn scalar() -> Self {
        scalar::KERNELS
    }

    /// Those that this machine can run.
    #[cfg(test)]
    fn all() -> Vec<(&'static str, Kernels)> {
        let mut all = vec![("scalar", scalar::KERNELS)];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("sse4.1") {
                all.push(("sse41", sse41::KERNELS));
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                all.push(("avx2", avx2::KERNELS));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            all.push(("neon", neon::KERNELS));
        }
        all
    }
}

/// The fractional bits of the transforms' factors.
const FACTOR_BITS: i32 = 13;
/// The fractional bits that samples keep between the passes.
const BETWEEN_BITS: i32 = 2;
const FIRST_SHIFT: i32 = FACTOR_BITS - BETWEEN_BITS;
/// Each pass leaves samples larger by the square root of 8.
const SECOND_SHIFT: i32 = FACTOR_BITS + BETWEEN_BITS + 3;
/// Added (saturating) to the DC coefficient, which is eight times the mean: 128, because samples
/// are unsigned, and the half that rounds. It comes through both passes exactly, so this is all
/// there is to add.
const LEVEL: i16 = 8 * 128 + 4;

/// The factors of coefficients 0 to 3 in the sums that are the four-point transform.
const FOUR_POINT: [[i16; 4]; 4] = factors(true);
/// The factors of coefficients 1, 3, 5 and 7 in the sums that are the odd half of the eight-point
/// transform.
const ODD_HALF: [[i16; 4]; 4] = factors(false);

/// What a plain transform makes of single ones. Vectors multiply and add faster than they share
/// work, so they take the sums multiplied out.
const fn factors(even: bool) -> [[i16; 4]; 4] {
    let mut factors = [[0; 4]; 4];
    let mut coefficient = 0;
    while coefficient < 4 {
        let mut single = [0; 4];
        single[coefficient] = 1;
        let sums = if even { scalar::four_point(single) } else { scalar::odd_half(single) };
        let mut sum = 0;
        while sum < 4 {
            factors[sum][coefficient] = sums[sum] as i16;
            sum += 1;
        }
        coefficient += 1;
    }
    factors
}

/// The factors of Cr in red and of Cb in blue, which make the table's values of doubled differences
/// when a product is rounded to 15 bits less.
const CR_TO_RED: i16 = 22_971;
const CB_TO_BLUE: i16 = 29_033;
/// The factors of doubled differences in green, of 16 fractional bits.
const CB_TO_GREEN: i16 = -11_277;
const CR_TO_GREEN: i16 = -23_401;

/// Writes a block's rows, if they fit.
#[inline]
fn write_block<const N: usize>(rows: [[u8; N]; N], out: &mut [u8], stride: usize) {
    debug_assert!(stride >= N && out.len() >= (N - 1) * stride + N);
    for (row, out) in rows.into_iter().zip(out.chunks_mut(stride.max(1))) {
        if let Some(out) = out.first_chunk_mut() {
            *out = row;
        }
    }
}

/// How many samples of a row to double, and how many that makes.
fn doubled(input: usize, out: usize) -> (usize, usize) {
    debug_assert!(out == 2 * input || out + 1 == 2 * input);
    let columns = input.min(out.div_ceil(2));
    (columns, out.min(2 * columns))
}

/// Runs over rows in vectors of `N` samples, of which each set becomes `M` vectors of `out`. The
/// last set overlaps the one before it; `false` if the rows are too short for one.
///
/// Always inlined, so that `kernel` may use what instructions its caller may.
#[inline(always)]
fn in_vectors<const ROWS: usize, const N: usize, const M: usize>(
    rows: [&[u8]; ROWS],
    out: &mut [u8],
    kernel: impl Fn([&[u8; N]; ROWS], &mut [[u8; N]; M]),
) -> bool {
    let mut last = [&[0; N]; ROWS];
    for (last, row) in last.iter_mut().zip(rows) {
        match row.last_chunk() {
            Some(chunk) => *last = chunk,
            None => return false,
        }
    }
    let chunks = rows.map(|row| row.as_chunks::<N>().0);
    let (out_vectors, _) = out.as_chunks_mut::<N>();
    let (out_sets, _) = out_vectors.as_chunks_mut::<M>();
    let sets = chunks.iter().fold(out_sets.len(), |sets, chunks| sets.min(chunks.len()));
    for (set, out) in out_sets.iter_mut().take(sets).enumerate() {
        kernel(chunks.map(|chunks| &chunks[set]), out);
    }
    match out.as_rchunks_mut::<N>().1.last_chunk_mut() {
        Some(out) => kernel(last, out),
        None => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, SQRT_2};

    use super::*;

    /// Xorshift: the same numbers every time.
    struct Random(u64);

    impl Random {
        fn new() -> Self {
            Random(0x9E37_79B9_7F4A_7C15)
        }

        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 >> 8
        }

        fn below(&mut self, end: u64) -> usize {
            (self.next() % end) as usize
        }

        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| self.next() as u8).collect()
        }

        /// A block of any words, of few that are not zero, of extreme ones, or of small ones.
        fn words<const LEN: usize>(&mut self) -> [i16; LEN] {
            const EXTREMES: [i16; 8] =
                [i16::MIN, i16::MIN + 1, -1, 0, 1, 2, i16::MAX - 1, i16::MAX];
            let kind = self.below(5);
            let share = 1 + self.below(20);
            std::array::from_fn(|_| match kind {
                0 => self.next() as i16,
                1 if self.below(20) < share => self.next() as i16,
                2 if self.below(20) < share => self.next() as i16 % 64,
                3 => EXTREMES[self.below(8)],
                4 => self.next() as i16 % 2048,
                _ => 0,
            })
        }

        /// Coefficients as an encoder makes them of 8x8 samples, and their quantizers.
        fn picture(&mut self) -> ([i16; 64], [i16; 64]) {
            let coarseness = 1 + self.below(60) as u64;
            let quantizers: [i16; 64] = std::array::from_fn(|_| 1 + self.below(coarseness) as i16);
            let noise = 1 + self.below(256) as u64;
            let (slope_x, slope_y) = (self.below(64) as i32 - 32, self.below(64) as i32 - 32);
            let base = self.below(256) as i32;
            let samples: [f64; 64] = std::array::from_fn(|at| {
                let slope = slope_x * (at as i32 % 8) + slope_y * (at as i32 / 8);
                f64::from((base + slope + self.below(noise) as i32).clamp(0, 255) - 128)
            });
            let coefficients = std::array::from_fn(|at| {
                let (u, v) = (at % 8, at / 8);
                let sum: f64 =
                    (0..64).map(|at| samples[at] * basis(8, u, at % 8) * basis(8, v, at / 8)).sum();
                (sum / 8.0 / f64::from(quantizers[at])).round() as i16
            });
            (coefficients, quantizers)
        }
    }

    /// The function of the `n`-point transform that coefficient `u` multiplies, at sample `x`. A DC
    /// coefficient is eight times the mean, however many samples there are.
    fn basis(n: usize, u: usize, x: usize) -> f64 {
        let scale = if u == 0 { 1.0 } else { SQRT_2 };
        scale * ((2 * x + 1) as f64 * u as f64 * PI / (2 * n) as f64).cos()
    }

    /// Whether samples are what the exact transform of the `n` by `n` lowest coefficients says,
    /// give or take one.
    fn is_close(
        samples: &[u8],
        n: usize,
        coefficients: &[i16; 64],
        quantizers: &[i16; 64],
    ) -> bool {
        (0..n * n).all(|at| {
            let sum: f64 = (0..n * n)
                .map(|c| {
                    let (u, v) = (c % n, c / n);
                    let value =
                        f64::from(coefficients[8 * v + u]) * f64::from(quantizers[8 * v + u]);
                    value * basis(n, u, at % n) * basis(n, v, at / n)
                })
                .sum();
            let exact = (sum / 8.0 + 128.0).clamp(0.0, 255.0);
            (f64::from(samples[at]) - exact.round()).abs() <= 1.0
        })
    }

    fn lowest<const LEN: usize>(n: usize, block: &[i16; 64]) -> [i16; LEN] {
        std::array::from_fn(|at| block[at / n * 8 + at % n])
    }

    /// What is written in the middle of something else, and all of that.
    fn written(len: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut out: Vec<u8> = (0..64 + len).map(|at| at as u8 ^ 0x5A).collect();
        write(&mut out[32..32 + len]);
        out
    }

    #[test]
    fn transforms_are_the_same_everywhere() {
        let mut random = Random::new();
        let scalar = Kernels::scalar();
        for (name, kernels) in Kernels::all() {
            for round in 0..12_000 {
                let (coefficients, quantizers) = match round % 3 {
                    0 => random.picture(),
                    1 => (random.words(), [1; 64]),
                    _ => (random.words(), random.words()),
                };
                let stride = 8 + random.below(9);
                let len = 7 * stride + 8;
                let expected =
                    written(len, |out| (scalar.idct8)(&coefficients, &quantizers, out, stride));
                let found =
                    written(len, |out| (kernels.idct8)(&coefficients, &quantizers, out, stride));
                assert!(found == expected, "{name} differs in round {round} of idct8");

                let coefficients: [i16; 16] = lowest(4, &coefficients);
                let quantizers: [i16; 16] = lowest(4, &quantizers);
                let stride = 4 + random.below(9);
                let len = 3 * stride + 4;
                let expected =
                    written(len, |out| (scalar.idct4)(&coefficients, &quantizers, out, stride));
                let found =
                    written(len, |out| (kernels.idct4)(&coefficients, &quantizers, out, stride));
                assert!(found == expected, "{name} differs in round {round} of idct4");
            }
        }
    }

    #[test]
    fn transforms_are_as_exact_as_they_should_be() {
        let mut random = Random::new();
        for round in 0..1_500 {
            let (coefficients, quantizers) = random.picture();
            let close = |samples: &[u8], n| is_close(samples, n, &coefficients, &quantizers);
            for (name, kernels) in Kernels::all() {
                let mut samples = [0; 64];
                (kernels.idct8)(&coefficients, &quantizers, &mut samples, 8);
                assert!(close(&samples, 8), "{name} is off in round {round} of idct8");
                let mut samples = [0; 16];
                (kernels.idct4)(
                    &lowest(4, &coefficients),
                    &lowest(4, &quantizers),
                    &mut samples,
                    4,
                );
                assert!(close(&samples, 4), "{name} is off in round {round} of idct4");
            }
            let samples = idct2(&lowest(2, &coefficients), &lowest(2, &quantizers));
            assert!(close(&samples, 2), "idct2 is off in round {round}");
            assert!(
                close(&[idct1(coefficients[0], quantizers[0])], 1),
                "idct1 is off in round {round}"
            );
        }
    }

    #[test]
    fn a_mean_alone_fills_a_block() {
        for (name, kernels) in Kernels::all() {
            for dc in i16::MIN..=i16::MAX {
                let mean = idct1(dc, 3);
                assert_eq!(idct2(&[dc, 0, 0, 0], &[3; 4]), [mean; 4]);
                let mut coefficients = [0; 64];
                coefficients[0] = dc;
                let mut samples = [0; 64];
                (kernels.idct8)(&coefficients, &[3; 64], &mut samples, 8);
                assert!(samples == [mean; 64], "{name}: {dc} in idct8");
                let mut samples = [0; 16];
                (kernels.idct4)(&lowest(4, &coefficients), &[3; 16], &mut samples, 4);
                assert!(samples == [mean; 16], "{name}: {dc} in idct4");

                // Quantizers of zero keep the others from counting, but not from being looked at.
                let mut quantizers = [0; 64];
                quantizers[0] = 3;
                coefficients[1..].fill(7);
                let mut samples = [0; 64];
                (kernels.idct8)(&coefficients, &quantizers, &mut samples, 8);
                assert!(samples == [mean; 64], "{name}: {dc} in the long way of idct8");
            }
        }
    }

    #[test]
    fn rows_are_the_same_everywhere() {
        let mut random = Random::new();
        let scalar = Kernels::scalar();
        for (name, kernels) in Kernels::all() {
            for len in (1..=100).chain([255, 256, 257, 1000]) {
                let [near, far, other] = std::array::from_fn(|_| random.bytes(len));
                for doubled in [2 * len, 2 * len - 1] {
                    let expected = written(doubled, |out| (scalar.upsample_h2)(&near, out));
                    let found = written(doubled, |out| (kernels.upsample_h2)(&near, out));
                    assert!(
                        found == expected,
                        "{name} differs in upsample_h2 from {len} to {doubled}"
                    );
                    let expected = written(doubled, |out| (scalar.upsample_h2v2)(&near, &far, out));
                    let found = written(doubled, |out| (kernels.upsample_h2v2)(&near, &far, out));
                    assert!(
                        found == expected,
                        "{name} differs in upsample_h2v2 from {len} to {doubled}"
                    );
                }
                for bias in [1, 2] {
                    let expected = written(len, |out| (scalar.upsample_v2)(&near, &far, bias, out));
                    let found = written(len, |out| (kernels.upsample_v2)(&near, &far, bias, out));
                    assert!(
                        found == expected,
                        "{name} differs in upsample_v2 of {len}, bias {bias}"
                    );
                }
                let expected =
                    written(3 * len, |out| (scalar.ycc_to_rgb)(&near, &far, &other, out));
                let found = written(3 * len, |out| (kernels.ycc_to_rgb)(&near, &far, &other, out));
                assert!(found == expected, "{name} differs in ycc_to_rgb of {len}");
            }
        }
    }

    #[test]
    fn every_color_is_the_same_everywhere() {
        let all: Vec<u8> = (0..=255).collect();
        for (name, kernels) in Kernels::all() {
            for cb in 0..=255 {
                for y in [0, 1, 77, 128, 254, 255] {
                    let mut expected = [0; 768];
                    (Kernels::scalar().ycc_to_rgb)(&[y; 256], &[cb; 256], &all, &mut expected);
                    let mut found = [0; 768];
                    (kernels.ycc_to_rgb)(&[y; 256], &[cb; 256], &all, &mut found);
                    assert!(found == expected, "{name} differs where y is {y} and cb {cb}");
                }
            }
        }
    }

    #[test]
    fn colors_are_those_of_the_formula() {
        for cb in 0..=255_u8 {
            for cr in 0..=255_u8 {
                let mut found = [0; 3];
                (Kernels::scalar().ycc_to_rgb)(&[120], &[cb], &[cr], &mut found);
                let (cb, cr) = (f64::from(cb) - 128.0, f64::from(cr) - 128.0);
                let exact = [1.402 * cr, -0.344_136 * cb - 0.714_136 * cr, 1.772 * cb];
                for (found, exact) in found.into_iter().zip(exact) {
                    let exact = (120.0 + exact).clamp(0.0, 255.0);
                    assert!((f64::from(found) - exact).abs() < 0.51, "{cb} and {cr}");
                }
            }
        }
    }

    #[test]
    fn any_two_samples_are_mixed_alike() {
        let all: Vec<u8> = (0..=255).collect();
        for (name, kernels) in Kernels::all() {
            for near in 0..=255_u8 {
                for bias in [1, 2] {
                    let mut found = [0; 256];
                    (kernels.upsample_v2)(&[near; 256], &all, bias, &mut found);
                    let mix = |far| (3 * u16::from(near) + far + u16::from(bias)) / 4;
                    let right = (0..).zip(found).all(|(far, found)| u16::from(found) == mix(far));
                    assert!(
                        right,
                        "{name} differs where the near sample is {near} and the bias {bias}"
                    );
                }
            }
        }
    }

    #[test]
    fn doubled_rows_are_as_the_ijg_defines_them() {
        for (name, kernels) in Kernels::all().into_iter().chain([("detected", Kernels::detect())]) {
            let mut out = [0; 6];
            (kernels.upsample_h2)(&[10, 20, 50], &mut out);
            assert_eq!(out, [10, 13, 17, 28, 42, 50], "{name}");
            let mut out = [0; 5];
            (kernels.upsample_h2v2)(&[10, 20, 50], &[30, 20, 10], &mut out);
            assert_eq!(out, [15, 16, 19, 25, 35], "{name}");
            let mut out = [0; 2];
            (kernels.upsample_h2)(&[9], &mut out);
            assert_eq!(out, [9, 9], "{name}");
        }
    }

    /// In debug builds they are found out.
    #[cfg(not(debug_assertions))]
    #[test]
    fn wrong_lengths_do_no_harm() {
        for (_, kernels) in Kernels::all() {
            for len in 0..200 {
                let mut out = vec![0; len];
                for stride in [0, 1, 7, 8, 9, 64, usize::MAX / 7, usize::MAX] {
                    (kernels.idct8)(&[5; 64], &[1; 64], &mut out, stride);
                    (kernels.idct8)(&[0; 64], &[1; 64], &mut out, stride);
                    (kernels.idct4)(&[5; 16], &[1; 16], &mut out, stride);
                }
                for other in [0, 1, 17, 33, 70, 100] {
                    let input = vec![1; other];
                    (kernels.upsample_h2)(&input, &mut out);
                    (kernels.upsample_h2v2)(&input, &[2; 50], &mut out);
                    (kernels.upsample_v2)(&input, &[2; 50], 2, &mut out);
                    (kernels.ycc_to_rgb)(&input, &[2; 50], &[2; 40], &mut out);
                }
            }
        }
    }
}
