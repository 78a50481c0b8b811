//! Contract 2 and 7: epochs.

use tokenflight_core::{
    Epoch, Generation, Store,
    lease::{Record, RecordState, Settle},
};

use super::{
    Setting,
    trial::{A, B, Trial, refresh, successor, tokens, tombstone},
};

/// Contract 7: a login on an empty key begins with what it says.
pub async fn reset_begins_an_epoch(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "reset", "7, a reset begins an epoch");
    let (epoch, generation) = t.reset(Epoch::new(3), Generation::new(4), Some(tokens(1))).await;
    t.check((epoch.get(), generation.get()) == (3, 4), "an empty key does not take the epoch and generation offered");
    let expected = Record::new(epoch, generation, RecordState::Active(tokens(1)));
    t.check(t.record().await == expected, "what is stored is not what was answered");
}

/// Contract 7: a reset succeeds over everything and raises both counters (C-19, C-20).
pub async fn reset_always_wins(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "reset-wins", "7, a reset always succeeds and begins a larger epoch");
    let mut before = t.login(1).await;
    t.under_way(A).await;
    // Under another's lease and intent; then over a tombstone; then over a logout; then with counters ahead of ours.
    for (n, offered) in [(2, 0), (3, 1), (4, 2), (5, 100)] {
        let (epoch, generation) = t.reset(Epoch::new(offered), Generation::new(offered), Some(tokens(n))).await;
        let record = t.record().await;
        t.check(epoch > before.epoch, "the epoch is not larger than before");
        t.check(generation > before.generation, "the generation is not larger than before");
        t.check(offered <= before.epoch.get() || epoch.get() == offered, "a larger epoch was not taken as it is");
        t.check((record.epoch, record.generation) == (epoch, generation), "what is stored is not what was answered");
        t.check(record.state == RecordState::Active(tokens(n)), "other tokens are stored");
        t.check(record.intent.is_none(), "the intent is still there");
        match n {
            2 => drop(t.end(tombstone(B, epoch, n)).await),
            3 => drop(t.reset(epoch, generation, None).await),
            _ => {}
        }
        before = t.record().await;
    }
}

/// Contract 7: nothing secret is left after a logout.
pub async fn reset_without_tokens_leaves_none(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "logout", "7, a logout leaves no tokens and a larger epoch");
    let before = t.login(1).await;
    t.under_way(A).await;
    let (epoch, generation) = t.reset(Epoch::new(1), Generation::new(1), None).await;
    let record = t.record().await;
    t.check(record.state == RecordState::LoggedOut && record.tokens().is_none(), "tokens are left");
    t.check(epoch > before.epoch && generation > before.generation, "the counters were not raised");
    t.check((record.epoch, record.generation) == (epoch, generation), "what is stored is not what was answered");
    t.check(record.intent.is_none(), "the intent is still there");
}

/// Contract 7: what an older epoch brings afterwards is refused (C-19, C-20, C-22).
pub async fn reset_refuses_what_is_older(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "reset-older", "7, what an older epoch brings is refused (C-19, C-22)");
    let old = t.login(1).await;
    t.under_way(A).await;
    for login in [None, Some(tokens(1)), Some(tokens(7))] {
        // Even with the very same refresh token: the epoch is another.
        t.reset(Epoch::new(1), Generation::new(1), login).await;
        t.refused(successor(A, &old, 1), "from an older epoch").await;
        t.not_ended(tombstone(A, old.epoch, 1), "from an older epoch").await;
    }
    let now = t.record().await;
    t.settle(A, Settle::Ambiguous).await;
    t.check(t.record().await == now, "an older epoch's settle marked the new login's token");
}

/// Contract 2: over any history, neither epoch nor generation decreases (I-02).
pub async fn counters_never_decrease(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "counters", "2, epoch and generation never decrease (I-02)");
    let mut last = t.login(1).await;
    for round in 0..24_u32 {
        match round % 6 {
            0 => drop(t.reset(Epoch::new(0), Generation::new(0), Some(tokens(1))).await),
            1 => t.under_way(A).await,
            2 => {
                let mut commit = successor(A, &last, 1);
                (commit.generation, commit.presented) = (Generation::new(0), refresh(1));
                t.stored(commit, "although it fits").await;
            }
            3 => drop(t.end(tombstone(B, last.epoch, 2)).await),
            4 => drop(t.reset(Epoch::new(1), Generation::new(0), None).await),
            _ => t.settle(A, Settle::Untouched).await,
        }
        let record = t.record().await;
        t.check(record.epoch >= last.epoch, "the epoch has decreased");
        t.check(record.generation >= last.generation, "the generation has decreased");
        last = record;
    }
}
