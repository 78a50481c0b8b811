//! One flight at a time, whoever asks and whoever leaves.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::FutureExt;
use tokenflight::{BoxFuture, Error, ErrorKind, FailureClass, Token, grant_fn};
use tokenflight_test::{AuthServer, MockGrant, Verdict, mock::Gate};

use super::{
    bed::{Bed, Handle},
    world::{LIFE, World, pair, secs},
};

/// C-08, C-09: with a driver nobody has to stay.
pub(crate) async fn a_refresh_survives_all_its_waiters(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    grant.gate().close();
    let _driver = world.drive();
    let waiters = world.callers(5);
    bed.quiet().await;
    assert_eq!((grant.count(), grant.gate().parked()), (1, 1));

    waiters.into_iter().for_each(Handle::cancel);
    grant.gate().open();
    bed.quiet().await;
    assert_eq!(world.generation(), 2, "published without a waiter");
    assert_eq!(world.stored_refresh(), "refresh-1");
    assert_eq!(world.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}

/// C-09 without a driver: the flight rests in the slot, and whoever comes next takes it to its end.
pub(crate) async fn a_refresh_abandoned_without_a_driver_is_finished_by_the_next_caller(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    grant.gate().close();
    let waiters = world.callers(3);
    bed.quiet().await;
    waiters.into_iter().for_each(Handle::cancel);
    grant.gate().open();
    bed.quiet().await;
    assert!(world.session.state().refreshing);

    assert_eq!(world.access().await, "access-1");
    assert_eq!(grant.count(), 1, "the same submission");
}

/// C-08.
pub(crate) async fn a_waiter_that_leaves_disturbs_no_other(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    grant.gate().close();
    let first = world.caller();
    bed.quiet().await;
    let others = world.callers(4);
    bed.quiet().await;

    first.cancel();
    grant.gate().open();
    bed.quiet().await;
    for other in others {
        assert_eq!(other.ended().expect("the flight landed").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);
}

/// C-01.
pub(crate) async fn many_callers_cause_one_submission(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_yields(3);
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let callers = world.callers(1_000);
    bed.quiet().await;
    for caller in callers {
        let token = caller.ended().expect("a token for everybody");
        assert_eq!((token.generation().get(), token.access().expose()), (2, "access-1"));
    }
    assert_eq!(grant.count(), 1);
}

/// C-01 from the other side: a thousand 401s of one generation.
pub(crate) async fn many_refusals_cause_one_submission(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(60)).await;
    let refused = world.session.state().generation;
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let session = world.session.clone();
            bed.spawn(async move { session.newer_than(refused).await })
        })
        .collect();
    bed.quiet().await;
    for caller in callers {
        assert_eq!(caller.ended().expect("a newer token").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);
}

/// C-02.
pub(crate) async fn a_caller_joins_the_flight_of_the_driver(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    grant.gate().close();
    let _driver = world.drive();
    bed.until(|| grant.gate().parked() == 1).await;

    let refused = world.session.state().generation;
    let session = world.session.clone();
    let caller = bed.spawn(async move { session.newer_than(refused).await });
    bed.quiet().await;
    assert!(caller.take().is_none(), "it waits for the driver's flight");
    grant.gate().open();
    bed.quiet().await;
    assert_eq!(caller.ended().expect("the driver's token").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

/// C-55: both are runnable in the same moment.
pub(crate) async fn a_forced_refresh_and_the_driver_share_one_flight(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    grant.gate().close();
    let _driver = world.drive();
    bed.pass(secs(209)).await;
    assert_eq!(grant.count(), 0, "not due yet");

    // Past every possible due time in one step, and nobody has run yet when the other one is started.
    bed.time.advance(secs(46));
    let session = world.session.clone();
    let forced = bed.spawn(async move { session.refresh().await });
    bed.quiet().await;
    assert_eq!((grant.count(), grant.gate().parked()), (1, 1));
    grant.gate().open();
    bed.quiet().await;
    assert_eq!(forced.ended().expect("a new token").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

/// C-03, C-04.
pub(crate) async fn a_late_refusal_costs_no_refresh(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let old = world.generation();
    bed.pass(secs(60)).await;
    world.refresh().await.expect("a new token");

    let token = world.newer_than(old).await.expect("the current token");
    assert_eq!(token.generation().get(), old + 1);
    assert_eq!(grant.count(), 1, "the straggler cost nothing");

    // The refusal of a token that has just been issued is no evidence of its expiry.
    let error = world.newer_than(old + 1).await.expect_err("a fresh token is not replaced");
    assert_eq!(*error.kind(), ErrorKind::FreshRefused);
    assert_eq!((grant.count(), world.session.state().fresh_refused), (1, 1));
}

/// Without a driver a flight may rest for longer than its limit. What was answered meanwhile is fetched and not thrown away:
/// the refresh token has been spent for it.
pub(crate) async fn an_answer_that_came_while_nobody_polled_is_not_lost(bed: Bed) {
    let auth = AuthServer::builder(bed.time.shared()).access_lifetime(LIFE).latency(secs(4)..=secs(4)).build();
    let world = World::new(&bed, auth.grant());
    world.log_in_with(auth.login()).await;
    bed.pass(LIFE).await;
    let caller = world.caller();
    bed.quiet().await;
    caller.cancel();
    bed.pass(secs(100)).await;
    assert!(world.session.state().refreshing);

    world.token().await.expect("the answer");
    assert_eq!(auth.report().total.token_requests, 1);
    auth.assert_unharmed();
}

/// by then the lease has run out, and somebody else may have presented the token.
pub(crate) async fn a_request_that_rested_before_it_was_sent_is_not_sent(bed: Bed) {
    let (sent, connecting) = (Arc::new(AtomicUsize::new(0)), Gate::new());
    let (count, gate) = (Arc::clone(&sent), connecting.clone());
    let world = World::new(
        &bed,
        grant_fn(move |request: tokenflight::TokenRequest| {
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
    world.log_in().await;
    bed.pass(LIFE).await;
    connecting.close();
    let caller = world.caller();
    bed.quiet().await;
    assert_eq!(connecting.parked(), 1);
    caller.cancel();
    bed.pass(secs(100)).await;
    connecting.open();

    let error = world.token().await.expect_err("too late to send it");
    assert_eq!((error.class(), sent.load(Ordering::SeqCst)), (Some(FailureClass::NotSent), 0));
    assert!(world.record().intent.is_none());
    bed.pass(secs(1)).await;
    assert_eq!(world.access().await, "access-1");
}

/// it was known to be expired before this caller asked.
pub(crate) async fn a_token_that_expired_before_anybody_fetched_it_is_not_handed_out(bed: Bed) {
    let auth = AuthServer::builder(bed.time.shared()).access_lifetime(secs(10)).latency(secs(4)..=secs(4)).build();
    let world = World::new(&bed, auth.grant());
    world.log_in_with(auth.login()).await;
    bed.pass(secs(10)).await;
    let caller = world.caller();
    bed.pass(secs(3)).await;
    caller.cancel();
    bed.pass(secs(20)).await;
    let token = world.token().await.expect("another one");
    assert_eq!(auth.check(token.access().expose()), Verdict::Valid);
    assert_eq!((auth.report().total.rotations, token.generation().get()), (2, 3));
    auth.assert_unharmed();
}

/// A caller that is polled by hand, so that it can be as late as the test likes, and the driver that lands its flight.
async fn late_waiter(world: &World, grant: &MockGrant) -> (BoxFuture<'static, Result<Token, Error>>, Handle<()>) {
    world.log_in().await;
    world.bed.pass(LIFE).await;
    grant.gate().close();
    let session = world.session.clone();
    let mut waiter: BoxFuture<'static, _> = Box::pin(async move { session.token().await });
    assert!(waiter.as_mut().now_or_never().is_none());
    grant.gate().open();
    let driver = world.drive();
    world.bed.quiet().await;
    assert_eq!(world.generation(), 2, "the driver has landed the flight");
    (waiter, driver)
}

/// I-06.
pub(crate) async fn a_waiter_that_wakes_late_gets_no_token_of_a_login_that_is_over(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    let (waiter, _driver) = late_waiter(&world, &grant).await;
    world.log_out().await.expect("stored");
    let result = waiter.now_or_never().expect("the flight is over");
    assert_eq!(*result.expect_err("so is the login").kind(), ErrorKind::SessionChanged);
}

/// I-12.
pub(crate) async fn a_waiter_that_wakes_late_gets_the_newest_token(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    let (waiter, _driver) = late_waiter(&world, &grant).await;
    bed.pass(secs(10)).await;
    world.refresh().await.expect("generation three");
    let result = waiter.now_or_never().expect("the flight is over");
    assert_eq!(result.expect("a token").access().expose(), "access-2");
    assert_eq!(grant.count(), 2);
}
