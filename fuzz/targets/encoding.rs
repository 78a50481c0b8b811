//! Compressed token responses: the content codings, a line break, the body.
#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tokenflight_core::{
    FailureClass, Grant, RefreshToken,
    grant::{Reason, TokenRequest},
};
use tokenflight_oauth2::TokenEndpoint;

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(coding) = HeaderValue::from_bytes(&bytes[..end]) else { return };
    let body = Bytes::copy_from_slice(&bytes[end + 1..]);
    let says = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::from(body.clone()));
        response.headers_mut().insert(header::CONTENT_ENCODING, coding.clone());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let Ok(endpoint) = TokenEndpoint::new("https://as.example/token", says) else { return };
    let request = TokenRequest::new(Some(RefreshToken::new("presented")), Reason::Due);
    match futures_executor::block_on(endpoint.refresh_token().request(&request)) {
        Ok(set) => assert!(!set.access().expose().is_empty() && set.access().expose().len() <= 256 * 1024),
        // The answer came, so the request was sent.
        Err(error) => assert_ne!(error.class(), FailureClass::NotSent, "{error:?}"),
    }
});
