//! Blocks of progressive scans: each brings a band of positions, or one more bit of it.

use crate::Error;
use crate::block::{Class, Damage};
use crate::huffman::{Symbols, value};
use crate::scan_header::ScanHeader;
use crate::scan_reader::State;
use crate::tables::Tables;

/// What a scan brings.
#[derive(Debug)]
pub(crate) struct Band {
    pub start: u32,
    end: u32,
    low: u32,
    /// A bit for each of its positions.
    pub positions: u64,
    /// Whether it is the first of its band, and not one more bit.
    pub first: bool,
    /// One for each component of the scan. None where DC values are refined.
    tables: Vec<Symbols>,
}

impl Band {
    pub(crate) fn new(header: &ScanHeader, tables: &Tables) -> Result<Self, Error> {
        let &ScanHeader { start, end, high, low, data, .. } = header;
        let mut found = Vec::new();
        if start > 0 || high == 0 {
            for &(_, dc, ac) in &header.components {
                let table = if start == 0 { tables.dc_symbols(dc) } else { tables.ac_symbols(ac) };
                let missing =
                    Error::Invalid { what: "a scan without its Huffman table", offset: data };
                found.push(table.ok_or(missing)?);
            }
        }
        Ok(Band { start, end, low, positions: header.positions(), first: high == 0, tables: found })
    }

    /// A bit that the scan has, at its place in a coefficient.
    #[inline(always)]
    pub(crate) fn low_bit(&self, bit: u32) -> i16 {
        (bit as i16) << self.low
    }

    /// Whether it has one more bit for what earlier scans brought.
    pub(crate) fn refines(&self) -> bool {
        !self.first
    }
}

/// The block that a scan adds to.
pub(crate) struct Target<'a> {
    pub class: Class,
    /// The coefficients that are kept, row by row.
    pub kept: &'a mut [i16],
    /// A bit for each position, kept or not, that earlier scans made something else than 0.
    pub nonzero: &'a mut u64,
}

impl Target<'_> {
    #[inline(always)]
    fn coefficient(&mut self, k: u32) -> Option<&mut i16> {
        let place = usize::from(self.class.places()[(k & 127) as usize]);
        if place < self.class.len() { self.kept.get_mut(place) } else { None }
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, k: u32, value: i16) {
        if let Some(coefficient) = self.coefficient(k) {
            *coefficient = value;
        }
        *self.nonzero |= 1 << (k & 63);
    }

    /// One more bit for a coefficient that is not zero.
    #[inline(always)]
    pub(crate) fn correct(&mut self, k: u32, bit: i16) {
        if let Some(coefficient) = self.coefficient(k)
            && *coefficient & bit == 0
        {
            *coefficient = coefficient.wrapping_add(if *coefficient < 0 { -bit } else { bit });
        }
    }
}

// Each decodes what one kind of scan has for one block. `component` is the number of its component
// in the scan.

#[inline(always)]
pub(crate) fn dc_first(
    state: &mut State,
    data: &[u8],
    band: &Band,
    component: usize,
    target: &mut Target<'_>,
) -> Result<(), Damage> {
    let bits = &mut state.bits;
    bits.refill(data);
    let (length, size) =
        band.tables.get(component).ok_or(Damage)?.find(bits.peek()).ok_or(Damage)?;
    if size > 15 {
        return Err(Damage);
    }
    bits.skip(length);
    let difference = value(bits.peek(), size.into());
    bits.skip(size.into());
    let prediction = &mut state.predictions[component & 3];
    *prediction = prediction.wrapping_add(difference);
    if let Some(dc) = target.kept.first_mut() {
        *dc = *prediction << band.low;
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn ac_first(
    state: &mut State,
    data: &[u8],
    band: &Band,
    target: &mut Target<'_>,
) -> Result<(), Damage> {
    if state.end_of_band > 0 {
        state.end_of_band -= 1;
        return Ok(());
    }
    let table = band.tables.first().ok_or(Damage)?;
    let bits = &mut state.bits;
    let mut k = band.start;
    while k <= band.end {
        bits.refill(data);
        let (length, symbol) = table.find(bits.peek()).ok_or(Damage)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        bits.skip(length);
        match (run, size) {
            (15, 0) => k += 16,
            (_, 0) => {
                state.end_of_band = (1 << run) - 1 + bits.take(run);
                break;
            }
            _ => {
                k += run;
                if k > band.end {
                    return Err(Damage);
                }
                target.put(k, value(bits.peek(), size) << band.low);
                bits.skip(size);
                k += 1;
            }
        }
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn ac_refine(
    state: &mut State,
    data: &[u8],
    band: &Band,
    target: &mut Target<'_>,
) -> Result<(), Damage> {
    let table = band.tables.first().ok_or(Damage)?;
    let bit = 1 << band.low;
    let bits = &mut state.bits;
    let mut k = band.start;
    while state.end_of_band == 0 && k <= band.end {
        bits.refill(data);
        let (length, symbol) = table.find(bits.peek()).ok_or(Damage)?;
        bits.skip(length);
        let mut run = u32::from(symbol >> 4);
        let new = match (run, symbol & 15) {
            (15, 0) => None,
            (_, 0) => {
                state.end_of_band = (1 << run) + bits.take(run);
                break;
            }
            (_, 1) => Some(if bits.take(1) == 1 { bit } else { -bit }),
            _ => return Err(Damage),
        };
        // Over so many zeros, and whatever is not zero between them gets its bit.
        while k <= band.end {
            if *target.nonzero >> k & 1 == 1 {
                bits.refill(data);
                if bits.take(1) == 1 {
                    target.correct(k, bit);
                }
            } else if run == 0 {
                break;
            } else {
                run -= 1;
            }
            k += 1;
        }
        if let Some(value) = new {
            if k > band.end {
                return Err(Damage);
            }
            target.put(k, value);
        }
        k += 1;
    }
    if state.end_of_band > 0 {
        // Straight from one that is not zero to the next: most blocks have few, or none.
        let mut left = *target.nonzero & band.positions & u64::MAX.checked_shl(k).unwrap_or(0);
        while left != 0 {
            bits.refill(data);
            if bits.take(1) == 1 {
                target.correct(left.trailing_zeros(), bit);
            }
            left &= left - 1;
        }
        state.end_of_band -= 1;
    }
    Ok(())
}
