//! Photoshop documents written here, plane by plane, in every mode.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod maps;

use std::io::Write;

use bytes::Bytes;
use common::{invalid, picture, probe, truncated};
use image::RgbaImage;
use maps::{Random, as_is, errors_of_prefixes, on_every_scheduler, small};
use thumbelina_core::{ColorModel, ColorSpace, Depth, Error, Format, Limits};

const INVALID: Error = invalid(Format::Psd);
const TRUNCATED: Error = truncated(Format::Psd);
const UNSUPPORTED: Error = Error::Unsupported(Format::Psd);

/// What a document is made of.
#[derive(Clone)]
struct Document {
    is_big: bool,
    mode: u16,
    depth: u16,
    size: (u32, u32),
    palette: Vec<u8>,
    resources: Vec<(u16, Vec<u8>)>,
    /// The number of layers, of which nothing else is written.
    layers: i16,
    /// Rows of each plane, as they are.
    planes: Vec<Vec<Vec<u8>>>,
    /// 0 as they are, 1 PackBits, 2 and 3 zlib.
    packing: u8,
}

impl Document {
    fn new(mode: u16, depth: u16, size: (u32, u32), planes: Vec<Vec<Vec<u8>>>) -> Self {
        Document {
            is_big: false,
            mode,
            depth,
            size,
            palette: vec![],
            resources: vec![],
            layers: 1,
            planes,
            packing: 0,
        }
    }

    fn written(&self) -> Bytes {
        let mut out = b"8BPS".to_vec();
        out.extend([0, if self.is_big { 2 } else { 1 }, 0, 0, 0, 0, 0, 0]);
        out.extend((self.planes.len() as u16).to_be_bytes());
        out.extend(self.size.1.to_be_bytes());
        out.extend(self.size.0.to_be_bytes());
        out.extend(self.depth.to_be_bytes());
        out.extend(self.mode.to_be_bytes());
        out.extend((self.palette.len() as u32).to_be_bytes());
        out.extend(&self.palette);
        let mut resources = vec![];
        for (number, data) in &self.resources {
            resources.extend(b"8BIM");
            resources.extend(number.to_be_bytes());
            resources.extend([3, b'a', b'b', b'c']);
            resources.extend((data.len() as u32).to_be_bytes());
            resources.extend(data);
            resources.resize(resources.len().next_multiple_of(2), 0);
        }
        out.extend((resources.len() as u32).to_be_bytes());
        out.extend(resources);
        let long = |value: u32| match self.is_big {
            true => u64::from(value).to_be_bytes().to_vec(),
            false => value.to_be_bytes().to_vec(),
        };
        let mut layers = long(2);
        layers.extend(self.layers.to_be_bytes());
        layers.extend(0u32.to_be_bytes());
        out.extend(long(layers.len() as u32));
        out.extend(layers);
        out.extend([0, self.packing]);
        let rows = || self.planes.iter().flatten();
        if self.packing > 1 {
            let rows = rows().map(|row| match self.packing {
                3 => predicted(row, self.depth),
                _ => row.clone(),
            });
            let mut packed = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::new(6));
            packed.write_all(&rows.collect::<Vec<_>>().concat()).unwrap();
            packed.finish().unwrap();
        } else if self.packing == 1 {
            let packed: Vec<_> = rows().map(|row| packed(row)).collect();
            for row in &packed {
                let len = row.len() as u32;
                let bytes = len.to_be_bytes();
                out.extend(if self.is_big { &bytes[..] } else { &bytes[2..] });
            }
            out.extend(packed.concat());
        } else {
            rows().for_each(|row| out.extend(row));
        }
        Bytes::from(out)
    }

    /// In every way that it can be written.
    fn every_way(&self) -> impl Iterator<Item = Bytes> {
        [(false, 0), (false, 1), (true, 0), (true, 1), (false, 2), (true, 3)]
            .map(|(is_big, packing)| Document { is_big, packing, ..self.clone() }.written())
            .into_iter()
    }
}

/// How samples differ from those on their left, but for bits.
fn predicted(row: &[u8], depth: u16) -> Vec<u8> {
    let bytes = |row: &[u8]| {
        let before = [&[0], row].concat();
        row.iter().zip(before).map(|(byte, before)| byte.wrapping_sub(before)).collect()
    };
    match depth {
        1 => row.to_vec(),
        8 => bytes(row),
        16 => {
            let samples: Vec<u16> =
                row.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)).collect();
            let before = [&[0], &samples[..]].concat();
            let differences = samples.iter().zip(before);
            differences.flat_map(|(a, b)| a.wrapping_sub(b).to_be_bytes()).collect()
        }
        _ => {
            let of = |byte| row.iter().skip(byte).step_by(4).copied().collect::<Vec<_>>();
            bytes(&[of(0), of(1), of(2), of(3)].concat())
        }
    }
}

/// Runs of at least two, literals, and some codes for nothing.
fn packed(row: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80];
    let mut rest = row;
    while let Some(&byte) = rest.first() {
        let run = rest.iter().take(128).take_while(|&&other| other == byte).count();
        if run > 1 {
            out.extend([(257 - run) as u8, byte]);
            rest = &rest[run..];
        } else {
            let literal = rest.windows(2).take(127).take_while(|pair| pair[0] != pair[1]).count();
            let literal = if literal == rest.len() - 1 { rest.len() } else { literal }.min(128);
            out.push(literal as u8 - 1);
            out.extend(&rest[..literal]);
            rest = &rest[literal..];
        }
    }
    out
}

/// A plane of a picture's channel, as bytes.
fn plane(picture: &RgbaImage, channel: usize) -> Vec<Vec<u8>> {
    picture.rows().map(|row| row.map(|pixel| pixel.0[channel]).collect()).collect()
}

fn opaque(mut picture: RgbaImage) -> RgbaImage {
    picture.pixels_mut().for_each(|pixel| pixel.0[3] = 255);
    picture
}

/// What is left of colors once the white is taken out that they were laid over.
fn unmatted(picture: &RgbaImage) -> RgbaImage {
    let mut picture = picture.clone();
    for pixel in picture.pixels_mut() {
        let alpha = f64::from(pixel.0[3]);
        for color in &mut pixel.0[..3] {
            let free = (f64::from(*color) - (255.0 - alpha)) * 255.0 / alpha.max(1.0);
            *color = if alpha == 0.0 { 0 } else { free.clamp(0.0, 255.0).round() as u8 };
        }
    }
    picture
}

fn shown(file: &Bytes) -> RgbaImage {
    as_is(file, Format::Png).unwrap().to_rgba8()
}

#[test]
fn colors_are_read_from_all_planes() {
    for size in [(1, 1), (7, 5), (130, 9), (300, 200), (3, 700)] {
        let with_alpha = picture(size.0, size.1, 3);
        let planes: Vec<_> = (0..4).map(|channel| plane(&with_alpha, channel)).collect();
        let image = opaque(with_alpha.clone());
        let rgb = Document::new(3, 8, size, planes[..3].to_vec());
        let rgba = Document::new(3, 8, size, planes.clone());
        let mut five = planes.clone();
        five.push(planes[0].clone());
        let five = Document::new(3, 8, size, five);
        let transparent = Document { layers: -2, ..five.clone() };
        let unmatted = unmatted(&with_alpha);
        for (document, expected) in
            [(rgb, &image), (rgba, &with_alpha), (five, &image), (transparent, &unmatted)]
        {
            for file in document.every_way() {
                assert_eq!(Format::of(&file), Some(Format::Psd));
                let shown = shown(&file);
                let pairs = shown.as_raw().iter().zip(expected.as_raw());
                let most = pairs.map(|(a, b)| a.abs_diff(*b)).max();
                assert!(most <= Some(u8::from(*expected == unmatted)), "{size:?}");
            }
        }
        // Gray, a duotone, and the first ink of several; with a mask that is not transparency.
        for mode in [1, 7, 8] {
            let gray = Document::new(mode, 8, size, planes[2..].to_vec());
            let made = gray.every_way().map(|file| as_is(&file, Format::Png).unwrap().into_luma8());
            let expected: Vec<u8> = planes[2].concat();
            for made in made {
                assert!(made.into_raw() == expected);
            }
        }
        let gray = Document { layers: -1, ..Document::new(1, 8, size, planes[2..].to_vec()) };
        let made = as_is(&gray.written(), Format::Png).unwrap().into_luma_alpha8();
        let close = |a: u8, b: u8| a.abs_diff(b) <= 1;
        let pairs = made.pixels().zip(unmatted.pixels());
        assert!(pairs.into_iter().all(|(a, b)| close(a.0[0], b.0[2]) && a.0[1] == b.0[3]));
    }
}

#[test]
fn indices_have_their_colors() {
    let mut random = Random(1);
    let palette: Vec<u8> = (0..768).map(|_| random.byte()).collect();
    let indices: Vec<Vec<u8>> = (0..5).map(|_| (0..9).map(|_| random.byte()).collect()).collect();
    let document =
        Document { palette: palette.clone(), ..Document::new(2, 8, (9, 5), vec![indices.clone()]) };
    for file in document.every_way() {
        let made = shown(&file);
        for (x, y, pixel) in made.enumerate_pixels() {
            let index = usize::from(indices[y as usize][x as usize]);
            let expected = [0, 256, 512].map(|plane| palette[plane + index]);
            assert_eq!(pixel.0[..3], expected);
        }
    }
    let short = Document { palette: palette[..767].to_vec(), ..document };
    assert_eq!(as_is(&short.written(), Format::Png).err(), Some(INVALID));
}

#[test]
fn a_bit_is_black() {
    let rows = vec![vec![0b1010_0000, 0b0100_0000], vec![0xFF, 0xFF]];
    for file in Document::new(0, 1, (10, 2), vec![rows.clone()]).every_way() {
        let made = as_is(&file, Format::Png).unwrap().into_luma8().into_raw();
        assert_eq!(made[..10], [0, 255, 0, 255, 255, 255, 255, 255, 255, 0]);
        assert_eq!(made[10..], [0; 10]);
    }
}

#[test]
fn deep_samples_keep_their_depth() {
    let deep = |values: [u16; 3]| values.map(|value| vec![value.to_be_bytes().to_vec()]).to_vec();
    for file in Document::new(3, 16, (1, 1), deep([0x0102, 0xFFFF, 0x8000])).every_way() {
        let made = as_is(&file, Format::Png).unwrap().into_rgb16();
        assert_eq!(made.get_pixel(0, 0).0, [0x0102, 0xFFFF, 0x8000]);
    }
    let light = |values: [f32; 3]| values.map(|value| vec![value.to_be_bytes().to_vec()]).to_vec();
    for file in Document::new(3, 32, (1, 1), light([1.0, 0.5, 0.0])).every_way() {
        // Light is linear: half of it is 188 of 255.
        assert_eq!(shown(&file).get_pixel(0, 0).0, [255, 188, 0, 255]);
        assert_eq!(probe(file, &Limits::default()).unwrap().layout.depth, Depth::F32);
    }
}

#[test]
fn inks_and_lab_become_rgb() {
    let solid = |samples: &[u8]| samples.iter().map(|&sample| vec![vec![sample]]).collect();
    for (inks, expected) in [
        ([255, 255, 255, 255], [255, 255, 255]),
        // Of black ink alone, and of cyan: as a press prints them.
        ([255, 255, 255, 0], [39, 35, 42]),
        ([0, 255, 255, 255], [5, 155, 226]),
    ] {
        for file in Document::new(4, 8, (1, 1), solid(&inks)).every_way() {
            assert_eq!(shown(&file).get_pixel(0, 0).0[..3], expected, "{inks:?}");
            let layout = probe(file, &Limits::default()).unwrap().layout;
            assert_eq!(layout.model, ColorModel::Cmyk);
        }
    }
    for (lab, expected) in [([255, 128, 128], [255; 3]), ([137, 128, 128], [128; 3])] {
        for file in Document::new(9, 8, (1, 1), solid(&lab)).every_way() {
            assert_eq!(shown(&file).get_pixel(0, 0).0[..3], expected, "{lab:?}");
        }
    }
    let deep = [0xFFFF_u16, 0x8000, 0x8000].map(|sample| vec![sample.to_be_bytes().to_vec()]);
    let file = Document::new(9, 16, (1, 1), deep.to_vec()).written();
    assert_eq!(shown(&file).get_pixel(0, 0).0, [255; 4]);
}

#[test]
fn resources_are_kept() {
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let mut profile = vec![0; 128];
    profile[16..20].copy_from_slice(b"RGB ");
    let planes = vec![vec![vec![1, 2]]; 3];
    let document = Document {
        resources: vec![
            (1005, vec![1, 2, 3]),
            (1028, b"iptc".to_vec()),
            (1060, b"<x/>".to_vec()),
            (1058, exif.clone()),
            (1039, profile.clone()),
        ],
        ..Document::new(3, 8, (2, 1), planes.clone())
    };
    let info = probe(document.written(), &Limits::default()).unwrap();
    assert_eq!(info.metadata.exif.as_deref(), Some(&exif[..]));
    assert_eq!(info.metadata.xmp.as_deref(), Some(&b"<x/>"[..]));
    assert_eq!(info.metadata.iptc.as_deref(), Some(&b"iptc"[..]));
    assert_eq!(info.color, ColorSpace::Icc(Bytes::from(profile.clone())));
    assert_eq!(info.orientation.to_exif(), 6);
    assert_eq!(info.upright(), (1, 2));
    // A profile for other colors says nothing, and what is too long is not kept.
    profile[16..20].copy_from_slice(b"CMYK");
    let resources = vec![(1039, profile), (1060, vec![0; (1 << 20) + 1])];
    let other = Document { resources, ..document };
    let info = probe(other.written(), &Limits::default()).unwrap();
    assert_eq!((info.color, info.metadata.xmp), (ColorSpace::Srgb, None));
}

#[test]
fn what_is_cut_off_is_truncated() {
    let image = picture(6, 5, 1);
    let planes = (0..3).map(|channel| plane(&image, channel)).collect();
    let document =
        Document { resources: vec![(1000, vec![1; 9])], ..Document::new(3, 8, (6, 5), planes) };
    for (way, file) in document.every_way().enumerate() {
        // The checksum of a stream is not asked for.
        let spare = if way < 4 { 0 } else { 8 };
        let errors = errors_of_prefixes(&file, file.len() - spare);
        assert_eq!(errors, [Error::UnknownFormat, TRUNCATED]);
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let planes = vec![vec![vec![1]]; 3];
    let with = |mode, depth, planes: &[Vec<Vec<u8>>]| {
        let file = Document::new(mode, depth, (1, 1), planes.to_vec()).written();
        on_every_scheduler(&file, small()).err()
    };
    assert_eq!(with(3, 8, &planes), None);
    assert_eq!(with(3, 8, &planes[..2]), Some(INVALID));
    assert_eq!(with(4, 8, &planes), Some(INVALID));
    assert_eq!(with(3, 1, &planes), Some(UNSUPPORTED));
    assert_eq!(with(5, 8, &planes), Some(UNSUPPORTED));
    assert_eq!(with(3, 9, &planes), Some(INVALID));
    assert_eq!(with(10, 8, &planes), Some(INVALID));
    let packed = |kind| {
        let mut file = Document::new(3, 8, (1, 1), planes.clone()).written().to_vec();
        let at = file.len() - 4;
        file[at] = kind;
        on_every_scheduler(&Bytes::from(file), small()).err()
    };
    assert_eq!((packed(0), packed(4)), (None, Some(INVALID)));
    // Three bytes that are no stream.
    assert_eq!((packed(2), packed(3)), (Some(INVALID), Some(INVALID)));
}

#[test]
fn no_byte_can_do_harm() {
    let image = picture(9, 4, 2);
    let planes: Vec<_> = (0..4).map(|channel| plane(&image, channel)).collect();
    let mut random = Random(7);
    for (mode, depth) in [(3, 8), (4, 8), (1, 8), (9, 8)] {
        let document = Document {
            layers: -1,
            resources: vec![(1039, vec![1; 20]), (1058, vec![2; 9])],
            ..Document::new(mode, depth, (9, 4), planes.clone())
        };
        for file in document.every_way() {
            for at in 5..file.len().min(160) {
                let mut lie = file.to_vec();
                lie[at] = random.byte();
                if at % 3 == 0 {
                    lie[5 + random.below(file.len() as u32 - 5) as usize] = 0xFF;
                }
                common::assert_harmless(&Bytes::from(lie), Format::Psd);
            }
        }
    }
}

/// A color that is half seen, over white: half of it is left, and half of white.
#[test]
fn white_is_taken_out_at_every_depth() {
    let of = |depth: u16, value: f64| match depth {
        8 => vec![(value * 255.0).round() as u8],
        16 => ((value * 65_535.0).round() as u16).to_be_bytes().to_vec(),
        _ => (value as f32).to_be_bytes().to_vec(),
    };
    for depth in [8, 16, 32] {
        // Of red that is 0.8, green that is 0.2 and blue that is 0.
        let samples = [0.8, 0.2, 0.0].map(|color| color * 0.4 + 0.6);
        let planes = samples.into_iter().chain([0.4]).map(|value| vec![of(depth, value)]);
        let document = Document { layers: -1, ..Document::new(3, depth, (1, 1), planes.collect()) };
        for file in document.every_way() {
            let made = shown(&file).get_pixel(0, 0).0;
            let encoded = |light: f64| (1.055 * light.powf(1.0 / 2.4) - 0.055) * 255.0;
            let theirs = match depth {
                32 => [encoded(0.8), encoded(0.2), 0.0, 102.0],
                _ => [204.0, 51.0, 0.0, 102.0],
            };
            for (ours, theirs) in made.into_iter().zip(theirs) {
                assert!((f64::from(ours) - theirs).abs() <= 1.3, "{depth}: {made:?}");
            }
        }
    }
}

/// All of a plane before the last is passed over, in steps.
#[test]
fn streams_are_inflated_in_steps() {
    let size = (2_000, 500);
    let planes: Vec<Vec<Vec<u8>>> =
        (0..3).map(|n| (0..500).map(|y| vec![(y / 2 + n) as u8; 2_000]).collect()).collect();
    let document = Document { packing: 2, ..Document::new(3, 8, size, planes) };
    let file = document.written();
    let (steps, result) = maps::steps(&file, small());
    assert_eq!(result, Ok(()));
    assert!(steps > 60, "{steps}");
    let made = shown(&file);
    assert_eq!(made.get_pixel(1_999, 499).0, [249, 250, 251, 255]);
}
