//! What the store's entry means for a refresh.

use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, GrantError, MAX_LIFETIME, Now,
    grant::issuer,
    store::{Entry, EntryState, Seen, StoredTokens},
};

use super::{Plan, Rules, Times, present};

/// What the store's entry means for a refresh.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Reconcile {
    /// It is newer and can be used: adopt it. If it has ended, its access token may live a while.
    Adopt(Times),
    /// It says that the session is over, or holds nothing.
    Over,
    /// Claim it and present its refresh token, or ask without one, within this time.
    Claim {
        /// How long the request may take.
        request: Duration,
    },
    /// It is older than what was seen of it: the storage lost part of its history. Write that back.
    Again,
    /// It may not be presented yet: another attempt with it never reported, and the access token is
    /// still usable; or this refresh only looks.
    KeptBack,
    /// Present nothing; this is why.
    Refuse(Error),
}

impl Rules {
    /// Judges what was read of the store, for a refresh.
    #[must_use]
    pub fn reconcile(&self, plan: &Plan, seen: &Seen, now: Now) -> Reconcile {
        match self.judge(plan, seen, now) {
            Reconcile::Claim { .. } | Reconcile::Again if plan.looks => Reconcile::KeptBack,
            judged => judged,
        }
    }

    fn judge(&self, plan: &Plan, seen: &Seen, now: Now) -> Reconcile {
        let Some(entry) = &seen.entry else { return self.without_tokens() };
        if let Some(known) = plan.known.as_deref().filter(|known| entry.order() < known.order()) {
            if seen.facts.have_lost(known, entry) {
                return Reconcile::Again;
            }
            // A restored backup, or an editor. Its refresh token is spent; ours must not be lost.
            return refuse("the store holds an older state than this session has seen of it; it was not touched");
        }
        if let Some(refusal) = entry.tokens().and_then(|tokens| self.of_others(tokens)) {
            return refusal;
        }
        match &entry.state {
            EntryState::Empty => self.without_tokens(),
            EntryState::LoggedOut => Reconcile::Over,
            // A token that this session has had is as old as it knows itself, whatever the wall
            // clock says by now.
            EntryState::Ended { tokens, .. } if is_newer(entry, plan) => {
                match self.times(tokens, now).filter(|times| lives(times, now)) {
                    Some(times) => Reconcile::Adopt(times),
                    None => Reconcile::Over,
                }
            }
            EntryState::Ended { .. } => Reconcile::Over,
            EntryState::Active(tokens) => self.with_tokens(plan, seen, entry, tokens, now),
        }
    }

    /// A changed configuration, or a key that two grants share: neither token is for whom this
    /// session speaks to.
    fn of_others(&self, tokens: &StoredTokens) -> Option<Reconcile> {
        let issuers = differ(self.issuer.as_deref(), tokens.issuer.as_deref());
        if let Some((ours, theirs)) = issuers.filter(|(ours, theirs)| !issuer::compatible(theirs, ours)) {
            return Some(refuse(format!(
                "the stored tokens are from the issuer {theirs} and this session is for {ours}; they were not presented"
            )));
        }
        let (ours, theirs) = differ(self.client_id.as_deref(), tokens.client_id.as_deref())?;
        Some(refuse(format!(
            "the stored tokens were issued to the client {theirs} and this session is the client {ours}; they were not presented"
        )))
    }

    fn with_tokens(&self, plan: &Plan, seen: &Seen, entry: &Entry, tokens: &StoredTokens, now: Now) -> Reconcile {
        if is_newer(entry, plan)
            && let Some(times) = self.times(tokens, now).filter(|times| lives(times, now))
        {
            return Reconcile::Adopt(times);
        }
        if tokens.refresh.is_none() && self.needs_refresh_token {
            return Reconcile::Refuse(Error::new(ErrorKind::NoRefreshToken));
        }
        // Another holder's claim is no doubt while in force: whether it is, the store decides.
        let holder = entry.claim.as_ref().map(|claim| claim.owner);
        let doubt = present::doubt_of(entry, &seen.facts, holder);
        match present::may_present(
            self.reuse,
            doubt,
            present::reading(&seen.facts, now),
            plan.is_usable(now),
            &self.lengths(),
        ) {
            Some(request) => Reconcile::Claim { request },
            None => Reconcile::KeptBack,
        }
    }

    fn without_tokens(&self) -> Reconcile {
        match self.needs_refresh_token {
            true => Reconcile::Over,
            false => Reconcile::Claim { request: self.attempt_limit() },
        }
    }

    /// How long stored tokens live, on this process's clocks; `None` if there is no access token.
    /// Between processes only the wall clock is shared: the age is what it says, not negative, and
    /// from here on both local clocks count.
    #[must_use]
    pub fn times(&self, tokens: &StoredTokens, now: Now) -> Option<Times> {
        tokens.access.as_ref()?;
        let lifetime = tokens.lifetime.map(|lifetime| lifetime.min(MAX_LIFETIME));
        let age = now.wall.saturating_sub(tokens.received).min(MAX_LIFETIME);
        // An age beyond the lifetime is simply "expired"; keep the anchor near so that clocks
        // cannot underflow it.
        let age = age.min(lifetime.or(self.policy.default_lifetime).unwrap_or(Duration::ZERO));
        Some(Times::received(now, age, lifetime))
    }
}

/// Whether the tokens are others than those that were last seen.
fn is_newer(entry: &Entry, plan: &Plan) -> bool {
    plan.known.as_deref().is_none_or(|known| entry.set != known.set)
}

fn lives(times: &Times, now: Now) -> bool {
    times.lifetime.is_none_or(|lifetime| now.since(times.anchor) < lifetime)
}

/// Both names, if both are known and they are not the same.
fn differ<'a>(ours: Option<&'a str>, theirs: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    ours.zip(theirs).filter(|(ours, theirs)| ours != theirs)
}

fn refuse(message: impl Into<tokenflight_core::BoxError>) -> Reconcile {
    Reconcile::Refuse(Error::from(GrantError::config(message)))
}
