//! The memory of what is only known to be there once it is read.

use thumbelina_codec::{Budget, Error, Held};

/// What is held of the budget for some vectors, and the most that it may be.
pub(super) struct Quota {
    held: Held,
    allowed: u64,
}

impl Quota {
    /// For so many bytes at most, none of which is held yet.
    pub(super) fn new(budget: &Budget, allowed: u64) -> Result<Self, Error> {
        Ok(Quota { held: budget.hold(0)?, allowed })
    }

    /// The bytes that are held.
    pub(super) fn held(&self) -> u64 {
        self.held.bytes()
    }

    fn take(&mut self, bytes: u64) -> Result<(), Error> {
        let needed = self.held().saturating_add(bytes);
        if needed > self.allowed {
            return Err(Error::OverBudget { needed, allowed: self.allowed });
        }
        self.held.grow(bytes)
    }

    /// Reserves room for exactly so many elements, none of which is touched yet.
    pub(super) fn reserve<T>(&mut self, vec: &mut Vec<T>, more: usize) -> Result<(), Error> {
        let before = vec.capacity();
        if before - vec.len() >= more {
            return Ok(());
        }
        self.take(((vec.len() + more - before) * size_of::<T>()) as u64)?;
        vec.try_reserve_exact(more).map_err(|_| Error::OutOfMemory)
    }

    /// Reserves room for at least so many elements, and some more so that this is seldom.
    pub(super) fn grow<T>(&mut self, vec: &mut Vec<T>, more: usize) -> Result<(), Error> {
        if vec.capacity() - vec.len() >= more {
            return Ok(());
        }
        self.reserve(vec, more.max(vec.len() / 4))
    }
}
