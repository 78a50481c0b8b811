//! One request at the port, and what it is answered.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use crate::login::{Callback, CodeLogin};

/// Where the browser is sent back to.
#[derive(Debug)]
pub(super) struct Place {
    /// Names that requests may be made to. Another one was pointed at this machine from outside
    /// (DNS rebinding).
    hosts: Vec<String>,
    path: String,
}

// Whether it is a yes, the program finds out.
const DONE: &str = "Your answer has arrived. You can close this page.\n";
const NOT_THIS: &str = "This is not the login that is being waited for.\n";
const WRONG_HOST: &str = "This port answers to its own name only.\n";

type Answer = (Response<Full<Bytes>>, Option<Callback>);

impl Place {
    pub(super) fn new(address: SocketAddr, host: Option<&str>, path: String) -> Self {
        let port = address.port();
        let named = host.map_or_else(|| address.to_string(), |host| format!("{host}:{port}"));
        Self { hosts: vec![named, address.to_string(), format!("localhost:{port}")], path }
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://{}{}", self.hosts[0], self.path)
    }

    pub(super) fn answer<B>(&self, request: &Request<B>, login: &CodeLogin) -> Answer {
        let host =
            text(request.headers(), header::HOST).or_else(|| request.uri().authority().map(|host| host.as_str()));
        if !host.is_some_and(|host| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
            return (page(StatusCode::MISDIRECTED_REQUEST, WRONG_HOST), None);
        }
        match *request.method() {
            Method::OPTIONS => (preflight(request.headers()), None),
            Method::GET if request.uri().path() == self.path => callback(request, login),
            Method::GET => (page(StatusCode::NOT_FOUND, NOT_THIS), None),
            _ => (page(StatusCode::METHOD_NOT_ALLOWED, NOT_THIS), None),
        }
    }
}

fn callback<B>(request: &Request<B>, login: &CodeLogin) -> Answer {
    let callback = Callback::parse(&format!("?{}", request.uri().query().unwrap_or_default()));
    let stateless = callback.get("state").is_none() && is_navigation(request.headers());
    match callback.denial() {
        Some(denial) if stateless || login.expects(&callback) => {
            let text = format!("The login was refused: {denial}. You can close this page.\n");
            (page(StatusCode::OK, &text), Some(callback))
        }
        None if login.expects(&callback) => (page(StatusCode::OK, DONE), Some(callback)),
        _ => (page(StatusCode::NOT_FOUND, NOT_THIS), None),
    }
}

/// Whether a user went there, not a script of another page behind the user's back: browsers say so.
fn is_navigation(headers: &HeaderMap) -> bool {
    text(headers, HeaderName::from_static("sec-fetch-mode")).is_none_or(|mode| mode == "navigate")
}

/// A browser asks whether a page of the outside may send the user to this machine (Private Network
/// Access). What it may read is a page without secrets.
fn preflight(asked: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = page(StatusCode::NO_CONTENT, "");
    let headers = response.headers_mut();
    if let Some(origin) = asked.get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
    let private = HeaderName::from_static("access-control-allow-private-network");
    headers.insert(private, HeaderValue::from_static("true"));
    response
}

fn page(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address holds the code.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
