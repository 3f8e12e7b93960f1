//! Truevision TGA: color-mapped, true-color and gray, as it is or in run-length packets.
//! Specification: "Truevision TGA File Format Specification", version 2.0.
//!
//! Rows come in the file's order, which most often is from the lowest to the highest.

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource, Source};
use super::stored::{Place, Stored};
use super::strip::Strip;
use crate::picture::{Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout};

const INVALID: Error = Error::invalid(Format::Tga);
const TRUNCATED: Error = Error::truncated(Format::Tga);
const UNSUPPORTED: Error = Error::Unsupported(Format::Tga);

const HEADER_BYTES: usize = 18;

/// With a packet for every pixel.
const PACKED_NANOS_PER_PIXEL: u64 = 8;

/// Whether the end of the file says something about alpha that matters.
pub(super) fn needs_footer(input: &[u8]) -> bool {
    let field = |at: usize| input.get(at).copied().unwrap_or(0);
    let (has_map, kind, map_bits, bits) = (field(1), field(2), field(7), field(16));
    bits == 32 || has_map == 1 && map_bits == 32 || kind & !8 == 3 && bits == 16
}

/// Whether all of its pixels may have to be looked at, to see if there is anything to be seen.
fn may_be_clear(input: &[u8]) -> bool {
    let field = |at: usize| input.get(at).copied().unwrap_or(0);
    field(2) & !8 == 2 && field(16) == 32 && field(17) & 0x0F == 0
}

/// Whether alpha is 0 in all pixels that there are.
fn is_clear(input: &[u8], start: usize) -> bool {
    let mut rest = input.get(start..).unwrap_or_default();
    let size = |at: usize| input.get(at..).and_then(|rest| rest.first_chunk().copied());
    let sides = [12, 14].map(|at| size(at).map_or(0, u16::from_le_bytes));
    let mut left = usize::from(sides[0]) * usize::from(sides[1]);
    let clear =
        |pixels: &[u8]| pixels.as_chunks().0.iter().all(|&[.., alpha]: &[u8; 4]| alpha == 0);
    if input.get(2) == Some(&2) {
        return clear(&rest[..rest.len().min(left * 4)]);
    }
    while left > 0
        && let Some((&head, after)) = rest.split_first()
    {
        let pixels = usize::from(head & 0x7F) + 1;
        let stored = if head & 0x80 != 0 { 1 } else { pixels.min(left) };
        let (stored, after) = after.split_at(after.len().min(stored * 4));
        if !clear(stored) {
            return false;
        }
        left = left.saturating_sub(pixels);
        rest = after;
    }
    true
}

/// The estimated nanoseconds of [`open`].
pub(super) fn header_nanos(input: &[u8]) -> u64 {
    5_000 + if may_be_clear(input) { input.len() as u64 } else { 0 }
}

pub(super) fn open(input: &[u8]) -> Result<Source, Error> {
    let &tga = input.first_chunk::<HEADER_BYTES>().ok_or(TRUNCATED)?;
    let [
        id_bytes,
        has_map,
        kind,
        first1,
        first2,
        len1,
        len2,
        map_bits,
        _,
        _,
        _,
        _,
        w1,
        w2,
        h1,
        h2,
        bits,
        descriptor,
    ] = tga;
    let map_start = HEADER_BYTES + usize::from(id_bytes);
    let map_bytes = match has_map {
        1 => usize::from(u16::from_le_bytes([len1, len2])) * usize::from(map_bits.div_ceil(8)),
        _ => 0,
    };
    let start = map_start + map_bytes;
    let said = kind_of_alpha(input);
    let alpha = match (descriptor & 0x0F, said) {
        (0, Some(0)) | (_, Some(1 | 2)) => Alpha::None,
        (0, None) if may_be_clear(input) && is_clear(input, start) => Alpha::None,
        (bits, _) => Alpha::Bits(bits),
    };
    let pixel = pixel(kind, bits, has_map, map_bits, alpha)?;
    let map = Bytes::copy_from_slice(input.get(map_start..start).ok_or(TRUNCATED)?);
    let layout = Layout::new(pixel.channels(), Depth::U8);
    let (width, height) =
        (u16::from_le_bytes([w1, w2]).into(), u16::from_le_bytes([h1, h2]).into());
    let mut info = Info::new(Format::Tga, width, height, layout);
    let mut unpack = Unpack {
        pixel,
        map,
        map_first: u16::from_le_bytes([first1, first2]).into(),
        short_map: None,
        right_to_left: descriptor & 0x10 != 0,
    };
    if let Pixel::Index(1, color) = pixel {
        let mut map = Box::new([None; 256]);
        for (index, entry) in (0..).zip(map.iter_mut()) {
            *entry = unpack.mapped(index, color);
        }
        unpack.short_map = Some(map);
    }
    info.premultiplied = said == Some(4) && layout.has_alpha();
    info.bottom_up = descriptor & 0x20 == 0;
    if kind & 8 == 0 {
        let row_bytes = width as usize * pixel.bytes();
        let place = Place { offset: start as u64, row_bytes };
        let unpack = move |stored: &[u8], out: &mut [u8]| unpack.row(stored, out);
        return Ok(Source::of(Stored::new(info, place, Box::new(unpack))?));
    }
    // Of whichever packets.
    info.nanos.all = info.pixels() * PACKED_NANOS_PER_PIXEL;
    let strip = Strip::new(&info)?;
    Ok(Source::of(Packed {
        info,
        position: Position::start(height),
        at: start as u64,
        packet: Packet { left: 0, repeats: false, pixel: [0; 4] },
        unpack,
        row: Vec::new(),
        strip,
    }))
}

/// What a pixel is in the file.
#[derive(Clone, Copy)]
enum Pixel {
    Gray,
    GrayAlpha,
    Color(Color),
    /// The number, of so many bytes, of a color in the map.
    Index(u8, Color),
}

/// What a color is in the file, and in the map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Color {
    /// Five bits each. The sixteenth means nothing that could be relied on.
    Bgr15,
    Bgr,
    Bgra,
    /// With a fourth byte that means nothing.
    Bgrx,
}

/// What a file says of its alpha.
#[derive(Clone, Copy)]
enum Alpha {
    /// That there is none, twice; or that it is of no meaning. Or that there is none, and nothing
    /// could be seen if there was.
    None,
    /// How many bits of a pixel are alpha. Writers leave this 0 over alpha that is meant, and
    /// readers show it all the same.
    Bits(u8),
}

/// What alpha is by the extension, which the footer of version 2 leads to: 0 for none, 1 and 2 for
/// numbers that mean nothing, 3 for alpha, and 4 where colors are multiplied by it.
fn kind_of_alpha(input: &[u8]) -> Option<u8> {
    const KIND_OF_ALPHA: usize = 494;
    let (rest, _) =
        input.split_last_chunk::<18>().filter(|(_, end)| *end == b"TRUEVISION-XFILE.\0")?;
    let extension = u32::from_le_bytes(*rest.split_last_chunk::<8>()?.1.first_chunk()?) as usize;
    let kind = extension.checked_add(KIND_OF_ALPHA).filter(|_| extension > 0)?;
    rest.get(kind).copied()
}

fn pixel(kind: u8, bits: u8, has_map: u8, map_bits: u8, alpha: Alpha) -> Result<Pixel, Error> {
    Ok(match (kind & !8, bits, alpha) {
        (1, 8 | 16, _) if has_map == 1 => Pixel::Index(bits / 8, color(map_bits, alpha)?),
        (1, ..) => return Err(INVALID),
        (2, ..) => Pixel::Color(color(bits, alpha)?),
        (3, 8, Alpha::None | Alpha::Bits(0 | 8)) => Pixel::Gray,
        (3, 16, Alpha::None | Alpha::Bits(0 | 8)) => Pixel::GrayAlpha,
        _ => return Err(UNSUPPORTED),
    })
}

fn color(bits: u8, alpha: Alpha) -> Result<Color, Error> {
    match (bits, alpha) {
        (15, Alpha::None | Alpha::Bits(0)) | (16, Alpha::None | Alpha::Bits(0 | 1 | 8)) => {
            Ok(Color::Bgr15)
        }
        (24, Alpha::None | Alpha::Bits(0)) => Ok(Color::Bgr),
        (32, Alpha::None) => Ok(Color::Bgrx),
        // Some say fewer bits than there are.
        (32, Alpha::Bits(..=8)) => Ok(Color::Bgra),
        _ => Err(UNSUPPORTED),
    }
}

impl Pixel {
    /// In the file.
    fn bytes(self) -> usize {
        match self {
            Pixel::Gray => 1,
            Pixel::GrayAlpha => 2,
            Pixel::Color(color) => color.bytes(),
            Pixel::Index(bytes, _) => usize::from(bytes),
        }
    }

    fn channels(self) -> u8 {
        match self {
            Pixel::Gray => 1,
            Pixel::GrayAlpha => 2,
            Pixel::Color(Color::Bgra) | Pixel::Index(_, Color::Bgra) => 4,
            Pixel::Color(_) | Pixel::Index(..) => 3,
        }
    }
}

impl Color {
    fn bytes(self) -> usize {
        match self {
            Color::Bgr15 => 2,
            Color::Bgr => 3,
            Color::Bgra | Color::Bgrx => 4,
        }
    }
}

/// How a row's bytes become samples.
struct Unpack {
    pixel: Pixel,
    map: Bytes,
    /// The number of the first color in the map.
    map_first: usize,
    /// The colors of all indices of one byte.
    short_map: Option<Box<[Option<[u8; 4]>; 256]>>,
    right_to_left: bool,
}

impl Unpack {
    fn row(&self, stored: &[u8], out: &mut [u8]) -> Result<(), Error> {
        match self.pixel {
            Pixel::Gray | Pixel::GrayAlpha => out.copy_from_slice(stored),
            Pixel::Color(color) => unpack_colors(color, stored, out),
            Pixel::Index(1, _) => {
                let map = self.short_map.as_ref().ok_or(Error::Internal)?;
                look_up(
                    stored.iter().map(|&index| map[usize::from(index)]),
                    self.pixel.channels(),
                    out,
                )?;
            }
            Pixel::Index(_, color) => {
                let indices = stored.as_chunks().0.iter().map(|&index| u16::from_le_bytes(index));
                look_up(
                    indices.map(|index| self.mapped(index, color)),
                    self.pixel.channels(),
                    out,
                )?;
            }
        }
        if self.right_to_left {
            match self.pixel.channels() {
                1 => out.reverse(),
                2 => out.as_chunks_mut::<2>().0.reverse(),
                3 => out.as_chunks_mut::<3>().0.reverse(),
                _ => out.as_chunks_mut::<4>().0.reverse(),
            }
        }
        Ok(())
    }

    /// The color of an index, opaque where the map holds no alpha.
    fn mapped(&self, index: u16, color: Color) -> Option<[u8; 4]> {
        let bytes = color.bytes();
        let start = usize::from(index).checked_sub(self.map_first)? * bytes;
        let stored = self.map.get(start..start + bytes)?;
        let mut found = [255; 4];
        let channels = if color == Color::Bgra { 4 } else { 3 };
        unpack_colors(color, stored, found.get_mut(..channels)?);
        Some(found)
    }
}

fn look_up(
    colors: impl Iterator<Item = Option<[u8; 4]>>,
    channels: u8,
    out: &mut [u8],
) -> Result<(), Error> {
    if channels == 4 {
        for (out, color) in out.as_chunks_mut().0.iter_mut().zip(colors) {
            *out = color.ok_or(INVALID)?;
        }
    } else {
        for (out, color) in out.as_chunks_mut().0.iter_mut().zip(colors) {
            let [r, g, b, _] = color.ok_or(INVALID)?;
            *out = [r, g, b];
        }
    }
    Ok(())
}

fn unpack_colors(color: Color, stored: &[u8], out: &mut [u8]) {
    match color {
        Color::Bgr15 => {
            for (out, &bits) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                let bits = u16::from_le_bytes(bits);
                // The nearest in 255ths.
                *out = [10, 5, 0].map(|shift| (((bits >> shift & 31) * 255 + 15) / 31) as u8);
            }
        }
        Color::Bgr => {
            for (out, &[b, g, r]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                *out = [r, g, b];
            }
        }
        Color::Bgrx => {
            for (out, &[b, g, r, _]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                *out = [r, g, b];
            }
        }
        Color::Bgra => {
            for (out, &[b, g, r, a]) in out.as_chunks_mut().0.iter_mut().zip(stored.as_chunks().0) {
                *out = [r, g, b, a];
            }
        }
    }
}

/// Rows in packets.
struct Packed {
    info: Info,
    position: Position,
    /// Where the next row's packets go on.
    at: u64,
    packet: Packet,
    unpack: Unpack,
    /// A row's bytes, out of their packets.
    row: Vec<u8>,
    strip: Strip,
}

/// What is left of the latest packet.
#[derive(Clone, Copy)]
struct Packet {
    left: usize,
    /// Whether its pixels are all this one; else they follow in the file.
    repeats: bool,
    pixel: [u8; 4],
}

impl Packed {
    /// Takes the next row out of its packets, each of which has a pixel at least.
    fn fill_row(&mut self, input: &[u8]) -> Result<(), Error> {
        match self.unpack.pixel.bytes() {
            1 => self.fill_pixels::<1>(input),
            2 => self.fill_pixels::<2>(input),
            3 => self.fill_pixels::<3>(input),
            _ => self.fill_pixels::<4>(input),
        }
    }

    fn fill_pixels<const BYTES: usize>(&mut self, whole: &[u8]) -> Result<(), Error> {
        let mut rest = self.row.as_chunks_mut::<BYTES>().0;
        let mut input = whole;
        let mut packet = self.packet;
        while !rest.is_empty() {
            if packet.left == 0 {
                let (&head, after) = input.split_first().ok_or(TRUNCATED)?;
                input = after;
                packet.left = usize::from(head & 0x7F) + 1;
                packet.repeats = head & 0x80 != 0;
                if packet.repeats {
                    let (pixel, after) = input.split_first_chunk::<BYTES>().ok_or(TRUNCATED)?;
                    input = after;
                    for (kept, &byte) in packet.pixel.iter_mut().zip(pixel) {
                        *kept = byte;
                    }
                }
            }
            let pixels = packet.left.min(rest.len());
            let (out, after) = rest.split_at_mut(pixels);
            rest = after;
            packet.left -= pixels;
            if packet.repeats {
                let &pixel = packet.pixel.first_chunk::<BYTES>().ok_or(Error::Internal)?;
                out.fill(pixel);
            } else {
                let (stored, after) = input.split_at_checked(pixels * BYTES).ok_or(TRUNCATED)?;
                input = after;
                out.copy_from_slice(stored.as_chunks().0);
            }
        }
        self.at += (whole.len() - input.len()) as u64;
        self.packet = packet;
        Ok(())
    }
}

impl RowSource for Packed {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        self.strip.memory() + u64::from(self.info.width) * self.unpack.pixel.bytes() as u64
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.row.is_empty() {
            self.row = zeroed(self.info.width as usize * self.unpack.pixel.bytes())?;
        }
        let wanted = self.position.strip(self.strip.fit(max_rows)).len();
        let mut rows = 0;
        while rows < wanted {
            match self.fill_row(input.bytes_from(self.at)?) {
                Ok(()) => {}
                // What is there counts: the error comes again.
                Err(_) if rows > 0 => break,
                Err(error) => return Err(error),
            }
            let out = self.strip.room(wanted)?.chunks_exact_mut(self.info.row_bytes()).nth(rows);
            self.unpack.row(&self.row, out.ok_or(Error::Internal)?)?;
            rows += 1;
        }
        self.position.next += rows as u32;
        Ok(Poll::Ready(self.strip.rows(rows)))
    }
}
