//! A session for each request, found by a key in its extensions.

use std::collections::HashMap;

use tokenflight::bearer::PerRequest;
use tower::service_fn;

use crate::fixture::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Tenant(u32);

type ByTenant = PerRequest<Tenant>;
type Call = task::Spawn<<Bearer<Mock<Req, Res>, CloneBody, ByTenant> as Service<Req>>::Future>;

/// Two tenants, 1 and 2, behind one layer.
struct House {
    time: ManualTime,
    grants: [MockGrant; 2],
    sessions: Arc<Mutex<HashMap<Tenant, Session>>>,
    client: Spawn<Bearer<Mock<Req, Res>, CloneBody, ByTenant>>,
    server: Handle<Req, Res>,
}

impl House {
    /// Each tenant is logged in with `access-<tenant>`.
    fn new() -> Self {
        let house = Self::blank();
        for tenant in [1, 2] {
            let set = TokenSet::new(format!("access-{tenant}")).refresh_token("refresh").expires_in(LIFE);
            now(house.session(tenant).login(set)).unwrap();
        }
        house.time.advance(secs(60));
        house
    }

    /// Without logins.
    fn blank() -> Self {
        let (time, grants) = (ManualTime::new(7), [MockGrant::new(), MockGrant::new()]);
        let session = |grant: &MockGrant| Session::builder(grant.clone()).time(time.clone()).build().unwrap();
        let sessions = HashMap::from([(Tenant(1), session(&grants[0])), (Tenant(2), session(&grants[1]))]);
        let sessions = Arc::new(Mutex::new(sessions));
        let (client, server) = mock::spawn_layer(layer(&sessions));
        Self { time, grants, sessions, client, server }
    }

    fn layer(&self) -> BearerLayer<CloneBody, ByTenant> {
        layer(&self.sessions)
    }

    fn session(&self, tenant: u32) -> Session {
        self.sessions.lock().unwrap()[&Tenant(tenant)].clone()
    }

    /// From now on the key of this tenant stands for the session of that one.
    fn give(&self, tenant: u32, other: u32) {
        let session = self.session(other);
        self.sessions.lock().unwrap().insert(Tenant(tenant), session);
    }

    #[track_caller]
    fn call(&mut self, request: Req) -> Call {
        assert_ready_ok!(self.client.poll_ready::<Req>());
        task::spawn(self.client.call(request))
    }

    #[track_caller]
    fn received_with(&mut self, token: Option<&str>) -> SendResponse<Res> {
        match self.server.poll_request() {
            Poll::Ready(Some((request, respond))) => {
                assert_eq!(bearer(&request), token);
                respond
            }
            other => panic!("no request has arrived: {:?}", other.map(drop)),
        }
    }

    #[track_caller]
    fn nothing_received(&mut self) {
        assert!(self.server.poll_request().is_pending(), "a request has arrived");
    }

    #[track_caller]
    fn succeeds(&mut self, tenant: u32, token: &str) {
        let mut call = self.call(of(tenant));
        assert_pending!(call.poll());
        self.received_with(Some(token)).send_response(ok());
        assert_eq!(status(call.poll()), StatusCode::OK);
    }
}

fn layer(sessions: &Arc<Mutex<HashMap<Tenant, Session>>>) -> BearerLayer<CloneBody, ByTenant> {
    let sessions = Arc::clone(sessions);
    let find = move |tenant: &Tenant| sessions.lock().unwrap().get(tenant).cloned();
    BearerLayer::per_request(Origins::new([API]).unwrap(), find)
}

fn of(tenant: u32) -> Req {
    let mut request = get(ME);
    request.extensions_mut().insert(Tenant(tenant));
    request
}

fn next(tenant: u32) -> TokenSet {
    TokenSet::new(format!("next-{tenant}")).refresh_token("refresh").expires_in(LIFE)
}

#[test]
fn each_request_has_the_token_of_its_own_session() {
    let mut house = House::new();
    for tenant in [1, 2, 2, 1, 2, 1, 1] {
        house.succeeds(tenant, &format!("access-{tenant}"));
    }
}

#[test]
fn without_a_known_key_nothing_is_sent() {
    let mut house = House::new();
    for request in [get(ME), of(3)] {
        let mut call = house.call(request);
        assert_eq!(our_failure(call.poll()), ErrorKind::NoKey);
        house.nothing_received();
    }
    // What gets no token needs no key.
    let mut call = house.call(get("https://elsewhere.example.com/"));
    assert_pending!(call.poll());
    house.received_with(None).send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}

#[test]
fn a_request_without_a_key_holds_no_permit() {
    let house = House::new();
    let answering = service_fn(|_: Req| ready(Ok::<_, BoxError>(ok())));
    let mut client = house.layer().layer(ConcurrencyLimit::new(answering, 1));
    let mut other = client.clone();
    now(client.ready::<Full<Bytes>>()).unwrap();
    assert!(now(client.call(get(ME))).is_err());
    assert!(other.ready::<Full<Bytes>>().now_or_never().is_some(), "the only permit is held by nothing");
}

#[test]
fn a_refusal_is_of_one_session_and_its_replay_too() {
    let mut house = House::new();
    house.grants[1].push(Ok(next(2)));
    let mut call = house.call(of(2));
    house.received_with(Some("access-2")).send_response(unauthorized());
    assert_pending!(call.poll());
    house.received_with(Some("next-2")).send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!((house.grants[0].count(), house.grants[1].count()), (0, 1));
    house.succeeds(1, "access-1");
    house.succeeds(2, "next-2");
}

#[test]
fn a_request_that_waited_is_not_sent_if_its_key_stands_for_another_session_by_then() {
    let mut house = House::blank();
    let login = TokenSet::from_refresh_token("refresh");
    now(house.session(1).login(login)).unwrap();
    house.grants[0].gate().close();
    house.grants[0].push(Ok(next(1)));
    let mut call = house.call(of(1));
    assert_pending!(call.poll());
    house.give(1, 2);
    house.grants[0].gate().open();
    assert_eq!(our_failure(call.poll()), ErrorKind::SessionChanged);
    house.nothing_received();
}

#[test]
fn a_refused_request_is_not_replayed_if_its_key_stands_for_another_session_by_then() {
    let mut house = House::new();
    house.grants[0].gate().close();
    house.grants[0].push(Ok(next(1)));
    let mut call = house.call(of(1));
    house.received_with(Some("access-1")).send_response(unauthorized());
    assert_pending!(call.poll());
    house.give(1, 2);
    house.grants[0].gate().open();
    let answer: Poll<Answer> = call.poll();
    assert_eq!(explained(answer), ErrorKind::SessionChanged);
    house.nothing_received();
}
