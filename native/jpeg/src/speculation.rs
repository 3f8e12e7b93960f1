//! Sequential scans on several threads, with the very result of one.
//!
//! The data is cut into pieces. Where there are restart markers, the pieces begin at these, and
//! each thread knows all that it has to. Elsewhere a piece begins at any byte, guessed to be the
//! start of an MCU: Huffman codes fall in step by themselves, usually within 60 bytes. Pieces are
//! joined in order: one goes on past its end until it comes upon an MCU that begins at the same bit
//! as one of its successor. From there on the successor's work is right, but for its DC values,
//! which lack what came before it.
//!
//! Where most coefficients are wanted, there is more of them than the caches hold until they are
//! joined. Then the pieces only tell where rows of MCUs begin, and the rows are decoded once more
//! from there.
//!
//! Nothing here reports damage. Whatever is odd ends the pieces before it, and the [`ScanReader`],
//! which is always behind the last MCU that was joined, comes upon it again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use thumbelina_codec::Stop;

use crate::piece::{Interval, PIECE_COEFFICIENTS, Part, Piece, Work};
use crate::quota::Quota;
use crate::scan::{Predictions, Run, Scan};
use crate::scan_reader::{Place, ScanReader};
use crate::view::View;

/// Fewer bytes are not worth a piece.
const LEAST_BYTES: usize = 8 << 10;

/// Pieces for each thread at least, so that none has long to wait for the others at the end.
const PIECES_PER_THREAD: usize = 8;

/// Pieces for each thread that may be there, or on their way, before they are joined.
const WAITING_PER_THREAD: usize = 4;

/// How many coefficients a piece is meant to take: 96 KB, so that those of all threads stay in the
/// second cache.
const USUAL_COEFFICIENTS: u64 = 48 << 10;

/// Restart intervals of more bytes are left to one thread.
const MOST_INTERVAL_BYTES: usize = 256 << 10;

/// Where more coefficients of a block than this are wanted, on average, its MCU is decoded twice
/// instead of being kept. Two threads gain nothing then, nor by keeping so many.
const MOST_KEPT: usize = 32;

/// After so many beginnings in a row of which nothing came, one thread does the rest.
const MAX_MISSES: u32 = 2;

/// MCUs that are decoded ahead of the rows they belong to, piece by piece.
#[derive(Debug)]
pub(crate) struct Ahead {
    scan: Arc<Scan>,
    /// MCUs that were joined and not yet taken, and how many they are.
    joined: Joined,
    count: usize,
    /// Pieces that are to be joined next, in order: `None` while they are on their way.
    pieces: VecDeque<Option<Piece>>,
    /// The number of the first of these. Pieces with a lower number have been forgotten.
    first: u64,
    /// Its first MCU that is right.
    in_step: usize,
    /// Where the next piece begins. `None` until pieces are begun (anew) from the reader.
    next: Option<Next>,
    /// How many were joined since then.
    since: u32,
    misses: u32,
    /// Whether one thread has to go on before pieces can be begun.
    stalled: bool,
    /// With fewer, one thread does as well.
    least_threads: usize,
    /// The most bytes that a piece has, and how many the next ones have.
    most: usize,
    each: usize,
    /// Memory of coefficients that are no longer needed. Fresh pages cost more than clearing used
    /// ones.
    spare: Vec<Vec<i16>>,
}

#[derive(Debug)]
enum Joined {
    Runs(VecDeque<Run>),
    /// The starts of the rows of MCUs among them, the first of which is the first MCU.
    Starts(VecDeque<Start>),
}

/// Where a row of MCUs begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub place: Place,
    pub predictions: Predictions,
}

/// A row of MCUs.
pub(crate) enum Row {
    Decoded(Vec<Run>),
    Begins(Start),
}

#[derive(Debug, Clone, Copy)]
enum Next {
    /// At a byte. The bit is there where it is known and no guess.
    Byte { at: usize, bit: Option<usize> },
    /// At the start of a restart interval, with the marker behind it and the MCUs that are left.
    Interval { at: usize, restart: u8, left: u64 },
    /// There are no more.
    Over,
}

impl Ahead {
    /// No piece has more than `most` bytes.
    pub(crate) fn new(scan: &Arc<Scan>, most: usize) -> Self {
        let most = most.clamp(1, USUAL_COEFFICIENTS as usize);
        let dense = scan.mcu_len > scan.blocks.len() * MOST_KEPT;
        let outlines = dense && scan.restart_interval == 0;
        Ahead {
            scan: if outlines { Arc::new(scan.outline()) } else { scan.clone() },
            joined: if outlines {
                Joined::Starts(VecDeque::new())
            } else {
                Joined::Runs(VecDeque::new())
            },
            count: 0,
            pieces: VecDeque::new(),
            first: 0,
            in_step: 0,
            next: None,
            since: 0,
            misses: 0,
            stalled: false,
            least_threads: if dense { 3 } else { 2 },
            most,
            each: most,
            spare: Vec::new(),
        }
    }

    /// Whether a whole row of MCUs is there.
    pub(crate) fn has_row(&self) -> bool {
        self.count >= self.scan.across as usize
    }

    /// Takes the next row of MCUs, if all of it is there.
    pub(crate) fn take_row(&mut self) -> Option<Row> {
        if !self.has_row() {
            return None;
        }
        let across = self.scan.across as usize;
        if let Joined::Starts(starts) = &mut self.joined {
            self.count -= across;
            return starts.pop_front().map(Row::Begins);
        }
        let (mut runs, mut left) = (Vec::with_capacity(2), across);
        while left > 0
            && let Some(run) = self.take(left)
        {
            left -= run.count;
            runs.push(run);
        }
        Some(Row::Decoded(runs))
    }

    /// Takes the next MCUs that were decoded: at most `most`, those that lie together.
    pub(crate) fn take(&mut self, most: usize) -> Option<Run> {
        let Joined::Runs(runs) = &mut self.joined else { return None };
        let run = runs.front_mut()?;
        let count = run.count.min(most);
        self.count -= count;
        if count == run.count {
            return runs.pop_front();
        }
        let taken = Run { coefficients: run.coefficients.clone(), count, ..*run };
        run.first += count;
        run.count -= count;
        Some(taken)
    }

    /// Takes back the memory of what was taken.
    pub(crate) fn put_back(&mut self, run: Run) {
        if let Ok(coefficients) = Arc::try_unwrap(run.coefficients) {
            self.spare.push(coefficients);
        }
    }

    /// Leaves the rest to the reader, which is put where the next MCU begins that was not taken.
    pub(crate) fn leave(&mut self, reader: &mut ScanReader) {
        if let Joined::Starts(starts) = &mut self.joined
            && let Some(start) = starts.pop_front()
        {
            reader.go_to(start.place, reader.left() + self.count as u64, start.predictions);
            starts.clear();
            self.count = 0;
        }
        self.forget_pieces();
    }

    /// Forgets all pieces that were not joined.
    fn forget_pieces(&mut self) {
        self.first += self.pieces.len() as u64;
        let pieces = self.pieces.drain(..).flatten();
        self.spare.extend(pieces.map(|piece| piece.coefficients));
        self.next = None;
        self.in_step = 0;
        self.since = 0;
    }

    /// Tries to begin with pieces again, where that was not possible.
    pub(crate) fn retry(&mut self) {
        self.stalled = false;
    }

    /// Whether there may be a piece to decode.
    pub(crate) fn has_pieces(&self, threads: usize) -> bool {
        let waiting = self.pieces.len() >= threads * WAITING_PER_THREAD;
        !self.stalled && !waiting && !matches!(self.next, Some(Next::Over))
    }

    /// The next piece that is to be decoded. `None` if there is none for now, or if one thread does
    /// better.
    pub(crate) fn hand_out(
        &mut self,
        reader: &mut ScanReader,
        view: View<'_>,
        threads: usize,
        stop: &Stop,
    ) -> Option<Work> {
        if !self.has_pieces(threads) {
            return None;
        }
        if self.next.is_none() {
            self.next = self.begin(reader, view, threads, stop);
            self.stalled = self.next.is_none();
        }
        let (next, part) = match self.next? {
            Next::Over => return None,
            Next::Byte { at, bit } => {
                let mut end = at + self.each;
                // Not between a 0xFF and what is stuffed behind it.
                end += usize::from(view.byte(end - 1) == Some(0xFF));
                // What would be left is not worth a piece.
                let mut over = end + self.each / 2 >= view.end();
                if over {
                    end = view.end();
                }
                if self.scan.restart_interval > 0
                    && let Some((marker, _)) = view.find_marker(at, end)
                {
                    (end, over) = (marker, true);
                }
                let next = if over { Next::Over } else { Next::Byte { at: end, bit: None } };
                (next, Part::Bytes { range: at..end, bit })
            }
            Next::Interval { at, restart, left } => {
                let (next, intervals) =
                    self.intervals(reader.interval(), view, (at, restart, left));
                if intervals.is_empty() {
                    self.next = Some(next);
                    return None;
                }
                (next, Part::Intervals(intervals))
            }
        };
        let number = self.first + self.pieces.len() as u64;
        self.next = Some(next);
        self.pieces.push_back(None);
        Some(Work {
            scan: self.scan.clone(),
            number,
            part,
            most: reader.left(),
            coefficients: self.spare.pop().unwrap_or_default(),
        })
    }

    /// Begins with pieces where the reader is. `None` where one thread does better.
    fn begin(
        &mut self,
        reader: &mut ScanReader,
        view: View<'_>,
        threads: usize,
        stop: &Stop,
    ) -> Option<Next> {
        let scan = &self.scan;
        if threads < self.least_threads
            || self.misses >= MAX_MISSES
            || !reader.is_sound()
            || reader.total() == 0
        {
            return None;
        }
        let bytes = view.end().saturating_sub(reader.end()).max(1);
        // Flat pictures have many coefficients for a byte.
        let per_byte = (reader.total() * scan.mcu_len as u64 / bytes as u64).max(1);
        let most = ((USUAL_COEFFICIENTS / per_byte) as usize).min(self.most);
        // Falling in step has to be little of it.
        if most < self.most.div_ceil(16) {
            return None;
        }
        self.each = (bytes / (threads * PIECES_PER_THREAD)).clamp(most.clamp(1, LEAST_BYTES), most);
        if bytes / self.each < 2 {
            return None;
        }
        let interval_bytes = bytes as u64 * reader.interval() / reader.total();
        let fits = reader.interval() <= self.most_mcus();
        if scan.restart_interval > 0 && fits && interval_bytes <= self.each as u64 {
            if let Some(at) = reader.at_interval(view, &mut Quota::of_a_call(stop)) {
                return Some(Next::Interval {
                    at,
                    restart: reader.restart(),
                    left: reader.total(),
                });
            }
            // In the middle of one: on to its end.
        } else if reader.left() == 0 {
            reader.at_interval(view, &mut Quota::of_a_call(stop))?;
        }
        let (at, bit) = reader.place(view);
        (reader.is_sound() && reader.left() > 0).then_some(Next::Byte { at, bit: Some(bit) })
    }

    /// No piece has more MCUs.
    fn most_mcus(&self) -> u64 {
        ((PIECE_COEFFICIENTS - 1) / self.scan.mcu_len) as u64
    }

    /// Restart intervals of one piece, as long as the markers between them are the right ones.
    fn intervals(
        &self,
        each: u64,
        view: View<'_>,
        (start, restart, mut left): (usize, u8, u64),
    ) -> (Next, Vec<Interval>) {
        let most = self.most_mcus();
        let mut intervals = Vec::new();
        let (mut at, mut restart, mut mcus) = (start, restart, 0);
        while left > 0 {
            let whole = at - start >= self.each || mcus + left.min(each) > most;
            if whole && !intervals.is_empty() {
                return (Next::Interval { at, restart, left }, intervals);
            }
            // So many bytes, stuffing included, are more than it can have.
            let longest = (left.min(each) as usize).saturating_mul(2 * self.scan.max_mcu_bytes());
            let longest = longest.min(MOST_INTERVAL_BYTES);
            let end = at.saturating_add(longest + 2);
            let Some((marker, code)) = view.find_marker(at, end) else { break };
            let interval = Interval { range: at..marker, mcus: left.min(each) };
            mcus += interval.mcus;
            left -= interval.mcus;
            intervals.push(interval);
            if code != 0xD0 + restart {
                break;
            }
            restart = (restart + 1) & 7;
            at = marker + 2;
        }
        (Next::Over, intervals)
    }

    /// Takes a decoded piece, and joins what can be joined by now.
    pub(crate) fn finished(
        &mut self,
        reader: &mut ScanReader,
        view: View<'_>,
        (number, piece): (u64, Piece),
    ) {
        match number.checked_sub(self.first).and_then(|i| self.pieces.get_mut(i as usize)) {
            Some(place) => *place = Some(piece),
            None => self.spare.push(piece.coefficients),
        }
        while self.is_ready()
            && let Some(Some(piece)) = self.pieces.pop_front()
        {
            self.first += 1;
            self.since += 1;
            let goes_on = if piece.intervals.is_empty() {
                self.join_by_step(reader, view, piece)
            } else {
                self.join_by_marker(reader, view, piece)
            };
            if !goes_on {
                // Where guesses do not come true, they are not repeated for ever.
                let missed = self.since < 2 && reader.left() > 0;
                self.misses = if missed { self.misses + 1 } else { 0 };
                self.forget_pieces();
            }
        }
    }

    /// Whether the first piece can be joined: one that began at a guess is looked for by the one
    /// before.
    fn is_ready(&self) -> bool {
        match self.pieces.front() {
            Some(Some(piece)) if piece.intervals.is_empty() => match self.pieces.get(1) {
                Some(successor) => successor.is_some(),
                None => matches!(self.next, Some(Next::Over)),
            },
            first => matches!(first, Some(Some(_))),
        }
    }

    /// Joins a piece, and says whether its successor goes on where it ends.
    fn join_by_step(&mut self, reader: &mut ScanReader, view: View<'_>, mut piece: Piece) -> bool {
        let scan = &self.scan;
        let first = self.in_step;
        let predictions = reader.state.predictions;
        let before = piece.predictions_at(scan, first, [0; 4]);
        let offsets = std::array::from_fn(|c| predictions[c].wrapping_sub(before[c]));
        let successor = self.pieces.front().and_then(Option::as_ref);
        let in_step = successor.and_then(|successor| piece.fall_in_step(scan, successor));
        // The scan, or the interval, may end before the data does.
        let count = (piece.count() - first).min(reader.left() as usize);
        let end = Start {
            place: piece.place_of(view, first + count),
            predictions: piece.predictions_at(scan, first + count, offsets),
        };
        self.push(view, piece, first..first + count, offsets);
        reader.go_to(end.place, reader.left() - count as u64, end.predictions);
        self.in_step = in_step.unwrap_or(0);
        in_step.is_some() && reader.left() > 0
    }

    fn join_by_marker(&mut self, reader: &mut ScanReader, view: View<'_>, piece: Piece) -> bool {
        let (whole, all) = (piece.whole, piece.intervals.len());
        if let Some(last) = piece.intervals[..whole].last() {
            reader.jump_intervals(whole as u64, piece.count() as u64, last.range.end);
        }
        let count = piece.count();
        self.push(view, piece, 0..count, [0; 4]);
        whole == all && reader.total() > 0
    }

    /// Adds MCUs to those that were joined.
    fn push(&mut self, view: View<'_>, piece: Piece, mcus: Range<usize>, offsets: Predictions) {
        match &mut self.joined {
            Joined::Runs(runs) if !mcus.is_empty() => {
                let coefficients = Arc::new(piece.coefficients);
                runs.push_back(Run { coefficients, first: mcus.start, count: mcus.len(), offsets });
            }
            Joined::Runs(_) => self.spare.push(piece.coefficients),
            Joined::Starts(starts) => {
                let across = self.scan.across as usize;
                let next = mcus.start + (across - self.count % across) % across;
                // From one on to the next, as each is looked for from the start of the piece.
                let (mut from, mut passed) = (piece.from, 0);
                for index in (next..mcus.end).step_by(across) {
                    let bit = piece.start_of(index);
                    from = view.stuffed(from, bit / 8 - passed);
                    passed = bit / 8;
                    let predictions = piece.predictions_at(&self.scan, index, offsets);
                    starts.push_back(Start { place: (from, bit % 8), predictions });
                }
                self.spare.push(piece.coefficients);
            }
        }
        self.count += mcus.len();
    }
}
