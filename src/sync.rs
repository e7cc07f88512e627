//! Locks, taken whatever became of who held them before.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. If its holder panicked, what it guards is as good as it was: nothing here leaves it half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
