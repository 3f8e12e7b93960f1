//! Every format, written and read back, and held against what `image` writes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Cursor;
use std::time::Instant;

use bytes::Bytes;
use common::{POOL, decode, encode, in_pieces, job, only, picture, probe, psnr, run, unbounded};
use image::codecs::gif::GifEncoder;
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::{ColorType, DynamicImage, ImageEncoder, ImageFormat};
use proptest::prelude::*;
use thumbelina_core::{
    Effort, Encoded, Error, Format, Job, Limit, Limits, Output, Phase, Plan, Step, Stop,
};

/// As it is, in another format.
fn to(format: Format) -> Output {
    Output { format: Some(format), ..Output::default() }
}

/// Sizes around what is special somewhere: one pixel, the narrowest run-length encoded HDR row,
/// several spans, several strips.
const SIZES: [(u32, u32); 9] =
    [(1, 1), (1, 7), (5, 3), (8, 2), (7, 64), (97, 61), (256, 256), (1_025, 3), (400, 900)];

fn layouts(width: u32, height: u32, seed: u32) -> Vec<DynamicImage> {
    let rgba = DynamicImage::ImageRgba8(picture(width, height, seed));
    vec![
        rgba.to_luma8().into(),
        rgba.to_luma_alpha8().into(),
        rgba.to_rgb8().into(),
        sixteen(rgba.to_luma16().into()),
        sixteen(rgba.to_luma_alpha16().into()),
        sixteen(rgba.to_rgb16().into()),
        sixteen(rgba.to_rgba16().into()),
        rgba,
    ]
}

/// Uses all of the sixteen bits: what comes from eight has two equal bytes.
fn sixteen(mut image: DynamicImage) -> DynamicImage {
    let spread = |(i, sample): (usize, &mut u16)| *sample ^= (i as u16).wrapping_mul(0x2F) & 0xFF;
    match &mut image {
        DynamicImage::ImageLuma16(p) => p.iter_mut().enumerate().for_each(spread),
        DynamicImage::ImageLumaA16(p) => p.iter_mut().enumerate().for_each(spread),
        DynamicImage::ImageRgb16(p) => p.iter_mut().enumerate().for_each(spread),
        DynamicImage::ImageRgba16(p) => p.iter_mut().enumerate().for_each(spread),
        _ => {}
    }
    image
}

fn floats(width: u32, height: u32, alpha: bool) -> DynamicImage {
    let mut rgba = DynamicImage::ImageRgba8(picture(width, height, 5)).to_rgba32f();
    for (i, sample) in rgba.iter_mut().enumerate() {
        // Over the range of a half-decent exposure, but with the same pixels in places.
        *sample *= f32::powi(2.0, (i / 64 % 17) as i32 - 8);
    }
    if alpha { rgba.into() } else { DynamicImage::ImageRgba32F(rgba).to_rgb32f().into() }
}

/// Written in pieces, on the pool, and in a mixture: always the same.
fn written(source: &DynamicImage, format: Format) -> Encoded {
    let kind = match source.color() {
        // OpenEXR's colors are multiplied by alpha, TIFF's are not.
        ColorType::Rgb32F | ColorType::Rgba32F if format == Format::Tiff => ImageFormat::Tiff,
        ColorType::Rgb32F | ColorType::Rgba32F => ImageFormat::OpenExr,
        _ => ImageFormat::Png,
    };
    let input = encode(source, kind);
    let pieces = in_pieces(&input, to(format)).unwrap();
    assert!(pieces == unbounded(&input, to(format)).unwrap(), "{format}");
    let mut turn = 0;
    let mixed = run(input, to(format), || {
        turn += 1;
        if turn % 3 == 0 { Effort::Unbounded(Some(&POOL)) } else { Effort::Bounded }
    });
    assert!(pieces == mixed.unwrap(), "{format}");
    pieces
}

/// What the format makes of a layout, by `image`'s own conversion.
fn as_written(source: &DynamicImage, format: Format) -> DynamicImage {
    let alpha = source.color().has_alpha();
    let gray = !source.color().has_color();
    let deep = source.color().bytes_per_pixel() > source.color().channel_count();
    match (format, deep) {
        (Format::Bmp, _) if gray => source.to_luma8().into(),
        (Format::Qoi | Format::Gif, _) if alpha => source.to_rgba8().into(),
        (Format::Qoi | Format::Gif, _) => source.to_rgb8().into(),
        (Format::Ico, _) => source.to_rgba8().into(),
        (Format::Farbfeld, _) => source.to_rgba16().into(),
        (Format::Tiff, true) if gray && alpha => source.to_rgba16().into(),
        (Format::Tiff, false) if gray && alpha => source.to_rgba8().into(),
        (Format::Bmp | Format::Tga | Format::Webp, true) => match (gray, alpha) {
            (true, false) => source.to_luma8().into(),
            (true, true) => source.to_luma_alpha8().into(),
            (false, false) => source.to_rgb8().into(),
            (false, true) => source.to_rgba8().into(),
        },
        _ => source.clone(),
    }
}

/// Its encoder finds no name for these, its decoder reads them.
fn is_refused_by_image(source: &DynamicImage, format: Format) -> bool {
    format == Format::Pnm && matches!(source.color(), ColorType::La8 | ColorType::La16)
}

fn by_image(source: &DynamicImage, format: Format) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let (bytes, width, height, color) =
        (source.as_bytes(), source.width(), source.height(), source.color().into());
    match format {
        Format::Gif => {
            GifEncoder::new_with_speed(&mut out, 10).encode(bytes, width, height, color).unwrap()
        }
        Format::Pnm if matches!(source.color(), ColorType::L8 | ColorType::Rgb8) => {
            let subtype = if source.color() == ColorType::L8 {
                PnmSubtype::Graymap
            } else {
                PnmSubtype::Pixmap
            };
            let encoder = PnmEncoder::new(&mut out).with_subtype(subtype(SampleEncoding::Binary));
            encoder.write_image(bytes, width, height, color).unwrap();
        }
        _ => {
            let format = match format {
                Format::Bmp => ImageFormat::Bmp,
                Format::Tga => ImageFormat::Tga,
                Format::Pnm => ImageFormat::Pnm,
                Format::Qoi => ImageFormat::Qoi,
                Format::Farbfeld => ImageFormat::Farbfeld,
                Format::Tiff => ImageFormat::Tiff,
                Format::Hdr => ImageFormat::Hdr,
                Format::Openexr => ImageFormat::OpenExr,
                Format::Webp => ImageFormat::WebP,
                Format::Ico => ImageFormat::Ico,
                other => panic!("{other} is not written here"),
            };
            image::write_buffer_with_format(&mut out, bytes, width, height, color, format).unwrap();
        }
    }
    out.into_inner()
}

#[test]
fn simple_formats_come_out_as_image_writes_them() {
    let formats = [Format::Bmp, Format::Pnm, Format::Qoi, Format::Farbfeld];
    for (width, height) in SIZES {
        for source in layouts(width, height, width) {
            for format in formats {
                if is_refused_by_image(&source, format) {
                    continue;
                }
                let made = written(&source, format).bytes;
                let expected = by_image(&as_written(&source, format), format);
                assert!(made == expected, "{format} of {:?} {width}x{height}", source.color());
            }
        }
    }
}

#[test]
fn floats_come_out_as_image_writes_them() {
    for (width, height) in SIZES {
        for alpha in [false, true] {
            let source = floats(width, height, alpha);
            assert!(decode(&written(&source, Format::Tiff).bytes) == source, "{width}");
            let exr = written(&source, Format::Openexr).bytes;
            assert!(exr == by_image(&source, Format::Openexr), "{width}");
        }
        let source = floats(width, height, false);
        assert!(written(&source, Format::Hdr).bytes == by_image(&source, Format::Hdr), "{width}");
    }
}

#[test]
fn runs_cross_rows_and_steps() {
    // One color, two that take turns, and ever longer runs, up to longer than any format has.
    let patterns: [fn(u32) -> u8; 4] =
        [|_| 200, |i| (i % 2) as u8 * 9, |i| f64::from(i).sqrt() as u8, |i| (i / 5_000) as u8 * 3];
    for pattern in patterns {
        let gray = image::GrayImage::from_fn(331, 207, |x, y| image::Luma([pattern(x + y * 331)]));
        for source in [
            DynamicImage::ImageLuma8(gray.clone()),
            DynamicImage::ImageLuma8(gray).to_rgba8().into(),
        ] {
            for format in [Format::Tga, Format::Qoi, Format::Webp, Format::Gif] {
                let made = written(&source, format).bytes;
                let expected = as_written(&source, format);
                let theirs = by_image(&expected, format);
                match format {
                    Format::Qoi => assert!(made == theirs),
                    // Whose packets go on in the next row.
                    Format::Tga => assert_packets_end_with_rows(&made, 331, 207),
                    _ => assert!(made.len() <= theirs.len(), "{format}"),
                }
                assert!(reread(&made, format, &expected) == expected, "{format}");
            }
            let floats = DynamicImage::from(source.to_rgb32f());
            assert!(written(&floats, Format::Hdr).bytes == by_image(&floats, Format::Hdr));
        }
    }
}

/// As TGA 2.0 wants it.
fn assert_packets_end_with_rows(tga: &[u8], width: usize, height: usize) {
    let pixel = usize::from(tga[16] / 8);
    let (mut at, mut x, mut y) = (18, 0, 0);
    while at < tga.len() {
        let count = usize::from(tga[at] & 0x7F) + 1;
        at += 1 + if tga[at] >= 0x80 { pixel } else { count * pixel };
        x += count;
        assert!(x <= width, "row {y}");
        if x == width {
            (x, y) = (0, y + 1);
        }
    }
    assert_eq!((at, x, y), (tga.len(), 0, height));
}

/// The numbers of a tag in the directory, in the machine's order, that stand in their entry.
fn tag(tiff: &[u8], tag: u16) -> Option<u16> {
    let short = |at: usize| u16::from_ne_bytes([tiff[at], tiff[at + 1]]);
    let at = u32::from_ne_bytes([tiff[4], tiff[5], tiff[6], tiff[7]]) as usize;
    let mut entries = (0..usize::from(short(at))).map(|i| at + 2 + 12 * i);
    entries.find(|&entry| short(entry) == tag).map(|entry| short(entry + 8))
}

#[test]
fn a_tiff_says_what_its_samples_are_and_nothing_that_readers_warn_of() {
    for source in layouts(40, 30, 2) {
        let tiff = written(&source, Format::Tiff).bytes;
        // Extra samples: alpha that does not weigh the others.
        let alpha = source.color().has_alpha().then_some(2);
        assert_eq!(tag(&tiff, 338), alpha, "{:?}", source.color());
        // A predictor is that of LZW and Deflate.
        assert_eq!((tag(&tiff, 259), tag(&tiff, 317)), (Some(1), None));
    }
}

/// Read by `image`, in the layout of `like`: some decoders give RGBA whatever there was.
fn reread(bytes: &[u8], format: Format, like: &DynamicImage) -> DynamicImage {
    let read = if format == Format::Tga {
        image::load_from_memory_with_format(bytes, ImageFormat::Tga).unwrap()
    } else {
        decode(bytes)
    };
    match like.color() {
        ColorType::L8 => read.to_luma8().into(),
        ColorType::La8 => read.to_luma_alpha8().into(),
        ColorType::Rgb8 => read.to_rgb8().into(),
        ColorType::Rgba8 => read.to_rgba8().into(),
        _ => read,
    }
}

#[test]
fn every_lossless_format_reads_back_exactly() {
    let formats = [
        Format::Png,
        Format::Webp,
        Format::Tiff,
        Format::Bmp,
        Format::Tga,
        Format::Pnm,
        Format::Qoi,
        Format::Farbfeld,
        Format::Ico,
    ];
    for (width, height) in SIZES {
        for source in layouts(width, height, height) {
            for format in formats {
                if format == Format::Ico && width.max(height) > 256 {
                    continue;
                }
                let expected = as_written(&source, format);
                let made = written(&source, format);
                assert_eq!(
                    (made.width, made.height, made.encoding),
                    (width, height, format.into())
                );
                let read = reread(&made.bytes, format, &expected);
                assert!(read == expected, "{format} of {:?} {width}x{height}", source.color());
            }
        }
    }
}

#[test]
fn webp_is_no_larger_than_images() {
    for (width, height) in SIZES {
        for source in layouts(width, height, 3) {
            let made = written(&source, Format::Webp).bytes;
            let theirs = by_image(&as_written(&source, Format::Webp), Format::Webp);
            assert!(made.len() <= theirs.len(), "{} and {}", made.len(), theirs.len());
        }
    }
}

#[test]
fn a_drawing_in_an_icon_is_written_again_by_zlib() {
    let drawing = image::RgbaImage::from_fn(256, 256, |x, y| {
        image::Rgba([
            (x / 16 * 13) as u8,
            (y % 16) as u8 * 10,
            ((x / 4 + y / 4) % 5) as u8 * 50,
            255,
        ])
    });
    let source = DynamicImage::from(drawing);
    let made = written(&source, Format::Ico).bytes;
    assert!(made.len() < by_image(&source, Format::Ico).len() / 2);
    assert!(decode(&made) == source);
}

#[test]
fn a_gif_of_few_colors_is_exact_and_as_image_writes_it() {
    for colors in [1u32, 2, 3, 5, 100, 255, 256] {
        let rgba = image::RgbaImage::from_fn(61, 47, |x, y| {
            let i = (x * 31 + y * 7) % colors;
            image::Rgba([i as u8, (i * 89) as u8, (i / 3) as u8, 255])
        });
        let source = DynamicImage::ImageRgba8(rgba).to_rgb8().into();
        let made = written(&source, Format::Gif).bytes;
        assert!(made == by_image(&source, Format::Gif), "{colors}");
        assert!(decode(&made).to_rgb8() == source.to_rgb8(), "{colors}");
    }
}

#[test]
fn a_gif_shows_or_does_not_show() {
    let source = DynamicImage::from(image::RgbaImage::from_fn(40, 30, |x, y| {
        let alpha = [0, 1, 128, 255][(x / 3 + y) as usize % 4];
        image::Rgba([(x / 5 * 20) as u8, 7, (y / 4 * 30) as u8, alpha])
    }));
    let made = written(&source, Format::Gif).bytes;
    assert!(made == by_image(&source, Format::Gif));
    for (read, of) in decode(&made).to_rgba8().pixels().zip(source.to_rgba8().pixels()) {
        let [r, g, b, a] = of.0;
        assert_eq!(read.0[3], if a == 0 { 0 } else { 255 });
        assert!(a == 0 || read.0[..3] == [r, g, b]);
    }
}

#[test]
fn a_gif_of_many_colors_is_nearer_to_its_source_than_one_by_neuquant() {
    for (width, height) in [(40, 30), (300, 200), (1_000, 700)] {
        for alpha in [false, true] {
            let rgba = DynamicImage::from(picture(width, height, 8));
            let source = if alpha { rgba } else { rgba.to_rgb8().into() };
            let (ours, theirs) = gif_quality(&source);
            assert!(ours > 32.0 && ours > theirs + 0.5, "{ours} and {theirs}");
        }
    }
}

/// How near GIFs come to what shows of a picture, ours and the one by NeuQuant, in dB.
fn gif_quality(source: &DynamicImage) -> (f64, f64) {
    let source = source.to_rgba8();
    let quality = |gif: &[u8], is_ours: bool| {
        let mut shown = (Vec::new(), Vec::new());
        for (read, of) in decode(gif).to_rgba8().pixels().zip(source.pixels()) {
            // NeuQuant may take a color of low alpha for none.
            assert!(!is_ours || read.0[3] == if of.0[3] == 0 { 0 } else { 255 });
            if of.0[3] != 0 {
                shown.0.extend(&read.0[..3]);
                shown.1.extend(&of.0[..3]);
            }
        }
        psnr(&shown.0, &shown.1)
    };
    let source = DynamicImage::from(source.clone());
    (
        quality(&written(&source, Format::Gif).bytes, true),
        quality(&by_image(&source, Format::Gif), false),
    )
}

/// A picture that is only an input of numbers: the smallest way to a large output.
fn gray_map(width: u32, height: u32) -> Bytes {
    let mut map = format!("P5 {width} {height} 255\n").into_bytes();
    map.extend((0..width * height).map(|i| (i.wrapping_mul(0x9E37_79B1) >> 24) as u8));
    Bytes::from(map)
}

#[test]
fn what_takes_several_pieces_is_joined_in_a_step_of_its_own() {
    let input = gray_map(2_000, 1_500);
    let mut job = job(input.clone(), to(Format::Bmp));
    let mut too_big = Vec::new();
    let made = loop {
        let encodes = job.phase() == Phase::Encode;
        match job.step(Effort::Bounded, &Stop::new()).unwrap() {
            Step::Again => {}
            Step::TooBig => {
                let step = job.step(Effort::Unbounded(None), &Stop::new()).unwrap();
                if encodes {
                    too_big.push(matches!(step, Step::Done(_)));
                }
                if let Step::Done(made) = step {
                    break made;
                }
            }
            Step::NeedInput => unreachable!("all of the input is there"),
            Step::Done(made) => break made,
        }
    };
    let made = only(made);
    // Three megabytes are too much for a normal scheduler, at the very end.
    assert_eq!((&too_big[..], made.bytes.len()), (&[true][..], 14 + 40 + 1_024 + 3_000_000));
    assert!(decode(&made.bytes).to_luma8().as_raw()[..] == input[input.len() - 3_000_000..]);
}

/// A job whose encoder is next.
fn before_encoding(source: &Bytes, request: Output) -> Job {
    let mut job = job(source.clone(), request);
    while job.phase() != Phase::Encode {
        assert!(matches!(job.step(Effort::Unbounded(None), &Stop::new()), Ok(Step::Again)));
    }
    job
}

#[test]
fn what_cannot_be_cut_is_stopped_before_it_begins() {
    let source = encode(&floats(700, 500, false), ImageFormat::OpenExr);
    for format in [Format::Openexr, Format::Avif] {
        let mut job = before_encoding(&source, Output { width: Some(200), ..to(format) });
        let stop = Stop::new();
        stop.ask();
        let stopped = job.step(Effort::Unbounded(None), &stop);
        assert!(matches!(stopped, Err(Error::Stopped)), "{format}: {stopped:?}");
    }
}

#[test]
fn a_job_that_was_stopped_is_over() {
    let source = encode(&floats(70, 50, false), ImageFormat::OpenExr);
    let mut job = before_encoding(&source, to(Format::Openexr));
    let stop = Stop::new();
    stop.ask();
    assert!(matches!(job.step(Effort::Unbounded(None), &stop), Err(Error::Stopped)));
    assert!(matches!(job.step(Effort::Bounded, &Stop::new()), Err(Error::Internal)));
}

/// It is encoded in one step, and asks at its writes.
#[test]
fn an_exr_is_stopped_on_its_way() {
    let source = encode(&floats(1_400, 1_000, false), ImageFormat::OpenExr);
    let timed = |stop: &dyn Fn() -> Stop| {
        let mut job = before_encoding(&source, to(Format::Openexr));
        let (began, stop) = (Instant::now(), stop());
        let step = job.step(Effort::Unbounded(None), &stop);
        (began.elapsed(), step, job)
    };
    let (all, step, _) = timed(&Stop::new);
    assert!(matches!(step, Ok(Step::Again | Step::Done(_))), "{step:?}");
    // Where it asks at its end alone, it takes all of the time. A busy machine makes anything slow.
    let is_soon = (0..5).any(|_| {
        let (took, stopped, mut job) = timed(&|| Stop::at(Instant::now() + all / 4));
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
        assert!(
            matches!(job.step(Effort::Bounded, &Stop::new()), Err(Error::Internal)),
            "it is over"
        );
        took < all * 3 / 4
    });
    assert!(is_soon, "all of it takes {all:?}");
}

/// Its encoder cannot be stopped: what it may take is decided before anything is decoded.
#[test]
fn an_avif_has_at_most_half_a_megapixel() {
    let of = |width, height| probe(gray_map(width, height), &Limits::default()).unwrap();
    let plan = |info, output: Output| {
        Plan::new(&info, &output.into()).map(|plan| plan.outputs[0].encoding)
    };
    assert_eq!(plan(of(1_000, 500), to(Format::Avif)), Ok(Format::Avif.into()));
    let refused = Error::Limit { limit: Limit::MaxPixels, value: 500_500, maximum: 500_000 };
    assert_eq!(plan(of(1_001, 500), to(Format::Avif)), Err(refused));
    assert_eq!(
        plan(of(1_001, 500), Output { width: Some(1_000), ..to(Format::Avif) }),
        Ok(Format::Avif.into())
    );
    // A picture that was one comes out as another format then, unless this one is asked for.
    let mut avif = of(1_001, 500);
    avif.format = Format::Avif;
    assert_eq!(plan(avif.clone(), Output::default()), Ok(Format::Jpeg.into()));
    assert_eq!(
        plan(avif, Output { width: Some(200), ..Output::default() }),
        Ok(Format::Avif.into())
    );
}

/// A picture by its numbers, which a failure shows instead of the pixels.
#[derive(Clone, Copy, Debug)]
struct Generated {
    width: u32,
    height: u32,
    seed: u32,
    layout: usize,
    flat: u8,
}

impl Generated {
    /// From noise to a few flat colors.
    fn picture(self) -> DynamicImage {
        let mut picture = layouts(self.width, self.height, self.seed).swap_remove(self.layout);
        if let DynamicImage::ImageRgba8(pixels) = &mut picture {
            pixels.iter_mut().for_each(|sample| *sample = *sample >> self.flat << self.flat);
        }
        picture
    }
}

prop_compose! {
    fn generated()(
        width in 1u32..200,
        height in 1u32..120,
        seed: u32,
        layout in 0usize..8,
        flat in 0u8..8,
    ) -> Generated {
        Generated { width, height, seed, layout, flat }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn generated_pictures_come_out_as_image_writes_them(
        generated in generated(),
        format in prop::sample::select(vec![
            Format::Bmp, Format::Pnm, Format::Qoi, Format::Farbfeld,
        ]),
    ) {
        let source = generated.picture();
        prop_assume!(!is_refused_by_image(&source, format));
        let made = written(&source, format).bytes;
        prop_assert!(made == by_image(&as_written(&source, format), format));
    }

    #[test]
    fn generated_pictures_are_as_good_as_gifs_as_by_neuquant(generated in generated()) {
        let source = generated.picture();
        let (ours, theirs) = gif_quality(&as_written(&source, Format::Gif));
        prop_assert!(ours >= theirs || ours > theirs - 0.5, "{} and {}", ours, theirs);
    }

    #[test]
    fn generated_pictures_read_back_from_webp(generated in generated()) {
        let source = generated.picture();
        let expected = as_written(&source, Format::Webp);
        let made = written(&source, Format::Webp).bytes;
        prop_assert!(reread(&made, Format::Webp, &expected) == expected);
        prop_assert!(made.len() <= by_image(&expected, Format::Webp).len());
    }
}
