//! A picture from the first row to the last, in one call.

use bytes::Bytes;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};

use crate::{Decoder, Error, Headers, Options};

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    /// 1 for gray, 3 for red, green and blue, 4 for cyan, magenta, yellow and black.
    pub channels: usize,
    /// Row by row.
    pub samples: Vec<u8>,
}

/// What [`decode`] allows a decoder to hold, as samples are not all that is needed.
const MAX_MEMORY: u64 = 512 << 20;

/// Decodes a whole picture on this thread, with no more than 512 MiB beside its samples.
///
/// # Errors
/// Those of [`Headers::read`], [`Decoder::start`] and [`Decoder::read`].
pub fn decode(input: impl Into<Bytes>, options: &Options) -> Result<Image, Error> {
    let mut input = Input::whole(input.into());
    let (stop, budget) = (Stop::new(), Budget::new(MAX_MEMORY));
    let context = Context { pool: None, stop: &stop, budget: &budget };
    let truncated = Error::Truncated { offset: input.len() as usize };
    let Poll::Ready(headers) = Headers::read(&mut input)? else { return Err(truncated) };
    let mut decoder = Decoder::start(headers, options, &budget)?;
    let ((width, height), channels) = (decoder.size(), decoder.channels());
    let mut samples = Vec::new();
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context)? {
            Poll::Ready([]) => return Ok(Image { width, height, channels, samples }),
            Poll::Ready(rows) => samples.extend_from_slice(rows),
            Poll::Working => {}
            Poll::NeedInput => return Err(truncated),
        }
    }
}
