//! CCITT Group 4 (ITU-T T.6): each row by how its changes of color differ from those of the row
//! above.

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

use super::done::Done;
use crate::picture::zeroed;
use crate::{Error, Format};

/// The longest code.
const CODE_BITS: u32 = 13;

/// Run lengths from this on are followed by another one that is added.
const MAKE_UP: u16 = 64;

pub(in super::super) struct Fax4 {
    width: u32,
    bits: Bits,
    /// Where the color changes in the row above, from white to black first, ever further to the
    /// right.
    above: Changes,
    /// The same of this row, as far as it is decoded.
    row: Changes,
    /// Up to where that is; `None` in front of the first pixel.
    at: Option<u32>,
    black: bool,
    /// The first change above that is to the right of `at`.
    next_above: usize,
    run: Option<Run>,
    ended: bool,
}

/// A run of horizontal mode that is not complete.
#[derive(Debug, Clone, Copy)]
struct Run {
    second: bool,
    length: u32,
}

impl Fax4 {
    pub(in super::super) fn memory(width: u32) -> u64 {
        2 * Changes::capacity(width) as u64 * size_of::<u32>() as u64
    }

    pub(in super::super) fn new(width: u32) -> Result<Self, Error> {
        Ok(Fax4 {
            width,
            bits: Bits::default(),
            above: Changes::new(width)?,
            row: Changes::new(width)?,
            at: None,
            black: false,
            next_above: 0,
            run: None,
            ended: false,
        })
    }

    pub(in super::super) fn restart(&mut self) {
        self.bits = Bits::default();
        self.above.len = 0;
        self.start_row();
        self.ended = false;
    }

    fn start_row(&mut self) {
        self.row.len = 0;
        (self.at, self.black, self.next_above, self.run) = (None, false, 0, None);
    }

    /// Writes at most one row, of a bit for each pixel, black ones set. `last` where nothing
    /// follows the input.
    pub(in super::super) fn run(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<Done, Error> {
        let mut consumed = 0;
        while !self.ended {
            consumed += self.bits.refill(&input[consumed..]);
            if self.bits.count == 0 || (self.bits.count < CODE_BITS && !last) {
                break;
            }
            self.decode_code()?;
            // The second run of a pair is there even if it is of no pixels.
            if self.run.is_none() && self.at.is_some_and(|at| at >= self.width) {
                let produced = self.paint(out);
                std::mem::swap(&mut self.above, &mut self.row);
                self.start_row();
                return Ok(Done { consumed, produced });
            }
        }
        Ok(Done { consumed, produced: 0 })
    }

    fn decode_code(&mut self) -> Result<(), Error> {
        let invalid = Error::invalid(Format::Tiff);
        match self.run {
            Some(run) => self.decode_run(run)?,
            None => match mode::decode(&mut self.bits).ok_or(invalid)? {
                Mode::Pass => {
                    let (_, second) = self.changes_above();
                    self.at = Some(second);
                }
                Mode::Vertical(by) => {
                    let (first, _) = self.changes_above();
                    let to = first.checked_add_signed(by.into()).ok_or(invalid)?;
                    if self.at.is_some_and(|at| to < at) {
                        return Err(invalid);
                    }
                    self.change(to);
                }
                Mode::Horizontal => self.run = Some(Run { second: false, length: 0 }),
                Mode::Extension => return Err(Error::Unsupported(Format::Tiff)),
                Mode::EOF => self.ended = true,
            },
        }
        if self.bits.overdrawn { Err(Error::truncated(Format::Tiff)) } else { Ok(()) }
    }

    fn decode_run(&mut self, mut run: Run) -> Result<(), Error> {
        let code =
            if self.black { black::decode(&mut self.bits) } else { white::decode(&mut self.bits) };
        let code = code.ok_or(Error::invalid(Format::Tiff))?;
        run.length = run.length.saturating_add(code.into());
        let from = self.at.unwrap_or(0);
        if run.length > self.width - from {
            return Err(Error::invalid(Format::Tiff));
        }
        if code >= MAKE_UP {
            self.run = Some(run);
            return Ok(());
        }
        self.change(from + run.length);
        self.run = if run.second { None } else { Some(Run { second: true, length: 0 }) };
        Ok(())
    }

    /// Goes on to where the color changes.
    fn change(&mut self, to: u32) {
        if to < self.width {
            self.row.push(to);
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

    fn paint(&self, out: &mut [u8]) -> usize {
        let row = &mut out[..self.width.div_ceil(8) as usize];
        row.fill(0);
        for pair in self.row.get().chunks(2) {
            let end = pair.get(1).copied().unwrap_or(self.width);
            blacken(row, pair[0], end);
        }
        row.len()
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

/// Columns that rise strictly. There can be no more than pixels.
struct Changes {
    columns: Vec<u32>,
    len: usize,
}

impl Changes {
    fn capacity(width: u32) -> usize {
        width as usize + 1
    }

    fn new(width: u32) -> Result<Self, Error> {
        Ok(Changes { columns: zeroed(Self::capacity(width))?, len: 0 })
    }

    fn get(&self) -> &[u32] {
        &self.columns[..self.len]
    }

    /// Two changes in one place are none.
    fn push(&mut self, column: u32) {
        if self.get().last() == Some(&column) {
            self.len -= 1;
        } else {
            self.columns[self.len] = column;
            self.len += 1;
        }
    }
}

/// Bits of the input, highest first. Behind the last one there are zeros.
#[derive(Debug, Default)]
struct Bits {
    bits: u64,
    count: u32,
    /// Whether more were taken than there are.
    overdrawn: bool,
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
        self.overdrawn |= u32::from(bits) > self.count;
        self.bits = self.bits.checked_shl(bits.into()).unwrap_or(0);
        self.count = self.count.saturating_sub(bits.into());
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (self.count % 8) as u8
    }
}
