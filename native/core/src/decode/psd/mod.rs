//! The flattened picture of a Photoshop document, PSD or PSB. It lies there plane by plane, as it
//! is or in PackBits, so that rows are read from all planes at once. Specification: Adobe's
//! "Photoshop File Formats Specification".

mod header;
mod planes;
mod resources;
mod zip;

use bytes::Bytes;

use self::header::{Header, Mode, Packing};
use self::planes::Planes;
use super::exif;
use super::source::Source;
use crate::{ColorSpace, Depth, Error, Format, Info, Layout};

const TRUNCATED: Error = Error::truncated(Format::Psd);
const INVALID: Error = Error::invalid(Format::Psd);
const UNSUPPORTED: Error = Error::Unsupported(Format::Psd);

/// What looking at one resource, and at one row's length, takes.
const RESOURCE_NANOS: u64 = 20;
const ROW_NANOS: u64 = 2;

/// Of a byte that is inflated.
const INFLATED_NANOS: u64 = 4;

pub(super) fn open(input: Bytes) -> Result<Source, Error> {
    let header = Header::read(&input)?;
    let mut info = Info::new(Format::Psd, header.width, header.height, layout(&header));
    // An ink, or a row of PackBits, is looked at whether or not it changes anything.
    info.nanos.all = info.nanos.all.saturating_mul(2);
    if let Packing::Zip { .. } = header.packing {
        // Each plane is inflated with those before it.
        let shown = u64::from(header.shown());
        let bytes = info.pixels().saturating_mul(u64::from(header.depth.div_ceil(8)));
        let all = bytes.saturating_mul(shown * (shown + 1) / 2);
        info.nanos.all = info.nanos.all.saturating_add(all.saturating_mul(INFLATED_NANOS));
    }
    // Less the white, it is the color times its alpha.
    info.premultiplied = header.is_matted;
    for (kind, range) in resources::of(&input, header.resources.clone()) {
        let data = input.slice(range);
        let kept = |data: Bytes| (data.len() <= exif::MOST_BYTES).then_some(data);
        match kind {
            resources::IPTC => info.metadata.iptc = kept(data),
            resources::XMP => info.metadata.xmp = kept(data),
            resources::EXIF => {
                info.orientation = exif::orientation(&data);
                info.metadata.exif = exif::kept(data);
            }
            resources::ICC if fits(&data, header.mode) => info.color = ColorSpace::Icc(data),
            _ => {}
        }
    }
    Planes::new(input, info, &header).map(Source::of)
}

/// Whether a profile, by its header, is for pictures of this kind. That of indexed colors, say, may
/// be another's.
fn fits(profile: &[u8], mode: Mode) -> bool {
    let space = profile.get(16..20);
    match mode {
        Mode::Bitmap | Mode::Gray => space == Some(b"GRAY"),
        Mode::Indexed | Mode::Rgb => space == Some(b"RGB "),
        Mode::Cmyk => space == Some(b"CMYK"),
        Mode::Lab => false,
    }
}

fn layout(header: &Header) -> Layout {
    let depth = match header.depth {
        32 => Depth::F32,
        16 => Depth::U16,
        _ => Depth::U8,
    };
    let alpha = u8::from(header.has_alpha);
    match header.mode {
        Mode::Bitmap | Mode::Gray => Layout::new(1 + alpha, depth),
        Mode::Indexed | Mode::Rgb => Layout::new(3 + alpha, depth),
        Mode::Cmyk => Layout::cmyk(depth),
        Mode::Lab => Layout::lab(3 + alpha, depth),
    }
}

/// Width and height, which the first bytes tell.
pub(super) fn size(input: &[u8]) -> Option<(u32, u32)> {
    header::size(input)
}

/// The estimated nanoseconds of [`open`], up to `most`: documents have as many resources as they
/// like, and the length of every row of PackBits is added up.
pub(super) fn header_nanos(input: &[u8], most: u64) -> u64 {
    let mut nanos = 5_000;
    if let Some(blocks) = header::blocks(input) {
        for _ in blocks {
            nanos += RESOURCE_NANOS;
            if nanos >= most {
                return most;
            }
        }
    }
    let height = size(input).map_or(0, |(_, height)| u64::from(height));
    // Of up to four planes, where so many lengths can be there.
    let lengths = (4 * height).min(input.len() as u64 / 2);
    most.min(nanos + lengths * ROW_NANOS)
}
