//! What every rule is written with.

use std::time::Duration;

use tokenflight_core::{
    EndReason, Epoch, Generation, RefreshToken, Store, TokenSet,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, StoredTokens, Write},
};

use super::Setting;

pub(super) const A: Owner = Owner::new(0xA);
pub(super) const B: Owner = Owner::new(0xB << 100);
pub(super) const C: Owner = Owner::new(u128::MAX);

/// One rule on trial: a store, a key of its own, and the words to complain with.
pub(super) struct Trial<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) setting: &'a Setting,
    pub(super) key: GrantKey,
    rule: &'static str,
}

/// Token set number `n`, as a store keeps it.
pub(super) fn tokens(n: u32) -> StoredTokens {
    let set =
        TokenSet::new(format!("access-{n}")).refresh_token(format!("refresh-{n}")).expires_in(Duration::from_secs(300));
    StoredTokens::from_set(&set, Duration::from_secs(1_700_000_000 + u64::from(n)), None)
        .issued_by(Some("https://as.example.com"))
}

pub(super) fn refresh(n: u32) -> Option<RefreshToken> {
    tokens(n).refresh
}

/// The commit of set `n + 1` as the successor of set `n`.
pub(super) fn successor(owner: Owner, of: &Record, n: u32) -> Commit {
    Commit::new(owner, of.epoch, of.generation.next(), refresh(n), tokens(n + 1))
}

pub(super) fn tombstone(owner: Owner, epoch: Epoch, n: u32) -> End {
    let reason = EndReason::new("invalid_grant").description("the session was revoked");
    End::new(owner, epoch, refresh(n), reason, Duration::from_millis(1_700_000_100_250))
}

impl<'a> Trial<'a> {
    pub(super) fn new(store: &'a dyn Store, setting: &'a Setting, key: &str, rule: &'static str) -> Self {
        Self { store, setting, key: GrantKey::new(format!("{}/{key}", setting.prefix)), rule }
    }

    #[track_caller]
    pub(super) fn broken(&self, detail: &str) -> ! {
        panic!("the store breaks its contract: {}: {detail}", self.rule);
    }

    #[track_caller]
    pub(super) fn check(&self, holds: bool, detail: &str) {
        if !holds {
            self.broken(detail);
        }
    }

    #[track_caller]
    pub(super) fn done<T>(&self, result: Result<T, StoreError>) -> T {
        result.unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            self.broken(&format!("{error}: {cause}"))
        })
    }

    pub(super) async fn load(&self) -> Option<Record> {
        self.done(self.store.load(&self.key).await)
    }

    /// The record, which must be there.
    pub(super) async fn record(&self) -> Record {
        match self.load().await {
            Some(record) => record,
            None => self.broken("no record is stored although one was written"),
        }
    }

    /// Logs in with set `n` and returns what is stored.
    pub(super) async fn login(&self, n: u32) -> Record {
        self.reset(Epoch::new(1), Generation::new(1), Some(tokens(n))).await;
        self.record().await
    }

    pub(super) async fn reset(
        &self,
        epoch: Epoch,
        generation: Generation,
        tokens: Option<StoredTokens>,
    ) -> (Epoch, Generation) {
        self.done(self.store.reset(&self.key, Reset::new(epoch, generation, tokens)).await)
    }

    pub(super) async fn claim(&self, owner: Owner) -> Lease {
        let claim = Claim::new(owner, self.setting.length, self.setting.clock.now());
        self.done(self.store.lease(&self.key, claim).await)
    }

    /// Claims the lease, which must be granted.
    pub(super) async fn granted(&self, owner: Owner, when: &str) -> Option<Record> {
        match self.claim(owner).await {
            Lease::Granted(record) => record,
            Lease::Busy { .. } => self.broken(&format!("the lease is not granted {when}")),
        }
    }

    /// Claims the lease, which must be refused.
    pub(super) async fn busy(&self, owner: Owner, when: &str) {
        match self.claim(owner).await {
            Lease::Granted(_) => self.broken(&format!("the lease is granted to another {when}")),
            Lease::Busy { retry_after: None } => {}
            Lease::Busy { retry_after: Some(wait) } => {
                // A clock of its own may be a little ahead of ours.
                let most = self.setting.length + Duration::from_secs(5);
                self.check(wait <= most, "Busy asks to wait for longer than the lease lasts");
            }
        }
    }

    pub(super) async fn intend(&self, owner: Owner) -> bool {
        self.done(self.store.intend(&self.key, owner).await)
    }

    /// Takes the lease and notes the intent.
    pub(super) async fn under_way(&self, owner: Owner) {
        self.granted(owner, "although nobody has it").await;
        let noted = self.intend(owner).await;
        self.check(noted, "the intent of the lease's owner is refused");
    }

    pub(super) async fn settle(&self, owner: Owner, outcome: Settle) {
        self.done(self.store.settle(&self.key, owner, outcome).await);
    }

    pub(super) async fn commit(&self, commit: Commit) -> Write {
        self.done(self.store.commit(&self.key, commit).await)
    }

    /// A commit that must be accepted.
    pub(super) async fn stored(&self, commit: Commit, when: &str) -> Generation {
        match self.commit(commit).await {
            Write::Stored(generation) => generation,
            Write::Conflict(_) => self.broken(&format!("a commit is refused {when}")),
        }
    }

    /// A commit that must be refused, tell what is stored, and change nothing.
    pub(super) async fn refused(&self, commit: Commit, when: &str) {
        let before = self.load().await;
        let write = self.commit(commit).await;
        self.conflict(&write, before, when).await;
    }

    pub(super) async fn end(&self, end: End) -> Write {
        self.done(self.store.end(&self.key, end).await)
    }

    /// An end that must be refused, tell what is stored, and change nothing.
    pub(super) async fn not_ended(&self, end: End, when: &str) {
        let before = self.load().await;
        let write = self.end(end).await;
        self.conflict(&write, before, when).await;
    }

    async fn conflict(&self, write: &Write, before: Option<Record>, when: &str) {
        match write {
            Write::Stored(_) => self.broken(&format!("a write is accepted {when}")),
            Write::Conflict(stored) => {
                self.check(*stored == before, "a conflict does not tell what is stored instead");
            }
        }
        self.check(self.load().await == before, "a refused write changed the record");
    }

    pub(super) async fn pass(&self, duration: Duration) {
        self.setting.clock.pass(duration).await;
    }

    /// Lets every lease and intent run out, with a little over for clocks that differ.
    pub(super) async fn run_out(&self) {
        self.pass(self.setting.length + self.setting.length / 10).await;
    }
}
