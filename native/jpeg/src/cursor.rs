//! One thread's way through a sequential scan, MCU by MCU. Everything else that decodes such a scan
//! has to agree with this.

use crate::bits::{Bits, Search, search, stuffed, unstuff};
use crate::block::Damage;
use crate::budget::Budget;
use crate::scan::Predictions;
use crate::{Error, OnDamage};

/// Bytes that are freed of their stuffing at a time.
const WINDOW: usize = 8 << 10;

/// Passing a restart marker takes as long as decoding so many bytes.
const RESTART_BYTES: usize = 8;

#[derive(Debug)]
pub(crate) struct Cursor {
    /// Bytes without stuffing, from `start` of the input to `next`.
    data: Vec<u8>,
    start: usize,
    next: usize,
    /// At `next` is a marker or the end of the input.
    ended: bool,
    /// Bytes of `data` that some budget was charged with.
    paid: usize,
    /// No restart marker that counts is between `next` and here.
    searched: usize,
    pub reader: Reader,
    /// MCUs from one restart marker to the next. Without any the scan is one interval.
    interval: u64,
    /// MCUs left in this one.
    left: u64,
    /// MCUs left in the scan.
    total: u64,
    /// MCUs to come that are lost.
    lost: u64,
    /// The number of the next restart marker.
    restart: u8,
    /// No MCU takes more bytes.
    reserve: usize,
    on_damage: OnDamage,
}

/// What one MCU leaves behind for the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader {
    pub bits: Bits,
    /// The DC values of the blocks before, one for each component of the scan.
    pub predictions: Predictions,
    /// Blocks to come that have nothing in the scan's band.
    pub end_of_band: u32,
}

/// A bit of the input: the number of its byte, and its own in that byte.
pub(crate) type Place = (usize, usize);

/// What [`Cursor::decode`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many MCUs.
    Mcus(usize),
    /// So many MCUs that are not there any more.
    Lost(usize),
    /// None yet: the budget is spent.
    Nothing,
}

impl Cursor {
    /// At the start of a scan whose data begins at `offset`. `interval` is 0 where there are no
    /// restart markers, and no MCU takes more than `reserve` bytes.
    pub(crate) fn new(offset: usize, total: u64, interval: u32, reserve: usize, on_damage: OnDamage) -> Self {
        let interval = if interval == 0 { total } else { interval.into() };
        Cursor {
            data: Vec::new(),
            start: offset,
            next: offset,
            ended: false,
            paid: 0,
            searched: offset,
            reader: Reader::default(),
            interval,
            left: interval.min(total),
            total,
            lost: 0,
            restart: 0,
            reserve,
            on_damage,
        }
    }

    /// MCUs left in the scan.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// MCUs left in this restart interval.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Whether nothing is known to be lost here.
    pub(crate) fn is_sound(&self) -> bool {
        self.lost == 0
    }

    /// Where the input goes on behind the scan.
    pub(crate) fn end(&self) -> usize {
        self.next
    }

    /// MCUs from one restart marker to the next.
    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Decodes at most `most` MCUs (not 0), as far as the end of the restart interval and the
    /// budget. `mcu` decodes one, and is told how many came before it in this call.
    #[inline(always)]
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        most: usize,
        budget: &mut Budget,
        mut mcu: impl FnMut(usize, &mut Reader, &[u8]) -> Result<(), Damage>,
    ) -> Result<Found, Error> {
        if self.left == 0 && self.lost == 0 && !self.next_interval(input, budget)? {
            return Ok(Found::Nothing);
        }
        let mut done = 0;
        if self.lost == 0 {
            let count = self.left.min(most as u64) as usize;
            let mut stop = self.stop(budget);
            while done < count {
                let at = self.reader.bits.position() / 8;
                if at >= stop {
                    match self.go_on(input, budget) {
                        Some(next) => stop = next,
                        None => break,
                    }
                }
                let decoded = mcu(done, &mut self.reader, &self.data);
                if decoded == Err(Damage) || self.ended && self.reader.bits.overran(&self.data) {
                    self.damaged(input, done)?;
                    break;
                }
                done += 1;
            }
            self.pay(budget);
            if self.lost == 0 {
                self.left -= done as u64;
            }
            self.total -= done as u64;
        }
        if done > 0 {
            return Ok(Found::Mcus(done));
        }
        match self.lost.min(most as u64) {
            0 => Ok(Found::Nothing),
            count => {
                self.pass_lost(count);
                Ok(Found::Lost(count as usize))
            }
        }
    }

    /// How many MCUs to come are lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Passes so many of these.
    pub(crate) fn pass_lost(&mut self, count: u64) {
        self.lost -= count;
        self.total -= count;
    }

    /// How many MCUs to come have nothing in the scan's band, as far as is known.
    pub(crate) fn empty(&self) -> u64 {
        if self.lost == 0 { self.left.min(self.reader.end_of_band.into()) } else { 0 }
    }

    /// Passes so many of these.
    pub(crate) fn pass_empty(&mut self, count: u64) {
        self.reader.end_of_band -= count as u32;
        self.left -= count;
        self.total -= count;
    }

    /// The rest of the interval is lost, but for what was just `done`.
    #[cold]
    fn damaged(&mut self, input: &[u8], done: usize) -> Result<(), Error> {
        if self.on_damage == OnDamage::Fail {
            let bits = &self.reader.bits;
            return Err(if self.ended && self.next >= input.len() && bits.overran(&self.data) {
                Error::Truncated { offset: input.len() }
            } else {
                Error::Damaged { offset: stuffed(input, self.start, bits.position() / 8).min(self.next) }
            });
        }
        self.lost = self.left - done as u64;
        self.left = 0;
        Ok(())
    }

    /// The byte of the data from which on no MCU may begin before the cursor was asked to
    /// [`go_on`](Self::go_on).
    fn stop(&self, budget: &Budget) -> usize {
        let paid = self.paid.saturating_add(budget.decodable());
        if self.ended { paid } else { paid.min((self.data.len() + 1).saturating_sub(self.reserve)) }
    }

    /// Makes sure that there are bytes enough, and says up to where. `None` if the budget is spent.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, input: &[u8], budget: &mut Budget) -> Option<usize> {
        self.pay(budget);
        if budget.is_spent() {
            return None;
        }
        if !self.ended && self.paid + self.reserve > self.data.len() {
            self.fill(input, budget);
        }
        Some(self.stop(budget))
    }

    /// Charges the budget with what was decoded.
    fn pay(&mut self, budget: &mut Budget) {
        let at = self.reader.bits.position() / 8;
        budget.decoded(at.saturating_sub(self.paid));
        self.paid = at;
    }

    /// Loads more bytes; those that were read are dropped.
    #[cold]
    fn fill(&mut self, input: &[u8], budget: &mut Budget) {
        let bit = self.reader.bits.position();
        let used = (bit / 8).min(self.data.len());
        self.start = stuffed(input, self.start, used);
        self.data.drain(..used);
        let (from, enough) = (self.next, self.reserve + WINDOW);
        while !self.ended && self.data.len() < enough {
            (self.next, self.ended) = unstuff(input, self.next, enough - self.data.len(), &mut self.data);
        }
        budget.loaded(self.next - from);
        self.reader.bits = Bits::at(&self.data, bit - used * 8);
        self.paid = bit / 8 - used;
    }

    /// Passes the restart marker that has to be next. `false` if it is still to be found.
    fn next_interval(&mut self, input: &[u8], budget: &mut Budget) -> Result<bool, Error> {
        let mut from = self.searched.max(self.next);
        budget.spent(RESTART_BYTES);
        let lost = loop {
            match search(input, from, budget) {
                Search::Marker(at, code @ 0xD0..=0xD7) => {
                    let ahead = (code - 0xD0).wrapping_sub(self.restart) & 7;
                    if ahead != 0 && self.on_damage == OnDamage::Fail {
                        return Err(Error::Damaged { offset: at });
                    }
                    from = at + 2;
                    // One from before was passed by already; one that is far ahead is taken for
                    // that.
                    if ahead <= 4 {
                        self.restart = (code - 0xD0 + 1) & 7;
                        break self.interval * u64::from(ahead);
                    }
                }
                Search::Later(at) => from = at,
                found => {
                    let end = if let Search::Marker(at, _) = found { Some(at) } else { None };
                    if self.on_damage == OnDamage::Fail {
                        let truncated = Error::Truncated { offset: input.len() };
                        return Err(end.map_or(truncated, |offset| Error::Damaged { offset }));
                    }
                    self.next = end.unwrap_or(input.len());
                    break self.total;
                }
            }
            if budget.is_spent() {
                self.searched = from;
                return Ok(false);
            }
        };
        self.lost = lost.min(self.total);
        self.left = self.interval.min(self.total - self.lost);
        if self.left > 0 {
            self.start_interval(from);
        }
        Ok(true)
    }

    fn start_interval(&mut self, offset: usize) {
        self.data.clear();
        self.paid = 0;
        (self.start, self.next, self.searched, self.ended) = (offset, offset, offset, false);
        self.reader = Reader::default();
    }

    /// The bit that comes next.
    pub(crate) fn place(&self, input: &[u8]) -> Place {
        let bit = self.reader.bits.position();
        (stuffed(input, self.start, bit / 8), bit % 8)
    }

    /// Goes on from another place in the same interval, a byte of the input and a bit of it, where
    /// `left` MCUs are left of the interval.
    pub(crate) fn go_to(&mut self, (offset, bit): Place, left: u64, predictions: Predictions) {
        self.start_interval(offset);
        self.reader = Reader { bits: Bits::at(&self.data, bit), predictions, end_of_band: 0 };
        self.total = self.total - self.left + left;
        self.left = left;
    }

    /// The number of the next restart marker.
    pub(crate) fn restart(&self) -> u8 {
        self.restart
    }

    /// Where the data of the next restart interval begins, if that is what comes next. Passes the
    /// marker before it, if that is near.
    pub(crate) fn at_interval(&mut self, input: &[u8]) -> Option<usize> {
        if self.left == 0 && !self.next_interval(input, &mut Budget::of_a_call()).ok()? {
            return None;
        }
        let Reader { bits, predictions, .. } = self.reader;
        let nothing_read = bits.position() == 0 && predictions == Predictions::default();
        let fresh = self.lost == 0 && self.left == self.interval.min(self.total) && nothing_read;
        fresh.then_some(self.start)
    }

    /// Goes on behind whole restart intervals; the marker there is at `offset`.
    pub(crate) fn jump_intervals(&mut self, intervals: u64, mcus: u64, offset: usize) {
        let between = if self.left == 0 { intervals } else { intervals - 1 };
        self.next = offset;
        self.left = 0;
        self.total -= mcus;
        self.restart = ((u64::from(self.restart) + between) & 7) as u8;
    }
}
