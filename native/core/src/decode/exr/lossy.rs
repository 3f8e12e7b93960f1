//! B44 and DWA, by the crate `exr`. In chunks of DWA it trusts what is written about sizes, looks
//! long codes up by trying them all, and inflates in one piece. So they are written anew for it:
//! within their bounds, and with sections that are no longer compressed.

use std::sync::OnceLock;

use exr::compression::Compression as Scheme;
use exr::meta::attribute::{
    ChannelDescription, IntegerBounds, LevelMode, SampleType, Text, TileDescription,
};
use exr::meta::header::Header;
use exr::meta::{BlockDescription, attribute::LineOrder};
use exr::prelude::{SmallVec, Vec2};

use super::header::{Compression, INVALID, Kind, Part, UNSUPPORTED, entries};
use super::huffman::Huffman;
use super::inflate::{INFLATE_BYTES, Inflate};
use crate::Error;
use crate::picture::zeroed;

pub(super) struct Lossy {
    scheme: Scheme,
    header: Header,
    channels: usize,
    dwa: Option<Dwa>,
}

/// A chunk of DWA on its way.
struct Dwa {
    huffman: Huffman,
    inflate: Inflate,
    /// The sections that are done, as streams that are not compressed.
    sections: Vec<Vec<u8>>,
}

/// The library compares every channel with every rule and every group of channels, for every chunk
/// of DWA.
const MAX_DWA_CHANNELS: usize = 16;

/// A rule takes at least 3 bytes. Writers use some dozens of bytes for all.
const MAX_RULES: usize = 256;

/// The library's own header, with some channels.
const HEADER_BYTES: u64 = 8 << 10;

/// What the library holds to decompress chunks of so many bytes, and the copy that it is given.
pub(super) fn memory(part: &Part, chunk: u64) -> u64 {
    match part.compression {
        // The copy, the planes and the lines.
        Compression::B44 | Compression::B44a => 3 * chunk + HEADER_BYTES,
        // The inflated section, the sections and the chunk written anew, what the library makes of
        // the sections and of each channel, and its blocks of coefficients, for three channels with
        // 4 bytes a sample.
        _ => {
            let (width, height) = part.chunk;
            let blocks = u64::from(width).div_ceil(8) * u64::from(height).div_ceil(8);
            let coefficients = blocks * 128 * part.channels.kinds.len() as u64;
            8 * chunk
                + 6 * coefficients
                + blocks * 1024
                + Huffman::BYTES
                + INFLATE_BYTES
                + (256 << 10)
        }
    }
}

impl Lossy {
    pub(super) fn new(part: &Part, input: &[u8]) -> Result<Self, Error> {
        let (scheme, is_dwa) = match part.compression {
            Compression::B44 => (Scheme::B44, false),
            Compression::B44a => (Scheme::B44A, false),
            Compression::Dwaa => (Scheme::DWAA(None), true),
            Compression::Dwab => (Scheme::DWAB(None), true),
            _ => return Err(Error::Internal),
        };
        let channels = part.channels.kinds.len();
        // The library gives samples in the machine's order.
        if cfg!(target_endian = "big") || (is_dwa && channels > MAX_DWA_CHANNELS) {
            return Err(UNSUPPORTED);
        }
        let list = input.get(part.channels.list.clone()).ok_or(Error::Internal)?;
        let described: SmallVec<[ChannelDescription; 5]> = entries(list)
            .map(|entry| {
                let kind = match entry.kind {
                    Kind::U32 => SampleType::U32,
                    Kind::F16 => SampleType::F16,
                    Kind::F32 => SampleType::F32,
                };
                ChannelDescription::new(Text::from_slice_unchecked(entry.name), kind, entry.linear)
            })
            .collect();
        let size = Vec2(part.chunk.0 as usize, part.chunk.1 as usize);
        // One chunk is all that it needs to know of.
        let tile = TileDescription {
            tile_size: size,
            level_mode: LevelMode::Singular,
            rounding_mode: exr::math::RoundingMode::Down,
        };
        let header = Header::new(Text::from_slice_unchecked(b"chunk"), size, described)
            .with_encoding(scheme, BlockDescription::Tiles(tile), LineOrder::Increasing);
        let dwa = if is_dwa {
            prepare()?;
            // Runs may take twice their bytes, and blocks at the edges are whole.
            let blocks = size.0.div_ceil(8) * size.1.div_ceil(8) * channels;
            let len = (2 * part.channels.pixel_bytes * size.area()).max(128 * blocks);
            Some(Dwa {
                huffman: Huffman::new()?,
                inflate: Inflate::new(len)?,
                sections: Vec::new(),
            })
        } else {
            None
        };
        Ok(Lossy { scheme, header, channels, dwa })
    }

    /// Fills `out` with a chunk of `width` pixels a line. `false` while more steps are needed.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        width: usize,
        out: &mut [u8],
    ) -> Result<bool, Error> {
        let height = out.len() / (width * self.header.channels.bytes_per_pixel);
        let copy = match &mut self.dwa {
            Some(dwa) if !input.is_empty() => {
                let blocks = width.div_ceil(8) * height.div_ceil(8) * self.channels;
                match dwa.rewrite(input, out.len(), blocks)? {
                    Some(chunk) => chunk,
                    None => return Ok(false),
                }
            }
            _ => copied(&[input], 0)?,
        };
        let bounds = IntegerBounds::new(Vec2(0, 0), Vec2(width, height));
        let decoded = self
            .scheme
            .decompress_image_section_from_le(&self.header, copy, bounds, false)
            .map_err(|error| match error {
                exr::error::Error::NotSupported(_) => UNSUPPORTED,
                _ => INVALID,
            })?;
        if decoded.len() != out.len() {
            return Err(INVALID);
        }
        out.copy_from_slice(&decoded);
        Ok(true)
    }
}

/// Has the library build its table for DWA, once. It does so on the stack, where a scheduler's
/// thread may not have the room.
fn prepare() -> Result<(), Error> {
    static IS_READY: OnceLock<bool> = OnceLock::new();
    const STACK: usize = 2 << 20;
    let build = || {
        // One block of one channel, whose only coefficient says that there are no others.
        let mut counters = [0u64; COUNTERS];
        let (ac, dc) = (store(&[0x00, 0xff]).ok()?, store(&[0, 0]).ok()?);
        (counters[AC], counters[DC]) = (ac.len() as u64, dc.len() as u64);
        (counters[AC_COUNT], counters[DC_COUNT], counters[AC_KIND]) = (1, 1, 1);
        let chunk = copied(&[&counters.map(u64::to_le_bytes).concat(), &ac, &dc], 0).ok()?;
        let channel =
            ChannelDescription::new(Text::from_slice_unchecked(b"Y"), SampleType::F16, false);
        let (scheme, size) = (Scheme::DWAA(None), Vec2(8, 8));
        let mut header = Header::new(
            Text::from_slice_unchecked(b"chunk"),
            size,
            [channel].into_iter().collect(),
        );
        header.blocks = BlockDescription::ScanLines;
        header.compression = scheme;
        let bounds = IntegerBounds::new(Vec2(0, 0), size);
        scheme.decompress_image_section_from_le(&header, chunk, bounds, false).ok()
    };
    let in_thread = || {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || build().is_some());
        thread.is_ok_and(|thread| thread.join().unwrap_or(false))
    };
    if *IS_READY.get_or_init(in_thread) { Ok(()) } else { Err(UNSUPPORTED) }
}

/// One vector of several pieces, with room for some more.
fn copied(pieces: &[&[u8]], room: usize) -> Result<Vec<u8>, Error> {
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut copy = Vec::new();
    copy.try_reserve_exact(len + room).map_err(|_| Error::OutOfMemory)?;
    pieces.iter().for_each(|piece| copy.extend_from_slice(piece));
    Ok(copy)
}

/// The counters that a chunk of DWA begins with, by their places.
const VERSION: usize = 0;
const UNKNOWN_SIZE: usize = 1;
const UNKNOWN: usize = 2;
const AC: usize = 3;
const DC: usize = 4;
const RLE: usize = 5;
const RLE_SIZE: usize = 6;
const RLE_RAW: usize = 7;
const AC_COUNT: usize = 8;
const DC_COUNT: usize = 9;
const AC_KIND: usize = 10;
const COUNTERS: usize = 11;

impl Dwa {
    /// Takes a step towards a chunk whose counters fit the `raw` bytes and the `blocks` of 8 by 8
    /// samples that it has, and whose sections are not compressed.
    fn rewrite(
        &mut self,
        input: &[u8],
        raw: usize,
        blocks: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let (head, mut rest) = input.split_at_checked(COUNTERS * 8).ok_or(INVALID)?;
        let mut counters = [0u64; COUNTERS];
        for (counter, bytes) in counters.iter_mut().zip(head.as_chunks().0) {
            *counter = u64::from_le_bytes(*bytes);
        }
        check(&counters, raw as u64, blocks as u64)?;
        let mut rules: &[u8] = &[];
        if counters[VERSION] >= 2 {
            let &[a, b] = rest.first_chunk().ok_or(INVALID)?;
            let len = usize::from(u16::from_le_bytes([a, b]));
            if len > MAX_RULES {
                return Err(INVALID);
            }
            (rules, rest) = rest.split_at_checked(len).ok_or(INVALID)?;
        }
        // Where the length of each section stands, and how long it becomes.
        let sections = [
            (UNKNOWN, counters[UNKNOWN_SIZE]),
            (AC, counters[AC_COUNT] * 2),
            (DC, counters[DC_COUNT] * 2),
            (RLE, counters[RLE_SIZE]),
        ];
        for (number, (at, len)) in sections.into_iter().enumerate() {
            let packed = usize::try_from(counters[at]).map_err(|_| INVALID)?;
            let (section, others) = rest.split_at_checked(packed).ok_or(INVALID)?;
            rest = others;
            match self.sections.get(number) {
                Some(stored) => counters[at] = stored.len() as u64,
                None => {
                    let is_huffman = at == AC && counters[AC_KIND] == 0;
                    self.store_section(section, len as usize, is_huffman)?;
                    return Ok(None);
                }
            }
        }
        counters[AC_KIND] = 1;
        let head = counters.map(u64::to_le_bytes).concat();
        let [unknown, ac, dc, rle] = self.sections.as_slice() else { return Err(Error::Internal) };
        let mut chunk = copied(&[&head, rules, unknown, ac, dc, rle], 1)?;
        // Of the length of its pixels, it would be taken for them. What follows the sections is not
        // looked at.
        if chunk.len() == raw {
            chunk.push(0);
        }
        self.sections.clear();
        Ok(Some(chunk))
    }

    /// Takes a step towards the next section, which becomes `len` bytes.
    fn store_section(&mut self, section: &[u8], len: usize, is_huffman: bool) -> Result<(), Error> {
        if len == 0 {
            self.sections.push(Vec::new());
        } else if is_huffman {
            let mut values: Vec<u16> = zeroed(len / 2)?;
            self.huffman.decode(section, &mut values)?;
            values.iter_mut().for_each(|value| *value = value.to_le());
            self.sections.push(store(bytemuck::cast_slice(&values))?);
        } else if self.inflate.step(section, len)? {
            self.sections.push(store(&self.inflate.bytes[..len])?);
        }
        Ok(())
    }
}

/// Whether the counters fit so many bytes of pixels, and so many blocks of 8 by 8 samples.
fn check(counters: &[u64; COUNTERS], raw: u64, blocks: u64) -> Result<(), Error> {
    let most = [
        (UNKNOWN_SIZE, raw),
        (RLE_RAW, raw),
        // A byte alone takes two as a run.
        (RLE_SIZE, 2 * raw),
        (AC_COUNT, 63 * blocks),
        (DC_COUNT, blocks),
        (AC_KIND, 1),
    ];
    let fits = most.into_iter().all(|(at, most)| counters[at] <= most);
    // A channel is in one of them.
    if fits && counters[UNKNOWN_SIZE] + counters[RLE_RAW] <= raw { Ok(()) } else { Err(INVALID) }
}

/// A zlib stream of blocks that are not compressed.
fn store(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    const BLOCK: usize = 0xffff;
    let mut stream = Vec::new();
    let blocks = bytes.len().div_ceil(BLOCK);
    stream.try_reserve_exact(bytes.len() + blocks * 5 + 6).map_err(|_| Error::OutOfMemory)?;
    stream.extend_from_slice(&[0x78, 0x01]);
    let (mut low, mut high) = (1u32, 0u32);
    for (at, block) in bytes.chunks(BLOCK).enumerate() {
        let len = block.len() as u16;
        stream.push(u8::from(at + 1 == blocks));
        stream.extend_from_slice(&len.to_le_bytes());
        stream.extend_from_slice(&(!len).to_le_bytes());
        stream.extend_from_slice(block);
        // So many can be added up before they have to be reduced.
        for bytes in block.chunks(5552) {
            for &byte in bytes {
                low += u32::from(byte);
                high += low;
            }
            low %= 65_521;
            high %= 65_521;
        }
    }
    stream.extend_from_slice(&(high << 16 | low).to_be_bytes());
    Ok(stream)
}
