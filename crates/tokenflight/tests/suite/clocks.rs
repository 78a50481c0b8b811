//! Clocks that are moved, and machines that sleep.

use tokenflight::{Event, FailureClass, Status};
use tokenflight_test::MockGrant;

use super::{
    bed::Bed,
    world::{LIFE, World, presented, secs},
};

const HOUR: u64 = 3_600;

/// C-45, R-302.
pub(crate) async fn a_wall_clock_set_forward_a_year_starts_no_storm(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    bed.pass(secs(10)).await;
    bed.time.step_wall_forward(secs(365 * 24 * HOUR));
    assert_eq!(world.access().await, "access-0", "the token is ten seconds old");
    bed.pass(secs(190)).await;
    assert_eq!(grant.count(), 0);
    bed.pass(secs(90)).await;
    assert_eq!(grant.count(), 1, "renewed when it was due anyway");
    bed.pass(secs(1_000)).await;
    assert!(grant.count() <= 6, "{} refreshes", grant.count());
}

/// C-45, R-302.
pub(crate) async fn a_wall_clock_set_back_an_hour_makes_no_token_eternal(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(10)).await;
    bed.time.step_wall_back(secs(HOUR));
    assert_eq!(world.access().await, "access-0");
    bed.pass(secs(290)).await;
    assert_eq!(world.access().await, "access-1", "spent by the boot clock");
    assert_eq!(grant.count(), 1);
}

/// C-46: the request was lost with the connection, and nobody waits for its timer to catch up.
pub(crate) async fn a_suspend_ends_the_flight_it_interrupted(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    grant.gate().close();
    bed.until(|| grant.gate().parked() == 1).await;
    bed.time.suspend(secs(8 * HOUR));
    // Noticed within a slice of sleep, and then an answer that may be there already gets five seconds to be read.
    bed.pass(secs(30 + 5)).await;

    let told = world.told();
    assert!(matches!(told.last(), Some(Event::RefreshFailed { class: FailureClass::Ambiguous, .. })), "{told:?}");
    assert!(world.record().intent.is_some_and(|intent| intent.ambiguous));
    assert!(matches!(world.session.state().status, Status::Stale));

    // The access token is dead, so the refresh token is tried once more, soon and spread.
    grant.gate().open();
    bed.pass(secs(10)).await;
    assert_eq!(presented(&grant), ["refresh-0", "refresh-0"]);
    assert_eq!(world.access().await, "access-1");
}

///
pub(crate) async fn a_suspend_past_the_expiry_is_noticed_without_a_driver(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.time.suspend(LIFE);
    assert_eq!(world.access().await, "access-1");
    assert_eq!(grant.count(), 1);
}
