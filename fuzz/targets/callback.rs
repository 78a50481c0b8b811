//! Callbacks of browser logins, and stored logins: the text that came back, or what a user pasted.
#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tokenflight_core::Secret;
use tokenflight_oauth2::{
    ClientAuth, TokenEndpoint,
    login::{Callback, CodeLogin, LoginError},
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let never = tower::service_fn(|_: Request<Full<Bytes>>| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let Ok(endpoint) = TokenEndpoint::new("https://as.example/token", never) else { return };
    let endpoint = endpoint.client(ClientAuth::public("me"));
    let Ok(login) = CodeLogin::start(&endpoint, "https://as.example/authorize", "http://127.0.0.1/callback", None) else {
        return;
    };
    let callback = Callback::parse(text);
    if let Some(denial) = callback.denial() {
        assert!(denial.to_string().chars().count() <= 515 && !denial.to_string().chars().any(char::is_control));
    }
    // The state is not known to the fuzzer: nothing is ever exchanged.
    assert!(!login.expects(&callback));
    match futures_executor::block_on(login.finish(callback)) {
        Err(LoginError::Denied(_) | LoginError::Malformed(_)) => {}
        other => panic!("{other:?}"),
    }
    let _ = CodeLogin::resume(&endpoint, &Secret::new(text));
});
