//! Edits: each operation against a naive one of a few lines, and how they are put together.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any_steps;
mod colors;
#[path = "../common/mod.rs"]
mod common;
mod composition;
mod filters;
mod geometry;
mod order;

use bytes::Bytes;
use common::{decode, encode, in_pieces, picture, sized};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use thumbelina_core::{Crop, Fit, Format, Operation, Output, Place};

fn edit(steps: impl Into<Vec<Operation>>) -> Output {
    Output { steps: steps.into(), format: Some(Format::Png), ..Output::default() }
}

fn edited(source: &DynamicImage, steps: impl Into<Vec<Operation>>) -> DynamicImage {
    let source = encode(source, ImageFormat::Png);
    decode(&in_pieces(&source, edit(steps)).unwrap().bytes)
}

fn rgb(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(picture(width, height, 3)).to_rgb8())
}

fn pixels(colors: &[[u8; 3]]) -> DynamicImage {
    let mut image = RgbImage::new(colors.len() as u32, 1);
    for (pixel, &color) in image.pixels_mut().zip(colors) {
        *pixel = Rgb(color);
    }
    image.into()
}

fn crop(left: u32, top: u32, width: u32, height: u32) -> Operation {
    Operation::Crop(Crop { width, height, place: Place::At(left, top) })
}

fn resize(width: u32, height: u32) -> Operation {
    Operation::Resize(Box::new(Output { fit: Fit::Cover, enlarge: true, ..sized(width, height) }))
}

fn jpeg(width: u32, height: u32) -> Bytes {
    encode(&rgb(width, height), ImageFormat::Jpeg)
}

fn rotate(degrees: f64) -> Operation {
    Operation::Rotate { degrees, background: thumbelina_core::Color([0, 0, 255, 255]) }
}
