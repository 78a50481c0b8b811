//! Log-ins and log-outs in the middle of everything.

use std::future::poll_fn;

use tokenflight::{Epoch, RefreshToken};
use tokenflight_core::store::{Seen, StoreError};
use tokenflight_test::{Verdict, auth::AuthGrant};

use super::fixture::*;

fn server(tasks: &Tasks, latency: u64) -> AuthServer {
    AuthServer::builder(tasks.time().shared()).access_lifetime(LIFE).latency(secs(latency)..=secs(latency)).build()
}

/// A session logged in at the server, its token expired, a flight on its way since `before`.
async fn flying(
    tasks: &Tasks,
    auth: &AuthServer,
    grant: impl Grant,
    before: Duration,
) -> (Fixture, Task<Result<Token, Error>>) {
    let fixture = Fixture::new(tasks, grant);
    fixture.log_in_with(auth.login_as("old")).await;
    tasks.pass(LIFE).await;
    let caller = fixture.caller();
    tasks.pass(before).await;
    assert_eq!(auth.report().total.token_requests, 1);
    (fixture, caller)
}

/// Whether the server ended the old login, and not for a reuse.
fn is_revoked(auth: &AuthServer) -> bool {
    auth.assert_unharmed();
    !auth.report().is_alive("old")
}

pub(crate) async fn a_login_with_a_refresh_token_alone_has_its_first_token_obtained(tasks: Tasks) {
    for driven in [false, true] {
        let auth = server(&tasks, 1);
        let fixture = Fixture::new(&tasks, auth.grant());
        let refresh = auth.login().refresh().expect("it has one").expose().to_owned();
        fixture.log_in_with(TokenSet::from_refresh_token(refresh)).await;
        let _driver = driven.then(|| fixture.drive());
        tasks.pass(secs(2)).await;
        assert_eq!(matches!(fixture.session.state().status, Status::Usable), driven);
        let access = fixture.access().await;
        assert_eq!(auth.check(&access), Verdict::Valid);
        assert_eq!(auth.report().total.rotations, 1);
    }
}

pub(crate) async fn a_logout_discards_what_the_flight_still_brings(tasks: Tasks) {
    for driven in [false, true] {
        let auth = server(&tasks, 10);
        let grant = Revoking { grant: auth.grant(), revoked: Arc::default() };
        let (fixture, caller) = flying(&tasks, &auth, grant.clone(), secs(6)).await;
        let driver = driven.then(|| fixture.drive());
        assert_eq!(auth.report().total.rotations, 1, "rotated; the answer is on its way");
        fixture.log_out().await.expect("stored");
        let error = caller.ended().expect_err("no caller gets a token of a session that is over");
        assert!(matches!(error.kind(), ErrorKind::LoggedOut | ErrorKind::SessionChanged), "{error:?}");
        tasks.pass(secs(30)).await;

        assert_eq!(*fixture.token().await.expect_err("logged out").kind(), ErrorKind::LoggedOut);
        assert!(matches!(fixture.entry().state, EntryState::LoggedOut), "nor is anything stored");
        assert_eq!(fixture.store.count(OpKind::Commit), 1, "the flight did try");
        assert!(is_revoked(&auth), "what is of no use was given back");
        let revoked = lock(&grant.revoked).clone();
        assert!(
            revoked[0].starts_with("rt-1-1-"),
            "the newest first, not the one that was presented for it: {revoked:?}"
        );
        auth.assert_unharmed();
        drop(driver);
    }
}

pub(crate) async fn a_logout_waits_five_seconds_for_a_flight_and_no_longer(tasks: Tasks) {
    let auth = server(&tasks, 40);
    let (fixture, _caller) = flying(&tasks, &auth, auth.grant(), secs(2)).await;
    let _driver = fixture.drive();
    let start = tasks.time().now().boot;
    fixture.log_out().await.expect("stored");
    assert_eq!(tasks.time().now().boot - start, secs(5));
    assert!(is_revoked(&auth), "the one that was presented");
    tasks.pass(secs(60)).await;
    assert!(matches!(fixture.entry().state, EntryState::LoggedOut));
    assert_eq!(auth.report().total.rotations, 0);
}

pub(crate) async fn a_login_during_a_flight_keeps_the_new_tokens(tasks: Tasks) {
    for driven in [false, true] {
        let auth = server(&tasks, 10);
        let (fixture, caller) = flying(&tasks, &auth, auth.grant(), secs(6)).await;
        let driver = driven.then(|| fixture.drive());
        let new = auth.login_as("new");
        let (access, refresh) = (new.access().expose().to_owned(), new.refresh().expect("one").expose().to_owned());
        fixture.log_in_with(new).await;
        assert_eq!(*caller.ended().expect_err("that login is gone").kind(), ErrorKind::SessionChanged);
        tasks.pass(secs(30)).await;

        assert_eq!((fixture.access().await, fixture.stored_refresh()), (access, refresh));
        assert_eq!(fixture.entry().epoch, Epoch::new(2));
        assert!(!is_revoked(&auth), "no revocation: the two may be one grant to the server");
        auth.assert_unharmed();
        drop(driver);
    }
}

/// A driver takes over what a login leaves behind, also a flight that it has not seen yet.
pub(crate) async fn a_flight_of_an_old_login_is_taken_to_its_end(tasks: Tasks) {
    let auth = server(&tasks, 10);
    let fixture = Fixture::new(&tasks, auth.grant());
    fixture.log_in_with(auth.login_as("old")).await;
    let (session, set) = (fixture.session.clone(), auth.login_as("new"));
    let mut driver = Box::pin(session.driver());
    assert!((&mut driver).now_or_never().is_none());
    // The flight and the login happen before the driver has another turn.
    tasks.time().advance(LIFE);
    let mut caller = Box::pin(session.token());
    assert!((&mut caller).now_or_never().is_none());
    assert_eq!(auth.report().total.token_requests, 1);
    let stored = session.login(set).now_or_never();
    drop(caller);
    let _driver = tasks.spawn(driver);
    tasks.pass(secs(30)).await;
    assert_eq!((auth.report().total.rotations, auth.report().total.answers_lost), (1, 0));
    assert!(stored.is_none_or(|stored| stored.is_ok()));
    assert_eq!(auth.label_of(&fixture.access().await).as_deref(), Some("new"));
}

/// Logged in again is not the same as never logged out.
pub(crate) async fn a_flight_of_an_old_login_cannot_change_the_new_one(tasks: Tasks) {
    let auth = server(&tasks, 10);
    let (fixture, _caller) = flying(&tasks, &auth, auth.grant(), secs(6)).await;
    let _driver = fixture.drive();
    let session = fixture.session.clone();
    let logout = tasks.spawn(async move { session.logout().await });
    tasks.quiet().await;
    let new = auth.login_as("new");
    let access = new.access().expose().to_owned();
    fixture.log_in_with(new).await;
    tasks.pass(secs(30)).await;
    logout.ended().expect("stored");
    assert_eq!(fixture.access().await, access);
    assert_eq!(fixture.entry().epoch, Epoch::new(3));
    assert_eq!(auth.label_of(&fixture.stored_refresh()).as_deref(), Some("new"));
    assert!(auth.report().is_alive("new"));
    auth.assert_unharmed();
}

/// Where the store cannot help: the flight's rotation is stored, and then it finishes after a login
/// or logout that is not. Memory must know by itself.
pub(crate) async fn a_rotation_stored_before_the_new_epoch_is_not_published_in_it(tasks: Tasks) {
    for logs_in_again in [false, true] {
        let auth = server(&tasks, 0);
        let fixture = Fixture::new(&tasks, auth.grant());
        fixture.log_in_with(auth.login_as("old")).await;
        let _driver = fixture.drive();
        tasks.pass(secs(60)).await;
        let (commit, reset) = (fixture.store.gate(OpKind::Commit), fixture.store.gate(OpKind::Reset));
        commit.close();
        reset.close();
        let session = fixture.session.clone();
        let caller = tasks.spawn(async move { session.refresh().await });
        tasks.quiet().await;
        assert_eq!((commit.parked(), auth.report().total.rotations), (1, 1));

        let (session, set) = (fixture.session.clone(), auth.login_as("new"));
        let change = tasks.spawn(async move {
            match logs_in_again {
                true => session.login(set).await,
                false => session.logout().await.map(drop),
            }
        });
        tasks.quiet().await;
        commit.open();
        tasks.quiet().await;
        caller.ended().expect_err("that login is over");
        match fixture.session.token().now_or_never().expect("nothing to wait for") {
            Ok(token) => assert_eq!(auth.label_of(token.access().expose()).as_deref(), Some("new")),
            Err(error) => assert_eq!((error.kind(), logs_in_again), (&ErrorKind::LoggedOut, false)),
        }
        reset.open();
        tasks.pass(secs(10)).await;
        change.ended().expect("stored");
        let label = fixture.entry().tokens().and_then(|tokens| auth.label_of(tokens.access.as_ref()?.expose()));
        assert_eq!(label.as_deref(), logs_in_again.then_some("new"));
        assert_eq!(is_revoked(&auth), !logs_in_again, "what a logout makes unwanted is given back");
    }
}

pub(crate) async fn no_caller_waits_across_a_login(tasks: Tasks) {
    let auth = server(&tasks, 10);
    let (fixture, _caller) = flying(&tasks, &auth, auth.grant(), secs(1)).await;
    let session = fixture.session.clone();
    let refused = tasks.spawn(async move { session.newer_than(session.state().generation).await });
    let forced = tasks.spawn({
        let session = fixture.session.clone();
        async move { session.refresh().await }
    });
    tasks.quiet().await;
    fixture.log_in_with(auth.login_as("new")).await;
    for waiter in [refused, forced] {
        let error = waiter.ended().expect_err("a request of the old login must not go on with the new one's token");
        assert_eq!(*error.kind(), ErrorKind::SessionChanged);
    }
}

/// Against a store that is slow once: writes of one session arrive in the order they were made.
pub(crate) async fn a_login_that_is_still_being_stored_cannot_overtake_a_logout(tasks: Tasks) {
    for driven in [false, true] {
        let auth = server(&tasks, 0);
        let slow = SlowReset::default();
        let fixture = Fixture::with(&tasks, auth.grant(), |builder| builder.store(slow.clone()));
        let driver = driven.then(|| fixture.drive());
        let login = tasks.spawn({
            let (session, set) = (fixture.session.clone(), auth.login());
            async move { session.login(set).await }
        });
        tasks.quiet().await;
        let logout = tasks.spawn({
            let session = fixture.session.clone();
            async move { session.logout().await }
        });
        tasks.pass(secs(1)).await;
        slow.arrive();
        tasks.pass(secs(30)).await;
        let _ = login.ended();
        logout.ended().expect("stored");
        let entry = slow.model.entry(&key()).expect("something is stored");
        assert!(matches!(entry.state, EntryState::LoggedOut), "with a driver: {driven}; {entry:?}");
        drop(driver);
    }
}

pub(crate) async fn a_login_that_is_still_being_stored_cannot_overtake_the_next_login(tasks: Tasks) {
    for driven in [false, true] {
        let auth = server(&tasks, 0);
        let slow = SlowReset::default();
        let fixture = Fixture::with(&tasks, auth.grant(), |builder| builder.store(slow.clone()));
        let driver = driven.then(|| fixture.drive());
        let login = |label| {
            let (session, set) = (fixture.session.clone(), auth.login_as(label));
            tasks.spawn(async move { session.login(set).await })
        };
        let _old = login("old");
        tasks.quiet().await;
        let new = login("new");
        tasks.pass(secs(1)).await;
        slow.arrive();
        tasks.pass(secs(30)).await;
        new.ended().expect("stored");
        let entry = slow.model.entry(&key()).expect("something is stored");
        let refresh = entry.tokens().and_then(|tokens| tokens.refresh.clone()).expect("logged in");
        assert_eq!(auth.label_of(refresh.expose()).as_deref(), Some("new"), "with a driver: {driven}");
        assert_eq!(auth.label_of(&fixture.access().await).as_deref(), Some("new"));
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

/// A store whose first reset is under way until the test lets it arrive, and takes effect then,
/// whether or not a caller still waits for it: what a database does with a statement on its way.
#[derive(Clone, Default)]
struct SlowReset {
    model: ModelStore,
    late: Arc<Mutex<Late>>,
}

#[derive(Default)]
struct Late {
    begun: bool,
    under_way: Option<(GrantKey, Op)>,
    answer: Option<Reply>,
    waker: Option<Waker>,
}

impl SlowReset {
    fn arrive(&self) {
        let mut late = lock(&self.late);
        if let Some((key, reset)) = late.under_way.take() {
            late.answer = self.model.apply(&key, reset).now_or_never().and_then(Result::ok);
        }
        let waker = late.waker.take();
        drop(late);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Store for SlowReset {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.model.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let mut late = lock(&self.late);
        if !matches!(op.body, Body::Reset { .. }) || std::mem::replace(&mut late.begun, true) {
            return self.model.apply(key, op);
        }
        late.under_way = Some((key.clone(), op));
        drop(late);
        Box::pin(poll_fn(move |cx| {
            let mut late = lock(&self.late);
            late.waker = Some(cx.waker().clone());
            late.answer.clone().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
        }))
    }
}
