//! A store that fails, hangs or lies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tokenflight::{ErrorKind, Event, FailureClass, GrantError, TokenRequest, TokenSet, grant_fn};
use tokenflight_test::{
    MockGrant,
    mock::{OpKind, Trouble},
};

use super::{
    bed::Bed,
    world::{LIFE, World, presented, secs},
};

fn names(told: &[Event]) -> Vec<&'static str> {
    told.iter()
        .map(|event| match event {
            Event::Refreshed { .. } => "new",
            Event::RefreshFailed { .. } => "failed",
            Event::Unpersisted { .. } => "lost",
            Event::Persisted { .. } => "kept",
            _ => "other",
        })
        .collect()
}

/// C-25, R-445.
pub(crate) async fn a_failed_write_publishes_and_is_repeated_by_the_driver(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    bed.pass(secs(60)).await;
    world.told();
    (0..3).for_each(|_| world.store.push(OpKind::Commit, Trouble::Fail));
    assert_eq!(world.refresh().await.expect("a good refresh stays one").access().expose(), "access-1");
    assert!(world.session.state().unsaved);
    assert_eq!(world.stored_refresh(), "refresh-0");

    bed.pass(secs(2)).await;
    assert_eq!(world.stored_refresh(), "refresh-1");
    assert!(!world.session.state().unsaved);
    assert_eq!(names(&world.told()), ["new", "lost", "lost", "lost", "kept"]);
    bed.pass(secs(10)).await;
    world.refresh().await.expect("the next");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// C-25 without a driver: the next flight stores first, and presents nothing before that has happened.
pub(crate) async fn a_failed_write_is_repeated_before_anything_is_presented(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(secs(60)).await;
    (0..2).for_each(|_| world.store.push(OpKind::Commit, Trouble::Fail));
    world.refresh().await.expect("a good refresh stays one");
    bed.pass(secs(10)).await;
    let error = world.refresh().await.expect_err("the store comes first");
    assert_eq!(*error.kind(), ErrorKind::Store);
    assert_eq!((grant.count(), world.access().await.as_str()), (1, "access-1"));

    bed.pass(LIFE).await;
    assert_eq!(world.access().await, "access-2");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"], "nothing twice");
    assert_eq!(world.stored_refresh(), "refresh-2");
}

/// The write had taken effect: what is stored is ours, not a neighbour's.
pub(crate) async fn a_write_that_seemed_to_fail_is_recognised(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    world.store.push(OpKind::Commit, Trouble::FailAfter);
    world.told();
    assert_eq!(world.access().await, "access-1");
    bed.pass(LIFE).await;
    assert_eq!(world.access().await, "access-2");
    assert_eq!(names(&world.told()), ["new", "lost", "kept", "new"]);
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// C-59: a write that is slow is waited for, not repeated beside itself.
pub(crate) async fn a_write_that_takes_long_is_not_sent_again(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    bed.pass(secs(60)).await;
    world.store.gate(OpKind::Commit).close();
    let start = bed.boot();
    world.refresh().await.expect("published");
    assert_eq!(bed.boot() - start, secs(10), "the store had its time");
    bed.pass(secs(60)).await;
    assert_eq!(world.store.count(OpKind::Commit), 1);
    assert!(world.session.state().unsaved);

    world.store.gate(OpKind::Commit).open();
    bed.pass(secs(60)).await;
    assert_eq!(world.store.count(OpKind::Commit), 1, "the same write");
    assert_eq!(world.stored_refresh(), "refresh-1");
    assert!(!world.session.state().unsaved);
}

/// C-39.
pub(crate) async fn a_store_that_is_down_stops_no_usable_token_and_starts_no_refresh(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    let _driver = world.drive();
    world.store.set_down(true);
    bed.pass(LIFE - secs(1)).await;
    assert_eq!(world.access().await, "access-0", "served to the end");
    bed.pass(secs(2)).await;
    let error = world.token().await.expect_err("fails closed");
    assert_eq!((error.kind(), error.is_transient()), (&ErrorKind::Store, true));
    bed.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 0, "never without the lease");

    world.store.set_down(false);
    bed.pass(secs(301)).await;
    assert_eq!(world.access().await, "access-1", "and by itself again");
}

/// as long as there is time, one failure of the store is no reason to leave a rotation behind.
pub(crate) async fn a_shutdown_asks_a_failing_store_again(bed: Bed) {
    let world = World::new(&bed, MockGrant::new());
    world.log_in().await;
    bed.pass(secs(60)).await;
    (0..4).for_each(|_| world.store.push(OpKind::Commit, Trouble::Fail));
    world.refresh().await.expect("a good refresh stays one");
    let session = world.session.clone();
    bed.run(async move { session.shutdown(secs(10)).await }).await.expect("stored in the end");
    assert_eq!(world.stored_refresh(), "refresh-1");
}

/// somebody has changed the configuration, or given two grants one key.
pub(crate) async fn tokens_of_another_issuer_are_neither_used_nor_presented(bed: Bed) {
    let asked = Arc::new(AtomicUsize::new(0));
    let from = |issuer: &str| {
        let asked = Arc::clone(&asked);
        let grant = move |_: TokenRequest| {
            asked.fetch_add(1, SeqCst);
            async { Err::<TokenSet, _>(GrantError::config("not needed here")) }
        };
        grant_fn(grant).issued_by(issuer)
    };
    let world = World::new(&bed, from("https://as.example.com"));
    world.log_in().await;
    assert_eq!(world.neighbour(from("https://as.example.com")).access().await, "access-0");

    let other = world.neighbour(from("https://other.example.com"));
    let error = other.token().await.expect_err("not its tokens");
    assert_eq!(error.class(), Some(FailureClass::Config), "{error:?}");
    assert_eq!((asked.load(SeqCst), world.stored_refresh().as_str()), (0, "refresh-0"), "nothing was touched");
    // Who does not say is asked nothing.
    assert_eq!(world.neighbour(MockGrant::new()).access().await, "access-0");
}
