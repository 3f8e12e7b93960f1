//! Radiance HDR: RGB with a common exponent. Rows of 8 to 32,767 pixels are run-length encoded, one
//! channel after another; others cannot be, and are flat.

use thumbelina_codec::Context;

use super::sink::{MAX_ROOM, Sink};
use super::spans::{SpanFormat, Spans};
use super::writer::{Writer, row, rows_per_step};
use crate::picture::zeroed;
use crate::{Error, Format, Picture};

pub(super) fn writer(picture: &Picture, sink: &mut Sink) -> Result<Box<dyn Writer>, Error> {
    if ENCODED_WIDTHS.contains(&picture.width) {
        put_header(picture, sink)?;
        return Ok(Box::new(Encoded::new(picture)?));
    }
    sink.check(u64::from(picture.width) * u64::from(picture.height) * 4)?;
    Ok(Box::new(Spans::new(Flat, Format::Hdr, picture, sink)?))
}

/// The width stands in two bytes of which the first is below 128. Narrower rows gain nothing.
const ENCODED_WIDTHS: std::ops::Range<u32> = 8..32_768;

fn put_header(picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
    sink.put(b"#?RADIANCE\n# Rust HDR encoder\nFORMAT=32-bit_rle_rgbe\n\n")?;
    sink.put(format!("-Y {} +X {}\n", picture.height, picture.width).as_bytes())
}

/// Mantissas of red, green and blue, and the exponent of the largest: its mantissa has its highest
/// bit set. What is not a positive number is black, what is too large is as large as can be.
fn rgbe(values: [f32; 3]) -> [u8; 4] {
    let values = values.map(|value| if value > LARGEST { LARGEST } else { value });
    let most = values[0].max(values[1]).max(values[2]);
    // As a float has it, where 127 stands for numbers from 1 on, and 0 for those too small to
    // matter.
    let exponent = (most.to_bits() >> 23) as i32;
    if most.is_nan() || most <= 0.0 || exponent == 0 {
        return [0; 4];
    }
    // By 256 / 2^(exponent - 126), in two factors, each of which is a normal number.
    let power = 134 - exponent;
    let half = power / 2;
    let factors = [half, power - half].map(|power| f32::from_bits(((power + 127) as u32) << 23));
    let [r, g, b] = values.map(|value| (value * factors[0] * factors[1]) as u8);
    [r, g, b, (exponent + 2) as u8]
}

/// 255/256 of 2^127, whose exponent is written as 255.
const LARGEST: f32 = 255.0 / 256.0 * 1.701_411_8e38;

fn pixels(bytes: &[u8]) -> impl Iterator<Item = [f32; 3]> {
    let samples = bytes.as_chunks().0.iter().map(|sample| f32::from_ne_bytes(*sample));
    let mut samples = samples.fuse();
    std::iter::from_fn(move || Some([samples.next()?, samples.next()?, samples.next()?]))
}

struct Flat;

impl SpanFormat for Flat {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        put_header(picture, sink)
    }

    fn span(&mut self, bytes: &[u8], sink: &mut Sink) -> Result<(), Error> {
        let out = sink.room(bytes.len() / 3)?;
        pixels(bytes).for_each(|pixel| out.extend_from_slice(&rgbe(pixel)));
        Ok(())
    }
}

struct Encoded {
    next_row: u32,
    rows_per_step: u32,
    step_nanos: u64,
    /// The channels of a row, one after another.
    planes: Vec<u8>,
}

impl Encoded {
    fn new(picture: &Picture) -> Result<Self, Error> {
        let (rows_per_step, step_nanos) = rows_per_step(Format::Hdr, picture);
        Ok(Encoded {
            next_row: 0,
            rows_per_step,
            step_nanos,
            planes: zeroed(picture.width as usize * 4)?,
        })
    }
}

impl Writer for Encoded {
    fn next_nanos(&self) -> u64 {
        self.step_nanos
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        _context: &Context<'_>,
    ) -> Result<bool, Error> {
        let width = picture.width as usize;
        let end = picture.height.min(self.next_row + self.rows_per_step);
        for y in self.next_row..end {
            let (red, rest) = self.planes.split_at_mut(width);
            let (green, rest) = rest.split_at_mut(width);
            let (blue, exponent) = rest.split_at_mut(width);
            let places = red.iter_mut().zip(green).zip(blue.iter_mut().zip(exponent));
            for (pixel, ((r, g), (b, e))) in pixels(row(picture, y)?).zip(places) {
                [*r, *g, *b, *e] = rgbe(pixel);
            }
            let [high, low] = (width as u16).to_be_bytes();
            sink.put(&[2, 2, high, low])?;
            for plane in self.planes.chunks_exact(width) {
                put_runs(plane, sink)?;
            }
        }
        self.next_row = end;
        Ok(end == picture.height)
    }
}

const MAX_RUN: usize = 127;
const MAX_LITERALS: usize = 128;

/// Runs of three and more as a length above 128 and the byte, all else as a length and the bytes.
fn put_runs(plane: &[u8], sink: &mut Sink) -> Result<(), Error> {
    let mut literals = 0;
    let mut at = 0;
    while let Some(&byte) = plane.get(at) {
        let run = plane[at..].iter().take(MAX_RUN).take_while(|&&next| next == byte).count();
        if run > 2 {
            let out = sink.room(MAX_LITERALS + 3)?;
            put_literals(&plane[literals..at], out);
            out.extend_from_slice(&[128 + run as u8, byte]);
            literals = at + run;
        } else if at + run - literals >= MAX_LITERALS {
            put_literals(&plane[literals..literals + MAX_LITERALS], sink.room(MAX_LITERALS + 1)?);
            literals += MAX_LITERALS;
        }
        at += run;
    }
    put_literals(&plane[literals..], sink.room(MAX_LITERALS + 1)?);
    Ok(())
}

const _: () = assert!(MAX_LITERALS + 3 <= MAX_ROOM);

fn put_literals(literals: &[u8], out: &mut Vec<u8>) {
    if !literals.is_empty() {
        out.push(literals.len() as u8);
        out.extend_from_slice(literals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_channel_has_its_highest_bit_set() {
        assert_eq!(rgbe([1.0, 0.5, 0.25]), [128, 64, 32, 129]);
        assert_eq!(rgbe([0.999, 0.0, 0.0]), [255, 0, 0, 128]);
        assert_eq!(rgbe([1_000.0, 1.0, -3.0]), [250, 0, 0, 138]);
        // Just below a power of two, where a logarithm would round up.
        assert_eq!(rgbe([1_023.999_94, 0.0, 0.0]), [255, 0, 0, 138]);
    }

    #[test]
    fn what_has_no_place_is_as_near_as_can_be() {
        assert_eq!(rgbe([0.0, -1.0, -0.0]), [0; 4]);
        assert_eq!(rgbe([f32::NAN; 3]), [0; 4]);
        assert_eq!(rgbe([f32::NEG_INFINITY; 3]), [0; 4]);
        assert_eq!(rgbe([1e-40, 0.0, 0.0]), [0; 4]);
        assert_eq!(rgbe([f32::MIN_POSITIVE, 0.0, 0.0]), [128, 0, 0, 3]);
        assert_eq!(rgbe([f32::INFINITY, 1.0, f32::NAN]), [255, 0, 0, 255]);
        assert_eq!(rgbe([f32::MAX, f32::MAX, 0.0]), [255, 255, 0, 255]);
        assert_eq!(rgbe([8.0e37, 0.0, 4.0e37]), [240, 0, 120, 254]);
    }
}
