//! Sequential scans on several threads, with the very result of one.
//!
//! A window of the data is cut into pieces. Where there are restart markers, the pieces begin at
//! these, and each thread knows all that it has to. Elsewhere a piece begins at any byte, guessed to
//! be the start of an MCU: Huffman codes fall in step by themselves, usually within 60 bytes. A
//! piece goes on past its end until it comes upon an MCU that begins at the same bit as one of its
//! successor. From there on the successor's work is right, but for its DC values, which lack what
//! came before it.
//!
//! Nothing here reports damage. Whatever is odd ends the window before it, and the [`Cursor`]
//! comes upon it again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bits::{Bits, find_marker, stuffed, unstuff};
use crate::cursor::Cursor;
use crate::scan::{Predictions, Run, Scan};

/// Fewer bytes are not worth another piece.
const LEAST_BYTES: u64 = 4 << 10;

/// Pieces for each thread, so that one that was held up is no loss.
const PIECES_PER_THREAD: usize = 8;

/// How many coefficients a piece is meant to take: 128 KB, so that those of all threads stay in the
/// second cache.
const USUAL_COEFFICIENTS: u64 = 64 << 10;

/// A piece is given up where it takes more coefficients than this: 2 MB.
const PIECE_COEFFICIENTS: usize = 1 << 20;

/// Bytes behind its end that a piece is ready to look at, beside an MCU's.
const OVERLAP: usize = 2 << 10;

/// After as many MCUs a guess was right, or as good as: what cannot be data there is damage.
const MOST_GUESSED: usize = 256;

/// MCUs that are decoded at a time.
const MCUS_TOGETHER: usize = 64;

/// Memory of coefficients that are no longer needed. Fresh pages cost more than clearing used ones.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Vec<i16>>>);

impl Spare {
    fn take(&self) -> Vec<i16> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn put(&self, mut coefficients: Vec<i16>) {
        coefficients.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(coefficients);
    }
}

/// Decodes the next window, and moves the cursor behind it. Empty where one thread does better.
pub(crate) fn decode(
    scan: &Scan,
    cursor: &mut Cursor,
    input: &[u8],
    piece: usize,
    spare: &Spare,
    pool: &ThreadPool,
) -> Vec<Run> {
    let threads = pool.current_num_threads();
    if threads < 2 || !cursor.is_sound() || cursor.total() == 0 {
        return Vec::new();
    }
    let pieces = threads * PIECES_PER_THREAD;
    let bytes = input.len().saturating_sub(cursor.end()).max(1) as u64;
    // Flat pictures have many coefficients for a byte.
    let per_byte = (cursor.total() * scan.mcu_len as u64 / bytes).max(1);
    let most = (USUAL_COEFFICIENTS / per_byte).min(piece as u64);
    // Falling in step has to be little of it.
    if most < piece.div_ceil(16) as u64 {
        return Vec::new();
    }
    // Windows of the same length, for as many pieces in the last one.
    let windows = bytes.div_ceil(most * pieces as u64);
    let each = (bytes / (windows * pieces as u64)).max(most.min(LEAST_BYTES)) as usize;
    let window = Window { pieces, each, spare };
    let interval_bytes = bytes * cursor.interval() / cursor.total();
    if scan.restart_interval > 0 && interval_bytes <= each as u64 {
        by_markers(scan, cursor, input, pool, window)
    } else if cursor.left() > 0 {
        by_guess(scan, cursor, input, pool, window)
    } else {
        Vec::new()
    }
}

/// How the data is cut: so many pieces of so many bytes each.
#[derive(Clone, Copy)]
struct Window<'a> {
    pieces: usize,
    each: usize,
    spare: &'a Spare,
}

/// A thread's part of the window.
#[derive(Default)]
struct Piece {
    /// Bytes without stuffing: its own, and some of the successor's.
    data: Vec<u8>,
    own: usize,
    /// Whether `data` ends at a marker or with the input, and whether it does before the successor's
    /// begins.
    ended: bool,
    stops: bool,
    bits: Bits,
    predictions: Predictions,
    coefficients: Vec<i16>,
    /// The first bit of each MCU, in `data`.
    starts: Vec<usize>,
    /// Whether it ended before it should have: at damage, or because it became too large.
    odd: bool,
}

impl Piece {
    /// Begins with other data, and keeps the MCUs.
    fn load(&mut self, input: &[u8], range: Range<usize>, bit: usize, overlap: usize) {
        self.data.clear();
        self.data.reserve(range.len() + overlap);
        let (next, ended) = unstuff(input, range.start, range.len(), &mut self.data);
        self.own = self.data.len();
        self.stops = ended;
        self.ended = ended || unstuff(input, next, overlap, &mut self.data).1;
        self.bits = Bits::at(&self.data, bit);
        self.predictions = [0; 4];
    }

    fn count(&self) -> usize {
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
    fn run(&mut self, scan: &Scan, most: u64) {
        let end = self.own * 8;
        while self.bits.position() < end && (self.count() as u64) < most {
            let most = (most - self.count() as u64).min(MCUS_TOGETHER as u64);
            if !self.push(scan, most as usize, end) {
                self.odd = true;
                return;
            }
        }
    }

    /// The same from a start that is a guess. A wrong one is often found out by what cannot be data;
    /// the next byte is another guess then.
    fn run_from_guess(&mut self, scan: &Scan, most: u64) {
        loop {
            self.run(scan, most);
            let next = self.bits.position() / 8 + 1;
            if !self.odd || self.count() > MOST_GUESSED || next >= self.own {
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

    /// Goes on to an MCU that begins where one of the successor's does, and returns that one's
    /// number.
    fn fall_in_step(&mut self, scan: &Scan, successor: &Piece) -> Option<usize> {
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

    /// The first bit of its MCU number `index`, which may be the one after the last.
    fn start_of(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or(self.bits.position())
    }

    /// What the DC predictions were before its MCU number `index`.
    fn predictions_before(&self, scan: &Scan, index: usize) -> Predictions {
        let mut predictions = [0; 4];
        if let Some(before) = index.checked_sub(1) {
            for block in &scan.blocks {
                predictions[block.component & 3] = self.coefficients[before * scan.mcu_len + block.place];
            }
        }
        predictions
    }

    fn into_run(self, first: usize, count: usize, offsets: Predictions) -> Run {
        Run { coefficients: Arc::new(self.coefficients), first, count, offsets }
    }
}

/// A window cut at any bytes.
fn by_guess(
    scan: &Scan,
    cursor: &mut Cursor,
    input: &[u8],
    pool: &ThreadPool,
    window: Window<'_>,
) -> Vec<Run> {
    let (start, bit) = cursor.place(input);
    let pieces = window.pieces.min((input.len() - start) / window.each);
    if pieces < 2 {
        return Vec::new();
    }
    let boundary = |i: usize| {
        let at = start + i * window.each;
        // Not between a 0xFF and what is stuffed behind it.
        if i > 0 && input[at - 1] == 0xFF { at + 1 } else { at }
    };
    let overlap = OVERLAP + scan.max_mcu_bytes();
    let left = cursor.left();
    let decoded: Vec<Piece> = pool.install(|| {
        let decoded = (0..pieces).into_par_iter().map(|i| {
            let mut piece = Piece { coefficients: window.spare.take(), ..Piece::default() };
            let bit = if i == 0 { bit } else { 0 };
            piece.load(input, boundary(i)..boundary(i + 1).min(input.len()), bit, overlap);
            if i == 0 {
                piece.run(scan, left);
            } else {
                piece.run_from_guess(scan, left);
            }
            piece
        });
        decoded.collect()
    });

    let mut runs = Vec::with_capacity(pieces);
    let mut predictions = cursor.reader.predictions;
    let (mut mcus, mut first) = (0, 0);
    let mut decoded = decoded.into_iter().enumerate().peekable();
    while let Some((i, mut piece)) = decoded.next() {
        let before = piece.predictions_before(scan, first);
        let offsets = each_of(|c| predictions[c].wrapping_sub(before[c]));
        let in_step = decoded.peek().and_then(|(_, successor)| piece.fall_in_step(scan, successor));
        // The scan, or the interval, may end before the data does.
        let count = (piece.count() - first).min((left - mcus) as usize);
        mcus += count as u64;
        let after = piece.predictions_before(scan, first + count);
        predictions = each_of(|c| after[c].wrapping_add(offsets[c]));
        let bit = piece.start_of(first + count);
        runs.push(piece.into_run(first, count, offsets));
        match in_step {
            Some(index) if mcus < left => first = index,
            _ => {
                let place = (stuffed(input, boundary(i), bit / 8), bit % 8);
                cursor.jump(input, place, mcus, predictions);
                break;
            }
        }
    }
    runs
}

fn each_of(value: impl FnMut(usize) -> i16) -> Predictions {
    std::array::from_fn(value)
}

/// Restart intervals, some to each piece.
fn by_markers(
    scan: &Scan,
    cursor: &mut Cursor,
    input: &[u8],
    pool: &ThreadPool,
    window: Window<'_>,
) -> Vec<Run> {
    let Some(start) = cursor.at_interval(input) else { return Vec::new() };
    let work = intervals(scan, cursor, input, start, window);
    if work.len() < 2 {
        return Vec::new();
    }
    let decoded: Vec<(usize, Piece)> = pool.install(|| {
        let decoded = work.par_iter().map(|intervals| {
            let mut piece = Piece { coefficients: window.spare.take(), ..Piece::default() };
            let whole = intervals.iter().take_while(|interval| {
                // Far enough to see the marker.
                piece.load(input, interval.range.clone(), 0, 2);
                let from = piece.count();
                let done = piece.push(scan, interval.mcus as usize, usize::MAX);
                if !done {
                    piece.starts.truncate(from);
                }
                done
            });
            (whole.count(), piece)
        });
        decoded.collect()
    });

    let mut runs = Vec::with_capacity(work.len());
    for (intervals, (whole, piece)) in work.iter().zip(decoded) {
        let Some(last) = intervals[..whole].last() else { break };
        let count = piece.count();
        runs.push(piece.into_run(0, count, [0; 4]));
        cursor.jump_intervals(whole as u64, count as u64, last.range.end);
        if whole < intervals.len() {
            break;
        }
    }
    runs
}

/// A restart interval: its data up to the marker behind it, and its MCUs.
struct Interval {
    range: Range<usize>,
    mcus: u64,
}

/// Intervals in pieces, from `start` on, as long as the markers between them are the right ones.
fn intervals(
    scan: &Scan,
    cursor: &Cursor,
    input: &[u8],
    start: usize,
    window: Window<'_>,
) -> Vec<Vec<Interval>> {
    let most = (PIECE_COEFFICIENTS / scan.mcu_len) as u64;
    let mut pieces: Vec<Vec<Interval>> = Vec::new();
    let (mut left, mut from) = (cursor.total(), start);
    let mut restart = cursor.restart();
    // Of the last piece.
    let (mut bytes, mut mcus) = (usize::MAX, 0);
    while left > 0
        && let Some((at, code)) = find_marker(input, from)
    {
        let interval = Interval { range: from..at, mcus: left.min(cursor.interval()) };
        if bytes >= window.each || mcus + interval.mcus > most {
            if pieces.len() == window.pieces {
                break;
            }
            pieces.push(Vec::new());
            (bytes, mcus) = (0, 0);
        }
        bytes += at - from;
        mcus += interval.mcus;
        left -= interval.mcus;
        if let Some(piece) = pieces.last_mut() {
            piece.push(interval);
        }
        if code != 0xD0 + restart {
            break;
        }
        restart = (restart + 1) & 7;
        from = at + 2;
    }
    pieces
}
