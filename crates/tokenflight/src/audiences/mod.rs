//! Several audiences, or scopes, from one refresh token (R-157, R-410).
//!
//! A refresh token is often good for several APIs, each with an access token of its own. Were each of them a session that
//! presents the refresh token, two of them would present it at once. Here one hidden session owns it; every audience is a
//! [`Session`] with tokens of its own, a layer and a driver, and what it renews goes through the hidden one, one after the
//! other, each with the refresh token that the one before brought (C-53).
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
//! let mail = audiences.session("mail").ok_or("no such audience")?;
//! // A token for one audience never reaches the origins of another.
//! let layer = BearerLayer::new(mail.clone(), Origins::new(["https://mail.example"])?);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```

mod builder;
mod mint;
mod nowhere;

use std::fmt;

use tokenflight_core::{Error, TokenSet};

pub use self::builder::AudiencesBuilder;
use self::mint::Mint;
use crate::{Session, sync::Arc};

/// Sessions for several audiences over one refresh token. Cloning shares them.
#[derive(Clone)]
pub struct Audiences {
    mint: Arc<Mint>,
    sessions: Arc<[(Arc<str>, Session)]>,
}

impl Audiences {
    /// Starts with no audience.
    pub fn builder() -> AudiencesBuilder {
        AudiencesBuilder::new()
    }

    /// The session of an audience. Give it a layer, and spawn its driver.
    #[must_use]
    pub fn session(&self, audience: &str) -> Option<&Session> {
        self.sessions.iter().find(|(name, _)| **name == *audience).map(|(_, session)| session)
    }

    /// Begins a login for all audiences: the refresh token of `tokens` is theirs from now on. The access token in it is
    /// nobody's: which audience it is for is not known.
    ///
    /// # Errors
    ///
    /// As [`Session::login`].
    ///
    /// # Cancel safety
    ///
    /// Call it again: until it has resolved, some audiences may be logged out.
    pub async fn login(&self, tokens: TokenSet) -> Result<(), Error> {
        self.forget().await;
        let stored = self.mint.root().login(tokens).await;
        for (_, session) in &*self.sessions {
            session.lift();
        }
        stored
    }

    /// Ends the login of all audiences and revokes the refresh token.
    ///
    /// # Errors
    ///
    /// As [`Session::logout`].
    ///
    /// # Cancel safety
    ///
    /// Call it again: until it has resolved, the refresh token may be alive.
    pub async fn logout(&self) -> Result<(), Error> {
        self.forget().await;
        self.mint.root().logout().await.map(drop)
    }

    /// The tokens of all audiences, which belong to a login that is over. They are stored nowhere, so nothing can fail.
    async fn forget(&self) {
        for (_, session) in &*self.sessions {
            let _ = session.logout().await;
        }
    }
}

impl fmt::Debug for Audiences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sessions.iter().map(|(name, _)| name)).finish()
    }
}
