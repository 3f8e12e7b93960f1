//! Compression of TIFF's strips, a span of pixels at a time.

use std::io::Write;

use flate2::write::ZlibEncoder;
use weezl::encode::Encoder as Lzw;
use weezl::{BitOrder, LzwStatus};

use super::options::Compression;
use super::sink::Sink;
use super::spans::SPAN;
use crate::picture::zeroed;
use crate::{Depth, Error, Layout};

/// How much longer a span takes than a copy.
pub(super) fn times(compression: Option<Compression>) -> u64 {
    match compression {
        None | Some(Compression::None | Compression::Level(0)) => 1,
        Some(Compression::Packbits) => 3,
        Some(Compression::Lzw) => 12,
        Some(Compression::Level(7..)) => 80,
        Some(Compression::Deflate | Compression::Level(_)) => 25,
    }
}

pub(super) struct Strips {
    method: Method,
    /// Whether samples are written as differences from those of the pixel before.
    pub(super) predicts: bool,
    layout: Layout,
    /// The last pixel of the row so far, and the span that is worked on.
    previous: [u8; 8],
    span: Vec<u8>,
}

enum Method {
    None,
    Lzw { lzw: Lzw, codes: Vec<u8> },
    Deflate(ZlibEncoder<Vec<u8>>, flate2::Compression),
    Packbits,
}

/// Of LZW, between two looks at the sink.
const CODES: usize = 4096;

impl Strips {
    pub(super) fn new(compression: Option<Compression>, layout: Layout) -> Result<Self, Error> {
        let method = match compression {
            None | Some(Compression::None | Compression::Level(0)) => Method::None,
            Some(Compression::Lzw) => Method::Lzw { lzw: lzw(), codes: zeroed(CODES)? },
            Some(Compression::Packbits) => Method::Packbits,
            Some(Compression::Deflate) => deflate(flate2::Compression::default()),
            Some(Compression::Level(level)) => {
                deflate(flate2::Compression::new(level.min(9).into()))
            }
        };
        let predicts = matches!(method, Method::Lzw { .. } | Method::Deflate(..))
            && layout.depth != Depth::F32;
        let span = zeroed(SPAN * layout.pixel_bytes())?;
        Ok(Strips { method, predicts, layout, previous: [0; 8], span })
    }

    /// How it is named in the file.
    pub(super) fn tag(&self) -> u16 {
        match self.method {
            Method::None => 1,
            Method::Lzw { .. } => 5,
            Method::Deflate(..) => 8,
            Method::Packbits => 32_773,
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.previous = [0; 8];
    }

    pub(super) fn put(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        if !self.predicts {
            return self.compress(pixels, sink);
        }
        let mut span = std::mem::take(&mut self.span);
        let to = span.get_mut(..pixels.len()).ok_or(Error::Internal)?;
        self.differences(pixels, to);
        let written = self.compress(to, sink);
        self.span = span;
        written
    }

    fn compress(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        match &mut self.method {
            Method::None => sink.put(pixels),
            Method::Packbits => packbits(pixels, sink),
            Method::Deflate(encoder, _) => {
                encoder.write_all(pixels).map_err(|_| Error::Internal)?;
                sink.put(encoder.get_ref())?;
                encoder.get_mut().clear();
                Ok(())
            }
            Method::Lzw { lzw, codes } => {
                let mut rest = pixels;
                while !rest.is_empty() {
                    let result = lzw.encode_bytes(rest, codes);
                    rest = rest.get(result.consumed_in..).ok_or(Error::Internal)?;
                    sink.put(codes.get(..result.consumed_out).ok_or(Error::Internal)?)?;
                    if result.consumed_in + result.consumed_out == 0 {
                        return Err(Error::Internal);
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes what is left of a strip, and begins the next.
    pub(super) fn end_strip(&mut self, sink: &mut Sink) -> Result<(), Error> {
        match &mut self.method {
            Method::None | Method::Packbits => Ok(()),
            Method::Deflate(encoder, level) => {
                let level = *level;
                let next = ZlibEncoder::new(Vec::new(), level);
                let last = std::mem::replace(encoder, next);
                sink.put(&last.finish().map_err(|_| Error::Internal)?)
            }
            Method::Lzw { lzw, codes } => {
                lzw.finish();
                loop {
                    let result = lzw.encode_bytes(&[], codes);
                    sink.put(codes.get(..result.consumed_out).ok_or(Error::Internal)?)?;
                    match result.status {
                        Ok(LzwStatus::Done) => break,
                        Ok(_) if result.consumed_out > 0 => {}
                        _ => return Err(Error::Internal),
                    }
                }
                *lzw = self::lzw();
                Ok(())
            }
        }
    }

    /// Each sample less that of the pixel before.
    fn differences(&mut self, pixels: &[u8], to: &mut [u8]) {
        let pixel = self.layout.pixel_bytes();
        let (first, rest) = to.split_at_mut(pixel.min(pixels.len()));
        let sixteen = self.layout.depth == Depth::U16;
        subtract(sixteen, &pixels[..first.len()], &self.previous[..first.len()], first);
        subtract(sixteen, &pixels[first.len()..], pixels, rest);
        self.previous[..first.len()].copy_from_slice(&pixels[rest.len()..]);
    }
}

fn subtract(sixteen: bool, now: &[u8], before: &[u8], to: &mut [u8]) {
    if sixteen {
        let samples = now.as_chunks().0.iter().zip(before.as_chunks().0);
        for (to, (&now, &before)) in to.as_chunks_mut().0.iter_mut().zip(samples) {
            *to = u16::from_ne_bytes(now).wrapping_sub(u16::from_ne_bytes(before)).to_ne_bytes();
        }
    } else {
        for (to, (now, before)) in to.iter_mut().zip(now.iter().zip(before)) {
            *to = now.wrapping_sub(*before);
        }
    }
}

fn lzw() -> Lzw {
    Lzw::with_tiff_size_switch(BitOrder::Msb, 8)
}

fn deflate(level: flate2::Compression) -> Method {
    Method::Deflate(ZlibEncoder::new(Vec::new(), level), level)
}

/// Bytes that repeat: 257 less their number, and the byte. Others: their number less one, and they.
fn packbits(bytes: &[u8], sink: &mut Sink) -> Result<(), Error> {
    const MOST: usize = 128;
    let run = |bytes: &[u8]| {
        let first = bytes.first();
        bytes.iter().take(MOST).take_while(|&byte| Some(byte) == first).count()
    };
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let same = run(rest);
        let taken = if same > 2 {
            sink.put(&[(257 - same) as u8, first])?;
            same
        } else {
            let repeats = |at: &usize| run(&rest[*at..]) > 2;
            let most = rest.len().min(MOST);
            let others = (1..most).find(repeats).unwrap_or(most);
            sink.put(&[(others - 1) as u8])?;
            sink.put(&rest[..others])?;
            others
        };
        rest = &rest[taken..];
    }
    Ok(())
}
