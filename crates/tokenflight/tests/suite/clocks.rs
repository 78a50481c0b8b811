//! Clocks that are moved, and machines that sleep.

use super::fixture::*;

const HOUR: u64 = 3_600;

pub(crate) async fn a_wall_clock_set_forward_a_year_starts_no_storm(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    tasks.pass(secs(10)).await;
    tasks.time().step_wall_forward(secs(365 * 24 * HOUR));
    assert_eq!(fixture.access().await, "access-0", "the token is ten seconds old");
    tasks.pass(secs(190)).await;
    assert_eq!(grant.count(), 0);
    tasks.pass(secs(90)).await;
    assert_eq!(grant.count(), 1, "renewed when it was due anyway");
    tasks.pass(secs(1_000)).await;
    assert!(grant.count() <= 6, "{} refreshes", grant.count());
}

pub(crate) async fn a_wall_clock_set_back_an_hour_makes_no_token_eternal(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    tasks.pass(secs(10)).await;
    tasks.time().step_wall_back(secs(HOUR));
    assert_eq!(fixture.access().await, "access-0");
    tasks.pass(secs(290)).await;
    assert_eq!(fixture.access().await, "access-1", "spent by the boot clock");
    assert_eq!(grant.count(), 1);
}

/// The request was lost with the connection, and no task waits for its timer to catch up.
pub(crate) async fn a_suspend_ends_the_flight_it_interrupted(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    grant.gate().close();
    tasks.until(|| grant.gate().parked() == 1).await;
    tasks.time().suspend(secs(8 * HOUR));
    // Noticed within a slice of sleep, and then an answer that may be there already gets five
    // seconds to be read.
    tasks.pass(secs(30 + 5)).await;

    let told = fixture.told();
    assert!(matches!(told.last(), Some(Event::RefreshFailed { class: FailureClass::Ambiguous, .. })), "{told:?}");
    assert!(fixture.entry().doubt.is_some());
    assert!(matches!(fixture.session.state().status, Status::Stale));

    // The access token is dead, so the refresh token is tried once more; not in the first minute,
    // in which a computer that wakes for moments only may be asleep again.
    grant.gate().open();
    tasks.pass(secs(25)).await;
    assert_eq!(grant.count(), 1);
    tasks.pass(secs(60)).await;
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0"]);
    assert_eq!(fixture.access().await, "access-1");
}

pub(crate) async fn a_suspend_past_the_expiry_is_noticed_without_a_driver(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    tasks.time().suspend(LIFE);
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}
