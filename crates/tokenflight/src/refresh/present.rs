//! Presenting a refresh token under a claim: from the last look at the claim to the commit.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures_util::future::{Either, select};
use tokenflight_core::{
    Error, ErrorKind, FailureClass, GrantError, Now, RefreshToken, TokenSet,
    grant::{ReusePolicy, TokenRequest},
    store::{Body, Entry, EntryState, Op, Outcome as Settlement, Owner, Reading, Reply, Seen, StoredTokens},
};
use tokenflight_machine::{Outcome, Reconcile, Saved, Times, present};

use super::{
    end::{End, Rotated, failed, found, kept_back, not_sent},
    store::Refresh,
};
use crate::{
    catch::{Panicked, caught},
    session::Access,
    sync::Arc,
    telemetry::Signal,
    time::Deadline,
};

/// One presentation under its claim.
pub(super) struct Presentation<'a> {
    pub(super) refresh: &'a Refresh,
    /// Who has the claim.
    pub(super) owner: Owner,
    /// The entry as it was claimed, and what the storage said when it was read.
    pub(super) seen: Seen,
    /// When it was asked for: what is timed by its clock is at most so old.
    pub(super) read: Now,
    /// From when the claim counts, on the boot clock: not later than its first try was sent.
    pub(super) since: Duration,
    /// How long the request may take.
    pub(super) request: Duration,
}

/// Another token is stored by now, and it has run out: it is to be presented in its turn. This
/// refresh token came for nothing.
pub(super) struct Overtaken(pub(super) Option<Rotated>);

impl Presentation<'_> {
    pub(super) async fn run(mut self) -> Result<End, Overtaken> {
        if let Err(outcome) = self.guard().await {
            self.settle(Settlement::Untouched, false).await;
            return Ok(outcome.into());
        }
        // The lifetime counts from before the request was sent, so latency can only shorten it.
        let sent = self.refresh.parts.now();
        match self.present(sent).await {
            Ok(set) => self.obtained(set, sent).await,
            Err(error) if error.class() == FailureClass::Terminal => self.refused(error).await,
            Err(error) => self.failed(error, sent).await,
        }
    }

    fn entry(&self) -> Entry {
        self.seen.entry.clone().unwrap_or_default()
    }

    fn presented(&self) -> Option<&RefreshToken> {
        self.tokens().and_then(|tokens| tokens.refresh.as_ref())
    }

    fn tokens(&self) -> Option<&StoredTokens> {
        self.seen.entry.as_ref().and_then(Entry::tokens)
    }

    /// The last look before the first byte: the claim outlasts the request, its kernel lock is
    /// still the one on the path, and a token in doubt is still within the server's grace window.
    async fn guard(&mut self) -> Result<(), Outcome<Access>> {
        let parts = &self.refresh.parts;
        // After a logout or another login there is nothing to obtain a token for.
        if !self.refresh.is_wanted() {
            return Err(not_sent(Error::new(ErrorKind::SessionChanged)));
        }
        let entry = self.entry();
        let claim = entry.claim.as_ref();
        if let Some(claim) = claim.filter(|claim| claim.lock.is_some()) {
            let seen = parts.load().await.map_err(not_sent)?;
            let kept =
                seen.facts.lock == claim.lock && seen.entry.and_then(|entry| entry.claim).as_ref() == Some(claim);
            if !kept {
                return Err(not_sent(Error::with_source(ErrorKind::Store, "the store's lock file was replaced")));
            }
        }
        let now = parts.now();
        let lengths = parts.rules.lengths();
        if entry.doubt.is_some() {
            let usable = self.refresh.plan.is_usable(now);
            let request = present::may_present(parts.rules.reuse, entry.doubt, self.reading(now), usable, &lengths);
            self.request = request.ok_or_else(|| Outcome::KeptBack { error: kept_back() })?.min(self.request);
        }
        let age = now.boot.saturating_sub(self.since);
        if !present::covers(age, self.request, &lengths) {
            let error = "the store's answers took so long that the claim is too old";
            return Err(not_sent(Error::with_source(ErrorKind::Store, error)));
        }
        Ok(())
    }

    /// What the storage's clock shows now.
    fn reading(&self, now: Now) -> Option<Reading> {
        let read = present::reading(&self.seen.facts, self.read)?;
        Some(Reading { at: read.at.saturating_add(now.boot.saturating_sub(self.read.boot)), ..read })
    }

    /// One submission, within its limit. No answer is an outcome too.
    async fn present(&self, sent: Now) -> Result<TokenSet, GrantError> {
        let (parts, plan) = (&self.refresh.parts, &self.refresh.plan);
        let grant = self.refresh.wish.as_ref().map_or(&parts.grant, |wish| &wish.grant);
        let request = TokenRequest::new(self.presented().cloned(), plan.reason).replacing(plan.login, plan.generation);
        let answer = caught(async { grant.request(&request).await });
        let answer = Box::pin(async {
            match select(pin!(answer), pin!(self.unwanted())).await {
                Either::Left((answer, _)) => Some(answer),
                Either::Right(((), _)) => None,
            }
        });
        let lengths = parts.rules.lengths();
        // Polling may send. After its time a request that says it was sent is still answered, one
        // that says it was not is over, and one that says nothing is polled while its claim lasts.
        let unmarked_until = self.since.saturating_add(lengths.claim).saturating_sub(lengths.reserve);
        let may_finish = |now: Duration| match request.class_without_answer() {
            FailureClass::NotSent => false,
            _ => request.is_sent() || now < unmarked_until,
        };
        let until = sent.boot.saturating_add(self.request);
        match Deadline::at(Arc::clone(&parts.time), until).limit_while(answer, may_finish).await {
            Ok(Some(Ok(result))) => result,
            Ok(None) => Err(GrantError::new(request.class_without_answer()).source("no caller waits for it any more")),
            Ok(Some(Err(Panicked))) => Err(GrantError::new(request.class_without_answer()).source(Panicked)),
            Err(_) => Err(GrantError::new(request.class_without_answer()).source("no answer within the time limit")),
        }
    }

    /// Completes when the audience this is for does not wait any more, and others need not wait for
    /// an answer that rotates nothing. Looked at whenever the refresh is polled.
    async fn unwanted(&self) {
        let wish = self.refresh.wish.as_ref();
        let spare = wish.filter(|_| self.refresh.parts.rules.reuse == ReusePolicy::NonRotating);
        poll_fn(|_| match spare.is_some_and(|wish| !wish.is_wanted()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// Store, then publish.
    async fn obtained(self, set: TokenSet, sent: Now) -> Result<End, Overtaken> {
        let rotated = set.refresh().cloned();
        let access =
            match set.check().map(|_| Access::new(set.access().clone(), set.granted_scope().map(str::to_owned))) {
                Ok(Ok(access)) => access,
                Ok(Err(unsendable)) => return self.unusable(&set, GrantError::config(unsendable), sent).await,
                Err(unusable) => return self.unusable(&set, GrantError::config(unusable), sent).await,
            };
        let tokens = self.named(StoredTokens::from_set(&set, sent.wall, self.presented()));
        let renewable = tokens.refresh.is_some();
        let times = Times::new(sent, set.lifetime()).refresh_in(set.refresh_hint());
        match self.commit(tokens).await {
            Ok(saved) => {
                let outcome = Outcome::Obtained { token: access, times, renewable, saved };
                Ok(End::brought(outcome, rotated.map(Rotated::from)))
            }
            Err(entry) => self.overtaken(*entry, rotated),
        }
    }

    fn named(&self, tokens: StoredTokens) -> StoredTokens {
        let rules = &self.refresh.parts.rules;
        tokens.issued_by(rules.issuer.as_deref()).issued_to(rules.client_id.as_deref())
    }

    /// Stores a successor. `Err` is the entry that is stored instead of it.
    async fn commit(&self, next: StoredTokens) -> Result<Saved, Box<Entry>> {
        let entry = self.entry();
        let body = Body::Commit {
            epoch: entry.epoch,
            login: entry.login,
            over: entry.set,
            presented: self.presented().cloned(),
            next,
        };
        let now = self.refresh.parts.now();
        let op = Op::new(self.seen.facts.incarnation, now, body).having_read(self.seen.clone());
        match self.refresh.apply_over(&op).await {
            Ok(Reply::Stored { entry, .. }) => Ok(Saved::Stored(entry.into())),
            Ok(Reply::Conflict(entry) | Reply::Overtaken(entry) | Reply::Changed(entry)) => Err(Box::new(entry)),
            Ok(Reply::Granted(_) | Reply::Busy { .. } | Reply::Nothing) => {
                let error = Error::with_source(ErrorKind::Store, "the store gave an answer that does not fit a commit");
                Ok(Saved::Unsaved { op: op.at(now), error })
            }
            // A failed write never turns a good refresh into a failed request.
            Err(failure) => Ok(Saved::Unsaved { op: op.tried_on(failure.tried), error: failure.error }),
        }
    }

    /// Another state is stored, and this refresh token came for nothing.
    fn overtaken(&self, entry: Entry, token: Option<RefreshToken>) -> Result<End, Overtaken> {
        let logged_out = entry.has_logged_out_since(self.entry().epoch);
        let obtained = token.map(|token| Rotated { token, logged_out });
        match self.instead(entry) {
            Some(outcome) => Ok(End::brought(outcome, obtained)),
            None => Err(Overtaken(obtained)),
        }
    }

    /// Another state is stored: a login, a logout, or another successor. It counts, ours does not.
    /// `None` if it is a token that cannot be used as it is.
    fn instead(&self, entry: Entry) -> Option<Outcome<Access>> {
        let (parts, plan) = (&self.refresh.parts, &self.refresh.plan);
        let seen = Seen::new(Some(entry), self.seen.facts);
        match parts.rules.reconcile(plan, &seen, parts.now()) {
            Reconcile::Adopt(times) => Some(found(seen, Some(times))),
            Reconcile::Over => Some(found(seen, None)),
            Reconcile::Refuse(error) => Some(failed(FailureClass::Config, error)),
            Reconcile::Claim { .. } | Reconcile::KeptBack | Reconcile::Again => None,
        }
    }

    /// The server says that the grant is over. Only a refresh token can be; and it is believed if
    /// the token it refused is still the stored one, and the store has noted it.
    async fn refused(self, error: GrantError) -> Result<End, Overtaken> {
        let Some(presented) = self.presented().cloned() else {
            self.settle(Settlement::Untouched, true).await;
            return Ok(failed(FailureClass::Terminal, Error::failed(error)).into());
        };
        let (entry, now) = (self.entry(), self.refresh.parts.now());
        let body = Body::End {
            owner: self.owner,
            epoch: entry.epoch,
            login: entry.login,
            over: entry.set,
            presented: Some(presented),
            reason: error.end_reason(),
            at: now.wall,
        };
        let outcome = match self.refresh.insist(Op::new(self.seen.facts.incarnation, now, body), now.boot).await {
            Ok(Reply::Stored { entry: stored, .. }) => {
                if entry.doubt.is_some() {
                    let generation = self.refresh.plan.generation;
                    self.refresh.parts.signal(|| Signal::SuspectedReuse { generation });
                }
                Outcome::Ended { entry: stored.into(), error: error.into() }
            }
            Ok(Reply::Conflict(stored)) => {
                self.settle(Settlement::Untouched, true).await;
                // It is the refused one still, and another holder is at it.
                if stored.set == entry.set {
                    return Ok(not_sent(Error::with_source(ErrorKind::Store, error)).into());
                }
                match self.instead(stored).ok_or(Overtaken(None))? {
                    Outcome::Failed { class, .. } => failed(class, Error::with_source(ErrorKind::Store, error)),
                    outcome => outcome,
                }
            }
            // Not confirmed is not ended: another may have stored a successor. It is tried again.
            Ok(_) => not_sent(Error::with_source(ErrorKind::Store, error)),
            Err((error, _)) => {
                self.settle(Settlement::Ambiguous(self.refresh.parts.rules.reuse), true).await;
                not_sent(error)
            }
        };
        Ok(outcome.into())
    }

    async fn failed(self, error: GrantError, sent: Now) -> Result<End, Overtaken> {
        if let (Some(rotated), EntryState::Active(old)) = (error.rotated_token().cloned(), self.entry().state) {
            return self.keep_rotated(error, rotated, old).await;
        }
        let class = error.class();
        let ambiguous = class == FailureClass::Ambiguous;
        let settlement = match ambiguous {
            true => Settlement::Ambiguous(self.refresh.parts.rules.reuse),
            false => Settlement::Untouched,
        };
        self.settle(settlement, class != FailureClass::NotSent).await;
        let in_doubt = ambiguous.then_some(sent.boot);
        Ok(Outcome::Failed { class, error: Error::failed(error), in_doubt, rotated: None }.into())
    }

    async fn unusable(self, set: &TokenSet, error: GrantError, sent: Now) -> Result<End, Overtaken> {
        let error = match set.refresh().cloned() {
            Some(rotated) => error.rotated(rotated),
            None => error,
        };
        self.failed(error, sent).await
    }

    /// The answer cannot be used, but the old refresh token is spent: the new one must survive,
    /// beside the old access token.
    async fn keep_rotated(self, error: GrantError, rotated: RefreshToken, old: StoredTokens) -> Result<End, Overtaken> {
        let mut tokens = old;
        tokens.refresh = Some(rotated.clone());
        let (class, error) = (error.class(), Error::failed(error));
        match self.commit(tokens).await {
            Ok(saved) => {
                let outcome = Outcome::Failed { class, error, in_doubt: None, rotated: Some(saved) };
                Ok(End::brought(outcome, Some(rotated.into())))
            }
            Err(entry) => {
                let mut end = self.overtaken(*entry, Some(rotated))?;
                if matches!(end.outcome, Outcome::Failed { .. }) {
                    end.outcome = failed(class, error);
                }
                Ok(end)
            }
        }
    }

    /// Gives the claim back. If that fails it runs out; others wait until then: late, but right.
    async fn settle(&self, outcome: Settlement, sent: bool) {
        let body = Body::Settle { owner: self.owner, outcome };
        let op = Op::new(self.seen.facts.incarnation, self.refresh.parts.now(), body);
        let failed = self.refresh.apply(op).await.is_err();
        self.refresh.set_unsent(self.owner, failed && !sent);
    }
}
