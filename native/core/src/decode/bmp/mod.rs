//! BMP, and the bitmaps in icons. Rows come in the file's order, which is most often from the
//! bottom up.

mod header;
mod rle;
mod unpack;

use bytes::Bytes;
use thumbelina_codec::{Context, Input, Poll};

use self::header::Dib;
use self::rle::Rle;
use self::unpack::Unpack;
use super::source::{Position, RowSource};
use crate::picture::{Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout, cost};

pub(super) struct Bmp {
    info: Info,
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
}

/// The pixels of an icon that nothing is drawn of, a bit each, from the bottom up.
struct Mask {
    file: Bytes,
    rows: Plain,
}

/// What is handed over at a time, unless a single row is longer: enough for the work around it not
/// to show.
const STRIP_BYTES: usize = 128 << 10;

/// Run lengths let out in every step, on top of a byte for each of its pixels: codes can go on for
/// as long as the file without giving a single one.
const BYTES_PER_STEP: usize = 4 << 10;

impl Bmp {
    pub(super) fn open(input: &[u8]) -> Result<Self, Error> {
        Ok(Self::new(input.len(), Format::Bmp, header::of_file(input)?, None))
    }

    /// The entry of an icon that begins at `at`, and ends before `end` by the icon's directory.
    pub(super) fn open_icon(input: Bytes, at: usize, end: u64) -> Result<Self, Error> {
        let mut dib = header::of_icon(&input, at)?;
        if dib.runs.is_some() {
            return Err(Error::Unsupported(Format::Ico));
        }
        dib.height /= 2;
        let len = input.len();
        // Alpha of its own comes before the mask; but a picture that is clear all over has none.
        let has_own = matches!(dib.unpack, Unpack::Bgra) && has_alpha(&input, dib.offset);
        if !has_own && matches!(dib.unpack, Unpack::Bgra) {
            dib.unpack = Unpack::Bgrx;
        }
        let mask = if has_own { None } else { Mask::of(&dib, end, input) };
        Ok(Self::new(len, Format::Ico, dib, mask))
    }

    /// Of an input of which so many bytes are there.
    fn new(len: usize, format: Format, dib: Dib, mask: Option<Mask>) -> Self {
        let layout = Layout::new(if dib.has_alpha { 4 } else { 3 }, Depth::U8);
        let mut info = Info::new(format, dib.width, dib.height, layout);
        info.bottom_up = !dib.top_down;
        let stored = match dib.runs {
            Some(pixels) => {
                let data = (len as u64).saturating_sub(dib.offset);
                info.nanos.all += data.min(2 * info.pixels()) * cost::NANOS_PER_BYTE;
                Stored::Rle(Rle::new(pixels, dib.width, dib.height, dib.offset))
            }
            None => Stored::Plain(Plain::of(&dib)),
        };
        let position = Position::start(dib.height);
        Bmp { info, stored, unpack: dib.unpack, mask, position, strip: Vec::new() }
    }

    /// The most rows of one strip.
    fn strip_rows(&self) -> u32 {
        (STRIP_BYTES / self.info.row_bytes().max(1)).max(1) as u32
    }
}

/// What is looked at for alpha: four times the largest icon.
pub(super) const ALPHA_BYTES: usize = 1 << 20;

/// Whether any of the first pixels of four bytes is not clear.
fn has_alpha(file: &[u8], offset: u64) -> bool {
    let pixels = usize::try_from(offset).ok().and_then(|at| file.get(at..)).unwrap_or_default();
    let pixels = pixels.get(..ALPHA_BYTES).unwrap_or(pixels);
    pixels.as_chunks::<4>().0.iter().any(|&[_, _, _, alpha]| alpha != 0)
}

impl Plain {
    fn of(dib: &Dib) -> Self {
        let bits = u64::from(dib.width) * u64::from(dib.bits);
        Plain {
            offset: dib.offset,
            row_bytes: bits.div_ceil(8) as usize,
            stride: bits.div_ceil(32) * 4,
        }
    }

    /// Where the `n`th row of the file begins.
    fn row_at(&self, n: u32) -> Option<u64> {
        self.offset.checked_add(u64::from(n).checked_mul(self.stride)?)
    }
}

impl Mask {
    /// It follows the pixels, if the directory leaves room for it. One that leaves none for the
    /// pixels themselves is wrong, and the file alone counts.
    fn of(dib: &Dib, end: u64, file: Bytes) -> Option<Self> {
        let bytes = |stride: u64| stride.checked_mul(dib.height.into());
        let offset = dib.offset.checked_add(bytes(Plain::of(dib).stride)?)?;
        let stride = u64::from(dib.width).div_ceil(32) * 4;
        let mask_end = offset.checked_add(bytes(stride)?)?;
        let has_room = mask_end <= file.len() as u64 && (mask_end <= end || end < offset);
        let row_bytes = dib.width.div_ceil(8) as usize;
        has_room.then_some(Mask { file, rows: Plain { offset, row_bytes, stride } })
    }

    /// The `n`th row from the bottom.
    fn row(&self, n: u32) -> Option<&[u8]> {
        let start = usize::try_from(self.rows.row_at(n)?).ok()?;
        self.file.get(start..)?.get(..self.rows.row_bytes)
    }
}

impl RowSource for Bmp {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        let rows = self.strip_rows().min(self.info.height);
        let run_row = if let Stored::Rle(rle) = &self.stored { rle.row_bytes() } else { 0 };
        (rows as usize * self.info.row_bytes()
            + run_row
            + size_of::<Self>()
            + size_of::<unpack::Masks>()) as u64
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        let strip = self.position.strip(max_rows.min(self.strip_rows()));
        let &Info { format, height, layout, bottom_up, .. } = &self.info;
        let row_bytes = self.info.row_bytes();
        let len = strip.len() * row_bytes;
        if self.strip.len() < len {
            self.strip = zeroed(len)?;
        }
        let mut budget = strip.len() * self.info.width as usize + BYTES_PER_STEP;
        let mut written = 0;
        for (n, out) in strip.zip(self.strip.chunks_exact_mut(row_bytes)) {
            let unpack = |stored: &[u8]| self.unpack.row(stored, out, layout.has_alpha());
            let truncated = Error::truncated(format);
            let read = match &mut self.stored {
                Stored::Rle(rle) => rle.read_row(input, &mut budget, truncated, unpack),
                Stored::Plain(plain) => {
                    let at = plain.row_at(n).ok_or(truncated)?;
                    let stored = input.bytes_from(at)?.get(..plain.row_bytes);
                    stored.map(unpack).map(|()| true).ok_or(truncated)
                }
            };
            match read {
                Ok(true) => {}
                Ok(false) => break,
                // What is there counts: the error comes again.
                Err(_) if written > 0 => break,
                Err(error) => return Err(error),
            }
            if let Some(mask) = &self.mask {
                let from_bottom = if bottom_up { n } else { height - 1 - n };
                clear(out, mask.row(from_bottom).ok_or(truncated)?);
            }
            written += row_bytes;
            self.position.next = n + 1;
        }
        Ok(if written == 0 { Poll::Working } else { Poll::Ready(Rows::U8(&self.strip[..written])) })
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
    use thumbelina_codec::{Budget, Stop};

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
            let mut input = Input::whole(file(width, bits, compression));
            let mut bmp = Bmp::open(input.bytes()).unwrap_or_else(|e| unreachable!("{e}"));
            let (budget, stop) = (Budget::new(u64::MAX), Stop::new());
            let context = Context { pool: None, stop: &stop, budget: &budget };
            let said = bmp.memory();
            let mut rows = 0;
            while rows < 600 {
                match bmp.read(&mut input, u32::MAX, &context) {
                    Ok(Poll::Ready(Rows::U8(read))) => rows += read.len() / (3 * width as usize),
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
