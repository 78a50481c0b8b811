//! A sidecar that adds tokens for programs in any language: they speak plain http to loopback, it speaks to the API.
//! `cargo run --example reverse_proxy`, then `curl http://127.0.0.1:PORT/me`.
//! Request bodies stream through and are recorded up to 64 KiB; a longer one is sent once, and its 401 handed on.

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{StatusCode, Uri, header, uri::Authority};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::World;
use tower::{Service, ServiceBuilder, ServiceExt};

/// What belongs to one connection and is not handed on (RFC 9110 §7.6.1), and whose `Host` this is.
const HOP: [header::HeaderName; 6] =
    [header::CONNECTION, header::HOST, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

pub(crate) fn proxy(world: &World) -> Result<Router, BoxError> {
    let origins = Origins::with_plain_loopback([world.url()])?;
    let upstream: Authority = world.url().parse::<Uri>()?.authority().cloned().ok_or("no upstream")?;
    let client = ServiceBuilder::new()
        .layer(BearerLayer::new(world.session.clone(), origins).replay_with(Body::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    Ok(Router::new().fallback(move |request: Request| forward(client.clone(), upstream.clone(), request)))
}

async fn forward<S, R>(client: S, upstream: Authority, request: Request) -> Result<Response, StatusCode>
where
    S: Service<Request, Response = http::Response<R>, Error = BoxError>,
    R: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    (uri.scheme, uri.authority) = (Some(http::uri::Scheme::HTTP), Some(upstream));
    head.uri = Uri::from_parts(uri).map_err(|_| StatusCode::BAD_REQUEST)?;
    HOP.iter().for_each(|name| drop(head.headers.remove(name)));
    // Connection details and handles of this side are not the other side's.
    head.extensions.clear();
    let answer = client.oneshot(Request::from_parts(head, body)).await;
    // Without a token, or without the API, there is nothing to hand on.
    let mut answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    HOP.iter().for_each(|name| drop(answer.headers_mut().remove(name)));
    // A refusal's body may be shorter than announced: it was let go before the token was renewed.
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(answer.map(Body::new))
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let world = World::start().await?;
    let served = tokenflight_example_clients::serve(proxy(&world)?).await?;
    println!("curl {}/me", served.url);
    tokio::signal::ctrl_c().await?;
    Ok(())
}
