//! Between the model's small values and the real types.

use tokenflight_core::{
    RefreshToken,
    store::{Claim as RealClaim, ClockId, EntryState, Incarnation, LockId, StoredTokens},
};

use crate::prelude::*;

/// What every clock shows now, in ticks.
const NOW: i64 = 1000;

/// The one clock of the storage.
pub(crate) const CLOCK: ClockId = ClockId::new(1);

pub(crate) fn at(offset: i8) -> Duration {
    Duration::from_secs(u64::try_from(NOW + i64::from(offset)).expect("an offset is small"))
}

fn offset(at: Duration) -> i8 {
    let at = i64::try_from(at.as_secs()).expect("a model's time is short");
    i8::try_from(at - NOW).expect("a model's time is near")
}

fn short(duration: Duration) -> u8 {
    u8::try_from(duration.as_secs()).expect("a model's durations are short")
}

pub(crate) fn op_id(id: Id) -> OpId {
    OpId::new(id.into())
}

pub(crate) fn incarnation(id: Id) -> Option<Incarnation> {
    (id != 0).then(|| Incarnation::new(id.into()))
}

pub(crate) fn owner(id: Id) -> Option<Owner> {
    (id != 0).then(|| Owner::new(id.into()))
}

pub(crate) fn lock(id: Id) -> Option<LockId> {
    (id != 0).then(|| LockId::new(id.into()))
}

pub(crate) fn now() -> Reading {
    Reading { clock: CLOCK, at: at(0) }
}

/// A doubt since so many ticks ago.
pub(crate) fn doubt(age: Option<u8>) -> Doubt {
    Doubt::since(age.map(|age| Reading { clock: CLOCK, at: at(-i8::try_from(age).expect("ages are cut")) }))
}

fn small(id: u128) -> Id {
    u8::try_from(id).expect("a model's ids are small")
}

/// What is costly to make, once.
pub(crate) struct Bridge {
    refresh: Vec<RefreshToken>,
    claim: RealClaim,
}

const PER_FAMILY: usize = 16;

impl Bridge {
    pub(crate) fn new() -> Self {
        let text = |n: usize| [b'a' + (n / PER_FAMILY) as u8, b'a' + (n % PER_FAMILY) as u8].map(char::from);
        let refresh = (0..8 * PER_FAMILY).map(|n| RefreshToken::new(text(n).iter().collect::<String>())).collect();
        let body = Body::Claim {
            owner: Owner::new(1),
            seen: OpId::NONE,
            length: Duration::ZERO,
            yields: None,
            holder: Box::default(),
        };
        let op = Op::new(None, Now::new(at(0), at(0)), body);
        let (entry, _) = apply_with(Timing::DEFAULT, None, &op, &Facts::none());
        let claim = entry.and_then(|entry| entry.claim).expect("an empty entry can be claimed");
        Self { refresh, claim }
    }

    pub(crate) fn refresh(&self, tokens: &Tokens) -> RefreshToken {
        self.refresh[usize::from(tokens.family) * PER_FAMILY + usize::from(tokens.refresh)].clone()
    }

    pub(crate) fn stored(&self, tokens: &Tokens) -> StoredTokens {
        let mut stored = StoredTokens::default();
        stored.refresh = Some(self.refresh(tokens));
        stored.received = Duration::from_secs(tokens.access.into());
        stored.lifetime = Some(Duration::from_secs(tokens.usable.into()));
        stored
    }

    pub(crate) fn tokens(stored: &StoredTokens) -> Tokens {
        let refresh = stored.refresh.as_ref().expect("every login has a refresh token").expose().as_bytes();
        Tokens {
            family: refresh[0] - b'a',
            refresh: refresh[1] - b'a',
            access: short(stored.received),
            usable: stored.lifetime.map_or(0, short),
        }
    }

    pub(crate) fn entry(&self, record: &Record) -> Entry {
        let mut entry = Entry::default();
        entry.op = op_id(record.op);
        entry.home = incarnation(record.home);
        entry.epoch = Epoch::new(record.epoch.into());
        entry.login = op_id(record.login);
        entry.rotation = record.rotation.into();
        entry.set = op_id(record.set);
        entry.state = match &record.session {
            Session::Active(tokens) => EntryState::Active(self.stored(tokens)),
            Session::Ended(tokens) => EntryState::Ended {
                tokens: self.stored(tokens),
                reason: tokenflight_core::EndReason::new("invalid_grant"),
                at: Duration::ZERO,
            },
            Session::LoggedOut => EntryState::LoggedOut,
        };
        entry.claim = record.claim.map(|claim| self.claim(&claim));
        let since = |offset| Reading { clock: CLOCK, at: at(offset) };
        entry.doubt = record.doubt.map(|doubt| Doubt::since(doubt.map(since)));
        entry
    }

    fn claim(&self, claim: &Claim) -> RealClaim {
        let mut real = self.claim.clone();
        real.owner = Owner::new(claim.owner.into());
        real.op = op_id(claim.op);
        real.since = claim.since.map(|since| Reading { clock: CLOCK, at: at(since) });
        real.until = at(claim.until);
        real.length = Duration::from_secs(claim.length.into());
        real.lock = lock(claim.lock);
        real.dying = claim.dying;
        real
    }

    pub(crate) fn record(entry: &Entry) -> Record {
        let claim = |claim: &RealClaim| Claim {
            owner: small(claim.owner.get()),
            op: small(claim.op.get()),
            since: claim.since.map(|since| offset(since.at)),
            // Without a clock there is none.
            until: claim.since.map_or(0, |_| offset(claim.until)),
            length: short(claim.length),
            lock: claim.lock.map_or(0, |lock| small(lock.get())),
            dying: claim.dying,
        };
        Record {
            op: small(entry.op.get()),
            home: entry.home.map_or(0, |home| small(home.get())),
            epoch: u8::try_from(entry.epoch.get()).expect("few logins"),
            login: small(entry.login.get()),
            rotation: u8::try_from(entry.rotation).expect("few rotations"),
            set: small(entry.set.get()),
            session: match &entry.state {
                EntryState::Active(tokens) => Session::Active(Self::tokens(tokens)),
                EntryState::Ended { tokens, .. } => Session::Ended(Self::tokens(tokens)),
                EntryState::LoggedOut | EntryState::Empty => Session::LoggedOut,
            },
            claim: entry.claim.as_ref().map(claim),
            doubt: entry.doubt.map(|doubt| doubt.since.map(|since| offset(since.at))),
        }
    }
}
