//! Every decoder, against `image`'s decoder of the same format.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{
    as_it_comes, decode, encode, fixture, fixtures, in_pieces, invalid, picture, probe, psnr, run,
    sized, truncated, unbounded,
};
use image::{DynamicImage, ImageFormat};
use thumbelina_core::{Depth, Effort, Error, Format, Limit, Limits, Orientation, Output, Request};

/// The picture as it is, in a format that loses nothing.
fn as_is(input: &Bytes) -> Result<DynamicImage, Error> {
    let header = probe(input.clone(), &Limits::default())?;
    let format = match header.layout.depth {
        Depth::F32 => Format::Openexr,
        _ => Format::Png,
    };
    let request = Output { format: Some(format), ..Output::default() };
    Ok(decode(&in_pieces(input, request)?.bytes))
}

/// Fixtures that are meant to be refused.
fn is_refused(name: &str) -> bool {
    name.starts_with("truncated") || name.starts_with("huge")
}

#[test]
fn a_jpeg_may_begin_with_garbage() {
    let photo = fixture("photo.jpg");
    for garbage in [&[0; 3][..], &[0xFF, 0, 0xFE], &[b'x'; 300]] {
        let with = Bytes::from([&photo[..2], garbage, &photo[2..]].concat());
        assert_eq!(Format::of(&with), Some(Format::Jpeg));
        assert_eq!(in_pieces(&with, sized(50, 50)), in_pieces(&photo, sized(50, 50)));
    }
}

#[test]
fn pixels_are_those_of_image() {
    for (name, bytes) in fixtures() {
        // GIF's canvas and its layers are looked at below.
        if is_refused(&name) || name.ends_with(".gif") {
            continue;
        }
        println!("{name}");
        let ours = as_is(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let format = Format::of(&bytes).unwrap();
        let mut theirs = match format {
            Format::Tga => image::load_from_memory_with_format(&bytes, ImageFormat::Tga).unwrap(),
            _ => decode(&bytes),
        };
        if format == Format::Dds {
            // `image` knows no alpha in BC1, and this one has none that shows.
            theirs = theirs.to_rgba8().into();
        }
        theirs.apply_orientation(probe(bytes.clone(), &Limits::default()).unwrap().orientation);
        assert_eq!(
            (ours.width(), ours.height(), ours.color().has_alpha()),
            (theirs.width(), theirs.height(), theirs.color().has_alpha()),
            "{name}"
        );
        if format == Format::Jpeg {
            // Decoders differ in how they enlarge chroma.
            let psnr = psnr(ours.to_rgb8().as_raw(), theirs.to_rgb8().as_raw());
            assert!(psnr > 45.0, "{name}: {psnr} dB");
            continue;
        }
        // Not `assert_eq!`, which would print every pixel.
        assert!(ours.to_rgba32f() == theirs.to_rgba32f(), "{name}");
    }
}

#[test]
fn a_gif_is_its_first_frame_on_its_canvas() {
    for name in ["photo.gif", "photo-interlaced.gif", "alpha.gif", "offset.gif", "animated.gif"] {
        let bytes = fixture(name);
        let mut theirs = decode(&bytes).to_rgba8();
        // Where nothing is seen, `image` keeps the palette's color.
        for pixel in theirs.pixels_mut().filter(|pixel| pixel.0[3] == 0) {
            pixel.0 = [0; 4];
        }
        assert!(as_is(&bytes).unwrap().to_rgba8() == theirs, "{name}");
    }
    let pixels = |name| as_is(&fixture(name)).unwrap().to_rgba8();
    assert!(pixels("photo.gif") == pixels("photo-interlaced.gif"));
    let red = as_is(&fixture("animated.gif")).unwrap().to_rgb8();
    assert!(red.pixels().all(|pixel| pixel.0 == [255, 0, 0]));
}

#[test]
fn an_interlaced_png_is_the_same_picture() {
    let bytes = fixture("photo-interlaced.png");
    let once_more = encode(&decode(&bytes), ImageFormat::Png);
    let small = |bytes: &Bytes| in_pieces(bytes, sized(50, 50)).unwrap();
    assert_eq!(small(&bytes), small(&once_more));
}

#[test]
fn orientation_is_read_and_undone() {
    for exif in 1..=8 {
        let bytes = fixture(&format!("orientation-{exif}.jpg"));
        let header = probe(bytes.clone(), &Limits::default()).unwrap();
        assert_eq!(header.orientation, Orientation::from_exif(exif).unwrap());
        assert_eq!(header.upright(), (60, 40));
        quadrants(&in_pieces(&bytes, sized(30, 30)).unwrap().bytes, (30, 20));
    }
    quadrants(&in_pieces(&fixture("orientation-6.png"), sized(30, 30)).unwrap().bytes, (30, 20));
}

/// Red, green, blue and yellow, read from the middle of each quarter.
fn quadrants(encoded: &[u8], (width, height): (u32, u32)) {
    let shown = decode(encoded).to_rgb8();
    assert_eq!(shown.dimensions(), (width, height));
    let near = |x: u32, y: u32, color: [u8; 3]| {
        let found = shown.get_pixel(x, y).0;
        assert!(found.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 30), "{found:?} at {x},{y}");
    };
    let (left, right, top, bottom) = (width / 4, width * 3 / 4, height / 4, height * 3 / 4);
    near(left, top, [255, 0, 0]);
    near(right, top, [0, 255, 0]);
    near(left, bottom, [0, 0, 255]);
    near(right, bottom, [255, 255, 0]);
}

#[test]
fn what_is_cut_off_is_truncated() {
    for (name, format) in [("truncated.png", Format::Png), ("truncated.gif", Format::Gif)] {
        let request = sized(50, 50);
        assert_eq!(in_pieces(&fixture(name), request.clone()), Err(truncated(format)), "{name}");
        assert_eq!(unbounded(&fixture(name), request), Err(truncated(format)), "{name}");
    }
    let jpeg = fixture("truncated.jpg");
    let error = Error::Truncated { format: Format::Jpeg, offset: Some(jpeg.len() as u64) };
    assert_eq!(in_pieces(&jpeg, sized(50, 50)), Err(error));
    for name in ["photo.bmp", "photo.ppm", "photo.tga", "photo.qoi", "photo.ff", "photo.tif"] {
        let whole = fixture(name);
        let cut = whole.slice(..whole.len() / 2);
        let format = Format::of(&whole).unwrap();
        let result = in_pieces(&cut, sized(50, 50));
        assert_eq!(result, Err(truncated(format)), "{name}");
    }
}

/// However little of a file is its picture.
#[test]
fn a_tiny_progressive_jpeg_may_have_much_metadata() {
    let mut encoded = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut encoded, 80);
    encoder.set_progressive(true);
    encoder.encode(&[100; 16 * 16 * 3], 16, 16, jpeg_encoder::ColorType::Rgb).unwrap();
    for segments in [1, 40] {
        let mut input = encoded[..2].to_vec();
        for _ in 0..segments {
            input.extend([0xFF, 0xED, 0xFF, 0xFF]);
            input.extend([0; 0xFFFD]);
        }
        input.extend(&encoded[2..]);
        let input = Bytes::from(input);
        let request = sized(8, 8);
        let pieces = in_pieces(&input, request.clone());
        assert!(pieces.is_ok());
        assert_eq!(pieces, unbounded(&input, request.clone()));
        assert_eq!(pieces, run(input, request, || Effort::Unbounded(None)));
    }
}

/// The checksum of the pixels comes after the last of them.
#[test]
fn a_png_with_a_wrong_checksum_is_invalid() {
    let mut bytes = fixture("photo-gray.png").to_vec();
    let end = bytes.len() - 12; // IEND
    bytes[end - 1] ^= 1;
    let result = in_pieces(&Bytes::from(bytes.clone()), sized(50, 50));
    assert_eq!(result, Err(invalid(Format::Png)));
    // Without a checksum at all there is nothing to contradict the pixels.
    bytes.truncate(end - 4);
    assert!(in_pieces(&Bytes::from(bytes), sized(50, 50)).is_ok());
}

/// The smallest headers, cut at every byte, and every prefix of a whole file.
#[test]
fn no_prefix_panics() {
    for (name, bytes) in fixtures() {
        let step = (bytes.len() / 200).max(1);
        for end in (0..bytes.len().min(200)).chain((200..bytes.len()).step_by(step)) {
            let prefix = bytes.slice(..end);
            if let Ok(made) = in_pieces(&prefix, sized(20, 20)) {
                assert!(made.width <= 20 && made.height <= 20, "{name} up to {end}");
            }
        }
    }
}

/// Bytes flipped all over a file: an answer, whichever it is.
#[test]
fn no_damage_panics() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for (name, bytes) in fixtures() {
        if bytes.len() > 200_000 {
            continue;
        }
        println!("{name}");
        for _ in 0..60 {
            let mut damaged = bytes.to_vec();
            for _ in 0..=random() % 8 {
                let len = damaged.len() as u64;
                // Headers more often than data.
                let at = if random().is_multiple_of(2) {
                    random() % len.min(128)
                } else {
                    random() % len
                };
                damaged[at as usize] = random() as u8;
            }
            let limits = Limits { max_pixels: 4_000_000, ..Default::default() };
            let request = Request { limits, ..sized(40, 40).into() };
            let damaged = Bytes::from(damaged);
            let pieces = in_pieces(&damaged, request.clone());
            assert!(pieces == unbounded(&damaged, request.clone()), "{name}");
            assert!(pieces == as_it_comes(&damaged, request), "{name}, as it comes");
        }
    }
}

#[test]
fn header_claims_are_refused_by_the_limits() {
    for (name, pixels) in [("huge-header.png", 2_500_000_000u64), ("huge-header.bmp", 900_000_000)]
    {
        let refused = in_pieces(&fixture(name), sized(10, 10));
        let limit = Limit::MaxPixels;
        assert_eq!(refused, Err(Error::Limit { limit, value: pixels, maximum: 1 << 28 }), "{name}");
    }
}

#[test]
fn depth_survives_where_the_format_holds_it() {
    let deep = DynamicImage::ImageRgba8(picture(90, 60, 3)).to_rgb16();
    let source = encode(&DynamicImage::ImageRgb16(deep), ImageFormat::Png);
    let made = |format| {
        let request = Output { format: Some(format), ..sized(30, 30) };
        decode(&in_pieces(&source, request).unwrap().bytes).color()
    };
    assert_eq!(made(Format::Png), image::ColorType::Rgb16);
    assert_eq!(made(Format::Tiff), image::ColorType::Rgb16);
    assert_eq!(made(Format::Jpeg), image::ColorType::Rgb8);
    assert_eq!(made(Format::Farbfeld), image::ColorType::Rgba16);
    assert_eq!(made(Format::Openexr), image::ColorType::Rgb32F);
}
