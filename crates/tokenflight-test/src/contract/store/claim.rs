//! Who may present.

use std::time::Duration;

use tokenflight_core::store::{Body, Incarnation, Op, Reply, Timing};

use super::trial::{A, B, C, Trial, another, tokens};

pub(super) async fn granted_on_what_was_seen(t: &Trial<'_>) {
    let login = t.login(1).await;
    let mut op = t.claim(A).await;
    if let Body::Claim { seen, .. } = &mut op.body {
        *seen = another();
    }
    changed(t, op, "although another entry is stored").await;
    let entry = t.granted(A).await;
    t.check(entry.claim.as_ref().is_some_and(|claim| claim.owner == A), "the claim names another owner");
    t.check(entry.doubt.is_none(), "a first claim leaves doubt");
    let kept = (entry.epoch, entry.rotation, entry.login, entry.set, &entry.state);
    t.check(kept == (login.epoch, login.rotation, login.login, login.set, &login.state), "a claim changed the login");
    t.logout().await;
    changed(t, t.claim(B).await, "although there is no login").await;
}

pub(super) async fn changed(t: &Trial<'_>, claim: Op, when: &str) {
    let reply = t.does(claim).await;
    t.check(matches!(reply, Reply::Changed(_)), &format!("a claim is not answered \"changed\" {when}"));
}

pub(super) async fn excludes(t: &Trial<'_>) {
    t.login(1).await;
    t.granted(A).await;
    for (owner, watched) in [(B, Duration::ZERO), (C, t.setting.length / 2)] {
        t.busy(t.claim(owner).await.watched(watched), "although another has the claim").await;
    }
    // Nor does another attempt of the same session, unless it says that the first has sent nothing.
    let seen = t.entry().await;
    t.busy(t.claim_on(&seen, B, Some(C)).await, "although another has the claim than the one that yields").await;
    t.pass(t.setting.length / 2).await;
    t.busy(t.claim(B).await.watched(t.setting.length / 2), "before the claim has run out").await;
    t.check(t.entry().await.claim.is_some_and(|claim| claim.owner == A), "the claim was taken away");
}

pub(super) async fn yields(t: &Trial<'_>) {
    t.login(1).await;
    let seen = t.granted(A).await;
    let entry = t.grants(t.claim_on(&seen, B, Some(A)).await).await;
    t.check(entry.claim.is_some_and(|claim| claim.owner == B), "the claim is not the later attempt's");
    t.check(entry.doubt.is_none(), "an attempt that has sent nothing leaves doubt");
    t.busy(t.claim(A).await, "after it has yielded").await;
}

pub(super) async fn runs_out(t: &Trial<'_>) {
    t.login(1).await;
    let held = t.granted(A).await.claim;
    if held.as_ref().is_none_or(|claim| claim.lock.is_some()) {
        // Its holder lives as long as this process.
        return;
    }
    t.run_out().await;
    let hasty = Timing::DEFAULT.quiet.min(t.long_enough()) / 2;
    t.busy(t.claim(B).await.watched(hasty), "to a process that has just come").await;
    let entry = t.grants(t.claim(B).await.watched(t.long_enough())).await;
    t.check(entry.claim.is_some_and(|claim| claim.owner == B), "the claim is not the next owner's");
    let since = held.and_then(|claim| claim.since);
    t.check(entry.doubt.is_some_and(|doubt| doubt.since == since), "the doubt does not begin with the first claim");
    t.run_out().await;
    let again = t.grants(t.claim(C).await.watched(t.long_enough())).await;
    t.check(again.doubt == entry.doubt, "a later claim changed the doubt");
}

/// An operation that was begun in another incarnation leaves an entry of none.
pub(super) async fn quarantine(t: &Trial<'_>) {
    if t.seen().await.facts.incarnation.is_none() {
        return;
    }
    let mut login = t.op(Body::Reset { base: None, tokens: Some(tokens(1)) }).await;
    login.born = login.born.map(|born| Incarnation::new(born.get() ^ 1));
    t.does(login).await;
    let mut stranger = t.claim(A).await.watched(t.long_enough());
    stranger.born = stranger.born.map(|born| Incarnation::new(born.get() ^ 1));
    changed(t, stranger, "that was decided on in another incarnation").await;
    t.busy(t.claim(A).await.watched(t.setting.length / 2), "although a claim in force may have been lost").await;
    let entry = t.grants(t.claim(A).await.watched(t.long_enough())).await;
    t.check(entry.doubt.is_some_and(|doubt| doubt.since.is_none()), "what may have been lost leaves no doubt");
}
