//! Token requests that fail, and what must not be lost with them.

use std::time::Duration;

use tokenflight::{ErrorKind, Event, FailureClass, GrantError, ReusePolicy, TokenSet};
use tokenflight_test::{
    MockGrant,
    mock::{OpKind, Step, Trouble},
};

use super::{
    bed::Bed,
    world::{LIFE, World, pair, presented, secs},
};

fn not_sent() -> Step {
    Step::Fail(GrantError::new(FailureClass::NotSent))
}

///
pub(crate) async fn a_failure_is_not_repeated_before_its_waiting_time(bed: Bed) {
    let grant = MockGrant::new();
    (0..3).for_each(|_| grant.push(not_sent()));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let first = world.token().await.expect_err("not sent");
    assert_eq!(first.class(), Some(FailureClass::NotSent));
    for caller in world.callers(100) {
        bed.quiet().await;
        assert!(caller.ended().expect_err("the same failure").same_as(&first));
    }
    assert_eq!(grant.count(), 1);

    // The user may skip the waiting time once in ten seconds.
    world.refresh().await.expect_err("not sent");
    assert_eq!(grant.count(), 2);
    world.refresh().await.expect_err("too soon");
    assert_eq!(grant.count(), 2);

    // With a driver it is repeated without anybody asking, within base · 2ⁿ.
    let _driver = world.drive();
    bed.pass(secs(2 + 4)).await;
    assert_eq!(grant.count(), 4);
    assert_eq!(world.access().await, "access-1");
}

/// C-15.
pub(crate) async fn a_login_lifts_the_waiting_time(bed: Bed) {
    let grant = MockGrant::new();
    (0..12).for_each(|_| grant.push(not_sent()));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    while grant.count() < 12 {
        let _ = world.token().await;
        bed.pass(secs(30)).await;
    }
    world.log_in_with(pair("access-9", "refresh-9", secs(1))).await;
    bed.pass(secs(1)).await;
    assert_eq!(world.access().await, "access-1", "no waiting time is left");
}

/// C-13, R-211, R-212.
pub(crate) async fn a_flight_that_never_answers_ends_ambiguous_at_the_limit(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::HangSent);
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let start = bed.boot();
    let error = world.token().await.expect_err("no answer");
    assert_eq!(bed.boot() - start, secs(60), "one long attempt");
    assert_eq!(error.class(), Some(FailureClass::Ambiguous));
    assert!(!world.session.state().refreshing, "the slot is free");
    assert!(world.record().intent.is_some_and(|intent| intent.ambiguous), "the outcome is on record");

    // The access token is dead anyway: one more try, after the waiting time.
    bed.pass(secs(1)).await;
    assert_eq!(world.access().await, "access-1");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0"]);
    assert!(world.record().intent.is_none());
}

/// cleared by an attempt that provably never began.
pub(crate) async fn a_request_that_was_never_sent_leaves_no_intent(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::HangUnsent);
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let error = world.token().await.expect_err("never sent");
    assert_eq!(error.class(), Some(FailureClass::NotSent));
    assert!(world.record().intent.is_none());
}

/// R-215, strict: presenting it again could end the session early.
pub(crate) async fn an_ambiguous_token_is_held_back_while_the_access_token_lasts(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let expiry = bed.boot() + LIFE;
    let _driver = world.drive();
    bed.until(|| grant.count() == 1).await;
    assert_eq!(world.access().await, "access-0");
    assert_eq!(world.refresh().await.expect_err("held back").class(), Some(FailureClass::Ambiguous));
    let left = expiry - bed.boot();
    bed.pass(left - Duration::from_millis(1)).await;
    assert_eq!(grant.count(), 1, "held back to the last moment");
    bed.pass(secs(2)).await;
    assert_eq!(grant.count(), 2, "and tried when there was nothing left to lose");
    assert_eq!(world.access().await, "access-1");
}

/// an answer is lost and the server would give it again. Nobody hears of that, with a driver or without; of what is
/// more than an accident they do.
pub(crate) async fn an_answer_lost_within_a_grace_window_is_waited_out(bed: Bed) {
    let lost = || Step::Fail(GrantError::new(FailureClass::Ambiguous));
    let grant = MockGrant::new();
    grant.push(lost());
    grant.push(lost());
    let world = World::with(&bed, grant.clone(), |builder| builder.reuse_policy(ReusePolicy::grace(secs(30))));
    world.log_in().await;
    bed.pass(LIFE).await;
    let start = bed.boot();
    assert_eq!(world.access().await, "access-1");
    assert!(bed.boot() - start <= secs(6), "two waits of at most a tenth of the window");
    assert_eq!(presented(&grant), ["refresh-0"; 3]);

    (0..3).for_each(|_| grant.push(lost()));
    bed.pass(LIFE).await;
    assert_eq!(world.token().await.expect_err("three times").class(), Some(FailureClass::Ambiguous));
    assert_eq!(grant.count(), 6);
}

/// T-55, R-643.
pub(crate) async fn the_time_the_server_named_is_kept(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::Fail(GrantError::throttled(Some(secs(600)))));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let error = world.token().await.expect_err("throttled");
    assert_eq!((error.class(), error.retry_after()), (Some(FailureClass::Throttled), Some(secs(600))));
    assert!(world.record().intent.is_none(), "the refresh token is untouched");
    let _driver = world.drive();
    bed.pass(secs(599)).await;
    world.refresh().await.expect_err("nobody skips a time the server named");
    assert_eq!(grant.count(), 1);
    bed.pass(secs(2)).await;
    assert_eq!(grant.count(), 2);
}

fn unsendable() -> Step {
    Step::Answer(TokenSet::new("two words").refresh_token("refresh-1").expires_in(LIFE))
}

/// R-108, T-32.
pub(crate) async fn an_unsendable_access_token_does_not_cost_the_new_refresh_token(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(unsendable());
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(60)).await;
    let error = world.refresh().await.expect_err("nothing to send");
    assert_eq!(error.class(), Some(FailureClass::Config));
    assert_eq!(world.access().await, "access-0", "the old one is still good");
    assert_eq!(world.stored_refresh(), "refresh-1");

    bed.pass(secs(10)).await;
    world.refresh().await.expect("a sendable one");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// R-445 for that rotation too: not silent, repeated, and not forgotten by a shutdown.
pub(crate) async fn an_unsendable_answer_that_cannot_be_stored_is_stored_later(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(unsendable());
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(60)).await;
    world.store.push(OpKind::Commit, Trouble::Fail);
    world.refresh().await.expect_err("nothing to send");
    assert!(world.session.state().unsaved);
    assert!(world.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));

    let session = world.session.clone();
    bed.run(async move { session.shutdown(secs(60)).await }).await.expect("stored");
    assert_eq!(world.stored_refresh(), "refresh-1");
    assert_eq!(*world.refresh().await.expect_err("closed").kind(), ErrorKind::Closed);
}
