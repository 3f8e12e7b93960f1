//! One thread's way through a sequential scan, MCU by MCU. Everything else that decodes such a scan
//! has to agree with this.

use crate::bits::Bits;
use crate::block::Damage;
use crate::quota::Quota;
use crate::scan::Predictions;
use crate::view::{Search, View};
use crate::{Error, OnDamage};

/// Bytes that are freed of their stuffing at a time.
const WINDOW: usize = 8 << 10;

/// Passing a restart marker takes as long as decoding so many bytes.
const RESTART_BYTES: usize = 8;

#[derive(Debug)]
pub(crate) struct ScanReader {
    /// Bytes without stuffing, from `start` of the input to `next`.
    data: Vec<u8>,
    start: usize,
    next: usize,
    /// At `next` is a marker or the end of the input.
    ended: bool,
    /// Bytes of `data` that some quota was charged with.
    paid: usize,
    /// No restart marker that counts is between `next` and here.
    searched: usize,
    pub state: State,
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
    /// Whether zeros may be left out at the end of an interval.
    open_ended: bool,
    on_damage: OnDamage,
}

/// What one MCU leaves behind for the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    pub bits: Bits,
    /// The DC values of the blocks before, one for each component of the scan.
    pub predictions: Predictions,
    /// Blocks to come that have nothing in the scan's band.
    pub end_of_band: u32,
    /// Whether what is learned within a restart interval has been forgotten, where codes are
    /// arithmetic.
    pub begun: bool,
}

/// A bit of the input: the number of its byte, and its own in that byte.
pub(crate) type Place = (usize, usize);

/// What [`ScanReader::decode`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many MCUs.
    Mcus(usize),
    /// So many MCUs that are not there any more.
    Lost(usize),
    /// None yet: the quota is spent.
    Nothing,
    /// None before more of the input is there.
    Starved,
}

impl ScanReader {
    /// At the start of a scan whose data begins at `offset`. `interval` is 0 where there are no
    /// restart markers, and no MCU takes more than `reserve` bytes.
    pub(crate) fn new(
        offset: usize,
        total: u64,
        interval: u32,
        reserve: usize,
        on_damage: OnDamage,
    ) -> Self {
        let interval = if interval == 0 { total } else { interval.into() };
        ScanReader {
            data: Vec::new(),
            start: offset,
            next: offset,
            ended: false,
            paid: 0,
            searched: offset,
            state: State::default(),
            interval,
            left: interval.min(total),
            total,
            lost: 0,
            restart: 0,
            reserve,
            open_ended: false,
            on_damage,
        }
    }

    /// The same of arithmetic codes, whose last zeros are not written. Only where the input ends
    /// can they be missing.
    pub(crate) fn open_ended(self) -> Self {
        ScanReader { open_ended: true, ..self }
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

    /// Where the input goes on behind the scan, or behind what was looked at of it.
    pub(crate) fn end(&self) -> usize {
        self.searched.max(self.next)
    }

    /// What comes before this place is not needed any more.
    pub(crate) fn needed(&self) -> usize {
        if self.left > 0 { self.start } else { self.end() }
    }

    /// MCUs from one restart marker to the next.
    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Decodes at most `most` MCUs (not 0), as far as the end of the restart interval and the
    /// quota. `mcu` decodes one, and is told how many came before it in this call.
    #[inline(always)]
    pub(crate) fn decode(
        &mut self,
        view: View<'_>,
        most: usize,
        quota: &mut Quota<'_>,
        mut mcu: impl FnMut(usize, &mut State, &[u8]) -> Result<(), Damage>,
    ) -> Result<Found, Error> {
        if self.left == 0
            && self.lost == 0
            && let Some(found) = self.next_interval(view, quota)?
        {
            return Ok(found);
        }
        let mut done = 0;
        if self.lost == 0 {
            let count = self.left.min(most as u64) as usize;
            let mut stop = self.stop(quota);
            while done < count {
                let at = self.state.bits.position() / 8;
                if at >= stop {
                    match self.go_on(view, quota) {
                        Some(next) => stop = next,
                        None => break,
                    }
                }
                let decoded = mcu(done, &mut self.state, &self.data);
                if decoded == Err(Damage)
                    || self.ended && self.state.bits.overran(&self.data) && self.is_cut(view)
                {
                    self.damaged(view, done)?;
                    break;
                }
                done += 1;
            }
            self.pay(quota);
            if self.lost == 0 {
                self.left -= done as u64;
            }
            self.total -= done as u64;
        }
        if done > 0 {
            return Ok(Found::Mcus(done));
        }
        match self.lost.min(most as u64) {
            0 if quota.is_spent() => Ok(Found::Nothing),
            0 => Ok(Found::Starved),
            count => {
                self.pass_lost(count);
                Ok(Found::Lost(count as usize))
            }
        }
    }

    /// Whether there should be more data than there is.
    #[cold]
    fn is_cut(&self, view: View<'_>) -> bool {
        // The last two bytes may have been zeros, and two are read ahead.
        let missing = self.state.bits.position().saturating_sub(self.data.len() * 8);
        !self.open_ended || self.next >= view.end() && missing > 32
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
        if self.lost == 0 { self.left.min(self.state.end_of_band.into()) } else { 0 }
    }

    /// Passes so many of these.
    pub(crate) fn pass_empty(&mut self, count: u64) {
        self.state.end_of_band -= count as u32;
        self.left -= count;
        self.total -= count;
    }

    /// The rest of the interval is lost, but for what was just `done`.
    #[cold]
    fn damaged(&mut self, view: View<'_>, done: usize) -> Result<(), Error> {
        if self.on_damage == OnDamage::Fail {
            let bits = &self.state.bits;
            return Err(if self.ended && self.next >= view.end() && bits.overran(&self.data) {
                Error::Truncated { offset: view.end() }
            } else {
                Error::Damaged {
                    offset: view.stuffed(self.start, bits.position() / 8).min(self.next),
                }
            });
        }
        self.lost = self.left - done as u64;
        self.left = 0;
        Ok(())
    }

    /// The byte of the data from which on no MCU may begin before the cursor was asked to
    /// [`go_on`](Self::go_on).
    fn stop(&self, quota: &Quota<'_>) -> usize {
        let paid = self.paid.saturating_add(quota.decodable());
        if self.ended { paid } else { paid.min((self.data.len() + 1).saturating_sub(self.reserve)) }
    }

    /// Makes sure that there are bytes enough, and says up to where. `None` if the quota is spent,
    /// or if more of the input is needed.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Option<usize> {
        self.pay(quota);
        if quota.is_spent() {
            return None;
        }
        if !self.ended && self.paid + self.reserve > self.data.len() {
            self.fill(view, quota);
        }
        let stop = self.stop(quota);
        (self.paid < stop).then_some(stop)
    }

    /// Charges the quota with what was decoded.
    fn pay(&mut self, quota: &mut Quota<'_>) {
        let at = self.state.bits.position() / 8;
        quota.decoded(at.saturating_sub(self.paid));
        self.paid = at;
    }

    /// Loads more bytes, as far as they have come; those that were read are dropped.
    #[cold]
    fn fill(&mut self, view: View<'_>, quota: &mut Quota<'_>) {
        let bit = self.state.bits.position();
        let used = (bit / 8).min(self.data.len());
        self.start = view.stuffed(self.start, used);
        self.data.drain(..used);
        let (from, enough) = (self.next, self.reserve + WINDOW);
        while !self.ended && self.data.len() < enough {
            let before = self.next;
            (self.next, self.ended) =
                view.unstuff(before, enough - self.data.len(), &mut self.data);
            if self.next == before {
                break;
            }
        }
        quota.loaded(self.next - from);
        self.state.bits = Bits::at(&self.data, bit - used * 8);
        self.paid = bit / 8 - used;
    }

    /// Passes the restart marker that has to be next, and answers nothing; or why it is still to be
    /// found.
    fn next_interval(
        &mut self,
        view: View<'_>,
        quota: &mut Quota<'_>,
    ) -> Result<Option<Found>, Error> {
        let mut from = self.searched.max(self.next);
        quota.spent(RESTART_BYTES);
        let lost = loop {
            match view.search(from, quota) {
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
                Search::Starved(at) => {
                    self.searched = at;
                    return Ok(Some(Found::Starved));
                }
                found => {
                    let end = if let Search::Marker(at, _) = found { Some(at) } else { None };
                    if self.on_damage == OnDamage::Fail {
                        let truncated = Error::Truncated { offset: view.end() };
                        return Err(end.map_or(truncated, |offset| Error::Damaged { offset }));
                    }
                    self.next = end.unwrap_or(view.end());
                    break self.total;
                }
            }
            if quota.is_spent() {
                self.searched = from;
                return Ok(Some(Found::Nothing));
            }
        };
        self.lost = lost.min(self.total);
        self.left = self.interval.min(self.total - self.lost);
        if self.left > 0 {
            self.start_interval(from);
        }
        Ok(None)
    }

    fn start_interval(&mut self, offset: usize) {
        self.data.clear();
        self.paid = 0;
        (self.start, self.next, self.searched, self.ended) = (offset, offset, offset, false);
        self.state = State::default();
    }

    /// The bit that comes next.
    pub(crate) fn place(&self, view: View<'_>) -> Place {
        let bit = self.state.bits.position();
        (view.stuffed(self.start, bit / 8), bit % 8)
    }

    /// Goes on from another place in the same interval, a byte of the input and a bit of it, where
    /// `left` MCUs are left of the interval.
    pub(crate) fn go_to(&mut self, (offset, bit): Place, left: u64, predictions: Predictions) {
        self.start_interval(offset);
        self.state =
            State { bits: Bits::at(&self.data, bit), predictions, end_of_band: 0, begun: false };
        self.total = self.total - self.left + left;
        self.left = left;
    }

    /// The number of the next restart marker.
    pub(crate) fn restart(&self) -> u8 {
        self.restart
    }

    /// Where the data of the next restart interval begins, if that is what comes next. Passes the
    /// marker before it, if that is near.
    pub(crate) fn at_interval(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Option<usize> {
        if self.left == 0 && self.next_interval(view, quota).ok()?.is_some() {
            return None;
        }
        let State { bits, predictions, .. } = self.state;
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
