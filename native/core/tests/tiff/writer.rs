//! A writer of TIFFs of every kind: nothing is clever, and nothing is checked.

use std::io::Write;

use crate::fax_rows::{Fax, encode};

/// What to write, and how.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) size: (u32, u32),
    pub(crate) bits: u32,
    pub(crate) samples: u32,
    pub(crate) photometric: u16,
    pub(crate) format: u16,
    pub(crate) extra: Vec<u16>,
    pub(crate) compression: u16,
    pub(crate) predictor: u16,
    pub(crate) planar: bool,
    pub(crate) tiles: bool,
    /// Of a strip the first one is not used.
    pub(crate) chunk: (u32, u32),
    pub(crate) big_endian: bool,
    pub(crate) big: bool,
    pub(crate) fill_order: u16,
    /// How rows of faxes begin.
    pub(crate) fax: Fax,
    /// Further fields: tag, type and values.
    pub(crate) more: Vec<(u16, u16, Vec<u64>)>,
}

impl Default for Writer {
    fn default() -> Self {
        Writer {
            size: (7, 5),
            bits: 8,
            samples: 3,
            photometric: 2,
            format: 1,
            extra: Vec::new(),
            compression: 1,
            predictor: 1,
            planar: false,
            tiles: false,
            chunk: (16, 16),
            big_endian: false,
            big: false,
            fill_order: 1,
            fax: Fax::default(),
            more: Vec::new(),
        }
    }
}

pub(crate) const NONE: u16 = 1;
pub(crate) const RLE: u16 = 2;
pub(crate) const FAX3: u16 = 3;
pub(crate) const FAX4: u16 = 4;
pub(crate) const LZW: u16 = 5;
pub(crate) const OLD_JPEG: u16 = 6;
pub(crate) const JPEG: u16 = 7;
pub(crate) const DEFLATE: u16 = 8;
pub(crate) const OLD_DEFLATE: u16 = 32_946;
pub(crate) const RLE_WORDS: u16 = 32_771;
pub(crate) const PACK_BITS: u16 = 32_773;
pub(crate) const LZMA: u16 = 34_925;
pub(crate) const ZSTD: u16 = 50_000;
pub(crate) const WEBP: u16 = 50_001;

pub(crate) const SHORT: u16 = 3;
pub(crate) const LONG: u16 = 4;
const LONG8: u16 = 16;

fn type_bytes(kind: u16) -> usize {
    match kind {
        1 | 7 => 1,
        3 => 2,
        4 => 4,
        5 | 16 => 8,
        _ => unreachable!(),
    }
}

impl Writer {
    pub(crate) fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            value.to_le_bytes()[..bytes].to_vec()
        }
    }

    /// One chunk's rows: samples of `pixel` at each place, packed into bytes.
    fn rows<V: Into<u64>>(
        &self,
        (width, height): (u32, u32),
        samples: &[u32],
        place: impl Fn(u32, u32, u32) -> V,
    ) -> Vec<Vec<u8>> {
        let bits = self.bits as usize;
        let mask = u64::MAX >> (64 - bits);
        let row = |y| {
            let mut row: Vec<u64> = Vec::new();
            for x in 0..width {
                row.extend(samples.iter().map(|&sample| place(x, y, sample).into()));
            }
            let n = samples.len();
            if self.predictor == 2 {
                for i in (n..row.len()).rev() {
                    row[i] = row[i].wrapping_sub(row[i - n]) & mask;
                }
            }
            if !bits.is_multiple_of(8) {
                let mut packed = vec![0u8; (row.len() * bits).div_ceil(8)];
                for (i, &value) in row.iter().enumerate() {
                    for bit in 0..bits {
                        let at = i * bits + bit;
                        packed[at / 8] |= ((value >> (bits - 1 - bit) & 1) as u8) << (7 - at % 8);
                    }
                }
                return packed;
            }
            if self.predictor == 3 {
                let mut planes = Vec::new();
                for byte in (0..bits / 8).rev() {
                    planes.extend(row.iter().map(|value| (value >> (8 * byte)) as u8));
                }
                for i in (n..planes.len()).rev() {
                    planes[i] = planes[i].wrapping_sub(planes[i - n]);
                }
                return planes;
            }
            row.iter().flat_map(|&value| self.number(value, bits / 8)).collect()
        };
        (0..height).map(row).collect()
    }

    pub(crate) fn compress(&self, rows: &[Vec<u8>], width: u32) -> Vec<u8> {
        let whole = rows.concat();
        let mut packed = match self.compression {
            LZW => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
                .encode(&whole)
                .unwrap(),
            DEFLATE | OLD_DEFLATE => {
                let mut encoder =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(&whole).unwrap();
                encoder.finish().unwrap()
            }
            PACK_BITS => rows.iter().flat_map(|row| pack_bits(row)).collect(),
            ZSTD => ruzstd::encoding::compress_to_vec(
                &whole[..],
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            LZMA => {
                // Of the usual window, where that makes a difference: it takes time.
                let preset = if whole.len() > 1 << 20 { 6 } else { 0 };
                let mut options = lzma_rust2::XzOptions::with_preset(preset);
                // As libtiff does; and now and then without.
                if self.bits.is_multiple_of(8) {
                    options.prepend_pre_filter(lzma_rust2::FilterType::Delta, self.bits / 8);
                }
                let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
                writer.write_all(&whole).unwrap();
                writer.finish().unwrap()
            }
            WEBP => {
                let mut out = Vec::new();
                let color = if self.samples == 4 {
                    image::ExtendedColorType::Rgba8
                } else {
                    image::ExtendedColorType::Rgb8
                };
                image::codecs::webp::WebPEncoder::new_lossless(&mut out)
                    .encode(&whole, width, rows.len() as u32, color)
                    .unwrap();
                out
            }
            RLE | RLE_WORDS | FAX3 | FAX4 => encode(rows, width, self.compression, self.fax),
            _ => whole,
        };
        if self.fill_order == 2 {
            packed.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        packed
    }

    /// Where chunks begin, and of what width and height they are, in the order of the file.
    pub(crate) fn places(&self) -> Vec<((u32, u32), (u32, u32))> {
        let mut places = Vec::new();
        for top in (0..self.size.1).step_by(self.chunk.1 as usize) {
            for left in (0..self.across()).map(|across| across * self.chunk.0) {
                let size = match self.tiles {
                    true => self.chunk,
                    false => (self.size.0, self.chunk.1.min(self.size.1 - top)),
                };
                places.push(((left, top), size));
            }
        }
        places
    }

    pub(crate) fn across(&self) -> u32 {
        if self.tiles { self.size.0.div_ceil(self.chunk.0) } else { 1 }
    }

    /// Draws `pixel(x, y, sample)`. Outside of the picture as well, where tiles reach.
    pub(crate) fn write<V: Into<u64>>(&self, pixel: impl Fn(u32, u32, u32) -> V) -> Vec<u8> {
        let (width, height) = self.size;
        let mut chunks = Vec::new();
        let all: Vec<u32> = (0..self.samples).collect();
        let planes: Vec<&[u32]> = if self.planar { all.chunks(1).collect() } else { vec![&all] };
        for plane in planes {
            for down in 0..height.div_ceil(self.chunk.1) {
                for across in 0..self.across() {
                    let (left, top) = (across * self.chunk.0, down * self.chunk.1);
                    let size = if self.tiles {
                        self.chunk
                    } else {
                        (width, self.chunk.1.min(height - top))
                    };
                    let rows =
                        self.rows(size, plane, |x, y, sample| pixel(left + x, top + y, sample));
                    chunks.push(self.compress(&rows, size.0));
                }
            }
        }
        self.assemble(&chunks)
    }

    /// The directory in front, then what does not fit in it, then the chunks.
    pub(crate) fn assemble(&self, chunks: &[Vec<u8>]) -> Vec<u8> {
        let count = chunks.len();
        let offset_type = if self.big { LONG8 } else { LONG };
        let once = |tag: u16, value: u32| (tag, LONG, vec![u64::from(value)]);
        let short = |tag: u16, value: u16| (tag, SHORT, vec![u64::from(value)]);
        let mut fields = vec![
            once(256, self.size.0),
            once(257, self.size.1),
            (258, SHORT, vec![u64::from(self.bits); self.samples as usize]),
            short(259, self.compression),
            short(262, self.photometric),
            short(277, self.samples as u16),
            short(317, self.predictor),
            short(284, 1 + u16::from(self.planar)),
            short(266, self.fill_order),
            (339, SHORT, vec![u64::from(self.format); self.samples as usize]),
        ];
        if self.compression == FAX3 {
            fields.push(once(292, self.fax.options()));
        }
        if !self.extra.is_empty() {
            fields.push((338, SHORT, self.extra.iter().map(|&extra| extra.into()).collect()));
        }
        let (offsets, counts) = if self.tiles { (324, 325) } else { (273, 279) };
        if self.tiles {
            fields.extend([once(322, self.chunk.0), once(323, self.chunk.1)]);
        } else {
            fields.push(once(278, self.chunk.1));
        }
        fields.push((offsets, offset_type, vec![0; count]));
        fields.push((counts, LONG, chunks.iter().map(|chunk| chunk.len() as u64).collect()));
        fields.extend(self.more.clone());
        fields.sort();
        let (head, entry, inline) = if self.big { (16, 20, 8) } else { (8, 12, 4) };
        let directory = head + if self.big { 8 } else { 2 } + fields.len() * entry + inline;
        let outside: usize = fields
            .iter()
            .map(|(_, kind, values)| values.len() * type_bytes(*kind))
            .filter(|&bytes| bytes > inline)
            .sum();
        let mut at = (directory + outside) as u64;
        let places = fields.iter_mut().find(|field| field.0 == offsets).unwrap();
        for (place, chunk) in places.2.iter_mut().zip(chunks) {
            *place = at;
            at += chunk.len() as u64;
        }
        let mut out = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        if self.big {
            out.extend([self.number(43, 2), self.number(8, 2), self.number(0, 2)].concat());
        } else {
            out.extend(self.number(42, 2));
        }
        out.extend(self.number(head as u64, inline));
        out.extend(self.number(fields.len() as u64, if self.big { 8 } else { 2 }));
        let mut behind = Vec::new();
        for (tag, kind, values) in &fields {
            let bytes: Vec<u8> =
                values.iter().flat_map(|&value| self.number(value, type_bytes(*kind))).collect();
            out.extend([self.number((*tag).into(), 2), self.number((*kind).into(), 2)].concat());
            out.extend(self.number(values.len() as u64, inline));
            if bytes.len() <= inline {
                out.extend(&bytes);
                out.extend(vec![0; inline - bytes.len()]);
            } else {
                out.extend(self.number((directory + behind.len()) as u64, inline));
                behind.extend(bytes);
            }
        }
        out.extend(self.number(0, inline));
        out.extend(behind);
        chunks.iter().for_each(|chunk| out.extend(chunk));
        out
    }
}

/// Runs of two and more, what is between them as it is, and now and then a header that says
/// nothing.
fn pack_bits(row: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80];
    let mut at = 0;
    while at < row.len() {
        let run = row[at..].iter().take(128).take_while(|&&byte| byte == row[at]).count();
        if run > 1 {
            out.extend([(257 - run) as u8, row[at]]);
            at += run;
        } else {
            let literal =
                row[at..].windows(2).take(128).take_while(|pair| pair[0] != pair[1]).count().max(1);
            out.push(literal as u8 - 1);
            out.extend(&row[at..at + literal]);
            at += literal;
        }
    }
    out
}
