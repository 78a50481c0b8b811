//! A login's live state, and the handle to it.
//!
//! Cloning a [`Session`] shares it. Everything works without a [driver](crate::Driver), driven by
//! its callers; with one, tokens are renewed before they expire and nothing waits for a caller.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight::{GrantError, Session, TokenSet, grant_fn};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let grant = grant_fn(|request: tokenflight::TokenRequest| async move {
//!     let Some(refresh_token) = request.refresh_token() else {
//!         return Err(GrantError::config("no refresh token"));
//!     };
//!     // … present it to the token endpoint …
//!     # let _ = refresh_token;
//!     Ok(TokenSet::new("access-2").refresh_token("refresh-2").expires_in(Duration::from_secs(300)))
//! });
//! let session = Session::builder(grant).build()?;
//! session.login(TokenSet::new("access-1").refresh_token("refresh-1").expires_in(Duration::from_secs(300))).await?;
//!
//! let token = session.token().await?;
//! assert_eq!(token.header(), "Bearer access-1");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap().unwrap();
//! ```

mod acquire;
pub(crate) mod builder;
pub(crate) mod events;
pub(crate) mod handle;
mod pause;
mod present;
pub(crate) mod revocation;
mod snapshot;
pub(crate) mod state;
mod storing;
pub(crate) mod token;
pub(crate) mod watch;

pub(crate) use self::{
    acquire::{Ask, Obtained, Supply},
    builder::SessionBuilder,
    events::{Events, Listeners},
    handle::Session,
    revocation::Revocation,
    snapshot::{Pass, Snapshot},
    state::{State, Status},
    storing::Storing,
    token::{Access, Token},
    watch::Watch,
};
