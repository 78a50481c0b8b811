//! The store's lease: what keeps other processes and hosts away from the refresh token.

use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, Now,
    lease::{Claim, Lease as Answer, Owner, Record, Settle},
};

use crate::{session::Parts, sync::Arc, time::Deadline};

/// How often a taken lease is asked for again: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// A lease that was granted.
pub(super) struct Lease {
    pub(super) owner: Owner,
    claimed: Now,
    /// Whether an earlier attempt has left the refresh token in doubt. One that comes to nothing must not clear that.
    unsure: bool,
}

impl Lease {
    /// Waits for the lease, then hands over the record as read under it (C-31).
    ///
    /// # Errors
    ///
    /// The store's failure, or a lease that others hold for longer than one lasts. There is no falling through to a
    /// refresh without it (C-39).
    pub(super) async fn take(parts: &Arc<Parts>) -> Result<(Self, Option<Record>), Error> {
        let owner = Owner::new(u128::from(parts.time.random()) << 64 | u128::from(parts.time.random()));
        let length = parts.policy.lease_length();
        let give_up = parts.time.now().boot.saturating_add(length);
        let mut pause = POLL.0;
        loop {
            let claimed = parts.time.now();
            let claim = Claim::new(owner, length, claimed);
            match parts.ask_store(Box::pin(async { parts.store.lease(&parts.key, claim).await })).await? {
                Answer::Granted(record) => {
                    let unsure = record.as_ref().is_some_and(|record| record.intent.is_some());
                    return Ok((Self { owner, claimed, unsure }, record));
                }
                Answer::Busy { .. } if parts.time.now().boot >= give_up => {
                    return Err(Error::with_source(ErrorKind::Store, "another process kept the store's lease"));
                }
                // The hint may be far off, because a holder that crashed frees nothing; one that did not may be done soon.
                Answer::Busy { retry_after } => {
                    let wait = pause.min(retry_after.unwrap_or(pause)).max(POLL.0);
                    Deadline::after(Arc::clone(&parts.time), jittered(wait, parts.time.random())).await;
                    pause = (pause * 2).min(POLL.1);
                }
            }
        }
    }

    /// Notes that the refresh token is about to be presented. `false`: the lease is lost or too old for that.
    pub(super) async fn intend(&self, parts: &Parts) -> Result<bool, Error> {
        let noted = parts.ask_store(Box::pin(async { parts.store.intend(&parts.key, self.owner).await })).await?;
        Ok(noted && self.covers_a_request(parts))
    }

    /// The send guard: what is left of the lease must cover a whole request and a third of the margin.
    fn covers_a_request(&self, parts: &Parts) -> bool {
        let age = parts.time.now().boot.saturating_sub(self.claimed.boot);
        age <= parts.policy.lease_margin * 2 / 3
    }

    /// Gives the lease back; the refresh token is untouched.
    pub(super) async fn release(&self, parts: &Parts) {
        self.settle(parts, Settle::Untouched).await;
    }

    pub(super) async fn settle(&self, parts: &Parts, outcome: Settle) {
        let outcome = if self.unsure { Settle::Ambiguous } else { outcome };
        // If this fails the lease runs out by itself, and until then others wait: late, but right.
        let _ = parts.ask_store(Box::pin(async { parts.store.settle(&parts.key, self.owner, outcome).await })).await;
    }
}

/// Between half of it and all of it, so that waiting processes do not ask in step.
fn jittered(wait: Duration, random: u64) -> Duration {
    wait / 2 + Duration::from_nanos(random % u64::try_from(wait.as_nanos() / 2).unwrap_or(1).max(1))
}
