//! The rules of the contract, as one pure function.

use std::time::Duration;

use super::{
    Body, Claim, Doubt, Entry, EntryState, Facts, Incarnation, Op, OpId, Outcome, Owner, Reading, Reply, StoredTokens,
};
use crate::{RefreshToken, grant::ReusePolicy};

/// The times that are the contract's own. Every process that shares an entry must use the same
/// ones: [`Timing::DEFAULT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Another time would be another contract.
pub struct Timing {
    /// What a holder may have sent is given this long to arrive, once it is known to send no more.
    pub drain: Duration,
    /// A claim that ran out is taken over only after the storage has answered for this long: after
    /// an outage its holder reports first.
    pub quiet: Duration,
}

impl Timing {
    /// 5 s and 15 s. A holder tries to store what it owes at least every third of `quiet`.
    pub const DEFAULT: Self = Self { drain: Duration::from_secs(5), quiet: Duration::from_secs(15) };
}

/// One step on one entry. `Some` is the new entry, to be written whatever the reply says.
///
/// The function is pure: a store reads an entry, calls this, and swaps the result in if the version
/// (who wrote the entry, and the storage's incarnation) has not changed; if it has, it reads again
/// and calls again. The [module documentation](super) has the rules in words.
#[must_use]
pub fn apply(entry: Option<&Entry>, op: &Op, facts: &Facts) -> (Option<Entry>, Reply) {
    apply_with(Timing::DEFAULT, entry, op, facts)
}

/// As [`apply`], with other times: for model checkers, which count in ticks.
#[must_use]
pub fn apply_with(timing: Timing, entry: Option<&Entry>, op: &Op, facts: &Facts) -> (Option<Entry>, Reply) {
    let missing = Entry::default();
    let entry = entry.unwrap_or(&missing);
    if let Some(reply) = applied_before(entry, op, facts) {
        return (None, reply);
    }
    let step = Step { timing, entry, op, facts };
    match &op.body {
        Body::Claim { owner, seen, length, yields, holder } => step.claim(*owner, *seen, *length, *yields, holder),
        Body::Commit { epoch, login, over, presented, next } => {
            let successor = (*epoch, *login) == (entry.epoch, entry.login) && step.replaces(*over, presented.as_ref());
            match successor && !matches!(entry.state, EntryState::LoggedOut) {
                true => step.commit(next),
                false => (None, Reply::Conflict(entry.clone())),
            }
        }
        Body::End { owner, epoch, login, over, presented, reason, at } => {
            let refused = (*epoch, *login) == (entry.epoch, entry.login) && step.replaces(*over, presented.as_ref());
            let foreign = entry.claim.as_ref().is_some_and(|claim| claim.owner != *owner);
            match &entry.state {
                EntryState::Active(tokens) if refused && !foreign => {
                    let (tokens, reason, at) = (tokens.clone(), reason.clone(), *at);
                    let state = EntryState::Ended { tokens, reason, at };
                    stored(Entry { state, claim: None, doubt: None, ..step.next() }, None)
                }
                _ => (None, Reply::Conflict(entry.clone())),
            }
        }
        Body::Settle { owner, outcome } => step.settle(*owner, *outcome),
        Body::Reset { base, tokens } => match base {
            Some(base) if *base != entry.login => (None, Reply::Overtaken(entry.clone())),
            _ => step.reset(tokens.as_ref()),
        },
        Body::Again { record } => step.again(record),
    }
}

/// Whether this operation has had its effect: then it is answered as if that had happened now.
///
/// It comes first, on every load of every try. On a first try it never matches.
fn applied_before(entry: &Entry, op: &Op, facts: &Facts) -> Option<Reply> {
    let stored = |replaced| Reply::Stored { entry: entry.clone(), replaced };
    match &op.body {
        Body::Claim { .. } => {
            let ours = entry.claim.as_ref().is_some_and(|claim| claim.op == op.id);
            (ours && entry.home == facts.incarnation).then(|| Reply::Granted(entry.clone()))
        }
        Body::Commit { .. } => (entry.set == op.id).then(|| stored(None)),
        Body::Reset { .. } => {
            (entry.login == op.id).then(|| stored(op.tried.as_ref().and_then(|tried| tried.tokens().cloned())))
        }
        Body::End { login, over, .. } => {
            let ended = matches!(entry.state, EntryState::Ended { .. });
            (ended && entry.set == *over && entry.login == *login).then(|| stored(None))
        }
        Body::Settle { owner, .. } => {
            let ours = entry.claim.as_ref().is_some_and(|claim| claim.owner == *owner);
            (!ours).then_some(Reply::Nothing)
        }
        Body::Again { record } => {
            let again = (entry.set, entry.login) == (record.set, record.login);
            again.then(|| stored(None))
        }
    }
}

/// One operation that has had no effect yet.
struct Step<'a> {
    timing: Timing,
    entry: &'a Entry,
    op: &'a Op,
    facts: &'a Facts,
}

impl Step<'_> {
    /// The entry as it is, written by this operation.
    fn next(&self) -> Entry {
        Entry { op: self.op.id, ..self.entry.clone() }
    }

    fn now(&self) -> Option<Reading> {
        self.facts.now(self.op.asked)
    }

    /// The incarnation of what is freshly written: none if it changed since the operation began.
    fn home(&self) -> Option<Incarnation> {
        self.facts.incarnation.filter(|_| self.op.born == self.facts.incarnation)
    }

    /// Whether the entry holds the very token set that was presented.
    fn replaces(&self, over: OpId, presented: Option<&RefreshToken>) -> bool {
        let refresh = self.entry.tokens().and_then(|tokens| tokens.refresh.as_ref());
        self.entry.set == over && refresh == presented
    }

    fn claim(
        &self,
        owner: Owner,
        seen: OpId,
        length: Duration,
        yields: Option<Owner>,
        holder: &str,
    ) -> (Option<Entry>, Reply) {
        let Self { entry, op, facts, .. } = self;
        let decided_here = entry.op == seen && facts.incarnation == op.born;
        if !decided_here || !matches!(entry.state, EntryState::Active(_) | EntryState::Empty) {
            return (None, Reply::Changed((*entry).clone()));
        }
        let foreign = entry.claim.as_ref().filter(|claim| Some(claim.owner) != yields);
        if let Some(claim) = foreign
            && let Some(busy) = self.excluded_by(claim)
        {
            return busy;
        }
        // What was lost with the storage's history may be a claim in force.
        let quarantined = entry.home != facts.incarnation && !matches!(entry.state, EntryState::Empty);
        if quarantined && op.watched < length {
            return (None, busy(Some(length.saturating_sub(op.watched)), None));
        }
        let doubt = match (entry.doubt, foreign) {
            (Some(doubt), _) => Some(doubt),
            (None, Some(claim)) => Some(Doubt::since(claim.since)),
            (None, None) => quarantined.then_some(Doubt::since(None)),
        };
        let since = self.now();
        let claim = Claim {
            owner,
            op: op.id,
            since,
            until: since.map_or(Duration::ZERO, |since| since.at.saturating_add(length)),
            length,
            lock: facts.lock,
            dying: false,
            holder: holder.into(),
        };
        let next = Entry { claim: Some(claim), doubt, home: facts.incarnation, ..self.next() };
        (Some(next.clone()), Reply::Granted(next))
    }

    /// Whether another holder's claim is in the way, and what is written because of it.
    fn excluded_by(&self, claim: &Claim) -> Option<(Option<Entry>, Reply)> {
        let Self { timing, op, facts, .. } = self;
        // `None` if the claim was timed by another clock.
        let left = claim.since.zip(self.now()).filter(|(since, now)| since.clock == now.clock);
        let left = left.map(|(_, now)| claim.until.saturating_sub(now.at));
        let holder = || Some(claim.holder.clone());
        if let Some(lock) = facts.lock {
            // The lock that the claim was made under is ours now: its holder is dead, and only what
            // it sent is awaited.
            if claim.lock == Some(lock) && !claim.dying && left.is_some() {
                let until = self.now().map_or(Duration::ZERO, |now| now.at.saturating_add(timing.drain));
                let claim = Claim { until, dying: true, ..claim.clone() };
                let next = Entry { claim: Some(claim), ..self.next() };
                return Some((Some(next), busy(Some(timing.drain), holder())));
            }
            // Another boot of the machine: the holder is dead, and what it sent has arrived.
            return left.filter(|left| !left.is_zero()).map(|left| (None, busy(Some(left), holder())));
        }
        let left = match left.filter(|_| facts.trusted) {
            Some(left) => left,
            None => claim.length.saturating_sub(op.watched),
        };
        let left = left.max(timing.quiet.saturating_sub(op.watched));
        (!left.is_zero()).then(|| (None, busy(Some(left), holder())))
    }

    fn commit(&self, next: &StoredTokens) -> (Option<Entry>, Reply) {
        let entry = Entry {
            set: self.op.id,
            rotation: self.entry.rotation.saturating_add(1),
            state: EntryState::Active(next.clone()),
            claim: None,
            doubt: None,
            home: self.home(),
            ..self.next()
        };
        stored(entry, None)
    }

    fn settle(&self, owner: Owner, outcome: Outcome) -> (Option<Entry>, Reply) {
        let Some(claim) = self.entry.claim.as_ref().filter(|claim| claim.owner == owner) else {
            return (None, Reply::Nothing);
        };
        let Outcome::Ambiguous(policy) = outcome else {
            // The doubt that an earlier attempt left is not this attempt's to lift.
            return stored(Entry { claim: None, ..self.next() }, None);
        };
        let doubt = self.entry.doubt.unwrap_or_else(|| Doubt::since(claim.since));
        // What was sent may arrive after another holder has stored a successor. Only a server that
        // answers it even then is presented the refresh token at once.
        let claim = match policy {
            ReusePolicy::NonRotating => None,
            ReusePolicy::Grace { window } if self.arrives_within(window, doubt) => None,
            ReusePolicy::Strict | ReusePolicy::Grace { .. } | ReusePolicy::UntilUsed => Some(self.drained(claim)),
        };
        let doubt = Some(doubt);
        stored(Entry { claim, doubt, ..self.next() }, None)
    }

    /// Whether what is on its way arrives within this time of the first presentation. A clock that
    /// has jumped cannot tell.
    fn arrives_within(&self, window: Duration, doubt: Doubt) -> bool {
        let now = self.now().filter(|_| self.facts.trusted);
        doubt.age(now).is_some_and(|age| age.saturating_add(self.timing.drain) <= window)
    }

    /// The claim of a holder that sends no more: it stays until what was sent has arrived.
    fn drained(&self, claim: &Claim) -> Claim {
        let drain = self.timing.drain;
        match self.now() {
            Some(now) => Claim { until: claim.until.min(now.at.saturating_add(drain)), ..claim.clone() },
            None => Claim { length: drain, ..claim.clone() },
        }
    }

    fn reset(&self, tokens: Option<&StoredTokens>) -> (Option<Entry>, Reply) {
        let entry = Entry {
            epoch: self.entry.epoch.next(),
            rotation: self.entry.rotation.saturating_add(1),
            login: self.op.id,
            set: self.op.id,
            state: tokens.map_or(EntryState::LoggedOut, |tokens| EntryState::Active(tokens.clone())),
            claim: None,
            doubt: None,
            home: self.home(),
            ..self.next()
        };
        stored(entry, self.entry.tokens().cloned())
    }

    fn again(&self, record: &Entry) -> (Option<Entry>, Reply) {
        if !self.facts.have_lost(record, self.entry) {
            return (None, Reply::Conflict(self.entry.clone()));
        }
        // Verbatim: with new ids, another process that holds a later state would no longer see an
        // ancestor in it.
        stored(Entry { op: self.op.id, claim: None, doubt: None, ..record.clone() }, None)
    }
}

fn stored(entry: Entry, replaced: Option<StoredTokens>) -> (Option<Entry>, Reply) {
    (Some(entry.clone()), Reply::Stored { entry, replaced })
}

const fn busy(retry_after: Option<Duration>, holder: Option<Box<str>>) -> Reply {
    Reply::Busy { retry_after, holder }
}
