//! Row sources: every format's decoder behind one trait that hands over strips of rows.

mod bmp;
mod dds;
mod exr;
mod farbfeld;
mod gif;
mod hdr;
mod ico;
mod jpeg;
mod png;
mod pnm;
mod qoi;
mod stored;
mod strip;
mod tga;
mod tiff;
mod webp;

use bytes::Bytes;
use rayon::ThreadPool;

use crate::pixels::Rows;
use crate::{Error, Format, Header, Limits};

/// A decoder that hands over rows from top to bottom, or the other way round if its header says so.
///
/// It owns its input, so that its state can rest between two calls, on whichever thread the next
/// one comes from.
pub(crate) trait RowSource: Send {
    fn header(&self) -> Header;

    /// The estimated nanoseconds of the smallest piece of work that the next [`read`](Self::read)
    /// can do.
    fn next_nanos(&self) -> u64;

    /// The most native bytes that this holds at any one time from now on, its input aside. Known
    /// before the first [`read`](Self::read), at the scale that was set.
    fn memory(&self) -> u64;

    /// Decodes at one `factor`th of the size, which leaves a shrink by `left` for later. Called
    /// before the first [`read`](Self::read), and only where the header says that this can be done.
    fn set_scale(&mut self, _factor: u32, _left: f64) {}

    /// Makes gray of what is missing or damaged, where it can. Called before the first
    /// [`read`](Self::read).
    fn tolerate_damage(&mut self) {}

    /// Hands over at least one row and at most `max_rows` (which is not 0), or gets closer to it.
    /// Shares the work out over a pool, if there is one and it can.
    fn read(&mut self, max_rows: u32, pool: Option<&ThreadPool>) -> Result<Read<'_>, Error>;
}

pub(crate) enum Read<'a> {
    /// Whole rows, in the header's layout.
    Rows(Rows<'a>),
    /// Something was decoded, but no row is finished yet: call again.
    Working,
}

/// Recognizes the format and reads the header.
pub(crate) fn open(input: Bytes, limits: &Limits) -> Result<Box<dyn RowSource>, Error> {
    limits.check_input(input.len())?;
    let format = Format::of(&input).ok_or(Error::UnknownFormat)?;
    if format != Format::Avif {
        limits.check_format(format)?;
    }
    let source: Box<dyn RowSource> = match format {
        Format::Png => Box::new(png::Png::open(input)?),
        Format::Gif => Box::new(gif::Gif::open(input)?),
        Format::Qoi => Box::new(qoi::Qoi::open(input)?),
        Format::Tiff => Box::new(tiff::Tiff::open(input)?),
        Format::Bmp => Box::new(bmp::Bmp::open(input)?),
        Format::Ico => ico::open(input)?,
        Format::Pnm => pnm::open(input)?,
        Format::Tga => tga::open(input)?,
        Format::Farbfeld => Box::new(farbfeld::open(input)?),
        Format::Hdr => Box::new(hdr::Hdr::open(input)?),
        Format::Dds => Box::new(dds::Dds::open(input)?),
        Format::Jpeg => Box::new(jpeg::Jpeg::open(input, limits)?),
        Format::Avif => return Err(Error::Unsupported(format)),
        Format::Webp => Box::new(webp::Webp::open(input, limits)?),
        Format::OpenExr => Box::new(exr::Exr::open(input)?),
    };
    let header = source.header();
    if header.width == 0 || header.height == 0 {
        return Err(Error::Invalid(format));
    }
    Ok(source)
}

/// The estimated nanoseconds of [`open`], which does it in one piece. Stops counting at `most`.
pub(crate) fn header_nanos(input: &[u8], most: u64) -> u64 {
    match Format::of(input) {
        Some(Format::Png) => png::header_nanos(input, most),
        Some(Format::Gif) => gif::header_bytes(input, (most / 10) as usize) as u64 * 10,
        Some(Format::Jpeg) => jpeg::header_nanos(input, most),
        Some(Format::Ico) => ico::header_nanos(input, most),
        Some(Format::Tiff) => tiff::header_nanos(input),
        Some(Format::Webp) => webp::header_nanos(input, most),
        Some(Format::OpenExr) => exr::header_nanos(input, most),
        Some(Format::Pnm) => pnm::header_nanos(input),
        Some(Format::Hdr) => hdr::header_nanos(input),
        // Of a fixed length, or not read at all.
        Some(Format::Qoi | Format::Farbfeld | Format::Bmp | Format::Tga | Format::Dds | Format::Avif)
        | None => 5_000,
    }
}

/// Where a source stands: the next row to hand over, and how many there are.
#[derive(Clone, Copy)]
struct Position {
    next: u32,
    height: u32,
}

impl Position {
    fn start(height: u32) -> Self {
        Position { next: 0, height }
    }

    /// The rows of the next strip. Empty after the last one, which is a caller's mistake.
    fn strip(&self, max_rows: u32) -> std::ops::Range<u32> {
        self.next..self.next.saturating_add(max_rows.max(1)).min(self.height)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};

    use super::*;
    use crate::Samples;

    /// The plain formats, of one picture with noise in it. HDR and TGA come in runs.
    fn inputs() -> Vec<Bytes> {
        let picture = image::RgbaImage::from_fn(61, 43, |x, y| {
            let noise = (x * 7 + y * 13) % 64 * u32::from(x > 30);
            image::Rgba([(x * 4) as u8, (y * 4) as u8, noise as u8, 255])
        });
        let picture = DynamicImage::ImageRgba8(picture);
        let written = |picture: &DynamicImage, format| {
            let mut out = Cursor::new(Vec::new());
            assert!(picture.write_to(&mut out, format).is_ok());
            Bytes::from(out.into_inner())
        };
        let mut digits = b"P3 # 61\n61 43 200 ".to_vec();
        let rgb = picture.to_rgb8();
        digits.extend(rgb.iter().flat_map(|sample| format!("{sample}  ").into_bytes()));
        let mut dds = b"DDS ".to_vec();
        dds.extend([124u32, 0x1007, 43, 61].iter().flat_map(|field| field.to_le_bytes()));
        dds.resize(76, 0);
        dds.extend([32, 4].iter().flat_map(|field: &u32| field.to_le_bytes()));
        dds.extend(b"DXT5");
        dds.resize(128, 0);
        dds.extend(rgb.iter().cycle().take(16 * 11 * 16));
        vec![
            written(&rgb.into(), ImageFormat::Pnm),
            written(&picture.to_rgba16().into(), ImageFormat::Farbfeld),
            written(&picture, ImageFormat::Tga),
            written(&picture.to_rgb32f().into(), ImageFormat::Hdr),
            Bytes::from(digits),
            Bytes::from(dds),
        ]
    }

    fn all_rows(source: &mut dyn RowSource, rows_at_once: u32) -> Vec<u8> {
        let header = source.header();
        let mut out = Vec::new();
        while out.len() < header.row_bytes() * header.height as usize {
            match source.read(rows_at_once, None) {
                Ok(Read::Rows(rows)) => {
                    let rows = match rows {
                        Rows::U8(rows) => Samples::U8(rows.to_vec()),
                        Rows::U16(rows) => Samples::U16(rows.to_vec()),
                        Rows::F32(rows) => Samples::F32(rows.to_vec()),
                    };
                    let len = rows.bytes().len();
                    assert!(len > 0 && len <= header.row_bytes() * rows_at_once as usize);
                    out.extend(rows.bytes());
                }
                Ok(Read::Working) => {}
                Err(error) => unreachable!("{error}"),
            }
        }
        out
    }

    #[test]
    fn rows_are_the_same_however_many_are_asked_for() -> Result<(), Error> {
        for input in inputs() {
            let at_once = all_rows(&mut *open(input.clone(), &Limits::default())?, u32::MAX);
            for rows in 1..9 {
                let mut source = open(input.clone(), &Limits::default())?;
                let format = source.header().format;
                assert!(all_rows(&mut *source, rows) == at_once, "{rows} rows of {format} at once");
            }
        }
        Ok(())
    }

    /// The memory of a picture of a hundred megapixels is that of some rows.
    #[test]
    fn memory_is_that_of_rows() -> Result<(), Error> {
        let headers = [
            &b"P6 10000 10000 65535\n"[..],
            b"P2 10000 10000 255\n",
            b"farbfeld\0\0\x27\x10\0\0\x27\x10",
            b"\0\0\x0A\0\0\0\0\0\0\0\0\0\x10\x27\x10\x27\x20\x08",
            b"#?RADIANCE\n\n-Y 10000 +X 10000\n",
        ];
        for header in headers {
            let source = open(Bytes::copy_from_slice(header), &Limits::default())?;
            let row = source.header().row_bytes() as u64;
            let memory = source.memory();
            assert!((row..(256 << 10) + 2 * row).contains(&memory), "{memory} for rows of {row}");
        }
        Ok(())
    }
}
