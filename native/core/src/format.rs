use image::ImageFormat;

/// An encoded picture's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Jpeg,
    Png,
    Gif,
    Webp,
    Tiff,
    Bmp,
    Ico,
    Tga,
    Dds,
    Pnm,
    Qoi,
    Hdr,
    OpenExr,
    Farbfeld,
    Avif,
}

impl Format {
    pub const ALL: [Format; 15] = [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::Webp,
        Format::Tiff,
        Format::Bmp,
        Format::Ico,
        Format::Tga,
        Format::Dds,
        Format::Pnm,
        Format::Qoi,
        Format::Hdr,
        Format::OpenExr,
        Format::Farbfeld,
        Format::Avif,
    ];

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
            Ok(ImageFormat::OpenExr) => Some(Format::OpenExr),
            Ok(ImageFormat::Farbfeld) => Some(Format::Farbfeld),
            Ok(ImageFormat::Avif) => Some(Format::Avif),
            _ if is_cursor(bytes) => Some(Format::Ico),
            _ if is_big_tiff(bytes) => Some(Format::Tiff),
            _ => looks_like_tga(bytes).then_some(Format::Tga),
        }
    }

    /// `false` for the formats that are only read.
    pub fn is_writable(self) -> bool {
        self != Format::Dds
    }

    /// The longest side that the format's header, or its encoder, can hold.
    pub(crate) fn max_side(self) -> u32 {
        match self {
            Format::Jpeg | Format::Gif | Format::Tga | Format::Avif => 65_535,
            Format::Webp => 16_384,
            Format::Ico => 256,
            _ => u32::MAX,
        }
    }

    /// The most pixels that may be written.
    pub(crate) fn max_pixels(self) -> u64 {
        match self {
            // Its encoder cannot be stopped.
            Format::Avif => crate::cost::MAX_AVIF_PIXELS,
            _ => u64::MAX,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Gif => "gif",
            Format::Webp => "webp",
            Format::Tiff => "tiff",
            Format::Bmp => "bmp",
            Format::Ico => "ico",
            Format::Tga => "tga",
            Format::Dds => "dds",
            Format::Pnm => "pnm",
            Format::Qoi => "qoi",
            Format::Hdr => "hdr",
            Format::OpenExr => "openexr",
            Format::Farbfeld => "farbfeld",
            Format::Avif => "avif",
        }
    }
}

/// A set of formats that may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats(u32);

impl Formats {
    /// Every format that has a decoder.
    pub const ALL: Formats = Formats::EMPTY
        .with(Format::Jpeg)
        .with(Format::Png)
        .with(Format::Gif)
        .with(Format::Webp)
        .with(Format::Tiff)
        .with(Format::Bmp)
        .with(Format::Ico)
        .with(Format::Tga)
        .with(Format::Dds)
        .with(Format::Pnm)
        .with(Format::Qoi)
        .with(Format::Hdr)
        .with(Format::OpenExr)
        .with(Format::Farbfeld);
    pub const EMPTY: Formats = Formats(0);

    pub const fn with(self, format: Format) -> Formats {
        Formats(self.0 | 1 << format as u32)
    }

    pub const fn without(self, format: Format) -> Formats {
        Formats(self.0 & !(1 << format as u32))
    }

    pub const fn contains(self, format: Format) -> bool {
        self.0 & 1 << format as u32 != 0
    }
}

/// All whose decoders hold no more memory and take no more time than the limits say, whatever the
/// file: every one, for now.
impl Default for Formats {
    fn default() -> Self {
        Formats::ALL
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
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
        1 | 9 => map == 1 && matches!(bits, 8 | 16) && map_len > 0 && matches!(map_bits, 15 | 16 | 24 | 32),
        2 | 10 => matches!(bits, 15 | 16 | 24 | 32),
        3 | 11 => matches!(bits, 8 | 16),
        _ => false,
    };
    let map_fits = map == 1 || (map == 0 && map_first == 0 && map_len == 0);
    // Bits 6 and 7 of the descriptor are reserved, bit 4 means right to left.
    colors_fit && map_fits && width > 0 && height > 0 && header[17] & 0xC0 == 0
}
