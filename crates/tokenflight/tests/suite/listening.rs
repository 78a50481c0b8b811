//! Those who listen never hold anything up.

use tokenflight::{Event, EventOrGap, Status};
use tokenflight_test::MockGrant;

use super::{
    bed::Bed,
    world::{LIFE, World, read_all, secs},
};

pub(crate) async fn a_slow_reader_misses_events_and_blocks_nobody(bed: Bed) {
    const REFRESHES: u64 = 100;
    let world = World::new(&bed, MockGrant::new());
    world.log_in().await;
    let mut events = world.session.events();
    for _ in 0..REFRESHES {
        bed.pass(secs(10)).await;
        world.refresh().await.expect("nobody waits for a reader");
    }
    let items = read_all(&mut events);
    let EventOrGap::Missed(missed) = items[0] else { panic!("the first item tells of the gap: {:?}", items[0]) };
    assert!(missed > 0);
    assert_eq!(missed + items.len() as u64 - 1, REFRESHES, "every event was read or counted");
    assert!(matches!(items.last(), Some(EventOrGap::Event(Event::Refreshed { generation, .. }))
        if generation.get() == world.generation()));
}

pub(crate) async fn a_watch_sees_the_last_of_many_changes(bed: Bed) {
    let world = World::new(&bed, MockGrant::new());
    world.log_in().await;
    let mut watch = world.session.watch();
    for _ in 0..5 {
        bed.pass(secs(10)).await;
        world.refresh().await.expect("a new token");
    }
    world.log_out().await.expect("stored");
    // Nobody looked; the last state is there all the same.
    let (state, mut watch) = bed.run(async move { (watch.changed().await, watch) }).await;
    assert!(matches!(state.status, Status::Over(_)));
    let next = bed.spawn(async move { watch.changed().await });
    bed.quiet().await;
    assert!(next.take().is_none(), "and nothing has changed since");
    world.log_in().await;
    bed.quiet().await;
    assert!(matches!(next.ended().status, Status::Usable));
}

pub(crate) async fn events_come_in_the_order_of_what_happened(bed: Bed) {
    let world = World::new(&bed, MockGrant::new());
    let mut events = world.session.events();
    world.log_in().await;
    bed.pass(LIFE).await;
    world.token().await.expect("a token");
    world.log_out().await.expect("stored");
    let names: Vec<_> = read_all(&mut events)
        .into_iter()
        .map(|item| match item {
            EventOrGap::Event(Event::LoggedIn { .. }) => "in",
            EventOrGap::Event(Event::Persisted { .. }) => "kept",
            EventOrGap::Event(Event::Refreshed { .. }) => "new",
            EventOrGap::Event(Event::LoggedOut { .. }) => "out",
            other => panic!("unexpected: {other:?}"),
        })
        .collect();
    assert_eq!(names, ["in", "kept", "new", "out", "kept"]);
}
