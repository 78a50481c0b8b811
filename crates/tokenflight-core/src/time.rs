//! The only door to clocks, timers and chance.
//!
//! The engine asks a [`Time`] for everything that differs between runtimes and between a test and
//! real clocks. The adapters for tokio, smol and any `hyper::rt::Timer` live in `tokenflight`; a
//! manual one lives in `tokenflight-test`.

use std::time::Duration;

use crate::{BoxFuture, Now};

/// A timer that completes once its duration has passed.
///
/// # Cancel safety
///
/// Dropping it cancels the timer.
pub type Sleep = BoxFuture<'static, ()>;

/// Clocks, timers and randomness, handed in.
///
/// # Contract
///
/// * [`Time::now`] never goes back on `boot`. It may be called from any thread and must not block.
/// * [`Time::sleep`] may wake late, never more than a little early. The engine never sleeps for
///   more than an hour and looks at the clock again after every wake, so a timer that stands still
///   in suspend is good enough.
/// * [`Time::random`] need not be secure; it spreads load.
pub trait Time: Send + Sync + 'static {
    /// Both clocks, now.
    fn now(&self) -> Now;

    /// A timer of `duration`.
    ///
    /// # Panics
    ///
    /// An adapter may panic outside its runtime; the engine survives that and says so.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// 64 evenly spread bits.
    fn random(&self) -> u64;
}
