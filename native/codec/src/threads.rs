//! Work shared out over the threads of a pool.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

/// Does every task, on this thread and those of the pool.
pub fn share_out<T: Send>(
    pool: &ThreadPool,
    tasks: impl Iterator<Item = T> + Send,
    run: impl Fn(T) + Sync,
) {
    let tasks = Mutex::new(tasks);
    let next = || lock(&tasks).next();
    let work = || {
        while let Some(task) = next() {
            run(task);
        }
    };
    // This thread begins at once, while others still wake.
    pool.in_place_scope(|scope| {
        for _ in 1..pool.current_num_threads() {
            scope.spawn(|_| work());
        }
        work();
    });
}

/// What a thread that panicked left locked is not used: its panic is passed on at the end of the
/// scope.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
