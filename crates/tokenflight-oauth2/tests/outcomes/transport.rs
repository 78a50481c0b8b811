//! The rows where nothing, or only half an answer, comes back, and what several of them add up to.

use std::{
    future::{Ready, ready},
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name, proxy::Tunnel},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokenflight::RefreshToken;
use tokenflight_oauth2::Unsent;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Service, service_fn};

use crate::{
    fixture::*,
    rows::{given_back, not_sent},
};

/// An attempt that reaches no scripted server.
async fn alone(grant: OAuthGrant) -> Outcome {
    let silent = Scripted::new([Act::Stall]).await;
    Fixture::new(grant).await.attempt(&silent, None).await
}

fn over<C>(connector: C) -> Client<C, Full<Bytes>>
where
    C: Service<Uri, Response = TokioIo<TcpStream>> + Clone + Send + Sync + 'static,
    C::Error: Into<BoxError>,
    C::Future: Unpin + Send,
{
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let nowhere =
        service_fn(|_: Name| ready(Err::<std::vec::IntoIter<SocketAddr>, _>(io::Error::other("no such host"))));
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new_with_resolver(nowhere));
    let outcome = alone(endpoint("http://localhost:1/token", client).refresh_token()).await;
    not_sent("name-not-resolved").check(&outcome);
}

#[tokio::test]
async fn a_refused_connection() {
    let url = format!("http://{}/token", closed_port().await);
    not_sent("connection-refused").check(&alone(endpoint(&url, client()).refresh_token()).await);
    // A client that says nothing but the error of the system.
    let bare = service_fn(|_: Request<Full<Bytes>>| {
        ready(Err::<Response<Full<Bytes>>, _>(io::Error::from(io::ErrorKind::ConnectionRefused)))
    });
    not_sent("connection-refused").check(&alone(endpoint(&url, bare).refresh_token()).await);
}

#[tokio::test]
async fn a_failed_handshake() {
    let server = Scripted::new([Act::Cut]).await;
    let url = format!("https://{}/token", server.addr);
    not_sent("tls-failed").check(&alone(endpoint(&url, client()).refresh_token()).await);
}

/// [connect-timeout]: the connection is there, and the handshake does not go on. The time is
/// tokio's and passes at once.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/token", silent.local_addr().unwrap());
    // However short the time is in which the same token may be presented again.
    for row in [provider::UNKNOWN, provider::OKTA, provider::SUPABASE] {
        let start = tokio::time::Instant::now();
        let error = ask(&endpoint(&url, client()).provider(row).refresh_token()).await.unwrap_err();
        assert_eq!((error.class(), start.elapsed().as_secs()), (FailureClass::NotSent, 5), "{}", row.name);
    }
}

async fn ask(grant: &OAuthGrant) -> Result<TokenSet, GrantError> {
    grant.request(&TokenRequest::new(Some(RefreshToken::new("refresh-0")), Reason::Due)).await
}

/// [tls-failed]: a captive portal, or an interceptor.
#[tokio::test]
async fn more_than_three_failed_handshakes_are_a_matter_of_configuration() {
    let server = Scripted::new([Act::Cut]).await;
    let grant = endpoint(&format!("https://{}/token", server.addr), client()).refresh_token();
    for class in [FailureClass::NotSent, FailureClass::NotSent, FailureClass::NotSent, Config] {
        assert_eq!(ask(&grant).await.unwrap_err().class(), class);
    }
}

/// [proxy]
#[tokio::test]
async fn a_proxy_that_wants_credentials_and_one_that_is_not_there() {
    let proxy = Scripted::new([answer(407, "", "")]).await;
    for (row, proxy) in [(config("proxy").submits(0), proxy.addr), (not_sent("proxy"), closed_port().await)] {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let tunnel = Tunnel::new(format!("http://{proxy}").parse().unwrap(), http);
        row.check(&alone(endpoint("http://localhost:1/token", over(tunnel)).refresh_token()).await);
    }
}

/// Clients that never get ready.
#[derive(Clone)]
struct Full503;

impl Service<Request<Full<Bytes>>> for Full503 {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err("the pool is exhausted".into()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        unreachable!("not ready")
    }
}

/// [connect-timeout]
#[tokio::test]
async fn a_connection_or_a_place_in_the_pool_that_does_not_come_in_time() {
    let late = service_fn(|_: Uri| ready(Err::<TokioIo<TcpStream>, _>(io::Error::from(io::ErrorKind::TimedOut))));
    not_sent("connect-timeout").check(&alone(endpoint("http://localhost:1/token", over(late)).refresh_token()).await);
    not_sent("connect-timeout").check(&alone(endpoint("http://localhost:1/token", Full503).refresh_token()).await);
    // The same error without a connector around it proves nothing, unless the user vouches for it.
    let late = service_fn(|_: Request<Full<Bytes>>| {
        ready(Err::<Response<Full<Bytes>>, _>(io::Error::from(io::ErrorKind::TimedOut)))
    });
    ambiguous("silence").submits(0).check(&alone(endpoint("http://localhost:1/token", late).refresh_token()).await);
    let promised = tower::ServiceExt::map_err(late, Unsent::new);
    not_sent("connect-timeout").check(&alone(endpoint("http://localhost:1/token", promised).refresh_token()).await);
    let proven = endpoint("http://localhost:1/token", late).proof(|error| error.is::<io::Error>());
    not_sent("connect-timeout").check(&alone(proven.refresh_token()).await);
}

/// [silence]: silence, before the headers and in the middle of the body.
#[tokio::test]
async fn a_server_that_does_not_answer_in_time() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access_token\":".to_vec();
    for act in [Act::Stall, Act::SayAndStall(half), Act::SayAndStall(b"HTTP/1.1 200 OK\r\n".to_vec())] {
        let outcome = play_with(act, provider::UNKNOWN, Some(Duration::from_secs(60))).await;
        ambiguous("silence").check(&outcome);
    }
}

#[tokio::test]
async fn a_connection_that_breaks() {
    ambiguous("cut-before-headers").check(&play(Act::Cut).await);
    ambiguous("cut-before-headers").check(&play(Act::Say(b"HTTP/1.1 200".to_vec())).await);
    ambiguous("cut-before-headers").check(&play(Act::Say(b"\x16\x03\x01 garbage\r\n\r\n".to_vec())).await);
}

/// [cut-in-body]: the rotation has happened, and its result is lost.
#[tokio::test]
async fn a_success_that_does_not_arrive_whole() {
    let start = r#"{"access_token":"access-1","refresh_token":"refresh-1""#;
    let long = format!(r#"{start},"x":"{}"}}"#, "x".repeat(256 * 1024));
    let unannounced = format!("HTTP/1.1 200 OK\r\n\r\n{long}");
    let crowd = format!("x-much: {}\r\n", "x".repeat(8 * 1024)).repeat(9);
    for act in [
        Act::Say(format!("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{start}").into_bytes()),
        Act::Say(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{start}").into_bytes()),
        Act::Say(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{start}").into_bytes()),
        json(200, &long),
        Act::Say(unannounced.into_bytes()),
        answer(200, &crowd, &format!("{start}}}")),
        answer(200, "content-encoding: gzip\r\n", "\u{1f}\u{8b}"),
        json(200, start),
    ] {
        ambiguous("cut-in-body").check(&play(act).await);
    }
}

/// what is announced to be too much is not waited for.
#[tokio::test(start_paused = true)]
async fn an_announced_flood_is_not_read() {
    let server =
        Scripted::new([Act::SayAndStall(b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{".to_vec())]).await;
    let grant = endpoint(&server.url(), client()).refresh_token();
    // The time is tokio's and passes only when nothing else can happen.
    #[allow(clippy::disallowed_methods)]
    let answer = tokio::time::timeout(Duration::from_secs(60), ask(&grant)).await;
    assert_eq!(answer.expect("an end without the rest").unwrap_err().class(), Ambiguous);
}

/// [cut-in-body] with a grace window: the same token again, promptly.
#[tokio::test]
async fn within_a_grace_window_the_same_token_is_presented_again_promptly() {
    let server =
        Scripted::new([Act::Cut, json(200, r#"{"access_token":"access-1","refresh_token":"refresh-1"}"#)]).await;
    let grant = endpoint(&server.url(), client()).provider(provider::OKTA).refresh_token();
    let outcome = Fixture::new(grant).await.attempt(&server, None).await;
    assert_eq!(outcome.class, Some(Ambiguous));
    assert!(outcome.next.unwrap() <= Duration::from_secs(3), "a tenth of Okta's 30 s: {:?}", outcome.next);
}

/// How an HTTP/2 server gives a request back.
#[derive(Clone, Copy, PartialEq)]
enum GivesBack {
    /// It resets the stream.
    Stream,
    /// It closes the connection: the last stream that it will look at is before this one.
    Connection,
}

/// [given-back]: an HTTP/2 server that gives requests back, so often, and then answers.
async fn giving_back(times: usize, how: GivesBack) -> (SocketAddr, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, seen) = tokio::sync::watch::channel(0);
    #[allow(clippy::disallowed_methods)] // A server is a task of the test.
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if how == GivesBack::Connection && *told.borrow() < times {
                told.send_modify(|count| *count += 1);
                // SETTINGS, then GOAWAY with the last stream 0 and no error.
                let frames = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
                stream.write_all(frames).await.unwrap();
                // Until the client has seen it and leaves.
                while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
                continue;
            }
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                told.send_modify(|count| *count += 1);
                if *told.borrow() > times {
                    let mut body = respond.send_response(Response::new(()), false).unwrap();
                    body.send_data(r#"{"access_token":"access-1","expires_in":3600}"#.into(), true).unwrap();
                } else {
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                }
            }
        }
    });
    (addr, seen)
}

#[tokio::test]
async fn what_a_server_gives_back_is_sent_once_more_at_once() {
    let h2 = || Client::builder(TokioExecutor::new()).http2_only(true).retry_canceled_requests(false).build_http();
    for how in [GivesBack::Stream, GivesBack::Connection] {
        let (addr, seen) = giving_back(1, how).await;
        let grant = endpoint(&format!("http://{addr}/token"), h2()).refresh_token();
        assert_eq!(ask(&grant).await.unwrap().access().expose(), "access-1");
        assert_eq!(*seen.borrow(), 2);

        let (addr, seen) = giving_back(usize::MAX, how).await;
        let outcome = alone(endpoint(&format!("http://{addr}/token"), h2()).refresh_token()).await;
        given_back("given-back").submits(0).check(&outcome);
        // Two of the attempt, two of the next one.
        assert_eq!(*seen.borrow() % 2, 0);
    }
}

/// [killed-after-send]: the process is killed after the request was sent. The next one finds its
/// claim and waits it out.
#[tokio::test]
async fn a_process_that_is_killed_leaves_its_claim() {
    let server = Scripted::new([Act::Stall]).await;
    let grant = || endpoint(&server.url(), client()).refresh_token();
    let fixture = Fixture::new(grant()).await;
    #[allow(clippy::disallowed_methods)] // The driver is a task of the test.
    let driver = tokio::spawn(fixture.session.driver());
    settle().await;
    fixture.time.advance(Duration::from_secs(5));
    server.reached(1).await;
    driver.abort();
    let (time, store) = (fixture.time.clone(), fixture.store.clone());
    drop(fixture);
    settle().await;
    assert!(store.load(&key()).await.unwrap().entry.unwrap().claim.is_some());

    let next = Session::builder(grant()).store(store).time(time.clone()).key(key()).build().unwrap();
    assert_eq!(next.token().await.unwrap().access().expose(), "access-0");
    #[allow(clippy::disallowed_methods)]
    let _driver = tokio::spawn(next.driver());
    for _ in 0..10 {
        settle().await;
        time.advance(Duration::from_secs(5));
    }
    assert_eq!(server.seen().len(), 1, "the token may be on its way");
}

/// [local-failure]
#[tokio::test]
async fn an_assertion_that_cannot_be_made_is_no_request() {
    let server = Scripted::new([Act::Stall]).await;
    let source = || async { Err::<String, BoxError>("the key store is locked".into()) };
    let outcome = Fixture::new(endpoint(&server.url(), client()).jwt_bearer(source)).await.attempt(&server, None).await;
    not_sent("local-failure").check(&outcome);
}

/// [no-access-token], [not-json]
#[tokio::test]
async fn three_answers_without_tokens_in_a_row_are_a_matter_of_configuration() {
    let (odd, good) = (json(200, "{}"), json(200, r#"{"access_token":"access-1"}"#));
    let html = answer(200, "content-type: text/html\r\n", "<html>");
    let script = [odd.clone(), html.clone(), good, odd.clone(), html.clone(), odd.clone(), html, odd];
    let server = Scripted::new(script).await;
    let grant = endpoint(&server.url(), client()).refresh_token();
    use FailureClass::{Ambiguous, Config};
    for expected in
        [Some(Ambiguous), Some(Ambiguous), None, Some(Ambiguous), Some(Ambiguous), Some(Config), Some(Config)]
    {
        assert_eq!(ask(&grant).await.err().map(|error| error.class()), expected);
    }
}

#[tokio::test]
async fn a_server_of_many_machines_must_announce_an_end_twice() {
    let ended = json(400, r#"{"error":"invalid_grant"}"#);
    let outcome = play_with(ended, provider::KEYCLOAK, None).await;
    config("invalid-grant").next(Next::After(30)).check(&outcome);
    assert_eq!(outcome.code.as_deref(), Some("invalid_grant"));

    let server = Scripted::new([json(400, r#"{"error":"invalid_grant"}"#)]).await;
    let grant = endpoint(&server.url(), client()).provider(provider::KEYCLOAK).refresh_token();
    assert_eq!(ask(&grant).await.unwrap_err().class(), Config);
    let other = TokenRequest::new(Some(RefreshToken::new("refresh-9")), Reason::Due);
    assert_eq!(grant.request(&other).await.unwrap_err().class(), Config, "another token is another matter");
    assert_eq!(ask(&grant).await.unwrap_err().class(), Config);
    assert_eq!(ask(&grant).await.unwrap_err().class(), Terminal);
}

/// [newer-in-store]: another process has refreshed; its tokens are adopted and no server is asked.
#[tokio::test]
async fn newer_tokens_in_the_store_cost_no_request() {
    let server =
        Scripted::new([json(200, r#"{"access_token":"access-1","refresh_token":"refresh-1","expires_in":3600}"#)])
            .await;
    let grant = || endpoint(&server.url(), client()).refresh_token();
    let fixture = Fixture::new(grant()).await;
    let other =
        Session::builder(grant()).store(fixture.store.clone()).time(fixture.time.clone()).key(key()).build().unwrap();
    other.token().await.unwrap();
    assert_eq!(other.refresh().await.unwrap().access().expose(), "access-1");
    assert_eq!(fixture.session.refresh().await.unwrap().access().expose(), "access-1");
    assert_eq!(server.seen().len(), 1);
}
