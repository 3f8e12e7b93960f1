use bytes::Bytes;
use image::DynamicImage;
use thumbelina_core::{Effort, Format, Output};

use super::{decode, run};

/// What inks without a profile are shown as, by the plainest file that has some: a TIFF of one row,
/// of 16 bits, which nothing is done to. What is told by it is whether other files give the same.
pub fn inks(colors: &[[u16; 4]]) -> Vec<[u16; 3]> {
    let width = colors.len() as u32;
    let samples: Vec<u8> = colors.iter().flatten().flat_map(|ink| ink.to_le_bytes()).collect();
    let entries: [(u16, u16, u32, u32); 9] = [
        (256, 4, 1, width),
        (257, 4, 1, 1),
        // Behind the directory.
        (258, 3, 4, 8 + 2 + 9 * 12 + 4),
        (259, 3, 1, 1),
        (262, 3, 1, 5),
        (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 8),
        (277, 3, 1, 4),
        (278, 4, 1, 1),
        (279, 4, 1, samples.len() as u32),
    ];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, count, value) in entries {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file.extend([16, 0].repeat(4));
    file.extend(samples);
    let output = Output { format: Some(Format::Png), ..Output::default() };
    let made = run(Bytes::from(file), output, || Effort::Unbounded(None)).unwrap();
    let DynamicImage::ImageRgb16(shown) = decode(&made.bytes) else {
        panic!("inks of 16 bits are shown with 16 bits")
    };
    shown.pixels().map(|pixel| pixel.0).collect()
}
