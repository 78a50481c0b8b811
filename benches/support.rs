//! What the benches share: a session that refreshes at once, and a client that does nothing.

use std::{convert::Infallible, future::Ready, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use tokenflight::{Bearer, BearerLayer, GrantError, Origins, Session, TokenRequest, TokenSet, grant_fn};
use tower::{Layer, util::ServiceFn};

/// Where all requests go.
pub const ORIGIN: &str = "https://api.example.com";

/// A token of the size that real ones have.
#[must_use]
pub fn token(number: u64) -> String {
    format!("{number:0>1000}")
}

/// A session whose token request yields once, so that others can arrive meanwhile.
///
/// # Panics
///
/// Never with the settings used here.
#[must_use]
pub fn session() -> Session {
    let grant = grant_fn(|request: TokenRequest| async move {
        let next = request.generation().get();
        futures_yield().await;
        Ok::<_, GrantError>(set(next))
    });
    let built = Session::builder(grant).configure(|policy| {
        // A bench refreshes far more often than any client should.
        policy.min_interval = Duration::ZERO;
        policy.force_interval = Duration::ZERO;
    });
    match built.build() {
        Ok(session) => session,
        Err(error) => panic!("the bench's settings are wrong: {error}"),
    }
}

/// A token set that is good for an hour.
#[must_use]
pub fn set(number: u64) -> TokenSet {
    TokenSet::new(token(number)).refresh_token("refresh").expires_in(Duration::from_secs(3600))
}

/// Gives the executor one turn.
async fn futures_yield() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

type Answer = Ready<Result<Response<Empty<Bytes>>, Infallible>>;

/// A client that answers at once.
pub type Nothing = ServiceFn<fn(Request<Full<Bytes>>) -> Answer>;

fn answer(request: Request<Full<Bytes>>) -> Answer {
    drop(request);
    std::future::ready(Ok(Response::new(Empty::new())))
}

/// That client behind the layer.
///
/// # Panics
///
/// Never with the origin used here.
#[must_use]
pub fn client(session: &Session) -> Bearer<Nothing> {
    match Origins::new([ORIGIN]) {
        Ok(origins) => BearerLayer::new(session.clone(), origins).layer(tower::service_fn(answer as fn(_) -> _)),
        Err(error) => panic!("the bench's origin is wrong: {error}"),
    }
}

/// A request with eight headers.
///
/// # Panics
///
/// Never with the parts used here.
#[must_use]
pub fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"{}")));
    *request.uri_mut() = http::Uri::from_static("https://api.example.com/v1/things?page=2");
    for name in ["accept", "accept-language", "content-type", "user-agent", "x-a", "x-b", "x-c", "x-d"] {
        request.headers_mut().insert(name, http::HeaderValue::from_static("some value of common size"));
    }
    request
}
