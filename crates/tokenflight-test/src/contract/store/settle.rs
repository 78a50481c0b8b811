//! Attempts that brought neither a successor nor an end, and what was lost.

use std::time::Duration;

use tokenflight_core::{
    grant::ReusePolicy,
    store::{Body, EntryState, Outcome, Reply},
};

use super::trial::{A, B, C, STRICT, Trial, another, commit, settle, tokens};

pub(super) async fn untouched(t: &Trial<'_>) {
    let login = t.login(1).await;
    t.granted(A).await;
    let entry = t.stored(settle(A, Outcome::Untouched)).await;
    t.check(entry.claim.is_none() && entry.doubt.is_none(), "claim or doubt are left");
    t.check(entry.state == login.state && entry.order() == login.order(), "settling changed the login");
    t.granted(A).await;
    t.stored(settle(A, KEPT)).await;
    let doubt = t.entry().await.doubt;
    t.granted(B).await;
    let entry = t.stored(settle(B, Outcome::Untouched)).await;
    t.check(entry.doubt.is_some() && entry.doubt == doubt, "the doubt of an earlier attempt was lifted");
}

/// What may have been processed, by a server that takes the same refresh token again and again.
const KEPT: Outcome = Outcome::Ambiguous(ReusePolicy::NonRotating);
/// Windows of which what was sent makes good use, and one that it does not reach.
const POLICIES: [ReusePolicy; 4] = [
    ReusePolicy::Grace { window: Duration::from_secs(30) },
    ReusePolicy::Grace { window: Duration::from_secs(1) },
    ReusePolicy::UntilUsed,
    ReusePolicy::Strict,
];

pub(super) async fn ambiguous(t: &Trial<'_>) {
    t.login(1).await;
    let since = t.granted(A).await.claim.and_then(|claim| claim.since);
    let entry = t.stored(settle(A, KEPT)).await;
    t.check(entry.claim.is_none(), "the claim is still there, though presenting again does no harm");
    t.check(entry.doubt.is_some_and(|doubt| doubt.since == since), "the doubt does not begin with the claim");
    t.granted(B).await;
    for (n, policy) in (2..).zip(POLICIES) {
        t.login(n).await;
        t.granted(A).await;
        let entry = t.stored(settle(A, Outcome::Ambiguous(policy))).await;
        t.check(entry.doubt.is_some(), "there is no doubt");
        // What was sent has time to arrive or not, by the window; each is compared with `apply`.
        t.does(t.claim(B).await).await;
    }
    let entry = t.entry().await;
    t.check(entry.claim.is_some_and(|claim| claim.owner == A), "what was sent is not given time to arrive");
}

pub(super) async fn by_the_owner_only(t: &Trial<'_>) {
    t.login(1).await;
    t.granted(A).await;
    for outcome in [Outcome::Untouched, STRICT, KEPT] {
        let before = t.entry().await;
        let reply = t.does(t.op(settle(B, outcome)).await).await;
        t.check(reply == Reply::Nothing, "the claim of another is settled");
        t.check(t.entry().await == before, "a settle of another changed the entry");
    }
    t.busy(t.claim(C).await, "after another has settled").await;
}

pub(super) async fn again_needs_a_loss(t: &Trial<'_>) {
    let login = t.login(1).await;
    let record = t.stored(commit(&login, 2)).await;
    let again = Body::Again { record: Box::new(record.clone()) };
    t.check(t.stored(again.clone()).await == record, "the entry that is there was written again");
    t.login(3).await;
    t.refused(again, "although a later login is stored").await;
    let mut ahead = t.entry().await;
    ahead.rotation += 7;
    ahead.set = another();
    ahead.state = EntryState::Active(tokens(9));
    t.refused(Body::Again { record: Box::new(ahead) }, "although nothing was lost").await;
}
