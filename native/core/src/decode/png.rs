//! PNG, row by row through the `png` crate. An interlaced picture arrives in seven passes over all
//! of it, so that it alone is kept whole; its passes can be cut anywhere all the same.

mod color;

use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Reader, Transformations};
use thumbelina_codec::{Context, Input, Poll};

use super::exif;
use super::patched::{gray_pixel, is_damage};
use super::source::{Position, RowSource};
use crate::limits::{Limit, MAX_UNIT_BYTES};
use crate::picture::{Growing, Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout, Samples};

pub(super) struct Png {
    reader: Reader<Portions>,
    shared: Arc<Mutex<Shared>>,
    info: Info,
    position: Position,
    kept: Kept,
    /// The gray that is clear, where the decoder does not see it.
    clear: Option<u8>,
    /// Rows of the last strip that are not handed over before the end of the data was looked at.
    last_rows: Option<usize>,
    /// Whether that has been begun.
    is_ending: bool,
    /// Whether what is damaged is shown, too.
    forgives: bool,
    /// Whether no more passes are to be had.
    is_damaged: bool,
}

enum Kept {
    /// The latest strip.
    Strip(Samples),
    /// The whole picture of an interlaced one, and one row of a pass.
    Passes { picture: Growing<u8>, row: Vec<u8>, rows_left: u64 },
    /// The same once the last pass is in, and the latest strip of it.
    All { picture: Vec<u8>, strip: Samples },
}

/// An input that is let out in portions. Data can go on for as long as the file without giving a
/// single row, in empty chunks or empty blocks; the decoder stops at `WouldBlock` wherever it is,
/// and goes on there in the next step. It does the same where more of the input is to come.
struct Portions {
    current: Bytes,
    shared: Arc<Mutex<Shared>>,
}

/// What the two sides of the reader share.
struct Shared {
    /// What comes after the current piece.
    pieces: VecDeque<Bytes>,
    /// Whether these are all.
    is_complete: bool,
    /// Where the next block begins.
    at: usize,
    /// What the reader may still take in this step.
    left: usize,
    /// Whether it has stopped for want of input.
    is_starved: bool,
}

const TRUNCATED: Error = Error::truncated(Format::Png);

const SIGNATURE_BYTES: usize = 8;

/// Let out in every step on top of what its rows hold uncompressed, and after the last row.
const BYTES_PER_STEP: usize = 4 << 10;

/// The decoder gets its input in blocks: the first one of 64 bytes, the others as long as all
/// before them, and no longer than this.
const FIRST_BLOCK_BYTES: usize = 64;
const BLOCK_BYTES: usize = 4 << 10;

/// What the decoder may allocate for the first chunk, which is a fixed 13 bytes.
const HEADER_BYTES: usize = 4 << 10;

/// RGBA of 16 bits.
const MAX_PIXEL_BYTES: usize = 8;

/// The state and the windows of inflating.
const INFLATE_BYTES: u64 = 256 << 10;

/// What it may allocate on top of a row. Texts and profiles, which are the chunks that inflate, are
/// passed over; of the others only EXIF is as long as it likes, and it is kept twice.
const EXIF_BYTES: usize = 4 << 20;

impl Shared {
    fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The next block, if all of it is there. What the decoder sees at a time must depend neither
    /// on how the input is cut nor on how much is asked for in a step: at the end of a file that is
    /// cut off, it makes a difference.
    fn next_block(&mut self) -> Option<Bytes> {
        // They begin short, so that a header need not wait for what comes after it.
        let len = self.at.clamp(FIRST_BLOCK_BYTES, BLOCK_BYTES);
        let there: usize = self.pieces.iter().map(Bytes::len).sum();
        if there < len && !self.is_complete {
            return None;
        }
        let block = match self.pieces.front_mut() {
            Some(first) if first.len() >= len => first.split_to(len),
            _ => self.joined(there.min(len)),
        };
        self.at += block.len();
        Some(block)
    }

    fn joined(&mut self, len: usize) -> Bytes {
        let mut block = Vec::with_capacity(len);
        while let Some(mut piece) = self.pieces.pop_front() {
            block.extend_from_slice(&piece.split_to(piece.len().min(len - block.len())));
            if !piece.is_empty() {
                self.pieces.push_front(piece);
                break;
            }
        }
        block.into()
    }
}

impl BufRead for Portions {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let mut shared = Shared::lock(&self.shared);
        if shared.left == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        if self.current.is_empty() {
            match shared.next_block() {
                Some(block) => self.current = block,
                None => {
                    shared.is_starved = true;
                    return Err(ErrorKind::WouldBlock.into());
                }
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, bytes: usize) {
        let mut shared = Shared::lock(&self.shared);
        // A block is not cut: it may go past the portion.
        shared.left = shared.left.saturating_sub(bytes);
        drop(shared);
        self.current.advance(bytes);
    }
}

impl std::io::Read for Portions {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Portions {
    /// Pieces that are used up are gone. The decoder of still pictures never asks.
    fn seek(&mut self, _to: SeekFrom) -> std::io::Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl Png {
    /// Takes the window, once the whole header is in it.
    pub(super) fn open(input: &mut Input) -> Result<Self, Error> {
        let png = Png::of(input.window(), input.is_complete())?;
        input.take();
        Ok(png)
    }

    /// Of what has come. A header that goes on after it is truncated.
    pub(super) fn of(input: Bytes, is_complete: bool) -> Result<Self, Error> {
        let xmp = xmp(&input);
        let pieces = VecDeque::from([input.clone()]);
        let shared = Shared { pieces, is_complete, at: 0, left: usize::MAX, is_starved: false };
        let shared = Arc::new(Mutex::new(shared));
        let portions = Portions { current: Bytes::new(), shared: shared.clone() };
        let mut decoder =
            png::Decoder::new_with_limits(portions, png::Limits { bytes: HEADER_BYTES });
        // A palette becomes RGB, tRNS becomes alpha, 1, 2 and 4 bits become 8.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let cut_off = |stop| if would_block(&stop) { TRUNCATED } else { error(stop) };
        let width = decoder.read_header_info().map_err(cut_off)?.width as usize;
        let row_bytes = width.saturating_mul(MAX_PIXEL_BYTES).min(MAX_UNIT_BYTES as usize);
        decoder.set_limits(png::Limits { bytes: row_bytes + EXIF_BYTES });
        let reader = decoder.read_info().map_err(cut_off)?;
        let (color, bits) = reader.output_color_type();
        let channels = match color {
            ColorType::Grayscale => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb => 3,
            ColorType::Rgba => 4,
            ColorType::Indexed => return Err(Error::invalid(Format::Png)),
        };
        let depth = if bits == BitDepth::Sixteen { Depth::U16 } else { Depth::U8 };
        let found = reader.info();
        let mut info =
            Info::new(Format::Png, found.width, found.height, Layout::new(channels, depth));
        if let Some(exif) = found.exif_metadata.as_deref() {
            info.orientation = exif::orientation(exif);
            info.metadata.exif = exif::kept(Bytes::copy_from_slice(exif));
        }
        info.metadata.xmp = xmp;
        info.color = color::of(&input, found)?;
        let clear = masked_clear(found);
        let kept = if found.interlaced {
            let rows_left = pass_rows(info.width, info.height);
            Kept::Passes { picture: Growing::new(0)?, row: Vec::new(), rows_left }
        } else {
            Kept::Strip(Samples::U8(Vec::new()))
        };
        let position = Position::start(info.height);
        Ok(Png {
            reader,
            shared,
            info,
            position,
            kept,
            clear,
            last_rows: None,
            is_ending: false,
            forgives: false,
            is_damaged: false,
        })
    }

    /// Decodes `rows` rows of the current pass into the picture.
    fn read_passes(&mut self, rows: u32) -> Result<(), Error> {
        let Kept::Passes { picture, row, rows_left } = &mut self.kept else {
            return Err(Error::Internal);
        };
        let layout = self.info.layout;
        let stride = self.info.row_bytes();
        if row.is_empty() {
            *picture = Growing::new(stride * self.info.height as usize)?;
            *row = zeroed(stride)?;
        }
        if !picture.grow() {
            return Ok(());
        }
        for read in 0..u64::from(rows).min(*rows_left) {
            match self.reader.read_row(row) {
                Ok(Some(InterlaceInfo::Adam7(info))) => {
                    if let Some(gray) = self.clear {
                        make_clear(gray, row);
                    }
                    let bits = layout.pixel_bytes() as u8 * 8;
                    png::expand_interlaced_row(picture.get_mut(), stride, row, &info, bits);
                    *rows_left -= 1;
                }
                Ok(Some(InterlaceInfo::Null(_)) | None) => return Err(Error::Internal),
                Err(stop) if would_block(&stop) => return self.check_starved(read > 0),
                Err(stop) => return Err(error(stop)),
            }
        }
        self.end_passes()
    }

    /// Fills `rows` rows of the passes with gray.
    fn fill_passes(&mut self, rows: u32) -> Result<(), Error> {
        let Kept::Passes { picture, row, rows_left } = &mut self.kept else {
            return Err(Error::Internal);
        };
        let Info { width, height, layout, .. } = self.info;
        let stride = self.info.row_bytes();
        // Both bytes of a sample of 16 bits are the same, in whichever order.
        let gray = gray_pixel(layout);
        for pixel in row.chunks_exact_mut(gray.len()) {
            pixel.copy_from_slice(&gray);
        }
        for _ in 0..u64::from(rows).min(*rows_left) {
            let Some((pass, line)) = pass_row(width, height, *rows_left) else { break };
            let info = png::Adam7Info::new(pass, line, width);
            let bits = layout.pixel_bytes() as u8 * 8;
            png::expand_interlaced_row(picture.get_mut(), stride, row, &info, bits);
            *rows_left -= 1;
        }
        self.end_passes()
    }

    /// Goes on to the rows of the whole picture, once all passes are in.
    fn end_passes(&mut self) -> Result<(), Error> {
        let layout = self.info.layout;
        let Kept::Passes { rows_left, .. } = &self.kept else { return Err(Error::Internal) };
        // Of what is damaged, the end is not there to be looked at.
        if *rows_left == 0 && (self.is_damaged || self.is_at_end()?) {
            let Kept::Passes { picture, .. } = &mut self.kept else { return Err(Error::Internal) };
            let picture = std::mem::replace(picture, Growing::new(0)?).into_vec();
            self.kept = Kept::All { picture, strip: Samples::zeroed(layout.depth, 0)? };
        }
        Ok(())
    }

    /// Decodes up to `rows` rows into the strip, and says how many can be handed over: fewer where
    /// the step's portion of input is used up.
    fn read_rows(&mut self, rows: usize) -> Result<usize, Error> {
        if let Some(rows) = self.last_rows {
            return Ok(if self.is_at_end()? { rows } else { 0 });
        }
        let Kept::Strip(samples) = &mut self.kept else { return Err(Error::Internal) };
        let row_bytes = self.info.row_bytes();
        let depth = self.info.layout.depth;
        if samples.bytes().len() < rows * row_bytes {
            *samples = Samples::zeroed(depth, rows * row_bytes / depth.bytes())?;
        }
        let mut read = 0;
        for row in samples.bytes_mut().chunks_exact_mut(row_bytes).take(rows) {
            match self.reader.read_row(row) {
                Ok(Some(_)) => {
                    if let Some(gray) = self.clear {
                        make_clear(gray, row);
                    }
                    read += 1;
                }
                Ok(None) => return Err(TRUNCATED),
                Err(stop) if would_block(&stop) => break,
                // What is there counts, however many rows were asked for: the error comes again.
                Err(_) if read > 0 => break,
                Err(stop) => return Err(error(stop)),
            }
        }
        from_big_endian(samples);
        self.position.next += read as u32;
        if self.position.next == self.info.height {
            self.last_rows = Some(read);
            return Ok(if self.is_at_end()? { read } else { 0 });
        }
        self.check_starved(read > 0)?;
        Ok(read)
    }

    /// Looks at how the data ends after the last row, the checksum above all. A file that ends
    /// there, or goes on with more than a portion of nothing, has all its rows. `false` where that
    /// is still to come.
    fn is_at_end(&mut self) -> Result<bool, Error> {
        if !self.is_ending {
            self.is_ending = true;
            Shared::lock(&self.shared).left = BYTES_PER_STEP;
        }
        match self.reader.read_row(&mut []) {
            Err(stop) if self.forgives && !would_block(&stop) => Ok(true),
            Err(stop) if would_block(&stop) => self.check_starved(false).map(|()| true),
            Err(stop) => match error(stop) {
                Error::Truncated { .. } => Ok(true),
                error => Err(error),
            },
            Ok(_) => Ok(true),
        }
    }

    /// Whether the decoder has stopped for want of input, which is an error unless there are rows
    /// to hand over.
    fn check_starved(&self, has_rows: bool) -> Result<(), Error> {
        if Shared::lock(&self.shared).is_starved && !has_rows { Err(TRUNCATED) } else { Ok(()) }
    }
}

impl RowSource for Png {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        match self.kept {
            Kept::All { .. } => 0,
            _ => self.info.row_nanos(),
        }
    }

    fn memory(&self) -> u64 {
        let row = self.info.row_bytes() as u64;
        let picture =
            if matches!(self.kept, Kept::Strip(_)) { 0 } else { row * u64::from(self.info.height) };
        // Of the decoder: the row before, and those that are inflated and not taken yet.
        picture + 3 * row + INFLATE_BYTES
    }

    fn forgive(&mut self) {
        self.forgives = true;
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let row_bytes = self.info.row_bytes();
        let mut shared = Shared::lock(&self.shared);
        while let Some(piece) = input.take() {
            shared.pieces.push_back(piece);
        }
        shared.is_complete = input.is_complete();
        shared.is_starved = false;
        if !self.is_ending {
            shared.left = max_rows as usize * row_bytes + BYTES_PER_STEP;
        }
        drop(shared);
        let strip = self.position.strip(max_rows);
        if matches!(self.kept, Kept::Passes { .. }) {
            if self.is_damaged {
                self.fill_passes(max_rows)?;
                return Ok(Poll::Working);
            }
            match self.read_passes(max_rows) {
                Err(error) if self.forgives && is_damage(&error, input) => self.is_damaged = true,
                result => result?,
            }
            return Ok(Poll::Working);
        }
        let rows = if matches!(self.kept, Kept::Strip(_)) {
            self.read_rows(strip.len())?
        } else {
            strip.len()
        };
        if rows == 0 {
            return Ok(Poll::Working);
        }
        let depth = self.info.layout.depth;
        let len = rows * row_bytes;
        let samples = match &mut self.kept {
            Kept::Passes { .. } => return Err(Error::Internal),
            Kept::Strip(samples) => samples,
            Kept::All { picture, strip: samples } => {
                if samples.bytes().len() < len {
                    *samples = Samples::zeroed(depth, len / depth.bytes())?;
                }
                let from = strip.start as usize * row_bytes;
                samples.bytes_mut()[..len].copy_from_slice(&picture[from..from + len]);
                from_big_endian(samples);
                self.position.next = strip.end;
                samples
            }
        };
        Ok(Poll::Ready(samples.rows().slice(0..len / depth.bytes())))
    }
}

/// The gray that `tRNS` makes clear, as a byte, where it has bits above those of the pixels. These
/// mean nothing by the specification, while the decoder compares them, too.
fn masked_clear(found: &png::Info<'_>) -> Option<u8> {
    let most = match (found.color_type, found.bit_depth) {
        (ColorType::Grayscale, BitDepth::One) => 1,
        (ColorType::Grayscale, BitDepth::Two) => 3,
        (ColorType::Grayscale, BitDepth::Four) => 15,
        _ => return None,
    };
    let &gray = found.trns.as_deref()?.first()?;
    (gray > most).then_some((gray & most) * (255 / most))
}

/// Makes the pixels of one gray clear, in a row of gray and alpha.
fn make_clear(gray: u8, row: &mut [u8]) {
    for pixel in row.as_chunks_mut::<2>().0 {
        if pixel[0] == gray {
            pixel[1] = 0;
        }
    }
}

/// The XMP packet of a text before the picture, if it is not compressed.
fn xmp(input: &Bytes) -> Option<Bytes> {
    const KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";
    let mut at = SIGNATURE_BYTES;
    loop {
        let &[l1, l2, l3, l4, kind @ ..] = input.get(at..)?.first_chunk::<8>()?;
        let start = at + 8;
        let end = start.checked_add(u32::from_be_bytes([l1, l2, l3, l4]) as usize)?;
        match &kind {
            b"IDAT" => return None,
            b"iTXt" => {
                // Not compressed, by no method; then a language and the keyword in it.
                let text = input.get(start..end)?.strip_prefix(KEYWORD);
                if let Some([0, _, rest @ ..]) = text {
                    let rest = rest.splitn(3, |&byte| byte == 0).nth(2)?;
                    let packet = (!rest.is_empty() && rest.len() <= exif::MOST_BYTES)
                        .then(|| input.slice(end - rest.len()..end));
                    return packet;
                }
            }
            _ => {}
        }
        at = end + 4;
    }
}

/// The first column and the first row of the seven passes, and the step of their rows.
const PASSES: [(u32, u32, u32); 7] =
    [(0, 0, 8), (4, 0, 8), (0, 4, 8), (2, 0, 4), (0, 2, 4), (1, 0, 2), (0, 1, 2)];

/// How many rows each pass has.
fn rows_of_passes(width: u32, height: u32) -> [u32; 7] {
    PASSES.map(
        |(column, row, step)| {
            if width > column { height.saturating_sub(row).div_ceil(step) } else { 0 }
        },
    )
}

/// The rows of all of them.
fn pass_rows(width: u32, height: u32) -> u64 {
    rows_of_passes(width, height).into_iter().map(u64::from).sum()
}

/// The pass, counted from 1, and the row of it from which on so many are left.
fn pass_row(width: u32, height: u32, left: u64) -> Option<(u8, u32)> {
    let mut before = pass_rows(width, height).checked_sub(left)?;
    for (pass, rows) in (1..).zip(rows_of_passes(width, height)) {
        if before < rows.into() {
            return Some((pass, before as u32));
        }
        before -= u64::from(rows);
    }
    None
}

fn would_block(stop: &DecodingError) -> bool {
    matches!(stop, DecodingError::IoError(io) if io.kind() == ErrorKind::WouldBlock)
}

/// The estimated nanoseconds of the chunks before the picture's data, up to `most`: a file can have
/// as many of them as fit.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    let mut nanos = 5_000;
    let mut at = SIGNATURE_BYTES;
    while nanos < most {
        let Some(&[l1, l2, l3, l4, b1, b2, b3, b4]) =
            input.get(at..).and_then(|rest| rest.first_chunk())
        else {
            break;
        };
        if [b1, b2, b3, b4] == *b"IDAT" {
            break;
        }
        let len = u32::from_be_bytes([l1, l2, l3, l4]);
        nanos += 100 + u64::from(len);
        if [b1, b2, b3, b4] == *b"iCCP" {
            nanos += input.get(at + 8..).map_or(0, color::nanos);
        }
        at = at.saturating_add(12 + len as usize);
    }
    nanos
}

/// PNG's 16-bit samples are big-endian.
fn from_big_endian(samples: &mut Samples) {
    if let Samples::U16(samples) = samples {
        for sample in samples {
            *sample = u16::from_be(*sample);
        }
    }
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(io) => Error::from_io(Format::Png, &io),
        DecodingError::LimitsExceeded => {
            let maximum = MAX_UNIT_BYTES;
            Error::Limit { limit: Limit::MaxMemory, value: maximum + 1, maximum }
        }
        DecodingError::Format(_) | DecodingError::Parameter(_) => Error::invalid(Format::Png),
    }
}
