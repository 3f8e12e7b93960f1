//! What a PNG says of its colors, in the order of the specification's third edition: `cICP`,
//! `iCCP`, `sRGB`, `gAMA` and `cHRM`; and EXIF where there is none of them.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::ZlibDecoder;

use crate::color::MAX_PROFILE_BYTES;
use crate::decode::color;
use crate::{ColorSpace, Error};

/// Inflating a profile, a byte.
const INFLATE_NANOS: u64 = 4;

/// More than that does not come of a byte.
const MOST_INFLATED: usize = 1_040;

/// Of the bytes up to the picture's data, and of what the decoder made of them.
pub(super) fn of(input: &[u8], found: &png::Info<'_>) -> Result<ColorSpace, Error> {
    if let Some(coded) = found.coding_independent_code_points {
        let coded = ColorSpace::Coded {
            primaries: coded.color_primaries,
            transfer: coded.transfer_function,
            full_range: coded.is_video_full_range_image,
        };
        if coded.is_known() {
            return Ok(coded);
        }
    }
    if let Some(profile) = compressed(input) {
        return inflate(profile).map(ColorSpace::Icc);
    }
    if found.srgb.is_some() {
        return Ok(ColorSpace::Srgb);
    }
    if found.gama_chunk.is_some() || found.chrm_chunk.is_some() {
        let point = |(x, y): (png::ScaledFloat, png::ScaledFloat)| [x.into_value(), y.into_value()];
        let chromaticities = found.chrm_chunk.map(|found| {
            let [wx, wy] = point(found.white);
            let [rx, ry] = point(found.red);
            let [gx, gy] = point(found.green);
            let [bx, by] = point(found.blue);
            [wx, wy, rx, ry, gx, gy, bx, by]
        });
        let gamma = found.gama_chunk.map(png::ScaledFloat::into_value);
        return Ok(ColorSpace::Measured { gamma, chromaticities });
    }
    Ok(color::of(None, found.exif_metadata.as_deref()))
}

/// The estimated nanoseconds of inflating the profile in a chunk of `iCCP`.
pub(super) fn nanos(chunk: &[u8]) -> u64 {
    // Making room for the decoder's state is most of it.
    let most = stream(chunk).map_or(0, |profile| declared(profile).unwrap_or(0));
    10_000 + most as u64 * INFLATE_NANOS
}

/// The chunk of `iCCP`, behind its name.
fn compressed(input: &[u8]) -> Option<&[u8]> {
    let mut rest = input.get(8..)?;
    loop {
        let &[l1, l2, l3, l4, ref kind @ ..] = rest.first_chunk::<8>()?;
        let len = u32::from_be_bytes([l1, l2, l3, l4]) as usize;
        match kind {
            b"IDAT" => return None,
            b"iCCP" => return stream(rest.get(8..8usize.checked_add(len)?)?),
            _ => rest = rest.get(len.checked_add(12)?..)?,
        }
    }
}

/// The zlib stream behind the profile's name and the number of the method.
fn stream(chunk: &[u8]) -> Option<&[u8]> {
    const MAX_NAME: usize = 80;
    let end = chunk.iter().take(MAX_NAME).position(|&byte| byte == 0)?;
    chunk.get(end + 2..)
}

/// How long the profile says that it is, as far as it can be.
fn declared(stream: &[u8]) -> Option<usize> {
    let mut size = [0; 4];
    ZlibDecoder::new(stream).read_exact(&mut size).ok()?;
    let most = stream.len().saturating_mul(MOST_INFLATED).min(MAX_PROFILE_BYTES);
    Some((u32::from_be_bytes(size) as usize).min(most))
}

/// The profile, as far as it can be inflated: whoever reads it sees what is missing.
fn inflate(stream: &[u8]) -> Result<Bytes, Error> {
    let len = declared(stream).unwrap_or(0);
    let mut profile = Vec::new();
    profile.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    // An error ends it like the end does.
    let _ = ZlibDecoder::new(stream).take(len as u64).read_to_end(&mut profile);
    Ok(profile.into())
}
