//! When a stored refresh token may be presented: the engine's half of the contract, pure functions.
//!
//! The store's half is [`apply`](tokenflight_core::store::apply()). The two are checked together,
//! by a model of holders that crash, pause and lose messages.

use std::time::Duration;

use tokenflight_core::{
    Now,
    grant::ReusePolicy,
    store::{Doubt, Entry, EntryState, Facts, Incarnation, OpId, Owner, Reading, StoreErrorKind},
};

/// How long the parts of a presentation take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The model checker sets all of them.
pub struct Lengths {
    /// What a token request may take as a whole.
    pub request: Duration,
    /// How long a claim lasts: the request, and time to get to it.
    pub claim: Duration,
    /// How much of the claim must be left when a whole request has passed.
    pub reserve: Duration,
    /// The least time in which it is worth asking again inside a grace window.
    pub least: Duration,
    /// A watch is broken when the store has not been asked for this long.
    pub gap: Duration,
}

/// Whether the stored refresh token may have been presented, as a holder that claims it must
/// assume: it says so, or another holder's claim never reported, or the storage may have lost one.
///
/// `unsent` is an earlier attempt of the same session that is known to have sent nothing.
#[must_use]
pub fn doubt_of(entry: &Entry, facts: &Facts, unsent: Option<Owner>) -> Option<Doubt> {
    let foreign = entry.claim.as_ref().filter(|claim| Some(claim.owner) != unsent);
    let moved = entry.home != facts.incarnation && !matches!(entry.state, EntryState::Empty);
    entry
        .doubt
        .or_else(|| foreign.map(|claim| Doubt::since(claim.since)))
        .or_else(|| moved.then_some(Doubt::since(None)))
}

/// The moment at which a grace window is judged: what the storage's clock shows, unless it jumped.
#[must_use]
pub fn reading(facts: &Facts, asked: Now) -> Option<Reading> {
    facts.now(asked).filter(|_| facts.trusted)
}

/// How long a request may take that presents a refresh token now; `None` if it may not be sent.
///
/// A token in doubt is kept back while the access token is usable, whatever the reason of the
/// refresh: the server might end the session. Without a usable access token there is nothing left
/// to lose. Within the server's grace window it is presented promptly; the request must end in it.
/// `now` is a [`reading`], or one with the time that has passed since.
#[must_use]
pub fn may_present(
    policy: ReusePolicy,
    doubt: Option<Doubt>,
    now: Option<Reading>,
    usable: bool,
    lengths: &Lengths,
) -> Option<Duration> {
    let Some(doubt) = doubt else { return Some(lengths.request) };
    let left = match policy {
        ReusePolicy::NonRotating | ReusePolicy::UntilUsed => return Some(lengths.request),
        ReusePolicy::Strict => None,
        ReusePolicy::Grace { window } => doubt.age(now).and_then(|age| window.checked_sub(age)),
    };
    match left.filter(|left| *left >= lengths.least) {
        Some(left) => Some(left.min(lengths.request)),
        None => (!usable).then_some(lengths.request),
    }
}

/// Whether a request may be sent under a claim that counts from so long ago: when the request's
/// time is over, the claim must still last for a reserve. The last look before the first byte.
#[must_use]
pub const fn covers(age: Duration, request: Duration, lengths: &Lengths) -> bool {
    age.saturating_add(request).saturating_add(lengths.reserve).as_nanos() <= lengths.claim.as_nanos()
}

/// Whether an operation whose try failed is let go. If an earlier try's outcome is unknown, a later
/// one that was not done settles nothing.
#[must_use]
pub const fn lets_go(kind: StoreErrorKind, unknown_before: bool) -> bool {
    match kind {
        StoreErrorKind::NotDone => !unknown_before,
        StoreErrorKind::Unknown => false,
        StoreErrorKind::Refused => !unknown_before,
    }
}

/// For how long this process has seen the very same entry, by the boot clock, without a failed
/// answer of the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    seen: Option<(OpId, Option<Incarnation>)>,
    since: Duration,
    last: Duration,
}

impl Watched {
    /// The store has answered with an entry of this version, at `now` on the boot clock. Returns
    /// for how long it has been the same one.
    pub fn saw(&mut self, op: OpId, incarnation: Option<Incarnation>, now: Duration, lengths: &Lengths) -> Duration {
        let same = self.seen == Some((op, incarnation)) && now.saturating_sub(self.last) <= lengths.gap;
        if !same {
            self.seen = Some((op, incarnation));
            self.since = now;
        }
        self.last = now;
        now.saturating_sub(self.since)
    }

    /// The store has failed: what happened meanwhile is not known.
    pub const fn broken(&mut self) {
        self.seen = None;
    }
}
