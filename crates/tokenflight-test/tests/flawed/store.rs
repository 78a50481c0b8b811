use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, EndReason, Epoch,
    grant::ReusePolicy,
    store::{
        Body, ClockId, Doubt, Entry, EntryState, Facts, GrantKey, Incarnation, Op, OpId, Outcome, Reply, Seen, Store,
        StoreError, StoredTokens, apply,
    },
};

use super::{flaws, pause};

flaws! {
    /// What is wrong with a store.
    Flaw:
    Nothing, SettleMakesEntry, LoseScope, LoseFractions, LoseZeroLifetime, LoseClient,
    KeysInOneCase, KeysTrimmed, KeysAsPaths, ClockStands, ClockChanges, LoginKeepsClaim,
    LoginKeepsEpoch, LoginNotCounted, LoginForgetsItsName, LogoutKeepsTokens, LogoutSaysNothing,
    ResetIgnoresBase, ResetWithoutBaseFails, ClaimIgnoresSeen, ClaimForgetsEpoch, ClaimHalfAsLong,
    ClaimIgnoresClaims, BusyForLong, ClaimNeverYields, YieldLeavesDoubt, ClaimForEver,
    ClaimWithoutQuiet, TakeoverWithoutDoubt, TakeoverRenewsDoubt, NoQuarantine, CommitKeepsDoubt,
    CommitKeepsClaim, CommitKeepsAccess, CommitNeedsClaim, CommitAnyEpoch, CommitAnyLogin,
    CommitAnySet, CommitAnyToken, CommitNotFirst, CommitAnythingFirst, CommitNeedsToken,
    CommitNotOverEnd, ConflictSaysNothing, EndDropsTokens, EndForgetsReason, EndTakesTheTime,
    EndKeepsClaim, EndAnyEpoch, EndAnyLogin, EndAnySet, EndAnyToken, EndIgnoresClaims,
    UntouchedLiftsDoubt, UntouchedKeepsClaim, AmbiguousWithoutDoubt, StrictLiftsClaim,
    GraceKeepsClaim, SettleForAll, BelievesWhatWasRead, AgainAlways, NothingRecognised,
    OnlyTheLastRecognised, NotAtomic, LogoutNotAtomic, LogoutInTwoSteps,
}

pub(crate) struct Flawed {
    flaw: Flaw,
    entries: Mutex<HashMap<String, Entry>>,
    asked: AtomicU64,
}

impl Flawed {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { flaw, entries: Mutex::default(), asked: AtomicU64::new(0) }
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

    fn entry(&self, key: &GrantKey) -> Option<Entry> {
        self.entries.lock().unwrap().get(&self.name(key)).cloned()
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::in_process();
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        match self.flaw {
            Flaw::ClockStands => facts = Facts::at(ClockId::new(1), Duration::from_secs(100), true),
            Flaw::ClockChanges => facts = Facts::at(ClockId::new(asked.into()), Duration::from_secs(100), true),
            _ => facts.incarnation = Some(Incarnation::new(7)),
        }
        facts
    }

    fn step(&self, entry: Option<&Entry>, op: &Op) -> (Option<Entry>, Reply) {
        let (mut seen, mut op, mut facts) = (entry.cloned(), op.clone(), self.facts());
        if let Some(answer) = self.instead(entry, &op) {
            return answer;
        }
        self.look_away(&mut seen, &mut op, &mut facts);
        let (mut next, mut reply) = apply(seen.as_ref(), &op, &facts);
        if let Some(next) = &mut next {
            self.spoil(next, &entry.cloned().unwrap_or_default(), &op);
            if let Reply::Granted(shown) | Reply::Stored { entry: shown, .. } = &mut reply {
                *shown = next.clone();
            }
        }
        match &mut reply {
            Reply::Stored { replaced, .. } if self.flaw == Flaw::LogoutSaysNothing => *replaced = None,
            Reply::Busy { retry_after, .. } if self.flaw == Flaw::BusyForLong => *retry_after = Some(Duration::MAX),
            Reply::Conflict(shown) if self.flaw == Flaw::ConflictSaysNothing => *shown = Entry::default(),
            Reply::Nothing if self.flaw == Flaw::SettleMakesEntry => next = Some(Entry::default()),
            _ => {}
        }
        (next, reply)
    }

    /// Flaws that refuse what must be done, or do what must be refused.
    fn instead(&self, entry: Option<&Entry>, op: &Op) -> Option<(Option<Entry>, Reply)> {
        let stored = entry.cloned().unwrap_or_default();
        let refuses = match (self.flaw, &op.body) {
            (Flaw::CommitNeedsClaim, Body::Commit { .. }) => stored.claim.is_none() && stored.set != op.id,
            (Flaw::CommitNotFirst, Body::Commit { .. }) => stored.state == EntryState::Empty,
            (Flaw::CommitNeedsToken, Body::Commit { presented, .. }) => {
                presented.is_none() && stored.state != EntryState::Empty && stored.set != op.id
            }
            (Flaw::CommitNotOverEnd, Body::Commit { .. }) => matches!(stored.state, EntryState::Ended { .. }),
            (Flaw::ResetWithoutBaseFails, Body::Reset { base: None, .. }) => {
                stored.state != EntryState::Empty && stored.login != op.id
            }
            _ => false,
        };
        refuses.then(|| (None, Reply::Conflict(stored)))
    }

    /// Flaws of comparisons that are not made.
    fn look_away(&self, seen: &mut Option<Entry>, op: &mut Op, facts: &mut Facts) {
        let stored = seen.clone().unwrap_or_default();
        let token = stored.tokens().and_then(|tokens| tokens.refresh.clone());
        match (self.flaw, &mut op.body) {
            (Flaw::BelievesWhatWasRead, _) => {
                if let Some(read) = op.read.take() {
                    *seen = read.entry;
                }
            }
            (Flaw::NothingRecognised, _) => op.id = OpId::unique(),
            (Flaw::OnlyTheLastRecognised, Body::Reset { .. }) if stored.op != op.id => {
                if let Some(seen) = seen.as_mut().filter(|seen| seen.login == op.id) {
                    seen.login = OpId::unique();
                }
            }
            (Flaw::NoQuarantine, _) => {
                if let Some(seen) = seen {
                    seen.home = facts.incarnation;
                }
            }
            (Flaw::ClaimWithoutQuiet, _) => op.watched += Duration::from_secs(15),
            (Flaw::ClaimIgnoresSeen, Body::Claim { seen, .. }) => *seen = stored.op,
            (Flaw::ClaimHalfAsLong, Body::Claim { length, .. }) => *length /= 2,
            (Flaw::ClaimForEver, Body::Claim { length, .. }) => *length *= 1000,
            (Flaw::ClaimNeverYields, Body::Claim { yields, .. }) => *yields = None,
            (Flaw::ClaimIgnoresClaims, Body::Claim { .. }) => {
                if let Some(seen) = seen.as_mut().filter(|seen| seen.op != op.id) {
                    seen.claim = None;
                }
            }
            (Flaw::CommitAnyEpoch, Body::Commit { epoch, .. }) | (Flaw::EndAnyEpoch, Body::End { epoch, .. }) => {
                *epoch = stored.epoch;
            }
            (Flaw::CommitAnyLogin, Body::Commit { login, .. }) | (Flaw::EndAnyLogin, Body::End { login, .. }) => {
                *login = stored.login;
            }
            (Flaw::CommitAnySet, Body::Commit { over, .. }) | (Flaw::EndAnySet, Body::End { over, .. }) => {
                *over = stored.set;
            }
            (Flaw::CommitAnyToken, Body::Commit { presented, .. })
            | (Flaw::EndAnyToken, Body::End { presented, .. }) => *presented = token,
            (Flaw::CommitAnythingFirst, Body::Commit { epoch, presented, .. }) if stored.set == OpId::NONE => {
                (*epoch, *presented) = (Epoch::default(), None);
            }
            (Flaw::EndIgnoresClaims, Body::End { owner, .. }) => {
                *owner = stored.claim.map_or(*owner, |claim| claim.owner);
            }
            (Flaw::EndForgetsReason, Body::End { reason, .. }) => *reason = EndReason::new("ended"),
            (Flaw::EndTakesTheTime, Body::End { at, .. }) => *at = Duration::ZERO,
            (Flaw::SettleForAll, Body::Settle { owner, .. }) => {
                *owner = stored.claim.map_or(*owner, |claim| claim.owner);
            }
            (Flaw::StrictLiftsClaim, Body::Settle { outcome: outcome @ Outcome::Ambiguous(_), .. }) => {
                *outcome = Outcome::Ambiguous(ReusePolicy::NonRotating);
            }
            (Flaw::GraceKeepsClaim, Body::Settle { outcome: outcome @ Outcome::Ambiguous(_), .. }) => {
                *outcome = Outcome::Ambiguous(ReusePolicy::Strict);
            }
            (Flaw::ResetIgnoresBase, Body::Reset { base, .. }) => *base = None,
            (Flaw::AgainAlways, Body::Again { record }) => {
                if let Some(seen) = seen {
                    seen.home = Some(Incarnation::new(1));
                    record.home = seen.home;
                }
            }
            _ => {}
        }
    }

    /// Flaws of what is written.
    fn spoil(&self, next: &mut Entry, before: &Entry, op: &Op) {
        match (self.flaw, &op.body) {
            (Flaw::LoginKeepsClaim, Body::Reset { .. })
            | (Flaw::CommitKeepsClaim, Body::Commit { .. })
            | (Flaw::EndKeepsClaim, Body::End { .. })
            | (Flaw::UntouchedKeepsClaim, Body::Settle { outcome: Outcome::Untouched, .. }) => {
                next.claim = before.claim.clone();
            }
            (Flaw::LoginKeepsEpoch, Body::Reset { .. }) => next.epoch = before.epoch,
            (Flaw::LoginNotCounted, Body::Reset { .. }) => next.rotation = before.rotation,
            (Flaw::LoginForgetsItsName, Body::Reset { .. }) => next.login = before.login,
            (Flaw::LogoutKeepsTokens, Body::Reset { tokens: None, .. }) => next.state = before.state.clone(),
            (Flaw::ClaimForgetsEpoch, Body::Claim { .. }) => next.epoch = Epoch::default(),
            (Flaw::YieldLeavesDoubt, Body::Claim { yields: Some(_), .. }) => next.doubt = Some(Doubt::since(None)),
            (Flaw::TakeoverWithoutDoubt, Body::Claim { .. }) => next.doubt = before.doubt,
            (Flaw::TakeoverRenewsDoubt, Body::Claim { yields: None, .. }) => {
                next.doubt = before.claim.as_ref().map(|claim| Doubt::since(claim.since));
            }
            (Flaw::CommitKeepsDoubt, Body::Commit { .. }) => next.doubt = before.doubt,
            (Flaw::UntouchedLiftsDoubt, Body::Settle { outcome: Outcome::Untouched, .. }) => next.doubt = None,
            (Flaw::AmbiguousWithoutDoubt, Body::Settle { .. }) => next.doubt = before.doubt,
            (Flaw::EndDropsTokens, Body::End { .. }) => {
                if let EntryState::Ended { tokens, .. } = &mut next.state {
                    *tokens = StoredTokens::default();
                }
            }
            _ => {}
        }
        if let EntryState::Active(tokens) = &mut next.state {
            self.spoil_tokens(tokens, before, op);
        }
    }

    fn spoil_tokens(&self, tokens: &mut StoredTokens, before: &Entry, op: &Op) {
        match (self.flaw, &op.body) {
            (Flaw::LoseScope, _) => tokens.scope = None,
            (Flaw::LoseClient, _) => tokens.client_id = None,
            (Flaw::LoseFractions, _) => tokens.received = Duration::from_secs(tokens.received.as_secs()),
            (Flaw::LoseZeroLifetime, _) => tokens.lifetime = tokens.lifetime.filter(|lifetime| !lifetime.is_zero()),
            (Flaw::CommitKeepsAccess, Body::Commit { .. }) => {
                tokens.access = before.tokens().and_then(|tokens| tokens.access.clone());
            }
            _ => {}
        }
    }
}

impl Store for Flawed {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move { Ok(Seen::new(self.entry(key), self.facts())) })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let logout = matches!(op.body, Body::Reset { tokens: None, .. });
            let name = self.name(key);
            let slow = [Flaw::LogoutNotAtomic, Flaw::LogoutInTwoSteps].contains(&self.flaw) && logout;
            if self.flaw == Flaw::NotAtomic || slow {
                // Reads, thinks, writes.
                let (next, reply) = self.step(self.entry(key).as_ref(), &op);
                if self.flaw == Flaw::LogoutInTwoSteps
                    && next.is_some()
                    && let Some(entry) = self.entries.lock().unwrap().get_mut(&name)
                {
                    entry.op = op.id;
                }
                pause().await;
                self.entries.lock().unwrap().extend(next.map(|next| (name, next)));
                return Ok(reply);
            }
            let mut entries = self.entries.lock().unwrap();
            let (next, reply) = self.step(entries.get(&name), &op);
            entries.extend(next.map(|next| (name, next)));
            Ok(reply)
        })
    }
}
