//! The authorization server over a socket.

use std::{io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    Answer, AuthServer,
    exchange::{Ended, Presented},
};
use crate::net::{self, Cut, Reply, Served};

/// The longest form a client may send.
const FORM: usize = 64 * 1024;

impl AuthServer {
    /// Serves the token endpoint `POST /token` and the revocation endpoint `POST /revoke`
    /// (RFC 7009) over HTTP/1.1 on a free loopback port.
    ///
    /// Latency and delays are sleeps of the server's `Time`; a `ManualTime` must be moved by the
    /// test. Faults happen on the socket: a cut really closes the connection.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn serve(&self) -> io::Result<Served> {
        let server = self.clone();
        net::serve(move |request| {
            let server = server.clone();
            async move { server.handle(request).await }
        })
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Reply>, Cut> {
        let (request, body) = request.into_parts();
        let path = request.uri.path();
        if !matches!(path, "/token" | "/revoke") {
            return Ok(plain(StatusCode::NOT_FOUND));
        }
        if request.method != Method::POST {
            return Ok(plain(StatusCode::METHOD_NOT_ALLOWED));
        }
        let basic = request.headers.get(header::AUTHORIZATION).and_then(basic);
        let Ok(form) = Limited::new(body, FORM).collect().await else {
            return Ok(plain(StatusCode::BAD_REQUEST));
        };
        let form = Form::read(&form.to_bytes());
        let (id, secret) = basic.map_or((form.client_id, form.client_secret), |(id, secret)| (Some(id), Some(secret)));
        let client = match self.book().authenticate(id.as_deref(), secret.as_deref()) {
            Ok(client) => client,
            Err(answer) => return Ok(respond(&answer, Reply::Whole(body_of(&answer)))),
        };
        if path == "/revoke" {
            form.token.as_deref().map(|token| self.revoke_refresh(token) || self.revoke_access(token));
            return Ok(plain(StatusCode::OK));
        }
        match (form.grant_type.as_deref(), form.refresh_token) {
            (Some("refresh_token"), Some(token)) => {
                let plan = self.plan();
                let presented = Presented { token: &token, client: client.as_deref(), headers: &request.headers };
                match self.exchange(presented, plan).await {
                    Ended::Answered(answer) => Ok(respond(&answer, Reply::Whole(body_of(&answer)))),
                    Ended::Truncated(answer) => Ok(respond(&answer, Reply::half(answer.body()))),
                    Ended::Cut => Err(Cut),
                }
            }
            (Some("refresh_token"), None) => Ok(refuse("invalid_request", "no refresh_token")),
            _ => Ok(refuse("unsupported_grant_type", "only refresh_token is spoken here")),
        }
    }
}

/// The fields of a request that matter here.
#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    refresh_token: Option<String>,
    token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Name and secret of HTTP Basic, each form-encoded (RFC 6749 §2.3.1).
fn basic(value: &header::HeaderValue) -> Option<(String, String)> {
    let pair = STANDARD.decode(value.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decode =
        |text: &str| form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(text, _)| text.into());
    Some((decode(id), decode(secret)))
}

impl Form {
    fn read(bytes: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(bytes) {
            let field = match &*name {
                "grant_type" => &mut form.grant_type,
                "refresh_token" => &mut form.refresh_token,
                "token" => &mut form.token,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                _ => continue,
            };
            *field = Some(value.into_owned());
        }
        form
    }
}

fn body_of(answer: &Answer) -> Bytes {
    Bytes::copy_from_slice(answer.body().as_bytes())
}

fn refuse(code: &str, description: &str) -> Response<Reply> {
    let answer = Answer::refusal(code, description);
    respond(&answer, Reply::Whole(body_of(&answer)))
}

fn plain(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn respond(answer: &Answer, reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let kind = if answer.body().starts_with('{') { "application/json" } else { "text/html" };
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    // RFC 6749 §5.1: no cache on the way may keep tokens.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if let Some(after) = answer.retry_after() {
        headers.insert(header::RETRY_AFTER, whole_seconds(after).into());
    }
    response
}

/// `Retry-After` speaks whole seconds; too late is better than too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
