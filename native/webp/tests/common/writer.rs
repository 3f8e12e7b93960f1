//! Writes VP8 key frames of every kind, and WebP files around them.
//!
//! Frames are made of modes and coefficients drawn by lot, not of pixels: so they have everything
//! that no encoder would think of. What is right about them is for another decoder to say.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../src/lossy/tables.rs"]
mod tables;

use tables::{AC_STEPS, DC_STEPS, SUBBLOCK_MODES, TOKEN_UPDATES, TOKENS, TokenProbabilities};

/// Numbers drawn by lot (xorshift64*).
pub struct Lots(u64);

impl Lots {
    pub fn new(seed: u64) -> Self {
        Lots(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// From 0 to `below`, which is left out.
    pub fn below(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// From -`most` to `most`.
    fn signed(&mut self, most: usize) -> i32 {
        self.below(2 * most + 1) as i32 - most as i32
    }
}

/// The boolean entropy encoder (RFC 6386, section 7.3).
struct Bools {
    out: Vec<u8>,
    range: u32,
    bottom: u32,
    missing: u32,
}

impl Bools {
    fn new() -> Self {
        Bools { out: Vec::new(), range: 255, bottom: 0, missing: 24 }
    }

    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    fn bool(&mut self, probability: u8, bool: bool) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if bool {
            let (sum, carries) = self.bottom.overflowing_add(split);
            assert!(!carries);
            self.bottom = sum;
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            if self.bottom >> 31 != 0 {
                self.carry();
            }
            self.bottom <<= 1;
            self.missing -= 1;
            if self.missing == 0 {
                self.out.push((self.bottom >> 24) as u8);
                self.bottom &= 0xFF_FFFF;
                self.missing = 8;
            }
        }
    }

    fn flag(&mut self, flag: bool) -> bool {
        self.bool(128, flag);
        flag
    }

    fn literal(&mut self, length: u32, value: u32) {
        for bit in (0..length).rev() {
            self.flag(value >> bit & 1 != 0);
        }
    }

    fn optional_signed(&mut self, length: u32, value: i32) {
        if self.flag(value != 0) {
            self.literal(length, value.unsigned_abs());
            self.flag(value < 0);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        for _ in 0..32 {
            self.flag(false);
        }
        self.out
    }
}

/// What is to be drawn by lot.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub width: u16,
    pub height: u16,
    /// How many blocks of a hundred have coefficients.
    pub filled: usize,
    pub seed: u64,
}

struct Segment {
    luma: [i32; 2],
    luma_dc: [i32; 2],
    chroma: [i32; 2],
}

struct Contexts {
    modes: [usize; 4],
    /// 4 of luma, 2 of U, 2 of V, and the DC coefficients of luma.
    filled: [usize; 9],
}

/// A frame: the payload of a VP8 chunk.
pub fn frame(kind: Kind) -> Vec<u8> {
    let mut lots = Lots::new(kind.seed);
    let mut first = Bools::new();
    first.flag(false);
    first.flag(lots.percent(50));

    // Segments.
    let mut segment_map = None;
    let mut own_quantizers = None;
    if first.flag(lots.percent(60)) {
        let updates_map = first.flag(lots.percent(80));
        if first.flag(lots.percent(80)) {
            let absolute = first.flag(lots.percent(50));
            let quantizers: [i32; 4] = std::array::from_fn(|_| lots.signed(127));
            let levels: [i32; 4] = std::array::from_fn(|_| lots.signed(63));
            quantizers.iter().for_each(|&value| first.optional_signed(7, value));
            levels.iter().for_each(|&value| first.optional_signed(6, value));
            own_quantizers = Some((absolute, quantizers));
        } else {
            own_quantizers = Some((true, [0; 4]));
        }
        if updates_map {
            let probabilities: [u8; 3] =
                std::array::from_fn(|_| if lots.percent(70) { lots.byte() } else { 255 });
            for &probability in &probabilities {
                if first.flag(probability != 255) {
                    first.literal(8, probability.into());
                }
            }
            segment_map = Some(probabilities);
        }
    }

    // The loop filter.
    first.flag(lots.percent(30));
    let level = if lots.percent(15) { 0 } else { lots.below(64) };
    first.literal(6, level as u32);
    first.literal(3, lots.below(8) as u32);
    if first.flag(lots.percent(60)) && first.flag(lots.percent(80)) {
        (0..8).for_each(|_| first.optional_signed(6, lots.signed(63)));
    }

    let partition_bits = lots.below(4);
    first.literal(2, partition_bits as u32);

    // Quantization.
    let base = lots.below(128) as i32;
    first.literal(7, base as u32);
    let deltas: [i32; 5] =
        std::array::from_fn(|_| if lots.percent(50) { lots.signed(15) } else { 0 });
    deltas.iter().for_each(|&delta| first.optional_signed(4, delta));
    let segments: [Segment; 4] = std::array::from_fn(|i| {
        let index = match own_quantizers {
            None => base,
            Some((true, own)) => own[i],
            Some((false, own)) => base + own[i],
        };
        let dc = |delta: i32| i32::from(DC_STEPS[(index + delta).clamp(0, 127) as usize]);
        let ac = |delta: i32| i32::from(AC_STEPS[(index + delta).clamp(0, 127) as usize]);
        Segment {
            luma: [dc(deltas[0]), ac(0)],
            luma_dc: [2 * dc(deltas[1]), (ac(deltas[2]) * 155 / 100).max(8)],
            chroma: [dc(deltas[3]).min(132), ac(deltas[4])],
        }
    });
    first.flag(lots.percent(50));

    // Probabilities.
    let mut tokens = TOKENS;
    let updates = if lots.percent(50) { 20 } else { 1 };
    for (probability, &update) in tokens
        .as_flattened_mut()
        .as_flattened_mut()
        .as_flattened_mut()
        .iter_mut()
        .zip(TOKEN_UPDATES.as_flattened().as_flattened().as_flattened())
    {
        let changes = lots.percent(updates);
        first.bool(update, changes);
        if changes {
            *probability = lots.byte();
            first.literal(8, (*probability).into());
        }
    }
    let skip = lots.percent(70).then(|| lots.byte());
    first.flag(skip.is_some());
    if let Some(probability) = skip {
        first.literal(8, probability.into());
    }

    // Macroblocks.
    let (columns, rows) = (kind.width.div_ceil(16).into(), usize::from(kind.height.div_ceil(16)));
    let mut partitions: Vec<Bools> = (0..1 << partition_bits).map(|_| Bools::new()).collect();
    let mut above: Vec<Contexts> =
        (0..columns).map(|_| Contexts { modes: [0; 4], filled: [0; 9] }).collect();
    for y in 0..rows {
        let mut left = Contexts { modes: [0; 4], filled: [0; 9] };
        let partition = &mut partitions[y % (1 << partition_bits)];
        for above in &mut above {
            let segment = match segment_map {
                Some([top, low, high]) => {
                    let segment = lots.below(4);
                    first.bool(top, segment > 1);
                    first.bool(if segment > 1 { high } else { low }, segment % 2 == 1);
                    segment
                }
                None => 0,
            };
            let skipped = skip.is_some() && lots.percent(30);
            if let Some(probability) = skip {
                first.bool(probability, skipped);
            }
            let whole = lots.percent(50);
            modes(&mut lots, &mut first, whole, above, &mut left);
            if skipped {
                for contexts in [above, &mut left] {
                    let dc = if whole { 0 } else { contexts.filled[8] };
                    contexts.filled = [0; 9];
                    contexts.filled[8] = dc;
                }
                continue;
            }
            let filled = if lots.percent(20) { 0 } else { kind.filled };
            let mut writer = Blocks { lots: &mut lots, tokens: &tokens, out: partition, filled };
            writer.macroblock(&segments[segment], whole, above, &mut left);
        }
    }

    let first = first.finish();
    let tag = (first.len() as u32) << 5 | 1 << 4 | (lots.below(4) as u32) << 1;
    let mut out = tag.to_le_bytes()[..3].to_vec();
    out.extend([0x9D, 0x01, 0x2A]);
    for side in [kind.width, kind.height] {
        out.extend((side | (lots.below(4) as u16) << 14).to_le_bytes());
    }
    out.extend(first);
    let partitions: Vec<_> = partitions.into_iter().map(Bools::finish).collect();
    // The lengths of all but the last are said.
    for partition in &partitions[..partitions.len() - 1] {
        out.extend(&(partition.len() as u32).to_le_bytes()[..3]);
    }
    out.extend(partitions.concat());
    out
}

fn modes(lots: &mut Lots, out: &mut Bools, whole: bool, above: &mut Contexts, left: &mut Contexts) {
    out.bool(145, whole);
    if whole {
        // DC, vertical, horizontal, true motion; and which of the blocks' modes they stand for.
        let mode = lots.below(4);
        out.bool(156, mode > 1);
        out.bool(if mode > 1 { 128 } else { 163 }, mode % 2 == 1);
        let stands_for = [0, 2, 3, 1][mode];
        above.modes = [stands_for; 4];
        left.modes = [stands_for; 4];
    } else {
        for y in 0..4 {
            for x in 0..4 {
                let p = SUBBLOCK_MODES[above.modes[x]][left.modes[y]];
                let mode = lots.below(10);
                // The way to each mode: which node, and whether to the right.
                let path: &[(usize, bool)] = match mode {
                    0 => &[(0, false)],
                    1 => &[(0, true), (1, false)],
                    2 => &[(0, true), (1, true), (2, false)],
                    3 => &[(0, true), (1, true), (2, true), (3, false), (4, false)],
                    4 => &[(0, true), (1, true), (2, true), (3, true), (6, false)],
                    5 => &[(0, true), (1, true), (2, true), (3, false), (4, true), (5, false)],
                    6 => &[(0, true), (1, true), (2, true), (3, false), (4, true), (5, true)],
                    7 => &[(0, true), (1, true), (2, true), (3, true), (6, true), (7, false)],
                    8 => &[
                        (0, true),
                        (1, true),
                        (2, true),
                        (3, true),
                        (6, true),
                        (7, true),
                        (8, false),
                    ],
                    _ => &[
                        (0, true),
                        (1, true),
                        (2, true),
                        (3, true),
                        (6, true),
                        (7, true),
                        (8, true),
                    ],
                };
                path.iter().for_each(|&(node, right)| out.bool(p[node], right));
                above.modes[x] = mode;
                left.modes[y] = mode;
            }
        }
    }
    let chroma = lots.below(4);
    out.bool(142, chroma > 0);
    if chroma > 0 {
        out.bool(114, chroma > 1);
    }
    if chroma > 1 {
        out.bool(183, chroma > 2);
    }
}

struct Blocks<'a> {
    lots: &'a mut Lots,
    tokens: &'a TokenProbabilities,
    out: &'a mut Bools,
    filled: usize,
}

impl Blocks<'_> {
    fn macroblock(
        &mut self,
        segment: &Segment,
        whole: bool,
        above: &mut Contexts,
        left: &mut Contexts,
    ) {
        if whole {
            let filled = self.block(1, above.filled[8] + left.filled[8], 0, segment.luma_dc);
            (above.filled[8], left.filled[8]) = (filled, filled);
        }
        let (kind, first) = if whole { (0, 1) } else { (3, 0) };
        for i in 0..16 {
            let (x, y) = (i % 4, i / 4);
            let filled = self.block(kind, above.filled[x] + left.filled[y], first, segment.luma);
            (above.filled[x], left.filled[y]) = (filled, filled);
        }
        for plane in [4, 6] {
            for i in 0..4 {
                let (x, y) = (plane + i % 2, plane + i / 2);
                let filled = self.block(2, above.filled[x] + left.filled[y], 0, segment.chroma);
                (above.filled[x], left.filled[y]) = (filled, filled);
            }
        }
    }

    /// Draws and writes the coefficients of a block, and says whether there are some.
    fn block(&mut self, kind: usize, context: usize, first: usize, steps: [i32; 2]) -> usize {
        const BANDS: [usize; 16] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7];
        let values = self.values(first, steps);
        let mut context = context;
        let mut after_zero = false;
        for (i, &value) in values.iter().enumerate() {
            let p = &self.tokens[kind][BANDS[first + i]][context];
            if !after_zero {
                self.out.bool(p[0], true);
            }
            self.out.bool(p[1], value != 0);
            after_zero = value == 0;
            context = value.unsigned_abs().min(2) as usize;
            if value != 0 {
                magnitude(self.out, p, value.unsigned_abs());
                self.out.flag(value < 0);
            }
        }
        if first + values.len() < 16 {
            assert!(!after_zero);
            self.out.bool(self.tokens[kind][BANDS[first + values.len()]][context][0], false);
        }
        usize::from(!values.is_empty())
    }

    /// Coefficients up to the last that is not zero, or all.
    fn values(&mut self, first: usize, steps: [i32; 2]) -> Vec<i32> {
        if !self.lots.percent(self.filled) {
            return Vec::new();
        }
        let end = match self.lots.below(4) {
            0 => first + 1,
            1 => 16,
            _ => first + 1 + self.lots.below(16 - first),
        };
        let most = [1, 2, 4, 10, 20, 70, 2100][self.lots.below(7)];
        let zeros = self.lots.below(100);
        // Samples of 8 bits cannot give larger coefficients than this, in sum.
        let mut left = [200, 2_000, 15_000][self.lots.below(3)];
        let mut values: Vec<i32> = (first..end)
            .map(|i| {
                let step = steps[usize::from(i > 0)];
                let most = (left / step).min(most);
                let value =
                    if self.lots.percent(zeros) { 0 } else { self.lots.signed(most as usize) };
                left -= value.abs() * step;
                value
            })
            .collect();
        if end < 16 || self.lots.percent(50) {
            while values.last() == Some(&0) {
                values.pop();
            }
        }
        values
    }
}

fn magnitude(out: &mut Bools, p: &[u8; 11], value: u32) {
    out.bool(p[2], value > 1);
    if value == 1 {
        return;
    }
    out.bool(p[3], value > 4);
    if value <= 4 {
        out.bool(p[4], value > 2);
        if value > 2 {
            out.bool(p[5], value > 3);
        }
        return;
    }
    let categories: [(u32, &[u8]); 6] = [
        (5, &[159]),
        (7, &[165, 145]),
        (11, &[173, 148, 140]),
        (19, &[176, 155, 140, 135]),
        (35, &[180, 157, 141, 134, 130]),
        (67, &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]),
    ];
    let category = categories.iter().rposition(|&(base, _)| value >= base).unwrap();
    out.bool(p[6], category > 1);
    if category < 2 {
        out.bool(p[7], category == 1);
    } else {
        out.bool(p[8], category > 3);
        out.bool(p[if category > 3 { 10 } else { 9 }], category % 2 == 1);
    }
    let (base, probabilities) = categories[category];
    for (i, &probability) in probabilities.iter().enumerate() {
        out.bool(probability, (value - base) >> (probabilities.len() - 1 - i) & 1 != 0);
    }
}

/// A chunk with its header, and a byte behind it if its length is odd.
pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = kind.to_vec();
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

/// A file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut data = b"WEBP".to_vec();
    chunks.iter().for_each(|chunk| data.extend(chunk));
    chunk(b"RIFF", &data)
}

fn three_bytes(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

/// The chunk of an extended file that says what there is.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let mut data = vec![flags, 0, 0, 0];
    data.extend(three_bytes(width - 1));
    data.extend(three_bytes(height - 1));
    chunk(b"VP8X", &data)
}

pub const ALPHA: u8 = 0x10;
pub const EXIF: u8 = 0x08;
pub const ICC: u8 = 0x20;
pub const XMP: u8 = 0x04;
pub const ANIMATION: u8 = 0x02;

/// A frame of an animation, at an even place.
pub fn anmf(
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    flags: u8,
    chunks: &[Vec<u8>],
) -> Vec<u8> {
    let mut data = Vec::new();
    for value in [left / 2, top / 2, width - 1, height - 1, 100] {
        data.extend(three_bytes(value));
    }
    data.push(flags);
    chunks.iter().for_each(|chunk| data.extend(chunk));
    chunk(b"ANMF", &data)
}
