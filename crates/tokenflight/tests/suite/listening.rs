//! Listeners never hold anything up.

use super::fixture::*;

pub(crate) async fn a_slow_reader_misses_events_and_blocks_no_caller(tasks: Tasks) {
    const REFRESHES: u64 = 100;
    let (_, fixture) = Fixture::logged_in(&tasks).await;
    let mut events = fixture.session.events();
    for _ in 0..REFRESHES {
        tasks.pass(secs(10)).await;
        fixture.refresh().await.expect("no caller waits for a reader");
    }
    let items = read_all(&mut events);
    let EventOrGap::Missed(missed) = items[0] else { panic!("the first item tells of the gap: {:?}", items[0]) };
    assert!(missed > 0);
    assert_eq!(missed + items.len() as u64 - 1, REFRESHES, "every event was read or counted");
    assert!(matches!(items.last(), Some(EventOrGap::Event(Event::Refreshed { generation, .. }))
        if generation.get() == fixture.generation()));
}

pub(crate) async fn a_watch_sees_the_last_of_many_changes(tasks: Tasks) {
    let (_, fixture) = Fixture::logged_in(&tasks).await;
    let mut watch = fixture.session.watch();
    for _ in 0..5 {
        tasks.pass(secs(10)).await;
        fixture.refresh().await.expect("a new token");
    }
    fixture.log_out().await.expect("stored");
    // It was not looked at; the last state is there all the same.
    let (state, mut watch) = tasks.run(async move { (watch.changed().await, watch) }).await;
    assert!(matches!(state.status, Status::Over(_)));
    let next = tasks.spawn(async move { watch.changed().await });
    tasks.quiet().await;
    assert!(next.take().is_none(), "and nothing has changed since");
    fixture.log_in().await;
    tasks.quiet().await;
    assert!(matches!(next.ended().status, Status::Usable));
}

pub(crate) async fn events_come_in_the_order_of_what_happened(tasks: Tasks) {
    let fixture = Fixture::new(&tasks, MockGrant::new());
    let mut events = fixture.session.events();
    fixture.log_in().await;
    tasks.pass(LIFE).await;
    fixture.token().await.expect("a token");
    fixture.log_out().await.expect("stored");
    let names: Vec<_> = read_all(&mut events)
        .into_iter()
        .map(|item| match item {
            EventOrGap::Event(Event::LoggedIn { .. }) => "in",
            EventOrGap::Event(Event::Refreshed { .. }) => "new",
            EventOrGap::Event(Event::LoggedOut { .. }) => "out",
            other => panic!("unexpected: {other:?}"),
        })
        .collect();
    assert_eq!(names, ["in", "new", "out"]);
}
