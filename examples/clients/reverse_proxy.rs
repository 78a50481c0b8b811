//! A sidecar that adds tokens for programs in any language: they speak plain http to loopback, it
//! speaks to the API. `cargo run --example reverse_proxy`, then `curl http://127.0.0.1:PORT/me`.
//! Bodies stream through, recorded up to 64 KiB; a longer one is sent once, its 401 handed on.

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{
    HeaderMap, StatusCode, Uri,
    header::{self, HeaderName},
    uri::{Authority, Scheme},
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins, Session};
use tokenflight_example_clients::Fixture;
use tower::{Service, ServiceBuilder, ServiceExt};

/// What is of a connection and is not handed on, beside what `Connection` names (RFC 9110 §7.6.1).
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(crate) fn proxy(session: Session, api: &str) -> Result<Router, BoxError> {
    let origins = Origins::with_plain_loopback([api])?;
    let upstream: Authority = api.parse::<Uri>()?.authority().cloned().ok_or("no upstream")?;
    let client = ServiceBuilder::new()
        .layer(BearerLayer::new(session, origins).replay_with(Body::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    Ok(Router::new().fallback(move |request: Request| forward(client.clone(), upstream.clone(), request)))
}

async fn forward<S, R>(client: S, upstream: Authority, request: Request) -> Result<Response, StatusCode>
where
    S: Service<Request, Response = http::Response<R>, Error = BoxError>,
    R: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (mut head, body) = request.into_parts();
    if !is_local(&head.headers) {
        return Err(StatusCode::FORBIDDEN);
    }
    let mut uri = head.uri.into_parts();
    (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(upstream));
    head.uri = Uri::from_parts(uri).map_err(|_| StatusCode::BAD_REQUEST)?;
    drop_hop_by_hop(&mut head.headers);
    head.headers.remove(header::HOST);
    // Connection details and handles of this side are not the other side's.
    head.extensions.clear();
    let answer = client.oneshot(Request::from_parts(head, body)).await;
    // Without a token, or without the API, there is nothing to hand on.
    let mut answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    drop_hop_by_hop(answer.headers_mut());
    Ok(answer.map(Body::new))
}

/// Whether a program on this machine asks, and not a page in its browser: any page may send
/// requests to loopback, and one whose name resolves to it (DNS rebinding) may read the answers.
/// The token is the user's, so both are turned away.
fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(_), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(Ok(host)) = text(header::HOST).map(str::parse::<Authority>) else { return false };
    let itself = matches!(host.host(), "localhost" | "127.0.0.1" | "[::1]") && !host.as_str().contains('@');
    let same = text(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    let site = text(HeaderName::from_static("sec-fetch-site"));
    itself && same && site.is_none_or(|site| matches!(site, "same-origin" | "none"))
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::start().await?;
    let served = tokenflight_example_clients::serve(proxy(fixture.session(), fixture.url())?).await?;
    println!("curl {}/me", served.url);
    tokio::signal::ctrl_c().await?;
    Ok(())
}
