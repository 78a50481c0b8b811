//! Claiming the right to present, and waiting for another holder's claim.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use tokenflight_core::{
    Error, ErrorKind, Event, Now,
    store::{Body, Entry, Op, OpId, Owner, Reply, Seen},
};
use tokenflight_machine::present::lets_go;

use super::store::Refresh;

/// How often a taken claim is asked for again: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// A wait that is longer than this is told.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// The pause before an operation whose outcome is unknown is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// A read that took longer is not built on: the claim would have lasted as long when it is made.
const FRESH: Duration = Duration::from_millis(250);

/// From when a claim counts, and whether what it is made on was read after that.
#[derive(Clone, Copy)]
pub(super) struct Since {
    pub(super) at: Now,
    read: bool,
}

impl Since {
    /// The claim is made `now`, on what was asked for at `asked`.
    pub(super) fn reading(asked: Now, now: Now) -> Self {
        let read = now.since(asked) <= FRESH;
        Self { at: if read { asked } else { now }, read }
    }
}

/// The answer to a claim.
#[allow(clippy::large_enum_variant)] // Taken apart at once.
pub(super) enum Claimed {
    /// It is this attempt's.
    Granted(Entry),
    /// Another entry is stored by now.
    Changed,
    /// Another holder has it.
    Busy { retry_after: Option<Duration>, holder: Option<Box<str>> },
    /// The store failed.
    Failed(Error),
}

impl Refresh {
    /// Claims the entry that was read. The claim counts from `since`, and if it was read after
    /// that, it need not be read again. A try whose outcome is unknown is made again with the same
    /// id, which finds out, while a request could still be sent under the claim.
    pub(super) async fn claim(&self, owner: Owner, seen: &Seen, since: Since, watched: Duration) -> Claimed {
        let lengths = self.parts.rules.lengths();
        let body = Body::Claim {
            owner,
            seen: seen.entry.as_ref().map_or(OpId::NONE, |entry| entry.op),
            length: lengths.claim,
            yields: self.unsent(),
            holder: self.parts.holder.clone(),
        };
        let mut op = Op::new(seen.facts.incarnation, since.at, body).watched(watched);
        if since.read {
            op = op.having_read(seen.clone());
        }
        match self.insist(op, since.at.boot).await {
            Ok(Reply::Granted(entry)) => Claimed::Granted(entry),
            Ok(Reply::Busy { retry_after, holder }) => Claimed::Busy { retry_after, holder },
            Ok(Reply::Changed(_)) => Claimed::Changed,
            Ok(Reply::Stored { .. } | Reply::Conflict(_) | Reply::Overtaken(_) | Reply::Nothing) => {
                let error = "the store gave an answer that does not fit a claim";
                Claimed::Failed(Error::with_source(ErrorKind::Store, error))
            }
            Err((error, unknown)) => {
                if unknown {
                    // It may be stored: the next attempt of this session need not wait for it.
                    self.set_unsent(owner, true);
                }
                Claimed::Failed(error)
            }
        }
    }

    /// Does one operation. A try whose outcome is unknown is made again with the same id, which
    /// finds out, for as long after `since` as one answer of the store may take. An error says
    /// whether it may have had its effect.
    pub(super) async fn insist(&self, mut op: Op, since: Duration) -> Result<Reply, (Error, bool)> {
        let mut unknown = false;
        loop {
            match self.apply_over(&op).await {
                Ok(reply) => return Ok(reply),
                Err(failure) if lets_go(failure.kind, unknown) => return Err((failure.error, false)),
                Err(failure) => {
                    unknown = true;
                    let age = self.parts.now().boot.saturating_sub(since);
                    let late = age.saturating_add(RETRY) > self.parts.policy().store_limit;
                    if late || self.parts.pause(RETRY).await.is_err() {
                        return Err((failure.error, true));
                    }
                    op = op.at(self.parts.now());
                }
            }
        }
    }
}

/// Waiting for another holder's claim.
pub(super) struct Waiting {
    began: Option<Duration>,
    pause: Duration,
    told: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { began: None, pause: POLL.0, told: false }
    }
}

impl Waiting {
    /// Waits before the store is asked again.
    ///
    /// # Errors
    ///
    /// The claim has been waited for longer than one lasts, no handle is left to wait for, or there
    /// is no timer to wait by.
    pub(super) async fn pause(
        &mut self,
        refresh: &Refresh,
        retry_after: Option<Duration>,
        holder: Option<Box<str>>,
    ) -> Result<(), Error> {
        let parts = &refresh.parts;
        if refresh.session.strong_count() == 0 {
            return Err(Error::new(ErrorKind::Closed));
        }
        let now = parts.now().boot;
        let waited = now.saturating_sub(*self.began.get_or_insert(now));
        if waited >= parts.rules.claim_patience() {
            let holder = holder.as_deref().unwrap_or("another holder");
            let error = format!("{holder} has kept its claim for {} s: resume it or end it", waited.as_secs());
            return Err(Error::with_source(ErrorKind::Store, error));
        }
        if waited >= TOLD_AFTER && !std::mem::replace(&mut self.told, true) {
            let holder = holder.as_deref().unwrap_or("another holder").to_owned();
            if let Some(session) = refresh.session.upgrade() {
                session.announce(Event::Waiting { holder, at_most: retry_after });
            }
        }
        // The hint may be far off, because a holder that crashed frees nothing; one that did not
        // may be done soon.
        let wait = self.pause.min(retry_after.unwrap_or(self.pause)).max(POLL.0);
        let pause = parts.pause(jittered(wait, parts.random()));
        if let Either::Left((paused, _)) = select(pin!(pause), pin!(parts.changed())).await {
            paused?;
            self.pause = (self.pause * 2).min(POLL.1);
            return Ok(());
        }
        self.pause = POLL.0;
        parts.pause(jittered(POLL.0, parts.random())).await
    }
}

/// Between half of it and all of it, so that waiting processes do not ask in step.
fn jittered(wait: Duration, random: u64) -> Duration {
    wait / 2 + Duration::from_nanos(random % u64::try_from(wait.as_nanos() / 2).unwrap_or(1).max(1))
}
