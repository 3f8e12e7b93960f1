//! Steps of an edit, as any bytes say, over a small picture that they say as well.

use bytes::Bytes;
use thumbelina_core::{
    Color, Corners, Crop, Fit, Format, Formats, Limits, Operation, Orientation, Output, Overlay,
    Place, Position, Recolor, Request, Sharpen,
};

use crate::{Choices, MOST_MEMORY, same_everywhere};

const MOST_STEPS: usize = 6;
const MOST_PIXELS: u64 = 1 << 18;

pub fn observe(data: &[u8]) {
    let mut choices = Choices(data);
    let steps = (0..choices.below(MOST_STEPS as u32 + 1)).map(|_| step(&mut choices)).collect();
    let output = Output {
        format: Some(choices.one_of(&[Format::Pnm, Format::Png, Format::Jpeg, Format::Tiff])),
        background: choices.flag().then(|| color(&mut choices)),
        linear: choices.flag(),
        steps,
        ..Output::default()
    };
    let limits = Limits { max_pixels: MOST_PIXELS, formats: Formats::all(), ..Limits::default() };
    let trim = choices.one_of(&[None, None, Some(0.0), Some(10.0)]);
    let request = Request { limits, max_memory: MOST_MEMORY, trim, ..output.into() };
    let picture = picture(&mut choices);
    let _ = same_everywhere(&picture, &request, choices.long());
}

/// Samples of any depth and any number of channels, which are what is left of the data.
pub(crate) fn picture(choices: &mut Choices<'_>) -> Bytes {
    let (width, height) = (1 + choices.below(48), 1 + choices.below(48));
    let header = match choices.below(6) {
        0 => format!("P5 {width} {height} 255\n"),
        1 => format!("P6 {width} {height} 255\n"),
        2 => format!("P6 {width} {height} 65535\n"),
        3 => format!("PF\n{width} {height}\n-1.0\n"),
        4 => format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
        ),
        _ => format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 2\nMAXVAL 65535\n\
             TUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n"
        ),
    };
    let len = (width * height * 12) as usize;
    // What is too short is repeated, so that there is a picture in any case.
    let samples = if choices.0.is_empty() { &[0x5A] } else { choices.0 };
    header.into_bytes().into_iter().chain(samples.iter().copied().cycle().take(len)).collect()
}

fn step(choices: &mut Choices<'_>) -> Operation {
    match choices.below(16) {
        0 => Operation::Resize(Box::new(resize(choices))),
        1 => Operation::Crop(Crop {
            width: 1 + choices.below(60),
            height: 1 + choices.below(60),
            place: if choices.flag() {
                Place::At(choices.below(60), choices.below(60))
            } else {
                Place::Around(position(choices))
            },
        }),
        2 => Operation::Turn(choices.one_of(&[
            Orientation::NoTransforms,
            Orientation::FlipHorizontal,
            Orientation::FlipVertical,
            Orientation::Rotate90,
            Orientation::Rotate180,
            Orientation::Rotate270,
            Orientation::Rotate90FlipH,
            Orientation::Rotate270FlipH,
        ])),
        3 => Operation::Rotate { degrees: choices.between(-1e9, 1e9), background: color(choices) },
        4 => Operation::Rotate {
            degrees: choices.between(-400.0, 400.0),
            background: color(choices),
        },
        5 => Operation::Blur { sigma: choices.between(0.01, 1_000.0) },
        6 => Operation::Blur { sigma: choices.between(0.01, 4.0) },
        7 => Operation::Sharpen(Sharpen {
            sigma: choices.between(0.01, 10.0),
            amount: choices.between(0.0, 100.0),
            threshold: choices.between(0.0, 1.0),
        }),
        8..=11 => Operation::Recolor(recolor(choices)),
        12 => Operation::Overlay(Overlay {
            picture: farbfeld(choices),
            position: position(choices),
            margin: choices.one_of(&[0, 1, 7, 0xFFFF]),
            opacity: choices.between(0.0, 1.0) as f32,
            tile: choices.flag(),
        }),
        13 => Operation::Round(Corners::Radius(choices.between(0.0, 65_535.0))),
        14 => Operation::Round(Corners::Circle),
        _ => Operation::Border {
            width: choices.one_of(&[0, 1, 2, 30, 500, 0xFFFF]),
            color: color(choices),
        },
    }
}

fn resize(choices: &mut Choices<'_>) -> Output {
    let side = |choices: &mut Choices<'_>| {
        choices.one_of(&[None, Some(1), Some(2), Some(17), Some(64), Some(300), Some(1 << 20)])
    };
    Output {
        width: side(choices),
        height: side(choices),
        fit: choices.one_of(&[Fit::Contain, Fit::Cover, Fit::Fill, Fit::Pad, Fit::Outside]),
        position: position(choices),
        enlarge: choices.flag(),
        background: choices.flag().then(|| color(choices)),
        ..Output::default()
    }
}

fn recolor(choices: &mut Choices<'_>) -> Recolor {
    let factor = |choices: &mut Choices<'_>| choices.between(0.0, 100.0) as f32;
    match choices.below(8) {
        0 => Recolor::Brighten(factor(choices)),
        1 => Recolor::Contrast(factor(choices)),
        2 => Recolor::Saturate(factor(choices)),
        3 => Recolor::Gamma(choices.between(0.01, 100.0) as f32),
        4 => Recolor::Grayscale,
        5 => Recolor::Invert,
        6 => Recolor::Threshold(choices.between(0.0, 1.0) as f32),
        _ => Recolor::Tint([choices.byte(), choices.byte(), choices.byte()]),
    }
}

fn color(choices: &mut Choices<'_>) -> Color {
    Color([choices.byte(), choices.byte(), choices.byte(), choices.byte()])
}

pub(crate) fn position(choices: &mut Choices<'_>) -> Position {
    match choices.below(4) {
        0 => Position::Attention,
        1 => Position::Entropy,
        _ => Position::Point(choices.between(0.0, 1.0), choices.between(0.0, 1.0)),
    }
}

fn farbfeld(choices: &mut Choices<'_>) -> Bytes {
    let (width, height) = (1 + choices.below(20), 1 + choices.below(20));
    let mut file = b"farbfeld".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    let seed = [choices.byte(), choices.byte(), choices.byte()];
    file.extend(seed.into_iter().cycle().take((width * height * 8) as usize));
    file.into()
}
