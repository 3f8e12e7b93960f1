//! CCITT's codes for black and white: Group 3 in one dimension and in two (ITU-T T.4), Group 4
//! (T.6), and rows of Group 3 that begin at a byte or a word instead of behind an end of line.
//!
//! Damage is borne as in every fax machine: a row that makes no sense is white from there on, and
//! the next one that is found goes on. Rows end and go on at the bits where libtiff's do, so that
//! what both make of a damaged picture is nearly always the same.

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

use super::done::Done;
use crate::picture::zeroed;
use crate::{Error, Format};

/// How rows are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum FaxCoding {
    /// Each row by itself, and padded to a whole number of so many bits.
    Runs { padded_to: u32 },
    /// Each row behind an end of line, by itself or, where a bit says so, by the row above.
    Group3 { two_dimensional: bool },
    /// Each row by how its changes of color differ from those of the row above.
    Group4,
}

/// The longest code.
const CODE_BITS: u32 = 13;

/// Zeros in front of the one that ends an end of line. No code has as many.
const EOL_ZEROS: u32 = 11;

/// So many ends of line in a row are the end.
const LAST_EOLS: u32 = 6;

/// Zeros that no mode has. In Group 4 they are taken for an end, whatever comes after them, and in
/// Group 3 for an end of line.
const END_ZEROS: u32 = 7;

/// Run lengths from this on are followed by another one that is added.
const MAKE_UP: u16 = 64;

pub(in super::super) struct Fax {
    coding: FaxCoding,
    width: u32,
    bits: Bits,
    /// Where the color changes in the row above, from white to black first.
    above: Changes,
    /// The same of this row, as far as it is decoded.
    row: Changes,
    /// Up to where that is; `None` in front of the first pixel.
    at: Option<u32>,
    black: bool,
    /// The first change above that is to the right of `at`.
    next_above: usize,
    run: Option<Run>,
    place: Place,
    /// Ends of line since the last row, and whether there was any in this chunk.
    eols: u32,
    has_eols: bool,
    /// Rows of this chunk that were there.
    rows: u64,
    /// What comes behind this row.
    next: Place,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What is in front of a row.
    Front,
    /// The zeros of an end of line.
    Eol,
    /// The bit that says how the next row is coded.
    Tag,
    /// Codes of a row by itself, or by the row above.
    Runs,
    Modes,
    /// Nothing.
    End,
}

/// A run that is not complete, in horizontal mode the first or the second one.
#[derive(Debug, Clone, Copy)]
struct Run {
    second: bool,
    length: u32,
}

const FIRST: Run = Run { second: false, length: 0 };
const SECOND: Run = Run { second: true, length: 0 };

impl Fax {
    pub(in super::super) fn memory(width: u32) -> u64 {
        2 * Changes::capacity(width) as u64 * size_of::<u32>() as u64
    }

    pub(in super::super) fn new(coding: FaxCoding, width: u32) -> Result<Self, Error> {
        Ok(Fax {
            coding,
            width,
            bits: Bits::default(),
            above: Changes::new(width)?,
            row: Changes::new(width)?,
            at: None,
            black: false,
            next_above: 0,
            run: None,
            place: Place::Front,
            eols: 0,
            has_eols: false,
            rows: 0,
            next: Place::Front,
        })
    }

    pub(in super::super) fn restart(&mut self) {
        self.bits = Bits::default();
        self.above.clear();
        self.next = Place::Front;
        self.start_row();
        (self.eols, self.has_eols, self.rows) = (0, false, 0);
    }

    fn start_row(&mut self) {
        self.row.clear();
        (self.at, self.black, self.next_above, self.run) = (None, false, 0, None);
        self.place = std::mem::replace(&mut self.next, Place::Front);
    }

    /// Writes at most one row, of a bit for each pixel, black ones set. `last` where nothing
    /// follows the input. Behind the end all rows are white, if there was any before.
    pub(in super::super) fn run(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<Done, Error> {
        let mut consumed = 0;
        loop {
            consumed += self.bits.refill(&input[consumed..]);
            if self.bits.count < CODE_BITS && !(last && consumed == input.len()) {
                return Ok(Done { consumed, produced: 0 });
            }
            if self.bits.count == 0 && self.place != Place::End {
                if self.at.is_some() {
                    // Zeros are what would come next.
                    if self.coding == FaxCoding::Group4 && self.run.is_none() {
                        self.keep();
                    } else {
                        self.cut();
                    }
                    return Ok(Done { consumed, produced: self.finish_row(out) });
                }
                self.place = Place::End;
            }
            let is_complete = match self.place {
                Place::End if self.rows == 0 => return Err(Error::truncated(Format::Tiff)),
                Place::End => {
                    out[..self.row_bytes()].fill(0);
                    return Ok(Done { consumed, produced: self.row_bytes() });
                }
                Place::Runs => self.decode_runs(),
                Place::Modes => self.decode_mode(),
                Place::Front | Place::Eol | Place::Tag => {
                    self.look_for_row();
                    false
                }
            };
            if is_complete {
                return Ok(Done { consumed, produced: self.finish_row(out) });
            }
        }
    }

    /// Whether there is nothing more of it than white.
    pub(in super::super) fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    fn row_bytes(&self) -> usize {
        self.width.div_ceil(8) as usize
    }

    fn finish_row(&mut self, out: &mut [u8]) -> usize {
        let row = &mut out[..self.width.div_ceil(8) as usize];
        row.fill(0);
        for pair in self.row.get().chunks(2) {
            let end = pair.get(1).copied().unwrap_or(self.width);
            blacken(row, pair[0], end);
        }
        std::mem::swap(&mut self.above, &mut self.row);
        self.start_row();
        self.rows += 1;
        self.eols = 0;
        row.len()
    }

    /// Goes on over what is in front of a row.
    fn look_for_row(&mut self) {
        match (self.place, self.coding) {
            (_, FaxCoding::Group4) => self.place = Place::Modes,
            (_, FaxCoding::Runs { padded_to }) => {
                self.bits.align(padded_to);
                self.place = Place::Runs;
            }
            (Place::Eol, FaxCoding::Group3 { two_dimensional }) => {
                let zeros = self.bits.zeros();
                let is_whole = zeros < self.bits.count;
                self.bits.skip(if is_whole { zeros + 1 } else { zeros });
                if is_whole {
                    self.has_eols = true;
                    self.eols += 1;
                    self.place = match self.eols {
                        LAST_EOLS => Place::End,
                        _ if two_dimensional => Place::Tag,
                        _ => Place::Front,
                    };
                }
            }
            (Place::Tag, _) => {
                let by_itself = self.bits.bits >> 63 == 1;
                self.bits.skip(1);
                self.place = if by_itself { Place::Front } else { Place::Modes };
            }
            _ if self.bits.zeros() >= EOL_ZEROS => self.place = Place::Eol,
            // Where there are ends of line, each row has one in front of it.
            (_, FaxCoding::Group3 { two_dimensional }) => {
                let wanted = self.has_eols || two_dimensional;
                if self.eols > 0 || !wanted {
                    self.place = Place::Runs;
                } else {
                    self.bits.skip(1);
                }
            }
        }
    }

    /// Decodes a code of a row by itself. `true` where the row is complete.
    fn decode_runs(&mut self) -> bool {
        if matches!(self.coding, FaxCoding::Group3 { .. }) && self.bits.zeros() >= EOL_ZEROS {
            return self.lose();
        }
        let run = self.run.unwrap_or(FIRST);
        if !self.decode_run(run) {
            return true;
        }
        self.run.is_none() && self.at.is_some_and(|at| at >= self.width)
    }

    /// Decodes a code of a row by the one above. `true` where the row is complete.
    fn decode_mode(&mut self) -> bool {
        if self.run.is_none() && self.bits.zeros() >= END_ZEROS.min(self.bits.count) {
            if self.coding == FaxCoding::Group4 {
                self.next = Place::End;
                self.place = Place::End;
                return self.at.is_some() && self.keep();
            }
            self.bits.skip(EOL_ZEROS);
            self.next = Place::Eol;
            return self.keep();
        }
        match self.run {
            Some(run) => {
                if !self.decode_run(run) {
                    return true;
                }
                // The second run of a pair is there even if it is of no pixels.
                if self.run.is_none() && !run.second {
                    self.run = Some(SECOND);
                }
            }
            None => match mode::decode(&mut self.bits) {
                Some(Mode::Pass) => {
                    let (_, second) = self.changes_above();
                    self.at = Some(second);
                }
                Some(Mode::Vertical(by)) => {
                    let (first, _) = self.changes_above();
                    match first.checked_add_signed(by.into()) {
                        Some(to) if self.at.is_none_or(|at| to >= at) => self.change(to),
                        _ => return self.lose(),
                    }
                }
                Some(Mode::Horizontal) => self.run = Some(FIRST),
                Some(Mode::Extension) => return self.keep(),
                Some(Mode::EOF) | None => return self.lose(),
            },
        }
        self.run.is_none() && self.at.is_some_and(|at| at >= self.width)
    }

    /// Gives a row up at a code that is none.
    fn lose(&mut self) -> bool {
        // What was passed over keeps its color.
        let passed = self.run.map_or(0, |run| run.length);
        let to = self.at.unwrap_or(0).saturating_add(passed);
        if self.black && self.row.get().last().is_some_and(|&start| to > start) {
            self.change(to);
        }
        self.cut()
    }

    /// Ends a row early: what is not there has the color that this has. What was passed over comes
    /// behind it, in the other one.
    fn keep(&mut self) -> bool {
        let start = self.row.get().last().copied().unwrap_or(0);
        let at = self.at.unwrap_or(0);
        if at > start {
            self.row.push(start + (self.width - at));
        }
        true
    }

    /// Ends a row early: what is not there is white.
    fn cut(&mut self) -> bool {
        if let [.., start] = *self.row.get()
            && self.row.len % 2 == 1
        {
            // As a run of nothing it counts in the row below.
            self.row.push(start);
        }
        true
    }

    /// Decodes a code of a run, which may be one of several that are added. `false` where the row
    /// ends here.
    fn decode_run(&mut self, mut run: Run) -> bool {
        let before = self.bits;
        let code =
            if self.black { black::decode(&mut self.bits) } else { white::decode(&mut self.bits) };
        let Some(code) = code else {
            self.bits = before;
            if self.bits.count < CODE_BITS {
                // The end of the file is in it.
                self.bits.skip(CODE_BITS);
            } else if self.bits.zeros() >= EOL_ZEROS {
                self.bits.skip(EOL_ZEROS);
            } else if matches!(self.coding, FaxCoding::Group3 { .. }) && !self.has_eols {
                // Where nothing says where a row begins, it does not come again.
                self.bits.skip(1);
            }
            self.lose();
            return false;
        };
        run.length = run.length.saturating_add(code.into()).min(self.width.saturating_add(1));
        if code >= MAKE_UP {
            self.run = Some(run);
            return true;
        }
        self.change(self.at.unwrap_or(0).saturating_add(run.length));
        self.run = None;
        true
    }

    /// Goes on to where the color changes.
    fn change(&mut self, to: u32) {
        if to < self.width {
            self.row.push(to);
        } else if to > self.width && self.black {
            // What would end outside of the picture is white.
            self.cut();
        }
        self.at = Some(to.min(self.width));
        self.black = !self.black;
    }

    /// The first change above to the right of here that is to the other color than this one, and
    /// the change behind it.
    fn changes_above(&mut self) -> (u32, u32) {
        let above = self.above.get();
        while above
            .get(self.next_above)
            .is_some_and(|&change| self.at.is_some_and(|at| change <= at))
        {
            self.next_above += 1;
        }
        let first = self.next_above + usize::from(self.next_above.is_multiple_of(2) == self.black);
        let change = |index: usize| above.get(index).copied().unwrap_or(self.width);
        (change(first), change(first + 1))
    }
}

/// Sets the bits from `start` up to `end`.
fn blacken(row: &mut [u8], start: u32, end: u32) {
    let (first, last) = (start as usize / 8, end as usize / 8);
    let (head, tail) = (0xFF >> (start % 8), !(0xFF >> (end % 8)));
    if first == last {
        row[first] |= head & tail;
        return;
    }
    row[first] |= head;
    row[first + 1..last].fill(0xFF);
    if tail != 0 {
        row[last] |= tail;
    }
}

/// Columns that never fall. Two in one place are a run of no pixels, which some writers begin rows
/// with, and which counts in the row below.
struct Changes {
    columns: Vec<u32>,
    len: usize,
    /// How many are in the same place as the one before.
    doubled: usize,
}

/// The most of them that count.
const MAX_DOUBLED: usize = 64;

impl Changes {
    fn capacity(width: u32) -> usize {
        width as usize + MAX_DOUBLED
    }

    fn new(width: u32) -> Result<Self, Error> {
        Ok(Changes { columns: zeroed(Self::capacity(width))?, len: 0, doubled: 0 })
    }

    fn get(&self) -> &[u32] {
        &self.columns[..self.len]
    }

    fn clear(&mut self) {
        (self.len, self.doubled) = (0, 0);
    }

    fn push(&mut self, column: u32) {
        let is_doubled = self.get().last() == Some(&column);
        if is_doubled && self.doubled == MAX_DOUBLED {
            // Together they are nothing.
            self.len -= 1;
            return;
        }
        self.doubled += usize::from(is_doubled);
        self.columns[self.len] = column;
        self.len += 1;
    }
}

/// Bits of the input, highest first. Behind the last one there are zeros.
#[derive(Debug, Clone, Copy, Default)]
struct Bits {
    bits: u64,
    count: u32,
    /// Bits that were taken, of 16 at the most.
    place: u32,
}

impl Bits {
    /// Returns how many bytes it took.
    fn refill(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        if self.count < 2 * CODE_BITS {
            for &byte in input.iter().take((64 - self.count as usize) / 8) {
                self.bits |= u64::from(byte) << (56 - self.count);
                self.count += 8;
                taken += 1;
            }
        }
        taken
    }

    /// Zeros that come next.
    fn zeros(&self) -> u32 {
        self.bits.leading_zeros().min(self.count)
    }

    fn skip(&mut self, bits: u32) {
        let bits = bits.min(self.count);
        self.bits = self.bits.checked_shl(bits).unwrap_or(0);
        self.count -= bits;
        self.place = (self.place + bits) % 16;
    }

    /// Skips up to a whole number of so many bits, which divides 16.
    fn align(&mut self, bits: u32) {
        self.skip((bits - self.place % bits) % bits);
    }
}

impl BitReader for Bits {
    type Error = ();

    fn peek(&self, bits: u8) -> Option<u16> {
        match bits {
            0 => Some(0),
            1..=16 => Some((self.bits >> (64 - u32::from(bits))) as u16),
            _ => None,
        }
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        self.skip(bits.into());
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (self.count % 8) as u8
    }
}
