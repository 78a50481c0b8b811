//! How a session ends, and what lifts it.

use super::fixture::*;

/// A session whose token has run out, and a server that says that it is over.
async fn refusing(tasks: &Tasks) -> (MockGrant, Fixture) {
    let (grant, fixture) = Fixture::expired(tasks).await;
    grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    (grant, fixture)
}

fn ends(told: &[Event]) -> usize {
    told.iter().filter(|event| matches!(event, Event::Ended { .. })).count()
}

pub(crate) async fn an_end_is_told_once_and_costs_nothing_afterwards(tasks: Tasks) {
    let (grant, fixture) = refusing(&tasks).await;
    for caller in fixture.callers(100).into_iter().chain({
        tasks.quiet().await;
        fixture.callers(1_000)
    }) {
        tasks.quiet().await;
        let error = caller.ended().expect_err("the session is over");
        assert!(error.is_ended() && error.needs_login() && !error.is_transient());
    }
    let operations = fixture.store.kinds().len();
    let _driver = fixture.drive();
    tasks.pass(secs(24 * 3_600)).await;
    assert!(fixture.refresh().await.expect_err("over").is_ended());
    assert!(fixture.newer_than(1).await.expect_err("over").is_ended());
    assert_eq!(grant.count(), 1, "no token request after the end");
    assert_eq!(fixture.store.kinds().len(), operations, "nor anything of the store");
    assert_eq!(ends(&fixture.told()), 1);
}

pub(crate) async fn an_end_keeps_the_tokens_in_the_store(tasks: Tasks) {
    let (_, fixture) = refusing(&tasks).await;
    fixture.token().await.expect_err("over");
    assert!(fixture.is_settled());
    let entry = fixture.entry();
    let EntryState::Ended { tokens, reason, .. } = entry.state else { panic!("not ended: {entry:?}") };
    assert_eq!(tokens.refresh.expect("it is kept").expose(), "refresh-0");
    assert_eq!(reason.code(), "invalid_grant");
}

pub(crate) async fn only_a_login_lifts_an_end(tasks: Tasks) {
    let (_, fixture) = refusing(&tasks).await;
    fixture.token().await.expect_err("over");
    fixture.log_in_with(pair("access-9", "refresh-9", LIFE)).await;
    assert_eq!(fixture.access().await, "access-9");
    tasks.pass(LIFE).await;
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!(fixture.stored_refresh(), "refresh-1");
}

/// Another process has rotated meanwhile, and what is stored is alive.
pub(crate) async fn a_refusal_of_a_token_that_was_replaced_in_the_store_is_not_the_end(tasks: Tasks) {
    let (grant, fixture) = refusing(&tasks).await;
    grant.gate().close();
    let caller = fixture.caller();
    tasks.quiet().await;
    fixture.overtake(&pair("access-x", "refresh-x", LIFE));
    grant.gate().open();
    tasks.quiet().await;

    assert_eq!(caller.ended().expect("adopted").access().expose(), "access-x");
    assert_eq!((grant.count(), fixture.stored_refresh().as_str()), (1, "refresh-x"), "and nothing was deleted");
    assert_eq!(ends(&fixture.told()), 0);
    tasks.pass(LIFE).await;
    assert_eq!(fixture.access().await, "access-1");
}

/// An end is sticky, and the store is read again when the user says so.
pub(crate) async fn a_login_elsewhere_lifts_the_end_once_the_store_is_read_again(tasks: Tasks) {
    let (grant, fixture) = refusing(&tasks).await;
    let other = fixture.neighbour(MockGrant::new());
    fixture.token().await.expect_err("over");
    other.log_in_with(pair("access-y", "refresh-y", LIFE)).await;
    assert!(fixture.token().await.expect_err("still over").is_ended());

    let session = fixture.session.clone();
    tasks.run(async move { session.reload().await }).await.expect("there was a login");
    assert_eq!(fixture.access().await, "access-y");
    assert_eq!(grant.count(), 1, "found, not requested");
}

/// The logout is found at the next look into the store, and nothing is presented.
pub(crate) async fn a_logout_elsewhere_ends_the_session_with_the_next_flight(tasks: Tasks) {
    let (grant, fixture) = Fixture::logged_in(&tasks).await;
    let other = fixture.neighbour(MockGrant::new());
    assert!(other.token().await.is_ok());
    other.log_out().await.expect("stored");
    tasks.pass(LIFE).await;
    let error = fixture.token().await.expect_err("logged out elsewhere");
    assert_eq!(*error.kind(), ErrorKind::LoggedOut);
    assert_eq!((grant.count(), fixture.store.count(OpKind::Commit)), (0, 0));
    assert!(matches!(fixture.told().last(), Some(Event::LoggedOut { .. })));
}
