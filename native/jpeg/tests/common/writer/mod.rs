//! Writes JPEG files from coefficients, of every kind that a frame of blocks can be.
//!
//! It starts from coefficients, not from pixels, because then what a decoder must find in the file
//! is known to the bit, for odd files too that no camera would write. Nothing here checks that the
//! options make sense together: a test may want a file that they do not.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arithmetic;
mod huffman;
mod lossless;
mod picture;
mod random;
mod scans;

use huffman::{HuffmanTable, huffman_tables};
use picture::ZIGZAG;
use random::Random;
use scans::point_transform;

pub use arithmetic::Conditioning;
pub use huffman::Huffman;
pub use lossless::Lossless;
pub use picture::{Block, Picture};
pub use scans::{Scan, scripts};

/// What a file is made of, besides the picture.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// Bits of a sample, 8 if this is 0.
    pub precision: u8,
    pub process: Process,
    pub scans: Vec<Scan>,
    pub huffman: Huffman,
    /// Arithmetic codes instead.
    pub arithmetic: Option<Conditioning>,
    /// The longest run of ends of block, if not the 32767 that the format allows. With the tables
    /// of Annex K it is 1: they have no symbol for more.
    pub eob_run_limit: Option<u16>,
    /// The restart interval of each scan; the last goes for all that follow, and none is 0.
    pub restart_intervals: Vec<u16>,
    /// Writes quantizers with 16 bits where 8 would do.
    pub wide_quantizers: bool,
    /// Writes several tables into one segment.
    pub join_tables: bool,
    pub jfif: bool,
    /// The transform in an Adobe segment.
    pub adobe: Option<u8>,
    /// What follows `Exif\0\0`.
    pub exif: Option<Vec<u8>>,
    pub icc: Option<Icc>,
    /// More segments, each a marker's second byte and the payload.
    pub extra: Vec<(u8, Vec<u8>)>,
    /// How many 0xFF precede every marker but the first.
    pub fill_bytes: usize,
    /// Put between segments. It must not have a 0xFF.
    pub garbage: Vec<u8>,
    /// Leaves the height to a DNL segment after the first scan.
    pub dnl: bool,
    pub without_eoi: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Process {
    /// SOF0, with two Huffman tables of a class.
    #[default]
    Baseline,
    /// SOF1, with four of them.
    Extended,
    /// SOF2, with four of them.
    Progressive,
}

#[derive(Clone, Debug)]
pub struct Icc {
    pub profile: Vec<u8>,
    /// How many bytes go into a segment: at most 65519, and few enough segments to count in a byte.
    pub chunk: usize,
    /// Puts the segments into the order that this seed gives.
    pub shuffle: Option<u64>,
}

pub fn write(picture: &Picture, options: &Options) -> Vec<u8> {
    let mut out = Out {
        bytes: vec![0xFF, 0xD8],
        bits: (0, 0),
        fill_bytes: options.fill_bytes,
        garbage: &options.garbage,
        join_tables: options.join_tables,
    };
    metadata(&mut out, options);
    frame(&mut out, picture, options);
    let mut interval = 0;
    for (index, scan) in options.scans.iter().enumerate() {
        let intervals = &options.restart_intervals;
        let wanted = intervals.get(index).or(intervals.last()).map_or(0, |&interval| interval);
        if wanted != interval {
            interval = wanted;
            out.segment(0xDD, &interval.to_be_bytes());
        }
        let slot = |component| slot(options, component);
        let tokens = tokens(picture, options, scan, usize::from(interval));
        let tables = huffman_tables(options.huffman, &tokens);
        if let Some(Conditioning { small, large, lower }) = options.arithmetic {
            let dc = (0..4).flat_map(|slot| [slot, large << 4 | small]);
            let ac = (0..4).flat_map(|slot| [0x10 | slot, lower]);
            out.segment(0xCC, &dc.chain(ac).collect::<Vec<u8>>());
        } else if !options.huffman.is_standard()
            || options.huffman == Huffman::Standard && index == 0
        {
            let used = (0..).zip(&tables).filter(|(_, table)| !table.symbols.is_empty());
            let payload = |(slot, table): (u8, &HuffmanTable)| {
                [&[slot / 4 * 16 + slot % 4], &table.counts[..], &table.symbols].concat()
            };
            out.tables(0xC4, used.map(payload).collect());
        }
        let mut payload = vec![scan.components.len() as u8];
        for &component in &scan.components {
            let slot = slot(component);
            let dc = if scan.ss == 0 && scan.ah == 0 { slot } else { 0 };
            let ac = if scan.se > 0 { slot } else { 0 };
            payload.extend([picture.components[component].id, dc << 4 | ac]);
        }
        payload.extend([scan.ss, scan.se, scan.ah << 4 | scan.al]);
        out.segment(0xDA, &payload);
        match options.arithmetic {
            Some(conditioning) => {
                let interval = usize::from(interval);
                out.intervals(&arithmetic::intervals(picture, scan, interval, conditioning, slot));
            }
            None => out.entropy(&tokens, &tables),
        }
        if options.dnl && index == 0 {
            out.segment(0xDC, &picture.height.to_be_bytes());
        }
    }
    if !options.without_eoi {
        out.bytes.extend(&options.garbage);
        out.marker(0xD9);
    }
    out.bytes
}

fn metadata(out: &mut Out<'_>, options: &Options) {
    if options.jfif {
        out.segment(0xE0, b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00");
    }
    if let Some(exif) = &options.exif {
        out.segment(0xE1, &[b"Exif\0\0", &exif[..]].concat());
    }
    if let Some(icc) = &options.icc {
        let mut chunks: Vec<(usize, &[u8])> = icc.profile.chunks(icc.chunk).enumerate().collect();
        let count = chunks.len() as u8;
        if let Some(seed) = icc.shuffle {
            let mut random = Random(seed);
            chunks.sort_by_cached_key(|_| random.next());
        }
        for (index, chunk) in chunks {
            out.segment(0xE2, &[b"ICC_PROFILE\0", &[index as u8 + 1, count][..], chunk].concat());
        }
    }
    if let Some(transform) = options.adobe {
        out.segment(0xEE, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
    }
    for (marker, payload) in &options.extra {
        out.segment(*marker, payload);
    }
}

/// The quantizers and the frame header.
fn frame(out: &mut Out<'_>, picture: &Picture, options: &Options) {
    let quantizer = |(slot, table): (u8, &[u16; 64])| {
        let wide = options.wide_quantizers || table.iter().any(|&entry| entry > 255);
        let entries = ZIGZAG
            .iter()
            .flat_map(|&at| table[at].to_be_bytes().into_iter().skip(usize::from(!wide)));
        [u8::from(wide) << 4 | slot].into_iter().chain(entries).collect()
    };
    out.tables(0xDB, (0..).zip(&picture.quantizers).map(quantizer).collect());
    let marker = match (options.arithmetic, options.process) {
        (None, Process::Baseline) => 0xC0,
        (None, Process::Extended) => 0xC1,
        (None, Process::Progressive) => 0xC2,
        (Some(_), Process::Baseline | Process::Extended) => 0xC9,
        (Some(_), Process::Progressive) => 0xCA,
    };
    let mut payload = vec![if options.precision == 0 { 8 } else { options.precision }];
    payload.extend(if options.dnl { 0 } else { picture.height }.to_be_bytes());
    payload.extend(picture.width.to_be_bytes());
    payload.push(picture.components.len() as u8);
    for component in &picture.components {
        payload.extend([component.id, component.h << 4 | component.v, component.quantizer as u8]);
    }
    out.segment(marker, &payload);
}

/// The Huffman tables of a component, of both classes.
fn slot(options: &Options, component: usize) -> u8 {
    let two = options.huffman.is_standard() || options.process == Process::Baseline;
    component.min(if two { 1 } else { 3 }) as u8
}

/// What a scan consists of, before symbols have codes.
#[derive(Clone, Copy)]
enum Token {
    /// A slot, which is 4 higher for AC, and a symbol.
    Symbol(u8, u8),
    /// A value and its length in bits.
    Bits(u32, u32),
    Restart,
}

fn tokens(picture: &Picture, options: &Options, scan: &Scan, interval: usize) -> Vec<Token> {
    let eob_run_limit = if options.process != Process::Progressive || options.huffman.is_standard()
    {
        1
    } else {
        options.eob_run_limit.unwrap_or(32767)
    };
    let predictions = vec![0; picture.components.len()];
    let mut encoder = Encoder {
        tokens: Vec::new(),
        predictions,
        eob_run: 0,
        eob_run_limit,
        corrections: Vec::new(),
        slot: 0,
    };
    for (index, mcu) in picture.mcus(scan).into_iter().enumerate() {
        if interval > 0 && index > 0 && index % interval == 0 {
            encoder.flush();
            encoder.predictions.fill(0);
            encoder.tokens.push(Token::Restart);
        }
        for (component, at) in mcu {
            encoder.slot = slot(options, component);
            encoder.block(scan, component, &picture.components[component].blocks[at]);
        }
    }
    encoder.flush();
    encoder.tokens
}

struct Encoder {
    tokens: Vec<Token>,
    /// The DC before, of each component.
    predictions: Vec<i32>,
    /// The blocks that have ended without a word of it, and the correction bits in them.
    eob_run: u16,
    eob_run_limit: u16,
    corrections: Vec<Token>,
    /// That of the tables of the block at hand.
    slot: u8,
}

impl Encoder {
    fn block(&mut self, scan: &Scan, component: usize, block: &Block) {
        let value = |k| point_transform(block[ZIGZAG[k]], k, scan.al);
        if scan.ss == 0 && scan.ah > 0 {
            self.tokens.push(Token::Bits((value(0) & 1) as u32, 1));
        } else if scan.ss == 0 {
            let prediction = std::mem::replace(&mut self.predictions[component], value(0));
            self.number(self.slot, 0, value(0) - prediction);
        }
        if scan.se > 0 {
            let band = usize::from(scan.ss.max(1))..=usize::from(scan.se);
            self.band(&band.map(value).collect::<Vec<_>>(), scan.ah > 0);
        }
    }

    /// AC coefficients, or one more bit of them: then those that were not zero before have theirs
    /// in between the new ones, after the symbol that skips them.
    fn band(&mut self, values: &[i32], refine: bool) {
        let is_new = |value: i32| value != 0 && (!refine || value.abs() == 1);
        let last_new = values.iter().rposition(|&value| is_new(value));
        let mut run = 0;
        let mut corrections = Vec::new();
        for (k, &value) in values.iter().enumerate() {
            if value == 0 {
                run += 1;
                continue;
            }
            // After the last new one the end of the block tells of all zeros.
            while run > 15 && last_new.is_some_and(|last| k <= last) {
                self.flush();
                self.tokens.push(Token::Symbol(self.slot + 4, 0xF0));
                self.tokens.append(&mut corrections);
                run -= 16;
            }
            if is_new(value) {
                self.flush();
                self.number(self.slot + 4, std::mem::take(&mut run), value);
                self.tokens.append(&mut corrections);
            } else {
                corrections.push(Token::Bits(value.unsigned_abs() & 1, 1));
            }
        }
        if run > 0 || !corrections.is_empty() {
            self.eob_run += 1;
            self.corrections.append(&mut corrections);
            if self.eob_run >= self.eob_run_limit {
                self.flush();
            }
        }
    }

    /// A symbol of a run of zeros and the length of a number, and the number.
    fn number(&mut self, slot: u8, run: u8, value: i32) {
        let length = 32 - value.unsigned_abs().leading_zeros();
        // A negative number is told by the bits of one less.
        let bits = (value + (value >> 31)) as u32 & ((1 << length) - 1);
        self.tokens
            .extend([Token::Symbol(slot, run << 4 | length as u8), Token::Bits(bits, length)]);
    }

    /// Tells of the blocks that have ended.
    fn flush(&mut self) {
        if self.eob_run > 0 {
            let length = self.eob_run.ilog2();
            self.tokens.push(Token::Symbol(self.slot + 4, (length as u8) << 4));
            self.tokens.push(Token::Bits(u32::from(self.eob_run) - (1 << length), length));
            self.tokens.append(&mut self.corrections);
            self.eob_run = 0;
        }
    }
}

struct Out<'a> {
    bytes: Vec<u8>,
    /// Those that do not fill a byte yet, at the low end, and how many they are.
    bits: (u32, u32),
    fill_bytes: usize,
    garbage: &'a [u8],
    join_tables: bool,
}

impl Out<'_> {
    fn marker(&mut self, marker: u8) {
        self.bytes.extend(std::iter::repeat_n(0xFF, self.fill_bytes + 1).chain([marker]));
    }

    fn segment(&mut self, marker: u8, payload: &[u8]) {
        self.bytes.extend(self.garbage);
        self.marker(marker);
        self.bytes
            .extend(u16::try_from(payload.len() + 2).expect("it fits a segment").to_be_bytes());
        self.bytes.extend(payload);
    }

    fn tables(&mut self, marker: u8, tables: Vec<Vec<u8>>) {
        let tables =
            if self.join_tables && !tables.is_empty() { vec![tables.concat()] } else { tables };
        tables.iter().for_each(|table| self.segment(marker, table));
    }

    fn entropy(&mut self, tokens: &[Token], tables: &[HuffmanTable; 8]) {
        let codes = tables.each_ref().map(HuffmanTable::codes);
        let mut restarts = 0;
        for token in tokens {
            match *token {
                Token::Symbol(slot, symbol) => {
                    let code = codes[usize::from(slot)][usize::from(symbol)];
                    self.bits(code.expect("Annex K has it"));
                }
                Token::Bits(value, count) => self.bits((value, count)),
                Token::Restart => {
                    self.pad();
                    self.marker(0xD0 + restarts);
                    restarts = (restarts + 1) % 8;
                }
            }
        }
        self.pad();
    }

    fn intervals(&mut self, intervals: &[Vec<u8>]) {
        for (number, bytes) in intervals.iter().enumerate() {
            if number > 0 {
                self.marker(0xD0 + (number as u8 - 1) % 8);
            }
            for &byte in bytes {
                self.bytes.push(byte);
                if byte == 0xFF {
                    self.bytes.push(0);
                }
            }
        }
    }

    fn bits(&mut self, (value, count): (u32, u32)) {
        self.bits = (self.bits.0 << count | value, self.bits.1 + count);
        while self.bits.1 >= 8 {
            self.bits.1 -= 8;
            let byte = (self.bits.0 >> self.bits.1) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
    }

    fn pad(&mut self) {
        let missing = self.bits.1.next_multiple_of(8) - self.bits.1;
        self.bits(((1 << missing) - 1, missing));
    }
}
