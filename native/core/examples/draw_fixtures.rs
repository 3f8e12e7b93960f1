//! Draws every picture the tests read, and writes them into a folder:
//!
//! ```text
//! cargo run --release -p thumbelina-core --example draw_fixtures -- test/fixtures
//! ```
//!
//! Nothing is copied from anywhere: most files are one [`photo`], drawn below, in another size and
//! format. The tables in [`main`] say which file is what; after them come the formats, where what
//! the `image` crate cannot write is laid out by hand, and then the pictures.
//!
//! The same pixels come out on every machine: floats only ever meet `+ - * /`, which are exact
//! everywhere, and all chance is a hash of coordinates.

use std::{env, error::Error, fs, io::Cursor, io::Write, path::Path};

use flate2::{Compression, write::ZlibEncoder};
use image::codecs::{png as image_png, tga::TgaEncoder};
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat, Rgb, Rgb32FImage, RgbImage, Rgba};
use image::{GrayAlphaImage, GrayImage, RgbaImage, imageops::FilterType::Triangle};
use jpeg_encoder::SamplingFactor;
use tiff::encoder::{Compression as Packing, DeflateLevel, TiffEncoder, TiffValue, colortype};
use tiff::tags::{ExtraSamples, Predictor};

type Bytes = Result<Vec<u8>, Box<dyn Error>>;

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const YELLOW: [u8; 3] = [255, 255, 0];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("into which folder?")?;
    fs::create_dir_all(&folder)?;
    let write_all = |files: &[(&str, Vec<u8>)]| {
        files.iter().try_for_each(|(name, bytes)| fs::write(Path::new(&folder).join(name), bytes))
    };

    // The photo in all its sizes, and in the kinds of samples that formats ask for.
    let exact = DynamicImage::from(photo());
    let sized = |width, height| exact.resize_exact(width, height, Triangle);
    let large = DynamicImage::from(exact.to_rgb8());
    let medium = DynamicImage::from(sized(320, 214).to_rgb8());
    let deep = sized(160, 107);
    let small = DynamicImage::from(deep.to_rgb8());
    let linear = linear(&deep.to_rgb32f());
    let few = Indexed::new(&small.to_rgb8(), 4);
    let many = Indexed::new(&small.to_rgb8(), 6);

    let photo_jpg = jpeg(&large, 85, SamplingFactor::R_4_2_0, |_| ())?;
    let photo_png = png(&large, None)?;
    let photo_gif = gif((160, 107), &many.palette, &[many.frame(false)])?;
    write_all(&[
        ("truncated.jpg", photo_jpg[..photo_jpg.len() / 2].to_vec()),
        ("truncated.png", photo_png[..photo_png.len() / 2].to_vec()),
        ("truncated.gif", photo_gif[..photo_gif.len() / 2].to_vec()),
        // 640x427, the jpg with the colours at half the size, as cameras have it
        ("photo.jpg", photo_jpg),
        ("photo.png", photo_png),
        // 320x214
        ("photo-444.jpg", jpeg(&medium, 85, SamplingFactor::R_4_4_4, |_| ())?),
        ("photo-grey.jpg", jpeg(&medium.grayscale(), 85, SamplingFactor::R_4_4_4, |_| ())?),
        ("photo-progressive.jpg", jpeg(&medium, 85, SamplingFactor::R_4_2_0, |e| e.set_progressive(true))?),
        ("photo-restart.jpg", jpeg(&medium, 85, SamplingFactor::R_4_2_0, |e| e.set_restart_interval(7))?),
        // 160x107
        ("photo-16bit.png", png(&deep.to_rgb16().into(), None)?),
        ("photo-grey.png", png(&small.grayscale(), None)?),
        ("photo-palette.png", palette_png(&few)?),
        ("photo-interlaced.png", interlaced_png(&small.to_rgb8())?),
        ("photo.gif", photo_gif),
        ("photo-interlaced.gif", gif((160, 107), &many.palette, &[many.frame(true)])?),
        ("photo.webp", encode(&small, ImageFormat::WebP)?),
        ("photo.tif", tif::<colortype::RGB8>(160, small.as_bytes(), &[], LZW)?),
        ("photo-16bit.tif", tif::<colortype::RGB16>(160, &deep.to_rgb16(), &[], DEFLATE)?),
        ("photo-float.tif", tif::<colortype::RGB32Float>(160, &linear, &[], DEFLATE_PLAIN)?),
        ("photo.bmp", encode(&small, ImageFormat::Bmp)?),
        (
            "photo-topdown.bmp",
            bmp(160, -107, &[], &small.to_rgb8().pixels().flat_map(bgr).collect::<Vec<_>>()),
        ),
        (
            "palette.bmp",
            bmp(160, 107, &many.palette, &many.rows().rev().flatten().copied().collect::<Vec<_>>()),
        ),
        ("photo.tga", tga(&small, false)?),
        ("photo-rle.tga", tga(&small, true)?),
        ("photo.ppm", [b"P6\n160 107\n255\n", small.as_bytes()].concat()),
        ("photo.pgm", pgm(&deep)),
        ("photo.qoi", encode(&small, ImageFormat::Qoi)?),
        ("photo.ff", encode(&deep.to_rgba16().into(), ImageFormat::Farbfeld)?),
        ("photo.hdr", encode(&linear.clone().into(), ImageFormat::Hdr)?),
        ("photo.exr", exr(&linear)),
        // Smaller still
        ("photo.ico", encode(&sized(64, 64).to_rgba8().into(), ImageFormat::Ico)?),
        ("photo.dds", dds(&sized(64, 48).to_rgb8())),
        ("photo-ascii.ppm", ascii_ppm(&sized(32, 21).to_rgb8())),
    ])?;

    // A soft red disc. The transparent pixels around it hide a bright green (white, where there is no
    // colour): whoever resamples without premultiplying gets a green seam.
    let rgba = DynamicImage::from(RgbaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
        0 => Rgba([0, 255, 0, 0]),
        alpha => Rgba([255, 0, 0, alpha]),
    }));
    let grey = GrayAlphaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
        0 => [255, 0].into(),
        alpha => [64, alpha].into(),
    });
    let deep_rgba = ImageBuffer::from_fn(200, 150, |x, y| match disc(x, y) {
        0 => Rgba([0, u16::MAX, 0, 0]),
        alpha => Rgba([u16::MAX, 0, 0, alpha]),
    });
    let hard = gif::Frame {
        width: 200,
        height: 150,
        transparent: Some(1),
        buffer: rgba.to_rgba8().pixels().map(|pixel| u8::from(pixel[3] < 128)).collect(),
        ..Default::default()
    };
    let unassociated = [ExtraSamples::UnassociatedAlpha];
    write_all(&[
        ("alpha.png", png(&rgba, None)?),
        ("alpha-grey.png", png(&grey.into(), None)?),
        ("alpha-16bit.png", png(&deep_rgba.into(), None)?),
        ("alpha.webp", encode(&rgba, ImageFormat::WebP)?),
        ("alpha.tga", tga(&rgba, true)?),
        ("alpha.qoi", encode(&rgba, ImageFormat::Qoi)?),
        ("alpha.tif", tif::<colortype::RGB8>(200, rgba.as_bytes(), &unassociated, PACKBITS)?),
        ("alpha.gif", gif((200, 150), &[RED, GREEN].concat(), &[hard])?),
    ])?;

    // Four quadrants that look the same under each of the eight orientations.
    for orientation in 1..=8 {
        let stored = DynamicImage::from(quadrants(orientation));
        let mut bytes = jpeg(&stored, 95, SamplingFactor::R_4_4_4, |_| ())?;
        bytes.splice(2..2, app1(orientation)); // right behind the start of the image
        write_all(&[(&format!("orientation-{orientation}.jpg"), bytes)])?;
    }

    // Bounds and oddities
    let solid = |index: u8, left, top, width, height| gif::Frame {
        left,
        top,
        width,
        height,
        delay: 50,
        buffer: vec![index; usize::from(width) * usize::from(height)].into(),
        ..Default::default()
    };
    let colours = [RED, GREEN, BLUE, YELLOW].concat();
    let frames = [0, 1, 2].map(|index| solid(index, 0, 0, 64, 48));
    let dot = DynamicImage::from(RgbImage::from_pixel(1, 1, Rgb(RED)));
    let ramp = |width, height| GrayImage::from_fn(width, height, |x, y| [((x + y) / 118) as u8].into());
    write_all(&[
        ("orientation-6.png", png(&quadrants(6).into(), Some(exif(6)))?),
        ("animated.gif", gif((64, 48), &colours, &frames)?), // red, then green, then blue
        ("offset.gif", gif((64, 48), &colours, &[solid(0, 16, 12, 40, 24)])?), // smaller than its canvas
        (
            "huge-header.png",
            png_of(50_000, 50_000, |info| info.color_type = png::ColorType::Rgb, &deflate(&[0; 64])?)?,
        ),
        ("huge-header.bmp", bmp(30_000, 30_000, &[], &[0; 64])),
        ("1x1.png", png(&dot, None)?),
        ("1x1.gif", gif((1, 1), &colours, &[solid(0, 0, 0, 1, 1)])?),
        ("1x1.jpg", jpeg(&dot, 95, SamplingFactor::R_4_4_4, |_| ())?),
        ("tall.png", png(&ramp(1, 30_000).into(), None)?),
        ("wide.png", png(&ramp(30_000, 1).into(), None)?),
    ])?;
    Ok(())
}

// ---- Formats ----

/// Whatever the `image` crate writes well by itself.
fn encode(picture: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

type JpegEncoder<'a> = jpeg_encoder::Encoder<&'a mut Vec<u8>>;

fn jpeg(
    picture: &DynamicImage,
    quality: u8,
    sampling: SamplingFactor,
    set: impl FnOnce(&mut JpegEncoder<'_>),
) -> Bytes {
    let colour = match picture.color().has_color() {
        true => jpeg_encoder::ColorType::Rgb,
        false => jpeg_encoder::ColorType::Luma,
    };
    let (width, height) = (picture.width().try_into()?, picture.height().try_into()?);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(sampling);
    set(&mut encoder);
    encoder.encode(picture.as_bytes(), width, height, colour)?;
    Ok(bytes)
}

/// The TIFF structure with one entry, the orientation: little-endian when that is odd, else big-endian.
fn exif(orientation: u8) -> Vec<u8> {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
    let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
    let (bytes, value) = if orientation % 2 == 1 { (little, 18) } else { (big, 19) };
    let mut bytes = bytes.to_vec();
    bytes[value] = orientation;
    bytes
}

/// The JPEG segment around [`exif`].
fn app1(orientation: u8) -> Vec<u8> {
    let content = [b"Exif\0\0".as_slice(), &exif(orientation)].concat();
    [&[0xff, 0xe1, 0, content.len() as u8 + 2], content.as_slice()].concat()
}

fn png(picture: &DynamicImage, exif: Option<Vec<u8>>) -> Bytes {
    let (best, adaptive) = (image_png::CompressionType::Best, image_png::FilterType::Adaptive);
    let mut bytes = Vec::new();
    let mut encoder = image_png::PngEncoder::new_with_quality(&mut bytes, best, adaptive);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif)?;
    }
    picture.write_with_encoder(encoder)?;
    Ok(bytes)
}

/// A PNG out of its header and the compressed pixels; 8 bits a sample.
fn png_of<'a>(width: u32, height: u32, set: impl FnOnce(&mut png::Info<'a>), pixels: &[u8]) -> Bytes {
    let mut info = png::Info::with_size(width, height);
    info.bit_depth = png::BitDepth::Eight;
    set(&mut info);
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::with_info(&mut bytes, info)?.write_header()?;
    writer.write_chunk(png::chunk::IDAT, pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn palette_png(picture: &Indexed) -> Bytes {
    let indexed = |info: &mut png::Info<'_>| {
        info.color_type = png::ColorType::Indexed;
        info.palette = Some(picture.palette.clone().into());
    };
    let unfiltered = picture.rows().flat_map(|row| [&[0], row].concat()).collect::<Vec<_>>();
    png_of(160, 107, indexed, &deflate(&unfiltered)?)
}

/// Adam7: seven passes over ever more pixels. Each row is stored as differences to the pixel before.
fn interlaced_png(picture: &RgbImage) -> Bytes {
    const PASSES: [(usize, usize, usize, usize); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    const SUB: u8 = 1;
    let mut passes = Vec::new();
    for (left, top, right, down) in PASSES {
        for row in picture.rows().skip(top).step_by(down) {
            let mut before = [0; 3];
            passes.push(SUB);
            for Rgb(pixel) in row.skip(left).step_by(right) {
                passes.extend((0..3).map(|channel| pixel[channel].wrapping_sub(before[channel])));
                before = *pixel;
            }
        }
    }
    let interlaced = |info: &mut png::Info<'_>| {
        info.color_type = png::ColorType::Rgb;
        info.interlaced = true;
    };
    png_of(picture.width(), picture.height(), interlaced, &deflate(&passes)?)
}

fn deflate(bytes: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn gif((width, height): (u16, u16), palette: &[u8], frames: &[gif::Frame<'_>]) -> Bytes {
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, palette)?;
    for frame in frames {
        encoder.write_frame(frame)?;
    }
    Ok(encoder.into_inner()?)
}

/// A picture with a palette: a cube of `levels` steps of each colour, and Bayer's dither.
struct Indexed {
    width: usize,
    palette: Vec<u8>,
    indices: Vec<u8>,
}

impl Indexed {
    fn new(picture: &RgbImage, levels: u32) -> Self {
        const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
        let step = |index| (index % levels * 255 / (levels - 1)) as u8;
        let palette = (0..levels.pow(3)).flat_map(|i| [step(i / levels / levels), step(i / levels), step(i)]);
        let indices = picture.enumerate_pixels().map(|(x, y, Rgb(pixel))| {
            let dither = BAYER[(y % 4) as usize][(x % 4) as usize] * 255 / 16 + 8;
            pixel.iter().fold(0, |index, &v| index * levels + (u32::from(v) * (levels - 1) + dither) / 255)
                as u8
        });
        Self { width: picture.width() as usize, palette: palette.collect(), indices: indices.collect() }
    }

    fn rows(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.indices.chunks(self.width)
    }

    fn frame(&self, interlaced: bool) -> gif::Frame<'static> {
        const PASSES: [(usize, usize); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];
        let pass = |(top, down)| self.rows().skip(top).step_by(down).flatten().copied();
        let buffer =
            if interlaced { PASSES.into_iter().flat_map(pass).collect() } else { self.indices.clone() };
        gif::Frame { width: 160, height: 107, interlaced, buffer: buffer.into(), ..Default::default() }
    }
}

type TiffAs = (Packing, Predictor);
const LZW: TiffAs = (Packing::Lzw, Predictor::Horizontal);
const DEFLATE: TiffAs = (Packing::Deflate(DeflateLevel::Best), Predictor::Horizontal);
const DEFLATE_PLAIN: TiffAs = (Packing::Deflate(DeflateLevel::Best), Predictor::None);
const PACKBITS: TiffAs = (Packing::Packbits, Predictor::None);

/// In strips of 16 rows.
fn tif<C: colortype::ColorType>(
    width: u32,
    samples: &[C::Inner],
    extra: &[ExtraSamples],
    (packing, predictor): TiffAs,
) -> Bytes
where
    [C::Inner]: TiffValue,
{
    let height = samples.len() / (C::BITS_PER_SAMPLE.len() + extra.len()) / width as usize;
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes)?.with_compression(packing).with_predictor(predictor);
    let mut picture = encoder.new_image::<C>(width, height.try_into()?)?;
    picture.rows_per_strip(16)?;
    if !extra.is_empty() {
        picture.extra_samples(extra)?;
    }
    picture.write_data(samples)?;
    Ok(bytes.into_inner())
}

fn tga(picture: &DynamicImage, run_lengths: bool) -> Bytes {
    let mut bytes = Vec::new();
    let encoder = TgaEncoder::new(&mut bytes);
    picture.write_with_encoder(if run_lengths { encoder } else { encoder.disable_rle() })?;
    Ok(bytes)
}

/// With a palette, 8 bits of index a pixel, else 24 of colour. Rows start at the bottom if the height
/// is positive, and must come padded to four bytes.
fn bmp(width: i32, height: i32, palette: &[u8], rows: &[u8]) -> Vec<u8> {
    let colours = (palette.len() / 3) as u32;
    let bits = if colours == 0 { 24 } else { 8 };
    let start = 54 + 4 * colours;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let file = words(&[start + rows.len() as u32, 0, start]);
    let info = words(&[
        40,
        width as u32,
        height as u32,
        1 | bits << 16,
        0,
        rows.len() as u32,
        2835,
        2835,
        colours,
        0,
    ]);
    let palette = palette.chunks(3).flat_map(|rgb| [rgb[2], rgb[1], rgb[0], 0]).collect::<Vec<_>>();
    [b"BM", file.as_slice(), &info, &palette, rows].concat()
}

fn bgr(&Rgb([red, green, blue]): &Rgb<u8>) -> [u8; 3] {
    [blue, green, red]
}

/// Binary, and 16 bits deep.
fn pgm(picture: &DynamicImage) -> Vec<u8> {
    let samples = picture.to_luma16();
    let samples = samples.iter().flat_map(|sample| sample.to_be_bytes());
    b"P5\n160 107\n65535\n".iter().copied().chain(samples).collect()
}

fn ascii_ppm(picture: &RgbImage) -> Vec<u8> {
    let samples = picture.pixels().map(|Rgb([red, green, blue])| format!("{red} {green} {blue}\n"));
    format!("P3\n# smile\n{} {}\n255\n{}", picture.width(), picture.height(), samples.collect::<String>())
        .into()
}

/// OpenEXR: 16-bit floats, scan lines, not compressed.
fn exr(picture: &Rgb32FImage) -> Vec<u8> {
    fn half(value: f32) -> u16 {
        let rounded = value.to_bits() + 0x1000;
        if value < 1.0 / 16384.0 {
            (value * 16_777_216.0) as u16
        } else {
            ((rounded >> 13) - (112 << 10)) as u16
        }
    }
    let (width, height) = picture.dimensions();
    let channel = |name: u8| [&[name, 0][..], &word(1), &word(0), &word(1), &word(1)].concat();
    let window = [word(0), word(0), word(width - 1), word(height - 1)].concat();
    let attribute = |name: &str, kind: &str, value: &[u8]| {
        [name.as_bytes(), b"\0", kind.as_bytes(), b"\0", &word(value.len() as u32), value].concat()
    };
    let mut bytes = [
        vec![0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0],
        attribute("channels", "chlist", &[channel(b'B'), channel(b'G'), channel(b'R'), vec![0]].concat()),
        attribute("compression", "compression", &[0]),
        attribute("dataWindow", "box2i", &window),
        attribute("displayWindow", "box2i", &window),
        attribute("lineOrder", "lineOrder", &[0]),
        attribute("pixelAspectRatio", "float", &1f32.to_le_bytes()),
        attribute("screenWindowCenter", "v2f", &[0; 8]),
        attribute("screenWindowWidth", "float", &1f32.to_le_bytes()),
        vec![0],
    ]
    .concat();
    let start = bytes.len() as u32 + 8 * height;
    bytes.extend((0..height).flat_map(|y| u64::from(start + y * (8 + 6 * width)).to_le_bytes()));
    for (y, row) in (0..).zip(picture.rows()) {
        bytes.extend([word(y), word(6 * width)].concat());
        for channel in [2, 1, 0] {
            bytes.extend(row.clone().flat_map(|pixel| half(pixel[channel]).to_le_bytes()));
        }
    }
    bytes
}

/// DirectDraw surface: DXT1, so per 4x4 pixels two colours and which mixture of them each pixel takes.
fn dds(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut header = [0; 31];
    header[..5].copy_from_slice(&[124, 0x8_1007, height, width, width * height / 2]);
    header[18..21].copy_from_slice(&[32, 4, u32::from_le_bytes(*b"DXT1")]);
    header[26] = 0x1000; // a texture
    let mut bytes = [b"DDS ".as_slice(), header.map(u32::to_le_bytes).as_flattened()].concat();

    let packed = |[red, green, blue]: [i32; 3]| (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3;
    let unpacked = |c: i32| [(c >> 11) * 255 / 31, (c >> 5 & 63) * 255 / 63, (c & 31) * 255 / 31];
    for (top, left) in (0..height).step_by(4).flat_map(|y| (0..width).step_by(4).map(move |x| (y, x))) {
        let block: [[i32; 3]; 16] = std::array::from_fn(|i| {
            picture.get_pixel(left + i as u32 % 4, top + i as u32 / 4).0.map(i32::from)
        });
        let ends = block.map(packed);
        let brightness = |&c: &i32| unpacked(c).iter().sum::<i32>();
        let darkest = ends.iter().copied().min_by_key(brightness).unwrap_or_default();
        let brightest = ends.iter().copied().max_by_key(brightness).unwrap_or_default();
        let (first, second) = (darkest.max(brightest), darkest.min(brightest));
        let (a, b) = (unpacked(first), unpacked(second));
        let between = |n, m| std::array::from_fn(|i| (a[i] * n + b[i] * m) / 3);
        let mixtures = [a, b, between(2, 1), between(1, 2)];
        let nearest = |pixel: [i32; 3]| {
            let error = |i: &usize| (0..3).map(|c| (pixel[c] - mixtures[*i][c]).pow(2)).sum::<i32>();
            (0..4).min_by_key(error).unwrap_or_default() as u32
        };
        let indices = block.iter().rev().fold(0, |indices, &pixel| indices << 2 | nearest(pixel));
        bytes.extend(word((first | second << 16) as u32));
        bytes.extend(word(indices));
    }
    bytes
}

fn word(value: u32) -> [u8; 4] {
    value.to_le_bytes()
}

// ---- Pictures ----

/// How opaque the disc is: fully, then fading out over its outer half.
fn disc(x: u32, y: u32) -> u16 {
    let from = |a: u32, centre: i64| (2 * i64::from(a) + 1 - 2 * centre).pow(2);
    let distance = from(x, 100) + from(y, 75);
    let (inner, outer) = (40i64.pow(2) * 4, 66i64.pow(2) * 4);
    ((outer - distance) * 65535 / (outer - inner)).clamp(0, 65535) as u16
}

/// Red, green, blue and yellow quarters as they must be stored to look so under an orientation.
fn quadrants(orientation: u8) -> RgbImage {
    const WIDTH: u32 = 60;
    const HEIGHT: u32 = 40;
    let (width, height) = if orientation < 5 { (WIDTH, HEIGHT) } else { (HEIGHT, WIDTH) };
    RgbImage::from_fn(width, height, |x, y| {
        // Where a stored pixel is shown, as Exif has it.
        let (x, y) = match orientation {
            2 => (WIDTH - 1 - x, y),
            3 => (WIDTH - 1 - x, HEIGHT - 1 - y),
            4 => (x, HEIGHT - 1 - y),
            5 => (y, x),
            6 => (WIDTH - 1 - y, x),
            7 => (WIDTH - 1 - y, HEIGHT - 1 - x),
            8 => (y, HEIGHT - 1 - x),
            _ => (x, y),
        };
        Rgb(match (x < WIDTH / 2, y < HEIGHT / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => YELLOW,
        })
    })
}

/// sRGB to linear light.
fn linear(picture: &Rgb32FImage) -> Rgb32FImage {
    fn channel(value: f32) -> f32 {
        if value <= 0.04045 {
            return value / 12.92;
        }
        // x^2.4 is x² times the fifth root of x², which Newton finds the same on every machine.
        let base = (f64::from(value) + 0.055) / 1.055;
        let square = base * base;
        let root =
            (0..40).fold(1.0, |root: f64, _| root - (root - square / (root * root * root * root)) / 5.0);
        (square * root) as f32
    }
    Rgb32FImage::from_fn(picture.width(), picture.height(), |x, y| {
        Rgb(picture.get_pixel(x, y).0.map(|value| channel(value.clamp(0.0, 1.0))))
    })
}

type Colour = [f32; 3];

/// A lake before mountains: smooth sky, fine grass, hard edges, small bright flowers, and noise as a
/// sensor has it.
fn photo() -> Rgb32FImage {
    const PER_SIDE: i32 = 3;
    Rgb32FImage::from_fn(640, 427, |x, y| {
        let at = |pixel: u32, part: i32| pixel as f32 + (part as f32 + 0.5) / PER_SIDE as f32;
        let mut sum = [0.0; 3];
        for part in 0..PER_SIDE * PER_SIDE {
            let colour = scene(at(x, part % PER_SIDE), at(y, part / PER_SIDE));
            sum = std::array::from_fn(|i| sum[i] + colour[i]);
        }
        let grain =
            |seed| (hash(x as i32, y as i32, seed) + hash(x as i32, y as i32, seed + 9) - 1.0) * 0.006;
        let common = grain(100);
        let channel = |i: usize| sum[i] / (PER_SIDE * PER_SIDE) as f32 + common + grain(101 + i as u32);
        Rgb(std::array::from_fn(|i| channel(i).clamp(0.0, 1.0)))
    })
}

fn scene(x: f32, y: f32) -> Colour {
    const SHORE: f32 = 248.0;
    let bank =
        322.0 + 46.0 * smooth(640.0, 120.0, x) * fbm(x / 160.0, 3.0, 4, 20) + 60.0 * smooth(300.0, 640.0, x);
    let colour = if y < SHORE {
        far(x, y)
    } else if y < bank {
        let depth = (y - SHORE) / 150.0;
        let ripple = fbm(x / 26.0, y * 0.45, 3, 30) - 0.5;
        let mirrored = far(x + ripple * 22.0 * depth, 2.0 * SHORE - y - ripple * 50.0 * depth);
        let water = mix(mirrored, [0.10, 0.20, 0.26], 0.25 + 0.35 * depth);
        let glitter = smooth(0.66, 0.80, noise(x / 9.0, y * 0.9, 31)) * (0.12 + 0.25 * depth);
        mix(water, [0.86, 0.91, 0.96], glitter)
    } else {
        meadow(x, y, y - bank)
    };
    let colour = boat(x, y, colour);
    fence(x, y, colour)
}

/// What lies beyond the lake, and what it mirrors.
fn far(x: f32, y: f32) -> Colour {
    let mut colour = sky(x, y);
    // Crest, roughness, width of its features, colour, how much the haze takes.
    let ridges: [(f32, f32, f32, Colour, f32); 3] = [
        (168.0, 150.0, 150.0, [0.42, 0.47, 0.55], 0.45),
        (196.0, 90.0, 110.0, [0.26, 0.37, 0.36], 0.22),
        (226.0, 50.0, 70.0, [0.13, 0.25, 0.13], 0.05),
    ];
    for (seed, (crest, rough, wide, tone, haze)) in (40..).step_by(3).zip(ridges) {
        let top = crest + rough * (fbm(x / wide + 7.0, 0.5, 6, seed) - 0.5);
        if y > top {
            let slope =
                fbm(x / 14.0, y / 11.0, 5, seed + 1) - fbm(x / 14.0 + 0.35, y / 11.0 - 0.25, 5, seed + 1);
            let grown = fbm(x / 3.0, y / 2.5, 3, seed + 2) - 0.5;
            let snow =
                smooth(0.0, 1.0, (146.0 - y) / 20.0 + 2.5 * slope) * if haze > 0.4 { 0.8 } else { 0.0 };
            let lit = scale(mix(tone, [0.93, 0.95, 0.99], snow), 1.0 + 1.6 * slope + 0.5 * grown);
            colour = mix(lit, [0.80, 0.86, 0.92], haze + 0.25 * smooth(top, top + 90.0, y));
        }
    }
    if y > 236.0 + 5.0 * fbm(x / 40.0, 1.0, 3, 50) {
        colour = scale([0.42, 0.55, 0.22], 0.7 + 0.6 * fbm(x / 4.0, y / 1.5, 3, 51));
    }
    let colour = house(x, y, colour);
    [(388.0, 13.0), (402.0, 17.0), (541.0, 15.0), (575.0, 20.0)].iter().fold(colour, |colour, &(at, size)| {
        let (dx, dy) = ((x - at) / size, (y - 241.0 + size) / (size * 1.25));
        let edge = 0.55 + 0.9 * fbm(x / 7.0, y / 7.0, 4, 55);
        let leaves = scale([0.17, 0.33, 0.12], 0.5 + 1.1 * fbm(x / 2.5, y / 2.5, 3, 56) - 0.35 * (dx + dy));
        if dx * dx + dy * dy < edge { leaves } else { colour }
    })
}

fn sky(x: f32, y: f32) -> Colour {
    let down = (y / 250.0).clamp(0.0, 1.0);
    let blue = mix([0.20, 0.42, 0.76], [0.70, 0.84, 0.95], smooth(0.0, 0.9, down));
    let clear = mix(blue, [0.98, 0.91, 0.80], smooth(0.45, 1.0, down) * 0.7);
    let thick = |x: f32, y: f32| fbm(x / 130.0 + 3.0, y / 62.0 + 1.0, 6, 1);
    let cover = smooth(0.48, 0.70, thick(x, y)) * (0.95 - 0.5 * down);
    let lit = (0.62 + 3.5 * (thick(x, y) - thick(x + 10.0, y - 9.0))).clamp(0.0, 1.0);
    mix(clear, mix([0.66, 0.70, 0.79], [1.0, 0.99, 0.96], lit), cover)
}

fn house(x: f32, y: f32, behind: Colour) -> Colour {
    let within =
        |left: f32, top: f32, right: f32, bottom: f32| x >= left && x < right && y >= top && y < bottom;
    // The roof leans in at both ends.
    let inset = (216.0 - y) * 0.55;
    if within(500.0, 184.0, 507.0, 200.0) {
        return scale([0.52, 0.28, 0.22], 0.8 + 0.4 * noise(x, y / 1.5, 60));
    }
    if within(436.0 + inset, 194.0, 524.0 - inset, 216.0) {
        let tiles = if (y / 3.0).fract() < 0.3 { 0.72 } else { 1.0 };
        return scale([0.66, 0.25, 0.17], tiles * (0.85 + 0.3 * noise(x / 2.0, y / 3.0, 61)));
    }
    if !within(442.0, 216.0, 518.0, 245.0) {
        return behind;
    }
    if within(475.0, 225.0, 485.0, 245.0) {
        return [0.10, 0.28, 0.58];
    }
    for left in [450.0, 494.0] {
        if within(left, 223.0, left + 14.0, 236.0) {
            let frame = (x - left - 7.0).abs() < 0.8
                || (y - 229.5).abs() < 0.8
                || !within(left + 1.5, 224.5, left + 12.5, 234.5);
            return if frame { [0.97, 0.97, 0.95] } else { [0.13, 0.16, 0.21] };
        }
    }
    let eaves = if y < 219.0 { 0.72 } else { 1.0 };
    scale([0.93, 0.87, 0.73], eaves * (0.96 + 0.06 * noise(x / 2.0, y / 2.0, 62)))
}

fn boat(x: f32, y: f32, behind: Colour) -> Colour {
    let (x, y) = (x - 250.0, y - 284.0);
    let hull = y > 0.0 && y < 9.0 && x > -22.0 + y && x < 24.0 - y * 1.4;
    let sail = y < -3.0 && y > -52.0 && x > 1.5 && x < 20.0 * (y + 52.0) / 49.0;
    let jib = y < -4.0 && y > -42.0 && x < -1.0 && x > -15.0 * (y + 42.0) / 38.0;
    let mirrored =
        y >= 9.0 && y < 44.0 && (x - 3.0 + 5.0 * (noise(2.0, y / 2.0, 65) - 0.5)).abs() < 15.0 - y * 0.32;
    match () {
        () if hull => {
            if y < 2.5 {
                [0.97, 0.95, 0.90]
            } else {
                [0.78, 0.10, 0.09]
            }
        }
        () if sail => mix([0.99, 0.98, 0.95], [0.84, 0.86, 0.89], x / 20.0),
        () if jib => [0.95, 0.62, 0.13],
        () if x.abs() < 0.8 && y <= 0.0 && y > -55.0 => [0.30, 0.22, 0.16],
        () if mirrored => mix(behind, [0.80, 0.74, 0.70], 0.45),
        () => behind,
    }
}

/// Grass with flowers in it, larger the nearer they are. `near` counts from the water's edge.
fn meadow(x: f32, y: f32, near: f32) -> Colour {
    let closeness = (near / 100.0).clamp(0.0, 1.0);
    let blades =
        fbm(x / (1.5 + closeness), y / (5.0 + 7.0 * closeness) + 0.3 * noise(x / 9.0, y / 30.0, 70), 3, 71);
    let patches = fbm(x / 60.0, y / 22.0, 4, 72);
    let grass = mix([0.22, 0.36, 0.10], [0.55, 0.60, 0.22], smooth(0.3, 0.7, patches));
    let grass = scale(grass, 0.35 + 1.25 * blades);
    let mut colour = mix([0.44, 0.40, 0.31], grass, smooth(1.0, 9.0, near + 6.0 * blades));
    let cell = 11.0;
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let (column, row) = ((x / cell - 0.5).floor() as i32 + dx, (y / cell - 0.5).floor() as i32 + dy);
        let chance = |seed| hash(column, row, seed);
        let centre =
            ((column as f32 + 0.2 + 0.6 * chance(80)) * cell, (row as f32 + 0.2 + 0.6 * chance(81)) * cell);
        let size = (1.0 + 2.2 * closeness) * (0.6 + 0.6 * chance(82));
        let (right, down) = ((x - centre.0) / size, (y - centre.1) / size);
        let away = right * right + down * down;
        if near > 12.0 && chance(83) < 0.42 * smooth(0.4, 0.6, fbm(x / 70.0, y / 30.0, 3, 84)) && away < 1.0 {
            let petals = [[0.90, 0.08, 0.10], [0.98, 0.82, 0.08], [0.80, 0.12, 0.66], [0.98, 0.97, 0.98]];
            let petal = petals[(chance(85) * 4.0) as usize % 4];
            colour = if away < 0.12 { [0.95, 0.72, 0.10] } else { scale(petal, 1.05 - 0.35 * away) };
        }
    }
    colour
}

fn fence(x: f32, y: f32, behind: Colour) -> Colour {
    let top = 338.0 + x * 0.02;
    let along = (x + 20.0) % 52.0;
    let wood = |light: f32| scale([0.62, 0.54, 0.44], light * (0.75 + 0.5 * fbm(x / 1.6, y / 14.0, 3, 90)));
    if along < 7.0 && y > top - 12.0 + (along - 3.5).abs() && y < top + 66.0 {
        return wood(1.15 - 0.08 * along);
    }
    for rail in [4.0, 36.0] {
        let below = y - top - rail - 1.5 * noise(x / 40.0, rail, 91);
        if (0.0..6.0).contains(&below) {
            return wood(if below < 1.5 { 1.3 } else { 0.95 });
        }
    }
    let wire = [14.0, 20.0, 26.0, 32.0].iter().any(|wire| (y - top - wire).abs() < 0.45);
    if wire { mix(behind, [0.20, 0.20, 0.22], 0.8) } else { behind }
}

/// Value noise in octaves: from 0 to 1, mostly near the middle.
fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale, y * scale, seed * 16 + octave);
        total += weight;
        weight *= 0.5;
        scale *= 2.0;
    }
    sum / total
}

fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let at = |dx, dy| hash(left as i32 + dx, top as i32 + dy, seed);
    let (right, down) = (smooth(0.0, 1.0, x - left), smooth(0.0, 1.0, y - top));
    let above = at(0, 0) + (at(1, 0) - at(0, 0)) * right;
    let below = at(0, 1) + (at(1, 1) - at(0, 1)) * right;
    above + (below - above) * down
}

/// From 0 to below 1, as good as random.
fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ seed.wrapping_mul(0xcb1a_b31f);
    for (shift, factor) in [(15, 0x2c1b_3c6d), (12, 0x297a_2d39), (15, 0x1b56_c4e9)] {
        h = (h ^ h >> shift).wrapping_mul(factor);
    }
    (h >> 8) as f32 / 16_777_216.0
}

fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

fn scale(colour: Colour, factor: f32) -> Colour {
    colour.map(|channel| (channel * factor).clamp(0.0, 1.0))
}
