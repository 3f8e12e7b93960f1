//! What a picture is estimated to cost, in nanoseconds of one core. The figures steer (which
//! scheduler, how many rows between two looks at the clock); no result depends on them.

use crate::{ColorModel, Depth, Encoding, Format, Layout, Placeholder};

/// The longest piece of work between two possible stops, well within the millisecond that a NIF may
/// hold a scheduler for. Most are shorter than a slice on a normal scheduler.
pub(crate) const MAX_STEP_NANOS: u64 = 400_000;

/// The same for a band of resampled rows. Each band computes its coefficients anew, so that shorter
/// ones would do little else.
pub(crate) const MAX_BAND_NANOS: u64 = 550_000;

/// Work is done in pieces of about this much, between two looks at the clock.
pub(crate) const STRIP_NANOS: u64 = 50_000;

/// How many bands are shared out for each thread: enough that no thread waits long for the others
/// at the end.
pub(crate) const BANDS_PER_THREAD: u32 = 8;

/// A decoder that gets its input whole, for each byte of it, on top of the pixels: some copy it,
/// and what no pixel needs is looked at all the same.
pub(crate) const NANOS_PER_BYTE: u64 = 2;

/// Entropy-coded bytes of a JPEG: what is skipped costs about as much as what is decoded.
pub(crate) const JPEG_NANOS_PER_BYTE: u64 = 9;

/// How much longer arithmetic codes take than Huffman codes.
pub(crate) const ARITHMETIC_TIMES: u64 = 12;

/// How much longer the bytes of lossless pictures take: most have a code each.
pub(crate) const LOSSLESS_TIMES: u64 = 2;

/// How much longer those of a progressive one take.
pub(crate) const PROGRESSIVE_TIMES: u64 = 6;

/// Where a header's length does not show in the file's: this for each byte that may belong to it.
pub(crate) const HEADER_NANOS_PER_BYTE: u64 = 10;

/// A picture, or a piece of one, decoded into rows.
pub(crate) fn decode_nanos(format: Format, layout: Layout, (width, height): (u32, u32)) -> u64 {
    // A header may claim more pixels than there are numbers for.
    let pixels = u64::from(width) * u64::from(height);
    let samples = pixels.saturating_mul(layout.channels.into());
    // Floats are rarely more than two bytes of entropy.
    let bytes = layout.depth.bytes().min(2) as u64;
    samples.saturating_mul(bytes * format.decode_nanos()) / 3 + u64::from(height) * ROW_NANOS
}

/// What a row takes however narrow it is, from the decoder to the sums.
const ROW_NANOS: u64 = 60;

/// The box average of source pixels.
pub(crate) fn shrink_nanos(pixels: u64, layout: Layout) -> u64 {
    let per_sample = if layout.has_alpha() || layout.depth != Depth::U8 { 2 } else { 1 };
    pixels * u64::from(layout.channels) * per_sample / 4
}

/// Source pixels as linear light: a table for bytes, and straight lines between points for words.
pub(crate) fn light_nanos(pixels: u64, layout: Layout) -> u64 {
    let per_sample = if layout.depth == Depth::U8 { 1 } else { 3 };
    pixels * u64::from(layout.channels) * per_sample
}

/// One convolution to `output` from something `ratio` times as large on each side.
pub(crate) fn resample_nanos(
    output: (u32, u32),
    ratio: (f64, f64),
    support: f64,
    layout: Layout,
) -> u64 {
    let (width, height) = (f64::from(output.0), f64::from(output.1));
    let per_tap = match layout.depth {
        Depth::U8 => 0.06,
        Depth::U16 => 0.25,
        Depth::F32 => 0.15,
    };
    // Vertically first, over the width of the input, then horizontally.
    let samples = width * height * f64::from(layout.channels);
    (samples * (ratio.0.max(1.0) * taps(support, ratio.1) + taps(support, ratio.0)) * per_tap)
        as u64
}

/// The coefficients of one convolution, which are computed for each call, whatever its height.
pub(crate) fn coefficient_nanos(width: u32, ratio: f64, support: f64) -> u64 {
    (f64::from(width) * taps(support, ratio) * 14.0) as u64
}

fn taps(support: f64, ratio: f64) -> f64 {
    2.0 * support * ratio.max(1.0)
}

/// How fast AVIF is written, by its encoder's own scale from 1 to 10: up to so many pixels at such
/// a speed, and the nanoseconds that a pixel then takes, of RGB.
///
/// `rav1e` encodes a frame in one go, and knows no way to be stopped, so that
/// `formats.txt` bounds the pixels. Measured on one core, nanoseconds of a pixel at speeds 8,
/// 9 and 10: a photograph of 200 pixels at quality 80 takes 3,100, 1,700 and 1,200, one of 500
/// pixels 2,600, 1,400 and 900, one of 1,000 pixels 2,300, 1,100 and 700; noise of 500 pixels
/// 4,900, 2,700 and 1,600, and at quality 100 7,300, 4,300 and 2,400, which is the worst found. So
/// none takes much more than a second, and photographs at most half of that. Files of speed 9 are
/// up to 6 % larger than those of speed 8, those of speed 10 by 12 to 21 %.
const AVIF_SPEEDS: [(u64, u8, u64); 3] =
    [(50_000, 8, 4_000), (200_000, 9, 2_200), (u64::MAX, 10, 1_300)];

/// The speed for so many pixels, and the nanoseconds of one.
pub(crate) fn avif_speed(pixels: u64) -> (u8, u64) {
    let [.., (_, fastest, least)] = AVIF_SPEEDS;
    let fits = AVIF_SPEEDS.into_iter().find(|&(most, ..)| pixels <= most);
    fits.map_or((fastest, least), |(_, speed, nanos)| (speed, nanos))
}

/// How many pixels a palette is made of at most.
pub(crate) const PALETTE_SAMPLE: u64 = 1 << 16;

/// How often k-means looks at one of them. As many again would gain 0.1 dB.
pub(crate) fn palette_looks(pixels: u64) -> u64 {
    pixels.min(16_000)
}

/// A palette of so many pixels: the cuts of a histogram, and for each look the nearest of 256
/// colors.
pub(crate) fn palette_nanos(pixels: u64) -> u64 {
    250_000 + pixels.min(PALETTE_SAMPLE) * 7 + palette_looks(pixels) * 120
}

/// The output as it was asked for.
pub(crate) fn output_nanos(encoding: Encoding, output: (u32, u32), layout: Layout) -> u64 {
    match encoding {
        Encoding::Format(format) => encode_nanos(format, output, layout),
        Encoding::Placeholder(placeholder) => placeholder_nanos(placeholder, output, layout),
        Encoding::Comparison => compare_nanos(u64::from(output.0) * u64::from(output.1)),
        Encoding::Pixels(_) => encode_nanos(Format::Pnm, output, layout),
    }
}

/// Pixels of two pictures: mostly 2 by 11 products for each of 5 averages.
pub(crate) fn compare_nanos(pixels: u64) -> u64 {
    pixels * 40
}

/// A placeholder, which is made in one go. Measured on an EPYC: each pixel is multiplied with up to
/// 41 waves of a ThumbHash and 12 of a BlurHash, and a palette is mostly the histogram.
pub(crate) fn placeholder_nanos(
    placeholder: Placeholder,
    output: (u32, u32),
    layout: Layout,
) -> u64 {
    let pixels = u64::from(output.0) * u64::from(output.1);
    match placeholder {
        Placeholder::Thumbhash => 5_000 + pixels * 160,
        Placeholder::Blurhash => 5_000 + pixels * 60,
        Placeholder::Lqip => encode_nanos(Format::Webp, output, layout),
        Placeholder::Color => 1_000 + pixels * 4,
        Placeholder::Palette => 130_000 + pixels * 120,
        Placeholder::Dhash => 1_000 + pixels * 10,
    }
}

/// The output written in its format.
pub(crate) fn encode_nanos(format: Format, output: (u32, u32), layout: Layout) -> u64 {
    let pixels = u64::from(output.0) * u64::from(output.1);
    let rows = encode_row_nanos(format, output.0, layout) * u64::from(output.1);
    match format {
        Format::Avif => 1_000_000 + pixels * avif_speed(pixels).1 * u64::from(layout.channels) / 3,
        Format::Gif => 5_000 + rows + palette_nanos(pixels),
        // In two goes.
        Format::Webp => 20_000 + rows * 2,
        _ => 5_000 + rows,
    }
}

/// One row in one go, without what is done but once.
pub(crate) fn encode_row_nanos(format: Format, width: u32, layout: Layout) -> u64 {
    u64::from(width)
        * format.encode_nanos()
        * layout.depth.bytes() as u64
        * u64::from(layout.channels)
        / 3
}

/// One output row through unpremultiplying and conversion.
pub(crate) fn convert_nanos(width: u32, from: Layout) -> u64 {
    // The transfer function takes a power of every sample.
    u64::from(width) * if from.depth == Depth::F32 { 40 } else { 6 }
}

/// One row through the conversion of its colors, pixel by pixel. Bytes of RGB take 2 nanoseconds.
pub(crate) fn color_nanos(width: u32, from: Layout) -> u64 {
    let nanos = match (from.depth, from.model) {
        (Depth::U8, ColorModel::Gray | ColorModel::Rgb) => 20,
        (Depth::U8 | Depth::U16, ColorModel::Cmyk) => 10,
        (Depth::F32, ColorModel::Cmyk) => 300,
        _ => 100,
    };
    u64::from(width) * nanos
}

/// The tables of a transform. Measured on a 2.6 GHz Xeon: three curves take half a millisecond to
/// three for bytes and 6 for more, the nodes of a table of RGB 20, those of CMYK 20, of floats 40.
pub(crate) fn transform_nanos(has_profile: bool, layout: Layout) -> u64 {
    let millis = match (layout.model, has_profile) {
        (ColorModel::Cmyk, _) if layout.depth == Depth::F32 => 45,
        (ColorModel::Cmyk, _) => 25,
        (ColorModel::Rgb | ColorModel::Lab, true) => 25,
        (ColorModel::Gray, _) | (_, false) if layout.depth == Depth::U8 => 2,
        (ColorModel::Gray, _) | (_, false) => 7,
    };
    millis * 1_000_000
}

/// What colors of a layout take by themselves before the first: a table of some, if any.
pub(crate) fn device_nanos(layout: Layout) -> u64 {
    match (layout.model, layout.depth) {
        (ColorModel::Cmyk, Depth::U8 | Depth::U16) => 150_000,
        _ => 0,
    }
}

/// Looking at how bright a picture is, and a curve for it.
pub(crate) const TONE_NANOS: u64 = 1_500_000;

/// One output row, copied.
pub(crate) fn copy_nanos(width: u32, layout: Layout) -> u64 {
    u64::from(width) * layout.pixel_bytes() as u64 / 4 + ROW_NANOS
}

/// One row whose colors become others, each pixel by itself. `slow` where that takes powers.
pub(crate) fn recolor_nanos(width: u32, layout: Layout, slow: bool) -> u64 {
    // Between floats and values of sRGB, each sample takes two powers.
    let pixel = match (layout.depth, slow) {
        (Depth::F32, _) => 120,
        (Depth::U16, true) => 60,
        (_, true) => 15,
        (_, false) => 4,
    };
    u64::from(width) * pixel + ROW_NANOS
}

/// One row of weighted sums along both sides, of so many different weights.
pub(crate) fn weigh_nanos(width: u32, layout: Layout, weights: usize) -> u64 {
    let samples = u64::from(width) * u64::from(layout.channels);
    let hundredths = if layout.depth == Depth::U8 { 40 } else { 120 };
    samples * (100 + hundredths * weights as u64) / 100 + 2 * ROW_NANOS
}

/// One column of so many pixels that is averaged over.
pub(crate) fn average_nanos(height: u32, layout: Layout) -> u64 {
    let sample = if layout.depth == Depth::F32 { 10 } else { 4 };
    u64::from(height) * u64::from(layout.channels) * sample + ROW_NANOS
}

/// The luma of one row.
pub(crate) fn luma_nanos(width: u32, layout: Layout) -> u64 {
    u64::from(width) * if layout.channels < 3 { 1 } else { 2 }
}

/// One row that is sharpened, of which the luma is known, with so many different weights.
pub(crate) fn unsharp_nanos(width: u32, layout: Layout, weights: usize) -> u64 {
    let pixel = 100 * u64::from(layout.channels) + 80 * weights as u64;
    u64::from(width) * pixel * 2 / 100 + 2 * ROW_NANOS
}

/// One row that is interpolated between pixels from anywhere.
pub(crate) fn rotate_nanos(width: u32, layout: Layout) -> u64 {
    u64::from(width) * (8 + 4 * u64::from(layout.channels)) + ROW_NANOS
}

/// One row under another.
pub(crate) fn overlay_nanos(width: u32, layout: Layout) -> u64 {
    // The transfer function takes a power of every sample.
    u64::from(width) * if layout.depth == Depth::F32 { 100 } else { 20 } + ROW_NANOS
}
