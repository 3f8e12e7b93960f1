//! A scan on its way into the coefficients of its components.

use std::sync::Arc;

use crate::arithmetic::{self, Coder};
use crate::bits::Bits;
use crate::block::{Class, Damage, MAX_BLOCK_BYTES};
use crate::coefficients::Coefficients;
use crate::frame::{Coding, Frame, Process, Scaled};
use crate::progressive::{self, Band, Target};
use crate::quota::Quota;
use crate::scan::{Block, Scan};
use crate::scan_header::ScanHeader;
use crate::scan_reader::{Found, ScanReader, State};
use crate::tables::Tables;
use crate::view::View;
use crate::{Error, OnDamage};

/// As many blocks to which a scan adds nothing are passed in the time of one to which it does.
const EMPTY_BLOCKS: usize = 32;

/// No more are passed at a time than in the time of so many MCUs, as somebody may want to stop.
const MOST_EMPTY: usize = 4096;

/// Arithmetic decisions that are made in the time of one byte of other codes.
const DECISIONS_OF_A_BYTE: usize = 4;

/// More blocks no MCU may have (T.81, B.2.3). Huffman codes are so short that it makes no
/// difference.
const MOST_BLOCKS: u32 = 10;

/// Blocks of arithmetic codes that are decoded before decisions are counted, as data need not grow
/// with them.
const BLOCKS_TOGETHER: usize = 6;

/// A scan on its way.
#[derive(Debug)]
pub(crate) struct Decoding {
    pub reader: ScanReader,
    kind: Kind,
    /// The components' numbers, and the size of their MCUs in blocks.
    components: Vec<(usize, u32, u32)>,
    /// MCUs of a row.
    across: u64,
    /// Blocks of an MCU.
    blocks: usize,
    /// The next MCU, and the first that was lost.
    next: u64,
    first_lost: Option<u64>,
}

#[derive(Debug)]
enum Kind {
    Sequential(Arc<Scan>),
    Progressive(Band),
    Arithmetic(Box<Coder>),
}

impl Decoding {
    pub(crate) fn new(
        frame: &Frame,
        stores: &[Coefficients],
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
        let (across, down) = if interleaved {
            frame.mcus()
        } else {
            frame.blocks(&frame.components[components[0].0])
        };
        let blocks: u32 = components.iter().map(|(_, across, down)| across * down).sum();
        let arithmetic = frame.coding == Coding::Arithmetic;
        if arithmetic && blocks > MOST_BLOCKS {
            let what = "an MCU of more blocks than there can be";
            return Err(Error::Invalid { what, offset: header.data });
        }
        let kind = if arithmetic {
            let sequential = frame.process != Process::Progressive;
            let invalid = Error::Invalid { what: "a scan with a wrong table", offset: header.data };
            Kind::Arithmetic(Box::new(Coder::new(header, tables, sequential).ok_or(invalid)?))
        } else if frame.process == Process::Progressive {
            Kind::Progressive(Band::new(header, tables)?)
        } else {
            Kind::Sequential(Scan::new(frame, &scaled, header, tables)?)
        };
        let most = if arithmetic { arithmetic::MAX_BLOCK_BYTES } else { MAX_BLOCK_BYTES };
        let reader = ScanReader::new(
            header.data,
            u64::from(across) * u64::from(down),
            tables.restart_interval,
            blocks as usize * most + 8,
            on_damage,
        );
        let reader = if arithmetic { reader.open_ended() } else { reader };
        Ok(Decoding {
            reader,
            kind,
            components,
            across: across.into(),
            blocks: blocks as usize,
            next: 0,
            first_lost: None,
        })
    }

    /// Decodes about `most` MCUs, as far as the quota goes, and says how many they were, or how
    /// many would have taken as long.
    pub(crate) fn advance(
        &mut self,
        view: View<'_>,
        stores: &mut [Coefficients],
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        // What is lost stays as it was.
        let lost = self.reader.lost();
        if lost > 0 {
            self.first_lost.get_or_insert(self.next);
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
        let found = match &mut self.kind {
            Kind::Arithmetic(coder) => {
                let most = most.min((BLOCKS_TOGETHER / self.blocks).max(1));
                let place = (x as usize, &mut lanes[..]);
                let from = (view, most, &mut *quota);
                let found = add(&mut self.reader, from, place, |state, data, component, target| {
                    coder.block(state, data, component, target)
                });
                quota.spent(coder.decisions() / DECISIONS_OF_A_BYTE);
                found?
            }
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
                    (0, false) => refine_dc(reader, from, place, band),
                    (_, true) => add(reader, from, place, |state, data, _, target| {
                        progressive::ac_first(state, data, band, target)
                    }),
                    (_, false) => add(reader, from, place, |state, data, _, target| {
                        progressive::ac_refine(state, data, band, target)
                    }),
                }?
            }
        };
        if let Found::Lost(_) = found {
            self.first_lost.get_or_insert(self.next);
        }
        if let Found::Mcus(count) | Found::Lost(count) = found {
            self.next += count as u64;
        }
        Ok(found)
    }

    /// How many rows of blocks of each of its components come before what was lost.
    pub(crate) fn sound_rows(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.first_lost.map(|mcu| mcu / self.across);
        self.components.iter().map(move |&(index, _, high)| {
            (index, rows.map_or(usize::MAX, |rows| rows as usize * high as usize))
        })
    }

    /// Passes blocks to which the scan adds nothing, and says how many MCUs would have taken as
    /// long.
    fn pass_empty(&mut self, stores: &[Coefficients], most: usize) -> usize {
        // Only scans of a single component have runs of such blocks.
        let (Kind::Progressive(band), &[(component, _, _)]) = (&self.kind, &self.components[..])
        else {
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
            let nonzero = row
                .and_then(|row| row.nonzero.get(x as usize..x as usize + left))
                .unwrap_or_default();
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
    fn make_row(&self, stores: &mut [Coefficients], y: usize) -> Result<Option<usize>, Error> {
        for &(component, _, high) in &self.components {
            let high = high as usize;
            if let Some(blocks) = stores[component].make_row(y * high..(y + 1) * high)? {
                return Ok(Some(blocks));
            }
        }
        Ok(None)
    }

    /// The rows of blocks that row `y` of MCUs is made of, in the order of an MCU's blocks.
    fn lanes<'a>(&self, stores: &'a mut [Coefficients], y: usize) -> Vec<Lane<'a>> {
        let mut lanes = Vec::with_capacity(4);
        for (index, store) in stores.iter_mut().enumerate() {
            let Some(component) = self.components.iter().position(|&(other, _, _)| other == index)
            else {
                continue;
            };
            let (_, wide, high) = self.components[component];
            let (class, high) = (store.scaled.class, high as usize);
            let rows = store.rows.get_mut(y * high..(y + 1) * high).unwrap_or_default();
            for (row, blocks) in rows.iter_mut().enumerate() {
                let (coefficients, nonzero) =
                    (&mut blocks.coefficients[..], &mut blocks.nonzero[..]);
                lanes.push(Lane {
                    component,
                    row,
                    class,
                    wide: wide as usize,
                    coefficients,
                    nonzero,
                });
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
    mut decode: impl FnMut(&mut State, &[u8], usize, &mut Target<'_>) -> Result<(), Damage>,
) -> Result<Found, Error> {
    reader.decode(view, most, quota, |i, state, data| {
        for lane in &mut *lanes {
            let first = (x + i) * lane.wide;
            let len = lane.class.len();
            for column in first..first + lane.wide {
                let kept =
                    lane.coefficients.get_mut(column * len..(column + 1) * len).ok_or(Damage)?;
                let mut untraced = 0;
                let nonzero = lane.nonzero.get_mut(column).unwrap_or(&mut untraced);
                decode(
                    state,
                    data,
                    lane.component,
                    &mut Target { class: lane.class, kept, nonzero },
                )?;
            }
        }
        Ok(())
    })
}

/// Adds a bit to the DC values of `most` MCUs: one of the data for each block, so that those of an
/// MCU are read together.
#[inline(never)]
fn refine_dc(
    reader: &mut ScanReader,
    (view, most, quota): (View<'_>, usize, &mut Quota<'_>),
    (x, lanes): (usize, &mut [Lane<'_>]),
    band: &Band,
) -> Result<Found, Error> {
    reader.decode(view, most, quota, |i, state, data| {
        let mut left = 0;
        for lane in &mut *lanes {
            if left < lane.wide {
                state.bits.refill(data);
                left = Bits::REFILLED;
            }
            left -= lane.wide;
            let len = lane.class.len();
            let first = (x + i) * lane.wide * len;
            let blocks = lane.coefficients.get_mut(first..).ok_or(Damage)?;
            for block in blocks.chunks_mut(len).take(lane.wide) {
                block[0] |= band.low_bit(state.bits.take(1));
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
