//! Taking refresh tokens back (RFC 7009).

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Event, RefreshToken};

use crate::{
    catch::caught,
    parts::Parts,
    session::Revocation,
    slot::Inner,
    sync::{Arc, Weak},
};

/// How long the server may take to revoke a refresh token.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

/// How often it is asked.
const TRIES: usize = 2;

/// Revokes these refresh tokens, and tells of each that could not be: in line with what else the
/// session tells, while there is one.
pub(crate) async fn revoke(parts: &Arc<Parts>, session: &Weak<Inner>, tokens: Vec<RefreshToken>) -> Revocation {
    let mut revocation = Revocation::Nothing;
    for token in tokens {
        let revoked = ask(parts, &token).await;
        if let Err(error) = &revoked {
            let event = Event::RevocationFailed { error: error.clone() };
            match session.upgrade() {
                Some(session) => session.announce(event),
                None => parts.tell(&event),
            }
        }
        if !matches!(revocation, Revocation::Failed(_)) {
            revocation = revoked.into();
        }
    }
    revocation
}

async fn ask(parts: &Arc<Parts>, token: &RefreshToken) -> Result<(), Error> {
    let mut last = Error::with_source(ErrorKind::TimedOut, "the authorization server did not answer in time");
    let deadline = parts.now().boot.saturating_add(LIMIT);
    for _ in 0..TRIES {
        let left = deadline.saturating_sub(parts.now().boot);
        let revoke = Box::pin(caught(async { parts.grant.revoke(token).await }));
        match parts.within(left, revoke).await {
            Some(Ok(Ok(()))) => return Ok(()),
            Some(Ok(Err(error))) => last = Error::failed(error),
            Some(Err(panicked)) => last = Error::with_source(ErrorKind::Closed, panicked),
            None => break,
        }
        if parts.pause(Duration::from_millis(500)).await.is_err() {
            break;
        }
    }
    Err(last)
}
