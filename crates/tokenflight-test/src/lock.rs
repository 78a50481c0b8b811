use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A poisoned lock is taken over: panics are scripted here, and every critical section is
/// one plain step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
