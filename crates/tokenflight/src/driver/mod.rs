//! The future that renews before expiry.
//!
//! A [`Driver`] is a plain future: spawn it on any executor, or poll it beside your own work. It
//! starts renewals when they are due, keeps flights moving that no caller polls, tries again what
//! could not be stored, and withdraws tokens when they expire, so that requests need not look at a
//! clock. It ends when all its sessions are gone or shut down, after what they had in progress has
//! reached the store.
//!
//! One driver serves any number of sessions ([`Driver::with`]) with one task and one timer.
//!
//! ```
//! use tokenflight::{GrantError, Session, grant_fn};
//!
//! # let grant = grant_fn(|_| async { Err(GrantError::config("example")) });
//! let session = Session::builder(grant).build()?;
//! let driver = session.driver();
//! // tokio::spawn(driver), smol::spawn(driver).detach(), …
//! # let _ = driver;
//! # Ok::<_, tokenflight::BuildError>(())
//! ```

mod alarm;
pub(crate) mod future;
mod hub;
mod left;
mod schedule;

pub(crate) use self::{future::Driver, hub::Link, left::Left};
