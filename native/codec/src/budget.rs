use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// The native memory that one call may hold. Whatever allocates what a header or a size asks for
/// [holds](Budget::hold) that much first, and gives it back by dropping what it got.
///
/// Clones are of the same budget.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Count>);

#[derive(Debug)]
struct Count {
    most: u64,
    held: AtomicU64,
}

impl Budget {
    pub fn new(most: u64) -> Self {
        Budget(Arc::new(Count { most, held: AtomicU64::new(0) }))
    }

    /// The bytes that may be held at a time.
    pub fn most(&self) -> u64 {
        self.0.most
    }

    /// The bytes that are held now.
    pub fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// The bytes that may be held in addition.
    pub fn left(&self) -> u64 {
        self.most().saturating_sub(self.held())
    }

    /// Asks whether so many bytes more would fit, and holds none.
    ///
    /// # Errors
    /// [`Error::OverBudget`] if they do not fit.
    pub fn check(&self, bytes: u64) -> Result<(), Error> {
        let needed = self.held().saturating_add(bytes);
        if needed > self.most() {
            Err(Error::OverBudget { needed, allowed: self.most() })
        } else {
            Ok(())
        }
    }

    /// Holds so many bytes, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Error::OverBudget`] if they do not fit.
    pub fn hold(&self, bytes: u64) -> Result<Held, Error> {
        self.add(bytes)?;
        Ok(Held { budget: self.clone(), bytes })
    }

    fn add(&self, bytes: u64) -> Result<(), Error> {
        let allowed = self.most();
        let add = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= allowed);
        match self.0.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(held) => Err(Error::OverBudget { needed: held.saturating_add(bytes), allowed }),
        }
    }
}

/// Bytes of a budget that are taken until this is dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: u64,
}

impl Held {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`Error::OverBudget`] if they do not fit.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        self.budget.add(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Puts so many of the bytes into hands of their own, or as many as there are.
    pub fn split(&mut self, bytes: u64) -> Held {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Held { budget: self.budget.clone(), bytes }
    }

    /// Moves all of it out of here.
    pub(crate) fn take(&mut self) -> Held {
        self.split(u64::MAX)
    }

    /// Gives back all but so many bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.0.held.fetch_sub(back, Ordering::Relaxed);
        self.bytes -= back;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.hold(60).unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(budget.hold(41).map(drop), Err(Error::OverBudget { needed: 101, allowed: 100 }));
        assert_eq!(budget.check(40), Ok(()));
        let second = budget.clone().hold(40);
        assert_eq!((budget.held(), budget.left()), (100, 0));
        first.shrink_to(10);
        drop(second);
        assert_eq!((first.bytes(), budget.held()), (10, 10));
        assert_eq!(first.grow(91), Err(Error::OverBudget { needed: 101, allowed: 100 }));
        assert_eq!(first.grow(90), Ok(()));
        let part = first.split(30);
        assert_eq!((part.bytes(), first.bytes(), budget.held()), (30, 70, 100));
        drop((part, first));
        assert_eq!(budget.held(), 0);
    }
}
