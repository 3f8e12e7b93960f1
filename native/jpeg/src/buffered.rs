//! Pictures in several scans: progressive ones, and sequential ones that are not interleaved. The
//! coefficients that the scale needs are collected from the scans that they depend on; then the
//! rows are made.

use std::ops::Range;

use bytes::Bytes;
use rayon::ThreadPool;
use thumbelina_codec::threads::share_out;

use crate::block::{Class, Damage};
use crate::budget::Budget;
use crate::cursor::{Cursor, Found, Reader};
use crate::frame::{Frame, Process, Scaled};
use crate::header::{Next, Parser, ScanHeader, Tables};
use crate::kernels::Kernels;
use crate::planes::{Bands, McuRow, Transform};
use crate::refine::{self, Band, Target};
use crate::scan::{Block, Scan};
use crate::{Error, OnDamage};

/// More scans than any encoder writes: each can be made to go over all of the picture.
const MAX_SCANS: usize = 200;

/// DC values have 13 bits that a first scan can leave to others (T.81, G.1.1.1.1), of which each
/// adds one. Every block has a bit in each of these scans, so that they are the ones that take
/// time.
const MAX_DC_SCANS: usize = 14;

/// The same for pictures that are not progressive: each component has one scan.
const MAX_SEQUENTIAL_SCANS: usize = 16;

/// As many blocks to which a scan adds nothing are passed in the time of one to which it does.
const EMPTY_BLOCKS: usize = 32;

#[derive(Debug)]
pub(crate) struct Buffered {
    frame: Frame,
    on_damage: OnDamage,
    stores: Vec<Store>,
    stage: Stage,
    /// The next row of MCUs to be handed over, and the column that it is made up to.
    row: usize,
    column: usize,
}

#[derive(Debug)]
enum Stage {
    /// Looking for the scans that there are.
    Find { parser: Box<Parser>, in_data: bool, scans: Vec<(ScanHeader, Tables)> },
    /// Decoding those that matter; the next is the last.
    Decode { scans: Vec<(ScanHeader, Tables)>, scan: Option<Box<Decoding>> },
    /// Everything is there.
    Rows,
}

/// The coefficients of one component.
#[derive(Debug)]
struct Store {
    scaled: Scaled,
    transform: Option<Transform>,
    /// Blocks of a row, those that only fill the last MCU included.
    across: usize,
    /// Rows of blocks, as far down as data has reached, and how many there will be. One in between
    /// that no data has reached is empty.
    rows: Vec<Row>,
    down: usize,
    /// Whether it has to be known which coefficients are not zero, also among those not kept.
    traced: bool,
    /// For each position, the bits still missing.
    missing: [u8; 64],
}

#[derive(Debug, Default, Clone)]
struct Row {
    coefficients: Vec<i16>,
    /// For each block, a bit for each position.
    nonzero: Vec<u64>,
}

impl Store {
    /// Makes one row of blocks among these, if there is any that no data has reached so far, and
    /// says how many blocks that has.
    fn make_row(&mut self, rows: Range<usize>) -> Option<usize> {
        let end = rows.end.min(self.down);
        if self.rows.len() < end {
            self.rows.resize_with(end, Row::default);
        }
        let row = self.rows.get_mut(rows)?.iter_mut().find(|row| row.coefficients.is_empty())?;
        row.coefficients = vec![0; self.across * self.scaled.class.len()];
        if self.traced {
            row.nonzero = vec![0; self.across];
        }
        Some(self.across)
    }
}

/// A scan on its way.
#[derive(Debug)]
struct Decoding {
    cursor: Cursor,
    kind: Kind,
    /// The components' numbers, and the size of their MCUs in blocks.
    components: Vec<(usize, u32, u32)>,
    /// MCUs of a row.
    across: u64,
    /// The next MCU.
    next: u64,
}

#[derive(Debug)]
enum Kind {
    Sequential(std::sync::Arc<Scan>),
    Progressive(Band),
}

impl Buffered {
    /// `first` is the scan that `parser` has just read.
    pub(crate) fn new(
        frame: &Frame,
        scaled: &[Scaled],
        mut parser: Parser,
        first: ScanHeader,
        on_damage: OnDamage,
    ) -> Self {
        let mcus = frame.mcus();
        let store = |&scaled: &Scaled| Store {
            scaled,
            transform: None,
            across: (mcus.0 * scaled.across) as usize,
            rows: Vec::with_capacity((mcus.1 * scaled.down) as usize),
            down: (mcus.1 * scaled.down) as usize,
            traced: false,
            missing: [u8::MAX; 64],
        };
        parser.seek(first.data);
        let tables = parser.tables.clone();
        Buffered {
            frame: frame.clone(),
            on_damage,
            stores: scaled.iter().map(store).collect(),
            stage: Stage::Find { parser: Box::new(parser), in_data: true, scans: vec![(first, tables)] },
            row: 0,
            column: 0,
        }
    }

    /// The bytes that the coefficients of a whole picture take.
    pub(crate) fn bytes(frame: &Frame, scaled: &[Scaled]) -> u64 {
        let (across, down) = frame.mcus();
        let each = |scaled: &Scaled| {
            let traces =
                if frame.process == Process::Progressive && scaled.class != Class::One { 8 } else { 0 };
            let block = scaled.class.len() as u64 * 2 + traces;
            u64::from(across * scaled.across) * u64::from(down * scaled.down) * block
        };
        scaled.iter().map(each).sum()
    }

    /// What knowing of the rows of blocks takes, for so many rows of MCUs.
    pub(crate) fn rows_bytes(mcus: u32, scaled: &[Scaled]) -> u64 {
        let rows: u64 = scaled.iter().map(|scaled| u64::from(mcus * scaled.down)).sum();
        rows * size_of::<Row>() as u64
    }

    /// Does about `most` MCUs' worth of work, as far as the budget goes, and says how much it was.
    pub(crate) fn advance(
        &mut self,
        input: &Bytes,
        bands: &mut Bands,
        most: usize,
        budget: &mut Budget,
        pool: Option<&ThreadPool>,
    ) -> Result<usize, Error> {
        match &mut self.stage {
            Stage::Find { .. } => self.find(input, budget).map(|()| most),
            Stage::Decode { scans, scan: scan @ None } => {
                match scans.pop() {
                    None => self.stage = Stage::Rows,
                    Some((header, tables)) => {
                        let tables = (&tables, &input[..]);
                        let decoding =
                            Decoding::new(&self.frame, &self.stores, &header, tables, self.on_damage)?;
                        *scan = Some(Box::new(decoding));
                    }
                }
                Ok(most)
            }
            Stage::Decode { scan: slot @ Some(_), .. } => {
                let Some(scan) = slot else { return Ok(0) };
                let done = scan.advance(input, &mut self.stores, most, budget)?;
                if scan.cursor.total() == 0 {
                    *slot = None;
                }
                Ok(done)
            }
            Stage::Rows => Ok(self.make_rows(bands, most, pool)),
        }
    }

    /// Looks for the next scan, and chooses among them once it has come to the last.
    fn find(&mut self, input: &[u8], budget: &mut Budget) -> Result<(), Error> {
        let Stage::Find { parser, in_data, scans } = &mut self.stage else { return Ok(()) };
        let next = match in_data.then(|| parser.pass_data(input, budget)) {
            Some(None) => return Ok(()),
            Some(Some(false)) => Err(Error::Truncated { offset: input.len() }),
            Some(Some(true)) | None => {
                *in_data = false;
                parser.read_scan(input, budget)
            }
        };
        let end = match next {
            Ok(Next::Later) => return Ok(()),
            Ok(Next::Scan(scan)) => {
                let progressive = self.frame.process == Process::Progressive;
                let again = |(other, _): &&(ScanHeader, Tables)| {
                    other.start == 0 && other.components.iter().any(|&(index, ..)| scan.has(index))
                };
                let is_dc = progressive && scan.start == 0;
                let most = if progressive { MAX_SCANS } else { MAX_SEQUENTIAL_SCANS };
                if scans.len() >= most || is_dc && scans.iter().filter(again).count() >= MAX_DC_SCANS {
                    return Err(Error::Invalid { what: "too many scans", offset: scan.data });
                }
                scans.push((scan, parser.tables.clone()));
                *in_data = true;
                return Ok(());
            }
            Ok(Next::End) => None,
            Err(error) => Some(error),
        };
        let scans = std::mem::take(scans);
        self.choose(input, scans, end)
    }

    /// Keeps the scans that the wanted coefficients depend on. `end` is why there are no more.
    fn choose(
        &mut self,
        input: &[u8],
        scans: Vec<(ScanHeader, Tables)>,
        end: Option<Error>,
    ) -> Result<(), Error> {
        for (header, tables) in &scans {
            for &(index, _, _) in &header.components {
                let store = &mut self.stores[index];
                if store.transform.is_none() {
                    let table = tables.quantizer(input, self.frame.components[index].quantizer);
                    let missing = Error::Invalid {
                        what: "a component without its quantization table",
                        offset: header.data,
                    };
                    store.transform = Some(Transform::new(store.scaled.class, &table.ok_or(missing)?));
                }
                for missing in &mut store.missing[header.start as usize..=header.end as usize] {
                    *missing = header.low as u8;
                }
            }
        }
        if let Some(error) = end {
            // Without EOI, either that alone is missing or more scans are.
            let complete = self.stores.iter().all(|store| {
                (0..64).all(|k| store.missing[k] == 0 || store.scaled.class.wanted() >> k & 1 == 0)
            });
            if !complete && self.on_damage == OnDamage::Fail {
                return Err(error);
            }
        }
        let mut wanted: Vec<u64> = self.stores.iter().map(|store| store.scaled.class.wanted()).collect();
        let mut kept = Vec::new();
        for (header, tables) in scans.into_iter().rev() {
            let band = header.positions();
            let matters = header.components.iter().any(|&(index, _, _)| wanted[index] & band != 0);
            if !matters {
                continue;
            }
            if header.high > 0 && header.start > 0 {
                for &(index, _, _) in &header.components {
                    // It has a bit for every coefficient of its band that is not zero yet.
                    wanted[index] |= band;
                    self.stores[index].traced = true;
                }
            }
            kept.push((header, tables));
        }
        self.stage = Stage::Decode { scans: kept, scan: None };
        Ok(())
    }

    /// Makes rows of MCUs: with a pool as many as `most` says, else no more MCUs than that, of one
    /// row.
    fn make_rows(&mut self, bands: &mut Bands, most: usize, pool: Option<&ThreadPool>) -> usize {
        let (across, down) = self.frame.mcus();
        let (across, left) = (across as usize, down as usize - self.row);
        let start = self.column;
        let (count, end) = match pool {
            Some(_) if start == 0 => ((most / across).clamp(1, left), across),
            _ => (1, across.min(start.saturating_add(most))),
        };
        let kernels = bands.kernels();
        let first = self.row;
        let stores = &self.stores;
        let make = |(i, mut row): (usize, McuRow<'_>)| {
            for (component, store) in stores.iter().enumerate() {
                store.transform_row(&kernels, (first + i, start..end), &mut row, component);
            }
        };
        let rows = bands.next_rows(count);
        match pool {
            Some(pool) if count > 1 => share_out(pool, rows.into_iter().enumerate(), make),
            _ => rows.into_iter().enumerate().for_each(make),
        }
        self.column = end % across;
        if self.column == 0 {
            bands.have_arrived(count);
            self.row += count;
            for store in &mut self.stores {
                let down = store.scaled.down as usize;
                let gone = store.rows.iter_mut().skip(first * down).take(count * down);
                gone.for_each(|row| *row = Row::default());
            }
        }
        count * (end - start)
    }
}

impl Store {
    /// Makes the samples of these columns of a row of MCUs.
    fn transform_row(
        &self,
        kernels: &Kernels,
        (mcu_row, columns): (usize, Range<usize>),
        row: &mut McuRow<'_>,
        component: usize,
    ) {
        let (plane, stride) = (&mut row.planes[component], row.strides[component]);
        let (side, each) = (self.scaled.class.side(), self.scaled.class.len());
        let (wide, down) = (self.scaled.across as usize, self.scaled.down as usize);
        let blocks = columns.start * wide..columns.end * wide;
        let samples = blocks.start * side..blocks.end * side;
        for (y, lines) in plane.chunks_exact_mut(side * stride).enumerate() {
            let coefficients = self.rows.get(mcu_row * down + y);
            let coefficients =
                coefficients.and_then(|row| row.coefficients.get(blocks.start * each..blocks.end * each));
            let (Some(transform), Some(coefficients)) = (&self.transform, coefficients) else {
                for line in lines.chunks_exact_mut(stride) {
                    line[samples.clone()].fill(128);
                }
                continue;
            };
            let out = &mut lines[samples.start..];
            transform.apply(kernels, (coefficients, each), 0, (out, side), stride);
        }
    }
}

impl Decoding {
    fn new(
        frame: &Frame,
        stores: &[Store],
        header: &ScanHeader,
        (tables, input): (&Tables, &[u8]),
        on_damage: OnDamage,
    ) -> Result<Self, Error> {
        let scaled: Vec<Scaled> = stores.iter().map(|store| store.scaled).collect();
        let interleaved = header.components.len() > 1;
        let components: Vec<_> = header
            .components
            .iter()
            .map(|&(index, _, _)| {
                let Scaled { across, down, .. } = scaled[index];
                if interleaved { (index, across, down) } else { (index, 1, 1) }
            })
            .collect();
        let (across, down) =
            if interleaved { frame.mcus() } else { frame.blocks(&frame.components[components[0].0]) };
        let blocks: u32 = components.iter().map(|(_, across, down)| across * down).sum();
        let kind = if frame.process == Process::Progressive {
            Kind::Progressive(Band::new(header, tables, input)?)
        } else {
            Kind::Sequential(Scan::new(frame, &scaled, header, (tables, input))?)
        };
        let cursor = Cursor::new(
            header.data,
            u64::from(across) * u64::from(down),
            tables.restart_interval,
            blocks as usize * crate::block::MAX_BLOCK_BYTES + 8,
            on_damage,
        );
        Ok(Decoding { cursor, kind, components, across: across.into(), next: 0 })
    }

    /// Decodes about `most` MCUs, as far as the budget goes, and says how many they were, or how
    /// many would have taken as long.
    fn advance(
        &mut self,
        input: &[u8],
        stores: &mut [Store],
        most: usize,
        budget: &mut Budget,
    ) -> Result<usize, Error> {
        // What is lost stays as it was.
        let lost = self.cursor.lost();
        if lost > 0 {
            self.cursor.pass_lost(lost);
            self.next += lost;
            return Ok(1);
        }
        let passed = self.pass_empty(stores, most);
        if passed > 0 {
            return Ok(passed);
        }
        // Not beyond a row of MCUs, so that all of them go to the same rows of blocks.
        let (y, x) = (self.next / self.across, self.next % self.across);
        let most = most.min((self.across - x) as usize);
        if let Some(blocks) = self.make_row(stores, y as usize) {
            return Ok(blocks.div_ceil(EMPTY_BLOCKS));
        }
        let mut lanes = self.lanes(stores, y as usize);
        let found = match &self.kind {
            Kind::Sequential(scan) => {
                let mut scratch = vec![0; scan.mcu_len + 1];
                self.cursor.decode(input, most, budget, |i, reader, data| {
                    scratch.fill(0);
                    scan.decode(&mut reader.bits, data, &mut reader.predictions, &mut scratch)?;
                    for block in &scan.blocks {
                        let lane = lanes.iter_mut().find(|lane| lane.is_of(block)).ok_or(Damage)?;
                        let len = block.class.len();
                        let from = ((x as usize + i) * lane.wide + block.column as usize) * len;
                        let kept = lane.coefficients.get_mut(from..from + len).ok_or(Damage)?;
                        kept.copy_from_slice(&scratch[block.place..block.place + len]);
                    }
                    Ok(())
                })?
            }
            Kind::Progressive(band) => {
                let place = (x as usize, &mut lanes[..]);
                let (cursor, from) = (&mut self.cursor, (input, most, budget));
                match (band.start, band.first) {
                    (0, true) => add(cursor, from, place, |reader, data, component, target| {
                        refine::dc_first(reader, data, band, component, target)
                    }),
                    (0, false) => add(cursor, from, place, |reader, data, _, target| {
                        refine::dc_refine(reader, data, band, target)
                    }),
                    (_, true) => add(cursor, from, place, |reader, data, _, target| {
                        refine::ac_first(reader, data, band, target)
                    }),
                    (_, false) => add(cursor, from, place, |reader, data, _, target| {
                        refine::ac_refine(reader, data, band, target)
                    }),
                }?
            }
        };
        let count = match found {
            Found::Mcus(count) | Found::Lost(count) => count,
            Found::Nothing => 0,
        };
        self.next += count as u64;
        Ok(count)
    }

    /// Passes blocks to which the scan adds nothing, and says how many MCUs would have taken as
    /// long.
    fn pass_empty(&mut self, stores: &[Store], most: usize) -> usize {
        // Only scans of a single component have runs of such blocks.
        let (Kind::Progressive(band), &[(component, _, _)]) = (&self.kind, &self.components[..]) else {
            return 0;
        };
        let empty = self.cursor.empty();
        if empty == 0 {
            return 0;
        }
        if !band.refines() {
            self.cursor.pass_empty(empty);
            self.next += empty;
            return 1;
        }
        // A block that is refined has a bit for what is not zero.
        let end = self.next + empty.min((most as u64).saturating_mul(EMPTY_BLOCKS as u64));
        let (first, mut steps) = (self.next, 0);
        while self.next < end {
            let (y, x) = (self.next / self.across, self.next % self.across);
            let left = (self.across - x).min(end - self.next) as usize;
            let row = stores[component].rows.get(y as usize);
            let nonzero =
                row.and_then(|row| row.nonzero.get(x as usize..x as usize + left)).unwrap_or_default();
            let full = nonzero.iter().position(|&nonzero| nonzero & band.positions != 0);
            self.next += full.unwrap_or(left) as u64;
            steps += 1;
            if full.is_some() {
                break;
            }
        }
        let passed = self.next - first;
        self.cursor.pass_empty(passed);
        (passed as usize).div_ceil(EMPTY_BLOCKS).max(steps / 4)
    }

    /// Makes one of the rows of blocks that row `y` of MCUs is made of, if any is still to be made,
    /// and says how many blocks it has.
    fn make_row(&self, stores: &mut [Store], y: usize) -> Option<usize> {
        self.components.iter().find_map(|&(component, _, high)| {
            let high = high as usize;
            stores[component].make_row(y * high..(y + 1) * high)
        })
    }

    /// The rows of blocks that row `y` of MCUs is made of, in the order of an MCU's blocks.
    fn lanes<'a>(&self, stores: &'a mut [Store], y: usize) -> Vec<Lane<'a>> {
        let mut lanes = Vec::with_capacity(4);
        for (index, store) in stores.iter_mut().enumerate() {
            let Some(component) = self.components.iter().position(|&(other, _, _)| other == index) else {
                continue;
            };
            let (_, wide, high) = self.components[component];
            let (class, high) = (store.scaled.class, high as usize);
            let rows = store.rows.get_mut(y * high..(y + 1) * high).unwrap_or_default();
            for (row, blocks) in rows.iter_mut().enumerate() {
                let (coefficients, nonzero) = (&mut blocks.coefficients[..], &mut blocks.nonzero[..]);
                lanes.push(Lane { component, row, class, wide: wide as usize, coefficients, nonzero });
            }
        }
        lanes.sort_by_key(|lane| lane.component);
        lanes
    }
}

/// Adds what a progressive scan has for `most` MCUs to the blocks from column `x` on. A function
/// for each kind of scan, as none needs what the others do.
#[inline(never)]
fn add(
    cursor: &mut Cursor,
    (input, most, budget): (&[u8], usize, &mut Budget),
    (x, lanes): (usize, &mut [Lane<'_>]),
    decode: impl Fn(&mut Reader, &[u8], usize, &mut Target<'_>) -> Result<(), Damage>,
) -> Result<Found, Error> {
    cursor.decode(input, most, budget, |i, reader, data| {
        for lane in &mut *lanes {
            let first = (x + i) * lane.wide;
            let len = lane.class.len();
            for column in first..first + lane.wide {
                let kept = lane.coefficients.get_mut(column * len..(column + 1) * len).ok_or(Damage)?;
                let mut untraced = 0;
                let nonzero = lane.nonzero.get_mut(column).unwrap_or(&mut untraced);
                decode(reader, data, lane.component, &mut Target { class: lane.class, kept, nonzero })?;
            }
        }
        Ok(())
    })
}

/// A row of one component's blocks.
struct Lane<'a> {
    /// As the scan counts them.
    component: usize,
    /// Its place in the MCU, and how many blocks of it an MCU has.
    row: usize,
    wide: usize,
    class: Class,
    coefficients: &'a mut [i16],
    nonzero: &'a mut [u64],
}

impl Lane<'_> {
    fn is_of(&self, block: &Block) -> bool {
        self.component == block.component && self.row == block.row as usize
    }
}
