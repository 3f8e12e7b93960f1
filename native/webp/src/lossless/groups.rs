//! Groups of five prefix codes, and reading them a code at a time.

use thumbelina_codec::Budget;

use super::bits::Bits;
use super::packed::{self, Packed};
use super::prefix::{Code, Lengths, Table};
use super::quota::Quota;
use super::symbols::{ALPHA, BLUE, DISTANCE, DISTANCES, FIRST_CACHED, GREEN, RED};
use crate::Error;

/// All tables and groups together stay below this. libwebp's encoder makes 2,600 groups at most,
/// which take a third of it if all of their codes are rich.
const MOST_BYTES: usize = 32 << 20;
/// Tables are in vectors of at most so many entries: growing a vector may move it, which takes
/// time.
const SEGMENT: usize = 1 << 16;

/// What a pixel takes to be read, apart from copies and the color cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// All four colors.
    #[default]
    Full,
    /// Alpha is the same everywhere.
    Opaque,
    /// Red, blue and alpha are the same everywhere.
    GreenOnly,
    /// There is one color alone and nothing else, and it takes no bits.
    Constant,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) kind: Kind,
    /// The colors that have one value, as ARGB; zero in place of the others.
    pub(super) literal: u32,
    pub(super) codes: [Code; 5],
    /// Which of the packed tables it has.
    packed: Option<u16>,
}

/// The groups of one image.
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    /// The tables of all codes.
    segments: Vec<Vec<u16>>,
    packed: Vec<u32>,
    quota: Quota,
    lengths: Lengths,
    reading: Group,
    codes_read: usize,
    /// A bit for each of its colors that has one value.
    singles: u8,
}

impl Groups {
    pub(super) fn new(budget: &Budget) -> Result<Self, Error> {
        Ok(Groups {
            groups: Vec::new(),
            segments: Vec::new(),
            packed: Vec::new(),
            quota: Quota::new(budget, MOST_BYTES as u64)?,
            lengths: Lengths::default(),
            reading: Group::default(),
            codes_read: 0,
            singles: 0,
        })
    }

    /// The bytes that groups and tables take.
    pub(super) fn held(&self) -> u64 {
        self.quota.held()
    }

    /// Forgets the groups of the image before.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.segments.iter_mut().for_each(Vec::clear);
        self.packed.clear();
        self.codes_read = 0;
        self.singles = 0;
        self.reading = Group::default();
    }

    /// Reads one code, of a group that so many pixels have. Codes that none has are only checked.
    /// Returns the work that it took, in pixels' worth.
    pub(super) fn read_code(
        &mut self,
        bits: &mut Bits,
        cache_size: usize,
        pixels: usize,
    ) -> Result<usize, Error> {
        let code = self.codes_read;
        let alphabet = match code {
            GREEN => FIRST_CACHED + cache_size,
            DISTANCE => DISTANCES,
            _ => 256,
        };
        self.lengths.read(bits, alphabet)?;
        let mut work = 4 + self.lengths.len();
        if pixels > 0 {
            let most = self.lengths.most_entries();
            self.reading.codes[code] = self.append_table(most)?;
            work += most / 4;
            self.note_single(code);
        }
        self.codes_read += 1;
        if self.codes_read > DISTANCE {
            if self.reading.kind == Kind::Opaque && pixels >= packed::LEAST_PIXELS {
                work += self.pack()?;
            }
            self.quota.grow(&mut self.groups, 1)?;
            self.groups.push(std::mem::take(&mut self.reading));
            (self.codes_read, self.singles) = (0, 0);
        }
        Ok(work)
    }

    /// Makes room for groups, so that they need not be moved.
    pub(super) fn reserve(&mut self, count: usize) -> Result<(), Error> {
        Ok(self.quota.reserve(&mut self.groups, count)?)
    }

    /// Appends the table of the code just read, of at most so many entries.
    fn append_table(&mut self, most: usize) -> Result<Code, Error> {
        if self.segments.last().is_none_or(|segment| segment.len() + most > SEGMENT) {
            self.quota.grow(&mut self.segments, 1)?;
            self.segments.push(Vec::new());
        }
        let number = self.segments.len() - 1;
        let segment = &mut self.segments[number];
        self.quota.grow(segment, most)?;
        let mut code = self.lengths.append_table(segment);
        code.segment = number as u16;
        Ok(code)
    }

    /// The tables of a group that was wanted.
    pub(super) fn tables(&self, group: &Group) -> [Table<'_>; 5] {
        let segment = |code: Code| {
            self.segments.get(usize::from(code.segment)).map_or(&[][..], Vec::as_slice)
        };
        group.codes.map(|code| Table::new(code, segment(code)))
    }

    /// A table of whole pixels, if the group has one.
    pub(super) fn packed(&self, group: &Group) -> Option<&Packed> {
        let start = usize::from(group.packed?) * packed::ENTRIES;
        self.packed.get(start..).and_then(|rest| rest.first_chunk())
    }

    /// Makes a packed table for the group just read, if it is of use.
    fn pack(&mut self) -> Result<usize, Error> {
        let number = self.packed.len() / packed::ENTRIES;
        if number >= packed::MOST_TABLES {
            return Ok(0);
        }
        self.quota.grow(&mut self.packed, packed::ENTRIES)?;
        let mut packed = std::mem::take(&mut self.packed);
        if packed::append(&mut packed, &self.tables(&self.reading)) {
            self.reading.packed = Some(number as u16);
        }
        self.packed = packed;
        Ok(packed::ENTRIES)
    }

    /// Notes the value of a color that has one alone.
    fn note_single(&mut self, code: usize) {
        let shift = match code {
            GREEN => 8,
            RED => 16,
            BLUE => 0,
            ALPHA => 24,
            _ => return,
        };
        if let Some(value @ 0..=255) = self.lengths.single() {
            self.reading.literal |= u32::from(value) << shift;
            self.singles |= 1 << code;
        }
        self.reading.kind = match self.singles {
            0b1111 => Kind::Constant,
            0b1110 => Kind::GreenOnly,
            singles if singles & 1 << ALPHA != 0 => Kind::Opaque,
            _ => Kind::Full,
        };
    }
}
