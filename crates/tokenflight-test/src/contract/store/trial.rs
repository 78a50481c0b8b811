//! What every rule is written with.

use std::time::Duration;

use tokenflight_core::{
    EndReason, RefreshToken, TokenSet,
    grant::ReusePolicy,
    store::{
        Body, Entry, EntryState, GrantKey, Op, OpId, Outcome, Owner, Reply, Seen, Store, StoreError, StoredTokens,
        Timing, apply,
    },
};

use super::like::Tolerance;
use crate::contract::Setting;

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
        .issued_to(Some("client"))
}

pub(super) fn refresh(entry: &Entry) -> Option<RefreshToken> {
    entry.tokens().and_then(|tokens| tokens.refresh.clone())
}

/// Set `n` as the successor of what is stored.
pub(super) fn commit(over: &Entry, n: u32) -> Body {
    let (epoch, login, set) = (over.epoch, over.login, over.set);
    Body::Commit { epoch, login, over: set, presented: refresh(over), next: tokens(n) }
}

pub(super) fn end(owner: Owner, of: &Entry) -> Body {
    Body::End {
        owner,
        epoch: of.epoch,
        login: of.login,
        over: of.set,
        presented: refresh(of),
        reason: EndReason::new("invalid_grant").description("the session was revoked"),
        at: Duration::from_millis(1_700_000_100_250),
    }
}

pub(super) const fn settle(owner: Owner, outcome: Outcome) -> Body {
    Body::Settle { owner, outcome }
}

/// What may have been processed, by a server that ends the session on reuse.
pub(super) const STRICT: Outcome = Outcome::Ambiguous(ReusePolicy::Strict);

impl<'a> Trial<'a> {
    pub(super) fn new(store: &'a dyn Store, setting: &'a Setting, rule: &'static str) -> Self {
        Self { store, setting, key: GrantKey::new(format!("{}/{rule}", setting.prefix)), rule }
    }

    /// The same rule on another key.
    pub(super) fn on(&self, ending: &str) -> Self {
        let key = GrantKey::new(format!("{}{ending}", self.key.as_str()));
        Self { store: self.store, setting: self.setting, key, rule: self.rule }
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

    pub(super) fn tolerance(&self) -> Tolerance {
        Tolerance(self.setting.length / 4)
    }

    pub(super) async fn seen(&self) -> Seen {
        self.done(self.store.load(&self.key).await)
    }

    /// What is stored, or counts as stored.
    pub(super) async fn entry(&self) -> Entry {
        self.seen().await.entry.unwrap_or_default()
    }

    /// An operation that was begun now.
    pub(super) async fn op(&self, body: Body) -> Op {
        Op::new(self.seen().await.facts.incarnation, self.setting.clock.now(), body)
    }

    /// A claim on what is stored now.
    pub(super) async fn claim(&self, owner: Owner) -> Op {
        self.claim_on(&self.entry().await, owner, None).await
    }

    pub(super) async fn claim_on(&self, seen: &Entry, owner: Owner, yields: Option<Owner>) -> Op {
        let holder = format!("holder {:x}", owner.get() >> 64).into();
        self.op(Body::Claim { owner, seen: seen.op, length: self.setting.length, yields, holder }).await
    }

    /// How long a claim must have been watched by a process that cannot compare clocks.
    pub(super) fn long_enough(&self) -> Duration {
        self.setting.length.max(Timing::DEFAULT.quiet)
    }

    /// Does it once; the store must answer and keep what `apply` says.
    pub(super) async fn once(&self, op: &Op) -> Reply {
        let mut op = op.clone();
        op.asked = self.setting.clock.now();
        let before = self.seen().await;
        let mut facts = before.facts;
        let (_, as_read) = apply(before.entry.as_ref(), &op, &facts);
        let reply = self.done(self.store.apply(&self.key, op.clone()).await);
        let got = self.seen().await.entry;
        // Whether the kernel lock of another's claim is free is found out by trying: it is no fact
        // of the reading.
        if matches!(as_read, Reply::Busy { .. }) {
            let found_free = got.as_ref().and_then(|entry| entry.claim.as_ref()).filter(|claim| claim.dying);
            facts.lock = found_free.and_then(|claim| claim.lock);
        }
        let (next, expected) = apply(before.entry.as_ref(), &op, &facts);
        if !self.tolerance().reply(&expected, &reply) {
            self.broken(&format!("the answer is {reply:?} where it should be {expected:?}, secrets not shown"));
        }
        let expected = next.or(before.entry);
        if !self.tolerance().entry(expected.as_ref(), got.as_ref()) {
            self.broken(&format!("the entry is {got:?} where it should be {expected:?}, secrets not shown"));
        }
        reply
    }

    /// Does it, and does it again.
    pub(super) async fn does(&self, op: Op) -> Reply {
        let reply = self.once(&op).await;
        self.once(&op).await;
        reply
    }

    /// Does what must be stored, and returns the entry as it is stored.
    pub(super) async fn stored(&self, body: Body) -> Entry {
        match self.does(self.op(body).await).await {
            Reply::Stored { .. } => self.entry().await,
            other => self.broken(&format!("it is refused: {other:?}")),
        }
    }

    /// Does what must be refused. It may not change anything.
    pub(super) async fn refused(&self, body: Body, when: &str) {
        let before = self.seen().await.entry;
        let reply = self.does(self.op(body).await).await;
        self.check(matches!(reply, Reply::Conflict(_) | Reply::Overtaken(_)), &format!("it is done {when}"));
        self.check(self.seen().await.entry == before, &format!("it changes what is stored {when}"));
    }

    /// Claims, and must be granted. Returns the entry as it is stored.
    pub(super) async fn granted(&self, owner: Owner) -> Entry {
        self.grants(self.claim(owner).await).await
    }

    pub(super) async fn grants(&self, claim: Op) -> Entry {
        match self.does(claim).await {
            Reply::Granted(_) => self.entry().await,
            other => self.broken(&format!("the claim is not granted: {other:?}")),
        }
    }

    /// Claims, and must be told that another may present.
    pub(super) async fn busy(&self, claim: Op, when: &str) {
        match self.does(claim).await {
            Reply::Busy { retry_after, .. } => {
                let most = self.long_enough() + self.setting.length / 4;
                let wait = retry_after.is_some_and(|wait| wait > most);
                self.check(!wait, "it asks to wait for longer than any claim lasts");
            }
            other => self.broken(&format!("the claim is answered {other:?} {when}")),
        }
    }

    /// Logs in with set `n`, whatever is stored.
    pub(super) async fn login(&self, n: u32) -> Entry {
        self.stored(Body::Reset { base: None, tokens: Some(tokens(n)) }).await
    }

    pub(super) async fn logout(&self) -> Entry {
        self.stored(Body::Reset { base: None, tokens: None }).await
    }

    pub(super) async fn pass(&self, duration: Duration) {
        self.setting.clock.pass(duration).await;
    }

    /// Lets every claim run out, with a little over for clocks that differ.
    pub(super) async fn run_out(&self) {
        self.pass(self.setting.length + self.setting.length / 10).await;
    }
}

/// Whether an entry has these tokens and says they are good.
pub(super) fn is_active(entry: &Entry, tokens: &StoredTokens) -> bool {
    entry.state == EntryState::Active(tokens.clone())
}

/// The writer of nothing that was ever stored.
pub(super) fn another() -> OpId {
    OpId::unique()
}
