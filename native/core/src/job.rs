//! The state machine that takes a picture all the way.

use std::cell::OnceCell;
use std::collections::VecDeque;

use bytes::Bytes;
use rayon::ThreadPool;
use thumbelina_codec::{Budget, Context, Held, Input, Poll, Stop};

use crate::decode::{self, DecodeOptions, RowSource, Source};
use crate::encode::Encoder;
use crate::metadata::{Carried, Shown};
use crate::ops::Chain;
use crate::picture::Picture;
use crate::plan::{Area, OutputPlan};
use crate::request::Scheduler;
use crate::shrink::Shrink;
use crate::trim::{self, Trim};
use crate::{EncodeOptions, Encoding, Error, Info, Plan, ProfileUse, Request, cost};

/// How much one step may do.
#[derive(Debug, Clone, Copy)]
pub enum Effort<'a> {
    /// A fraction of a millisecond, on the calling thread.
    Bounded,
    /// As long as it takes, and a pool to share the work out over, if that has threads to spare.
    Unbounded(Option<&'a ThreadPool>),
}

/// What comes after a step.
#[derive(Debug)]
pub enum Step {
    /// More to do; cheap to stop here.
    Again,
    /// Nothing can be done before more of the input has come.
    NeedInput,
    /// Nothing was done: the next piece cannot be cut, and takes longer than a normal scheduler may
    /// be held. Take the next step with [`Effort::Unbounded`].
    TooBig,
    /// The outputs, in the order asked for.
    Done(Vec<Encoded>),
}

/// A finished thumbnail or placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub encoding: Encoding,
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

/// One picture on its way, and what is made of it.
///
/// The bytes that come out depend on the input and the request alone: not on the scheduler, not on
/// how many steps are taken at a time, not on the number of threads, not on how the input is cut.
pub struct Job {
    request: Request,
    input: Input,
    budget: Budget,
    stage: Stage,
    border: Border,
    source: Taken,
    profile: ProfileUse,
}

/// What is known of a border that is to be cut off.
enum Border {
    /// Nothing is to be cut off.
    Kept,
    /// It is to be found, in an input that has to come first.
    Unknown,
    /// It is to be found in this, by what may have looked at it before.
    Sought(Bytes, Option<Box<Trim>>),
    /// The part of the picture as shown that is within.
    Within(Area),
}

/// How much a job has taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes of the input.
    pub bytes: u64,
    /// Pixels of the picture, of which not all may have been looked at.
    pub pixels: u64,
}

enum Stage {
    /// The header is next.
    Open(Open),
    /// The header is read; the decoder is still to begin.
    Start(Source, Box<Plan>),
    /// Rows are next, of which nothing but the border is looked for.
    Trim(Box<Trimming>),
    /// Rows are next.
    Decode(Box<Decode>),
    /// The outputs are next, one after the other.
    Finish(Box<Finish>),
    /// The end, or an error: nothing is next.
    Over,
}

/// A header that is still to be read.
#[derive(Default)]
struct Open {
    /// How many bytes were looked at before.
    looked_at: usize,
    /// The estimated nanoseconds of reading it, once they are asked for.
    nanos: OnceCell<u64>,
}

/// A picture that is being decoded, into the reduced pictures of all outputs at once.
struct Decode {
    plan: Box<Plan>,
    rows: Box<dyn RowSource>,
    branches: Vec<Branch>,
    /// How many rows are decoded between two looks at the clock, and where blocking is allowed.
    strip_rows: u32,
    unbounded_rows: u32,
    carried: Carried,
    held: Held,
}

/// A picture that is decoded at its full size, and then once more.
struct Trimming {
    plan: Box<Plan>,
    rows: Box<dyn RowSource>,
    trim: Box<Trim>,
    /// All of the input.
    bytes: Bytes,
    strip_rows: u32,
    unbounded_rows: u32,
    _held: Held,
}

/// One output on its way through the decoding.
struct Branch {
    shrink: Shrink,
    held: Held,
}

/// Reduced pictures that are made into outputs.
struct Finish {
    plan: Box<Plan>,
    /// In the order asked for, but for those that are begun.
    waiting: VecDeque<(Picture, Held)>,
    /// `None` after an error alone.
    current: Option<Current>,
    made: Vec<(Encoded, Held)>,
    carried: Carried,
    _held: Held,
}

enum Current {
    /// A band of rows is next.
    Ops(Chain),
    /// The metadata that goes along is next.
    Attach(Picture, Held),
    /// A piece of the encoded output is next.
    Encode(Encoder),
}

/// Where blocking is allowed a strip is long enough to be shared out, and short enough that a stop
/// is noticed.
const UNBOUNDED_STRIP_NANOS: u64 = 2_000_000;
const UNBOUNDED_STRIP_BYTES: u64 = 4 << 20;

/// Look-up tables, states of decompressors, and what else does not grow with the picture.
const FIXED_BYTES: u64 = 256 << 10;

/// What a decoder holds on top where it is shared out, and for each thread: JPEG's pieces of
/// samples.
const SHARED_BYTES: u64 = 1 << 20;
const SHARED_BYTES_PER_THREAD: u64 = 8 << 20;

impl Job {
    /// Nothing happens until the first [`step`](Self::step).
    pub fn new(input: Input, request: Request) -> Self {
        let budget = Budget::new(request.max_memory);
        let border = if request.trim.is_some() { Border::Unknown } else { Border::Kept };
        Job {
            request,
            input,
            budget,
            stage: Stage::Open(Open::default()),
            border,
            source: Taken::default(),
            profile: ProfileUse::default(),
        }
    }

    /// Appends a piece to the input, as long as that is wanted.
    pub fn push(&mut self, piece: Bytes) {
        match &mut self.stage {
            Stage::Open(open) => open.nanos = OnceCell::new(),
            Stage::Start(..) | Stage::Trim(_) | Stage::Decode(_) => {}
            Stage::Finish(_) | Stage::Over => return,
        }
        self.input.push(piece);
    }

    /// Nothing more of the input will come.
    pub fn finish_input(&mut self) {
        self.input.finish();
    }

    /// Leaves other threads alone, whatever the plan would be. Before the header is read.
    pub fn keep_to_itself(&mut self) {
        self.request.run.share_limit = u64::MAX;
    }

    /// The plan, from when a step has read the header to the end.
    pub fn plan(&self) -> Option<&Plan> {
        match &self.stage {
            Stage::Open(_) | Stage::Over => None,
            Stage::Start(_, plan) => Some(plan),
            Stage::Trim(trimming) => Some(&trimming.plan),
            Stage::Decode(decode) => Some(&decode.plan),
            Stage::Finish(finish) => Some(&finish.plan),
        }
    }

    /// The memory that it may hold, and holds.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What it has taken in, from when the picture is decoded.
    pub fn source(&self) -> Taken {
        self.source
    }

    /// What became of the file's color profile, from when all is done.
    pub fn profile_use(&self) -> ProfileUse {
        self.profile
    }

    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Open(_) | Stage::Start(..) | Stage::Trim(_) | Stage::Decode(_) => Phase::Decode,
            Stage::Finish(finish) => match finish.current {
                Some(Current::Ops(_)) => Phase::Resample,
                Some(Current::Attach(..) | Current::Encode(_)) | None => Phase::Encode,
            },
            Stage::Over => Phase::Encode,
        }
    }

    /// Does one bounded piece of work.
    ///
    /// # Errors
    /// Whatever is wrong with the picture, the first time that it matters, and [`Error::Stopped`]
    /// once `stop` is asked for. A job that has failed or is done answers [`Error::Internal`].
    pub fn step(&mut self, effort: Effort<'_>, stop: &Stop) -> Result<Step, Error> {
        let step = self.try_step(effort, stop);
        if step.is_err() {
            self.abandon();
        }
        step
    }

    fn try_step(&mut self, effort: Effort<'_>, stop: &Stop) -> Result<Step, Error> {
        if matches!(self.stage, Stage::Over) {
            return Err(Error::Internal);
        }
        stop.check()?;
        self.request.limits.check_input(self.input.len())?;
        let pool = match effort {
            Effort::Bounded if self.is_too_big() => return Ok(Step::TooBig),
            Effort::Bounded => None,
            Effort::Unbounded(pool) => pool,
        };
        let budget = self.budget.clone();
        let context = Context { pool, stop, budget: &budget };
        let (stage, step) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Open(open) => self.open(open)?,
            Stage::Start(source, plan) => (self.begin(source, plan)?, Step::Again),
            Stage::Trim(trimming) => self.trim(trimming, &context)?,
            Stage::Decode(decode) => self.decode(decode, &context)?,
            Stage::Finish(mut finish) => match finish.step(&context)? {
                true => {
                    self.profile = finish.plan.profile_use();
                    let made = finish.made.into_iter().map(|(made, _)| made).collect();
                    (Stage::Over, Step::Done(made))
                }
                false => (Stage::Finish(finish), Step::Again),
            },
            Stage::Over => return Err(Error::Internal),
        };
        self.stage = stage;
        Ok(step)
    }

    /// Drops everything that is held. For when nobody waits for the picture any more.
    pub fn abandon(&mut self) {
        self.stage = Stage::Over;
        self.input = Input::new();
    }

    /// Where the next step belongs: on the plan's scheduler, unless the piece cannot be cut.
    pub fn scheduler(&self) -> Scheduler {
        let planned = self.plan().map(|plan| plan.scheduler).or(self.request.run.scheduler);
        if planned == Some(Scheduler::Dirty) || self.is_too_big() {
            Scheduler::Dirty
        } else {
            Scheduler::Normal
        }
    }

    /// The estimated nanoseconds of the next step with [`Effort::Bounded`].
    pub fn next_nanos(&self) -> u64 {
        match &self.stage {
            Stage::Open(open) => {
                let nanos =
                    || decode::open_nanos(&self.input, open.looked_at, 2 * cost::MAX_STEP_NANOS);
                *open.nanos.get_or_init(nanos)
            }
            Stage::Start(source, plan) => {
                source.start_nanos + Carried::new_nanos(&plan.info.metadata, plan.keep())
            }
            Stage::Trim(trimming) => {
                let row = trimming.rows.info().row_bytes() as u64 * trim::NANOS_PER_SAMPLE;
                trimming.rows.next_nanos().max(row).max(cost::STRIP_NANOS)
            }
            Stage::Decode(decode) => {
                // Whatever a decoder says of itself, memory for a row and its sums is touched for
                // the first time, at about a nanosecond a byte.
                let row = decode.plan.info.row_bytes() as u64;
                decode.rows.next_nanos().max(row).max(cost::STRIP_NANOS)
            }
            Stage::Finish(finish) => match &finish.current {
                Some(Current::Ops(chain)) => chain.next_nanos(),
                Some(Current::Attach(..)) => finish.attach_nanos(),
                Some(Current::Encode(encoder)) => encoder.next_nanos(),
                None => 0,
            },
            Stage::Over => 0,
        }
    }

    fn is_too_big(&self) -> bool {
        let most = match self.phase() {
            Phase::Resample => cost::MAX_BAND_NANOS,
            Phase::Decode | Phase::Encode => cost::MAX_STEP_NANOS,
        };
        self.next_nanos() > most
    }

    fn open(&mut self, mut open: Open) -> Result<(Stage, Step), Error> {
        open.nanos = OnceCell::new();
        if matches!(self.border, Border::Unknown) {
            // It will be decoded twice.
            match self.input.collect(&self.budget)? {
                Poll::Ready(bytes) => self.border = Border::Sought(bytes, None),
                Poll::Working => return Ok((Stage::Open(open), Step::Again)),
                Poll::NeedInput => return Ok((Stage::Open(open), Step::NeedInput)),
            }
        }
        let limits = &self.request.limits;
        let source = match decode::open(&mut self.input, &mut open.looked_at, limits, &self.budget)?
        {
            Poll::Ready(source) => source,
            Poll::Working => return Ok((Stage::Open(open), Step::Again)),
            Poll::NeedInput => return Ok((Stage::Open(open), Step::NeedInput)),
        };
        let area = match self.border {
            Border::Within(area) => Some(area),
            Border::Kept | Border::Unknown | Border::Sought(..) => None,
        };
        let plan = Plan::within(&source.info, area, &self.request)?;
        Ok((Stage::Start(source, Box::new(plan)), Step::Again))
    }

    /// Begins to look for the border, or to decode the picture, if that is known.
    fn begin(&mut self, source: Source, plan: Box<Plan>) -> Result<Stage, Error> {
        match std::mem::replace(&mut self.border, Border::Kept) {
            Border::Sought(bytes, trim) => {
                let info = self.request.shown(&source.info);
                let trim = match trim {
                    Some(trim) => trim,
                    None => Box::new(Trim::new(&info, self.request.trim.unwrap_or_default())?),
                };
                self.start_trimming(source, plan, trim, bytes)
            }
            border => {
                self.border = border;
                self.start(source, plan)
            }
        }
    }

    /// Decodes the picture at its full size: so the border is known to a pixel, and neither noise
    /// nor what JPEG leaves beside an edge is spread over it.
    fn start_trimming(
        &mut self,
        source: Source,
        plan: Box<Plan>,
        trim: Box<Trim>,
        bytes: Bytes,
    ) -> Result<Stage, Error> {
        let info = source.info.clone();
        let options = DecodeOptions { scale: 1, left: 1.0, on_damage: self.request.on_damage };
        let rows = source.start(&options, &self.budget)?;
        let samples = u64::from(info.width) * u64::from(info.layout.channels);
        let row_nanos = info.rows_nanos(1).max(1) + samples * trim::NANOS_PER_SAMPLE;
        let [strip_rows, unbounded_rows] = strips(&info, row_nanos);
        let strip = info.row_bytes() as u64 * u64::from(unbounded_rows);
        let memory = [FIXED_BYTES, rows.memory(), strip, Trim::memory(&info)];
        let held = self.budget.hold(memory.into_iter().fold(0, u64::saturating_add))?;
        Ok(Stage::Trim(Box::new(Trimming {
            plan,
            rows,
            trim,
            bytes,
            strip_rows,
            unbounded_rows,
            _held: held,
        })))
    }

    fn trim(
        &mut self,
        mut trimming: Box<Trimming>,
        context: &Context,
    ) -> Result<(Stage, Step), Error> {
        let Trimming { rows, trim, strip_rows, unbounded_rows, .. } = &mut *trimming;
        let most = if context.pool.is_some() { *unbounded_rows } else { *strip_rows };
        let context = sharing(context);
        match decode::read(&mut **rows, &mut self.input, most.min(trim.missing()), &context)? {
            Poll::Ready(rows) => trim.push(rows),
            Poll::Working => {}
            Poll::NeedInput => return Err(Error::Internal),
        }
        if trim.missing() > 0 {
            return Ok((Stage::Trim(trimming), Step::Again));
        }
        // From the beginning, for another look or for the picture.
        let Trimming { mut trim, bytes, .. } = *trimming;
        self.input = Input::whole(bytes.clone());
        self.border = match trim.finish() {
            Some(area) => Border::Within(area),
            None => Border::Sought(bytes, Some(trim)),
        };
        Ok((Stage::Open(Open::default()), Step::Again))
    }

    fn start(&self, source: Source, mut plan: Box<Plan>) -> Result<Stage, Error> {
        // It is in the file, which is let go as soon as it is decoded.
        let metadata = std::mem::take(&mut plan.info.metadata);
        let carried = Carried::new(&metadata, plan.keep(), &self.budget)?;
        let options =
            DecodeOptions { scale: plan.scale, left: plan.left, on_damage: self.request.on_damage };
        let rows = source.start(&options, &self.budget)?;
        let row_nanos = plan.row_nanos();
        let row_bytes = plan.info.row_bytes() as u64;
        let [strip_rows, unbounded_rows] = strips(&plan.info, row_nanos);
        let shape = plan.info.shape();
        let reductions: u64 =
            plan.outputs.iter().map(|output| output.geometry.reduction.memory(&shape)).sum();
        let strip = row_bytes * u64::from(unbounded_rows);
        let decode =
            [FIXED_BYTES, rows.memory(), strip].into_iter().fold(reductions, u64::saturating_add);
        // What will not fit later is told now.
        self.budget.check(decode.max(FIXED_BYTES + plan.memory_after_decoding()))?;
        let mut held = self.budget.hold(decode)?;
        let branch = |output: &OutputPlan| {
            let reduction = output.geometry.reduction.clone();
            let held = held.split(reduction.memory(&shape));
            Ok(Branch { shrink: Shrink::new(&shape, reduction, plan.info.bottom_up)?, held })
        };
        let branches = plan.outputs.iter().map(branch).collect::<Result<Vec<_>, Error>>()?;
        Ok(Stage::Decode(Box::new(Decode {
            plan,
            rows,
            branches,
            strip_rows,
            unbounded_rows,
            carried,
            held,
        })))
    }

    fn decode(
        &mut self,
        mut decode: Box<Decode>,
        context: &Context,
    ) -> Result<(Stage, Step), Error> {
        let Decode { rows, branches, strip_rows, unbounded_rows, .. } = &mut *decode;
        // No row after the last that matters is asked for: where the input ends there, how many are
        // decoded at a time would tell whether that is noticed.
        let missing = |branches: &[Branch]| {
            branches.iter().map(|branch| branch.shrink.missing()).max().unwrap_or(0)
        };
        let most = if context.pool.is_some() { *unbounded_rows } else { *strip_rows };
        let most = most.min(missing(branches));
        for branch in &mut *branches {
            while !branch.shrink.prepare() {
                if context.pool.is_none() {
                    return Ok((Stage::Decode(decode), Step::Again));
                }
            }
        }
        let context = sharing(context);
        let step = match decode::read(&mut **rows, &mut self.input, most, &context)? {
            Poll::Ready(rows) => {
                for branch in &mut *branches {
                    branch.shrink.push(rows)?;
                }
                Step::Again
            }
            Poll::Working => Step::Again,
            Poll::NeedInput => Step::NeedInput,
        };
        if missing(branches) > 0 {
            return Ok((Stage::Decode(decode), step));
        }
        let Plan { info, .. } = &*decode.plan;
        self.source = Taken {
            bytes: self.input.len(),
            pixels: u64::from(info.width) * u64::from(info.height),
        };
        // What is left of the input shows nothing.
        self.input = Input::new();
        let Decode { plan, rows, branches, carried, mut held, .. } = *decode;
        drop(rows);
        held.shrink_to(FIXED_BYTES);
        let shape = plan.info.shape();
        let reduced = |(branch, output): (Branch, &OutputPlan)| {
            let Branch { shrink, mut held } = branch;
            let shape = output.geometry.reduction.shape(&shape);
            held.shrink_to(shape.bytes());
            let samples = shrink.into_reduced();
            let picture =
                Picture { width: shape.width, height: shape.height, layout: shape.layout, samples };
            (picture, held)
        };
        let waiting = branches.into_iter().zip(&plan.outputs).map(reduced).collect();
        let made = Vec::new();
        let mut finish = Finish { plan, waiting, current: None, made, carried, _held: held };
        finish.begin(&self.budget)?;
        Ok((Stage::Finish(Box::new(finish)), Step::Again))
    }
}

/// How many rows are decoded at a time: between two looks at the clock, and where blocking is
/// allowed.
fn strips(info: &Info, row_nanos: u64) -> [u32; 2] {
    let row_bytes = info.row_bytes() as u64;
    let unbounded = (UNBOUNDED_STRIP_NANOS / row_nanos).min(UNBOUNDED_STRIP_BYTES / row_bytes);
    let within = |rows: u64| rows.clamp(1, info.height.into()) as u32;
    [within(cost::STRIP_NANOS / row_nanos), within(unbounded)]
}

/// With the pool only if there is room for what a decoder holds on it.
fn sharing<'a>(context: &Context<'a>) -> Context<'a> {
    let pool = context.pool.filter(|pool| {
        let threads = pool.current_num_threads() as u64;
        SHARED_BYTES + threads * SHARED_BYTES_PER_THREAD <= context.budget.left()
    });
    Context { pool, ..*context }
}

impl Finish {
    fn output(&self) -> Result<&OutputPlan, Error> {
        self.plan.outputs.get(self.made.len()).ok_or(Error::Internal)
    }

    /// Begins with the next output. `false` where there is none.
    fn begin(&mut self, budget: &Budget) -> Result<bool, Error> {
        let Some((picture, held)) = self.waiting.pop_front() else { return Ok(false) };
        let output = self.output()?;
        let shape = output.geometry.reduction.shape(&self.plan.info.shape());
        let chain = Chain::new(output.ops(&self.plan.info), shape, picture, held);
        self.current = Some(self.after(chain, budget)?);
        Ok(true)
    }

    /// The encoder, where no operation is left.
    fn after(&self, chain: Chain, budget: &Budget) -> Result<Current, Error> {
        if !chain.is_done() {
            return Ok(Current::Ops(chain));
        }
        let output = self.output()?;
        let (picture, held) = chain.into_picture();
        if !output.keep.is_nothing() {
            return Ok(Current::Attach(picture, held));
        }
        let encoder = match &output.comparison {
            Some(comparison) => Encoder::comparing(comparison, picture, held, budget)?,
            None => Encoder::new(output.encoding, &output.options, picture, held, budget)?,
        };
        Ok(Current::Encode(encoder))
    }

    fn attach_nanos(&self) -> u64 {
        self.output().map_or(0, |output| self.carried.attached_nanos(output.keep))
    }

    /// The encoder, with the metadata that goes along.
    fn attach(&self, picture: Picture, held: Held, budget: &Budget) -> Result<Encoder, Error> {
        let output = self.output()?;
        let &OutputPlan { width, height, keep, keeps_color, .. } = output;
        let is_gray = picture.layout.is_gray();
        let orientation = self.plan.unturned.to_exif().into();
        let shown = Shown { width, height, orientation, is_srgb: !keeps_color, is_gray };
        let mut attachments = self.carried.attached(keep, &shown);
        if keeps_color {
            attachments.icc = output.options.attachments.icc.clone();
        }
        let options = EncodeOptions { attachments, ..output.options.clone() };
        Encoder::new(output.encoding, &options, picture, held, budget)
    }

    /// Takes a step towards the outputs. `true` when all are made.
    fn step(&mut self, context: &Context) -> Result<bool, Error> {
        let current = match self.current.take().ok_or(Error::Internal)? {
            Current::Ops(mut chain) => {
                chain.step(context)?;
                self.after(chain, context.budget)?
            }
            Current::Attach(picture, held) => {
                Current::Encode(self.attach(picture, held, context.budget)?)
            }
            Current::Encode(mut encoder) => match encoder.step(context)? {
                None => Current::Encode(encoder),
                Some((bytes, held)) => {
                    let &OutputPlan { encoding, width, height, .. } = self.output()?;
                    self.made.push((Encoded { bytes, encoding, width, height }, held));
                    return Ok(!self.begin(context.budget)?);
                }
            },
        };
        self.current = Some(current);
        Ok(false)
    }
}
