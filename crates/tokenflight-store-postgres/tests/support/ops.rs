//! Operations, as a session makes them.

use std::time::Duration;

use tokenflight_core::{
    Now, TokenSet,
    store::{
        Body, CellStore, Entry, EntryState, GrantKey, Op, OpId, Owner, Reply, Seen, Store, StoreError, StoreErrorKind,
        StoredTokens,
    },
};
use tokenflight_store_postgres::{PostgresCell, PostgresError};

pub(crate) type Rows = CellStore<PostgresCell>;

/// A key of this test alone.
pub(crate) fn key(name: &str) -> GrantKey {
    GrantKey::new(name)
}

pub(crate) fn tokens(n: u32) -> StoredTokens {
    let set = TokenSet::new(format!("access-{n}")).refresh_token(format!("refresh-{n}"));
    StoredTokens::from_set(&set, Duration::from_secs(1_700_000_000), None)
}

pub(crate) fn op(seen: &Seen, body: Body) -> Op {
    Op::new(seen.facts.incarnation, Now::new(Duration::ZERO, Duration::ZERO), body)
}

/// A login with set `n`, whatever is stored.
pub(crate) async fn login(store: &impl Store, key: &GrantKey, n: u32) -> Op {
    let seen = store.load(key).await.unwrap();
    op(&seen, Body::Reset { base: None, tokens: Some(tokens(n)) })
}

pub(crate) async fn logged_in(store: &impl Store, key: &GrantKey, n: u32) -> Entry {
    stored(store.apply(key, login(store, key, n).await).await)
}

/// Set `n` as the successor of what is stored.
pub(crate) async fn commit(store: &Rows, key: &GrantKey, n: u32) -> Op {
    let seen = store.load(key).await.unwrap();
    let entry = seen.entry.clone().unwrap_or_default();
    let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
    let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
    op(&seen, Body::Commit { epoch, login, over, presented, next: tokens(n) })
}

/// A claim on what is stored.
pub(crate) async fn claim(store: &Rows, key: &GrantKey, watched: Duration) -> Op {
    let seen = store.load(key).await.unwrap();
    let last = seen.entry.as_ref().map_or(OpId::NONE, |entry| entry.op);
    let (owner, length) = (Owner::unique(), Duration::from_secs(75));
    let claim = op(&seen, Body::Claim { owner, seen: last, length, yields: None, holder: "the test".into() });
    claim.watched(watched).having_read(seen)
}

pub(crate) fn stored(reply: Result<Reply, StoreError>) -> Entry {
    match reply.unwrap() {
        Reply::Stored { entry, .. } => entry,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is_set(entry: &Entry, n: u32) -> bool {
    entry.state == EntryState::Active(tokens(n))
}

/// What is known of an operation that failed, and why it did.
pub(crate) fn failed<T>(result: Result<T, StoreError>) -> (StoreErrorKind, PostgresError) {
    let error = result.err().unwrap();
    let cause = PostgresError::find(&error).unwrap_or_else(|| panic!("not an error of Postgres: {error:?}"));
    (error.kind(), cause.clone())
}

/// The SQLSTATE of an error.
pub(crate) fn state(error: &PostgresError) -> &str {
    match error {
        PostgresError::Server { state, .. } => state,
        other => panic!("not an error of the server: {other:?}"),
    }
}
