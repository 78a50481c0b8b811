//! Bearer tokens for `tower` clients: obtained, used, renewed, stored and ended in one place.
//!
//! A client with a short-lived access token and a *rotating* refresh token is logged out when the
//! refresh token is presented twice. A timer and the 401 path both want to refresh; so do
//! concurrent requests, cancelled ones, other processes. Here all of them meet in one refresh:
//!
//! * [`Session`] is one login's live state; see [`session`].
//! * [`BearerLayer`] puts its token on the requests of any `tower` client and replays a refused
//!   one; see [`bearer`].
//! * [`Driver`] is a future that renews before expiry, on any executor; see [`driver`].
//! * [`Grant`] is how a token set is obtained: your own async function will do ([`grant_fn`]).
//! * [`Store`] is where it survives the process: `FileStore` of `tokenflight-store-file`,
//!   `PostgresCell` of `tokenflight-store-postgres` in a [`CellStore`], a [`CallbackStore`], or one
//!   of yours; a [`MemoryStore`] is the default.
//! * [`Audiences`] are several sessions over one refresh token; see [`audiences`].
//! * [`Breaker`](breaker::Breaker) stops the sessions of a server when many of them end at once;
//!   see [`breaker`].
//! * [`Time`] is where clocks come from; see [`time`].
//!
//! [`docs`] has the internals, the guarantees, the pitfalls and the costs.
//!
//! # Features
//!
//! * `tokio` (default): [`time::TokioTime`], and it is the default clock of a session.
//! * `jwt` (default): a JWT's own `exp − iat` as the lifetime when the server announces none. A
//!   default, because a token of unknown lifetime is never renewed ahead of need.
//! * `smol`, `hyper-timer`: clocks for other runtimes.
//! * `extended-connect`: tokens for WebSockets over HTTP/2 (RFC 8441), known by
//!   `hyper::ext::Protocol` in a request's extensions.
//! * `tracing`: what happens inside, in spans and events; see
//!   [`docs/operating.md`](https://github.com/tokenflight/tokenflight/blob/main/docs/operating.md)
//!   in the repository.
//!
//! Without default features there is no runtime in the dependency tree.

pub mod audiences;
pub mod bearer;
pub mod breaker;
mod catch;
pub mod docs;
pub mod driver;
mod flight;
mod flights;
mod parts;
#[cfg(doctest)]
mod readme;
mod refresh;
mod revoke;
pub mod session;
mod slot;
pub mod stores;
mod sync;
mod telemetry;
pub mod time;
mod unstored;
mod wakers;
mod write;

pub use self::{
    audiences::{builder::AudiencesBuilder, handle::Audiences},
    bearer::{
        body::BearerBody,
        future::BearerFuture,
        layer::BearerLayer,
        options::BearerOptions,
        origin::{OriginError, Origins},
        service::Bearer,
        target::NoToken,
    },
    driver::future::Driver,
    session::{
        builder::{BuildError, SessionBuilder},
        events::{EventOrGap, Events},
        handle::Session,
        revocation::Revocation,
        state::{State, Status},
        token::Token,
        watch::Watch,
    },
    stores::{callback::CallbackStore, memory::MemoryStore},
};
#[doc(no_inline)]
pub use tokenflight_core::{
    AccessToken, BoxError, BoxFuture, EndReason, Epoch, Error, ErrorKind, Event, FailureClass, Generation, Grant,
    GrantError, LoginId, Now, RefreshToken, Secret, Source, Time, TokenSet,
    grant::{GrantFn, Reason, ReusePolicy, TokenRequest, grant_fn},
    store::{Cell, CellStore, Entry, EntryState, GrantKey, Store, StoredTokens},
};
#[doc(no_inline)]
pub use tokenflight_machine::{Policy, PolicyError};
