//! Radiance HDR: pixels of three mantissas and one exponent, which are linear light.
//! Specification: "Radiance File Formats", Greg Ward.

use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource};
use super::strip::Strip;
use crate::picture::{Rows, zeroed};
use crate::{Depth, Error, Format, Info, Layout, Orientation, cost};

const INVALID: Error = Error::invalid(Format::Hdr);
const TRUNCATED: Error = Error::truncated(Format::Hdr);
const UNSUPPORTED: Error = Error::Unsupported(Format::Hdr);

/// The most that a header may be. They hold a few lines; one that says how the picture was
/// rendered, a few dozens.
const MAX_HEADER_BYTES: usize = 64 << 10;

pub(super) struct Hdr {
    info: Info,
    position: Position,
    /// Where the next row begins.
    at: u64,
    /// A row, out of its runs: mantissas and exponent.
    row: Vec<[u8; 4]>,
    strip: Strip,
}

impl Hdr {
    pub(super) fn open(input: &[u8]) -> Result<Self, Error> {
        let mut lines = Lines { input, at: 0 };
        // The signature's.
        lines.next()?;
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            check_line(line)?;
        }
        let (width, height, orientation) = read_size(lines.next()?)?;
        let at = lines.at as u64;
        let mut info = Info::new(Format::Hdr, width, height, Layout::new(3, Depth::F32));
        info.orientation = orientation;
        let strip = Strip::new(&info)?;
        Ok(Hdr { info, position: Position::start(height), at, row: Vec::new(), strip })
    }

    /// Every byte read here gives a pixel, or a sample of one, but for a bounded number of them: so
    /// a row takes no longer than its width allows. Says how many bytes it took.
    fn fill_row(&mut self, input: &[u8]) -> Result<usize, Error> {
        let mut coded = Coded { input, at: 0 };
        let first: [u8; 4] = coded.take()?;
        if let [2, 2, 0..128, _] = first {
            for channel in 0..4 {
                coded.fill_channel(channel, &mut self.row)?;
            }
        } else {
            coded.fill_flat(first, &mut self.row)?;
        }
        Ok(coded.at)
    }
}

/// The bytes of rows.
struct Coded<'a> {
    input: &'a [u8],
    at: usize,
}

impl Coded<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let &taken = self.input.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(TRUNCATED)?;
        self.at += N;
        Ok(taken)
    }

    /// The samples of one channel of a row, in runs of equal ones and of any.
    fn fill_channel(&mut self, channel: usize, row: &mut [[u8; 4]]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < row.len() {
            let [code] = self.take()?;
            let (len, repeats) = if code > 128 { (code - 128, true) } else { (code, false) };
            let len = usize::from(len);
            if len == 0 {
                return Err(INVALID);
            }
            let pixels = row.get_mut(filled..filled + len).ok_or(INVALID)?;
            if repeats {
                let &sample = self.input.get(self.at).ok_or(TRUNCATED)?;
                for pixel in pixels {
                    pixel[channel] = sample;
                }
                self.at += 1;
            } else {
                let samples = self.input.get(self.at..self.at + len).ok_or(TRUNCATED)?;
                for (pixel, &sample) in pixels.iter_mut().zip(samples) {
                    pixel[channel] = sample;
                }
                self.at += len;
            }
            filled += len;
        }
        Ok(())
    }

    /// A row of whole pixels, of which [1, 1, 1, n] stands for n more of the one before. Several of
    /// these in a row are the bytes of one number, the low one first.
    fn fill_flat(&mut self, first: [u8; 4], row: &mut [[u8; 4]]) -> Result<(), Error> {
        let mut pixel = first;
        let mut latest = None;
        let mut shift = 0;
        let mut filled = 0;
        loop {
            if let [1, 1, 1, n] = pixel {
                let repeated = latest.filter(|_| shift < 32).ok_or(INVALID)?;
                let len = usize::from(n) << shift;
                row.get_mut(filled..)
                    .and_then(|rest| rest.get_mut(..len))
                    .ok_or(INVALID)?
                    .fill(repeated);
                filled += len;
                shift += 8;
            } else {
                *row.get_mut(filled).ok_or(INVALID)? = pixel;
                latest = Some(pixel);
                filled += 1;
                shift = 0;
            }
            if filled == row.len() {
                return Ok(());
            }
            pixel = self.take()?;
        }
    }
}

impl RowSource for Hdr {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next_nanos(&self) -> u64 {
        self.info.row_nanos()
    }

    fn memory(&self) -> u64 {
        self.strip.memory() + u64::from(self.info.width) * size_of::<[u8; 4]>() as u64
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        _context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.row.is_empty() {
            self.row = zeroed(self.info.width as usize)?;
        }
        let wanted = self.position.strip(self.strip.fit(max_rows)).len();
        let mut rows = 0;
        while rows < wanted {
            match self.fill_row(input.bytes_from(self.at)?) {
                Ok(used) => self.at += used as u64,
                // What is there counts: the error comes again.
                Err(_) if rows > 0 => break,
                Err(error) => return Err(error),
            }
            let out = self.strip.room(wanted)?.chunks_exact_mut(self.info.row_bytes()).nth(rows);
            let (out, _) = out.ok_or(Error::Internal)?.as_chunks_mut::<12>();
            for (out, &pixel) in out.iter_mut().zip(&self.row) {
                let [r, g, b] = light(pixel).map(f32::to_ne_bytes);
                *out = [r[0], r[1], r[2], r[3], g[0], g[1], g[2], g[3], b[0], b[1], b[2], b[3]];
            }
            rows += 1;
        }
        self.position.next += rows as u32;
        Ok(Poll::Ready(self.strip.rows(rows)))
    }
}

/// A mantissa m under the exponent e is m * 2^(e - 136), and an exponent of 0 is black.
fn light([r, g, b, exponent]: [u8; 4]) -> [f32; 3] {
    // 2^(e - 128), which a float has no exponent of its own for when e is 1.
    let power = match exponent {
        0 | 1 => u32::from(exponent) << 22,
        _ => u32::from(exponent - 1) << 23,
    };
    let unit = f32::from_bits(power) * (1.0 / 256.0);
    [r, g, b].map(|mantissa| unit * f32::from(mantissa))
}

/// Lines of the header, without their ends.
struct Lines<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], Error> {
        let whole = self.input.len() <= MAX_HEADER_BYTES;
        let header = self.input.get(..MAX_HEADER_BYTES).unwrap_or(self.input);
        let rest = header.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let len = end.ok_or(if whole { TRUNCATED } else { INVALID })?;
        self.at += len + 1;
        rest.get(..len).ok_or(Error::Internal)
    }
}

/// A line of the header that is `KEY=value`, a comment or a command. The kind of pixels is the one
/// thing that matters here, but numbers have to be numbers.
fn check_line(line: &[u8]) -> Result<(), Error> {
    if line.first() == Some(&b'#') {
        return Ok(());
    }
    let Some(equals) = line.iter().position(|&byte| byte == b'=') else { return Ok(()) };
    let (key, value) =
        (line.get(..equals).unwrap_or_default(), line.get(equals + 1..).unwrap_or_default());
    if value.is_empty() {
        return Ok(());
    }
    let value = value.trim_ascii();
    let numbers = match key.trim_ascii() {
        b"FORMAT" if value != b"32-bit_rle_rgbe" => return Err(UNSUPPORTED),
        b"EXPOSURE" | b"PIXASPECT" => 1,
        b"COLORCORR" => 3,
        _ => return Ok(()),
    };
    let value = std::str::from_utf8(value).map_err(|_| INVALID)?;
    let mut found = 0;
    for number in value.split_ascii_whitespace() {
        number.parse::<f32>().map_err(|_| INVALID)?;
        found += 1;
    }
    if found == numbers { Ok(()) } else { Err(INVALID) }
}

/// The line before the pixels: `-Y height +X width`, for rows from the top and from the left. Seven
/// others turn the picture: the first axis is that of the rows, the second that of a row's pixels,
/// and Y goes up.
fn read_size(line: &[u8]) -> Result<(u32, u32, Orientation), Error> {
    let line = std::str::from_utf8(line).map_err(|_| INVALID)?;
    let mut words = line.split_ascii_whitespace();
    let (Some(down), Some(height), Some(across), Some(width), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(INVALID);
    };
    let orientation = match (down, across) {
        ("-Y", "+X") => Orientation::NoTransforms,
        ("-Y", "-X") => Orientation::FlipHorizontal,
        ("+Y", "-X") => Orientation::Rotate180,
        ("+Y", "+X") => Orientation::FlipVertical,
        ("+X", "-Y") => Orientation::Rotate90FlipH,
        ("-X", "-Y") => Orientation::Rotate90,
        ("-X", "+Y") => Orientation::Rotate270FlipH,
        ("+X", "+Y") => Orientation::Rotate270,
        _ => return Err(INVALID),
    };
    let side = |word: &str| word.parse().map_err(|_| INVALID);
    Ok((side(width)?, side(height)?, orientation))
}

/// The estimated nanoseconds of [`Hdr::open`], by how far the empty line is after the header's
/// others.
pub(super) fn header_nanos(input: &[u8]) -> u64 {
    /// As far as is looked.
    const SHORT: usize = 4 << 10;
    let short = input.get(..SHORT).unwrap_or(input);
    let bytes = match short.windows(2).position(|pair| pair == b"\n\n") {
        Some(bytes) => bytes,
        None => input.len().min(MAX_HEADER_BYTES),
    };
    5_000 + bytes as u64 * cost::HEADER_NANOS_PER_BYTE
}
