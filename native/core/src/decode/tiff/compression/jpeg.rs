//! Chunks that are JPEGs of their own, with tables that may be shared in a field of the directory.
//!
//! The decoder gets a stream that is put together for it: what it needs of the shared tables and of
//! the chunk's own segments, and a segment that says what the components stand for. The directory
//! is what counts there, whatever the JPEG claims of itself.

use std::ops::Range;

use bytes::Bytes;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{self as jpeg, Decoder, Headers, Options, Process};

use super::super::description::{Description, JpegColor};
use super::OldJpeg;
use super::old_jpeg::Strips;
use crate::limits::Limit;
use crate::{Error, Format, OnDamage};

pub(in super::super) struct Jpeg {
    tables: Bytes,
    /// The latest quantizers and codes of the chunks before, which some writers do not repeat.
    earlier: [Vec<u8>; 2],
    /// Where there is one for the whole picture.
    old: Option<OldJpeg>,
    on_damage: OnDamage,
    color: JpegColor,
    /// Sides of a whole chunk.
    chunk: (u32, u32),
    budget: Budget,
    /// The scans that were come upon in the chunk.
    scans: usize,
    state: State,
}

enum State {
    Closed,
    /// The stream is being put together: so much of the input is still to come.
    Copying {
        stream: Vec<u8>,
        rest: Range<usize>,
        strips: Option<Strips>,
    },
    Decoding(Box<Decoder>, Input),
}

/// More than anything that stands before a scan, but for pictures in pictures.
const MAX_HEADER_BYTES: usize = 128 << 10;
const MAX_SEGMENTS: usize = 1_000;

/// Five times what all tables that there can be take.
const MAX_TABLE_BYTES: usize = 16 << 10;

/// Encoders round up to whole MCUs.
const MCU_SIDE: u32 = 32;

/// The most that a JPEG can have.
const MAX_SIDE: u32 = 65_535;

/// Each takes a look at all blocks. Progressive encoders make about ten.
const MAX_SCANS: usize = 64;

const COPY_BYTES: usize = 128 << 10;

/// Tables that are no longer take no longer.
const OPEN_BYTES: u64 = 640;

const INVALID: Error = Error::invalid(Format::Tiff);
const TRUNCATED: Error = Error::truncated(Format::Tiff);

impl Jpeg {
    /// The most that a chunk takes, apart from its data: rows of MCUs and tables, or all
    /// coefficients.
    pub(in super::super) fn memory(
        picture: &Description,
        (width, height): (u32, u32),
        buffered: bool,
    ) -> u64 {
        let components = picture.chunk_samples() as u64;
        let rounded = |side: u32| u64::from(side.min(MAX_SIDE)).next_multiple_of(MCU_SIDE.into());
        let rows = rounded(width) * u64::from(MCU_SIDE) * components * 2;
        // Two bytes and some flags each, and what knowing of the rows of blocks takes.
        let all = rounded(width) * rounded(height) * components * 9 / 4
            + rounded(height) * components * 8;
        rows + if buffered { all } else { 0 } + (256 << 10)
    }

    /// Whether a chunk comes in several scans, so that its coefficients are kept. As far as its
    /// header can be made sense of.
    pub(in super::super) fn is_buffered(data: &[u8]) -> bool {
        let Ok(mut segments) = Segments::new(data) else { return false };
        let mut components = None;
        while let Ok(Some(segment)) = segments.next_one() {
            match segment.marker {
                0xC0 | 0xC1 => components = segment.body.get(5),
                // Progressive, or arithmetic.
                0xC2 | 0xC9 | 0xCA => return true,
                0xDA => return segment.body.first() < components,
                _ => {}
            }
        }
        false
    }

    /// What starting on a chunk costs, in bytes of input of the most costly kind: look-up tables
    /// are made for each.
    pub(in super::super) fn open_bytes(&self) -> u64 {
        OPEN_BYTES.max(self.tables.len() as u64)
    }

    pub(in super::super) fn new(
        tables: Bytes,
        picture: &Description,
        chunk: (u32, u32),
        buffered: bool,
        on_damage: OnDamage,
    ) -> Self {
        let budget = Budget::new(Self::memory(picture, chunk, buffered));
        let color = picture.jpeg_color();
        let state = State::Closed;
        let earlier = Default::default();
        Jpeg { tables, earlier, old: None, on_damage, color, chunk, budget, scans: 0, state }
    }

    pub(in super::super) fn of_old(self, old: OldJpeg) -> Self {
        Jpeg { old: Some(old), ..self }
    }

    /// Reads a chunk's header. `visible` are the columns and rows of it that are needed.
    pub(in super::super) fn restart(
        &mut self,
        input: &[u8],
        chunk: Range<usize>,
        visible: (u32, u32),
    ) -> Result<(), Error> {
        self.state = State::Closed;
        self.scans = 0;
        let mut stream = vec![0xFF, 0xD8];
        if let Some(transform) = self.color.transform() {
            stream.extend([0xFF, 0xEE, 0, 14]);
            stream.extend(b"Adobe\0\x64\0\0\0\0");
            stream.push(transform);
        }
        if let Some(old) = &self.old {
            let (rest, strips) = old.begin(input, &mut stream)?;
            self.state = State::Copying { stream, rest, strips };
            return Ok(());
        }
        let data = input.get(chunk.clone()).ok_or(TRUNCATED)?;
        let fixed = stream.len();
        if !self.tables.is_empty() {
            let mut segments = Segments::new(&self.tables)?;
            while let Some(segment) = segments.next_one()? {
                match segment.marker {
                    0xD9 | 0xDA => break,
                    0xC4 | 0xDB | 0xDD => stream.extend_from_slice(segment.whole),
                    _ => {}
                }
            }
        }
        let mut segments = Segments::new(data)?;
        let mut has_frame = false;
        let mut own = [Vec::new(), Vec::new()];
        let scan = loop {
            let segment = segments.next_one()?.ok_or(TRUNCATED)?;
            match segment.marker {
                0xDB => own[0].extend_from_slice(segment.whole),
                0xC4 | 0xCC => own[1].extend_from_slice(segment.whole),
                0xDD => stream.extend_from_slice(segment.whole),
                // All but hierarchical ones.
                0xC0..=0xC3 | 0xC9 | 0xCA if !has_frame => {
                    self.check_frame(segment.body, visible)?;
                    has_frame = true;
                    stream.extend_from_slice(segment.whole);
                }
                // A second frame, or hierarchical.
                0xC0..=0xCF => return Err(Error::Unsupported(Format::Tiff)),
                0xDA => break segment.start,
                0xD9 => return Err(INVALID),
                _ => {}
            }
            if stream.len() - fixed + own[0].len() + own[1].len() > MAX_TABLE_BYTES {
                return Err(INVALID);
            }
        };
        for (earlier, own) in self.earlier.iter_mut().zip(own) {
            if !own.is_empty() {
                *earlier = own;
            }
            stream.extend_from_slice(earlier);
        }
        if !has_frame {
            return Err(INVALID);
        }
        let rest = chunk.start + scan..chunk.end;
        stream.try_reserve_exact(rest.len()).map_err(|_| Error::OutOfMemory)?;
        self.state = State::Copying { stream, rest, strips: None };
        Ok(())
    }

    fn check_frame(&self, body: &[u8], (columns, rows): (u32, u32)) -> Result<(), Error> {
        let Some(&[_, h1, h2, w1, w2, components]) = body.first_chunk() else {
            return Err(INVALID);
        };
        let width = u32::from(u16::from_be_bytes([w1, w2]));
        let height = u32::from(u16::from_be_bytes([h1, h2]));
        let fits = |side: u32, needed: u32, chunk: u32| {
            side >= needed && u64::from(side) <= u64::from(chunk).next_multiple_of(MCU_SIDE.into())
        };
        let fits = fits(width, columns, self.chunk.0) && fits(height, rows, self.chunk.1);
        if fits && components == self.color.components() { Ok(()) } else { Err(INVALID) }
    }

    /// Whether the next call of [`run`](Self::run) decodes, and does not get ready for it.
    pub(in super::super) fn is_decoding(&self) -> bool {
        matches!(self.state, State::Decoding(..))
    }

    /// Whether its MCUs are pixels.
    pub(in super::super) fn is_lossless(&self) -> bool {
        match &self.state {
            State::Decoding(decoder, _) => decoder.header().process == Process::Lossless,
            _ => false,
        }
    }

    /// Writes at most one row: the columns of it that are there and have room. `mcus` is how much
    /// may be done for it.
    pub(in super::super) fn run(
        &mut self,
        input: &[u8],
        mcus: usize,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        match &mut self.state {
            State::Closed => Err(Error::Internal),
            State::Copying { stream, rest, strips } => {
                let now = rest.len().min(COPY_BYTES);
                let piece = input.get(rest.start..rest.start + now).ok_or(TRUNCATED)?;
                stream.extend_from_slice(piece);
                rest.start += now;
                // The byte before may be the first one of a marker.
                let counted = &stream[stream.len() - now - 1..];
                self.scans += counted.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count();
                if self.scans > MAX_SCANS {
                    return Err(INVALID);
                }
                if rest.start < rest.end {
                    return Ok(0);
                }
                if let Some(next) = strips.as_mut().and_then(|strips| strips.next(input, stream)) {
                    *rest = next?;
                } else {
                    let stream = std::mem::take(stream);
                    let mut input = Input::whole(stream.into());
                    let Poll::Ready(headers) = Headers::read(&mut input).map_err(error)? else {
                        return Err(TRUNCATED);
                    };
                    let on_damage = match self.on_damage {
                        OnDamage::Error => jpeg::OnDamage::Fail,
                        OnDamage::Gray => jpeg::OnDamage::Gray,
                    };
                    let options = Options { inverted: false, on_damage, ..Options::default() };
                    let decoder = Decoder::start(headers, &options, &self.budget).map_err(error)?;
                    self.state = State::Decoding(Box::new(decoder), input);
                }
                Ok(0)
            }
            State::Decoding(decoder, stream) => {
                let context = Context { pool: None, stop: &Stop::new(), budget: &self.budget };
                match decoder.read(stream, 1, mcus, &context).map_err(error)? {
                    Poll::Ready([]) | Poll::NeedInput => Err(TRUNCATED),
                    Poll::Ready(row) => {
                        let len = row.len().min(out.len());
                        out[..len].copy_from_slice(&row[..len]);
                        Ok(out.len())
                    }
                    Poll::Working => Ok(0),
                }
            }
        }
    }

    /// The bytes of so many pixels of a row.
    pub(in super::super) fn row_bytes(color: JpegColor, columns: u32) -> usize {
        columns as usize * usize::from(color.components())
    }
}

/// A marker and what belongs to it.
pub(super) struct Segment<'a> {
    pub marker: u8,
    pub start: usize,
    pub whole: &'a [u8],
    pub body: &'a [u8],
}

/// Walks over the segments before a scan, in bounded work.
pub(super) struct Segments<'a> {
    data: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn new(data: &'a [u8]) -> Result<Self, Error> {
        match data.first_chunk() {
            Some([0xFF, 0xD8]) => Ok(Segments { data, at: 2, left: MAX_SEGMENTS }),
            Some(_) => Err(INVALID),
            None => Err(TRUNCATED),
        }
    }

    /// Where there may be no marker of the start.
    pub(super) fn anywhere(data: &'a [u8]) -> Self {
        Segments { data, at: 0, left: MAX_SEGMENTS }
    }

    /// The next segment, `None` at the end of the data. The start of a scan has to be whole.
    pub(super) fn next_one(&mut self) -> Result<Option<Segment<'a>>, Error> {
        loop {
            if self.left == 0 || self.at > MAX_HEADER_BYTES {
                return Err(INVALID);
            }
            self.left -= 1;
            let Some(&[fill, marker]) =
                self.data.get(self.at..).and_then(|rest| rest.first_chunk())
            else {
                return Ok(None);
            };
            if fill != 0xFF {
                return Err(INVALID);
            }
            let start = self.at;
            match marker {
                // A byte that fills up.
                0xFF => self.at += 1,
                // These stand alone.
                0x01 | 0xD0..=0xD8 => self.at += 2,
                0xD9 => return Ok(Some(Segment { marker, start, whole: &[], body: &[] })),
                0x00 => return Err(INVALID),
                _ => {
                    let rest = &self.data[start + 2..];
                    let length = rest.first_chunk().ok_or(TRUNCATED)?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let body = rest.get(2.min(length)..length).ok_or(TRUNCATED)?;
                    if length < 2 {
                        return Err(INVALID);
                    }
                    self.at = start + 2 + length;
                    return Ok(Some(Segment {
                        marker,
                        start,
                        whole: &self.data[start..self.at],
                        body,
                    }));
                }
            }
        }
    }
}

fn error(error: jpeg::Error) -> Error {
    match error {
        jpeg::Error::Unsupported(_) => Error::Unsupported(Format::Tiff),
        jpeg::Error::Truncated { .. } => TRUNCATED,
        jpeg::Error::Codec(thumbelina_codec::Error::OverBudget { needed, allowed }) => {
            Error::Limit { limit: Limit::MaxMemory, value: needed, maximum: allowed }
        }
        jpeg::Error::Codec(thumbelina_codec::Error::OutOfMemory) => Error::OutOfMemory,
        _ => INVALID,
    }
}
