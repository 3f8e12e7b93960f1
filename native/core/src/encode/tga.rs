//! TGA with run-length encoding: packets of up to 128 pixels, either one pixel repeated or pixels
//! as they are.

use super::sink::Sink;
use super::spans::SpanFormat;
use crate::{Error, Picture};

pub(super) struct Tga {
    channels: usize,
    packet: Packet,
    /// The pixels of a raw packet, or the one of a run, as they will be written.
    pixels: [u8; MAX_PACKET * 4],
    /// How many pixels the packet has, which may be none.
    count: usize,
    previous: Option<[u8; 4]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packet {
    Run,
    Raw,
}

const MAX_PACKET: usize = 128;

/// Image types.
const RUN_TRUE_COLOR: u8 = 10;
const RUN_GRAY: u8 = 11;

/// In the descriptor: rows from the top down.
const TOP_DOWN: u8 = 0x20;

impl Tga {
    pub(super) fn new(picture: &Picture) -> Self {
        Tga {
            channels: usize::from(picture.layout.channels),
            packet: Packet::Run,
            pixels: [0; MAX_PACKET * 4],
            count: 0,
            previous: None,
        }
    }

    fn push<const CHANNELS: usize>(&mut self, pixel: [u8; CHANNELS], out: &mut Vec<u8>) {
        let mut padded = [0; 4];
        padded[..CHANNELS].copy_from_slice(&pixel);
        if self.count > 0 {
            let repeats = self.previous == Some(padded);
            // A run begins where a pixel comes a second time: the first stays in the raw packet.
            if repeats != (self.packet == Packet::Run) {
                self.flush(out);
                self.packet = if repeats { Packet::Run } else { Packet::Raw };
            }
        }
        if self.packet == Packet::Raw || self.count == 0 {
            let at = if self.packet == Packet::Raw { self.count * CHANNELS } else { 0 };
            self.pixels[at..at + CHANNELS].copy_from_slice(&pixel);
        }
        self.count += 1;
        self.previous = Some(padded);
        if self.count == MAX_PACKET {
            self.flush(out);
            self.packet = Packet::Run;
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        let Some(less_one) = self.count.checked_sub(1) else { return };
        let (flag, pixels) = match self.packet {
            Packet::Run => (0x80, 1),
            Packet::Raw => (0, self.count),
        };
        out.push(flag | less_one as u8);
        out.extend_from_slice(&self.pixels[..pixels * self.channels]);
        self.count = 0;
    }
}

impl SpanFormat for Tga {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        let side =
            |side: u32| u16::try_from(side).map(u16::to_le_bytes).map_err(|_| Error::Internal);
        let mut header = [0; 18];
        header[2] = if picture.layout.is_gray() { RUN_GRAY } else { RUN_TRUE_COLOR };
        header[12..14].copy_from_slice(&side(picture.width)?);
        header[14..16].copy_from_slice(&side(picture.height)?);
        header[16] = picture.layout.channels * 8;
        let alpha_bits = if picture.layout.has_alpha() { 8 } else { 0 };
        header[17] = TOP_DOWN | alpha_bits;
        sink.put(&header)
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        // A byte more for each pixel at the most, and the packet that was begun before.
        let out = sink.room(pixels.len() + pixels.len() / self.channels + self.pixels.len() + 1)?;
        match self.channels {
            1 => pixels.iter().for_each(|&gray| self.push([gray], out)),
            2 => {
                pixels.as_chunks().0.iter().for_each(|&[gray, alpha]| self.push([gray, alpha], out))
            }
            3 => pixels.as_chunks().0.iter().for_each(|&[r, g, b]| self.push([b, g, r], out)),
            _ => pixels.as_chunks().0.iter().for_each(|&[r, g, b, a]| self.push([b, g, r, a], out)),
        }
        Ok(())
    }

    /// No packet goes on in the next row: TGA 2.0 forbids it, and some readers refuse it.
    fn end_row(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let out = sink.room(1 + self.pixels.len())?;
        self.flush(out);
        self.packet = Packet::Run;
        Ok(())
    }
}
