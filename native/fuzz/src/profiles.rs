//! Profiles of pictures of every layout that can have one.

use bytes::Bytes;
use thumbelina_core::{Format, Formats, Limits, Output, Request};

use crate::{Choices, MOST_MEMORY, same_everywhere, tiff};

const HEADER: usize = 128;

pub fn observe(data: &[u8]) {
    let mut choices = Choices(data);
    let (channels, bits) = (1 + choices.below(4) as u16, choices.one_of(&[8, 8, 16]));
    let is_printed = choices.flag();
    let output = Output {
        width: Some(16),
        format: Some(choices.one_of(&[Format::Pnm, Format::Png, Format::Tiff])),
        color: choices.one_of(&[Default::default(), thumbelina_core::OutputColor::Keep]),
        metadata: thumbelina_core::Keep { icc: choices.flag(), ..Default::default() },
        ..Output::default()
    };
    let mut profile = choices.0.to_vec();
    if profile.len() > HEADER {
        // What all have, without which nobody looks at the rest.
        let len = profile.len() as u32;
        profile[..4].copy_from_slice(&len.to_be_bytes());
        profile[36..40].copy_from_slice(b"acsp");
        profile[8] = 2 + profile[8] % 3;
        profile[12..16].copy_from_slice(b"mntr");
        let space: &[u8; 4] = match channels {
            1 | 2 => b"GRAY",
            4 if is_printed => b"CMYK",
            _ => b"RGB ",
        };
        profile[16..20].copy_from_slice(space);
        let connection: &[u8; 4] = if profile[20] % 2 == 0 { b"Lab " } else { b"XYZ " };
        profile[20..24].copy_from_slice(connection);
    }
    let mut file = tiff::Tiff::new(channels, bits, is_printed);
    file.undefined(34_675, profile);
    let limits = Limits { formats: Formats::all(), ..Limits::default() };
    let request = Request { limits, max_memory: MOST_MEMORY, ..output.into() };
    let _ = same_everywhere(&Bytes::from(file.write()), &request, data.len() as u64);
}
