//! How a session ends, and what lifts it.

use tokenflight::{ErrorKind, Event, GrantError, Record, RecordState, StoredTokens};
use tokenflight_test::{
    MockGrant,
    mock::{OpKind, Step},
};

use super::{
    bed::Bed,
    world::{LIFE, World, key, pair, secs},
};

fn refusing() -> MockGrant {
    let grant = MockGrant::new();
    grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    grant
}

fn ends(told: &[Event]) -> usize {
    told.iter().filter(|event| matches!(event, Event::Ended { .. })).count()
}

///
pub(crate) async fn an_end_is_told_once_and_costs_nothing_afterwards(bed: Bed) {
    let grant = refusing();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    for caller in world.callers(100).into_iter().chain({
        bed.quiet().await;
        world.callers(1_000)
    }) {
        bed.quiet().await;
        let error = caller.ended().expect_err("the session is over");
        assert!(error.is_ended() && error.needs_login() && !error.is_transient());
    }
    let operations = world.store.kinds().len();
    let _driver = world.drive();
    bed.pass(secs(24 * 3_600)).await;
    assert!(world.refresh().await.expect_err("over").is_ended());
    assert!(world.newer_than(1).await.expect_err("over").is_ended());
    assert_eq!(grant.count(), 1, "no token request after the end");
    assert_eq!(world.store.kinds().len(), operations, "nor anything of the store");
    assert_eq!(ends(&world.told()), 1);
}

/// R-221, I-08.
pub(crate) async fn an_end_keeps_the_tokens_in_the_store(bed: Bed) {
    let world = World::new(&bed, refusing());
    world.log_in().await;
    bed.pass(LIFE).await;
    world.token().await.expect_err("over");
    let record = world.record();
    let RecordState::Ended { tokens, reason, .. } = record.state else { panic!("no tombstone: {record:?}") };
    assert_eq!(tokens.refresh.expect("it is kept").expose(), "refresh-0");
    assert_eq!(reason.code(), "invalid_grant");
    assert!(record.intent.is_none());
}

pub(crate) async fn only_a_login_lifts_an_end(bed: Bed) {
    let grant = refusing();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    world.token().await.expect_err("over");
    world.log_in_with(pair("access-9", "refresh-9", LIFE)).await;
    assert_eq!(world.access().await, "access-9");
    bed.pass(LIFE).await;
    assert_eq!(world.access().await, "access-1");
    assert_eq!(world.stored_refresh(), "refresh-1");
}

/// R-220, C-32, C-33: another process has rotated meanwhile, and what is stored is alive.
pub(crate) async fn a_refusal_of_a_token_that_was_replaced_in_the_store_is_not_the_end(bed: Bed) {
    let grant = refusing();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    grant.gate().close();
    let caller = world.caller();
    bed.quiet().await;
    let old = world.record();
    let newer = StoredTokens::from_set(&pair("access-x", "refresh-x", LIFE), bed.time.now().wall, None);
    world.model.put(&key(), Some(Record::new(old.epoch, old.generation.next(), RecordState::Active(newer))));
    grant.gate().open();
    bed.quiet().await;

    assert_eq!(caller.ended().expect("adopted").access().expose(), "access-x");
    assert_eq!((grant.count(), world.stored_refresh().as_str()), (1, "refresh-x"), "and nothing was deleted");
    assert_eq!(ends(&world.told()), 0);
    bed.pass(LIFE).await;
    assert_eq!(world.access().await, "access-1");
}

/// an end is sticky, and the store is read again when the user says so.
pub(crate) async fn a_login_elsewhere_lifts_the_end_once_the_store_is_read_again(bed: Bed) {
    let grant = refusing();
    let world = World::new(&bed, grant.clone());
    let other = world.neighbour(MockGrant::new());
    world.log_in().await;
    bed.pass(LIFE).await;
    world.token().await.expect_err("over");
    other.log_in_with(pair("access-y", "refresh-y", LIFE)).await;
    assert!(world.token().await.expect_err("still over").is_ended());

    let session = world.session.clone();
    bed.run(async move { session.reload().await }).await.expect("somebody has logged in");
    assert_eq!(world.access().await, "access-y");
    assert_eq!(grant.count(), 1, "found, not requested");
}

/// C-19 across processes: the logout is found at the next look into the store, and nothing is presented.
pub(crate) async fn a_logout_elsewhere_ends_the_session_with_the_next_flight(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    let other = world.neighbour(MockGrant::new());
    world.log_in().await;
    assert!(other.token().await.is_ok());
    other.log_out().await.expect("stored");
    bed.pass(LIFE).await;
    let error = world.token().await.expect_err("logged out elsewhere");
    assert_eq!(*error.kind(), ErrorKind::LoggedOut);
    assert_eq!((grant.count(), world.store.count(OpKind::Commit)), (0, 0));
    assert!(matches!(world.told().last(), Some(Event::LoggedOut { .. })));
}
