//! Clocks, timers and chance from the runtime that is there: adapters that implement
//! [`Time`](crate::Time).
//!
//! | adapter | feature | timers of |
//! |---|---|---|
//! | [`TokioTime`] | `tokio` (default) | tokio |
//! | [`SmolTime`] | `smol` | async-io's reactor: smol, async-std, `futures::executor` |
//! | [`HyperTime`] | `hyper-timer` | any `hyper::rt::Timer` |
//!
//! All of them read the same two clocks. `boot` goes on while the machine is suspended where the
//! platform can tell (`CLOCK_BOOTTIME` on Linux and Android); elsewhere it is the monotonic clock,
//! and the wall clock alone catches a suspend. Their random numbers spread load and are not secret.
//!
//! A test clock that a runtime can pause does not change what `now` says: tests hand in a manual
//! [`Time`](crate::Time) instead, such as the one of `tokenflight-test`.
//!
//! ```
//! # #[cfg(feature = "tokio")] {
//! use std::time::Duration;
//! use tokenflight::{Time, time::TokioTime};
//!
//! let time = TokioTime::new();
//! let start = time.now();
//! assert!(start.wall > Duration::ZERO);
//! assert!(time.now().boot >= start.boot);
//! # }
//! ```
//!
//! This module is the only place that reads a clock.

#[cfg(any(feature = "hyper-timer", feature = "smol", feature = "tokio"))]
mod clocks;
mod deadline;
#[cfg(feature = "hyper-timer")]
mod hyper;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;

pub(crate) use self::deadline::{Deadline, NoTimer, read};
pub use tokenflight_core::Sleep;

#[cfg(feature = "hyper-timer")]
pub use self::hyper::HyperTime;
#[cfg(feature = "smol")]
pub use self::smol::SmolTime;
#[cfg(feature = "tokio")]
pub use self::tokio::TokioTime;

#[cfg(all(test, not(shuttle)))]
mod tests;
