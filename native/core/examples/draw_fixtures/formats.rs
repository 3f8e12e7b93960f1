//! The formats: where the `image` crate cannot write what a test needs, bytes are laid out by hand.

use std::{array, error::Error, io::Cursor, io::Write, mem};

use flate2::{Compression, write::ZlibEncoder};
use gif::Frame;
use image::codecs::{bmp::BmpEncoder, png as image_png, tga::TgaEncoder};
use image::{
    DynamicImage, ExtendedColorType::L8, ImageEncoder, ImageFormat, Rgb, Rgb32FImage, RgbImage,
};
use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};
use tiff::encoder::{DeflateLevel, TiffEncoder, TiffValue, colortype::ColorType};
use tiff::tags::{ExtraSamples, Predictor};

pub(crate) type Bytes = Result<Vec<u8>, Box<dyn Error>>;

pub(crate) fn patch(mut bytes: Vec<u8>, at: usize, patch: &[u8]) -> Vec<u8> {
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

/// Whatever the `image` crate writes well by itself.
pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// With colors at half the size, as cameras have it, unless `set` or a quality above 89 says
/// otherwise.
pub(crate) fn jpeg(
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
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
    let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
    let (bytes, at) = if orientation % 2 == 1 { (little, 18) } else { (big, 19) };
    patch(bytes.to_vec(), at, &[orientation])
}

/// The JPEG segment around [`exif`].
pub(crate) fn app1(orientation: u8) -> Vec<u8> {
    let content = [b"Exif\0\0".as_slice(), &exif(orientation)].concat();
    [&[0xff, 0xe1, 0, content.len() as u8 + 2], content.as_slice()].concat()
}

pub(crate) fn png(picture: &DynamicImage, exif: Option<Vec<u8>>) -> Bytes {
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
pub(crate) fn png_of(
    width: u32,
    height: u32,
    set: impl FnOnce(&mut png::Info<'_>),
    rows: &[u8],
) -> Bytes {
    let mut info = png::Info::with_size(width, height);
    info.bit_depth = png::BitDepth::Eight;
    set(&mut info);
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::with_info(&mut bytes, info)?.write_header()?;
    writer.write_chunk(png::chunk::IDAT, &deflate(rows)?)?;
    writer.finish()?;
    Ok(bytes)
}

pub(crate) fn palette_png(picture: &Indexed) -> Bytes {
    let indexed = |info: &mut png::Info<'_>| {
        info.color_type = png::ColorType::Indexed;
        info.palette = Some(picture.palette.concat().into());
    };
    let unfiltered = picture.rows().flat_map(|row| [&[0], row].concat()).collect::<Vec<_>>();
    png_of(160, 107, indexed, &unfiltered)
}

/// Adam7: seven passes over ever more pixels. Each row is stored as differences to the pixel
/// before.
pub(crate) fn interlaced_png(picture: &RgbImage) -> Bytes {
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

pub(crate) fn gif(width: u16, height: u16, palette: &[[u8; 3]], frames: &[Frame<'_>]) -> Bytes {
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, palette.as_flattened())?;
    frames.iter().try_for_each(|frame| encoder.write_frame(frame))?;
    Ok(encoder.into_inner()?)
}

pub(crate) fn frame(width: u16, height: u16, indices: Vec<u8>) -> Frame<'static> {
    Frame { delay: 50, ..Frame::from_indexed_pixels(width, height, indices, None) }
}

/// A picture with a palette: a cube of `levels` steps of each color, and Bayer's dither.
pub(crate) struct Indexed {
    pub(crate) palette: Vec<[u8; 3]>,
    indices: Vec<u8>,
}

impl Indexed {
    pub(crate) fn new(picture: &RgbImage, levels: u32) -> Self {
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

    pub(crate) fn frame(&self, interlaced: bool) -> Frame<'static> {
        let passes: &[_] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
        let pass = |&(top, down)| self.rows().skip(top).step_by(down).flatten().copied();
        Frame { interlaced, ..frame(160, 107, passes.iter().flat_map(pass).collect()) }
    }
}

/// In strips of 16 rows.
pub(crate) fn tif<C: ColorType>(
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

pub(crate) fn tga(picture: &DynamicImage) -> Bytes {
    let mut bytes = Vec::new();
    picture.write_with_encoder(TgaEncoder::new(&mut bytes).disable_rle())?;
    Ok(bytes)
}

/// With runs, each row written by itself: runs that go on in the next row are not for every reader.
pub(crate) fn rle_tga(picture: &DynamicImage) -> Bytes {
    const HEADER: usize = 18;
    let mut bytes = encode(picture, ImageFormat::Tga)?;
    bytes.truncate(HEADER);
    for y in 0..picture.height() {
        let row = picture.crop_imm(0, y, picture.width(), 1);
        bytes.extend_from_slice(&encode(&row, ImageFormat::Tga)?[HEADER..]);
    }
    Ok(bytes)
}

pub(crate) fn palette_bmp(picture: &Indexed) -> Bytes {
    let mut bytes = Vec::new();
    let palette = Some(picture.palette.as_slice());
    BmpEncoder::new(&mut bytes).encode_with_palette(&picture.indices, 160, 107, L8, palette)?;
    Ok(bytes)
}

pub(crate) fn deep_pgm(picture: &DynamicImage) -> Vec<u8> {
    let samples = picture.to_luma16();
    b"P5\n160 107\n65535\n"
        .iter()
        .copied()
        .chain(samples.iter().flat_map(|v| v.to_be_bytes()))
        .collect()
}

pub(crate) fn ascii_ppm(picture: &RgbImage) -> Vec<u8> {
    let samples: String = picture.pixels().map(|Rgb([r, g, b])| format!("{r} {g} {b}\n")).collect();
    format!("P3\n# plain\n{} {}\n255\n{samples}", picture.width(), picture.height()).into()
}

/// OpenEXR: 16-bit floats, scan lines, compressed by sixteens.
pub(crate) fn exr(picture: &Rgb32FImage) -> Bytes {
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
pub(crate) fn dds(picture: &RgbImage) -> Vec<u8> {
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
