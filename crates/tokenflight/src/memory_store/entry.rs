use std::time::Duration;

use tokenflight_core::{
    Epoch, Generation,
    lease::{Claim, Commit, End, Intent, Lease, Owner, Record, RecordState, Reset, Settle, Write},
};

/// What a store keeps for one grant, and the contract's rules as steps on it.
///
/// No lock, no clock, no I/O: the store around it makes each step atomic and durable (rule 1). The numbers below are
/// those of the contract in `tokenflight_core::store`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    record: Option<Record>,
    held: Option<Held>,
}

/// A lease that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    owner: Owner,
    /// Until when it excludes others, on the claimant's wall clock, since the Unix epoch.
    until: Duration,
}

impl Entry {
    /// An entry as it was read from where it is kept.
    pub(crate) const fn new(record: Option<Record>, held: Option<Held>) -> Self {
        Self { record, held }
    }

    pub(crate) const fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(crate) const fn held(&self) -> Option<Held> {
        self.held
    }

    /// Whether forgetting it would change nothing.
    pub(crate) const fn is_vacant(&self) -> bool {
        self.record.is_none() && self.held.is_none()
    }

    /// Rules 3 and 4: a lease or a pending intent of another owner stands in the way until it has run out.
    pub(crate) fn lease(&mut self, claim: &Claim) -> Lease {
        let held = self.held.filter(|held| held.owner != claim.owner).map(|held| held.until);
        let intent = self.record.as_ref().and_then(|record| record.intent);
        let pending =
            intent.filter(|intent| intent.owner != claim.owner && !intent.ambiguous).map(|intent| intent.until);

        // Whichever lasts longer; asking between the two would be in vain.
        let wait = held.max(pending).map_or(Duration::ZERO, |until| until.saturating_sub(claim.now.wall));
        if !wait.is_zero() {
            return Lease::Busy { retry_after: Some(wait) };
        }
        self.held = Some(Held { owner: claim.owner, until: claim.until() });
        Lease::Granted(self.record.clone())
    }

    /// Rule 4. There is no clock to ask: a lease that has run out but was not taken by another is still the owner's.
    pub(crate) fn intend(&mut self, owner: Owner) -> bool {
        let Some(held) = self.held.filter(|held| held.owner == owner) else { return false };
        // Without a record there is no refresh token whose use could be noted.
        if let Some(record) = &mut self.record {
            record.intent = Some(Intent::pending(owner, held.until));
        }
        true
    }

    /// Rule 5: whether the lease is still held does not matter.
    pub(crate) fn commit(&mut self, commit: Commit) -> Write {
        if !Record::accepts(self.record.as_ref(), commit.epoch, commit.presented.as_ref()) {
            return Write::Conflict(self.record.clone());
        }
        let generation = commit.generation.max(self.stored().1.next());
        self.record = Some(Record::new(commit.epoch, generation, RecordState::Active(commit.tokens)));
        self.release(commit.owner);
        Write::Stored(generation)
    }

    /// Rule 6. The attempt is over with it, so the intent and the owner's lease go as they do with a commit.
    pub(crate) fn end(&mut self, end: End) -> Write {
        let accepts = Record::accepts(self.record.as_ref(), end.epoch, end.presented.as_ref());
        // Without tokens there is nothing a tombstone could stand beside.
        let tokens = self.record.as_ref().and_then(Record::tokens).filter(|_| accepts).cloned();
        let Some(tokens) = tokens else { return Write::Conflict(self.record.clone()) };
        let (epoch, generation) = self.stored();
        let state = RecordState::Ended { tokens, reason: end.reason, at: end.at };
        self.record = Some(Record::new(epoch, generation, state));
        self.release(end.owner);
        Write::Stored(generation)
    }

    /// An intent of another owner is none of ours: it stays as it is.
    pub(crate) fn settle(&mut self, owner: Owner, outcome: Settle) {
        if let Some(record) = &mut self.record
            && let Some(mut intent) = record.intent
            && intent.owner == owner
        {
            intent.ambiguous = true;
            record.intent = match outcome {
                Settle::Untouched => None,
                Settle::Ambiguous => Some(intent),
            };
        }
        self.release(owner);
    }

    /// Rule 7. The lease goes too: what its owner is about to present belongs to the old epoch.
    pub(crate) fn reset(&mut self, reset: Reset) -> (Epoch, Generation) {
        let stored = self.stored();
        let (epoch, generation) = (reset.epoch.max(stored.0.next()), reset.generation.max(stored.1.next()));
        let state = reset.tokens.map_or(RecordState::LoggedOut, RecordState::Active);
        self.record = Some(Record::new(epoch, generation, state));
        self.held = None;
        (epoch, generation)
    }

    /// Epoch and generation; without a record it is as if zero were stored.
    fn stored(&self) -> (Epoch, Generation) {
        self.record.as_ref().map_or_else(Default::default, |record| (record.epoch, record.generation))
    }

    /// Rule 3: nobody releases what is another's.
    fn release(&mut self, owner: Owner) {
        self.held = self.held.filter(|held| held.owner != owner);
    }
}
