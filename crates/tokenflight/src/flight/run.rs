//! What a flight does, from the store and back to it.
//!
//! Store what is pending → take the lease → read the record under it → if somebody else has rotated already, adopt that
//! and stop → note the intent → [`Grant`](tokenflight_core::Grant) → commit → publish → wake (design, §3.2). It always
//! ends, it survives every panic of the user's code, and it calls nothing of the user's while anything is locked.

use std::time::Duration;

use tokenflight_core::{
    BoxFuture, Error, ErrorKind, FailureClass, GrantError, Now, RefreshToken,
    grant::Reason,
    lease::{Record, RecordState},
};
use tokenflight_machine::{FlightPlan, Found, Landing, Reconcile};

use super::{Landed, Pending, lease::Lease, pending::Saved, present::Presentation};
use crate::{
    catch::{Panicked, caught},
    session::{Held, Inner, Parts, Token},
    sync::{Arc, Weak},
    time::Deadline,
};

/// How long the server may take to revoke what nobody wants any more (C-21).
const REVOCATION: Duration = Duration::from_secs(5);

/// One flight on its way.
pub(crate) struct Voyage {
    pub(super) parts: Arc<Parts>,
    /// Weak: the slot holds the flight, and neither must keep the other alive.
    session: Weak<Inner>,
    pub(super) plan: FlightPlan,
}

/// What a flight comes back with.
pub(super) struct Arrival {
    pub(super) landing: Landing,
    /// The tokens to publish, if the landing brings some.
    pub(super) cargo: Option<Held>,
    /// What could not be stored.
    pub(super) pending: Option<Pending>,
}

/// Flies, lands, and says what the waiters get.
pub(crate) async fn run(parts: Arc<Parts>, session: Weak<Inner>, plan: FlightPlan) -> Landed {
    let voyage = Voyage { parts, session: Weak::clone(&session), plan };
    match caught(voyage.fly_and_land()).await {
        Ok(landed) => landed,
        // The clock, or we ourselves: every other call into the user's code is caught where it is made. Whether something
        // was sent, nobody can say any more. Uncaught, this would panic for everybody who asks, for ever.
        Err(panicked) => {
            let error = Error::from(GrantError::ambiguous(panicked));
            if let Some(session) = session.upgrade() {
                session.crash(&plan, &error);
            }
            Err(error)
        }
    }
}

impl Voyage {
    async fn fly_and_land(mut self) -> Landed {
        let arrival = self.fly().await;
        self.land(arrival).await
    }

    async fn fly(&mut self) -> Arrival {
        if let Err(error) = self.save_pending().await {
            return Landing::NotFlushed(error).into();
        }
        if self.plan.reason == Reason::Persist {
            return Landing::Flushed.into();
        }
        // Nobody is left to renew anything for; and what the session had still to store is not seen from here any more.
        if self.session.strong_count() == 0 {
            return not_sent(Error::new(ErrorKind::Closed)).into();
        }
        // A session that has just been built may find all it needs without the lease.
        if self.plan.reason == Reason::Load {
            match self.peek().await {
                Ok(None) => {}
                Ok(Some(arrival)) => return arrival,
                Err(error) => return not_sent(error).into(),
            }
        }
        let (lease, record) = match Lease::take(&self.parts).await {
            Ok(taken) => taken,
            Err(error) => return not_sent(error).into(),
        };
        match self.parts.policy.reconcile(&self.plan, record.as_ref(), self.now()) {
            Reconcile::Present { epoch, generation } => {
                let voyage = Presentation { parts: &self.parts, plan: &self.plan, lease, record, epoch, generation };
                voyage.fly().await
            }
            settled => {
                lease.release(&self.parts).await;
                settle(settled, record)
            }
        }
    }

    /// Stores what an earlier flight, a login or a logout could not store. Comes first: the store must not be read, nor
    /// an older refresh token presented, while a newer one is only in memory (C-25).
    async fn save_pending(&mut self) -> Result<(), Error> {
        while let Some(pending) = self.session.upgrade().and_then(|session| session.pending()) {
            let saved = pending.save(&self.parts, self.parts.policy.store_limit).await?;
            // Not held while the store is waited for, or session and flight would keep each other alive.
            let Some(session) = self.session.upgrade() else { break };
            session.saved(
                &pending,
                match saved {
                    Saved::Stored { epoch, generation } => Some((epoch, generation)),
                    Saved::Overtaken(_) => None,
                },
            );
            self.plan = session.replan(self.plan);
        }
        Ok(())
    }

    async fn peek(&self) -> Result<Option<Arrival>, Error> {
        let store = &self.parts.store;
        let record = self.parts.ask_store(Box::pin(async { store.load(&self.parts.key).await })).await?;
        Ok(match self.parts.policy.reconcile(&self.plan, record.as_ref(), self.now()) {
            Reconcile::Present { .. } => None,
            settled => Some(settle(settled, record)),
        })
    }

    /// Publishes and frees the slot. What a logout has made unwanted is revoked, best effort (C-19).
    async fn land(self, arrival: Arrival) -> Landed {
        let Arrival { landing, cargo, pending } = arrival;
        let obtained = matches!(landing, Landing::Obtained(_) | Landing::Over { .. });
        let refresh = cargo.as_ref().filter(|_| obtained).and_then(|held| held.refresh.clone());
        let over = matches!(&landing, Landing::Over { error, .. } if *error.kind() == ErrorKind::LoggedOut);
        let (landed, unwanted) = match self.session.upgrade() {
            Some(session) => {
                let touchdown = session.land(&self.plan, &landing, cargo, pending);
                (touchdown.landed, touchdown.unwanted)
            }
            // Nobody is left to use it; what matters is in the store.
            None => {
                if let Some(pending) = pending {
                    pending.persist(Arc::clone(&self.parts)).await;
                }
                (Err(Error::new(ErrorKind::Closed)), false)
            }
        };
        match refresh.filter(|_| unwanted || over) {
            Some(refresh) => self.revoke(&refresh).await,
            // "Logged out" tells the logout that there was a newer refresh token and that it is revoked. If this flight
            // brought none, the logout has to revoke the one it forgot.
            None if unwanted => return Err(Error::new(ErrorKind::SessionChanged)),
            None => {}
        }
        landed
    }

    async fn revoke(&self, token: &RefreshToken) {
        let revocation = Box::pin(caught(async { self.parts.grant.revoke(token).await }));
        let _ = Deadline::after(Arc::clone(&self.parts.time), REVOCATION).limit(revocation).await;
    }

    fn now(&self) -> Now {
        self.parts.time.now()
    }
}

impl Parts {
    /// Asks the store, with its panics and its silence turned into errors.
    pub(super) async fn ask_store<T>(
        &self,
        question: BoxFuture<'_, Result<T, tokenflight_core::lease::StoreError>>,
    ) -> Result<T, Error> {
        let limit = Deadline::after(Arc::clone(&self.time), self.policy.store_limit);
        match limit.limit(Box::pin(caught(question))).await {
            Ok(Ok(answer)) => Ok(answer?),
            Ok(Err(Panicked)) => Err(Error::with_source(ErrorKind::Store, Panicked)),
            Err(_) => Err(Error::with_source(ErrorKind::Store, "the store did not answer in time")),
        }
    }
}

/// The store could not be asked, so nothing was sent: never refresh without the lease (R-516, C-39).
pub(super) const fn not_sent(error: Error) -> Landing {
    Landing::Failed { class: FailureClass::NotSent, error, rotated: None }
}

/// A landing that the store's record alone decides.
pub(super) fn settle(reconciled: Reconcile, record: Option<Record>) -> Arrival {
    match reconciled {
        Reconcile::Adopt(found) => adopt(found, record),
        Reconcile::Stop(landing) => landing.into(),
        Reconcile::Present { .. } => {
            not_sent(Error::with_source(ErrorKind::Store, "the store changed while it was read")).into()
        }
    }
}

fn adopt(found: Found, record: Option<Record>) -> Arrival {
    let Some(Record { state: RecordState::Active(tokens), .. }) = record else {
        return not_sent(Error::with_source(ErrorKind::Store, "the store's record has no tokens")).into();
    };
    match tokens.access.to_header() {
        Ok(header) => {
            let token = Token::new(tokens.access, header, tokens.scope);
            let cargo = Held { token, refresh: tokens.refresh };
            Arrival { landing: Landing::Found(found), cargo: Some(cargo), pending: None }
        }
        Err(unsendable) => {
            let error = Error::with_source(ErrorKind::Refresh(FailureClass::Config), unsendable);
            Landing::Failed { class: FailureClass::Config, error, rotated: None }.into()
        }
    }
}

impl From<Landing> for Arrival {
    fn from(landing: Landing) -> Self {
        Self { landing, cargo: None, pending: None }
    }
}
