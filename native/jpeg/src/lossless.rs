//! Lossless pictures (T.81, annex H): samples are predicted from those around them, and Huffman
//! codes tell the differences. Rows come out as their data goes in, at full size alone.
//!
//! Where components have scans of their own, all scans are decoded side by side, row by row: that
//! takes all of the input, and no memory.

use crate::bits::Bits;
use crate::block::Damage;
use crate::frame::{Frame, Scaled};
use crate::huffman::{Symbols, value};
use crate::quota::Quota;
use crate::rows::{Bands, McuRow};
use crate::scan_header::ScanHeader;
use crate::scan_reader::{Found, ScanReader};
use crate::segments::{Next, Parser};
use crate::tables::Tables;
use crate::view::View;
use crate::{Error, OnDamage, Options};

/// No difference takes more bytes: a code of 16 bits and a value of 15.
const MAX_DIFFERENCE_BYTES: usize = 4;

/// The shade of what is not there.
const GRAY: u8 = 128;

#[derive(Debug)]
pub(crate) struct Lossless {
    frame: Frame,
    scaled: Vec<Scaled>,
    on_damage: OnDamage,
    scans: Vec<Scan>,
    /// Where scans are still to be found.
    parser: Option<Box<Parser>>,
    /// The scan that is at hand for the row.
    scan: usize,
}

/// Some components' way through the picture.
#[derive(Debug)]
struct Scan {
    reader: ScanReader,
    lanes: Vec<Lane>,
    /// How a sample is predicted, 1 to 7, and how many bits of it are left out.
    predictor: u32,
    low: u32,
    precision: u8,
    /// MCUs of a row, the next column, and the first that is lost.
    across: usize,
    column: usize,
    lost: usize,
    /// Rows of its MCUs in one row of the frame's, the next of these, and how many are left.
    rows: usize,
    row: usize,
    left: usize,
    /// Rows of samples that are made of what was decoded, of all components.
    finished: usize,
    /// Whether the row is the first behind a restart marker.
    first: bool,
}

/// The samples of a component in a row of MCUs.
#[derive(Debug)]
struct Lane {
    component: usize,
    table: Symbols,
    /// Samples of an MCU, in each direction.
    wide: usize,
    high: usize,
    stride: usize,
    /// Row by row.
    differences: Vec<u16>,
    /// The row before, and the one at hand.
    above: Vec<u16>,
    row: Vec<u16>,
}

impl Lossless {
    /// The bytes that a component takes beside its samples.
    pub(crate) fn bytes(scaled: &Scaled, across: u32) -> u64 {
        let stride = u64::from(across) * scaled.mcu_columns() as u64;
        stride * (u64::from(scaled.down) + 2) * size_of::<u16>() as u64
    }

    /// `first` is the scan that `parser` has just read.
    pub(crate) fn new(
        frame: &Frame,
        scaled: &[Scaled],
        (mut parser, first): (Box<Parser>, ScanHeader),
        options: &Options,
    ) -> Result<Self, Error> {
        parser.seek(first.data);
        let mut this = Lossless {
            frame: frame.clone(),
            scaled: scaled.to_vec(),
            on_damage: options.on_damage,
            scans: Vec::new(),
            parser: None,
            scan: 0,
        };
        this.have(&first, &parser.tables)?;
        if !this.is_complete() {
            this.parser = Some(parser);
        }
        Ok(this)
    }

    /// Whether the input has to be there in one piece.
    pub(crate) fn needs_all(&self) -> bool {
        self.parser.is_some() || self.scans.len() > 1
    }

    /// Where not all of the input is needed: what comes before this place is not needed any more.
    pub(crate) fn needed(&self) -> usize {
        match &self.scans[..] {
            [scan] if self.parser.is_none() => scan.reader.needed(),
            _ => 0,
        }
    }

    /// Whether each component has a scan.
    fn is_complete(&self) -> bool {
        (0..self.scaled.len()).all(|component| self.has(component))
    }

    fn has(&self, component: usize) -> bool {
        let mut lanes = self.scans.iter().flat_map(|scan| &scan.lanes);
        lanes.any(|lane| lane.component == component)
    }

    fn have(&mut self, header: &ScanHeader, tables: &Tables) -> Result<(), Error> {
        if header.components.iter().any(|&(component, ..)| self.has(component)) {
            let what = "a second scan of a component";
            return Err(Error::Invalid { what, offset: header.data });
        }
        let scan = Scan::new(&self.frame, &self.scaled, header, tables, self.on_damage)?;
        self.scans.push(scan);
        Ok(())
    }

    /// Decodes about `most` (not 0) more MCUs of the next row, as far as the quota goes, and says
    /// how many they were. Those that are lost count, too.
    pub(crate) fn advance(
        &mut self,
        view: View<'_>,
        bands: &mut Bands,
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        if let Some(parser) = self.parser.take() {
            return self.find(parser, view, quota);
        }
        let Some(scan) = self.scans.get_mut(self.scan) else {
            if !self.is_complete() {
                let mut rows = bands.next_rows(1)?;
                for component in (0..self.scaled.len()).filter(|&component| !self.has(component)) {
                    rows.iter_mut().for_each(|row| row.planes[component].fill(GRAY));
                }
            }
            bands.have_arrived(1);
            self.scan = 0;
            return Ok(Found::Mcus(1));
        };
        if scan.row == scan.rows || scan.left == 0 {
            scan.row = 0;
            self.scan += 1;
            return Ok(Found::Mcus(1));
        }
        scan.advance(view, bands, most, quota)
    }

    /// Looks for the next scan.
    fn find(
        &mut self,
        mut parser: Box<Parser>,
        view: View<'_>,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        let found = match parser.read_scan(view, quota) {
            Ok(Next::Scan(scan)) => {
                self.have(&scan, &parser.tables)?;
                if self.is_complete() {
                    return Ok(Found::Mcus(1));
                }
                Found::Mcus(1)
            }
            Ok(Next::Later) => Found::Nothing,
            Ok(Next::Starved) => Found::Starved,
            // The rest is gray.
            Ok(Next::End) | Err(_) if self.on_damage == OnDamage::Gray => {
                return Ok(Found::Mcus(1));
            }
            Ok(Next::End) => {
                let what = "a component without a scan";
                return Err(Error::Invalid { what, offset: parser.at() });
            }
            Err(error) => return Err(error),
        };
        self.parser = Some(parser);
        Ok(found)
    }
}

impl Scan {
    fn new(
        frame: &Frame,
        scaled: &[Scaled],
        header: &ScanHeader,
        tables: &Tables,
        on_damage: OnDamage,
    ) -> Result<Self, Error> {
        // A component that is alone has MCUs of one sample, and none beyond the picture.
        let alone = match header.components[..] {
            [(component, ..)] => Some(scaled[component]),
            _ => None,
        };
        let (across, down, rows) = match alone {
            Some(scaled) => (scaled.width, scaled.height, scaled.down),
            None => (frame.mcus().0, frame.mcus().1, 1),
        };
        let interval = tables.restart_interval;
        if !interval.is_multiple_of(across) {
            let what = "a restart interval that ends within a row";
            return Err(Error::Invalid { what, offset: header.data });
        }
        let lane = |&(component, table, _): &(usize, u8, u8)| {
            let what = "a scan without its Huffman table";
            let missing = Error::Invalid { what, offset: header.data };
            let Scaled { across: wide, down: high, .. } = scaled[component];
            let (wide, high) = if alone.is_some() { (1, 1) } else { (wide, high) };
            let (wide, high) = (wide as usize, high as usize);
            let stride = across as usize * wide;
            Ok(Lane {
                component,
                table: tables.dc_symbols(table).ok_or(missing)?,
                wide,
                high,
                stride,
                differences: zeros(stride * high)?,
                above: zeros(stride)?,
                row: zeros(stride)?,
            })
        };
        let lanes: Vec<Lane> = header.components.iter().map(lane).collect::<Result<_, Error>>()?;
        let samples: usize = lanes.iter().map(|lane| lane.wide * lane.high).sum();
        Ok(Scan {
            reader: ScanReader::new(
                header.data,
                u64::from(across) * u64::from(down),
                interval,
                samples * MAX_DIFFERENCE_BYTES + 8,
                on_damage,
            ),
            lanes,
            predictor: header.start,
            low: header.low,
            precision: frame.precision,
            across: across as usize,
            column: 0,
            lost: across as usize,
            rows: rows as usize,
            row: 0,
            left: down as usize,
            finished: 0,
            first: true,
        })
    }

    /// Decodes more MCUs of its next row, or makes samples of the last one.
    fn advance(
        &mut self,
        view: View<'_>,
        bands: &mut Bands,
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        if self.column == self.across {
            let mut rows = bands.next_rows(1)?;
            if let Some(row) = rows.first_mut()
                && self.finish(row)
            {
                return Ok(Found::Mcus(self.across));
            }
            (self.column, self.lost, self.finished, self.first) = (0, self.across, 0, false);
            (self.row, self.left) = (self.row + 1, self.left - 1);
            return Ok(Found::Mcus(1));
        }
        let (column, most) = (self.column, most.min(self.across - self.column));
        let Scan { reader, lanes, first, .. } = self;
        let found = reader.decode(view, most, quota, |i, state, data| {
            if !state.begun {
                (state.begun, *first) = (true, true);
            }
            lanes.iter_mut().try_for_each(|lane| lane.decode(&mut state.bits, data, column + i))
        })?;
        match found {
            Found::Mcus(count) => self.column += count,
            Found::Lost(count) => {
                self.lost = self.lost.min(self.column);
                self.column += count;
            }
            Found::Nothing | Found::Starved => {}
        }
        Ok(found)
    }

    /// Makes samples of the differences of one component's row, if any is left.
    fn finish(&mut self, row: &mut McuRow<'_>) -> bool {
        let (low, predictor) = (self.low, self.predictor);
        let mut before = 0;
        let lane = self.lanes.iter_mut().find(|lane| {
            before += lane.high;
            self.finished < before
        });
        let Some(lane) = lane else { return false };
        let y = self.finished + lane.high - before;
        self.finished += 1;
        let plane = row.strides[lane.component];
        let (Some(differences), Some(out)) = (
            lane.differences.get(y * lane.stride..(y + 1) * lane.stride),
            row.planes[lane.component].get_mut((self.row + y) * plane..),
        ) else {
            return false;
        };
        let start = 1 << (u32::from(self.precision) - 1 - low);
        let start = (self.first && y == 0).then_some(start);
        undo(differences, start, predictor, &lane.above, &mut lane.row);
        let most = (1u32 << self.precision) - 1;
        let factor = (255 << 32) / u64::from(most) + 1;
        for (out, &sample) in out.iter_mut().zip(&lane.row) {
            let sample = u64::from(u32::from(sample) << low & most);
            *out = ((sample * factor + (1 << 31)) >> 32) as u8;
        }
        out[..lane.stride][self.lost * lane.wide..].fill(GRAY);
        std::mem::swap(&mut lane.above, &mut lane.row);
        true
    }
}

impl Lane {
    /// Decodes the differences of one MCU.
    #[inline]
    fn decode(&mut self, bits: &mut Bits, data: &[u8], column: usize) -> Result<(), Damage> {
        for row in self.differences.chunks_exact_mut(self.stride) {
            let samples = column * self.wide..(column + 1) * self.wide;
            for difference in row.get_mut(samples).ok_or(Damage)? {
                bits.refill(data);
                let (length, size) = self.table.find(bits.peek()).ok_or(Damage)?;
                bits.skip(length);
                *difference = match u32::from(size) {
                    // There is but one, so that it needs no bits.
                    16 => 1 << 15,
                    size @ 0..16 => {
                        let difference = value(bits.peek(), size);
                        bits.skip(size);
                        difference as u16
                    }
                    _ => return Err(Damage),
                };
            }
        }
        Ok(())
    }
}

/// Adds the differences of a row to what is predicted (table H.1). The first row behind a restart
/// marker begins with `start`, and has none above that counts.
fn undo(differences: &[u16], start: Option<u16>, predictor: u32, above: &[u16], row: &mut [u16]) {
    let predictor = if start.is_some() { 1 } else { predictor };
    let mut left = start.or(above.first().copied()).unwrap_or_default();
    // At the left end it is what is above.
    let mut corner = left;
    for (i, ((&difference, &up), row)) in differences.iter().zip(above).zip(row).enumerate() {
        let (a, b, c) = (i32::from(left), i32::from(up), i32::from(corner));
        let predicted = match predictor {
            _ if i == 0 => a,
            1 => a,
            2 => b,
            3 => c,
            4 => a + b - c,
            5 => a + ((b - c) >> 1),
            6 => b + ((a - c) >> 1),
            _ => (a + b) >> 1,
        };
        (left, corner) = ((predicted as u16).wrapping_add(difference), up);
        *row = left;
    }
}

fn zeros(len: usize) -> Result<Vec<u16>, Error> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len).map_err(|_| thumbelina_codec::Error::OutOfMemory)?;
    zeros.resize(len, 0);
    Ok(zeros)
}
