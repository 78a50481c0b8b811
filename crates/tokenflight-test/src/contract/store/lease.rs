//! Contract 3: the lease.

use tokenflight_core::{
    Store,
    lease::{GrantKey, Settle},
};

use super::{
    Setting,
    trial::{A, B, C, Trial},
};

/// Contract 3: a lease excludes others, not readers, and only on its own key.
pub async fn lease_excludes(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "lease-excludes", "3, a lease excludes");
    t.granted(A, "although nobody has it").await;
    t.busy(B, "while it is held").await;
    t.load().await;
    let mut other = Trial::new(store, setting, "lease-excludes", "3, a lease excludes on its own key only");
    other.key = GrantKey::new(format!("{}-2", t.key.as_str()));
    other.granted(B, "because that of another key is held").await;

    let t = Trial::new(store, setting, "lease-excludes-with-record", "3, a lease excludes");
    t.login(1).await;
    t.granted(A, "although nobody has it").await;
    t.busy(B, "while it is held").await;
}

/// Contract 3: a lease ends with its length, and then it is no longer its first owner's.
pub async fn lease_runs_out(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "lease-runs-out", "3, a lease excludes until its length has passed");
    t.login(1).await;
    t.granted(A, "although nobody has it").await;
    t.pass(setting.length / 2).await;
    t.busy(B, "before its length has passed").await;
    t.pass(setting.length / 2 + setting.length / 10).await;
    t.granted(B, "although its length has passed").await;
    t.check(!t.intend(A).await, "an owner who lost the lease may still present");
    t.settle(A, Settle::Untouched).await;
    t.busy(C, "because an owner who had lost it released it").await;
}

/// Contract 3: nobody releases what is another's (R-514, C-40).
pub async fn lease_is_released_by_its_owner_only(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "lease-owner", "3, a lease is released by its owner only (R-514)");
    t.login(1).await;
    t.granted(A, "although nobody has it").await;
    t.settle(B, Settle::Untouched).await;
    t.busy(C, "because somebody else released it").await;
    t.settle(B, Settle::Ambiguous).await;
    t.busy(C, "because somebody else released it").await;
    t.settle(A, Settle::Untouched).await;
    t.granted(C, "although its owner released it").await;
}

/// A granted lease hands over the record as it is under the lease (C-31).
pub async fn lease_shows_the_record(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "lease-record", "a granted lease shows the record (C-31)");
    t.check(t.granted(A, "although nobody has it").await.is_none(), "a record is shown where none is stored");
    t.settle(A, Settle::Untouched).await;
    let record = t.login(1).await;
    let shown = t.granted(B, "although it was released").await;
    t.check(shown.as_ref() == Some(&record), "another record is shown than is stored");
}
