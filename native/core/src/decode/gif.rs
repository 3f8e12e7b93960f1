//! The first frame of a GIF, row by row. An interlaced one is kept whole, as palette indices.
//!
//! Crate `gif` reads what is before the frame's data. That is decompressed here: data can go on for
//! as long as the file without giving a single pixel, and behind the last pixel anything may
//! follow.

use bytes::Bytes;
use gif::DecodingError;
use gif::streaming_decoder::{Decoded, OutputBuffer, StreamingDecoder};
use thumbelina_codec::{Context, Input, Poll};
use weezl::decode::Decoder as Lzw;
use weezl::{BitOrder, LzwStatus};

use super::patched::{gray_pixel, is_damage};
use super::source::{Position, RowSource};
use crate::picture::{Growing, Rows, zeroed};
use crate::{ColorSpace, Depth, Error, Format, Info, Layout, cost};

pub(super) struct Gif {
    lzw: Lzw,
    info: Info,
    position: Position,
    frame: Frame,
    /// The color of each index. Indices past the palette, and the transparent one, are clear
    /// black.
    palette: Box<[[u8; 4]; 256]>,
    /// Indices that are decoded: the latest row of the frame begins at `row`, and those that no row
    /// has taken yet are `ahead`.
    indices: Vec<u8>,
    row: usize,
    ahead: std::ops::Range<usize>,
    /// Bytes to come of the block of data.
    left: usize,
    /// Why there are no more indices, once there are none.
    end: Option<Error>,
    /// Rows of the frame that are decoded, in the order of the file.
    decoded: u32,
    /// An interlaced frame.
    interlaced: Option<Growing<u8>>,
    /// Whether what is missing is gray, and whether something is.
    forgives: bool,
    is_damaged: bool,
    /// How many pixels that has, until there is memory for them.
    kept: usize,
    strip: Vec<u8>,
}

/// Where the frame lies on the canvas.
#[derive(Clone, Copy)]
struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    interlaced: bool,
}

/// What an encoder that does its worst makes of a sub-block's byte: a clear code, which costs as
/// much as thirty pixels. So a step is fed half as many bytes as it may decode pixels, and some to
/// begin with.
const PIXELS_PER_BYTE: usize = 2;
const BYTES_PER_STEP: usize = 256;

/// There is always room for as many indices as the decoder makes before it looks whether there is:
/// six strings of 4,096. Those that it keeps back are lost where the data ends.
const ROOM: usize = 32 << 10;

/// The most codes that the decoder has taken and not looked at: of two bits, in a word of 64.
const HELD_CODES: usize = 32;

/// The decoder's dictionary and buffers, and the palettes.
const LZW_BYTES: u64 = 96 << 10;

const TRUNCATED: Error = Error::truncated(Format::Gif);
const INVALID: Error = Error::invalid(Format::Gif);

/// What the extension with a profile begins with, and how much of one is looked at.
const PROFILE: &[u8] = b"\x21\xFF\x0BICCRGBG1012";
const MAX_PROFILE_BYTES: usize = 4 << 20;

impl Gif {
    /// Releases the header, once all of it is there.
    pub(super) fn open(input: &mut Input) -> Result<Self, Error> {
        let mut decoder = StreamingDecoder::new();
        let (mut global, mut profile) = (None, None);
        let mut at = 0;
        // Where the next extension may begin.
        let mut block = first_block(input.bytes()).ok_or(TRUNCATED)?;
        loop {
            let bytes = input.bytes();
            if at == block {
                block = match extension(bytes, at) {
                    Some(Extension { known: false, end }) => {
                        at = end.ok_or(TRUNCATED)?;
                        at
                    }
                    Some(Extension { end, .. }) => {
                        let end = end.ok_or(TRUNCATED)?;
                        profile = profile.or_else(|| profile_of(bytes.get(at..end)?));
                        end
                    }
                    None => usize::MAX,
                };
                if at == block {
                    continue;
                }
            }
            let rest = bytes.get(at..block.min(bytes.len()));
            let rest = rest.filter(|rest| !rest.is_empty()).ok_or(TRUNCATED)?;
            let (consumed, event) = decoder.update(rest, &mut OutputBuffer::None).map_err(error)?;
            at += consumed;
            match event {
                Decoded::GlobalPalette(palette) => global = Some(palette),
                Decoded::FrameMetadata(_) => break,
                Decoded::BlockStart(gif::streaming_decoder::Block::Trailer) => {
                    return Err(TRUNCATED);
                }
                _ => {}
            }
        }
        let found = decoder.current_frame();
        let frame = Frame {
            left: found.left.into(),
            top: found.top.into(),
            width: found.width.into(),
            height: found.height.into(),
            interlaced: found.interlaced,
        };
        // Some writers leave the canvas at 0x0, or smaller than the frame that is to be shown.
        let width = u32::from(decoder.width()).max(frame.left + frame.width);
        let height = u32::from(decoder.height()).max(frame.top + frame.height);
        let lzw = match input.bytes().get(at.saturating_sub(2)..at) {
            Some(&[bits @ 1..=11, left]) => (Lzw::new(BitOrder::Lsb, bits), usize::from(left)),
            _ => return Err(INVALID),
        };
        let mut palette = Box::new([[0; 4]; 256]);
        let colors = found.palette.as_deref().or(global.as_deref()).ok_or(INVALID)?;
        for (entry, color) in palette.iter_mut().zip(colors.as_chunks::<3>().0) {
            *entry = [color[0], color[1], color[2], 255];
        }
        if let Some(index) = found.transparent {
            palette[usize::from(index)] = [0; 4];
        }
        let covers =
            (frame.left, frame.top) == (0, 0) && (frame.width, frame.height) == (width, height);
        let channels = if covers && found.transparent.is_none() { 3 } else { 4 };
        let indices = zeroed(frame.width as usize + 2 * ROOM)?;
        let mut info = Info::new(Format::Gif, width, height, Layout::new(channels, Depth::U8));
        info.nanos.all = cost::decode_nanos(Format::Gif, info.layout, (width, height));
        if let Some(profile) = profile {
            info.color = ColorSpace::Icc(profile);
        }
        // Reserved when it is needed: what only asks for the header may have it.
        let interlaced = if frame.interlaced { Some(Growing::new(0)?) } else { None };
        input.release(at);
        Ok(Gif {
            lzw: lzw.0,
            info,
            position: Position::start(height),
            frame,
            palette,
            indices,
            row: 0,
            ahead: 0..0,
            left: lzw.1,
            end: None,
            decoded: 0,
            forgives: false,
            is_damaged: false,
            interlaced,
            kept: if frame.interlaced { frame.pixels() } else { 0 },
            strip: Vec::new(),
        })
    }

    /// Goes on with the current row of the frame, feeding at most `budget` bytes. `true` when the
    /// row is complete.
    fn fill_row(&mut self, input: &mut Input, budget: &mut usize) -> Result<bool, Error> {
        let width = self.frame.width as usize;
        while self.ahead.len() < width {
            if *budget == 0 {
                return Ok(false);
            }
            if let Some(error) = self.end {
                return Err(error);
            }
            let window = input.bytes();
            if self.left == 0 {
                self.left = (*window.first().ok_or(TRUNCATED)?).into();
                input.release(1);
                *budget -= 1;
                if self.left == 0 {
                    self.drain();
                }
                continue;
            }
            let piece = &window[..window.len().min(self.left).min(*budget)];
            if piece.is_empty() {
                return Err(TRUNCATED);
            }
            let consumed = self.decompress(piece);
            input.release(consumed);
            self.left -= consumed;
            *budget -= consumed;
        }
        self.row = self.ahead.start;
        self.ahead.start += width;
        self.decoded += 1;
        Ok(true)
    }

    /// Makes indices of a piece of data, and says how much of it was taken. What comes before bad
    /// codes counts: most files that have some have them behind the last pixel.
    fn decompress(&mut self, piece: &[u8]) -> usize {
        if self.indices.len() - self.ahead.end < ROOM {
            self.indices.copy_within(self.ahead.clone(), 0);
            self.ahead = 0..self.ahead.len();
        }
        // Of a clear code the decoder takes nothing but bits that it holds.
        for _ in 0..HELD_CODES {
            let done = self.lzw.decode_bytes(piece, &mut self.indices[self.ahead.end..]);
            self.ahead.end += done.consumed_out;
            match done.status {
                Ok(LzwStatus::Done) => self.end = Some(TRUNCATED),
                Ok(LzwStatus::NoProgress) => return piece.len(),
                Ok(LzwStatus::Ok) if done.consumed_in + done.consumed_out > 0 => {}
                Ok(LzwStatus::Ok) => continue,
                Err(_) => self.end = Some(INVALID),
            }
            return done.consumed_in;
        }
        self.end = Some(INVALID);
        0
    }

    /// Takes what is held back, where an encoder leaves out the code of the end.
    fn drain(&mut self) {
        for _ in 0..HELD_CODES {
            let before = self.ahead.len();
            self.decompress(&[]);
            if self.ahead.len() == before || self.end.is_some() {
                break;
            }
        }
        self.end.get_or_insert(TRUNCATED);
    }

    /// Decodes up to `rows` rows of an interlaced frame.
    fn decode_interlaced(
        &mut self,
        input: &mut Input,
        rows: u32,
        budget: &mut usize,
    ) -> Result<(), Error> {
        let width = self.frame.width as usize;
        for _ in 0..rows {
            let row = interlaced_row(self.decoded, self.frame.height);
            if self.decoded == self.frame.height || !self.fill_row(input, budget)? {
                return Ok(());
            }
            let Some(indices) = &mut self.interlaced else { return Err(Error::Internal) };
            indices.get_mut()[row as usize * width..][..width]
                .copy_from_slice(&self.indices[self.row..][..width]);
        }
        Ok(())
    }

    /// One row of the canvas. `false` if the frame's row is not there yet.
    fn write_row(
        &mut self,
        input: &mut Input,
        y: u32,
        out: std::ops::Range<usize>,
        budget: &mut usize,
    ) -> Result<bool, Error> {
        let Frame { left, top, width, height, .. } = self.frame;
        if y < top || y - top >= height || width == 0 {
            self.strip[out].fill(0);
            return Ok(true);
        }
        if self.interlaced.is_none() && !self.fill_row(input, budget)? {
            return Ok(false);
        }
        let width = width as usize;
        let row = match &self.interlaced {
            // What was never decoded.
            Some(_) if interlaced_place(y - top, height) >= self.decoded => {
                let gray = gray_pixel(self.info.layout);
                for pixel in self.strip[out].chunks_exact_mut(gray.len()) {
                    pixel.copy_from_slice(&gray);
                }
                return Ok(true);
            }
            Some(indices) => &indices.get()[(y - top) as usize * width..][..width],
            None => &self.indices[self.row..][..width],
        };
        let out = &mut self.strip[out];
        if self.info.layout.channels == 3 {
            for (pixel, &index) in out.as_chunks_mut::<3>().0.iter_mut().zip(row) {
                let [r, g, b, _] = self.palette[usize::from(index)];
                *pixel = [r, g, b];
            }
        } else {
            out.fill(0);
            for (pixel, &index) in
                out.as_chunks_mut::<4>().0.iter_mut().skip(left as usize).zip(row)
            {
                *pixel = self.palette[usize::from(index)];
            }
        }
        Ok(true)
    }
}

impl Frame {
    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl RowSource for Gif {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        (self.kept + self.indices.len()) as u64 + LZW_BYTES
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
        let mut budget =
            max_rows as usize * self.frame.width as usize / PIXELS_PER_BYTE + BYTES_PER_STEP;
        if let Some(indices) = &mut self.interlaced
            && self.decoded < self.frame.height
            && self.frame.width > 0
            && !self.is_damaged
        {
            if self.kept > 0 {
                *indices = Growing::new(std::mem::take(&mut self.kept))?;
            }
            if indices.grow() {
                match self.decode_interlaced(input, max_rows, &mut budget) {
                    Err(error) if self.forgives && is_damage(&error, input) => {
                        self.is_damaged = true;
                    }
                    result => result?,
                }
            }
            return Ok(Poll::Working);
        }
        let strip = self.position.strip(max_rows);
        let row = self.info.width as usize * usize::from(self.info.layout.channels);
        let len = strip.len() * row;
        if self.strip.len() < len {
            self.strip = zeroed(len)?;
        }
        let mut written = 0;
        for y in strip {
            match self.write_row(input, y, written..written + row, &mut budget) {
                Ok(true) => {}
                Ok(false) => break,
                // What is there counts: the error comes again.
                Err(_) if written > 0 => break,
                Err(error) => return Err(error),
            }
            written += row;
            self.position.next = y + 1;
        }
        Ok(if written == 0 { Poll::Working } else { Poll::Ready(Rows::U8(&self.strip[..written])) })
    }
}

/// The first row and the step of the four passes.
const PASSES: [(u32, u32); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];

/// The row that the `n`th one of an interlaced frame's data is, by the four passes of GIF89a.
fn interlaced_row(mut n: u32, height: u32) -> u32 {
    for (start, step) in PASSES {
        let rows = height.saturating_sub(start).div_ceil(step);
        if n < rows {
            return start + n * step;
        }
        n -= rows;
    }
    height.saturating_sub(1)
}

/// The place of a row in the order of the data: the inverse.
fn interlaced_place(row: u32, height: u32) -> u32 {
    let mut before = 0;
    for (start, step) in PASSES {
        if row >= start && (row - start).is_multiple_of(step) {
            return before + (row - start) / step;
        }
        before += height.saturating_sub(start).div_ceil(step);
    }
    before
}

/// Where the blocks begin, behind the screen and its palette.
fn first_block(input: &[u8]) -> Option<usize> {
    let &flags = input.get(10)?;
    Some(13 + if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) })
}

struct Extension {
    /// Whether GIF89a has it. The decoder refuses others, which are to be passed over.
    known: bool,
    /// Where it ends, if that is there.
    end: Option<usize>,
}

/// What begins at a place, if that is an extension.
fn extension(input: &[u8], at: usize) -> Option<Extension> {
    let &[0x21, label] = input.get(at..)?.first_chunk()? else { return None };
    let mut next = at + 2;
    let end = loop {
        match input.get(next) {
            None => break None,
            Some(0) => break Some(next + 1),
            Some(&len) => next += 1 + usize::from(len),
        }
    };
    Some(Extension { known: matches!(label, 0x01 | 0xF9 | 0xFE | 0xFF), end })
}

/// The profile that an extension is, if it is one.
fn profile_of(extension: &[u8]) -> Option<Bytes> {
    let mut rest = extension.strip_prefix(PROFILE)?;
    let mut profile = Vec::new();
    while let Some((&len @ 1.., after)) = rest.split_first() {
        let (block, after) = after.split_at_checked(len.into())?;
        if profile.len() + block.len() > MAX_PROFILE_BYTES {
            return None;
        }
        profile.extend_from_slice(block);
        rest = after;
    }
    (!profile.is_empty()).then(|| profile.into())
}

/// The bytes before the first frame's data, up to `most`: extensions come in blocks as small as one
/// byte, and each costs.
pub(super) fn header_bytes(input: &[u8], most: usize) -> usize {
    let Some(&flags) = input.get(10) else { return 0 };
    let palette = |flags: u8| if flags & 0x80 == 0 { 0 } else { 6usize << (flags & 7) };
    let mut at = 13 + palette(flags);
    while at < most && input.get(at) == Some(&0x21) {
        at += 2;
        while at < most
            && let Some(&len) = input.get(at)
        {
            at += 1 + usize::from(len);
            if len == 0 {
                break;
            }
        }
    }
    at
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::Io(io) => Error::from_io(Format::Gif, &io),
        DecodingError::UnexpectedEof => TRUNCATED,
        DecodingError::OutOfMemory => Error::OutOfMemory,
        _ => Error::invalid(Format::Gif),
    }
}

#[cfg(test)]
mod tests {
    use super::{interlaced_place, interlaced_row};

    #[test]
    fn interlaced_rows_are_a_permutation_in_the_order_of_the_passes() {
        assert_eq!(
            (0..10).map(|n| interlaced_row(n, 10)).collect::<Vec<_>>(),
            [0, 8, 4, 2, 6, 1, 3, 5, 7, 9]
        );
        for height in 1..40 {
            let mut rows: Vec<_> = (0..height).map(|n| interlaced_row(n, height)).collect();
            for (n, &row) in (0..).zip(&rows) {
                assert_eq!(interlaced_place(row, height), n);
            }
            rows.sort_unstable();
            assert_eq!(rows, (0..height).collect::<Vec<_>>());
        }
    }
}
