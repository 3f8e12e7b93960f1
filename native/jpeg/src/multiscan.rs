//! Pictures in several scans: progressive ones, and sequential ones that are not interleaved. The
//! coefficients that the scale needs are collected from the scans that they depend on; then the
//! rows are made.
//!
//! Which scans these are shows when all are known: the input is kept until then. Only where nothing
//! but DC values is wanted it shows at once, and scans are decoded, or passed, as they come.

use rayon::ThreadPool;
use thumbelina_codec::threads::share_out;
use thumbelina_codec::{Held, Stop};

use crate::block::Class;
use crate::coefficients::{BlockRow, Coefficients};
use crate::frame::{Frame, Process, Scaled};
use crate::quota::Quota;
use crate::rows::{Bands, McuRow};
use crate::scan_decoding::Decoding;
use crate::scan_header::ScanHeader;
use crate::scan_reader::Found;
use crate::segments::{Next, Parser};
use crate::smoothing::Smoothing;
use crate::tables::Tables;
use crate::transform::Transform;
use crate::view::View;
use crate::{Color, Error, OnDamage, Options};

/// More scans than any encoder writes: each can be made to go over all of the picture.
const MAX_SCANS: usize = 200;

/// DC values have 13 bits that a first scan can leave to others (T.81, G.1.1.1.1), of which each
/// adds one. Every block has a bit in each of these scans, so that they are the ones that take
/// time.
const MAX_DC_SCANS: usize = 14;

/// The same for pictures that are not progressive: each component has one scan.
const MAX_SEQUENTIAL_SCANS: usize = 16;

/// Blocks that are smoothed at a time.
const MOST_SMOOTHED: usize = 256;

/// Tables of scans, in bytes, that are part of what decoding takes in any case.
const USUAL_TABLES: usize = 32 << 10;

#[derive(Debug)]
pub(crate) struct MultiScan {
    frame: Frame,
    color: Color,
    /// By component, once they are known.
    quantizers: Vec<Option<[u16; 64]>>,
    on_damage: OnDamage,
    stores: Vec<Coefficients>,
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
    /// Estimating what no scan brought.
    Smooth(Box<Smoothing>),
    /// Everything is there.
    Rows,
}

#[derive(Debug)]
struct Find {
    parser: Box<Parser>,
    scans: Vec<(ScanHeader, Tables)>,
    /// Whether scans of DC values are decoded when they are found, as no others matter.
    follows: bool,
    /// The scan that is being decoded, and what ended an earlier one. What is wrong with the scans
    /// as a whole goes before that.
    scan: Option<Box<Decoding>>,
    failed: Option<Error>,
}

impl MultiScan {
    /// `first` is the scan that `parser` has just read. `held` grows where more has to be held than
    /// [`Header::memory`](crate::Header::memory) says.
    pub(crate) fn new(
        frame: &Frame,
        color: Color,
        scaled: &[Scaled],
        (mut parser, first): (Box<Parser>, ScanHeader),
        options: &Options,
        held: Held,
    ) -> Result<Self, Error> {
        parser.seek(first.data);
        let mut this = MultiScan {
            frame: frame.clone(),
            color,
            quantizers: vec![None; scaled.len()],
            on_damage: options.on_damage,
            stores: scaled.iter().map(|&scaled| Coefficients::new(scaled, frame.mcus())).collect(),
            stage: Stage::Rows,
            row: 0,
            column: 0,
            tables: 0,
            held,
        };
        let follows = frame.process == Process::Progressive
            && scaled.iter().all(|component| component.class == Class::One);
        let mut find = Find { parser, scans: Vec::new(), follows, scan: None, failed: None };
        this.found(&mut find, first)?;
        this.stage = Stage::Find(Box::new(find));
        Ok(this)
    }

    /// Whether the input has to be there in one piece.
    pub(crate) fn needs_all(&self) -> bool {
        match &self.stage {
            Stage::Find(find) => !find.follows,
            Stage::Decode { .. } => true,
            Stage::Smooth(_) | Stage::Rows => false,
        }
    }

    /// Where not all of the input is needed: what comes before this place is not needed any more.
    pub(crate) fn needed(&self) -> usize {
        match &self.stage {
            Stage::Find(find) => {
                find.scan.as_ref().map_or(find.parser.at(), |scan| scan.reader.needed())
            }
            Stage::Decode { .. } | Stage::Smooth(_) | Stage::Rows => 0,
        }
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
                    for (index, rows) in scan.sound_rows() {
                        self.stores[index].sound_rows = rows;
                    }
                    find.scan = None;
                    return Ok(found);
                }
                let stage = std::mem::replace(&mut self.stage, Stage::Rows);
                let Stage::Find(find) = stage else { return Ok(Found::Nothing) };
                Ok(if self.find(find, view, quota)? { Found::Mcus(most) } else { Found::Starved })
            }
            Stage::Decode { scans, scan: scan @ None } => {
                match scans.pop() {
                    None => self.stage = self.rows_or_smoothing()?,
                    Some((header, tables)) => {
                        let decoding = Decoding::new(
                            &self.frame,
                            &self.stores,
                            &header,
                            &tables,
                            self.on_damage,
                        )?;
                        *scan = Some(Box::new(decoding));
                    }
                }
                Ok(Found::Mcus(most))
            }
            Stage::Decode { scan: slot @ Some(_), .. } => {
                let Some(scan) = slot else { return Ok(Found::Nothing) };
                let done = scan.advance(view, &mut self.stores, most, quota)?;
                if scan.reader.total() == 0 {
                    for (index, rows) in scan.sound_rows() {
                        self.stores[index].sound_rows = rows;
                    }
                    *slot = None;
                }
                Ok(done)
            }
            Stage::Smooth(smoothing) => {
                let most = most.clamp(1, MOST_SMOOTHED);
                if !smoothing.advance(&mut self.stores, most) {
                    self.stage = Stage::Rows;
                }
                Ok(Found::Mcus(most))
            }
            Stage::Rows => Ok(Found::Mcus(self.make_rows(bands, most, (pool, stop))?)),
        }
    }

    /// Looks for the next scan, and chooses among them once it has come to the last. `false` if
    /// more of the input is needed.
    fn find(
        &mut self,
        mut find: Box<Find>,
        view: View<'_>,
        quota: &mut Quota<'_>,
    ) -> Result<bool, Error> {
        let next = find.parser.read_scan(view, quota);
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
        if find.scans.len() >= most
            || is_dc && find.scans.iter().filter(again).count() >= MAX_DC_SCANS
        {
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
                    let (class, table) = (store.scaled.class, table.ok_or(missing)?);
                    self.quantizers[index] = Some(*table);
                    let samples = (self.frame.precision, self.color.is_difference(index));
                    store.transform = Some(Transform::new(class, samples, table));
                }
                store.missing_before = store.missing;
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
            self.stage = self.rows_or_smoothing()?;
            return Ok(());
        }
        let mut wanted: Vec<u64> =
            self.stores.iter().map(|store| store.scaled.class.wanted()).collect();
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

    /// What comes once all scans are decoded.
    fn rows_or_smoothing(&mut self) -> Result<Stage, Error> {
        let smoothing = if self.frame.process == Process::Progressive {
            Smoothing::new(&self.frame, &self.stores, &self.quantizers)
        } else {
            None
        };
        let Some(smoothing) = smoothing else { return Ok(Stage::Rows) };
        self.held.grow(smoothing.bytes())?;
        Ok(Stage::Smooth(Box::new(smoothing)))
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
                gone.for_each(|row| *row = BlockRow::default());
            }
        }
        Ok(count * (end - start))
    }
}
