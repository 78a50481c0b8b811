//! From the first second of a token to its last.

use std::time::Duration;

use tokenflight::{ErrorKind, Event, Source, Status, TokenSet};
use tokenflight_test::{MockGrant, mock::Step};

use super::{
    bed::Bed,
    world::{LIFE, World, pair, presented, secs},
};

/// R-323 without a driver: the callers move the renewal on, each a little.
pub(crate) async fn a_token_in_its_lead_is_used_at_once_and_renewed_beside_it(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(271)).await;
    grant.gate().close();
    assert_eq!(world.access().await, "access-0", "nobody waits for a renewal ahead of time");
    assert_eq!(world.access().await, "access-0");
    assert_eq!(grant.count(), 1);
    assert_eq!(bed.boot(), secs(1_000 + 271), "no time has passed");

    grant.gate().open();
    assert_eq!(world.access().await, "access-0", "this caller moved the flight on");
    assert_eq!(world.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}

/// R-323 with a driver: it renews ahead of time, and callers are not held up.
pub(crate) async fn a_token_in_its_lead_is_used_at_once_while_the_driver_renews_it(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    grant.gate().close();
    let start = bed.boot();
    bed.until(|| grant.gate().parked() == 1).await;
    let due = bed.boot() - start;
    assert!((secs(209)..=secs(255)).contains(&due), "due after {due:?} of 300 s");

    assert_eq!(world.access().await, "access-0");
    assert_eq!(bed.boot() - start, due, "at once");
    grant.gate().open();
    bed.quiet().await;
    assert_eq!(world.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}

///
pub(crate) async fn a_missing_lifetime_is_neither_eternal_nor_spent(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_lifetime(None);
    let world = World::new(&bed, grant.clone());
    world.log_in_with(TokenSet::new("access-0").refresh_token("refresh-0")).await;
    let _driver = world.drive();
    bed.pass(secs(365 * 24 * 3_600)).await;
    assert_eq!(world.access().await, "access-0");
    assert_eq!(grant.count(), 0, "nobody guesses");

    assert_eq!(world.newer_than(1).await.expect("a refusal is reason enough").generation().get(), 2);
    assert_eq!(grant.count(), 1);
}

///
pub(crate) async fn a_lifetime_of_zero_serves_those_who_waited_and_never_loops(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(Duration::ZERO));
    let world = World::new(&bed, grant.clone());
    world.log_in_with(pair("access-0", "refresh-0", Duration::ZERO)).await;
    grant.gate().close();
    let callers = world.callers(10);
    bed.quiet().await;
    grant.gate().open();
    bed.quiet().await;
    for caller in callers {
        assert_eq!(caller.ended().expect("good for those who waited").generation().get(), 2);
    }
    assert_eq!(grant.count(), 1);

    let start = bed.boot();
    assert_eq!(world.access().await, "access-2");
    assert_eq!(bed.boot() - start, secs(1), "not more often than once a second (R-330)");
    let _driver = world.drive();
    bed.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 2, "nobody asked, nobody renewed");
}

pub(crate) async fn a_lifetime_of_one_second_costs_one_refresh_a_second(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(1)));
    let world = World::new(&bed, grant.clone());
    world.log_in_with(pair("access-0", "refresh-0", secs(1))).await;
    let _driver = world.drive();
    for _ in 0..100 {
        bed.pass(Duration::from_millis(100)).await;
        world.token().await.expect("there is always a token");
    }
    let count = grant.count();
    assert!((9..=12).contains(&count), "{count} refreshes in ten seconds");
}

/// A fixed lead longer than the lifetime is a refresh loop elsewhere.
pub(crate) async fn a_lifetime_shorter_than_the_lead_is_still_renewed_ahead(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(20)));
    let world = World::new(&bed, grant.clone());
    world.log_in_with(pair("access-0", "refresh-0", secs(20))).await;
    let _driver = world.drive();
    for _ in 0..200 {
        bed.pass(secs(1)).await;
        assert!(matches!(world.session.state().status, Status::Usable), "never without a token");
    }
    let count = grant.count();
    assert!((13..=15).contains(&count), "{count} refreshes in 200 s");
}

/// nothing overflows, and no sleep is longer than an hour.
pub(crate) async fn a_lifetime_of_ten_years_is_renewed_once(bed: Bed) {
    const YEAR: u64 = 365 * 24 * 3_600;
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in_with(pair("access-0", "refresh-0", secs(1_000 * YEAR))).await;
    grant.set_lifetime(Some(secs(1_000 * YEAR)));
    let _driver = world.drive();
    bed.quiet().await;
    assert!(bed.time.next_wake().is_some_and(|next| next <= secs(3_600)));
    bed.pass(secs(6 * YEAR)).await;
    assert_eq!(grant.count(), 0);
    bed.pass(secs(4 * YEAR)).await;
    assert_eq!(grant.count(), 1, "a thousand years were cut to ten");
}

/// a renewal that takes half the lifetime would do nothing but renew.
pub(crate) async fn a_lifetime_too_short_to_be_ahead_of_is_renewed_on_demand(bed: Bed) {
    let grant = MockGrant::new();
    grant.set_lifetime(Some(secs(50)));
    let world = World::new(&bed, grant.clone());
    world.log_in_with(pair("access-0", "refresh-0", secs(50))).await;
    let _driver = world.drive();
    grant.gate().close();
    bed.until(|| grant.gate().parked() == 1).await;
    bed.pass(secs(30)).await;
    world.told();
    grant.gate().open();
    bed.quiet().await;
    let told = world.told();
    assert!(
        matches!(told.as_slice(), [Event::Refreshed { source: Source::Server, .. }, Event::ProactiveOff]),
        "{told:?}"
    );

    bed.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 1, "nobody asked");
    assert_eq!(world.access().await, "access-2");
    // A quick answer: renewal ahead of time makes sense again, and its end would be told again.
    bed.pass(secs(45)).await;
    assert_eq!(grant.count(), 3);
}

/// The driver guards the expiry, so that nobody else has to look at a clock.
pub(crate) async fn a_driver_withdraws_the_token_when_it_expires(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::HangSent);
    grant.push(Step::HangSent);
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    let mut watch = world.session.watch();
    let watcher = bed.spawn(async move {
        loop {
            if matches!(watch.changed().await.status, Status::Stale) {
                return;
            }
        }
    });
    bed.pass(LIFE - Duration::from_millis(1)).await;
    assert!(watcher.take().is_none(), "good to the last moment");
    bed.pass(Duration::from_millis(2)).await;
    assert!(watcher.take().is_some(), "withdrawn without anybody asking");
}

///
pub(crate) async fn a_missing_refresh_token_keeps_the_old_one(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::Answer(TokenSet::new("access-1").expires_in(LIFE)));
    grant.push(Step::Answer(TokenSet::new("access-2").refresh_token("").expires_in(LIFE)));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    for _ in 0..3 {
        bed.pass(LIFE).await;
        world.token().await.expect("a new token");
    }
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0", "refresh-0"]);
}

/// T-34, R-225.
pub(crate) async fn the_same_access_token_again_is_a_new_generation(bed: Bed) {
    let grant = MockGrant::new();
    grant.push(Step::Answer(pair("access-0", "refresh-1", LIFE)));
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let token = world.token().await.expect("a token");
    assert_eq!((token.access().expose(), token.generation().get()), ("access-0", 2));
    // Who was refused with its older twin would be refused again.
    assert_eq!(*world.newer_than(1).await.expect_err("the same one again").kind(), ErrorKind::Futile);
    assert_eq!((grant.count(), world.stored_refresh().as_str()), (1, "refresh-1"));
}
