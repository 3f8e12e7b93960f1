//! How much of the input one call may look at. MCUs are counted beside it: data that yields none,
//! or takes many bytes for one, must not hold a call.

use thumbelina_codec::Stop;

/// Bytes that are decoded at a time: a tenth of a millisecond for the densest data there is.
const BYTES_PER_CALL: usize = 4 << 10;

/// As many bytes are searched for a marker, or checked, in the time of one that is decoded.
const SEARCHED: usize = 4;

/// No call looks at more bytes: what it may search, and then a whole segment, or data for an MCU of
/// any kind with some on top, stuffed throughout.
#[doc(hidden)]
pub const MOST_LOOKED_AT: u64 = (BYTES_PER_CALL * SEARCHED + (112 << 10)) as u64;

/// What one call may still do, in bytes of entropy-coded data: nothing once it is to stop.
#[derive(Debug)]
pub(crate) struct Quota<'a> {
    left: usize,
    /// Bytes of the input that were looked at, however quickly.
    looked_at: u64,
    stop: &'a Stop,
}

impl<'a> Quota<'a> {
    /// For one of the calls that are kept short.
    pub(crate) fn of_a_call(stop: &'a Stop) -> Self {
        Quota::of_calls(1, stop)
    }

    /// For one that does as much as so many of these.
    pub(crate) fn of_calls(calls: usize, stop: &'a Stop) -> Self {
        Quota { left: BYTES_PER_CALL * calls, looked_at: 0, stop }
    }

    /// For what is bounded otherwise.
    pub(crate) fn unlimited(stop: &'a Stop) -> Self {
        Quota { left: usize::MAX, looked_at: 0, stop }
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0 || self.stop.is_asked()
    }

    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// So many bytes were freed of their stuffing, to be decoded now or by a later call.
    pub(crate) fn loaded(&mut self, bytes: usize) {
        self.looked_at += bytes as u64;
    }

    /// So many of them were decoded.
    pub(crate) fn decoded(&mut self, bytes: usize) {
        self.spent(bytes);
    }

    /// How many may be decoded, but for the last MCU.
    pub(crate) fn decodable(&self) -> usize {
        self.left
    }

    /// So many bytes were searched.
    pub(crate) fn searched(&mut self, bytes: usize) {
        self.looked_at += bytes as u64;
        self.left = self.left.saturating_sub(bytes.div_ceil(SEARCHED));
    }

    /// Something was done that takes as long as decoding so many bytes.
    pub(crate) fn spent(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// How many bytes may be searched: at least 2, for a marker that is there to be found.
    pub(crate) fn searchable(&self) -> usize {
        self.left.saturating_mul(SEARCHED).max(2)
    }
}
