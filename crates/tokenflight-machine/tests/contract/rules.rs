//! The functions under test, called with the model's values. A mutant changes what goes in or out.

use tokenflight_core::store::{Clock, Reply};
use tokenflight_machine::present::{self, Watched};

use crate::{bridge::Bridge, prelude::*, state::Watch};

/// What an operation is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Granted,
    Changed,
    Busy,
    Stored(Option<Tokens>),
    Conflict,
    Overtaken,
    Nothing,
}

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    /// The outcome of an earlier one is unknown.
    pub(crate) again: bool,
    /// The last one ended in an error.
    pub(crate) after_error: bool,
    /// Whose it is.
    pub(crate) owner: Id,
}

/// Makes an operation's effect one of another operation.
fn hide(entry: &mut Entry, op: OpId) {
    let another = OpId::new(op.get() + 32);
    for id in [Some(&mut entry.login), Some(&mut entry.set), entry.claim.as_mut().map(|claim| &mut claim.op)] {
        if let Some(id) = id.filter(|id| **id == op) {
            *id = another;
        }
    }
}

pub(crate) struct Rules {
    pub(crate) config: Config,
    pub(crate) bridge: Bridge,
    lengths: Lengths,
    mutant: Option<Mutant>,
}

impl Rules {
    pub(crate) fn new(config: Config, mutant: Option<Mutant>) -> Self {
        Self { config, bridge: Bridge::new(), lengths: config.lengths(), mutant }
    }

    pub(crate) fn lacks(&self, rule: Mutant) -> bool {
        self.mutant == Some(rule)
    }

    pub(crate) fn apply(&self, record: &Record, op: Op, facts: Facts, tries: Try) -> (Option<Record>, Told) {
        let (mut op, mut facts, mut timing) = (op, facts, self.config.timing());
        let mut entry = self.bridge.entry(record);
        if let Some(mutant) = self.mutant {
            self.change(mutant, &mut entry, &mut op, &mut facts, tries);
            match mutant {
                Mutant::NoQuiet => timing.quiet = ticks(0),
                Mutant::NoDrain => timing.drain = ticks(0),
                _ => {}
            }
            if self.refuses(mutant, record, &op, tries) {
                return (None, Told::Conflict);
            }
        }
        let (new, reply) = apply_with(timing, Some(&entry), &op, &facts);
        let mut new = new.as_ref().map(Bridge::record);
        if let Some(mutant) = self.mutant {
            new = self.changed(mutant, record, new, &op, &facts);
        }
        let told = match reply {
            Reply::Granted(_) => Told::Granted,
            Reply::Changed(_) => Told::Changed,
            Reply::Busy { .. } => Told::Busy,
            Reply::Stored { replaced, .. } => Told::Stored(replaced.as_ref().map(Bridge::tokens)),
            Reply::Conflict(_) => Told::Conflict,
            Reply::Overtaken(_) => Told::Overtaken,
            Reply::Nothing => Told::Nothing,
        };
        (new, told)
    }

    /// What a mutant feeds the real function.
    fn change(&self, mutant: Mutant, entry: &mut Entry, op: &mut Op, facts: &mut Facts, tries: Try) {
        let held = entry.claim.as_ref().map(|claim| claim.owner);
        match (mutant, &mut op.body) {
            (Mutant::NoOpId, _) if tries.again => hide(entry, op.id),
            (Mutant::OpIdAfterErrorsOnly, _) if tries.again && !tries.after_error => hide(entry, op.id),
            (Mutant::ResetWithoutCondition, Body::Reset { base, .. }) if tries.again => {
                *base = None;
                hide(entry, op.id);
            }
            (Mutant::ClientsWallClock, _) => {
                facts.clock = Clock::Storage { id: bridge::CLOCK, now: op.asked.wall };
            }
            (Mutant::SettleWithoutOwner, Body::Settle { owner, .. }) => *owner = held.unwrap_or(*owner),
            (Mutant::ClaimOverClaim, Body::Claim { .. }) if held.is_some() => {
                entry.doubt = Some(Doubt::since(None));
                entry.claim = None;
            }
            (Mutant::EndWithoutToken, Body::End { over, presented, .. }) => {
                *over = entry.set;
                *presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
            }
            (Mutant::CommitWithoutEpoch, Body::Commit { epoch, .. }) => *epoch = entry.epoch,
            (Mutant::CommitWithoutAnything, Body::Commit { epoch, login, over, presented, .. }) => {
                (*epoch, *login, *over) = (entry.epoch, entry.login, entry.set);
                *presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
            }
            (Mutant::CommitWithoutSet, Body::Commit { over, .. }) => *over = entry.set,
            (Mutant::EndOverForeignClaim, Body::End { .. }) => entry.claim = None,
            (Mutant::JumpedClockTrusted, _) => facts.trusted = true,
            (Mutant::SeenIgnored, Body::Claim { seen, .. }) => (*seen, op.born) = (entry.op, facts.incarnation),
            (Mutant::HomeIgnored, _) => (facts.incarnation, entry.home, op.born) = (None, None, None),
            (Mutant::OwnerIsProcess, Body::Claim { yields, .. }) => *yields = held.or(*yields),
            (Mutant::QuarantineNotWatched, Body::Claim { .. }) if op.watched >= self.config.timing().quiet => {
                op.watched = self.lengths.claim;
            }
            (Mutant::RetryCountsAsFresh, _) => op.born = facts.incarnation,
            (Mutant::GrantedFromAnotherLine, Body::Claim { .. })
                if entry.claim.as_ref().is_some_and(|claim| claim.op == op.id) =>
            {
                entry.home = facts.incarnation;
            }
            (Mutant::DrainBeganAnew | Mutant::LockOfClaimIgnored, _) => {
                if let Some(claim) = &mut entry.claim {
                    match mutant {
                        Mutant::DrainBeganAnew => claim.dying = false,
                        _ => claim.lock = facts.lock,
                    }
                }
            }
            _ => {}
        }
    }

    /// What a mutant refuses without asking.
    fn refuses(&self, mutant: Mutant, record: &Record, op: &Op, tries: Try) -> bool {
        let Body::Commit { .. } = op.body else { return false };
        let fresh = bridge::op_id(record.set) != op.id;
        match mutant {
            Mutant::CommitByLease => fresh && record.claim.is_none_or(|claim| claim.owner != tries.owner),
            Mutant::NoCommitOverEnd => fresh && matches!(record.session, Session::Ended(_)),
            _ => false,
        }
    }

    /// What a mutant makes of the answer.
    fn changed(&self, mutant: Mutant, old: &Record, new: Option<Record>, op: &Op, facts: &Facts) -> Option<Record> {
        let mut new = new?;
        match (mutant, &op.body) {
            (Mutant::EndRemovesTokens, Body::End { .. }) => new.session = Session::LoggedOut,
            (Mutant::NoDoubtOfClaim, Body::Claim { .. }) => new.doubt = old.doubt,
            (Mutant::ClaimWithoutNote, Body::Claim { .. }) if new.claim.is_some_and(|claim| !claim.dying) => {
                new.claim = old.claim;
            }
            (Mutant::SettleLiftsDoubt, Body::Settle { .. }) => new.doubt = None,
            (Mutant::SettleLiftsDoubt, Body::Claim { .. }) => {
                new.doubt = old.claim.map(|claim| claim.since);
            }
            (
                Mutant::SettleFreesAtOnce | Mutant::FreedWhateverTheWindow | Mutant::FreedUntilUsed,
                Body::Settle { .. },
            ) => new.claim = None,
            (Mutant::AgainWithNewIds, Body::Again { .. }) => {
                new.home = facts.incarnation.map_or(0, |home| home.get() as Id);
            }
            (Mutant::HomeIgnored, _) => new.home = old.home,
            (Mutant::LockOfClaimIgnored | Mutant::DrainBeganAnew, _) => {}
            _ => {}
        }
        Some(new)
    }

    pub(crate) fn watch(&self, watch: Option<Watch>, op: Id, incarnation: Id) -> (Watch, u8) {
        let wide = Lengths { gap: Duration::MAX, ..self.lengths };
        let mut real = Watched::default();
        let name = |id| (bridge::op_id(id), bridge::incarnation(incarnation));
        let ago = |age: u8| bridge::at(-(age as i8));
        if let Some(watch) = watch {
            let (op, incarnation) = (bridge::op_id(watch.op), bridge::incarnation(watch.incarnation));
            real.saw(op, incarnation, ago(watch.since), &wide);
            real.saw(op, incarnation, ago(watch.last), &wide);
            if watch.broken {
                real.broken();
            }
        }
        let seen = match watch {
            Some(watch) if self.lacks(Mutant::WatchNotRestarted) => watch.op,
            _ => op,
        };
        let (seen, incarnation_seen) = name(seen);
        let watched = real.saw(seen, incarnation_seen, bridge::at(0), &self.lengths).as_secs() as u8;
        (Watch { op: seen.get() as Id, incarnation, since: watched, last: 0, broken: false }, watched)
    }

    /// A watch ends by itself when the store has not been asked for longer than this.
    pub(crate) fn gap(&self) -> u8 {
        self.lengths.gap.as_secs() as u8
    }

    /// After a read: whether to present, for a holder that has decided nothing yet.
    pub(crate) fn presents(&self, record: &Record, facts: &Facts, unsent: Id, now: Now) -> bool {
        let mut entry = self.bridge.entry(record);
        let mut facts = *facts;
        match self.mutant {
            Some(Mutant::NoDoubtOfClaim | Mutant::OwnerIsProcess) => entry.claim = None,
            Some(Mutant::HomeIgnored) => (entry.home, facts.incarnation) = (None, None),
            Some(Mutant::SettleLiftsDoubt) if entry.claim.is_some() => entry.doubt = None,
            _ => {}
        }
        let doubt = present::doubt_of(&entry, &facts, bridge::owner(unsent));
        let usable = record.tokens().is_some_and(|tokens| tokens.usable > 0);
        let now = self.reading(&facts, now);
        present::may_present(self.config.policy(), doubt, now, usable, &self.lengths).is_some()
    }

    /// The moment at which a grace window is judged.
    pub(crate) fn reading(&self, facts: &Facts, asked: Now) -> Option<Reading> {
        match self.lacks(Mutant::WindowByJumpedClock) {
            true => facts.now(asked),
            false => present::reading(facts, asked),
        }
    }

    /// The last look before the first byte.
    pub(crate) fn guards(&self, attempt: &Attempt) -> bool {
        if self.lacks(Mutant::NoGuard) {
            return true;
        }
        let usable = attempt.tokens.usable > 0;
        let doubt = attempt.doubt.filter(|_| !self.lacks(Mutant::WindowJudgedAtLoad)).map(bridge::doubt);
        let now = (self.config.storage != Storage::Timeless).then(bridge::now);
        present::may_present(self.config.policy(), doubt, now, usable, &self.lengths)
            .is_some_and(|request| present::covers(ticks(attempt.age), request, &self.lengths))
    }

    pub(crate) fn is_lost(&self, known: &Record, record: &Record, facts: &Facts) -> bool {
        if self.lacks(Mutant::AncestorByHomeAlone) && known.home != record.home {
            return false;
        }
        let (known, entry) = (self.bridge.entry(known), self.bridge.entry(record));
        !self.lacks(Mutant::AgainNotWritten) && facts.have_lost(&known, &entry)
    }

    pub(crate) fn lets_go(&self, kind: StoreErrorKind, unknown_before: bool) -> bool {
        let forgets = self.lacks(Mutant::UnknownIsNotDone) && kind == StoreErrorKind::Unknown;
        forgets || present::lets_go(kind, unknown_before)
    }

    pub(crate) fn owner(&self, owner: Id) -> Owner {
        Owner::new(owner.into())
    }
}
