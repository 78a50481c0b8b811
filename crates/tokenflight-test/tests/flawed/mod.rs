//! A store that breaks its contract in one chosen way.

mod forgetful;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, EndReason, Epoch, Generation, Store,
    lease::{
        Claim, Commit, End, GrantKey, Intent, Lease, Owner, Record, RecordState, Reset, Settle, StoreError, Write,
    },
};

pub(crate) use self::forgetful::Forgetful;

macro_rules! flaws {
    ($($flaw:ident),* $(,)?) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Flaw {
            $($flaw),*
        }

        impl Flaw {
            pub(crate) const ALL: &[Self] = &[$(Self::$flaw),*];
        }
    };
}

flaws! {
    Nothing,
    LeaseForAll,
    LeaseForAllWithoutRecord,
    LeaseForEver,
    LeaseHalfAsLong,
    LeaseWithoutRecord,
    LeaseOfOldRecord,
    LeaseOnAllKeys,
    LeaseBlocksItselfLong,
    ReleaseByAnybody,
    SettleKeepsLease,
    SettleForAnybody,
    SettleForgetsAmbiguous,
    SettleAmbiguousAlways,
    SettleNeverClears,
    SettleMakesRecord,
    IntendWithoutLease,
    IntendIsForgotten,
    IntendOnPaper,
    IntendAmbiguous,
    IntendWrongOwner,
    IntendNoRecordTrue,
    IntentVanishesWithLease,
    AmbiguousBlocks,
    CommitNeedsLease,
    CommitAnyEpoch,
    CommitAnyPredecessor,
    CommitMissingPredecessor,
    CommitNewerEpoch,
    CommitKeepsGeneration,
    CommitTakesGeneration,
    CommitAlwaysOneMore,
    CommitKeepsIntent,
    CommitKeepsLease,
    CommitReleasesAll,
    CommitKeepsOldTokens,
    CommitMixesTokens,
    CommitNotFirst,
    CommitAnythingFirst,
    CommitAfterLogout,
    CommitNotOverTombstone,
    CommitWrongAnswer,
    CommitNotAtomic,
    LeaseNotAtomic,
    ConflictEmpty,
    ConflictClearsIntent,
    EndDeletes,
    EndForgetsTokens,
    EndForgetsReason,
    EndTakesTheTime,
    EndAnyEpoch,
    EndAnyToken,
    EndKeepsIntent,
    EndRaisesEpoch,
    EndWithoutRecord,
    ResetCanLose,
    ResetKeepsEpoch,
    ResetTakesGeneration,
    ResetTakesEpoch,
    ResetAlwaysOneMore,
    ResetKeepsIntent,
    ResetKeepsTokens,
    ResetWrongAnswer,
    KeysInOneCase,
    KeysTrimmed,
    KeysAsPaths,
    LoseScope,
    LoseFractions,
    LoseLifetime,
}

#[derive(Clone, Default)]
struct Entry {
    record: Option<Record>,
    /// The record before the last write.
    old: Option<Record>,
    lease: Option<(Owner, Duration)>,
}

pub(crate) struct Flawed {
    flaw: Flaw,
    entries: Mutex<HashMap<String, Entry>>,
    leases: AtomicU64,
}

impl Flawed {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { flaw, entries: Mutex::default(), leases: AtomicU64::new(0) }
    }

    fn name(&self, key: &GrantKey) -> String {
        let key = key.as_str();
        match self.flaw {
            Flaw::KeysInOneCase => key.to_lowercase(),
            Flaw::KeysTrimmed => key.trim().to_owned(),
            Flaw::KeysAsPaths => key.trim_end_matches('/').to_owned(),
            _ => key.to_owned(),
        }
    }

    fn step<T>(&self, key: &GrantKey, step: impl FnOnce(&mut Entry, Flaw) -> T) -> T {
        let mut entries = self.entries.lock().unwrap();
        step(entries.entry(self.name(key)).or_default(), self.flaw)
    }
}

impl Entry {
    fn lease(&mut self, claim: &Claim, flaw: Flaw) -> Lease {
        let lease = self.lease.filter(|_| flaw != Flaw::LeaseForAll);
        let lease = lease.filter(|_| flaw != Flaw::LeaseForAllWithoutRecord || self.record.is_some());
        let intent = self.record.as_ref().and_then(|record| record.intent);
        let intent = intent.filter(|intent| !intent.ambiguous || flaw == Flaw::AmbiguousBlocks);
        let intent = intent.filter(|_| flaw != Flaw::LeaseForAll).map(|intent| (intent.owner, intent.until));
        let now = if flaw == Flaw::LeaseForEver { Duration::ZERO } else { claim.now.wall };
        let until =
            [lease, intent].into_iter().flatten().filter(|(owner, until)| *owner != claim.owner && *until > now);
        if let Some(until) = until.map(|(_, until)| until).max() {
            let wait = if flaw == Flaw::LeaseBlocksItselfLong { until } else { until.saturating_sub(now) };
            return Lease::Busy { retry_after: Some(wait) };
        }
        let length = if flaw == Flaw::LeaseHalfAsLong { claim.length / 3 } else { claim.length };
        self.lease = Some((claim.owner, claim.now.wall + length));
        if flaw == Flaw::IntentVanishesWithLease
            && let Some(record) = &mut self.record
        {
            record.intent = None;
        }
        Lease::Granted(match flaw {
            Flaw::LeaseWithoutRecord => None,
            Flaw::LeaseOfOldRecord => self.old.clone(),
            _ => self.record.clone(),
        })
    }

    fn intend(&mut self, owner: Owner, flaw: Flaw) -> bool {
        let until = match self.lease {
            Some((holder, until)) if holder == owner || flaw == Flaw::IntendWithoutLease => until,
            None if flaw == Flaw::IntendNoRecordTrue => return true,
            _ => return flaw == Flaw::IntendOnPaper,
        };
        if let Some(record) = self.record.as_mut().filter(|_| flaw != Flaw::IntendIsForgotten) {
            let owner = if flaw == Flaw::IntendWrongOwner { Owner::new(1) } else { owner };
            let mut intent = Intent::pending(owner, until);
            intent.ambiguous = flaw == Flaw::IntendAmbiguous;
            record.intent = Some(intent);
        }
        true
    }

    fn fits(&self, epoch: Epoch, presented: Option<&tokenflight_core::RefreshToken>, flaw: Flaw) -> bool {
        let Some(record) = &self.record else {
            return match flaw {
                Flaw::CommitNotFirst => false,
                Flaw::CommitAnythingFirst => true,
                _ => Record::accepts(None, epoch, presented),
            };
        };
        let stored = record.tokens().and_then(|tokens| tokens.refresh.as_ref());
        let predecessor = stored == presented
            || flaw == Flaw::CommitAnyPredecessor
            || (flaw == Flaw::CommitMissingPredecessor && presented.is_none());
        let logged_in = record.tokens().is_some() || flaw == Flaw::CommitAfterLogout;
        let epoch = record.epoch == epoch
            || flaw == Flaw::CommitAnyEpoch
            || (flaw == Flaw::CommitNewerEpoch && epoch > record.epoch);
        let ended = matches!(record.state, RecordState::Ended { .. }) && flaw == Flaw::CommitNotOverTombstone;
        epoch && predecessor && logged_in && !ended
    }

    fn conflict(&mut self, flaw: Flaw) -> Write {
        if flaw == Flaw::ConflictClearsIntent
            && let Some(record) = &mut self.record
        {
            record.intent = None;
        }
        Write::Conflict(if flaw == Flaw::ConflictEmpty { None } else { self.record.clone() })
    }

    fn commit(&mut self, commit: Commit, flaw: Flaw) -> Write {
        let leased = self.lease.is_some_and(|(owner, _)| owner == commit.owner) || flaw != Flaw::CommitNeedsLease;
        if !self.fits(commit.epoch, commit.presented.as_ref(), flaw) || !leased {
            return self.conflict(flaw);
        }
        self.old = self.record.clone();
        let (stored, intent) =
            self.record.as_ref().map(|record| (record.generation, record.intent)).unwrap_or_default();
        let generation = match flaw {
            Flaw::CommitKeepsGeneration => commit.generation.max(stored),
            Flaw::CommitTakesGeneration => commit.generation,
            Flaw::CommitAlwaysOneMore => stored.next(),
            _ => commit.generation.max(stored.next()),
        };
        let mut tokens = commit.tokens;
        if let Some(old) = self.record.as_ref().and_then(Record::tokens) {
            match flaw {
                Flaw::CommitKeepsOldTokens => tokens = old.clone(),
                Flaw::CommitMixesTokens => tokens.access = old.access.clone(),
                _ => {}
            }
        }
        let mut record = Record::new(commit.epoch, generation, RecordState::Active(tokens));
        record.intent = intent.filter(|_| flaw == Flaw::CommitKeepsIntent);
        self.record = Some(record);
        if flaw != Flaw::CommitKeepsLease {
            self.release(commit.owner, flaw == Flaw::CommitReleasesAll);
        }
        Write::Stored(if flaw == Flaw::CommitWrongAnswer { generation.next() } else { generation })
    }

    fn end(&mut self, end: End, flaw: Flaw) -> Write {
        if flaw == Flaw::EndWithoutRecord && self.record.is_none() {
            return Write::Stored(Generation::default());
        }
        let fits = self.record.as_ref().is_some_and(|record| {
            let stored = record.tokens().map(|tokens| tokens.refresh.as_ref());
            (record.epoch == end.epoch || flaw == Flaw::EndAnyEpoch)
                && (stored == Some(end.presented.as_ref()) || (stored.is_some() && flaw == Flaw::EndAnyToken))
        });
        let (true, Some(record)) = (fits, &mut self.record) else { return self.conflict(flaw) };
        let mut tokens = record.tokens().cloned().unwrap();
        if flaw == Flaw::EndForgetsTokens {
            tokens.refresh = None;
        }
        let reason = if flaw == Flaw::EndForgetsReason { EndReason::new("ended") } else { end.reason };
        let at = if flaw == Flaw::EndTakesTheTime { Duration::ZERO } else { end.at };
        record.state = RecordState::Ended { tokens, reason, at };
        record.intent = record.intent.filter(|_| flaw == Flaw::EndKeepsIntent);
        if flaw == Flaw::EndRaisesEpoch {
            record.epoch = record.epoch.next();
        }
        let generation = record.generation;
        if flaw == Flaw::EndDeletes {
            self.record = None;
        }
        self.release(end.owner, false);
        Write::Stored(generation)
    }

    fn settle(&mut self, owner: Owner, outcome: Settle, flaw: Flaw) {
        if flaw == Flaw::SettleMakesRecord && self.record.is_none() {
            self.record = Some(Record::new(Epoch::default(), Generation::default(), RecordState::LoggedOut));
        }
        if let Some(record) = &mut self.record
            && let Some(intent) = &mut record.intent
            && (intent.owner == owner || flaw == Flaw::SettleForAnybody)
        {
            let ambiguous = match flaw {
                Flaw::SettleForgetsAmbiguous => false,
                Flaw::SettleAmbiguousAlways => true,
                _ => outcome == Settle::Ambiguous,
            };
            intent.ambiguous |= ambiguous;
            if !ambiguous && flaw != Flaw::SettleNeverClears {
                record.intent = None;
            }
        }
        if flaw != Flaw::SettleKeepsLease {
            self.release(owner, flaw == Flaw::ReleaseByAnybody);
        }
    }

    fn reset(&mut self, reset: Reset, flaw: Flaw) -> (Epoch, Generation) {
        let stored = self.record.as_ref().map(|record| (record.epoch, record.generation)).unwrap_or_default();
        if flaw == Flaw::ResetCanLose && reset.epoch < stored.0 {
            return stored;
        }
        let epoch = match flaw {
            Flaw::ResetKeepsEpoch => reset.epoch.max(stored.0),
            Flaw::ResetTakesEpoch => reset.epoch,
            Flaw::ResetAlwaysOneMore => stored.0.next(),
            _ => reset.epoch.max(stored.0.next()),
        };
        let generation = match flaw {
            Flaw::ResetTakesGeneration => reset.generation,
            _ => reset.generation.max(stored.1.next()),
        };
        let mut tokens = reset.tokens;
        if let Some(tokens) = &mut tokens {
            match flaw {
                Flaw::LoseScope => tokens.scope = None,
                Flaw::LoseFractions => tokens.received = Duration::from_secs(tokens.received.as_secs()),
                Flaw::LoseLifetime => tokens.lifetime = tokens.lifetime.filter(|lifetime| !lifetime.is_zero()),
                _ => {}
            }
        }
        if flaw == Flaw::ResetKeepsTokens && tokens.is_none() {
            tokens = self.record.as_ref().and_then(Record::tokens).cloned();
        }
        let mut record = Record::new(epoch, generation, tokens.map_or(RecordState::LoggedOut, RecordState::Active));
        if flaw == Flaw::ResetKeepsIntent {
            record.intent = self.record.as_ref().and_then(|record| record.intent);
        }
        self.old = self.record.replace(record);
        self.lease = None;
        (epoch, if flaw == Flaw::ResetWrongAnswer { generation.next() } else { generation })
    }

    fn release(&mut self, owner: Owner, anybody: bool) {
        self.lease = self.lease.filter(|(holder, _)| *holder != owner && !anybody);
    }
}

/// Gives the others their turn.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl Store for Flawed {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move { Ok(self.step(key, |entry, _| entry.record.clone())) })
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(async move {
            let mut entry = self.step(key, |entry, _| entry.clone());
            if self.flaw == Flaw::LeaseOnAllKeys && self.leases.fetch_add(1, Ordering::Relaxed) > 0 {
                return Ok(Lease::Busy { retry_after: None });
            }
            if self.flaw == Flaw::LeaseNotAtomic {
                // Reads, thinks, writes.
                pause().await;
                let lease = entry.lease(&claim, self.flaw);
                self.step(key, |stored, _| *stored = entry);
                return Ok(lease);
            }
            Ok(self.step(key, |entry, flaw| entry.lease(&claim, flaw)))
        })
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.step(key, |entry, flaw| entry.intend(owner, flaw))) })
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(async move {
            if self.flaw == Flaw::CommitNotAtomic {
                let mut entry = self.step(key, |entry, _| entry.clone());
                pause().await;
                let write = entry.commit(commit, self.flaw);
                self.step(key, |stored, _| *stored = entry);
                return Ok(write);
            }
            Ok(self.step(key, |entry, flaw| entry.commit(commit, flaw)))
        })
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(async move { Ok(self.step(key, |entry, flaw| entry.end(end, flaw))) })
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.step(key, |entry, flaw| entry.settle(owner, outcome, flaw));
            Ok(())
        })
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        Box::pin(async move { Ok(self.step(key, |entry, flaw| entry.reset(reset, flaw))) })
    }
}
