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
//! The same pixels are drawn on every machine: floats meet only arithmetic that rounds alike
//! everywhere (no `sin`, no `powf`), and all chance is a hash of coordinates.

use std::{array, env, error::Error, fs, io::Cursor, io::Write, mem, path::Path};

use flate2::{Compression, write::ZlibEncoder};
use gif::Frame;
use image::codecs::{bmp::BmpEncoder, png as image_png, tga::TgaEncoder};
use image::{DynamicImage, ExtendedColorType::L8, ImageBuffer, ImageEncoder, ImageFormat};
use image::{
    GrayAlphaImage, GrayImage, Rgb32FImage, RgbImage, RgbaImage, imageops::FilterType::Triangle,
};
use image::{Luma, LumaA, Rgb, Rgba};
use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder, SamplingFactor};
use tiff::encoder::{DeflateLevel, TiffEncoder, TiffValue, colortype, colortype::ColorType};
use tiff::tags::{ExtraSamples, Predictor};

type Bytes = Result<Vec<u8>, Box<dyn Error>>;

/// Red, green, blue and yellow
const COLORS: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]];

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
    let linear = linear(small.to_rgb32f());
    let few = Indexed::new(&small.to_rgb8(), 4);
    let many = Indexed::new(&small.to_rgb8(), 6);

    let photo_jpg = jpeg(&large, 85, |_| ())?;
    let photo_gif = gif(160, 107, &many.palette, &[many.frame(false)])?;
    write_all(&[
        ("truncated.jpg", first_half(&photo_jpg)),
        ("truncated.png", first_half(&png(&small, None)?)),
        ("truncated.gif", first_half(&photo_gif)),
        // 640x427
        ("photo.jpg", photo_jpg),
        ("photo.png", png(&large, None)?),
        // 320x214
        (
            "photo-444.jpg",
            jpeg(&medium, 85, |jpeg| jpeg.set_sampling_factor(SamplingFactor::R_4_4_4))?,
        ),
        ("photo-gray.jpg", jpeg(&medium.grayscale(), 85, |_| ())?),
        ("photo-progressive.jpg", jpeg(&medium, 85, |jpeg| jpeg.set_progressive(true))?),
        ("photo-restart.jpg", jpeg(&medium, 85, |jpeg| jpeg.set_restart_interval(7))?),
        // 160x107
        ("photo-16bit.png", png(&deep.to_rgb16().into(), None)?),
        ("photo-gray.png", png(&small.grayscale(), None)?),
        ("photo-palette.png", palette_png(&few)?),
        ("photo-interlaced.png", interlaced_png(&small.to_rgb8())?),
        ("photo.gif", photo_gif),
        ("photo-interlaced.gif", gif(160, 107, &many.palette, &[many.frame(true)])?),
        ("photo.webp", encode(&small, ImageFormat::WebP)?),
        ("photo.tif", tif::<colortype::RGB8>(160, small.as_bytes(), &[], Predictor::Horizontal)?),
        (
            "photo-16bit.tif",
            tif::<colortype::RGB16>(160, &deep.to_rgb16(), &[], Predictor::Horizontal)?,
        ),
        ("photo-float.tif", tif::<colortype::RGB32Float>(160, &linear, &[], Predictor::None)?),
        ("photo.bmp", encode(&small, ImageFormat::Bmp)?),
        (
            "photo-topdown.bmp",
            patch(encode(&small.flipv(), ImageFormat::Bmp)?, 22, &(-107i32).to_le_bytes()),
        ),
        ("palette.bmp", palette_bmp(&many)?),
        ("photo.tga", tga(&small)?),
        ("photo-rle.tga", rle_tga(&small)?),
        ("photo.ppm", [b"P6\n160 107\n255\n", small.as_bytes()].concat()),
        ("photo.pgm", deep_pgm(&deep)),
        ("photo.qoi", encode(&small, ImageFormat::Qoi)?),
        ("photo.ff", encode(&deep.to_rgba16().into(), ImageFormat::Farbfeld)?),
        ("photo.hdr", encode(&linear.clone().into(), ImageFormat::Hdr)?),
        ("photo.exr", exr(&linear)?),
        // Smaller still
        ("photo.ico", encode(&sized(64, 64).to_rgba8().into(), ImageFormat::Ico)?),
        ("photo.dds", dds(&sized(64, 48).to_rgb8())),
        ("photo-ascii.ppm", ascii_ppm(&sized(32, 21).to_rgb8())),
    ])?;

    // A soft red disc, 200x150. The transparent pixels around it hide a bright green, or white
    // where there is no color: whoever resamples without premultiplying gets a seam of it.
    let rgba =
        DynamicImage::from(RgbaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
            0 => Rgba([0, 255, 0, 0]),
            alpha => Rgba([255, 0, 0, alpha]),
        }));
    let gray = GrayAlphaImage::from_fn(200, 150, |x, y| match (disc(x, y) >> 8) as u8 {
        0 => LumaA([255, 0]),
        alpha => LumaA([64, alpha]),
    });
    let deep_rgba = ImageBuffer::from_fn(200, 150, |x, y| match disc(x, y) {
        0 => Rgba([0, u16::MAX, 0, 0]),
        alpha => Rgba([u16::MAX, 0, 0, alpha]),
    });
    let (opaque, clear) = (0, 1); // red, and a hidden green
    let hard =
        rgba.to_rgba8().pixels().map(|pixel| if pixel[3] < 128 { clear } else { opaque }).collect();
    let hard = Frame { transparent: Some(clear), ..frame(200, 150, hard) };
    let alpha = [ExtraSamples::UnassociatedAlpha];
    write_all(&[
        ("alpha.png", png(&rgba, None)?),
        ("alpha-gray.png", png(&gray.into(), None)?),
        ("alpha-16bit.png", png(&deep_rgba.into(), None)?),
        ("alpha.webp", encode(&rgba, ImageFormat::WebP)?),
        ("alpha.tga", rle_tga(&rgba)?),
        ("alpha.qoi", encode(&rgba, ImageFormat::Qoi)?),
        ("alpha.tif", tif::<colortype::RGB8>(200, rgba.as_bytes(), &alpha, Predictor::None)?),
        ("alpha.gif", gif(200, 150, &COLORS, &[hard])?),
    ])?;

    // Quadrants, 60x40, that look the same under each of the eight orientations.
    for orientation in 1..=8 {
        let mut bytes = jpeg(&quadrants(orientation).into(), 95, |_| ())?;
        bytes.splice(2..2, app1(orientation)); // right behind the start of the image
        write_all(&[(&format!("orientation-{orientation}.jpg"), bytes)])?;
    }

    // Frames, bounds and oddities
    let solid = |color, width: u16, height: u16| {
        frame(width, height, vec![color; usize::from(width) * usize::from(height)])
    };
    let dot = DynamicImage::from(RgbImage::from_pixel(1, 1, Rgb(COLORS[0])));
    let ramp =
        |width, height| GrayImage::from_fn(width, height, |x, y| Luma([((x + y) / 118) as u8]));
    write_all(&[
        ("orientation-6.png", png(&quadrants(6).into(), Some(exif(6)))?),
        (
            "animated.gif",
            gif(64, 48, &COLORS, &[solid(0, 64, 48), solid(1, 64, 48), solid(2, 64, 48)])?,
        ),
        ("offset.gif", gif(64, 48, &COLORS, &[Frame { left: 16, top: 12, ..solid(1, 40, 24) }])?),
        // Headers that promise far more pixels than follow; 0x7530 is 30 000.
        (
            "huge-header.png",
            png_of(50_000, 50_000, |info| info.color_type = png::ColorType::Rgb, &[0; 64])?,
        ),
        (
            "huge-header.bmp",
            patch(encode(&dot, ImageFormat::Bmp)?, 18, &[0x30, 0x75, 0, 0, 0x30, 0x75]),
        ),
        ("1x1.png", png(&dot, None)?),
        ("1x1.gif", gif(1, 1, &COLORS, &[solid(0, 1, 1)])?),
        ("1x1.jpg", jpeg(&dot, 95, |_| ())?),
        ("tall.png", png(&ramp(1, 30_000).into(), None)?),
        ("wide.png", png(&ramp(30_000, 1).into(), None)?),
    ])?;
    Ok(())
}

fn first_half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

fn patch(mut bytes: Vec<u8>, at: usize, patch: &[u8]) -> Vec<u8> {
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

// ---- Formats ----

/// Whatever the `image` crate writes well by itself.
fn encode(picture: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// With colors at half the size, as cameras have it, unless `set` or a quality above 89 says
/// otherwise.
fn jpeg(
    picture: &DynamicImage,
    quality: u8,
    set: impl FnOnce(&mut JpegEncoder<&mut Vec<u8>>),
) -> Bytes {
    let color = if picture.color().has_color() { JpegColor::Rgb } else { JpegColor::Luma };
    let (width, height) = (picture.width().try_into()?, picture.height().try_into()?);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes, quality);
    set(&mut encoder);
    encoder.encode(picture.as_bytes(), width, height, color)?;
    Ok(bytes)
}

/// The TIFF structure with one entry, the orientation: little-endian when that is odd, else
/// big-endian.
fn exif(orientation: u8) -> Vec<u8> {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
    let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
    let (bytes, at) = if orientation % 2 == 1 { (little, 18) } else { (big, 19) };
    patch(bytes.to_vec(), at, &[orientation])
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

/// A PNG out of its header and its filtered rows; 8 bits a sample.
fn png_of(width: u32, height: u32, set: impl FnOnce(&mut png::Info<'_>), rows: &[u8]) -> Bytes {
    let mut info = png::Info::with_size(width, height);
    info.bit_depth = png::BitDepth::Eight;
    set(&mut info);
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::with_info(&mut bytes, info)?.write_header()?;
    writer.write_chunk(png::chunk::IDAT, &deflate(rows)?)?;
    writer.finish()?;
    Ok(bytes)
}

fn palette_png(picture: &Indexed) -> Bytes {
    let indexed = |info: &mut png::Info<'_>| {
        info.color_type = png::ColorType::Indexed;
        info.palette = Some(picture.palette.concat().into());
    };
    let unfiltered = picture.rows().flat_map(|row| [&[0], row].concat()).collect::<Vec<_>>();
    png_of(160, 107, indexed, &unfiltered)
}

/// Adam7: seven passes over ever more pixels. Each row is stored as differences to the pixel
/// before.
fn interlaced_png(picture: &RgbImage) -> Bytes {
    const PASSES: [(usize, usize, usize, usize); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
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
    png_of(picture.width(), picture.height(), interlaced, &passes)
}

fn deflate(bytes: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn gif(width: u16, height: u16, palette: &[[u8; 3]], frames: &[Frame<'_>]) -> Bytes {
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, palette.as_flattened())?;
    frames.iter().try_for_each(|frame| encoder.write_frame(frame))?;
    Ok(encoder.into_inner()?)
}

fn frame(width: u16, height: u16, indices: Vec<u8>) -> Frame<'static> {
    Frame { delay: 50, ..Frame::from_indexed_pixels(width, height, indices, None) }
}

/// A picture with a palette: a cube of `levels` steps of each color, and Bayer's dither.
struct Indexed {
    palette: Vec<[u8; 3]>,
    indices: Vec<u8>,
}

impl Indexed {
    fn new(picture: &RgbImage, levels: u32) -> Self {
        const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
        let step = |index| (index % levels * 255 / (levels - 1)) as u8;
        let color = |index| [step(index / levels / levels), step(index / levels), step(index)];
        let indices = picture.enumerate_pixels().map(|(x, y, Rgb(pixel))| {
            let dither = BAYER[(y % 4) as usize][(x % 4) as usize] * 255 / 16 + 8;
            let level = |value: u8| (u32::from(value) * (levels - 1) + dither) / 255;
            pixel.iter().fold(0, |index, &value| index * levels + level(value)) as u8
        });
        Self { palette: (0..levels.pow(3)).map(color).collect(), indices: indices.collect() }
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.indices.chunks(160)
    }

    fn frame(&self, interlaced: bool) -> Frame<'static> {
        let passes: &[_] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
        let pass = |&(top, down)| self.rows().skip(top).step_by(down).flatten().copied();
        Frame { interlaced, ..frame(160, 107, passes.iter().flat_map(pass).collect()) }
    }
}

/// In strips of 16 rows.
fn tif<C: ColorType>(
    width: u32,
    samples: &[C::Inner],
    extra: &[ExtraSamples],
    predictor: Predictor,
) -> Bytes
where
    [C::Inner]: TiffValue,
{
    let height = samples.len() / (C::BITS_PER_SAMPLE.len() + extra.len()) / width as usize;
    let mut bytes = Cursor::new(Vec::new());
    let packing = tiff::encoder::Compression::Deflate(DeflateLevel::Best);
    let mut encoder =
        TiffEncoder::new(&mut bytes)?.with_compression(packing).with_predictor(predictor);
    let mut picture = encoder.new_image::<C>(width, height.try_into()?)?;
    picture.rows_per_strip(16)?;
    if !extra.is_empty() {
        picture.extra_samples(extra)?;
    }
    picture.write_data(samples)?;
    Ok(bytes.into_inner())
}

fn tga(picture: &DynamicImage) -> Bytes {
    let mut bytes = Vec::new();
    picture.write_with_encoder(TgaEncoder::new(&mut bytes).disable_rle())?;
    Ok(bytes)
}

/// With runs, each row written by itself: runs that go on in the next row are not for every reader.
fn rle_tga(picture: &DynamicImage) -> Bytes {
    const HEADER: usize = 18;
    let mut bytes = encode(picture, ImageFormat::Tga)?;
    bytes.truncate(HEADER);
    for y in 0..picture.height() {
        let row = picture.crop_imm(0, y, picture.width(), 1);
        bytes.extend_from_slice(&encode(&row, ImageFormat::Tga)?[HEADER..]);
    }
    Ok(bytes)
}

fn palette_bmp(picture: &Indexed) -> Bytes {
    let mut bytes = Vec::new();
    let palette = Some(picture.palette.as_slice());
    BmpEncoder::new(&mut bytes).encode_with_palette(&picture.indices, 160, 107, L8, palette)?;
    Ok(bytes)
}

fn deep_pgm(picture: &DynamicImage) -> Vec<u8> {
    let samples = picture.to_luma16();
    b"P5\n160 107\n65535\n"
        .iter()
        .copied()
        .chain(samples.iter().flat_map(|v| v.to_be_bytes()))
        .collect()
}

fn ascii_ppm(picture: &RgbImage) -> Vec<u8> {
    let samples: String = picture.pixels().map(|Rgb([r, g, b])| format!("{r} {g} {b}\n")).collect();
    format!("P3\n# plain\n{} {}\n255\n{samples}", picture.width(), picture.height()).into()
}

/// OpenEXR: 16-bit floats, scan lines, compressed by sixteens.
fn exr(picture: &Rgb32FImage) -> Bytes {
    let half = |value: f32| match value * 16_777_216.0 {
        tiny if tiny < 1024.0 => tiny as u16,
        _ => (((value.to_bits() + 0x1000) >> 13) - (112 << 10)) as u16,
    };
    let (width, height) = picture.dimensions();
    let channel = |name| [&[name, 0], [1, 0, 1, 1].map(word).as_flattened()].concat();
    let window = [0, 0, width - 1, height - 1].map(word).concat();
    let attribute = |name: &str, kind: &str, value: &[u8]| {
        [name.as_bytes(), b"\0", kind.as_bytes(), b"\0", &word(value.len() as u32), value].concat()
    };
    let mut bytes = [
        vec![0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0],
        attribute(
            "channels",
            "chlist",
            &[channel(b'B'), channel(b'G'), channel(b'R'), vec![0]].concat(),
        ),
        attribute("compression", "compression", &[3]),
        attribute("dataWindow", "box2i", &window),
        attribute("displayWindow", "box2i", &window),
        attribute("lineOrder", "lineOrder", &[0]),
        attribute("pixelAspectRatio", "float", &1f32.to_le_bytes()),
        attribute("screenWindowCenter", "v2f", &[0; 8]),
        attribute("screenWindowWidth", "float", &1f32.to_le_bytes()),
        vec![0],
    ]
    .concat();
    let (mut offsets, mut blocks) = (Vec::new(), Vec::new());
    let first = bytes.len() as u64 + 8 * u64::from(height.div_ceil(16));
    for top in (0..height).step_by(16) {
        // The low bytes of all samples, then the high ones, each as the difference to the one
        // before.
        let line =
            |y, channel: usize| (0..width).map(move |x| half(picture.get_pixel(x, y)[channel]));
        let lines =
            (top..height.min(top + 16)).flat_map(|y| [2, 1, 0].map(|channel| line(y, channel)));
        let (low, high): (Vec<_>, Vec<_>) =
            lines.flatten().map(|half| (half as u8, (half >> 8) as u8)).unzip();
        let mut before = 128;
        let difference = |&byte: &u8| byte.wrapping_sub(mem::replace(&mut before, byte)) ^ 128;
        let packed = deflate(&low.iter().chain(&high).map(difference).collect::<Vec<_>>())?;
        offsets.extend((first + blocks.len() as u64).to_le_bytes());
        blocks.extend([&word(top), &word(packed.len() as u32), packed.as_slice()].concat());
    }
    bytes.extend([offsets, blocks].concat());
    Ok(bytes)
}

/// DirectDraw surface: DXT1, so per 4x4 pixels two colors and which mixture of them each pixel
/// takes.
fn dds(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut header = [0; 31];
    header[..5].copy_from_slice(&[124, 0x8_1007, height, width, width * height / 2]);
    header[18..21].copy_from_slice(&[32, 4, u32::from_le_bytes(*b"DXT1")]);
    header[26] = 0x1000; // a texture
    let mut bytes = [b"DDS ", header.map(word).as_flattened()].concat();

    let packed = |[red, green, blue]: [u32; 3]| (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3;
    let brightness = |pixel: [u32; 3]| pixel.iter().sum::<u32>();
    for (top, left) in
        (0..height).step_by(4).flat_map(|y| (0..width).step_by(4).map(move |x| (y, x)))
    {
        let block: [[u32; 3]; 16] = array::from_fn(|i| {
            picture.get_pixel(left + i as u32 % 4, top + i as u32 / 4).0.map(u32::from)
        });
        let most =
            block.iter().fold([0; 3], |most, pixel| array::from_fn(|i| pixel[i].max(most[i])));
        let least =
            block.iter().fold(most, |least, pixel| array::from_fn(|i| pixel[i].min(least[i])));
        let (dark, range) = (brightness(least), (brightness(most) - brightness(least)).max(1));
        // From the darker to the brighter color: the second, its mixtures, the first.
        let index = |&pixel: &[u32; 3]| {
            [1, 3, 2, 0][((6 * (brightness(pixel) - dark) + range) / (2 * range)) as usize]
        };
        bytes.extend(word(packed(most) | packed(least) << 16));
        bytes
            .extend(word(block.iter().rev().fold(0, |indices, pixel| indices << 2 | index(pixel))));
    }
    bytes
}

fn word(value: u32) -> [u8; 4] {
    value.to_le_bytes()
}

// ---- Pictures ----

/// How opaque the disc is: fully, then fading out over its rim.
fn disc(x: u32, y: u32) -> u16 {
    let from = |a: u32, center: i64| (2 * i64::from(a) + 1 - 2 * center).pow(2);
    let distance = from(x, 100) + from(y, 75);
    let (inner, outer) = (4 * 54 * 54, 4 * 66 * 66);
    ((outer - distance) * 65535 / (outer - inner)).clamp(0, 65535) as u16
}

/// Quarters as they must be stored to show in the order of [`COLORS`] under an Exif orientation.
fn quadrants(orientation: u8) -> RgbImage {
    let turned = orientation > 4;
    let (width, height) = if turned { (40, 60) } else { (60, 40) };
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = if turned { (y, x) } else { (x, y) };
        let right = (x >= 30) ^ matches!(orientation, 2 | 3 | 6 | 7);
        let below = (y >= 20) ^ matches!(orientation, 3 | 4 | 7 | 8);
        Rgb(COLORS[2 * usize::from(below) + usize::from(right)])
    })
}

/// From sRGB to linear light.
fn linear(mut picture: Rgb32FImage) -> Rgb32FImage {
    for value in picture.iter_mut() {
        // x^2.4 is x² times the fifth root of x², which Newton finds the same on every machine.
        let square = ((*value + 0.055) / 1.055) * ((*value + 0.055) / 1.055);
        let root =
            (0..40).fold(1.0, |root, _| root - (root - square / (root * root * root * root)) / 5.0);
        *value = if *value <= 0.04045 { *value / 12.92 } else { square * root };
    }
    picture
}

type Color = [f32; 3];

/// A lake before mountains: smooth sky, fine grass, hard edges, small bright flowers, and noise as
/// a sensor has it.
fn photo() -> Rgb32FImage {
    const PARTS: [f32; 3] = [1.0 / 6.0, 0.5, 5.0 / 6.0];
    Rgb32FImage::from_fn(640, 427, |x, y| {
        let mut sum = [hash(x as i32, y as i32, 1) * 0.02; 3];
        for (right, down) in PARTS.iter().flat_map(|right| PARTS.map(|down| (right, down))) {
            let color = scene(x as f32 + right, y as f32 + down);
            sum = array::from_fn(|i| sum[i] + color[i]);
        }
        Rgb(sum.map(|channel| (channel / 9.0).clamp(0.0, 1.0)))
    })
}

fn scene(x: f32, y: f32) -> Color {
    const SHORE: f32 = 248.0;
    let bank = 322.0
        + 46.0 * smooth(640.0, 120.0, x) * fbm(x / 160.0, 3.0, 4, 20)
        + 60.0 * smooth(300.0, 640.0, x);
    let color = if y < SHORE {
        far(x, y)
    } else if y < bank {
        let depth = (y - SHORE) / 150.0;
        let ripple = fbm(x / 30.0, y * 0.4, 2, 30) - 0.5;
        let mirrored = far(x + ripple * 22.0 * depth, 2.0 * SHORE - y - ripple * 50.0 * depth);
        let glitter = smooth(0.66, 0.80, noise(x / 12.0, y * 0.8, 31)) * (0.12 + 0.25 * depth);
        mix(mix(mirrored, [0.10, 0.20, 0.26], 0.25 + 0.35 * depth), [0.86, 0.91, 0.96], glitter)
    } else {
        meadow(x, y, y - bank)
    };
    let color = paint(&BOAT, x, y, color);
    let down = y - x * 0.02;
    paint(&POST, x % 52.0, down, paint(&RAILS, x, down, color))
}

/// What lies beyond the lake, and what it mirrors.
fn far(x: f32, y: f32) -> Color {
    let mut color = sky(x, y);
    for (seed, [crest, rough, wide, haze], tone) in RIDGES {
        let top = crest + rough * (fbm(x / wide + 7.0, 0.5, 6, seed) - 0.5);
        if y > top {
            let relief = |x: f32, y: f32| fbm(x / 14.0, y / 11.0, 2, seed + 1);
            let light = 1.0
                + 1.1 * (relief(x, y) - relief(x + 4.9, y - 2.7))
                + 0.2 * (noise(x / 3.0, y / 2.5, seed + 2) - 0.5);
            color = mix(
                scale(tone, light),
                [0.80, 0.86, 0.92],
                haze + 0.25 * smooth(top, top + 90.0, y),
            );
        }
    }
    if y > 236.0 + 5.0 * fbm(x / 40.0, 1.0, 3, 50) {
        color = scale([0.42, 0.55, 0.22], 0.7 + 0.6 * fbm(x / 4.0, y / 1.5, 2, 51));
    }
    for (middle, size) in TREES {
        let (right, down) = ((x - middle) / size, (y - 241.0 + size) / (size * 1.25));
        if right * right + down * down < 0.55 + 0.9 * fbm(x / 7.0, y / 7.0, 4, 55) {
            let light = 0.5 + 1.1 * fbm(x / 2.5, y / 2.5, 2, 56) - 0.35 * (right + down);
            color = scale([0.17, 0.33, 0.12], light);
        }
    }
    paint(&HOUSE, x, y, color)
}

fn sky(x: f32, y: f32) -> Color {
    let down = y / 250.0;
    let blue = mix([0.20, 0.42, 0.76], [0.70, 0.84, 0.95], smooth(0.0, 0.9, down));
    let clear = mix(blue, [0.98, 0.91, 0.80], smooth(0.45, 1.0, down) * 0.7);
    let thick = |x: f32, y: f32| fbm(x / 130.0 + 3.0, y / 62.0 + 1.0, 4, 5);
    let cover = smooth(0.48, 0.70, thick(x, y)) * (0.95 - 0.5 * down);
    let light = 0.62 + 3.5 * (thick(x, y) - thick(x + 10.0, y - 9.0));
    mix(clear, mix([0.66, 0.70, 0.79], [1.0, 0.99, 0.96], light), cover)
}

/// Grass with flowers in it, larger the nearer they are. `near` counts from the water's edge.
fn meadow(x: f32, y: f32, near: f32) -> Color {
    const CELL: f32 = 11.0;
    let close = (near / 100.0).min(1.0);
    let blades = fbm(x / (2.5 + close), y / (7.0 + 7.0 * close), 2, 71);
    let grass = mix(
        [0.22, 0.36, 0.10],
        [0.55, 0.60, 0.22],
        smooth(0.3, 0.7, fbm(x / 60.0, y / 22.0, 4, 72)),
    );
    let grass = mix(
        [0.44, 0.40, 0.31],
        scale(grass, 0.5 + 0.95 * blades),
        (near + 6.0 * blades - 1.0) / 8.0,
    );
    let chance = |seed| hash((x / CELL) as i32, (y / CELL) as i32, seed);
    let size = (1.0 + 2.2 * close) * (0.6 + 0.6 * chance(80));
    let right = (x % CELL - CELL * (0.3 + 0.4 * chance(81))) / size;
    let down = (y % CELL - CELL * (0.3 + 0.4 * chance(82))) / size;
    match right * right + down * down {
        away if away > 1.0 || near < 12.0 || chance(83) > 0.3 => grass,
        away if away < 0.12 => [0.95, 0.72, 0.10],
        away => scale(PETALS[(chance(84) * 4.0) as usize], 1.05 - 0.35 * away),
    }
}

/// Shapes with level tops and bottoms: top and bottom, left and right end of the top, left and
/// right end of the bottom, color.
type Shape = ([f32; 2], [f32; 2], [f32; 2], Color);

fn paint(shapes: &[Shape], x: f32, y: f32, behind: Color) -> Color {
    let within = |&&([top, bottom], upper, lower, _): &&Shape| {
        let down = (y - top) / (bottom - top);
        let [left, right] = array::from_fn(|i| upper[i] + (lower[i] - upper[i]) * down);
        (0.0..1.0).contains(&down) && (left..right).contains(&x)
    };
    let grain = || 0.93 + 0.14 * noise(x / 1.5, y / 3.0, 60);
    shapes.iter().rfind(within).map_or(behind, |&(.., color)| scale(color, grain()))
}

const HOUSE: [Shape; 9] = [
    ([184.0, 200.0], [500.0, 507.0], [500.0, 507.0], [0.52, 0.28, 0.22]), // chimney
    ([194.0, 217.0], [448.0, 512.0], [436.0, 524.0], [0.66, 0.25, 0.17]), // roof
    ([217.0, 245.0], [442.0, 518.0], [442.0, 518.0], [0.93, 0.87, 0.73]), // wall
    ([225.0, 245.0], [475.0, 485.0], [475.0, 485.0], [0.10, 0.28, 0.58]), // door
    ([223.0, 236.0], [450.0, 464.0], [450.0, 464.0], [0.99, 0.99, 0.97]), // windows
    ([223.0, 236.0], [494.0, 508.0], [494.0, 508.0], [0.99, 0.99, 0.97]),
    ([224.5, 234.5], [451.5, 456.3], [451.5, 456.3], [0.13, 0.16, 0.21]), // panes
    ([224.5, 234.5], [457.7, 462.5], [457.7, 462.5], [0.13, 0.16, 0.21]),
    ([224.5, 234.5], [495.5, 506.5], [495.5, 506.5], [0.13, 0.16, 0.21]),
];
const BOAT: [Shape; 5] = [
    ([229.0, 284.0], [249.2, 250.8], [249.2, 250.8], [0.30, 0.22, 0.16]), // mast
    ([232.0, 281.0], [251.5, 251.5], [251.5, 271.5], [0.99, 0.98, 0.95]), // sails
    ([242.0, 280.0], [249.0, 249.0], [234.0, 249.0], [0.99, 0.62, 0.10]),
    ([284.0, 293.0], [228.0, 274.0], [237.0, 262.0], [0.82, 0.10, 0.09]), // hull
    ([284.0, 286.5], [228.0, 274.0], [230.5, 271.0], [0.99, 0.97, 0.92]),
];
const RAILS: [Shape; 6] = [
    ([342.0, 348.0], [0.0, 640.0], [0.0, 640.0], [0.66, 0.58, 0.47]),
    ([374.0, 380.0], [0.0, 640.0], [0.0, 640.0], [0.66, 0.58, 0.47]),
    ([352.0, 352.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]), // wires
    ([358.0, 358.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
    ([364.0, 364.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
    ([370.0, 370.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
];
const POST: [Shape; 3] = [
    ([326.0, 329.0], [33.5, 33.5], [30.0, 37.0], [0.72, 0.64, 0.53]),
    ([329.0, 404.0], [30.0, 35.0], [30.0, 35.0], [0.68, 0.60, 0.49]),
    ([329.0, 404.0], [35.0, 37.0], [35.0, 37.0], [0.45, 0.39, 0.31]),
];
/// Seed; crest, roughness, how wide its features are, how much the haze takes; color.
const RIDGES: [(u32, [f32; 4], Color); 3] = [
    (40, [168.0, 150.0, 150.0, 0.45], [0.42, 0.47, 0.55]),
    (43, [196.0, 90.0, 110.0, 0.22], [0.26, 0.37, 0.36]),
    (46, [226.0, 50.0, 70.0, 0.05], [0.13, 0.25, 0.13]),
];
const TREES: [(f32, f32); 4] = [(388.0, 13.0), (402.0, 17.0), (541.0, 15.0), (575.0, 20.0)];
const PETALS: [Color; 4] =
    [[0.90, 0.08, 0.10], [0.98, 0.82, 0.08], [0.80, 0.12, 0.66], [0.98, 0.97, 0.98]];

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

fn mix(a: Color, b: Color, share: f32) -> Color {
    let share = share.clamp(0.0, 1.0);
    array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

fn scale(color: Color, factor: f32) -> Color {
    color.map(|channel| (channel * factor).clamp(0.0, 1.0))
}
