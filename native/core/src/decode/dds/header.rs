//! What the header says: flags and masks, a code of four letters or Direct3D's number, or the
//! extension's.

use super::blocks::BlockCoding;
use super::pixels::{Masks, Pixels, Wide};
use super::{TRUNCATED, UNSUPPORTED, le32};
use crate::{Error, Format, Layout};

const INVALID: Error = Error::invalid(Format::Dds);

/// With the signature, without the extension.
const HEADER_BYTES: usize = 128;
const EXTENSION_BYTES: usize = 20;

/// 256 colors of four bytes.
const PALETTE_BYTES: usize = 1_024;

pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) coding: Coding,
    pub(super) premultiplied: bool,
    /// Where the pixels begin.
    pub(super) offset: usize,
}

pub(super) enum Coding {
    Blocks(BlockCoding),
    Pixels(Pixels),
}

impl Coding {
    pub(super) fn layout(&self) -> Layout {
        match self {
            Coding::Blocks(blocks) => blocks.layout(),
            Coding::Pixels(pixels) => pixels.layout(),
        }
    }
}

/// The flags of a pixel format.
mod flag {
    pub(super) const ALPHA_PIXELS: u32 = 0x1;
    pub(super) const ALPHA: u32 = 0x2;
    pub(super) const FOUR_CC: u32 = 0x4;
    pub(super) const PALETTE_8: u32 = 0x20;
    pub(super) const RGB: u32 = 0x40;
    pub(super) const LUMINANCE: u32 = 0x2_0000;
}

impl Header {
    pub(super) fn read(input: &[u8]) -> Result<Self, Error> {
        if input.len() < HEADER_BYTES {
            return Err(TRUNCATED);
        }
        let field = |at: usize| le32(input, at);
        // The size of the header. Some writers leave that of its pixel format empty, or miscount.
        if field(4)? != 124 {
            return Err(INVALID);
        }
        // Whether the flags of the header name its fields is not asked: writers forget them.
        let (height, width, flags) = (field(12)?, field(16)?, field(80)?);
        let mut offset = HEADER_BYTES;
        let mut premultiplied = false;
        let coding = if flags & flag::FOUR_CC != 0 {
            let code = field(84)?.to_le_bytes();
            premultiplied = matches!(&code, b"DXT2" | b"DXT4");
            if code == *b"DX10" {
                offset += EXTENSION_BYTES;
                premultiplied = extension(input, 16)? & 7 == 2;
                numbered(extension(input, 0)?)?
            } else {
                lettered(code)?
            }
        } else if flags & flag::PALETTE_8 != 0 {
            let palette = input.get(offset..).and_then(|rest| rest.get(..PALETTE_BYTES));
            offset += PALETTE_BYTES;
            Coding::Pixels(Pixels::palette(palette.ok_or(TRUNCATED)?))
        } else {
            let masks = [field(92)?, field(96)?, field(100)?, field(104)?];
            Coding::Pixels(masked(flags, field(88)?, masks)?)
        };
        Ok(Header { width, height, coding, premultiplied, offset })
    }
}

/// A field of the extension of `DX10`. All but the first, the format, some writers leave empty.
fn extension(input: &[u8], at: usize) -> Result<u32, Error> {
    if input.len() < HEADER_BYTES + EXTENSION_BYTES {
        return Err(TRUNCATED);
    }
    le32(input, HEADER_BYTES + at)
}

/// What flags, bits and masks say.
fn masked(flags: u32, bits: u32, [r, g, b, a]: [u32; 4]) -> Result<Pixels, Error> {
    let alpha = if flags & flag::ALPHA_PIXELS != 0 { a } else { 0 };
    if !matches!(bits, 8 | 16 | 24 | 32) {
        return Err(UNSUPPORTED);
    }
    if flags & flag::RGB != 0 {
        return Ok(Pixels::Masks(Masks::new(bits, [r, g, b], alpha)));
    }
    // Writers leave the masks of what has one or two bytes empty, or have them where no bits are.
    if flags & flag::LUMINANCE != 0 {
        let has_alpha = flags & flag::ALPHA_PIXELS != 0;
        let whole = u32::MAX >> (32 - bits);
        return Ok(match (r & whole, alpha & whole) {
            (0, 0) if has_alpha && bits == 16 => Pixels::Gray(Masks::new(bits, [0xFF; 3], 0xFF00)),
            (0, alpha) => Pixels::Gray(Masks::new(bits, [whole & !alpha; 3], alpha)),
            (gray, alpha) => Pixels::Gray(Masks::new(bits, [gray; 3], alpha)),
        });
    }
    // Alpha and nothing else is shown as gray, as a mask is.
    if flags & flag::ALPHA != 0 {
        let mask = if a == 0 { u32::MAX >> (32 - bits) } else { a };
        return Ok(Pixels::Gray(Masks::new(bits, [mask; 3], 0)));
    }
    Err(UNSUPPORTED)
}

/// What four letters say, or a number of Direct3D 9 in their place.
fn lettered(code: [u8; 4]) -> Result<Coding, Error> {
    let wide = |channels, wide| Ok(Coding::Pixels(Pixels::Wide(channels, wide)));
    Ok(Coding::Blocks(match &code {
        b"DXT1" => BlockCoding::Bc1,
        b"DXT2" | b"DXT3" => BlockCoding::Bc2,
        b"DXT4" | b"DXT5" => BlockCoding::Bc3,
        b"ATI1" | b"BC4U" => BlockCoding::Bc4 { signed: false },
        b"BC4S" => BlockCoding::Bc4 { signed: true },
        b"ATI2" | b"BC5U" => BlockCoding::Bc5 { signed: false },
        b"BC5S" => BlockCoding::Bc5 { signed: true },
        _ => {
            return match u32::from_le_bytes(code) {
                36 => wide(4, Wide::U16),
                111 => wide(1, Wide::F16),
                112 => wide(2, Wide::F16),
                113 => wide(4, Wide::F16),
                114 => wide(1, Wide::F32),
                115 => wide(2, Wide::F32),
                116 => wide(4, Wide::F32),
                _ => Err(UNSUPPORTED),
            };
        }
    }))
}

/// What a number of `DXGI_FORMAT` says. Where there is one for sRGB it is shown the same: pixels of
/// bytes are taken to be encoded.
fn numbered(number: u32) -> Result<Coding, Error> {
    let masks = |bits, color, alpha| Pixels::Masks(Masks::new(bits, color, alpha));
    let pixels = match number {
        1 | 2 => Pixels::Wide(4, Wide::F32),
        5 | 6 => Pixels::Wide(3, Wide::F32),
        9 | 10 => Pixels::Wide(4, Wide::F16),
        11 => Pixels::Wide(4, Wide::U16),
        15 | 16 => Pixels::Wide(2, Wide::F32),
        23 | 24 => masks(32, [0x3FF, 0xF_FC00, 0x3FF0_0000], 0xC000_0000),
        27..=29 => masks(32, [0xFF, 0xFF00, 0xFF_0000], 0xFF00_0000),
        33 | 34 => Pixels::Wide(2, Wide::F16),
        35 => Pixels::Wide(2, Wide::U16),
        39 | 41 => Pixels::Wide(1, Wide::F32),
        48 | 49 => masks(16, [0xFF, 0xFF00, 0], 0),
        53 | 54 => Pixels::Wide(1, Wide::F16),
        56 => Pixels::Wide(1, Wide::U16),
        60 | 61 | 65 => Pixels::Gray(Masks::new(8, [0xFF; 3], 0)),
        70..=72 => return Ok(Coding::Blocks(BlockCoding::Bc1)),
        73..=75 => return Ok(Coding::Blocks(BlockCoding::Bc2)),
        76..=78 => return Ok(Coding::Blocks(BlockCoding::Bc3)),
        79..=81 => return Ok(Coding::Blocks(BlockCoding::Bc4 { signed: number == 81 })),
        82..=84 => return Ok(Coding::Blocks(BlockCoding::Bc5 { signed: number == 84 })),
        85 => masks(16, [0xF800, 0x07E0, 0x001F], 0),
        86 => masks(16, [0x7C00, 0x03E0, 0x001F], 0x8000),
        87 | 90 | 91 => masks(32, [0xFF_0000, 0xFF00, 0xFF], 0xFF00_0000),
        88 | 92 | 93 => masks(32, [0xFF_0000, 0xFF00, 0xFF], 0),
        94..=96 => return Ok(Coding::Blocks(BlockCoding::Bc6h { signed: number == 96 })),
        97..=99 => return Ok(Coding::Blocks(BlockCoding::Bc7)),
        115 => masks(16, [0x0F00, 0x00F0, 0x000F], 0xF000),
        _ => return Err(UNSUPPORTED),
    };
    Ok(Coding::Pixels(pixels))
}
