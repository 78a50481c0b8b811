//! Presenting a refresh token: from the intent to the commit. The lease is held all the while.

use tokenflight_core::{
    Epoch, Error, ErrorKind, FailureClass, Generation, GrantError, Now, RefreshToken, TokenSet,
    grant::TokenRequest,
    lease::{Commit, End, Record, RecordState, Settle, StoredTokens, Write},
};
use tokenflight_machine::{FlightPlan, Landing, Obtained, Reconcile};

use super::{
    Pending,
    lease::Lease,
    pending::Saved,
    run::{Arrival, not_sent, settle},
};
use crate::{
    catch::{Panicked, caught},
    session::{Held, Parts, Token},
    sync::Arc,
    time::Deadline,
};

/// One presentation under its lease.
pub(super) struct Presentation<'a> {
    pub(super) parts: &'a Arc<Parts>,
    pub(super) plan: &'a FlightPlan,
    pub(super) lease: Lease,
    pub(super) record: Option<Record>,
    /// The record's epoch: another process may have logged in.
    pub(super) epoch: Epoch,
    /// The record's generation.
    pub(super) generation: Generation,
}

impl Presentation<'_> {
    pub(super) async fn fly(self) -> Arrival {
        match self.lease.intend(self.parts).await {
            Ok(true) => {}
            Ok(false) => {
                self.lease.release(self.parts).await;
                return not_sent(Error::with_source(ErrorKind::Store, "the store's lease was lost before the request"))
                    .into();
            }
            Err(error) => {
                self.lease.release(self.parts).await;
                return not_sent(error).into();
            }
        }
        // The lifetime counts from before the request was sent, so that latency can only shorten it.
        let sent = self.parts.time.now();
        match self.request().await {
            Ok(set) => self.obtained(set, sent).await,
            Err(error) if error.class() == FailureClass::Terminal => self.refused(error).await,
            Err(error) => self.failed(error).await,
        }
    }

    fn presented(&self) -> Option<&RefreshToken> {
        self.tokens().and_then(|tokens| tokens.refresh.as_ref())
    }

    fn tokens(&self) -> Option<&StoredTokens> {
        self.record.as_ref().and_then(Record::tokens)
    }

    /// One submission, within its limit. No answer is an outcome too.
    async fn request(&self) -> Result<TokenSet, GrantError> {
        let request =
            TokenRequest::new(self.presented().cloned(), self.plan.reason).replacing(self.epoch, self.generation);
        let answer = Box::pin(caught(async { self.parts.grant.request(&request).await }));
        let limit = Deadline::after(Arc::clone(&self.parts.time), self.parts.policy.attempt_limit());
        // After its time a request may still be answered, but no longer sent: by then the lease is somebody else's.
        let sent = || request.class_without_answer() != FailureClass::NotSent;
        let silence = match limit.limit_if(answer, sent).await {
            Ok(Ok(result)) => return result,
            Ok(Err(Panicked)) => GrantError::new(request.class_without_answer()).source(Panicked),
            Err(_) => GrantError::new(request.class_without_answer()).source("no answer within the time limit"),
        };
        Err(silence)
    }

    /// Persist, then publish.
    async fn obtained(self, set: TokenSet, sent: Now) -> Arrival {
        let header = match set.check() {
            Ok(header) => header,
            Err(unusable) => {
                let error = GrantError::config(unusable);
                let rotated = set.refresh().cloned();
                return self
                    .failed(match rotated {
                        Some(token) => error.rotated(token),
                        None => error,
                    })
                    .await;
            }
        };
        let issuer = self.parts.policy.issuer.as_deref();
        let tokens = StoredTokens::from_set(&set, sent.wall, self.presented()).issued_by(issuer);
        let token = Token::new(tokens.access.clone(), header, tokens.scope.clone());
        let cargo = Held { token, refresh: tokens.refresh.clone() };
        let mut obtained = Obtained::new(self.epoch, self.generation.next(), sent, set.lifetime());
        obtained.refresh_in = set.refresh_hint();
        obtained.has_refresh_token = tokens.refresh.is_some();
        let pending = self.commit(tokens);
        match pending.save(self.parts, self.parts.policy.store_limit).await {
            Ok(Saved::Stored { generation, .. }) => {
                obtained.generation = generation;
                Arrival { landing: Landing::Obtained(obtained), cargo: Some(cargo), pending: None }
            }
            Ok(Saved::Overtaken(record)) => {
                self.lease.release(self.parts).await;
                self.overtaken(record.map(|record| *record), cargo)
            }
            // A failed persist never turns a good refresh into a failed request.
            Err(error) => {
                obtained.unsaved = Some(error);
                Arrival { landing: Landing::Obtained(obtained), cargo: Some(cargo), pending: Some(pending) }
            }
        }
    }

    fn commit(&self, tokens: StoredTokens) -> Pending {
        let presented = self.presented().cloned();
        Pending::commit(Commit::new(self.lease.owner, self.epoch, self.generation.next(), presented, tokens))
    }

    /// Somebody else's state is stored: a login, a logout, or another successor. It counts, ours does not. Our
    /// tokens travel on only to be revoked, if it was a logout.
    fn overtaken(&self, record: Option<Record>, cargo: Held) -> Arrival {
        let now = self.parts.time.now();
        let reconciled = match &record {
            None => {
                let error = Error::new(ErrorKind::LoggedOut);
                Reconcile::Stop(Landing::Over { epoch: self.epoch, error })
            }
            Some(_) => self.look_again(record.as_ref(), now),
        };
        let mut arrival = settle(reconciled, record);
        if matches!(arrival.landing, Landing::Over { .. }) {
            arrival.cargo = Some(cargo);
        }
        arrival
    }

    /// Judges the state that is stored instead of ours. Nothing is presented any more, so an intent in it is no obstacle.
    fn look_again(&self, record: Option<&Record>, now: Now) -> Reconcile {
        let mut plan = *self.plan;
        plan.usable = false;
        self.parts.policy.reconcile(&plan, record, now)
    }

    /// The server says that the grant is over. That is believed if the token it refused is still the stored one.
    async fn refused(self, error: GrantError) -> Arrival {
        let now = self.parts.time.now();
        let presented = self.presented().cloned();
        let end = End::new(self.lease.owner, self.epoch, presented, error.end_reason(), now.wall);
        let written = match self.record {
            // Nothing is stored that could be ended.
            None => Ok(Write::Stored(self.generation)),
            Some(_) => {
                let store = &self.parts.store;
                self.parts.ask_store(Box::pin(async { store.end(&self.parts.key, end).await })).await
            }
        };
        match written {
            Ok(Write::Conflict(record)) => {
                self.lease.release(self.parts).await;
                match self.look_again(record.as_ref(), now) {
                    // Another one is stored, but it cannot be used as it is: the next flight presents it.
                    Reconcile::Present { .. } => {
                        let error = Error::with_source(ErrorKind::Refresh(FailureClass::Config), error);
                        Landing::Failed { class: FailureClass::Config, error, rotated: None }.into()
                    }
                    settled => settle(settled, record),
                }
            }
            // A tombstone that cannot be set does not make the grant alive; the next process will be told the same.
            Ok(Write::Stored(_)) | Err(_) => Landing::Over { epoch: self.epoch, error: error.into() }.into(),
        }
    }

    async fn failed(self, error: GrantError) -> Arrival {
        let class = error.class();
        if let Some((tokens, token)) = error.rotated_token().and_then(|rotated| self.rotated_beside_old(rotated)) {
            return self.keep_rotated(error, tokens, token).await;
        }
        let outcome = if class == FailureClass::Ambiguous { Settle::Ambiguous } else { Settle::Untouched };
        self.lease.settle(self.parts, outcome).await;
        Landing::Failed { class, error: error.into(), rotated: None }.into()
    }

    /// The old access token beside the new refresh token, as it is stored and as it is held.
    fn rotated_beside_old(&self, rotated: &RefreshToken) -> Option<(StoredTokens, Token)> {
        let Some(Record { state: RecordState::Active(old), .. }) = &self.record else { return None };
        let mut tokens = old.clone();
        tokens.refresh = Some(rotated.clone());
        let header = tokens.access.to_header().ok()?;
        let token = Token::new(tokens.access.clone(), header, tokens.scope.clone());
        Some((tokens, token))
    }

    /// The answer cannot be used, but the old refresh token is spent: the new one must survive (T-22, T-32).
    async fn keep_rotated(self, error: GrantError, tokens: StoredTokens, token: Token) -> Arrival {
        let cargo = Some(Held { token, refresh: tokens.refresh.clone() });
        let pending = self.commit(tokens);
        let (class, error) = (error.class(), Error::from(error));
        match pending.save(self.parts, self.parts.policy.store_limit).await {
            Ok(Saved::Stored { generation, .. }) => {
                let landing = Landing::Failed { class, error, rotated: Some(generation) };
                Arrival { landing, cargo, pending: None }
            }
            Ok(Saved::Overtaken(_)) => {
                self.lease.release(self.parts).await;
                Landing::Failed { class, error, rotated: None }.into()
            }
            Err(_) => {
                let landing = Landing::Failed { class, error, rotated: Some(self.generation.next()) };
                Arrival { landing, cargo, pending: Some(pending) }
            }
        }
    }
}
