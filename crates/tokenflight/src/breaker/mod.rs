//! Against many sessions that end at once: the breaker.
//!
//! After a failover that lost writes, or a restore of yesterday's backup, the store holds refresh
//! tokens that were spent long ago. A server that detects reuse takes each that is presented for a
//! stolen one and ends the session, its newer tokens included. The sessions that have not asked yet
//! can still be kept: by the right backup or a process that saw what was lost and writes it back.
//!
//! A [`Breaker`] stands between sessions and their grants. It counts what one authorization server
//! answers all of them. When many end at once it *opens*, and no refresh token is presented:
//!
//! * An access token that is usable is served as before.
//! * A caller without one gets an error that [is transient](crate::Error::is_transient), with
//!   [`Held`] among its sources: it says why, and for how long.
//! * After [`Settings::wait`] one session asks. If it ends, the time doubles, up to an hour. If it
//!   lives, two may ask at once, then four; after twenty that lived the breaker is closed. One that
//!   ends in between opens it.
//! * [`Breaker::lift`] closes it by hand.
//!
//! To end at once, many have to ask at once. So no more than [`Settings::ends`] refresh tokens are
//! on their way before the first answer, and each that lives makes room for another one; the rest
//! waits for an answer, two seconds at most. That is what bounds the loss: of a store in which
//! every token is spent, [`Settings::ends`] sessions end before the breaker opens.
//!
//! ```
//! # #[cfg(feature = "tokio")] {
//! use tokenflight::{GrantKey, MemoryStore, Session, TokenRequest, TokenSet, breaker::{Breaker, BreakerState}};
//! use tokenflight::{grant_fn, time::TokioTime};
//!
//! # fn main() -> Result<(), tokenflight::BuildError> {
//! // One for each authorization server, shared by all sessions there.
//! let breaker = Breaker::new(TokioTime::new());
//! let store = MemoryStore::new();
//! let session = |user: &str| {
//!     // Stands for the token endpoint.
//!     let grant = grant_fn(|_: TokenRequest| async { Ok(TokenSet::new("next").refresh_token("next")) });
//!     Session::builder(breaker.guard(grant)).key(GrantKey::new(user)).store(store.clone()).build()
//! };
//! let (alice, bob) = (session("alice")?, session("bob")?);
//! // For a health check.
//! assert!(matches!(breaker.state(), BreakerState::Closed));
//! # drop((alice, bob));
//! # Ok(())
//! # }
//! # main().unwrap();
//! # }
//! ```
//!
//! # Limits
//!
//! * Every process counts for itself. Ten replicas with one store lose up to ten times as many
//!   sessions; and each of them sends its own session to ask.
//! * Where the sessions have ended rightly, because an operator revoked them all, the breaker only
//!   delays: an hour later, or after a [`lift`](Breaker::lift), each of them learns of its end.
//! * What is on its way is not called back.
//! * If it is known that the store was restored, do not wait for the first five: [`Breaker::arm`]
//!   has one session ask alone before the others.
//! * It is asked after the claim: a session that is held back writes its claim and takes it back,
//!   once a minute or so.

mod guarded;
mod handle;
mod held;
mod settings;
mod state;
mod window;

pub(crate) use self::state::Change;
pub use self::{guarded::Guarded, handle::Breaker, held::Held, settings::Settings, state::BreakerState};
