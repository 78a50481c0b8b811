//! Contract 5: the commit.

use tokenflight_core::{
    Epoch, Generation, Store, TokenSet,
    lease::{Commit, RecordState, Settle, StoredTokens},
};

use super::{
    Setting,
    trial::{A, B, C, Trial, refresh, successor, tokens, tombstone},
};

/// Contract 5: a commit stores the successor, clears the intent and releases the lease.
pub async fn commit_stores_the_successor(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit", "5, a commit stores the successor and ends the attempt (R-218)");
    let before = t.login(1).await;
    t.under_way(A).await;
    let generation = t.stored(successor(A, &before, 1), "although nothing has changed").await;
    let record = t.record().await;
    t.check(record.state == RecordState::Active(tokens(2)), "other tokens are stored");
    t.check(record.generation == generation, "another generation is stored than was answered");
    t.check(record.epoch == before.epoch, "a commit changed the epoch");
    t.check(record.intent.is_none(), "the intent is still there");
    let found = t.granted(B, "although the attempt has ended").await;
    t.check(found == Some(record), "the next lease shows another record");
}

/// Contract 5: the epoch and the predecessor decide, and nothing else.
pub async fn commit_needs_no_lease(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-no-lease", "5, a commit needs no lease (R-512)");
    let record = t.login(1).await;
    t.stored(successor(A, &record, 1), "because its owner has no lease").await;
    let record = t.record().await;
    t.granted(B, "although nobody has it").await;
    t.stored(successor(A, &record, 2), "because another has the lease").await;
    t.busy(C, "because somebody without it committed").await;
}

/// Contract 5: a late holder with the only valid successor must be able to store it (R-512, C-37, I-05).
pub async fn commit_of_a_late_holder_is_stored(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-late", "5, a late holder's commit is stored (R-512)");
    let record = t.login(1).await;
    t.under_way(A).await;
    t.run_out().await;
    t.under_way(B).await;
    t.stored(successor(A, &record, 1), "because its lease has run out").await;
    t.check(t.record().await.tokens() == Some(&tokens(2)), "the late holder's tokens are not stored");
    t.busy(C, "because a late holder, who had lost it, committed").await;
    let mut fork = successor(B, &record, 1);
    fork.tokens = tokens(9);
    t.refused(fork, "although its predecessor has been replaced").await;
}

/// Contract 5: not in another epoch (R-440, C-22).
pub async fn commit_refuses_another_epoch(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-epoch", "5, a commit needs the stored epoch (R-440)");
    let (epoch, _) = t.reset(Epoch::new(5), Generation::new(1), Some(tokens(1))).await;
    let record = t.record().await;
    t.under_way(A).await;
    for other in [0, epoch.get() - 1, epoch.get() + 1] {
        let mut commit = successor(A, &record, 1);
        commit.epoch = Epoch::new(other);
        t.refused(commit, "in another epoch").await;
    }
    t.stored(successor(A, &record, 1), "after others were refused").await;
}

/// Contract 5: not over another predecessor.
pub async fn commit_refuses_another_predecessor(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-predecessor", "5, a commit needs the stored predecessor (R-512)");
    let record = t.login(1).await;
    t.under_way(A).await;
    for presented in [None, refresh(2)] {
        let mut commit = successor(A, &record, 1);
        commit.presented = presented;
        t.refused(commit, "over another predecessor").await;
    }
    t.stored(successor(A, &record, 1), "after others were refused").await;
    t.refused(successor(A, &record, 1), "twice").await;
}

/// Contract 2, 5: the store raises a generation that is not larger than its own (I-02).
pub async fn commit_raises_the_generation(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-generation", "2, the generation never decreases (I-02)");
    t.reset(Epoch::new(1), Generation::new(7), Some(tokens(1))).await;
    for (n, wanted) in [(1, 0), (2, 3), (3, 9), (4, 100)] {
        let record = t.record().await;
        let stored = record.generation.get();
        let mut commit = successor(A, &record, n);
        commit.generation = Generation::new(wanted);
        let generation = t.stored(commit, "because of its generation").await.get();
        t.check(generation > stored, "a commit did not raise the generation");
        t.check(wanted <= stored || generation == wanted, "a larger generation was not taken as it is");
        t.check(t.record().await.generation.get() == generation, "another generation is stored than was answered");
    }
}

/// Contract 5: a grant without a record counts as one of epoch zero without a refresh token.
pub async fn commit_without_a_record_begins_one(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-first", "5, a grant without a record counts as epoch zero");
    let commit = |epoch, presented| Commit::new(A, Epoch::new(epoch), Generation::new(1), presented, tokens(1));
    t.refused(commit(1, None), "in another epoch than zero, without a record").await;
    t.refused(commit(0, refresh(1)), "with a predecessor, without a record").await;
    t.granted(A, "although nobody has it").await;
    let generation = t.stored(commit(0, None), "although it begins the grant").await;
    let record = t.record().await;
    t.check(record.epoch == Epoch::new(0), "it begins in another epoch than zero");
    t.check(record.generation == generation, "another generation is stored than was answered");
    t.check(record.state == RecordState::Active(tokens(1)), "other tokens are stored");
    t.granted(B, "although the attempt has ended").await;
}

/// Contract 5 for grants without a refresh token.
pub async fn commit_without_a_refresh_token(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-bare", "5, no refresh token is a predecessor like any other");
    let bare = |n: u32| StoredTokens::from_set(&TokenSet::new(format!("access-{n}")), tokens(n).received, None);
    t.reset(Epoch::new(1), Generation::new(1), Some(bare(1))).await;
    let record = t.record().await;
    let commit = |presented| Commit::new(A, record.epoch, record.generation.next(), presented, bare(2));
    t.refused(commit(refresh(1)), "with a predecessor where none is stored").await;
    t.stored(commit(None), "although there was no refresh token and none was presented").await;
    t.check(t.record().await.state == RecordState::Active(bare(2)), "other tokens are stored");
    t.reset(Epoch::new(1), Generation::new(1), None).await;
    let record = t.record().await;
    let commit = Commit::new(A, record.epoch, record.generation.next(), None, bare(3));
    t.refused(commit, "after a logout").await;
}

/// Contract 5: an end does not stop the one who has the successor.
pub async fn commit_over_a_tombstone_revives(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "commit-ended", "5, a successor is stored over a tombstone (R-512)");
    let record = t.login(1).await;
    t.end(tombstone(B, record.epoch, 1)).await;
    t.stored(successor(A, &record, 1), "because of a tombstone").await;
    t.check(t.record().await.state == RecordState::Active(tokens(2)), "the tombstone is still there");
    t.settle(B, Settle::Untouched).await;
}
