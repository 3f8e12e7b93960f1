//! Pictures in several scans: progressive ones, and sequential ones that are not interleaved. The
//! coefficients that the scale needs are collected from the scans that they depend on; then the
//! rows are made.
//!
//! Which scans these are shows when all are known: the input is kept until then. Only where nothing
//! but DC values is wanted it shows at once, and scans are decoded, or passed, as they come.

use std::ops::Range;

use rayon::ThreadPool;
use thumbelina_codec::threads::share_out;
use thumbelina_codec::{Held, Stop};

use crate::block::{Class, Damage};
use crate::frame::{Frame, Process, Scaled};
use crate::kernels::Kernels;
use crate::progressive::{self, Band, Target};
use crate::quota::Quota;
use crate::rows::{Bands, McuRow};
use crate::scan::{Block, Scan};
use crate::scan_header::ScanHeader;
use crate::scan_reader::{Found, ScanReader, State};
use crate::segments::{Behind, Next, Parser};
use crate::tables::Tables;
use crate::transform::Transform;
use crate::view::View;
use crate::{Error, OnDamage, Options};

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

/// No more are passed at a time than in the time of so many MCUs, as somebody may want to stop.
const MOST_EMPTY: usize = 4096;

/// Tables of scans, in bytes, that are part of what decoding takes in any case.
const USUAL_TABLES: usize = 32 << 10;

#[derive(Debug)]
pub(crate) struct MultiScan {
    frame: Frame,
    on_damage: OnDamage,
    stores: Vec<Store>,
    stage: Stage,
    /// The next row of MCUs to be handed over, and the column that it is made up to.
    row: usize,
    column: usize,
    /// Bytes of the scans' tables, and what is held for those that are more than usual.
    tables: usize,
    held: Held,
}

#[derive(Debug)]
enum Stage {
    /// Looking for the scans that there are.
    Find(Box<Find>),
    /// Decoding those that matter; the next is the last.
    Decode { scans: Vec<(ScanHeader, Tables)>, scan: Option<Box<Decoding>> },
    /// Everything is there.
    Rows,
}

#[derive(Debug)]
struct Find {
    parser: Parser,
    in_data: bool,
    scans: Vec<(ScanHeader, Tables)>,
    /// Whether scans of DC values are decoded when they are found, as no others matter.
    follows: bool,
    /// The scan that is being decoded, and what ended an earlier one. What is wrong with the scans
    /// as a whole goes before that.
    scan: Option<Box<Decoding>>,
    failed: Option<Error>,
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
    fn make_row(&mut self, rows: Range<usize>) -> Result<Option<usize>, thumbelina_codec::Error> {
        let end = rows.end.min(self.down);
        if self.rows.len() < end {
            self.rows.resize_with(end, Row::default);
        }
        let mut rows = self.rows.get_mut(rows).unwrap_or_default().iter_mut();
        let Some(row) = rows.find(|row| row.coefficients.is_empty()) else { return Ok(None) };
        row.coefficients = zeros(self.across * self.scaled.class.len())?;
        if self.traced {
            row.nonzero = zeros(self.across)?;
        }
        Ok(Some(self.across))
    }
}

fn zeros<T: Copy + Default>(len: usize) -> Result<Vec<T>, thumbelina_codec::Error> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len).map_err(|_| thumbelina_codec::Error::OutOfMemory)?;
    zeros.resize(len, T::default());
    Ok(zeros)
}

/// A scan on its way.
#[derive(Debug)]
struct Decoding {
    reader: ScanReader,
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

impl MultiScan {
    /// `first` is the scan that `parser` has just read. `held` grows where more has to be held than
    /// [`Header::memory`](crate::Header::memory) says.
    pub(crate) fn new(
        frame: &Frame,
        scaled: &[Scaled],
        (mut parser, first): (Parser, ScanHeader),
        options: &Options,
        held: Held,
    ) -> Result<Self, Error> {
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
        let mut this = MultiScan {
            frame: frame.clone(),
            on_damage: options.on_damage,
            stores: scaled.iter().map(store).collect(),
            stage: Stage::Rows,
            row: 0,
            column: 0,
            tables: 0,
            held,
        };
        let follows = frame.process == Process::Progressive
            && scaled.iter().all(|component| component.class == Class::One);
        let mut find = Find { parser, in_data: false, scans: Vec::new(), follows, scan: None, failed: None };
        this.found(&mut find, first)?;
        this.stage = Stage::Find(Box::new(find));
        Ok(this)
    }

    /// Whether the input has to be there in one piece.
    pub(crate) fn needs_all(&self) -> bool {
        match &self.stage {
            Stage::Find(find) => !find.follows,
            Stage::Decode { .. } => true,
            Stage::Rows => false,
        }
    }

    /// Where not all of the input is needed: what comes before this place is not needed any more.
    pub(crate) fn needed(&self) -> usize {
        match &self.stage {
            Stage::Find(find) => find.scan.as_ref().map_or(find.parser.at(), |scan| scan.reader.needed()),
            Stage::Decode { .. } | Stage::Rows => 0,
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

    /// Does about `most` MCUs' worth of work, as far as the quota goes, and says how much it was.
    pub(crate) fn advance(
        &mut self,
        view: View<'_>,
        bands: &mut Bands,
        most: usize,
        quota: &mut Quota<'_>,
        (pool, stop): (Option<&ThreadPool>, &Stop),
    ) -> Result<Found, Error> {
        match &mut self.stage {
            Stage::Find(find) => {
                if let Some(scan) = &mut find.scan {
                    let found = match scan.advance(view, &mut self.stores, most, quota) {
                        Ok(found) if scan.reader.total() > 0 => return Ok(found),
                        Err(Error::Codec(error)) => return Err(error.into()),
                        Ok(found) => found,
                        Err(error) => {
                            find.failed = Some(error);
                            Found::Mcus(1)
                        }
                    };
                    find.parser.seek(scan.reader.end());
                    find.scan = None;
                    return Ok(found);
                }
                let stage = std::mem::replace(&mut self.stage, Stage::Rows);
                let Stage::Find(find) = stage else { return Ok(Found::Nothing) };
                Ok(if self.find(find, view, quota)? { Found::Mcus(most) } else { Found::Starved })
            }
            Stage::Decode { scans, scan: scan @ None } => {
                match scans.pop() {
                    None => self.stage = Stage::Rows,
                    Some((header, tables)) => {
                        let decoding =
                            Decoding::new(&self.frame, &self.stores, &header, &tables, self.on_damage)?;
                        *scan = Some(Box::new(decoding));
                    }
                }
                Ok(Found::Mcus(most))
            }
            Stage::Decode { scan: slot @ Some(_), .. } => {
                let Some(scan) = slot else { return Ok(Found::Nothing) };
                let done = scan.advance(view, &mut self.stores, most, quota)?;
                if scan.reader.total() == 0 {
                    *slot = None;
                }
                Ok(done)
            }
            Stage::Rows => Ok(Found::Mcus(self.make_rows(bands, most, (pool, stop))?)),
        }
    }

    /// Looks for the next scan, and chooses among them once it has come to the last. `false` if more
    /// of the input is needed.
    fn find(&mut self, mut find: Box<Find>, view: View<'_>, quota: &mut Quota<'_>) -> Result<bool, Error> {
        let next = match find.in_data.then(|| find.parser.pass_data(view, quota)) {
            Some(Behind::Later) => Ok(Next::Later),
            Some(Behind::Starved) => Ok(Next::Starved),
            Some(Behind::Nothing) => Err(Error::Truncated { offset: view.end() }),
            Some(Behind::Marker) | None => {
                find.in_data = false;
                find.parser.read_scan(view, quota)
            }
        };
        let starved = matches!(next, Ok(Next::Starved));
        match next {
            Ok(Next::Later | Next::Starved) => {}
            Ok(Next::Scan(scan)) => self.found(&mut find, scan)?,
            Ok(Next::End) => return self.choose(*find, None).map(|()| true),
            Err(error) => return self.choose(*find, Some(error)).map(|()| true),
        }
        self.stage = Stage::Find(find);
        Ok(!starved)
    }

    /// Keeps a scan that was found, or begins to decode it.
    fn found(&mut self, find: &mut Find, scan: ScanHeader) -> Result<(), Error> {
        let progressive = self.frame.process == Process::Progressive;
        let again = |(other, _): &&(ScanHeader, Tables)| {
            other.start == 0 && other.components.iter().any(|&(index, ..)| scan.has(index))
        };
        let is_dc = progressive && scan.start == 0;
        let most = if progressive { MAX_SCANS } else { MAX_SEQUENTIAL_SCANS };
        if find.scans.len() >= most || is_dc && find.scans.iter().filter(again).count() >= MAX_DC_SCANS {
            return Err(Error::Invalid { what: "too many scans", offset: scan.data });
        }
        let tables = find.parser.tables.clone();
        let before = find.scans.last().map_or(0, |(_, before)| tables.bytes_beside(before));
        let unusual = |bytes: usize| bytes.saturating_sub(USUAL_TABLES) as u64;
        self.held.grow(unusual(self.tables + before) - unusual(self.tables))?;
        self.tables += before;
        if find.follows && is_dc && find.failed.is_none() {
            match Decoding::new(&self.frame, &self.stores, &scan, &tables, self.on_damage) {
                Ok(decoding) => find.scan = Some(Box::new(decoding)),
                Err(error) => find.failed = Some(error),
            }
        }
        find.scans.push((scan, tables));
        find.in_data = true;
        Ok(())
    }

    /// Keeps the scans that the wanted coefficients depend on. `end` is why there are no more.
    fn choose(&mut self, find: Find, end: Option<Error>) -> Result<(), Error> {
        let Find { scans, follows, failed, .. } = find;
        for (header, tables) in &scans {
            for &(index, _, _) in &header.components {
                let store = &mut self.stores[index];
                if store.transform.is_none() {
                    let table = tables.quantizer(self.frame.components[index].quantizer);
                    let missing = Error::Invalid {
                        what: "a component without its quantization table",
                        offset: header.data,
                    };
                    store.transform = Some(Transform::new(store.scaled.class, table.ok_or(missing)?));
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
        if let Some(error) = failed {
            return Err(error);
        }
        if follows {
            return Ok(());
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
    fn make_rows(
        &mut self,
        bands: &mut Bands,
        most: usize,
        (pool, stop): (Option<&ThreadPool>, &Stop),
    ) -> Result<usize, Error> {
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
            if stop.is_asked() {
                return;
            }
            for (component, store) in stores.iter().enumerate() {
                store.transform_row(&kernels, (first + i, start..end), &mut row, component);
            }
        };
        let rows = bands.next_rows(count)?;
        match pool {
            Some(pool) if count > 1 => share_out(pool, rows.into_iter().enumerate(), make),
            _ => rows.into_iter().enumerate().for_each(make),
        }
        stop.check()?;
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
        Ok(count * (end - start))
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
        tables: &Tables,
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
            Kind::Progressive(Band::new(header, tables)?)
        } else {
            Kind::Sequential(Scan::new(frame, &scaled, header, tables)?)
        };
        let reader = ScanReader::new(
            header.data,
            u64::from(across) * u64::from(down),
            tables.restart_interval,
            blocks as usize * crate::block::MAX_BLOCK_BYTES + 8,
            on_damage,
        );
        Ok(Decoding { reader, kind, components, across: across.into(), next: 0 })
    }

    /// Decodes about `most` MCUs, as far as the quota goes, and says how many they were, or how
    /// many would have taken as long.
    fn advance(
        &mut self,
        view: View<'_>,
        stores: &mut [Store],
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        // What is lost stays as it was.
        let lost = self.reader.lost();
        if lost > 0 {
            self.reader.pass_lost(lost);
            self.next += lost;
            return Ok(Found::Mcus(1));
        }
        let passed = self.pass_empty(stores, most);
        if passed > 0 {
            return Ok(Found::Mcus(passed));
        }
        // Not beyond a row of MCUs, so that all of them go to the same rows of blocks.
        let (y, x) = (self.next / self.across, self.next % self.across);
        let most = most.min((self.across - x) as usize);
        if let Some(blocks) = self.make_row(stores, y as usize)? {
            return Ok(Found::Mcus(blocks.div_ceil(EMPTY_BLOCKS)));
        }
        let mut lanes = self.lanes(stores, y as usize);
        let found = match &self.kind {
            Kind::Sequential(scan) => {
                let mut scratch = vec![0; scan.mcu_len + 1];
                self.reader.decode(view, most, quota, |i, state, data| {
                    scratch.fill(0);
                    scan.decode(&mut state.bits, data, &mut state.predictions, &mut scratch)?;
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
                let (reader, from) = (&mut self.reader, (view, most, quota));
                match (band.start, band.first) {
                    (0, true) => add(reader, from, place, |state, data, component, target| {
                        progressive::dc_first(state, data, band, component, target)
                    }),
                    (0, false) => add(reader, from, place, |state, data, _, target| {
                        progressive::dc_refine(state, data, band, target)
                    }),
                    (_, true) => add(reader, from, place, |state, data, _, target| {
                        progressive::ac_first(state, data, band, target)
                    }),
                    (_, false) => add(reader, from, place, |state, data, _, target| {
                        progressive::ac_refine(state, data, band, target)
                    }),
                }?
            }
        };
        if let Found::Mcus(count) | Found::Lost(count) = found {
            self.next += count as u64;
        }
        Ok(found)
    }

    /// Passes blocks to which the scan adds nothing, and says how many MCUs would have taken as
    /// long.
    fn pass_empty(&mut self, stores: &[Store], most: usize) -> usize {
        // Only scans of a single component have runs of such blocks.
        let (Kind::Progressive(band), &[(component, _, _)]) = (&self.kind, &self.components[..]) else {
            return 0;
        };
        let empty = self.reader.empty();
        if empty == 0 {
            return 0;
        }
        if !band.refines() {
            self.reader.pass_empty(empty);
            self.next += empty;
            return 1;
        }
        // A block that is refined has a bit for what is not zero.
        let most = most.min(MOST_EMPTY) as u64;
        let end = self.next + empty.min(most * EMPTY_BLOCKS as u64);
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
        self.reader.pass_empty(passed);
        (passed as usize).div_ceil(EMPTY_BLOCKS).max(steps / 4)
    }

    /// Makes one of the rows of blocks that row `y` of MCUs is made of, if any is still to be made,
    /// and says how many blocks it has.
    fn make_row(&self, stores: &mut [Store], y: usize) -> Result<Option<usize>, Error> {
        for &(component, _, high) in &self.components {
            let high = high as usize;
            if let Some(blocks) = stores[component].make_row(y * high..(y + 1) * high)? {
                return Ok(Some(blocks));
            }
        }
        Ok(None)
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
    reader: &mut ScanReader,
    (view, most, quota): (View<'_>, usize, &mut Quota<'_>),
    (x, lanes): (usize, &mut [Lane<'_>]),
    decode: impl Fn(&mut State, &[u8], usize, &mut Target<'_>) -> Result<(), Damage>,
) -> Result<Found, Error> {
    reader.decode(view, most, quota, |i, state, data| {
        for lane in &mut *lanes {
            let first = (x + i) * lane.wide;
            let len = lane.class.len();
            for column in first..first + lane.wide {
                let kept = lane.coefficients.get_mut(column * len..(column + 1) * len).ok_or(Damage)?;
                let mut untraced = 0;
                let nonzero = lane.nonzero.get_mut(column).unwrap_or(&mut untraced);
                decode(state, data, lane.component, &mut Target { class: lane.class, kept, nonzero })?;
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
