//! Rows of all planes at once.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use super::super::source::{Position, RowSource};
use super::super::strip::Strip;
use super::header::{Header, Mode, Packing};
use super::zip::{self, Quota, Zip};
use super::{INVALID, TRUNCATED};
use crate::picture::{Rows, zeroed};
use crate::{Depth, Error, Info, Layout};

pub(super) struct Planes {
    input: Bytes,
    info: Info,
    mode: Mode,
    palette: Option<Box<[u8; 768]>>,
    /// How many planes are shown, and where they go on.
    shown: usize,
    planes: Vec<Plane>,
    /// Where the lengths of rows are, and how long each of them is.
    lengths: Option<Lengths>,
    /// The same of planes that are in one stream, the bits of samples that are predicted, and room
    /// for a row of those.
    zips: Vec<Zip>,
    predicted: Option<u16>,
    spare: Vec<u8>,
    is_matted: bool,
    /// Bytes of a row of one plane.
    row_bytes: usize,
    /// The latest row of all of them, one after the other.
    row: Vec<u8>,
    position: Position,
    strip: Strip,
}

/// Where the next row of a plane is.
#[derive(Debug, Clone, Copy)]
struct Plane {
    at: usize,
    /// Its number in the file.
    number: usize,
}

#[derive(Debug, Clone, Copy)]
struct Lengths {
    at: usize,
    bytes: usize,
    height: usize,
}

/// A row of PackBits may be so much longer than the row itself: with a header for every byte, and
/// some for nothing.
const MOST_TIMES: usize = 2;
const MOST_MORE: usize = 128;

impl Lengths {
    /// How long a row is in the file. A number is never past the end where all of them are there.
    fn of(self, input: &[u8], plane: usize, row: usize) -> Option<usize> {
        let index = plane.checked_mul(self.height)?.checked_add(row)?;
        let at = self.at.checked_add(index.checked_mul(self.bytes)?)?;
        let length = input.get(at..)?.get(..self.bytes)?;
        Some(length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    /// Where the planes begin: behind the lengths, and behind each other.
    fn starts(self, input: &[u8], planes: usize, channels: usize) -> Option<Vec<Plane>> {
        let rows = channels.checked_mul(self.height)?;
        let mut at = self.at.checked_add(rows.checked_mul(self.bytes)?)?;
        if at > input.len() {
            return None;
        }
        let mut starts = Vec::with_capacity(planes);
        for number in 0..planes {
            starts.push(Plane { at, number });
            if number + 1 < planes {
                for row in 0..self.height {
                    at = at.checked_add(self.of(input, number, row)?)?;
                }
            }
        }
        Some(starts)
    }
}

impl Planes {
    pub(super) fn new(input: Bytes, info: Info, header: &Header) -> Result<Self, Error> {
        let (width, height) = (header.width as usize, header.height as usize);
        let row_bytes = (width * usize::from(header.depth)).div_ceil(8);
        let shown = usize::from(header.shown());
        let plane_bytes = row_bytes.checked_mul(height).ok_or(TRUNCATED)?;
        let (mut zips, mut lengths, mut planes) = (Vec::new(), None, Vec::new());
        let mut predicted = None;
        match header.packing {
            Packing::None => {
                let plane = |number: usize| {
                    let at = plane_bytes.checked_mul(number)?.checked_add(header.data)?;
                    Some(Plane { at, number })
                };
                planes = (0..shown).map(plane).collect::<Option<_>>().ok_or(TRUNCATED)?;
            }
            Packing::PackBits => {
                let bytes = if header.is_big { 4 } else { 2 };
                let found = Lengths { at: header.data, bytes, height };
                let starts = found.starts(&input, shown, header.channels.into());
                (planes, lengths) = (starts.ok_or(TRUNCATED)?, Some(found));
            }
            Packing::Zip { predicted: is_predicted } => {
                // A PSB may claim more than there are numbers for.
                let zip = |number: usize| {
                    let before = (plane_bytes as u64).checked_mul(number as u64)?;
                    Some(Zip::new(header.data, before))
                };
                zips = (0..shown).map(zip).collect::<Option<_>>().ok_or(TRUNCATED)?;
                predicted = is_predicted.then_some(header.depth);
            }
        }
        let strip = Strip::new(&info)?;
        Ok(Planes {
            input,
            mode: header.mode,
            palette: header.palette.clone(),
            shown,
            planes,
            lengths,
            zips,
            predicted,
            spare: Vec::new(),
            is_matted: header.is_matted,
            row_bytes,
            row: Vec::new(),
            position: Position::start(info.height),
            strip,
            info,
        })
    }

    /// Reads the next row of every plane. `false` where that takes more than the quota: call again.
    fn read_row(&mut self, y: usize, quota: &mut Quota) -> Result<bool, Error> {
        let row_bytes = self.row_bytes;
        if self.row.is_empty() {
            self.row = zeroed(row_bytes * self.shown)?;
            self.spare = zeroed(if self.predicted == Some(32) { row_bytes } else { 0 })?;
        }
        if !self.zips.is_empty() {
            return self.inflate_row(quota);
        }
        let mut next = self.planes.clone();
        for (plane, out) in next.iter_mut().zip(self.row.chunks_exact_mut(row_bytes)) {
            let len = match self.lengths {
                Some(lengths) => lengths.of(&self.input, plane.number, y).ok_or(TRUNCATED)?,
                None => row_bytes,
            };
            let end = plane.at.checked_add(len).ok_or(TRUNCATED)?;
            let stored = self.input.get(plane.at..end).ok_or(TRUNCATED)?;
            match self.lengths {
                Some(_) => unpack_bits(stored, out)?,
                None => out.copy_from_slice(stored),
            }
            plane.at = end;
        }
        self.planes = next;
        Ok(true)
    }

    fn inflate_row(&mut self, quota: &mut Quota) -> Result<bool, Error> {
        for (zip, row) in self.zips.iter_mut().zip(self.row.chunks_exact_mut(self.row_bytes)) {
            if !zip.fill(&self.input, row, quota)? {
                return Ok(false);
            }
        }
        for (zip, row) in self.zips.iter_mut().zip(self.row.chunks_exact_mut(self.row_bytes)) {
            zip.next_row();
            if let Some(bits) = self.predicted {
                zip::undo(row, bits, &mut self.spare);
            }
        }
        Ok(true)
    }
}

/// Fills a row. What is left of its code is for nothing.
fn unpack_bits(stored: &[u8], row: &mut [u8]) -> Result<(), Error> {
    let most = stored.len().min(row.len() * MOST_TIMES + MOST_MORE);
    let mut rest = stored.get(..most).unwrap_or_default();
    let mut out = row;
    while !out.is_empty() {
        let (&head, after) = rest.split_first().ok_or(INVALID)?;
        let (len, used) = match head {
            0x80 => (0, 0),
            0..0x80 => {
                let len = (usize::from(head) + 1).min(out.len());
                let literal = after.get(..len).ok_or(INVALID)?;
                out[..len].copy_from_slice(literal);
                (len, len)
            }
            _ => {
                let len = (257 - usize::from(head)).min(out.len());
                out[..len].fill(*after.first().ok_or(INVALID)?);
                (len, 1)
            }
        };
        rest = &after[used..];
        out = out.split_at_mut(len).1;
    }
    Ok(())
}

impl RowSource for Planes {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        let zips = self.zips.len() as u64 * Zip::MEMORY;
        self.strip.memory() + zips + (self.row_bytes * (self.shown + 1)) as u64
    }

    fn read(
        &mut self,
        _input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let strip = self.position.strip(self.strip.fit(max_rows));
        let (wanted, row_bytes) = (strip.len(), self.info.row_bytes());
        let mut rows = 0;
        let mut quota = Quota::of_a_step();
        for y in strip {
            match self.read_row(y as usize, &mut quota) {
                Ok(true) => {}
                Ok(false) if rows == 0 => return Ok(Poll::Working),
                Ok(false) => break,
                // What is there counts: the error comes again.
                Err(_) if rows > 0 => break,
                Err(error) => return Err(error),
            }
            let depth = self.info.layout.depth;
            let out = self.strip.room(wanted)?.chunks_exact_mut(row_bytes).nth(rows);
            let out = out.ok_or(Error::Internal)?;
            match (self.mode, &self.palette) {
                (Mode::Bitmap, _) => unpack_bitmap(&self.row, out),
                (Mode::Indexed, Some(palette)) => look_up(palette, &self.row, out),
                (mode, _) => weave(&self.row, self.row_bytes, out, (mode, depth)),
            }
            if self.is_matted {
                unmat(out, self.info.layout);
            }
            rows += 1;
        }
        self.position.next += rows as u32;
        Ok(Poll::Ready(self.strip.rows(rows)))
    }
}

/// A set bit is black.
fn unpack_bitmap(row: &[u8], out: &mut [u8]) {
    for (out, &byte) in out.chunks_mut(8).zip(row) {
        for (bit, out) in out.iter_mut().enumerate() {
            *out = if byte & 0x80 >> bit == 0 { 255 } else { 0 };
        }
    }
}

fn look_up(palette: &[u8; 768], row: &[u8], out: &mut [u8]) {
    for (out, &index) in out.as_chunks_mut().0.iter_mut().zip(row) {
        *out = [0, 256, 512].map(|plane| palette[plane + usize::from(index)]);
    }
}

/// Makes pixels of the samples of all planes.
fn weave(row: &[u8], row_bytes: usize, out: &mut [u8], (mode, depth): (Mode, Depth)) {
    let channels = row.len() / row_bytes.max(1);
    for (n, plane) in row.chunks_exact(row_bytes).enumerate() {
        match depth {
            Depth::U8 => {
                let out = out.iter_mut().skip(n).step_by(channels);
                if mode == Mode::Cmyk {
                    // 255 is no ink.
                    out.zip(plane).for_each(|(out, &ink)| *out = 255 - ink);
                } else {
                    out.zip(plane).for_each(|(out, &sample)| *out = sample);
                }
            }
            Depth::U16 => {
                let out = out.as_chunks_mut().0.iter_mut().skip(n).step_by(channels);
                let of = |sample: u16| match mode {
                    Mode::Cmyk => u16::MAX - sample,
                    // 0 of a* and b* lies at 128 * 256, not at 128 * 257.
                    Mode::Lab if n == 1 || n == 2 => sample.saturating_add(128),
                    _ => sample,
                };
                for (out, &sample) in out.zip(plane.as_chunks().0) {
                    *out = of(u16::from_be_bytes(sample)).to_ne_bytes();
                }
            }
            Depth::F32 => {
                let out = out.as_chunks_mut().0.iter_mut().skip(n).step_by(channels);
                for (out, &sample) in out.zip(plane.as_chunks().0) {
                    *out = f32::from_be_bytes(sample).to_ne_bytes();
                }
            }
        }
    }
}

/// Takes the white out of colors that were laid over it: what is left is multiplied by alpha.
fn unmat(out: &mut [u8], layout: Layout) {
    let channels = usize::from(layout.channels);
    match layout.depth {
        Depth::U8 => {
            for pixel in out.chunks_exact_mut(channels) {
                let Some((&mut alpha, colors)) = pixel.split_last_mut() else { continue };
                for color in colors {
                    *color = color.saturating_sub(u8::MAX - alpha).min(alpha);
                }
            }
        }
        Depth::U16 => {
            for pixel in out.as_chunks_mut::<2>().0.chunks_exact_mut(channels) {
                let Some((&mut alpha, colors)) = pixel.split_last_mut() else { continue };
                let alpha = u16::from_ne_bytes(alpha);
                for color in colors {
                    let left = u16::from_ne_bytes(*color).saturating_sub(u16::MAX - alpha);
                    *color = left.min(alpha).to_ne_bytes();
                }
            }
        }
        Depth::F32 => {
            for pixel in out.as_chunks_mut::<4>().0.chunks_exact_mut(channels) {
                let Some((&mut alpha, colors)) = pixel.split_last_mut() else { continue };
                let alpha = f32::from_ne_bytes(alpha);
                for color in colors {
                    // Light may be brighter than white.
                    let left = f32::from_ne_bytes(*color) - (1.0 - alpha);
                    *color = left.max(0.0).to_ne_bytes();
                }
            }
        }
    }
}
