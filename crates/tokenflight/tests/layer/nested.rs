//! Two layers around one client, each with a session and an origin of its own.

use tokenflight::NoToken;

use crate::fixture::*;

type Inner = Bearer<Bearer<Mock<Req, Res>>>;

/// A client of both, the outer layer's requests to [`API`], the inner one's to [`OTHER`].
fn nested() -> (Spawn<Inner>, Handle<Req, Res>) {
    let (time, outer) = logged_in(MockGrant::new());
    let inner = Session::builder(MockGrant::new()).time(time.clone()).build().unwrap();
    now(inner.login(TokenSet::new("access-0").refresh_token("refresh-0").expires_in(LIFE))).unwrap();
    time.advance(secs(60));
    let inner = BearerLayer::new(inner, Origins::new([OTHER]).unwrap());
    let outer = BearerLayer::new(outer, Origins::new([API]).unwrap());
    mock::spawn_with(|server| outer.layer(inner.layer(server)))
}

#[test]
fn a_request_that_had_a_token_is_not_said_to_have_had_none() {
    for uri in [API, OTHER] {
        let (mut client, mut server) = nested();
        assert_ready_ok!(client.poll_ready::<Req>());
        let mut call = task::spawn(client.call(get(uri)));
        let answer = loop {
            if let Poll::Ready(answer) = call.poll_until_idle() {
                break answer.unwrap();
            }
            let Poll::Ready(Some((request, respond))) = server.poll_request() else { panic!("nothing has come") };
            assert!(bearer(&request).is_some_and(|token| token.starts_with("access-")), "{uri}");
            respond.send_response(unauthorized());
        };
        let why = answer.extensions().get::<Error>().map(Error::kind);
        assert_eq!((why, answer.extensions().get::<NoToken>()), (Some(&ErrorKind::StillRefused), None), "{uri}");
    }
}
