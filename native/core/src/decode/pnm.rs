//! PNM: the bit, gray and color maps of Netpbm, plain and binary, PAM, and the maps of floats, PFM.
//! Specifications: <https://netpbm.sourceforge.net/doc/>.
//!
//! Binary rows lie in the file as they are. Plain ones are digits, with any amount of white space
//! and comments between them, and are read in steps of so many bytes.

use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource, Source};
use super::stored::{Place, Stored, Unpack, unpack_be16};
use super::strip::Strip;
use crate::picture::{Growing, Rows};
use crate::{Depth, Error, Format, Info, Layout, cost};

const INVALID: Error = Error::invalid(Format::Pnm);
const TRUNCATED: Error = Error::truncated(Format::Pnm);

pub(super) fn open(input: &[u8]) -> Result<Source, Error> {
    let map = Map::read(input)?;
    if let Coding::Floats { is_little } = map.coding {
        return floats(&map, is_little);
    }
    let scale = Scale::new(map.maxval);
    let layout = Layout::new(map.channels, scale.depth());
    let mut info = Info::new(Format::Pnm, map.width, map.height, layout);
    let samples = map.width as usize * usize::from(map.channels);
    let (row_bytes, unpack): (usize, Unpack) = match map.coding {
        Coding::PlainBits | Coding::Plain => {
            let text = (input.len() as u64).saturating_mul(PLAIN_NANOS_PER_BYTE);
            info.nanos.all = info.nanos.all.saturating_add(text);
            return Ok(Source::of(Plain::new(info, &map, scale)?));
        }
        Coding::Bits => (samples.div_ceil(8), Box::new(unpack_bits)),
        Coding::Truths => (samples, Box::new(unpack_truths)),
        Coding::Binary => {
            let unpack = move |stored: &[u8], out: &mut [u8]| {
                scale.unpack(stored, out);
                Ok(())
            };
            (samples * layout.depth.bytes(), Box::new(unpack))
        }
        Coding::Floats { .. } => return Err(Error::Internal),
    };
    let place = Place { offset: map.start as u64, row_bytes };
    Ok(Source::of(Stored::new(info, place, unpack)?))
}

/// Floats are linear light, and their rows come from the lowest to the highest.
fn floats(map: &Map, is_little: bool) -> Result<Source, Error> {
    let layout = Layout::new(map.channels, Depth::F32);
    let mut info = Info::new(Format::Pnm, map.width, map.height, layout);
    info.is_scene = true;
    info.bottom_up = true;
    let order = if is_little { u32::from_le_bytes } else { u32::from_be_bytes };
    let unpack = move |stored: &[u8], out: &mut [u8]| {
        for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
            *out = order(sample).to_ne_bytes();
        }
        Ok(())
    };
    let place = Place { offset: map.start as u64, row_bytes: info.row_bytes() };
    Ok(Source::of(Stored::new(info, place, Box::new(unpack))?))
}

/// The estimated nanoseconds of [`open`]: comments can be as long as the file.
pub(super) fn header_nanos(input: &[u8]) -> u64 {
    /// More than nearly every header has, and read in no time.
    const SHORT: usize = 4 << 10;
    match input.get(..SHORT).map(Map::read) {
        Some(Err(TRUNCATED)) => input.len() as u64 * cost::HEADER_NANOS_PER_BYTE,
        _ => 5_000 + SHORT as u64 * 2,
    }
}

/// What the header says.
struct Map {
    width: u32,
    height: u32,
    channels: u8,
    /// The sample that is white.
    maxval: u32,
    coding: Coding,
    /// Where the samples begin.
    start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// The digits 0 for white and 1 for black, with or without anything between them.
    PlainBits,
    /// Decimal numbers.
    Plain,
    /// Eight to a byte, 1 for black, each row in bytes of its own.
    Bits,
    /// Bytes 0 for black and 1 for white, and no others.
    Truths,
    /// One byte a sample, or two where `maxval` needs them, the high one first.
    Binary,
    Floats {
        is_little: bool,
    },
}

impl Map {
    fn read(input: &[u8]) -> Result<Map, Error> {
        let Some(&[b'P', kind]) = input.first_chunk() else { return Err(TRUNCATED) };
        let (channels, coding) = match kind {
            b'1' => (1, Coding::PlainBits),
            b'2' => (1, Coding::Plain),
            b'3' => (3, Coding::Plain),
            b'4' => (1, Coding::Bits),
            b'5' => (1, Coding::Binary),
            b'6' => (3, Coding::Binary),
            b'7' => return Map::read_pam(input),
            b'f' => return Map::read_pfm(input, 1),
            b'F' => return Map::read_pfm(input, 3),
            _ => return Err(INVALID),
        };
        let mut start = 2;
        let width = read_number(input, &mut start)?;
        let height = read_number(input, &mut start)?;
        let maxval = match coding {
            // As its samples are here.
            Coding::PlainBits | Coding::Bits => 255,
            _ => checked_maxval(read_number(input, &mut start)?)?,
        };
        Ok(Map { width, height, channels, maxval, coding, start })
    }

    /// The third number is below 0 where the low byte of a float comes first. Its size stands for
    /// some unit, which pictures are shown without.
    fn read_pfm(input: &[u8], channels: u8) -> Result<Map, Error> {
        /// No number is longer.
        const MOST: usize = 64;
        let mut start = 2;
        let width = read_number(input, &mut start)?;
        let height = read_number(input, &mut start)?;
        let rest = input.get(start..).unwrap_or_default();
        let whole = rest.len() <= MOST;
        let end = rest.iter().take(MOST).position(|&byte| is_space(byte));
        let len = end.ok_or(if whole { TRUNCATED } else { INVALID })?;
        let scale = rest.get(..len).and_then(|text| std::str::from_utf8(text).ok());
        let scale: f32 = scale.and_then(|text| text.parse().ok()).ok_or(INVALID)?;
        if scale == 0.0 || !scale.is_finite() {
            return Err(INVALID);
        }
        let coding = Coding::Floats { is_little: scale < 0.0 };
        Ok(Map { width, height, channels, maxval: 255, coding, start: start + len + 1 })
    }

    fn read_pam(input: &[u8]) -> Result<Map, Error> {
        if *input.get(2).ok_or(TRUNCATED)? != b'\n' {
            return Err(INVALID);
        }
        let mut lines = Lines { input, at: 3 };
        let (mut width, mut height, mut depth, mut maxval) = (None, None, None, None);
        let mut tuple = Tuple::Unnamed;
        loop {
            let line = lines.next()?;
            if line.first() == Some(&b'#') {
                continue;
            }
            let line = Some(line).filter(|line| line.is_ascii()).ok_or(INVALID)?;
            let line = std::str::from_utf8(line).map_err(|_| INVALID)?.trim_ascii();
            let (name, value) =
                line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
            let field = match name {
                "" => continue,
                "ENDHDR" => break,
                "WIDTH" => &mut width,
                "HEIGHT" => &mut height,
                "DEPTH" => &mut depth,
                "MAXVAL" => &mut maxval,
                "TUPLTYPE" => {
                    // Several are one name, of words: none that is known here.
                    tuple = match tuple {
                        Tuple::Unnamed => Tuple::named(value.trim_ascii()),
                        _ => Tuple::Other,
                    };
                    continue;
                }
                _ => return Err(INVALID),
            };
            if field.is_some() {
                return Err(INVALID);
            }
            *field = Some(value.trim_ascii().parse::<u32>().map_err(|_| INVALID)?);
        }
        let (Some(width), Some(height), Some(depth), Some(maxval)) = (width, height, depth, maxval)
        else {
            return Err(INVALID);
        };
        let maxval = checked_maxval(maxval)?;
        let (channels, coding) = match tuple {
            Tuple::Unnamed if (1..=4).contains(&depth) => (depth as u8, Coding::Binary),
            Tuple::Truths(channels) if maxval == 1 => (channels, Coding::Truths),
            Tuple::Samples(channels) => (channels, Coding::Binary),
            Tuple::Other => return Err(Error::Unsupported(Format::Pnm)),
            Tuple::Unnamed | Tuple::Truths(_) => return Err(INVALID),
        };
        if depth != u32::from(channels) {
            return Err(INVALID);
        }
        Ok(Map { width, height, channels, maxval, coding, start: lines.at })
    }
}

/// What PAM's `TUPLTYPE` says, with the number of channels that belong to it.
enum Tuple {
    Unnamed,
    Truths(u8),
    Samples(u8),
    Other,
}

impl Tuple {
    fn named(name: &str) -> Tuple {
        match name {
            "BLACKANDWHITE" => Tuple::Truths(1),
            "BLACKANDWHITE_ALPHA" => Tuple::Truths(2),
            "GRAYSCALE" => Tuple::Samples(1),
            "GRAYSCALE_ALPHA" => Tuple::Samples(2),
            "RGB" => Tuple::Samples(3),
            "RGB_ALPHA" => Tuple::Samples(4),
            _ => Tuple::Other,
        }
    }
}

fn checked_maxval(maxval: u32) -> Result<u32, Error> {
    if (1..=65_535).contains(&maxval) { Ok(maxval) } else { Err(INVALID) }
}

/// Lines of PAM's header, without their ends.
struct Lines<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], Error> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte == b'\n').ok_or(TRUNCATED)?;
        self.at += len + 1;
        rest.get(..len).ok_or(Error::Internal)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0B | 0x0C | b'\r' | b' ')
}

/// A number of the header, with the white space before it and one byte of it after. A comment goes
/// from `#` to the end of its line, which is white space too.
fn read_number(input: &[u8], at: &mut usize) -> Result<u32, Error> {
    let mut number: Option<u32> = None;
    let mut in_comment = false;
    for &byte in input.get(*at..).unwrap_or_default() {
        *at += 1;
        if in_comment && !matches!(byte, b'\r' | b'\n') {
            continue;
        }
        in_comment = byte == b'#';
        match byte {
            b'#' => {}
            b'0'..=b'9' => {
                let tens = number.unwrap_or(0).checked_mul(10).ok_or(INVALID)?;
                number = Some(tens.checked_add(u32::from(byte - b'0')).ok_or(INVALID)?);
            }
            _ if !is_space(byte) => return Err(INVALID),
            _ => {
                if let Some(number) = number {
                    return Ok(number);
                }
            }
        }
    }
    Err(TRUNCATED)
}

/// Brings samples up to `maxval` up to the most that a depth holds. What is more than white is
/// white.
enum Scale {
    Eight(Option<Box<[u8; 256]>>),
    Sixteen(Option<f32>),
}

impl Scale {
    fn new(maxval: u32) -> Self {
        if maxval > 255 {
            return Scale::Sixteen((maxval != 65_535).then_some(65_535.0 / maxval as f32));
        }
        let table = || {
            let mut table = Box::new([0; 256]);
            for (sample, scaled) in (0u8..=255).zip(table.iter_mut()) {
                *scaled = (f32::from(sample) * (255.0 / maxval as f32)).round() as u8;
            }
            table
        };
        Scale::Eight((maxval != 255).then(table))
    }

    fn depth(&self) -> Depth {
        match self {
            Scale::Eight(_) => Depth::U8,
            Scale::Sixteen(_) => Depth::U16,
        }
    }

    /// Binary samples.
    fn unpack(&self, stored: &[u8], out: &mut [u8]) {
        match self {
            Scale::Eight(None) => out.copy_from_slice(stored),
            Scale::Eight(Some(table)) => {
                for (out, &sample) in out.iter_mut().zip(stored) {
                    *out = table[usize::from(sample)];
                }
            }
            Scale::Sixteen(None) => unpack_be16(stored, out),
            &Scale::Sixteen(Some(factor)) => {
                for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                    *out = scaled_16(u16::from_be_bytes(sample), factor).to_ne_bytes();
                }
            }
        }
    }

    /// Samples that were read from digits, none of them more than the depth holds.
    fn write(&self, row: &[u16], out: &mut [u8]) {
        match self {
            Scale::Eight(table) => {
                for (out, &sample) in out.iter_mut().zip(row) {
                    let sample = sample as u8;
                    *out = table.as_ref().map_or(sample, |table| table[usize::from(sample)]);
                }
            }
            Scale::Sixteen(factor) => {
                for (out, &sample) in out.as_chunks_mut().0.iter_mut().zip(row) {
                    *out = factor.map_or(sample, |factor| scaled_16(sample, factor)).to_ne_bytes();
                }
            }
        }
    }
}

/// Rounded: no product of a factor above 1 is near enough to a half for the sum to be.
fn scaled_16(sample: u16, factor: f32) -> u16 {
    (f32::from(sample) * factor + 0.5) as u16
}

fn unpack_bits(stored: &[u8], out: &mut [u8]) -> Result<(), Error> {
    for (out, &byte) in out.chunks_mut(8).zip(stored) {
        for (n, out) in out.iter_mut().enumerate() {
            *out = if (byte << n) & 0x80 == 0 { 255 } else { 0 };
        }
    }
    Ok(())
}

fn unpack_truths(stored: &[u8], out: &mut [u8]) -> Result<(), Error> {
    for (out, &byte) in out.iter_mut().zip(stored) {
        *out = match byte {
            0 => 0,
            1 => 255,
            _ => return Err(INVALID),
        };
    }
    Ok(())
}

/// A picture in digits.
struct Plain {
    info: Info,
    position: Position,
    /// Where the text goes on.
    at: u64,
    place: PlainPlace,
    /// Whether each digit is a sample.
    bits: bool,
    scale: Scale,
    /// The row that is being read, as its numbers are, and how many are there.
    row: Option<Growing<u16>>,
    filled: usize,
    strip: Strip,
}

/// Where in the text a step has stopped.
#[derive(Clone, Copy)]
enum PlainPlace {
    Between,
    Comment,
    /// Inside of a number, which is this so far.
    Number(u32),
}

/// Some tens of microseconds of digits.
const PLAIN_BYTES_PER_STEP: usize = 8 << 10;
const PLAIN_NANOS_PER_BYTE: u64 = 4;

impl Plain {
    fn new(info: Info, map: &Map, scale: Scale) -> Result<Self, Error> {
        let strip = Strip::new(&info)?;
        Ok(Plain {
            position: Position::start(info.height),
            info,
            at: map.start as u64,
            place: PlainPlace::Between,
            bits: map.coding == Coding::PlainBits,
            scale,
            row: None,
            filled: 0,
            strip,
        })
    }

    /// Goes on with the current row for at most `budget` bytes. `true` when the row is complete.
    fn fill_row(&mut self, input: &mut Input, budget: &mut usize) -> Result<bool, Error> {
        let row = self.row.as_mut().ok_or(Error::Internal)?.get_mut();
        let most = match self.scale {
            Scale::Eight(_) => 255,
            Scale::Sixteen(_) => 65_535,
        };
        let is_complete = input.is_complete();
        let rest = input.bytes_from(self.at)?;
        let piece = &rest[..rest.len().min(*budget)];
        let mut left = piece.iter();
        let len = row.len();
        let mut out = row.get_mut(self.filled..).unwrap_or_default().iter_mut();
        let mut place = self.place;
        while out.len() > 0 {
            let Some(&byte) = left.next() else { break };
            match (byte, place) {
                (b'\r' | b'\n', PlainPlace::Comment) => place = PlainPlace::Between,
                (_, PlainPlace::Comment) => {}
                (b'0'..=b'9', _) if self.bits => {
                    let Some(sample) = out.next() else { break };
                    *sample = match byte {
                        b'0' => 255,
                        b'1' => 0,
                        _ => return Err(INVALID),
                    };
                }
                (b'0'..=b'9', PlainPlace::Between) => {
                    place = PlainPlace::Number(u32::from(byte - b'0'))
                }
                (b'0'..=b'9', PlainPlace::Number(number)) => {
                    let number = number * 10 + u32::from(byte - b'0');
                    if number > most {
                        return Err(INVALID);
                    }
                    place = PlainPlace::Number(number);
                }
                _ if byte != b'#' && !is_space(byte) => return Err(INVALID),
                (_, before) => {
                    if let PlainPlace::Number(number) = before
                        && let Some(sample) = out.next()
                    {
                        *sample = number as u16;
                    }
                    place = if byte == b'#' { PlainPlace::Comment } else { PlainPlace::Between };
                }
            }
        }
        let taken = piece.len() - left.len();
        if taken == rest.len()
            && is_complete
            && let PlainPlace::Number(number) = place
            && let Some(sample) = out.next()
        {
            // The end of the file ends a number too.
            *sample = number as u16;
            place = PlainPlace::Between;
        }
        self.place = place;
        self.at += taken as u64;
        *budget -= taken;
        self.filled = len - out.len();
        if self.filled < len && taken == rest.len() {
            return Err(TRUNCATED);
        }
        Ok(self.filled == len)
    }
}

impl RowSource for Plain {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        // With the zeroing of a strip, which is more for long rows.
        PLAIN_BYTES_PER_STEP as u64 * PLAIN_NANOS_PER_BYTE + self.info.row_bytes() as u64 / 4
    }

    fn memory(&self) -> u64 {
        let row = self.info.width as usize * usize::from(self.info.layout.channels) * 2;
        row as u64 + self.strip.memory()
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let row_samples = self.info.width as usize * usize::from(self.info.layout.channels);
        if self.row.is_none() {
            self.row = Some(Growing::new(row_samples)?);
        }
        if !self.row.as_mut().ok_or(Error::Internal)?.grow() {
            return Ok(Poll::Working);
        }
        let wanted = self.position.strip(self.strip.fit(max_rows)).len();
        let mut budget = PLAIN_BYTES_PER_STEP;
        let mut rows = 0;
        while rows < wanted {
            match self.fill_row(input, &mut budget) {
                Ok(true) => {}
                Ok(false) => break,
                // What is there counts: the error comes again.
                Err(_) if rows > 0 => break,
                Err(error) => return Err(error),
            }
            let row = self.row.as_ref().ok_or(Error::Internal)?.get();
            let out = self.strip.room(wanted)?.chunks_exact_mut(self.info.row_bytes()).nth(rows);
            self.scale.write(row, out.ok_or(Error::Internal)?);
            self.filled = 0;
            rows += 1;
        }
        self.position.next += rows as u32;
        Ok(if rows == 0 { Poll::Working } else { Poll::Ready(self.strip.rows(rows)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_any_white_are_rounded() {
        for maxval in (256..65_535).step_by(97) {
            let Scale::Sixteen(Some(factor)) = Scale::new(maxval) else {
                unreachable!("of 16 bits")
            };
            for sample in 0..=maxval as u16 {
                assert_eq!(scaled_16(sample, factor), (f32::from(sample) * factor).round() as u16);
            }
        }
    }
}
