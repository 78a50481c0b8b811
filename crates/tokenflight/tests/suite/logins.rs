//! Log-ins and log-outs in the middle of everything.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{
    BoxFuture, Epoch, Error, ErrorKind, Generation, Grant, GrantError, GrantKey, Record, RecordState, RefreshToken,
    Store, Token, TokenRequest, TokenSet,
};
use tokenflight_core::lease::{Claim, Commit, End, Lease, Owner, Reset, Settle, StoreError, Write};
use tokenflight_test::{
    AuthServer, ModelStore,
    auth::{AuthGrant, Death},
    mock::OpKind,
};

use super::{
    bed::{Bed, Handle, lock},
    world::{LIFE, World, key, secs},
};

fn server(bed: &Bed, latency: u64) -> AuthServer {
    AuthServer::builder(bed.time.shared()).access_lifetime(LIFE).latency(secs(latency)..=secs(latency)).build()
}

/// A session logged in at the server, its token expired, a flight on its way since `before`.
async fn flying(
    bed: &Bed,
    auth: &AuthServer,
    grant: impl Grant,
    before: Duration,
) -> (World, Handle<Result<Token, Error>>) {
    let world = World::new(bed, grant);
    world.log_in_with(auth.login_as("old")).await;
    bed.pass(LIFE).await;
    let caller = world.caller();
    bed.pass(before).await;
    assert_eq!(auth.report().total.token_requests, 1);
    (world, caller)
}

fn killed(auth: &AuthServer, label: &str) -> Option<Death> {
    auth.report().family(label).expect("that login exists").killed.map(|killed| killed.why)
}

/// C-19, C-20.
pub(crate) async fn a_logout_discards_what_the_flight_still_brings(bed: Bed) {
    for driven in [false, true] {
        let auth = server(&bed, 10);
        let grant = Revoking { grant: auth.grant(), revoked: Arc::default() };
        let (world, caller) = flying(&bed, &auth, grant.clone(), secs(6)).await;
        let driver = driven.then(|| world.drive());
        assert_eq!(auth.report().total.rotations, 1, "rotated; the answer is on its way");
        world.log_out().await.expect("stored");
        let error = caller.ended().expect_err("nobody gets a token of a session that is over");
        assert!(matches!(error.kind(), ErrorKind::LoggedOut | ErrorKind::SessionChanged), "{error:?}");
        bed.pass(secs(30)).await;

        assert_eq!(*world.token().await.expect_err("logged out").kind(), ErrorKind::LoggedOut);
        assert!(matches!(world.record().state, RecordState::LoggedOut), "nor is anything stored");
        assert_eq!(world.store.count(OpKind::Commit), 1, "the flight did try");
        assert_eq!(killed(&auth, "old"), Some(Death::Revoked), "what nobody wants was given back");
        let revoked = lock(&grant.revoked).clone();
        let [newest] = revoked.as_slice() else { panic!("one is enough: {} were revoked", revoked.len()) };
        assert!(newest.starts_with("rt-1-1-"), "the newest, not the one that was presented for it");
        auth.assert_unharmed();
        drop(driver);
    }
}

/// C-21.
pub(crate) async fn a_logout_waits_five_seconds_for_a_flight_and_no_longer(bed: Bed) {
    let auth = server(&bed, 40);
    let (world, _caller) = flying(&bed, &auth, auth.grant(), secs(2)).await;
    let _driver = world.drive();
    let start = bed.boot();
    world.log_out().await.expect("stored");
    assert_eq!(bed.boot() - start, secs(5));
    assert_eq!(killed(&auth, "old"), Some(Death::Revoked), "the one that was presented");
    bed.pass(secs(60)).await;
    assert!(matches!(world.record().state, RecordState::LoggedOut));
    assert_eq!(auth.report().total.rotations, 0);
}

/// C-22.
pub(crate) async fn a_login_during_a_flight_keeps_the_new_tokens(bed: Bed) {
    for driven in [false, true] {
        let auth = server(&bed, 10);
        let (world, caller) = flying(&bed, &auth, auth.grant(), secs(6)).await;
        let driver = driven.then(|| world.drive());
        let new = auth.login_as("new");
        let (access, refresh) = (new.access().expose().to_owned(), new.refresh().expect("one").expose().to_owned());
        world.log_in_with(new).await;
        assert_eq!(*caller.ended().expect_err("that login is gone").kind(), ErrorKind::SessionChanged);
        bed.pass(secs(30)).await;

        assert_eq!((world.access().await, world.stored_refresh()), (access, refresh));
        assert_eq!(world.record().epoch, world.session.state().epoch);
        assert_eq!(killed(&auth, "old"), None, "no revocation: the two may be one grant to the server (R-160)");
        auth.assert_unharmed();
        drop(driver);
    }
}

/// A driver takes over what a login leaves behind, also a flight that it has not seen yet.
pub(crate) async fn a_flight_of_an_old_login_is_taken_to_its_end(bed: Bed) {
    let auth = server(&bed, 10);
    let world = World::new(&bed, auth.grant());
    world.log_in_with(auth.login_as("old")).await;
    bed.pass(LIFE).await;
    // The flight and the login happen before the driver has had a turn.
    let (session, set) = (world.session.clone(), auth.login_as("new"));
    let mut caller = Box::pin(session.token());
    let mut driver = Box::pin(session.driver());
    assert!((&mut driver).now_or_never().is_none() && (&mut caller).now_or_never().is_none());
    assert_eq!(auth.report().total.token_requests, 1);
    let stored = session.login(set).now_or_never();
    drop(caller);
    let _driver = bed.spawn(driver);
    bed.pass(secs(30)).await;
    assert_eq!((auth.report().total.rotations, auth.report().total.answers_lost), (1, 0));
    assert!(stored.is_none_or(|stored| stored.is_ok()));
    assert_eq!(auth.label_of(&world.access().await).as_deref(), Some("new"));
}

/// C-23: logged in again is not the same as never logged out.
pub(crate) async fn a_flight_of_an_old_login_cannot_change_the_new_one(bed: Bed) {
    let auth = server(&bed, 10);
    let (world, _caller) = flying(&bed, &auth, auth.grant(), secs(6)).await;
    let _driver = world.drive();
    let session = world.session.clone();
    let logout = bed.spawn(async move { session.logout().await });
    bed.quiet().await;
    let new = auth.login_as("new");
    let access = new.access().expose().to_owned();
    world.log_in_with(new).await;
    bed.pass(secs(30)).await;
    logout.ended().expect("stored");
    assert_eq!(world.access().await, access);
    assert_eq!(world.session.state().epoch, Epoch::new(3));
    assert_eq!(auth.label_of(&world.stored_refresh()).as_deref(), Some("new"));
    assert_eq!(killed(&auth, "new"), None);
    auth.assert_unharmed();
}

/// C-19, C-22 where the store cannot help: the flight's rotation is stored, and then it lands after a login or logout that is
/// not. Memory must know by itself.
pub(crate) async fn a_rotation_stored_before_the_new_epoch_is_not_published_in_it(bed: Bed) {
    for logs_in_again in [false, true] {
        let auth = server(&bed, 0);
        let world = World::new(&bed, auth.grant());
        world.log_in_with(auth.login_as("old")).await;
        let _driver = world.drive();
        bed.pass(secs(60)).await;
        let (commit, reset) = (world.store.gate(OpKind::Commit), world.store.gate(OpKind::Reset));
        commit.close();
        reset.close();
        let session = world.session.clone();
        let caller = bed.spawn(async move { session.refresh().await });
        bed.quiet().await;
        assert_eq!((commit.parked(), auth.report().total.rotations), (1, 1));

        let (session, set) = (world.session.clone(), auth.login_as("new"));
        let change =
            bed.spawn(async move { if logs_in_again { session.login(set).await } else { session.logout().await } });
        bed.quiet().await;
        commit.open();
        bed.quiet().await;
        caller.ended().expect_err("that login is over");
        match world.session.token().now_or_never().expect("nothing to wait for") {
            Ok(token) => assert_eq!(auth.label_of(token.access().expose()).as_deref(), Some("new")),
            Err(error) => assert_eq!((error.kind(), logs_in_again), (&ErrorKind::LoggedOut, false)),
        }
        reset.open();
        bed.pass(secs(10)).await;
        change.ended().expect("stored");
        let label = world.record().tokens().and_then(|tokens| auth.label_of(tokens.access.expose()));
        assert_eq!(label.as_deref(), logs_in_again.then_some("new"));
        assert_eq!(killed(&auth, "old").is_some(), !logs_in_again, "what a logout makes unwanted is given back");
    }
}

/// C-24.
pub(crate) async fn nobody_waits_across_a_login(bed: Bed) {
    let auth = server(&bed, 10);
    let (world, _caller) = flying(&bed, &auth, auth.grant(), secs(1)).await;
    let session = world.session.clone();
    let refused = bed.spawn(async move { session.newer_than(session.state().generation).await });
    let forced = bed.spawn({
        let session = world.session.clone();
        async move { session.refresh().await }
    });
    bed.quiet().await;
    world.log_in_with(auth.login_as("new")).await;
    for waiter in [refused, forced] {
        let error = waiter.ended().expect_err("a request of the old login must not go on with the new one's token");
        assert_eq!(*error.kind(), ErrorKind::SessionChanged);
    }
}

/// I-06 against a store that is slow once: writes of one session arrive in the order in which they were made.
pub(crate) async fn a_login_that_is_still_being_stored_cannot_overtake_a_logout(bed: Bed) {
    for driven in [false, true] {
        let auth = server(&bed, 0);
        let slow = SlowReset::default();
        let world = World::with(&bed, auth.grant(), |builder| builder.store(slow.clone()));
        let driver = driven.then(|| world.drive());
        let login = bed.spawn({
            let (session, set) = (world.session.clone(), auth.login());
            async move { session.login(set).await }
        });
        bed.quiet().await;
        let logout = bed.spawn({
            let session = world.session.clone();
            async move { session.logout().await }
        });
        bed.pass(secs(1)).await;
        slow.arrive();
        bed.pass(secs(30)).await;
        let _ = login.ended();
        logout.ended().expect("stored");
        let record = slow.model.record(&key()).expect("something is stored");
        assert!(matches!(record.state, RecordState::LoggedOut), "with a driver: {driven}; {record:?}");
        drop(driver);
    }
}

pub(crate) async fn a_login_that_is_still_being_stored_cannot_overtake_the_next_login(bed: Bed) {
    for driven in [false, true] {
        let auth = server(&bed, 0);
        let slow = SlowReset::default();
        let world = World::with(&bed, auth.grant(), |builder| builder.store(slow.clone()));
        let driver = driven.then(|| world.drive());
        let login = |label| {
            let (session, set) = (world.session.clone(), auth.login_as(label));
            bed.spawn(async move { session.login(set).await })
        };
        let _old = login("old");
        bed.quiet().await;
        let new = login("new");
        bed.pass(secs(1)).await;
        slow.arrive();
        bed.pass(secs(30)).await;
        new.ended().expect("stored");
        let record = slow.model.record(&key()).expect("something is stored");
        let refresh = record.tokens().and_then(|tokens| tokens.refresh.clone()).expect("logged in");
        assert_eq!(auth.label_of(refresh.expose()).as_deref(), Some("new"), "with a driver: {driven}");
        assert_eq!(auth.label_of(&world.access().await).as_deref(), Some("new"));
        drop(driver);
    }
}

/// A grant that notes what it was asked to revoke.
#[derive(Clone)]
struct Revoking {
    grant: AuthGrant,
    revoked: Arc<Mutex<Vec<String>>>,
}

impl Grant for Revoking {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.grant.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        lock(&self.revoked).push(token.expose().to_owned());
        self.grant.revoke(token)
    }
}

/// A store whose first reset is under way until the test lets it arrive, and takes effect then, whether or not somebody
/// still waits for it: what a database does with a statement that is on its way.
#[derive(Clone, Default)]
struct SlowReset {
    model: ModelStore,
    late: Arc<Mutex<Late>>,
}

#[derive(Default)]
struct Late {
    begun: bool,
    under_way: Option<(GrantKey, Reset)>,
    answer: Option<(Epoch, Generation)>,
    waker: Option<Waker>,
}

impl SlowReset {
    fn arrive(&self) {
        let mut late = lock(&self.late);
        if let Some((key, reset)) = late.under_way.take() {
            late.answer = self.model.reset(&key, reset).now_or_never().and_then(Result::ok);
        }
        let waker = late.waker.take();
        drop(late);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Store for SlowReset {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.model.load(key)
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.model.lease(key, claim)
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.model.intend(key, owner)
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.model.commit(key, commit)
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.model.end(key, end)
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        self.model.settle(key, owner, outcome)
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        let mut late = lock(&self.late);
        if std::mem::replace(&mut late.begun, true) {
            return self.model.reset(key, reset);
        }
        late.under_way = Some((key.clone(), reset));
        drop(late);
        Box::pin(poll_fn(move |cx| {
            let mut late = lock(&self.late);
            late.waker = Some(cx.waker().clone());
            late.answer.map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
        }))
    }
}
