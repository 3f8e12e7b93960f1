use std::fmt;

use bytes::Bytes;
use rayon::ThreadPool;

use crate::budget::Budget;
use crate::buffered::Buffered;
use crate::frame::Process;
use crate::header::{Next, Parser};
use crate::kernels::Kernels;
use crate::planes::{Bands, Transform};
use crate::scan::Scan;
use crate::streaming::Streaming;
use crate::{Error, Header, Scale};

/// What to do about data that is missing or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Stop with an error that says where.
    #[default]
    Fail,
    /// Fill what is missing with gray: up to the next restart marker, or the end of the scan.
    Gray,
}

/// How a picture is to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub scale: Scale,
    /// Whether a progressive picture at 1/8 is made of its DC scans alone: a small part of the
    /// file. Chroma that has half as many samples on each side is enlarged then, instead of being
    /// taken from more coefficients. `true` by default.
    pub dc_only: bool,
    pub on_damage: OnDamage,
    /// Bytes that a picture may take while it is decoded: the coefficients of one in several scans,
    /// and two rows of MCUs. The input and the rows handed over are not included, and neither is
    /// what several threads take, which does not grow with the picture: 1 MB of samples, and for
    /// each thread four pieces of 0.1 MB, or of 2 MB at the most for flat pictures. 512 MiB by
    /// default.
    pub max_memory: u64,
    /// Bytes of entropy-coded data that a thread takes at a time, where there is a pool. 48 KiB by
    /// default, and at most; it makes no difference to the rows.
    pub piece: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            scale: Scale::Full,
            dc_only: true,
            on_damage: OnDamage::Fail,
            max_memory: 512 << 20,
            piece: 48 << 10,
        }
    }
}

/// How much [`Decoder::read`] does before it returns.
#[derive(Debug, Clone, Copy)]
pub enum Effort<'a> {
    /// About so many MCUs, at least one, on this thread. An MCU is 8 by 8 samples of the picture
    /// times its largest sampling factors.
    Mcus(usize),
    /// As much as makes sense to share out over a pool's threads, of which this one takes the place
    /// of one.
    Pool(&'a ThreadPool),
}

/// What [`Decoder::read`] hands over.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// The next rows, from top to bottom: one byte a pixel for gray, else three, red, green and
    /// blue.
    Rows(&'a [u8]),
    /// Something was done, but there are no rows to hand over yet.
    Working,
    /// All rows have been handed over.
    Done,
}

/// A picture on its way. It owns its input, so that it can rest between two calls, and go on on
/// another thread.
///
/// The rows are the same whatever the effort of each call, and whatever the number of threads.
pub struct Decoder {
    input: Bytes,
    header: Header,
    size: (u32, u32),
    source: Source,
    bands: Bands,
    rows: Vec<u8>,
    looked_at: u64,
}

enum Source {
    Streaming(Box<Streaming>),
    Buffered(Box<Buffered>),
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

impl Decoder {
    /// Reads the segments before the first scan.
    ///
    /// # Errors
    /// Those that the segments give reason to, and [`Error::Memory`].
    pub fn new(input: impl Into<Bytes>, options: &Options) -> Result<Self, Error> {
        let input = input.into();
        let mut parser = Parser::new(&input)?;
        parser.read_frame(&input)?;
        let first = parser.read_scan(&input, &mut Budget::unlimited())?;
        let (Some(header), Some(frame), Next::Scan(first)) =
            (parser.header(&input), parser.frame.clone(), first)
        else {
            return Err(Error::Invalid { what: "a picture without a scan", offset: input.len() });
        };
        let scaled = frame.scaled(options.scale, options.dc_only);
        let size = (options.scale.apply(frame.width), options.scale.apply(frame.height));
        let bands =
            Bands::new(&scaled, frame.mcus(), size, header.color, header.adobe.is_some(), Kernels::detect());
        let streams =
            frame.process != Process::Progressive && first.components.len() == frame.components.len();
        // Two rows of MCUs and the one before, and a row of the output.
        let mut needed = bands.mcu_row_len() as u64 * 2 + u64::from(size.0) * 3;
        if !streams {
            needed += Buffered::bytes(&frame, &scaled);
        }
        if needed > options.max_memory {
            return Err(Error::Memory { needed, allowed: options.max_memory });
        }
        let source = if streams {
            let scan = Scan::new(&frame, &scaled, &first, (&parser.tables, &input))?;
            let transform = |&(index, _, _): &(usize, u8, u8)| {
                let table = parser.tables.quantizer(&input, frame.components[index].quantizer);
                let missing =
                    Error::Invalid { what: "a component without its quantization table", offset: first.data };
                Ok((index, Transform::new(scaled[index].class, &table.ok_or(missing)?)))
            };
            let components = first.components.iter().map(transform).collect::<Result<_, Error>>()?;
            Source::Streaming(Box::new(Streaming::new(scan, components, first.data, options)))
        } else {
            Source::Buffered(Box::new(Buffered::new(&frame, &scaled, parser, first, options.on_damage)))
        };
        Ok(Decoder { input, header, size, source, bands, rows: Vec::new(), looked_at: 0 })
    }

    /// What the file says of its picture.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Width and height of the output.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Samples of a pixel of the output: 1 for gray, else 3.
    pub fn channels(&self) -> usize {
        self.header.color.channels()
    }

    /// Goes on, and hands over at most `most` rows (which is not 0).
    ///
    /// # Errors
    /// Whatever is wrong with the data, once it is come upon. After an error, what further calls
    /// return is of no use.
    pub fn read(&mut self, most: usize, effort: Effort<'_>) -> Result<Read<'_>, Error> {
        if self.bands.is_complete() {
            return Ok(Read::Done);
        }
        let pool = match effort {
            Effort::Mcus(_) => None,
            Effort::Pool(pool) => Some(pool),
        };
        if self.bands.ready() == 0 {
            match effort {
                Effort::Mcus(mcus) => {
                    self.advance(mcus)?;
                    return Ok(Read::Working);
                }
                Effort::Pool(pool) => self.advance_together(pool)?,
            }
        }
        let mut rows = self.bands.ready().min(most.max(1));
        if pool.is_some() {
            let row_len = self.size.0 as usize * self.header.color.channels();
            rows = rows.min((BYTES_TOGETHER / row_len).max(1));
        }
        self.bands.make(rows, &mut self.rows, pool);
        if self.rows.is_empty() {
            return Ok(Read::Working);
        }
        Ok(Read::Rows(&self.rows))
    }

    fn advance(&mut self, mcus: usize) -> Result<(), Error> {
        let mut budget = Budget::of_a_call();
        let done = self.advance_within(mcus.max(1), &mut budget);
        self.looked_at += budget.looked_at();
        done
    }

    fn advance_within(&mut self, mcus: usize, budget: &mut Budget) -> Result<(), Error> {
        let mut done = 0;
        while done < mcus && !budget.is_spent() && self.bands.ready() == 0 && !self.bands.is_complete() {
            let (input, bands, most) = (&self.input, &mut self.bands, mcus - done);
            done += match &mut self.source {
                Source::Streaming(streaming) => streaming.advance(input, bands, most, budget)?,
                Source::Buffered(buffered) => buffered.advance(input, bands, most, budget, None)?,
            };
        }
        Ok(())
    }

    fn advance_together(&mut self, pool: &ThreadPool) -> Result<(), Error> {
        let (input, bands) = (&self.input, &mut self.bands);
        let mut budget = Budget::of_calls(CALLS_TOGETHER);
        match &mut self.source {
            Source::Streaming(streaming) => {
                if streaming.advance_together(input, bands, pool)? == 0 {
                    streaming.advance(input, bands, usize::MAX, &mut budget)?;
                }
            }
            Source::Buffered(buffered) => {
                let mut done = 0;
                while done < MCUS_TOGETHER && !budget.is_spent() && bands.ready() == 0 {
                    let most = MCUS_TOGETHER - done;
                    done += buffered.advance(input, bands, most, &mut budget, Some(pool))?;
                }
            }
        }
        Ok(())
    }

    /// How many bytes of the input were looked at so far by calls with [`Effort::Mcus`]. For tests,
    /// which hold each call to `MOST_LOOKED_AT`.
    #[doc(hidden)]
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }
}

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    /// 1 for gray, 3 for red, green and blue.
    pub channels: usize,
    /// Row by row.
    pub samples: Vec<u8>,
}

/// Decodes a whole picture on this thread.
///
/// # Errors
/// Those of [`Decoder::new`] and [`Decoder::read`].
pub fn decode(input: impl Into<Bytes>, options: &Options) -> Result<Image, Error> {
    let mut decoder = Decoder::new(input, options)?;
    let ((width, height), channels) = (decoder.size(), decoder.channels());
    let mut samples = Vec::new();
    loop {
        match decoder.read(usize::MAX, Effort::Mcus(usize::MAX))? {
            Read::Rows(rows) => samples.extend_from_slice(rows),
            Read::Working => {}
            Read::Done => return Ok(Image { width, height, channels, samples }),
        }
    }
}
