//! Row sources: every format's decoder behind one trait that hands over strips of rows.

mod bmp;
mod color;
mod dds;
mod exif;
mod exr;
mod farbfeld;
mod gif;
mod half;
mod hdr;
mod ico;
mod jpeg;
mod patched;
mod png;
mod pnm;
mod psd;
mod qoi;
mod source;
mod stored;
mod strip;
mod tga;
mod tiff;
mod webp;

use bytes::Bytes;
use thumbelina_codec::{Budget, Input, Poll};

use crate::{Error, Format, Info, Limits, cost};

pub(crate) use source::{DecodeOptions, RowSource, Source, read};

/// Where so many bytes have come, they tell the format; a TGA needs that many to be told by.
const SIGNATURE_BYTES: usize = 64;

/// If a header is not complete, or tells no size, it is looked at again when an eighth more of the
/// input has come, or half as much from this length on; and no longer after so many bytes.
const LONG_HEADER_BYTES: usize = 4 << 10;
const EARLY_BYTES: usize = 1 << 20;

/// Recognizes the format and reads the header, once. What has come of the input is enough for some
/// formats; the decoders of others go back and forth in it, and need all of it.
///
/// `looked_at` is for this alone: how many bytes there were the last time, 0 at first.
pub(crate) fn open(
    input: &mut Input,
    looked_at: &mut usize,
    limits: &Limits,
    budget: &Budget,
) -> Result<Poll<Source>, Error> {
    limits.check_input(input.len())?;
    while input.bytes().len() < SIGNATURE_BYTES && input.more()? {}
    if input.bytes().len() < SIGNATURE_BYTES && !input.is_complete() {
        return Ok(Poll::NeedInput);
    }
    let format = Format::of(input.bytes()).ok_or(Error::UnknownFormat)?;
    if format != Format::Avif {
        limits.check_format(format)?;
    }
    // By what the first bytes tell, it is refused before anything else is wrong with it.
    if let Some((width, height)) = first_size(format, input.bytes()) {
        limits.check_size(width, height)?;
    }
    let source = if follows(format, input.bytes()) {
        if is_known(input, *looked_at) {
            return source::lengthen(input);
        }
        *looked_at = input.bytes().len();
        match followed(format, input) {
            Err(Error::Truncated { .. }) if !input.is_complete() => return source::lengthen(input),
            source => source?,
        }
    } else if input.is_finished() {
        match input.collect(budget)? {
            Poll::Ready(bytes) => collected(format, bytes)?,
            Poll::Working => return Ok(Poll::Working),
            Poll::NeedInput => return Ok(Poll::NeedInput),
        }
    } else {
        // It may be refused by its size before it is there.
        let bytes = input.bytes().len();
        if !is_known(input, *looked_at) && bytes < EARLY_BYTES {
            *looked_at = bytes;
            if let Some((width, height)) = early_size(format, input.window()) {
                limits.check_size(width, height)?;
            }
        }
        return if bytes < EARLY_BYTES { source::lengthen(input) } else { Ok(Poll::NeedInput) };
    };
    if source.info.width == 0 || source.info.height == 0 {
        return Err(Error::invalid(format));
    }
    Ok(Poll::Ready(source))
}

/// Whether looking at a header again is not worth it yet.
fn is_known(input: &Input, looked_at: usize) -> bool {
    let more = looked_at / if looked_at < LONG_HEADER_BYTES { 8 } else { 2 };
    !input.is_complete() && looked_at > 0 && input.bytes().len() < looked_at + more
}

/// The estimated nanoseconds of [`open`], up to `most`.
pub(crate) fn open_nanos(input: &Input, looked_at: usize, most: u64) -> u64 {
    if is_known(input, looked_at) { cost::STRIP_NANOS } else { header_nanos(input.bytes(), most) }
}

/// Whether a decoder follows its input: it needs no more than what comes next, and lets go what it
/// has used. Others need all of it.
fn follows(format: Format, input: &[u8]) -> bool {
    match format {
        Format::Jpeg | Format::Png | Format::Gif | Format::Qoi => true,
        Format::Bmp | Format::Pnm | Format::Farbfeld | Format::Hdr => true,
        Format::Tga => !tga::needs_footer(input),
        _ => false,
    }
}

/// Reads the header of a format that [`follows`] its input.
fn followed(format: Format, input: &mut Input) -> Result<Source, Error> {
    match format {
        Format::Jpeg => jpeg::open(input),
        Format::Png => png::Png::open(input).map(Source::of),
        Format::Gif => gif::Gif::open(input).map(Source::of),
        Format::Qoi => qoi::Qoi::open(input.bytes()).map(Source::of),
        Format::Bmp => bmp::Bmp::open(input.bytes()).map(Source::of),
        Format::Pnm => pnm::open(input.bytes()),
        Format::Farbfeld => farbfeld::open(input.bytes()).map(Source::of),
        Format::Hdr => hdr::Hdr::open(input.bytes()).map(Source::of),
        Format::Tga => tga::open(input.bytes()),
        _ => Err(Error::Internal),
    }
}

/// Reads the header of an input that is there as a whole.
fn collected(format: Format, input: Bytes) -> Result<Source, Error> {
    match format {
        Format::Webp => webp::open(&input),
        Format::Tiff => tiff::open(input),
        Format::Ico => ico::open(input),
        Format::Tga => tga::open(&input),
        Format::Dds => dds::open(input),
        Format::Psd => psd::open(input),
        Format::Openexr => exr::Exr::open(input).map(Source::of),
        _ => Err(Error::Unsupported(format)),
    }
}

/// The size of those that tell it at once, far before the rest of their header.
fn first_size(format: Format, beginning: &[u8]) -> Option<(u32, u32)> {
    match format {
        Format::Webp => webp::size(beginning),
        Format::Psd => psd::size(beginning),
        _ => None,
    }
}

/// The size that the beginning of a file tells, of the others.
fn early_size(format: Format, beginning: Bytes) -> Option<(u32, u32)> {
    if matches!(format, Format::Webp | Format::Psd) {
        return None;
    }
    collected(format, beginning).ok().map(|source| (source.info.width, source.info.height))
}

/// Reads the header of an encoded picture. Decodes no pixel, and allows any number of them.
///
/// # Errors
/// [`Error::UnknownFormat`], [`Error::NotAllowed`], [`Error::Unsupported`], [`Error::Invalid`] or
/// [`Error::Truncated`], and [`Error::Limit`] where the input itself is too long.
pub fn probe(input: &mut Input, limits: &Limits) -> Result<Poll<Info>, Error> {
    let limits = Limits { max_pixels: u64::MAX, ..*limits };
    Ok(open(input, &mut 0, &limits, &Budget::new(u64::MAX))?.map(|source| source.info))
}

/// Whether [`probe`] takes no longer than a piece of work on a normal scheduler may. A header can
/// be as long as its file.
pub fn is_probe_short(input: &[u8]) -> bool {
    header_nanos(input, 2 * cost::MAX_STEP_NANOS) <= cost::MAX_STEP_NANOS
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
        Some(Format::Openexr) => exr::header_nanos(input, most),
        Some(Format::Pnm) => pnm::header_nanos(input),
        Some(Format::Hdr) => hdr::header_nanos(input),
        Some(Format::Psd) => psd::header_nanos(input, most),
        Some(Format::Tga) => tga::header_nanos(input),
        // Of a fixed length, or not read at all.
        Some(Format::Qoi | Format::Farbfeld | Format::Bmp | Format::Dds | Format::Avif) | None => {
            5_000
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};

    use thumbelina_codec::{Context, Stop};

    use super::*;
    use crate::picture::Rows;
    use crate::{OnDamage, Samples};

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

    fn opened(input: &mut Input) -> (Info, Box<dyn RowSource>) {
        let budget = Budget::new(u64::MAX);
        let Ok(Poll::Ready(source)) = open(input, &mut 0, &Limits::default(), &budget) else {
            unreachable!("these are whole and right")
        };
        let options = DecodeOptions { scale: 1, left: 1.0, on_damage: OnDamage::Error };
        let info = source.info.clone();
        let Ok(rows) = source.start(&options, &budget) else { unreachable!("there is room") };
        (info, rows)
    }

    fn all_rows(input: Bytes, rows_at_once: u32) -> Vec<u8> {
        let mut input = Input::whole(input);
        let (info, mut source) = opened(&mut input);
        let (budget, stop) = (Budget::new(u64::MAX), Stop::new());
        let context = Context { pool: None, stop: &stop, budget: &budget };
        let mut out = Vec::new();
        while out.len() < info.row_bytes() * info.height as usize {
            match read(&mut *source, &mut input, rows_at_once, &context) {
                Ok(Poll::Ready(rows)) => {
                    let rows = match rows {
                        Rows::U8(rows) => Samples::U8(rows.to_vec()),
                        Rows::U16(rows) => Samples::U16(rows.to_vec()),
                        Rows::F32(rows) => Samples::F32(rows.to_vec()),
                    };
                    let len = rows.bytes().len();
                    assert!(len > 0 && len <= info.row_bytes() * rows_at_once as usize);
                    out.extend(rows.bytes());
                }
                Ok(Poll::Working) => {}
                Ok(Poll::NeedInput) => unreachable!("all of it is there"),
                Err(error) => unreachable!("{error}"),
            }
        }
        out
    }

    #[test]
    fn rows_are_the_same_however_many_are_asked_for() {
        for input in inputs() {
            let at_once = all_rows(input.clone(), u32::MAX);
            for rows in 1..9 {
                let format = Format::of(&input);
                assert!(
                    all_rows(input.clone(), rows) == at_once,
                    "{rows} rows of {format:?} at once"
                );
            }
        }
    }

    /// The memory of a picture of a hundred megapixels is that of some rows.
    #[test]
    fn memory_is_that_of_rows() {
        let headers = [
            &b"P6 10000 10000 65535\n"[..],
            b"P2 10000 10000 255\n",
            b"farbfeld\0\0\x27\x10\0\0\x27\x10",
            b"\0\0\x0A\0\0\0\0\0\0\0\0\0\x10\x27\x10\x27\x20\x08",
            b"#?RADIANCE\n\n-Y 10000 +X 10000\n",
        ];
        for header in headers {
            let (info, source) = opened(&mut Input::whole(Bytes::copy_from_slice(header)));
            let (row, memory) = (info.row_bytes() as u64, source.memory());
            assert!((row..(256 << 10) + 2 * row).contains(&memory), "{memory} for rows of {row}");
        }
    }
}
