//! Files made to lie, to take long, or to take much: whatever they say, a job holds no more than
//! its limit, takes no longer than its bytes and pixels are worth, and no piece of it holds a
//! scheduler.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/lies.rs"]
mod lies;
#[path = "common/trial.rs"]
mod trial;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use thumbelina_core::{Format, Formats, Limits, Output, Request};
use trial::counting::Counting;
use trial::{Arrival, Schedulers, observe};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// So that most pictures that claim to be large are refused for it. Millions of pixels say no more
/// than thousands do, other than what they take, and some of them are enough for that.
const MOST_PIXELS: u64 = 1 << 19;
const ONE_IN: usize = 16;

fn request(max_memory: u64) -> Request {
    let output = Output {
        width: Some(10),
        height: Some(10),
        format: Some(Format::Png),
        ..Output::default()
    };
    let limits = Limits { formats: Formats::all(), ..Limits::default() };
    Request { limits, max_memory, ..output.into() }
}

fn small_picture() -> RgbaImage {
    RgbaImage::from_fn(13, 9, |x, y| {
        Rgba([(x * 19) as u8, (y * 28) as u8, (x * y) as u8, if x == y { 0 } else { 255 }])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A flattened Photoshop document of the small picture with a resource: as it is, in PackBits, or
/// in a zlib stream.
fn document(compression: u8) -> Vec<u8> {
    let picture = small_picture();
    let mut file = b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\0\x09\0\0\0\x0D\0\x08\0\x03\0\0\0\0".to_vec();
    file.extend(b"\0\0\0\x108BIM\x04\x24\0\0\0\0\0\x04<x/>");
    file.extend(b"\0\0\0\x08\0\0\0\x02\xFF\xFF\0\0");
    file.extend([0, compression]);
    let planes: Vec<u8> =
        (0..4).flat_map(|channel| picture.pixels().map(move |pixel| pixel.0[channel])).collect();
    match compression {
        0 => file.extend(planes),
        1 => {
            file.extend((0..36).flat_map(|_| 14u16.to_be_bytes()));
            file.extend(planes.chunks(13).flat_map(|row| [&[12], row].concat()));
        }
        _ => {
            let mut encoder = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
            encoder.write_all(&planes).unwrap();
            file = encoder.finish().unwrap();
        }
    }
    file
}

/// Files that do not lie, and where their headers are.
fn honest(format: Format) -> Vec<(Vec<u8>, Range<usize>)> {
    let rgba = DynamicImage::from(small_picture());
    let rgb = DynamicImage::from(rgba.to_rgb8());
    let gray = DynamicImage::from(rgba.to_luma8());
    let whole = |file: Vec<u8>| {
        let all = 0..file.len();
        (file, all)
    };
    let start = |file: Vec<u8>, len| (file, 0..len);
    let each =
        |format, len| vec![start(encoded(&rgb, format), len), start(encoded(&rgba, format), len)];
    match format {
        Format::Jpeg => {
            let mut files = vec![start(fixture("orientation-6.jpg"), 300)];
            let small = [
                "restart",
                "progressive-restart",
                "arithmetic-restart",
                "arithmetic-progressive",
                "lossless-restart",
                "ycck",
            ];
            let folder = "../../native/jpeg/fuzz/corpus";
            files.extend(small.map(|name| start(fixture(&format!("{folder}/{name}.jpg")), 300)));
            files
        }
        Format::Png => vec![
            whole(encoded(&rgba, ImageFormat::Png)),
            whole(fixture("orientation-6.png")),
            start(fixture("photo-interlaced.png"), 80),
            start(fixture("photo-palette.png"), 120),
        ],
        Format::Gif => vec![
            whole(fixture("offset.gif")),
            whole(fixture("animated.gif")),
            start(fixture("photo-interlaced.gif"), 40),
        ],
        Format::Webp => vec![
            whole(encoded(&rgba, ImageFormat::WebP)),
            start(fixture("photo.webp"), 200),
            start(fixture("alpha.webp"), 200),
        ],
        Format::Tiff => {
            let end = |file: Vec<u8>, len: usize| {
                let directory = file.len().saturating_sub(len)..file.len();
                (file, directory)
            };
            let [rgb, rgba] = [&rgb, &rgba].map(|picture| encoded(picture, ImageFormat::Tiff));
            vec![
                start(rgb.clone(), 8),
                end(rgb, 220),
                end(rgba, 220),
                end(fixture("alpha.tif"), 300),
            ]
        }
        Format::Bmp => {
            let mut files = each(ImageFormat::Bmp, 160);
            files.push(start(encoded(&gray, ImageFormat::Bmp), 100));
            files
        }
        Format::Ico => {
            vec![whole(encoded(&rgba, ImageFormat::Ico)), start(fixture("photo.ico"), 120)]
        }
        Format::Tga => {
            let mut files = each(ImageFormat::Tga, 40);
            files.push(start(fixture("photo-rle.tga"), 60));
            files
        }
        Format::Dds => vec![start(fixture("photo.dds"), 160)],
        Format::Psd => {
            vec![start(document(0), 80), start(document(1), 140), start(document(2), 110)]
        }
        Format::Pnm => {
            let mut files = each(ImageFormat::Pnm, 80);
            files.push(start(fixture("photo-ascii.ppm"), 60));
            files
        }
        Format::Qoi => each(ImageFormat::Qoi, 100),
        Format::Hdr => vec![whole(encoded(&DynamicImage::from(rgb.to_rgb32f()), ImageFormat::Hdr))],
        Format::Openexr => {
            vec![start(encoded(&DynamicImage::from(rgba.to_rgba32f()), ImageFormat::OpenExr), 480)]
        }
        Format::Farbfeld => {
            vec![start(encoded(&DynamicImage::from(rgba.to_rgba16()), ImageFormat::Farbfeld), 40)]
        }
        Format::Avif => vec![],
    }
}

/// Watches everything that a generator makes, on both schedulers and whole or in pieces by turns,
/// and says how many files there were.
fn watch(format: Format, generate: impl Fn(&[u8], Range<usize>, &mut dyn FnMut(Vec<u8>))) -> usize {
    let (mut files, mut peak, mut longest) = (0, 0, Duration::ZERO);
    let mut seen = HashSet::new();
    for (file, range) in honest(format) {
        let honest = Bytes::from(file.clone());
        assert_eq!(Format::of(&honest), Some(format));
        observe(&honest, request(512 << 20), Arrival::Whole, Schedulers::Normal).outcome.unwrap();
        generate(&file, range, &mut |mut lie| {
            if matches!(format, Format::Png | Format::Ico) {
                lies::repair_png(&mut lie);
            }
            // Many lies come to the same.
            let mut hasher = DefaultHasher::new();
            lie.hash(&mut hasher);
            if !seen.insert(hasher.finish()) {
                return;
            }
            files += 1;
            let mut request = request(512 << 20);
            if files % ONE_IN != 0 {
                request.limits.max_pixels = MOST_PIXELS;
            }
            let schedulers = if files % 2 == 0 { Schedulers::Normal } else { Schedulers::Dirty };
            let arrival =
                if files % 3 == 0 { Arrival::Pieces(files as u64) } else { Arrival::Whole };
            let lie = Bytes::from(lie);
            let caught = std::panic::catch_unwind(|| observe(&lie, request, arrival, schedulers));
            if let Ok(trial) = &caught {
                peak = peak.max(trial.peak);
                longest = longest.max(trial.longest_piece);
            } else {
                let path = std::env::temp_dir().join(format!("lie-{files}.{format}"));
                std::fs::write(&path, &lie).unwrap();
                panic!("{format}: file {files}, written to {}", path.display());
            }
        });
    }
    assert!(files > 50, "{format}: only {files} files were made");
    println!(
        "{format}: {files} files, at most {peak} bytes held, the longest piece took {longest:?}"
    );
    files
}

/// What fuzzing found once, by the names of the formats.
#[test]
fn finds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/finds");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = Bytes::from(std::fs::read(&path).unwrap());
        for schedulers in [Schedulers::Normal, Schedulers::Dirty] {
            for max_memory in [16 << 20, 512 << 20] {
                for arrival in [Arrival::Whole, Arrival::Pieces(max_memory)] {
                    let request = request(max_memory);
                    let caught =
                        std::panic::catch_unwind(|| observe(&file, request, arrival, schedulers));
                    assert!(caught.is_ok(), "{}", path.display());
                }
            }
        }
    }
}

/// Of numbers of one file that lie together.
const PAIRS: usize = 4_000;

macro_rules! each_format {
    ($($name:ident: $format:expr,)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn lying_numbers() {
                watch($format, |file, range, found| {
                    lies::numbers(file, range.clone(), &mut *found);
                    lies::words(file, range.clone(), &mut *found);
                    lies::pairs(file, range, 1, PAIRS, found);
                });
            }

            #[test]
            fn repeated_pieces() {
                watch($format, |file, range, found| {
                    lies::repetitions(file, range, &[1, 2, 3, 4, 6, 8, 12, 16, 24], 100_000, found);
                });
            }
        })*
    };
}

each_format! {
    jpeg: Format::Jpeg,
    png: Format::Png,
    gif: Format::Gif,
    webp: Format::Webp,
    tiff: Format::Tiff,
    bmp: Format::Bmp,
    ico: Format::Ico,
    tga: Format::Tga,
    dds: Format::Dds,
    pnm: Format::Pnm,
    psd: Format::Psd,
    qoi: Format::Qoi,
    hdr: Format::Hdr,
    openexr: Format::Openexr,
    farbfeld: Format::Farbfeld,
}
