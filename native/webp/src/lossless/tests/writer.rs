//! Draws valid files: whatever the format allows is drawn, without a picture in mind. What they
//! show is for a decoder to say.

/// A generator of numbers that is good enough to draw files (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    pub(super) fn within(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

#[derive(Default)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    filled: usize,
}

impl BitWriter {
    pub(super) fn put(&mut self, value: usize, bits: usize) {
        for i in 0..bits {
            if self.filled == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |=
                ((value.checked_shr(i as u32).unwrap_or(0) & 1) as u8) << self.filled;
            self.filled = (self.filled + 1) % 8;
        }
    }
}

/// A complete prefix code.
pub(super) struct Code {
    lengths: Vec<usize>,
    codes: Vec<usize>,
    used: Vec<usize>,
}

impl Code {
    pub(super) fn new(lengths: Vec<usize>) -> Self {
        let used: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        let mut codes = vec![0; lengths.len()];
        let mut code = 0;
        for length in 1..=15 {
            for &symbol in used.iter().filter(|&&symbol| lengths[symbol] == length) {
                codes[symbol] = (0..length)
                    .fold(0, |reversed, i| reversed | (code >> i & 1) << (length - 1 - i));
                code += 1;
            }
            code <<= 1;
        }
        Code { lengths, codes, used }
    }

    /// A code for exactly these symbols, no length above `most`.
    fn draw(random: &mut Random, mut symbols: Vec<usize>, alphabet: usize, most: usize) -> Self {
        let mut leaves = vec![0];
        // Some codes are deep, others flat.
        let deep = random.one_in(3);
        while leaves.len() < symbols.len() {
            let at = if deep && random.below(4) > 0 {
                leaves.len() - 1
            } else {
                random.below(leaves.len())
            };
            let at = if leaves[at] < most {
                at
            } else {
                leaves.iter().position(|&depth| depth < most).unwrap()
            };
            leaves[at] += 1;
            leaves.push(leaves[at]);
        }
        if leaves.len() == 1 {
            leaves[0] = random.within(1, most);
        }
        let mut lengths = vec![0; alphabet];
        for depth in leaves {
            lengths[symbols.swap_remove(random.below(symbols.len()))] = depth;
        }
        Code::new(lengths)
    }

    fn put(&self, out: &mut BitWriter, symbol: usize) {
        assert!(self.lengths[symbol] > 0);
        if self.used.len() > 1 {
            out.put(self.codes[symbol], self.lengths[symbol]);
        }
    }

    /// Writes the code itself, in one of the ways that it can be written.
    pub(super) fn write(&self, random: &mut Random, out: &mut BitWriter) {
        let ones = self.used.iter().all(|&symbol| self.lengths[symbol] == 1 && symbol < 256);
        if self.used.len() <= 2
            && (ones || self.used[0] < 256 && self.used.len() == 1)
            && !random.one_in(4)
        {
            out.put(1, 1);
            out.put(self.used.len() - 1, 1);
            if self.used[0] < 2 && random.one_in(2) {
                out.put(self.used[0] << 1, 2);
            } else {
                out.put(1, 1);
                out.put(self.used[0], 8);
            }
            if let Some(&second) = self.used.get(1) {
                out.put(second, 8);
            }
            return;
        }
        out.put(0, 1);
        let mut tokens = self.tokens(random);
        let all = tokens.len();
        if random.one_in(2) {
            while tokens.len() > 2 && matches!(tokens.last(), Some((0 | 17 | 18, _))) {
                tokens.pop();
            }
        }
        let mut symbols: Vec<usize> = tokens.iter().map(|token| token.0).collect();
        symbols.extend((0..random.below(3)).map(|_| random.below(19)));
        symbols.sort_unstable();
        symbols.dedup();
        let code = Code::draw(random, symbols, 19, 7);
        const ORDER: [usize; 19] =
            [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let sent = ORDER.iter().rposition(|&symbol| code.lengths[symbol] > 0).unwrap() + 1;
        let sent = random.within(sent.max(4), 19);
        out.put(sent - 4, 4);
        for symbol in &ORDER[..sent] {
            out.put(code.lengths[*symbol], 3);
        }
        if tokens.len() < all || (tokens.len() >= 2 && random.one_in(3)) {
            let more = tokens.len() - 2;
            let least = (0..8).find(|k| more < 1 << (2 + 2 * k)).unwrap();
            let k = random.within(least, 7);
            out.put(1, 1);
            out.put(k, 3);
            out.put(more, 2 + 2 * k);
        } else {
            out.put(0, 1);
        }
        for (symbol, extra) in tokens {
            code.put(out, symbol);
            out.put(extra, [2, 3, 7].get(symbol.wrapping_sub(16)).copied().unwrap_or(0));
        }
    }

    /// The lengths as literals and repetitions.
    fn tokens(&self, random: &mut Random) -> Vec<(usize, usize)> {
        let mut tokens = Vec::new();
        let (mut at, mut last) = (0, 8);
        while at < self.lengths.len() {
            let length = self.lengths[at];
            let run = self.lengths[at..].iter().take_while(|&&other| other == length).count();
            let run = if random.one_in(8) { 1 } else { run };
            let (symbol, passed, extra) = match (length, run) {
                (0, 11..) => (18, run.min(138), run.min(138) - 11),
                (0, 3..) => (17, run.min(10), run.min(10) - 3),
                (_, 3..) if length == last => (16, run.min(6), run.min(6) - 3),
                _ => (length, 1, 0),
            };
            if length > 0 {
                last = length;
            }
            tokens.push((symbol, extra));
            at += passed;
        }
        tokens
    }
}

/// The least number of a prefix, and the bits that are added to it.
fn range(prefix: usize) -> (usize, usize) {
    if prefix < 4 {
        return (prefix + 1, 0);
    }
    let bits = (prefix - 2) / 2;
    (((2 + prefix % 2) << bits) + 1, bits)
}

#[derive(Clone, Copy)]
enum Others {
    Fixed([usize; 3]),
    Drawn(usize),
}

/// What is to be drawn of an image.
#[derive(Clone, Copy)]
struct Shape {
    width: usize,
    height: usize,
    /// Green is below.
    green: usize,
    /// The values of red, blue and alpha, or how many are drawn.
    others: Others,
    /// Long copies, as large images need many.
    long: bool,
}

pub(super) struct Writer {
    pub(super) random: Random,
    pub(super) out: BitWriter,
    /// Whether places of the color cache are used into which no color came yet. They hold zeros,
    /// which image-webp does not enter again, as libwebp and the specification do.
    pub(super) unfilled: bool,
}

impl Writer {
    /// A writer that has written the header.
    fn new(seed: u64, width: usize, height: usize) -> Self {
        let mut out = BitWriter::default();
        out.put(0x2f, 8);
        out.put(width - 1, 14);
        out.put(height - 1, 14);
        out.put(1, 4);
        Writer { random: Random(seed), out, unfilled: false }
    }

    fn symbols(&mut self, count: usize, below: usize) -> Vec<usize> {
        let count = count.clamp(1, below);
        let mut symbols: Vec<usize> = (0..count).map(|_| self.random.below(below)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    }

    fn count(&mut self) -> usize {
        let most = *self.random.pick(&[1, 1, 2, 3, 8, 40, 300]);
        self.random.within(1, most)
    }

    fn group(&mut self, shape: Shape, cache_bits: usize) -> [Code; 5] {
        let count = self.count();
        let mut green = self.symbols(count, shape.green);
        if self.random.below(3) > 0 || shape.long {
            let lengths = if shape.long { 12 } else { self.random.within(1, 24) };
            for _ in 0..lengths {
                green.push(256 + self.random.below(24));
            }
        }
        if cache_bits > 0 {
            let count = self.count();
            green.extend(self.symbols(count, 1 << cache_bits).iter().map(|place| 280 + place));
        }
        green.sort_unstable();
        green.dedup();
        let alphabet = 280 + if cache_bits > 0 { 1 << cache_bits } else { 0 };
        let draw = |writer: &mut Self, symbols, alphabet| {
            let most = *writer.random.pick(&[15, 15, 12]);
            Code::draw(&mut writer.random, symbols, alphabet, most)
        };
        let green = draw(self, green, alphabet);
        let [red, blue, alpha] = [0, 1, 2].map(|color| {
            let symbols = match shape.others {
                Others::Fixed(values) => vec![values[color]],
                Others::Drawn(most) => {
                    let count = self.count().min(most);
                    self.symbols(count, 256)
                }
            };
            draw(self, symbols, 256)
        });
        let count = if shape.long { 40 } else { self.count() };
        let distances = self.symbols(count, 40);
        let distance = draw(self, distances, 40);
        [green, red, blue, alpha, distance]
    }

    /// Writes an image with its cache and codes. `tiled`: it may have several groups. Returns its
    /// pixels.
    fn image(&mut self, shape: Shape, tiled: bool) -> Vec<u32> {
        let cache_bits = if self.random.one_in(2) { self.random.within(1, 11) } else { 0 };
        self.out.put(usize::from(cache_bits > 0), 1);
        if cache_bits > 0 {
            self.out.put(cache_bits, 4);
        }
        let mut tiles = None;
        if tiled {
            let meta = self.random.one_in(2);
            self.out.put(usize::from(meta), 1);
            if meta {
                let bits =
                    if shape.long { self.random.within(5, 9) } else { self.random.within(2, 9) };
                self.out.put(bits - 2, 3);
                let width = shape.width.div_ceil(1 << bits);
                let height = shape.height.div_ceil(1 << bits);
                let green = self.random.within(1, 20);
                // Red makes it groups from 256 on, of which most are not wanted.
                let others = Others::Fixed([usize::from(self.random.one_in(20)), 0, 0]);
                let pixels = self.image(Shape { width, height, green, others, long: false }, false);
                let groups: Vec<usize> =
                    pixels.iter().map(|pixel| (pixel >> 8 & 0xffff) as usize).collect();
                tiles = Some((bits, width, groups));
            }
        }
        let count = tiles.as_ref().map_or(1, |(_, _, groups)| groups.iter().max().unwrap() + 1);
        let groups: Vec<[Code; 5]> = (0..count)
            .map(|_| {
                let group = self.group(shape, cache_bits);
                group.iter().for_each(|code| code.write(&mut self.random, &mut self.out));
                group
            })
            .collect();
        self.pixels(shape, cache_bits, &groups, |x, y| match &tiles {
            Some((bits, width, groups)) => groups[(y >> bits) * width + (x >> bits)],
            None => 0,
        })
    }

    fn pixels(
        &mut self,
        shape: Shape,
        cache_bits: usize,
        groups: &[[Code; 5]],
        group: impl Fn(usize, usize) -> usize,
    ) -> Vec<u32> {
        let total = shape.width * shape.height;
        let mut pixels: Vec<u32> = Vec::new();
        let mut cache = vec![0; if cache_bits > 0 { 1 << cache_bits } else { 0 }];
        let mut filled = vec![self.unfilled; cache.len()];
        let mut entered = 0;
        while pixels.len() < total {
            if cache_bits > 0 {
                for &pixel in &pixels[entered..] {
                    let place = (pixel.wrapping_mul(0x1e35_a7bd) >> (32 - cache_bits)) as usize;
                    cache[place] = pixel;
                    filled[place] = true;
                }
                entered = pixels.len();
            }
            let codes = &groups[group(pixels.len() % shape.width, pixels.len() / shape.width)];
            let literals = codes[0].used.iter().filter(|&&symbol| symbol < 256).count();
            let green = *self.random.pick(&codes[0].used);
            if green >= 280 && filled[green - 280] {
                codes[0].put(&mut self.out, green);
                pixels.push(cache[green - 280]);
                continue;
            }
            if (256..280).contains(&green) && self.copy(shape, green, codes, &mut pixels) {
                continue;
            }
            let green = codes[0].used[self.random.below(literals)];
            let [red, blue, alpha] = [1, 2, 3].map(|i| *self.random.pick(&codes[i].used));
            for (code, symbol) in codes.iter().zip([green, red, blue, alpha]) {
                code.put(&mut self.out, symbol);
            }
            pixels.push((alpha << 24 | red << 16 | green << 8 | blue) as u32);
        }
        pixels
    }

    /// Writes a copy with a length symbol, if it is possible here.
    fn copy(
        &mut self,
        shape: Shape,
        symbol: usize,
        codes: &[Code; 5],
        pixels: &mut Vec<u32>,
    ) -> bool {
        let (least, length_bits) = range(symbol - 256);
        let left = shape.width * shape.height - pixels.len();
        let prefix = *self.random.pick(&codes[4].used);
        let (nearest, distance_bits) = range(prefix);
        let (length_extra, distance_extra) =
            (self.random.below(1 << length_bits), self.random.below(1 << distance_bits));
        let (length, code) = (least + length_extra, nearest + distance_extra);
        let distance = super::super::distance::to_distance(code, shape.width);
        if length > left || distance > pixels.len() {
            return false;
        }
        codes[0].put(&mut self.out, symbol);
        self.out.put(length_extra, length_bits);
        codes[4].put(&mut self.out, prefix);
        self.out.put(distance_extra, distance_bits);
        for _ in 0..length {
            pixels.push(pixels[pixels.len() - distance]);
        }
        true
    }

    /// Writes a stream without header for a picture of this size.
    pub(super) fn stream(&mut self, width: usize, height: usize, long: bool) {
        let mut kinds = vec![0, 1, 2, 3];
        let mut packed = width;
        for _ in 0..self.random.below(5) {
            let kind = kinds.swap_remove(self.random.below(kinds.len()));
            self.out.put(1, 1);
            self.out.put(kind, 2);
            match kind {
                2 => {}
                3 => {
                    let most = *self.random.pick(&[2, 4, 16, 256]);
                    let colors = self.random.within(1, most);
                    self.out.put(colors - 1, 8);
                    self.image(
                        Shape {
                            width: colors,
                            height: 1,
                            green: 256,
                            others: Others::Drawn(40),
                            long: false,
                        },
                        false,
                    );
                    packed = packed.div_ceil(
                        [8, 4, 2, 1][[2, 4, 16, 256].iter().position(|&n| colors <= n).unwrap()],
                    );
                }
                _ => {
                    let bits =
                        if long { self.random.within(5, 9) } else { self.random.within(2, 9) };
                    self.out.put(bits - 2, 3);
                    let (width, height) = (packed.div_ceil(1 << bits), height.div_ceil(1 << bits));
                    let green = if kind == 0 { 14 } else { 256 };
                    self.image(
                        Shape { width, height, green, others: Others::Drawn(40), long: false },
                        false,
                    );
                }
            }
        }
        self.out.put(0, 1);
        self.image(
            Shape { width: packed, height, green: 256, others: Others::Drawn(256), long },
            true,
        );
    }
}

/// The payload of a VP8L chunk of this size, drawn from a seed.
pub(super) fn payload(seed: u64, width: usize, height: usize, long: bool) -> Vec<u8> {
    let mut writer = Writer::new(seed, width, height);
    writer.stream(width, height, long);
    writer.out.bytes
}

/// A payload without transforms, and its pixels as ARGB.
pub(super) fn plain(seed: u64, width: usize, height: usize) -> (Vec<u8>, Vec<u32>) {
    let mut writer = Writer::new(seed, width, height);
    writer.unfilled = true;
    writer.out.put(0, 1);
    let shape = Shape { width, height, green: 256, others: Others::Drawn(256), long: false };
    let pixels = writer.image(shape, true);
    (writer.out.bytes, pixels)
}

/// A file of one chunk.
pub(super) fn file(payload: &[u8]) -> Vec<u8> {
    let padded = payload.len() + payload.len() % 2;
    let mut file = b"RIFF".to_vec();
    file.extend((padded as u32 + 12).to_le_bytes());
    file.extend(b"WEBPVP8L");
    file.extend((payload.len() as u32).to_le_bytes());
    file.extend(payload);
    file.resize(20 + padded, 0);
    file
}
