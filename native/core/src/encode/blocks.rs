//! Bytes that go into a file as they are, in steps.

use std::collections::VecDeque;

use bytes::Bytes;

use super::sink::Sink;
use crate::Error;

#[derive(Default)]
pub(super) struct Blocks(VecDeque<Bytes>);

/// What a step copies: some ten microseconds.
pub(super) const STEP_BYTES: usize = 128 << 10;

impl Blocks {
    pub(super) fn push(&mut self, bytes: impl Into<Bytes>) {
        self.0.push_back(bytes.into());
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|block| block.len() as u64).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies some of them. `true` where none was left.
    pub(super) fn step(&mut self, sink: &mut Sink) -> Result<bool, Error> {
        if self.0.is_empty() {
            return Ok(true);
        }
        let mut room = STEP_BYTES;
        while let Some(block) = self.0.front_mut().filter(|_| room > 0) {
            let piece = block.split_to(block.len().min(room));
            sink.put(&piece)?;
            room -= piece.len();
            if block.is_empty() {
                self.0.pop_front();
            }
        }
        Ok(false)
    }
}
