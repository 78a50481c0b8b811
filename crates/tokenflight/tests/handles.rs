//! Handles and drivers come and go: nothing is lost, nothing is done twice, nothing stays behind (R-433, hazard 4 of
//! `flight/mod.rs`).
//!
//! Everything is polled by hand here: what nobody polls stands still.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{
    BearerLayer, BoxFuture, Driver, ErrorKind, Grant, GrantError, GrantKey, Origins, RefreshToken, Session, Token,
    TokenRequest, TokenSet,
};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Trouble},
};

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(300);

/// A logged-in session in its world.
struct Bed {
    world: World,
    session: Session,
}

/// What a session touches, and what is left when its last handle is gone.
struct World {
    time: ManualTime,
    grant: MockGrant,
    store: MockStore,
    /// Behind `store`.
    model: ModelStore,
    /// How many grants live; the session owns the only one.
    grants: Arc<AtomicUsize>,
}

/// A grant that is counted.
struct Counted(MockGrant, Arc<AtomicUsize>);

impl Grant for Counted {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.0.revoke(token)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bed {
    fn new() -> Self {
        let (time, grant, model) = (ManualTime::new(5), MockGrant::new(), ModelStore::new());
        let (store, grants) = (MockStore::before(model.clone()), Arc::new(AtomicUsize::new(1)));
        let counted = Counted(grant.clone(), Arc::clone(&grants));
        let session = Session::builder(counted).store(store.clone()).time(time.clone()).build().unwrap();
        let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(LIFETIME);
        time.run(session.login(login)).unwrap();
        Self { world: World { time, grant, store, model, grants }, session }
    }

    /// A token request is under way, and whoever started it has gone.
    fn fly(&self) {
        self.grant.gate().close();
        assert!(self.session.refresh().now_or_never().is_none());
        assert_eq!((self.grant.count(), self.session.state().refreshing), (1, true));
    }

    fn token(&self) -> String {
        access(&self.session.token().now_or_never().expect("a token at once").unwrap())
    }

    /// Drops the last handle.
    fn leave(self) -> World {
        self.world
    }
}

impl std::ops::Deref for Bed {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl World {
    /// The refresh token in the store; none after a logout.
    fn stored(&self) -> Option<String> {
        let record = self.model.record(&GrantKey::new("default")).unwrap();
        record.tokens().map(|tokens| tokens.refresh.clone().unwrap().expose().to_owned())
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.grants.load(Ordering::SeqCst), 0, "the session leaked");
        assert_eq!(self.time.pending_sleeps(), 0, "a timer leaked");
    }
}

fn access(token: &Token) -> String {
    token.access().expose().to_owned()
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

fn goes_on(driver: &mut Driver) {
    assert!(poll(driver).is_pending(), "the driver has ended");
}

fn ends(mut driver: Driver) {
    assert!(poll(&mut driver).is_ready(), "the driver goes on");
}

#[test]
fn a_driver_that_is_never_polled_takes_nothing_over() {
    let bed = Bed::new();
    let driver = bed.session.driver();
    assert_eq!(bed.token(), "access-0");
    bed.time.advance(LIFETIME);
    assert_eq!(bed.token(), "access-1");
    drop(driver);
    bed.time.advance(LIFETIME);
    assert_eq!(bed.token(), "access-2");
}

/// With a driver the layer relies on it to withdraw a token that expires; this one does not.
#[test]
fn a_driver_that_is_never_polled_does_not_make_the_layer_send_spent_tokens() {
    let bed = Bed::new();
    let _driver = bed.session.driver();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sent = Arc::clone(&seen);
    let client = tower::service_fn(move |request: http::Request<String>| {
        sent.lock().unwrap().push(request.headers()["authorization"].to_str().unwrap().to_owned());
        async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
    });
    let layer = BearerLayer::new(bed.session.clone(), Origins::new(["https://api.example"]).unwrap());
    let mut client = tower::Layer::layer(&layer, client);
    for _ in 0..2 {
        let request = http::Request::get("https://api.example/").body(String::new()).unwrap();
        let answer = tower::Service::call(&mut client, request).now_or_never().expect("an answer at once");
        assert_eq!(answer.unwrap().status(), 200);
        bed.time.advance(LIFETIME);
    }
    assert_eq!(*seen.lock().unwrap(), ["Bearer access-0", "Bearer access-1"]);
}

#[test]
fn a_flight_survives_its_driver_and_is_finished_by_the_next_caller() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    bed.grant.gate().close();
    bed.time.advance(LIFETIME);
    goes_on(&mut driver);
    assert_eq!(bed.grant.count(), 1);
    drop(driver);
    assert!(bed.session.state().refreshing);
    bed.grant.gate().open();
    assert_eq!(bed.token(), "access-1");
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_flight_whose_waiters_are_gone_is_finished_by_the_driver() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    bed.grant.gate().open();
    goes_on(&mut driver);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
    assert_eq!(bed.token(), "access-1");
}

#[test]
fn a_flight_whose_waiters_are_gone_is_taken_over_by_a_driver_that_comes_later() {
    let bed = Bed::new();
    bed.fly();
    bed.grant.gate().open();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_rotation_outlives_the_last_handle_and_then_the_driver_ends() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    let left = bed.leave();
    goes_on(&mut driver);
    left.grant.gate().open();
    ends(driver);
    assert_eq!((left.grant.count(), left.stored().as_deref()), (1, Some("refresh-1")));
    left.assert_nothing_is_left();
}

#[test]
fn a_rotation_that_cannot_be_stored_at_once_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    let left = bed.leave();
    (0..3).for_each(|_| left.store.push(OpKind::Commit, Trouble::Fail));
    left.grant.gate().open();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn what_waits_to_be_stored_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    // The rotation cannot be stored, and then nobody is left.
    (0..3).for_each(|_| bed.store.push(OpKind::Commit, Trouble::Fail));
    assert!(bed.session.refresh().now_or_never().unwrap().is_ok());
    assert!(bed.session.state().unsaved);
    let left = bed.leave();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn a_logout_that_was_cut_off_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.store.gate(OpKind::Reset).close();
    assert!(bed.session.logout().now_or_never().is_none());
    let left = bed.leave();
    goes_on(&mut driver);
    left.store.gate(OpKind::Reset).open();
    ends(driver);
    assert_eq!(left.stored(), None, "a logout was forgotten");
    left.assert_nothing_is_left();
}

#[test]
fn a_store_that_never_recovers_does_not_keep_the_driver_for_ever() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.store.set_down(true);
    assert!(bed.session.logout().now_or_never().is_some());
    let left = bed.leave();
    left.time.run(driver);
    left.assert_nothing_is_left();
}

#[test]
fn an_idle_driver_ends_with_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    let other = bed.session.clone();
    goes_on(&mut driver);
    let left = bed.leave();
    goes_on(&mut driver);
    drop(other);
    ends(driver);
    left.assert_nothing_is_left();
}

#[test]
fn a_driver_of_two_sessions_ends_with_the_second() {
    let (one, other) = (Bed::new(), Bed::new());
    let mut driver = one.session.driver().with(&other.session);
    goes_on(&mut driver);
    let one = one.leave();
    goes_on(&mut driver);
    assert_eq!(one.grants.load(Ordering::SeqCst), 0);
    let other = other.leave();
    ends(driver);
    other.assert_nothing_is_left();
}

#[test]
fn a_session_that_is_dropped_leaves_nothing_behind() {
    // Idle.
    Bed::new().leave().assert_nothing_is_left();
    // In the middle of a token request, with nobody to finish it.
    let bed = Bed::new();
    bed.fly();
    bed.leave().assert_nothing_is_left();
    // In the middle of reading or writing the store.
    for kind in [OpKind::Lease, OpKind::Intend, OpKind::Commit] {
        let bed = Bed::new();
        bed.store.gate(kind).close();
        assert!(bed.session.refresh().now_or_never().is_none());
        bed.leave().assert_nothing_is_left();
    }
    // In the middle of storing a login.
    let bed = Bed::new();
    bed.store.gate(OpKind::Reset).close();
    assert!(bed.session.login(TokenSet::new("access-9").refresh_token("refresh-9")).now_or_never().is_none());
    bed.leave().assert_nothing_is_left();
}

#[test]
fn a_waiter_keeps_its_session_and_a_driver_does_not() {
    let bed = Bed::new();
    let driver = bed.session.driver();
    bed.grant.gate().close();
    let session = bed.session.clone();
    let mut waiter = Box::pin(async move { session.refresh().await });
    assert!(poll(&mut waiter).is_pending());
    let left = bed.leave();
    left.grant.gate().open();
    let Poll::Ready(token) = poll(&mut waiter) else { panic!("no answer") };
    assert_eq!(access(&token.unwrap()), "access-1");
    drop(waiter);
    ends(driver);
    left.assert_nothing_is_left();
}

#[test]
fn a_second_driver_replaces_the_first() {
    let bed = Bed::new();
    let mut first = bed.session.driver();
    goes_on(&mut first);
    bed.fly();
    goes_on(&mut first);
    let mut second = bed.session.driver();
    goes_on(&mut second);
    // It has begun to move a flight and does not leave it half-way.
    goes_on(&mut first);
    bed.grant.gate().open();
    goes_on(&mut second);
    ends(first);
    assert_eq!(bed.grant.count(), 1);
    // So much at once looks like a suspend, after which a driver takes a few seconds.
    bed.time.advance(LIFETIME);
    goes_on(&mut second);
    bed.time.advance(5 * SECOND);
    goes_on(&mut second);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (2, Some("refresh-2")));
}

#[test]
fn a_driver_that_is_replaced_is_woken_to_notice() {
    let bed = Bed::new();
    let mut first = tokio_test::task::spawn(bed.session.driver());
    assert!(first.poll().is_pending() && !first.is_woken());
    let mut second = bed.session.driver();
    goes_on(&mut second);
    assert!(first.is_woken() && first.poll().is_ready());
}

#[test]
fn a_shutdown_waits_until_the_rotation_is_adopted_and_stored() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    bed.store.push(OpKind::Commit, Trouble::Fail);
    let mut shutdown = Box::pin(bed.session.shutdown(60 * SECOND));
    assert!(poll(&mut shutdown).is_pending());
    bed.grant.gate().open();
    bed.time.run(&mut shutdown).unwrap();
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
    ends(driver);
    // What is there can be used; nothing new begins.
    assert_eq!(bed.token(), "access-1");
    bed.time.advance(LIFETIME);
    let error = bed.session.token().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.kind(), bed.grant.count()), (&ErrorKind::Closed, 1));
}

#[test]
fn a_shutdown_that_takes_too_long_says_so_and_can_be_waited_for_again() {
    let bed = Bed::new();
    bed.fly();
    let began = bed.time.now().boot;
    let error = bed.time.run(bed.session.shutdown(10 * SECOND)).unwrap_err();
    assert_eq!((error.kind(), bed.time.now().boot - began), (&ErrorKind::Closed, 10 * SECOND));
    bed.grant.gate().open();
    bed.time.run(bed.session.shutdown(10 * SECOND)).unwrap();
    assert_eq!(bed.stored().as_deref(), Some("refresh-1"));
}
