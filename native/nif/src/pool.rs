use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: OnceLock<ThreadPool> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// The one pool of the node, created on first use. `threads` counts on the first call only; `None`
/// is one thread per logical core. Answers `None` where the system refuses to start threads: work
/// is not shared then, and the next call tries again.
pub(crate) fn pool(threads: Option<usize>) -> Option<&'static ThreadPool> {
    if let Some(pool) = POOL.get() {
        return Some(pool);
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if POOL.get().is_none() {
        let built = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("thumbelina-{index}"))
            .build();
        // Nobody else sets it while this is locked.
        let _ = POOL.set(built.ok()?);
    }
    POOL.get()
}
