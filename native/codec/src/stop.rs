use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::Error;

/// A request to end the work, which every loop that may take long looks at: once a row, a row of
/// blocks, or some kilobytes of input, on every thread that takes part.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    deadline: Option<Instant>,
}

impl Stop {
    pub const fn new() -> Self {
        Stop { asked: AtomicBool::new(false), deadline: None }
    }

    /// One that asks by itself from a certain time on.
    pub const fn at(deadline: Instant) -> Self {
        Stop { asked: AtomicBool::new(false), deadline: Some(deadline) }
    }

    /// Asks for the end of the work.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end. Without a deadline this costs no more than reading a flag.
    pub fn is_asked(&self) -> bool {
        if self.asked.load(Ordering::Relaxed) {
            return true;
        }
        let late = self.is_late();
        if late {
            self.ask();
        }
        late
    }

    /// Whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// # Errors
    /// [`Error::Stopped`] if the work is to end.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_asked() { Err(Error::Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stop_is_asked_for_once_and_for_all() {
        let stop = Stop::new();
        assert_eq!((stop.check(), stop.is_late()), (Ok(()), false));
        stop.ask();
        assert_eq!((stop.check(), stop.is_late()), (Err(Error::Stopped), false));
    }

    #[test]
    fn a_deadline_asks_by_itself() {
        let stop = Stop::at(Instant::now() + Duration::from_millis(20));
        assert_eq!(stop.check(), Ok(()));
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!((stop.check(), stop.is_late()), (Err(Error::Stopped), true));
    }
}
