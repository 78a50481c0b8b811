//! Contract 4: the intent.

use tokenflight_core::{
    Store,
    lease::{Record, Settle},
};

use super::{
    Setting,
    trial::{A, B, C, Trial},
};

fn without_intent(mut record: Record) -> Record {
    record.intent = None;
    record
}

/// Contract 4: only the lease's owner notes an intent, and it is durable when the operation ends.
pub async fn intent_needs_the_lease(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "intent-lease", "4, an intent needs the lease (R-213)");
    let record = t.login(1).await;
    t.check(!t.intend(A).await, "an intent is noted without a lease");
    t.granted(A, "although nobody has it").await;
    t.check(!t.intend(B).await, "an intent is noted under the lease of another");
    t.check(t.record().await == record, "a refused intent changed the record");
    t.check(t.intend(A).await, "the intent of the lease's owner is refused");
    let noted = t.record().await;
    let Some(intent) = noted.intent else { t.broken("an intent was accepted and is not stored") };
    t.check(intent.owner == A, "the intent names another owner");
    t.check(!intent.ambiguous, "a fresh intent counts as ambiguous");
    t.check(without_intent(noted) == record, "an intent changed more than the intent");
}

/// Contract 4: a pending intent blocks others until it has run out, and is visible afterwards.
pub async fn intent_blocks_until_it_runs_out_and_stays_visible(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "intent-blocks", "4, a pending intent blocks others until it runs out (R-214)");
    t.login(1).await;
    t.under_way(A).await;
    t.pass(setting.length / 2).await;
    t.busy(B, "before the intent has run out").await;
    t.pass(setting.length / 2 + setting.length / 10).await;
    let found = t.granted(B, "although the intent has run out").await.and_then(|record| record.intent);
    t.check(
        found.is_some_and(|intent| intent.owner == A && !intent.ambiguous),
        "the intent of a holder who never came back is not visible under the next lease",
    );
    t.check(t.intend(B).await, "the intent of the next owner is refused");
    let noted = t.record().await.intent;
    t.check(noted.is_some_and(|intent| intent.owner == B), "the next owner's intent is not stored");
}

/// Contract 3, 4: settling is for one's own intent.
pub async fn intent_of_another_is_not_settled(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "intent-owner", "4, nobody settles the intent of another (R-514)");
    t.login(1).await;
    t.under_way(A).await;
    let pending = t.record().await;
    for outcome in [Settle::Untouched, Settle::Ambiguous] {
        t.settle(B, outcome).await;
        t.check(t.record().await == pending, "the intent was settled by another");
    }
    t.busy(C, "because somebody else settled").await;
    t.run_out().await;
    t.under_way(B).await;
    let pending = t.record().await;
    t.settle(A, Settle::Untouched).await;
    t.check(t.record().await == pending, "a late settle took away the intent of the next owner");
    t.busy(C, "because of a late settle").await;
}

/// Settled as untouched, the intent is gone and the lease is free.
pub async fn settled_untouched_is_cleared(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "settle-untouched", "settled as untouched, the intent is cleared (R-213)");
    let record = t.login(1).await;
    t.under_way(A).await;
    t.settle(A, Settle::Untouched).await;
    t.check(t.record().await == record, "the record is not what it was before the attempt");
    t.granted(B, "although it was settled").await;
}

/// Settled as ambiguous, the intent stays, says so, and keeps nobody waiting.
pub async fn settled_ambiguous_stays_visible(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "settle-ambiguous", "settled as ambiguous, the intent stays (R-213)");
    let record = t.login(1).await;
    t.under_way(A).await;
    t.settle(A, Settle::Ambiguous).await;
    let found = t.granted(B, "although the attempt has ended").await;
    let Some(found) = found else { t.broken("the record is gone") };
    let kept = found.intent.is_some_and(|intent| intent.owner == A && intent.ambiguous);
    t.check(kept, "that the token may have been spent is not visible");
    t.check(without_intent(found) == record, "settling changed more than the intent");
}
