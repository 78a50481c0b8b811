//! Contract 1: every operation is one atomic step, also when many come at once.

use futures_util::future::join_all;
use tokenflight_core::{
    Store,
    lease::{Claim, Lease, Owner, Write},
};

use super::{
    Setting,
    trial::{Trial, successor, tokens},
};

/// How many come at once.
const MANY: u32 = 16;

/// Contract 1, 3: of many claims at once one is granted.
pub async fn one_of_many_leases_is_granted(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "many-leases", "1, a lease is one atomic step (R-440)");
    t.login(1).await;
    let claims = (1..=MANY).map(|n| {
        let claim = Claim::new(Owner::new(n.into()), setting.length, setting.clock.now());
        store.lease(&t.key, claim)
    });
    let leases = join_all(claims).await.into_iter().map(|result| t.done(result));
    let granted = leases.filter(|lease| matches!(lease, Lease::Granted(_))).count();
    t.check(granted == 1, &format!("of {MANY} claims at once, {granted} were granted"));
}

/// Contract 1, 5: of many commits over one predecessor one is stored.
pub async fn one_of_many_commits_is_stored(store: &dyn Store, setting: &Setting) {
    let t = Trial::new(store, setting, "many-commits", "1, a commit is one atomic step (R-440)");
    let record = t.login(1).await;
    let commits = (1..=MANY).map(|n| {
        let mut commit = successor(Owner::new(n.into()), &record, 1);
        commit.tokens = tokens(n + 100);
        store.commit(&t.key, commit)
    });
    let writes: Vec<_> = join_all(commits).await.into_iter().map(|result| t.done(result)).collect();
    let stored: Vec<_> = (101..).zip(&writes).filter(|(_, write)| matches!(write, Write::Stored(_))).collect();
    t.check(stored.len() == 1, &format!("of {MANY} commits at once, {} were stored", stored.len()));
    let winner = stored.first().map(|(n, _)| tokens(*n));
    t.check(t.record().await.tokens() == winner.as_ref(), "other tokens are stored than were answered");
}
