//! JPEG, in two ways. With the tables that the standard gives as typical, in bands, each of which
//! is written as soon as its pixels are looked at. With tables made for the picture, or
//! progressively, when all coefficients are there.

mod bands;
mod entropy;
mod scans;
mod tables;
mod transform;

use super::options::EncodeOptions;
use super::sink::Sink;
use super::writer::Writer;
use crate::{Error, Picture};
use bands::Bands;
use scans::Scans;

/// How every file begins: the start of the image, and the segment of JFIF 1.2, pixels being square.
const START: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0";
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

pub(super) fn writer(
    picture: &Picture,
    options: &EncodeOptions,
    sink: &Sink,
) -> Result<Box<dyn Writer>, Error> {
    Ok(if options.progressive || options.optimize_coding {
        Box::new(Scans::new(picture, options, sink)?)
    } else {
        Box::new(Bands::new(picture, options))
    })
}

/// How many pixels one sample of color is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    Each,
    Two,
    Four,
}

impl Sampling {
    /// Blocks of luma in an MCU, across and down.
    fn factors(self) -> (u64, u64) {
        match self {
            Sampling::Each => (1, 1),
            Sampling::Two => (2, 1),
            Sampling::Four => (2, 2),
        }
    }
}
