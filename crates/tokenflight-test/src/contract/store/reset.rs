//! Logins and logouts.

use tokenflight_core::store::{Body, EntryState, OpId, Reply};

use super::trial::{A, Trial, another, commit, is_active, tokens};

pub(super) async fn login_begins_an_epoch(t: &Trial<'_>) {
    for n in 1..=3 {
        let before = t.entry().await;
        let op = t.op(Body::Reset { base: None, tokens: Some(tokens(n)) }).await;
        let id = op.id;
        t.does(op).await;
        let entry = t.entry().await;
        t.check(is_active(&entry, &tokens(n)), "other tokens are stored");
        t.check(entry.epoch == before.epoch.next(), "the epoch is not the next one");
        t.check(entry.rotation == before.rotation + 1, "the token set is not counted");
        t.check((entry.op, entry.login, entry.set) == (id, id, id), "the entry does not say who wrote it");
        // What it must lift.
        t.granted(A).await;
    }
    t.check(t.login(4).await.claim.is_none(), "the claim on the old login is still there");
}

pub(super) async fn logout_leaves_no_tokens(t: &Trial<'_>) {
    t.logout().await;
    t.login(1).await;
    let op = t.op(Body::Reset { base: None, tokens: None }).await;
    let reply = t.does(op).await;
    let replaced = matches!(&reply, Reply::Stored { replaced: Some(replaced), .. } if *replaced == tokens(1));
    t.check(replaced, "it does not say which tokens there were");
    t.check(t.entry().await.state == EntryState::LoggedOut, "tokens are left");
}

pub(super) async fn base_is_compared(t: &Trial<'_>) {
    let reset = |base: OpId, n| Body::Reset { base: Some(base), tokens: Some(tokens(n)) };
    t.stored(reset(OpId::NONE, 1)).await;
    t.refused(reset(OpId::NONE, 2), "although there was a login before it").await;
    let login = t.entry().await;
    t.stored(commit(&login, 2)).await;
    t.refused(reset(another(), 3), "over another login").await;
    t.refused(Body::Reset { base: Some(another()), tokens: None }, "over another login").await;
    let next = t.stored(reset(login.login, 3)).await;
    t.refused(reset(login.login, 4), "over a login that was replaced").await;
    t.stored(Body::Reset { base: Some(next.login), tokens: None }).await;
    t.stored(Body::Reset { base: None, tokens: Some(tokens(5)) }).await;
}
