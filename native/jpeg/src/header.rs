//! Segments: what stands between SOI and the entropy-coded data, and between scans.

use std::ops::Range;

use bytes::Bytes;

use crate::bits::{Search, find_marker, search};
use crate::block::ZIGZAG;
use crate::budget::Budget;
use crate::frame::{Component, Frame, Process};
use crate::huffman::{Ac, Dc, Kind, Spec, Symbols};
use crate::{Error, Unsupported};

/// What the file says of its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In samples. The height may come from a DNL segment behind the first scan.
    pub width: u32,
    pub height: u32,
    pub process: Process,
    /// One, three or four.
    pub components: Vec<Component>,
    pub color: Color,
    /// The transform flag of an Adobe APP14 segment, if there is one. Colors of four components
    /// are stored inverted then.
    pub adobe: Option<u8>,
    /// The JFIF APP0 segment, from its version on.
    pub jfif: Option<Bytes>,
    /// The TIFF structure inside of the first EXIF APP1 segment.
    pub exif: Option<Bytes>,
    icc: Vec<IccSegment>,
    /// Whether the first scan has all components.
    pub(crate) interleaved: bool,
}

/// A part of an ICC profile: its number, how many there are, and its data.
type IccSegment = (u8, u8, Bytes);

impl Header {
    /// Reads the segments in front of the first scan, as far as they are there: the frame header
    /// has to be.
    ///
    /// # Errors
    /// Those of [`Decoder::new`](crate::Decoder::new), but for what stands behind the frame header.
    pub fn read(input: impl Into<Bytes>) -> Result<Header, Error> {
        let input = input.into();
        let mut parser = Parser::new(&input)?;
        parser.read_frame(&input)?;
        // Metadata may follow the frame header; whatever is wrong there is found by decoding.
        let next = parser.read_scan(&input, &mut Budget::unlimited());
        let mut header =
            parser.header(&input).ok_or(Error::Invalid { what: "a picture without a frame", offset: 0 })?;
        header.interleaved =
            matches!(next, Ok(Next::Scan(scan)) if scan.components.len() == header.components.len());
        Ok(header)
    }

    /// How many MCUs the picture has, when all components are interleaved:
    /// [`Effort::Mcus`](crate::Effort::Mcus) counts in these. At least one.
    pub fn mcus(&self) -> u64 {
        let most = |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().unwrap_or(1);
        let count = |length: u32, factor: u8| u64::from(length.div_ceil(8 * u32::from(factor)).max(1));
        count(self.width, most(|c| c.horizontal)) * count(self.height, most(|c| c.vertical))
    }

    /// The ICC profile, put together from its APP2 segments. `None` if one is missing.
    pub fn icc(&self) -> Option<Bytes> {
        let &(_, count, ref first) = self.icc.first()?;
        if count == 1 {
            return Some(first.clone());
        }
        let mut profile = Vec::new();
        for number in 1..=count {
            let (_, _, data) = self.icc.iter().find(|segment| segment.0 == number)?;
            profile.extend_from_slice(data);
        }
        (count > 0).then(|| profile.into())
    }
}

/// What the components stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Gray,
    YCbCr,
    Rgb,
    Cmyk,
    /// CMYK whose first three components are stored as YCbCr.
    Ycck,
}

impl Color {
    /// Samples of a pixel of the output: 1 for gray, else 3.
    pub(crate) fn channels(self) -> usize {
        if self == Color::Gray { 1 } else { 3 }
    }
}

/// The tables that scans refer to, as they stand at some place in the file: where each one's
/// definition is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// Where the values are, and how many bytes each has.
    quantizers: [Option<(usize, usize)>; 4],
    dc: [Option<usize>; 4],
    ac: [Option<usize>; 4],
    /// MCUs between two restart markers; 0 if there are none.
    pub restart_interval: u32,
}

impl Tables {
    /// The table that a scan refers to. Frames without any use the standard ones.
    pub(crate) fn dc(&self, input: &[u8], index: u8) -> Option<Dc> {
        Self::spec(input, &self.dc, Kind::Dc, index).map(|spec| Dc::new(&spec))
    }

    pub(crate) fn ac(&self, input: &[u8], index: u8) -> Option<Ac> {
        Self::spec(input, &self.ac, Kind::Ac, index).map(|spec| Ac::new(&spec))
    }

    pub(crate) fn dc_symbols(&self, input: &[u8], index: u8) -> Option<Symbols> {
        Self::spec(input, &self.dc, Kind::Dc, index).map(|spec| Symbols::new(&spec))
    }

    pub(crate) fn ac_symbols(&self, input: &[u8], index: u8) -> Option<Symbols> {
        Self::spec(input, &self.ac, Kind::Ac, index).map(|spec| Symbols::new(&spec))
    }

    fn spec<'a>(input: &'a [u8], specs: &[Option<usize>; 4], kind: Kind, index: u8) -> Option<Spec<'a>> {
        match *specs.get(usize::from(index))? {
            Some(at) => Spec::split_off(input.get(at..)?).map(|(spec, _)| spec),
            None if index < 2 => Some(Spec::standard(kind, index == 1)),
            None => None,
        }
    }

    /// A quantization table, row by row.
    pub(crate) fn quantizer(&self, input: &[u8], index: u8) -> Option<[u16; 64]> {
        let (at, bytes) = (*self.quantizers.get(usize::from(index))?)?;
        let mut table = [0; 64];
        for (value, place) in input.get(at..at + 64 * bytes)?.chunks_exact(bytes).zip(ZIGZAG) {
            table[usize::from(place)] = value.iter().fold(0, |value, &byte| value << 8 | u16::from(byte));
        }
        Some(table)
    }
}

/// A scan header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanHeader {
    /// Index into the frame's components, DC table, AC table.
    pub components: Vec<(usize, u8, u8)>,
    /// First and last position of the band.
    pub start: u32,
    pub end: u32,
    /// The bit that earlier scans stopped at (0 for the first one of a band), and this one's.
    pub high: u32,
    pub low: u32,
    /// Where the entropy-coded data begins.
    pub data: usize,
}

impl ScanHeader {
    pub(crate) fn has(&self, component: usize) -> bool {
        self.components.iter().any(|&(index, ..)| index == component)
    }

    /// A bit for each position of its band.
    pub(crate) fn positions(&self) -> u64 {
        u64::MAX << self.start & u64::MAX >> (63 - self.end)
    }
}

/// More segments than any camera or editor writes (a 16 MB profile takes 256).
const MAX_SEGMENTS: usize = 10_000;

/// More bytes between segments than any broken editor leaves there.
const MAX_GARBAGE: usize = 64 << 10;

/// A segment takes as long as decoding so many bytes, beside what it takes to check its own.
const SEGMENT_BYTES: usize = 8;

/// Walks through the segments, once.
#[derive(Debug, Clone)]
pub(crate) struct Parser {
    pub tables: Tables,
    pub frame: Option<Frame>,
    at: usize,
    /// There is no marker before this place, which is not before `at`.
    searched: usize,
    segments: usize,
    /// Bytes between segments.
    garbage: usize,
    jfif: Option<Range<usize>>,
    adobe: Option<u8>,
    exif: Option<Range<usize>>,
    /// The first of each number, and which numbers these are.
    icc: Vec<(u8, u8, Range<usize>)>,
    icc_numbers: [bool; 256],
}

impl Parser {
    pub(crate) fn new(input: &[u8]) -> Result<Self, Error> {
        match input.get(..2) {
            Some([0xFF, 0xD8]) => {}
            Some(_) => return Err(Error::NotJpeg),
            None if b"\xFF\xD8".starts_with(input) => return Err(Error::Truncated { offset: input.len() }),
            None => return Err(Error::NotJpeg),
        }
        Ok(Parser {
            tables: Tables::default(),
            frame: None,
            at: 2,
            searched: 2,
            segments: 0,
            garbage: 0,
            jfif: None,
            adobe: None,
            exif: None,
            icc: Vec::new(),
            icc_numbers: [false; 256],
        })
    }

    /// Reads on to the frame header.
    pub(crate) fn read_frame(&mut self, input: &[u8]) -> Result<(), Error> {
        let mut budget = Budget::unlimited();
        while self.frame.is_none() {
            if self.read_segment(input, &mut budget)?.is_some() {
                return Err(Error::Invalid { what: "a scan before the frame header", offset: self.at });
            }
        }
        Ok(())
    }

    /// Reads on to the next scan, as far as the budget goes.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the input ends without EOI.
    pub(crate) fn read_scan(&mut self, input: &[u8], budget: &mut Budget) -> Result<Next, Error> {
        loop {
            match self.read_segment(input, budget)? {
                Some(next) => return Ok(next),
                None if budget.is_spent() => return Ok(Next::Later),
                None => {}
            }
        }
    }

    /// Goes on behind a scan's data.
    pub(crate) fn seek(&mut self, offset: usize) {
        (self.at, self.searched) = (offset, offset);
    }

    /// Passes entropy-coded data, as far as the budget goes. `None` where it goes on, else whether
    /// there is a marker behind it.
    pub(crate) fn pass_data(&mut self, input: &[u8], budget: &mut Budget) -> Option<bool> {
        while !budget.is_spent() {
            match search(input, self.at, budget) {
                Search::Marker(at, 0xD0..=0xD7) => self.seek(at + 2),
                Search::Marker(at, _) => {
                    self.seek(at);
                    return Some(true);
                }
                Search::Over => return Some(false),
                Search::Later(at) => self.seek(at),
            }
        }
        None
    }

    /// Reads a segment. `None` if it was no scan, or if it is still to be found.
    fn read_segment(&mut self, input: &[u8], budget: &mut Budget) -> Result<Option<Next>, Error> {
        let truncated = Error::Truncated { offset: input.len() };
        let within = self.at.saturating_add(MAX_GARBAGE + 2).min(input.len());
        budget.spent(SEGMENT_BYTES);
        let (at, marker) = match search(&input[..within], self.searched, budget) {
            Search::Marker(at, marker) => (at, marker),
            Search::Later(at) => {
                self.searched = at;
                return Ok(None);
            }
            Search::Over if within < input.len() => {
                return Err(Error::Invalid { what: "garbage instead of a segment", offset: self.at });
            }
            Search::Over => return Err(truncated),
        };
        self.garbage += at - self.at;
        self.seek(at + 2);
        let too_much = Error::Invalid { what: "too much that is no picture", offset: at };
        match marker {
            // These stand alone, where they have no business.
            0x01 | 0xD0..=0xD8 => {
                self.garbage += 2;
                return if self.garbage > MAX_GARBAGE { Err(too_much) } else { Ok(None) };
            }
            0xD9 => return Ok(Some(Next::End)),
            _ => {}
        }
        self.segments += 1;
        if self.segments > MAX_SEGMENTS || self.garbage > MAX_GARBAGE {
            return Err(too_much);
        }
        let length = input.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length)).max(2);
        if input.len() - self.at < length {
            return Err(truncated);
        }
        let range = self.at + 2..self.at + length;
        let body = &input[range.clone()];
        self.seek(range.end);
        let invalid = |what| Error::Invalid { what, offset: at };
        match marker {
            0xC4 => {
                budget.searched(body.len());
                self.huffman_tables(input, range).ok_or(invalid("a wrong DHT segment"))?;
            }
            0xDB => {
                budget.searched(body.len());
                self.quantizers(input, range).ok_or(invalid("a wrong DQT segment"))?;
            }
            0xDD => {
                let interval = body.first_chunk().ok_or(invalid("a wrong DRI segment"))?;
                self.tables.restart_interval = u16::from_be_bytes(*interval).into();
            }
            0xDA => {
                let scan = self.scan(body).ok_or(invalid("a wrong SOS segment"))?;
                return Ok(Some(Next::Scan(scan)));
            }
            0xC0..=0xC2 => {
                if self.frame.is_some() {
                    return Err(invalid("a second frame"));
                }
                self.frame = Some(self.frame(marker, body, at, input)?);
            }
            0xC3 => return Err(Error::Unsupported(Unsupported::Lossless)),
            0xC5..=0xC7 | 0xDE => return Err(Error::Unsupported(Unsupported::Hierarchical)),
            0xC9..=0xCF => return Err(Error::Unsupported(Unsupported::Arithmetic)),
            0xE0 if self.jfif.is_none() && body.starts_with(b"JFIF\0") => {
                self.jfif = Some(range.start + 5..range.end);
            }
            0xE1 if self.exif.is_none() && body.starts_with(b"Exif\0") && body.len() > 6 => {
                self.exif = Some(range.start + 6..range.end);
            }
            0xE2 => {
                if let Some([number, count, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                    let known = &mut self.icc_numbers[usize::from(*number)];
                    if !std::mem::replace(known, true) {
                        self.icc.push((*number, *count, range.end - data.len()..range.end));
                    }
                }
            }
            0xEE => {
                if let Some(adobe) = body.strip_prefix(b"Adobe") {
                    self.adobe = adobe.get(6).copied().or(self.adobe);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn huffman_tables(&mut self, input: &[u8], range: Range<usize>) -> Option<()> {
        let mut body = input.get(range.clone())?;
        while let [target, rest @ ..] = body {
            let specs = match target >> 4 {
                0 => &mut self.tables.dc,
                1 => &mut self.tables.ac,
                _ => return None,
            };
            *specs.get_mut(usize::from(target & 15))? = Some(range.end - rest.len());
            (_, body) = Spec::split_off(rest)?;
        }
        Some(())
    }

    fn quantizers(&mut self, input: &[u8], range: Range<usize>) -> Option<()> {
        let mut body = input.get(range.clone())?;
        while let [target, rest @ ..] = body {
            let bytes = match target >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let table = self.tables.quantizers.get_mut(usize::from(target & 15))?;
            *table = Some((range.end - rest.len(), bytes));
            body = rest.get(64 * bytes..)?;
        }
        Some(())
    }

    fn frame(&self, marker: u8, body: &[u8], offset: usize, input: &[u8]) -> Result<Frame, Error> {
        let invalid = |what| Error::Invalid { what, offset };
        let [precision, h1, h2, w1, w2, count, rest @ ..] = body else {
            return Err(invalid("a short frame header"));
        };
        if *precision != 8 {
            return Err(Error::Unsupported(Unsupported::Precision(*precision)));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::Unsupported(Unsupported::Components(*count)));
        }
        let mut components = Vec::with_capacity(4);
        for component in rest.chunks_exact(3).take((*count).into()) {
            let &[id, factors, quantizer] = component else { continue };
            let (horizontal, vertical) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) || quantizer > 3 {
                return Err(invalid("a component that cannot be"));
            }
            components.push(Component { id, horizontal, vertical, quantizer });
        }
        if components.len() != usize::from(*count) {
            return Err(invalid("a short frame header"));
        }
        // A single component has nothing to be sampled against, and its MCU is one block.
        if let [only] = &mut components[..] {
            (only.horizontal, only.vertical) = (1, 1);
        }
        let process = match marker {
            0xC0 => Process::Baseline,
            0xC1 => Process::Extended,
            _ => Process::Progressive,
        };
        let width = u16::from_be_bytes([*w1, *w2]).into();
        let mut height = u16::from_be_bytes([*h1, *h2]).into();
        if height == 0 {
            height = number_of_lines(input, self.at).ok_or(invalid("a frame without a height"))?;
        }
        if width == 0 {
            return Err(invalid("a frame without a width"));
        }
        Ok(Frame { process, width, height, components })
    }

    fn scan(&self, body: &[u8]) -> Option<ScanHeader> {
        let frame = self.frame.as_ref()?;
        let (&count, rest) = body.split_first()?;
        let (named, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let mut components = Vec::with_capacity(4);
        for &[id, tables] in named.as_chunks().0 {
            // Two components of the same name come in the order of the frame.
            let taken = |index: &usize| components.iter().any(|(other, _, _)| other == index);
            let index = (0..frame.components.len()).find(|i| frame.components[*i].id == id && !taken(i))?;
            components.push((index, tables >> 4, tables & 15));
        }
        let &[start, end, bits, ..] = rest else { return None };
        let mut scan = ScanHeader {
            components,
            start: start.into(),
            end: end.into(),
            high: u32::from(bits >> 4),
            low: u32::from(bits & 15),
            data: self.at,
        };
        if frame.process != Process::Progressive {
            // Some encoders leave these at 0.
            (scan.start, scan.end, scan.high, scan.low) = (0, 63, 0, 0);
        }
        let band = if scan.start == 0 { scan.end == 0 } else { count == 1 };
        let valid = frame.process != Process::Progressive
            || (band && scan.start <= scan.end && scan.end < 64 && scan.high < 14 && scan.low < 14);
        (valid && !scan.components.is_empty()).then_some(scan)
    }

    /// What has been read so far, put together.
    pub(crate) fn header(&self, input: &Bytes) -> Option<Header> {
        let slice = |range: &Option<Range<usize>>| Some(input.slice(range.clone()?));
        let icc =
            |(number, count, range): &(u8, u8, Range<usize>)| (*number, *count, input.slice(range.clone()));
        let frame = self.frame.as_ref()?;
        Some(Header {
            width: frame.width,
            height: frame.height,
            process: frame.process,
            components: frame.components.clone(),
            color: self.color(frame),
            adobe: self.adobe,
            jfif: slice(&self.jfif),
            exif: slice(&self.exif),
            icc: self.icc.iter().map(icc).collect(),
            interleaved: false,
        })
    }

    fn color(&self, frame: &Frame) -> Color {
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        match (ids.len(), self.adobe) {
            (1, _) => Color::Gray,
            (3, _) if self.jfif.is_some() => Color::YCbCr,
            (3, Some(0)) => Color::Rgb,
            (3, None) if ids == *b"RGB" => Color::Rgb,
            (3, _) => Color::YCbCr,
            (_, Some(2)) => Color::Ycck,
            _ => Color::Cmyk,
        }
    }
}

/// What comes next in the file, apart from tables and metadata.
#[derive(Debug)]
pub(crate) enum Next {
    Scan(ScanHeader),
    /// The end of the picture.
    End,
    /// The budget is spent.
    Later,
}

/// The height that a DNL segment gives, behind the first scan.
fn number_of_lines(input: &[u8], from: usize) -> Option<u32> {
    let mut at = from;
    loop {
        let (marker, code) = find_marker(input, at)?;
        at = marker + 2;
        if code == 0xDC {
            let [_, _, h1, h2] = *input.get(at..)?.first_chunk()?;
            return Some(u16::from_be_bytes([h1, h2]).into()).filter(|&height| height > 0);
        }
    }
}
