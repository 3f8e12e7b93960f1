use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// The one pool of the node, created on first use. `threads` counts on the first call only; `None`
/// is one thread per logical core. Answers `None` where the system refuses to start threads.
pub(crate) fn pool(threads: Option<usize>) -> Option<&'static ThreadPool> {
    POOL.get_or_init(|| {
        ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("thumbelina-{index}"))
            .build()
            .ok()
    })
    .as_ref()
}
