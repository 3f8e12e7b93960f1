//! QOI, by its specification.

use super::sink::Sink;
use super::spans::SpanFormat;
use crate::{Error, Picture};

pub(super) struct Qoi {
    channels: usize,
    previous: [u8; 4],
    /// Pixels seen, at the place of their hash.
    seen: [[u8; 4]; 64],
    /// How many times the previous pixel is to be repeated.
    run: u8,
    /// Where the previous pixel is in `seen`, once it is.
    previous_at: Option<u8>,
}

const INDEX: u8 = 0x00;
const DIFF: u8 = 0x40;
const LUMA: u8 = 0x80;
const RUN: u8 = 0xC0;
const RGB: u8 = 0xFE;
const RGBA: u8 = 0xFF;

const MAX_RUN: u8 = 62;
const SRGB: u8 = 0;
const END: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

impl Qoi {
    pub(super) fn new(picture: &Picture) -> Self {
        Qoi {
            channels: usize::from(picture.layout.channels),
            previous: [0, 0, 0, 255],
            seen: [[0; 4]; 64],
            run: 0,
            previous_at: None,
        }
    }

    fn push_all(&mut self, pixels: impl Iterator<Item = [u8; 4]>, out: &mut Vec<u8>) {
        // On the stack, where nothing that is pushed can change them: a third faster.
        let Qoi { mut previous, mut run, mut previous_at, .. } = *self;
        for pixel in pixels {
            if pixel == previous {
                run += 1;
                if run == MAX_RUN {
                    out.push(RUN | (MAX_RUN - 1));
                    run = 0;
                }
                continue;
            }
            if run > 0 {
                out.push(match previous_at {
                    // As long as a run of one, and quicker to read.
                    Some(at) if run == 1 => INDEX | at,
                    _ => RUN | (run - 1),
                });
                run = 0;
            }
            let [r, g, b, a] = pixel;
            let hash =
                r.wrapping_mul(3).wrapping_add(g.wrapping_mul(5)).wrapping_add(b.wrapping_mul(7));
            let at = hash.wrapping_add(a.wrapping_mul(11)) % 64;
            let seen = &mut self.seen[usize::from(at)];
            if *seen == pixel {
                out.push(INDEX | at);
            } else {
                *seen = pixel;
                put_difference(pixel, previous, out);
            }
            previous = pixel;
            previous_at = Some(at);
        }
        (self.previous, self.run, self.previous_at) = (previous, run, previous_at);
    }
}

#[inline]
fn put_difference(pixel: [u8; 4], previous: [u8; 4], out: &mut Vec<u8>) {
    let [r, g, b, a] = pixel;
    if a != previous[3] {
        out.extend_from_slice(&[RGBA, r, g, b, a]);
        return;
    }
    let red = r.wrapping_sub(previous[0]);
    let green = g.wrapping_sub(previous[1]);
    let blue = b.wrapping_sub(previous[2]);
    let small = |difference: u8| difference.wrapping_add(2);
    if small(red) < 4 && small(green) < 4 && small(blue) < 4 {
        out.push(DIFF | small(red) << 4 | small(green) << 2 | small(blue));
        return;
    }
    let by_green = |difference: u8| difference.wrapping_sub(green).wrapping_add(8);
    if green.wrapping_add(32) < 64 && by_green(red) < 16 && by_green(blue) < 16 {
        out.extend_from_slice(&[
            LUMA | green.wrapping_add(32),
            by_green(red) << 4 | by_green(blue),
        ]);
    } else {
        out.extend_from_slice(&[RGB, r, g, b]);
    }
}

impl SpanFormat for Qoi {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        sink.put(b"qoif")?;
        sink.put(&picture.width.to_be_bytes())?;
        sink.put(&picture.height.to_be_bytes())?;
        sink.put(&[picture.layout.channels, SRGB])
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        // An operation is one byte more than its pixel at most, or ends a run of the span before.
        let out = sink.room(pixels.len() + pixels.len() / self.channels + 1)?;
        if self.channels == 3 {
            self.push_all(pixels.as_chunks().0.iter().map(|&[r, g, b]| [r, g, b, 255]), out);
        } else {
            self.push_all(pixels.as_chunks().0.iter().copied(), out);
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut Sink) -> Result<(), Error> {
        if let Some(less_one) = self.run.checked_sub(1) {
            sink.put(&[RUN | less_one])?;
        }
        sink.put(&END)
    }
}
