//! Readiness: the inner service's and nothing of ours; the instance that was readied is the one
//! that is called.

use std::{sync::mpsc, thread};

use tokio_test::assert_ready_err;
use tower::timeout::{Timeout, error::Elapsed};

use crate::fixture::*;

#[test]
fn readiness_is_the_inner_services() {
    let mut fixture = Fixture::new();
    fixture.server.allow(0);
    assert_pending!(fixture.client.poll_ready::<Req>());
    fixture.server.allow(1);
    assert!(fixture.client.is_woken());
    assert_ready_ok!(fixture.client.poll_ready::<Req>());
    fixture.server.send_error("broken");
    assert_eq!(assert_ready_err!(fixture.client.poll_ready::<Req>()).to_string(), "broken");
}

/// A missing token is found out in the call, so that other requests are not held up.
#[test]
fn readiness_asks_for_no_token() {
    let mut fixture = Fixture::blank(|builder| builder);
    assert_ready_ok!(fixture.client.poll_ready::<Req>());
    let mut fixture = Fixture::expired();
    assert_ready_ok!(fixture.client.poll_ready::<Req>());
    assert_eq!(fixture.grant.count(), 0);
}

/// Without a driver a caller that waits moves what was left behind. When that has ended, it waits
/// for its service alone.
#[test]
fn what_has_ended_keeps_no_caller_busy_that_waits_for_readiness() {
    let (tell, told) = mpsc::channel();
    #[allow(clippy::disallowed_methods)] // A watchdog.
    thread::spawn(move || {
        let mut fixture = Fixture::new();
        fixture.grant.gate().close();
        assert_pending!(task::spawn(fixture.session.refresh()).poll());
        assert_pending!(task::spawn(fixture.session.logout()).poll());
        fixture.log_in("other-user", LIFE);
        fixture.grant.gate().open();
        fixture.server.allow(0);
        for _ in 0..10 {
            assert_pending!(fixture.client.poll_ready::<Req>());
            fixture.time.advance(secs(1));
        }
        tell.send(fixture.grant.count()).unwrap();
    });
    assert_eq!(told.recv_timeout(secs(5)), Ok(1));
}

/// A service with numbered clones, which cannot be called unless this very clone was ready.
struct Numbered {
    number: usize,
    ready: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    clones: AtomicUsize,
    /// What was done: readied or called, and who.
    log: Mutex<Vec<(&'static str, usize)>>,
    refusals: AtomicUsize,
}

impl Clone for Numbered {
    fn clone(&self) -> Self {
        let number = self.shared.clones.fetch_add(1, SeqCst) + 1;
        Self { number, ready: false, shared: Arc::clone(&self.shared) }
    }
}

impl Service<Req> for Numbered {
    type Response = Response<TestBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<TestBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        self.shared.log.lock().unwrap().push(("ready", self.number));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "clone {} was not ready", self.number);
        self.shared.log.lock().unwrap().push(("call", self.number));
        let refuse = self.shared.refusals.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let status = if refuse { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        ready(Ok(Response::builder().status(status).body(TestBody::new()).unwrap()))
    }
}

#[test]
fn the_readied_instance_is_called_and_a_replay_readies_one_of_its_own() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    now(session.login(TokenSet::new("access-0").refresh_token("r").expires_in(LIFE))).unwrap();
    let shared = Arc::new(Shared::default());
    let inner = Numbered { number: 0, ready: false, shared: Arc::clone(&shared) };
    let mut client = BearerLayer::new(session, Origins::new([API]).unwrap()).layer(inner);
    let mut send = |refusals: usize, time_passed| {
        time.advance(secs(time_passed));
        shared.refusals.store(refusals, SeqCst);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Service::<Req>::poll_ready(&mut client, &mut cx).is_ready());
        let answer = now(client.call(get(ME))).unwrap();
        (answer.status(), std::mem::take(&mut *shared.log.lock().unwrap()))
    };
    assert_eq!(send(0, 0).1, [("ready", 0), ("call", 0)], "with a token: the one that was readied");
    let (status, log) = send(1, 60);
    assert_eq!(status, StatusCode::OK);
    let [("ready", 0), ("call", 0), ("ready", own), ("call", again)] = log[..] else { panic!("{log:?}") };
    assert_eq!(own, again, "a replay: a clone, readied and then called");
    assert_ne!(own, 0);
    let (status, log) = send(0, 300);
    assert_eq!(status, StatusCode::OK);
    let [("ready", 0), ("ready", own), ("call", again)] = log[..] else { panic!("{log:?}") };
    assert_eq!(own, again, "after a wait: a clone, because the readied one was given back");
    let (_, log) = send(0, 0);
    let [("ready", kept), ("call", called)] = log[..] else { panic!("{log:?}") };
    assert_eq!(kept, called);
    assert_ne!(kept, 0, "the client goes on with a fresh instance");
    assert_eq!(grant.count(), 2);
}

#[test]
fn an_error_of_readiness_before_the_replay_is_passed_on_as_it_is() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    fixture.server.send_error("broken");
    assert_eq!(failure(call.poll_until_idle()).to_string(), "broken");
    assert_eq!(fixture.grant.count(), 1);
    fixture.succeeds_with("access-1");
}

#[test]
fn an_error_of_readiness_after_a_wait_is_passed_on_as_it_is() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.call(get(ME));
    fixture.server.send_error("broken");
    assert_eq!(failure(call.poll_until_idle()).to_string(), "broken");
    fixture.nothing_received();
}

/// Who stops waiting leaves nothing behind.
#[test]
fn a_replay_for_which_the_inner_service_is_never_ready_can_be_dropped() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    fixture.server.allow(0);
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1, "the refresh is done by now");
    drop(call);
    assert_eq!(fixture.time.pending_sleeps(), 0);
    fixture.server.allow(9);
    fixture.succeeds_with("access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// With the caller's deadline around everything.
#[test]
fn a_timeout_around_the_layer_covers_the_replays_wait_for_readiness() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut fixture = Fixture::new();
        let mut client = Timeout::new(fixture.client.clone().into_inner(), secs(30));
        assert!(futures_util::future::poll_fn(|cx| client.poll_ready(cx)).await.is_ok());
        let mut call = task::spawn(client.call(get(ME)));
        assert_pending!(call.poll());
        fixture.received().1.send_response(unauthorized());
        fixture.server.allow(0);
        assert_pending!(call.poll());
        let error = call.await.unwrap_err();
        assert!(error.is::<Elapsed>(), "{error:?}");
        fixture.server.allow(9);
        fixture.succeeds_with("access-1");
    });
}

/// As the one above, for a token that never comes.
#[test]
fn a_timeout_around_the_layer_covers_the_wait_for_a_token() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut fixture = Fixture::expired();
        fixture.grant.gate().close();
        let mut client = Timeout::new(fixture.client.clone().into_inner(), secs(30));
        assert!(futures_util::future::poll_fn(|cx| client.poll_ready(cx)).await.is_ok());
        assert!(client.call(get(ME)).await.unwrap_err().is::<Elapsed>());
        fixture.grant.gate().open();
        fixture.gets_through_with("access-1");
        assert_eq!(fixture.grant.count(), 1, "the same refresh, gone on with");
    });
}

/// The layer may be called through its clone and `get_mut`, yet never calls what is not ready.
#[test]
fn a_request_that_is_not_ours_uses_the_readied_instance_too() {
    let mut fixture = Fixture::new();
    fixture.server.allow(1);
    let mut own = Request::get(ME).body(Full::default()).unwrap();
    own.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic x"));
    let _call = fixture.call(own);
    drop(fixture.received());
    assert_pending!(fixture.client.poll_ready::<Req>(), "the one permit was used");
}

#[test]
fn an_inner_service_that_shuts_down_ends_the_replay_with_its_error() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    let Fixture { server, .. } = fixture;
    drop(server);
    assert!(failure(call.poll_until_idle()).is::<mock::error::Closed>());
    let mut fixture = Fixture::with(|builder| builder.configure(|policy| policy.fresh_window = LIFE));
    let mut call = fixture.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::FreshRefused);
}

/// A service that can be told something.
#[derive(Clone)]
struct Tagged(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Service<Req> for Tagged {
    type Response = Response<TestBody>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.1.lock().unwrap().push(self.0);
        ready(Ok(if bearer(&request) == Some("access-0") { unauthorized() } else { ok() }))
    }
}

/// It used to hold for the first send only.
#[test]
fn what_is_changed_in_the_inner_service_holds_for_replays_and_clones() {
    let fixture = Fixture::new();
    let sent = Arc::default();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap());
    let mut client = layer.layer(Tagged("original", Arc::clone(&sent)));
    let mut before = client.clone();
    client.get_mut().0 = "changed";
    let mut after = client.clone();
    assert_eq!(now(client.call(get(ME))).unwrap().status(), StatusCode::OK);
    assert_eq!(now(after.call(get(ME))).unwrap().status(), StatusCode::OK);
    assert_eq!(now(before.call(get(ME))).unwrap().status(), StatusCode::OK);
    assert_eq!(*sent.lock().unwrap(), ["changed", "changed", "changed", "original"]);
}

/// Sends a request by the readied service, the only one that is ready; it has this token.
#[track_caller]
fn sent_by_the_readied(fixture: &mut Fixture, request: Req, token: &str) {
    fixture.server.allow(1);
    let mut call = fixture.call(request);
    fixture.server.allow(0);
    assert_pending!(call.poll_until_idle());
    fixture.received_with(token).send_response(ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
    fixture.server.allow(1);
}

#[test]
fn a_request_that_wants_a_token_that_lasts_and_finds_it_is_sent_by_the_readied_service() {
    let mut fixture = Fixture::new();
    let mut upload = get(ME);
    upload.extensions_mut().insert(BearerOptions::new().min_remaining(secs(10)));
    sent_by_the_readied(&mut fixture, upload, "access-0");
}

/// A caller has left a refresh behind, and a request keeps it moving beside its own.
#[test]
fn a_request_beside_a_refresh_is_sent_by_the_readied_service() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    drop(task::spawn(fixture.session.refresh()).poll());
    sent_by_the_readied(&mut fixture, get(ME), "access-0");
    fixture.grant.gate().open();
    sent_by_the_readied(&mut fixture, get(ME), "access-0");
    sent_by_the_readied(&mut fixture, get(ME), "access-1");
}

/// It is sent again like any other, with what that refresh brings.
#[test]
fn a_request_beside_a_refresh_that_is_refused_is_sent_again() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    drop(task::spawn(fixture.session.refresh()).poll());
    let mut call = fixture.call(get(ME));
    assert_pending!(call.poll_until_idle());
    fixture.received_with("access-0").send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    fixture.grant.gate().open();
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// The token endpoint is down, so that there is no newer one.
#[test]
fn a_request_with_a_token_that_another_origin_has_refused_is_sent_by_the_readied_service() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::not_sent("down")));
    let mut other = fixture.refused(get(&format!("{OTHER}/")));
    assert_eq!(explained(other.poll_until_idle()), ErrorKind::Refresh(FailureClass::NotSent));
    let _driver = fixture.drive();
    sent_by_the_readied(&mut fixture, get(ME), "access-0");
}

/// It had its place, and is not told that there is none.
#[test]
fn a_request_that_can_be_sent_at_once_is_not_shed() {
    let (_time, session) = logged_in(MockGrant::new());
    let hangs = tower::service_fn(|_: Req| std::future::pending::<Result<Res, BoxError>>());
    let limited = tower::load_shed::LoadShed::new(ConcurrencyLimit::new(hangs, 1));
    let mut client = BearerLayer::new(session, Origins::new([API]).unwrap()).layer(limited);
    let mut other = client.clone();
    now(client.ready::<Full<Bytes>>()).unwrap();
    let mut upload = get(ME);
    upload.extensions_mut().insert(BearerOptions::new().min_remaining(secs(10)));
    let mut upload = task::spawn(client.call(upload));
    let mut crowd = task::spawn(async move { other.ready::<Full<Bytes>>().await?.call(get(ME)).await });
    assert!(crowd.poll().is_ready(), "there is no place left");
    assert_pending!(upload.poll());
}
