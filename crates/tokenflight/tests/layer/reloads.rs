//! A session that is over is read again, and the store takes its time: requests go on with the
//! token that lives, and none is sent as a user who logs in meanwhile.

use std::time::Duration;

use http::Method;
use tokenflight::{BearerOptions, ErrorKind, GrantError, ReusePolicy, Session, TokenSet};
use tokenflight_test::{
    MockGrant, MockStore, ModelStore,
    mock::{OpKind, Step},
};
use tokio_test::{assert_pending, task};

use crate::fixture::{Fixture, LIFE, ME, get, our_failure, request, secs};

fn over(store: &MockStore) -> Fixture {
    let store = store.clone();
    Fixture::with(|builder| builder.store(store).reuse_policy(ReusePolicy::grace(secs(600))))
}

/// A session that the server has ended while its token lived; so much later it is read again, from
/// a store that does not answer.
fn reloading(later: Duration) -> (MockStore, Fixture) {
    let store = MockStore::before(ModelStore::new());
    let mut fixture = over(&store);
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    fixture.time.run(fixture.session.refresh()).unwrap_err();
    fixture.succeeds_with("access-0");
    fixture.time.advance(later);
    store.gate(OpKind::Load).close();
    assert_pending!(task::spawn(fixture.session.reload()).poll());
    (store, fixture)
}

#[test]
fn a_request_during_a_reload_is_sent_at_once_with_the_living_token() {
    let (_store, mut fixture) = reloading(secs(0));
    fixture.succeeds_with("access-0");
}

/// It may wait for a second, and does not.
#[test]
fn a_request_that_wants_a_lasting_token_during_a_reload_is_sent_at_once_with_the_living_one() {
    for driven in [false, true] {
        let (_store, mut fixture) = reloading(secs(0));
        let _driver = driven.then(|| fixture.drive());
        let mut wants = get(ME);
        wants.extensions_mut().insert(BearerOptions::new().min_remaining(secs(1)).max_wait(secs(1)));
        let mut call = fixture.call(wants);
        assert_pending!(call.poll_until_idle());
        fixture.received_with("access-0");
    }
}

/// No token lives any more, so it has to wait.
#[test]
fn a_request_that_waits_for_a_reload_is_not_sent_as_a_user_who_logs_in_meanwhile() {
    let (_store, mut fixture) = reloading(LIFE);
    let mut alice = fixture.call(request(Method::POST, ME, "for alice"));
    assert_pending!(alice.poll_until_idle());
    fixture.nothing_received();
    let bob = TokenSet::new("of-bob").refresh_token("refresh-bob").expires_in(LIFE);
    assert_pending!(task::spawn(fixture.session.login(bob)).poll());
    assert_eq!(our_failure(alice.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
}

/// The request waits for a moment, because an answer was lost; then there is a logout here and a
/// login elsewhere, which a reload is about to find.
#[test]
fn a_request_that_waits_for_a_second_attempt_is_not_sent_as_a_user_whom_a_reload_finds() {
    let model = ModelStore::new();
    let store = MockStore::before(model.another_process());
    let mut fixture = over(&store);
    fixture.time.advance(LIFE);
    fixture.grant.push(Step::Fail(GrantError::ambiguous("connection reset")));
    let mut alice = fixture.call(request(Method::POST, ME, "for alice"));
    assert_pending!(alice.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1);
    fixture.time.run(fixture.session.logout()).unwrap();
    let builder = Session::builder(MockGrant::new()).store(model.another_process());
    let there = builder.time(fixture.time.clone()).build().unwrap();
    let bob = TokenSet::new("of-bob").refresh_token("refresh-bob").expires_in(LIFE * 10);
    fixture.time.run(there.login(bob)).unwrap();
    store.gate(OpKind::Load).close();
    let mut reload = task::spawn(fixture.session.reload());
    assert_pending!(reload.poll());
    fixture.time.advance(secs(70));
    assert_eq!(our_failure(alice.poll_until_idle()), ErrorKind::SessionChanged);
    store.gate(OpKind::Load).open();
    assert!(reload.poll_until_idle().is_ready());
    drop(reload);
    fixture.nothing_received();
}
