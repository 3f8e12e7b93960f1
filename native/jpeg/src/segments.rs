//! Segments: what stands between SOI and the entropy-coded data, and between scans.

use std::ops::Range;

use thumbelina_codec::Input;

use crate::frame::{Coding, Component, Frame, Process};
use crate::header::{Color, Header};
use crate::quota::Quota;
use crate::scan_header::ScanHeader;
use crate::tables::Tables;
use crate::view::{Search, View};
use crate::{Error, Unsupported};

/// More segments than any camera or editor writes (a 16 MB profile takes 256).
const MAX_SEGMENTS: usize = 10_000;

/// More bytes between segments than any broken editor leaves there.
const MAX_GARBAGE: usize = 64 << 10;

/// What a JFIF segment has at the least. A shorter one is none, says libjpeg.
const JFIF_BYTES: usize = 14;

/// A segment takes as long as decoding so many bytes, beside what it takes to check its own.
const SEGMENT_BYTES: usize = 8;

/// Walks through the segments, once.
#[derive(Debug, Clone)]
pub(crate) struct Parser {
    pub tables: Tables,
    pub frame: Option<Frame>,
    at: usize,
    /// Whether that is in a scan's data.
    in_data: bool,
    /// There is no marker before this place, which is not before `at`.
    searched: usize,
    /// A frame without a height, the place of its marker, and up to where the DNL segment that has
    /// the height was searched.
    without_height: Option<(Frame, usize, usize)>,
    segments: usize,
    /// Bytes between segments.
    garbage: usize,
    jfif: Option<Range<usize>>,
    adobe: Option<u8>,
    exif: Option<Range<usize>>,
    xmp: Option<Range<usize>>,
    iptc: Option<Range<usize>>,
    /// The first of each number, and which numbers these are.
    icc: Vec<(u8, u8, Range<usize>)>,
    icc_numbers: [bool; 256],
}

/// What comes next in the file, apart from tables and metadata.
#[derive(Debug)]
pub(crate) enum Next {
    Scan(ScanHeader),
    /// The end of the picture.
    End,
    /// The quota is spent.
    Later,
    /// More of the input is needed.
    Starved,
}

/// What a segment comes to.
enum Step {
    Passed,
    Found(Next),
}

impl Parser {
    /// Begins with SOI. `None` before that has come.
    pub(crate) fn new(view: View<'_>) -> Result<Option<Self>, Error> {
        let bytes = view.from(0);
        match bytes.get(..2) {
            Some([0xFF, 0xD8]) => {}
            Some(_) => return Err(Error::NotJpeg),
            None if !b"\xFF\xD8".starts_with(bytes) => return Err(Error::NotJpeg),
            None if view.is_complete() => return Err(Error::Truncated { offset: view.end() }),
            None => return Ok(None),
        }
        Ok(Some(Parser {
            tables: Tables::default(),
            frame: None,
            at: 2,
            in_data: false,
            searched: 2,
            without_height: None,
            segments: 0,
            garbage: 0,
            jfif: None,
            adobe: None,
            exif: None,
            xmp: None,
            iptc: None,
            icc: Vec::new(),
            icc_numbers: [false; 256],
        }))
    }

    /// Reads on to the next scan, behind the data of the last one, as far as the quota goes.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the input ends without EOI.
    pub(crate) fn read_scan(
        &mut self,
        view: View<'_>,
        quota: &mut Quota<'_>,
    ) -> Result<Next, Error> {
        if self.in_data {
            if let Some(next) = self.pass_data(view, quota)? {
                return Ok(next);
            }
            self.in_data = false;
        }
        loop {
            match self.read_segment(view, quota)? {
                Step::Found(next) => return Ok(next),
                Step::Passed if quota.is_spent() => return Ok(Next::Later),
                Step::Passed => {}
            }
        }
    }

    /// Goes on at this place.
    pub(crate) fn seek(&mut self, offset: usize) {
        (self.at, self.searched) = (offset, offset);
    }

    /// What is in front of this place has been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Passes a scan's data, as far as the quota goes. `None` once that has come to its end.
    fn pass_data(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Result<Option<Next>, Error> {
        while !quota.is_spent() {
            match view.search(self.at, quota) {
                Search::Marker(at, 0xD0..=0xD7) => self.seek(at + 2),
                Search::Marker(at, _) => {
                    self.seek(at);
                    return Ok(None);
                }
                Search::Over => return Err(Error::Truncated { offset: view.end() }),
                Search::Later(at) => self.seek(at),
                Search::Starved(at) => {
                    self.seek(at);
                    return Ok(Some(Next::Starved));
                }
            }
        }
        Ok(Some(Next::Later))
    }

    /// Reads a segment, or looks for it.
    fn read_segment(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Result<Step, Error> {
        quota.spent(SEGMENT_BYTES);
        if self.without_height.is_some() {
            return self.read_height(view, quota);
        }
        let truncated = Error::Truncated { offset: view.end() };
        let within = self.at.saturating_add(MAX_GARBAGE + 2);
        let (at, marker) = match view.search_until(self.searched, within, quota) {
            Search::Marker(at, marker) => (at, marker),
            Search::Later(at) => {
                self.searched = at;
                return Ok(Step::Passed);
            }
            Search::Starved(at) => {
                self.searched = at;
                return Ok(Step::Found(Next::Starved));
            }
            Search::Over if within < view.end() => {
                return Err(Error::Invalid {
                    what: "garbage instead of a segment",
                    offset: self.at,
                });
            }
            Search::Over => return Err(truncated),
        };
        let too_much = Error::Invalid { what: "too much that is no picture", offset: at };
        let garbage = self.garbage + at - self.at;
        match marker {
            // These stand alone, where they have no business.
            0x01 | 0xD0..=0xD8 => {
                self.garbage = garbage + 2;
                self.seek(at + 2);
                return if self.garbage > MAX_GARBAGE { Err(too_much) } else { Ok(Step::Passed) };
            }
            0xD9 => {
                self.seek(at + 2);
                return Ok(Step::Found(Next::End));
            }
            _ => {}
        }
        if self.segments >= MAX_SEGMENTS || garbage > MAX_GARBAGE {
            return Err(too_much);
        }
        let start = at + 4;
        let length =
            view.from(at + 2).first_chunk().map(|length| u16::from_be_bytes(*length).max(2) - 2);
        let body = length.and_then(|length| view.from(start).get(..length.into()));
        let Some(body) = body else {
            if view.is_complete() {
                return Err(truncated);
            }
            self.searched = at;
            return Ok(Step::Found(Next::Starved));
        };
        self.segments += 1;
        self.garbage = garbage;
        let end = start + body.len();
        self.seek(end);
        let invalid = |what| Error::Invalid { what, offset: at };
        match marker {
            0xC4 => {
                quota.searched(body.len());
                self.tables.define_huffman(body).ok_or(invalid("a wrong DHT segment"))?;
            }
            0xDB => {
                quota.searched(body.len());
                self.tables.define_quantizers(body).ok_or(invalid("a wrong DQT segment"))?;
            }
            0xDD => {
                let interval = body.first_chunk().ok_or(invalid("a wrong DRI segment"))?;
                self.tables.restart_interval = u16::from_be_bytes(*interval).into();
            }
            0xDA => {
                let scan = self.scan(body).ok_or(invalid("a wrong SOS segment"))?;
                self.in_data = true;
                return Ok(Step::Found(Next::Scan(scan)));
            }
            0xCC => self.tables.define_conditioning(body).ok_or(invalid("a wrong DAC segment"))?,
            0xC0..=0xC3 | 0xC9 | 0xCA => {
                if self.frame.is_some() {
                    return Err(invalid("a second frame"));
                }
                let frame = frame(marker, body, at)?;
                if frame.height == 0 {
                    self.without_height = Some((frame, at, end));
                } else {
                    self.have_frame(frame, at)?;
                }
            }
            0xC5..=0xC7 | 0xCD..=0xCF | 0xDE => {
                return Err(Error::Unsupported(Unsupported::Hierarchical));
            }
            0xCB => return Err(Error::Unsupported(Unsupported::Lossless)),
            0xE0 if self.jfif.is_none()
                && body.starts_with(b"JFIF\0")
                && body.len() >= JFIF_BYTES =>
            {
                self.jfif = Some(start + 5..end);
            }
            0xE1 if self.exif.is_none() && is_exif(body) => self.exif = Some(start + 6..end),
            0xE1 if self.xmp.is_none() && body.starts_with(XMP) => {
                self.xmp = Some(start + XMP.len()..end);
            }
            0xED if self.iptc.is_none() => {
                quota.searched(body.len());
                self.iptc = iptc(body).map(|range| start + range.start..start + range.end);
            }
            0xE2 => {
                if let Some([number, count, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                    let known = &mut self.icc_numbers[usize::from(*number)];
                    if !std::mem::replace(known, true) {
                        self.icc.push((*number, *count, end - data.len()..end));
                    }
                }
            }
            0xEE => {
                if let Some([_, _, _, _, _, _, transform, ..]) = body.strip_prefix(b"Adobe") {
                    self.adobe = Some(*transform);
                }
            }
            _ => {}
        }
        Ok(Step::Passed)
    }

    /// Looks for the height that a DNL segment gives, behind the first scan.
    fn read_height(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Result<Step, Error> {
        let Some((frame, at, searched)) = &mut self.without_height else { return Ok(Step::Passed) };
        let none = Error::Invalid { what: "a frame without a height", offset: *at };
        match view.search(*searched, quota) {
            Search::Marker(place, 0xDC) => {
                let height = match view.from(place + 2).first_chunk() {
                    Some(&[_, _, h1, h2]) => u16::from_be_bytes([h1, h2]),
                    None if view.is_complete() => return Err(none),
                    None => return Ok(Step::Found(Next::Starved)),
                };
                if height == 0 {
                    return Err(none);
                }
                let (frame, at) = (Frame { height: height.into(), ..frame.clone() }, *at);
                self.without_height = None;
                self.have_frame(frame, at)?;
            }
            Search::Marker(place, _) => *searched = place + 2,
            Search::Later(place) => *searched = place,
            Search::Starved(place) => {
                *searched = place;
                return Ok(Step::Found(Next::Starved));
            }
            Search::Over => return Err(none),
        }
        Ok(Step::Passed)
    }

    fn have_frame(&mut self, frame: Frame, offset: usize) -> Result<(), Error> {
        if frame.width == 0 {
            return Err(Error::Invalid { what: "a frame without a width", offset });
        }
        self.frame = Some(frame);
        Ok(())
    }

    fn scan(&self, body: &[u8]) -> Option<ScanHeader> {
        let frame = self.frame.as_ref()?;
        let (&count, rest) = body.split_first()?;
        let (named, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let mut components = Vec::with_capacity(4);
        for &[id, tables] in named.as_chunks().0 {
            // Two components of the same name come in the order of the frame.
            let taken = |index: &usize| components.iter().any(|(other, _, _)| other == index);
            let index =
                (0..frame.components.len()).find(|i| frame.components[*i].id == id && !taken(i))?;
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
        let valid = match frame.process {
            Process::Baseline | Process::Extended => {
                // Some encoders leave these at 0.
                (scan.start, scan.end, scan.high, scan.low) = (0, 63, 0, 0);
                true
            }
            Process::Progressive => {
                let band = if scan.start == 0 { scan.end == 0 } else { count == 1 };
                band && scan.start <= scan.end && scan.end < 64 && scan.high < 14 && scan.low < 14
            }
            // The first of these is how a sample is predicted.
            Process::Lossless => {
                (1..=7).contains(&scan.start) && scan.low < u32::from(frame.precision)
            }
        };
        (valid && !scan.components.is_empty()).then_some(scan)
    }

    /// What has been read so far, put together. Nothing of it may have been released.
    pub(crate) fn header(&self, input: &Input) -> Option<Header> {
        let start = input.start() as usize;
        let part = |range: &Range<usize>| input.slice(range.start - start..range.end - start);
        let frame = self.frame.as_ref()?;
        Some(Header {
            width: frame.width,
            height: frame.height,
            process: frame.process,
            coding: frame.coding,
            precision: frame.precision,
            components: frame.components.clone(),
            color: Color::of(frame, self.jfif.is_some(), self.adobe),
            adobe: self.adobe,
            jfif: self.jfif.as_ref().map(part),
            exif: self.exif.as_ref().map(part),
            xmp: self.xmp.as_ref().map(part),
            iptc: self.iptc.as_ref().map(part),
            icc: self
                .icc
                .iter()
                .map(|(number, count, range)| (*number, *count, part(range)))
                .collect(),
            interleaved: false,
        })
    }
}

/// What comes before a packet of XMP.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The number of Photoshop's resource that holds IPTC-IIM records.
const IPTC: u16 = 1028;

fn is_exif(body: &[u8]) -> bool {
    body.starts_with(b"Exif\0")
        && body.get(6..).is_some_and(|tiff| tiff.starts_with(b"II") || tiff.starts_with(b"MM"))
}

/// Where the IPTC-IIM records are among Photoshop's resources: each has a number, a name and its
/// data, which are filled up to even lengths.
fn iptc(body: &[u8]) -> Option<Range<usize>> {
    let mut rest = body.strip_prefix(b"Photoshop 3.0\0")?;
    while let Some([n1, n2, name, after @ ..]) = rest.strip_prefix(b"8BIM") {
        let after = after.get(usize::from(*name) | 1..)?;
        let (length, data) = after.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        if u16::from_be_bytes([*n1, *n2]) == IPTC {
            let start = body.len() - data.len();
            return (0 < length && length <= data.len()).then(|| start..start + length);
        }
        rest = data.get(length.checked_next_multiple_of(2)?..)?;
    }
    None
}

/// The frame of a frame header, which may be without a height.
fn frame(marker: u8, body: &[u8], offset: usize) -> Result<Frame, Error> {
    let invalid = |what| Error::Invalid { what, offset };
    let [precision, h1, h2, w1, w2, count, rest @ ..] = body else {
        return Err(invalid("a short frame header"));
    };
    let process = match marker {
        0xC0 => Process::Baseline,
        0xC1 | 0xC9 => Process::Extended,
        0xC3 => Process::Lossless,
        _ => Process::Progressive,
    };
    let known = match process {
        Process::Lossless => (2..=16).contains(precision),
        _ => matches!(precision, 8 | 12),
    };
    if !known {
        return Err(Error::Unsupported(Unsupported::Precision(*precision)));
    }
    if !matches!(count, 1..=4) {
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
    let coding = if marker < 0xC8 { Coding::Huffman } else { Coding::Arithmetic };
    let width = u16::from_be_bytes([*w1, *w2]).into();
    let height = u16::from_be_bytes([*h1, *h2]).into();
    Ok(Frame { process, coding, precision: *precision, width, height, components })
}
