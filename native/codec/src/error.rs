/// Why a call ended early, whatever the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Somebody asked for it, or it took too long.
    #[error("stopped")]
    Stopped,
    /// More memory would be held than the budget allows.
    #[error("{needed} bytes of memory needed, and {allowed} are allowed")]
    OverBudget { needed: u64, allowed: u64 },
    /// The machine has no more of it.
    #[error("out of memory")]
    OutOfMemory,
}
