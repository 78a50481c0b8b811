//! Successors.

use tokenflight_core::{
    Epoch, RefreshToken, TokenSet,
    store::{Body, EntryState, Outcome, Reply, StoredTokens},
};

use super::trial::{A, B, C, STRICT, Trial, another, commit, end, is_active, settle, tokens};

pub(super) async fn stores_the_successor(t: &Trial<'_>) {
    let login = t.login(1).await;
    t.granted(A).await;
    // The doubt of an attempt that did not report.
    t.stored(settle(A, STRICT)).await;
    let entry = t.stored(commit(&login, 2)).await;
    t.check(is_active(&entry, &tokens(2)), "other tokens are stored");
    t.check(entry.rotation == login.rotation + 1, "the token set is not counted");
    t.check((entry.epoch, entry.login) == (login.epoch, login.login), "a commit changed the login");
    t.check(entry.set == entry.op, "the entry does not say who brought the tokens");
    t.check(entry.claim.is_none() && entry.doubt.is_none(), "claim or doubt are still there");
    t.granted(B).await;
}

/// A late holder may have the only valid successor.
pub(super) async fn needs_no_claim(t: &Trial<'_>) {
    let login = t.login(1).await;
    let entry = t.stored(commit(&login, 2)).await;
    t.granted(A).await;
    let entry = t.stored(commit(&entry, 3)).await;
    t.check(entry.claim.is_none(), "a claim on a token that was replaced is still there");
    t.granted(B).await;
    t.busy(t.claim(C).await, "after a commit").await;
}

pub(super) async fn is_compared(t: &Trial<'_>) {
    t.login(1).await;
    let login = t.login(2).await;
    for change in ["in another epoch", "in an earlier epoch", "of another login", "over another token set"] {
        let mut body = commit(&login, 3);
        if let Body::Commit { epoch, login, over, .. } = &mut body {
            match change {
                "in another epoch" => *epoch = epoch.next(),
                "in an earlier epoch" => *epoch = Epoch::new(epoch.get() - 1),
                "of another login" => *login = another(),
                _ => *over = another(),
            }
        }
        t.refused(body, change).await;
    }
    for other in [None, Some(RefreshToken::new("another"))] {
        let mut body = commit(&login, 3);
        if let Body::Commit { presented, .. } = &mut body {
            *presented = other;
        }
        t.refused(body, "for another refresh token").await;
    }
    t.stored(commit(&login, 3)).await;
    t.refused(commit(&login, 4), "over a token set that was replaced").await;
    t.logout().await;
    t.refused(commit(&login, 4), "after a logout").await;
}

pub(super) async fn begins_without_an_entry(t: &Trial<'_>) {
    let nothing = t.entry().await;
    for (epoch, presented) in [(1, None), (0, Some(RefreshToken::new("presented")))] {
        let mut body = commit(&nothing, 1);
        if let Body::Commit { epoch: other, presented: token, .. } = &mut body {
            (*other, *token) = (Epoch::new(epoch), presented);
        }
        t.refused(body, "although nothing is stored").await;
    }
    t.granted(A).await;
    t.stored(settle(A, Outcome::Untouched)).await;
    let entry = t.stored(commit(&nothing, 1)).await;
    t.check(entry.epoch == Epoch::new(0), "it begins in another epoch than zero");
    t.check(is_active(&entry, &tokens(1)), "other tokens are stored");
}

pub(super) async fn without_a_refresh_token(t: &Trial<'_>) {
    let bare = |n: u32| StoredTokens::from_set(&TokenSet::new(format!("access-{n}")), tokens(n).received, None);
    t.stored(Body::Reset { base: None, tokens: Some(bare(1)) }).await;
    let login = t.entry().await;
    let mut body = commit(&login, 2);
    if let Body::Commit { presented, .. } = &mut body {
        *presented = Some(RefreshToken::new("presented"));
    }
    t.refused(body, "for a refresh token where none is stored").await;
    t.stored(commit(&login, 2)).await;
}

pub(super) async fn over_an_end(t: &Trial<'_>) {
    let login = t.login(1).await;
    t.stored(end(B, &login)).await;
    let entry = t.stored(commit(&login, 2)).await;
    t.check(matches!(entry.state, EntryState::Active(_)), "the end is still there");
}

/// A store may compute a first try on what the session says it has read, and must find out if that
/// is not stored any more.
pub(super) async fn an_old_read_decides_nothing(t: &Trial<'_>) {
    let login = t.login(1).await;
    let old = t.seen().await;
    t.stored(commit(&login, 2)).await;
    let outdated = t.op(commit(&login, 3)).await.having_read(old.clone());
    let reply = t.does(outdated).await;
    t.check(matches!(reply, Reply::Conflict(_)), "a successor is stored over a token set that was replaced");
    let claim = t.claim_on(&login, A, None).await.having_read(old);
    t.check(matches!(t.does(claim).await, Reply::Changed(_)), "an entry is claimed that is not stored any more");
    let claim = t.claim(A).await.having_read(t.seen().await);
    t.grants(claim).await;
}
