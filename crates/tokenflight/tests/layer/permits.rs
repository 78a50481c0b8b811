//! A request that waits for a token, or for a refusal's end, holds no permit the refresh may need.

use crate::fixture::*;

type Limited = ConcurrencyLimit<Mock<Req, Res>>;
type Call = task::Spawn<<Bearer<Limited> as Service<Req>>::Future>;

const TOKEN: &str = "https://as.example.com/token";

/// One limiter before one server, for the API and for the token endpoint.
struct Narrow {
    time: ManualTime,
    client: Spawn<Bearer<Limited>>,
    server: Handle<Req, Res>,
    permits: Arc<Semaphore>,
}

impl Narrow {
    fn new(permits: usize) -> Self {
        let (inner, server) = mock::pair();
        let permits = Arc::new(Semaphore::new(permits));
        let inner = ConcurrencyLimit::with_semaphore(inner, Arc::clone(&permits));
        let token_client = inner.clone();
        let grant = grant_fn(move |_: TokenRequest| {
            let client = token_client.clone();
            async move {
                let request = Request::post(TOKEN).body(Full::default()).map_err(GrantError::config)?;
                client.oneshot(request).await.map_err(GrantError::ambiguous)?;
                Ok(TokenSet::new("access-1").refresh_token("refresh-1").expires_in(LIFE))
            }
        });
        Self::over(grant, inner, server, permits)
    }

    fn over(grant: impl Grant, inner: Limited, server: Handle<Req, Res>, permits: Arc<Semaphore>) -> Self {
        let (time, session) = logged_in(grant);
        let client = BearerLayer::new(session, Origins::new([API]).unwrap()).layer(inner);
        Self { time, client: Spawn::new(client), server, permits }
    }

    #[track_caller]
    fn call(&mut self) -> Call {
        assert_ready_ok!(self.client.poll_ready::<Req>());
        task::spawn(self.client.call(get(ME)))
    }

    #[track_caller]
    fn received(&mut self) -> (String, Option<String>, SendResponse<Res>) {
        match self.server.poll_request() {
            Poll::Ready(Some((request, respond))) => {
                (request.uri().to_string(), bearer(&request).map(str::to_owned), respond)
            }
            _ => panic!("no request has arrived"),
        }
    }

    #[track_caller]
    fn answer(&mut self, uri: &str, token: Option<&str>, response: Res) {
        let (to, with, respond) = self.received();
        assert_eq!((to.as_str(), with.as_deref()), (uri, token));
        respond.send_response(response);
    }
}

#[test]
fn one_permit_is_enough_for_a_request_and_the_refresh_it_waits_for() {
    let mut narrow = Narrow::new(1);
    narrow.time.advance(LIFE);
    let mut call = narrow.call();
    assert_pending!(call.poll_until_idle());
    narrow.answer(TOKEN, None, ok());
    assert_pending!(call.poll_until_idle());
    narrow.answer(ME, Some("access-1"), ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
    assert_eq!(narrow.permits.available_permits(), 1);
}

#[test]
fn one_permit_is_enough_for_a_refusal_its_refresh_and_the_replay() {
    let mut narrow = Narrow::new(1);
    let mut call = narrow.call();
    assert_eq!(narrow.permits.available_permits(), 0, "the first send has it");
    narrow.answer(ME, Some("access-0"), unauthorized());
    assert_pending!(call.poll_until_idle());
    narrow.answer(TOKEN, None, ok());
    assert_pending!(call.poll_until_idle());
    narrow.answer(ME, Some("access-1"), ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
    assert_eq!(narrow.permits.available_permits(), 1);
}

/// More requests than permits, and none of them keeps one.
#[test]
fn a_limiter_full_of_waiting_requests_lets_the_refresh_through() {
    let mut narrow = Narrow::new(2);
    narrow.time.advance(LIFE);
    let mut calls: Vec<Call> = (0..5).map(|_| narrow.call()).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    narrow.answer(TOKEN, None, ok());
    while !calls.is_empty() {
        for call in &mut calls {
            assert_pending!(call.poll_until_idle());
        }
        while let Poll::Ready(Some((request, respond))) = narrow.server.poll_request() {
            assert_eq!(bearer(&request), Some("access-1"), "one token request was enough");
            respond.send_response(ok());
        }
        calls.retain_mut(|call| call.poll_until_idle().is_pending());
    }
    assert_eq!(narrow.permits.available_permits(), 2);
}

#[test]
fn while_a_newer_token_is_waited_for_every_permit_is_free() {
    let (inner, server) = mock::pair();
    let permits = Arc::new(Semaphore::new(1));
    let inner = ConcurrencyLimit::with_semaphore(inner, Arc::clone(&permits));
    let grant = MockGrant::new();
    grant.gate().close();
    let mut narrow = Narrow::over(grant.clone(), inner, server, permits);
    let mut refused = narrow.call();
    narrow.answer(ME, Some("access-0"), unauthorized());
    assert_pending!(refused.poll_until_idle());
    assert_eq!(narrow.permits.available_permits(), 1, "the first send's future is gone");
    let mut waiting = narrow.call();
    assert_eq!(narrow.permits.available_permits(), 1, "the readied instance was given back in the call");
    assert_pending!(waiting.poll_until_idle());
    assert_eq!(narrow.permits.available_permits(), 1);
    grant.gate().open();
    assert_pending!(refused.poll_until_idle());
    narrow.answer(ME, Some("access-1"), ok());
    assert_eq!(status(refused.poll_until_idle()), StatusCode::OK);
    assert_pending!(waiting.poll_until_idle());
    narrow.answer(ME, Some("access-1"), ok());
    assert_eq!(status(waiting.poll_until_idle()), StatusCode::OK);
}

/// The refresh goes on beside a refusal that has no end; the replay waits until it is let go.
#[test]
fn a_refusal_without_an_end_delays_the_replay_and_not_the_refresh() {
    let mut narrow = Narrow::new(1);
    let mut call = narrow.call();
    let body = TestBody::text("no").end(End::Stalls);
    let probe = body.probe();
    narrow.answer(ME, Some("access-0"), challenged(&["Bearer"], body));
    assert_pending!(call.poll_until_idle());
    narrow.answer(TOKEN, None, ok());
    assert_pending!(call.poll_until_idle());
    assert_eq!(probe.drops(), 0);
    assert!(narrow.server.poll_request().is_pending(), "no replay beside an open refusal");
    narrow.time.advance(millis(250));
    assert_pending!(call.poll_until_idle());
    assert_eq!(probe.drops(), 1);
    narrow.answer(ME, Some("access-1"), ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}
