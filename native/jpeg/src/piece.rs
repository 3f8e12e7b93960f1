//! A piece of a sequential scan, decoded without knowing of what comes before it.

use std::ops::Range;
use std::sync::Arc;

use thumbelina_codec::Stop;

use crate::bits::Bits;
use crate::scan::{Predictions, Scan};
use crate::scan_reader::Place;
use crate::view::View;

/// A piece is given up where it takes more coefficients than this: 2 MB.
pub(crate) const PIECE_COEFFICIENTS: usize = 1 << 20;

/// Bytes behind its end that a piece is ready to look at, beside an MCU's.
const OVERLAP: usize = 2 << 10;

/// After as many MCUs a guess was right, or as good as: what cannot be data there is damage.
const MOST_GUESSED: usize = 256;

/// MCUs that are decoded at a time.
const MCUS_TOGETHER: usize = 64;

/// The same within a restart interval, most of which have fewer.
const INTERVAL_MCUS_TOGETHER: usize = 1024;

/// A piece that is to be decoded.
#[derive(Debug)]
pub(crate) struct Work {
    pub scan: Arc<Scan>,
    pub number: u64,
    pub part: Part,
    /// It cannot have more MCUs.
    pub most: u64,
    pub coefficients: Vec<i16>,
}

#[derive(Debug)]
pub(crate) enum Part {
    /// From a bit of the first byte on, or wherever an MCU seems to begin.
    Bytes {
        range: Range<usize>,
        bit: Option<usize>,
    },
    Intervals(Vec<Interval>),
}

impl Work {
    /// Decodes the piece. What is left undone when it is to stop is odd, or not whole.
    pub(crate) fn decode(self, view: View<'_>, stop: &Stop) -> (u64, Piece) {
        let scan = &self.scan;
        let mut coefficients = self.coefficients;
        coefficients.clear();
        let mut piece = Piece { coefficients, ..Piece::default() };
        match self.part {
            Part::Bytes { range, bit } => {
                piece.from = range.start;
                piece.load(view, range, bit.unwrap_or(0), OVERLAP + scan.max_mcu_bytes());
                if bit.is_some() {
                    piece.run(scan, self.most, stop);
                } else {
                    piece.run_from_guess(scan, self.most, stop);
                }
            }
            Part::Intervals(intervals) => {
                let is_whole = |interval: &&Interval| piece.interval(scan, view, interval, stop);
                piece.whole = intervals.iter().take_while(is_whole).count();
                piece.intervals = intervals;
            }
        }
        (self.number, piece)
    }
}

/// A restart interval: its data up to the marker behind it, and its MCUs.
#[derive(Debug)]
pub(crate) struct Interval {
    pub range: Range<usize>,
    pub mcus: u64,
}

/// What one thread decoded.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Where it begins in the input.
    pub from: usize,
    /// The restart intervals that it is made of, and how many of these are whole. None where it was
    /// cut at any bytes.
    pub intervals: Vec<Interval>,
    pub whole: usize,
    /// Bytes without stuffing: its own, and some of the successor's.
    data: Vec<u8>,
    own: usize,
    /// Whether `data` ends at a marker or with the input, and whether it does before the
    /// successor's begins.
    ended: bool,
    stops: bool,
    bits: Bits,
    predictions: Predictions,
    pub coefficients: Vec<i16>,
    /// The first bit of each MCU, in `data`.
    starts: Vec<usize>,
    /// Whether it ended before it should have: at damage, or because it became too large.
    odd: bool,
}

impl Piece {
    /// Begins with other data, and keeps the MCUs.
    fn load(&mut self, view: View<'_>, range: Range<usize>, bit: usize, overlap: usize) {
        self.data.clear();
        self.data.reserve(range.len() + overlap);
        let (next, ended) = view.unstuff(range.start, range.len(), &mut self.data);
        self.own = self.data.len();
        self.stops = ended;
        self.ended = ended || view.unstuff(next, overlap, &mut self.data).1;
        self.bits = Bits::at(&self.data, bit);
        self.predictions = [0; 4];
    }

    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Decodes at most `most` more MCUs, of those that begin before bit `end`. `false` where that
    /// cannot be done here: at damage, at the end of the data, or where this has become too much.
    fn push(&mut self, scan: &Scan, most: usize, end: usize) -> bool {
        let first = self.count();
        let room = (first + most) * scan.mcu_len + 1;
        if self.coefficients.len() < room {
            if room > PIECE_COEFFICIENTS {
                return false;
            }
            self.coefficients.resize(room, 0);
        }
        let last_start = match self.ended {
            true => usize::MAX,
            false => (self.data.len() * 8).saturating_sub(scan.max_mcu_bytes() * 8),
        };
        let (mut bits, mut predictions) = (self.bits, self.predictions);
        let mut sound = true;
        for index in first..first + most {
            let out = &mut self.coefficients[index * scan.mcu_len..];
            let start = bits.position();
            if start >= end {
                break;
            }
            let (before, before_predictions) = (bits, predictions);
            sound = start <= last_start
                && scan.decode(&mut bits, &self.data, &mut predictions, out).is_ok()
                && !(self.ended && bits.overran(&self.data));
            if !sound {
                (bits, predictions) = (before, before_predictions);
                break;
            }
            self.starts.push(start);
        }
        (self.bits, self.predictions) = (bits, predictions);
        sound
    }

    /// Decodes as far as its own bytes go, but no more MCUs than `most`.
    fn run(&mut self, scan: &Scan, most: u64, stop: &Stop) {
        let end = self.own * 8;
        while self.bits.position() < end && (self.count() as u64) < most {
            let most = (most - self.count() as u64).min(MCUS_TOGETHER as u64);
            if stop.is_asked() || !self.push(scan, most as usize, end) {
                self.odd = true;
                return;
            }
        }
    }

    /// The same from a start that is a guess. A wrong one is often found out by what cannot be
    /// data; the next byte is another guess then.
    fn run_from_guess(&mut self, scan: &Scan, most: u64, stop: &Stop) {
        loop {
            self.run(scan, most, stop);
            let next = self.bits.position() / 8 + 1;
            if !self.odd || self.count() > MOST_GUESSED || next >= self.own || stop.is_asked() {
                return;
            }
            let used = (self.count() + 1) * scan.mcu_len;
            let used = used.min(self.coefficients.len());
            self.coefficients[..used].fill(0);
            self.starts.clear();
            self.predictions = [0; 4];
            self.odd = false;
            self.bits = Bits::at(&self.data, next * 8);
        }
    }

    /// Decodes a restart interval. `false` if it is not whole; what there is of it is dropped.
    fn interval(&mut self, scan: &Scan, view: View<'_>, interval: &Interval, stop: &Stop) -> bool {
        // Far enough to see the marker.
        self.load(view, interval.range.clone(), 0, 2);
        let before = self.count();
        let mut left = interval.mcus as usize;
        while left > 0 {
            let count = left.min(INTERVAL_MCUS_TOGETHER);
            if stop.is_asked() || !self.push(scan, count, usize::MAX) {
                self.starts.truncate(before);
                return false;
            }
            left -= count;
        }
        true
    }

    /// Goes on to an MCU that begins where one of the successor's does, and returns that one's
    /// number.
    pub(crate) fn fall_in_step(&mut self, scan: &Scan, successor: &Piece) -> Option<usize> {
        if self.odd || self.stops {
            return None;
        }
        loop {
            let at = self.bits.position().checked_sub(self.own * 8)?;
            match successor.starts.binary_search(&at) {
                Ok(index) => return Some(index),
                Err(index) if index == successor.count() => return None,
                Err(_) => {}
            }
            if !self.push(scan, 1, usize::MAX) {
                return None;
            }
        }
    }

    /// Where its MCU number `index` begins, which may be the one after the last.
    pub(crate) fn place_of(&self, view: View<'_>, index: usize) -> Place {
        let bit = self.start_of(index);
        (view.stuffed(self.from, bit / 8), bit % 8)
    }

    /// The same as a bit of `data`.
    pub(crate) fn start_of(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or(self.bits.position())
    }

    /// What the DC predictions are before its MCU number `index`, with `offsets` added to all that
    /// it has.
    pub(crate) fn predictions_at(
        &self,
        scan: &Scan,
        index: usize,
        offsets: Predictions,
    ) -> Predictions {
        let mut predictions = offsets;
        if let Some(before) = index.checked_sub(1) {
            for block in &scan.blocks {
                let dc = self.coefficients[before * scan.mcu_len + block.place];
                predictions[block.component & 3] = dc.wrapping_add(offsets[block.component & 3]);
            }
        }
        predictions
    }
}
