//! From the first second of a token to its last.

use super::fixture::*;

/// Work that moves only when a caller happens to poll is not started: without a driver nothing is
/// renewed ahead of need.
pub(crate) async fn a_token_in_its_lead_is_used_to_its_end_without_a_driver(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    for _ in 0..2 {
        tasks.pass(secs(149)).await;
        assert_eq!(fixture.access().await, "access-0");
    }
    assert_eq!(grant.count(), 0);
    tasks.pass(secs(2)).await;
    assert_eq!(fixture.access().await, "access-1");
}

/// Over a store that other processes share, an idle session is left to those that use it.
pub(crate) async fn a_session_that_is_not_used_is_not_renewed_until_a_caller_waits_for_it(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    tasks.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 2, "two lifetimes after its last use it is idle");

    // This caller waits, and so the session is in use again.
    assert_eq!(fixture.access().await, "access-3");
    tasks.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 4);

    let (grant, tasks) = (MockGrant::new(), &tasks);
    let fixture = Fixture::alone(tasks, grant.clone(), |builder| builder);
    fixture.log_in().await;
    let _driver = fixture.drive();
    tasks.pass(secs(3_600)).await;
    assert!(grant.count() >= 12, "no other process would renew it: {}", grant.count());
}

/// A driver renews ahead of time, and callers are not held up.
pub(crate) async fn a_token_in_its_lead_is_used_at_once_while_the_driver_renews_it(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    grant.gate().close();
    let start = tasks.time().now().boot;
    tasks.until(|| grant.gate().parked() == 1).await;
    let due = tasks.time().now().boot - start;
    assert!((secs(209)..=secs(255)).contains(&due), "due after {due:?} of 300 s");

    assert_eq!(fixture.access().await, "access-0");
    assert_eq!(tasks.time().now().boot - start, due, "at once");
    grant.gate().open();
    tasks.quiet().await;
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}

pub(crate) async fn a_missing_lifetime_is_neither_eternal_nor_spent(tasks: Tasks) {
    let grant = MockGrant::new();
    grant.set_lifetime(None);
    let fixture = Fixture::new(&tasks, grant.clone());
    fixture.log_in_with(TokenSet::new("access-0").refresh_token("refresh-0")).await;
    let _driver = fixture.drive();
    tasks.pass(secs(365 * 24 * 3_600)).await;
    assert_eq!(fixture.access().await, "access-0");
    assert_eq!(grant.count(), 0, "there is nothing to go by");

    assert_eq!(fixture.newer_than(1).await.expect("a refusal is reason enough").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

pub(crate) async fn a_lifetime_of_zero_serves_those_who_waited_and_never_loops(tasks: Tasks) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(Duration::ZERO));
    let fixture = Fixture::new(&tasks, grant.clone());
    fixture.log_in_with(pair("access-0", "refresh-0", Duration::ZERO)).await;
    grant.gate().close();
    let callers = fixture.callers(10);
    tasks.quiet().await;
    grant.gate().open();
    tasks.quiet().await;
    for caller in callers {
        assert_eq!(caller.ended().expect("good for those who waited").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);

    let start = tasks.time().now().boot;
    assert_eq!(fixture.access().await, "access-2");
    assert_eq!(tasks.time().now().boot - start, secs(1), "not more often than once a second");
    let _driver = fixture.drive();
    tasks.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 2, "no caller, no renewal");
}

pub(crate) async fn a_lifetime_of_one_second_costs_one_refresh_a_second(tasks: Tasks) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(1)));
    let fixture = Fixture::new(&tasks, grant.clone());
    fixture.log_in_with(pair("access-0", "refresh-0", secs(1))).await;
    let _driver = fixture.drive();
    for _ in 0..100 {
        tasks.pass(Duration::from_millis(100)).await;
        fixture.token().await.expect("there is always a token");
    }
    let count = grant.count();
    assert!((9..=12).contains(&count), "{count} refreshes in ten seconds");
}

/// A fixed lead longer than the lifetime is a refresh loop elsewhere.
pub(crate) async fn a_lifetime_shorter_than_the_lead_is_still_renewed_ahead(tasks: Tasks) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(20)));
    let fixture = Fixture::alone(&tasks, grant.clone(), |builder| builder);
    fixture.log_in_with(pair("access-0", "refresh-0", secs(20))).await;
    let _driver = fixture.drive();
    for _ in 0..200 {
        tasks.pass(secs(1)).await;
        assert!(matches!(fixture.session.state().status, Status::Usable), "never without a token");
    }
    let count = grant.count();
    assert!((13..=15).contains(&count), "{count} refreshes in 200 s");
}

/// Nothing overflows, and no sleep is longer than an hour.
pub(crate) async fn a_lifetime_of_ten_years_is_renewed_once(tasks: Tasks) {
    const YEAR: u64 = 365 * 24 * 3_600;
    let grant = MockGrant::new();
    let fixture = Fixture::new(&tasks, grant.clone());
    fixture.log_in_with(pair("access-0", "refresh-0", secs(1_000 * YEAR))).await;
    grant.set_lifetime(Some(secs(1_000 * YEAR)));
    let _driver = fixture.drive();
    tasks.quiet().await;
    assert!(tasks.time().next_wake().is_some_and(|next| next <= secs(3_600)));
    tasks.pass(secs(6 * YEAR)).await;
    assert_eq!(grant.count(), 0);
    tasks.pass(secs(4 * YEAR)).await;
    assert_eq!(grant.count(), 1, "a thousand years were cut to ten");
}

/// A renewal that takes half the lifetime would do nothing but renew.
pub(crate) async fn a_lifetime_too_short_to_be_ahead_of_is_renewed_on_demand(tasks: Tasks) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(50)));
    let fixture = Fixture::new(&tasks, grant.clone());
    fixture.log_in_with(pair("access-0", "refresh-0", secs(50))).await;
    let _driver = fixture.drive();
    grant.gate().close();
    tasks.until(|| grant.gate().parked() == 1).await;
    tasks.pass(secs(30)).await;
    fixture.told();
    grant.gate().open();
    tasks.quiet().await;
    let told = fixture.told();
    assert!(
        matches!(told.as_slice(), [Event::Refreshed { source: Source::Server, .. }, Event::ProactiveOff]),
        "{told:?}"
    );

    tasks.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 1, "no caller asked");
    assert_eq!(fixture.access().await, "access-2");
    // A quick answer: renewal ahead of time makes sense again, and its end would be told again.
    tasks.pass(secs(45)).await;
    assert_eq!(grant.count(), 3);
}

/// The driver guards the expiry, so that no request has to look at a clock.
pub(crate) async fn a_driver_withdraws_the_token_when_it_expires(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(Step::HangSent);
    grant.push(Step::HangSent);
    let _driver = fixture.drive();
    let mut watch = fixture.session.watch();
    let watcher = tasks.spawn(async move {
        loop {
            if matches!(watch.changed().await.status, Status::Stale) {
                return;
            }
        }
    });
    tasks.pass(LIFE - Duration::from_millis(1)).await;
    assert!(watcher.take().is_none(), "good to the last moment");
    tasks.pass(Duration::from_millis(2)).await;
    assert!(watcher.take().is_some(), "withdrawn without a caller");
}

pub(crate) async fn a_missing_refresh_token_keeps_the_old_one(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(Step::Answer(TokenSet::new("access-1").expires_in(LIFE)));
    grant.push(Step::Answer(TokenSet::new("access-2").refresh_token("").expires_in(LIFE)));
    for _ in 0..3 {
        tasks.pass(LIFE).await;
        fixture.token().await.expect("a new token");
    }
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0", "refresh-0"]);
}

/// Generations count distinct access tokens: a request refused with it would be refused again.
pub(crate) async fn the_same_access_token_again_is_no_new_generation(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    grant.push(Step::Answer(pair("access-0", "refresh-1", LIFE)));
    tasks.pass(secs(60)).await;
    assert_eq!(*fixture.newer_than(1).await.expect_err("the same one again").kind(), ErrorKind::Futile);
    assert_eq!((grant.count(), fixture.stored_refresh().as_str()), (1, "refresh-1"), "its refresh token counts");
    let token = fixture.token().await.expect("a token");
    assert_eq!((token.access().expose(), token.generation().get()), ("access-0", 1));
    tasks.pass(LIFE).await;
    assert_eq!(fixture.token().await.expect("another token").generation().get(), 2);
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}
