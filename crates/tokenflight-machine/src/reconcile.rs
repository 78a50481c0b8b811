//! What the store's record means for a flight that holds its lease.

use std::time::Duration;

use super::{FlightPlan, Found, Landing, Machine, Policy, Reconcile};
use tokenflight_core::{
    Error, ErrorKind, FailureClass, Generation, GrantError, MAX_LIFETIME, Now,
    grant::{Reason, ReusePolicy},
    lease::{Intent, Record, RecordState, StoredTokens},
};

impl FlightPlan {
    /// The generation it is to replace, as the store numbers it.
    const fn stored_generation(&self) -> Generation {
        Generation::new(self.generation.get().saturating_sub(self.ahead))
    }
}

impl Machine {
    /// [`Policy::reconcile`] by this machine's settings.
    #[must_use]
    pub fn reconcile(&self, plan: &FlightPlan, record: Option<&Record>, now: Now) -> Reconcile {
        self.policy.reconcile(plan, record, now)
    }
}

impl Policy {
    /// Judges a store's record, as read under its lease (C-31), for a flight.
    ///
    /// Without the lease only an adoption or a stop is final; a presentation needs the lease and another look.
    #[must_use]
    pub fn reconcile(&self, plan: &FlightPlan, record: Option<&Record>, now: Now) -> Reconcile {
        let Some(record) = record else { return self.without_record(plan) };
        if (record.epoch, record.generation) < (plan.epoch, plan.stored_generation()) {
            // A restored backup, or somebody's editor (C-42). Its refresh token is spent; ours must not be lost.
            return Reconcile::Stop(config("the store holds an older state than this session; it was not touched"));
        }
        match &record.state {
            RecordState::LoggedOut => {
                Reconcile::Stop(Landing::Over { epoch: record.epoch, error: Error::new(ErrorKind::LoggedOut) })
            }
            RecordState::Ended { reason, .. } => Reconcile::Stop(Landing::Over {
                epoch: record.epoch,
                error: Error::new(ErrorKind::Ended(reason.clone())),
            }),
            RecordState::Active(tokens) => self.with_tokens(plan, record, tokens, now),
        }
    }

    fn with_tokens(&self, plan: &FlightPlan, record: &Record, tokens: &StoredTokens, now: Now) -> Reconcile {
        if self.issuer.is_some() && tokens.issuer.is_some() && self.issuer != tokens.issuer {
            // A changed configuration, or a key that two grants share. Neither the access token nor the refresh token is for
            // whom this session speaks to.
            return Reconcile::Stop(config("the stored tokens are another issuer's; they were not presented"));
        }
        let newer = (record.epoch, record.generation) > (plan.epoch, plan.stored_generation());
        let found = self.found(record, tokens, now);
        if newer && found.lifetime.is_none_or(|lifetime| now.since(found.anchor) < lifetime) {
            return Reconcile::Adopt(found);
        }
        // Somebody presented this refresh token and did not come back. While we have a usable access token we do not
        // find out what that means.
        let kept_back = record.intent.is_some_and(|intent| self.keeps_back(&intent, now));
        if kept_back && plan.usable && plan.reason != Reason::Forced {
            return Reconcile::Stop(ambiguous());
        }
        if tokens.refresh.is_none() && self.needs_refresh_token {
            let error = Error::new(ErrorKind::NoRefreshToken);
            return Reconcile::Stop(Landing::Failed { class: FailureClass::Config, error, rotated: None });
        }
        Reconcile::Present { epoch: record.epoch, generation: record.generation }
    }

    /// Whether a refresh token that somebody else has presented is not presented again while the access token lasts.
    fn keeps_back(&self, intent: &Intent, now: Now) -> bool {
        match self.reuse_policy {
            ReusePolicy::Strict => true,
            ReusePolicy::UntilUsed | ReusePolicy::NonRotating => false,
            // It was not presented before it was claimed; past the window the server forgives no more than a strict one.
            ReusePolicy::Grace { window } => {
                now.wall >= intent.until.saturating_sub(self.lease_length()).saturating_add(window)
            }
        }
    }

    fn without_record(&self, plan: &FlightPlan) -> Reconcile {
        let nothing_yet = plan.reason == Reason::Load;
        if !self.needs_refresh_token {
            return Reconcile::Present { epoch: plan.epoch, generation: plan.generation };
        }
        // Deleting the record is how users log a program out by hand.
        let kind = if nothing_yet { ErrorKind::NotLoggedIn } else { ErrorKind::LoggedOut };
        Reconcile::Stop(Landing::Over { epoch: plan.epoch, error: Error::new(kind) })
    }

    /// The record's tokens on this process's clocks. Between processes only the wall clock is shared: the age is
    /// what it says, not negative, and from here on both local clocks count.
    fn found(&self, record: &Record, tokens: &StoredTokens, now: Now) -> Found {
        let lifetime = tokens.lifetime.map(|lifetime| lifetime.min(MAX_LIFETIME));
        let age = now.wall.saturating_sub(tokens.received).min(MAX_LIFETIME);
        // An age beyond the lifetime is simply "expired"; keep the anchor near so that clocks cannot underflow it.
        let age = age.min(lifetime.or(self.default_lifetime).unwrap_or(Duration::ZERO));
        let (anchor, lifetime) = match now.boot.checked_sub(age) {
            Some(_) => (now.back(age), lifetime),
            // The boot clock is younger than the token: count what is left from now.
            None => (now, lifetime.map(|lifetime| lifetime.saturating_sub(age))),
        };
        Found {
            epoch: record.epoch,
            generation: record.generation,
            anchor,
            lifetime,
            has_refresh_token: tokens.refresh.is_some(),
        }
    }
}

fn config(message: &'static str) -> Landing {
    let error = Error::from(GrantError::config(message));
    Landing::Failed { class: FailureClass::Config, error, rotated: None }
}

fn ambiguous() -> Landing {
    let error = Error::from(GrantError::ambiguous("another attempt with this refresh token never reported back"));
    Landing::Failed { class: FailureClass::Ambiguous, error, rotated: None }
}
