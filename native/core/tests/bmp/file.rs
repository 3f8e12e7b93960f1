//! What writes the files.

use bytes::Bytes;
use image::RgbaImage;
use thumbelina_core::{Error, Format, Output};

use crate::common::{as_it_comes, decode, in_pieces, unbounded};

/// A file to be written.
#[derive(Clone)]
pub struct File {
    pub header_bytes: u32,
    pub width: u32,
    pub height: u32,
    pub top_down: bool,
    pub bits: u16,
    pub compression: u32,
    pub masks: [u32; 4],
    pub palette: Vec<[u8; 3]>,
    pub data: Vec<u8>,
}

impl File {
    pub fn new(width: u32, height: u32, bits: u16) -> Self {
        File {
            header_bytes: 40,
            width,
            height,
            top_down: false,
            bits,
            compression: 0,
            masks: [0; 4],
            palette: Vec::new(),
            data: Vec::new(),
        }
    }

    pub fn write(&self) -> Bytes {
        let mut header = self.header_bytes.to_le_bytes().to_vec();
        let color_bytes = if self.header_bytes == 12 { 3 } else { 4 };
        if self.header_bytes == 12 {
            header.extend((self.width as u16).to_le_bytes());
            header.extend((self.height as u16).to_le_bytes());
            header.extend([1, 0]);
            header.extend(self.bits.to_le_bytes());
        } else {
            let height = self.height.cast_signed();
            header.extend(self.width.to_le_bytes());
            header.extend((if self.top_down { -height } else { height }).to_le_bytes());
            header.extend([1, 0]);
            header.extend(self.bits.to_le_bytes());
            header.extend(self.compression.to_le_bytes());
            header.extend((self.data.len() as u32).to_le_bytes());
            header.extend([0; 8]);
            header.extend((self.palette.len() as u32).to_le_bytes());
            header.extend([0; 4]);
            for mask in self.masks {
                header.extend(mask.to_le_bytes());
            }
            let masks = match (self.header_bytes, self.compression) {
                (40, 3) => 12,
                (40, 6) => 16,
                _ => 0,
            };
            header.resize(self.header_bytes as usize + masks, 0);
        }
        for &[r, g, b] in &self.palette {
            header.extend(&[b, g, r, 0][..color_bytes]);
        }
        let offset = 14 + header.len() as u32;
        let mut file = b"BM".to_vec();
        file.extend((offset + self.data.len() as u32).to_le_bytes());
        file.extend([0; 4]);
        file.extend(offset.to_le_bytes());
        file.extend(header);
        file.extend(&self.data);
        Bytes::from(file)
    }

    /// Rows of `bits`-bit numbers, given from the top, into the file's order, padded to four bytes.
    pub fn with_rows(mut self, rows: &[Vec<u32>]) -> Self {
        let mut stored: Vec<Vec<u8>> = rows.iter().map(|row| packed(row, self.bits)).collect();
        if !self.top_down {
            stored.reverse();
        }
        self.data = stored.concat();
        self
    }
}

pub fn packed(row: &[u32], bits: u16) -> Vec<u8> {
    let mut out: Vec<u8> = if bits < 8 {
        row.chunks(8 / usize::from(bits))
            .map(|numbers| {
                numbers
                    .iter()
                    .zip(1u16..)
                    .fold(0, |byte, (&n, i)| byte | (n as u8) << (8 - i * bits))
            })
            .collect()
    } else {
        row.iter().flat_map(|n| n.to_le_bytes()[..usize::from(bits / 8)].to_vec()).collect()
    };
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// Numbers that look like nothing, the same for the same seed.
pub fn noise(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed.wrapping_mul(2) + 1;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    }
}

pub fn numbers(width: u32, height: u32, below: u64, seed: u64) -> Vec<Vec<u32>> {
    let mut next = noise(seed);
    let mut number = || ((u64::from(next()) << 31 | u64::from(next())) % below) as u32;
    (0..height).map(|_| (0..width).map(|_| number()).collect()).collect()
}

pub fn palette(colors: usize) -> Vec<[u8; 3]> {
    (0..colors)
        .map(|i| {
            [
                (i as u8).wrapping_mul(7).wrapping_add(3),
                255 - i as u8,
                (i as u8).wrapping_mul(29) ^ 0x55,
            ]
        })
        .collect()
}

pub fn lossless() -> Output {
    Output { format: Some(Format::Png), ..Output::default() }
}

/// The picture as it is, the same on every scheduler.
pub fn as_is(file: &Bytes) -> Result<RgbaImage, Error> {
    let pieces = in_pieces(file, lossless());
    assert!(pieces == unbounded(file, lossless()));
    assert!(pieces == as_it_comes(file, lossless()), "as it comes");
    Ok(decode(&pieces?.bytes).to_rgba8())
}

pub fn of_pixels(rows: &[Vec<u32>], pixel: impl Fn(u32) -> [u8; 4]) -> RgbaImage {
    let (width, height) = (rows[0].len() as u32, rows.len() as u32);
    RgbaImage::from_fn(width, height, |x, y| image::Rgba(pixel(rows[y as usize][x as usize])))
}
