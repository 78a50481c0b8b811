//! Several audiences, or scopes, from one refresh token.
//!
//! A refresh token is often good for several APIs, each with an access token of its own (RFC 6749
//! §6, RFC 8707 §2.2). Were each of them a session that presents the refresh token, two of them
//! would present it at once. Here one common session keeps it; every audience is a
//! [`Session`](crate::Session) with tokens, a layer and a driver of its own. The refresh token is
//! presented for one audience at a time, in the order of asking, each time the one that the
//! presentation before has brought.
//!
//! * **A failure is its audience's.** A resource that the server refuses, and the waits after it,
//!   hold up no other audience. Common to all are the end of the login, a refresh token whose
//!   presentation was never answered, and a store that does not take what a presentation brought.
//! * **A wish goes with its callers.** An audience whose callers have given up before its turn, and
//!   that has no driver, is passed over. A request that was sent is waited for, because its answer
//!   may bring the next refresh token; unless the server's refresh tokens stay the same
//!   ([`ReusePolicy::NonRotating`](crate::ReusePolicy::NonRotating)): then it is given up.
//! * **What is not stored** is stored by whichever driver of an audience there is, by the next
//!   caller, or by the shutdown of any audience.
//!
//! ```
//! use tokenflight::{Audiences, BearerLayer, GrantError, Origins, TokenRequest, TokenSet, grant_fn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // With `tokenflight-oauth2`: `endpoint.clone().refresh_token().resource("https://mail.example")`, and so on.
//! let for_audience = |audience: &'static str| {
//!     grant_fn(move |request: TokenRequest| async move {
//!         let refresh_token = request.refresh_token().ok_or_else(|| GrantError::config("no refresh token"))?;
//!         let _ = (refresh_token.expose(), audience); // Ask the token endpoint here.
//!         Ok(TokenSet::new("access").refresh_token("next"))
//!     })
//! };
//! let audiences = Audiences::builder()
//!     .audience("mail", for_audience("https://mail.example"))
//!     .audience("files", for_audience("https://files.example"))
//!     .build()?;
//! let driver = audiences.driver(); // For all of them: spawn it.
//! let mail = audiences.session("mail").ok_or("no such audience")?;
//! // A token for one audience never reaches the origins of another.
//! let layer = BearerLayer::new(mail.clone(), Origins::new(["https://mail.example"])?);
//! # let _ = (driver, layer);
//! # Ok(())
//! # }
//! ```

pub(crate) mod builder;
mod common;
pub(crate) mod handle;
mod members;

pub(crate) use self::{builder::AudiencesBuilder, common::Common, handle::Audiences, members::Members};
