//! What several answers in a row add up to.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokenflight_core::{FailureClass, GrantError, RefreshToken, TokenSet};

use crate::{answer::Verdict, endpoint::Failed, wire::Broken};

#[derive(Default)]
pub(super) struct Streaks {
    /// Successes without tokens.
    odd: AtomicU8,
    /// Failed TLS handshakes.
    tls: AtomicU8,
    /// The refresh token whose end the server has announced once.
    announced: Mutex<Option<RefreshToken>>,
}

/// Three answers without tokens are no accident; neither are more than three failed handshakes.
const ACCIDENTS: u8 = 3;
/// How long a server of several machines gets to agree with itself.
const CONFIRM: Duration = Duration::from_secs(30);

impl Streaks {
    pub(super) fn count(
        &self,
        verdict: Result<Verdict, Box<Failed>>,
        presented: Option<&RefreshToken>,
        clustered: bool,
    ) -> Result<TokenSet, GrantError> {
        let more = |streak: &AtomicU8| streak.fetch_add(1, Ordering::Relaxed).saturating_add(1).min(ACCIDENTS + 1);
        let verdict = match verdict.map_err(|failed| *failed) {
            Err(Failed::Broken(Broken::Tls(error))) if more(&self.tls) > ACCIDENTS => {
                return Err(GrantError::config(error));
            }
            Err(failed) => return Err(failed.into()),
            Ok(verdict) => verdict,
        };
        self.tls.store(0, Ordering::Relaxed);
        if !matches!(verdict, Verdict::Odd(_)) {
            self.odd.store(0, Ordering::Relaxed);
        }
        match verdict {
            Verdict::Tokens(set) => {
                *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(set)
            }
            Verdict::Odd(error) if more(&self.odd) >= ACCIDENTS => Err(error.in_class(FailureClass::Config)),
            Verdict::Failed(error) if clustered && error.class() == FailureClass::Terminal => {
                Err(self.confirm(error, presented))
            }
            Verdict::Failed(error) | Verdict::Odd(error) => Err(error),
        }
    }

    /// The first announcement of an end is asked again after half a minute; the second one counts.
    fn confirm(&self, error: GrantError, presented: Option<&RefreshToken>) -> GrantError {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if presented.is_none() || announced.as_ref() == presented {
            *announced = None;
            return error;
        }
        *announced = presented.cloned();
        error.in_class(FailureClass::Config).retry_after(CONFIRM)
    }
}
