//! Locks, atomics and thread-locals: std's, or the model checker's under `--cfg shuttle`. Nothing
//! else imports them.

#[cfg(not(shuttle))]
pub(crate) use std::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread_local,
};

#[cfg(shuttle)]
pub(crate) use shuttle::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread_local,
};

/// For values that are only shared, and that no model looks into.
pub(crate) use std::sync::Arc as StdArc;
/// std's also for the model checker: filled at once, without a point where another thread can run.
pub(crate) use std::sync::OnceLock;

/// Locks, whether or not a thread panicked with the lock held: every critical section here leaves
/// its value whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
