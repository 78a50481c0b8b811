//! For tests of OAuth clients, ours and yours: everything a rotating session can meet, without a
//! network or a clock.
//!
//! * [`AuthServer`]: an authorization server that rotates refresh tokens, detects reuse, follows a
//!   fault script and judges the client at the end. In process as a
//!   [`Grant`](tokenflight_core::Grant), or over TCP.
//! * [`ResourceServer`]: an API that answers 401 to what the authorization server no longer knows.
//!   In process as a `tower` service, or over TCP.
//! * `Servers` (feature `session`): both over TCP, and a session between them, in one call.
//! * [`ManualTime`]: two clocks, timers and seeded chance that move only when told to.
//! * [`MockGrant`] and [`MockStore`]: parked, failing, panicking stand-ins that note what was done.
//! * [`ModelStore`]: the [`Store`](tokenflight_core::store::Store) contract in its plainest form.
//! * [`Fixture`]: all of that around a session, and [`Tasks`] whose rest can be waited for under
//!   any executor, or none.
//! * `Proxy` (feature `net`): a TCP proxy that delays, holds, loses answers and cuts connections.
//! * `Postgres` (feature `postgres`): a server without root, found locally or left out in a line.
//! * [`contract`]: suites that check your own `Store`, `Grant` and `Time`.
//!
//! Nothing here needs an executor, but for the `serve` functions (feature `net`, on by default),
//! which use tokio.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::{Grant, grant::{Reason, TokenRequest}};
//! use tokenflight_test::{AuthServer, Fault, ManualTime, Verdict};
//!
//! let time = ManualTime::new(1);
//! let auth = AuthServer::builder(time.shared())
//!     .access_lifetime(Duration::from_secs(60))
//!     .latency(Duration::from_millis(200)..=Duration::from_millis(200))
//!     .build();
//! let login = auth.login_as("alice");
//!
//! // A client presents its refresh token; the answer needs 200 ms of the time we hold in our hands.
//! let grant = auth.grant();
//! let request = TokenRequest::new(login.refresh().cloned(), Reason::Due);
//! let renewed = time.run(grant.request(&request))?;
//! assert_eq!(auth.check(renewed.access().expose()), Verdict::Valid);
//! auth.assert_unharmed();
//!
//! // The same refresh token again: the server takes it for stolen.
//! assert_eq!(auth.answer(login.refresh().unwrap().expose()).status(), 400);
//! assert_eq!(auth.report().total.presented_twice, 1);
//! # Ok::<_, tokenflight_core::GrantError>(())
//! ```

pub mod auth;
pub mod contract;
mod fixture;
mod lock;
pub mod mock;
mod model_store;
#[cfg(feature = "net")]
mod net;
#[cfg(all(feature = "postgres", unix))]
pub mod postgres;
#[cfg(feature = "net")]
pub mod proxy;
pub mod resource;
#[cfg(feature = "session")]
mod servers;
mod tasks;
mod time;

#[cfg(feature = "net")]
pub use self::net::Served;
#[cfg(feature = "session")]
pub use self::servers::Servers;
pub use self::{
    auth::{fault::Fault, server::AuthServer, verdict::Verdict},
    fixture::{Fixture, Parts},
    mock::{grant::MockGrant, store::MockStore},
    model_store::ModelStore,
    resource::service::ResourceServer,
    tasks::{Task, Tasks},
    time::ManualTime,
};
