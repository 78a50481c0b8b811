//! Any URI and `Host` headers: wherever the token is attached, another reading of the rule agrees.

#![no_main]

#[path = "../../crates/tokenflight/tests/layer/oracle.rs"]
mod oracle;

use std::{convert::Infallible, future::ready, sync::LazyLock};

use futures_executor::block_on;
use http::{HeaderValue, Request, Response, Uri, header};
use libfuzzer_sys::fuzz_target;
use oracle::normalised;
use tokenflight::{BearerLayer, Origins, Session, TokenSet};
use tokenflight_test::{ManualTime, MockGrant};
use tower::{Layer, ServiceExt, service_fn};

const LISTED: [&str; 4] =
    ["https://api.example.com", "https://api.example.com:8443", "https://[2001:db8::1]", "http://127.0.0.1:8080"];

static LAYER: LazyLock<BearerLayer> = LazyLock::new(|| {
    let session = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build().expect("a session");
    block_on(session.login(TokenSet::new("access").refresh_token("refresh"))).expect("a login");
    BearerLayer::new(session, Origins::with_plain_loopback(LISTED).expect("origins"))
});

/// Whether a request came with the token.
#[derive(Clone)]
struct Attached(bool);

/// What a listed origin and this one have in common, if anything.
fn listed(scheme: &str, authority: &str) -> Option<(bool, String, u16)> {
    let found = normalised(scheme, authority)?;
    let same = |origin: &str| {
        origin.split_once("://").and_then(|(scheme, authority)| normalised(scheme, authority)).as_ref() == Some(&found)
    };
    LISTED.iter().any(|origin| same(origin)).then_some(found)
}

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Some(Ok(uri)) = lines.next().map(Uri::try_from) else { return };
    let mut request = Request::new(String::new());
    *request.uri_mut() = uri.clone();
    for line in lines {
        if let Ok(host) = HeaderValue::from_bytes(line) {
            request.headers_mut().append(header::HOST, host);
        }
    }
    let hosts: Vec<_> = request.headers().get_all(header::HOST).iter().cloned().collect();
    let client = LAYER.layer(service_fn(|request: Request<String>| {
        let attached = request.headers().contains_key(header::AUTHORIZATION);
        let mut response = Response::new(String::new());
        response.extensions_mut().insert(Attached(attached));
        ready(Ok::<_, Infallible>(response))
    }));
    let answer = block_on(client.oneshot(request)).expect("an answer");
    if !answer.extensions().get::<Attached>().is_some_and(|attached| attached.0) {
        return;
    }
    let host = |value: &HeaderValue, scheme: &str| value.to_str().ok().and_then(|host| listed(scheme, host));
    match uri.authority() {
        Some(authority) => {
            let scheme = uri.scheme_str().expect("attached without a scheme");
            let target = listed(scheme, authority.as_str());
            assert!(target.is_some(), "attached to {uri}");
            assert!(hosts.iter().all(|value| host(value, scheme) == target), "attached to {uri} with {hosts:?}");
        }
        // Where it goes is not known.
        None => panic!("attached to {uri} with {hosts:?}"),
    }
});
