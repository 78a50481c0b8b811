//! What a token endpoint's answer means: the table of R-201 … R-232 as one pure function.
//!
//! ```
//! use http::{HeaderMap, StatusCode};
//! use tokenflight_core::FailureClass;
//! use tokenflight_oauth2::{answer::{Answer, Verdict, judge}, provider};
//!
//! let headers = HeaderMap::new();
//! let ended = Ok(r#"{"error":"invalid_grant"}"#.into());
//! let ended = Answer::new(StatusCode::BAD_REQUEST, &headers, &ended);
//! let Verdict::Failed(error) = judge(&ended, provider::UNKNOWN) else { panic!() };
//! assert_eq!(error.class(), FailureClass::Terminal);
//!
//! // An expired client secret must not end anybody's session.
//! let client = Ok(r#"{"error":"invalid_client"}"#.into());
//! let client = Answer::new(StatusCode::UNAUTHORIZED, &headers, &client);
//! let Verdict::Failed(error) = judge(&client, provider::UNKNOWN) else { panic!() };
//! assert_eq!(error.class(), FailureClass::Config);
//! ```

mod code;
mod members;
mod retry_after;
mod tokens;

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokenflight_core::{FailureClass, GrantError, TokenSet};

use self::{code::Fault, members::Members};
use crate::{BoxError, endpoint::Broken, provider::Provider};

/// One HTTP response of a token endpoint, with its body or the reason why that did not arrive whole.
pub struct Answer<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a Result<Bytes, BoxError>,
}

impl<'a> Answer<'a> {
    /// A response.
    #[must_use]
    pub const fn new(status: StatusCode, headers: &'a HeaderMap, body: &'a Result<Bytes, BoxError>) -> Self {
        Self { status, headers, body }
    }
}

impl fmt::Debug for Answer<'_> {
    /// Without headers and body, which hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What an answer means.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Tokens. Whether the access token may be used is judged at adoption (R-104, R-108).
    Tokens(TokenSet),
    /// A failure with its class.
    Failed(GrantError),
    /// A success that is none: no tokens and no error. Ambiguous once; three in a row are a wrong set-up (T-25, T-26).
    Odd(GrantError),
}

/// How long to leave an endpoint alone that is not where it should be (T-51).
const LONG: Duration = Duration::from_secs(60);

/// Puts an answer into exactly one class (R-201).
#[must_use]
pub fn judge(answer: &Answer<'_>, provider: &Provider) -> Verdict {
    let status = answer.status;
    match status.as_u16() {
        200..=299 => success(answer, provider),
        // Never followed: the refresh token would travel along (R-142, T-44).
        300..=399 => Verdict::Failed(GrantError::config(Redirected::of(answer.headers))),
        429 => Verdict::Failed(waiting(told(answer, provider, FailureClass::Throttled), answer)),
        // The same token may be in use elsewhere at this moment, or the answer of the server behind the gateway is lost.
        408 | 409 | 423 | 500 | 502 | 504 => Verdict::Failed(told(answer, provider, FailureClass::Ambiguous)),
        503 => Verdict::Failed(waiting(told(answer, provider, FailureClass::Ambiguous), answer)),
        404 | 405 | 410 | 501 => Verdict::Failed(told(answer, provider, FailureClass::Config).retry_after(LONG)),
        407 | 413 | 414 | 431 | 511 => Verdict::Failed(told(answer, provider, FailureClass::Config)),
        400..=499 => Verdict::Failed(refusal(answer, provider)),
        // No code of RFC 9110. A server error proves nothing (T-59), and neither does what we do not understand.
        _ => Verdict::Failed(told(answer, provider, FailureClass::Ambiguous)),
    }
}

/// Why there is no answer at all.
pub(crate) fn broken(broken: Broken) -> GrantError {
    match broken {
        Broken::Unsent(error) | Broken::GivenBack(error) | Broken::Tls(error) => GrantError::not_sent(error),
        Broken::Proxy(error) => GrantError::config(error),
        Broken::Lost(error) => GrantError::ambiguous(error),
    }
}

fn success(answer: &Answer<'_>, provider: &Provider) -> Verdict {
    let body = match answer.body {
        Ok(body) => body,
        // The rotation has happened; the refresh token is very likely spent (T-09, R-217).
        Err(error) => return Verdict::Failed(GrantError::ambiguous(error.to_string())),
    };
    let Some(members) = Members::read(body, answer.headers, provider) else {
        return Verdict::Odd(GrantError::ambiguous(NoTokens("the answer is neither JSON nor an allowed form")));
    };
    // The body wins over the status (T-24).
    if let Some(fault) = Fault::find(&members, provider) {
        return Verdict::Failed(waiting(fault.into_error(), answer));
    }
    tokens::read(&members, provider)
}

/// A 4xx that may carry a code.
fn refusal(answer: &Answer<'_>, provider: &Provider) -> GrantError {
    match fault(answer, provider) {
        Some(fault) => waiting(fault.into_error(), answer),
        // A gateway, a firewall, a proxy: no word of the authorization server (T-48, T-49, T-50).
        None => GrantError::config(Status(answer.status)),
    }
}

/// An error whose class the status alone decides; what the body says is told all the same.
fn told(answer: &Answer<'_>, provider: &Provider, class: FailureClass) -> GrantError {
    let error = GrantError::new(class).source(Status(answer.status));
    match fault(answer, provider) {
        Some(fault) => fault.describe(error),
        None => error,
    }
}

fn fault(answer: &Answer<'_>, provider: &Provider) -> Option<Fault> {
    let body = answer.body.as_ref().ok()?;
    Fault::find(&Members::read(body, answer.headers, provider)?, provider)
}

/// Adds the time the server named.
fn waiting(error: GrantError, answer: &Answer<'_>) -> GrantError {
    match retry_after::read(answer.headers) {
        Some(after) => error.retry_after(after),
        None => error,
    }
}

/// An error response, by its status.
#[derive(Debug)]
struct Status(StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token endpoint answered {}", self.0.as_u16())
    }
}

impl std::error::Error for Status {}

#[derive(Debug)]
struct NoTokens(&'static str);

impl fmt::Display for NoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoTokens {}

/// A redirect, by the host alone: the rest of the address may hold secrets.
#[derive(Debug)]
struct Redirected(Option<String>);

impl Redirected {
    fn of(headers: &HeaderMap) -> Self {
        let target = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let uri = target.and_then(|target| target.parse::<http::Uri>().ok());
        /// A host name is not longer than this (RFC 1035 §2.3.4).
        const MOST: usize = 255;
        Self(uri.and_then(|uri| uri.host().filter(|host| host.len() <= MOST).map(str::to_owned)))
    }
}

impl fmt::Display for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(host) => write!(f, "the token endpoint redirects to {host}, which is never followed"),
            None => f.write_str("the token endpoint redirects, which is never followed"),
        }
    }
}

impl std::error::Error for Redirected {}
