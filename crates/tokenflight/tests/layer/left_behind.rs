//! What was left behind while it holds the only permit, and no driver carries it: readiness does.

use std::{convert::Infallible, future::ready, sync::Arc};

use futures_util::FutureExt;
use tokenflight::{
    Audiences, BearerLayer, BoxError, BoxFuture, Grant, GrantError, GrantKey, Origins, Session, Store, TokenRequest,
    TokenSet,
};
use tokenflight_core::store::{Op, Reply, Seen, StoreError};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore,
    mock::{Gate, OpKind},
};
use tokio::sync::Semaphore;
use tokio_test::task;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};

use crate::fixture::{API, BearerBody, LIFE, ME, Req, Response, TestBody, get, ok};

/// The only permit, of requests and of what is behind the session.
fn permit() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

/// Token requests, or the operations of a store, that need a permit.
struct Limited<T>(T, Arc<Semaphore>);

impl Grant for Limited<MockGrant> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let _permit = self.1.acquire().await.unwrap();
            self.0.request(request).await
        })
    }
}

impl Store for Limited<MockStore> {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move {
            let _permit = self.1.acquire().await.unwrap();
            self.0.load(key).await
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let _permit = self.1.acquire().await.unwrap();
            self.0.apply(key, op).await
        })
    }
}

/// A client of this session whose requests need a permit.
fn client(
    session: &Session,
    permits: &Arc<Semaphore>,
) -> impl Service<Req, Response = Response<BearerBody<TestBody>>, Error = BoxError, Future: Send> + use<> {
    let inner = service_fn(|_: Req| ready(Ok::<_, Infallible>(ok())));
    let inner = ConcurrencyLimit::with_semaphore(inner, Arc::clone(permits));
    BearerLayer::new(session.clone(), Origins::new([API]).unwrap()).layer(inner)
}

/// Whether a client of this session becomes ready by nothing but being asked.
fn becomes_ready(session: &Session, permits: &Arc<Semaphore>) -> bool {
    let mut client = client(session, permits);
    task::spawn(std::future::poll_fn(|cx| client.poll_ready(cx))).poll_until_idle().is_ready()
}

/// Begins this and leaves it behind: it holds the permit and has its answer by now.
fn leaves(gate: &Gate, work: impl Future<Output = impl Sized>) {
    gate.close();
    assert!(work.now_or_never().is_none());
    gate.open();
}

fn set(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(LIFE)
}

#[test]
fn a_refresh_that_a_logout_left_behind_does_not_keep_the_only_permit() {
    let (time, grant, permits) = (ManualTime::new(7), MockGrant::new(), permit());
    let limited = Limited(grant.clone(), Arc::clone(&permits));
    let session = Session::builder(limited).time(time.clone()).build().unwrap();
    time.run(session.login(set("alice"))).unwrap();
    grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    // The logout waits for the refresh for a while.
    time.run(session.logout()).unwrap();
    grant.gate().open();
    time.run(session.login(set("bob"))).unwrap();
    assert!(becomes_ready(&session, &permits));
}

#[test]
fn a_refresh_that_another_audience_left_behind_does_not_keep_the_only_permit() {
    let (time, grant, permits) = (ManualTime::new(7), MockGrant::new(), permit());
    let limited = || Limited(grant.clone(), Arc::clone(&permits));
    let builder = Audiences::builder().time(time.clone());
    let audiences = builder.audience("files", limited()).audience("mail", limited()).build().unwrap();
    time.run(audiences.login(set("0"))).unwrap();
    let (files, mail) = (audiences.session("files").unwrap(), audiences.session("mail").unwrap());
    time.run(mail.token()).unwrap();
    leaves(grant.gate(), files.token());
    assert!(becomes_ready(mail, &permits));
}

/// A store behind the same limit as the API: a secret of Kubernetes, an object in S3.
#[test]
fn a_write_that_was_left_behind_does_not_keep_the_only_permit() {
    let (time, store, permits) = (ManualTime::new(7), MockStore::new(), permit());
    let limited = Limited(store.clone(), Arc::clone(&permits));
    let session = Session::builder(MockGrant::new()).store(limited).time(time.clone()).build().unwrap();
    time.run(session.login(set("alice"))).unwrap();
    leaves(&store.gate(OpKind::Reset), session.login(set("bob")));
    assert!(becomes_ready(&session, &permits));
}

/// The driver keeps moving what holds the permit, and goes while a request waits for that.
#[test]
fn a_request_gets_its_permit_although_the_driver_goes() {
    let (time, grant, permits) = (ManualTime::new(7), MockGrant::new(), permit());
    let limited = Limited(grant.clone(), Arc::clone(&permits));
    let session = Session::builder(limited).time(time.clone()).build().unwrap();
    time.run(session.login(set("alice"))).unwrap();
    let mut driver = task::spawn(session.driver());
    assert!(driver.poll_until_idle().is_pending());
    grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    time.run(session.login(set("bob"))).unwrap();
    assert!(driver.poll_until_idle().is_pending());
    let mut call = task::spawn(client(&session, &permits).oneshot(get(ME)));
    assert!(call.poll_until_idle().is_pending());
    drop(driver);
    grant.gate().open();
    assert!(call.is_woken() && call.poll_until_idle().is_ready());
}
