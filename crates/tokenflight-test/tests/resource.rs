//! The resource server, in process and over a socket.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header};
use tokenflight_core::TokenSet;
use tokenflight_test::{AuthServer, ManualTime, ResourceServer, resource::Refusal};
use tower_service::Service;

const SECOND: Duration = Duration::from_secs(1);

fn servers() -> (ManualTime, AuthServer, ResourceServer) {
    let time = ManualTime::new(1);
    let auth = AuthServer::new(time.shared());
    (time, auth.clone(), ResourceServer::new(auth))
}

fn with(set: &TokenSet) -> Request<()> {
    Request::builder().header(header::AUTHORIZATION, set.access().to_header().unwrap()).body(()).unwrap()
}

fn challenge<B>(response: &http::Response<B>) -> Option<&str> {
    response.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
}

#[test]
fn good_tokens_are_accepted_and_all_others_challenged() {
    let (time, auth, mut api) = servers();
    let login = auth.login();
    assert_eq!(time.run(api.call(with(&login))).unwrap().status(), StatusCode::OK);

    auth.revoke_access(login.access().expose());
    let refused = time.run(api.call(with(&login))).unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(challenge(&refused), Some(r#"Bearer error="invalid_token""#));

    let bare = time.run(api.call(Request::new(()))).unwrap();
    assert_eq!((bare.status(), challenge(&bare)), (StatusCode::UNAUTHORIZED, Some("Bearer")));

    let counts = api.counts();
    assert_eq!((counts.requests, counts.accepted, counts.refused, counts.without_token), (3, 1, 2, 1));
}

#[test]
fn the_scheme_is_read_in_any_case_and_two_authorizations_are_none() {
    let (time, auth, mut api) = servers();
    let token = auth.login().access().expose().to_owned();
    let mut request = Request::builder().header(header::AUTHORIZATION, format!("bEARER {token}")).body(()).unwrap();
    assert_eq!(time.run(api.call(request.clone())).unwrap().status(), StatusCode::OK);
    request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_static("Basic eA=="));
    assert_eq!(time.run(api.call(request)).unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn refusals_can_be_odd() {
    let (time, auth, api) = servers();
    let mut silent = api.clone().refusing(Refusal::new().no_challenge());
    assert_eq!(challenge(&time.run(silent.call(Request::new(()))).unwrap()), None);

    let odd = Refusal::new().status(StatusCode::FORBIDDEN).challenge(HeaderValue::from_static("Negotiate"));
    let mut odd = api.clone().refusing(odd);
    odd.refuse_all(true);
    let refused = time.run(odd.call(with(&auth.login()))).unwrap();
    assert_eq!((refused.status(), challenge(&refused)), (StatusCode::FORBIDDEN, Some("Negotiate")));
    odd.refuse_all(false);
    assert_eq!(time.run(odd.call(with(&auth.login()))).unwrap().status(), StatusCode::OK);
}

#[test]
fn a_token_is_judged_at_half_of_the_latency() {
    let (time, auth, api) = servers();
    let mut api = api.latency(SECOND * 2);
    let login = auth.login();
    time.advance(SECOND * 298);
    assert_eq!(time.run(api.call(with(&login))).unwrap().status(), StatusCode::OK);
    assert_eq!(time.now().boot, ManualTime::new(0).now().boot + SECOND * 300);
    drop(api.call(with(&login)));
    assert_eq!(api.counts().requests, 1);
}

#[cfg(feature = "net")]
mod socket {
    use tokenflight_test::resource::RefusalBody;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// Sends a request and reads at least `until` bytes, and what has come with them.
    async fn get(stream: &mut TcpStream, token: &str, until: usize) -> String {
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::with_capacity(until + 4096);
        while text.len() < until {
            assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0);
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn one_connection_serves_many_requests() {
        let (_, auth, api) = servers();
        let login = auth.login();
        let served = api.serve().unwrap();
        let mut stream = TcpStream::connect(served.addr()).await.unwrap();
        for _ in 0..3 {
            assert!(get(&mut stream, login.access().expose(), 50).await.starts_with("HTTP/1.1 200 OK"));
        }
        assert!(get(&mut stream, "stale", 50).await.contains(r#"www-authenticate: Bearer error="invalid_token""#));
        assert_eq!(api.counts().accepted, 3);
    }

    #[tokio::test]
    async fn the_body_of_a_refusal_can_be_without_an_end() {
        let (_, _, api) = servers();
        for (body, at_least) in [(RefusalBody::Stalls, 50), (RefusalBody::Floods, 1 << 20)] {
            let served = api.clone().refusing(Refusal::new().body(body)).serve().unwrap();
            let mut stream = TcpStream::connect(served.addr()).await.unwrap();
            let text = get(&mut stream, "stale", at_least).await;
            assert!(text.starts_with("HTTP/1.1 401") && text.contains("transfer-encoding: chunked"));
            assert!(!text.ends_with("0\r\n\r\n"));
        }
    }
}
