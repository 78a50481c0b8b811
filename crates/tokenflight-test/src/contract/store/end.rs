//! Contract 6: the end.

use tokenflight_core::{
    Epoch, Generation, Store,
    lease::{RecordState, Settle, Write},
};

use super::{
    Setting,
    trial::{A, B, Trial, successor, tokens, tombstone},
};

/// Contract 6: the tokens stay, with a tombstone beside them (R-221, I-08).
pub async fn end_keeps_the_tokens(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "end", "6, an end keeps the tokens beside the tombstone (R-221)");
    let before = t.login(1).await;
    t.under_way(A).await;
    let end = tombstone(A, before.epoch, 1);
    let Write::Stored(generation) = t.end(end.clone()).await else {
        t.broken("an end is refused although nothing has changed");
    };
    let record = t.record().await;
    let RecordState::Ended { tokens: kept, reason, at } = &record.state else {
        t.broken("the record does not say that it ended");
    };
    t.check(*kept == tokens(1), "other tokens are kept");
    t.check(*reason == end.reason, "another reason is kept");
    t.check(*at == end.at, "another time is kept");
    t.check(record.epoch == before.epoch, "an end changed the epoch");
    t.check(record.generation >= before.generation, "an end lowered the generation");
    t.check(record.generation == generation, "another generation is stored than was answered");
    t.check(record.intent.is_none(), "the intent is still there (R-213)");
    t.settle(A, Settle::Untouched).await;
    let found = t.granted(B, "although the attempt has ended").await;
    t.check(found == Some(record), "the next lease shows another record");
}

/// Contract 6: not in another epoch, not for another refresh token.
pub async fn end_refuses_a_mismatch(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "end-mismatch", "6, an end needs the stored epoch and refresh token (R-220)");
    t.not_ended(tombstone(A, Epoch::new(1), 1), "where nothing is stored").await;
    t.reset(Epoch::new(5), Generation::new(1), Some(tokens(1))).await;
    let record = t.record().await;
    t.under_way(A).await;
    for other in [record.epoch.get() - 1, record.epoch.get() + 1] {
        t.not_ended(tombstone(A, Epoch::new(other), 1), "in another epoch").await;
    }
    t.not_ended(tombstone(A, record.epoch, 2), "for another refresh token").await;
    let mut bare = tombstone(A, record.epoch, 1);
    bare.presented = None;
    t.not_ended(bare.clone(), "for no refresh token").await;
    t.stored(successor(A, &record, 1), "after ends were refused").await;
    t.not_ended(tombstone(A, record.epoch, 1), "for a refresh token that has been replaced").await;
    t.reset(Epoch::new(1), Generation::new(1), None).await;
    bare.epoch = t.record().await.epoch;
    t.not_ended(bare, "after a logout").await;
}
