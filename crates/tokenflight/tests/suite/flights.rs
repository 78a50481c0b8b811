//! One flight at a time, whatever callers come and go.

use std::sync::atomic::Ordering;

use tokenflight_test::{Verdict, mock::Gate};

use super::fixture::*;

/// With a driver no caller has to stay.
pub(crate) async fn a_refresh_survives_all_its_waiters(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.gate().close();
    let _driver = fixture.drive();
    let waiters = fixture.callers(5);
    tasks.quiet().await;
    assert_eq!((grant.count(), grant.gate().parked()), (1, 1));

    waiters.into_iter().for_each(Task::cancel);
    grant.gate().open();
    tasks.quiet().await;
    assert_eq!(fixture.generation(), 2, "published without a waiter");
    assert_eq!(fixture.stored_refresh(), "refresh-1");
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}

/// Without a driver the flight rests in the slot, and the next caller takes it to its end.
pub(crate) async fn a_refresh_abandoned_without_a_driver_is_finished_by_the_next_caller(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.gate().close();
    let waiters = fixture.callers(3);
    tasks.quiet().await;
    waiters.into_iter().for_each(Task::cancel);
    grant.gate().open();
    tasks.quiet().await;
    assert!(fixture.session.state().refreshing);

    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(grant.count(), 1, "the same submission");
}

pub(crate) async fn a_waiter_that_leaves_disturbs_no_other(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.gate().close();
    let first = fixture.caller();
    tasks.quiet().await;
    let others = fixture.callers(4);
    tasks.quiet().await;

    first.cancel();
    grant.gate().open();
    tasks.quiet().await;
    for other in others {
        assert_eq!(other.ended().expect("the flight has finished").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);
}

pub(crate) async fn many_callers_cause_one_submission(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    grant.set_yields(3);
    let callers = fixture.callers(1_000);
    tasks.quiet().await;
    for caller in callers {
        let token = caller.ended().expect("a token for every caller");
        assert_eq!((token.generation().get(), token.access().expose()), (2, "access-1"));
    }
    assert_eq!(grant.count(), 1);
}

/// A thousand 401s of one generation.
pub(crate) async fn many_refusals_cause_one_submission(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    tasks.pass(secs(60)).await;
    let refused = fixture.session.state().generation;
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let session = fixture.session.clone();
            tasks.spawn(async move { session.newer_than(refused).await })
        })
        .collect();
    tasks.quiet().await;
    for caller in callers {
        assert_eq!(caller.ended().expect("a newer token").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);
}

pub(crate) async fn a_caller_joins_the_flight_of_the_driver(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.gate().close();
    let _driver = fixture.drive();
    tasks.until(|| grant.gate().parked() == 1).await;

    let refused = fixture.session.state().generation;
    let session = fixture.session.clone();
    let caller = tasks.spawn(async move { session.newer_than(refused).await });
    tasks.quiet().await;
    assert!(caller.take().is_none(), "it waits for the driver's flight");
    grant.gate().open();
    tasks.quiet().await;
    assert_eq!(caller.ended().expect("the driver's token").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

/// Both are runnable in the same moment.
pub(crate) async fn a_forced_refresh_and_the_driver_share_one_flight(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.gate().close();
    let _driver = fixture.drive();
    tasks.pass(secs(209)).await;
    assert_eq!(grant.count(), 0, "not due yet");

    // Past every possible due time in one step, and no task has run yet when the other is started.
    tasks.time().advance(secs(46));
    let session = fixture.session.clone();
    let forced = tasks.spawn(async move { session.refresh().await });
    tasks.quiet().await;
    assert_eq!((grant.count(), grant.gate().parked()), (1, 1));
    grant.gate().open();
    tasks.quiet().await;
    assert_eq!(forced.ended().expect("a new token").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

pub(crate) async fn a_late_refusal_costs_no_refresh(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let old = fixture.generation();
    tasks.pass(secs(60)).await;
    fixture.refresh().await.expect("a new token");

    let token = fixture.newer_than(old).await.expect("the current token");
    assert_eq!(token.generation().get(), old + 1);
    assert_eq!(grant.count(), 1, "the late refusal cost nothing");

    // The refusal of a token that has just been issued is no evidence of its expiry.
    let error = fixture.newer_than(old + 1).await.expect_err("a fresh token is not replaced");
    assert_eq!(*error.kind(), ErrorKind::FreshRefused);
    assert_eq!((grant.count(), fixture.session.state().fresh_refused), (1, 1));
}

/// Without a driver a flight may rest for longer than its limit. What was answered meanwhile is
/// fetched and not thrown away: the refresh token has been spent for it.
pub(crate) async fn an_answer_that_came_while_no_task_polled_is_not_lost(tasks: Tasks) {
    let auth = AuthServer::builder(tasks.time().shared()).access_lifetime(LIFE).latency(secs(4)..=secs(4)).build();
    let fixture = Fixture::new(&tasks, auth.grant());
    fixture.log_in_with(auth.login()).await;
    tasks.pass(LIFE).await;
    let caller = fixture.caller();
    tasks.quiet().await;
    caller.cancel();
    tasks.pass(secs(100)).await;
    assert!(fixture.session.state().refreshing);

    fixture.token().await.expect("the answer");
    assert_eq!(auth.report().total.token_requests, 1);
    auth.assert_unharmed();
}

/// By then the claim has run out, and another holder may have presented the token.
pub(crate) async fn a_request_that_rested_before_it_was_sent_is_not_sent(tasks: Tasks) {
    let (sent, connecting) = (Arc::new(AtomicUsize::new(0)), Gate::new());
    let (count, gate) = (Arc::clone(&sent), connecting.clone());
    let fixture = Fixture::new(
        &tasks,
        grant_fn(move |request: TokenRequest| {
            let (count, gate) = (Arc::clone(&count), gate.clone());
            async move {
                request.mark_unsent();
                gate.pass().await;
                request.mark_sent();
                count.fetch_add(1, Ordering::SeqCst);
                Ok(pair("access-1", "refresh-1", LIFE))
            }
        }),
    );
    fixture.log_in().await;
    tasks.pass(LIFE).await;
    connecting.close();
    let caller = fixture.caller();
    tasks.quiet().await;
    assert_eq!(connecting.parked(), 1);
    caller.cancel();
    tasks.pass(secs(100)).await;
    connecting.open();

    let error = fixture.token().await.expect_err("too late to send it");
    assert_eq!((error.class(), sent.load(Ordering::SeqCst)), (Some(FailureClass::NotSent), 0));
    assert!(fixture.is_settled());
    tasks.pass(secs(1)).await;
    assert_eq!(fixture.access().await, "access-1");
}

/// It was known to be expired before this caller asked.
pub(crate) async fn a_token_that_expired_before_it_was_fetched_is_not_handed_out(tasks: Tasks) {
    let auth = AuthServer::builder(tasks.time().shared()).access_lifetime(secs(10)).latency(secs(4)..=secs(4)).build();
    let fixture = Fixture::new(&tasks, auth.grant());
    fixture.log_in_with(auth.login()).await;
    tasks.pass(secs(10)).await;
    let caller = fixture.caller();
    tasks.pass(secs(3)).await;
    caller.cancel();
    tasks.pass(secs(20)).await;
    let token = fixture.token().await.expect("another one");
    assert_eq!(auth.check(token.access().expose()), Verdict::Valid);
    assert_eq!((auth.report().total.rotations, token.generation().get()), (2, 3));
    auth.assert_unharmed();
}

/// A caller that is polled by hand, so that it can be as late as the test likes, and the driver
/// that finishes its flight.
async fn late_waiter(fixture: &Fixture, grant: &MockGrant) -> (BoxFuture<'static, Result<Token, Error>>, Task<()>) {
    fixture.log_in().await;
    fixture.tasks.pass(LIFE).await;
    grant.gate().close();
    let session = fixture.session.clone();
    let mut waiter: BoxFuture<'static, _> = Box::pin(async move { session.token().await });
    assert!(waiter.as_mut().now_or_never().is_none());
    grant.gate().open();
    let driver = fixture.drive();
    fixture.tasks.quiet().await;
    assert_eq!(fixture.generation(), 2, "the driver has finished the flight");
    (waiter, driver)
}

pub(crate) async fn a_waiter_that_wakes_late_gets_no_token_of_a_login_that_is_over(tasks: Tasks) {
    let grant = MockGrant::new();
    let fixture = Fixture::new(&tasks, grant.clone());
    let (waiter, _driver) = late_waiter(&fixture, &grant).await;
    fixture.log_out().await.expect("stored");
    let result = waiter.now_or_never().expect("the flight is over");
    assert_eq!(*result.expect_err("so is the login").kind(), ErrorKind::SessionChanged);
}

pub(crate) async fn a_waiter_that_wakes_late_gets_the_newest_token(tasks: Tasks) {
    let grant = MockGrant::new();
    let fixture = Fixture::new(&tasks, grant.clone());
    let (waiter, _driver) = late_waiter(&fixture, &grant).await;
    tasks.pass(secs(10)).await;
    fixture.refresh().await.expect("generation three");
    let result = waiter.now_or_never().expect("the flight is over");
    assert_eq!(result.expect("a token").access().expose(), "access-2");
    assert_eq!(grant.count(), 2);
}
