//! Contract 1: what is stored is kept, as it was, for each key by itself.

use std::time::Duration;

use tokenflight_core::{
    EndReason, Epoch, Generation, Store, TokenSet,
    lease::{End, GrantKey, RecordState, Settle, StoredTokens},
};

use super::{
    Setting,
    trial::{A, B, Trial, successor, tokens, tombstone},
};

/// A key that was never written has no record, and reading makes none.
pub async fn unknown_keys_are_empty(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "unknown", "a key that was never written is empty");
    t.check(t.load().await.is_none(), "there is a record");
    t.settle(A, Settle::Untouched).await;
    t.check(!t.intend(A).await, "an intent is noted without a lease");
    t.check(t.load().await.is_none(), "reading or settling made a record");
}

/// Tokens, lifetimes and words come back as they were; times at least to the millisecond.
pub async fn tokens_come_back_as_they_were(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "round-trip", "2, a record holds what one response carried (R-153)");
    let received = Duration::from_millis(1_700_000_000_123);
    let long = TokenSet::new("a".repeat(8192)).refresh_token("r".repeat(8192)).expires_in(Duration::from_millis(1500));
    for set in [
        TokenSet::new("bare"),
        TokenSet::new("zero").refresh_token("z").expires_in(Duration::ZERO),
        TokenSet::new("quotes\"'\\").refresh_token("form+/=&%00; \t\n\u{e9}\u{1f511}").scope("a b 'c' \u{fc}"),
        TokenSet::new("ten-years").refresh_token("t").expires_in(Duration::MAX).scope(""),
        long,
    ] {
        let stored = StoredTokens::from_set(&set, received, None);
        t.reset(Epoch::new(1), Generation::new(1), Some(stored.clone())).await;
        let record = t.record().await;
        t.check(record.state == RecordState::Active(stored.clone()), "tokens came back otherwise");
        let reason = EndReason::new("invalid_grant").description("it's \"over\"\u{2014}\u{fc}ber");
        let end = End::new(A, record.epoch, stored.refresh.clone(), reason.clone(), received);
        t.end(end).await;
        let expected = RecordState::Ended { tokens: stored, reason, at: received };
        t.check(t.record().await.state == expected, "a tombstone came back otherwise");
    }
}

/// Keys are names, not parts of a path: none disturbs another, however much alike they look (R-615).
pub async fn keys_do_not_disturb_each_other(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "keys", "keys do not disturb each other (R-615)");
    let base = t.key.as_str().to_owned();
    let endings =
        ["", "/", "//", "/..", ":a", ":A", ":a ", ":a:b", "/a/b", "%2Fa", "\\a", "\u{e9}", "e\u{301}", "*", "'--"];
    let trials: Vec<_> = endings
        .iter()
        .map(|ending| {
            let mut trial = Trial::new(store, setting, "keys", "keys do not disturb each other (R-615)");
            trial.key = GrantKey::new(format!("{base}{ending}"));
            trial
        })
        .collect();
    for (n, trial) in (1..).zip(&trials) {
        trial.check(trial.load().await.is_none(), "a key sees the record of another");
        trial.login(n * 10).await;
    }
    for (n, trial) in (1..).zip(&trials) {
        trial.check(trial.record().await.tokens() == Some(&tokens(n * 10)), "a key sees the tokens of another");
        trial.granted(A, "because that of another key is held").await;
    }
    trials[0].check(trials[0].intend(A).await, "the intent of the lease's owner is refused");
    trials[0].reset(Epoch::new(1), Generation::new(1), None).await;
    for (n, trial) in (1..).zip(&trials).skip(1) {
        let record = trial.record().await;
        trial.check(record.tokens() == Some(&tokens(n * 10)), "a logout reached another key");
        trial.check(record.intent.is_none(), "an intent reached another key");
        trial.busy(B, "because that of another key was released").await;
    }
}

/// Contract 1: the effect of an operation is durable before its future resolves (R-522).
///
/// `open` returns a new handle on the same data each time; the one before is dropped. Not part of
/// [`all`](super::all): a store in memory need not survive.
///
/// # Panics
///
/// If anything is lost between two handles.
pub async fn survives<S: Store>(open: impl Fn() -> S, setting: &Setting) {
    const RULE: &str = "1, what an operation has done is durable (R-522)";
    macro_rules! reopened {
        (|$t:ident| $work:expr) => {{
            let store = open();
            let $t = Trial::new(&store, setting, "survives", RULE);
            $work
        }};
    }
    let login = reopened!(|t| t.login(1).await);
    reopened!(|t| t.check(t.record().await == login, "a login is lost"));
    reopened!(|t| t.under_way(A).await);
    reopened!(|t| {
        t.check(t.record().await.intent.is_some_and(|intent| intent.owner == A), "an intent is lost (R-213)");
        t.busy(B, "because its owner's handle was dropped").await;
    });
    let generation = reopened!(|t| t.stored(successor(A, &login, 1), "although nothing has changed").await);
    reopened!(|t| {
        let record = t.record().await;
        t.check(record.tokens() == Some(&tokens(2)) && record.generation == generation, "a commit is lost");
        t.check(record.intent.is_none(), "a cleared intent came back");
        t.under_way(B).await;
    });
    reopened!(|t| t.settle(B, Settle::Ambiguous).await);
    reopened!(|t| {
        t.check(t.record().await.intent.is_some_and(|intent| intent.ambiguous), "an ambiguous outcome is lost");
        t.end(tombstone(B, login.epoch, 2)).await;
    });
    reopened!(|t| {
        let ended = matches!(t.record().await.state, RecordState::Ended { .. });
        t.check(ended, "a tombstone is lost (R-221)");
        t.reset(Epoch::new(1), Generation::new(1), None).await;
    });
    reopened!(|t| t.check(t.record().await.state == RecordState::LoggedOut, "a logout is lost (C-19)"));
}
