//! A store that fails, hangs or lies.

use std::sync::atomic::Ordering::SeqCst;

use super::fixture::*;

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

pub(crate) async fn a_failed_write_publishes_and_is_repeated_by_the_driver(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    tasks.pass(secs(60)).await;
    fixture.told();
    (0..3).for_each(|_| fixture.store.push(OpKind::Commit, Trouble::Fail));
    assert_eq!(fixture.refresh().await.expect("a good refresh stays one").access().expose(), "access-1");
    assert!(fixture.session.state().unsaved);
    assert_eq!(fixture.stored_refresh(), "refresh-0");

    tasks.pass(secs(2)).await;
    assert_eq!(fixture.stored_refresh(), "refresh-1");
    assert!(!fixture.session.state().unsaved);
    assert_eq!(names(&fixture.told()), ["new", "lost", "kept"]);
    tasks.pass(secs(10)).await;
    fixture.refresh().await.expect("the next");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// Without a driver the next flight stores first, and presents nothing before that has happened.
pub(crate) async fn a_failed_write_is_repeated_before_anything_is_presented(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    tasks.pass(secs(60)).await;
    (0..2).for_each(|_| fixture.store.push(OpKind::Commit, Trouble::Fail));
    fixture.refresh().await.expect("a good refresh stays one");
    tasks.pass(secs(10)).await;
    let error = fixture.refresh().await.expect_err("the store comes first");
    assert_eq!(*error.kind(), ErrorKind::Store);
    assert_eq!((grant.count(), fixture.access().await.as_str()), (1, "access-1"));

    tasks.pass(LIFE).await;
    assert_eq!(fixture.access().await, "access-2");
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"], "nothing twice");
    assert_eq!(fixture.stored_refresh(), "refresh-2");
}

/// The write had taken effect: what is stored is ours, not a neighbour's.
pub(crate) async fn a_write_that_seemed_to_fail_is_recognised(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    fixture.store.push(OpKind::Commit, Trouble::FailAfter);
    fixture.told();
    assert_eq!(fixture.access().await, "access-1");
    tasks.pass(LIFE).await;
    assert_eq!(fixture.access().await, "access-2");
    assert_eq!(names(&fixture.told()), ["new", "lost", "kept", "new"]);
    assert_eq!(presented(&grant), ["refresh-0", "refresh-1"]);
}

/// A write that is slow is waited for, not repeated beside itself.
pub(crate) async fn a_write_that_takes_long_is_not_sent_again(tasks: Tasks) {
    let (_grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    tasks.pass(secs(60)).await;
    fixture.store.gate(OpKind::Commit).close();
    let start = tasks.time().now().boot;
    fixture.refresh().await.expect("published");
    assert_eq!(tasks.time().now().boot - start, secs(10), "the store had its time");
    tasks.pass(secs(45)).await;
    assert_eq!(fixture.store.count(OpKind::Commit), 1);
    assert!(fixture.session.state().unsaved);

    fixture.store.gate(OpKind::Commit).open();
    tasks.pass(secs(60)).await;
    assert_eq!(fixture.store.count(OpKind::Commit), 1, "the same write");
    assert_eq!(fixture.stored_refresh(), "refresh-1");
    assert!(!fixture.session.state().unsaved);
}

pub(crate) async fn a_store_that_is_down_stops_no_usable_token_and_starts_no_refresh(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let _driver = fixture.drive();
    fixture.store.set_down(true);
    tasks.pass(LIFE - secs(1)).await;
    assert_eq!(fixture.access().await, "access-0", "served to the end");
    tasks.pass(secs(2)).await;
    let error = fixture.token().await.expect_err("fails closed");
    assert_eq!((error.kind(), error.is_transient()), (&ErrorKind::Store, true));
    tasks.pass(secs(3_600)).await;
    assert_eq!(grant.count(), 0, "never without a claim");

    fixture.store.set_down(false);
    tasks.pass(secs(301)).await;
    assert!(grant.count() > 0, "and by itself again");
    fixture.token().await.expect("a token");
}

/// As long as there is time, one failure of the store is no reason to leave a rotation behind.
pub(crate) async fn a_shutdown_asks_a_failing_store_again(tasks: Tasks) {
    let (_, fixture) = Fixture::logged_in(&tasks).await;
    tasks.pass(secs(60)).await;
    (0..4).for_each(|_| fixture.store.push(OpKind::Commit, Trouble::Fail));
    fixture.refresh().await.expect("a good refresh stays one");
    let session = fixture.session.clone();
    tasks.run(async move { session.shutdown(secs(10)).await }).await.expect("stored in the end");
    assert_eq!(fixture.stored_refresh(), "refresh-1");
}

/// A changed configuration, or one key for two grants.
pub(crate) async fn tokens_of_another_issuer_are_neither_used_nor_presented(tasks: Tasks) {
    let asked = Arc::new(AtomicUsize::new(0));
    let from = |issuer: &str| {
        let asked = Arc::clone(&asked);
        let grant = move |_: TokenRequest| {
            asked.fetch_add(1, SeqCst);
            async { Err::<TokenSet, _>(GrantError::config("not needed here")) }
        };
        grant_fn(grant).issued_by(issuer)
    };
    let fixture = Fixture::new(&tasks, from("https://as.example.com"));
    fixture.log_in().await;
    assert_eq!(fixture.neighbour(from("https://as.example.com")).access().await, "access-0");

    let other = fixture.neighbour(from("https://other.example.com"));
    let error = other.token().await.expect_err("not its tokens");
    assert_eq!(error.class(), Some(FailureClass::Config), "{error:?}");
    assert_eq!((asked.load(SeqCst), fixture.stored_refresh().as_str()), (0, "refresh-0"), "nothing was touched");
    // A grant that does not say is asked nothing.
    assert_eq!(fixture.neighbour(MockGrant::new()).access().await, "access-0");
}
