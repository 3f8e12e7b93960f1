//! Decoding as tests do it: from the headers to the last row, or to the first error.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bytes::Bytes;
use rayon::ThreadPool;
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Decoder, Error, Header, Headers, HeadersReader, Options};

/// More than any of the pictures takes.
const MAX_MEMORY: u64 = 64 << 20;

/// All rows up to the end or the first error.
pub type Rows = (Vec<u8>, Option<Error>);

#[derive(Debug, Clone, Copy)]
pub enum Effort<'a> {
    Mcus(usize),
    Pool(&'a ThreadPool),
}

pub fn headers(input: &mut Input) -> Result<Headers, Error> {
    match Headers::read(input)? {
        Poll::Ready(headers) => Ok(headers),
        other => panic!("{other:?} of an input that is complete"),
    }
}

pub fn header(file: impl Into<Bytes>) -> Result<Header, Error> {
    headers(&mut Input::whole(file.into())).map(|headers| headers.header().clone())
}

/// A decoder, its input and its budget.
pub struct Decoding {
    pub decoder: Decoder,
    pub input: Input,
    pub budget: Budget,
}

impl Decoding {
    pub fn of(file: impl Into<Bytes>, options: &Options) -> Result<Self, Error> {
        let (mut input, budget) = (Input::whole(file.into()), Budget::new(MAX_MEMORY));
        let decoder = Decoder::start(headers(&mut input)?, options, &budget)?;
        Ok(Decoding { decoder, input, budget })
    }

    /// The next rows: at most `most`, and none at the end.
    pub fn read(&mut self, most: usize, effort: Effort<'_>) -> Result<Poll<&[u8]>, Error> {
        let stop = Stop::new();
        let (pool, mcus) = match effort {
            Effort::Mcus(mcus) => (None, mcus),
            Effort::Pool(pool) => (Some(pool), 0),
        };
        let context = Context { pool, stop: &stop, budget: &self.budget };
        self.decoder.read(&mut self.input, most, mcus, &context)
    }
}

pub fn rows(file: &Bytes, options: &Options, most: usize, effort: Effort<'_>) -> Rows {
    rows_by(file, options, || (most, effort))
}

/// The same by calls that differ.
pub fn rows_by<'a>(
    file: &Bytes,
    options: &Options,
    mut next: impl FnMut() -> (usize, Effort<'a>),
) -> Rows {
    let mut samples = Vec::new();
    let mut decoding = match Decoding::of(file.clone(), options) {
        Ok(decoding) => decoding,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        let (most, effort) = next();
        match decoding.read(most, effort) {
            Ok(Poll::Ready([])) => return (samples, None),
            Ok(Poll::Ready(rows)) => samples.extend_from_slice(rows),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => panic!("more is needed of an input that is complete"),
            Err(error) => return (samples, Some(error)),
        }
    }
}

/// The same while the file comes in pieces of these sizes, again and again. A piece comes once more
/// is needed, so that each is waited for.
pub fn rows_of_pieces(
    file: &Bytes,
    options: &Options,
    sizes: &[usize],
    pool: Option<&ThreadPool>,
) -> Rows {
    let (mut samples, mut rest) = (Vec::new(), file.clone());
    let mut sizes = sizes.iter().cycle();
    let mut feed = |input: &mut Input| {
        assert!(!input.is_finished(), "more is needed of an input that is finished");
        let size = sizes.next().map_or(rest.len(), |&size| size.min(rest.len()));
        input.push(rest.split_to(size));
        if rest.is_empty() {
            input.finish();
        }
    };
    let (stop, budget) = (Stop::new(), Budget::new(MAX_MEMORY));
    let context = Context { pool, stop: &stop, budget: &budget };
    let (mut input, mut reader) = (Input::new(), HeadersReader::new());
    let headers = loop {
        match reader.read(&mut input, &stop) {
            Ok(Poll::Ready(headers)) => break headers,
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => feed(&mut input),
            Err(error) => return (samples, Some(error)),
        }
    };
    let mut decoder = match Decoder::start(headers, options, &budget) {
        Ok(decoder) => decoder,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context) {
            Ok(Poll::Ready([])) => return (samples, None),
            Ok(Poll::Ready(rows)) => samples.extend_from_slice(rows),
            Ok(Poll::Working) => {}
            Ok(Poll::NeedInput) => feed(&mut input),
            Err(error) => return (samples, Some(error)),
        }
    }
}
