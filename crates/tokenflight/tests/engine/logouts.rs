//! Logouts beside a refresh, a driver or another process: what is presented, what is revoked, and
//! who waits for it.

use tokio::sync::oneshot;

use super::support::*;

/// A store whose claims are granted at once and told of when they are let go.
struct Slow(ModelStore, Mutex<Option<oneshot::Receiver<()>>>);

impl Store for Slow {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.0.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let held = matches!(op.body, Body::Claim { .. }).then(|| self.1.lock().unwrap().take()).flatten();
        Box::pin(async move {
            let reply = self.0.apply(key, op).await;
            if let Some(held) = held {
                let _ = held.await;
            }
            reply
        })
    }
}

/// A logout comes between the claim and the request: there is nothing to obtain a token for.
#[test]
fn nothing_is_presented_for_a_login_that_was_ended_since_the_claim() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let (answer, held) = oneshot::channel();
    let session = expired(&time, grant.clone(), Slow(ModelStore::new(), Mutex::new(Some(held))));
    let mut driver = session.driver();
    let mut token = Box::pin(session.token());
    assert!(poll(&mut token).is_pending());
    let mut logout = Box::pin(session.logout());
    let _ = poll(&mut logout);
    answer.send(()).unwrap();
    drive(&mut driver, &time, 20, SECOND);
    assert!(poll(&mut logout).is_ready() && poll(&mut token).is_ready());
    assert_eq!(grant.count(), 0);
}

/// A grant whose server takes its time to revoke.
struct Leisurely(MockGrant, Mutex<Option<oneshot::Receiver<()>>>);

impl Grant for Leisurely {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        let answer = self.1.lock().unwrap().take();
        Box::pin(async move {
            if let Some(answer) = answer {
                let _ = answer.await;
            }
            Ok(())
        })
    }
}

/// A session whose driver is polled by the listener that hears of the logout, as a driver on
/// another thread may be; and what lets the server answer.
fn driven_by_the_news(time: &ManualTime) -> (Session, Arc<Mutex<Option<Driver>>>, oneshot::Sender<()>) {
    let (answer, held) = oneshot::channel();
    let driver = Arc::new(Mutex::new(None));
    let news = Arc::clone(&driver);
    let session = Session::builder(Leisurely(MockGrant::new(), Mutex::new(Some(held))))
        .store(MemoryStore::new())
        .time(time.clone())
        .on_event(move |event: &Event| {
            if let (Event::LoggedOut { .. }, Some(driver)) = (event, news.lock().unwrap().as_mut()) {
                for _ in 0..4 {
                    let _ = poll(driver);
                }
            }
        })
        .build()
        .unwrap();
    time.run(session.login(set("0"))).unwrap();
    *driver.lock().unwrap() = Some(session.driver());
    let _ = poll(driver.lock().unwrap().as_mut().unwrap());
    (session, driver, answer)
}

/// The driver has stored the logout before its caller looks again: the caller was told that there
/// was nothing to revoke, while the server had not answered yet.
#[test]
fn a_logout_that_the_driver_has_stored_waits_for_its_revocation() {
    let time = ManualTime::new(1);
    let (session, driver, answer) = driven_by_the_news(&time);
    let mut logout = Box::pin(session.logout());
    assert!(poll(&mut logout).is_pending(), "the server has not answered");
    answer.send(()).unwrap();
    let _ = poll(driver.lock().unwrap().as_mut().unwrap());
    let Poll::Ready(Ok(revocation)) = poll(&mut logout) else { panic!("it is over") };
    assert!(matches!(revocation, Revocation::Revoked), "{revocation:?}");
}

/// A logout whose caller has gone: a shutdown waits for the revocation that is still under way.
#[test]
fn a_shutdown_waits_for_a_revocation_that_the_driver_makes() {
    let time = ManualTime::new(1);
    let (session, driver, answer) = driven_by_the_news(&time);
    drop(poll(&mut Box::pin(session.logout())));
    let mut shutdown = Box::pin(session.shutdown(SECOND * 4));
    assert!(poll(&mut shutdown).is_pending(), "the server has not answered");
    answer.send(()).unwrap();
    let _ = poll(driver.lock().unwrap().as_mut().unwrap());
    assert!(matches!(poll(&mut shutdown), Poll::Ready(Ok(()))));
}

/// The user logs out in another process while a refresh is out: what it brings is of a past login.
#[test]
fn what_a_refresh_brings_after_a_logout_elsewhere_is_revoked() {
    let (time, model, revoked) = (ManualTime::new(1), ModelStore::new(), Arc::default());
    let grant = MockGrant::new();
    let session_x = expired(&time, Revoking(grant.clone(), Arc::clone(&revoked)), model.clone());
    grant.gate().close();
    let mut token = Box::pin(session_x.token());
    assert!(poll(&mut token).is_pending());
    time.run(session(time.clone(), MockGrant::new(), model).logout()).unwrap();
    grant.gate().open();
    assert!(time.run(token).is_err());
    assert_eq!(*revoked.lock().unwrap(), ["refresh-1"]);
}

/// A server may end the whole family when a refresh token is revoked that it is just rotating, or
/// keep the successor.
#[test]
fn a_logout_revokes_nothing_before_the_refresh_in_progress_is_over() {
    let (time, revoked) = (ManualTime::new(1), Arc::default());
    let grant = MockGrant::new();
    let session = expired(&time, Revoking(grant.clone(), Arc::clone(&revoked)), ModelStore::new());
    grant.gate().close();
    let mut driver = session.driver();
    let mut token = Box::pin(session.token());
    assert!(poll(&mut token).is_pending());
    let mut logout = Box::pin(session.logout());
    for _ in 0..20 {
        assert!(poll(&mut logout).is_pending());
        let _ = poll(&mut driver);
        time.advance(SECOND / 10);
    }
    assert!(revoked.lock().unwrap().is_empty());
    grant.gate().open();
    drive(&mut driver, &time, 20, SECOND / 10);
    assert!(poll(&mut logout).is_ready());
    assert_eq!(*revoked.lock().unwrap(), ["refresh-1", "refresh-0"]);
}
