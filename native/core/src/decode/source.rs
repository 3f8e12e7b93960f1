//! What every decoder is to whoever drives it.

use thumbelina_codec::{Budget, Context, Input, Poll};

use super::patched::Patched;
use crate::picture::Rows;
use crate::{Error, Info, OnDamage};

/// A picture whose header was read, and how to begin with its rows.
pub(crate) struct Source {
    pub info: Info,
    start: Start,
    /// The estimated nanoseconds of starting.
    pub start_nanos: u64,
}

type Start = Box<dyn FnOnce(&DecodeOptions, &Budget) -> Result<Box<dyn RowSource>, Error> + Send>;

/// Some allocations.
const START_NANOS: u64 = 20_000;

/// What a decoder is told before its first row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DecodeOptions {
    /// It decodes at one `scale`th of the size: 1, but where the header says that it can.
    pub scale: u32,
    /// What is left to shrink later.
    pub left: f64,
    pub on_damage: OnDamage,
}

/// A decoder at work. It hands over rows from top to bottom, or the other way round if the header
/// says so.
///
/// Its state can rest between two calls, on whichever thread the next one comes from.
pub(crate) trait RowSource: Send {
    fn info(&self) -> &Info;

    /// The estimated nanoseconds of the smallest piece of work that the next [`read`](Self::read)
    /// can do.
    fn next_nanos(&self) -> u64;

    /// The most native bytes that this holds at any one time from now on: the input aside, and what
    /// it holds of the budget by itself. Known before the first [`read`](Self::read). Nothing,
    /// where rows are the only memory: how many there are is the caller's choice.
    fn memory(&self) -> u64 {
        0
    }

    /// Is told before the first [`read`](Self::read) that what is missing of a damaged picture will
    /// be gray from the first row on that is not handed over. A decoder that has parts of later
    /// rows hands them over as well, with gray in between.
    fn forgive(&mut self) {}

    /// Hands over at least one row and at most `max_rows` (which is not 0), or gets closer to it.
    /// Shares the work out over a pool, if there is one and it can.
    ///
    /// [`Error::Truncated`] where the window of an input ends that is not complete is no more than
    /// a wish for [more](Input::more) of it: the decoder goes on there at the next call.
    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error>;
}

impl Source {
    /// Of a decoder that has options.
    pub(super) fn new(
        info: Info,
        start: impl FnOnce(&DecodeOptions, &Budget) -> Result<Box<dyn RowSource>, Error>
        + Send
        + 'static,
    ) -> Self {
        Source { info, start: Box::new(start), start_nanos: START_NANOS }
    }

    /// Says what starting takes, where that is more than usual.
    pub(super) fn that_starts_in(self, start_nanos: u64) -> Self {
        Source { start_nanos, ..self }
    }

    /// Of one that has none of its own.
    pub(super) fn of(rows: impl RowSource + 'static) -> Self {
        let info = rows.info().clone();
        Source::new(info, |how, _| begin(rows, how))
    }

    /// Begins with the rows. The memory that they take is for the caller to hold.
    pub(crate) fn start(
        self,
        options: &DecodeOptions,
        budget: &Budget,
    ) -> Result<Box<dyn RowSource>, Error> {
        (self.start)(options, budget)
    }
}

/// The rows of a decoder, and gray for those that it has not if that is wanted.
pub(super) fn begin(
    rows: impl RowSource + 'static,
    how: &DecodeOptions,
) -> Result<Box<dyn RowSource>, Error> {
    Ok(match how.on_damage {
        OnDamage::Error => Box::new(rows),
        OnDamage::Gray => Box::new(Patched::new(rows)?),
    })
}

/// Reads rows, of an input that may have to come first.
pub(crate) fn read<'a>(
    rows: &'a mut dyn RowSource,
    input: &mut Input,
    max_rows: u32,
    context: &Context<'_>,
) -> Result<Poll<Rows<'a>>, Error> {
    match rows.read(input, max_rows, context) {
        Err(Error::Truncated { .. }) if !input.is_complete() => lengthen(input),
        result => result,
    }
}

/// Lets the window reach further, if more has come.
pub(super) fn lengthen<T>(input: &mut Input) -> Result<Poll<T>, Error> {
    Ok(if input.more()? { Poll::Working } else { Poll::NeedInput })
}

/// Where a decoder stands: the next row to hand over, and how many there are.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub next: u32,
    height: u32,
}

impl Position {
    pub(super) fn start(height: u32) -> Self {
        Position { next: 0, height }
    }

    /// The rows of the next strip. Empty after the last one, which is a caller's mistake.
    pub(super) fn strip(&self, max_rows: u32) -> std::ops::Range<u32> {
        self.next..self.next.saturating_add(max_rows.max(1)).min(self.height)
    }
}
