//! One chunk of pixels, decompressed. Everything here is sized by the chunk's own pixels, which are
//! checked before.

use super::super::half::widen;
use super::header::{Channel, Compression, INVALID, Kind, Part};
use super::inflate::{INFLATE_BYTES, Inflate};
use super::lossy;
use super::piz::Piz;
use crate::Error;
use crate::picture::zeroed;

/// Decompresses chunks one after another. What it holds is used again.
pub(super) struct Decompressor {
    compression: Compression,
    kinds: Vec<Kind>,
    state: State,
}

/// What the compression needs besides the chunk and its pixels.
enum State {
    Nothing,
    /// Bytes before they are put in order.
    Bytes(Vec<u8>),
    Inflate(Box<Inflate>),
    Piz(Box<Piz>),
    Lossy(Box<lossy::Lossy>),
}

impl Decompressor {
    /// The most bytes that are held to decompress chunks of up to `chunk` bytes, the result among
    /// them.
    pub(super) fn memory(part: &Part, chunk: u64) -> u64 {
        use Compression::*;
        let state = match part.compression {
            None => 0,
            Rle => chunk,
            Zips | Zip | Pxr24 => chunk + INFLATE_BYTES,
            Piz => super::piz::Piz::memory(chunk),
            B44 | B44a | Dwaa | Dwab => lossy::memory(part, chunk),
        };
        chunk + state
    }

    /// For chunks that have up to `chunk` bytes uncompressed.
    pub(super) fn new(part: &Part, input: &[u8], chunk: usize) -> Result<Self, Error> {
        use Compression::*;
        let state = match part.compression {
            None => State::Nothing,
            Rle => State::Bytes(zeroed(chunk)?),
            Zips | Zip | Pxr24 => State::Inflate(Box::new(Inflate::new(chunk)?)),
            Piz => State::Piz(Box::new(super::piz::Piz::new(chunk)?)),
            B44 | B44a | Dwaa | Dwab => State::Lossy(Box::new(lossy::Lossy::new(part, input)?)),
        };
        Ok(Decompressor {
            compression: part.compression,
            kinds: part.channels.kinds.clone(),
            state,
        })
    }

    /// Fills `out` with a chunk of `width` pixels a line. `false` while more steps are needed.
    pub(super) fn decompress(
        &mut self,
        input: &[u8],
        width: usize,
        out: &mut [u8],
    ) -> Result<bool, Error> {
        // What compression would have made longer is stored as it is.
        if input.len() == out.len() {
            out.copy_from_slice(input);
            return Ok(true);
        }
        match &mut self.state {
            State::Nothing => return Err(INVALID),
            State::Bytes(scratch) => {
                let bytes = scratch.get_mut(..out.len()).ok_or(Error::Internal)?;
                unpack_runs(input, bytes)?;
                unpredict(bytes, out);
            }
            State::Inflate(inflate) if self.compression == Compression::Pxr24 => {
                let packed: usize = self.kinds.iter().map(|&kind| packed_bytes(kind)).sum();
                let pixel: usize = self.kinds.iter().map(|kind| kind.bytes()).sum();
                let len = out.len() / pixel * packed;
                if !inflate.step(input, len)? {
                    return Ok(false);
                }
                sum_up(&inflate.bytes[..len], &self.kinds, width, out);
            }
            State::Inflate(inflate) => {
                if !inflate.step(input, out.len())? {
                    return Ok(false);
                }
                unpredict(&inflate.bytes[..out.len()], out);
            }
            State::Piz(piz) => piz.decode(input, &self.kinds, width, out)?,
            State::Lossy(lossy) => return lossy.decode(input, width, out),
        }
        Ok(true)
    }
}

/// Fills `out` with runs: a count of bytes as they are, negative, or how often the next byte
/// repeats.
fn unpack_runs(mut input: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < out.len() {
        let (&count, rest) = input.split_first().ok_or(INVALID)?;
        let count = count as i8;
        if count < 0 {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(count.unsigned_abs())).ok_or(INVALID)?;
            out.get_mut(filled..filled + bytes.len()).ok_or(INVALID)?.copy_from_slice(bytes);
            filled += bytes.len();
            input = rest;
        } else {
            let (&byte, rest) = rest.split_first().ok_or(INVALID)?;
            let len = count as usize + 1;
            out.get_mut(filled..filled + len).ok_or(INVALID)?.fill(byte);
            filled += len;
            input = rest;
        }
    }
    Ok(())
}

/// Sums up differences, which are stored with 128 added, and lays the first half of the bytes to
/// even places and the second half to odd ones.
fn unpredict(bytes: &[u8], out: &mut [u8]) {
    let (even, odd) = bytes.split_at(bytes.len().div_ceil(2));
    let mut sum = 128u8;
    for (first, half) in [even, odd].into_iter().enumerate() {
        for (&difference, out) in half.iter().zip(out[first..].iter_mut().step_by(2)) {
            sum = sum.wrapping_add(difference).wrapping_sub(128);
            *out = sum;
        }
    }
}

/// The bytes of a sample in PXR24, which leaves the last 8 bits of floats out.
fn packed_bytes(kind: Kind) -> usize {
    match kind {
        Kind::F16 => 2,
        Kind::F32 => 3,
        Kind::U32 => 4,
    }
}

/// Sums up the differences of neighbors, of which all first bytes of a line come first, then all
/// second ones.
fn sum_up(mut bytes: &[u8], kinds: &[Kind], width: usize, out: &mut [u8]) {
    let mut out = &mut out[..];
    while !out.is_empty() {
        for &kind in kinds {
            let (line, rest) = bytes.split_at(width * packed_bytes(kind));
            let (samples, others) = std::mem::take(&mut out).split_at_mut(width * kind.bytes());
            (bytes, out) = (rest, others);
            let mut sum = 0u32;
            // With as many bytes as there are, from the most significant one on.
            let planes: [&[u8]; 4] =
                std::array::from_fn(|at| line.get(at * width..(at + 1) * width).unwrap_or(line));
            let [a, b, c, d] = planes;
            match kind {
                Kind::F16 => {
                    for ((out, &a), &b) in samples.chunks_exact_mut(2).zip(a).zip(b) {
                        sum = sum.wrapping_add(u32::from_be_bytes([0, 0, a, b]));
                        out.copy_from_slice(&(sum as u16).to_le_bytes());
                    }
                }
                Kind::F32 => {
                    for (((out, &a), &b), &c) in samples.chunks_exact_mut(4).zip(a).zip(b).zip(c) {
                        sum = sum.wrapping_add(u32::from_be_bytes([a, b, c, 0]));
                        out.copy_from_slice(&sum.to_le_bytes());
                    }
                }
                Kind::U32 => {
                    for ((((out, &a), &b), &c), &d) in
                        samples.chunks_exact_mut(4).zip(a).zip(b).zip(c).zip(d)
                    {
                        sum = sum.wrapping_add(u32::from_be_bytes([a, b, c, d]));
                        out.copy_from_slice(&sum.to_le_bytes());
                    }
                }
            }
        }
    }
}

/// Converts `count` samples of a line, from the column `from` on, into every `step`th of `out`.
pub(super) fn convert(
    line: &[u8],
    width: usize,
    channel: Channel,
    from: usize,
    out: &mut [f32],
    step: usize,
) {
    let bytes = channel.kind.bytes();
    let samples = line.get(width * channel.offset + from * bytes..).unwrap_or(&[]);
    let out = out.iter_mut().step_by(step);
    match channel.kind {
        Kind::F16 => {
            for (out, half) in out.zip(samples.as_chunks().0) {
                *out = widen(u16::from_le_bytes(*half));
            }
        }
        Kind::F32 => {
            for (out, float) in out.zip(samples.as_chunks().0) {
                *out = f32::from_le_bytes(*float);
            }
        }
        Kind::U32 => {
            for (out, whole) in out.zip(samples.as_chunks().0) {
                *out = u32::from_le_bytes(*whole) as f32;
            }
        }
    }
}
