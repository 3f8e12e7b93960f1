//! Writes JPEG files from coefficients, of every kind that a Huffman-coded 8 bit frame can be.
//!
//! It starts from coefficients, not from pixels, because then what a decoder must find in the file
//! is known to the bit, for odd files too that no camera would write. Nothing here checks that the
//! options make sense together: a test may want a file that they do not.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The quantised coefficients of 8 by 8 samples, row by row.
pub type Block = [i16; 64];

#[derive(Clone)]
pub struct Picture {
    pub width: u16,
    pub height: u16,
    /// Row by row, as in a `Block`; at most four. An entry over 255 is written with 16 bits.
    pub quantisers: Vec<[u16; 64]>,
    pub components: Vec<Component>,
}

#[derive(Clone)]
pub struct Component {
    pub id: u8,
    pub h: u8,
    pub v: u8,
    /// An index into `Picture::quantisers`.
    pub quantiser: usize,
    /// The grid is as large as interleaved scans make it: whole MCUs. A scan of one component
    /// leaves out the blocks that lie wholly beyond the picture; see `Picture::decoded`.
    pub blocks_wide: usize,
    pub blocks_high: usize,
    pub blocks: Vec<Block>,
}

/// The samples of one component. Rows are `stride` apart and go on beyond `width` to the end of the
/// grid of blocks, as rows go on beyond `height`.
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub stride: usize,
    pub samples: Vec<f64>,
}

impl Picture {
    /// All zero. Component 0 has quantiser 0 and the others have quantiser 1, both as in Annex K
    /// and scaled by `quality`, from 1 to 100. With quality 0 there are entries over 255.
    pub fn blank(width: u16, height: u16, sampling: &[(u8, u8)], quality: u8) -> Picture {
        let mut picture = Picture {
            width,
            height,
            quantisers: [&LUMINANCE, &CHROMINANCE].map(|table| scaled(table, quality)).to_vec(),
            components: Vec::new(),
        };
        for (index, &(h, v)) in sampling.iter().enumerate() {
            let (id, quantiser) = (index as u8 + 1, index.min(1));
            let component =
                Component { id, h, v, quantiser, blocks_wide: 0, blocks_high: 0, blocks: Vec::new() };
            picture.components.push(component);
        }
        let (across, down) = picture.mcus_across_and_down();
        for component in &mut picture.components {
            component.blocks_wide = across * usize::from(component.h);
            component.blocks_high = down * usize::from(component.v);
            component.blocks = vec![[0; 64]; component.blocks_wide * component.blocks_high];
        }
        picture
    }

    /// Blocks of many kinds, from empty to full. Samples stay between -372 and 628 before they are
    /// clamped, because beyond that decoders rightly differ.
    pub fn random(seed: u64, width: u16, height: u16, sampling: &[(u8, u8)], quality: u8) -> Picture {
        let mut picture = Picture::blank(width, height, sampling, quality);
        let mut random = Random(seed);
        let basis = basis(8);
        for component in &mut picture.components {
            let quantiser = &picture.quantisers[component.quantiser];
            let mut dc = 0;
            for block in &mut component.blocks {
                *block = random_block(&mut random, quantiser, &mut dc);
                while inverse(block, quantiser, &basis, 8).iter().any(|sample| sample.abs() > 500.0) {
                    block[1..].iter_mut().filter(|_| random.one_in(2)).for_each(|ac| *ac = 0);
                }
            }
        }
        picture
    }

    /// Transforms and quantises samples. `sample` takes a component, x and y, which stay within
    /// `Picture::size`: at the edges samples are repeated.
    pub fn from_samples(
        width: u16,
        height: u16,
        sampling: &[(u8, u8)],
        quality: u8,
        sample: impl Fn(usize, usize, usize) -> u8,
    ) -> Picture {
        let mut picture = Picture::blank(width, height, sampling, quality);
        let basis = basis(8);
        let sizes: Vec<_> = (0..sampling.len()).map(|index| picture.size(index)).collect();
        for (index, component) in picture.components.iter_mut().enumerate() {
            let quantiser = &picture.quantisers[component.quantiser];
            for (at, block) in component.blocks.iter_mut().enumerate() {
                let (left, top) = (at % component.blocks_wide * 8, at / component.blocks_wide * 8);
                let samples: [f64; 64] = std::array::from_fn(|i| {
                    let x = (left + i % 8).min(sizes[index].0 - 1);
                    let y = (top + i / 8).min(sizes[index].1 - 1);
                    f64::from(sample(index, x, y)) - 128.0
                });
                *block = forward(&samples, quantiser, &basis);
            }
        }
        picture
    }

    /// The width and height of a component in samples.
    pub fn size(&self, component: usize) -> (usize, usize) {
        let (h_max, v_max) = self.max_sampling();
        let Component { h, v, .. } = self.components[component];
        let width = (usize::from(self.width) * usize::from(h)).div_ceil(h_max);
        let height = (usize::from(self.height) * usize::from(v)).div_ceil(v_max);
        (width, height)
    }

    /// What a decoder should make of a component if it decodes every block to `n` by `n` samples,
    /// with `n` of 1, 2, 4 or 8: the inverse transform of that size, of that many of the lowest
    /// coefficients each way, scaled so that the mean stays. Neither rounded nor clamped.
    ///
    /// It shows every block of the grid; take it of `Picture::decoded` to see what the scans show.
    pub fn plane_at(&self, component: usize, n: usize) -> Plane {
        let (width, height) = self.size(component);
        let component = &self.components[component];
        let quantiser = &self.quantisers[component.quantiser];
        let basis = basis(n);
        let stride = component.blocks_wide * n;
        let mut samples = vec![0.0; stride * component.blocks_high * n];
        for (at, block) in component.blocks.iter().enumerate() {
            let (left, top) = (at % component.blocks_wide * n, at / component.blocks_wide * n);
            for (y, row) in inverse(block, quantiser, &basis, n).chunks(n).enumerate() {
                for (x, sample) in row.iter().enumerate() {
                    samples[(top + y) * stride + left + x] = sample + 128.0;
                }
            }
        }
        Plane { width: (width * n).div_ceil(8), height: (height * n).div_ceil(8), stride, samples }
    }

    /// The picture as these scans tell it, which may be the first few of those in the file. Even
    /// after all scans, blocks that a scan of one component leaves out lack the coefficients of
    /// that scan.
    pub fn decoded(&self, scans: &[Scan]) -> Picture {
        let mut picture = self.clone();
        for component in &mut picture.components {
            component.blocks.fill([0; 64]);
        }
        for scan in scans {
            for (component, at) in self.mcus(scan).into_iter().flatten() {
                let told = &mut picture.components[component].blocks[at];
                let block = &self.components[component].blocks[at];
                for k in usize::from(scan.ss)..=usize::from(scan.se) {
                    let value = block[ZIGZAG[k]];
                    if k == 0 && scan.ah > 0 {
                        told[0] |= value & 1 << scan.al;
                    } else {
                        told[ZIGZAG[k]] = (point_transform(value, k, scan.al) << scan.al) as i16;
                    }
                }
            }
        }
        picture
    }

    fn max_sampling(&self) -> (usize, usize) {
        let h = self.components.iter().map(|component| component.h).max();
        let v = self.components.iter().map(|component| component.v).max();
        (usize::from(h.unwrap()), usize::from(v.unwrap()))
    }

    fn mcus_across_and_down(&self) -> (usize, usize) {
        let (h_max, v_max) = self.max_sampling();
        (usize::from(self.width).div_ceil(8 * h_max), usize::from(self.height).div_ceil(8 * v_max))
    }

    /// The MCUs of a scan, in order, each a list of component and block.
    fn mcus(&self, scan: &Scan) -> Vec<Vec<(usize, usize)>> {
        if let &[only] = &scan.components[..] {
            let (width, height) = self.size(only);
            let stride = self.components[only].blocks_wide;
            let row = |y| (0..width.div_ceil(8)).map(move |x| vec![(only, y * stride + x)]);
            return (0..height.div_ceil(8)).flat_map(row).collect();
        }
        let (across, down) = self.mcus_across_and_down();
        let mcu = |at: usize| {
            let mut blocks = Vec::new();
            for &index in &scan.components {
                let component = &self.components[index];
                let (h, v) = (usize::from(component.h), usize::from(component.v));
                for y in at / across * v..(at / across + 1) * v {
                    blocks.extend((0..h).map(|x| (index, y * component.blocks_wide + at % across * h + x)));
                }
            }
            blocks
        };
        (0..across * down).map(mcu).collect()
    }
}

/// What a file is made of, besides the picture.
#[derive(Clone, Default, Debug)]
pub struct Options {
    pub process: Process,
    pub scans: Vec<Scan>,
    pub huffman: Huffman,
    /// The longest run of ends of block, if not the 32767 that the format allows. With the tables
    /// of Annex K it is 1: they have no symbol for more.
    pub eob_run_limit: Option<u16>,
    /// The restart interval of each scan; the last goes for all that follow, and none is 0.
    pub restart_intervals: Vec<u16>,
    /// Writes quantisers with 16 bits where 8 would do.
    pub wide_quantisers: bool,
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

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Huffman {
    /// The shortest codes, anew for every scan.
    #[default]
    Optimised,
    /// Codes of most lengths up to 16 bits, the longest for the most frequent symbols, anew for
    /// every scan.
    Long,
    /// The tables of Annex K, before the first scan.
    Standard,
    /// The tables of Annex K, but not in the file: a frame of a Motion JPEG.
    Omitted,
}

impl Huffman {
    fn is_standard(self) -> bool {
        matches!(self, Huffman::Standard | Huffman::Omitted)
    }
}

#[derive(Clone, Debug)]
pub struct Icc {
    pub profile: Vec<u8>,
    /// How many bytes go into a segment: at most 65519, and few enough segments to count in a byte.
    pub chunk: usize,
    /// Puts the segments into the order that this seed gives.
    pub shuffle: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scan {
    /// In the order of the frame.
    pub components: Vec<usize>,
    pub ss: u8,
    pub se: u8,
    pub ah: u8,
    pub al: u8,
}

impl Scan {
    pub fn new(components: &[usize], band: (u8, u8), ah: u8, al: u8) -> Scan {
        Scan { components: components.to_vec(), ss: band.0, se: band.1, ah, al }
    }
}

/// The ways to spread a picture over scans.
pub mod scripts {
    use super::{Picture, Random, Scan};

    /// One scan; or as few as hold four components and ten blocks an MCU each.
    pub fn interleaved(picture: &Picture) -> Vec<Scan> {
        groups(picture, 0..picture.components.len()).iter().map(|group| whole(group)).collect()
    }

    pub fn one_per_component(picture: &Picture) -> Vec<Scan> {
        (0..picture.components.len()).map(|index| whole(&[index])).collect()
    }

    /// Not progressive, and in any order and grouping.
    pub fn random_sequential(picture: &Picture, seed: u64) -> Vec<Scan> {
        let mut random = Random(seed);
        let mut scans = Vec::new();
        let mut left: Vec<usize> = (0..picture.components.len()).collect();
        while !left.is_empty() {
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|_| random.one_in(2));
            scans.extend(groups(picture, now).iter().map(|group| whole(group)));
            left = later;
        }
        scans
    }

    /// Much as most encoders do it: a blurred picture first, its colours early, its details last.
    pub fn progressive(picture: &Picture) -> Vec<Scan> {
        let mut scans = dc(picture, 0, 1);
        scans.push(Scan::new(&[0], (1, 5), 0, 2));
        scans.extend((1..picture.components.len()).rev().map(|index| Scan::new(&[index], (1, 63), 0, 1)));
        scans.push(Scan::new(&[0], (6, 63), 0, 2));
        scans.push(Scan::new(&[0], (1, 63), 2, 1));
        scans.extend(dc(picture, 1, 0));
        scans.extend((0..picture.components.len()).rev().map(|index| Scan::new(&[index], (1, 63), 1, 0)));
        scans
    }

    /// One component after the other, from the last to the first, so that no scan is interleaved.
    pub fn component_by_component(picture: &Picture) -> Vec<Scan> {
        let bands = |index| [(0, 0), (1, 63)].map(|band| Scan::new(&[index], band, 0, 0));
        (0..picture.components.len()).rev().flat_map(bands).collect()
    }

    /// In several bands, the highest first, and no bits held back.
    pub fn spectral_selection(picture: &Picture) -> Vec<Scan> {
        let mut scans = dc(picture, 0, 0);
        for band in [(63, 63), (36, 62), (10, 35), (2, 9), (1, 1)] {
            scans.extend((0..picture.components.len()).map(|index| Scan::new(&[index], band, 0, 0)));
        }
        scans
    }

    /// All DC and then all AC, from bit `al`, at most 13, down to the lowest. With 0, each is sent
    /// at once.
    pub fn successive_approximation(picture: &Picture, al: u8) -> Vec<Scan> {
        let mut scans = Vec::new();
        for low in (0..=al).rev() {
            let high = if low == al { 0 } else { low + 1 };
            scans.extend(dc(picture, high, low));
            let components = 0..picture.components.len();
            scans.extend(components.map(|index| Scan::new(&[index], (1, 63), high, low)));
        }
        scans
    }

    /// Any complete progression that the standard allows, with at most five bits held back.
    pub fn random_progressive(picture: &Picture, seed: u64) -> Vec<Scan> {
        let mut random = Random(seed);
        let mut scans = Vec::new();
        // The lowest bit sent of each coefficient.
        let mut sent = vec![[None; 64]; picture.components.len()];
        loop {
            let open = |index: &usize| sent[*index].iter().any(|&low| low != Some(0));
            let open: Vec<usize> = (0..picture.components.len()).filter(open).collect();
            if open.is_empty() {
                return scans;
            }
            let index = open[random.below(open.len())];
            let open: Vec<usize> = (1..64).filter(|&k| sent[index][k] != Some(0)).collect();
            let dc = sent[index][0];
            let is_dc = dc.is_none() || dc != Some(0) && (open.is_empty() || random.one_in(4));
            let (components, band) = if is_dc {
                let mut joins = |&other: &usize| other == index || sent[other][0] == dc && !random.one_in(4);
                let joining: Vec<usize> = (0..sent.len()).filter(&mut joins).collect();
                let mut groups = groups(picture, joining).into_iter();
                (groups.find(|group| group.contains(&index)).unwrap_or_default(), (0, 0))
            } else {
                // Mostly as much as goes, or there would be hundreds of scans.
                let any = random.one_in(4);
                let first = if any { open[random.below(open.len())] } else { open[0] };
                let same = |&k: &usize| sent[index][k] == sent[index][first];
                let last = (first..64).take_while(same).last().unwrap_or(first);
                let last = if any { first + random.below(last - first + 1) } else { last };
                (vec![index], (first, last))
            };
            let low = sent[index][band.0];
            let (ah, al) = (low.unwrap_or(0), low.map_or_else(|| random.below(6) as u8, |low| low - 1));
            for &component in &components {
                sent[component][band.0..=band.1].fill(Some(al));
            }
            scans.push(Scan { components, ss: band.0 as u8, se: band.1 as u8, ah, al });
        }
    }

    fn whole(components: &[usize]) -> Scan {
        Scan::new(components, (0, 63), 0, 0)
    }

    fn dc(picture: &Picture, ah: u8, al: u8) -> Vec<Scan> {
        let groups = groups(picture, 0..picture.components.len());
        groups.iter().map(|group| Scan::new(group, (0, 0), ah, al)).collect()
    }

    /// Spreads components over groups that one scan may hold.
    fn groups(picture: &Picture, components: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let blocks = |index: &usize| picture.components[*index].h * picture.components[*index].v;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in components {
            match groups.last_mut() {
                Some(group)
                    if group.len() < 4 && group.iter().map(blocks).sum::<u8>() + blocks(&index) <= 10 =>
                {
                    group.push(index);
                }
                _ => groups.push(vec![index]),
            }
        }
        groups
    }
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
        let tokens = tokens(picture, options, scan, usize::from(interval));
        let tables = huffman_tables(options.huffman, &tokens);
        if !options.huffman.is_standard() || options.huffman == Huffman::Standard && index == 0 {
            let used = (0..).zip(&tables).filter(|(_, table)| !table.symbols.is_empty());
            let payload = |(slot, table): (u8, &HuffmanTable)| {
                [&[slot / 4 * 16 + slot % 4], &table.counts[..], &table.symbols].concat()
            };
            out.tables(0xC4, used.map(payload).collect());
        }
        let mut payload = vec![scan.components.len() as u8];
        for &component in &scan.components {
            let slot = slot(options, component);
            let dc = if scan.ss == 0 && scan.ah == 0 { slot } else { 0 };
            let ac = if scan.se > 0 { slot } else { 0 };
            payload.extend([picture.components[component].id, dc << 4 | ac]);
        }
        payload.extend([scan.ss, scan.se, scan.ah << 4 | scan.al]);
        out.segment(0xDA, &payload);
        out.entropy(&tokens, &tables);
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

/// The quantisers and the frame header.
fn frame(out: &mut Out<'_>, picture: &Picture, options: &Options) {
    let quantiser = |(slot, table): (u8, &[u16; 64])| {
        let wide = options.wide_quantisers || table.iter().any(|&entry| entry > 255);
        let entries =
            ZIGZAG.iter().flat_map(|&at| table[at].to_be_bytes().into_iter().skip(usize::from(!wide)));
        [u8::from(wide) << 4 | slot].into_iter().chain(entries).collect()
    };
    out.tables(0xDB, (0..).zip(&picture.quantisers).map(quantiser).collect());
    let marker = match options.process {
        Process::Baseline => 0xC0,
        Process::Extended => 0xC1,
        Process::Progressive => 0xC2,
    };
    let mut payload = vec![8];
    payload.extend(if options.dnl { 0 } else { picture.height }.to_be_bytes());
    payload.extend(picture.width.to_be_bytes());
    payload.push(picture.components.len() as u8);
    for component in &picture.components {
        payload.extend([component.id, component.h << 4 | component.v, component.quantiser as u8]);
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
    let eob_run_limit = if options.process != Process::Progressive || options.huffman.is_standard() {
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
        self.tokens.extend([Token::Symbol(slot, run << 4 | length as u8), Token::Bits(bits, length)]);
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

/// Leaves out the lowest `al` bits: of DC as if it were shifted, of AC towards zero.
fn point_transform(value: i16, k: usize, al: u8) -> i32 {
    let value = i32::from(value);
    if k == 0 { value >> al } else { value.signum() * (value.abs() >> al) }
}

#[derive(Clone, Default)]
struct HuffmanTable {
    /// How many codes there are of each length from 1 to 16.
    counts: [u8; 16],
    /// Shortest code first.
    symbols: Vec<u8>,
}

impl HuffmanTable {
    fn from_lengths(mut lengths: Vec<(usize, u8)>) -> HuffmanTable {
        lengths.sort();
        let mut table = HuffmanTable::default();
        for (length, symbol) in lengths {
            table.counts[length - 1] += 1;
            table.symbols.push(symbol);
        }
        table
    }

    /// The codes by Huffman's method. The counts are made more alike until none has over 16 bits.
    fn optimised(mut counts: Vec<(u64, u8)>) -> HuffmanTable {
        loop {
            let mut lengths = vec![0; counts.len() + 1];
            let mut trees: BinaryHeap<_> =
                counts.iter().enumerate().map(|(leaf, count)| Reverse((count.0, vec![leaf]))).collect();
            // Less frequent than all others, so it takes the code of all ones, which no symbol may
            // have.
            trees.push(Reverse((0, vec![counts.len()])));
            while trees.len() > 1 {
                let (Reverse(a), Reverse(b)) = (trees.pop().unwrap(), trees.pop().unwrap());
                let leaves = [a.1, b.1].concat();
                leaves.iter().for_each(|&leaf| lengths[leaf] += 1);
                trees.push(Reverse((a.0 + b.0, leaves)));
            }
            if lengths.iter().all(|&length| length <= 16) {
                let lengths = counts.iter().zip(lengths).map(|(&(_, symbol), length)| (length, symbol));
                return HuffmanTable::from_lengths(lengths.collect());
            }
            counts.iter_mut().for_each(|count| count.0 = count.0.div_ceil(2));
        }
    }

    /// The rarer half of the symbols has one code of each length but 8, and all others have 16
    /// bits. There is no room for so many if 8 has one too.
    fn long(mut counts: Vec<(u64, u8)>) -> HuffmanTable {
        counts.sort();
        let rare = counts.len() / 2;
        let mut short = (1..8).chain(9..16).take(rare);
        let length = |(_, symbol)| (short.next().unwrap_or(16), symbol);
        HuffmanTable::from_lengths(counts.into_iter().map(length).collect())
    }

    /// The code of each symbol and its length.
    fn codes(&self) -> [Option<(u32, u32)>; 256] {
        let mut codes = [None; 256];
        let mut symbols = self.symbols.iter();
        let mut code = 0;
        for (count, length) in self.counts.iter().zip(1..) {
            for &symbol in symbols.by_ref().take(usize::from(*count)) {
                codes[usize::from(symbol)] = Some((code, length));
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

/// The tables of the four slots for DC, then of those for AC.
fn huffman_tables(huffman: Huffman, tokens: &[Token]) -> [HuffmanTable; 8] {
    let mut counts = vec![[0; 256]; 8];
    for token in tokens {
        if let Token::Symbol(slot, symbol) = *token {
            counts[usize::from(slot)][usize::from(symbol)] += 1;
        }
    }
    std::array::from_fn(|slot| {
        let used = counts[slot].iter().copied().zip(0..=255).filter(|&(count, _)| count > 0).collect();
        match huffman {
            Huffman::Optimised => HuffmanTable::optimised(used),
            Huffman::Long => HuffmanTable::long(used),
            _ if slot % 4 > 1 => HuffmanTable::default(),
            _ => {
                let (counts, symbols) = STANDARD[slot / 4 * 2 + slot % 4];
                HuffmanTable { counts, symbols: symbols.to_vec() }
            }
        }
    })
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
        self.bytes.extend(u16::try_from(payload.len() + 2).expect("it fits a segment").to_be_bytes());
        self.bytes.extend(payload);
    }

    fn tables(&mut self, marker: u8, tables: Vec<Vec<u8>>) {
        let tables = if self.join_tables && !tables.is_empty() { vec![tables.concat()] } else { tables };
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

/// The cosines of an orthonormal transform of `n` points: `n` rows of samples, a column a
/// frequency.
fn basis(n: usize) -> Vec<f64> {
    let cosine = |at: usize| {
        let (x, u) = ((at / n) as f64, (at % n) as f64);
        let norm = if at.is_multiple_of(n) { 1.0 } else { 2.0 } / n as f64;
        norm.sqrt() * ((2.0 * x + 1.0) * u * std::f64::consts::PI / (2.0 * n as f64)).cos()
    };
    (0..n * n).map(cosine).collect()
}

fn forward(samples: &[f64; 64], quantiser: &[u16; 64], basis: &[f64]) -> Block {
    // Of each row, then of each column.
    let sum = |terms: &dyn Fn(usize) -> f64| (0..8).map(terms).sum::<f64>();
    let rows: [f64; 64] = std::array::from_fn(|i| sum(&|x| samples[i / 8 * 8 + x] * basis[x * 8 + i % 8]));
    std::array::from_fn(|i| {
        let coefficient = sum(&|y| rows[y * 8 + i % 8] * basis[y * 8 + i / 8]);
        (coefficient / f64::from(quantiser[i])).round().clamp(-1023.0, 1023.0) as i16
    })
}

fn inverse(block: &Block, quantiser: &[u16; 64], basis: &[f64], n: usize) -> Vec<f64> {
    // Of each column, then of each row.
    let sum = |terms: &dyn Fn(usize) -> f64| (0..n).map(terms).sum::<f64>();
    let coefficient = |i: usize| f64::from(block[i]) * f64::from(quantiser[i]);
    let columns: Vec<f64> =
        (0..n * n).map(|i| sum(&|v| coefficient(v * 8 + i % n) * basis[i / n * n + v])).collect();
    let sample = |i: usize| sum(&|u| columns[i / n * n + u] * basis[i % n * n + u]);
    (0..n * n).map(|i| sample(i) * n as f64 / 8.0).collect()
}

fn random_block(random: &mut Random, quantiser: &[u16; 64], dc: &mut i16) -> Block {
    let mut block = [0; 64];
    let kind = random.below(10);
    let dc_limit = 1016 / quantiser[0].min(1016) as i16;
    match kind {
        0 => {}
        // From one end to the other.
        1 if random.one_in(8) => *dc = if *dc > 0 { -dc_limit } else { dc_limit },
        _ => *dc = (*dc + random.signed(dc_limit / 8 + 1)).clamp(-dc_limit, dc_limit),
    }
    block[0] = *dc;
    let mut k = 0;
    loop {
        k += match kind {
            0 => 64,
            1 => 63,
            // Runs of over 16 and of over 32 zeros.
            2 => 17 + random.below(40),
            3 => 1,
            4 => 1 + random.below(4),
            // Ever fewer.
            _ => 1 + random.below(1 + k + k * k / 4),
        };
        if k > 63 {
            break;
        }
        let at = ZIGZAG[k];
        // Most are small, and the more so the higher the frequency.
        let loud = if random.one_in(50) { 1023 } else { 400 / (1 + k / 3) / (1 + random.below(20)) };
        let limit = (loud / usize::from(quantiser[at])).max(1) as i16;
        let value = random.signed(limit);
        block[at] = if value == 0 { limit } else { value };
    }
    block
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn signed(&mut self, limit: i16) -> i16 {
        self.below(2 * limit as usize + 1) as i16 - limit
    }
}

/// Where in a block the coefficients lie, in the order of the file: diagonals, up and down in turn.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

fn scaled(table: &[u16; 64], quality: u8) -> [u16; 64] {
    let percent = if quality < 50 { 5000 / u32::from(quality.max(1)) } else { 200 - 2 * u32::from(quality) };
    let limit = if quality == 0 { u32::from(u16::MAX) } else { 255 };
    table.map(|entry| (u32::from(entry) * percent).div_ceil(100).clamp(1, limit) as u16)
}

/// Tables K.1 and K.2.
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// How many codes there are of each length, and their symbols: tables K.3 to K.6.
const STANDARD: [([u8; 16], &[u8]); 4] = [
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &LUMINANCE_AC),
    ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &CHROMINANCE_AC),
];
const LUMINANCE_AC: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
    0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33,
    0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55,
    0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76,
    0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5,
    0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4,
    0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
const CHROMINANCE_AC: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
    0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62,
    0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29,
    0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54,
    0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3,
    0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2,
    0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
