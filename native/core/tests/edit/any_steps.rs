//! Any steps on any picture.

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use thumbelina_core::{
    Corners, Crop, Filter, Fit, Operation, Orientation, Output, Overlay, Place, Position, Recolor,
    Sharpen,
};

use crate::common::{
    as_it_comes, encode, in_pieces, mixture, picture, plan, run, sized, unbounded,
};
use crate::composition::over;
use crate::edit;

fn operation() -> impl Strategy<Value = Operation> {
    let recolor = prop_oneof![
        (0.0..3.0f32).prop_map(Recolor::Brighten),
        (0.0..3.0f32).prop_map(Recolor::Contrast),
        (0.0..3.0f32).prop_map(Recolor::Saturate),
        (0.1..4.0f32).prop_map(Recolor::Gamma),
        Just(Recolor::Grayscale),
        Just(Recolor::Invert),
        (0.0..1.0f32).prop_map(Recolor::Threshold),
        any::<[u8; 3]>().prop_map(Recolor::Tint),
    ];
    let turn = prop_oneof![
        Just(Orientation::FlipHorizontal),
        Just(Orientation::Rotate90),
        Just(Orientation::Rotate180)
    ];
    let color = any::<[u8; 4]>().prop_map(thumbelina_core::Color);
    prop_oneof![
        (1..60u32, 1..60u32, 0..5usize, 0..4usize, any::<[bool; 3]>()).prop_map(
            |(width, height, fit, position, [enlarge, linear, has_background])| {
                let color = thumbelina_core::Color([9, 99, 199, 128]);
                Operation::Resize(Box::new(Output {
                    fit: [Fit::Contain, Fit::Cover, Fit::Fill, Fit::Pad, Fit::Outside][fit],
                    position: [
                        Position::Point(0.2, 0.7),
                        Position::Point(0.5, 0.5),
                        Position::Attention,
                        Position::Entropy,
                    ][position],
                    filter: [Filter::Lanczos3, Filter::Nearest, Filter::Box][(fit + position) % 3],
                    background: has_background.then_some(color),
                    enlarge,
                    linear,
                    ..sized(width, height)
                }))
            }
        ),
        (1..60u32, 1..60u32, 0.0..1.0, 0.0..1.0).prop_map(|(width, height, x, y)| {
            let place = Place::Around(Position::Point(x, y));
            Operation::Crop(Crop { width, height, place })
        }),
        turn.prop_map(Operation::Turn),
        (-400.0..400.0, color.clone())
            .prop_map(|(degrees, background)| Operation::Rotate { degrees, background }),
        (0.1..20.0).prop_map(|sigma| Operation::Blur { sigma }),
        (0.1..8.0, 0.0..4.0, 0.0..0.2).prop_map(|(sigma, amount, threshold)| {
            Operation::Sharpen(Sharpen { sigma, amount, threshold })
        }),
        recolor.prop_map(Operation::Recolor),
        (1..30u32, 1..30u32, any::<bool>(), 0.0..1.0f32, 0.0..1.0, 0..20u32).prop_map(
            |(width, height, tile, opacity, at, margin)| {
                let overlay = over(&picture(width, height, 9), (at, 1.0 - at));
                Operation::Overlay(Overlay { tile, opacity, margin, ..overlay })
            }
        ),
        prop_oneof![(0.0..40.0).prop_map(Corners::Radius), Just(Corners::Circle)]
            .prop_map(Operation::Round),
        (0..9u32, color).prop_map(|(width, color)| Operation::Border { width, color }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Of any picture, any steps give the same on every scheduler, in the size that was planned.
    #[test]
    fn any_steps_give_the_same_in_pieces(
        (width, height) in (1..70u32, 1..70u32),
        layout in 0..7,
        steps in proptest::collection::vec(operation(), 0..5),
        seed in any::<u64>(),
    ) {
        let rgba = DynamicImage::ImageRgba8(picture(width, height, seed as u32));
        let (source, format) = match layout {
            0 => (rgba.to_rgb8().into(), ImageFormat::Png),
            1 => (rgba, ImageFormat::Png),
            2 => (rgba.to_luma8().into(), ImageFormat::Png),
            3 => (rgba.to_luma_alpha8().into(), ImageFormat::Png),
            4 => (rgba.to_rgba16().into(), ImageFormat::Png),
            5 => (rgba.to_rgb8().into(), ImageFormat::Jpeg),
            _ => (rgba.to_rgb32f().into(), ImageFormat::Hdr),
        };
        let source = encode(&source, format);
        let output = Output { format: None, ..edit(steps) };
        let planned = plan(source.clone(), output.clone()).unwrap();
        let made = in_pieces(&source, output.clone()).unwrap();
        let plan = &planned.outputs[0];
        prop_assert_eq!((made.width, made.height), (plan.width, plan.height));
        prop_assert_eq!(made.encoding, plan.encoding);
        prop_assert!(made == unbounded(&source, output.clone()).unwrap());
        prop_assert!(made == run(source.clone(), output.clone(), mixture(seed)).unwrap());
        prop_assert!(made == as_it_comes(&source, output).unwrap());
    }
}
