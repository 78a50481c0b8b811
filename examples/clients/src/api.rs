//! The API: takes tokens that the authorization server calls valid, and answers 401 to all others.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokenflight_test::{AuthServer, Verdict};

pub(crate) fn router(auth: AuthServer) -> Router {
    Router::new()
        .route("/me", get(|| async { "here you are" }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/events", get(events))
        // What a Kubernetes API server and GitHub answer, as far as it is looked at here.
        .route("/api/v1/namespaces/default/pods/web", get(|| async { POD }))
        .route("/user", get(|| async { USER }))
        .route_layer(middleware::from_fn_with_state(auth.clone(), authorise))
        .with_state(auth)
}

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"default"}}"#;
const USER: &str = r#"{"login":"octocat"}"#;

async fn authorise(State(auth): State<AuthServer>, request: Request, next: Next) -> Response {
    if is_good(&auth, request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)], "no").into_response()
}

pub(crate) fn is_good(auth: &AuthServer, headers: &HeaderMap) -> bool {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.is_some_and(|token| auth.check(token) == Verdict::Valid)
}

/// Events for as long as the token is good, and a last one that says that it is not.
async fn events(State(auth): State<AuthServer>, headers: HeaderMap) -> Response {
    let events = stream::unfold(Some((auth, headers)), |state| async move {
        let (auth, headers) = state?;
        #[allow(clippy::disallowed_methods)] // The server's clock is tokio's.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let good = is_good(&auth, &headers);
        let event = if good { "data: tick\n\n" } else { "data: expired\n\n" };
        Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from(event))), good.then_some((auth, headers))))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(StreamBody::new(events))).into_response()
}
