//! What each format is. The facts stand in `formats.txt`.

use image::ImageFormat;

use crate::{Depth, Layout};

include!(concat!(env!("OUT_DIR"), "/formats.rs"));

/// A line of `formats.txt`, which says what these are.
struct Facts {
    name: &'static str,
    mime: &'static str,
    extensions: &'static [&'static str],
    reads: bool,
    writes: bool,
    gray: Gray,
    alpha: Alpha,
    depths: &'static [Depth],
    max_side: u32,
    max_pixels: u64,
    decode_nanos: u64,
    encode_nanos: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gray {
    Never,
    /// Without alpha, and not of floats.
    Opaque,
    Always,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpha {
    Never,
    Kept,
    Always,
}

impl Format {
    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.facts().name
    }

    pub fn mime(self) -> &'static str {
        self.facts().mime
    }

    /// File name extensions with their dot, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        self.facts().extensions
    }

    pub fn is_readable(self) -> bool {
        self.facts().reads
    }

    pub fn is_writable(self) -> bool {
        self.facts().writes
    }

    /// The longest side that may be written.
    pub(crate) fn max_side(self) -> u32 {
        self.facts().max_side
    }

    /// The most pixels that may be written.
    pub(crate) fn max_pixels(self) -> u64 {
        self.facts().max_pixels
    }

    /// Nanoseconds of a pixel of RGB with 8 bits, decoded.
    pub(crate) fn decode_nanos(self) -> u64 {
        self.facts().decode_nanos
    }

    /// The same, encoded.
    pub(crate) fn encode_nanos(self) -> u64 {
        self.facts().encode_nanos
    }

    /// The layout in which it takes a picture of `source`'s.
    pub(crate) fn layout(self, source: Layout) -> Layout {
        let Facts { gray, alpha, depths, .. } = self.facts();
        let alpha = match alpha {
            Alpha::Never => false,
            Alpha::Kept => source.has_alpha(),
            Alpha::Always => true,
        };
        let gray = source.is_gray()
            && match gray {
                Gray::Never => false,
                Gray::Opaque => !alpha && source.depth != Depth::F32,
                Gray::Always => true,
            };
        Layout::new(if gray { 1 } else { 3 } + u8::from(alpha), depth_within(source.depth, depths))
    }

    /// The format that the first bytes say, `None` where they say nothing.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => Some(Format::Jpeg),
            Ok(ImageFormat::Png) => Some(Format::Png),
            Ok(ImageFormat::Gif) => Some(Format::Gif),
            Ok(ImageFormat::WebP) => Some(Format::Webp),
            Ok(ImageFormat::Tiff) => Some(Format::Tiff),
            Ok(ImageFormat::Bmp) => Some(Format::Bmp),
            Ok(ImageFormat::Ico) => Some(Format::Ico),
            Ok(ImageFormat::Dds) => Some(Format::Dds),
            Ok(ImageFormat::Pnm) => Some(Format::Pnm),
            Ok(ImageFormat::Qoi) => Some(Format::Qoi),
            Ok(ImageFormat::Hdr) => Some(Format::Hdr),
            Ok(ImageFormat::OpenExr) => Some(Format::Openexr),
            Ok(ImageFormat::Farbfeld) => Some(Format::Farbfeld),
            Ok(ImageFormat::Avif) => Some(Format::Avif),
            // With something between it and the first segment.
            _ if bytes.starts_with(&[0xFF, 0xD8]) => Some(Format::Jpeg),
            _ if bytes.starts_with(b"8BPS\0") => Some(Format::Psd),
            // What some programs write for `#?RADIANCE`.
            _ if bytes.starts_with(b"#?RGBE\n") => Some(Format::Hdr),
            _ if matches!(bytes, [b'P', b'F' | b'f', b'\n' | b'\r' | b' ' | b'\t', ..]) => {
                Some(Format::Pnm)
            }
            _ if is_bitmap(bytes) => Some(Format::Bmp),
            _ if is_cursor(bytes) => Some(Format::Ico),
            _ if is_big_tiff(bytes) => Some(Format::Tiff),
            _ => looks_like_tga(bytes).then_some(Format::Tga),
        }
    }
}

/// A set of formats that may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats(u32);

impl Formats {
    pub const EMPTY: Formats = Formats(0);

    pub const fn with(self, format: Format) -> Formats {
        Formats(self.0 | 1 << format as u32)
    }

    pub const fn without(self, format: Format) -> Formats {
        Formats(self.0 & !(1 << format as u32))
    }

    /// Every format that has a decoder.
    pub fn all() -> Formats {
        let readable = Format::ALL.into_iter().filter(|format| format.is_readable());
        readable.fold(Formats::EMPTY, Formats::with)
    }

    pub const fn contains(self, format: Format) -> bool {
        self.0 & 1 << format as u32 != 0
    }
}

/// All whose decoders hold no more memory and take no more time than the limits say, whatever the
/// file: every one, for now.
impl Default for Formats {
    fn default() -> Self {
        Formats::all()
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The deepest of the depths that a format holds which does not go past the source's. Floats have
/// no use for 16 bits on a screen.
fn depth_within(source: Depth, held: &[Depth]) -> Depth {
    let wanted = if source == Depth::F32 && !held.contains(&source) { Depth::U8 } else { source };
    let fitting = held.iter().copied().filter(|&depth| depth <= wanted).max();
    fitting.or_else(|| held.iter().copied().min()).unwrap_or(Depth::U8)
}

/// A bitmap in an array of OS/2's, or one without the file's header: with one of Windows' headers,
/// one plane, and as many bits a pixel as there can be.
fn is_bitmap(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"BA") {
        return bytes.get(14..16) == Some(b"BM");
    }
    let &[40 | 108 | 124, 0, 0, 0, _, _, _, _, _, _, _, _, 1, 0, bits, 0, coding, 0, 0, 0, ..] =
        bytes
    else {
        return false;
    };
    matches!(bits, 1 | 4 | 8 | 16 | 24 | 32) && coding <= 6
}

/// A cursor is an icon of type 2, of as many pictures as follow. No TGA begins like it: without a
/// color map, the bytes after its type are all zero.
fn is_cursor(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 2, 0, low, high, ..] if (low, high) != (&0, &0))
}

/// TIFF with offsets of eight bytes has a version of its own.
fn is_big_tiff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II\x2B\0\x08\0\0\0") || bytes.starts_with(b"MM\0\x2B\0\x08\0\0")
}

/// TGA has no signature at its start, so every byte of its 18-byte header that has a small range
/// must be in it. Asked last, when no signature fits.
fn looks_like_tga(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<18>() else { return false };
    let (map, kind, map_first, map_len, map_bits) = (
        header[1],
        header[2],
        u16::from_le_bytes([header[3], header[4]]),
        u16::from_le_bytes([header[5], header[6]]),
        header[7],
    );
    let width = u16::from_le_bytes([header[12], header[13]]);
    let height = u16::from_le_bytes([header[14], header[15]]);
    let bits = header[16];
    let colors_fit = match kind {
        1 | 9 => {
            map == 1
                && matches!(bits, 8 | 16)
                && map_len > 0
                && matches!(map_bits, 15 | 16 | 24 | 32)
        }
        2 | 10 => matches!(bits, 15 | 16 | 24 | 32),
        3 | 11 => matches!(bits, 8 | 16),
        _ => false,
    };
    let map_fits = map == 1 || (map == 0 && map_first == 0 && map_len == 0);
    // Bits 6 and 7 of the descriptor are reserved, bit 4 means right to left.
    colors_fit && map_fits && width > 0 && height > 0 && header[17] & 0xC0 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_gets_the_depth_nearest_below_the_source() {
        use Depth::{F32, U8, U16};
        assert_eq!(depth_within(U16, &[U8, U16, F32]), U16);
        assert_eq!(depth_within(U16, &[U8]), U8);
        assert_eq!(depth_within(U8, &[F32]), F32);
        assert_eq!(depth_within(F32, &[U8, U16]), U8);
        assert_eq!(depth_within(F32, &[U16]), U16);
    }

    #[test]
    fn a_picture_is_written_with_what_the_format_holds() {
        let layouts = |format: Format, depth| {
            [1, 2, 3, 4].map(|channels| format.layout(Layout::new(channels, depth)))
        };
        let all = |channels: [u8; 4], depth| channels.map(|channels| Layout::new(channels, depth));
        assert_eq!(layouts(Format::Jpeg, Depth::U16), all([1, 1, 3, 3], Depth::U8));
        assert_eq!(layouts(Format::Png, Depth::U16), all([1, 2, 3, 4], Depth::U16));
        assert_eq!(layouts(Format::Png, Depth::F32), all([1, 2, 3, 4], Depth::U8));
        assert_eq!(layouts(Format::Tiff, Depth::U8), all([1, 4, 3, 4], Depth::U8));
        assert_eq!(layouts(Format::Tiff, Depth::F32), all([3, 4, 3, 4], Depth::F32));
        assert_eq!(layouts(Format::Ico, Depth::U16), all([4, 4, 4, 4], Depth::U8));
        assert_eq!(layouts(Format::Farbfeld, Depth::U8), all([4, 4, 4, 4], Depth::U16));
        assert_eq!(layouts(Format::Hdr, Depth::U8), all([3, 3, 3, 3], Depth::F32));
    }
}
