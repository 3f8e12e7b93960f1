//! Groups of five prefix codes, and reading them a code at a time.

use super::bits::Bits;
use super::budget::Budget;
use super::packed::{self, Packed};
use super::prefix::{Code, Lengths, ROOT_ENTRIES, Table};
use crate::Error;

pub(super) const GREEN: usize = 0;
pub(super) const RED: usize = 1;
pub(super) const BLUE: usize = 2;
pub(super) const ALPHA: usize = 3;
pub(super) const DISTANCE: usize = 4;

/// The 24 prefixes of lengths follow 256 values of green, then come places in the color cache.
pub(super) const FIRST_LENGTH: usize = 256;
pub(super) const FIRST_CACHED: usize = FIRST_LENGTH + 24;
const DISTANCES: usize = 40;

/// All tables and groups together stay below this. libwebp's encoder makes 2,600 groups at most, which take
/// a third of it if all of their codes are rich.
pub(super) const MOST_BYTES: u64 = 32 << 20;

/// Nor do they take more than this for a byte of the stream: a code of seven bytes can say that 2,048 colors of
/// the cache have codes of 11 bits, which takes a table of 4,608 bytes.
pub(super) const MOST_BYTES_A_BYTE: u64 = 1024;

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

impl Group {
    pub(super) fn packed<'a>(&self, groups: &'a Groups) -> Option<&'a Packed> {
        let start = usize::from(self.packed?) * packed::ENTRIES;
        groups.packed.get(start..).and_then(|rest| rest.first_chunk())
    }
}

/// The groups of one image.
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    /// The tables of all codes.
    pub(super) tables: Vec<u16>,
    packed: Vec<u32>,
    own: Budget,
    lengths: Lengths,
    reading: Group,
    codes_read: usize,
    /// A bit for each of its colors that has one value.
    singles: u8,
}

impl Groups {
    pub(super) fn new() -> Self {
        Groups {
            groups: Vec::new(),
            tables: Vec::new(),
            packed: Vec::new(),
            own: Budget::new(MOST_BYTES),
            lengths: Lengths::default(),
            reading: Group::default(),
            codes_read: 0,
            singles: 0,
        }
    }

    /// Forgets the groups of the image before.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.tables.clear();
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
        budget: &mut Budget,
    ) -> Result<usize, Error> {
        let code = self.codes_read;
        let alphabet = match code {
            GREEN => FIRST_CACHED + cache_size,
            DISTANCE => DISTANCES,
            _ => 256,
        };
        self.lengths.read(bits, alphabet)?;
        let mut work = 4 + self.lengths.len();
        let before = self.own.held();
        if pixels > 0 {
            // A table has to be followed by as much as an index may reach.
            self.own.grow(&mut self.tables, self.lengths.most_entries() + ROOT_ENTRIES)?;
            let entries = self.tables.len();
            self.reading.codes[code] = self.lengths.table(&mut self.tables);
            work += (self.tables.len() - entries) / 4;
            self.note_single(code);
        }
        self.codes_read += 1;
        if self.codes_read > DISTANCE {
            if self.reading.kind == Kind::Opaque && pixels >= packed::LEAST_PIXELS {
                work += self.pack()?;
            }
            self.own.grow(&mut self.groups, 1)?;
            self.groups.push(std::mem::take(&mut self.reading));
            (self.codes_read, self.singles) = (0, 0);
        }
        budget.take(self.own.held() - before)?;
        Ok(work)
    }

    /// Makes a packed table for the group just read, if it is of use.
    fn pack(&mut self) -> Result<usize, Error> {
        let number = self.packed.len() / packed::ENTRIES;
        if number >= packed::MOST_TABLES {
            return Ok(0);
        }
        self.own.grow(&mut self.packed, packed::ENTRIES)?;
        let end = self.tables.len();
        self.finish();
        let tables = self.reading.codes.map(|code| Table::new(code, &self.tables));
        if packed::append(&mut self.packed, &tables) {
            self.reading.packed = Some(number as u16);
        }
        self.tables.truncate(end);
        Ok(packed::ENTRIES)
    }

    /// Makes tables ready for use when all groups were read.
    pub(super) fn finish(&mut self) {
        self.tables.resize(self.tables.len() + ROOT_ENTRIES, 0);
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
