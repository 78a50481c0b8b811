use std::{fmt, future::Future, time::Duration};

use futures_util::future::{Either, FutureExt, join, join_all, select};
use tokenflight_core::{Error, ErrorKind, Generation, GrantError, LoginId, Now, TokenSet, store::StoredTokens};
use tokenflight_machine::Times;

use super::{Access, Ask, Events, Revocation, State, Storing, Token, Watch};
use crate::{
    flights::{AnyFlight, Carry},
    slot::{Inner, Slot},
    sync::Arc,
    write,
};

/// How long a shutdown waits between two attempts to store something: at first, and at last.
const FLUSH_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// One login's live state; see the [module documentation](super). Cloning shares it.
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
}

impl Session {
    /// A token that is valid now, waiting for a refresh only if there is none.
    ///
    /// A token that is due for renewal but has not expired is returned at once; a
    /// [driver](crate::Driver) renews it.
    ///
    /// # Errors
    ///
    /// [`Error`] says why there is no token; [`Error::needs_login`] whether a login would help.
    ///
    /// After a failure the session leaves the authorization server alone: at first for up to
    /// [`backoff_base`](crate::Policy::backoff_base), later up to
    /// [`backoff_cap`](crate::Policy::backoff_cap) (5 min), or for as long as the server asked.
    /// Calls without a usable token fail at once meanwhile, with that failure, unless another
    /// process has stored a token. [`refresh`](Self::refresh) may skip the wait once in 10 s,
    /// unless the server named it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disturbs no refresh: that is carried on by the driver or another waiter,
    /// and without either it stands still until the next call.
    pub async fn token(&self) -> Result<Token, Error> {
        let (token, beside) = self.inner.obtain(Ask::usable(None)).await?;
        // Without a driver the callers move on what is in progress, each a little.
        let _ = beside.and_then(FutureExt::now_or_never);
        Ok(token)
    }

    /// A token newer than the one of `generation`, which some server refused. A refusal of a token
    /// that has been replaced meanwhile costs no refresh.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token); also if the token was adopted a moment ago, so that its refusal
    /// cannot be about its expiry, and if a refresh has brought the same access token again.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn newer_than(&self, generation: Generation) -> Result<Token, Error> {
        Ok(self.inner.obtain(Ask::newer_than(generation)).await?.0)
    }

    /// A new token, however good the current one is. Joins a refresh in progress.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn refresh(&self) -> Result<Token, Error> {
        Ok(self.inner.obtain(Ask::forced()).await?.0)
    }

    /// Begins a login with these tokens. What an earlier login still brings is discarded.
    ///
    /// Call it when a person has logged in, not at each start: it replaces what the store holds,
    /// and a refresh token from a configuration may have been rotated since.
    ///
    /// With a [refresh token alone](TokenSet::from_refresh_token) the first call that needs a token
    /// has it refreshed. In effect in this process at once; resolves when it is stored.
    ///
    /// # Errors
    ///
    /// A token that cannot be sent changes nothing
    /// ([`FailureClass::Config`](crate::FailureClass::Config)).
    /// [`ErrorKind::Store`]: the login is in effect and will be stored later, by the driver or the
    /// next call.
    /// [`ErrorKind::SessionChanged`]: another login or logout came first, and counts.
    ///
    /// # Cancel safety
    ///
    /// The login stays in effect; storing goes on as above.
    pub async fn login(&self, tokens: TokenSet) -> Result<(), Error> {
        self.login_received(tokens, Duration::ZERO).await
    }

    /// As [`login`](Self::login), with tokens that were received this long ago: their lifetime
    /// counts from then.
    ///
    /// # Errors
    ///
    /// As [`login`](Self::login).
    ///
    /// # Cancel safety
    ///
    /// As [`login`](Self::login).
    pub async fn login_received(&self, tokens: TokenSet, ago: Duration) -> Result<(), Error> {
        let storing = self.inner.login(&tokens, ago)?;
        self.inner.flush_from(storing).await.map(drop)
    }

    /// Ends this login: no request uses its tokens from now on, here or through the store.
    ///
    /// In effect in this process at once; resolves when it is stored, when a refresh in progress
    /// has ended or five seconds have passed, and when the grant has
    /// [revoked](crate::Grant::revoke) the refresh token that it replaced in the store. Says what
    /// became of that. What a refresh in progress still brings is revoked as well, whenever it
    /// comes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`]: in effect, and to be stored later, by the driver. The refresh token
    /// that was last seen has been revoked, best effort.
    ///
    /// # Cancel safety
    ///
    /// The logout stays in effect; storing goes on as above, and the revocation follows it.
    pub async fn logout(&self) -> Result<Revocation, Error> {
        self.finish_logout(self.inner.logout()).await
    }

    /// Waits for what this logout has begun.
    pub(crate) async fn finish_logout(&self, begun: LoggedOut) -> Result<Revocation, Error> {
        let (left, storing) = begun;
        // Side by side: without a driver it is up to this call to move on what is in progress.
        let (revocation, ()) = join(self.inner.flush_from(storing), self.finish_flights(left)).await;
        match revocation? {
            Revocation::Nothing => Ok(self.inner.revoking().await),
            revocation => Ok(revocation),
        }
    }

    /// Waits for what is in progress, for a while. A refresh that still obtains a refresh token
    /// revokes it itself.
    async fn finish_flights(&self, left: Vec<AnyFlight>) {
        // What was sent for an audience is the common session's, which its own logout waits for.
        if self.inner.common.is_some() {
            return;
        }
        let carried = join_all(left.iter().filter_map(AnyFlight::carry));
        let _ = self.inner.parts.within(write::LOGOUT_WAIT, carried).await;
    }

    /// What the session looks like now.
    #[must_use]
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// What happens from now on, as a stream that never holds anything up.
    #[must_use]
    pub fn events(&self) -> Events {
        self.inner.parts.listeners.events()
    }

    /// Watches for token changes: for long streams and sockets that must reconnect with a new one.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.inner))
    }

    /// Runs a future with a driver beside it, then [shuts down](Self::shutdown): for programs that
    /// live for a task.
    ///
    /// The shutdown gets at most `limit`; what it could not store is told as
    /// [`Event::Abandoned`](crate::Event::Abandoned).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tokenflight::{GrantError, Session, TokenSet, grant_fn};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
    /// let answer = session
    ///     .run_until(Duration::from_secs(10), async {
    ///         session.login(TokenSet::new("access").refresh_token("refresh")).await?;
    ///         session.token().await.map(|token| token.header().clone())
    ///     })
    ///     .await;
    /// assert_eq!(answer?, "Bearer access");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the future and the driver, and there is no shutdown.
    pub async fn run_until<F: Future>(&self, limit: Duration, work: F) -> F::Output {
        let work = std::pin::pin!(work);
        let (output, driver) = match select(work, self.driver()).await {
            Either::Left((output, driver)) => (output, Some(driver)),
            // The driver ended by itself: there is no timer, or the work shut the session down.
            Either::Right(((), work)) => (work.await, None),
        };
        let ended = match driver {
            Some(driver) => match select(Box::pin(self.shutdown(limit)), driver).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), shutdown)) => shutdown.await,
            },
            None => self.shutdown(limit).await,
        };
        if ended.is_err() {
            self.inner.give_up();
        }
        output
    }

    /// Reads the store again, if the session is over: another process may have logged in. An access
    /// token that is still usable stays so meanwhile. For one of several
    /// [`Audiences`](crate::Audiences) the store is that of all.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn reload(&self) -> Result<(), Error> {
        self.inner.lift();
        self.inner.obtain(Ask::loaded()).await.map(drop)
    }

    /// Stops renewing, waits for what is in progress and until everything is stored, and ends the
    /// driver. A store that fails is asked again until the limit. One of several
    /// [`Audiences`](crate::Audiences) stores what they have in common too; the others go on.
    ///
    /// The current token can be used until it expires.
    ///
    /// To lose nothing, allow at least [`request_limit`](crate::Policy::request_limit) +
    /// [`store_limit`](crate::Policy::store_limit) (70 s by default), more if another process holds
    /// the claim; it returns as soon as nothing is left to do. Client credentials lose nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] after `limit`: then what is in progress may be lost with the process.
    ///
    /// # Cancel safety
    ///
    /// The session stays closed; call it again to wait again.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        let work = Box::pin(async move {
            inner.change(|slot, _| slot.close());
            // What an audience owes is the common session's to store.
            let common = inner.common.as_ref().map(|common| Arc::clone(&common.root));
            let sessions: Vec<_> = std::iter::once(inner).chain(common).collect();
            let mut carried = in_progress(&sessions, |_| true);
            loop {
                // Its failure is of no interest any more; what it leaves to be stored is.
                join_all(carried).await;
                for session in &sessions {
                    flush_patiently(session).await?;
                }
                // There may have been a logout meanwhile, which a revocation follows.
                carried = in_progress(&sessions, |flight| matches!(flight, AnyFlight::Write(_)));
                if carried.is_empty() {
                    return Ok(());
                }
            }
        });
        match self.inner.parts.within(limit, work).await {
            Some(result) => result,
            None => Err(Error::with_source(ErrorKind::Closed, "the time to shut down has passed")),
        }
    }
}

/// What is to be waited for. What this thread is inside cannot be.
fn in_progress(sessions: &[Arc<Inner>], of_interest: impl Fn(&AnyFlight) -> bool) -> Vec<Carry> {
    let flights = sessions.iter().flat_map(|session| session.flights());
    flights.filter(|flight| of_interest(flight) && !flight.is_finished()).filter_map(|flight| flight.carry()).collect()
}

/// Tries to store what is not stored while the store fails: it may be all that the session left.
async fn flush_patiently(inner: &Arc<Inner>) -> Result<(), Error> {
    let mut pause = FLUSH_PAUSE.0;
    loop {
        match inner.flush().await {
            Err(error) if *error.kind() == ErrorKind::Store => {
                if inner.parts.pause(pause).await.is_err() {
                    return Err(error);
                }
                pause = (pause * 2).min(FLUSH_PAUSE.1);
            }
            // A login or logout came meanwhile: that is to be stored now.
            Err(error) if *error.kind() == ErrorKind::SessionChanged => {}
            result => return result.map(drop),
        }
    }
}

/// What a logout has left behind, and the write of it.
pub(crate) type LoggedOut = (Vec<AnyFlight>, Option<Storing>);

impl Slot {
    fn follow(&mut self, login: LoginId, over: bool, now: Now) -> Vec<AnyFlight> {
        let machine = &mut self.machine;
        let news = if over { machine.follow_out(login, now) } else { machine.follow(login, now) };
        if news { self.abandon() } else { Vec::new() }
    }
}

impl Inner {
    /// Begins a login with these tokens, received this long ago. What is in progress goes on for no
    /// caller. Returns the write of it, begun in the same step: a driver may have ended it before
    /// the caller looks again.
    pub(crate) fn login(self: &Arc<Self>, set: &TokenSet, ago: Duration) -> Result<Option<Storing>, Error> {
        let access = match set.access().expose().is_empty() && set.refresh().is_some() {
            true => None,
            false => {
                set.check().map_err(GrantError::config)?;
                let scope = set.granted_scope().map(str::to_owned);
                Some(Access::new(set.access().clone(), scope).map_err(GrantError::config)?)
            }
        };
        let random = self.parts.random();
        let rules = &self.parts.rules;
        let (left, storing) = self.change(|slot, now| {
            let times = Times::received(now, ago, set.lifetime()).refresh_in(set.refresh_hint());
            let tokens = StoredTokens::from_set(set, now.back(ago).wall, None)
                .issued_by(rules.issuer.as_deref())
                .issued_to(rules.client_id.as_deref());
            slot.machine.login(access, times, tokens, now, random);
            (slot.abandon(), slot.storing(self))
        });
        left.iter().for_each(AnyFlight::abandon);
        Ok(storing)
    }

    /// Lifts an end without asking for a token yet.
    pub(crate) fn lift(&self) {
        if let Some(common) = &self.common {
            common.root.lift();
        }
        self.change(|slot, now| slot.machine.reload(now));
    }

    /// The common session has begun this login, or, if it is `over`, was logged out of it. What is
    /// in progress for an earlier one is of no use.
    pub(crate) fn follow(&self, login: LoginId, over: bool) {
        let left = self.change(|slot, now| slot.follow(login, over, now));
        left.iter().for_each(AnyFlight::abandon);
    }

    /// As [`follow`](Self::follow), unless a refresh is waited for: its own answer tells it.
    pub(crate) fn follow_at_rest(&self, login: LoginId, over: bool) {
        let rests = |slot: &Slot| !slot.refresh.as_ref().is_some_and(|refresh| refresh.is_waited_for());
        let left = self.change(|slot, now| if rests(slot) { slot.follow(login, over, now) } else { Vec::new() });
        left.iter().for_each(AnyFlight::abandon);
    }

    /// Begins a state without tokens. Returns what is still in progress, and the write of it, begun
    /// in the same step: a driver may have ended it before the caller looks again.
    pub(crate) fn logout(self: &Arc<Self>) -> LoggedOut {
        let (left, owed, storing) = self.change(|slot, now| {
            slot.machine.logout(now);
            (slot.abandon(), slot.owed(), slot.storing(self))
        });
        owed.iter().for_each(AnyFlight::log_out);
        left.iter().for_each(AnyFlight::abandon);
        (left, storing)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
