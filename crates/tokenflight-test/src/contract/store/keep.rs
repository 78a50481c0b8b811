//! What is stored is kept, as it was, for each key by itself.

use std::time::Duration;

use tokenflight_core::{
    EndReason, TokenSet,
    store::{Body, Entry, EntryState, Outcome, Reply, Store, StoredTokens},
};

use super::trial::{A, B, C, STRICT, Trial, commit, end, is_active, settle, tokens};
use crate::contract::{Setting, setting::goes_on};

pub(super) async fn unknown_keys_are_empty(t: &Trial<'_>) {
    t.check(t.seen().await.entry.is_none(), "there is an entry");
    let reply = t.does(t.op(settle(A, Outcome::Untouched)).await).await;
    t.check(reply == Reply::Nothing, "there is something to settle");
    t.check(t.seen().await.entry.is_none(), "reading or settling made an entry");
}

/// Tokens, lifetimes and words as they were; times to the millisecond.
pub(super) async fn tokens_come_back_as_they_were(t: &Trial<'_>) {
    let received = Duration::from_millis(1_700_000_000_123);
    let long = TokenSet::new("a".repeat(8192)).refresh_token("r".repeat(8192)).expires_in(Duration::from_millis(1500));
    for set in [
        TokenSet::new("bare"),
        TokenSet::new("zero").refresh_token("z").expires_in(Duration::ZERO),
        TokenSet::new("quotes\"'\\").refresh_token("form+/=&%00; \t\n\u{1}\u{e9}\u{1f511}").scope("a b 'c' \u{fc}"),
        TokenSet::from_refresh_token("refresh-alone"),
        TokenSet::new("ten-years").refresh_token("t").expires_in(Duration::MAX).scope(""),
        long,
    ] {
        let stored = StoredTokens::from_set(&set, received, None).issued_by(Some("https://as.example.com/\"\u{fc}\""));
        let entry = t.stored(Body::Reset { base: None, tokens: Some(stored.clone()) }).await;
        t.check(is_active(&entry, &stored), "tokens came back otherwise");
        let mut body = end(A, &entry);
        let reason = EndReason::new("invalid_grant").description("it's \"over\"\u{2014}\u{fc}ber");
        if let Body::End { reason: given, at, .. } = &mut body {
            (*given, *at) = (reason.clone(), received);
        }
        let expected = EntryState::Ended { tokens: stored, reason, at: received };
        t.check(t.stored(body).await.state == expected, "an end came back otherwise");
    }
}

/// Keys are names, not parts of a path: none disturbs another, however much alike they look.
pub(super) async fn keys_do_not_disturb_each_other(t: &Trial<'_>) {
    let endings =
        ["", "/", "//", "/..", ":a", ":A", ":a ", ":a:b", "/a/b", "%2Fa", "\\a", "\u{e9}", "e\u{301}", "*", "'--"];
    let trials = endings.map(|ending| t.on(ending));
    for (n, t) in (1..).zip(&trials) {
        t.check(t.seen().await.entry.is_none(), "a key sees the entry of another");
        t.login(n).await;
    }
    for (n, t) in (1..).zip(&trials) {
        t.check(is_active(&t.entry().await, &tokens(n)), "a key sees the tokens of another");
        t.granted(A).await;
    }
    trials[0].logout().await;
    for (n, t) in (1..).zip(&trials).skip(1) {
        t.check(is_active(&t.entry().await, &tokens(n)), "a logout reached another key");
        t.busy(t.claim(B).await, "although its own is held").await;
    }
}

pub(super) async fn the_clock_goes_on(t: &Trial<'_>) {
    let before = t.seen().await.facts;
    t.pass(t.setting.length).await;
    let after = t.seen().await.facts;
    if let Err(detail) = goes_on(before, after, t.setting.length) {
        t.broken(&detail);
    }
}

/// Checks that what an operation of a [`Store`] has done is durable when its future resolves.
///
/// `open` returns a new handle on the same data each time; the one before is dropped. Not part of
/// [`store`](super::store): a store in memory need not survive.
///
/// # Panics
///
/// If anything is lost between two handles.
pub async fn survives<S: Store>(open: impl Fn() -> S, setting: &Setting) {
    macro_rules! reopened {
        (|$t:ident| $work:expr) => {{
            let store = open();
            let $t = Trial::new(&store, setting, "what an operation has done survives its process");
            $work
        }};
    }
    // Each time another handle does something, and the next one finds what it left.
    let same = |t: &Trial<'_>, found: &Entry, left: &Entry, what: &str| {
        t.check(t.tolerance().entry(Some(left), Some(found)), &format!("{what} is lost"));
    };
    let login = reopened!(|t| t.login(1).await);
    reopened!(|t| same(&t, &t.entry().await, &login, "a login"));
    let claimed = reopened!(|t| t.granted(A).await);
    reopened!(|t| {
        same(&t, &t.entry().await, &claimed, "a claim");
        // With kernel locks its holder is dead now.
        if claimed.claim.as_ref().is_some_and(|claim| claim.lock.is_none()) {
            t.busy(t.claim(B).await, "because the process that has it was ended").await;
        }
    });
    let committed = reopened!(|t| t.stored(commit(&login, 2)).await);
    reopened!(|t| same(&t, &t.entry().await, &committed, "a commit"));
    reopened!(|t| t.granted(C).await);
    let ambiguous = reopened!(|t| t.stored(settle(C, STRICT)).await);
    reopened!(|t| same(&t, &t.entry().await, &ambiguous, "a doubt"));
    let ended = reopened!(|t| t.stored(end(C, &committed)).await);
    reopened!(|t| same(&t, &t.entry().await, &ended, "an end"));
    reopened!(|t| t.logout().await);
    reopened!(|t| t.check(t.entry().await.state == EntryState::LoggedOut, "a logout is lost"));
}
