use std::{fmt, time::Duration};

use futures_util::future::{join, join_all};
use tokenflight_core::{Error, ErrorKind, TokenSet};

use super::{AudiencesBuilder, Common};
use crate::{Driver, Events, Revocation, Session, State, session::Ask, sync::Arc};

/// Sessions for several audiences over one refresh token; see the [module documentation](super).
/// Cloning shares them.
#[derive(Clone)]
pub struct Audiences {
    pub(super) common: Arc<Common>,
    pub(super) sessions: Arc<[(Arc<str>, Session)]>,
}

impl Audiences {
    /// Starts with no audience.
    pub fn builder() -> AudiencesBuilder {
        AudiencesBuilder::new()
    }

    /// The session of an audience. Give it a layer. Its login and logout are [`login`](Self::login)
    /// and [`logout`](Self::logout) here: its own concern its access token only.
    #[must_use]
    pub fn session(&self, audience: &str) -> Option<&Session> {
        self.sessions.iter().find(|(name, _)| **name == *audience).map(|(_, session)| session)
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().map(|(_, session)| session)
    }

    /// One future that renews the tokens of all audiences before they expire, and stores what is
    /// not stored. Spawn it, or a [`Session::driver`] for each audience that is to be renewed.
    ///
    /// Resolves when all audiences are gone or shut down and what they had in progress is stored.
    pub fn driver(&self) -> Driver {
        let mut sessions = self.sessions();
        let first = sessions.next().unwrap_or(&self.common.root);
        sessions.fold(first.driver(), Driver::with)
    }

    /// Begins a login for all audiences: the refresh token of `tokens` is theirs from now on. The
    /// access token in it is given to none of them, because it is not known which it is for.
    ///
    /// In effect in this process at once; resolves when it is stored. Each audience tells it as
    /// [`Event::LoggedIn`](crate::Event::LoggedIn); calls that wait for a token of an earlier login
    /// get [`ErrorKind::SessionChanged`].
    ///
    /// # Errors
    ///
    /// As [`Session::login`].
    ///
    /// # Cancel safety
    ///
    /// The login stays in effect; it is stored by a driver or the next call.
    pub async fn login(&self, tokens: TokenSet) -> Result<(), Error> {
        let root = &self.common.root;
        let storing = root.inner.login(&tokens, Duration::ZERO)?;
        let login = root.state().login;
        // Also those whose refresh is waited for, which have not learned of it by the change.
        self.sessions().for_each(|session| session.inner.follow(login, false));
        root.inner.flush_from(storing).await.map(drop)
    }

    /// Ends the login of all audiences and revokes the refresh token. Says what became of that.
    ///
    /// In effect in this process at once; it waits as [`Session::logout`], once for all audiences.
    ///
    /// # Errors
    ///
    /// As [`Session::logout`].
    ///
    /// # Cancel safety
    ///
    /// The logout stays in effect; a driver or the next call stores it, and the revocation follows.
    pub async fn logout(&self) -> Result<Revocation, Error> {
        let root = &self.common.root;
        let begun = root.inner.logout();
        let login = root.state().login;
        self.sessions().for_each(|session| session.inner.follow(login, true));
        root.finish_logout(begun).await
    }

    /// Reads the store again, if the login is over: another process may have logged in. Then every
    /// audience goes on; the first one obtains a token at once.
    ///
    /// [`Session::reload`] of an audience does the same for itself.
    ///
    /// # Errors
    ///
    /// As [`Session::token`], if there is still no login or the store cannot be read. A failure of
    /// the first audience alone is not told here.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::token`].
    pub async fn reload(&self) -> Result<(), Error> {
        self.sessions().for_each(Session::lift);
        let Some(first) = self.sessions().next() else { return Ok(()) };
        match first.inner.obtain(Ask::loaded()).await {
            Err(error) if error.needs_login() || *error.kind() == ErrorKind::Store => Err(error),
            _ => Ok(()),
        }
    }

    /// What the common session looks like now: whether there is a login, whether something is not
    /// stored. Its token is the one that was obtained last, for whichever audience.
    #[must_use]
    pub fn state(&self) -> State {
        self.common.root.state()
    }

    /// What happens to the common session from now on: logins, logouts and ends, every presentation
    /// of the refresh token, and what could not be stored
    /// ([`Event::Unpersisted`](crate::Event::Unpersisted)). What happens to an audience is told by
    /// its own [`Session::events`].
    #[must_use]
    pub fn events(&self) -> Events {
        self.common.root.events()
    }

    /// Stops renewing, waits for what is in progress and until everything is stored, and ends the
    /// drivers. The time is for all audiences together. Tokens can be used until they expire.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] after `limit`: then what is in progress may be lost with the process.
    ///
    /// # Cancel safety
    ///
    /// The sessions stay closed; call it again to wait again.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), Error> {
        let audiences = join_all(self.sessions().map(|session| session.shutdown(limit)));
        let (audiences, common) = join(audiences, self.common.root.shutdown(limit)).await;
        audiences.into_iter().collect::<Result<(), Error>>().and(common)
    }
}

impl fmt::Debug for Audiences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sessions.iter().map(|(name, _)| name)).finish()
    }
}
