//! What the authorization server ended.

use tokenflight_core::{
    EndReason, RefreshToken,
    store::{Body, EntryState},
};

use super::claim::changed;
use super::trial::{A, B, Trial, another, commit, end, tokens};

pub(super) async fn keeps_the_tokens(t: &Trial<'_>) {
    let login = t.login(1).await;
    t.granted(A).await;
    let entry = t.stored(end(A, &login)).await;
    let EntryState::Ended { tokens: kept, reason, at } = &entry.state else {
        t.broken("the entry does not say that it ended");
    };
    t.check(*kept == tokens(1), "other tokens are kept");
    let Body::End { reason: given, at: when, .. } = end(A, &login) else { return };
    t.check((reason, at) == (&given, &when), "another reason or time is kept");
    t.check(entry.claim.is_none(), "the claim is still there");
    t.check(entry.order() == login.order(), "an end changed the numbers");
    changed(t, t.claim(B).await, "although the session has ended").await;
}

pub(super) async fn is_compared(t: &Trial<'_>) {
    t.refused(end(A, &t.entry().await), "where nothing is stored").await;
    let login = t.login(1).await;
    for change in ["in another epoch", "of another login", "for another token set", "for another refresh token"] {
        let mut body = end(A, &login);
        if let Body::End { epoch, login, over, presented, .. } = &mut body {
            match change {
                "in another epoch" => *epoch = epoch.next(),
                "of another login" => *login = another(),
                "for another token set" => *over = another(),
                _ => *presented = Some(RefreshToken::new("another")),
            }
        }
        t.refused(body, change).await;
    }
    t.stored(commit(&login, 2)).await;
    t.refused(end(A, &login), "for a token that was replaced").await;
    t.logout().await;
    t.refused(end(A, &login), "after a logout").await;
}

pub(super) async fn respects_a_claim(t: &Trial<'_>) {
    let login = t.login(1).await;
    t.granted(A).await;
    t.refused(end(B, &login), "under the claim of another").await;
    t.stored(end(A, &login)).await;
    // One that comes later is answered as if it had been first, and replaces nothing.
    let mut late = end(B, &login);
    if let Body::End { reason, .. } = &mut late {
        *reason = EndReason::new("late");
    }
    let entry = t.stored(late).await;
    t.check(matches!(entry.state, EntryState::Ended { reason, .. } if reason.code() != "late"), "a second end counts");
}
