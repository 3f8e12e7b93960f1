//! A picture on its way: from its headers to its last row.

use std::fmt;

use rayon::ThreadPool;
use thumbelina_codec::{Budget, Context, Held, Input, Poll, Stop};

use crate::frame::Process;
use crate::kernels::Kernels;
use crate::lossless::Lossless;
use crate::multiscan::MultiScan;
use crate::quota::Quota;
use crate::rows::Bands;
use crate::scan::Scan;
use crate::scan_reader::Found;
use crate::sequential::Sequential;
use crate::transform::Transform;
use crate::view::View;
use crate::{Error, Header, Headers, Options};

/// A picture on its way. It can rest between two calls, and go on on another thread.
///
/// The rows are the same whatever the pieces of the input, the effort of each call, and the number
/// of threads.
pub struct Decoder {
    header: Header,
    size: (u32, u32),
    source: Source,
    bands: Bands,
    rows: Vec<u8>,
    looked_at: u64,
    _held: Held,
}

enum Source {
    Lossless(Box<Lossless>),
    Sequential(Box<Sequential>),
    MultiScan(Box<MultiScan>),
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("header", &self.header)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// MCUs' worth of work on several scans in one call, where there is a pool.
const MCUS_TOGETHER: usize = 4_096;

/// As many bytes, too, as so many calls without a pool look at.
const CALLS_TOGETHER: usize = 64;

/// Bytes of rows that several threads make at a time: few enough not to go through fresh pages of
/// memory.
const BYTES_TOGETHER: usize = 1 << 20;

/// What is put together in one call of an input that came in pieces, before several threads can
/// take it over: this often as much as one step takes.
const PIECES_TOGETHER: usize = 8;

impl Decoder {
    /// Gets ready to decode what stands behind these headers. Holds [`Header::memory`] of the
    /// budget, and now and then some more for the tables of many scans, until it is dropped.
    ///
    /// # Errors
    /// What is wrong between the frame header and the first scan's data, tables that are missing,
    /// and [`Error::Codec`] where the budget does not allow it.
    pub fn start(headers: Headers, options: &Options, budget: &Budget) -> Result<Self, Error> {
        let Headers { header, parser, first } = headers;
        let first = first?;
        let Some(frame) = parser.frame.clone() else {
            return Err(Error::Invalid { what: "a picture without a frame", offset: first.data });
        };
        let held = budget.hold(header.memory(options))?;
        let scale = header.scale(options.scale);
        let scaled = frame.scaled(scale, options.dc_only);
        let size = (scale.apply(frame.width), scale.apply(frame.height));
        let bands = Bands::new(
            &scaled,
            frame.mcus(),
            size,
            header.color,
            options.inverted,
            Kernels::detect(),
        );
        let source = if header.process == Process::Lossless {
            let scan = Lossless::new(&frame, &scaled, (parser, first), options)?;
            Source::Lossless(Box::new(scan))
        } else if header.is_in_one_scan() {
            let scan = Scan::new(&frame, &scaled, &first, &parser.tables)?;
            let transform = |&(index, _, _): &(usize, u8, u8)| {
                let table = parser.tables.quantizer(frame.components[index].quantizer);
                let missing = Error::Invalid {
                    what: "a component without its quantization table",
                    offset: first.data,
                };
                let table = table.ok_or(missing)?;
                let samples = (frame.precision, header.color.is_difference(index));
                Ok((index, Transform::new(scaled[index].class, samples, table)))
            };
            let components =
                first.components.iter().map(transform).collect::<Result<_, Error>>()?;
            Source::Sequential(Box::new(Sequential::new(scan, components, first.data, options)))
        } else {
            let scans = {
                let scans = (parser, first);
                MultiScan::new(&frame, header.color, &scaled, scans, options, budget.hold(0)?)?
            };
            Source::MultiScan(Box::new(scans))
        };
        Ok(Decoder { header, size, source, bands, rows: Vec::new(), looked_at: 0, _held: held })
    }

    /// What the file says of its picture.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Width and height of the output: those of the [scale](Header::scale) that it is decoded at.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Samples of a pixel of the output: 1 for gray, 2 with alpha, 3 for colors of light, 4 for
    /// inks.
    pub fn channels(&self) -> usize {
        self.header.color.channels()
    }

    /// Goes on, and hands over the next rows from top to bottom, at most `most` of them (which is
    /// not 0): one byte a pixel for gray, two with alpha, three for red, green and blue, four for
    /// cyan, magenta, yellow and black, where 0 is no ink. There are none once all have been handed
    /// over.
    ///
    /// Without a pool it does about as much as `effort` MCUs take, at least one. An MCU is 8 by 8
    /// samples of the picture times its largest sampling factors. With a pool it does as much as
    /// makes sense to share out over its threads, of which this one takes the place of one, once
    /// all of the input is there.
    ///
    /// The input is the one that the headers were read from. What was used is released, where not
    /// all of it is there.
    ///
    /// # Errors
    /// Whatever is wrong with the data, once it is come upon. After an error, what further calls
    /// return is of no use.
    pub fn read(
        &mut self,
        input: &mut Input,
        most: usize,
        effort: usize,
        context: &Context<'_>,
    ) -> Result<Poll<&[u8]>, Error> {
        context.stop.check()?;
        if self.bands.is_complete() {
            return Ok(Poll::Ready(&[]));
        }
        if !input.is_complete()
            && let Some(poll) = self.gather(input, context)?
        {
            return Ok(poll);
        }
        let pool = context.pool.filter(|_| input.is_complete());
        if self.bands.ready() == 0 {
            let is_starved = match pool {
                Some(pool) => {
                    self.advance_together(View::of(input), pool, context.stop)?;
                    false
                }
                None => self.advance(input, effort.max(1), context.stop)?,
            };
            context.stop.check()?;
            if is_starved {
                return Ok(Poll::NeedInput);
            }
            if pool.is_none() {
                return Ok(Poll::Working);
            }
        }
        let mut rows = self.bands.ready().min(most.max(1));
        if pool.is_some() {
            let row_len = self.size.0 as usize * self.header.color.channels();
            rows = rows.min((BYTES_TOGETHER / row_len).max(1));
        }
        self.bands.make(rows, &mut self.rows, pool, context.stop)?;
        if self.rows.is_empty() {
            return Ok(Poll::Working);
        }
        Ok(Poll::Ready(&self.rows))
    }

    /// Puts together an input in pieces, if all of it is needed, or if several threads could go on
    /// with it. `None` if decoding can go on.
    fn gather(
        &self,
        input: &mut Input,
        context: &Context<'_>,
    ) -> Result<Option<Poll<&'static [u8]>>, Error> {
        match &self.source {
            Source::MultiScan(scans) if scans.needs_all() => collect(input, context),
            Source::Lossless(scans) if scans.needs_all() => collect(input, context),
            Source::Sequential(_)
                if context.pool.is_some() && input.is_finished() && self.bands.missing() > 0 =>
            {
                for _ in 0..PIECES_TOGETHER {
                    input.more()?;
                }
                Ok((!input.is_complete()).then_some(Poll::Working))
            }
            _ => Ok(None),
        }
    }

    /// Decodes about so many MCUs, and says whether it cannot go on before more of the input is
    /// there.
    fn advance(&mut self, input: &mut Input, mcus: usize, stop: &Stop) -> Result<bool, Error> {
        let mut quota = Quota::of_a_call(stop);
        let done = self.advance_within(input, mcus, &mut quota, stop);
        self.looked_at += quota.looked_at();
        done
    }

    fn advance_within(
        &mut self,
        input: &mut Input,
        mcus: usize,
        quota: &mut Quota<'_>,
        stop: &Stop,
    ) -> Result<bool, Error> {
        let mut done = 0;
        while done < mcus
            && !quota.is_spent()
            && self.bands.ready() == 0
            && !self.bands.is_complete()
        {
            let (view, bands, most) = (View::of(input), &mut self.bands, mcus - done);
            let end = view.end();
            let found = match &mut self.source {
                Source::Lossless(scan) => scan.advance(view, bands, most, quota)?,
                Source::Sequential(scan) => scan.advance(view, bands, most, quota)?,
                Source::MultiScan(scans) => {
                    scans.advance(view, bands, most, quota, (None, stop))?
                }
            };
            match found {
                Found::Mcus(count) | Found::Lost(count) => done += count,
                Found::Nothing => {}
                Found::Starved => {
                    let needed = match &self.source {
                        Source::Lossless(scan) => scan.needed(),
                        Source::Sequential(scan) => scan.needed(),
                        Source::MultiScan(scans) => scans.needed(),
                    };
                    input.release((needed as u64).saturating_sub(input.start()) as usize);
                    // Where all of the window goes, the next piece takes its place.
                    if View::of(input).end() == end && !input.more()? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn advance_together(
        &mut self,
        view: View<'_>,
        pool: &ThreadPool,
        stop: &Stop,
    ) -> Result<(), Error> {
        let bands = &mut self.bands;
        let mut quota = Quota::of_calls(CALLS_TOGETHER, stop);
        match &mut self.source {
            Source::Lossless(scan) => {
                scan.advance(view, bands, usize::MAX, &mut quota)?;
            }
            Source::Sequential(scan) => {
                if scan.advance_together(view, bands, pool, stop)? == 0 {
                    scan.advance(view, bands, usize::MAX, &mut quota)?;
                }
            }
            Source::MultiScan(scans) => {
                let mut done = 0;
                while done < MCUS_TOGETHER && !quota.is_spent() && bands.ready() == 0 {
                    let most = MCUS_TOGETHER - done;
                    if let Found::Mcus(count) | Found::Lost(count) =
                        scans.advance(view, bands, most, &mut quota, (Some(pool), stop))?
                    {
                        done += count;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many bytes of the input were looked at so far by calls without a pool. For tests, which
    /// hold each call to `MOST_LOOKED_AT`.
    #[doc(hidden)]
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }
}

/// Puts all of the input together. `None` once it is.
fn collect(input: &mut Input, context: &Context<'_>) -> Result<Option<Poll<&'static [u8]>>, Error> {
    Ok(match input.collect(context.budget)? {
        Poll::Ready(_) => None,
        Poll::Working => Some(Poll::Working),
        Poll::NeedInput => Some(Poll::NeedInput),
    })
}
