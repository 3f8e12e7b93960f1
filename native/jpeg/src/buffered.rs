//! Pictures in several scans: progressive ones, and sequential ones that are not interleaved. The
//! coefficients that the scale needs are collected from the scans that they depend on; then the rows
//! are made.

use std::ops::Range;

use bytes::Bytes;
use rayon::ThreadPool;

use crate::block::{Class, Damage};
use crate::cursor::{Cursor, Found};
use crate::frame::{Frame, Process, Scaled};
use crate::header::{Parser, ScanHeader, Tables};
use crate::kernels::Kernels;
use crate::planes::{Bands, McuRow, Transform};
use crate::refine::{self, Band};
use crate::scan::{Block, Scan};
use crate::threads::share_out;
use crate::{Error, OnDamage};

/// More scans than any encoder writes: each can be made to go over all of the picture.
const MAX_SCANS: usize = 200;

/// As many blocks to which a scan adds nothing are passed in the time of one to which it does.
const EMPTY_BLOCKS: usize = 32;

/// Bytes that are looked through for the next scan at a time.
const BYTES_TOGETHER: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Buffered {
    frame: Frame,
    on_damage: OnDamage,
    stores: Vec<Store>,
    stage: Stage,
    /// The next row of MCUs to be handed over.
    row: usize,
}

#[derive(Debug)]
enum Stage {
    /// Looking for the scans that there are.
    Find { parser: Box<Parser>, scans: Vec<(ScanHeader, Tables)> },
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
    /// Rows of blocks. One that no data has reached is empty.
    rows: Vec<Row>,
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
    /// Rows of blocks that data has reached now.
    fn reach(&mut self, rows: Range<usize>) -> &mut [Row] {
        let rows = self.rows.get_mut(rows).unwrap_or_default();
        for row in rows.iter_mut().filter(|row| row.coefficients.is_empty()) {
            row.coefficients = vec![0; self.across * self.scaled.class.len()];
            if self.traced {
                row.nonzero = vec![0; self.across];
            }
        }
        rows
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
            rows: vec![Row::default(); (mcus.1 * scaled.down) as usize],
            traced: false,
            missing: [u8::MAX; 64],
        };
        parser.seek(first.data);
        let tables = parser.tables.clone();
        Buffered {
            frame: frame.clone(),
            on_damage,
            stores: scaled.iter().map(store).collect(),
            stage: Stage::Find { parser: Box::new(parser), scans: vec![(first, tables)] },
            row: 0,
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

    /// Does about `most` MCUs' worth of work, and says how much it was.
    pub(crate) fn advance(
        &mut self,
        input: &Bytes,
        bands: &mut Bands,
        most: usize,
        pool: Option<&ThreadPool>,
    ) -> Result<usize, Error> {
        match &mut self.stage {
            Stage::Find { parser, scans } => {
                let end = match parser.pass_data(input, BYTES_TOGETHER) {
                    None => return Ok(most),
                    Some(false) => Err(Error::Truncated { offset: input.len() }),
                    Some(true) => parser.read_scan(input),
                };
                match end {
                    Ok(Some(scan)) if scans.len() < MAX_SCANS => scans.push((scan, parser.tables.clone())),
                    Ok(Some(scan)) => {
                        return Err(Error::Invalid { what: "too many scans", offset: scan.data });
                    }
                    end => {
                        let scans = std::mem::take(scans);
                        self.choose(scans, end.err())?;
                    }
                }
                Ok(most)
            }
            Stage::Decode { scans, scan: scan @ None } => {
                match scans.pop() {
                    None => self.stage = Stage::Rows,
                    Some((header, tables)) => {
                        *scan = Some(Box::new(Decoding::new(
                            &self.frame,
                            &self.stores,
                            &header,
                            &tables,
                            self.on_damage,
                        )?));
                    }
                }
                Ok(most)
            }
            Stage::Decode { scan: slot @ Some(_), .. } => {
                let Some(scan) = slot else { return Ok(0) };
                let done = scan.advance(input, &mut self.stores, most)?;
                if scan.cursor.total() == 0 {
                    *slot = None;
                }
                Ok(done)
            }
            Stage::Rows => Ok(self.make_rows(bands, most, pool)),
        }
    }

    /// Keeps the scans that the wanted coefficients depend on. `end` is why there are no more.
    fn choose(&mut self, scans: Vec<(ScanHeader, Tables)>, end: Option<Error>) -> Result<(), Error> {
        for (header, tables) in &scans {
            for &(index, _, _) in &header.components {
                let store = &mut self.stores[index];
                if store.transform.is_none() {
                    let table = tables.quantisers[usize::from(self.frame.components[index].quantiser)];
                    let missing = Error::Invalid {
                        what: "a component without its quantisation table",
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

    fn make_rows(&mut self, bands: &mut Bands, most: usize, pool: Option<&ThreadPool>) -> usize {
        let (across, down) = self.frame.mcus();
        let left = down as usize - self.row;
        let count = pool.map_or(1, |_| (most / across as usize).clamp(1, left));
        let kernels = bands.kernels();
        let first = self.row;
        let stores = &self.stores;
        let make = |(i, mut row): (usize, McuRow<'_>)| {
            for (component, store) in stores.iter().enumerate() {
                store.transform_row(&kernels, first + i, &mut row, component);
            }
        };
        let rows = bands.next_rows(count);
        match pool {
            Some(pool) if count > 1 => share_out(pool, rows.into_iter().enumerate(), make),
            _ => rows.into_iter().enumerate().for_each(make),
        }
        bands.have_arrived(count);
        self.row += count;
        for store in &mut self.stores {
            let down = store.scaled.down as usize;
            for row in &mut store.rows[first * down..(first + count) * down] {
                *row = Row::default();
            }
        }
        count * across as usize
    }
}

impl Store {
    fn transform_row(&self, kernels: &Kernels, mcu_row: usize, row: &mut McuRow<'_>, component: usize) {
        let (plane, stride) = (&mut row.planes[component], row.strides[component]);
        let side = self.scaled.class.side();
        let down = self.scaled.down as usize;
        for (y, lines) in plane.chunks_exact_mut(side * stride).enumerate() {
            let from = &self.rows[mcu_row * down + y];
            let (Some(transform), false) = (&self.transform, from.coefficients.is_empty()) else {
                lines.fill(128);
                continue;
            };
            let each = self.scaled.class.len();
            transform.apply(kernels, (&from.coefficients, each), 0, (lines, side), stride);
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
        let cursor = Cursor::new(
            header.data,
            u64::from(across) * u64::from(down),
            tables.restart_interval,
            blocks as usize * crate::block::MAX_BLOCK_BYTES + 8,
            on_damage,
        );
        Ok(Decoding { cursor, kind, components, across: across.into(), next: 0 })
    }

    /// Decodes about `most` MCUs, and says how many they were.
    fn advance(&mut self, input: &[u8], stores: &mut [Store], most: usize) -> Result<usize, Error> {
        // Not beyond a row of MCUs, so that all of them go to the same rows of blocks.
        let (y, x) = (self.next / self.across, self.next % self.across);
        let most = most.min((self.across - x) as usize);
        let empty = self.pass_empty(stores, y as usize, x as usize);
        if empty > 0 {
            return Ok(empty.div_ceil(EMPTY_BLOCKS));
        }
        let mut lanes = self.lanes(stores, y as usize);
        let found = match &self.kind {
            Kind::Sequential(scan) => {
                let mut scratch = vec![0; scan.mcu_len + 1];
                self.cursor.decode(input, most, |i, reader, data| {
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
            Kind::Progressive(band) => self.cursor.decode(input, most, |i, reader, data| {
                for lane in &mut lanes {
                    let first = (x as usize + i) * lane.wide;
                    let len = lane.class.len();
                    for column in first..first + lane.wide {
                        let kept =
                            lane.coefficients.get_mut(column * len..(column + 1) * len).ok_or(Damage)?;
                        let mut untraced = 0;
                        let nonzero = lane.nonzero.get_mut(column).unwrap_or(&mut untraced);
                        let mut target = refine::Target { class: lane.class, kept, nonzero };
                        refine::decode(reader, data, band, lane.component, &mut target)?;
                    }
                }
                Ok(())
            })?,
        };
        let (Found::Mcus(count) | Found::Lost(count)) = found;
        self.next += count as u64;
        Ok(count)
    }

    /// Passes blocks of row `y`, from `x` on, to which the scan adds nothing, and says how many.
    fn pass_empty(&mut self, stores: &[Store], y: usize, x: usize) -> usize {
        // Only scans of a single component have runs of such blocks.
        let (Kind::Progressive(band), &[(component, _, _)]) = (&self.kind, &self.components[..]) else {
            return 0;
        };
        let most = self.cursor.empty().min(self.across - x as u64) as usize;
        if most == 0 {
            return 0;
        }
        // A block that is refined has a bit for what is not zero.
        let refined = stores[component].rows.get(y).filter(|_| band.refines());
        let nonzero = refined.and_then(|row| row.nonzero.get(x..x + most)).unwrap_or_default();
        let empty = nonzero.iter().position(|&nonzero| nonzero & band.positions != 0).unwrap_or(most);
        self.cursor.pass_empty(empty);
        self.next += empty as u64;
        empty
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
            for (row, blocks) in store.reach(y * high..(y + 1) * high).iter_mut().enumerate() {
                let (coefficients, nonzero) = (&mut blocks.coefficients[..], &mut blocks.nonzero[..]);
                lanes.push(Lane { component, row, class, wide: wide as usize, coefficients, nonzero });
            }
        }
        lanes.sort_by_key(|lane| lane.component);
        lanes
    }
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
