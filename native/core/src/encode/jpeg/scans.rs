//! JPEG from all of its coefficients: with tables made for the picture, in one scan or
//! progressively. The scans are libjpeg's.

use thumbelina_codec::{Context, Held};

use super::super::blocks::Blocks;
use super::super::options::EncodeOptions;
use super::super::segments::segments;
use super::super::sink::Sink;
use super::super::writer::{STEP_NANOS, Writer};
use super::entropy::{
    AC, Codes, Counts, DC, Pending, Symbols, TABLES, ac_first, ac_refine, dc_first, dc_refine,
    sequential,
};
use super::tables::{Huffman, Quantizer, quantizers};
use super::transform::{Component, Transform, coefficient_bytes};
use super::{END_OF_IMAGE, START};
use crate::{Error, Format, Picture, cost};

pub(super) struct Scans {
    progressive: bool,
    transform: Transform,
    /// What stands before the scans.
    head: Blocks,
    script: Vec<Scan>,
    /// The scan that is next or in progress.
    scan: usize,
    pass: Pass,
    /// The next MCU, or block, of the scan.
    next: usize,
    state: State,
    row_nanos: u64,
    _held: Held,
}

/// One of the two goes over a scan.
enum Pass {
    Count(Box<Counts>),
    Write(Box<Codes>),
}

#[derive(Default)]
struct State {
    previous: [i16; 3],
    pending: Pending,
}

/// What a scan writes of which components: coefficients `first` to `last`, from the bit `high`
/// (0 where none was written before) down to the bit `low`.
#[derive(Clone, Copy)]
struct Scan {
    components: &'static [usize],
    first: usize,
    last: usize,
    high: u32,
    low: u32,
}

const fn scan(
    components: &'static [usize],
    (first, last): (usize, usize),
    (high, low): (u32, u32),
) -> Scan {
    Scan { components, first, last, high, low }
}

const GRAY: [Scan; 1] = [scan(&[0], (0, 63), (0, 0))];
const COLOR: [Scan; 1] = [scan(&[0, 1, 2], (0, 63), (0, 0))];

const PROGRESSIVE_GRAY: [Scan; 6] = [
    scan(&[0], (0, 0), (0, 1)),
    scan(&[0], (1, 5), (0, 2)),
    scan(&[0], (6, 63), (0, 2)),
    scan(&[0], (1, 63), (2, 1)),
    scan(&[0], (0, 0), (1, 0)),
    scan(&[0], (1, 63), (1, 0)),
];
const PROGRESSIVE_COLOR: [Scan; 10] = [
    scan(&[0, 1, 2], (0, 0), (0, 1)),
    scan(&[0], (1, 5), (0, 2)),
    scan(&[2], (1, 63), (0, 1)),
    scan(&[1], (1, 63), (0, 1)),
    scan(&[0], (6, 63), (0, 2)),
    scan(&[0], (1, 63), (2, 1)),
    scan(&[0, 1, 2], (0, 0), (1, 0)),
    scan(&[2], (1, 63), (1, 0)),
    scan(&[1], (1, 63), (1, 0)),
    scan(&[0], (1, 63), (1, 0)),
];

/// What a block takes in one go over a scan.
const BLOCK_NANOS: u64 = 150;

impl Scans {
    pub(super) fn new(
        picture: &Picture,
        options: &EncodeOptions,
        sink: &Sink,
    ) -> Result<Self, Error> {
        let sampling = options.sampling();
        let held = sink.hold(coefficient_bytes(picture, sampling))?;
        let quantizers = quantizers(options.quality);
        let gray = picture.layout.is_gray();
        let tables = quantizer_segment(if gray { &quantizers[..1] } else { &quantizers });
        let transform = Transform::new(picture, sampling, quantizers)?;
        let mut head = segments(&options.attachments);
        head.push(tables);
        head.push(frame_segment(picture, options.progressive, &transform.components)?);
        let script = match (options.progressive, gray) {
            (false, true) => GRAY.to_vec(),
            (false, false) => COLOR.to_vec(),
            (true, true) => PROGRESSIVE_GRAY.to_vec(),
            (true, false) => PROGRESSIVE_COLOR.to_vec(),
        };
        let rows = picture.height.div_ceil(transform.mcus.1 as u32);
        let row_nanos = cost::encode_row_nanos(Format::Jpeg, picture.width, picture.layout);
        Ok(Scans {
            progressive: options.progressive,
            transform,
            head,
            script,
            scan: 0,
            pass: Pass::Count(Box::new(Counts([[0; 256]; TABLES]))),
            next: 0,
            state: State::default(),
            row_nanos: row_nanos * u64::from(rows),
            _held: held,
        })
    }

    /// Takes some steps of the current scan. `true` where none is left.
    fn advance(&mut self) -> Result<bool, Error> {
        let scan = *self.script.get(self.scan).ok_or(Error::Internal)?;
        let Scans { transform, pass, state, next, progressive, .. } = self;
        let walk = Walk { transform, scan, progressive: *progressive };
        let most = (STEP_NANOS / BLOCK_NANOS / scan.blocks(&transform.components)).max(1) as usize;
        let end = walk.units().min(*next + most);
        let units = *next..end;
        *next = end;
        let done = end == walk.units();
        match pass {
            Pass::Count(counts) => walk.units_of(units, state, counts.as_mut(), done),
            Pass::Write(codes) => walk.units_of(units, state, codes.as_mut(), done),
        }
        Ok(done)
    }

    /// Begins to write what was counted.
    fn begin_write(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let scan = *self.script.get(self.scan).ok_or(Error::Internal)?;
        let Pass::Count(counts) = &self.pass else { return Err(Error::Internal) };
        let mut tables = [const { None }; TABLES];
        for index in scan.tables() {
            let huffman = Huffman::new(&counts.0[index]);
            let class = if index < AC { 0 } else { 0x10 };
            put_segment(sink, 0xC4, &huffman.bytes(class | (index % 2) as u8))?;
            tables[index] = Some(huffman);
        }
        put_segment(sink, 0xDA, &scan.header())?;
        self.pass = Pass::Write(Box::new(Codes::new(tables)));
        (self.next, self.state) = (0, State::default());
        Ok(())
    }

    fn begin_count(&mut self) {
        self.scan += 1;
        self.pass = Pass::Count(Box::new(Counts([[0; 256]; TABLES])));
        (self.next, self.state) = (0, State::default());
    }
}

impl Writer for Scans {
    fn next_nanos(&self) -> u64 {
        if self.transform.is_done() { STEP_NANOS } else { self.row_nanos }
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        if !self.transform.is_done() {
            self.transform.step(picture)?;
            return Ok(false);
        }
        if sink.len() == 0 {
            sink.put(START)?;
        }
        if !self.head.step(sink)? {
            return Ok(false);
        }
        let done = self.advance()?;
        match &mut self.pass {
            Pass::Count(_) if done => self.begin_write(sink)?,
            Pass::Count(_) => {}
            Pass::Write(codes) => {
                if done {
                    codes.finish();
                }
                sink.put(&codes.out)?;
                codes.out.clear();
                if done {
                    self.begin_count();
                }
            }
        }
        if self.scan < self.script.len() {
            return Ok(false);
        }
        sink.put(&END_OF_IMAGE)?;
        Ok(true)
    }
}

impl Scan {
    /// The tables that it needs.
    fn tables(self) -> impl Iterator<Item = usize> {
        let chroma = self.components != [0];
        let luma = self.components.contains(&0);
        let dc = self.first == 0 && self.high == 0;
        let of = move |base: usize, used: bool| {
            [(base, luma), (base + 1, chroma)]
                .into_iter()
                .filter(move |&(_, there)| used && there)
                .map(|(index, _)| index)
        };
        of(DC, dc).chain(of(AC, self.last > 0))
    }

    /// How many blocks are written together.
    fn blocks(self, components: &[Component]) -> u64 {
        let blocks = |&index: &usize| {
            components.get(index).map_or(1, |component| component.factors.0 * component.factors.1)
        };
        if self.components.len() == 1 {
            1
        } else {
            self.components.iter().map(blocks).sum::<usize>() as u64
        }
    }

    fn header(self) -> Vec<u8> {
        let mut header = vec![self.components.len() as u8];
        for &component in self.components {
            header.extend([component as u8 + 1, if component == 0 { 0 } else { 0x11 }]);
        }
        header.extend([self.first as u8, self.last as u8, (self.high << 4 | self.low) as u8]);
        header
    }
}

/// A way over the blocks of a scan.
struct Walk<'a> {
    transform: &'a Transform,
    scan: Scan,
    progressive: bool,
}

impl Walk<'_> {
    /// MCUs, or blocks where they come from one component alone.
    fn units(&self) -> usize {
        match self.scan.components {
            &[only] => {
                let shown = self.transform.components.get(only).map_or((0, 0), |c| c.shown);
                shown.0 * shown.1
            }
            _ => self.transform.mcus.0 * self.transform.mcus.1,
        }
    }

    fn units_of(
        &self,
        units: std::ops::Range<usize>,
        state: &mut State,
        symbols: &mut impl Symbols,
        last: bool,
    ) {
        let components = &self.transform.components;
        if let &[only] = self.scan.components {
            let Some(component) = components.get(only) else { return };
            let across = component.shown.0;
            for unit in units {
                let at = unit / across * component.across + unit % across;
                self.block(component, at, only, state, symbols);
            }
            if last {
                state.pending.flush(AC + usize::from(only > 0), symbols);
            }
            return;
        }
        let across = self.transform.mcus.0;
        for unit in units {
            let (row, column) = (unit / across, unit % across);
            for (index, component) in components.iter().enumerate() {
                let (x, y) = component.factors;
                for by in 0..y {
                    for bx in 0..x {
                        let at = (row * y + by) * component.across + column * x + bx;
                        self.block(component, at, index, state, symbols);
                    }
                }
            }
        }
    }

    #[inline]
    fn block(
        &self,
        component: &Component,
        at: usize,
        index: usize,
        state: &mut State,
        symbols: &mut impl Symbols,
    ) {
        let Some(block) = component.blocks.get(at) else { return };
        let Scan { first, last, high, low, .. } = self.scan;
        let previous = &mut state.previous[index];
        let table = AC + usize::from(index > 0);
        match (self.progressive, first, high) {
            (false, ..) => sequential(block, previous, index, symbols),
            (true, 0, 0) => dc_first(block, low, previous, index, symbols),
            (true, 0, _) => dc_refine(block, low, symbols),
            (true, _, 0) => {
                ac_first(block, (first, last), low, table, &mut state.pending, symbols);
            }
            _ => ac_refine(block, (first, last), low, table, &mut state.pending, symbols),
        }
    }
}

fn put_segment(sink: &mut Sink, marker: u8, content: &[u8]) -> Result<(), Error> {
    sink.put(&segment(marker, content))
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker, high, low], content].concat()
}

fn quantizer_segment(quantizers: &[Quantizer]) -> Vec<u8> {
    let tables = (0u8..).zip(quantizers);
    let tables = tables.flat_map(|(index, quantizer)| [vec![index], quantizer.table().into()]);
    segment(0xDB, &tables.flatten().collect::<Vec<u8>>())
}

fn frame_segment(
    picture: &Picture,
    progressive: bool,
    components: &[Component],
) -> Result<Vec<u8>, Error> {
    let side = |side: u32| u16::try_from(side).map(u16::to_be_bytes).map_err(|_| Error::Internal);
    let (width, height) = (side(picture.width)?, side(picture.height)?);
    let mut content = vec![8, height[0], height[1], width[0], width[1], components.len() as u8];
    for (index, component) in (0u8..).zip(components) {
        let (x, y) = component.factors;
        content.extend([index + 1, (x << 4 | y) as u8, u8::from(index > 0)]);
    }
    Ok(segment(if progressive { 0xC2 } else { 0xC0 }, &content))
}
