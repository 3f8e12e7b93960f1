//! Where each step is done: while the picture is decoded, or before or after the first resize.

use std::collections::HashMap;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use thumbelina_core::{
    At, Error, Filter, Fit, Format, Limit, Operation, Orientation, Output, Recolor, Request,
};

use crate::common::{decode, encode, in_pieces, picture, plan, psnr, sized};
use crate::{crop, edit, jpeg, resize, rgb};

#[test]
fn a_resize_alone_is_the_thumbnail() {
    for source in [jpeg(640, 427), encode(&rgb(300, 200), ImageFormat::Png)] {
        let cover = Output { fit: Fit::Cover, format: Some(Format::Png), ..sized(80, 80) };
        let alone = in_pieces(&source, cover.clone()).unwrap();
        assert!(in_pieces(&source, edit([Operation::Resize(Box::new(cover))])).unwrap() == alone);
    }
}

/// The background of the step, of the call, or of both, which is once.
#[test]
fn a_resize_has_the_background_that_a_thumbnail_has() {
    let gray = DynamicImage::ImageLumaA8(DynamicImage::ImageRgba8(picture(30, 20, 4)).into());
    let sources = [rgb(30, 20), rgb(30, 20).into_luma8().into(), picture(30, 20, 4).into(), gray];
    let fits = [Fit::Contain, Fit::Cover, Fit::Pad];
    let colors = [[10, 20, 30, 255], [9, 9, 9, 255], [10, 20, 30, 128], [9, 9, 9, 77], [0; 4]];
    for (source, fit) in sources.iter().flat_map(|source| fits.map(|fit| (source, fit))) {
        let source = encode(source, ImageFormat::Png);
        for color in colors.map(thumbelina_core::Color) {
            let background = Some(color);
            let sized = Output { fit, background, format: Some(Format::Png), ..sized(13, 17) };
            let expected = in_pieces(&source, sized.clone()).unwrap();
            let steps = edit([Operation::Resize(Box::new(sized))]);
            for output in [Output { background, ..steps.clone() }, steps] {
                let made = in_pieces(&source, output.clone()).unwrap();
                assert!(made == expected, "{fit:?} {color:?} {:?}", output.background);
            }
        }
    }
}

#[test]
fn what_was_cropped_off_does_not_show_in_a_resize() {
    // White, with a black frame.
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let framed = RgbImage::from_fn(640, 480, |x, y| {
            let inside = (101..539).contains(&x) && (57..423).contains(&y);
            Rgb(if inside { [255; 3] } else { [0; 3] })
        });
        let source = encode(&framed.into(), format);
        // JPEG rings at the edge of the frame.
        let inner = if format == ImageFormat::Png { 0 } else { 8 };
        let cut = crop(101 + inner, 57 + inner, 438 - 2 * inner, 366 - 2 * inner);
        for size in [(20, 17), (50, 41), (200, 167)] {
            let made = in_pieces(&source, edit([cut.clone(), resize(size.0, size.1)])).unwrap();
            let made = decode(&made.bytes).into_rgb8();
            assert_eq!(made.dimensions(), size);
            let darkest = made.as_raw().iter().min().unwrap();
            assert!(*darkest >= 252, "{format:?} {size:?}: {darkest}");
        }
    }
}

#[test]
fn resize_then_crop_is_the_part_of_the_resized() {
    let source = jpeg(640, 427);
    let whole = decode(&in_pieces(&source, edit([resize(200, 133)])).unwrap().bytes);
    let part = in_pieces(&source, edit([resize(200, 133), crop(31, 22, 100, 80)])).unwrap();
    let part = decode(&part.bytes).into_rgb8();
    assert_eq!(part.dimensions(), (100, 80));
    let expected = whole.crop_imm(31, 22, 100, 80).into_rgb8();
    let close = psnr(part.as_raw(), expected.as_raw());
    assert!(close > 40.0, "{close}");
}

#[test]
fn the_plan_tells_where_each_step_is_done() {
    let source = jpeg(1_600, 1_200);
    let steps = |steps: &[Operation]| {
        let planned = plan(source.clone(), edit(steps)).unwrap().outputs.remove(0);
        let told: Vec<_> = planned
            .steps
            .iter()
            .map(|step| (step.name, step.width, step.height, step.at))
            .collect();
        (told, planned.decode_scale)
    };
    let blur = Operation::Blur { sigma: 2.0 };
    let (bright, dim) =
        (Operation::Recolor(Recolor::Brighten(1.5)), Operation::Recolor(Recolor::Brighten(0.5)));
    assert_eq!(
        steps(&[resize(100, 100), blur.clone()]),
        (vec![("resize", 100, 100, At::Decoding), ("blur", 100, 100, At::Resized)], (4, 4))
    );
    assert_eq!(
        steps(&[blur.clone(), resize(100, 100)]),
        (vec![("blur", 1600, 1200, At::FullSize), ("resize", 100, 100, At::FullSize)], (1, 1))
    );
    assert_eq!(
        steps(&[
            crop(0, 0, 1_200, 800),
            Operation::Turn(Orientation::Rotate90),
            dim,
            resize(80, 120),
            crop(0, 0, 80, 80),
            blur.clone()
        ])
        .0,
        [
            ("crop", 1200, 800, At::Decoding),
            ("rotate", 800, 1200, At::Decoding),
            ("brighten", 80, 80, At::Resized),
            ("resize", 80, 120, At::Decoding),
            ("crop", 80, 80, At::Decoding),
            ("blur", 80, 80, At::Resized)
        ]
    );
    // What is cut off at white is cut off before.
    assert_eq!(
        steps(&[bright, resize(100, 75)]).0,
        [("brighten", 1600, 1200, At::FullSize), ("resize", 100, 75, At::FullSize)]
    );
    assert_eq!(steps(&[blur.clone(), resize(100, 75), blur]).0[2], ("blur", 100, 75, At::Resized));
}

#[test]
fn a_second_resize_is_not_the_first() {
    let source = encode(&rgb(64, 64), ImageFormat::Png);
    let nearest = |side| {
        Operation::Resize(Box::new(Output {
            enlarge: true,
            filter: Filter::Box,
            ..sized(side, side)
        }))
    };
    let made = in_pieces(&source, edit([nearest(4), nearest(64)])).unwrap();
    let made = decode(&made.bytes).into_rgb8();
    let colors: HashMap<_, usize> = made.pixels().fold(HashMap::new(), |mut colors, pixel| {
        *colors.entry(pixel.0).or_default() += 1;
        colors
    });
    assert!(colors.len() <= 16, "{}", colors.len());
}

#[test]
fn limits_hold_for_what_is_in_between() {
    let source = jpeg(100, 80);
    let limited = |steps: &[Operation], max_pixels, max_memory| {
        let mut request = Request::from(edit(steps));
        (request.limits.max_pixels, request.max_memory) = (max_pixels, max_memory);
        in_pieces(&source, request).map(drop)
    };
    let color = thumbelina_core::Color([0; 4]);
    for grows in [
        Operation::Border { width: 100, color },
        Operation::Border { width: u32::MAX, color },
        resize(101, 100),
        Operation::Rotate { degrees: 45.0, background: color },
    ] {
        let steps = [Operation::Blur { sigma: 1.0 }, grows, crop(0, 0, 1, 1)];
        let refused = limited(&steps, 10_000, 1 << 30);
        let is_limit = matches!(refused, Err(Error::Limit { limit: Limit::MaxPixels, .. }));
        assert!(is_limit, "{steps:?}: {refused:?}");
    }
    let large = jpeg(1_600, 1_200);
    let blurred = Request {
        max_memory: 4 << 20,
        ..edit([Operation::Blur { sigma: 9.0 }, resize(9, 9)]).into()
    };
    let refused = in_pieces(&large, blurred).map(drop);
    assert!(matches!(refused, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{refused:?}");
    let blurred = Request {
        max_memory: 4 << 20,
        ..edit([resize(9, 9), Operation::Blur { sigma: 9.0 }]).into()
    };
    assert!(in_pieces(&large, blurred).is_ok());
}
