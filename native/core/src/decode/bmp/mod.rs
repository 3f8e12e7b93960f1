//! BMP, and the bitmaps in icons. Rows that lie in the file as they are get looked up from the top;
//! run lengths are decoded as they come, most often from the bottom.

mod header;
mod rle;
mod unpack;

use bytes::Bytes;
use rayon::ThreadPool;

use self::header::Dib;
use self::rle::Rle;
use self::unpack::Unpack;
use super::{Position, Read, RowSource};
use crate::pixels::{Rows, zeroed};
use crate::{Depth, Error, Format, Header, Layout, cost};

pub(super) struct Bmp {
    input: Bytes,
    header: Header,
    stored: Stored,
    unpack: Unpack,
    mask: Option<Mask>,
    position: Position,
    strip: Vec<u8>,
}

enum Stored {
    Plain(Plain),
    Rle(Rle),
}

/// Rows as they are in the file.
#[derive(Clone, Copy)]
struct Plain {
    offset: u64,
    row_bytes: usize,
    /// Bytes from one row to the next.
    stride: u64,
    bottom_up: bool,
}

/// The pixels of an icon that nothing is drawn of, a bit each, from the bottom up.
#[derive(Clone, Copy)]
struct Mask(Plain);

/// What is handed over at a time, unless a single row is longer: enough for the work around it not
/// to show.
const STRIP_BYTES: usize = 128 << 10;

/// Run lengths let out in every step, on top of a byte for each of its pixels: codes can go on for
/// as long as the file without giving a single one.
const BYTES_PER_STEP: usize = 4 << 10;

impl Bmp {
    pub(super) fn open(input: Bytes) -> Result<Self, Error> {
        let dib = header::of_file(&input)?;
        Ok(Self::new(input, Format::Bmp, dib, None))
    }

    /// The entry of an icon that begins at `at`, and ends before `end` by the icon's directory.
    pub(super) fn open_icon(input: Bytes, at: usize, end: u64) -> Result<Self, Error> {
        let mut dib = header::of_icon(&input, at)?;
        if dib.runs.is_some() {
            return Err(Error::Unsupported(Format::Ico));
        }
        dib.height /= 2;
        let mask = Mask::of(&dib, end, input.len() as u64);
        Ok(Self::new(input, Format::Ico, dib, mask))
    }

    fn new(input: Bytes, format: Format, dib: Dib, mask: Option<Mask>) -> Self {
        let layout = Layout::new(if dib.has_alpha { 4 } else { 3 }, Depth::U8);
        let mut header = Header::new(format, dib.width, dib.height, layout);
        let stored = match dib.runs {
            Some(pixels) => {
                header.bottom_up = !dib.top_down;
                let data = (input.len() as u64).saturating_sub(dib.offset);
                header.decode_nanos += data.min(2 * header.pixels()) * cost::NANOS_PER_BYTE;
                let at = usize::try_from(dib.offset).unwrap_or(usize::MAX);
                Stored::Rle(Rle::new(pixels, dib.width, dib.height, at))
            }
            None => Stored::Plain(Plain::of(&dib)),
        };
        let position = Position::start(dib.height);
        Bmp { input, header, stored, unpack: dib.unpack, mask, position, strip: Vec::new() }
    }

    /// The most rows of one strip.
    fn strip_rows(&self) -> u32 {
        (STRIP_BYTES / self.header.row_bytes().max(1)).max(1) as u32
    }
}

impl Plain {
    fn of(dib: &Dib) -> Self {
        let bits = u64::from(dib.width) * u64::from(dib.bits);
        Plain {
            offset: dib.offset,
            row_bytes: bits.div_ceil(8) as usize,
            stride: bits.div_ceil(32) * 4,
            bottom_up: !dib.top_down,
        }
    }

    /// Row `y` of `height`, from the top.
    fn row(self, input: &[u8], y: u32, height: u32) -> Option<&[u8]> {
        let index = if self.bottom_up { height - 1 - y } else { y };
        let start = self.offset.checked_add(u64::from(index).checked_mul(self.stride)?)?;
        input.get(usize::try_from(start).ok()?..)?.get(..self.row_bytes)
    }
}

impl Mask {
    /// It follows the pixels, if the directory leaves room for it. One that leaves none for the
    /// pixels themselves is wrong, and the file alone counts.
    fn of(dib: &Dib, end: u64, file_end: u64) -> Option<Self> {
        let bytes = |stride: u64| stride.checked_mul(dib.height.into());
        let offset = dib.offset.checked_add(bytes(Plain::of(dib).stride)?)?;
        let stride = u64::from(dib.width).div_ceil(32) * 4;
        let mask_end = offset.checked_add(bytes(stride)?)?;
        let has_room = mask_end <= file_end && (mask_end <= end || end < offset);
        let row_bytes = dib.width.div_ceil(8) as usize;
        has_room.then_some(Mask(Plain { offset, row_bytes, stride, bottom_up: true }))
    }
}

impl RowSource for Bmp {
    fn header(&self) -> Header {
        self.header
    }

    fn next_nanos(&self) -> u64 {
        self.header.decode_nanos / u64::from(self.header.height)
    }

    fn memory(&self) -> u64 {
        let rows = self.strip_rows().min(self.header.height);
        let run_row = if let Stored::Rle(rle) = &self.stored { rle.row_bytes() } else { 0 };
        (rows as usize * self.header.row_bytes() + run_row + size_of::<Self>() + size_of::<unpack::Masks>())
            as u64
    }

    fn read(&mut self, max_rows: u32, _pool: Option<&ThreadPool>) -> Result<Read<'_>, Error> {
        let strip = self.position.strip(max_rows.min(self.strip_rows()));
        let Header { format, height, layout, .. } = self.header;
        let row_bytes = self.header.row_bytes();
        let len = strip.len() * row_bytes;
        if self.strip.len() < len {
            self.strip = zeroed(len)?;
        }
        let mut budget = strip.len() * self.header.width as usize + BYTES_PER_STEP;
        let mut written = 0;
        for (y, out) in strip.zip(self.strip.chunks_exact_mut(row_bytes)) {
            let mut unpack = |stored: &[u8]| self.unpack.row(stored, out, layout.has_alpha());
            let truncated = Error::Truncated(format);
            match &mut self.stored {
                Stored::Rle(rle) => {
                    if !rle.read_row(&self.input, &mut budget, truncated, unpack)? {
                        break;
                    }
                }
                Stored::Plain(plain) => unpack(plain.row(&self.input, y, height).ok_or(truncated)?),
            }
            if let Some(Mask(mask)) = self.mask {
                clear(out, mask.row(&self.input, y, height).ok_or(truncated)?);
            }
            written += row_bytes;
            self.position.next = y + 1;
        }
        Ok(if written == 0 { Read::Working } else { Read::Rows(Rows::U8(&self.strip[..written])) })
    }
}

/// Makes clear what the mask says.
fn clear(row: &mut [u8], mask: &[u8]) {
    for (pixels, &byte) in row.as_chunks_mut::<4>().0.chunks_mut(8).zip(mask) {
        for (bit, pixel) in pixels.iter_mut().enumerate() {
            if byte & 0x80 >> bit != 0 {
                pixel[3] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 600 rows of nothing, as they are and as run lengths, in palettes of one color.
    fn file(width: u32, bits: u8, compression: u8) -> Bytes {
        let mut file = b"BM\0\0\0\0\0\0\0\0\x3A\0\0\0\x28\0\0\0".to_vec();
        file.extend(width.to_le_bytes());
        file.extend([0x58, 2, 0, 0, 1, 0, bits, 0, compression]);
        file.resize(46, 0);
        file.extend([1, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7, 0]);
        if compression == 0 {
            file.resize(58 + width.next_multiple_of(4) as usize * 600 * usize::from(bits) / 8, 0);
        } else {
            file.extend([0, 1]);
        }
        Bytes::from(file)
    }

    #[test]
    fn what_is_held_is_what_is_said() {
        for (width, bits, compression) in
            [(1, 8, 0), (10, 8, 1), (1_000, 8, 0), (1_000, 8, 1), (90_000, 8, 1)]
        {
            let mut bmp = Bmp::open(file(width, bits, compression)).unwrap_or_else(|e| unreachable!("{e}"));
            let said = bmp.memory();
            let mut rows = 0;
            while rows < 600 {
                match bmp.read(u32::MAX, None) {
                    Ok(Read::Rows(Rows::U8(read))) => rows += read.len() / (3 * width as usize),
                    Ok(_) => {}
                    Err(error) => unreachable!("{error}"),
                }
            }
            let row = if let Stored::Rle(rle) = &bmp.stored { rle.row_bytes() } else { 0 };
            let held = (bmp.strip.capacity() + row) as u64;
            assert!(held <= said && said <= held + held / 10 + 4_096, "{width}: {held} of {said}");
            assert_eq!(bmp.memory(), said);
        }
    }
}
