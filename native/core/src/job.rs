//! The state machine that takes a picture all the way.

use bytes::Bytes;
use fast_image_resize::Resizer;
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::decode::{self, Read, RowSource};
use crate::encode::Encoder;
use crate::finish::Finish;
use crate::resample::Resample;
use crate::shrink::Shrink;
use crate::{Error, Format, Header, OnDamage, Picture, Plan, Request, cost, memory};

/// Where a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// Where nothing may hold the thread: pieces of a fraction of a millisecond.
    Yielding,
    /// Where blocking is allowed.
    Dirty,
}

/// What one step may use.
#[derive(Debug, Clone, Copy)]
pub enum Budget<'a> {
    /// The calling thread, for no longer than a piece.
    Piece,
    /// As long as it takes, and a pool to share the work out over, if that has threads to spare.
    Unbounded(Option<&'a ThreadPool>),
}

impl<'a> Budget<'a> {
    fn pool(self) -> Option<&'a ThreadPool> {
        match self {
            Budget::Piece => None,
            Budget::Unbounded(pool) => pool,
        }
    }
}

/// What comes after a step.
#[derive(Debug)]
pub enum Step {
    /// More to do; cheap to stop here.
    Again,
    /// Nothing was done: the next piece cannot be cut, and takes longer than the yielding road
    /// allows. Take the next step with [`Budget::Unbounded`].
    TooBig,
    Done(Encoded),
}

/// A finished thumbnail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub format: Format,
    pub width: u32,
    pub height: u32,
}

/// What the next step belongs to, for whoever keeps the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Decode,
    Resample,
    Encode,
}

/// One picture on its way.
///
/// The bytes that come out depend on the input and the request alone: not on the road, not on how
/// many steps are taken at a time, not on the number of threads.
pub struct Job {
    request: Request,
    stage: Stage,
    plan: Option<Plan>,
    /// The bytes that are held at most, on one thread.
    needed: u64,
}

enum Stage {
    /// The header is next.
    Open(Bytes),
    /// Rows are next.
    Decode { source: Box<dyn RowSource>, shrink: Shrink },
    /// A band of output rows is next.
    Resample { resample: Resample, finish: Finish, resizer: Box<Resizer>, band: u32, out: Picture },
    /// A piece of the encoded output is next.
    Encode(Encoder),
    /// The end, or an error: nothing is next.
    Over,
}

/// Rows are pulled in strips of about this much work, between two looks at the clock.
const STRIP_NANOS: u64 = 50_000;

/// On the dirty road a strip is long enough to be shared out, and short enough that a dead caller
/// is noticed.
const DIRTY_STRIP_NANOS: u64 = 2_000_000;
const DIRTY_STRIP_BYTES: u64 = 4 << 20;

const BANDS_PER_THREAD: u32 = 8;

impl Job {
    /// Nothing happens until the first [`step`](Self::step).
    pub fn new(input: Bytes, request: Request) -> Self {
        Job { request, stage: Stage::Open(input), plan: None, needed: 0 }
    }

    /// Leaves other threads alone, whatever the plan would be. Before the first step.
    pub fn keep_to_itself(&mut self) {
        self.request.share_limit = u64::MAX;
    }

    /// The plan, once the first step has read the header.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Open(_) | Stage::Decode { .. } => Phase::Decode,
            Stage::Resample { .. } => Phase::Resample,
            Stage::Encode(_) | Stage::Over => Phase::Encode,
        }
    }

    /// Does one bounded piece of work.
    ///
    /// # Errors
    /// Whatever is wrong with the picture, the first time that it matters. A job that has failed or
    /// is done answers [`Error::Internal`].
    pub fn step(&mut self, budget: Budget<'_>) -> Result<Step, Error> {
        self.step_unless(budget, &|| false)
    }

    /// [`step`](Self::step), during which what cannot be cut asks now and then whether it
    /// `is_stopped`.
    ///
    /// # Errors
    /// Those of [`step`](Self::step), and [`Error::Stopped`] where the answer was yes.
    pub fn step_unless(&mut self, budget: Budget<'_>, is_stopped: &dyn Fn() -> bool) -> Result<Step, Error> {
        let pool = budget.pool();
        if matches!(budget, Budget::Piece) && self.is_too_big() {
            return Ok(Step::TooBig);
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Open(input) => self.stage = self.open(input)?,
            Stage::Decode { source, shrink } => self.stage = self.decode(source, shrink, pool)?,
            Stage::Resample { resample, finish, resizer, band, out } => {
                self.stage = self.resample(resample, finish, resizer, band, out, pool)?;
            }
            Stage::Encode(mut encoder) => match encoder.step(pool, is_stopped)? {
                None => self.stage = Stage::Encode(encoder),
                Some(bytes) => {
                    let &Plan { format, width, height, .. } = self.planned()?;
                    return Ok(Step::Done(Encoded { bytes, format, width, height }));
                }
            },
            Stage::Over => return Err(Error::Internal),
        }
        Ok(Step::Again)
    }

    /// Drops everything that is held. For when nobody waits for the picture any more.
    pub fn abandon(&mut self) {
        self.stage = Stage::Over;
    }

    fn planned(&self) -> Result<&Plan, Error> {
        self.plan.as_ref().ok_or(Error::Internal)
    }

    /// The road on which the next step belongs: the plan's, unless the piece cannot be cut.
    pub fn road(&self) -> Road {
        let planned = self.plan.as_ref().map_or(Road::Yielding, |plan| plan.road);
        if planned == Road::Dirty || self.is_too_big() { Road::Dirty } else { Road::Yielding }
    }

    /// The estimated nanoseconds of the next step with [`Budget::Piece`].
    pub fn next_nanos(&self) -> u64 {
        match &self.stage {
            Stage::Open(input) => decode::header_nanos(input, 2 * cost::PIECE_NANOS),
            Stage::Decode { source, .. } => {
                // Whatever a decoder says of itself, memory for a row and its sums is touched for
                // the first time, at about a nanosecond a byte.
                let row = self.plan.as_ref().map_or(0, |plan| plan.header.row_bytes() as u64);
                source.next_nanos().max(row).max(STRIP_NANOS)
            }
            Stage::Resample { resample, .. } => resample.band_nanos(),
            Stage::Encode(encoder) => encoder.next_nanos(),
            Stage::Over => 0,
        }
    }

    fn is_too_big(&self) -> bool {
        let most = match self.stage {
            Stage::Resample { .. } => cost::BAND_NANOS,
            _ => cost::PIECE_NANOS,
        };
        self.next_nanos() > most
    }

    fn open(&mut self, input: Bytes) -> Result<Stage, Error> {
        let limits = self.request.limits;
        let mut source = decode::open(input, &limits)?;
        let plan = self.plan.insert(Plan::new(&source.header(), &self.request)?);
        if plan.header.scales {
            source.set_scale(plan.scale, plan.left());
        }
        if self.request.on_damage == OnDamage::Gray {
            source.tolerate_damage();
        }
        self.needed = memory::needed(source.as_ref(), plan, strip_rows(plan, true));
        limits.check_memory(self.needed)?;
        let shrink = Shrink::new(&plan.header, &plan.geometry)?;
        Ok(Stage::Decode { source, shrink })
    }

    fn decode(
        &self,
        mut source: Box<dyn RowSource>,
        mut shrink: Shrink,
        pool: Option<&ThreadPool>,
    ) -> Result<Stage, Error> {
        let plan = self.planned()?;
        let header = &plan.header;
        let rows = strip_rows(plan, pool.is_some()) as u32;
        let shared = pool.filter(|pool| {
            let threads = pool.current_num_threads() as u64;
            self.needed + memory::SHARED + threads * memory::SHARED_BY_THREAD
                <= self.request.limits.max_memory
        });
        if let Read::Rows(rows) = source.read(rows, shared)? {
            shrink.push(rows)?;
        }
        if shrink.is_complete() {
            let finish = Finish {
                premultiplied: header.layout.has_alpha()
                    && (header.premultiplied || !plan.geometry.is_identity()),
                premultiply: plan.format == Format::OpenExr,
                layout: plan.output_layout,
                orientation: header.arrival(),
                stored: plan.geometry.output,
            };
            drop(source);
            let resample = Resample::new(shrink.into_reduced(), header.layout, plan.geometry, plan.filter);
            let (width, height) = finish.output_size();
            let out = Picture::reserved(width, height, plan.output_layout)?;
            return Ok(Stage::Resample { resample, finish, resizer: Box::default(), band: 0, out });
        }
        Ok(Stage::Decode { source, shrink })
    }

    fn resample(
        &self,
        resample: Resample,
        finish: Finish,
        mut resizer: Box<Resizer>,
        mut band: u32,
        mut out: Picture,
        pool: Option<&ThreadPool>,
    ) -> Result<Stage, Error> {
        let plan = self.planned()?;
        let bands = resample.bands();
        while !out.grow() {
            if pool.is_none() {
                return Ok(Stage::Resample { resample, finish, resizer, band, out });
            }
        }
        if let Some(pool) = pool.filter(|_| bands - band > 1) {
            // Not all at once: between two steps a dead caller is noticed.
            let together = self.bands_together(plan, pool);
            let rest = (band..bands.min(band + together))
                .into_par_iter()
                .map_init(Resizer::new, |resizer, band| finish.convert(resample.band(resizer, band)?));
            let finished: Result<Vec<_>, Error> = pool.install(|| rest.collect());
            for rows in finished? {
                finish.place(&rows, resample.rows(band).start, &mut out);
                band += 1;
            }
        } else {
            let rows = finish.convert(resample.band(&mut resizer, band)?)?;
            finish.place(&rows, resample.rows(band).start, &mut out);
            band += 1;
        }
        if band == bands {
            drop(resample);
            let most = self.request.limits.max_memory;
            return Ok(Stage::Encode(Encoder::new(plan.format, plan.quality, out, most)?));
        }
        Ok(Stage::Resample { resample, finish, resizer, band, out })
    }

    /// How many bands are resampled at a time, without breaking the limit of memory.
    fn bands_together(&self, plan: &Plan, pool: &ThreadPool) -> u32 {
        let held = memory::reduced(plan) + memory::output(plan);
        let room = self.request.limits.max_memory.saturating_sub(held) / memory::band(plan).max(1);
        let most = pool.current_num_threads() as u64 * u64::from(BANDS_PER_THREAD);
        room.clamp(1, most) as u32
    }
}

/// How many rows are decoded between two looks at the clock, or where there are threads to spare,
/// at the caller.
fn strip_rows(plan: &Plan, shared: bool) -> u64 {
    let header = &plan.header;
    let mut row_nanos = cost::decode_nanos(&Header { height: 1, ..*header }).max(1);
    if plan.geometry.pick.is_some() {
        row_nanos += u64::from(plan.geometry.output.0) * 2;
    }
    let rows = if shared {
        (DIRTY_STRIP_NANOS / row_nanos).min(DIRTY_STRIP_BYTES / header.row_bytes() as u64)
    } else {
        STRIP_NANOS / row_nanos
    };
    rows.clamp(1, header.height.into())
}
