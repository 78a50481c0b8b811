//! Marked secrets, over real sockets, with everything listening that has something to say.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokenflight::{BearerLayer, Origins, Session, TokenSet};
use tokenflight_oauth2::{ClientAuth, TokenEndpoint};
use tokio::net::TcpListener;
use tower::Layer;

use crate::recorder::Recorder;

/// In every secret there is, and in nothing else.
const MARK: &str = "s3cr3t";

/// What both servers have read.
type Wire = Arc<Mutex<String>>;

/// Obtains tokens from an authorization server over HTTP/1.1, and sends requests to an API over
/// HTTP/2, at TRACE: no secret is in any span or event of ours, of hyper or of h2, while all of
/// them were on the wire.
pub(crate) fn no_secret_is_told(hyper_tells: bool) {
    let wire = Wire::default();
    // On a thread of their own, where nothing listens: what a server tells of what it was sent is
    // the server's affair.
    let (endpoint, api) = serve(&wire);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (recorder, ()) = Recorder::during(|| runtime.block_on(use_tokens(endpoint, api)));

    let read = wire.lock().unwrap().clone();
    let basic = "Basic Y2xpZW50OnMzY3IzdC1jbGllbnQ="; // client:s3cr3t-client
    let bearers = ["Bearer s3cr3t-access-0", "Bearer s3cr3t-access-1"];
    for secret in ["s3cr3t-refresh-0", "s3cr3t-refresh-1", basic].into_iter().chain(bearers) {
        assert!(read.contains(secret), "{secret} was not on the wire: {read}");
    }

    let told = recorder.everything();
    let spans = |target: &str| told.spans.iter().filter(|known| known.as_str() == target).count();
    assert!(spans("tokenflight") >= 3 && spans("h2") > 10, "{:?}", told.spans);
    assert!(!hyper_tells || spans("hyper") > 2, "{:?}", told.spans);
    assert!(told.text.contains("hyper_util") && told.text.contains("request.replayed") && told.text.contains("ended"));
    for secret in [MARK, "Y2xpZW50OnMzY3IzdC1jbGllbnQ"] {
        let place = told.text.lines().find(|line| line.contains(secret));
        assert!(place.is_none(), "{secret} in {place:?}");
    }
}

/// A refused request and its replay, a forced refresh that fails, and one that ends the session.
async fn use_tokens(endpoint: SocketAddr, api: SocketAddr) {
    let client = || Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(HttpConnector::new());
    let grant = TokenEndpoint::new(&format!("http://{endpoint}/token"), client())
        .unwrap()
        .client(ClientAuth::basic("client", "s3cr3t-client"))
        .refresh_token();
    // The refusal of a token of just now is believed, and a failure need not be waited out.
    let session = Session::builder(grant).configure(|policy| {
        (policy.fresh_window, policy.force_interval) = (Duration::ZERO, Duration::ZERO);
    });
    let session = session.build().unwrap();
    session.login(TokenSet::new("s3cr3t-access-0").refresh_token("s3cr3t-refresh-0")).await.unwrap();
    let http2 = Client::builder(TokioExecutor::new()).http2_only(true).build(HttpConnector::new());
    let origin = format!("http://{api}");
    let layer = BearerLayer::new(session.clone(), Origins::with_plain_loopback([&origin]).unwrap());
    let request = Request::get(format!("{origin}/orders")).body(Full::<Bytes>::default()).unwrap();
    let answer = layer.layer(http2).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    session.refresh().await.unwrap_err();
    session.refresh().await.unwrap_err();
}

/// An authorization server and an API that say what they were sent in their refusals.
fn serve(wire: &Wire) -> (SocketAddr, SocketAddr) {
    let bind = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (endpoint, api) = (bind(), bind());
    let places = (endpoint.local_addr().unwrap(), api.local_addr().unwrap());
    let wire = Arc::clone(wire);
    #[allow(clippy::disallowed_methods)] // Servers, until the test's process ends.
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listen = |listener: std::net::TcpListener| {
                listener.set_nonblocking(true).unwrap();
                TcpListener::from_std(listener).unwrap()
            };
            let (endpoint, api) = (listen(endpoint), listen(api));
            tokio::join!(serve_tokens(endpoint, &wire), serve_api(api, &wire))
        })
    });
    places
}

type Answer = Result<Response<Full<Bytes>>, Infallible>;

async fn serve_tokens(listener: TcpListener, wire: &Wire) {
    let requests = Arc::new(Mutex::new(0));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (wire, requests) = (Arc::clone(wire), Arc::clone(&requests));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (wire, requests) = (Arc::clone(&wire), Arc::clone(&requests));
            async move {
                note(&wire, request.headers());
                let form = request.into_body().collect().await.unwrap().to_bytes();
                wire.lock().unwrap().push_str(std::str::from_utf8(&form).unwrap());
                let number = {
                    let mut requests = requests.lock().unwrap();
                    *requests += 1;
                    *requests
                };
                let (status, body) = match number {
                    1 => (
                        200,
                        r#"{"access_token":"s3cr3t-access-1","token_type":"Bearer","refresh_token":"s3cr3t-refresh-1"}"#,
                    ),
                    2 => (400, r#"{"error":"s3cr3t_code","error_description":"s3cr3t-refresh-1 is unknown"}"#),
                    _ => (400, r#"{"error":"invalid_grant","error_description":"s3cr3t-refresh-1 is over"}"#),
                };
                let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
                Answer::Ok(answer.body(Full::from(body)).unwrap())
            }
        });
        #[allow(clippy::disallowed_methods)] // As above.
        tokio::spawn(conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn serve_api(listener: TcpListener, wire: &Wire) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let wire = Arc::clone(wire);
        let answer = service_fn(move |request: Request<Incoming>| {
            note(&wire, request.headers());
            let good = request.headers()[header::AUTHORIZATION] == "Bearer s3cr3t-access-1";
            let answer = if good {
                Response::builder()
            } else {
                let challenge = r#"Bearer error="invalid_token", error_description="s3cr3t-access-0 is stale""#;
                Response::builder().status(401).header(header::WWW_AUTHENTICATE, challenge)
            };
            let answer: Answer = Ok(answer.header("set-cookie", "s3cr3t-cookie").body(Full::default()).unwrap());
            std::future::ready(answer)
        });
        #[allow(clippy::disallowed_methods)] // As above.
        tokio::spawn(conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer));
    }
}

fn note(wire: &Wire, headers: &HeaderMap) {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    wire.lock().unwrap().push_str(authorization.unwrap_or_default());
}
