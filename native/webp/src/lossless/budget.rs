//! The memory that decoding may take, and what it has.

use crate::Error;

pub(super) struct Budget {
    allowed: u64,
    held: u64,
}

impl Budget {
    pub(super) fn new(allowed: u64) -> Self {
        Budget { allowed, held: 0 }
    }

    pub(super) fn allowed(&self) -> u64 {
        self.allowed
    }

    /// What was taken so far.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    fn refuse(&self, more: u64) -> Error {
        Error::Memory { needed: self.held.saturating_add(more), allowed: self.allowed }
    }

    /// Counts memory that is not a vector of its own.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Error> {
        if bytes > self.allowed.saturating_sub(self.held) {
            return Err(self.refuse(bytes));
        }
        self.held += bytes;
        Ok(())
    }

    /// Reserves room for exactly so many elements, none of which is touched yet.
    pub(super) fn reserve<T>(&mut self, vec: &mut Vec<T>, more: usize) -> Result<(), Error> {
        let before = vec.capacity();
        if before - vec.len() >= more {
            return Ok(());
        }
        let bytes = ((vec.len() + more - before) * size_of::<T>()) as u64;
        self.take(bytes)?;
        vec.try_reserve_exact(more).map_err(|_| self.refuse(bytes))
    }

    /// Reserves room for at least so many elements, and some more so that this is seldom.
    pub(super) fn grow<T>(&mut self, vec: &mut Vec<T>, more: usize) -> Result<(), Error> {
        if vec.capacity() - vec.len() >= more {
            return Ok(());
        }
        self.reserve(vec, more.max(vec.len() / 4))
    }
}
