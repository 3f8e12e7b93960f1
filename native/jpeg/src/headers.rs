//! The segments before the first scan's data, read once: what they say, and what decoding needs.

use thumbelina_codec::{Input, Poll, Stop};

use crate::quota::Quota;
use crate::scan_header::ScanHeader;
use crate::segments::{Next, Parser};
use crate::view::View;
use crate::{Error, Header};

/// What stands before the first scan's data, as far as the frame header has come:
/// [`Decoder::start`](crate::Decoder::start) needs nothing else.
#[derive(Debug, Clone)]
pub struct Headers {
    pub(crate) header: Header,
    pub(crate) parser: Box<Parser>,
    /// The first scan, or what is wrong behind the frame header.
    pub(crate) first: Result<ScanHeader, Error>,
}

impl Headers {
    /// Reads them all at once. [`HeadersReader`] does it in steps, and goes on where it was when
    /// more of the input has come.
    ///
    /// # Errors
    /// Those that the segments give reason to, up to the frame header. What is wrong behind it is
    /// for [`Decoder::start`](crate::Decoder::start) to say, as the header can be told without.
    pub fn read(input: &mut Input) -> Result<Poll<Headers>, Error> {
        let (mut reader, stop) = (HeadersReader::new(), Stop::new());
        reader.advance(input, &mut Quota::unlimited(&stop))
    }

    /// What they say of the picture.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// Reads the [`Headers`] as they come.
#[derive(Debug, Default)]
pub struct HeadersReader {
    /// Once SOI has come.
    parser: Option<Box<Parser>>,
}

/// Those of any camera are read in one call; of those that are made to take long, each takes about
/// half a millisecond.
const CALLS_TOGETHER: usize = 4;

impl HeadersReader {
    pub fn new() -> Self {
        HeadersReader::default()
    }

    /// Reads on. The input is the same at every call, from its start on, and nothing of it may be
    /// released before this is ready.
    ///
    /// # Errors
    /// Those of [`Headers::read`], and that it was stopped.
    pub fn read(&mut self, input: &mut Input, stop: &Stop) -> Result<Poll<Headers>, Error> {
        stop.check()?;
        self.advance(input, &mut Quota::of_calls(CALLS_TOGETHER, stop))
    }

    fn advance(
        &mut self,
        input: &mut Input,
        quota: &mut Quota<'_>,
    ) -> Result<Poll<Headers>, Error> {
        loop {
            match self.walk(View::of(input), quota) {
                Ok(Next::Later) => return Ok(Poll::Working),
                Ok(Next::Starved) => {
                    if !input.more()? {
                        return Ok(Poll::NeedInput);
                    }
                }
                Ok(Next::Scan(scan)) => return self.ready(input, Ok(scan)),
                Ok(Next::End) => {
                    let offset = self.parser.as_ref().map_or(0, |parser| parser.at());
                    let what = match self.parser.as_ref().and_then(|parser| parser.frame.as_ref()) {
                        Some(_) => "a picture without a scan",
                        None => "a scan before the frame header",
                    };
                    return self.ready(input, Err(Error::Invalid { what, offset }));
                }
                Err(error) => return self.ready(input, Err(error)),
            }
        }
    }

    fn walk(&mut self, view: View<'_>, quota: &mut Quota<'_>) -> Result<Next, Error> {
        if self.parser.is_none() {
            self.parser = Parser::new(view)?.map(Box::new);
        }
        match &mut self.parser {
            Some(parser) => parser.read_scan(view, quota),
            None => Ok(Next::Starved),
        }
    }

    /// Puts together what was read, if a frame header was.
    fn ready(
        &mut self,
        input: &Input,
        first: Result<ScanHeader, Error>,
    ) -> Result<Poll<Headers>, Error> {
        let header = self.parser.as_ref().and_then(|parser| parser.header(input));
        match (self.parser.take(), header, first) {
            (Some(parser), Some(mut header), first) => {
                let components = first.as_ref().map_or(0, |scan| scan.components.len());
                header.interleaved = components == header.components.len();
                Ok(Poll::Ready(Headers { header, parser, first }))
            }
            (_, _, Err(error)) => Err(error),
            (_, _, Ok(scan)) => {
                Err(Error::Invalid { what: "a picture without a frame", offset: scan.data })
            }
        }
    }
}
