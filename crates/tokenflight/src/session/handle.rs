use std::{fmt, time::Duration};

use futures_util::{FutureExt, future::join};
use tokenflight_core::{Error, ErrorKind, Generation, Grant, RefreshToken, TokenSet};

use super::{Ask, Events, Inner, SessionBuilder, State, Token, Watch};
use crate::{catch::caught, driver::Driver, flight::Flight, sync::Arc, time::Deadline};

/// How long a logout waits for a refresh in progress, and then for the server to revoke (C-21).
const FAREWELL: Duration = Duration::from_secs(5);

/// One login's live state; see the [module documentation](super). Cloning shares it.
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
}

impl Session {
    /// Begins to build a session that obtains its tokens in this way.
    pub fn builder(grant: impl Grant) -> SessionBuilder {
        SessionBuilder::new(grant)
    }

    /// A token that is valid now, waiting for a refresh only if there is none.
    ///
    /// A token within its lead is returned at once and renewed beside it.
    ///
    /// # Errors
    ///
    /// [`Error`] says why there is no token; [`Error::needs_login`] whether a login would help.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future never disturbs a refresh, whether or not others wait for it.
    pub async fn token(&self) -> Result<Token, Error> {
        let (token, beside) = self.inner.obtain(Ask::Usable).await?;
        // Without a driver the callers move the renewal on, each a little.
        let _ = beside.and_then(FutureExt::now_or_never);
        Ok(token)
    }

    /// A token newer than the one of `generation`, which some server refused. A refusal of a token that has been
    /// replaced meanwhile costs no refresh.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token); also if the token was adopted a moment ago, so that its refusal cannot be about its
    /// expiry, and if a refresh has brought the same access token again.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn newer_than(&self, generation: Generation) -> Result<Token, Error> {
        Ok(self.inner.obtain(Ask::Newer { epoch: None, generation }).await?.0)
    }

    /// A new token, however good the current one is. Joins a refresh in progress.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token). The waiting time after a failure can be skipped once in ten seconds.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn refresh(&self) -> Result<Token, Error> {
        Ok(self.inner.obtain(Ask::Forced).await?.0)
    }

    /// Begins a new epoch with the tokens of a login. What an older epoch still brings is discarded (C-22).
    ///
    /// In effect in this process at once; resolves when it is stored.
    ///
    /// # Errors
    ///
    /// A token that cannot be sent changes nothing ([`FailureClass::Config`](crate::FailureClass::Config)).
    /// [`ErrorKind::Store`]: the login is in effect and will be stored later, by the driver or the next refresh.
    ///
    /// # Cancel safety
    ///
    /// The login stays in effect; storing goes on as above.
    pub async fn login(&self, tokens: TokenSet) -> Result<(), Error> {
        self.inner.login(&tokens)?;
        self.inner.flush().await
    }

    /// Ends this login: no request uses its tokens from now on, here or through the store (I-06).
    ///
    /// In effect in this process at once; resolves when it is stored, when a refresh in progress has ended or five
    /// seconds have passed (C-21), and when the grant has [revoked](Grant::revoke) the newest refresh token, best effort.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`]: in effect, and to be stored later, by the driver.
    ///
    /// # Cancel safety
    ///
    /// The logout stays in effect; storing goes on as above, the revocation may not happen.
    pub async fn logout(&self) -> Result<(), Error> {
        let (refresh_token, flight) = self.inner.logout();
        // Side by side: without a driver it is up to us to move the flight on, and what it has under way in the store
        // must be over before the logout can be stored.
        let (stored, brought_newer) = join(self.inner.flush(), self.farewell(flight)).await;
        // Afterwards: whoever shares the store finds the logout there, and not a dead refresh token.
        if let Some(refresh_token) = refresh_token.filter(|_| !brought_newer) {
            self.revoke(&refresh_token).await;
        }
        stored
    }

    /// Waits for the flight in progress; whether it obtained a newer refresh token. Then it revokes that itself, and says
    /// [`ErrorKind::LoggedOut`].
    async fn farewell(&self, flight: Option<Flight>) -> bool {
        let Some(flight) = flight else { return false };
        let landed = Deadline::after(Arc::clone(&self.inner.parts.time), FAREWELL).limit(flight.pilot()).await;
        matches!(landed, Ok(Err(error)) if *error.kind() == ErrorKind::LoggedOut)
    }

    /// Best effort: the session is over whatever the server says.
    async fn revoke(&self, refresh_token: &RefreshToken) {
        let parts = &self.inner.parts;
        let revocation = Box::pin(caught(async { parts.grant.revoke(refresh_token).await }));
        let _ = Deadline::after(Arc::clone(&parts.time), FAREWELL).limit(revocation).await;
    }

    /// What the session looks like now.
    #[must_use]
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// What happens from now on, as a stream that never holds anything up.
    #[must_use]
    pub fn events(&self) -> Events {
        self.inner.parts.teller.events()
    }

    /// Watches for changes of the token: for long streams and sockets that must reconnect with a new one.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.inner))
    }

    /// The future that renews before expiry. Spawn it on any executor; see [`Driver`].
    ///
    /// A session has one driver: the one that was first polled last. Until it is polled, nothing changes.
    pub fn driver(&self) -> Driver {
        Driver::of(self)
    }

    /// Reads the store again, if the session is over: another process may have logged in.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn reload(&self) -> Result<(), Error> {
        self.inner.reload();
        self.token().await.map(drop)
    }

    /// Lifts an end without asking for a token yet.
    pub(crate) fn lift(&self) {
        self.inner.reload();
    }

    /// Stops renewing, waits for a refresh in progress and until everything is stored, and ends the driver (C-18). A store
    /// that fails is asked again until the limit.
    ///
    /// The current token can be used until it expires.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if `limit` has passed: then what is in progress may be lost when the process ends.
    ///
    /// # Cancel safety
    ///
    /// The session stays closed; call it again to wait again.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        let work = Box::pin(async move {
            if let Some(flight) = inner.close() {
                // Its failure is nobody's business any more; what it leaves to be stored is.
                let _ = flight.pilot().await;
            }
            inner.flush_patiently().await
        });
        match Deadline::after(Arc::clone(&self.inner.parts.time), limit).limit(work).await {
            Ok(result) => result,
            Err(_) => Err(Error::with_source(ErrorKind::Closed, "the time to shut down has passed")),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
