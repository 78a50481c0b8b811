//! Entries and operations to test with.

pub(crate) use std::time::Duration;

pub(crate) use tokenflight_core::{
    EndReason, Now, RefreshToken, TokenSet,
    grant::ReusePolicy,
    store::{
        Body, Clock, ClockId, Doubt, Entry, EntryState, Facts, Incarnation, LockId, Op, OpId, Outcome, Owner, Reply,
        StoredTokens, apply,
    },
};

pub(crate) const A: Owner = Owner::new(0xA);
pub(crate) const B: Owner = Owner::new(0xB);
pub(crate) const STRICT: Outcome = Outcome::Ambiguous(ReusePolicy::Strict);
pub(crate) const LENGTH: Duration = Duration::from_secs(75);
pub(crate) const ONE: Incarnation = Incarnation::new(1);
pub(crate) const TWO: Incarnation = Incarnation::new(2);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn tokens(n: u32) -> StoredTokens {
    let set = TokenSet::new(format!("access-{n}")).refresh_token(format!("refresh-{n}"));
    StoredTokens::from_set(&set, secs(1_700_000_000), None)
}

/// A storage with a trusted clock that shows this many seconds.
pub(crate) const fn clocked(seconds: u64) -> Facts {
    Facts::at(ClockId::new(9), secs(seconds), true)
}

/// The same storage, in this incarnation.
pub(crate) const fn within(incarnation: Incarnation, mut facts: Facts) -> Facts {
    facts.incarnation = Some(incarnation);
    facts
}

/// An operation that was begun in the incarnation the storage is in.
pub(crate) fn op(facts: &Facts, body: Body) -> Op {
    let seconds = match facts.clock {
        Clock::Storage { now, .. } => now,
        Clock::None | Clock::Caller => secs(1_000),
    };
    Op::new(facts.incarnation, Now::new(seconds, secs(1_700_000_000) + seconds), body)
}

pub(crate) fn claim(owner: Owner, on: &Entry) -> Body {
    Body::Claim { owner, seen: on.op, length: LENGTH, yields: None, holder: format!("{owner:?}").into() }
}

pub(crate) fn commit(over: &Entry, n: u32) -> Body {
    let presented = over.tokens().and_then(|tokens| tokens.refresh.clone());
    Body::Commit { epoch: over.epoch, login: over.login, over: over.set, presented, next: tokens(n) }
}

pub(crate) fn end(owner: Owner, of: &Entry) -> Body {
    let presented = of.tokens().and_then(|tokens| tokens.refresh.clone());
    let (epoch, login, over) = (of.epoch, of.login, of.set);
    Body::End { owner, epoch, login, over, presented, reason: EndReason::new("invalid_grant"), at: secs(7) }
}

pub(crate) fn login(n: u32) -> Body {
    Body::Reset { base: None, tokens: Some(tokens(n)) }
}

pub(crate) fn settle(owner: Owner, outcome: Outcome) -> Body {
    Body::Settle { owner, outcome }
}

/// Does it, and returns the new entry, which there must be.
pub(crate) fn done(entry: Option<&Entry>, facts: &Facts, body: Body) -> Entry {
    let (next, reply) = apply(entry, &op(facts, body), facts);
    next.unwrap_or_else(|| panic!("it is answered {reply:?}"))
}

/// A login with set 1, and the same under A's claim.
pub(crate) fn logged_in(facts: &Facts) -> (Entry, Entry) {
    let entry = done(None, facts, login(1));
    let claimed = done(Some(&entry), facts, claim(A, &entry));
    (entry, claimed)
}

pub(crate) const fn is_busy(reply: &Reply) -> bool {
    matches!(reply, Reply::Busy { .. })
}

pub(crate) const fn is_granted(reply: &Reply) -> bool {
    matches!(reply, Reply::Granted(_))
}
