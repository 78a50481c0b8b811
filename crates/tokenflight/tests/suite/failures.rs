//! Token requests that fail, and what must not be lost with them.

use tokenflight::ReusePolicy;

use super::fixture::*;

fn not_sent() -> Step {
    Step::Fail(GrantError::new(FailureClass::NotSent))
}

pub(crate) async fn a_failure_is_not_repeated_before_its_waiting_time(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    (0..3).for_each(|_| grant.push(not_sent()));
    let first = fixture.token().await.expect_err("not sent");
    assert_eq!(first.class(), Some(FailureClass::NotSent));
    for caller in fixture.callers(100) {
        tasks.quiet().await;
        assert!(caller.ended().expect_err("the same failure").same_as(&first));
    }
    assert_eq!(grant.count(), 1);

    // The user may skip the waiting time once in ten seconds.
    fixture.refresh().await.expect_err("not sent");
    assert_eq!(grant.count(), 2);
    fixture.refresh().await.expect_err("too soon");
    assert_eq!(grant.count(), 2);

    // With a driver it is repeated without a caller, within base · 2ⁿ.
    let _driver = fixture.drive();
    tasks.pass(secs(2 + 4)).await;
    assert_eq!(grant.count(), 4);
    assert_eq!(fixture.access().await, "access-1");
}

pub(crate) async fn a_login_lifts_the_waiting_time(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    (0..12).for_each(|_| grant.push(not_sent()));
    while grant.count() < 12 {
        let _ = fixture.token().await;
        tasks.pass(secs(30)).await;
    }
    fixture.log_in_with(pair("access-9", "refresh-9", secs(1))).await;
    tasks.pass(secs(1)).await;
    assert_eq!(fixture.access().await, "access-1", "no waiting time is left");
}

pub(crate) async fn a_flight_that_never_answers_ends_ambiguous_at_the_limit(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.push(Step::HangSent);
    let start = tasks.time().now().boot;
    let error = fixture.token().await.expect_err("no answer");
    assert_eq!(tasks.time().now().boot - start, secs(60), "one long attempt");
    assert_eq!(error.class(), Some(FailureClass::Ambiguous));
    assert!(!fixture.session.state().refreshing, "the slot is free");
    assert!(fixture.entry().doubt.is_some(), "the outcome is on record");

    // The access token is dead anyway: one more try, after the waiting time.
    tasks.pass(secs(1)).await;
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0"]);
    assert!(fixture.is_settled());
}

pub(crate) async fn a_request_that_was_never_sent_leaves_no_doubt(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.push(Step::HangUnsent);
    let error = fixture.token().await.expect_err("never sent");
    assert_eq!(error.class(), Some(FailureClass::NotSent));
    assert!(fixture.is_settled());
}

/// Presenting it again could end the session early.
pub(crate) async fn an_ambiguous_token_is_held_back_while_the_access_token_lasts(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
    let expiry = tasks.time().now().boot + LIFE;
    let _driver = fixture.drive();
    tasks.until(|| grant.count() == 1).await;
    assert_eq!(fixture.access().await, "access-0");
    assert_eq!(fixture.refresh().await.expect_err("held back").class(), Some(FailureClass::Ambiguous));
    let left = expiry - tasks.time().now().boot;
    tasks.pass(left - Duration::from_millis(1)).await;
    assert_eq!(grant.count(), 1, "held back to the last moment");
    // The claim of the lost attempt is watched once more, as another holder's would be.
    tasks.pass(secs(16)).await;
    assert_eq!(grant.count(), 2, "and tried when there was nothing left to lose");
    assert_eq!(fixture.access().await, "access-1");
}

/// An answer is lost and the server would give it again. No caller hears of that, with a driver or
/// without; of what is more than an accident they do.
pub(crate) async fn an_answer_lost_within_a_grace_window_is_waited_out(tasks: Tasks) {
    let lost = || Step::Fail(GrantError::new(FailureClass::Ambiguous));
    let grant = MockGrant::new();
    (0..2).for_each(|_| grant.push(lost()));
    let fixture = Fixture::with(&tasks, grant.clone(), |builder| builder.reuse_policy(ReusePolicy::grace(secs(30))));
    fixture.log_in().await;
    tasks.pass(LIFE).await;
    let start = tasks.time().now().boot;
    assert_eq!(fixture.access().await, "access-1");
    assert!(tasks.time().now().boot - start <= secs(6), "two waits of at most a tenth of the window");
    assert_eq!(presented(&grant), ["refresh-0"; 3]);

    (0..3).for_each(|_| grant.push(lost()));
    tasks.pass(LIFE).await;
    assert_eq!(fixture.token().await.expect_err("three times").class(), Some(FailureClass::Ambiguous));
    assert_eq!(grant.count(), 6);
}

pub(crate) async fn the_time_the_server_named_is_kept(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.push(Step::Fail(GrantError::throttled(Some(secs(600)))));
    let error = fixture.token().await.expect_err("throttled");
    assert_eq!((error.class(), error.retry_after()), (Some(FailureClass::Throttled), Some(secs(600))));
    assert!(fixture.is_settled(), "the refresh token is untouched");
    let _driver = fixture.drive();
    tasks.pass(secs(599)).await;
    fixture.refresh().await.expect_err("no caller skips a time the server named");
    assert_eq!(grant.count(), 1);
    tasks.pass(secs(2)).await;
    assert_eq!(grant.count(), 2);
}

fn unsendable() -> Step {
    Step::Answer(TokenSet::new("two words").refresh_token("refresh-1").expires_in(LIFE))
}

pub(crate) async fn an_unsendable_access_token_does_not_cost_the_new_refresh_token(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(unsendable());
    tasks.pass(secs(60)).await;
    let error = fixture.refresh().await.expect_err("nothing to send");
    assert_eq!(error.class(), Some(FailureClass::Config));
    assert_eq!(fixture.access().await, "access-0", "the old one is still good");
    assert_eq!(fixture.stored_refresh(), "refresh-1");

    tasks.pass(secs(10)).await;
    fixture.refresh().await.expect("a sendable one");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// Its rotation is kept like any other: not silent, repeated, and not forgotten by a shutdown.
pub(crate) async fn an_unsendable_answer_that_cannot_be_stored_is_stored_later(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(unsendable());
    tasks.pass(secs(60)).await;
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.refresh().await.expect_err("nothing to send");
    assert!(fixture.session.state().unsaved);
    assert!(fixture.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));

    let session = fixture.session.clone();
    tasks.run(async move { session.shutdown(secs(60)).await }).await.expect("stored");
    assert_eq!(fixture.stored_refresh(), "refresh-1");
    assert_eq!(*fixture.refresh().await.expect_err("closed").kind(), ErrorKind::Closed);
}
