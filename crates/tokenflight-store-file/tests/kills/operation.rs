//! The operations, as a child process does them, and what they make of a record.

use std::{error::Error, fs, path::Path, time::Duration};

use futures_executor::block_on;
use tokenflight_core::{
    EndReason,
    grant::ReusePolicy,
    store::{Body, Entry, EntryState, Op, Outcome, Owner, Reply, Store, StoreError, StoreErrorKind},
};
use tokenflight_store_file::{FileError, FileStore};

use crate::support::{
    child::{given, say},
    ops::{claim, key, log_in, op, tokens},
};

/// Each of them with what must be there before.
pub(crate) const ALL: &[&str] = &["first", "claim", "commit", "end", "settle", "uncertain", "login", "logout"];

pub(crate) const FOLDER: &str = "TOKENFLIGHT_FOLDER";

/// Puts in place what every operation but the first begins with.
pub(crate) fn prepare(folder: &Path) {
    log_in(&FileStore::in_dir(folder), 1).unwrap();
}

/// Prepares the operation within the process that will do it.
async fn begin(store: &FileStore, name: &str) -> Op {
    let (key, owner) = (key(), Owner::unique());
    // The call that is made to fail may be one of these.
    let mut seen = match store.load(&key).await {
        Ok(seen) => seen,
        Err(_) => store.load(&key).await.unwrap(),
    };
    if matches!(name, "commit" | "end" | "settle" | "uncertain") {
        let reply = store.apply(&key, claim(&seen, owner)).await.unwrap();
        assert!(matches!(reply, Reply::Granted(_)));
        seen = store.load(&key).await.unwrap();
    }
    let entry = seen.entry.clone().unwrap_or_default();
    let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
    let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
    let body = match name {
        "claim" => return claim(&seen, owner),
        "commit" => Body::Commit { epoch, login, over, presented, next: tokens(2) },
        "end" => {
            let (reason, at) = (EndReason::new("invalid_grant"), Duration::from_secs(1_700_000_001));
            Body::End { owner, epoch, login, over, presented, reason, at }
        }
        "settle" => Body::Settle { owner, outcome: Outcome::Untouched },
        "uncertain" => Body::Settle { owner, outcome: Outcome::Ambiguous(ReusePolicy::Strict) },
        "first" => Body::Reset { base: None, tokens: Some(tokens(2)) },
        "login" => Body::Reset { base: Some(login), tokens: Some(tokens(2)) },
        _ => Body::Reset { base: Some(login), tokens: None },
    };
    op(&seen, body)
}

/// Whether an entry is what the operation makes, or what was there before; never anything else.
pub(crate) fn is_done(name: &str, entry: Option<&Entry>) -> bool {
    let Some(entry) = entry else {
        assert_eq!(name, "first", "the record is gone");
        return false;
    };
    let active = |n| entry.state == EntryState::Active(tokens(n));
    let done = match name {
        "first" | "login" | "commit" => active(2),
        "claim" => active(1) && entry.claim.is_some(),
        "end" => matches!(&entry.state, EntryState::Ended { tokens: kept, .. } if *kept == tokens(1)),
        "settle" => active(1) && entry.claim.is_none(),
        "uncertain" => active(1) && entry.doubt.is_some(),
        _ => entry.state == EntryState::LoggedOut,
    };
    let reported = matches!(name, "commit" | "end" | "settle" | "uncertain");
    assert!(done || (active(1) && entry.claim.is_some() == reported), "{name} left neither old nor new: {entry:?}");
    done
}

/// Marks a place in the trace by a call that nothing else makes.
fn mark(folder: &Path, name: &str) {
    let _ = fs::remove_dir(folder.join(name));
}

/// Does an operation between two marks, says what came of it, and does it again.
pub(crate) fn play(name: &str) {
    let folder = given(FOLDER);
    let (folder, key) = (Path::new(&folder), key());
    let store = FileStore::in_dir(folder.join("state"));
    block_on(async {
        // The first operation of all makes the folder.
        if name == "first" {
            mark(folder, "begin");
        }
        let op = begin(&store, name).await;
        if name != "first" {
            mark(folder, "begin");
        }
        let first = store.apply(&key, op.clone()).await;
        mark(folder, "end");
        say(&format!("first {}", in_words(&first)));
        let seen = store.load(&key).await.unwrap();
        say(&format!("seen {}", is_done(name, seen.entry.as_ref())));
        let tried = first.err().and_then(|error| error.tried().cloned()).map(Box::new);
        let again = store.apply(&key, op.tried_on(tried)).await;
        say(&format!("again {}", in_words(&again)));
        let seen = store.load(&key).await.unwrap();
        say(&format!("then {}", is_done(name, seen.entry.as_ref())));
    });
}

fn in_words(result: &Result<Reply, StoreError>) -> String {
    let error = match result {
        Ok(Reply::Granted(_) | Reply::Stored { .. } | Reply::Nothing) => return "done".to_owned(),
        Ok(other) => return format!("{other:?}"),
        Err(error) => error,
    };
    let kind = match error.kind() {
        StoreErrorKind::NotDone => "not-done",
        StoreErrorKind::Unknown => "unknown",
        StoreErrorKind::Refused => "refused",
    };
    let named = FileError::find(error).map(|error| {
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}, {error:?}")
    });
    format!("{kind} {}", named.unwrap_or_else(|| "WITHOUT A FILE ERROR".to_owned()))
}
