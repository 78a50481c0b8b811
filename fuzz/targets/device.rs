//! Answers of device authorization endpoints: a status, a line break, the body. A body that is no
//! object is two numbers, each on a line: what `expires_in` and `interval` are in an answer that is
//! good otherwise.
#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tokenflight_oauth2::{
    TokenEndpoint,
    login::{DeviceLogin, LoginError},
};

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let status = std::str::from_utf8(&bytes[..end]).ok().and_then(|status| status.parse().ok());
    let Some(status) = status.and_then(|status: u16| StatusCode::from_u16(status).ok()) else { return };
    let rest = &bytes[end + 1..];
    let numbers = std::str::from_utf8(rest).ok().filter(|text| !text.starts_with('{')).and_then(|text| text.split_once('\n'));
    let body = match numbers {
        None => Bytes::copy_from_slice(rest),
        Some((expires, interval)) => Bytes::from(format!(
            r#"{{"device_code":"d","user_code":"u","verification_uri":"https://as.example/d","expires_in":{expires},"interval":{interval}}}"#
        )),
    };
    let says = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::from(body.clone()));
        *response.status_mut() = status;
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let Ok(endpoint) = TokenEndpoint::new("https://as.example/token", says) else { return };
    match futures_executor::block_on(DeviceLogin::start(&endpoint, "https://as.example/device", None)) {
        Ok(login) => {
            assert!(status.is_success());
            assert!(!login.user_code().is_empty() && !login.verification_uri().is_empty());
            assert!(login.verification_uri_complete().is_none_or(|uri| !uri.is_empty()));
            let _ = (login.expires_in(), format!("{login:?}"));
        }
        Err(LoginError::Request(error)) => assert!(error.to_string().chars().count() <= 700),
        Err(LoginError::Malformed(_)) => assert!(status.is_success()),
        Err(error) => panic!("{error:?}"),
    }
});
