//! The headers of a device-independent bitmap: OS/2's of 12 and of 16 to 64 bytes, and Windows' of
//! 40, 52, 56, 108 and 124.

use super::rle::Pixels;
use super::unpack::{Masks, Palette, Unpack};
use crate::{Error, Format};

/// `BM`, the file's size, two reserved fields, and where the pixels begin.
const FILE_HEADER_BYTES: usize = 14;

/// `BA`, its size, where the next one is, and two sides of a screen.
const ARRAY_HEADER_BYTES: usize = 14;

const RGB555: [u32; 4] = [0x7C00, 0x03E0, 0x001F, 0];

/// What the headers say.
pub(super) struct Dib {
    pub width: u32,
    /// Twice the picture's in an icon, whose mask counts as a second one.
    pub height: u32,
    pub top_down: bool,
    pub bits: u32,
    /// Set where the pixels come as run lengths.
    pub runs: Option<Pixels>,
    pub unpack: Unpack,
    pub has_alpha: bool,
    /// Where the pixels begin.
    pub offset: u64,
}

/// What a bitmap lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    File,
    Icon,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// OS/2's first, with sides of 16 bits and colors of three bytes.
    Core,
    /// OS/2's second, which may end after any field.
    Os2,
    Windows,
}

/// How the pixels are coded.
enum Coding {
    Indexed,
    Runs(Pixels),
    Bytes,
    Masks([u32; 4]),
}

/// The headers of a file.
pub(super) fn of_file(input: &[u8]) -> Result<Dib, Error> {
    // OS/2 has arrays of bitmaps, of which the first is taken; Windows' clipboard has bitmaps
    // without the file's header.
    let at = if input.starts_with(b"BA") { ARRAY_HEADER_BYTES } else { 0 };
    if at == 0 && !input.starts_with(b"BM") {
        return parse(input, 0, Container::File).map(|(dib, _)| dib);
    }
    let declared = le32(input, at + 10).ok_or(Error::truncated(Format::Bmp))?;
    let (mut dib, header_end) = parse(input, at + FILE_HEADER_BYTES, Container::File)?;
    // Where no pixels can be, none are meant. Where the palette begins, they could; but that is
    // what a writer says who has forgotten the palette.
    let at_palette = matches!(dib.unpack, Unpack::Indexed(..)) && u64::from(declared) == header_end;
    if u64::from(declared) >= header_end && !at_palette {
        dib.offset = declared.into();
    }
    Ok(dib)
}

/// The headers of an icon's entry, which begins at `at`. Pixels follow the headers, and those of 32
/// bits have alpha.
pub(super) fn of_icon(input: &[u8], at: usize) -> Result<Dib, Error> {
    parse(input, at, Container::Icon).map(|(dib, _)| dib)
}

/// Also says where the header proper ends.
fn parse(input: &[u8], at: usize, container: Container) -> Result<(Dib, u64), Error> {
    let format = if container == Container::File { Format::Bmp } else { Format::Ico };
    let (truncated, invalid) = (Error::truncated(format), Error::invalid(format));
    let size = le32(input, at).ok_or(truncated)? as usize;
    let kind = match size {
        12 => Kind::Core,
        40 | 52 | 56 | 108 | 124 => Kind::Windows,
        16..=64 => Kind::Os2,
        0..=15 => return Err(invalid),
        _ => return Err(Error::Unsupported(format)),
    };
    let header = input.get(at..).and_then(|rest| rest.get(..size)).ok_or(truncated)?;
    // A field past the end of a short header is nothing.
    let field = |at| le32(header, at).unwrap_or(0);
    let half = |at| le16(header, at).unwrap_or(0);
    let (width, height, bits) = if kind == Kind::Core {
        (u32::from(half(4)), i32::from(half(6)), half(10))
    } else {
        (field(4), field(8).cast_signed(), half(14))
    };
    if width.cast_signed() <= 0 || height == 0 {
        return Err(invalid);
    }
    let (compression, used) = if kind == Kind::Core { (0, 0) } else { (field(16), field(32)) };
    let header_end = at + size;

    let coding = match (compression, bits) {
        (0, 1 | 2 | 4 | 8) => Coding::Indexed,
        (0, 16) => Coding::Masks(RGB555),
        (0, 24 | 32) => Coding::Bytes,
        (1, 8) => Coding::Runs(Pixels::Bytes),
        (2, 4) => Coding::Runs(Pixels::Nibbles),
        (4, 24) if kind == Kind::Os2 => Coding::Runs(Pixels::Triples),
        (3 | 6, 16 | 32) if kind == Kind::Windows && size == 40 => {
            let mask = |i: usize| le32(input, header_end + 4 * i).ok_or(truncated);
            Coding::Masks([
                mask(0)?,
                mask(1)?,
                mask(2)?,
                if compression == 6 { mask(3)? } else { 0 },
            ])
        }
        // Alpha's is nothing in a header of 52 bytes.
        (3 | 6, 16 | 32) if kind == Kind::Windows => {
            Coding::Masks([field(40), field(44), field(48), field(52)])
        }
        // Pixels of 64 bits; a JPEG, a PNG; CMYK; fax codes.
        (0, 64) | (4 | 5 | 11..=13, _) | (3, 1) => return Err(Error::Unsupported(format)),
        _ => return Err(invalid),
    };

    let mut offset = header_end as u64;
    if matches!(coding, Coding::Masks(_)) && compression != 0 {
        offset += match (size, container) {
            (40, _) if compression == 6 => 16,
            (40, _) => 12,
            // In icons they follow the two largest headers once more.
            (108 | 124, Container::Icon) => 12,
            _ => 0,
        };
    }
    let mut has_alpha = container == Container::Icon;
    let unpack = match coding {
        Coding::Indexed | Coding::Runs(Pixels::Bytes | Pixels::Nibbles) => {
            let most = 1 << bits;
            let color_bytes = if kind == Kind::Core { 3 } else { 4 };
            let colors = if used == 0 { most } else { used };
            offset += u64::from(colors) * color_bytes as u64;
            let stored = input.get(header_end..).unwrap_or_default();
            let stored = stored.get(..colors.min(most) as usize * color_bytes).ok_or(truncated)?;
            let bits = if matches!(coding, Coding::Indexed) { u32::from(bits) } else { 8 };
            Unpack::Indexed(bits, Palette::new(stored, color_bytes))
        }
        Coding::Runs(Pixels::Triples) => Unpack::Bgr,
        Coding::Bytes if bits == 24 => Unpack::Bgr,
        Coding::Bytes if container == Container::Icon => Unpack::Bgra,
        Coding::Bytes => Unpack::Bgrx,
        Coding::Masks(masks) => {
            has_alpha |= masks[3] != 0;
            match masks {
                [0xFF_0000, 0xFF00, 0xFF, 0] if bits == 32 => Unpack::Bgrx,
                [0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000] if bits == 32 => Unpack::Bgra,
                _ => Unpack::Masks(Masks::new(masks, bits.into()).ok_or(invalid)?),
            }
        }
    };
    let runs = if let Coding::Runs(pixels) = coding { Some(pixels) } else { None };
    let dib = Dib {
        width,
        height: height.unsigned_abs(),
        // A negative height says that the first row in the file is the top one.
        top_down: height < 0,
        bits: bits.into(),
        runs,
        unpack,
        has_alpha,
        offset,
    };
    Ok((dib, header_end as u64))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
