//! What every way of writing a format has in common.

use thumbelina_codec::Context;

use super::sink::Sink;
use crate::limits::Limit;
use crate::{Error, Format, Picture, cost};

/// A format's way of writing. Made for one picture, and given the same one at every step.
pub(super) trait Writer: Send {
    /// The estimated nanoseconds of the next step.
    fn next_nanos(&self) -> u64;

    /// Writes a piece more. `true` when the last one is written.
    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error>;
}

/// Row `y` of a picture, as bytes.
pub(super) fn row(picture: &Picture, y: u32) -> Result<&[u8], Error> {
    picture.row_bytes(y..y + 1)
}

/// How many rows make a step, and what that takes.
pub(super) fn rows_per_step(format: Format, picture: &Picture) -> (u32, u64) {
    let row = cost::encode_row_nanos(format, picture.width, picture.layout);
    let rows = (STEP_NANOS / row.max(1)).clamp(1, picture.height.max(1).into());
    (rows as u32, rows * row)
}

/// Short enough that many fit into a slice.
pub(super) const STEP_NANOS: u64 = cost::MAX_STEP_NANOS / 4;

/// A number in a file that has 32 bits for it.
pub(super) fn within_u32(value: u64) -> Result<u32, Error> {
    Limit::MaxMemory.check(value, u32::MAX.into())?;
    Ok(value as u32)
}
