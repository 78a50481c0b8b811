//! The token endpoint's own traffic and the layer: it needs no token, and must not wait for one.

use std::future::poll_fn;

use crate::fixture::*;

type Client = Bearer<Mock<Req, Res>>;

/// A client whose token requests go through the layer they are for, and both ends of what is below.
fn looped(token_url: &'static str, basic: bool) -> (Session, ManualTime, Spawn<Client>, Handle<Req, Res>) {
    let own: Arc<Mutex<Option<Client>>> = Arc::default();
    let through = Arc::clone(&own);
    let grant = grant_fn(move |_: TokenRequest| {
        let client = through.lock().unwrap().clone().unwrap();
        async move { ask(client, token_url, basic).await.map_err(reported) }
    });
    let (time, session) = logged_in(grant);
    let (inner, server) = mock::pair();
    let client = BearerLayer::new(session.clone(), Origins::new([API]).unwrap()).layer(inner);
    *own.lock().unwrap() = Some(client.clone());
    (session, time, Spawn::new(client), server)
}

/// A token request in the most naive way.
async fn ask(mut client: Client, url: &str, basic: bool) -> Result<TokenSet, BoxError> {
    poll_fn(|cx| Service::<Req>::poll_ready(&mut client, cx)).await?;
    let mut request = Request::post(url).body(Full::new(Bytes::from_static(b"grant_type=refresh_token")))?;
    if basic {
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic Y2xpZW50OnB3"));
    }
    let answer = client.call(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(GrantError::new(FailureClass::Config).code("invalid_client").into());
    }
    Ok(TokenSet::new("access-1").refresh_token("refresh-1").expires_in(LIFE))
}

fn reported(error: BoxError) -> GrantError {
    match error.downcast::<GrantError>() {
        Ok(error) => *error,
        Err(error) => GrantError::not_sent(error),
    }
}

/// An error that names the mistake, and no hang.
#[test]
fn a_token_request_through_its_own_layer_is_refused_and_says_why() {
    let (_session, time, mut client, mut server) = looped("https://api.example.com/token", false);
    time.advance(LIFE);
    assert_ready_ok!(client.poll_ready::<Req>());
    let mut call = task::spawn(client.call(get(ME)));
    let polled = call.poll_until_idle();
    let error = failure(polled);
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    let recursion = std::iter::from_fn(|| {
        let error = source?;
        source = error.source();
        Some(error)
    })
    .filter_map(|error| error.downcast_ref::<Error>())
    .any(|error| *error.kind() == ErrorKind::Recursion);
    assert!(recursion, "{error:?}");
    assert!(server.poll_request().is_pending());
}

#[test]
fn a_token_request_through_its_own_layer_after_a_refusal_gives_the_refusal_back() {
    let (_session, _, mut client, mut server) = looped("https://api.example.com/token", false);
    assert_ready_ok!(client.poll_ready::<Req>());
    let mut call = task::spawn(client.call(get(ME)));
    answer(&mut server, unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::Refresh(FailureClass::NotSent));
    assert!(server.poll_request().is_pending());
}

/// The usual set-up of a shared client: the authorization server is not among the origins.
#[test]
fn a_token_request_to_an_unlisted_origin_passes_the_layer() {
    let (_session, time, mut client, mut server) = looped("https://as.example.com/token", false);
    time.advance(LIFE);
    assert_ready_ok!(client.poll_ready::<Req>());
    let mut call = task::spawn(client.call(get(ME)));
    assert_pending!(call.poll_until_idle());
    let token_request = answer(&mut server, ok());
    assert_eq!((token_request.uri().path(), bearer(&token_request)), ("/token", None));
    assert_pending!(call.poll_until_idle());
    assert_eq!(bearer(&answer(&mut server, ok())), Some("access-1"));
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}

/// A caller's own `Authorization` is left alone, which makes it safe even where API and
/// authorization server are one origin.
#[test]
fn a_token_request_with_client_authentication_passes_the_layer() {
    let (_session, _, mut client, mut server) = looped("https://api.example.com/token", true);
    assert_ready_ok!(client.poll_ready::<Req>());
    let mut call = task::spawn(client.call(get(ME)));
    answer(&mut server, unauthorized());
    assert_pending!(call.poll_until_idle());
    let token_request = answer(&mut server, ok());
    assert_eq!(token_request.headers()[header::AUTHORIZATION], "Basic Y2xpZW50OnB3");
    assert_pending!(call.poll_until_idle());
    assert_eq!(bearer(&answer(&mut server, ok())), Some("access-1"));
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}

#[test]
fn a_401_of_the_token_endpoint_is_no_refusal_of_our_token() {
    for (url, basic) in [("https://as.example.com/token", false), ("https://api.example.com/token", true)] {
        let (session, time, mut client, mut server) = looped(url, basic);
        time.advance(LIFE);
        assert_ready_ok!(client.poll_ready::<Req>());
        let mut call = task::spawn(client.call(get(ME)));
        assert_pending!(call.poll_until_idle());
        answer(&mut server, unauthorized());
        assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::Refresh(FailureClass::Config));
        assert!(server.poll_request().is_pending(), "asked once");
        assert!(!session.state().refreshing);
    }
}

/// Answers the request that has arrived.
#[track_caller]
fn answer(server: &mut Handle<Req, Res>, response: Res) -> Req {
    match server.poll_request() {
        Poll::Ready(Some((request, respond))) => {
            respond.send_response(response);
            request
        }
        _ => panic!("no request has arrived"),
    }
}
