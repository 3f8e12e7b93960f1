//! Prefix codes as VP8L has them: canonical, at most 15 bits long, written as code lengths that are
//! themselves run-length and prefix coded.

use super::bits::Bits;

/// A code for each symbol of an alphabet.
pub(super) struct PrefixCode {
    codes: Vec<Code>,
}

/// A symbol's bits in the order in which they are written, first the lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) bits: u16,
    pub(super) len: u8,
}

const MAX_LENGTH: u8 = 15;
const MAX_LENGTH_OF_LENGTHS: u8 = 7;

/// Of the alphabet of code lengths: repeat the length before 3 to 6 times, zeros 3 to 10 and 11 to
/// 138 times.
const REPEAT: usize = 16;
const ZEROS: usize = 17;
const MANY_ZEROS: usize = 18;
const LENGTHS: usize = 19;

/// In which order the code lengths of the code lengths are written.
const ORDER: [usize; LENGTHS] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

impl PrefixCode {
    /// The best code for symbols that come this often. One that is the only one takes no bits.
    pub(super) fn new(frequencies: &[u32]) -> Self {
        PrefixCode::limited(frequencies, MAX_LENGTH)
    }

    fn limited(frequencies: &[u32], limit: u8) -> Self {
        let mut frequencies = frequencies.to_vec();
        let mut lengths = lengths(&frequencies);
        // Rare: the sum of a Fibonacci series. With the differences halved, codes get more alike.
        while lengths.iter().any(|&length| length > limit) {
            frequencies.iter_mut().for_each(|frequency| *frequency = frequency.div_ceil(2));
            lengths = self::lengths(&frequencies);
        }
        PrefixCode { codes: canonical(&lengths) }
    }

    #[inline]
    pub(super) fn code(&self, symbol: usize) -> Code {
        self.codes.get(symbol).copied().unwrap_or_default()
    }

    /// Writes the code itself.
    pub(super) fn put(&self, frequencies: &[u32], bits: &mut Bits, out: &mut Vec<u8>) {
        let mut used = (0..frequencies.len()).filter(|&symbol| frequencies[symbol] > 0);
        let (first, second, third) = (used.next().unwrap_or(0), used.next(), used.next());
        match (second, third) {
            (None, _) if first < 256 => put_simple(first, None, bits, out),
            (Some(second), None) if second < 256 => put_simple(first, Some(second), bits, out),
            _ => self.put_lengths(bits, out),
        }
    }

    fn put_lengths(&self, bits: &mut Bits, out: &mut Vec<u8>) {
        let runs = runs(&self.codes);
        let mut frequencies = [0; LENGTHS];
        runs.iter().for_each(|run| frequencies[run.symbol] += 1);
        let code = PrefixCode::limited(&frequencies, MAX_LENGTH_OF_LENGTHS);
        // One that takes no bits must be told from those that do not occur.
        let length = |symbol: usize| match frequencies[symbol] {
            0 => 0,
            _ => code.code(symbol).len.max(1),
        };
        let written =
            ORDER.iter().rposition(|&symbol| length(symbol) > 0).map_or(4, |last| last + 1).max(4);
        bits.put(0, 1, out);
        bits.put(written as u64 - 4, 4, out);
        for &symbol in &ORDER[..written] {
            bits.put(length(symbol).into(), 3, out);
        }
        // All symbols have a length, none is left out at the end.
        bits.put(0, 1, out);
        for run in runs {
            let code = code.code(run.symbol);
            bits.put(code.bits.into(), code.len.into(), out);
            bits.put(run.extra, run.extra_bits, out);
        }
    }
}

/// A code of one or two symbols, which take no and one bit.
pub(super) fn put_simple(first: usize, second: Option<usize>, bits: &mut Bits, out: &mut Vec<u8>) {
    bits.put(1, 1, out);
    bits.put(second.is_some().into(), 1, out);
    if first < 2 {
        bits.put((first as u64) << 1, 2, out);
    } else {
        bits.put(1 | (first as u64) << 1, 9, out);
    }
    if let Some(second) = second {
        bits.put(second as u64, 8, out);
    }
}

/// A symbol of the alphabet of code lengths, and the bits that follow it.
struct Run {
    symbol: usize,
    extra: u64,
    extra_bits: u32,
}

fn runs(codes: &[Code]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut rest = codes;
    while let Some(first) = rest.first() {
        let plain = |length: u8| Run { symbol: length.into(), extra: 0, extra_bits: 0 };
        let mut same = rest.iter().take_while(|code| code.len == first.len).count();
        rest = &rest[same..];
        if first.len > 0 {
            runs.push(plain(first.len));
            same -= 1;
        }
        while same > 0 {
            let (symbol, least, extra_bits) = match (first.len, same) {
                (_, ..3) => {
                    runs.push(plain(first.len));
                    same -= 1;
                    continue;
                }
                (0, ..11) => (ZEROS, 3, 3),
                (0, _) => (MANY_ZEROS, 11, 7),
                _ => (REPEAT, 3, 2),
            };
            let taken = same.min(least + (1 << extra_bits) - 1);
            runs.push(Run { symbol, extra: (taken - least) as u64, extra_bits });
            same -= taken;
        }
    }
    runs
}

/// Huffman's code lengths: 0 for what does not occur, and for what is alone.
fn lengths(frequencies: &[u32]) -> Vec<u8> {
    let mut leaves: Vec<(u64, usize)> = frequencies
        .iter()
        .enumerate()
        .filter(|&(_, &frequency)| frequency > 0)
        .map(|(symbol, &frequency)| (frequency.into(), symbol))
        .collect();
    leaves.sort_unstable();
    // The nodes of the tree: first the leaves, then the inner ones, both in order of frequency, so
    // that the rarest two are always at the front of the one or the other.
    let mut weights: Vec<u64> = leaves.iter().map(|&(frequency, _)| frequency).collect();
    let mut parents = vec![0; leaves.len() * 2];
    let (mut leaf, mut inner) = (0, leaves.len());
    while weights.len() + 1 < leaves.len() * 2 {
        let parent = weights.len();
        let mut weight = 0;
        for _ in 0..2 {
            let takes_leaf =
                leaf < leaves.len() && (inner >= parent || weights[leaf] <= weights[inner]);
            let next = if takes_leaf { &mut leaf } else { &mut inner };
            weight += weights[*next];
            parents[*next] = parent;
            *next += 1;
        }
        weights.push(weight);
    }
    // From the root down: a parent comes after its children.
    let mut depths = vec![0u8; weights.len()];
    for node in (0..weights.len().saturating_sub(1)).rev() {
        depths[node] = depths[parents[node]].saturating_add(1);
    }
    let mut lengths = vec![0; frequencies.len()];
    for (&(_, symbol), &depth) in leaves.iter().zip(&depths) {
        lengths[symbol] = depth;
    }
    lengths
}

/// Codes in order of length, then of symbol.
fn canonical(lengths: &[u8]) -> Vec<Code> {
    let mut codes = vec![Code::default(); lengths.len()];
    let mut next = 0u32;
    for len in 1..=MAX_LENGTH {
        for (code, _) in codes.iter_mut().zip(lengths).filter(|&(_, &length)| length == len) {
            let bits = (next as u16).reverse_bits() >> (16 - len);
            *code = Code { bits, len };
            next += 1;
        }
        next <<= 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of all frequencies that are added up when the rarest two become one, again and
    /// again: what the best code takes.
    fn best(frequencies: &[u32]) -> u64 {
        let mut weights: Vec<u64> =
            frequencies.iter().filter(|&&f| f > 0).map(|&f| f.into()).collect();
        let mut sum = 0;
        while weights.len() > 1 {
            weights.sort_unstable_by(|a, b| b.cmp(a));
            let two = weights.pop().unwrap_or(0) + weights.pop().unwrap_or(0);
            weights.push(two);
            sum += two;
        }
        sum
    }

    fn taken(frequencies: &[u32], code: &PrefixCode) -> u64 {
        frequencies
            .iter()
            .zip(&code.codes)
            .map(|(&f, code)| u64::from(f) * u64::from(code.len))
            .sum()
    }

    fn kraft(code: &PrefixCode) -> f64 {
        code.codes.iter().filter(|code| code.len > 0).map(|code| 0.5f64.powi(code.len.into())).sum()
    }

    #[test]
    fn codes_are_the_best_there_are() {
        let mut seed = 7u32;
        for symbols in [2, 3, 5, 19, 256, 280] {
            for power in [1, 3, 8] {
                let frequencies: Vec<u32> = (0..symbols)
                    .map(|_| {
                        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (f64::from(seed >> 8) / 16_777_216.0).powi(power).mul_add(5_000.0, 0.0)
                            as u32
                    })
                    .collect();
                let code = PrefixCode::new(&frequencies);
                if code.codes.iter().all(|code| code.len < MAX_LENGTH) {
                    assert_eq!(taken(&frequencies, &code), best(&frequencies), "{frequencies:?}");
                }
                assert!(kraft(&code) == 1.0 || frequencies.iter().filter(|&&f| f > 0).count() < 2);
            }
        }
    }

    #[test]
    fn what_would_get_too_long_is_shortened() {
        let mut fibonacci = vec![1u32, 1];
        (0..38).for_each(|i| fibonacci.push(fibonacci[i] + fibonacci[i + 1]));
        let code = PrefixCode::new(&fibonacci);
        assert!(code.codes.iter().all(|code| (1..=MAX_LENGTH).contains(&code.len)));
        assert_eq!(kraft(&code), 1.0);
        let excess = taken(&fibonacci, &code) as f64 / best(&fibonacci) as f64;
        assert!(excess < 1.05, "{excess}");
    }

    #[test]
    fn none_and_one_symbol_take_no_bits() {
        for frequencies in [[0, 0, 0], [0, 5, 0]] {
            assert_eq!(PrefixCode::new(&frequencies).codes, [Code::default(); 3]);
        }
    }
}
