//! Where the work runs.

use super::costs::Costs;
use crate::Info;
use crate::request::{Run, Scheduler};

/// Why a plan takes its scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The caller named it.
    Asked,
    /// The estimated cost is within the yield limit.
    WithinYieldLimit,
    /// The estimated cost is above the yield limit.
    AboveYieldLimit,
    /// Several threads decode it in less time than one.
    Shared,
}

pub(super) fn route(info: &Info, costs: &Costs, run: &Run) -> (Scheduler, Reason) {
    match run.scheduler {
        Some(scheduler) => (scheduler, Reason::Asked),
        None if costs.total() > run.yield_limit => (Scheduler::Dirty, Reason::AboveYieldLimit),
        None if info.shares && costs.decode > run.share_limit => (Scheduler::Dirty, Reason::Shared),
        None => (Scheduler::Normal, Reason::WithinYieldLimit),
    }
}
