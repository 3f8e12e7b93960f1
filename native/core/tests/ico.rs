//! Icons and cursors, from a writer of the tests' own, against the pixels that went in and `image`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{
    POOL, as_it_comes, assert_harmless, decode, in_pieces, job, picture, probe, run, sized,
    truncated, unbounded,
};
use image::RgbaImage;
use thumbelina_core::{
    Depth, Effort, Error, Format, Layout, Limit, Limits, Output, Request, Step, Stop,
    is_probe_short,
};

#[derive(Clone)]
struct Entry {
    sides: (u8, u8),
    bits: u16,
    /// What the directory says of its length, if not the truth.
    claims: Option<u32>,
    data: Vec<u8>,
}

fn icon(kind: u8, entries: &[Entry]) -> Bytes {
    let mut out = vec![0, 0, kind, 0];
    out.extend((entries.len() as u16).to_le_bytes());
    let mut offset = (6 + 16 * entries.len()) as u32;
    for entry in entries {
        out.extend([entry.sides.0, entry.sides.1, 0, 0, 1, 0]);
        out.extend(entry.bits.to_le_bytes());
        out.extend(entry.claims.unwrap_or(entry.data.len() as u32).to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset += entry.data.len() as u32;
    }
    for entry in entries {
        out.extend(&entry.data);
    }
    Bytes::from(out)
}

/// The bitmap of an icon: a header, a palette, the pixels and a mask of what is not drawn.
fn bitmap(
    picture: &RgbaImage,
    bits: u16,
    palette: &[[u8; 3]],
    mask: bool,
    top_down: bool,
) -> Entry {
    let (width, height) = picture.dimensions();
    let mut data = 40u32.to_le_bytes().to_vec();
    data.extend(width.to_le_bytes());
    let doubled = 2 * height.cast_signed();
    data.extend((if top_down { -doubled } else { doubled }).to_le_bytes());
    data.extend([1, 0]);
    data.extend(bits.to_le_bytes());
    data.extend([0; 16]);
    data.extend((palette.len() as u32).to_le_bytes());
    data.extend([0; 4]);
    for &[r, g, b] in palette {
        data.extend([b, g, r, 0]);
    }
    let rows = |top_down: bool| (0..height).map(move |y| if top_down { y } else { height - 1 - y });
    for y in rows(top_down) {
        let pixels = (0..width).map(|x| picture.get_pixel(x, y).0);
        let mut row: Vec<u8> = match bits {
            32 => pixels.flat_map(|[r, g, b, a]| [b, g, r, a]).collect(),
            24 => pixels.flat_map(|[r, g, b, _]| [b, g, r]).collect(),
            16 => pixels
                .flat_map(|[r, g, b, _]| {
                    let five = |sample: u8| u16::from(sample >> 3);
                    (five(r) << 10 | five(g) << 5 | five(b)).to_le_bytes()
                })
                .collect(),
            _ => {
                let index = |[r, g, b, _]: [u8; 4]| {
                    palette.iter().position(|&c| c == [r, g, b]).unwrap() as u8
                };
                let indices: Vec<u8> = pixels.map(index).collect();
                let bytes = indices.chunks(8 / usize::from(bits));
                bytes
                    .map(|few| {
                        few.iter().zip(1..).fold(0, |byte, (n, i)| byte | n << (8 - i * bits))
                    })
                    .collect()
            }
        };
        row.resize(row.len().next_multiple_of(4), 0);
        data.extend(row);
    }
    if mask {
        for y in rows(false) {
            let clear: Vec<bool> = (0..width).map(|x| picture.get_pixel(x, y).0[3] == 0).collect();
            let byte = |few: &[bool]| {
                few.iter().zip(0..).fold(0, |byte, (&clear, i)| byte | u8::from(clear) << (7 - i))
            };
            let mut row: Vec<u8> = clear.chunks(8).map(byte).collect();
            row.resize(row.len().next_multiple_of(4), 0);
            data.extend(row);
        }
    }
    Entry { sides: (width as u8, height as u8), bits, claims: None, data }
}

fn png(picture: &RgbaImage, color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Entry {
    let (width, height) = picture.dimensions();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette((0..=255).flat_map(|i| [i, 255 - i, i ^ 0x55]).collect::<Vec<u8>>());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    Entry { sides: (width as u8, height as u8), bits: 32, claims: None, data: out }
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    let mut out = (data.len() as u32).to_be_bytes().to_vec();
    out.extend(name);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
    out
}

fn lossless() -> Output {
    Output { format: Some(Format::Png), ..Output::default() }
}

/// The picture as it is, the same on every scheduler.
fn as_is(file: &Bytes) -> Result<RgbaImage, Error> {
    let pieces = in_pieces(file, lossless());
    assert!(pieces == unbounded(file, lossless()));
    let mut turn = 0;
    let mixed = run(file.clone(), lossless(), || {
        turn += 1;
        if turn % 2 == 0 { Effort::Bounded } else { Effort::Unbounded(Some(&POOL)) }
    });
    assert!(pieces == mixed);
    assert!(pieces == as_it_comes(file, lossless()), "as it comes");
    Ok(decode(&pieces?.bytes).to_rgba8())
}

/// A picture of at most so many colors, and these.
fn few_colors(width: u32, height: u32, colors: u8) -> (RgbaImage, Vec<[u8; 3]>) {
    let palette: Vec<[u8; 3]> = (0..=colors - 1)
        .map(|i| [i.wrapping_mul(37), 255 - i, i.wrapping_mul(91) ^ 0x33])
        .collect();
    let image = RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b] = palette[(x * 7 + y * 13 + x * y) as usize % palette.len()];
        image::Rgba([r, g, b, if (x + 2 * y) % 5 < 2 { 0 } else { 255 }])
    });
    (image, palette)
}

#[test]
fn bitmaps_of_every_depth_have_the_alpha_of_their_mask() {
    for (width, height) in [(1, 1), (7, 5), (8, 8), (16, 16), (31, 9), (32, 32), (33, 40), (255, 3)]
    {
        for (bits, colors) in
            [(1, 2), (2, 4), (4, 11), (4, 16), (8, 200), (16, 16), (24, 255), (32, 255)]
        {
            for top_down in [false, true] {
                let (mut image, palette) = few_colors(width, height, colors);
                if bits == 32 {
                    image = picture(width, height, 5);
                }
                let palette = if bits > 8 { &[] } else { &palette[..] };
                let name = format!("{width}x{height}, {bits} bits, {top_down}");
                let masked = icon(1, &[bitmap(&image, bits, palette, true, top_down)]);
                let bare = icon(1, &[bitmap(&image, bits, palette, false, top_down)]);
                let mut expected = image.clone();
                if bits == 16 {
                    for pixel in expected.pixels_mut() {
                        let five = |sample: u8| ((u32::from(sample >> 3) * 255 + 15) / 31) as u8;
                        let [r, g, b, a] = pixel.0;
                        pixel.0 = [five(r), five(g), five(b), a];
                    }
                }
                assert!(as_is(&masked).unwrap() == expected, "{name}");
                assert!(decode(&masked).to_rgba8() == expected, "{name}: image");
                // Without a mask all of it is drawn, as far as the pixels themselves say so.
                if bits != 32 {
                    expected.pixels_mut().for_each(|pixel| pixel.0[3] = 255);
                }
                assert!(as_is(&bare).unwrap() == expected, "{name}, no mask");
                assert!(decode(&bare).to_rgba8() == expected, "{name}, no mask: image");
                let header = probe(masked, &Limits::default()).unwrap();
                assert_eq!(
                    (header.format, header.width, header.height),
                    (Format::Ico, width, height)
                );
                assert_eq!(header.layout, Layout::new(4, Depth::U8), "{name}");
            }
        }
    }
}

/// Of pixels that have alpha the mask is of no account, as Windows and browsers have it; but alpha
/// of all zeros is none.
#[test]
fn a_mask_counts_where_there_is_no_alpha() {
    let mut image = picture(9, 9, 1);
    let with_mask = |image: &RgbaImage, byte: u8| {
        let mut entry = bitmap(image, 32, &[], true, false);
        let mask = entry.data.len() - 36;
        entry.data[mask..].fill(byte);
        as_is(&icon(1, &[entry])).unwrap()
    };
    assert!(with_mask(&image, 0xFF) == image);
    assert!(with_mask(&image, 0) == image);
    image.pixels_mut().for_each(|pixel| pixel.0[3] = 0);
    let clear = with_mask(&image, 0xFF);
    assert!(clear.pixels().all(|pixel| pixel.0[3] == 0));
    let opaque = with_mask(&image, 0);
    assert!(opaque.pixels().all(|pixel| pixel.0[3] == 255));
    assert!(opaque.pixels().zip(image.pixels()).all(|(a, b)| a.0[..3] == b.0[..3]));
}

#[test]
fn a_length_that_is_wrong_does_not_cost_the_mask() {
    let (image, palette) = few_colors(20, 20, 16);
    let opaque = RgbaImage::from_fn(20, 20, |x, y| {
        let [r, g, b, _] = image.get_pixel(x, y).0;
        image::Rgba([r, g, b, 255])
    });
    let entry = bitmap(&image, 4, &palette, true, false);
    let pixels_end = entry.data.len() as u32 - 80;
    let with_length =
        |claims| as_is(&icon(1, &[Entry { claims: Some(claims), ..entry.clone() }])).unwrap();
    // Too short for the pixels, so it says nothing of a mask.
    for claims in [0, 1, 100, pixels_end - 1] {
        assert!(with_length(claims) == image, "{claims}");
    }
    // Room for the pixels, and not for all of a mask.
    for claims in [pixels_end, pixels_end + 1, pixels_end + 79] {
        assert!(with_length(claims) == opaque, "{claims}");
    }
    for claims in [pixels_end + 80, pixels_end + 81, u32::MAX] {
        assert!(with_length(claims) == image, "{claims}");
    }
}

#[test]
fn pngs_of_every_kind() {
    use png::{BitDepth, ColorType};
    let (width, height) = (23u32, 17u32);
    let image = picture(width, height, 3);
    let indices: Vec<u8> = (0..width * height).map(|i| (i * 7 % 251) as u8).collect();
    let pixels = |pixel: &dyn Fn(u8) -> [u8; 4]| {
        RgbaImage::from_raw(width, height, indices.iter().flat_map(|&i| pixel(i)).collect())
            .unwrap()
    };
    let cases = [
        (ColorType::Rgba, BitDepth::Eight, image.as_raw().clone(), image.clone()),
        (
            ColorType::Rgb,
            BitDepth::Eight,
            indices.iter().flat_map(|&i| [i, 9, 255 - i]).collect(),
            pixels(&|i| [i, 9, 255 - i, 255]),
        ),
        (ColorType::Grayscale, BitDepth::Eight, indices.clone(), pixels(&|i| [i, i, i, 255])),
        (
            ColorType::Indexed,
            BitDepth::Eight,
            indices.clone(),
            pixels(&|i| [i, 255 - i, i ^ 0x55, 255]),
        ),
        (
            ColorType::GrayscaleAlpha,
            BitDepth::Eight,
            indices.iter().flat_map(|&i| [i, i ^ 1]).collect(),
            pixels(&|i| [i, i, i, i ^ 1]),
        ),
        (
            ColorType::Rgba,
            BitDepth::Sixteen,
            image.as_raw().iter().flat_map(|&sample| [sample, sample]).collect(),
            image.clone(),
        ),
    ];
    for (color, depth, data, expected) in cases {
        let entry = png(&image, color, depth, &data);
        let file = icon(1, std::slice::from_ref(&entry));
        assert!(as_is(&file).unwrap() == expected, "{color:?} {depth:?}");
        let header = probe(file.clone(), &Limits::default()).unwrap();
        assert_eq!((header.format, header.width, header.height), (Format::Ico, width, height));
        // An icon again, which is RGBA.
        let again = in_pieces(&file, Request::default()).unwrap();
        assert_eq!(again.encoding, Format::Ico.into());
        assert!(decode(&again.bytes).to_rgba8() == expected, "{color:?} {depth:?} as an icon");
        // A PNG says itself where it ends, and how large it is.
        let lying = Entry { claims: Some(8), sides: (9, 200), ..entry };
        assert!(as_is(&icon(1, &[lying])).unwrap() == expected);
        if (color, depth) == (ColorType::Rgba, BitDepth::Eight) {
            assert!(decode(&file).to_rgba8() == expected);
        }
    }
}

fn plain(side: u32, red: u8, bits: u16) -> Entry {
    let image = RgbaImage::from_pixel(side, side, image::Rgba([red, 0, 0, 255]));
    Entry { bits, ..bitmap(&image, 32, &[], true, false) }
}

#[test]
fn the_entry_is_the_largest_and_deepest() {
    let chosen = |entries: &[Entry]| as_is(&icon(1, entries)).unwrap().get_pixel(0, 0).0[0];
    let (small, large) = (16, 32);
    assert_eq!(chosen(&[plain(small, 1, 32), plain(large, 2, 32)]), 2);
    assert_eq!(chosen(&[plain(large, 1, 32), plain(small, 2, 32)]), 1);
    assert_eq!(chosen(&[plain(small, 1, 32), plain(large, 2, 8)]), 2);
    assert_eq!(chosen(&[plain(large, 1, 8), plain(large, 2, 32)]), 2);
    // Of equals, the first.
    assert_eq!(chosen(&[plain(small, 1, 32), plain(small, 2, 32), plain(small, 3, 32)]), 1);
    // A side of 256 is written as 0.
    assert_eq!(chosen(&[plain(255, 1, 32), plain(256, 2, 32)]), 2);
}

#[test]
fn a_hotspot_is_not_a_depth() {
    let cursor = icon(2, &[plain(16, 1, 300), plain(32, 2, 4)]);
    assert_eq!(Format::of(&cursor), Some(Format::Ico));
    assert_eq!(as_is(&cursor).unwrap().get_pixel(0, 0).0[0], 2);
    let header = probe(cursor, &Limits::default()).unwrap();
    assert_eq!((header.format, header.width, header.height), (Format::Ico, 32, 32));
}

#[test]
fn what_an_icon_claims_is_refused_by_the_limits() {
    let mut ihdr = 50_000u32.to_be_bytes().to_vec();
    ihdr.extend(50_000u32.to_be_bytes());
    ihdr.extend([8, 6, 0, 0, 0]);
    let mut data = b"\x89PNG\r\n\x1a\n".to_vec();
    data.extend(chunk(b"IHDR", &ihdr));
    data.extend(chunk(b"IDAT", &[0x78, 1, 0, 0]));
    let png = icon(1, &[Entry { sides: (16, 16), bits: 32, claims: None, data }]);
    let error = |value| Error::Limit { limit: Limit::MaxPixels, value, maximum: 1 << 28 };
    assert_eq!(in_pieces(&png, sized(10, 10)), Err(error(2_500_000_000)));

    let mut entry = plain(16, 1, 32);
    entry.data[4..8].copy_from_slice(&50_000u32.to_le_bytes());
    entry.data[8..12].copy_from_slice(&100_000u32.to_le_bytes());
    assert_eq!(in_pieces(&icon(1, &[entry]), sized(10, 10)), Err(error(2_500_000_000)));
}

/// A PNG whose texts and profile would inflate to a gigabyte each, before its data or after it.
#[test]
fn chunks_that_inflate_are_passed_over() {
    let bomb = {
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![0; 1 << 20];
        for _ in 0..256 {
            std::io::Write::write_all(&mut deflate, &zeros).unwrap();
        }
        deflate.finish().unwrap()
    };
    let image = picture(12, 12, 1);
    let whole = png(&image, png::ColorType::Rgba, png::BitDepth::Eight, image.as_raw()).data;
    let mut chunks = Vec::new();
    for (name, head) in
        [(b"zTXt", &b"Comment\0\0"[..]), (b"iTXt", b"Comment\0\x01\0\0\0"), (b"iCCP", b"sRGB\0\0")]
    {
        chunks.extend(chunk(name, &[head, &bomb].concat()));
    }
    let (signature_and_header, rest) = whole.split_at(33);
    let iend = rest.len() - 12;
    let before = [signature_and_header, &chunks, rest].concat();
    let after = [signature_and_header, &rest[..iend], &chunks, &rest[iend..]].concat();
    for data in [before, after] {
        assert!(as_is(&Bytes::from(data.clone())).unwrap() == image);
        let file = icon(1, &[Entry { sides: (12, 12), bits: 32, claims: None, data }]);
        assert!(as_is(&file).unwrap() == image);
    }
}

/// EXIF is kept, and so it has a limit: what it claims is not what it takes.
#[test]
fn exif_has_a_limit() {
    let image = picture(12, 12, 1);
    let whole = png(&image, png::ColorType::Rgba, png::BitDepth::Eight, image.as_raw()).data;
    let with = |exif: &[u8]| Bytes::from([&whole[..33], exif, &whole[33..]].concat());
    let mut claims = chunk(b"eXIf", &[0; 100]);
    claims[..4].copy_from_slice(&0x4000_0000u32.to_be_bytes());
    assert_eq!(in_pieces(&with(&claims), lossless()), Err(truncated(Format::Png)));
    assert!(as_is(&with(&chunk(b"eXIf", &vec![0; 2 << 20]))).unwrap() == image);
    let much = in_pieces(&with(&chunk(b"eXIf", &vec![0; 9 << 20])), lossless());
    assert!(matches!(much, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{much:?}");
}

#[test]
fn a_long_directory_is_read_where_blocking_is_allowed() {
    let entry = plain(16, 7, 32);
    let mut file = icon(1, &[entry]).to_vec();
    let mut directory = file[6..22].to_vec();
    directory[12..16].copy_from_slice(&(6u32 + 16 * 65_535).to_le_bytes());
    let picture = file.split_off(22);
    let mut long = vec![0, 0, 1, 0, 0xFF, 0xFF];
    long.extend(directory.repeat(65_535));
    long.extend(&picture);
    let long = Bytes::from(long);
    assert!(!is_probe_short(&long));
    assert!(matches!(
        job(long.clone(), lossless()).step(Effort::Bounded, &Stop::new()),
        Ok(Step::TooBig)
    ));
    assert_eq!(as_is(&long).unwrap().get_pixel(0, 0).0[0], 7);
    // A count that is larger than the file.
    let mut lying = icon(1, &[plain(16, 7, 32)]).to_vec();
    lying[4] = 1;
    lying[5] = 0xFF;
    assert!(in_pieces(&Bytes::from(lying), lossless()).is_err());
}

#[test]
fn run_lengths_in_an_icon_are_unsupported() {
    let (image, palette) = few_colors(8, 8, 16);
    let mut entry = bitmap(&image, 4, &palette, true, false);
    entry.data[16] = 2;
    assert_eq!(probe(icon(1, &[entry]), &Limits::default()), Err(Error::Unsupported(Format::Ico)));
}

fn small_icons() -> Vec<Bytes> {
    let mut icons = Vec::new();
    for (bits, colors) in [(1, 2), (4, 16), (8, 16), (24, 16), (32, 16)] {
        let (image, palette) = few_colors(6, 5, colors);
        let palette = if bits > 8 { &[] } else { &palette[..] };
        icons.push(icon(1, &[bitmap(&image, bits, palette, true, false)]));
    }
    let image = picture(6, 5, 1);
    icons.push(icon(1, &[png(&image, png::ColorType::Rgba, png::BitDepth::Eight, image.as_raw())]));
    icons
}

#[test]
fn what_is_cut_off_anywhere_is_truncated() {
    for file in small_icons() {
        for end in 0..file.len() {
            let expected = if end < 4 { Error::UnknownFormat } else { truncated(Format::Ico) };
            match as_is(&file.slice(..end)) {
                Err(error) => assert_eq!(error, expected, "{end} of {}", file.len()),
                // All but a row's padding and the mask, or but a PNG's last checksums.
                Ok(_) => assert!(end + 23 >= file.len(), "{end} of {}", file.len()),
            }
        }
    }
}

#[test]
fn no_field_can_do_harm() {
    for file in small_icons() {
        for at in 4..file.len().min(110) {
            let was = u32::from_le_bytes(*file[at..].first_chunk().unwrap_or(&[0; 4]));
            for value in
                [0, 1, was.wrapping_add(1), was.wrapping_sub(1), 0x7FFF_FFFF, 0x8000_0000, u32::MAX]
            {
                for bytes in [1, 2, 4] {
                    let mut lying = file.to_vec();
                    let end = lying.len().min(at + bytes);
                    lying[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
                    assert_harmless(&lying.into(), Format::Ico);
                }
            }
        }
    }
}
