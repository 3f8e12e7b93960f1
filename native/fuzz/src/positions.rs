//! Where a crop or a border is, of a picture that the data is.

use thumbelina_core::{Fit, Format, Formats, Limits, Output, Request};

use crate::{Choices, MOST_MEMORY, edits, same_everywhere};

pub fn observe(data: &[u8]) {
    let mut choices = Choices(data);
    let side = |choices: &mut Choices<'_>| Some(1 + choices.below(64));
    let output = Output {
        width: side(&mut choices),
        height: side(&mut choices),
        fit: Fit::Cover,
        position: edits::position(&mut choices),
        enlarge: choices.flag(),
        linear: choices.flag(),
        format: Some(Format::Pnm),
        ..Output::default()
    };
    let trim = choices.flag().then(|| choices.between(0.0, 255.0) as f32);
    let limits = Limits { formats: Formats::all(), ..Limits::default() };
    let request = Request { limits, max_memory: MOST_MEMORY, trim, ..output.into() };
    let picture = edits::picture(&mut choices);
    let _ = same_everywhere(&picture, &request, choices.long());
}
