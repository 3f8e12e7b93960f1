//! Arithmetic coding: decisions (T.81, annex D), and the blocks that they tell (F.1.4, F.2.4 and
//! G.1.3).

mod estimates;

use estimates::ESTIMATES;

use crate::bits::Bits;
use crate::block::Damage;
use crate::progressive::Target;
use crate::scan_header::ScanHeader;
use crate::scan_reader::State;
use crate::tables::{Conditioning, Tables};

/// What was learned of a decision: its estimate, and the more probable outcome.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    estimate: u8,
    likely: u8,
}

/// The registers of the decoder (figure D.1), and how often it was asked.
#[derive(Debug, Clone, Copy, Default)]
struct Decider {
    /// The code register: what it holds beyond the interval has `count` bits.
    code: u32,
    interval: u32,
    count: i32,
    decisions: usize,
}

impl Decider {
    /// Reads the first bytes at its first decision.
    fn new(decisions: usize) -> Self {
        Decider { code: 0, interval: 0, count: -16, decisions }
    }

    #[inline(always)]
    fn renormalize(&mut self, bits: &mut Bits, data: &[u8]) {
        while self.interval < 0x8000 {
            self.count -= 1;
            if self.count < 0 {
                bits.refill(data);
                self.code = self.code << 8 | bits.take(8);
                self.count += 8;
                if self.count < 0 {
                    // Two bytes have to be there before the first decision.
                    self.count += 1;
                    if self.count == 0 {
                        self.interval = 0x8000;
                    }
                }
            }
            self.interval <<= 1;
        }
    }

    /// The next decision, and what it teaches.
    #[inline]
    fn decide(&mut self, bits: &mut Bits, data: &[u8], bin: &mut Bin) -> bool {
        self.decisions += 1;
        self.renormalize(bits, data);
        let (less, after_less, after_more, switch) = ESTIMATES[usize::from(bin.estimate) % 113];
        let less = u32::from(less);
        self.interval -= less;
        let above = self.interval << self.count;
        // The smaller part is the less probable one, also where estimates say otherwise.
        let (unlikely, learns) = if self.code >= above {
            let unlikely = self.interval >= less;
            self.code -= above;
            self.interval = less;
            (unlikely, true)
        } else {
            (self.interval < less, self.interval < 0x8000)
        };
        let outcome = bin.likely ^ u8::from(unlikely && learns);
        if learns && unlikely {
            *bin = Bin { estimate: after_less, likely: bin.likely ^ switch };
        } else if learns {
            bin.estimate = after_more;
        }
        outcome == 1
    }

    /// One that is as likely as not.
    #[inline]
    fn toss(&mut self, bits: &mut Bits, data: &[u8]) -> bool {
        self.decide(bits, data, &mut Bin::default())
    }
}

/// What was learned since the last restart marker.
#[derive(Debug)]
struct Learned {
    decider: Decider,
    /// By table: those of DC differences, and those of AC coefficients.
    dc: [[Bin; 64]; 4],
    ac: [[Bin; 256]; 4],
    /// For each component of the scan, how large the last DC difference was: where its bins begin.
    contexts: [u8; 4],
}

impl Learned {
    fn new(decisions: usize) -> Self {
        Learned {
            decider: Decider::new(decisions),
            dc: [[Bin::default(); 64]; 4],
            ac: [[Bin::default(); 256]; 4],
            contexts: [0; 4],
        }
    }
}

/// Decodes the blocks of a scan.
#[derive(Debug)]
pub(crate) struct Coder {
    start: u32,
    end: u32,
    low: u32,
    first: bool,
    sequential: bool,
    /// The tables of each component of the scan, for DC and AC.
    tables: Vec<(usize, usize)>,
    conditioning: Conditioning,
    learned: Box<Learned>,
}

/// No block takes more bytes. Each of 64 coefficients is told by at most 32 decisions, of which
/// none takes more than 15 bits; and only so many are so unlikely, as that has to be learned first.
pub(crate) const MAX_BLOCK_BYTES: usize = 64 * 32 * 2;

impl Coder {
    /// `None` where the scan refers to a table that cannot be.
    pub(crate) fn new(header: &ScanHeader, tables: &Tables, sequential: bool) -> Option<Self> {
        let table = |&(_, dc, ac): &(usize, u8, u8)| {
            (dc < 4 && ac < 4).then_some((usize::from(dc), usize::from(ac)))
        };
        Some(Coder {
            start: header.start,
            end: header.end,
            low: header.low,
            first: header.high == 0,
            sequential,
            tables: header.components.iter().map(table).collect::<Option<_>>()?,
            conditioning: tables.conditioning,
            learned: Box::new(Learned::new(0)),
        })
    }

    /// How many decisions there were since this was last asked.
    pub(crate) fn decisions(&mut self) -> usize {
        std::mem::take(&mut self.learned.decider.decisions)
    }

    /// Decodes what the scan has for one block. `component` is the number of its component in the
    /// scan.
    pub(crate) fn block(
        &mut self,
        state: &mut State,
        data: &[u8],
        component: usize,
        target: &mut Target<'_>,
    ) -> Result<(), Damage> {
        if !state.begun {
            state.begun = true;
            *self.learned = Learned::new(self.learned.decider.decisions);
        }
        let &(dc, ac) = self.tables.get(component).ok_or(Damage)?;
        if self.sequential {
            target.kept.fill(0);
        }
        if self.start == 0 && self.first {
            let difference = self.difference(&mut state.bits, data, component, dc)?;
            let prediction = &mut state.predictions[component & 3];
            *prediction = prediction.wrapping_add(difference);
            if let Some(kept) = target.kept.first_mut() {
                *kept = *prediction << self.low;
            }
        } else if self.start == 0 {
            let bit = self.learned.decider.toss(&mut state.bits, data);
            if let Some(kept) = target.kept.first_mut() {
                *kept |= i16::from(bit) << self.low;
            }
        }
        match (self.end, self.first) {
            (0, _) => Ok(()),
            (_, true) => self.band(&mut state.bits, data, ac, target),
            (_, false) => self.refine(&mut state.bits, data, ac, target),
        }
    }

    /// A DC difference (figure F.19). Which bins it is told by depends on the last one.
    fn difference(
        &mut self,
        bits: &mut Bits,
        data: &[u8],
        component: usize,
        table: usize,
    ) -> Result<i16, Damage> {
        let Learned { decider, dc, contexts, .. } = &mut *self.learned;
        let bins = &mut dc[table & 3];
        let context = &mut contexts[component & 3];
        let mut ask = |bin: usize| decider.decide(bits, data, &mut bins[bin & 63]);
        let first = usize::from(*context);
        if !ask(first) {
            *context = 0;
            return Ok(0);
        }
        let negative = ask(first + 1);
        let mut bin = first + 2 + usize::from(negative);
        let mut size = u32::from(ask(bin));
        if size > 0 {
            bin = DC_SIZES;
            while ask(bin) {
                size <<= 1;
                if size == TOO_LARGE {
                    return Err(Damage);
                }
                bin += 1;
            }
        }
        let (small, large) = self.conditioning.dc[table & 3];
        let side = if negative { 4 } else { 0 };
        *context = if size < 1 << small >> 1 {
            0
        } else if size > 1 << large >> 1 {
            12 + side
        } else {
            4 + side
        };
        Ok(value(size, bin, negative, ask))
    }

    /// AC coefficients (figure F.20), or the first bits of a band of them.
    fn band(
        &mut self,
        bits: &mut Bits,
        data: &[u8],
        table: usize,
        target: &mut Target<'_>,
    ) -> Result<(), Damage> {
        let mut k = self.start.max(1);
        while k <= self.end {
            if self.ask(bits, data, table, at(k)) {
                break;
            }
            while !self.ask(bits, data, table, at(k) + 1) {
                k += 1;
                if k > self.end {
                    return Err(Damage);
                }
            }
            let negative = self.learned.decider.toss(bits, data);
            let mut bin = at(k) + 2;
            let mut size = u32::from(self.ask(bits, data, table, bin));
            if size > 0 && self.ask(bits, data, table, bin) {
                size = 2;
                bin = if k <= self.conditioning.ac[table & 3].into() { LOW } else { HIGH };
                while self.ask(bits, data, table, bin) {
                    size <<= 1;
                    if size == TOO_LARGE {
                        return Err(Damage);
                    }
                    bin += 1;
                }
            }
            let value = value(size, bin, negative, |bin| self.ask(bits, data, table, bin));
            target.put(k, value << self.low);
            k += 1;
        }
        Ok(())
    }

    /// One more bit for the coefficients of a band (figure G.10).
    fn refine(
        &mut self,
        bits: &mut Bits,
        data: &[u8],
        table: usize,
        target: &mut Target<'_>,
    ) -> Result<(), Damage> {
        let bit = 1 << self.low;
        // The last one that is not zero so far: up to there no end is told.
        let known = *target.nonzero & (u64::MAX >> (63 - (self.end & 63)));
        let last = 63u32.saturating_sub(known.leading_zeros());
        let mut k = self.start.max(1);
        while k <= self.end {
            if k > last && self.ask(bits, data, table, at(k)) {
                break;
            }
            loop {
                if known >> (k & 63) & 1 == 1 {
                    if self.ask(bits, data, table, at(k) + 2) {
                        target.correct(k, bit);
                    }
                    break;
                }
                if self.ask(bits, data, table, at(k) + 1) {
                    let negative = self.learned.decider.toss(bits, data);
                    target.put(k, if negative { -bit } else { bit });
                    break;
                }
                k += 1;
                if k > self.end {
                    return Err(Damage);
                }
            }
            k += 1;
        }
        Ok(())
    }

    #[inline]
    fn ask(&mut self, bits: &mut Bits, data: &[u8], table: usize, bin: usize) -> bool {
        let Learned { decider, ac, .. } = &mut *self.learned;
        decider.decide(bits, data, &mut ac[table & 3][bin & 255])
    }
}

/// Where the bins begin that tell the size of a DC difference, of an AC coefficient up to the
/// conditioning value, and of one beyond it (tables F.4 and F.5).
const DC_SIZES: usize = 20;
const LOW: usize = 189;
const HIGH: usize = 217;

/// The bins of a size's further bits are so far behind its own.
const BITS: usize = 14;

const TOO_LARGE: u32 = 0x8000;

/// The first of an AC coefficient's three bins.
fn at(k: u32) -> usize {
    3 * (k.max(1) as usize - 1)
}

/// A value of some size, by its further bits (figure F.24).
fn value(size: u32, bin: usize, negative: bool, mut ask: impl FnMut(usize) -> bool) -> i16 {
    let (mut value, mut bit) = (size, size >> 1);
    while bit > 0 {
        if ask(bin + BITS) {
            value |= bit;
        }
        bit >>= 1;
    }
    let value = value as i16 + 1;
    if negative { value.wrapping_neg() } else { value }
}
