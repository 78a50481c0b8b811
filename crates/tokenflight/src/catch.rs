//! Calls into the user's code, whose panics become values.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt;

/// The user's code panicked. The message is not kept: it may hold a secret.
#[derive(Debug)]
pub(crate) struct Panicked;

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a grant, store or clock panicked; see the panic message of the thread")
    }
}

impl std::error::Error for Panicked {}

/// Runs a future of the user's to its end, or to its panic.
///
/// What it had borrowed is not used after a panic, except through the user's own shared state.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|_| Panicked)
}

/// Calls a function of the user's.
#[inline]
pub(crate) fn caught_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}
